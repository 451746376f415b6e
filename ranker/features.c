#include "ranker/features.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/rates.h"

/*
 * A block's candidates with what several features need of them. Always full, the first candidate
 * standing for those that are missing: loops of fixed length are unrolled.
 */
struct block {
    const struct model *model;
    const struct profile *profile;
    struct quantiles *quantiles;
    const struct candidate *candidates[FEATURE_BLOCK];
    struct video_block videos;
    struct profile_block user; /* what the user makes of the videos */
    struct rates rates;
};

__attribute__((noinline)) static void learn_quantiles(struct quantiles *quantiles, unsigned bucket)
{
    double *known = &quantiles->known[bucket * WATCH_BIN_COUNT];
    watch_quantiles(quantiles->histograms[bucket], known);
    for (unsigned bin = 0; bin < WATCH_BIN_COUNT; bin++) {
        known[bin] += 1;
    }
}

/* The quantile of a mean watch time; of a bucket all are worked out once. */
static double quantile_of(struct quantiles *quantiles, unsigned bucket, unsigned bin)
{
    const double *known = &quantiles->known[bucket * WATCH_BIN_COUNT + bin];
    if (__builtin_expect(!(*known > 0), false)) {
        learn_quantiles(quantiles, bucket);
    }
    return *known - 1;
}

/* 0 where the watch time is not known. */
static void mean_watch_quantiles(struct block *block, double *out)
{
    uint8_t bins[FEATURE_BLOCK];
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        bins[i] = (uint8_t)watch_bin_of(block->videos.mean_watch_ms[i]);
    }
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = quantile_of(block->quantiles, video_kind_duration_bucket(block->videos.kinds[i]),
                             bins[i]);
    }
}

/* Without a watch time the quantile says nothing, so nothing counts and the prior remains. */
static void fill_watches(struct block *block, struct features *out)
{
    double quantiles[FEATURE_BLOCK];
    const uint32_t *watch_ms = block->videos.mean_watch_ms;
    double *hits = out->hits[HEAD_WATCH_QUANTILE];
    rates_plays(&block->rates, block->model->rate_half_life, out->watches);
    mean_watch_quantiles(block, quantiles);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double plays = out->watches[i];
        out->watches[i] = watch_ms[i] > 0 ? plays : 0;
        hits[i] = out->watches[i] * quantiles[i];
    }
}

/* Ages first, in whole numbers, so that the rest is a loop over doubles alone. */
static void fill_freshness(struct block *block, double *out)
{
    double ages_ms[FEATURE_BLOCK];
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        int64_t published_ms = block->videos.rows[i]->published_ms;
        int64_t age_ms = block->profile->now_ms - published_ms;
        int64_t known_ms = published_ms != 0 ? age_ms : INT64_MAX; /* as good as never */
        ages_ms[i] = (double)(known_ms > 0 ? known_ms : 0);
    }
    double half_life_ms = block->model->freshness_half_life_ms;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = exact_exp2(-ages_ms[i] / half_life_ms);
    }
}

static void fill_popularity_of(struct block *block, struct rate_place place, double *out)
{
    const double *views = rates_views(&block->rates, place);
    double scale = block->model->popularity_scale;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = views[i] / (views[i] + scale);
    }
}

static void fill_popularity(struct block *block, double *out)
{
    struct rate_place place = {.scope = SCOPE_GLOBAL,
                               .half_life = block->model->popularity_half_life};
    fill_popularity_of(block, place, out);
}

static const double *everyones_views(struct block *block)
{
    struct rate_place place = {.scope = SCOPE_GLOBAL, .half_life = block->model->rate_half_life};
    return rates_views(&block->rates, place);
}

static void fill_new_video(struct block *block, double *out)
{
    const double *views = everyones_views(block);
    double scale = block->model->new_video_views;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = scale / (scale + views[i]);
    }
}

/* Kinds are added in a fixed order. */
static void fill_taste(struct block *block, double *out)
{
    double sum[FEATURE_BLOCK] = {0};
    for (unsigned kind = 0; block->profile->has_taste && kind < AFFINITY_KIND_COUNT; kind++) {
        double weight = block->profile->taste_weights[kind];
        const double *affinities = profile_affinities(&block->user, kind);
        for (size_t i = 0; i < FEATURE_BLOCK; i++) {
            sum[i] += weight * affinities[i];
        }
    }
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = sum[i] / (1 + (sum[i] < 0 ? -sum[i] : sum[i]));
    }
}

static void copy(const double *column, double *out)
{
    memcpy(out, column, FEATURE_BLOCK * sizeof(out[0]));
}

static void fill_affinity_creator(struct block *block, double *out)
{
    copy(profile_affinities(&block->user, AFFINITY_CREATOR), out);
}

static void fill_affinity_category(struct block *block, double *out)
{
    copy(profile_affinities(&block->user, AFFINITY_CATEGORY), out);
}

