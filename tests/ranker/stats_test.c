#include "ranker/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { TICK_MS = 450000, WIDTH_1 = 48, WIDTH_2 = 672 };

static void add(struct stats *stats, uint32_t tick, enum counter counter, int32_t count)
{
    struct stats_delta delta = {.watch_ms = 10};
    delta.counts[counter] = count;
    CHECK_EQ(STATUS_OK, stats_add(stats, (int64_t)tick * TICK_MS, &delta));
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void check_equal(const struct stats *a, const struct stats *b)
{
    CHECK(memcmp(a->total, b->total, sizeof(a->total)) == 0);
    CHECK_EQ(a->watch_ms, b->watch_ms);
    CHECK_EQ(a->newest_tick, b->newest_tick);
    CHECK_EQ(a->bucket_count, b->bucket_count);
    for (uint32_t i = 0; i < a->bucket_count; i++) {
        CHECK_EQ(a->buckets[i].start_tick, b->buckets[i].start_tick);
        CHECK_EQ(a->buckets[i].level, b->buckets[i].level);
        CHECK(memcmp(a->buckets[i].counts, b->buckets[i].counts, sizeof(a->buckets[i].counts)) ==
              0);
    }
}

static void ticks_are_of_450_seconds(void)
{
    CHECK_EQ(0, stats_tick(0));
    CHECK_EQ(0, stats_tick(449999));
    CHECK_EQ(1, stats_tick(450000));
    CHECK_EQ(3777777, stats_tick(INT64_C(1700000000000)));
    CHECK_EQ(UINT32_MAX, stats_tick(INT64_MAX));
}

static void empty_stats_decay_to_nothing(void)
{
    struct stats stats = {0};
    struct stats_decayed decayed;
    memset(&decayed, 0xff, sizeof(decayed));
    stats_decay(&stats, &decayed);
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
            CHECK(decayed.counts[h][i] == 0);
        }
    }
    CHECK_EQ(0, decayed.mean_watch_ms);
    stats_release(&stats);
}

static void one_event_lies_in_one_bucket_and_in_the_total(void)
{
    struct stats stats = {0};
    add(&stats, 1000, COUNTER_PLAYS, 1);
    add(&stats, 1000, COUNTER_LIKES, 1);
    CHECK_EQ(1, stats.bucket_count);
    CHECK_EQ(1000, stats.buckets[0].start_tick);
    CHECK_EQ(0, stats.buckets[0].level);
    CHECK_EQ(1, stats.buckets[0].counts[COUNTER_PLAYS]);
    CHECK_EQ(1, stats.buckets[0].counts[COUNTER_LIKES]);
    CHECK_EQ(1, stats.total[COUNTER_PLAYS]);
    CHECK_EQ(20, stats.watch_ms);
    stats_release(&stats);
}

/* Tick 4800 begins a bucket of 48; 15 ticks later it is still kept alone, 16 later no longer. */
static void an_event_ages_from_its_tick_to_six_hours(void)
{
    struct stats stats = {0};
    add(&stats, 4810, COUNTER_PLAYS, 1);
    add(&stats, 4825, COUNTER_SKIPS, 1);
    CHECK_EQ(0, stats.buckets[0].level);
    CHECK_EQ(4810, stats.buckets[0].start_tick);
    add(&stats, 4826, COUNTER_SKIPS, 1);
    CHECK_EQ(3, stats.bucket_count);
    CHECK_EQ(1, stats.buckets[0].level);
    CHECK_EQ(4800, stats.buckets[0].start_tick);
    CHECK_EQ(1, stats.buckets[0].counts[COUNTER_PLAYS]);
    CHECK_EQ(0, stats.buckets[1].level);
    CHECK_EQ(4825, stats.buckets[1].start_tick);
    stats_release(&stats);
}

/* Bucket 100 of six hours leaves when bucket 116 begins, and lies in 3.5 days from 4704 = 7 * 672.
 */
