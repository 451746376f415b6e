#include "replay/report_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/report_rows.h"
#include "tests/test.h"

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    CHECK(json != NULL);
    return json;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    CHECK(json != NULL);
    return json;
}

static enum report_verdict judge(const char *text, int better)
{
    json_t *difference = parse(text);
    enum report_verdict verdict = report_judge(difference, better);
    json_decref(difference);
    return verdict;
}

static void an_interval_above_0_is_better_or_worse_by_the_measure(void)
{
    static const char above[] = "{\"difference\": 0.2, \"low\": 0.1, \"high\": 0.3, \"p\": 0.01}";
    CHECK_EQ(REPORT_BETTER, judge(above, 1));
    CHECK_EQ(REPORT_WORSE, judge(above, -1));
    CHECK_EQ(REPORT_OTHER, judge(above, 0));
}

static void a_claim_needs_the_interval_and_the_corrected_p(void)
{
    CHECK_EQ(REPORT_UNCLEAR, judge("{\"difference\": 0.2, \"low\": -0.1, \"high\": 0.3}", 1));
    CHECK_EQ(REPORT_UNCLEAR,
             judge("{\"difference\": 0.2, \"low\": 0.1, \"high\": 0.3, \"p\": 0.01, "
                   "\"p_adjusted\": 0.05}",
                   1));
    CHECK_EQ(REPORT_WORSE, judge("{\"difference\": -0.2, \"low\": -0.3, \"high\": -0.1, "
                                 "\"p_adjusted\": 0.049}",
                                 1));
}

static void without_an_interval_nothing_is_claimed(void)
{
    CHECK_EQ(REPORT_UNKNOWN, judge("{\"difference\": 0.2, \"low\": null, \"high\": 0.3}", 1));
    CHECK_EQ(REPORT_UNKNOWN, judge("{\"difference\": null, \"low\": 0.1, \"high\": 0.3}", 1));
    CHECK_EQ(REPORT_UNKNOWN, report_judge(NULL, 1));
}

static void check_format(const char *want, double value, int digits, bool sign)
{
    char text[REPORT_NUMBER_SIZE];
    report_format(value, digits, sign, text);
    CHECK_STR(want, text);
}

static void numbers_have_a_true_minus_and_zero_has_no_sign(void)
{
    check_format("0.3421", 0.34214, 4, false);
    check_format("+0.0121", 0.0121, 4, true);
    check_format("−0.0121", -0.0121, 4, false);
    check_format("0.00", -0.001, 2, true);
    check_format("–", NAN, 2, true);
    check_format("1.00e+20", 1e20, 2, false);
}

