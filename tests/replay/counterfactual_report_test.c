#include "replay/counterfactual_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/bootstrap.h"
#include "tests/test.h"

/* The log, and another one. */
enum { SERVED, OTHER, CONTENDERS, POSITIONS = 2, SEED = 3, SIGNALS = 1000 };

static struct counterfactual_sums *new_sums(void)
{
    struct counterfactual_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, counterfactual_sums_new(CONTENDERS, POSITIONS, SEED, &sums));
    return sums;
}

/* A served position of a decision, which the other one makes with another probability. */
struct observed_position {
    uint64_t user;
    uint32_t segments[2];
    size_t segment_count;
    bool first; /* of its decision */
    double reward;
    double logged;
    double other;
};

static void observe(struct counterfactual_sums *sums, const struct observed_position *seen)
{
    double columns[CONTENDERS * OBSERVATION_SUMS + 1];
    double peaks[CONTENDERS * COUNTERFACTUAL_PEAKS];
    struct problem problem;
    for (size_t i = 0; i < CONTENDERS; i++) {
        struct observation observation = {.reward = seen->reward,
                                          .logged = seen->logged,
                                          .target = i == SERVED ? seen->logged : seen->other,
                                          .matched = i == SERVED || seen->other > 0.5,
                                          .modelled_logged = 0.25,
                                          .modelled_target = 0.25};
        CHECK_EQ(STATUS_OK, observation_columns(&observation, 10, columns + observation_column(i),
                                                peaks + i * COUNTERFACTUAL_PEAKS, &problem));
        sums->weights[i][weight_bin(observation.target / observation.logged)]++;
    }
    columns[CONTENDERS * OBSERVATION_SUMS] = seen->first;
    CHECK_EQ(STATUS_OK, tally_add(sums->observations, seen->user, seen->segments,
                                  seen->segment_count, columns, peaks));
    sums->counts.used += seen->first;
    sums->counts.found += seen->first;
}

/* A slate of two, of which the other one makes each position with half the log's probability, or
 * twice. */
static void add_slate(struct counterfactual_sums *sums, uint64_t user, double reward, double factor)
{
    double columns[CONTENDERS * (1 + 2 * POSITIONS * WEIGHING_SUMS)];
    double peaks[CONTENDERS * 2 * POSITIONS * WEIGHING_PEAKS];
    struct problem problem;
    for (size_t i = 0; i < CONTENDERS; i++) {
        struct slate_position slate[POSITIONS];
        for (size_t k = 0; k < POSITIONS; k++) {
            double target = i == SERVED || k > 0 ? 0.4 : 0.4 * factor;
            slate[k] = (struct slate_position){reward, 0.4, target, 0.4, target};
        }
        CHECK_EQ(STATUS_OK,
                 slate_columns(slate, POSITIONS, POSITIONS, columns + slate_column(sums, i),
                               peaks + i * slate_peak_count(POSITIONS), &problem));
    }
    sums->counts.slates++;
    CHECK_EQ(STATUS_OK, tally_add(sums->slates, user, NULL, 0, columns, peaks));
}

static json_t *report_with(struct counterfactual_sums *sums, const struct support_limits *limits,
                           bool model)
{
    json_t *report = json_object();
    CHECK_EQ(STATUS_OK, counterfactual_report_add(sums, limits, model, SIGNALS, report));
    return report;
}

static json_t *report_on(struct counterfactual_sums *sums)
{
    struct support_limits limits;
    support_limits_init(&limits);
    return report_with(sums, &limits, true);
}

static const json_t *segment_of(const json_t *report, const char *dimension, const char *name)
{
    const json_t *segments = json_object_get(report, "segments");
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        if (strcmp(json_string_value(json_object_get(segment, "dimension")), dimension) == 0 &&
            strcmp(json_string_value(json_object_get(segment, "name")), name) == 0) {
            return segment;
        }
    }
    return NULL;
}

/* In "estimates" or "differences" of everything; NULL: it is not there. */
static const json_t *find(const json_t *report, const char *list, const char *estimator,
                          json_int_t contender)
{
    const json_t *items = json_object_get(segment_of(report, "all", "all"), list);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcmp(json_string_value(json_object_get(item, "estimator")), estimator) == 0 &&
            json_integer_value(json_object_get(item, "contender")) == contender) {
            return item;
        }
    }
    return NULL;
}

