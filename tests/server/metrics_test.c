#include "server/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "reelrank/v1/ranking.pb-c.h"
#include "tests/test.h"

static enum turn_step nothing(void *context, struct turn *turn)
{
    (void)context;
    (void)turn;
    return TURN_DONE;
}

static const struct method methods[] = {
    {.service = &reelrank__v1__ranking_service__descriptor, .name = "RankStream"},
    {.service = &reelrank__v1__ranking_service__descriptor, .name = "Rank", .begin = nothing},
};

/* Numbers: 0 is Rank, since RankStream has no begin(); 1 is what is not in the table. */
static struct metrics *new_metrics(size_t workers)
{
    struct metrics *metrics = NULL;
    CHECK(metrics_new(workers, &metrics) == STATUS_OK);
    metrics_methods(metrics, methods, 2);
    return metrics;
}

static char *text_of_all(const struct metrics *metrics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    metrics_write(metrics, out);
    CHECK(fclose(out) == 0);
    return text;
}

static void has(const struct metrics *metrics, const char *line)
{
    char *text = text_of_all(metrics);
    if (strstr(text, line) == NULL) {
        fprintf(stderr, "no \"%s\" in:\n%s\n", line, text);
        CHECK(false);
    }
    free(text);
}

static void calls_of_all_workers_add_up_by_method_and_code(void)
{
    struct metrics *metrics = new_metrics(2);
    for (size_t i = 0; i < 2; i++) {
        struct meter *meter = metrics_meter(metrics, i);
        meter_call(meter);
        meter_message(meter, 0, 60000);
        meter_end_call(meter, 0, 0);
    }
    struct meter *meter = metrics_meter(metrics, 1);
    meter_call(meter);
    meter_end_call(meter, 1, 12);
    meter_call(meter);
    has(metrics, "reelrank_calls_total{service=\"reelrank.v1.RankingService\",method=\"Rank\","
                 "code=\"OK\"} 2\n");
    has(metrics, "reelrank_calls_total{service=\"unknown\",method=\"unknown\","
                 "code=\"UNIMPLEMENTED\"} 1\n");
    has(metrics, "reelrank_call_duration_seconds_bucket{service=\"reelrank.v1.RankingService\","
                 "method=\"Rank\",le=\"5e-05\"} 0\n");
    has(metrics, "reelrank_call_duration_seconds_bucket{service=\"reelrank.v1.RankingService\","
                 "method=\"Rank\",le=\"0.0001\"} 2\n");
    has(metrics, "reelrank_calls_in_flight 1\n");
    metrics_free(metrics);
}

static void code_beyond_the_canonical_ones_counts_as_unknown(void)
{
    struct metrics *metrics = new_metrics(1);
    meter_call(metrics_meter(metrics, 0));
    meter_end_call(metrics_meter(metrics, 0), 0, 17);
    has(metrics, "method=\"Rank\",code=\"UNKNOWN\"} 1\n");
    metrics_free(metrics);
}

static void ranking_counts_candidates_drops_users_and_scores(void)
{
    struct metrics *metrics = new_metrics(1);
    struct meter *meter = metrics_meter(metrics, 0);
    double scores[] = {3, 2.5, 1, 0};
    uint8_t rules[] = {DROP_UNRATED, DROP_UNRATED, DROP_REGION};
    struct rank_request request = {.user_key = 7, .count = 7};
    struct rank_result result = {.count = 4,
                                 .scores = scores,
                                 .dropped_count = 3,
                                 .dropped_rules = rules,
                                 .user_place = USER_ON_DISK};
    struct rank_request visitor = {.count = 0};
    struct rank_result empty = {.count = 0};
    meter_ranking(meter, &request, &result);
    meter_ranking(meter, &visitor, &empty);
    has(metrics, "reelrank_rankings_total 2\n");
    has(metrics, "reelrank_positions_total 4\n");
    has(metrics, "reelrank_rank_candidates_bucket{le=\"0\"} 1\n");
    has(metrics, "reelrank_rank_candidates_bucket{le=\"10\"} 2\n");
    has(metrics, "reelrank_rank_candidates_sum 7\n");
    has(metrics, "reelrank_drops_total{rule=\"unrated\"} 2\n");
    has(metrics, "reelrank_drops_total{rule=\"region\"} 1\n");
    has(metrics, "reelrank_drops_total{rule=\"safety\"} 0\n");
    has(metrics, "reelrank_rank_users_total{place=\"disk\"} 1\n");
    has(metrics, "reelrank_rank_users_total{place=\"visitor\"} 1\n");
    has(metrics, "reelrank_rank_users_total{place=\"unknown\"} 0\n");
    has(metrics, "reelrank_scores_bucket{le=\"0.0009765625\"} 1\n");
    has(metrics, "reelrank_scores_bucket{le=\"0.5\"} 1\n");
    has(metrics, "reelrank_scores_bucket{le=\"1\"} 2\n");
    has(metrics, "reelrank_scores_bucket{le=\"2\"} 2\n");
    has(metrics, "reelrank_scores_bucket{le=\"2.5\"} 3\n");
    has(metrics, "reelrank_scores_bucket{le=\"3\"} 4\n");
    has(metrics, "reelrank_scores_bucket{le=\"1024\"} 4\n");
    has(metrics, "reelrank_scores_bucket{le=\"+Inf\"} 4\n");
    has(metrics, "reelrank_scores_sum 6.5\n");
    metrics_free(metrics);
}

