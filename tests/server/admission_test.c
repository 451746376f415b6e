#include "server/admission.h"

#include <string.h>

#include "grpc/health/v1/health.pb-c.h"
#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/test.h"

enum { DELAY = 10, INTERVAL = 50, CALLS = 4, BYTES = 1000 };

static void init(struct admission *admission)
{
    struct admission_options options = {
        .delay_ns = DELAY, .interval_ns = INTERVAL, .calls_max = CALLS, .bytes_max = BYTES};
    admission_init(admission, &options);
}

static bool enter(struct admission *admission, enum admission_class class, struct waiter *waiter,
                  int64_t now)
{
    return admission_enter(admission, class, waiter, now);
}

static struct admission_counts counts_of(const struct admission *admission,
                                         enum admission_class class)
{
    struct admission_counts counts = {0};
    admission_counts(admission, class, &counts);
    return counts;
}

static enum admission_class class_of(const ProtobufCServiceDescriptor *service,
                                     enum method_kind kind)
{
    struct method method = {.service = service, .name = "Any", .kind = kind};
    return admission_class_of(&method);
}

static void methods_have_the_class_of_their_service(void)
{
    CHECK_EQ(ADMISSION_RANK, class_of(&reelrank__v1__ranking_service__descriptor, METHOD_UNARY));
    CHECK_EQ(ADMISSION_RANK_STREAM,
             class_of(&reelrank__v1__ranking_service__descriptor, METHOD_BIDI));
    CHECK_EQ(ADMISSION_SIGNAL, class_of(&reelrank__v1__signal_service__descriptor, METHOD_UNARY));
    CHECK_EQ(ADMISSION_SIGNAL_STREAM,
             class_of(&reelrank__v1__signal_service__descriptor, METHOD_CLIENT_STREAM));
    CHECK_EQ(ADMISSION_OTHER, class_of(&reelrank__v1__admin_service__descriptor, METHOD_UNARY));
    CHECK_EQ(ADMISSION_NONE, class_of(&grpc__health__v1__health__descriptor, METHOD_UNARY));
}

static void nothing_comes_of_nothing(void)
{
    struct admission admission;
    init(&admission);
    CHECK(admission_next(&admission, 1000) == NULL);
    CHECK(admission_late(&admission, 1000) == NULL);
}

static void first_come_is_first(void)
{
    struct admission admission;
    struct waiter waiters[3] = {{0}};
    init(&admission);
    for (int i = 0; i < 3; i++) {
        CHECK(enter(&admission, ADMISSION_RANK, &waiters[i], i));
    }
    for (int i = 0; i < 3; i++) {
        CHECK(admission_next(&admission, 5) == &waiters[i]);
    }
    CHECK(admission_next(&admission, 5) == NULL);
    CHECK_EQ(3, counts_of(&admission, ADMISSION_RANK).begun);
}

static void a_burst_may_wait_for_an_interval(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 100));
    CHECK(admission_late(&admission, 100 + INTERVAL) == NULL);
    CHECK(!admission_is_overloaded(&admission, 100 + INTERVAL));
    CHECK(admission_next(&admission, 100 + INTERVAL) == &waiter);
}

static void in_a_standing_queue_the_late_are_refused_and_the_last_is_first(void)
{
    struct admission admission;
    struct waiter waiters[4] = {{0}};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[0], 0));
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[1], 30));
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[2], 45));
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[3], 48));
    int64_t now = INTERVAL + 1; /* the queue has not been empty for longer than an interval */
    CHECK(admission_next(&admission, now) == &waiters[3]);
    CHECK(admission_is_overloaded(&admission, now));
    CHECK(admission_late(&admission, now) == &waiters[0]);
    CHECK(admission_late(&admission, now) == &waiters[1]);
    CHECK(admission_late(&admission, now) == NULL);
    CHECK(admission_next(&admission, now) == &waiters[2]);
    CHECK(admission_is_overloaded(&admission, now + INTERVAL));
    CHECK(!admission_is_overloaded(&admission, now + INTERVAL + 1));
    CHECK_EQ(2, counts_of(&admission, ADMISSION_RANK).late);
    CHECK_EQ(2, counts_of(&admission, ADMISSION_RANK).begun);
}

static void what_is_late_does_not_begin(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 0));
    CHECK(admission_next(&admission, INTERVAL + 1) == NULL);
    CHECK(admission_late(&admission, INTERVAL + 1) == &waiter);
    CHECK_EQ(0, admission.waiting);
}

