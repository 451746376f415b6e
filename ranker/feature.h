#ifndef RANKER_FEATURE_H
#define RANKER_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/text.h"

/*
 * The catalogue of features: everything that heads may read of a candidate, named as in weights
 * files and models. rank() works out those that the model in force reads (features.h).
 */

/* clang-format off */
#define FEATURE_PLAIN_MAP(X)                        \
    X(FRESHNESS, "freshness")                       \
    X(AGE_HOURS, "age_hours")                       \
    X(DURATION_S, "duration_s")                     \
    X(DURATION_BUCKET, "duration_bucket")           \
    X(QUALITY, "quality")                           \
    X(CURATED, "curated")                           \
    X(PREMIUM, "premium")                           \
    X(POPULARITY, "popularity")                     \
    X(NEW_VIDEO, "new_video")                       \
    X(WATCH_QUANTILE, "watch_quantile")             \
    X(TASTE, "taste")                               \
    X(AFFINITY_CREATOR, "affinity_creator")         \
    X(AFFINITY_CATEGORY, "affinity_category")       \
    X(AFFINITY_TAG, "affinity_tag")                 \
    X(AFFINITY_LANGUAGE, "affinity_language")       \
    X(AFFINITY_DURATION, "affinity_duration")       \
    X(LANGUAGE_MATCH, "language_match")             \
    X(LOCAL_CREATOR, "local_creator")               \
    X(FOLLOWS_CREATOR, "follows_creator")           \
    X(SEEN_BEFORE, "seen_before")                   \
    X(FATIGUE_CREATOR, "fatigue_creator")           \
    X(FATIGUE_CATEGORY, "fatigue_category")         \
    X(RETRIEVAL, "retrieval")                       \
    X(SOURCE, "source")                             \
    X(NEW_USER, "new_user")                         \
    X(SESSION_DEPTH, "session_depth")               \
    X(HOUR_SIN, "hour_sin")                         \
    X(HOUR_COS, "hour_cos")

/* What is counted in each scope (global, region, language) and half-life (30m, 1d, 14d). */
#define FEATURE_COUNTED_MAP(X)                      \
    X(POPULARITY, "popularity")                     \
    X(VALID_PLAY_RATE, "valid_play_rate")           \
    X(LONG_VIEW_RATE, "long_view_rate")             \
    X(COMPLETE_RATE, "complete_rate")               \
    X(SKIP_RATE, "skip_rate")                       \
    X(LIKE_RATE, "like_rate")                       \
    X(SHARE_RATE, "share_rate")                     \
    X(FOLLOW_RATE, "follow_rate")                   \
    X(NOT_INTERESTED_RATE, "not_interested_rate")   \
    X(REPORT_RATE, "report_rate")

#define FEATURE_SCOPED_MAP(X, name, text)                                                      \
    X(name##_GLOBAL_30M, text "_global_30m") X(name##_GLOBAL_1D, text "_global_1d")             \
    X(name##_GLOBAL_14D, text "_global_14d") X(name##_REGION_30M, text "_region_30m")           \
    X(name##_REGION_1D, text "_region_1d") X(name##_REGION_14D, text "_region_14d")             \
    X(name##_LANGUAGE_30M, text "_language_30m") X(name##_LANGUAGE_1D, text "_language_1d")     \
    X(name##_LANGUAGE_14D, text "_language_14d")

enum feature {
#define X(name, text) FEATURE_##name,
    FEATURE_PLAIN_MAP(X)
#define COUNTED(name, text) FEATURE_SCOPED_MAP(X, name, text)
    FEATURE_COUNTED_MAP(COUNTED)
#undef COUNTED
#undef X
    FEATURE_COUNT,
    FEATURE_FIRST_COUNTED = FEATURE_POPULARITY_GLOBAL_30M
};
/* clang-format on */

/* "freshness", "like_rate_region_1d", ... */
const char *feature_name(enum feature feature);

/* FEATURE_COUNT for an unknown name. */
enum feature feature_find(struct text name);

/* The name that was probably meant by one that is not known (nearest.h), or NULL. */
const char *feature_nearest(const char *found);

/* What a feature is worked out from. */
enum feature_origin {
    FEATURE_FROM_CATALOGUE,  /* what the catalogue says of the video */
    FEATURE_FROM_STATISTICS, /* what people did with the video */
    FEATURE_FROM_USER,       /* what the user did, against this video */
    FEATURE_FROM_REQUEST /* the request, alike for all candidates but for what it says of each */
};

const char *feature_origin_name(enum feature_origin origin);

/*
 * The reference: what `reelrank features` prints and docs/features.md holds. Every value of a
 * feature is a finite number from min to max, or missing (NaN) where `missing` says so.
 */
struct feature_facts {
    const char *about;   /* one line */
    const char *formula; /* names in it with a dot are keys of the weights file */
    const char *unit;    /* "1" for a number without one */
    double min;
    double max;
    const char *missing; /* when it is; NULL: never */
    enum feature_origin origin;
    int cost_ns; /* a candidate, measured by tests/bench/feature_bench.c; rounded, 0: below 0.5 */
};

const struct feature_facts *feature_facts(enum feature feature);

/* Some of the features. */
struct feature_set {
    uint64_t words[2];
};
_Static_assert(FEATURE_COUNT <= 128, "one bit for each");

static inline void feature_set_add(struct feature_set *set, enum feature feature)
{
    set->words[feature / 64] |= UINT64_C(1) << (feature % 64);
}

static inline bool feature_set_has(const struct feature_set *set, enum feature feature)
{
    return (set->words[feature / 64] >> (feature % 64) & 1) != 0;
}

/* The first of the set from `feature` on, or FEATURE_COUNT. */
static inline enum feature feature_set_next(const struct feature_set *set, unsigned feature)
{
    for (unsigned word = feature / 64; word < 2; word++) {
        uint64_t left = set->words[word];
        left &= word == feature / 64 ? UINT64_MAX << (feature % 64) : UINT64_MAX;
        if (left != 0) {
            return (enum feature)(word * 64 + (unsigned)__builtin_ctzll(left));
        }
    }
    return FEATURE_COUNT;
}

#endif