static void cells_of_scores_hold_their_upper_bound(void)
{
    CHECK_EQ(0, metrics_score_cell(0));
    CHECK_EQ(0, metrics_score_cell(0x1p-10));
    CHECK_EQ(1, metrics_score_cell(0x1.0000000000001p-10));
    CHECK_EQ(320, metrics_score_cell(1));
    CHECK_EQ(321, metrics_score_cell(0x1.0000000000001p0));
    CHECK_EQ(321, metrics_score_cell(1.03125));
    CHECK_EQ(322, metrics_score_cell(0x1.0800000000001p0));
    CHECK_EQ(352, metrics_score_cell(2));
    CHECK_EQ(640, metrics_score_cell(1024));
    CHECK_EQ(641, metrics_score_cell(1025));
    CHECK_EQ(641, metrics_score_cell(0x1p18));
}

static void signals_count_by_type_and_outcome(void)
{
    struct metrics *metrics = new_metrics(1);
    struct signal_counts counts = {0};
    counts.counts[SIGNAL_LIKE][OUTCOME_ACCEPTED] = 2;
    counts.counts[0][OUTCOME_REJECTED] = 1;
    metrics_signals(metrics, &counts);
    metrics_signals(metrics, &counts);
    has(metrics, "reelrank_signals_total{type=\"like\",outcome=\"accepted\"} 4\n");
    has(metrics, "reelrank_signals_total{type=\"unspecified\",outcome=\"rejected\"} 2\n");
    has(metrics, "reelrank_signals_total{type=\"report\",outcome=\"duplicate\"} 0\n");
    metrics_free(metrics);
}

static void processor_time_of_a_thread_that_ended_is_unknown(void)
{
    struct metrics *metrics = new_metrics(1);
    meter_begin_thread(metrics_meter(metrics, 0));
    char *text = text_of_all(metrics);
    CHECK(strstr(text, "reelrank_worker_cpu_seconds_total{worker=\"0\"} NaN\n") == NULL);
    free(text);
    meter_end_thread(metrics_meter(metrics, 0));
    has(metrics, "reelrank_worker_cpu_seconds_total{worker=\"0\"} NaN\n");
    metrics_free(metrics);
}

enum { THREADS = 4, ROUNDS = 20000 };

static struct metrics *shared;

static void *work(void *argument)
{
    struct meter *meter = argument;
    double scores[] = {2, 1};
    uint8_t rules[] = {DROP_SEEN};
    struct rank_request request = {.user_key = 1, .count = 3};
    struct rank_result result = {
        .count = 2, .scores = scores, .dropped_count = 1, .dropped_rules = rules};
    struct signal_counts counts = {0};
    counts.counts[SIGNAL_PLAY][OUTCOME_ACCEPTED] = 1;
    meter_begin_thread(meter);
    for (unsigned i = 0; i < ROUNDS; i++) {
        meter_call(meter);
        meter_ranking(meter, &request, &result);
        metrics_signals(shared, &counts);
        meter_message(meter, 0, i);
        meter_end_call(meter, 0, 0);
    }
    meter_end_thread(meter);
    return NULL;
}

static void check_order(const struct metrics_summary *before, const struct metrics_summary *now)
{
    CHECK(now->calls >= before->calls);
    CHECK(now->rankings >= before->rankings);
    CHECK(now->rankings <= THREADS * ROUNDS);
}

static void nothing_is_lost_while_workers_count_and_others_look(void)
{
    pthread_t threads[THREADS];
    struct metrics_summary summary = {0};
    shared = new_metrics(THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, metrics_meter(shared, i)) == 0);
    }
    for (unsigned i = 0; i < 50; i++) {
        struct metrics_summary before = summary;
        metrics_sum_up(shared, &summary);
        check_order(&before, &summary);
        free(text_of_all(shared));
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    metrics_sum_up(shared, &summary);
    CHECK_EQ(THREADS * ROUNDS, summary.calls);
    CHECK_EQ(0, summary.failed);
    CHECK_EQ(0, summary.in_flight);
    CHECK_EQ(THREADS * ROUNDS, summary.rankings);
    CHECK_EQ(3 * THREADS * ROUNDS, summary.candidates);
    CHECK_EQ(2 * THREADS * ROUNDS, summary.shown);
    CHECK_EQ(THREADS * ROUNDS, summary.signals);
    CHECK_EQ(THREADS * ROUNDS, histogram_total(&summary.rank));
    CHECK_EQ(THREADS * ROUNDS, summary.scores[320]);
    CHECK_EQ(THREADS * ROUNDS, summary.scores[352]);
    metrics_free(shared);
}

static const struct test tests[] = {
    TEST(calls_of_all_workers_add_up_by_method_and_code),
    TEST(code_beyond_the_canonical_ones_counts_as_unknown),
    TEST(ranking_counts_candidates_drops_users_and_scores),
    TEST(cells_of_scores_hold_their_upper_bound),
    TEST(signals_count_by_type_and_outcome),
    TEST(processor_time_of_a_thread_that_ended_is_unknown),
    TEST(nothing_is_lost_while_workers_count_and_others_look),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