static double number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const char *refusal(const json_t *report, const char *estimator, json_int_t contender)
{
    const json_t *found = find(report, "estimates", estimator, contender);
    CHECK(found != NULL);
    const char *text = json_string_value(json_object_get(found, "refused"));
    CHECK((text != NULL) == json_is_null(json_object_get(found, "value")));
    return text != NULL ? text : "";
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/*
 * 400 users with a decision each: half with weight 0.5, half with 1.5, of which the latter are
 * rewarded every second time, the former every fourth.
 */
static struct counterfactual_sums *good_log(void)
{
    struct counterfactual_sums *sums = new_sums();
    for (uint64_t user = 1; user <= 400; user++) {
        bool likely = user % 2 == 0;
        struct observed_position seen = {.user = user,
                                         .first = true,
                                         .reward = likely ? user % 4 == 0 : user % 8 == 1,
                                         .logged = 0.4,
                                         .other = likely ? 0.6 : 0.2};
        observe(sums, &seen);
    }
    return sums;
}

/* 100 and 50 are rewarded: 150 / 400, and (150 + 25) / 400. The weights' mean is 1. */
static void estimates_and_differences_are_those_of_the_sums(void)
{
    struct counterfactual_sums *sums = good_log();
    json_t *report = report_on(sums);
    const json_t *ips = find(report, "estimates", "ips", OTHER);
    CHECK(near(0.4375, number_of(ips, "value")));
    CHECK(number_of(ips, "low") < 0.4375 && number_of(ips, "high") > 0.4375);
    CHECK(json_object_get(ips, "overridden") == NULL);
    CHECK(near(0.375, number_of(find(report, "estimates", "snips", SERVED), "value")));
    CHECK(near(0.375, number_of(json_object_get(report, "logged"), "value")));
    const json_t *difference = find(report, "differences", "ips", OTHER);
    CHECK(near(0.0625, number_of(difference, "difference")));
    CHECK(number_of(difference, "p") > 0 && number_of(difference, "p") < 0.05);
    CHECK(number_of(difference, "p_adjusted") > number_of(difference, "p"));
    CHECK(find(report, "differences", "ips", SERVED) == NULL);
    const json_t *all = segment_of(report, "all", "all");
    CHECK_EQ(400, json_integer_value(json_object_get(all, "decisions")));
    CHECK_EQ(400, json_integer_value(json_object_get(all, "users")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

static void without_a_model_there_is_nothing_of_it(void)
{
    struct counterfactual_sums *sums = good_log();
    struct support_limits limits;
    support_limits_init(&limits);
    json_t *report = report_with(sums, &limits, false);
    CHECK(find(report, "estimates", "dm", OTHER) == NULL);
    CHECK(find(report, "estimates", "sndr", OTHER) == NULL);
    CHECK(find(report, "estimates", "ips", OTHER) != NULL);
    CHECK_EQ(4, json_array_size(json_object_get(report, "estimators")));
    json_decref(report);
    report = report_on(sums);
    CHECK(near(0.25, number_of(find(report, "estimates", "dm", OTHER), "value")));
    CHECK_EQ(ESTIMATOR_COUNT, json_array_size(json_object_get(report, "estimators")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* The log's own estimates differ from themselves by nothing, for certain. */
static void a_contender_that_does_what_the_log_did_differs_by_nothing(void)
{
    struct counterfactual_sums *sums = new_sums();
    for (uint64_t user = 1; user <= 400; user++) {
        observe(
            sums,
            &(struct observed_position){
                .user = user, .first = true, .reward = user % 3 == 0, .logged = 0.4, .other = 0.4});
    }
    json_t *report = report_on(sums);
    const json_t *difference = find(report, "differences", "snips", OTHER);
    CHECK(!(fabs(number_of(difference, "difference")) > 0));
    CHECK(!(fabs(number_of(difference, "low")) > 0) && !(fabs(number_of(difference, "high")) > 0));
    CHECK(json_is_null(json_object_get(difference, "p")));
    CHECK(json_is_null(json_object_get(difference, "p_adjusted")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* One decision of 400 had a propensity of 1e-6, which the other one might have made. */
static void a_propensity_that_is_too_small_refuses_what_is_weighted(void)
{
    struct counterfactual_sums *sums = good_log();
    observe(sums, &(struct observed_position){
                      .user = 401, .first = true, .reward = 1, .logged = 1e-6, .other = 0.5});
    json_t *report = report_on(sums);
    CHECK(strstr(refusal(report, "ips", OTHER), "--support ") != NULL);
    CHECK(refusal(report, "snips", OTHER)[0] != '\0');
    CHECK(refusal(report, "dr", OTHER)[0] != '\0');
    CHECK_STR("", refusal(report, "dm", OTHER));
    CHECK(find(report, "differences", "ips", OTHER) == NULL);
    const json_t *support =
        json_array_get(json_object_get(segment_of(report, "all", "all"), "support"), OTHER);
    CHECK_STR("poor", json_string_value(json_object_get(support, "verdict")));
    CHECK(json_array_size(json_object_get(support, "problems")) >= 3);
    CHECK(near(1e-6, number_of(support, "smallest_propensity")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

static void what_passes_for_a_limit_that_was_set_says_so(void)
{
    struct counterfactual_sums *sums = new_sums();
    struct support_limits limits;
    struct problem problem;
    for (uint64_t user = 1; user <= 30; user++) {
        observe(
            sums,
            &(struct observed_position){
                .user = user, .first = true, .reward = user % 3 == 0, .logged = 0.4, .other = 0.4});
    }
    json_t *report = report_on(sums);
    CHECK(strstr(refusal(report, "dm", OTHER), "number of decisions is 30") != NULL);
    json_decref(report);
    support_limits_init(&limits);
    CHECK_EQ(STATUS_OK, support_limits_set(&limits, "min-decisions=10", &problem));
    CHECK_EQ(STATUS_OK, support_limits_set(&limits, "min-users=10", &problem));
    report = report_with(sums, &limits, true);
    const json_t *dm = find(report, "estimates", "dm", OTHER);
    CHECK(near(0.25, number_of(dm, "value")));
    const json_t *overridden = json_object_get(dm, "overridden");
    CHECK_EQ(2, json_array_size(overridden));
    CHECK_STR("min-decisions", json_string_value(json_array_get(overridden, 0)));
    CHECK_STR("min-users", json_string_value(json_array_get(overridden, 1)));
    CHECK(refusal(report, "ips", OTHER)[0] != '\0'); /* of 30, not 100 effective ones */
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* 60 users with 10 positions of one decision each are 60 decisions, though 600 positions. */
static void positions_are_no_decisions(void)
{
    struct counterfactual_sums *sums = new_sums();
    for (uint64_t i = 0; i < 600; i++) {
        observe(sums, &(struct observed_position){.user = 1 + i / 10,
                                                  .first = i % 10 == 0,
                                                  .reward = i % 3 == 0,
                                                  .logged = 0.4,
                                                  .other = 0.4});
    }
    json_t *report = report_on(sums);
    const json_t *all = segment_of(report, "all", "all");
    CHECK_EQ(60, json_integer_value(json_object_get(all, "decisions")));
    CHECK_EQ(600, json_integer_value(json_object_get(all, "observations")));
    CHECK(strstr(refusal(report, "ips", OTHER), "number of decisions is 60") != NULL);
    json_decref(report);
    counterfactual_sums_free(sums);
}

/*
 * 60 of 100 users have ten decisions of weight 2, the others of weight 0: a mean of 1.2. Over 1,000
 * decisions its error would be 0.031, which would leave 0.076 of the 0.2 unexplained; over users it
 * is 0.098, and chance may explain all.
 */
static void the_error_of_a_mean_weight_is_over_users(void)
{
    struct counterfactual_sums *sums = new_sums();
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t user = 1 + i / 10;
        observe(sums, &(struct observed_position){.user = user,
                                                  .first = true,
                                                  .reward = i % 3 == 0,
                                                  .logged = 0.4,
                                                  .other = user <= 60 ? 0.8 : 0});
    }
    json_t *report = report_on(sums);
    const json_t *support =
        json_array_get(json_object_get(segment_of(report, "all", "all"), "support"), OTHER);
    CHECK(near(1.2, number_of(support, "mean_weight")));
    CHECK(fabs(number_of(support, "mean_weight_error") / 0.098 - 1) < 0.06);
    CHECK_STR("", refusal(report, "snips", OTHER));
    json_decref(report);
    counterfactual_sums_free(sums);
}

static void positions_are_in_their_order(void)
{
    static const char *const names[] = {"10", "1", "2"};
    struct counterfactual_sums *sums = new_sums();
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_POSITION, names[i]));
    }
    for (uint64_t i = 0; i < 900; i++) {
        observe(sums, &(struct observed_position){.user = 1 + i / 3,
                                                  .segments = {1 + (uint32_t)(i % 3)},
                                                  .segment_count = 1,
                                                  .first = i % 3 == 1,
                                                  .reward = i % 3 == 2,
                                                  .logged = 0.4,
                                                  .other = 0.4});
    }
    json_t *report = report_on(sums);
    const json_t *positions = json_object_get(report, "positions");
    static const json_int_t want[] = {1, 1, 2, 2, 10, 10};
    CHECK_EQ(6, json_array_size(positions));
    for (size_t i = 0; i < 6; i++) {
        const json_t *position = json_array_get(positions, i);
        CHECK_EQ(want[i], json_integer_value(json_object_get(position, "position")));
        CHECK_EQ(300, json_integer_value(json_object_get(position, "decisions")));
        CHECK(near(want[i] == 2 ? 1 : 0, number_of(position, "value")));
    }
    CHECK_EQ(1, json_array_size(json_object_get(report, "segments")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/*
 * 200 users with a slate of two rewards of 1, and weight 0.5 at the first position, 200 with
 * nothing and 1.5: the log has 1 a slate; the other one 0.25 of the first position and, item by
 * item, 0.5 of the second, but 0.25 by sequence.
 */
static void add_slates(struct counterfactual_sums *sums)
{
    for (uint64_t user = 1; user <= 400; user++) {
        add_slate(sums, user, user % 2 == 0, user % 2 == 0 ? 0.5 : 1.5);
    }
}

static void slates_have_estimates_and_differences(void)
{
    struct counterfactual_sums *sums = good_log();
    add_slates(sums);
    json_t *report = report_on(sums);
    CHECK(near(1, number_of(find(report, "estimates", "sequence_ips", SERVED), "value")));
    CHECK(near(0.5, number_of(find(report, "estimates", "sequence_ips", OTHER), "value")));
    CHECK(near(0.75, number_of(find(report, "estimates", "item_position_ips", OTHER), "value")));
    const json_t *difference = find(report, "differences", "item_position_ips", OTHER);
    CHECK(near(-0.25, number_of(difference, "difference")));
    CHECK(number_of(difference, "p_adjusted") < 0.05);
    CHECK_EQ(ESTIMATOR_COUNT + SLATE_ESTIMATOR_COUNT,
             json_array_size(json_object_get(report, "estimators")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

static void unknown_marginals_refuse_item_by_item_and_not_sequences(void)
{
    struct counterfactual_sums *sums = good_log();
    add_slates(sums);
    sums->counts.without_marginal = 1;
    json_t *report = report_on(sums);
    CHECK(strstr(refusal(report, "item_position_ips", OTHER), "weights that made the log") != NULL);
    CHECK(refusal(report, "item_position_snips", SERVED)[0] != '\0');
    CHECK(find(report, "differences", "item_position_ips", OTHER) == NULL);
    CHECK_STR("", refusal(report, "sequence_ips", OTHER));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* Without any weight at the first position the second may be as good as it likes. */
static void a_slate_is_refused_for_one_position(void)
{
    struct counterfactual_sums *sums = good_log();
    for (uint64_t user = 1; user <= 400; user++) {
        add_slate(sums, user, 1, 0);
    }
    json_t *report = report_on(sums);
    CHECK(refusal(report, "item_position_ips", OTHER)[0] != '\0');
    CHECK(refusal(report, "sequence_snips", OTHER)[0] != '\0');
    CHECK_STR("", refusal(report, "sequence_snips", SERVED));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* What was adjusted with each other of a dimension: of one estimator, or of all for NULL. */
static void check_family(const json_t *report, const char *dimension, const char *estimator,
                         size_t want)
{
    enum { MANY = 100 };
    double p[MANY], adjusted[MANY];
    size_t count = 0;
    const json_t *segments = json_object_get(report, "segments");
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        const json_t *list = json_object_get(segment, "differences");
        bool own = strcmp(json_string_value(json_object_get(segment, "dimension")), dimension) == 0;
        for (size_t j = 0; own && j < json_array_size(list); j++) {
            const json_t *item = json_array_get(list, j);
            const char *name = json_string_value(json_object_get(item, "estimator"));
            if (estimator == NULL || strcmp(name, estimator) == 0) {
                CHECK(count < MANY);
                p[count] = number_of(item, "p");
                adjusted[count++] = number_of(item, "p_adjusted");
            }
        }
    }
    CHECK_EQ(want, count);
    CHECK_EQ(STATUS_OK, bootstrap_holm(p, count));
    for (size_t i = 0; i < count; i++) {
        CHECK(near(p[i], adjusted[i]));
    }
}

/* Five estimators (all but replay and DM) of everything; of two locales each by itself. */
static void p_values_are_adjusted_by_dimension(void)
{
    struct counterfactual_sums *sums = new_sums();
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "de-DE"));
    for (uint64_t user = 1; user <= 1200; user++) {
        bool likely = user % 2 == 0;
        observe(sums, &(struct observed_position){.user = user,
                                                  .segments = {1 + (user % 3 == 0)},
                                                  .segment_count = 1,
                                                  .first = true,
                                                  .reward = likely ? user % 4 == 0 : user % 5 == 1,
                                                  .logged = user % 8 < 4 ? 0.2 : 0.5,
                                                  .other = (user % 8 < 4 ? 0.2 : 0.5) *
                                                           (likely ? 1.2 : 0.8)});
    }
    json_t *report = report_on(sums);
    static const char *const compared[] = {"ips", "clipped_ips", "snips", "dr", "sndr"};
    enum { COMPARED = sizeof(compared) / sizeof(compared[0]) };
    check_family(report, "all", NULL, COMPARED);
    for (size_t i = 0; i < COMPARED; i++) {
        check_family(report, "locale", compared[i], 2);
    }
    const json_t *segments = json_object_get(report, "segments");
    CHECK_STR("hi-IN", json_string_value(json_object_get(json_array_get(segments, 1), "name")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

static void weights_are_shown_by_half_octaves(void)
{
    struct counterfactual_sums *sums = good_log();
    json_t *report = report_on(sums);
    const json_t *histogram = json_array_get(json_object_get(report, "weight_histograms"), OTHER);
    const json_t *bins = json_object_get(histogram, "bins");
    CHECK_EQ(2, json_array_size(bins));
    CHECK(near(0.5, number_of(json_array_get(bins, 0), "from")));
    CHECK(near(sqrt(0.5), number_of(json_array_get(bins, 0), "to")));
    CHECK(near(sqrt(2), number_of(json_array_get(bins, 1), "from")));
    CHECK_EQ(200, json_integer_value(json_object_get(json_array_get(bins, 1), "count")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

/* What a search asks again and again: the report's figure, or its refusal, word for word. */
static void an_estimate_by_itself_is_that_of_the_report(void)
{
    struct counterfactual_sums *sums = good_log();
    struct support_limits limits;
    struct problem refused;
    double value;
    support_limits_init(&limits);
    CHECK_EQ(STATUS_OK,
             counterfactual_estimate(sums, &limits, ESTIMATOR_IPS, OTHER, &value, &refused));
    CHECK(near(0.4375, value));
    CHECK_STR("", refused.text);
    observe(sums, &(struct observed_position){
                      .user = 401, .first = true, .reward = 1, .logged = 1e-6, .other = 0.5});
    json_t *report = report_on(sums);
    CHECK_EQ(STATUS_OK,
             counterfactual_estimate(sums, &limits, ESTIMATOR_SNIPS, OTHER, &value, &refused));
    CHECK(isnan(value));
    CHECK_STR(refusal(report, "snips", OTHER), refused.text);
    json_decref(report);
    counterfactual_sums_free(sums);
    sums = new_sums();
    CHECK_EQ(STATUS_OK,
             counterfactual_estimate(sums, &limits, ESTIMATOR_IPS, OTHER, &value, &refused));
    CHECK(isnan(value));
    CHECK(strstr(refused.text, "no decision") != NULL);
    counterfactual_sums_free(sums);
}

static void an_empty_log_has_an_empty_report(void)
{
    struct counterfactual_sums *sums = new_sums();
    json_t *report = report_on(sums);
    CHECK_EQ(0, json_array_size(json_object_get(report, "segments")));
    CHECK_EQ(0, json_array_size(json_object_get(report, "positions")));
    CHECK_EQ(SIGNALS,
             json_integer_value(json_object_get(json_object_get(report, "join"), "unjoined")));
    json_decref(report);
    counterfactual_sums_free(sums);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(estimates_and_differences_are_those_of_the_sums),
        TEST(without_a_model_there_is_nothing_of_it),
        TEST(a_contender_that_does_what_the_log_did_differs_by_nothing),
        TEST(a_propensity_that_is_too_small_refuses_what_is_weighted),
        TEST(what_passes_for_a_limit_that_was_set_says_so),
        TEST(positions_are_no_decisions),
        TEST(the_error_of_a_mean_weight_is_over_users),
        TEST(positions_are_in_their_order),
        TEST(slates_have_estimates_and_differences),
        TEST(unknown_marginals_refuse_item_by_item_and_not_sequences),
        TEST(a_slate_is_refused_for_one_position),
        TEST(p_values_are_adjusted_by_dimension),
        TEST(weights_are_shown_by_half_octaves),
        TEST(an_estimate_by_itself_is_that_of_the_report),
        TEST(an_empty_log_has_an_empty_report),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
