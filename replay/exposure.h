#ifndef REPLAY_EXPOSURE_H
#define REPLAY_EXPOSURE_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/limits.h"
#include "ranker/status.h"

/*
 * How contenders spread what users see over videos and creators, over the first k positions of
 * their slates.
 *
 * Exposure of position p is 1 / log2(1 + p), the discount of DCG, as a share of all exposure of its
 * slate (docs/diff.md, ranker/compare.h), of which only the first k positions are taken here. So
 * each slate with anything in it weighs 1.
 *
 *   coverage   share of the candidates that are in the first k of any slate
 *   Gini       coefficient of the candidates' exposure, those never shown having 0: 0 when all have
 *              the same, near 1 when few have all
 *   Lorenz     which share of the exposure the least exposed share of the candidates has
 *   creators   the same of the sums over a creator's videos, and the share of the exposure that the
 *              most exposed 1 % and 10 % of the creators have (rounded up: at least one)
 *
 * Candidates are the distinct videos told by exposure_candidates() or shown by any contender: the
 * same for all contenders, so that these can be compared. Tell those that policy lets pass; videos
 * that no contender may show would lower every coverage alike.
 *
 * Sums are whole numbers of 2^-32, rounded down once for each position of a slate, so parts add up
 * to exactly what the whole would have given, in any order.
 *
 * Memory is bounded: when there are more than a limit of distinct videos, only those whose hash
 * begins with a zero bit are kept, then with two, and so on; the same of creators by a hash of
 * theirs. Which are kept depends on the whole set alone, not on its order or parts, and each one's
 * exposure is complete, so figures are of a random sample of the videos, and say how large a share
 * it is. 8 bytes and 8 a contender for each video or creator, and 8 to 32 for the index.
 */
struct exposure;

enum {
    EXPOSURE_CONTENDERS_MAX = 24,
    EXPOSURE_LORENZ_STEPS = 50,
    EXPOSURE_KEPT_MAX = 10000000 /* what a command gives as the limit, and the largest one */
};

/* Slates of one contender at most, so that sums fit. */
#define EXPOSURE_SLATES_MAX UINT64_C(0xffffffff)

/* A video of a slate or of the candidates. */
struct exposure_video {
    uint64_t video_key;   /* not 0 */
    uint64_t creator_key; /* 0: unknown; counts for no creator */
};

/*
 * contenders from 1 to EXPOSURE_CONTENDERS_MAX; k from 1 to LIMIT_CANDIDATES; limit, of distinct
 * videos and again of creators, from 1 to EXPOSURE_KEPT_MAX. NULL when memory is short.
 */
struct exposure *exposure_new(size_t contenders, size_t k, size_t limit);
void exposure_free(struct exposure *exposure);

/* Tells of candidates; again is allowed. STATUS_NO_MEMORY: some may have been taken. */
MUST_USE enum status exposure_candidates(struct exposure *exposure,
                                         const struct exposure_video *videos, size_t count);

/*
 * Takes a slate in: different videos by position, of which those beyond k count for nothing.
 * STATUS_INVALID: the contender has EXPOSURE_SLATES_MAX; nothing is changed. STATUS_NO_MEMORY: some
 * positions may have been taken.
 */
MUST_USE enum status exposure_slate(struct exposure *exposure, size_t contender,
                                    const struct exposure_video *videos, size_t count);

/*
 * Adds what another one took in. STATUS_INVALID: contenders, k or limit are others, or a contender
 * would have too many slates; nothing is changed. STATUS_NO_MEMORY: some may have been taken.
 */
MUST_USE enum status exposure_merge(struct exposure *exposure, const struct exposure *from);

struct exposure_spread {
    uint64_t count; /* of distinct videos or creators kept */
    uint64_t shown; /* of these, by this contender */
    double kept;    /* share of all that is kept: 1, 1/2, 1/4 ... */
    double coverage;
    double gini;          /* NaN, as what follows, when nothing was shown */
    double top_1_percent; /* share of the exposure */
    double top_10_percent;
    double lorenz[EXPOSURE_LORENZ_STEPS + 1]; /* at i / EXPOSURE_LORENZ_STEPS of them */
};

struct exposure_figures {
    uint64_t slates;
    struct exposure_spread videos;
    struct exposure_spread creators;
};

/* STATUS_NO_MEMORY: needs 8 bytes for each video. */
MUST_USE enum status exposure_sum_up(const struct exposure *exposure, size_t contender,
                                     struct exposure_figures *out);

/* clang-format off */
/*
 * Version 1, for parts that are merged elsewhere; numbers are varints, keys words (numbers.h):
 *
 *   1 byte   version, 1
 *   varints  contenders, k, limit
 *   varints  slates of each contender
 *   twice, for videos and then for creators:
 *     varints  bits of the hash that are zero in what is kept; number of rows
 *     rows     in rising order of the key: key; a varint for each contender, in 2^-32
 */
/* clang-format on */

/* *out is from malloc(), for the caller to free. STATUS_NO_MEMORY. */
MUST_USE enum status exposure_encode(const struct exposure *exposure, uint8_t **out, size_t *size);

/* STATUS_CORRUPT for anything that exposure_encode() does not write; STATUS_NO_MEMORY. */
MUST_USE enum status exposure_decode(const uint8_t *bytes, size_t size, struct exposure **out);

#endif