static void beside_other_classes_the_last_of_late_calls_begins_within_twice_the_delay(void)
{
    struct admission admission;
    struct waiter waiters[3] = {{0}};
    struct waiter other = {0};
    init(&admission);
    int64_t now = 10 * INTERVAL;
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[0], 0));
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[1], now - 2 * DELAY - 1));
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[2], now - 2 * DELAY));
    CHECK(admission_next(&admission, now) == NULL);
    CHECK(enter(&admission, ADMISSION_SIGNAL, &other, now));
    CHECK(admission_next(&admission, now) == &waiters[2]);
    admission_charge(&admission, 1);
    CHECK(admission_next(&admission, now) == &other);
    CHECK(admission_late(&admission, now) == &waiters[0]);
    CHECK(admission_late(&admission, now) == &waiters[1]);
    CHECK_EQ(0, admission.waiting);
}

static void a_class_whose_calls_are_late_keeps_its_share(void)
{
    struct admission admission;
    struct waiter rank[10] = {{0}};
    struct waiter signal[10] = {{0}};
    unsigned ranked = 0;
    init(&admission);
    int64_t now = 10 * INTERVAL;
    CHECK(enter(&admission, ADMISSION_RANK, &rank[0], 0));
    for (int i = 0; i < 10; i++) {
        if (i > 0) {
            CHECK(enter(&admission, ADMISSION_RANK, &rank[i], now - DELAY - 1));
        }
        CHECK(enter(&admission, ADMISSION_SIGNAL, &signal[i], now)); /* in time */
    }
    for (int i = 0; i < 14; i++) {
        struct waiter *waiter = admission_next(&admission, now);
        ranked += waiter >= rank && waiter < rank + 10 ? 1 : 0;
        admission_charge(&admission, 1200);
    }
    CHECK_EQ(8, ranked); /* 4 to 3 */
}

static void what_follows_soon_behind_a_late_call_is_no_burst(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 0));
    int64_t late = INTERVAL + 1;
    CHECK(admission_late(&admission, late) == &waiter);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, late + 1));
    CHECK(admission_next(&admission, late + 1 + DELAY) == &waiter);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, late + 1));
    CHECK(admission_late(&admission, late + 1 + DELAY) == NULL);
    CHECK(admission_late(&admission, late + 1 + DELAY + 1) == &waiter);
    CHECK(enter(&admission, ADMISSION_SIGNAL, &waiter, late + 1)); /* another class's late call */
    CHECK(admission_next(&admission, late + 1 + INTERVAL) == &waiter);
}

static void bursts_may_wait_again_four_intervals_behind_a_late_call(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 0));
    int64_t late = INTERVAL + 1;
    CHECK(admission_late(&admission, late) == &waiter);
    int64_t calm = late + (int64_t)4 * INTERVAL + 1;
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, calm - INTERVAL));
    CHECK(admission_late(&admission, calm) == NULL);
    CHECK(admission_next(&admission, calm) == &waiter);
}

static void classes_are_refused_in_turns(void)
{
    struct admission admission;
    struct waiter rank[2] = {{0}};
    struct waiter signal[2] = {{0}};
    init(&admission);
    for (int i = 0; i < 2; i++) {
        CHECK(enter(&admission, ADMISSION_RANK, &rank[i], 0));
        CHECK(enter(&admission, ADMISSION_SIGNAL, &signal[i], 1));
    }
    int64_t now = 1 + INTERVAL + 1;
    CHECK(admission_late(&admission, now) == &signal[0]);
    CHECK(admission_late(&admission, now) == &rank[0]);
    CHECK(admission_late(&admission, now) == &signal[1]);
    CHECK(admission_late(&admission, now) == &rank[1]);
    CHECK(admission_late(&admission, now) == NULL);
}

static void calls_have_not_waited_while_their_worker_was_away(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK_EQ(1000, admission_time(&admission, 1000)); /* nothing waits: all time counts */
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 1000));
    CHECK_EQ(1000 + DELAY, admission_time(&admission, 1000 + DELAY));
    CHECK_EQ(1000 + 2 * DELAY, admission_time(&admission, 1000 + DELAY + 100 * INTERVAL));
    CHECK(admission_late(&admission, 1000 + 2 * DELAY) == NULL);
    CHECK_EQ(1000 + 2 * DELAY + 1, admission_time(&admission, 1000 + DELAY + 100 * INTERVAL + 1));
    CHECK(admission_next(&admission, 1000 + 2 * DELAY + 1) == &waiter);
    int64_t time = admission_time(&admission, 10000 + 100 * INTERVAL);
    CHECK_EQ(time + 5000, admission_time(&admission, 15000 + 100 * INTERVAL));
}