static void an_event_ages_from_six_hours_to_half_a_week_and_out(void)
{
    struct stats stats = {0};
    add(&stats, 4847, COUNTER_PLAYS, 3);
    add(&stats, 116 * WIDTH_1 - 1, COUNTER_SKIPS, 1);
    CHECK_EQ(1, stats.buckets[0].level);
    CHECK_EQ(4800, stats.buckets[0].start_tick);
    add(&stats, 116 * WIDTH_1, COUNTER_SKIPS, 1);
    CHECK_EQ(2, stats.buckets[0].level);
    CHECK_EQ(4704, stats.buckets[0].start_tick);
    CHECK_EQ(3, stats.buckets[0].counts[COUNTER_PLAYS]);
    add(&stats, (7 + 16) * WIDTH_2 - 1, COUNTER_SKIPS, 1);
    CHECK_EQ(3, stats.buckets[0].counts[COUNTER_PLAYS]);
    CHECK_EQ(2, stats.buckets[1].counts[COUNTER_SKIPS]);
    add(&stats, (7 + 16) * WIDTH_2, COUNTER_SKIPS, 1);
    for (uint32_t i = 0; i < stats.bucket_count; i++) {
        CHECK_EQ(0, stats.buckets[i].counts[COUNTER_PLAYS]);
    }
    CHECK_EQ(3, stats.total[COUNTER_PLAYS]);
    stats_release(&stats);
}

static void a_late_event_goes_to_the_level_of_its_age(void)
{
    struct stats stats = {0};
    add(&stats, 100000, COUNTER_PLAYS, 1);
    add(&stats, 100000 - 15, COUNTER_PLAYS, 1);
    add(&stats, 100000 - 16, COUNTER_PLAYS, 1);
    add(&stats, 100000 - 2000, COUNTER_PLAYS, 1);
    add(&stats, 0, COUNTER_PLAYS, 1);
    CHECK_EQ(4, stats.bucket_count);
    CHECK_EQ(2, stats.buckets[0].level);
    CHECK_EQ(1, stats.buckets[1].level);
    CHECK_EQ(0, stats.buckets[2].level);
    CHECK_EQ(0, stats.buckets[3].level);
    CHECK_EQ(5, stats.total[COUNTER_PLAYS]);
    stats_release(&stats);
}

static void the_number_of_buckets_is_bounded(void)
{
    struct stats stats = {0};
    uint32_t most = 0;
    for (uint32_t tick = 0; tick < 20 * WIDTH_2; tick++) {
        add(&stats, tick, COUNTER_PLAYS, 1);
        most = stats.bucket_count > most ? stats.bucket_count : most;
    }
    CHECK(most <= 49);
    CHECK(most >= 46);
    int64_t dated = 0;
    for (uint32_t i = 0; i < stats.bucket_count; i++) {
        dated += stats.buckets[i].counts[COUNTER_PLAYS];
    }
    CHECK_EQ(16 * WIDTH_2, dated);
    CHECK_EQ(20 * WIDTH_2, stats.total[COUNTER_PLAYS]);
    stats_release(&stats);
}

struct event {
    uint32_t tick;
    enum counter counter;
    int32_t count;
};

/* Ages spread evenly over their logarithm, so that every level and boundary is met. */
static void make_events(struct event *events, unsigned count, uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t age = (uint32_t)(next_random(&seed) >> (44 + next_random(&seed) % 20));
        events[i] = (struct event){
            .tick = 2000000 - age,
            .counter = (enum counter)(next_random(&seed) % COUNTER_COUNT),
            .count = next_random(&seed) % 8 == 0 ? -1 : 1,
        };
    }
}

static void shuffle(struct event *events, unsigned count, uint64_t *random)
{
    for (unsigned i = count; i > 1; i--) {
        unsigned k = (unsigned)(next_random(random) % i);
        struct event moved = events[i - 1];
        events[i - 1] = events[k];
        events[k] = moved;
    }
}

static void add_all(struct stats *stats, const struct event *events, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add(stats, events[i].tick, events[i].counter, events[i].count);
    }
}

static void every_order_of_arrival_gives_the_same_bytes(void)
{
    enum { EVENTS = 300 };
    struct event events[EVENTS];
    uint64_t random = 7;
    for (unsigned round = 0; round < 60; round++) {
        make_events(events, EVENTS, round);
        struct stats first = {0};
        add_all(&first, events, EVENTS);
        for (unsigned order = 0; order < 10; order++) {
            shuffle(events, EVENTS, &random);
            struct stats again = {0};
            add_all(&again, events, EVENTS);
            check_equal(&first, &again);
            struct stats_decayed a;
            struct stats_decayed b;
            stats_decay(&first, &a);
            stats_decay(&again, &b);
            CHECK(memcmp(&a, &b, sizeof(a)) == 0);
            stats_release(&again);
        }
        stats_release(&first);
    }
}

