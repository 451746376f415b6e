#include "replay/ranking_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/replay/scene.h"
#include "tests/test.h"

static const int64_t NOW_MS = INT64_C(1700000000000);
static const int64_t WINDOW_MS = 60000;

enum { A, B, C, D, E, CANDIDATES, DURATION_MS = 20000, K = 2 };

/* Who contends: weights that rank A to D in this order, what was served, and weights that drop D.
 */
enum { FIRST, SERVED, STRICT, CONTENDERS };

struct tried {
    struct scene scene;
    struct weights *weights[2];
    struct contenders contenders;
    struct ranking_run_options options;
    struct ranking_run *run;
};

/* A riskier one: D for strict weights, E for all. */
static void rate(struct tried *tried, size_t video, enum safety safety)
{
    struct event event = {.kind = EVENT_VIDEO,
                          .u.video = {.key = tried->scene.keys[video],
                                      .creator_key = 900 + video,
                                      .duration_ms = DURATION_MS,
                                      .safety = (uint8_t)safety}};
    CHECK_EQ(STATUS_OK, state_apply(tried->scene.state, ++tried->scene.sequence, &event));
}

static void start(struct tried *tried)
{
    tried->run = ranking_run_new(&tried->options);
    CHECK(tried->run != NULL);
}

static void begin(struct tried *tried)
{
    *tried = (struct tried){.scene = {.sequence = 0}};
    scene_open(&tried->scene);
    rate(tried, D, SAFETY_MEDIUM);
    rate(tried, E, SAFETY_HIGH);
    tried->weights[0] = scene_weights(SCENE_WEIGHTS("first", "10", ""));
    tried->weights[1] = scene_weights(SCENE_WEIGHTS("strict", "10", "policy: {safety: low}\n"));
    tried->contenders = (struct contenders){
        .items = {[FIRST] = {CONTENDER_WEIGHTS, "first", tried->weights[0], BASELINE_LIKES},
                  [SERVED] = {CONTENDER_SERVED, "served", NULL, BASELINE_LIKES},
                  [STRICT] = {CONTENDER_WEIGHTS, "strict", tried->weights[1], BASELINE_LIKES}},
        .count = CONTENDERS,
        .seed = 1};
    tried->options = (struct ranking_run_options){.contenders = &tried->contenders,
                                                  .label = LABEL_LIKE,
                                                  .k = K,
                                                  .window_ms = WINDOW_MS,
                                                  .share = {1, 1},
                                                  .seed = 1};
    start(tried);
}

static struct ranking_sums *finish(struct tried *tried)
{
    struct ranking_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, ranking_run_end(tried->run, tried->scene.state, &sums));
    ranking_run_free(tried->run);
    return sums;
}

static void end(struct tried *tried, struct ranking_sums *sums)
{
    ranking_sums_free(sums);
    weights_unref(tried->weights[0]);
    weights_unref(tried->weights[1]);
    scene_close(&tried->scene);
}

static void rank_at(struct tried *tried, uint64_t user, uint64_t number, const uint32_t *served,
                    size_t count, int64_t time_ms)
{
    struct rank_request request = scene_request(&tried->scene, user, CANDIDATES, time_ms);
    struct past_ranking ranking = scene_ranking(&request, number, served, count);
    CHECK_EQ(STATUS_OK, ranking_run_ranking(tried->run, &ranking, tried->scene.state));
}

static void watch(struct tried *tried, uint64_t user, uint64_t number, size_t video,
                  enum signal_type type, int64_t watch_ms)
{
    struct signal signal = scene_signal(&tried->scene, user, number, video, type, NOW_MS + 1000);
    signal.watch_ms = watch_ms;
    CHECK_EQ(STATUS_OK, ranking_run_signal(tried->run, &signal, DURATION_MS, tried->scene.state));
}

static void see(struct tried *tried, uint64_t user, uint64_t number, size_t video,
                enum signal_type type)
{
    watch(tried, user, number, video, type, 0);
}

/* D, E, A, B were served. D, E and B were liked, A was on screen, and of C nothing is known. */
static void walk_one(struct tried *tried)
{
    rank_at(tried, 7, 1, (const uint32_t[]){D, E, A, B}, 4, NOW_MS);
    see(tried, 7, 1, D, SIGNAL_LIKE);
    see(tried, 7, 1, E, SIGNAL_LIKE);
    see(tried, 7, 1, B, SIGNAL_LIKE);
    see(tried, 7, 1, A, SIGNAL_IMPRESSION);
}

