#ifndef RANKER_WEIGHTS_H
#define RANKER_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/feature.h"
#include "ranker/locale.h"
#include "ranker/problem.h"
#include "ranker/stats.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/user.h"
#include "ranker/video.h"

/*
 * The weights file: what the data team says "best" means. YAML text in, one immutable struct
 * weights out, with a flat struct model for each locale and combination of experiments' arms,
 * inheritance already applied. docs/weights.md is the language.
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
 * Facts that scale the value: factor = 1 + weight * feature, with the feature of the same name as
 * feature.c has it, from 0 to 1, 1 meaning fully so; a missing one counts 0.
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
    X(RETRIEVAL, "retrieval")              \
    X(SOURCE, "source")                    \
    X(FATIGUE_CREATOR, "fatigue_creator")  \
    X(FATIGUE_CATEGORY, "fatigue_category")
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
 * How a head predicts. With x the features, missing ones as 0:
 *   rate      see struct head_model
 *   linear    bias + sum of weight * x, cut to [0, 1]
 *   logistic  1 / (1 + e^-(bias + sum of weight * x))
 *   trees     gradient-boosted trees from XGBoost's JSON (trees.h); missing features stay missing
 */
enum head_kind { HEAD_KIND_RATE, HEAD_KIND_LINEAR, HEAD_KIND_LOGISTIC, HEAD_KIND_TREES };

struct feature_weight {
    enum feature feature;
    double weight; /* -1000 to 1000 */
};

struct trees;

/*
 * A head of kind "rate": the video's decayed count over its decayed views, shrunk by a Beta prior
 * of mean `prior` worth `strength` views, then moved in odds by the user's taste t in (-1, 1): odds
 * times 2^(affinity * t). watch_quantile: the quantile of the video's mean watch time instead of a
 * count's rate. Where rate_scope is narrower than global, views in the user's region shrink to that
 * rate, and views in the locale's language to the region's, before taste moves it:
 *   region    (hits there + region_strength * rate) / (views there + region_strength)
 *   language  the same with language_strength and the region's rate
 * watch_quantile counts everyone's views, in the region's distribution of watch times, whatever the
 * scope.
 */
struct head_model {
    enum head_kind kind;
    double prior;    /* 0.0001 to 0.9999 */
    double strength; /* 0.1 to 1e6 views */
    double affinity; /* -8 to 8 */
    double bias;     /* of linear and logistic: -1000 to 1000 */
    unsigned weight_count;
    const struct feature_weight *weights; /* by rising feature; lives with struct weights */
    const struct trees *trees;            /* lives with struct weights; NULL for other kinds */
};

enum language_rule {
    LANGUAGE_ANY, /* rank by match, drop nothing */
    /* Drop what is in no language of the user, spoken or in captions; unknown counts as none. */
    LANGUAGE_READABLE
};

/* Which views of a video a rate counts: each scope's rate is shrunk to that of the one before. */
enum rate_scope { RATE_SCOPE_GLOBAL, RATE_SCOPE_REGION, RATE_SCOPE_LANGUAGE };

enum diversity_by { DIVERSITY_BY_TAGS, DIVERSITY_BY_EMBEDDING };

enum exploration { EXPLORE_NONE, EXPLORE_EPSILON_GREEDY, EXPLORE_PLACKETT_LUCE };

enum {
    WEIGHTS_SOURCES_MAX = 32,
    WEIGHTS_LANGUAGES_MAX = 8,
    WEIGHTS_FORBIDDEN_MAX = 64, /* of categories, and again of tags */
    WEIGHTS_LOCALES_MAX = 256,
    WEIGHTS_RESTS_MAX = 32, /* locales of the file that one locale may rest on */
    WEIGHTS_EXPERIMENTS_MAX = 8,
    WEIGHTS_ARMS_MAX = 8,         /* of one experiment */
    WEIGHTS_TARGETS_MAX = 16,     /* locales of one experiment */
    WEIGHTS_MODELS_MAX = 20000,   /* of all locales and combinations of arms */
    WEIGHTS_MERGED_MAX = 1 << 20, /* feature weights of all these models, as merged */
    WEIGHTS_FILES_MAX = 64,       /* model files */
    WEIGHTS_FILE_NAME_MAX = 128,  /* bytes of a model file's name */
    WEIGHTS_SALT_MAX = 64,        /* bytes */
    WEIGHTS_NAME_MAX = 32         /* characters of a version, an experiment, an arm */
};

/* features.sources: what retrieval sources are worth. */
struct source_value {
    uint64_t key; /* hash_key() of Candidate.source */
    double value; /* 0 to 1 */
};

