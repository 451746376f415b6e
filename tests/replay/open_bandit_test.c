#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "replay/bootstrap.h"
#include "replay/csv.h"
#include "replay/estimator.h"
#include "replay/support.h"
#include "replay/tally.h"
#include "tests/test.h"

/*
 * The estimators on the Open Bandit Dataset (Saito, Aihara, Matsutani and Narita, "Open bandit
 * dataset and pipeline", 2021), the men's campaign of its small version: 34 items, 10,000
 * impressions of each of two policies. What is expected was computed apart from this project.
 * OBD_DIR names the folder that has bts/men/men.csv and random/men/men.csv.
 */
enum { ITEMS = 34, ROWS = 10000, PART_COUNT = 7 };

struct impression {
    size_t item;
    double click;
    double propensity;
    size_t favourite; /* the item with the largest affinity; of several the first */
};

struct log {
    struct impression rows[ROWS];
    size_t count;
    double click_rate[ITEMS]; /* of the log itself: a model of rewards; 0 for items not shown */
};

static double number(const struct csv *csv, const char *name)
{
    size_t column = csv_column(csv, name);
    CHECK(column != CSV_NO_COLUMN);
    return strtod(csv_field(csv, column).data, NULL);
}

static size_t favourite_of(const struct csv *csv)
{
    size_t favourite = 0;
    double largest = -INFINITY;
    for (size_t item = 0; item < ITEMS; item++) {
        char name[40];
        snprintf(name, sizeof(name), "user-item_affinity_%zu", item);
        double affinity = number(csv, name);
        if (affinity > largest) {
            largest = affinity;
            favourite = item;
        }
    }
    return favourite;
}

static void read_rows(FILE *file, struct log *log)
{
    struct csv *csv = NULL;
    struct problem problem;
    CHECK_EQ(STATUS_OK, csv_open(file, &csv, &problem));
    while (csv_next(csv, &problem) == STATUS_OK) {
        CHECK(log->count < ROWS);
        log->rows[log->count++] = (struct impression){
            .item = (size_t)number(csv, "item_id"),
            .click = number(csv, "click"),
            .propensity = number(csv, "propensity_score"),
            .favourite = favourite_of(csv),
        };
    }
    csv_close(csv);
    CHECK_EQ(ROWS, log->count);
}

static void learn_click_rates(struct log *log)
{
    double shown[ITEMS] = {0};
    for (size_t i = 0; i < log->count; i++) {
        CHECK(log->rows[i].item < ITEMS);
        shown[log->rows[i].item]++;
        log->click_rate[log->rows[i].item] += log->rows[i].click;
    }
    for (size_t i = 0; i < ITEMS; i++) {
        log->click_rate[i] = shown[i] > 0 ? log->click_rate[i] / shown[i] : 0;
    }
}

static const struct log *read_log(const char *policy)
{
    static struct log log;
    const char *directory = getenv("OBD_DIR");
    char path[TEST_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s/men/men.csv", directory != NULL ? directory : "", policy);
    FILE *file = directory != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        test_skip("OBD_DIR names no folder of the data (--test_env=OBD_DIR=FOLDER)");
    }
    read_rows(file, &log);
    fclose(file);
    learn_click_rates(&log);
    return &log;
}

/* The policies that are estimated. */
enum policy { UNIFORM, ALWAYS_13, FAVOURITE };

static double chance_of(enum policy policy, const struct impression *row, size_t item)
{
    switch (policy) {
    case UNIFORM:
        return 1.0 / ITEMS;
    case ALWAYS_13:
        return item == 13;
    case FAVOURITE:
        break;
    }
    return item == row->favourite;
}

static void add_row(struct tally *tally, const struct log *log, size_t index, enum policy policy)
{
    const struct impression *row = &log->rows[index];
    struct observation observation = {
        .reward = row->click,
        .logged = row->propensity,
        .target = chance_of(policy, row, row->item),
        .matched = policy != UNIFORM && chance_of(policy, row, row->item) > 0.5,
        .modelled_logged = log->click_rate[row->item],
    };
    for (size_t item = 0; item < ITEMS; item++) {
        observation.modelled_target += chance_of(policy, row, item) * log->click_rate[item];
    }
    /* Each impression is a user of its own: the data names none. */
    struct random key = random_stream(1, 0, index);
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    struct problem problem;
    CHECK_EQ(STATUS_OK, observation_columns(&observation, 10, sums, peaks, &problem));
    CHECK_EQ(STATUS_OK, tally_add(tally, random_next(&key) | 1, NULL, 0, sums, peaks));
}

static struct tally *new_tally(void)
{
    struct tally *tally = tally_new(OBSERVATION_SUMS, WEIGHING_PEAKS);
    CHECK(tally != NULL);
    return tally;
}

struct estimates {
    double of[ESTIMATOR_COUNT];
    struct support support;
};

static struct estimates estimates_of(struct tally *tally)
{
    struct estimates estimates;
    double sums[OBSERVATION_SUMS];
    double peaks[WEIGHING_PEAKS];
    tally_totals(tally, 0, 0, OBSERVATION_SUMS, sums);
    tally_peaks(tally, 0, 0, WEIGHING_PEAKS, peaks);
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
        estimates.of[i] = estimator_value((enum estimator)i, sums);
    }
    support_measure(sums, peaks, (double)tally_users(tally, 0), &estimates.support);
    return estimates;
}