/* Early and then aged, one tick at a time, equals late: for each age around the boundaries. */
static void aging_step_by_step_equals_arriving_late(void)
{
    for (uint32_t phase = 0; phase < 2 * WIDTH_2; phase += 5) {
        uint32_t tick = 100 * WIDTH_2 + phase;
        uint32_t end = tick + 17 * WIDTH_2;
        struct stats early = {0};
        add(&early, tick, COUNTER_PLAYS, 1);
        for (uint32_t at = tick; at <= end; at += 11) {
            struct stats late = {0};
            add(&early, at, COUNTER_SKIPS, 0);
            early.watch_ms = 0;
            add(&late, at, COUNTER_SKIPS, 0);
            add(&late, tick, COUNTER_PLAYS, 1);
            uint64_t found = 0;
            for (uint32_t i = 0; i < early.bucket_count; i++) {
                if (early.buckets[i].counts[COUNTER_PLAYS] == 0) {
                    continue;
                }
                for (uint32_t k = 0; k < late.bucket_count; k++) {
                    found += late.buckets[k].level == early.buckets[i].level &&
                             late.buckets[k].start_tick == early.buckets[i].start_tick &&
                             late.buckets[k].counts[COUNTER_PLAYS] == 1;
                }
            }
            bool dated = at / WIDTH_2 - tick / WIDTH_2 < 16;
            CHECK_EQ(dated ? 1 : 0, found);
            stats_release(&late);
        }
        stats_release(&early);
    }
}

/* 4 plays now, 8 two hours ago: 4 half-lives of 30 minutes, none of a whole quarter of the others.
 */
static void decay_halves_by_each_half_life(void)
{
    struct stats stats = {0};
    struct stats_decayed decayed;
    add(&stats, 48000 - 12, COUNTER_PLAYS, 8);
    add(&stats, 48000, COUNTER_PLAYS, 4);
    stats_decay(&stats, &decayed);
    CHECK_EQ(48000, decayed.newest_tick);
    CHECK(decayed.counts[HALF_LIFE_30_MIN][COUNTER_PLAYS] == 4 + 1.0F);
    CHECK(decayed.counts[HALF_LIFE_1_DAY][COUNTER_PLAYS] == 12);
    CHECK(decayed.counts[HALF_LIFE_14_DAYS][COUNTER_PLAYS] == 12);
    stats_release(&stats);
}

/* One day is 192 ticks, 14 days 2688; both ends begin a bucket of every level. */
static void decay_of_older_levels_counts_from_the_buckets_start(void)
{
    struct stats stats = {0};
    struct stats_decayed decayed;
    uint32_t now = 100 * WIDTH_2;
    add(&stats, now, COUNTER_SKIPS, 1);
    add(&stats, now - 192, COUNTER_PLAYS, 16);
    add(&stats, now - 2688, COUNTER_LIKES, 16);
    stats_decay(&stats, &decayed);
    CHECK(decayed.counts[HALF_LIFE_1_DAY][COUNTER_PLAYS] == 8);
    CHECK(decayed.counts[HALF_LIFE_14_DAYS][COUNTER_PLAYS] == 16);
    CHECK(decayed.counts[HALF_LIFE_14_DAYS][COUNTER_LIKES] == 8);
    CHECK(decayed.counts[HALF_LIFE_1_DAY][COUNTER_LIKES] == 16.0F / 16384);
    stats_release(&stats);
}

static void counts_below_zero_decay_to_zero(void)
{
    struct stats stats = {0};
    struct stats_decayed decayed;
    add(&stats, 500, COUNTER_LIKES, -1);
    stats_decay(&stats, &decayed);
    CHECK(decayed.counts[HALF_LIFE_14_DAYS][COUNTER_LIKES] == 0);
    CHECK_EQ(-1, stats.total[COUNTER_LIKES]);
    stats_release(&stats);
}

