#include "ranker/features.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"

/* Fewer views than this in a region say less than all regions together. */
enum { WATCH_VIEWS_MINIMUM = 100 };

/*
 * A block's candidates with what several features need of them. Always full, the first candidate
 * standing for those that are missing: loops of fixed length are unrolled.
 */
struct block {
    const struct model *model;
    const struct profile *profile;
    struct candidate candidates[FEATURE_BLOCK];
    const struct video *videos[FEATURE_BLOCK];
    /* Of rate_half_life: counts, what brings them to now, and impressions or plays, whichever is
     * more. */
    const float *counts[FEATURE_BLOCK];
    double decay[FEATURE_BLOCK];
    double views[FEATURE_BLOCK];
};

static bool is_zero(double x)
{
    return !(x < 0) && !(x > 0);
}

/* Whether the multiplier's feature is 0 for all videos, so that it changes no value. */
static bool is_idle(enum multiplier multiplier, const struct profile *profile)
{
    switch (multiplier) {
    case MULTIPLIER_FOLLOWS_CREATOR:
        return profile->user == NULL || profile->user->follow_count == 0;
    case MULTIPLIER_SEEN_BEFORE:
        return !profile->has_seen;
    case MULTIPLIER_RETRIEVAL:
        return !profile->has_retrieval;
    default:
        return false;
    }
}

struct selection selection_of_weighted(const struct model *model, const struct profile *profile)
{
    struct selection selection = {0};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        if (!is_zero(model->value[i])) {
            selection.heads[selection.head_count++] = i;
        }
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        if (!is_zero(model->multipliers[i]) && !is_idle(i, profile)) {
            selection.multipliers[selection.multiplier_count++] = i;
        }
    }
    return selection;
}

struct selection selection_of_all(void)
{
    struct selection selection = {.head_count = HEAD_COUNT, .multiplier_count = MULTIPLIER_COUNT};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        selection.heads[i] = i;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        selection.multipliers[i] = i;
    }
    return selection;
}

enum status quantiles_init(struct quantiles *quantiles, const struct watch *watch, uint16_t region,
                           struct arena *arena)
{
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        quantiles->histograms[i] = watch_find(watch, region, i, WATCH_VIEWS_MINIMUM);
    }
    quantiles->known = arena_new(arena, double, DURATION_BUCKET_COUNT *WATCH_BIN_COUNT);
    return quantiles->known != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static double mean_watch_quantile(struct quantiles *quantiles, const struct video *video)
{
    unsigned bucket = video->duration_bucket;
    int64_t watch_ms = video->decayed.mean_watch_ms;
    double *known = &quantiles->known[bucket * WATCH_BIN_COUNT + watch_bin(watch_ms)];
    if (is_zero(*known)) {
        *known = watch_quantile(quantiles->histograms[bucket], watch_ms) + 1;
    }
    return *known - 1;
}

/* Without a watch time the quantile says nothing, so nothing counts and the prior remains. */
static void fill_watches(struct quantiles *quantiles, const struct block *block,
                         struct features *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double plays = block->counts[i][COUNTER_PLAYS] * block->decay[i];
        out->watches[i] = block->videos[i]->decayed.mean_watch_ms > 0 ? plays : 0;
        out->hits[HEAD_WATCH_QUANTILE][i] =
            out->watches[i] * mean_watch_quantile(quantiles, block->videos[i]);
    }
}

/* More hits than views (likes whose impressions have decayed) count as one each. */
static void fill_hits(enum counter counter, const struct block *block, double *hits)
{
    float counts[FEATURE_BLOCK];
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        counts[i] = block->counts[i][counter];
    }
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        double hit = counts[i] * block->decay[i];
        hits[i] = hit < block->views[i] ? hit : block->views[i];
    }
}

static const enum counter head_counters[HEAD_COUNT] = {
    [HEAD_VALID_PLAY] = COUNTER_VALID_PLAYS,
    [HEAD_LONG_VIEW] = COUNTER_LONG_VIEWS,
    [HEAD_COMPLETE] = COUNTER_COMPLETES,
    [HEAD_WATCH_QUANTILE] = COUNTER_SCORED_COUNT,
    [HEAD_LIKE] = COUNTER_LIKES,
    [HEAD_SHARE] = COUNTER_SHARES,
    [HEAD_FOLLOW] = COUNTER_FOLLOWS,
    [HEAD_SKIP] = COUNTER_SKIPS,
    [HEAD_NOT_INTERESTED] = COUNTER_NOT_INTERESTED,
    [HEAD_REPORT] = COUNTER_REPORTS,
};

static double most_views(const struct stats_decayed *decayed, enum half_life half_life)
{
    double impressions = decayed->counts[half_life][COUNTER_IMPRESSIONS];
    double plays = decayed->counts[half_life][COUNTER_PLAYS];
    return impressions > plays ? impressions : plays;
}

/* Ages first, in whole numbers, so that the rest is a loop over doubles alone. */
static void fill_freshness(const struct block *block, double *out)
{
    double ages_ms[FEATURE_BLOCK];
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        int64_t published_ms = block->videos[i]->published_ms;
        int64_t age_ms = block->profile->now_ms - published_ms;
        int64_t known_ms = published_ms != 0 ? age_ms : INT64_MAX; /* as good as never */
        ages_ms[i] = (double)(known_ms > 0 ? known_ms : 0);
    }
    double half_life_ms = block->model->freshness_half_life_ms;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = exact_exp2(-ages_ms[i] / half_life_ms);
    }
}

