#ifndef REPLAY_PAST_WEIGHTS_H
#define REPLAY_PAST_WEIGHTS_H

#include "ranker/status.h"
#include "ranker/weights.h"
#include "store/log.h"

/*
 * The weights of a log's history (weights_history.h) by the version that decisions name, the last
 * 64 that were asked for the first time held parsed. One thread.
 */
struct past_weights;

/* The log is borrowed until past_weights_free(). STATUS_NO_MEMORY. */
MUST_USE enum status past_weights_new(struct log *log, struct past_weights **out);
void past_weights_free(struct past_weights *past);

/*
 * *out is borrowed until the next call (weights_ref() keeps it), and NULL where the history does
 * not have the version, or what it has is damaged or no longer parses. Where versions share a name,
 * the one that came into force last. STATUS_NO_MEMORY.
 */
MUST_USE enum status past_weights_find(struct past_weights *past, const char *version,
                                       struct weights **out);

#endif
