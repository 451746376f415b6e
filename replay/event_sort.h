#ifndef REPLAY_EVENT_SORT_H
#define REPLAY_EVENT_SORT_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Sorts any number of records by time in bounded memory: runs of EVENT_SORT_BYTES, sorted in
 * memory, go to unnamed temporary files (in $TMPDIR, or /tmp) and are merged (Knuth, The Art of
 * Computer Programming, vol. 3, 5.4). Records of one time keep the order in which they were added.
 */
struct event_sort;

enum { EVENT_SORT_BYTES = 64 << 20, EVENT_SORT_RUNS = 128 };

/* A record; the bytes are borrowed. */
struct sorted_record {
    int64_t time_ms;
    const uint8_t *bytes;
    size_t size; /* at most EVENT_SORT_RECORD_BYTES */
};

enum { EVENT_SORT_RECORD_BYTES = 4 << 20 };

/* run_bytes is EVENT_SORT_BYTES but in tests. NULL when memory is short. */
struct event_sort *event_sort_new(size_t run_bytes);
void event_sort_free(struct event_sort *sort);

/* STATUS_NO_MEMORY; STATUS_IO, with problem: a temporary file cannot be written. */
MUST_USE enum status event_sort_add(struct event_sort *sort, const struct sorted_record *record,
                                    struct problem *problem);

/* After the last one, once, before the first event_sort_next(). Status as event_sort_add(). */
MUST_USE enum status event_sort_finish(struct event_sort *sort, struct problem *problem);

/*
 * The next record in the order of times, until the next call. STATUS_NOT_FOUND after the last one;
 * STATUS_IO, with problem, when a temporary file cannot be read.
 */
MUST_USE enum status event_sort_next(struct event_sort *sort, struct sorted_record *out,
                                     struct problem *problem);

#endif
