#ifndef REPLAY_FEED_H
#define REPLAY_FEED_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "replay/log_order.h"
#include "replay/past_weights.h"
#include "replay/timeline.h"

/*
 * Where a timeline's events come from: the data directory of a stopped server, whose log and
 * journal are read side by side, or files in any format that can be imported.
 */
struct feed;

enum { FEED_REORDER = 8192 /* lines of a file that is in the order of its times, nearly */ };

struct feed_options {
    /* A directory, or else files. */
    const char *data;
    size_t map_bytes; /* as in struct log_options */
    const struct log_input *inputs;
    size_t input_count;
    Reelrank__V1__SafetyRating assume_safety;
    bool sort;      /* files: sort them, whatever their order */
    bool decisions; /* to be told of */
    /* How far it is, of feed_total(); may be NULL. */
    void (*progress)(void *context, uint64_t done);
    /* A line of a file, or a decision, that is passed over; may be NULL. line 0: none to name. */
    void (*reject)(void *context, const char *name, uint64_t line, const char *reason);
    void *context;
};

struct feed_counts {
    uint64_t rejected; /* lines that mean nothing; damaged decisions */
    uint64_t late;     /* events, or decisions, that came after what they should come before */
    /* Of a directory: */
    uint64_t base;        /* record of the snapshot it began with; 0: nothing */
    uint64_t before_base; /* decisions made with a state from before that */
    uint64_t behind_log;  /* decisions made with a state that the log has not reached */
};

/*
 * options are copied, what they point to is borrowed. Status as derive_open() and
 * decision_order_new().
 */
MUST_USE enum status feed_open(const struct feed_options *options, struct feed **out,
                               struct problem *problem);
void feed_close(struct feed *feed);

/* The state that the events go on from; the caller's. NULL when memory is short. Once. */
struct state *feed_take_state(struct feed *feed);

/* Records of the log; 0 for files, of which the caller knows the sizes. */
uint64_t feed_total(const struct feed *feed);

/* Of a directory: for what else it holds, such as weights; NULL for files. */
struct log *feed_log(struct feed *feed);

/* Tells the timeline of everything, to its end. Status as what it calls. */
MUST_USE enum status feed_run(struct feed *feed, struct timeline *timeline,
                              struct problem *problem);

const struct feed_counts *feed_counts(const struct feed *feed);

#endif