static void messages_of_streams_are_never_late(void)
{
    struct admission admission;
    struct waiter waiters[2] = {{.bytes = 2 * BYTES}, {.bytes = 2 * BYTES}};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK_STREAM, &waiters[0], 0));
    CHECK(enter(&admission, ADMISSION_RANK_STREAM, &waiters[1], 0));
    CHECK(admission_late(&admission, 1000000) == NULL);
    CHECK(admission_next(&admission, 1000000) == &waiters[0]);
}

static void without_a_delay_nothing_is_late(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    struct admission_options options = {.calls_max = CALLS, .bytes_max = BYTES};
    admission_init(&admission, &options);
    CHECK(enter(&admission, ADMISSION_RANK, &waiter, 0));
    CHECK(admission_late(&admission, 1000000) == NULL);
    CHECK(!admission_is_overloaded(&admission, 1000000));
    CHECK(admission_next(&admission, 1000000) == &waiter);
}

static void classes_share_time_as_their_shares_say(void)
{
    struct admission admission;
    struct waiter rank[100] = {{0}};
    struct waiter signal[100] = {{0}};
    unsigned ranked = 0;
    struct admission_options options = {.calls_max = CALLS, .bytes_max = BYTES};
    admission_init(&admission, &options);
    for (int i = 0; i < 100; i++) {
        CHECK(enter(&admission, ADMISSION_RANK, &rank[i], 0));
        CHECK(enter(&admission, ADMISSION_SIGNAL, &signal[i], 0));
    }
    for (int i = 0; i < 70; i++) { /* a ranking takes 5 times as long: 4 to 3 by time */
        struct waiter *waiter = admission_next(&admission, 0);
        bool is_rank = waiter >= rank && waiter < rank + 100;
        ranked += is_rank ? 1 : 0;
        admission_charge(&admission, is_rank ? 6000 : 1200);
    }
    /* In 70 turns: r rankings and 70 - r signals, 6000 r / 4 = 1200 (70 - r) / 3, so r = 14.7. */
    CHECK(ranked == 14 || ranked == 15);
}

static void time_of_other_threads_counts(void)
{
    struct admission admission;
    struct waiter rank[100] = {{0}};
    struct waiter signal[100] = {{0}};
    unsigned ranked = 0;
    init(&admission);
    for (int i = 0; i < 100; i++) {
        CHECK(enter(&admission, ADMISSION_RANK, &rank[i], 0));
        CHECK(enter(&admission, ADMISSION_SIGNAL, &signal[i], 0));
    }
    for (int i = 0; i < 70; i++) {
        struct waiter *waiter = admission_next(&admission, 0);
        bool is_rank = waiter >= rank && waiter < rank + 100;
        ranked += is_rank ? 1 : 0;
        admission_charge(&admission, 1200);
        if (!is_rank) { /* so a signal takes 3 times as long: 4 to 1 by number */
            admission_charge_elsewhere(&admission, ADMISSION_SIGNAL, 2400);
        }
    }
    CHECK_EQ(56, ranked);
}

static void a_class_that_came_of_late_and_has_none_waiting_is_missed(void)
{
    struct admission admission;
    struct waiter rank = {0};
    struct waiter signal = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_SIGNAL, &signal, 1));
    CHECK(!admission_misses(&admission, 1)); /* no ranking ever came */
    CHECK(enter(&admission, ADMISSION_RANK, &rank, 1));
    CHECK(!admission_misses(&admission, 1));
    CHECK(admission_next(&admission, 1) == &rank);
    CHECK(admission_misses(&admission, 1));
    CHECK(admission_misses(&admission, 4 * INTERVAL));
    CHECK(!admission_misses(&admission, 4 * INTERVAL + 1));
    admission_charge(&admission, 1);
    CHECK(admission_next(&admission, 2) == &signal);
    CHECK(!admission_misses(&admission, 2)); /* nothing waits */
}

