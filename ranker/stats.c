#include "ranker/stats.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

enum { TICK_MS = 450000, LEVEL_COUNT = 3, LEVEL_BUCKETS = 16, BUCKETS_MAX = 49 };

static const uint32_t level_ticks[LEVEL_COUNT] = {1, 48, 672};

/* A quarter of 30 minutes, 1 day and 14 days. */
static const uint32_t quarter_ticks[HALF_LIFE_COUNT] = {1, 48, 672};

uint32_t stats_tick(int64_t time_ms)
{
    int64_t tick = time_ms > 0 ? time_ms / TICK_MS : 0;
    return tick < UINT32_MAX ? (uint32_t)tick : UINT32_MAX;
}

/*
 * The level of an event at tick, LEVEL_COUNT for the undated total. Age is counted in whole buckets
 * of the level: all events of a bucket leave it together, and since each width divides the next,
 * an event that aged on the way lies where one that comes late is put.
 */
static unsigned level_of(uint32_t tick, uint32_t newest_tick)
{
    unsigned level = 0;
    while (level < LEVEL_COUNT &&
           newest_tick / level_ticks[level] - tick / level_ticks[level] >= LEVEL_BUCKETS) {
        level++;
    }
    return level;
}

/* Saturates: counts that large no longer need to commute. */
static int32_t add_count(int32_t a, int32_t b)
{
    int32_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return a < 0 ? INT32_MIN : INT32_MAX;
    }
    return sum;
}

static bool comes_before(const struct stats_bucket *bucket, unsigned level, uint32_t start_tick)
{
    return bucket->level != level ? bucket->level < level : bucket->start_tick < start_tick;
}

/* Index of the first bucket that does not come before (level, start_tick). */
static uint32_t lower_bound(const struct stats *stats, unsigned level, uint32_t start_tick)
{
    uint32_t low = 0;
    uint32_t high = stats->bucket_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (comes_before(&stats->buckets[middle], level, start_tick)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Adds counts dated tick to the bucket it belongs to. There is room for one bucket more. */
static void add_dated(struct stats *stats, uint32_t tick, const int32_t counts[COUNTER_COUNT])
{
    unsigned level = level_of(tick, stats->newest_tick);
    if (level == LEVEL_COUNT) {
        return;
    }
    uint32_t start_tick = tick - tick % level_ticks[level];
    uint32_t at = lower_bound(stats, level, start_tick);
    struct stats_bucket *bucket = &stats->buckets[at];
    if (at == stats->bucket_count || bucket->level != level || bucket->start_tick != start_tick) {
        CHECK(stats->bucket_count < stats->bucket_capacity);
        memmove(bucket + 1, bucket, (stats->bucket_count - at) * sizeof(*bucket));
        *bucket = (struct stats_bucket){.start_tick = start_tick, .level = (uint8_t)level};
        stats->bucket_count++;
    }
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        bucket->counts[i] = add_count(bucket->counts[i], counts[i]);
    }
}

static bool some_bucket_ages(const struct stats *stats)
{
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct stats_bucket *bucket = &stats->buckets[i];
        if (level_of(bucket->start_tick, stats->newest_tick) != bucket->level) {
            return true;
        }
    }
    return false;
}

/* Moves newest_tick on and puts every bucket where its age then demands. Never needs more room. */
static void advance(struct stats *stats, uint32_t newest_tick)
{
    stats->newest_tick = newest_tick;
    if (!some_bucket_ages(stats)) {
        return;
    }
    struct stats_bucket old[BUCKETS_MAX];
    uint32_t count = stats->bucket_count;
    memcpy(old, stats->buckets, count * sizeof(old[0]));
    stats->bucket_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_dated(stats, old[i].start_tick, old[i].counts);
    }
}

static enum status reserve_bucket(struct stats *stats)
{
    if (stats->bucket_count < stats->bucket_capacity || stats->bucket_capacity == BUCKETS_MAX) {
        return STATUS_OK;
    }
    uint32_t capacity = stats->bucket_capacity > 0 ? stats->bucket_capacity * 2 : 1;
    if (capacity > BUCKETS_MAX) {
        capacity = BUCKETS_MAX;
    }
    struct stats_bucket *buckets = realloc(stats->buckets, capacity * sizeof(*buckets));
    if (buckets == NULL) {
        return STATUS_NO_MEMORY;
    }
    stats->buckets = buckets;
    stats->bucket_capacity = capacity;
    return STATUS_OK;
}

enum status stats_add(struct stats *stats, int64_t time_ms, const struct stats_delta *delta)
{
    enum status status = reserve_bucket(stats);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t tick = stats_tick(time_ms);
    if (tick > stats->newest_tick) {
        advance(stats, tick);
    }
    add_dated(stats, tick, delta->counts);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        stats->total[i] += delta->counts[i];
    }
    stats->watch_ms += delta->watch_ms;
    return STATUS_OK;
}

/* 2^(-quarters / 4) without the C library, whose last bit may differ between machines. */
static double quarter_power(uint32_t quarters)
{
    static const double fractions[4] = {1.0, 0x1.ae89f995ad3adp-1, 0x1.6a09e667f3bcdp-1,
                                        0x1.306fe0a31b715p-1};
    uint32_t halvings = quarters / 4;
    if (halvings > 1000) {
        return 0;
    }
    double power = fractions[quarters % 4];
    for (; halvings >= 32; halvings -= 32) {
        power *= 0x1p-32;
    }
    return power / (double)(UINT32_C(1) << halvings);
}

static void add_weighted(double sums[COUNTER_COUNT], const int32_t counts[COUNTER_COUNT],
                         double weight)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        sums[i] += counts[i] * weight;
    }
}

static uint32_t mean_watch_ms(const struct stats *stats)
{
    int64_t plays = stats->total[COUNTER_PLAYS];
    if (plays <= 0 || stats->watch_ms <= 0) {
        return 0;
    }
    int64_t mean = stats->watch_ms / plays;
    return mean < UINT32_MAX ? (uint32_t)mean : UINT32_MAX;
}

void stats_decay(const struct stats *stats, struct stats_decayed *out)
{
    double sums[HALF_LIFE_COUNT][COUNTER_COUNT] = {{0}};
    uint32_t end = stats->bucket_count;
    while (end > 0) {
        unsigned level = stats->buckets[end - 1].level;
        uint32_t begin = lower_bound(stats, level, 0);
        for (uint32_t i = begin; i < end; i++) {
            const struct stats_bucket *bucket = &stats->buckets[i];
            uint32_t age = stats->newest_tick - bucket->start_tick;
            for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
                add_weighted(sums[h], bucket->counts, quarter_power(age / quarter_ticks[h]));
            }
        }
        end = begin;
    }
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_COUNT; i++) {
            out->counts[h][i] = sums[h][i] > 0 ? (float)sums[h][i] : 0;
        }
    }
    out->newest_tick = stats->newest_tick;
    out->mean_watch_ms = mean_watch_ms(stats);
}

double stats_decay_factor(uint32_t newest_tick, int64_t now_ms, enum half_life half_life)
{
    uint32_t now_tick = stats_tick(now_ms);
    if (now_tick <= newest_tick) {
        return 1;
    }
    return quarter_power((now_tick - newest_tick) / quarter_ticks[half_life]);
}

void stats_release(struct stats *stats)
{
    free(stats->buckets);
    *stats = (struct stats){0};
}