/* NaN where nothing weighs anything. */
static double mean_of(const struct ranking_sums *sums, size_t contender, enum metric metric)
{
    double columns[2];
    tally_totals(sums->metrics, 0, ranking_column(contender, metric), 2, columns);
    return columns[1] > 0 ? columns[0] / columns[1] : NAN;
}

static double weight_of(const struct ranking_sums *sums, size_t contender, enum metric metric)
{
    double weight;
    tally_totals(sums->metrics, 0, ranking_column(contender, metric) + 1, 1, &weight);
    return weight;
}

static double exposed(const struct ranking_sums *sums, size_t contender, size_t what)
{
    double sum;
    tally_totals(sums->exposures, 0, ranking_exposure_column(contender, what), 1, &sum);
    return sum;
}

static void check_near(double want, double got)
{
    if (!(fabs(want - got) < 1e-12)) {
        fprintf(stderr, "want %.15g, got %.15g\n", want, got);
        abort();
    }
}

/* E is forbidden by the first and C was not seen, so A 0, B 1, D 1 are judged. */
static void what_was_seen_and_is_not_forbidden_is_judged(void)
{
    const double second = 1 / log2(3);
    const double ideal = 1 + second;
    struct tried tried;
    begin(&tried);
    walk_one(&tried);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(1, sums->counts.measured);
    CHECK_EQ(0, sums->counts.without_outcome);
    CHECK_EQ(4, sums->counts.by_ranking_id);
    /* A, B, D */
    check_near((second + 0.5) / ideal, mean_of(sums, FIRST, METRIC_NDCG));
    check_near(second / ideal, mean_of(sums, FIRST, METRIC_NDCG_AT));
    check_near((1.0 / 2 + 2.0 / 3) / 2, mean_of(sums, FIRST, METRIC_MAP));
    check_near(0.5, mean_of(sums, FIRST, METRIC_MRR));
    check_near(0.5, mean_of(sums, FIRST, METRIC_PRECISION_AT));
    check_near(0.5, mean_of(sums, FIRST, METRIC_RECALL_AT));
    check_near(1, mean_of(sums, FIRST, METRIC_HIT_AT));
    check_near(0, mean_of(sums, FIRST, METRIC_GAUC));
    check_near(3, weight_of(sums, FIRST, METRIC_GAUC));
    /* D, A, B */
    check_near((1 + 0.5) / ideal, mean_of(sums, SERVED, METRIC_NDCG));
    check_near((1 + 2.0 / 3) / 2, mean_of(sums, SERVED, METRIC_MAP));
    check_near(1, mean_of(sums, SERVED, METRIC_MRR));
    check_near(0.5, mean_of(sums, SERVED, METRIC_GAUC));
    end(&tried, sums);
}

/* A, B, of A, B and D. */
static void what_another_one_drops_is_missing_from_its_list_alone(void)
{
    const double second = 1 / log2(3);
    struct tried tried;
    begin(&tried);
    walk_one(&tried);
    struct ranking_sums *sums = finish(&tried);
    check_near(second / (1 + second), mean_of(sums, STRICT, METRIC_NDCG));
    check_near((1.0 / 2) / 2, mean_of(sums, STRICT, METRIC_MAP));
    check_near(0.5, mean_of(sums, STRICT, METRIC_RECALL_AT));
    check_near(0, mean_of(sums, STRICT, METRIC_GAUC)); /* A above both B, and D, which is nowhere */
    end(&tried, sums);
}

/* Only weights have scores that compare between rankings. */
static void scores_of_weights_are_counted_for_the_auc_of_all(void)
{
    struct tried tried;
    struct auc_estimate estimate;
    begin(&tried);
    walk_one(&tried);
    struct ranking_sums *sums = finish(&tried);
    CHECK(sums->auc[SERVED] == NULL);
    auc_groups_estimate(sums->auc[FIRST], &estimate);
    CHECK_EQ(2, estimate.positives);
    CHECK_EQ(1, estimate.negatives);
    check_near(0, estimate.value);
    end(&tried, sums);
}

/* Of the first two: what the first forbids counts against whoever shows it. */
static void what_the_first_forbids_is_a_violation(void)
{
    struct tried tried;
    begin(&tried);
    walk_one(&tried);
    struct ranking_sums *sums = finish(&tried);
    check_near(1, exposed(sums, SERVED, EXPOSED_FORBIDDEN));
    check_near(0, exposed(sums, FIRST, EXPOSED_FORBIDDEN));
    check_near(2, exposed(sums, SERVED, EXPOSED_POSITIONS));
    check_near(1, exposed(sums, SERVED, EXPOSED_ALL));
    check_near(1, exposed(sums, FIRST, 0)); /* the one language that is met: unknown */
    end(&tried, sums);
}

