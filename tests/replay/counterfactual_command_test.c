#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ranker/random.h"
#include "tests/test.h"

/* What the command says of logs in files. */
enum { USERS = 400, OUTPUT_SIZE = 1 << 20, COMMAND_SIZE = 8 * TEST_PATH_SIZE };

static const long long BEGIN_MS = 1700000000000;

static void run(const char *arguments, char output[OUTPUT_SIZE])
{
    char command[COMMAND_SIZE];
    int written = snprintf(command, sizeof(command), "cli/reelrank replay %s 2>&1", arguments);
    CHECK(written > 0 && written < COMMAND_SIZE);
    FILE *pipe = popen(command, "r");
    CHECK(pipe != NULL);
    size_t size = fread(output, 1, OUTPUT_SIZE - 1, pipe);
    output[size] = '\0';
    int result = pclose(pipe);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0) {
        fprintf(stderr, "%s\n%s\n", command, output);
        abort();
    }
}

static json_t *report_of(const char *arguments)
{
    static char output[OUTPUT_SIZE];
    json_error_t error;
    run(arguments, output);
    json_t *report = json_loads(output, 0, &error);
    if (report == NULL) {
        fprintf(stderr, "%s\n%s\n", error.text, output);
        abort();
    }
    return report;
}

static void check_says(const char *output, const char *want)
{
    if (strstr(output, want) == NULL) {
        fprintf(stderr, "no \"%s\" in:\n%s", want, output);
        abort();
    }
}

/* Of everything. */
static const json_t *whole(const json_t *report)
{
    return json_array_get(json_object_get(report, "segments"), 0);
}

static const json_t *estimate_of(const json_t *report, const char *estimator, json_int_t contender)
{
    const json_t *list = json_object_get(whole(report), "estimates");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(item, "estimator")), estimator) == 0 &&
            json_integer_value(json_object_get(item, "contender")) == contender) {
            return item;
        }
    }
    CHECK(false);
    return NULL;
}

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* ---- a log of decisions ---- */

static void write_video(FILE *file, const char *id)
{
    fprintf(file,
            "{\"video\": {\"video_id\": \"%s\", \"safety_rating\": \"SAFETY_RATING_LOW_RISK\"}}\n",
            id);
}

/* A list of one of two videos, and a like of it. */
static void write_decision(FILE *file, int number, int chosen, double propensity, bool liked)
{
    long long time_ms = BEGIN_MS + 1000 * number;
    fprintf(file,
            "{\"decision\": {\"time_ms\": %lld, \"request\": {\"user_id\": \"u%d\", \"locale\": "
            "\"hi-IN\", \"candidate_ids\": [\"a\", \"b\"]}, \"ranking_id\": \"r%d\", \"order\": "
            "[%d], \"propensities\": [%.17g]}}\n",
            time_ms, number % USERS, number, chosen, propensity);
    if (liked) {
        fprintf(file,
                "{\"signal\": {\"user_id\": \"u%d\", \"video_id\": \"%s\", \"type\": "
                "\"SIGNAL_TYPE_LIKE\", \"time_ms\": %lld, \"ranking_id\": \"r%d\"}}\n",
                number % USERS, chosen == 0 ? "a" : "b", time_ms + 100, number);
    }
}

/*
 * 800 decisions that took a with 0.75 and b with 0.25, in just these shares; each third a and each
 * second b was liked. A last one may have had another propensity.
 */
static void write_log(const char *path, double last)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    write_video(file, "a");
    write_video(file, "b");
    for (int i = 0; i < 2 * USERS; i++) {
        bool first = i % 4 != 0;
        write_decision(file, i, first ? 0 : 1, first ? 0.75 : 0.25,
                       first ? i % 3 == 0 : i % 8 == 0);
    }
    if (last > 0) {
        write_decision(file, 2 * USERS, 1, last, true);
    }
    CHECK_EQ(0, fclose(file));
}

/*
 * a was taken 600 times and liked 200 times, b 200 and 100 times, so chance would have earned
 * (200 / 0.75 + 100 / 0.25) / 2 / 800.
 */
static void a_log_of_decisions_tells_of_chance(void)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16], arguments[COMMAND_SIZE / 2];
    test_directory(folder);
    snprintf(path, sizeof(path), "%s/log.jsonl", folder);
    write_log(path, 0);
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --log '%s' --reward like --json", path);
    json_t *report = report_of(arguments);
    CHECK(fabs(0.375 - number_of(estimate_of(report, "ips", 0), "value")) < 1e-9);
    CHECK(fabs(5.0 / 12 - number_of(estimate_of(report, "ips", 1), "value")) < 1e-9);
    CHECK(fabs(5.0 / 12 - number_of(estimate_of(report, "sequence_ips", 1), "value")) < 1e-9);
    CHECK(fabs(5.0 / 12 - number_of(estimate_of(report, "item_position_snips", 1), "value")) <
          1e-9);
    CHECK_EQ(USERS, json_integer_value(json_object_get(whole(report), "users")));
    json_decref(report);
}

