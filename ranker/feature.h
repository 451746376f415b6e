#ifndef RANKER_FEATURE_H
#define RANKER_FEATURE_H

#include <stddef.h>

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

#endif