static void p_is_as_exact_as_it_is_small(void)
{
    static const struct {
        double p;
        const char *want;
    } cases[] = {{0.00004, "p < 0.0001"}, {0.0003, "p = 0.0003"}, {0.041, "p = 0.041"},
                 {0.412, "p = 0.41"},     {1, "p = 1.00"},        {NAN, ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[REPORT_NUMBER_SIZE];
        report_format_p(cases[i].p, text);
        CHECK_STR(cases[i].want, text);
    }
}

static void counts_have_commas_and_times_are_utc(void)
{
    char text[REPORT_NUMBER_SIZE];
    char time[REPORT_TIME_SIZE];
    report_format_count(1234567, text);
    CHECK_STR("1,234,567", text);
    report_format_count(-123, text);
    CHECK_STR("-123", text);
    report_format_count(0, text);
    CHECK_STR("0", text);
    report_format_time(1795305600000, time);
    CHECK_STR("2026-11-22 00:00", time);
}

static const char small[] =
    "{\"schema\": 1, \"kind\": \"ranking\", \"contenders\": [{\"name\": \"A\"}, {\"name\": \"B\"}],"
    "\"metrics\": [{\"name\": \"ndcg@10\", \"title\": \"nDCG@10\", \"better\": \"higher\"}],"
    "\"segments\": [{\"dimension\": \"all\", \"name\": \"all\","
    " \"values\": [{\"metric\": \"ndcg@10\", \"contender\": 0, \"mean\": 0.31}],"
    " \"differences\": [{\"metric\": \"ndcg@10\", \"contender\": 1, \"difference\": 0.0121,"
    "  \"low\": 0.0084, \"high\": 0.0158, \"p\": 0.0001, \"p_adjusted\": 0.0003}]},"
    " {\"dimension\": \"locale\", \"name\": \"hi-IN\","
    " \"differences\": [{\"metric\": \"ndcg@10\", \"contender\": 1, \"p_adjusted\": 0.5}]}]}";

static void check_sentence(const json_t *report, size_t contender, const char *want)
{
    struct report_view view;
    report_view_init(&view, report);
    char *text = report_sentence(&view, contender);
    CHECK(text != NULL);
    CHECK_STR(want, text);
    free(text);
}

static void the_verdict_is_a_sentence_with_its_evidence(void)
{
    json_t *report = parse(small);
    check_sentence(report, 1,
                   "B ranks better than A: nDCG@10 +0.0121 [0.0084, 0.0158], corrected p = "
                   "0.0003");
    json_decref(report);
}

static void the_verdicts_of_the_examples_follow_from_their_numbers(void)
{
    json_t *ranking = load("tests/replay/report_ranking.json");
    json_t *counterfactual = load("tests/replay/report_counterfactual.json");
    check_sentence(ranking, 2,
                   "popularity ranks worse than current: nDCG@10 −0.0582 [−0.0623, −0.0540], "
                   "corrected p < 0.0001");
    check_sentence(
        counterfactual, 3,
        "random cannot be compared with served: Self-normalised DR is refused (effective "
        "sample size is 109; at least 200 are needed)");
    json_decref(ranking);
    json_decref(counterfactual);
}

static void the_headline_is_the_best_estimator_that_has_a_difference(void)
{
    struct report_view view;
    json_t *report = parse(
        "{\"kind\": \"counterfactual\", \"contenders\": [{\"name\": \"A\"}, {\"name\": \"B\"}],"
        "\"estimators\": [{\"name\": \"dm\"}, {\"name\": \"snips\"}, {\"name\": \"dr\"}],"
        "\"segments\": [{\"dimension\": \"all\", \"differences\": ["
        " {\"estimator\": \"dm\", \"contender\": 1, \"difference\": 0.1},"
        " {\"estimator\": \"snips\", \"contender\": 1, \"difference\": 0.1}]}]}");
    report_view_init(&view, report);
    CHECK_EQ(1, view.headline);
    CHECK_EQ(1, report_best(&view));
    json_decref(report);
}

static void dm_is_never_the_headline_since_it_does_not_know_its_bias(void)
{
    json_t *report = parse(
        "{\"kind\": \"counterfactual\", \"contenders\": [{\"name\": \"A\"}, {\"name\": \"B\"}],"
        "\"estimators\": [{\"name\": \"dm\"}, {\"name\": \"snips\", \"title\": \"SNIPS\"}],"
        "\"segments\": [{\"dimension\": \"all\", \"differences\": ["
        " {\"estimator\": \"dm\", \"contender\": 1, \"difference\": 0.1, \"low\": 0.1, \"high\": "
        "0.1}],"
        " \"estimates\": [{\"estimator\": \"snips\", \"contender\": 0, \"refused\": \"too "
        "few\"}]}]}");
    check_sentence(report, 1, "B cannot be compared with A: SNIPS of A is refused (too few)");
    json_decref(report);
}

static void the_best_is_weights_where_weights_are_compared(void)
{
    struct report_view view;
    json_t *report = parse(
        "{\"kind\": \"ranking\", \"contenders\": [{\"name\": \"A\", \"kind\": \"weights\"},"
        " {\"name\": \"served\", \"kind\": \"served\"}, {\"name\": \"B\", \"kind\": \"weights\"}],"
        "\"metrics\": [{\"name\": \"mrr\"}],"
        "\"segments\": [{\"dimension\": \"all\", \"differences\": ["
        " {\"metric\": \"mrr\", \"contender\": 1, \"difference\": 0.2},"
        " {\"metric\": \"mrr\", \"contender\": 2, \"difference\": -0.1}]}]}");
    report_view_init(&view, report);
    CHECK_EQ(2, report_best(&view));
    CHECK_EQ(0, view.weights);
    json_decref(report);
}

/* Of two contenders; metric "a" is the headline. */
static const char rows[] =
    "{\"kind\": \"ranking\", \"contenders\": [{\"name\": \"A\"}, {\"name\": \"B\"}],"
    "\"metrics\": [{\"name\": \"a\", \"better\": \"higher\"}, {\"name\": \"twin\"}, {\"name\": "
    "\"same\"},"
    " {\"name\": \"none\"}, {\"name\": \"own\"}],"
    "\"segments\": [{\"dimension\": \"all\", \"values\": ["
    " {\"metric\": \"a\", \"contender\": 0, \"mean\": 0.31},"
    " {\"metric\": \"a\", \"contender\": 1, \"mean\": 0.32},"
    " {\"metric\": \"twin\", \"contender\": 0, \"mean\": 0.31},"
    " {\"metric\": \"twin\", \"contender\": 1, \"mean\": 0.32},"
    " {\"metric\": \"same\", \"contender\": 0, \"mean\": 0.2},"
    " {\"metric\": \"same\", \"contender\": 1, \"mean\": 0.2},"
    " {\"metric\": \"own\", \"contender\": 0, \"mean\": 0.5}]},"
    " {\"dimension\": \"locale\", \"name\": \"hi-IN\"}, {\"dimension\": \"arm\", \"name\": \"a\"},"
    " {\"dimension\": \"arm\", \"name\": \"b\"}]}";

static void rows_that_say_nothing_are_left_out_and_named(void)
{
    struct report_view view;
    json_t *report = parse(rows);
    report_view_init(&view, report);
    CHECK_EQ(REPORT_ROW_SHOWN, view.measures[0].row);
    CHECK_EQ(REPORT_ROW_TWIN, view.measures[1].row);
    CHECK_EQ(REPORT_ROW_EQUAL, view.measures[2].row);
    CHECK_EQ(REPORT_ROW_EMPTY, view.measures[3].row);
    CHECK_EQ(REPORT_ROW_SHOWN, view.measures[4].row);
    char *text = report_rows_left_out(&view);
    CHECK_STR(
        "twin is a: no list is longer. The same for all: same 0.2000. Not known of any: none.",
        text);
    free(text);
    json_decref(report);
}

static void what_was_served_in_no_known_order_has_no_rows_and_says_so(void)
{
    struct report_view view;
    json_t *report = parse(
        "{\"kind\": \"ranking\", \"contenders\": [{\"name\": \"A\", \"kind\": \"weights\"},"
        " {\"name\": \"served\", \"kind\": \"served\"}, {\"name\": \"B\", \"kind\": \"weights\"}],"
        "\"metrics\": [{\"name\": \"ndcg\"}, {\"name\": \"r@10\"}],"
        "\"segments\": [{\"dimension\": \"all\", \"values\": ["
        " {\"metric\": \"r@10\", \"contender\": 0, \"mean\": 1},"
        " {\"metric\": \"r@10\", \"contender\": 1, \"mean\": null},"
        " {\"metric\": \"r@10\", \"contender\": 2, \"mean\": 1}], \"differences\": ["
        " {\"metric\": \"ndcg\", \"contender\": 1, \"difference\": null},"
        " {\"metric\": \"ndcg\", \"contender\": 2, \"difference\": 0.1}]}]}");
    report_view_init(&view, report);
    CHECK_EQ(REPORT_ROW_EQUAL, view.measures[1].row);
    CHECK(!report_rows_has_differences(&view, 1));
    CHECK(report_rows_has_differences(&view, 2));
    check_sentence(report, 1,
                   "served cannot be compared with A: the log does not tell in which order it was "
                   "served");
    json_decref(report);
}

static void a_group_that_is_the_only_one_of_its_kind_has_no_row(void)
{
    struct report_view view;
    json_t *report = parse(rows);
    const json_t *segments = json_object_get(report, "segments");
    report_view_init(&view, report);
    CHECK(report_rows_has_group(&view, json_array_get(segments, 0)));
    CHECK(!report_rows_has_group(&view, json_array_get(segments, 1)));
    CHECK(report_rows_has_group(&view, json_array_get(segments, 2)));
    CHECK_EQ(2, report_rows_group_count(&view));
    json_decref(report);
}

static void an_empty_report_has_nothing_and_is_no_error(void)
{
    struct report_view view;
    report_view_init(&view, NULL);
    CHECK_EQ(0, view.contender_count);
    CHECK_EQ(0, view.measure_count);
    CHECK(view.whole == NULL);
    CHECK_EQ(0, report_best(&view));
    CHECK(report_find_value(&view, NULL, 0, 0) == NULL);
    CHECK(isnan(report_number(NULL, "x")));
}

static void contenders_beyond_the_limit_are_not_shown(void)
{
    struct report_view view;
    json_t *report = parse("{\"contenders\": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}]}");
    json_t *element = parse("{\"contender\": 9}");
    report_view_init(&view, report);
    CHECK_EQ(9, view.contender_count);
    CHECK_EQ(9, report_contender_of(&view, element));
    json_decref(element);
    json_decref(report);
}

static void digits_follow_the_size_of_the_values(void)
{
    static const struct {
        const char *mean;
        int want;
    } cases[] = {{"0.3", 4}, {"1.4", 4}, {"1.6", 3}, {"16", 2}, {"170", 1}, {"40000", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[400];
        struct report_view view;
        snprintf(text, sizeof(text),
                 "{\"contenders\": [{\"name\": \"A\"}], \"metrics\": [{\"name\": \"m\"}],"
                 "\"segments\": [{\"dimension\": \"all\", \"values\": [{\"metric\": \"m\", "
                 "\"contender\": 0, \"mean\": %s}]}]}",
                 cases[i].mean);
        json_t *report = parse(text);
        report_view_init(&view, report);
        CHECK_EQ(cases[i].want, view.measures[0].digits);
        json_decref(report);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_interval_above_0_is_better_or_worse_by_the_measure),
        TEST(a_claim_needs_the_interval_and_the_corrected_p),
        TEST(without_an_interval_nothing_is_claimed),
        TEST(numbers_have_a_true_minus_and_zero_has_no_sign),
        TEST(p_is_as_exact_as_it_is_small),
        TEST(counts_have_commas_and_times_are_utc),
        TEST(the_verdict_is_a_sentence_with_its_evidence),
        TEST(the_verdicts_of_the_examples_follow_from_their_numbers),
        TEST(the_headline_is_the_best_estimator_that_has_a_difference),
        TEST(dm_is_never_the_headline_since_it_does_not_know_its_bias),
        TEST(the_best_is_weights_where_weights_are_compared),
        TEST(rows_that_say_nothing_are_left_out_and_named),
        TEST(what_was_served_in_no_known_order_has_no_rows_and_says_so),
        TEST(a_group_that_is_the_only_one_of_its_kind_has_no_row),
        TEST(an_empty_report_has_nothing_and_is_no_error),
        TEST(contenders_beyond_the_limit_are_not_shown),
        TEST(digits_follow_the_size_of_the_values),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
