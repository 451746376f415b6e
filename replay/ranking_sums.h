#ifndef REPLAY_RANKING_SUMS_H
#define REPLAY_RANKING_SUMS_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "replay/auc_groups.h"
#include "replay/contender.h"
#include "replay/exposure.h"
#include "replay/metric.h"
#include "replay/segments.h"
#include "replay/tally.h"

/*
 * What a log amounts to for a number of contenders: all that a report on rankings is made of. Sums
 * are exact and do not depend on any order, so those of parts of the users add up to those of all,
 * bit for bit.
 */
enum {
    RANKING_METRICS = METRIC_AUC, /* that are means over rankings: those before it */
    RANKING_LANGUAGES = 24        /* told apart; the others are one */
};

/* Counts of what was met; those of the whole log are the same in each part. */
struct ranking_counts {
    uint64_t found;           /* rankings of the whole log */
    uint64_t measured;        /* of the users of this part */
    uint64_t without_outcome; /* nothing, or one video alone, was seen of what was ranked */
    uint64_t sampled;         /* measured, with negatives drawn from the catalogue */
    uint64_t by_ranking_id;   /* signals joined, of this part */
    uint64_t by_window;
    uint64_t told_early; /* rankings, for want of memory */
};

struct ranking_sums {
    size_t contenders;
    size_t k;
    uint64_t seed; /* of intervals */
    struct segments *segments;
    uint16_t languages[RANKING_LANGUAGES]; /* as first met in candidates; 0: not known */
    size_t language_count;
    struct ranking_counts counts;
    struct tally *metrics;   /* columns: ranking_column(), and the last one 1 for each ranking */
    struct tally *exposures; /* columns: ranking_exposure_column() */
    struct exposure *spread;
    struct auc_groups *auc[CONTENDERS_MAX]; /* of contenders whose scores compare; or NULL */
};

/* The column of a metric's sum; that of its weight is the next. */
static inline size_t ranking_column(size_t contender, size_t metric)
{
    return (contender * RANKING_METRICS + metric) * 2;
}

static inline size_t ranking_columns(size_t contenders)
{
    return contenders * RANKING_METRICS * 2 + 1;
}

/* Of a contender's first k positions, each slate weighing 1: what goes to each language, ... */
enum {
    EXPOSED_ALL = RANKING_LANGUAGES + 1, /* ... 1 for each slate that has any, ... */
    EXPOSED_POSITIONS,                   /* ... how many of them there are, ... */
    EXPOSED_FORBIDDEN, /* ... and those that the first contender's policy forbids */
    EXPOSED_COLUMNS
};

static inline size_t ranking_exposure_column(size_t contender, size_t what)
{
    return contender * EXPOSED_COLUMNS + what;
}

/* with_auc has a 1 bit for each contender whose scores compare. STATUS_NO_MEMORY. */
MUST_USE enum status ranking_sums_new(size_t contenders, uint32_t with_auc, size_t k, uint64_t seed,
                                      struct ranking_sums **out);
void ranking_sums_free(struct ranking_sums *sums);

/* The language's place in the columns above, adding it if need be. */
size_t ranking_language(struct ranking_sums *sums, uint16_t language);

/*
 * Adds another part of the users of the same log. STATUS_INVALID, with problem: it is none.
 * STATUS_NO_MEMORY: some may have been added.
 */
MUST_USE enum status ranking_sums_merge(struct ranking_sums *into, const struct ranking_sums *from,
                                        struct problem *problem);

/*
 * As bytes of a file: "RRrank1" and a zero; then blocks, each with 8 bytes of its size before it,
 * lowest first: the head, exposure (exposure.h), and the scores of each contender that has them
 * (auc_groups.h); then metrics and exposures (tally.h). The head, numbers being varints
 * (numbers.h):
 *
 *   1 byte   version, 1
 *   varints  contenders; a bit for each that has scores; k
 *   8 bytes  seed
 *   varints  the counts, in their order above
 *   varints  number of languages, and each one
 *   varint   segments but the first; of each a byte of dimension, a varint of the size of its name,
 *            and the name
 *
 * STATUS_IO. ranking_sums_read(): STATUS_CORRUPT, STATUS_NO_MEMORY too.
 */
MUST_USE enum status ranking_sums_write(struct ranking_sums *sums, FILE *file);
MUST_USE enum status ranking_sums_read(FILE *file, struct ranking_sums **out,
                                       struct problem *problem);

#endif