static void how_it_was_served_may_be_unknown(void)
{
    struct tried tried;
    begin(&tried);
    rank_at(&tried, 7, 1, NULL, 0, NOW_MS);
    see(&tried, 7, 1, A, SIGNAL_LIKE);
    see(&tried, 7, 1, B, SIGNAL_IMPRESSION);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(1, sums->counts.measured);
    check_near(1, mean_of(sums, FIRST, METRIC_MRR));
    check_near(0, weight_of(sums, SERVED, METRIC_MRR));
    check_near(0, weight_of(sums, SERVED, METRIC_GAUC));
    check_near(0, exposed(sums, SERVED, EXPOSED_ALL));
    end(&tried, sums);
}

static void fewer_than_two_that_are_judged_say_nothing(void)
{
    struct tried tried;
    begin(&tried);
    rank_at(&tried, 7, 1, (const uint32_t[]){A, B}, 2, NOW_MS);
    see(&tried, 7, 1, A, SIGNAL_LIKE);
    see(&tried, 7, 1, E, SIGNAL_LIKE); /* forbidden */
    rank_at(&tried, 8, 2, (const uint32_t[]){A, B}, 2, NOW_MS);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(2, sums->counts.found);
    CHECK_EQ(0, sums->counts.measured);
    CHECK_EQ(2, sums->counts.without_outcome);
    CHECK_EQ(0, tally_unit_count(sums->metrics, 0));
    CHECK_EQ(2, tally_unit_count(sums->exposures, 0)); /* what is shown is known all the same */
    end(&tried, sums);
}

/* Nothing relevant: no order is better than another. */
static void a_ranking_without_the_label_weighs_nothing(void)
{
    struct tried tried;
    begin(&tried);
    rank_at(&tried, 7, 1, (const uint32_t[]){A, B}, 2, NOW_MS);
    see(&tried, 7, 1, A, SIGNAL_IMPRESSION);
    see(&tried, 7, 1, B, SIGNAL_IMPRESSION);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(1, sums->counts.measured);
    check_near(0, weight_of(sums, FIRST, METRIC_NDCG));
    check_near(0, weight_of(sums, FIRST, METRIC_GAUC));
    end(&tried, sums);
}

/* Views by others, of 1, 3, 6 and 12 seconds: 2 s is above one of four, 8 s above three. */
static void watch_times_count_by_their_quantiles(void)
{
    static const int64_t views[] = {1000, 3000, 6000, 12000};
    const double second = 1 / log2(3);
    struct tried tried;
    begin(&tried);
    for (size_t i = 0; i < 4; i++) {
        struct event event = {.kind = EVENT_SIGNAL};
        event.u.signal = scene_signal(&tried.scene, 100 + i, 0, A, SIGNAL_WATCH, NOW_MS - 1000);
        event.u.signal.watch_ms = views[i];
        CHECK_EQ(STATUS_OK, state_apply(tried.scene.state, ++tried.scene.sequence, &event));
    }
    rank_at(&tried, 7, 1, (const uint32_t[]){B, A, C}, 3, NOW_MS);
    watch(&tried, 7, 1, A, SIGNAL_WATCH, 2000);
    watch(&tried, 7, 1, B, SIGNAL_WATCH, 8000);
    see(&tried, 7, 1, C, SIGNAL_IMPRESSION);
    struct ranking_sums *sums = finish(&tried);
    double ideal = 0.75 + 0.25 * second;
    check_near((0.25 + 0.75 * second) / ideal, mean_of(sums, FIRST, METRIC_WATCH_NDCG));
    check_near(1, mean_of(sums, SERVED, METRIC_WATCH_NDCG));
    check_near(1, mean_of(sums, SERVED, METRIC_WATCH_NDCG_AT));
    check_near(0, mean_of(sums, FIRST, METRIC_XAUC));
    check_near(1, mean_of(sums, SERVED, METRIC_XAUC));
    check_near(1, weight_of(sums, SERVED, METRIC_XAUC)); /* one pair was watched */
    end(&tried, sums);
}

