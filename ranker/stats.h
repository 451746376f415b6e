#ifndef RANKER_STATS_H
#define RANKER_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/status.h"

enum counter {
    COUNTER_IMPRESSIONS,
    COUNTER_PLAYS,
    COUNTER_VALID_PLAYS,
    COUNTER_LONG_VIEWS,
    COUNTER_COMPLETES,
    COUNTER_SKIPS,
    COUNTER_LIKES,
    COUNTER_SHARES,
    COUNTER_FOLLOWS,
    COUNTER_NOT_INTERESTED,
    COUNTER_REPORTS,
    COUNTER_SCORED_COUNT, /* those above are what scoring reads */
    COUNTER_COMMENTS = COUNTER_SCORED_COUNT,
    COUNTER_COUNT
};

enum half_life { HALF_LIFE_30_MIN, HALF_LIFE_1_DAY, HALF_LIFE_14_DAYS, HALF_LIFE_COUNT };

/*
 * Integer counts of one video in one scope, in time buckets whose width grows with age, so that the
 * final bytes depend on the set of events and not on their order.
 *
 * Time is cut into ticks of 450 s. Relative to the newest tick seen, an event is kept in a bucket
 * of 1 tick while younger than 16 of those, of 48 ticks (6 h) while younger than 16 of those, of
 * 672 ticks (3.5 d) while younger than 16 of those, and in the undated total after that. The total
 * also holds everything. The level of an event depends on its age against the final newest tick
 * alone.
 */
enum { STATS_BUCKETS_MAX = 49, STATS_LEVEL_COUNT = 3 };

struct stats_bucket {
    uint32_t start_tick; /* multiple of the level's width */
    uint8_t level;       /* 0, 1, 2 */
    int32_t counts[COUNTER_COUNT];
};

struct stats {
    int64_t total[COUNTER_COUNT];
    int64_t watch_ms;
    uint32_t newest_tick;
    uint32_t bucket_count;
    uint32_t bucket_capacity;
    struct stats_bucket *buckets; /* owned; oldest first, level 2 before 1 before 0 */
};

/* What one event adds. Counts may be -1 (a like taken back). */
struct stats_delta {
    int32_t counts[COUNTER_COUNT];
    int64_t watch_ms;
};

/* Decayed counts as of the start of newest_tick: what scoring reads. A function of struct stats. */
struct stats_decayed {
    uint32_t newest_tick;
    uint32_t mean_watch_ms; /* total watch time over plays; 0 without plays */
    float counts[HALF_LIFE_COUNT][COUNTER_SCORED_COUNT];
};

enum { STATS_TICK_MS = 450000 };

/* time_ms / STATS_TICK_MS; 0 for negative times. */
uint32_t stats_tick(int64_t time_ms);

/* When a tick begins. */
static inline int64_t stats_tick_ms(uint32_t tick)
{
    return (int64_t)tick * STATS_TICK_MS;
}

/* STATUS_NO_MEMORY leaves stats as it was. time_ms at least 0. */
MUST_USE enum status stats_add(struct stats *stats, int64_t time_ms,
                               const struct stats_delta *delta);

/*
 * Each count is the sum over buckets, oldest first, of count * 2^(-(age in quarter half-lives) /
 * 4), age from the bucket's start to newest_tick, never below 0 in sum. Counts only in the undated
 * total weigh nothing.
 */
void stats_decay(const struct stats *stats, struct stats_decayed *out);

/* One moment and half-life, for the factors of many videos. */
struct stats_moment {
    uint32_t tick;
    uint64_t quarters_per_tick; /* times 2^32, rounded up */
};

struct stats_moment stats_moment_of(int64_t now_ms, enum half_life half_life);

/* 2^0, 2^(-1/4), 2^(-2/4) and 2^(-3/4), as the bits of doubles. */
#define STATS_POWER_0 UINT64_C(0x3ff0000000000000)
#define STATS_POWER_1 UINT64_C(0x3feae89f995ad3ad)
#define STATS_POWER_2 UINT64_C(0x3fe6a09e667f3bcd)
#define STATS_POWER_3 UINT64_C(0x3fe306fe0a31b715)

/* From so many on, 2^(-quarters / 4) counts as 0. */
enum { STATS_QUARTERS_MAX = 4004 };

/*
 * 2^(-quarters / 4) without the C library, whose last bit may differ between machines. Taking n
 * from the exponent's bits divides by 2^n.
 */
static inline double stats_quarter_power(uint32_t quarters)
{
    static const uint64_t fractions[4] = {STATS_POWER_0, STATS_POWER_1, STATS_POWER_2,
                                          STATS_POWER_3};
    uint64_t bits = fractions[quarters % 4] - ((uint64_t)(quarters / 4) << 52);
    double power;
    memcpy(&power, &bits, sizeof(power));
    return quarters < STATS_QUARTERS_MAX ? power : 0;
}

/*
 * Quarter half-lives from newest_tick to the moment, 0 if the moment is earlier. Ages that leave
 * nothing are cut to a number for which multiplying by the rounded reciprocal divides exactly.
 */
static inline uint64_t stats_quarters(struct stats_moment moment, uint32_t newest_tick)
{
    enum { MAX_TICKS = 1 << 22 };
    uint32_t ticks = moment.tick > newest_tick ? moment.tick - newest_tick : 0;
    uint64_t cut = ticks < MAX_TICKS ? ticks : MAX_TICKS;
    return (cut * moment.quarters_per_tick) >> 32;
}

/*
 * Factor that brings stats_decayed counts from newest_tick to the moment: 2^(-quarters / 4). Rates
 * do not need it; popularity and smoothing do.
 */
static inline double stats_decay_factor(struct stats_moment moment, uint32_t newest_tick)
{
    return stats_quarter_power((uint32_t)stats_quarters(moment, newest_tick));
}

/* Whether stats_add() can have left it so: buckets in their order and where their age demands. */
bool stats_is_sound(const struct stats *stats);

/* Makes *to a copy; what it held is overwritten. STATUS_NO_MEMORY changes nothing. */
MUST_USE enum status stats_copy(const struct stats *from, struct stats *to);

/* Frees what stats holds, not stats itself. */
void stats_release(struct stats *stats);

#endif
