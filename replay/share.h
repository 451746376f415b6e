#ifndef REPLAY_SHARE_H
#define REPLAY_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One of `count` parts of the users, `number` from 1, for a log that several machines replay: each
 * user is in one part, whole.
 */
struct share {
    uint32_t number; /* 1 to count */
    uint32_t count;  /* 1: all users */
};

enum { SHARES_MAX = 1024 };

/* "2/8". False, leaving *out alone, for any other text, or numbers out of range. */
bool share_parse(const char *text, struct share *out);

/* Whether the user's key, not 0, is in the part. */
bool share_has(struct share share, uint64_t user_key);

#endif
