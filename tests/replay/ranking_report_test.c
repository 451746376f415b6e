#include "replay/ranking_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/locale.h"
#include "replay/bootstrap.h"
#include "tests/test.h"

enum { FIRST, OTHER, CONTENDERS, K = 10, SEED = 3, SIGNALS = 1000 };

static struct ranking_sums *new_sums(uint32_t with_auc)
{
    struct ranking_sums *sums = NULL;
    CHECK_EQ(STATUS_OK, ranking_sums_new(CONTENDERS, with_auc, K, SEED, &sums));
    return sums;
}

/* A ranking in which both have all metrics alike, each its own value. NaN: undefined for it. */
static void add(struct ranking_sums *sums, uint64_t user, const uint32_t *segments,
                size_t segment_count, double first, double other)
{
    double columns[CONTENDERS * RANKING_METRICS * 2 + 1] = {0};
    const double values[CONTENDERS] = {first, other};
    for (size_t i = 0; i < CONTENDERS; i++) {
        for (size_t metric = 0; metric < RANKING_METRICS && !isnan(values[i]); metric++) {
            columns[ranking_column(i, metric)] = values[i];
            columns[ranking_column(i, metric) + 1] = 1;
        }
    }
    columns[ranking_columns(CONTENDERS) - 1] = 1;
    CHECK_EQ(STATUS_OK, tally_add(sums->metrics, user, segments, segment_count, columns, NULL));
    sums->counts.measured++;
}

static json_t *report_on(struct ranking_sums *sums)
{
    json_t *report = json_object();
    CHECK_EQ(STATUS_OK, ranking_report_add(sums, SIGNALS, report));
    return report;
}