/* languages: which ones people here read, however little is known of them. */
struct language_confidence {
    uint16_t language;
    double confidence; /* 0 to 1 */
};

/* Low 32 bits of hash_key() of each name, rising. */
struct forbidden_names {
    unsigned count;
    uint32_t keys[WEIGHTS_FORBIDDEN_MAX];
};

/* One locale's weights, all defaults filled in. */
struct model {
    enum half_life rate_half_life;       /* features.rate_half_life: 30m, 1d or 14d */
    enum half_life popularity_half_life; /* features.popularity_half_life */
    double popularity_scale;             /* features.popularity_scale: 1 to 1e9 views */
    double freshness_half_life_ms;       /* features.freshness_half_life: 1h to 365d */
    double new_video_views;              /* features.new_video_views: 1 to 1e6 */
    enum rate_scope rate_scope;          /* features.rate_scope: global, region or language */
    double region_strength;              /* features.region_strength: 0.1 to 1e6 views */
    double language_strength;            /* features.language_strength: 0.1 to 1e6 views */
    double fatigue_half_life_ms;         /* features.fatigue_half_life: 10m to 30d */
    double fatigue_scale;                /* features.fatigue_scale: 0.1 to 1e3 videos */
    double new_user_signals;             /* features.new_user_signals: 1 to 1e6 */
    int utc_offset_minutes;              /* features.utc_offset_minutes: -720 to 840 */
    unsigned source_count;
    struct source_value sources[WEIGHTS_SOURCES_MAX]; /* by rising key */
    unsigned language_count;
    struct language_confidence languages[WEIGHTS_LANGUAGES_MAX];
    double affinity_weights[AFFINITY_KIND_COUNT]; /* features.affinity.creator ...: 0 to 10 */
    struct head_model heads[HEAD_COUNT];          /* heads.NAME */
    double value[HEAD_COUNT];                     /* value.NAME: -100 to 100 */
    double negative_offset;               /* value.negative_offset: 0.0001 to 1; see rank.h */
    double multipliers[MULTIPLIER_COUNT]; /* multipliers.NAME: -1 to 10 */
    int safety_max; /* policy.safety: low, medium, high or floor (all rated ones); enum safety */
    bool unrated_shown;     /* policy.unrated: drop or show */
    int unknown_age;        /* policy.unknown_age: years assumed when age_years is 0; 0 to 21 */
    int64_t seen_within_ms; /* policy.seen_within: 0 to 365d; for exclude_seen */
    enum language_rule language_rule; /* policy.language: any or readable */
    bool seen_always;                 /* policy.seen: on_request or always */
    int age_max;     /* policy.age_max: 0 to 21; no video for older people, whoever asks */
    int curated_min; /* policy.curated: any, approved or featured; enum curated */
    struct forbidden_names forbidden_categories; /* policy.forbidden_categories */
    struct forbidden_names forbidden_tags;       /* policy.forbidden_tags */
    double creator_decay; /* slate.creator_decay: 0 to 1; for each earlier video of the creator */
    double creator_floor; /* slate.creator_floor: 0 to 1; least such factor */
    int window;           /* slate.window: 1 to 200 positions that caps and shares look at */
    int creator_cap;      /* slate.creator_cap: videos of a creator in a window; 0: no cap */
    int category_cap;     /* slate.category_cap: likewise of a category; 0: no cap */
    double local_share;   /* slate.local_share: 0 to 1; least share of local creators in a window */
    double diversity;     /* slate.diversity: 0 to 1; 0: off */
    enum diversity_by diversity_by; /* slate.diversity_by: tags or embedding */
    int diversity_positions;        /* slate.diversity_positions: 1 to 200 */
    int new_video_every;            /* slate.new_video_every: 0 to 200; 0: no slots */
    double new_video_age_ms;        /* slate.new_video_age: 1h to 365d */
    enum exploration exploration;   /* slate.explore: none, epsilon_greedy or plackett_luce */
    double explore_epsilon;         /* slate.explore_epsilon: 0 to 1 */
    double explore_temperature;     /* slate.explore_temperature: 0.001 to 1e5 points of score */
    int explore_positions;          /* slate.explore_positions: 1 to 200 */
};

struct weights;

/* A place in the file, from 1, and what is wrong there, with a suggestion where one is near. */
struct weights_problem {
    unsigned line;
    unsigned column;
    char path[160]; /* "heads.like.prior"; empty for the file as a whole */
    char message[224];
};

enum { WEIGHTS_PROBLEMS_MAX = 32 };