static void fill_affinity_tag(struct block *block, double *out)
{
    copy(profile_affinities(&block->user, AFFINITY_TAG), out);
}

static void fill_affinity_language(struct block *block, double *out)
{
    copy(profile_affinities(&block->user, AFFINITY_LANGUAGE), out);
}

static void fill_affinity_duration(struct block *block, double *out)
{
    copy(profile_affinities(&block->user, AFFINITY_DURATION), out);
}

static void fill_watch_quantile(struct block *block, double *out)
{
    mean_watch_quantiles(block, out);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = block->videos.mean_watch_ms[i] > 0 ? out[i] : NAN;
    }
}

static void fill_language_match(struct block *block, double *out)
{
    copy(profile_language_matches(&block->user), out);
}

static void squash_seen(const struct model *model, const double *seen, double *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = seen[i] / (seen[i] + model->fatigue_scale);
    }
}

static void fill_fatigue_creator(struct block *block, double *out)
{
    squash_seen(block->model, profile_creators_seen(&block->user), out);
}

static void fill_fatigue_category(struct block *block, double *out)
{
    squash_seen(block->model, profile_categories_seen(&block->user), out);
}

static double age_hours(const struct block *block, size_t i)
{
    int64_t published_ms = block->videos.rows[i]->published_ms;
    int64_t age_ms = block->profile->now_ms - published_ms;
    double hours = age_ms > 0 ? (double)age_ms / 3600000 : 0;
    return published_ms != 0 ? hours : NAN;
}

static double duration_s(const struct block *block, size_t i)
{
    uint32_t duration_ms = block->videos.rows[i]->duration_ms;
    return duration_ms != 0 ? (double)duration_ms / 1000 : NAN;
}

static double duration_bucket(const struct block *block, size_t i)
{
    return video_kind_duration_bucket(block->videos.kinds[i]);
}

static double quality(const struct block *block, size_t i)
{
    double quality = block->videos.qualities[i];
    return quality > 0 ? quality : NAN;
}

static double curated(const struct block *block, size_t i)
{
    unsigned tier = video_kind_curated(block->videos.kinds[i]);
    return tier <= CURATED_FEATURED ? tier * 0.5 : 0;
}

static double premium(const struct block *block, size_t i)
{
    return video_kind_premium(block->videos.kinds[i]);
}

static double local_creator(const struct block *block, size_t i)
{
    uint16_t region = block->profile->locale.region;
    return region != 0 && block->videos.creator_regions[i] == region;
}

static double follows_creator(const struct block *block, size_t i)
{
    const struct user *user = block->profile->user;
    return user != NULL && user_follows(user, block->videos.rows[i]->creator_key);
}

static double seen_before(const struct block *block, size_t i)
{
    return block->candidates[i]->seen;
}

static double retrieval(const struct block *block, size_t i)
{
    double score = block->candidates[i]->retrieval_score;
    return score > 0 ? score / (1 + score) : 0;
}

/* Few sources have a value, so a walk over all finds one. */
static double source(const struct block *block, size_t i)
{
    const struct model *model = block->model;
    uint64_t key = block->candidates[i]->source_key;
    double value = 0;
    for (unsigned at = 0; at < model->source_count; at++) {
        value = model->sources[at].key == key ? model->sources[at].value : value;
    }
    return key != 0 ? value : NAN;
}

static double new_user(const struct block *block, size_t i)
{
    (void)i;
    return block->profile->new_user;
}

static double session_depth(const struct block *block, size_t i)
{
    (void)i;
    return block->profile->session_depth;
}

static double hour_sin(const struct block *block, size_t i)
{
    (void)i;
    return block->profile->hour_sin;
}

static double hour_cos(const struct block *block, size_t i)
{
    (void)i;
    return block->profile->hour_cos;
}

/* Each feature's column in a loop of its own, so that its function is part of it. */
#define FILL(name, feature)                                   \
    static void fill_##name(struct block *block, double *out) \
    {                                                         \
        for (size_t i = 0; i < FEATURE_BLOCK; i++) {          \
            out[i] = feature(block, i);                       \
        }                                                     \
    }
FILL(age_hours, age_hours)
FILL(duration_s, duration_s)
FILL(duration_bucket, duration_bucket)
FILL(quality, quality)
FILL(curated, curated)
FILL(premium, premium)
FILL(local_creator, local_creator)
FILL(follows_creator, follows_creator)
FILL(seen_before, seen_before)
FILL(retrieval, retrieval)
FILL(source, source)
FILL(new_user, new_user)
FILL(session_depth, session_depth)
FILL(hour_sin, hour_sin)
FILL(hour_cos, hour_cos)

