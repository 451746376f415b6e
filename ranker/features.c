#include "ranker/features.h"

#include "ranker/check.h"
#include "ranker/exact.h"

/* Fewer views than this in a region say less than all regions together. */
enum { WATCH_VIEWS_MINIMUM = 100 };

/* A candidate with what several features need of it. */
struct row {
    const struct video *video;
    double retrieval_score;
    bool seen;
    /* Decayed to now with rate_half_life. */
    double views; /* impressions or plays, whichever is more */
    double counts[COUNTER_SCORED_COUNT];
};

static bool is_zero(double x)
{
    return !(x < 0) && !(x > 0);
}

struct selection selection_of_weighted(const struct model *model)
{
    struct selection selection = {0};
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        if (!is_zero(model->value[i])) {
            selection.heads[selection.head_count++] = i;
        }
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        if (!is_zero(model->multipliers[i])) {
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
static void fill_watches(struct quantiles *quantiles, const struct row *rows, size_t count,
                         struct features *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct video *video = rows[i].video;
        out->watches[i] = video->decayed.mean_watch_ms > 0 ? rows[i].counts[COUNTER_PLAYS] : 0;
        out->hits[HEAD_WATCH_QUANTILE][i] = out->watches[i] * mean_watch_quantile(quantiles, video);
    }
}

/* More hits than views (likes whose impressions have decayed) count as one each. */
static void fill_hits(enum counter counter, const struct row *rows, size_t count, double *hits)
{
    for (size_t i = 0; i < count; i++) {
        double hit = rows[i].counts[counter];
        hits[i] = hit < rows[i].views ? hit : rows[i].views;
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

/* What a feature may read. */
struct reading {
    const struct model *model;
    const struct profile *profile;
};

static double freshness(const struct reading *reading, const struct row *row)
{
    int64_t published_ms = row->video->published_ms;
    if (published_ms == 0) {
        return 0;
    }
    int64_t age_ms = reading->profile->now_ms - published_ms;
    return exact_exp2(-(double)(age_ms > 0 ? age_ms : 0) / reading->model->freshness_half_life_ms);
}

static double popularity(const struct reading *reading, const struct row *row)
{
    const struct model *model = reading->model;
    const struct stats_decayed *decayed = &row->video->decayed;
    double decay = stats_decay_factor(decayed->newest_tick, reading->profile->now_ms,
                                      model->popularity_half_life);
    double views = most_views(decayed, model->popularity_half_life) * decay;
    return views / (views + model->popularity_scale);
}

static double quality(const struct reading *reading, const struct row *row)
{
    (void)reading;
    return row->video->quality;
}

static double curated(const struct reading *reading, const struct row *row)
{
    (void)reading;
    return row->video->curated * 0.5;
}

static double premium(const struct reading *reading, const struct row *row)
{
    (void)reading;
    return row->video->premium;
}

static double language_match(const struct reading *reading, const struct row *row)
{
    return profile_language_match(reading->profile, row->video);
}

static double local_creator(const struct reading *reading, const struct row *row)
{
    uint16_t region = reading->profile->region;
    return region != 0 && row->video->creator_region == region;
}

static double follows_creator(const struct reading *reading, const struct row *row)
{
    const struct user *user = reading->profile->user;
    return user != NULL && user_follows(user, row->video->creator_key);
}

static double new_video(const struct reading *reading, const struct row *row)
{
    double scale = reading->model->new_video_views;
    return scale / (scale + row->views);
}

static double seen_before(const struct reading *reading, const struct row *row)
{
    (void)reading;
    return row->seen;
}

static double retrieval(const struct reading *reading, const struct row *row)
{
    (void)reading;
    double score = row->retrieval_score;
    return score > 0 ? score / (1 + score) : 0;
}

/* Each feature's column in a loop of its own, so that its function is part of it. */
#define FILL(feature)                                                                 \
    static void fill_##feature(const struct reading *reading, const struct row *rows, \
                               size_t count, double *out)                             \
    {                                                                                 \
        for (size_t i = 0; i < count; i++) {                                          \
            out[i] = feature(reading, &rows[i]);                                      \
        }                                                                             \
    }
FILL(freshness)
FILL(popularity)
FILL(quality)
FILL(curated)
FILL(premium)
FILL(language_match)
FILL(local_creator)
FILL(follows_creator)
FILL(new_video)
FILL(seen_before)
FILL(retrieval)

static void (*const fill_multiplier[MULTIPLIER_COUNT])(const struct reading *, const struct row *,
                                                       size_t, double *) = {
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
};

static struct row row_of(const struct reading *reading, const struct candidate *candidate)
{
    enum half_life half_life = reading->model->rate_half_life;
    const struct stats_decayed *decayed = &candidate->video->decayed;
    double decay = stats_decay_factor(decayed->newest_tick, reading->profile->now_ms, half_life);
    struct row row = {
        .video = candidate->video,
        .retrieval_score = candidate->retrieval_score,
        .seen = candidate->seen,
        .views = most_views(decayed, half_life) * decay,
    };
    for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
        row.counts[i] = decayed->counts[half_life][i] * decay;
    }
    return row;
}

void features_fill(const struct model *model, const struct profile *profile,
                   struct quantiles *quantiles, const struct selection *selection,
                   const struct candidate *candidates, size_t count, struct features *out)
{
    CHECK(count <= FEATURE_BLOCK);
    struct reading reading = {.model = model, .profile = profile};
    struct row rows[FEATURE_BLOCK];
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_of(&reading, &candidates[i]);
        out->taste[i] = profile_taste(profile, rows[i].video);
        out->views[i] = rows[i].views;
    }
    for (unsigned i = 0; i < selection->head_count; i++) {
        enum head head = selection->heads[i];
        if (head == HEAD_WATCH_QUANTILE) {
            fill_watches(quantiles, rows, count, out);
        } else {
            fill_hits(head_counters[head], rows, count, out->hits[head]);
        }
    }
    for (unsigned i = 0; i < selection->multiplier_count; i++) {
        enum multiplier multiplier = selection->multipliers[i];
        fill_multiplier[multiplier](&reading, rows, count, out->multipliers[multiplier]);
    }
}