/* Whatever else it tells, what such a decision tells is chance. */
static void a_log_with_a_propensity_of_a_millionth_is_refused(void)
{
    static char output[OUTPUT_SIZE];
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16], arguments[COMMAND_SIZE / 2];
    test_directory(folder);
    snprintf(path, sizeof(path), "%s/log.jsonl", folder);
    write_log(path, 1e-6);
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --log '%s' --reward like", path);
    run(arguments, output);
    check_says(output, "refused");
    check_says(output, "poor");
    check_says(output, "the smallest propensity of a decision that weighs more than 2 is 1e-06");
    check_says(output, "--support");
    check_says(output, "min-propensity=VALUE");
    check_says(output, "the largest weight's share of all weight is 0.998");
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --log '%s' --reward like --json", path);
    json_t *report = report_of(arguments);
    static const char *const weighted[] = {"ips", "snips", "dr", "sndr", "sequence_ips"};
    for (size_t i = 0; i < sizeof(weighted) / sizeof(weighted[0]); i++) {
        const json_t *estimate = estimate_of(report, weighted[i], 1);
        CHECK(json_is_null(json_object_get(estimate, "value")));
        CHECK(json_is_string(json_object_get(estimate, "refused")));
    }
    CHECK(json_is_number(json_object_get(estimate_of(report, "dm", 1), "value")));
    json_decref(report);
}

static void a_refusal_that_is_overridden_is_marked(void)
{
    char folder[TEST_PATH_SIZE], path[TEST_PATH_SIZE + 16], arguments[COMMAND_SIZE / 2];
    test_directory(folder);
    snprintf(path, sizeof(path), "%s/log.jsonl", folder);
    write_log(path, 1e-6);
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --log '%s' --reward like --json --support "
             "min-propensity=0 --support max-largest-weight-share=1 --support "
             "min-effective-sample-size=0 --support min-effective-share=0 --support "
             "max-mean-weight-deviation=1000",
             path);
    json_t *report = report_of(arguments);
    const json_t *estimate = estimate_of(report, "ips", 1);
    /* (100 * 4 / 3 + 100 * 2 + 500,000) / 801, the first being 200 times 2 / 3 */
    CHECK(fabs((200 * 2.0 / 3 + 100 * 2 + 500000) / 801 - number_of(estimate, "value")) < 1e-6);
    CHECK(json_array_size(json_object_get(estimate, "overridden")) >= 3);
    json_decref(report);
}

static void parts_of_the_users_merge_to_the_same_report(void)
{
    static const char *const same[] = {"decisions", "join",      "logged",           "estimators",
                                       "segments",  "positions", "weight_histograms"};
    static char output[OUTPUT_SIZE];
    char folder[TEST_PATH_SIZE], arguments[COMMAND_SIZE / 2];
    test_directory(folder);
    snprintf(arguments, sizeof(arguments), "%.4000s/log.jsonl", folder);
    write_log(arguments, 0);
    for (int part = 1; part <= 3; part++) {
        snprintf(arguments, sizeof(arguments),
                 "counterfactual --baseline random --log '%s/log.jsonl' --reward like --part %d/3 "
                 "--out '%s/%d.part'",
                 folder, part, folder, part);
        run(arguments, output);
    }
    snprintf(arguments, sizeof(arguments), "merge '%s/1.part' '%s/3.part' '%s/2.part' --json",
             folder, folder, folder);
    json_t *merged = report_of(arguments);
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --log '%s/log.jsonl' --reward like --json", folder);
    json_t *report = report_of(arguments);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        CHECK(json_object_get(report, same[i]) != NULL);
        CHECK(json_equal(json_object_get(report, same[i]), json_object_get(merged, same[i])));
    }
    json_decref(report);
    json_decref(merged);
}

/* ---- the Open Bandit Dataset ---- */

static void check_near(double want, double got)
{
    if (!(fabs(got / want - 1) < 1e-9)) {
        fprintf(stderr, "want %.17g, got %.17g\n", want, got);
        abort();
    }
}

/* As open_bandit_test.c has them, which were computed apart from this project. */
static void the_open_bandit_log_gives_the_reference_values(void)
{
    static const struct {
        const char *estimator;
        double value;
    } want[] = {{"ips", 0.0030086263272564827},
                {"snips", 0.0031894231622774096},
                {"dm", 0.0036190239055525725},
                {"dr", 0.002922732937648349},
                {"sndr", 0.0028808908510753184}};
    char arguments[COMMAND_SIZE / 2];
    const char *path = getenv("OBD_BTS_MEN");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        test_skip("OBD_BTS_MEN names no file (--test_env=OBD_BTS_MEN=FILE)");
    }
    CHECK_EQ(0, fclose(file));
    snprintf(arguments, sizeof(arguments),
             "counterfactual --baseline random --format obd --log '%.4000s' --reward play --folds "
             "1 --prior 0 --json",
             path);
    json_t *report = report_of(arguments);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        const json_t *found = estimate_of(report, want[i].estimator, 1);
        check_near(want[i].value, number_of(found, "value"));
        CHECK(number_of(found, "low") <= number_of(found, "value"));
        CHECK(number_of(found, "value") <= number_of(found, "high"));
    }
    const json_t *support = json_array_get(json_object_get(whole(report), "support"), 1);
    check_near(655.7098495873233, number_of(support, "effective_sample_size"));
    check_near(178.25311942959001, number_of(support, "largest_weight"));
    check_near(0.9433136257492313, number_of(support, "mean_weight"));
    json_decref(report);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_log_of_decisions_tells_of_chance),
        TEST(a_log_with_a_propensity_of_a_millionth_is_refused),
        TEST(a_refusal_that_is_overridden_is_marked),
        TEST(parts_of_the_users_merge_to_the_same_report),
        TEST(the_open_bandit_log_gives_the_reference_values),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