static void mean_watch_is_the_total_over_plays(void)
{
    struct stats stats = {0};
    struct stats_decayed decayed;
    struct stats_delta delta = {.watch_ms = 9000};
    CHECK_EQ(STATUS_OK, stats_add(&stats, TICK_MS, &delta));
    stats_decay(&stats, &decayed);
    CHECK_EQ(0, decayed.mean_watch_ms);
    delta.counts[COUNTER_PLAYS] = 2;
    CHECK_EQ(STATUS_OK, stats_add(&stats, TICK_MS, &delta));
    stats_decay(&stats, &decayed);
    CHECK_EQ(9000, decayed.mean_watch_ms);
    stats_release(&stats);
}

static double factor_of(uint32_t newest_tick, int64_t now_ms, enum half_life half_life)
{
    return stats_decay_factor(stats_moment_of(now_ms, half_life), newest_tick);
}

static void decay_factor_brings_counts_to_now(void)
{
    int64_t now_ms = INT64_C(1000) * TICK_MS;
    CHECK(factor_of(1000, now_ms, HALF_LIFE_30_MIN) == 1);
    CHECK(factor_of(1001, now_ms, HALF_LIFE_30_MIN) == 1);
    CHECK(factor_of(996, now_ms, HALF_LIFE_30_MIN) == 0.5);
    CHECK(factor_of(1000 - 192, now_ms, HALF_LIFE_1_DAY) == 0.5);
    CHECK(factor_of(1000 - 191, now_ms, HALF_LIFE_1_DAY) > 0.5);
    CHECK(factor_of(0, INT64_C(4032) * TICK_MS, HALF_LIFE_14_DAYS) < 0.36);
    CHECK(factor_of(0, INT64_MAX, HALF_LIFE_30_MIN) == 0);
}

/* Every quarter of the fixed-point powers against the C library's, within an ulp or so. */
static void decay_factor_is_the_power_of_two(void)
{
    for (uint32_t quarters = 0; quarters <= 4000; quarters++) {
        double want = exp2(-(double)quarters / 4);
        double got = factor_of(0, (int64_t)quarters * TICK_MS, HALF_LIFE_30_MIN);
        CHECK(fabs(got - want) <= want * 0x1p-51);
    }
}

static void decay_factor_counts_whole_quarters(void)
{
    static const uint32_t quarter_ticks[HALF_LIFE_COUNT] = {1, 48, 672};
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (uint32_t ticks = 0; ticks <= 5000000; ticks++) {
            double want = stats_quarter_power(ticks / quarter_ticks[h]);
            struct stats_moment moment = stats_moment_of((INT64_C(7) + ticks) * TICK_MS, h);
            CHECK(stats_decay_factor(moment, 7) == want);
        }
    }
}

static void counts_saturate_instead_of_overflowing(void)
{
    struct stats stats = {0};
    add(&stats, 10, COUNTER_PLAYS, INT32_MAX);
    add(&stats, 10, COUNTER_PLAYS, INT32_MAX);
    CHECK_EQ(INT32_MAX, stats.buckets[0].counts[COUNTER_PLAYS]);
    CHECK_EQ(INT64_C(2) * INT32_MAX, stats.total[COUNTER_PLAYS]);
    stats_release(&stats);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(ticks_are_of_450_seconds),
        TEST(empty_stats_decay_to_nothing),
        TEST(one_event_lies_in_one_bucket_and_in_the_total),
        TEST(an_event_ages_from_its_tick_to_six_hours),
        TEST(an_event_ages_from_six_hours_to_half_a_week_and_out),
        TEST(a_late_event_goes_to_the_level_of_its_age),
        TEST(the_number_of_buckets_is_bounded),
        TEST(every_order_of_arrival_gives_the_same_bytes),
        TEST(aging_step_by_step_equals_arriving_late),
        TEST(decay_halves_by_each_half_life),
        TEST(decay_of_older_levels_counts_from_the_buckets_start),
        TEST(counts_below_zero_decay_to_zero),
        TEST(mean_watch_is_the_total_over_plays),
        TEST(decay_factor_brings_counts_to_now),
        TEST(decay_factor_is_the_power_of_two),
        TEST(decay_factor_counts_whole_quarters),
        TEST(counts_saturate_instead_of_overflowing),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