struct weights_problems {
    unsigned count; /* of those kept */
    struct weights_problem items[WEIGHTS_PROBLEMS_MAX];
};

/*
 * Reads a model file that a head names: 1 to WEIGHTS_FILE_NAME_MAX bytes, relative, without ".."
 * parts or control characters. *out lives until weights_parse_with() returns. A failure is the
 * file's problem, except STATUS_NO_MEMORY.
 */
struct weights_loader {
    enum status (*load)(void *context, const char *name, struct text *out, struct problem *problem);
    void *context;
};

/*
 * Parses YAML text of at most LIMIT_WEIGHTS_BYTES. STATUS_OK: the caller owns *out and ends it with
 * weights_unref(). STATUS_INVALID: problems has at least one item, in file order; *out is
 * untouched. Unknown keys, wrong types, numbers out of range, duplicate keys, malformed locales,
 * cycles and model files that cannot be used are problems, and so is a model whose scores could
 * reach 2^18: the sums of rank.h are exact below 2^19. Each model file is loaded and parsed once.
 * loader NULL: there are no model files. STATUS_NO_MEMORY: problems is empty.
 */
MUST_USE enum status weights_parse_with(struct text yaml, const struct weights_loader *loader,
                                        struct weights **out, struct weights_problems *problems);

/* The same without model files. */
MUST_USE enum status weights_parse(struct text yaml, struct weights **out,
                                   struct weights_problems *problems);

/*
 * Counted references; parsing gives the first one. The last unref ends the weights. Any thread;
 * NULL may be given back.
 */
struct weights *weights_ref(struct weights *weights);
void weights_unref(struct weights *weights);

/*
 * "NAME@HASH": the file's `version` and 16 hexadecimal digits of XXH3-64 of its bytes, followed,
 * for each model file in the order of their names, by the name, a zero byte, the size as 8 bytes,
 * lowest first, and the file's bytes. Lives with weights.
 */
const char *weights_version(const struct weights *weights);

/*
 * Whether a version, an experiment or an arm may be called that: 1 to WEIGHTS_NAME_MAX of
 * A-Z a-z 0-9 . _ -
 */
bool weights_is_name(struct text text);

/*
 * The model for a locale, of users in no experiment: the defaults of this program, overridden by
 * the file's top level, then by what the file has under `locales` for und-REGION, language,
 * language-REGION, language-Script and language-Script-REGION, in that order, each only where it
 * names a key. Where one of them says `inherit`, what stands for that locale comes right before it,
 * as far as it has not come before. Lives with weights. Never NULL.
 */
const struct model *weights_model(const struct weights *weights, struct locale locale);

struct weights_chosen {
    const struct model *model;
    const char *version; /* weights_version() */
    const char *arms;    /* "exp/arm" or "exp/arm,exp2/arm" in file order; "" is none */
    bool locale_default; /* the file has locales, and the request's locale rests on none of them */
};

/*
 * The model for a request. A user is in one arm, or none, of each experiment whose locales contain
 * one that the request's locale rests on; arms override in file order. With h the XXH3-64 of the
 * user_key's 8 bytes, lowest first, seeded with the XXH3-64 of the experiment's salt, the arm is
 * the first whose share, added to those before it, is above (h >> 11) * 2^-53. user_key 0 is a
 * visitor, in no experiment. forced is RankRequest.experiment: "" or "experiment/arm", which puts
 * anybody into that one arm; STATUS_INVALID where there is no such arm, or its experiment does not
 * run in the locale. Allocates nothing; *out lives with weights.
 */
MUST_USE enum status weights_choose(const struct weights *weights, struct locale locale,
                                    uint64_t user_key, struct text forced,
                                    struct weights_chosen *out, struct problem *problem);

/*
 * For tools that look at every model: the locales that have models of their own. Index 0 is the
 * default, all 0, which serves whatever no other does; then each that the file names, or that two
 * of them meet in (hi and und-IN in hi-IN). False past the last, leaving *out alone.
 */
bool weights_locale_at(const struct weights *weights, size_t index, struct locale *out);

/*
 * The models that a locale's requests may get: index 0 is weights_model(), of no experiment, then
 * one for each combination of arms. False past the last, leaving *out alone.
 */
bool weights_model_at(const struct weights *weights, struct locale locale, size_t index,
                      struct weights_chosen *out);

/*
 * Writes the JSON Schema (draft 2020-12) of the weights file, built from the same table that parses
 * it, into out[0..size) with a zero; returns the length it needs without the zero.
 */
size_t weights_schema(char *out, size_t size);

#endif
