#include "ranker/rates.h"

#include <string.h>

#include "ranker/check.h"

_Static_assert((int)RATE_SCOPE_GLOBAL == (int)SCOPE_GLOBAL &&
                   (int)RATE_SCOPE_REGION == (int)SCOPE_REGION &&
                   (int)RATE_SCOPE_LANGUAGE == (int)SCOPE_LANGUAGE,
               "one number for both");

void rates_init(struct rates *rates, const struct model *model, const struct profile *profile,
                const struct scoped_table *scoped, const struct video_block *videos)
{
    rates->model = model;
    rates->profile = profile;
    rates->scoped = scoped;
    rates->videos = videos;
    memset(rates->found, 0, sizeof(rates->found));
    memset(rates->brought, 0, sizeof(rates->brought));
    memset(rates->gathered, 0, sizeof(rates->gathered));
}

static void put_four(float columns[4][VIDEO_BLOCK], size_t at, const __m128i four[4])
{
    for (unsigned i = 0; i < 4; i++) {
        video_block_put(columns[i], at, four[i]);
    }
}

/* Four of everyone's counters, from rows to columns. */
static void gather_four(struct rates *rates, enum half_life half_life, unsigned first)
{
    size_t offset =
        offsetof(struct video, decayed.counts) + (half_life * VIDEO_RARE + first) * sizeof(float);
    for (size_t i = 0; i < VIDEO_BLOCK; i += 4) {
        __m128i four[4];
        video_block_transpose(&rates->videos->rows[i], offset, four);
        put_four(&rates->counts[half_life][first], i, four);
    }
}

/* Likewise the rare ones, which lie apart. */
static void gather_rare(struct rates *rates, enum half_life half_life)
{
    const struct video_block *videos = rates->videos;
    size_t offset =
        offsetof(struct video_more, counts) + half_life * sizeof(videos->more->counts[0]);
    for (size_t i = 0; i < VIDEO_BLOCK; i += 4) {
        __m128i four[4];
        video_block_transpose_more(videos->more, &videos->rows[i], offset, four);
        put_four(&rates->counts[half_life][VIDEO_RARE], i, four);
    }
}

/* Turns the first count of everyone's counters, or some more, into columns. The last four of a
 * row's overlap those before. */
static void gather_global(struct rates *rates, enum half_life half_life, unsigned count)
{
    unsigned *gathered = &rates->gathered[half_life];
    while (*gathered < count) {
        unsigned last = VIDEO_RARE - 4;
        unsigned first = *gathered < last ? *gathered : last;
        if (*gathered == VIDEO_RARE) {
            gather_rare(rates, half_life);
            first = VIDEO_RARE;
        } else {
            gather_four(rates, half_life, first);
        }
        *gathered = first + 4;
    }
}
_Static_assert(COUNTER_SCORED_COUNT - VIDEO_RARE == 4, "one vector");

/*
 * stats_decay_factor() of a block, without its table and jumps, so that it becomes vectors; the
 * same bits.
 */
static void decay_factors(struct stats_moment now, const uint32_t *newest_ticks, double *out)
{
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        uint64_t quarters = stats_quarters(now, newest_ticks[i]);
        uint64_t even = (quarters & 2) != 0 ? STATS_POWER_2 : STATS_POWER_0;
        uint64_t odd = (quarters & 2) != 0 ? STATS_POWER_3 : STATS_POWER_1;
        uint64_t bits = ((quarters & 1) != 0 ? odd : even) - (quarters / 4 << 52);
        bits = quarters < STATS_QUARTERS_MAX ? bits : 0;
        memcpy(&out[i], &bits, sizeof(bits));
    }
}

static void find_rows(struct rates *rates, enum scope_kind scope)
{
    struct locale locale = rates->profile->locale;
    uint16_t code = scope == SCOPE_REGION ? locale.region : locale_language(locale);
    if (!rates->found[scope]) {
        scoped_find_many(rates->scoped, scope, code, rates->videos->rows, VIDEO_BLOCK,
                         rates->rows[scope]);
        rates->found[scope] = true;
    }
}

static void bring_global(struct rates *rates, struct stats_moment now, enum half_life half_life)
{
    double *decays = rates->decays[SCOPE_GLOBAL][half_life];
    double *views = rates->views[SCOPE_GLOBAL][half_life];
    gather_global(rates, half_life, COUNTER_PLAYS + 1);
    const float *impressions = rates->counts[half_life][COUNTER_IMPRESSIONS];
    const float *plays = rates->counts[half_life][COUNTER_PLAYS];
    decay_factors(now, rates->videos->newest_ticks, decays);
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        float most = impressions[i] > plays[i] ? impressions[i] : plays[i];
        views[i] = most * decays[i];
    }
}

