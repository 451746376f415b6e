#ifndef REPLAY_LOG_ORDER_H
#define REPLAY_LOG_ORDER_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/limits.h"
#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"

/*
 * A log in JSON Lines as events in the order of their times: lines wait until `reorder` later ones
 * were read, and of those that wait the oldest is told. The same file gives the same events in the
 * same order each time.
 */
struct log_event {
    int64_t time_ms; /* of a signal its own; else that of the line before */
    uint64_t line;
    struct event event;
    /* Of impressions, for making requests of them; else empty. */
    char user_id[LIMIT_ID_BYTES + 1];
    char video_id[LIMIT_ID_BYTES + 1];
    char ranking_id[LIMIT_SHORT_BYTES + 1];
    char locale[LIMIT_LOCALE_BYTES + 1];
    uint32_t position;
};

struct log_order_options {
    FILE *file;
    size_t reorder;
    /* Any return but STATUS_OK ends the reading with it. */
    enum status (*event)(void *context, const struct log_event *event);
    void (*progress)(void *context, uint64_t bytes); /* read so far; may be NULL */
    void *context;
};

struct log_order_counts {
    uint64_t events;
    uint64_t rejected; /* lines that mean nothing or break the contract */
    uint64_t late;     /* events of a time before one that was told already */
};

/* Status as of import_read(), of event(), and STATUS_NO_MEMORY. */
MUST_USE enum status log_order_read(const struct log_order_options *options,
                                    struct log_order_counts *counts, struct problem *problem);

#endif
