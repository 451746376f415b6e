#ifndef RANKER_WEIGHTS_H
#define RANKER_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/locale.h"
#include "ranker/stats.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/user.h"
#include "ranker/video.h"

/*
 * The weights file: what the data team says "best" means. YAML text in, one immutable struct
 * weights out, with a flat struct model per locale, inheritance already applied. docs:
 * config/weights.yaml.
 */

/* Predictions, each in [0, 1]. Names in the file: "valid_play", "long_view", ... */
/* clang-format off */
#define HEAD_MAP(X)                      \
    X(VALID_PLAY, "valid_play")          \
    X(LONG_VIEW, "long_view")            \
    X(COMPLETE, "complete")              \
    X(WATCH_QUANTILE, "watch_quantile")  \
    X(LIKE, "like")                      \
    X(SHARE, "share")                    \
    X(FOLLOW, "follow")                  \
    X(SKIP, "skip")                      \
    X(NOT_INTERESTED, "not_interested")  \
    X(REPORT, "report")

/*
 * Features that scale the value: factor = 1 + weight * feature. Features in [0, 1], 1 meaning fully so.
 *   freshness        2^(-age / freshness_half_life); 0 when the publication time is unknown
 *   popularity       p / (p + popularity_scale), p: decayed plays or impressions, whichever is more
 *   quality          Video.quality
 *   curated          0.5 approved, 1 featured
 *   premium          0 or 1
 *   language_match   1 spoken, 0.5 captions, in the locale's language; 0.8 and 0.4 in one declared
 *                    besides; learnt: the user's positive taste for the spoken language; else 0; the largest
 *   local_creator    creator's region is the user's
 *   follows_creator  0 or 1
 *   new_video        prior strength left: s / (s + views), s = new_video_views
 *   seen_before      0 or 1
 *   retrieval        r / (1 + |r|) of Candidate.retrieval_score, below 0 as 0
 */
#define MULTIPLIER_MAP(X)                  \
    X(FRESHNESS, "freshness")              \
    X(POPULARITY, "popularity")            \
    X(QUALITY, "quality")                  \
    X(CURATED, "curated")                  \
    X(PREMIUM, "premium")                  \
    X(LANGUAGE_MATCH, "language_match")    \
    X(LOCAL_CREATOR, "local_creator")      \
    X(FOLLOWS_CREATOR, "follows_creator")  \
    X(NEW_VIDEO, "new_video")              \
    X(SEEN_BEFORE, "seen_before")          \
    X(RETRIEVAL, "retrieval")
/* clang-format on */

enum head {
#define X(name, text) HEAD_##name,
    HEAD_MAP(X)
#undef X
        HEAD_COUNT
};

enum multiplier {
#define X(name, text) MULTIPLIER_##name,
    MULTIPLIER_MAP(X)
#undef X
        MULTIPLIER_COUNT
};

const char *head_name(enum head head);
const char *multiplier_name(enum multiplier multiplier);

/*
 * A head of kind "rate": the video's decayed count over its decayed views, shrunk by a Beta prior
 * of mean `prior` worth `strength` views, then moved in odds by the user's taste t in (-1, 1): odds
 * times 2^(affinity * t). watch_quantile: the quantile of the video's mean watch time instead of a
 * count's rate.
 */
struct head_model {
    double prior;    /* 0.0001 to 0.9999 */
    double strength; /* 0.1 to 1e6 views */
    double affinity; /* -8 to 8 */
};

enum language_rule {
    LANGUAGE_ANY, /* rank by match, drop nothing */
    /* Drop what is in no language of the user, spoken or in captions; unknown counts as none. */
    LANGUAGE_READABLE
};

/* One locale's weights, all defaults filled in. */
struct model {
    enum half_life rate_half_life;                /* features.rate_half_life: 30m, 1d or 14d */
    enum half_life popularity_half_life;          /* features.popularity_half_life */
    double popularity_scale;                      /* features.popularity_scale: 1 to 1e9 views */
    double freshness_half_life_ms;                /* features.freshness_half_life: 1h to 365d */
    double new_video_views;                       /* features.new_video_views: 1 to 1e6 */
    double affinity_weights[AFFINITY_KIND_COUNT]; /* features.affinity.creator ...: 0 to 10 */
    struct head_model heads[HEAD_COUNT];          /* heads.NAME.{kind,prior,strength,affinity} */
    double value[HEAD_COUNT];                     /* value.NAME: -100 to 100 */
    double negative_offset;               /* value.negative_offset: 0.0001 to 1; see rank.h */
    double multipliers[MULTIPLIER_COUNT]; /* multipliers.NAME: -1 to 10 */
    int safety_max; /* policy.safety: low, medium, high or floor (all rated ones); enum safety */
    bool unrated_shown;     /* policy.unrated: drop or show */
    int unknown_age;        /* policy.unknown_age: years assumed when age_years is 0; 0 to 21 */
    int64_t seen_within_ms; /* policy.seen_within: 0 to 365d; for exclude_seen */
    enum language_rule language_rule; /* policy.language: any or readable */
    double creator_decay; /* slate.creator_decay: 0 to 1; for each earlier video of the creator */
    double creator_floor; /* slate.creator_floor: 0 to 1; least such factor */
};

struct weights;

/* A place in the file, from 1, and what is wrong there, with a suggestion where one is near. */
struct weights_problem {
    unsigned line;
    unsigned column;
    char path[96]; /* "heads.like.prior"; empty for the file as a whole */
    char message[224];
};

enum { WEIGHTS_PROBLEMS_MAX = 32 };

struct weights_problems {
    unsigned count; /* of those kept */
    struct weights_problem items[WEIGHTS_PROBLEMS_MAX];
};

/*
 * Parses YAML text of at most LIMIT_WEIGHTS_BYTES. STATUS_OK: the caller owns *out and ends it with
 * weights_free(). STATUS_INVALID: problems has at least one item, in file order; *out is untouched.
 * Unknown keys, wrong types, numbers out of range, duplicate keys and malformed locales are
 * problems, and so is a model whose scores could reach 2^18: the sums of rank.h are exact below
 * 2^19. STATUS_NO_MEMORY: problems is empty.
 */
MUST_USE enum status weights_parse(struct text yaml, struct weights **out,
                                   struct weights_problems *problems);

void weights_free(struct weights *weights);

/*
 * "NAME@HASH": the file's `version` and 16 hexadecimal digits of XXH3-64 of its bytes. Lives with
 * weights.
 */
const char *weights_version(const struct weights *weights);

/*
 * The model for a locale: the defaults of this program, overridden by the file's top level, then by
 * what the file has under `locales` for und-REGION, language, language-REGION, language-Script and
 * language-Script-REGION, in that order, each only where it names a key. Lives with weights. Never
 * NULL.
 */
const struct model *weights_model(const struct weights *weights, struct locale locale);

/*
 * Writes the JSON Schema (draft 2020-12) of the weights file, built from the same table that parses
 * it, into out[0..size) with a zero; returns the length it needs without the zero.
 */
size_t weights_schema(char *out, size_t size);

#endif