static void bring_scoped(struct rates *rates, struct stats_moment now, struct rate_place place)
{
    double *decays = rates->decays[place.scope][place.half_life];
    double *views = rates->views[place.scope][place.half_life];
    find_rows(rates, place.scope);
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        const struct scoped *row = rates->rows[place.scope][i];
        decays[i] = 0;
        views[i] = 0;
        if (row != NULL) {
            double impressions = scoped_count(row, place.half_life, COUNTER_IMPRESSIONS);
            double plays = scoped_count(row, place.half_life, COUNTER_PLAYS);
            decays[i] = stats_decay_factor(now, scoped_newest_tick(row));
            views[i] = (impressions > plays ? impressions : plays) * decays[i];
        }
    }
}

/* Works out decays and views of a place. */
static void bring(struct rates *rates, struct rate_place place)
{
    bool *brought = &rates->brought[place.scope][place.half_life];
    if (*brought) {
        return;
    }
    struct stats_moment now = stats_moment_of(rates->profile->now_ms, place.half_life);
    if (place.scope == SCOPE_GLOBAL) {
        bring_global(rates, now, place.half_life);
    } else {
        bring_scoped(rates, now, place);
    }
    *brought = true;
}

const double *rates_views(struct rates *rates, struct rate_place place)
{
    bring(rates, place);
    return rates->views[place.scope][place.half_life];
}

static void gather_scoped(const struct rates *rates, struct rate_place place, enum counter counter,
                          float *counts)
{
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        const struct scoped *row = rates->rows[place.scope][i];
        counts[i] =
            row != NULL ? (float)scoped_count(row, place.half_life, counter) : 0; /* exact */
    }
}

void rates_hits(struct rates *rates, struct rate_place place, enum counter counter, double *out)
{
    bring(rates, place);
    const double *decays = rates->decays[place.scope][place.half_life];
    const double *views = rates->views[place.scope][place.half_life];
    float scoped[VIDEO_BLOCK];
    const float *counts = scoped;
    if (place.scope == SCOPE_GLOBAL) {
        gather_global(rates, place.half_life, COUNTER_SCORED_COUNT);
        counts = rates->counts[place.half_life][counter];
    } else {
        gather_scoped(rates, place, counter, scoped);
    }
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        double hits = counts[i] * decays[i];
        out[i] = hits < views[i] ? hits : views[i];
    }
}

void rates_plays(struct rates *rates, enum half_life half_life, double *out)
{
    struct rate_place place = {.scope = SCOPE_GLOBAL, .half_life = half_life};
    bring(rates, place);
    const float *plays = rates->counts[half_life][COUNTER_PLAYS];
    const double *decays = rates->decays[SCOPE_GLOBAL][half_life];
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        out[i] = plays[i] * decays[i];
    }
}

enum counter rates_counter(enum head head)
{
    static const enum counter counters[HEAD_COUNT] = {
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
    enum counter counter = counters[head];
    CHECK(counter < COUNTER_SCORED_COUNT);
    return counter;
}

static void shrink(const double *hits, const double *views, double strength, double *rate)
{
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        rate[i] = (hits[i] + strength * rate[i]) / (views[i] + strength);
    }
}

void rates_smoothed(struct rates *rates, struct rate_place place, enum head head, double *out)
{
    const struct model *model = rates->model;
    const double strengths[SCOPE_KIND_END] = {
        [SCOPE_GLOBAL] = model->heads[head].strength,
        [SCOPE_REGION] = model->region_strength,
        [SCOPE_LANGUAGE] = model->language_strength,
    };
    enum counter counter = rates_counter(head);
    for (size_t i = 0; i < VIDEO_BLOCK; i++) {
        out[i] = model->heads[head].prior;
    }
    for (unsigned scope = SCOPE_GLOBAL; scope <= (unsigned)place.scope; scope++) {
        struct rate_place at = {.scope = scope, .half_life = place.half_life};
        double hits[VIDEO_BLOCK];
        rates_hits(rates, at, counter, hits);
        shrink(hits, rates_views(rates, at), strengths[scope], out);
    }
}
