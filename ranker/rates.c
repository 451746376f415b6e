#include "ranker/rates.h"

#include <string.h>
#include <xmmintrin.h>

#include "ranker/check.h"

_Static_assert((int)RATE_SCOPE_GLOBAL == (int)SCOPE_GLOBAL &&
                   (int)RATE_SCOPE_REGION == (int)SCOPE_REGION &&
                   (int)RATE_SCOPE_LANGUAGE == (int)SCOPE_LANGUAGE,
               "one number for both");

void rates_init(struct rates *rates, const struct model *model, const struct profile *profile,
                const struct scoped_table *scoped, const struct video *const *videos)
{
    rates->model = model;
    rates->profile = profile;
    rates->scoped = scoped;
    rates->videos = videos;
    memset(rates->found, 0, sizeof(rates->found));
    memset(rates->brought, 0, sizeof(rates->brought));
    memset(rates->gathered, 0, sizeof(rates->gathered));
}

/* Four counters of four videos, from rows to columns. */
static inline void transpose(const struct video *const *videos, enum half_life half_life,
                             enum counter first, float (*columns)[PROFILE_BLOCK])
{
    __m128 a = _mm_loadu_ps(&videos[0]->decayed.counts[half_life][first]);
    __m128 b = _mm_loadu_ps(&videos[1]->decayed.counts[half_life][first]);
    __m128 c = _mm_loadu_ps(&videos[2]->decayed.counts[half_life][first]);
    __m128 d = _mm_loadu_ps(&videos[3]->decayed.counts[half_life][first]);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(columns[0], a);
    _mm_storeu_ps(columns[1], b);
    _mm_storeu_ps(columns[2], c);
    _mm_storeu_ps(columns[3], d);
}

/* Turns everyone's counters into columns. The last four overlap those before. */
static void gather_global(struct rates *rates, enum half_life half_life)
{
    float(*columns)[PROFILE_BLOCK] = rates->counts[half_life];
    if (rates->gathered[half_life]) {
        return;
    }
    for (size_t i = 0; i < PROFILE_BLOCK; i += 4) {
        const struct video *const *videos = &rates->videos[i];
        for (unsigned first = 0; first + 4 <= COUNTER_SCORED_COUNT; first += 4) {
            transpose(videos, half_life, first, (void *)&columns[first][i]);
        }
        transpose(videos, half_life, COUNTER_SCORED_COUNT - 4,
                  (void *)&columns[COUNTER_SCORED_COUNT - 4][i]);
    }
    rates->gathered[half_life] = true;
}
_Static_assert(PROFILE_BLOCK % 4 == 0, "whole groups");

/*
 * stats_decay_factor() of a block, without its table and jumps, so that it becomes vectors; the
 * same bits.
 */
static void decay_factors(struct stats_moment now, const uint32_t *newest_ticks, double *out)
{
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
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
        scoped_find_many(rates->scoped, scope, code, rates->videos, PROFILE_BLOCK,
                         rates->rows[scope]);
        rates->found[scope] = true;
    }
}

static void bring_global(struct rates *rates, struct stats_moment now, enum half_life half_life)
{
    double *decays = rates->decays[SCOPE_GLOBAL][half_life];
    double *views = rates->views[SCOPE_GLOBAL][half_life];
    uint32_t newest_ticks[PROFILE_BLOCK];
    float most[PROFILE_BLOCK];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        const struct stats_decayed *decayed = &rates->videos[i]->decayed;
        newest_ticks[i] = decayed->newest_tick;
        most[i] = (float)stats_most_views(decayed, half_life); /* exact */
    }
    decay_factors(now, newest_ticks, decays);
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        views[i] = most[i] * decays[i];
    }
}

static void bring_scoped(struct rates *rates, struct stats_moment now, struct rate_place place)
{
    double *decays = rates->decays[place.scope][place.half_life];
    double *views = rates->views[place.scope][place.half_life];
    find_rows(rates, place.scope);
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
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
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
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
    float scoped[PROFILE_BLOCK];
    const float *counts = scoped;
    if (place.scope == SCOPE_GLOBAL) {
        gather_global(rates, place.half_life);
        counts = rates->counts[place.half_life][counter];
    } else {
        gather_scoped(rates, place, counter, scoped);
    }
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        double hits = counts[i] * decays[i];
        out[i] = hits < views[i] ? hits : views[i];
    }
}

void rates_plays(struct rates *rates, enum half_life half_life, double *out)
{
    struct rate_place place = {.scope = SCOPE_GLOBAL, .half_life = half_life};
    bring(rates, place);
    gather_global(rates, half_life);
    const float *plays = rates->counts[half_life][COUNTER_PLAYS];
    const double *decays = rates->decays[SCOPE_GLOBAL][half_life];
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
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
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
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
    for (size_t i = 0; i < PROFILE_BLOCK; i++) {
        out[i] = model->heads[head].prior;
    }
    for (unsigned scope = SCOPE_GLOBAL; scope <= (unsigned)place.scope; scope++) {
        struct rate_place at = {.scope = scope, .half_life = place.half_life};
        double hits[PROFILE_BLOCK];
        rates_hits(rates, at, counter, hits);
        shrink(hits, rates_views(rates, at), strengths[scope], out);
    }
}
