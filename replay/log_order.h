#ifndef REPLAY_LOG_ORDER_H
#define REPLAY_LOG_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "reelrank/v1/decision.pb-c.h"
#include "replay/import.h"

/*
 * Files of any format that can be imported, packed or not, as events in the order of their times.
 * Lines wait until `reorder` later ones were read, and of those that wait the oldest is told; or,
 * where the files are in no such order, all are sorted first (event_sort.h). The same files give
 * the same events in the same order each time.
 */
struct log_event {
    int64_t time_ms; /* of a signal or decision its own; else that of the line before */
    uint64_t line;
    struct event event; /* unless decision is set */
    uint32_t fields;    /* of an EVENT_VIDEO: what it speaks of (overlay.h); 0: all */
    /* Checked (decision_check.h); lives for the call. NULL: an event. */
    const Reelrank__V1__Decision *decision;
    /* Of impressions, for making requests of them; else empty. They live for the call. */
    const char *user_id;
    const char *video_id;
    const char *ranking_id;
    const char *locale;
    uint32_t position;
};

/* Read one after the other: a catalogue before the log that needs it. */
struct log_input {
    FILE *file;       /* borrowed; read from where it stands */
    const char *name; /* for messages and hints, as import_options has it; or NULL */
    enum import_format format;
};

struct log_order_options {
    const struct log_input *inputs;
    size_t input_count;
    Reelrank__V1__SafetyRating assume_safety; /* as in import_options */
    bool decisions;                           /* likewise */
    bool sort;                                /* all of it, rather than within reorder lines */
    size_t reorder;
    /* Any return but STATUS_OK ends the reading with it. */
    enum status (*event)(void *context, const struct log_event *event);
    /* A line that means nothing or breaks the contract; may be NULL. */
    void (*reject)(void *context, const char *name, uint64_t line, const char *reason);
    /* Bytes of the files read so far, packed as they are; may be NULL. */
    void (*progress)(void *context, uint64_t bytes);
    void *context;
};

struct log_order_counts {
    uint64_t events;   /* and decisions that were told */
    uint64_t rejected; /* lines that mean nothing or break the contract */
    uint64_t late;     /* events of a time before one that was told already */
};

/* Status as of import_read() and unpack_open(), of event(), and STATUS_NO_MEMORY. */
MUST_USE enum status log_order_read(const struct log_order_options *options,
                                    struct log_order_counts *counts, struct problem *problem);

#endif
