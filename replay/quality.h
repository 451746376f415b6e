#ifndef REPLAY_QUALITY_H
#define REPLAY_QUALITY_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/weights.h"
#include "replay/panel.h"
#include "replay/truth.h"

/*
 * How good rankings are, beside orders that need no weights: on the simulator's truth, and on
 * KuaiRand's reactions. docs/evaluation.md has the protocols.
 */

enum {
    QUALITY_WEIGHTS_MAX = 16,
    QUALITY_K = 10,                /* of nDCG */
    QUALITY_NEW_USER_SIGNALS = 25, /* a user with fewer is new */
    QUALITY_NEW_VIDEO_VIEWS = 10   /* a video with fewer impressions is new */
};

struct quality_contenders {
    const struct weights *weights[QUALITY_WEIGHTS_MAX];
    const char *names[QUALITY_WEIGHTS_MAX];
    size_t count;  /* 1 to QUALITY_WEIGHTS_MAX */
    uint64_t seed; /* of random order and of samples */
    /* Of simulated worlds: what is wanted, and so the ideal's order. The gain of nDCG. */
    enum truth_value gain;
};

/* One panel's worth of measuring; its contenders are the weights, then the baselines. */
struct quality;

/*
 * contenders is borrowed until quality_free(); so are its weights and names. NULL when memory is
 * short.
 */
struct quality *quality_new(const struct quality_contenders *contenders);
void quality_free(struct quality *quality);
const struct panel *quality_panel(const struct quality *quality);

/* What a simulation wrote. The catalogue and the log may be one file: then log is NULL. */
struct quality_files {
    FILE *catalogue;
    FILE *log;
    FILE *truth;
};

/*
 * Ranks each of the truth's rankings on the state that the log leads to, and adds to the panel, by
 * user:
 *
 *   all                 nDCG@10 of the gain, such as the true utility
 *   new users, known users   the same for users with few signals, and for the others
 *   new videos          nDCG@10 of the order among the candidates that are new
 *   own language        nDCG@10 of the order among those spoken in the locale's language
 *   hi-IN, ...          nDCG@10 for users of the locale
 *   new among 10        share of new videos among the first 10
 *
 * Only candidates count that policy lets pass under all the weights. Users of several calls are
 * told apart by world. STATUS_INVALID: problem names the file and the line.
 */
MUST_USE enum status quality_add_simulated(struct quality *quality, uint64_t world,
                                           const struct quality_files *files,
                                           struct problem *problem);

/*
 * KuaiRand's log of likes and hates: the first 80 % as history, the last 20 % as test. Adds
 * "like against hate AUC" and "nDCG@10 of likes". STATUS_INVALID: problem names the line.
 */
struct quality_kuairand_counts {
    size_t users;     /* with a reaction in the test */
    size_t history;   /* reactions */
    size_t tested;    /* reactions */
    size_t known;     /* of those tested: to a video that history has seen */
    int64_t split_ms; /* when the test begins */
};
MUST_USE enum status quality_add_kuairand(struct quality *quality, FILE *file,
                                          struct quality_kuairand_counts *counts,
                                          struct problem *problem);

#endif