static const json_t *segment_at(const json_t *report, size_t index)
{
    return json_array_get(json_object_get(report, "segments"), index);
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* In "values" or "differences" of everything. */
static const json_t *find(const json_t *report, const char *list, const char *metric,
                          json_int_t contender)
{
    const json_t *items = json_object_get(segment_at(report, 0), list);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i);
        if (strcmp(text_at(item, "metric"), metric) == 0 &&
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

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/* 100 users with 0.5 for the first, and for the other 0.5 more for each second one. */
static void means_and_differences_are_those_of_the_sums(void)
{
    struct ranking_sums *sums = new_sums(0);
    for (uint64_t user = 1; user <= 100; user++) {
        add(sums, user, NULL, 0, 0.5, user % 2 == 0 ? 1 : 0.5);
    }
    json_t *report = report_on(sums);
    CHECK(near(0.5, number_of(find(report, "values", "ndcg@10", FIRST), "mean")));
    CHECK(near(0.5, number_of(find(report, "values", "ndcg@10", FIRST), "low")));
    CHECK(near(0.75, number_of(find(report, "values", "map", OTHER), "mean")));
    const json_t *difference = find(report, "differences", "map", OTHER);
    CHECK(near(0.25, number_of(difference, "difference")));
    CHECK(number_of(difference, "low") < 0.25 && number_of(difference, "high") > 0.25);
    CHECK(number_of(difference, "p") < 0.001);
    CHECK(find(report, "differences", "map", FIRST) == NULL);
    CHECK_EQ(100,
             json_integer_value(json_object_get(json_object_get(report, "rankings"), "measured")));
    json_decref(report);
    ranking_sums_free(sums);
}

/* The other one has no order of any ranking. */
static void what_is_undefined_is_null(void)
{
    struct ranking_sums *sums = new_sums(0);
    for (uint64_t user = 1; user <= 10; user++) {
        add(sums, user, NULL, 0, 0.5, NAN);
    }
    json_t *report = report_on(sums);
    const json_t *value = find(report, "values", "mrr", OTHER);
    const json_t *difference = find(report, "differences", "mrr", OTHER);
    CHECK(json_is_null(json_object_get(value, "mean")));
    CHECK(json_is_null(json_object_get(value, "low")));
    CHECK(json_is_null(json_object_get(difference, "difference")));
    CHECK(json_is_null(json_object_get(difference, "p")));
    CHECK(json_is_null(json_object_get(difference, "p_adjusted")));
    CHECK(near(0.5, number_of(find(report, "values", "mrr", FIRST), "mean")));
    json_decref(report);
    ranking_sums_free(sums);
}

/* What was adjusted with each other of a dimension: of one metric, or of all for NULL. */
static void check_family(const json_t *report, const char *dimension, const char *metric,
                         size_t want)
{
    enum { MANY = 200 };
    double p[MANY], adjusted[MANY];
    size_t count = 0;
    size_t segments = json_array_size(json_object_get(report, "segments"));
    for (size_t i = 0; i < segments; i++) {
        const json_t *list = json_object_get(segment_at(report, i), "differences");
        bool own = strcmp(text_at(segment_at(report, i), "dimension"), dimension) == 0;
        for (size_t j = 0; own && j < json_array_size(list); j++) {
            const json_t *item = json_array_get(list, j);
            if (metric == NULL || strcmp(text_at(item, "metric"), metric) == 0) {
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

/* All metrics of everything together; each by itself of two locales. */
static void p_values_are_adjusted_by_dimension(void)
{
    struct ranking_sums *sums = new_sums(0);
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "de-DE"));
    for (uint64_t user = 1; user <= 200; user++) {
        const uint32_t segment = 1 + (user % 4 == 0);
        add(sums, user, &segment, 1, (double)(user % 5) / 5, (double)(user % 7) / 6);
    }
    json_t *report = report_on(sums);
    check_family(report, "all", NULL, RANKING_METRICS);
    for (size_t i = 0; i < RANKING_METRICS; i++) {
        char name[METRIC_NAME_SIZE];
        metric_name((enum metric)i, K, name);
        check_family(report, "locale", name, 2);
    }
    json_decref(report);
    ranking_sums_free(sums);
}

/* Locales by their rankings, ages as time goes, and those that nobody is in are left out. */
static void segments_are_in_their_order(void)
{
    static const char *const want[] = {"all",         "de-DE",        "hi-IN",
                                       "visitor",     "under a day",  "over 30 days",
                                       "try/control", "try/treatment"};
    struct ranking_sums *sums = new_sums(0);
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_ARM, "try/treatment"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "hi-IN"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_USER_AGE, "over 30 days"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "fr-FR"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_USER_AGE, "visitor"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_USER_AGE, "under a day"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_ARM, "try/control"));
    CHECK_EQ(STATUS_OK, segments_add(sums->segments, SEGMENT_LOCALE, "de-DE"));
    add(sums, 1, (const uint32_t[]){8, 3, 1}, 3, 0.5, 0.5);
    add(sums, 2, (const uint32_t[]){8, 3, 7}, 3, 0.5, 0.5);
    add(sums, 3, (const uint32_t[]){8, 5, 7}, 3, 0.5, 0.5);
    add(sums, 4, (const uint32_t[]){2, 6, 7}, 3, 0.5, 0.5);
    json_t *report = report_on(sums);
    size_t count = json_array_size(json_object_get(report, "segments"));
    CHECK_EQ(sizeof(want) / sizeof(want[0]), count);
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(want[i], text_at(segment_at(report, i), "name"));
    }
    CHECK_EQ(3, json_integer_value(json_object_get(segment_at(report, 1), "rankings")));
    json_decref(report);
    ranking_sums_free(sums);
}

/* ---- exposure ---- */

/* What of its first positions a slate gives to three languages, and what it breaks. */
static void expose(struct ranking_sums *sums, uint64_t user, const double shares[3],
                   double forbidden)
{
    double columns[CONTENDERS * EXPOSED_COLUMNS] = {0};
    for (size_t language = 0; language < 3; language++) {
        columns[ranking_exposure_column(FIRST, language)] = shares[language];
    }
    columns[ranking_exposure_column(FIRST, EXPOSED_ALL)] = 1;
    columns[ranking_exposure_column(FIRST, EXPOSED_POSITIONS)] = K;
    columns[ranking_exposure_column(FIRST, EXPOSED_FORBIDDEN)] = forbidden;
    CHECK_EQ(STATUS_OK, tally_add(sums->exposures, user, NULL, 0, columns, NULL));
}

static uint16_t language_of(const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return locale.language;
}

/* The first gives most to the second that was met; the other one has no slates. */
static void languages_are_in_the_order_of_what_the_first_gives_them(void)
{
    static const char *const want[] = {"hi", "de", "fr"};
    struct ranking_sums *sums = new_sums(0);
    (void)ranking_language(sums, language_of("fr"));
    (void)ranking_language(sums, language_of("hi"));
    (void)ranking_language(sums, language_of("de"));
    expose(sums, 1, (const double[]){0.125, 0.5, 0.375}, 1);
    expose(sums, 2, (const double[]){0.125, 0.75, 0.125}, 2);
    json_t *report = report_on(sums);
    const json_t *exposure = json_object_get(report, "exposure");
    for (size_t contender = 0; contender < CONTENDERS; contender++) {
        const json_t *languages = json_object_get(json_array_get(exposure, contender), "languages");
        CHECK_EQ(3, json_array_size(languages));
        for (size_t i = 0; i < 3; i++) {
            const json_t *language = json_array_get(languages, i);
            CHECK_STR(want[i], text_at(language, "name"));
            CHECK(contender == FIRST || json_is_null(json_object_get(language, "share")));
        }
    }
    const json_t *first = json_array_get(exposure, FIRST);
    const json_t *hindi = json_array_get(json_object_get(first, "languages"), 0);
    CHECK(near(0.625, number_of(hindi, "share")));
    CHECK_EQ(3, json_integer_value(json_object_get(first, "violations")));
    CHECK_EQ(2 * K, json_integer_value(json_object_get(first, "positions")));
    json_decref(report);
    ranking_sums_free(sums);
}

/*
 * Positives have 1 (100 of them), 0 and 2 (50 each), negatives 1 (150) and 3 (50): the first beat
 * half of 3/4, the last 3/4, and 0 none.
 */
static void the_auc_is_of_contenders_with_scores(void)
{
    struct ranking_sums *sums = new_sums(1U << OTHER);
    for (uint64_t user = 1; user <= 200; user++) {
        add(sums, user, NULL, 0, 0.5, 0.5);
        CHECK_EQ(STATUS_OK, auc_groups_add(sums->auc[OTHER], user, 1, user % 2 == 0));
        CHECK_EQ(STATUS_OK,
                 auc_groups_add(sums->auc[OTHER], user, (double)(user % 4), user % 2 == 0));
    }
    json_t *report = report_on(sums);
    CHECK(find(report, "values", "auc", FIRST) == NULL);
    CHECK(near(0.375, number_of(find(report, "values", "auc", OTHER), "mean")));
    CHECK(find(report, "differences", "auc", OTHER) == NULL);
    json_decref(report);
    ranking_sums_free(sums);
}

static void an_empty_log_has_an_empty_report(void)
{
    struct ranking_sums *sums = new_sums(0);
    json_t *report = report_on(sums);
    CHECK_EQ(0, json_array_size(json_object_get(report, "segments")));
    CHECK_EQ(0, json_array_size(json_object_get(report, "exposure")));
    CHECK_EQ(SIGNALS,
             json_integer_value(json_object_get(json_object_get(report, "join"), "unjoined")));
    json_decref(report);
    ranking_sums_free(sums);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(means_and_differences_are_those_of_the_sums),
        TEST(what_is_undefined_is_null),
        TEST(p_values_are_adjusted_by_dimension),
        TEST(segments_are_in_their_order),
        TEST(languages_are_in_the_order_of_what_the_first_gives_them),
        TEST(the_auc_is_of_contenders_with_scores),
        TEST(an_empty_log_has_an_empty_report),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
