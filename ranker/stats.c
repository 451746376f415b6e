#include "ranker/stats.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

enum {
    LEVEL_BUCKETS = 16,
    TICKS_1 = 48, /* width of a bucket of level 1 */
    TICKS_2 = 672 /* of level 2 */
};

/* Ticks of a quarter of each half-life: constants, so that dividing by them is multiplying. */
enum { QUARTER_30_MIN = 1, QUARTER_1_DAY = 48, QUARTER_14_DAYS = 672 };
static const uint32_t quarter_ticks[HALF_LIFE_COUNT] = {QUARTER_30_MIN, QUARTER_1_DAY,
                                                        QUARTER_14_DAYS};

uint32_t stats_tick(int64_t time_ms)
{
    int64_t tick = time_ms > 0 ? time_ms / STATS_TICK_MS : 0;
    return tick < UINT32_MAX ? (uint32_t)tick : UINT32_MAX;
}

/*
 * The level of an event at tick, STATS_LEVEL_COUNT for the undated total. Age is counted in whole
 * buckets of the level: all events of a bucket leave it together, and since each width divides the
 * next, an event that aged on the way lies where one that comes late is put.
 */
static unsigned level_of(uint32_t tick, uint32_t newest_tick)
{
    if (newest_tick - tick < LEVEL_BUCKETS) {
        return 0;
    }
    if (newest_tick / TICKS_1 - tick / TICKS_1 < LEVEL_BUCKETS) {
        return 1;
    }
    return newest_tick / TICKS_2 - tick / TICKS_2 < LEVEL_BUCKETS ? 2 : STATS_LEVEL_COUNT;
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

static void add_counts(struct stats_bucket *bucket, const int32_t counts[COUNTER_COUNT])
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        bucket->counts[i] = add_count(bucket->counts[i], counts[i]);
    }
}

/* Where an event is kept; a level of STATS_LEVEL_COUNT is nowhere. */
struct place {
    uint32_t start_tick;
    unsigned level;
};

static struct place place_of(uint32_t tick, uint32_t newest_tick)
{
    static const uint32_t widths[STATS_LEVEL_COUNT + 1] = {1, TICKS_1, TICKS_2, 1};
    unsigned level = level_of(tick, newest_tick);
    return (struct place){.start_tick = tick - tick % widths[level], .level = level};
}

static bool lies_at(const struct stats_bucket *bucket, struct place place)
{
    return bucket->level == place.level && bucket->start_tick == place.start_tick;
}

static bool is_newer(const struct stats_bucket *bucket, struct place place)
{
    return bucket->level != place.level ? bucket->level < place.level
                                        : bucket->start_tick > place.start_tick;
}

/* Adds counts dated tick to the bucket it belongs to. There is room for one bucket more. */
static void add_dated(struct stats *stats, uint32_t tick, const int32_t counts[COUNTER_COUNT])
{
    struct place place = place_of(tick, stats->newest_tick);
    if (place.level == STATS_LEVEL_COUNT) {
        return;
    }
    uint32_t at = stats->bucket_count;
    while (at > 0 && is_newer(&stats->buckets[at - 1], place)) {
        at--;
    }
    if (at > 0 && lies_at(&stats->buckets[at - 1], place)) {
        add_counts(&stats->buckets[at - 1], counts);
        return;
    }
    CHECK(stats->bucket_count < stats->bucket_capacity);
    struct stats_bucket *bucket = &stats->buckets[at];
    memmove(bucket + 1, bucket, (stats->bucket_count - at) * sizeof(*bucket));
    *bucket = (struct stats_bucket){.start_tick = place.start_tick, .level = (uint8_t)place.level};
    memcpy(bucket->counts, counts, sizeof(bucket->counts));
    stats->bucket_count++;
}

/*
 * Moves newest_tick on and every bucket to where its age then demands. Buckets are in order of time
 * and stay so: those that meet in one place are neighbours.
 */