static struct estimates estimate(const struct log *log, enum policy policy)
{
    struct tally *tally = new_tally();
    for (size_t i = 0; i < log->count; i++) {
        add_row(tally, log, i, policy);
    }
    struct estimates estimates = estimates_of(tally);
    tally_free(tally);
    return estimates;
}

static void check_near(double want, double got)
{
    if (!(fabs(got / want - 1) < 1e-9)) {
        fprintf(stderr, "want %.17g, got %.17g\n", want, got);
        abort();
    }
}

static void the_uniform_policy_on_the_log_of_thompson_sampling(void)
{
    struct estimates got = estimate(read_log("bts"), UNIFORM);
    check_near(0.0030086263272564827, got.of[ESTIMATOR_IPS]);
    check_near(0.0031894231622774096, got.of[ESTIMATOR_SNIPS]);
    check_near(0.0036190239055525725, got.of[ESTIMATOR_DM]);
    check_near(0.002922732937648349, got.of[ESTIMATOR_DR]);
    check_near(0.0028808908510753184, got.of[ESTIMATOR_SNDR]);
    check_near(655.7098495873233, got.support.effective_sample_size);
    check_near(178.25311942959001, got.support.largest_weight);
    check_near(0.9433136257492313, got.support.mean_weight);
    CHECK_EQ(10000, got.support.decisions);
}

/* Its mean weight is 1.6 standard errors below 1, and its smallest propensity 1.6e-4. */
static void the_support_of_the_uniform_policy_is_good_but_not_for_replay(void)
{
    struct estimates got = estimate(read_log("bts"), UNIFORM);
    struct support_limits limits;
    struct support_verdict verdict;
    support_limits_init(&limits);
    support_judge(&got.support, SUPPORT_FOR_WEIGHTS, &limits, &verdict);
    CHECK_EQ(0, verdict.refused);
    support_judge(&got.support, SUPPORT_FOR_REPLAY, &limits, &verdict);
    CHECK(verdict.refused != 0);
}

static void the_log_of_the_uniform_policy_gives_its_own_mean(void)
{
    struct estimates got = estimate(read_log("random"), UNIFORM);
    check_near(0.0046, got.of[ESTIMATOR_IPS]);
    check_near(0.0046, got.of[ESTIMATOR_SNIPS]);
    check_near(10000, got.support.effective_sample_size);
}

static void one_item_always(void)
{
    struct estimates got = estimate(read_log("random"), ALWAYS_13);
    check_near(0.0034, got.of[ESTIMATOR_IPS]);
    check_near(0.003663003663003663, got.of[ESTIMATOR_SNIPS]);
    check_near(0.001, got.of[ESTIMATOR_CLIPPED_IPS]);
    check_near(0.003663003663003663, got.of[ESTIMATOR_REPLAY]);
    CHECK_EQ(273, got.support.matches);
}

static void the_item_with_the_largest_affinity(void)
{
    struct estimates got = estimate(read_log("random"), FAVOURITE);
    check_near(0.017985611510791366, got.of[ESTIMATOR_REPLAY]);
    CHECK_EQ(278, got.support.matches);
}

/* IPS is a mean, whose standard error is known; 2,000 rounds tell it to 1.6 %. */
static void the_error_of_ips_is_the_mean_s(void)
{
    static double rows[ROWS * OBSERVATION_SUMS];
    static const enum estimator ips = ESTIMATOR_IPS;
    const struct log *log = read_log("bts");
    struct tally *tally = new_tally();
    struct bootstrap *bootstrap = NULL;
    struct bootstrap_interval interval;
    for (size_t i = 0; i < log->count; i++) {
        add_row(tally, log, i, UNIFORM);
    }
    CHECK_EQ(ROWS, tally_unit_count(tally, 0));
    tally_rows(tally, 0, 0, OBSERVATION_SUMS, rows);
    CHECK_EQ(STATUS_OK, bootstrap_new(rows, ROWS, OBSERVATION_SUMS, 1, &bootstrap));
    bootstrap_interval(bootstrap,
                       (struct bootstrap_statistic){estimator_statistic, &ips, 0, OBSERVATION_SUMS},
                       &interval);
    CHECK(fabs(interval.error / 0.0007739354628865946 - 1) < 0.06);
    CHECK(interval.low < interval.value && interval.value < interval.high);
    bootstrap_free(bootstrap);
    tally_free(tally);
}

static void parts_of_the_log_give_the_same_bits(void)
{
    const struct log *log = read_log("bts");
    struct tally *parts[PART_COUNT];
    struct problem problem;
    for (size_t part = 0; part < PART_COUNT; part++) {
        parts[part] = new_tally();
        for (size_t i = part; i < log->count; i += PART_COUNT) {
            add_row(parts[part], log, i, UNIFORM);
        }
    }
    for (size_t part = 1; part < PART_COUNT; part++) {
        CHECK_EQ(STATUS_OK, tally_merge(parts[0], parts[part], &problem));
        tally_free(parts[part]);
    }
    struct estimates whole = estimate(log, UNIFORM);
    struct estimates merged = estimates_of(parts[0]);
    CHECK(memcmp(&whole, &merged, sizeof(whole)) == 0);
    tally_free(parts[0]);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_uniform_policy_on_the_log_of_thompson_sampling),
        TEST(the_support_of_the_uniform_policy_is_good_but_not_for_replay),
        TEST(the_log_of_the_uniform_policy_gives_its_own_mean),
        TEST(one_item_always),
        TEST(the_item_with_the_largest_affinity),
        TEST(the_error_of_ips_is_the_mean_s),
        TEST(parts_of_the_log_give_the_same_bits),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