static void a_class_that_slept_has_saved_no_time(void)
{
    struct admission admission;
    struct waiter rank[20] = {{0}};
    struct waiter signal[20] = {{0}};
    init(&admission);
    for (int i = 0; i < 20; i++) { /* rankings alone, for a long time */
        CHECK(enter(&admission, ADMISSION_RANK, &rank[i], i));
        CHECK(admission_next(&admission, i) == &rank[i]);
        admission_charge(&admission, 1000);
    }
    for (int i = 0; i < 20; i++) {
        CHECK(enter(&admission, ADMISSION_RANK, &rank[i], 20));
        CHECK(enter(&admission, ADMISSION_SIGNAL, &signal[i], 20));
    }
    unsigned signals = 0;
    for (int i = 0; i < 20; i++) {
        struct waiter *waiter = admission_next(&admission, 20);
        signals += waiter >= signal && waiter < signal + 20 ? 1 : 0;
        admission_charge(&admission, 1000);
    }
    CHECK(signals < 20); /* one by one, but for the first two or three */
    CHECK(signals > 4);
}

static void more_calls_than_may_be_in_progress_are_refused(void)
{
    struct admission admission;
    init(&admission);
    for (int i = 0; i < CALLS; i++) {
        CHECK(admission_arrived(&admission, ADMISSION_SIGNAL));
    }
    CHECK(!admission_arrived(&admission, ADMISSION_SIGNAL));
    CHECK(admission_arrived(&admission, ADMISSION_RANK)); /* a share of its own */
    admission_ended(&admission, ADMISSION_SIGNAL);
    CHECK(!admission_arrived(&admission, ADMISSION_SIGNAL));
    admission_ended(&admission, ADMISSION_SIGNAL);
    admission_ended(&admission, ADMISSION_SIGNAL);
    CHECK(admission_arrived(&admission, ADMISSION_SIGNAL));
    CHECK_EQ(2, counts_of(&admission, ADMISSION_SIGNAL).full);
}

static void more_bytes_than_may_wait_are_refused(void)
{
    struct admission admission;
    struct waiter waiters[3] = {{.bytes = BYTES + 1}, {.bytes = 1}, {.bytes = 1}};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[0], 0)); /* alone, any size may wait */
    CHECK(!enter(&admission, ADMISSION_RANK, &waiters[1], 0));
    CHECK(enter(&admission, ADMISSION_SIGNAL, &waiters[2], 0));
    CHECK(admission_next(&admission, 0) != NULL);
    CHECK(admission_next(&admission, 0) != NULL);
    CHECK(enter(&admission, ADMISSION_RANK, &waiters[1], 0));
    CHECK_EQ(1, counts_of(&admission, ADMISSION_RANK).full);
}

static void what_expired_did_not_begin(void)
{
    struct admission admission;
    struct waiter waiter = {0};
    init(&admission);
    CHECK(enter(&admission, ADMISSION_OTHER, &waiter, 0));
    CHECK(admission_next(&admission, 0) == &waiter);
    admission_expired(&admission);
    CHECK_EQ(0, counts_of(&admission, ADMISSION_OTHER).begun);
    CHECK_EQ(1, counts_of(&admission, ADMISSION_OTHER).expired);
    CHECK(strcmp("other", admission_class_name(ADMISSION_OTHER)) == 0);
}

static const struct test tests[] = {
    TEST(methods_have_the_class_of_their_service),
    TEST(nothing_comes_of_nothing),
    TEST(first_come_is_first),
    TEST(a_burst_may_wait_for_an_interval),
    TEST(in_a_standing_queue_the_late_are_refused_and_the_last_is_first),
    TEST(what_is_late_does_not_begin),
    TEST(beside_other_classes_the_last_of_late_calls_begins_within_twice_the_delay),
    TEST(a_class_whose_calls_are_late_keeps_its_share),
    TEST(what_follows_soon_behind_a_late_call_is_no_burst),
    TEST(bursts_may_wait_again_four_intervals_behind_a_late_call),
    TEST(classes_are_refused_in_turns),
    TEST(calls_have_not_waited_while_their_worker_was_away),
    TEST(messages_of_streams_are_never_late),
    TEST(without_a_delay_nothing_is_late),
    TEST(classes_share_time_as_their_shares_say),
    TEST(time_of_other_threads_counts),
    TEST(a_class_that_came_of_late_and_has_none_waiting_is_missed),
    TEST(a_class_that_slept_has_saved_no_time),
    TEST(more_calls_than_may_be_in_progress_are_refused),
    TEST(more_bytes_than_may_wait_are_refused),
    TEST(what_expired_did_not_begin),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