static void (*const fill_plain[FEATURE_FIRST_COUNTED])(struct block *, double *) = {
    [FEATURE_FRESHNESS] = fill_freshness,
    [FEATURE_AGE_HOURS] = fill_age_hours,
    [FEATURE_DURATION_S] = fill_duration_s,
    [FEATURE_DURATION_BUCKET] = fill_duration_bucket,
    [FEATURE_QUALITY] = fill_quality,
    [FEATURE_CURATED] = fill_curated,
    [FEATURE_PREMIUM] = fill_premium,
    [FEATURE_POPULARITY] = fill_popularity,
    [FEATURE_NEW_VIDEO] = fill_new_video,
    [FEATURE_WATCH_QUANTILE] = fill_watch_quantile,
    [FEATURE_TASTE] = fill_taste,
    [FEATURE_AFFINITY_CREATOR] = fill_affinity_creator,
    [FEATURE_AFFINITY_CATEGORY] = fill_affinity_category,
    [FEATURE_AFFINITY_TAG] = fill_affinity_tag,
    [FEATURE_AFFINITY_LANGUAGE] = fill_affinity_language,
    [FEATURE_AFFINITY_DURATION] = fill_affinity_duration,
    [FEATURE_LANGUAGE_MATCH] = fill_language_match,
    [FEATURE_LOCAL_CREATOR] = fill_local_creator,
    [FEATURE_FOLLOWS_CREATOR] = fill_follows_creator,
    [FEATURE_SEEN_BEFORE] = fill_seen_before,
    [FEATURE_FATIGUE_CREATOR] = fill_fatigue_creator,
    [FEATURE_FATIGUE_CATEGORY] = fill_fatigue_category,
    [FEATURE_RETRIEVAL] = fill_retrieval,
    [FEATURE_SOURCE] = fill_source,
    [FEATURE_NEW_USER] = fill_new_user,
    [FEATURE_SESSION_DEPTH] = fill_session_depth,
    [FEATURE_HOUR_SIN] = fill_hour_sin,
    [FEATURE_HOUR_COS] = fill_hour_cos,
};

/* What a counted feature is of, in the order of FEATURE_COUNTED_MAP; popularity is of no head. */
static const enum head counted_heads[] = {
    HEAD_COUNT, HEAD_VALID_PLAY, HEAD_LONG_VIEW, HEAD_COMPLETE,       HEAD_SKIP,
    HEAD_LIKE,  HEAD_SHARE,      HEAD_FOLLOW,    HEAD_NOT_INTERESTED, HEAD_REPORT,
};
enum { PLACES = SCOPE_KIND_END * HALF_LIFE_COUNT };
_Static_assert(FEATURE_COUNT - FEATURE_FIRST_COUNTED ==
                   PLACES * sizeof(counted_heads) / sizeof(counted_heads[0]),
               "one for each counted feature");

static void fill_counted(struct block *block, enum feature feature, double *out)
{
    unsigned at = (unsigned)feature - FEATURE_FIRST_COUNTED;
    enum head head = counted_heads[at / PLACES];
    struct rate_place place = {.scope = at % PLACES / HALF_LIFE_COUNT,
                               .half_life = at % HALF_LIFE_COUNT};
    if (head == HEAD_COUNT) {
        fill_popularity_of(block, place, out);
    } else {
        rates_smoothed(&block->rates, place, head, out);
    }
}

/* What heads of kind rate count beside features. */
static void fill_counts(struct block *block, const struct selection *selection,
                        struct features *out)
{
    struct rate_place place = {.scope = SCOPE_GLOBAL, .half_life = block->model->rate_half_life};
    memcpy(out->views, everyones_views(block), sizeof(out->views));
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        if (block->model->heads[head].kind != HEAD_KIND_RATE ||
            selection->rates[head] != FEATURE_COUNT) {
            continue;
        }
        if (head == HEAD_WATCH_QUANTILE) {
            fill_watches(block, out);
        } else {
            rates_hits(&block->rates, place, rates_counter(head), out->hits[head]);
        }
    }
}

static void init_block(struct block *block, const struct candidate *candidates, size_t count)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        block->candidates[i] = &candidates[i < count ? i : 0];
        block->videos.rows[i] = block->candidates[i]->video;
    }
    video_block_fill(&block->videos);
}

void features_fill(struct features_source *source, const struct selection *selection,
                   const struct candidate *candidates, size_t count, struct features *out)
{
    CHECK(count > 0);
    CHECK(count <= FEATURE_BLOCK);
    struct block block;
    block.model = selection->model;
    block.profile = source->profile;
    block.quantiles = &source->quantiles;
    block.videos.more = source->more;
    init_block(&block, candidates, count);
    profile_block_init(&block.user, block.profile, &block.videos);
    rates_init(&block.rates, block.model, block.profile, source->scoped, &block.videos);
    fill_counts(&block, selection, out);
    for (enum feature feature = feature_set_next(&selection->features, 0); feature != FEATURE_COUNT;
         feature = feature_set_next(&selection->features, (unsigned)feature + 1)) {
        if (feature < FEATURE_FIRST_COUNTED) {
            fill_plain[feature](&block, out->columns[feature]);
        } else {
            fill_counted(&block, feature, out->columns[feature]);
        }
    }
}