/* The first ranking's time ends with the second one, long after, though nothing else happens. */
static void time_passes_with_rankings_too(void)
{
    struct tried tried;
    begin(&tried);
    rank_at(&tried, 7, 1, (const uint32_t[]){A, B}, 2, NOW_MS);
    rank_at(&tried, 8, 2, (const uint32_t[]){A, B}, 2, NOW_MS + 10 * WINDOW_MS);
    see(&tried, 7, 1, A, SIGNAL_LIKE);
    see(&tried, 7, 1, B, SIGNAL_LIKE);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(0, sums->counts.measured);
    end(&tried, sums);
}

static void trec_files_have_what_was_judged(void)
{
    char *qrels = NULL, *first = NULL;
    size_t qrels_size, first_size;
    struct tried tried;
    begin(&tried);
    ranking_run_free(tried.run);
    tried.options.qrels = open_memstream(&qrels, &qrels_size);
    tried.options.runs[FIRST] = open_memstream(&first, &first_size);
    CHECK(tried.options.qrels != NULL);
    CHECK(tried.options.runs[FIRST] != NULL);
    start(&tried);
    walk_one(&tried);
    struct ranking_sums *sums = finish(&tried);
    CHECK_EQ(0, fclose(tried.options.qrels));
    CHECK_EQ(0, fclose(tried.options.runs[FIRST]));
    size_t lines = 0;
    for (size_t i = 0; i < qrels_size; i++) {
        lines += qrels[i] == '\n';
    }
    CHECK_EQ(3, lines);
    lines = 0;
    for (size_t i = 0; i < first_size; i++) {
        lines += first[i] == '\n';
    }
    CHECK_EQ(3, lines);
    free(qrels);
    free(first);
    end(&tried, sums);
}

/* ---- parts ---- */

static void walk_many(struct tried *tried)
{
    struct random random = {4};
    int64_t time_ms = NOW_MS - 900;
    for (uint64_t i = 1; i <= 200; i++) {
        uint64_t user = random_below(&random, 40) * UINT64_C(0x9e3779b97f4a7c15);
        uint32_t served[] = {A, B, C, D};
        random_shuffle(&random, served, 4);
        rank_at(tried, user, i, served, 4, time_ms);
        for (size_t video = A; video < E; video++) {
            enum signal_type type = random_chance(&random, 0.4) ? SIGNAL_LIKE : SIGNAL_IMPRESSION;
            see(tried, user, i, video, type);
        }
    }
}

static struct ranking_sums *run_part(struct tried *tried, uint32_t number, uint32_t count)
{
    tried->options.share = (struct share){number, count};
    start(tried);
    walk_many(tried);
    return finish(tried);
}

static char *written(struct ranking_sums *sums, size_t *size)
{
    char *bytes = NULL;
    FILE *file = open_memstream(&bytes, size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, ranking_sums_write(sums, file));
    CHECK_EQ(0, fclose(file));
    return bytes;
}

static void parts_of_the_users_add_up_to_all_bit_for_bit(void)
{
    enum { PARTS = 3 };
    struct tried tried;
    struct problem problem;
    size_t whole_size, merged_size;
    begin(&tried);
    ranking_run_free(tried.run);
    struct ranking_sums *whole = run_part(&tried, 1, 1);
    struct ranking_sums *merged = run_part(&tried, 1, PARTS);
    CHECK_EQ(200, whole->counts.measured);
    CHECK(merged->counts.measured > 0 && merged->counts.measured < 200);
    for (uint32_t i = 2; i <= PARTS; i++) {
        struct ranking_sums *part = run_part(&tried, i, PARTS);
        CHECK_EQ(STATUS_OK, ranking_sums_merge(merged, part, &problem));
        ranking_sums_free(part);
    }
    char *whole_bytes = written(whole, &whole_size);
    char *merged_bytes = written(merged, &merged_size);
    CHECK_EQ(whole_size, merged_size);
    CHECK(memcmp(whole_bytes, merged_bytes, whole_size) == 0);
    free(whole_bytes);
    free(merged_bytes);
    ranking_sums_free(whole);
    end(&tried, merged);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_was_seen_and_is_not_forbidden_is_judged),
        TEST(what_another_one_drops_is_missing_from_its_list_alone),
        TEST(scores_of_weights_are_counted_for_the_auc_of_all),
        TEST(what_the_first_forbids_is_a_violation),
        TEST(how_it_was_served_may_be_unknown),
        TEST(fewer_than_two_that_are_judged_say_nothing),
        TEST(a_ranking_without_the_label_weighs_nothing),
        TEST(watch_times_count_by_their_quantiles),
        TEST(time_passes_with_rankings_too),
        TEST(trec_files_have_what_was_judged),
        TEST(parts_of_the_users_add_up_to_all_bit_for_bit),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