static void fill_popularity(const struct block *block, double *out)
{
    const struct model *model = block->model;
    enum half_life half_life = model->popularity_half_life;
    struct stats_moment now = stats_moment_of(block->profile->now_ms, half_life);
    double scale = model->popularity_scale;
    double views[FEATURE_BLOCK];
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        const struct stats_decayed *decayed = &block->videos[i]->decayed;
        views[i] = most_views(decayed, half_life) * stats_decay_factor(now, decayed->newest_tick);
    }
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = views[i] / (views[i] + scale);
    }
}

static void fill_language_match(const struct block *block, double *out)
{
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = profile_language_match(block->profile, block->videos[i]);
    }
}

static void fill_new_video(const struct block *block, double *out)
{
    double scale = block->model->new_video_views;
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        out[i] = scale / (scale + block->views[i]);
    }
}

static double quality(const struct block *block, size_t i)
{
    return block->videos[i]->quality;
}

static double curated(const struct block *block, size_t i)
{
    return block->videos[i]->curated * 0.5;
}

static double premium(const struct block *block, size_t i)
{
    return block->videos[i]->premium;
}

static double local_creator(const struct block *block, size_t i)
{
    uint16_t region = block->profile->region;
    return region != 0 && block->videos[i]->creator_region == region;
}

static double follows_creator(const struct block *block, size_t i)
{
    const struct user *user = block->profile->user;
    return user != NULL && user_follows(user, block->videos[i]->creator_key);
}

static double seen_before(const struct block *block, size_t i)
{
    return block->candidates[i].seen;
}

static double retrieval(const struct block *block, size_t i)
{
    double score = block->candidates[i].retrieval_score;
    return score > 0 ? score / (1 + score) : 0;
}

static double none(const struct block *block, size_t i)
{
    (void)block;
    (void)i;
    return 0;
}

/* Each feature's column in a loop of its own, so that its function is part of it. */
#define FILL(feature)                                                  \
    static void fill_##feature(const struct block *block, double *out) \
    {                                                                  \
        for (size_t i = 0; i < FEATURE_BLOCK; i++) {                   \
            out[i] = feature(block, i);                                \
        }                                                              \
    }
FILL(quality)
FILL(curated)
FILL(premium)
FILL(local_creator)
FILL(follows_creator)
FILL(seen_before)
FILL(retrieval)
FILL(none)

static void (*const fill_multiplier[MULTIPLIER_COUNT])(const struct block *, double *) = {
    [MULTIPLIER_FRESHNESS] = fill_freshness,
    [MULTIPLIER_POPULARITY] = fill_popularity,
    [MULTIPLIER_QUALITY] = fill_quality,
    [MULTIPLIER_CURATED] = fill_curated,
    [MULTIPLIER_PREMIUM] = fill_premium,
    [MULTIPLIER_LANGUAGE_MATCH] = fill_language_match,
    [MULTIPLIER_LOCAL_CREATOR] = fill_local_creator,
    [MULTIPLIER_FOLLOWS_CREATOR] = fill_follows_creator,
    [MULTIPLIER_NEW_VIDEO] = fill_new_video,
    [MULTIPLIER_SEEN_BEFORE] = fill_seen_before,
    [MULTIPLIER_RETRIEVAL] = fill_retrieval,
    [MULTIPLIER_SOURCE] = fill_none,
    [MULTIPLIER_FATIGUE_CREATOR] = fill_none,
    [MULTIPLIER_FATIGUE_CATEGORY] = fill_none,
};

static void init_block(struct block *block, const struct candidate *candidates, size_t count)
{
    enum half_life half_life = block->model->rate_half_life;
    struct stats_moment now = stats_moment_of(block->profile->now_ms, half_life);
    for (size_t i = 0; i < FEATURE_BLOCK; i++) {
        block->candidates[i] = candidates[i < count ? i : 0];
        const struct video *video = block->candidates[i].video;
        block->videos[i] = video;
        block->counts[i] = video->decayed.counts[half_life];
        block->decay[i] = stats_decay_factor(now, video->decayed.newest_tick);
        block->views[i] = most_views(&video->decayed, half_life) * block->decay[i];
    }
}

void features_fill(const struct model *model, const struct profile *profile,
                   struct quantiles *quantiles, const struct selection *selection,
                   const struct candidate *candidates, size_t count, struct features *out)
{
    CHECK(count > 0);
    CHECK(count <= FEATURE_BLOCK);
    struct block block;
    block.model = model;
    block.profile = profile;
    init_block(&block, candidates, count);
    memcpy(out->views, block.views, sizeof(out->views));
    profile_tastes(profile, block.videos, FEATURE_BLOCK, out->taste);
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        if (head == HEAD_WATCH_QUANTILE) {
            fill_watches(quantiles, &block, out);
        } else {
            fill_hits(head_counters[head], &block, out->hits[head]);
        }
    }
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        enum multiplier multiplier = selection->multipliers[i];
        fill_multiplier[multiplier](&block, out->multipliers[multiplier]);
    }
}
