#ifndef SERVER_RECENT_H
#define SERVER_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/text.h"

/*
 * Answers of the last minute, so that a retried request gets the same one byte for byte although
 * the state has moved on. A ring of fixed size: the oldest makes room, whatever its age, so beyond
 * RECENT_ANSWERS_MAX answers a minute a retry may be too late.
 *
 * Any thread may call; a lock is held for the copying of one answer.
 */
struct recent;

enum {
    RECENT_ANSWERS_MAX = 1024,
    RECENT_ANSWER_BYTES_MAX = 65536, /* longer answers are not kept */
    RECENT_LIFE_MS = 60000
};

/* NULL when memory is short. */
struct recent *recent_new(void);
void recent_free(struct recent *recent);

/* Copies the answer to the same request bytes into arena; false when there is none, or no room. */
bool recent_find(struct recent *recent, struct text request, int64_t now_ms, struct arena *arena,
                 struct text *answer);

/* Remembers an answer. Without memory it is not remembered, which a retry survives. */
void recent_add(struct recent *recent, struct text request, int64_t now_ms, struct text answer);

#endif