static void advance(struct stats *stats, uint32_t newest_tick)
{
    uint32_t kept = 0;
    stats->newest_tick = newest_tick;
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        struct stats_bucket bucket = stats->buckets[i];
        struct place place = place_of(bucket.start_tick, newest_tick);
        if (place.level == STATS_LEVEL_COUNT) {
            continue;
        }
        if (kept > 0 && lies_at(&stats->buckets[kept - 1], place)) {
            add_counts(&stats->buckets[kept - 1], bucket.counts);
            continue;
        }
        bucket.start_tick = place.start_tick;
        bucket.level = (uint8_t)place.level;
        stats->buckets[kept++] = bucket;
    }
    stats->bucket_count = kept;
}

static enum status reserve_bucket(struct stats *stats)
{
    if (stats->bucket_count < stats->bucket_capacity ||
        stats->bucket_capacity == STATS_BUCKETS_MAX) {
        return STATUS_OK;
    }
    uint32_t capacity = stats->bucket_capacity > 0 ? stats->bucket_capacity * 2 : 1;
    if (capacity > STATS_BUCKETS_MAX) {
        capacity = STATS_BUCKETS_MAX;
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

/* Of all counters, though not all are scored: an even number of them makes whole vectors. */
static void add_weighted(double sums[HALF_LIFE_COUNT][COUNTER_COUNT],
                         const int32_t counts[COUNTER_COUNT], const double weights[HALF_LIFE_COUNT])
{
    double numbers[COUNTER_COUNT];
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        numbers[i] = counts[i];
    }
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        double weight = weights[h];
        for (unsigned i = 0; i < COUNTER_COUNT; i++) {
            sums[h][i] += numbers[i] * weight;
        }
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
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct stats_bucket *bucket = &stats->buckets[i];
        uint32_t age = stats->newest_tick - bucket->start_tick;
        const double weights[HALF_LIFE_COUNT] = {
            stats_quarter_power(age / QUARTER_30_MIN),
            stats_quarter_power(age / QUARTER_1_DAY),
            stats_quarter_power(age / QUARTER_14_DAYS),
        };
        add_weighted(sums, bucket->counts, weights);
    }
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
            out->counts[h][i] = sums[h][i] > 0 ? (float)sums[h][i] : 0;
        }
    }
    out->newest_tick = stats->newest_tick;
    out->mean_watch_ms = mean_watch_ms(stats);
}

struct stats_moment stats_moment_of(int64_t now_ms, enum half_life half_life)
{
    uint64_t ticks = quarter_ticks[half_life];
    return (struct stats_moment){
        .tick = stats_tick(now_ms),
        .quarters_per_tick = ((UINT64_C(1) << 32) + ticks - 1) / ticks,
    };
}

bool stats_is_sound(const struct stats *stats)
{
    if (stats->bucket_count > STATS_BUCKETS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        const struct stats_bucket *bucket = &stats->buckets[i];
        struct place place = {.start_tick = bucket->start_tick, .level = bucket->level};
        if (bucket->level >= STATS_LEVEL_COUNT || bucket->start_tick > stats->newest_tick ||
            !lies_at(bucket, place_of(bucket->start_tick, stats->newest_tick)) ||
            (i > 0 && (is_newer(bucket - 1, place) || lies_at(bucket - 1, place)))) {
            return false;
        }
    }
    return true;
}

enum status stats_copy(const struct stats *from, struct stats *to)
{
    struct stats_bucket *buckets = NULL;
    if (from->bucket_count > 0) {
        buckets = malloc(from->bucket_count * sizeof(*buckets));
        if (buckets == NULL) {
            return STATUS_NO_MEMORY;
        }
        memcpy(buckets, from->buckets, from->bucket_count * sizeof(*buckets));
    }
    *to = *from;
    to->buckets = buckets;
    to->bucket_capacity = from->bucket_count;
    return STATUS_OK;
}

void stats_release(struct stats *stats)
{
    free(stats->buckets);
    *stats = (struct stats){0};
}
