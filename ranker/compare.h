#ifndef RANKER_COMPARE_H
#define RANKER_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/limits.h"
#include "ranker/rank.h"
#include "ranker/status.h"
#include "ranker/video.h"

/*
 * What changes between two rankings of the same requests, made with the same state and two weights:
 * "before" and "after". Pure; the same requests in the same order give the same bits.
 *
 * Rank correlation is Kendall's tau-b over the candidates that stand in both slates (M. G. Kendall,
 * "The treatment of ties in ranking problems", Biometrika 33, 1945; positions have no ties, so it
 * is tau as of 1938): 1 same order, -1 reversed. Overlap is rank-biased overlap, extrapolated, p =
 * 0.9 (W. Webber, A. Moffat, J. Zobel, "A similarity measure for indefinite rankings", ACM TOIS
 * 28(4), 2010, equation 32): 1 same lists, 0 disjoint ones; the first ten positions weigh 86 %.
 *
 * Exposure of a video at position p is 1 / log2(1 + p), the discount of DCG (K. Jarvelin, J.
 * Kekalainen, ACM TOIS 20(4), 2002), as a share of all exposure of the slate. A group's share is
 * the mean over requests, each of which weighs the same.
 *
 * Intervals are of 95 %: of shares of requests Wilson's (E. B. Wilson, JASA 22, 1927), of means and
 * of differences of exposure the normal approximation over requests, which are taken as
 * independent; many requests of few users make them too narrow.
 */
struct compare;

enum exposure_dimension {
    EXPOSURE_LANGUAGE,     /* the first one spoken */
    EXPOSURE_REGION,       /* of the creator */
    EXPOSURE_CREATOR_SIZE, /* by the creator's videos in the catalogue */
    EXPOSURE_CURATED,
    EXPOSURE_PREMIUM,
    EXPOSURE_AGE, /* since publication */
    EXPOSURE_DIMENSION_COUNT
};

enum {
    COMPARE_GROUPS_MAX = 64, /* of a dimension; the first ones met. Others are one group */
    COMPARE_NAME_SIZE = 32,
    COMPARE_TOP = 10,
    COMPARE_MOVER_POSITIONS = 20, /* videos below these on both sides are not followed */
    COMPARE_MOVERS_TRACKED = 1 << 14,
    COMPARE_MOVERS_SHOWN = 20
};

const char *exposure_dimension_name(enum exposure_dimension dimension); /* "creator_size" */

/* How many live videos each creator has. Built once, in pieces, from the catalogue. */
struct creator_sizes;

/* NULL when memory is short. */
struct creator_sizes *creator_sizes_new(void);
void creator_sizes_free(struct creator_sizes *sizes);

/* Adds the videos of rows [from, to). STATUS_NO_MEMORY. */
MUST_USE enum status creator_sizes_add(struct creator_sizes *sizes, const struct videos *videos,
                                       size_t from, size_t to);

/* A request that was ranked twice. Borrowed for the call. */
struct compare_request {
    const struct videos *videos; /* of the state that was ranked against */
    const struct creator_sizes *sizes;
    const uint64_t *keys; /* of the candidates */
    size_t count;
    const char *const *ids; /* of the candidates, for people; NULL: they have keys alone */
    int64_t now_ms;
};

/* NULL when memory is short. */
struct compare *compare_new(void);
void compare_free(struct compare *compare);

/*
 * Takes one request's rankings in. Uses arena (about 64 bytes a candidate) for the call.
 * STATUS_NO_MEMORY changes nothing but counts of videos that are followed.
 */
MUST_USE enum status compare_add(struct compare *compare, const struct compare_request *request,
                                 const struct rank_result *before, const struct rank_result *after,
                                 struct arena *arena);

/* Adds what another one took in, as if its requests came after. STATUS_NO_MEMORY: half done. */
MUST_USE enum status compare_merge(struct compare *compare, const struct compare *from);

/* Requests taken in so far. */
uint64_t compare_requests(const struct compare *compare);

/* A share of requests, or a mean over those for which it is defined, with its interval. */
struct compare_figure {
    uint64_t count; /* of requests: those in the share, or that went into the mean */
    double value;
    double low;
    double high;
};

struct compare_group {
    char name[COMPARE_NAME_SIZE]; /* "hi", "IN", "2-9", "featured", "premium", "1-7 d", "other" */
    double before;                /* share of exposure, 0 to 1 */
    double after;
    double change; /* after - before */
    double low;    /* of the change */
    double high;
};

/* A video whose exposure changed. */
struct compare_mover {
    uint64_t key;
    char id[LIMIT_ID_BYTES + 1]; /* empty: unknown */
    uint64_t shown_before;       /* requests with it in the slate */
    uint64_t shown_after;
    uint64_t shown_both;
    double mean_change;     /* of its position, over these; below 0: up. 0 where there are none */
    double exposure_change; /* sum over requests of its change in exposure, over all requests */
};

struct comparison {
    uint64_t requests;
    struct compare_figure top_1_changed;
    struct compare_figure top_10_changed;   /* other videos, in any order */
    struct compare_figure top_10_reordered; /* other videos, or another order of them */
    struct compare_figure slate_changed;    /* anything in the whole slate's order */
    struct compare_figure tau;              /* a mean */
    struct compare_figure overlap;          /* a mean */
    uint64_t shown_before;                  /* places of all slates */
    uint64_t shown_after;
    uint64_t newly_shown;
    uint64_t no_longer_shown;
    uint64_t drops_before[DROP_RULE_END];
    uint64_t drops_after[DROP_RULE_END];
    size_t group_counts[EXPOSURE_DIMENSION_COUNT];
    /* By falling exposure before and after together; buckets in their own order. */
    struct compare_group groups[EXPOSURE_DIMENSION_COUNT][COMPARE_GROUPS_MAX + 1];
    size_t mover_count;
    struct compare_mover
        movers[COMPARE_MOVERS_SHOWN]; /* by falling change of exposure, either way */
    uint64_t untracked;               /* places of videos beyond those that can be followed */
};

/* STATUS_NO_MEMORY. */
MUST_USE enum status compare_sum_up(const struct compare *compare, struct comparison *out);

/* Exposed for tests. Wilson's interval for count of total, total above 0. */
struct compare_figure compare_share(uint64_t count, uint64_t total);

/* tau of the positions, in a second order, of things listed in a first; count at least 2. Sorts
 * positions; scratch has count places. */
double compare_tau(uint32_t *positions, uint32_t *scratch, size_t count);

#endif
