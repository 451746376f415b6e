#ifndef REPLAY_OUTCOME_H
#define REPLAY_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/signal.h"
#include "ranker/status.h"
#include "ranker/watch.h"

/*
 * What became of one video of a ranking: all its signals added up. Labels of watch time follow
 * ranker/signal.h, which is KuaiRand's definitions.
 */
struct outcome {
    uint32_t flags;       /* 1 << enum outcome_flag */
    uint32_t watch_ms;    /* the longest view */
    uint32_t duration_ms; /* of the video; 0: unknown */
};

enum outcome_flag {
    OUTCOME_SHOWN, /* any signal at all tells that the user had it on screen */
    OUTCOME_PLAY,
    OUTCOME_VALID_PLAY,
    OUTCOME_LONG_VIEW,
    OUTCOME_COMPLETE,
    OUTCOME_LIKE,
    OUTCOME_SHARE,
    OUTCOME_COMMENT,
    OUTCOME_FOLLOW,
    OUTCOME_SKIP,
    OUTCOME_NOT_INTERESTED,
    OUTCOME_REPORT,
    OUTCOME_FLAG_COUNT
};

/*
 * Adds a signal of the video by the ranking's user. duration_ms is the catalogue's, which counts
 * where the signal does not say; 0: unknown.
 */
void outcome_add(struct outcome *outcome, const struct signal *signal, int64_t duration_ms);

/*
 * Says how long the video is where no signal did: labels are then as if all had said it. 0: still
 * unknown.
 */
void outcome_know_duration(struct outcome *outcome, int64_t duration_ms);

static inline bool outcome_has(const struct outcome *outcome, enum outcome_flag flag)
{
    return (outcome->flags & 1U << flag) != 0;
}

/*
 * Labels: what makes a video relevant, or what a reward is. All are 1 or 0, but for
 * LABEL_WATCH_SECONDS.
 */
enum label {
    LABEL_PLAY,
    LABEL_VALID_PLAY,
    LABEL_LONG_VIEW,
    LABEL_COMPLETE,
    LABEL_LIKE,
    LABEL_SHARE,
    LABEL_COMMENT,
    LABEL_FOLLOW,
    LABEL_SKIP,
    LABEL_NOT_INTERESTED,
    LABEL_REPORT,
    LABEL_WATCH_SECONDS,
    LABEL_COUNT
};

/* As options name them: "long_view". */
const char *label_name(enum label label);

/* STATUS_NOT_FOUND: problem lists the names. */
MUST_USE enum status label_find(const char *name, enum label *out, struct problem *problem);

/* Whether it is good to have more of it. */
bool label_is_good(enum label label);

/* 0 without any signal. */
double outcome_value(const struct outcome *outcome, enum label label);

/* Fewer views than this say too little of how long videos of a length are watched. */
enum { OUTCOME_VIEWS_MINIMUM = 100 };

/* The views of videos of like length in the region, or in all where it has too few. */
const struct watch_histogram *outcome_views(const struct outcome *outcome,
                                            const struct watch *watch, uint16_t region);

/* The quantile of the longest view among those; 0 for a video that was not watched. */
double outcome_watch_quantile(const struct outcome *outcome, const struct watch *watch,
                              uint16_t region);

#endif
