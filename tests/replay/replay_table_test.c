#include "replay/replay_table.h"

#include <stdlib.h>
#include <string.h>

#include "replay/column.h"
#include "tests/test.h"

enum { LINE_WIDTH_MAX = 100 };

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    CHECK(json != NULL);
    return json;
}

/* The caller frees it. */
static char *write_table(const json_t *report, bool definitions)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    CHECK(file != NULL);
    column_init();
    CHECK(replay_table_write(file, report, definitions));
    CHECK(fclose(file) == 0);
    return text;
}

static void check_has(const char *text, const char *line)
{
    if (strstr(text, line) == NULL) {
        fprintf(stderr, "not found: \"%s\" in:\n%s", line, text);
        abort();
    }
}

static void a_ranking_says_what_was_measured_and_by_how_much(void)
{
    json_t *report = load("tests/replay/report_ranking.json");
    char *text = write_table(report, false);
    check_has(text, "ranking quality by \"long_view\", k = 10: 82,376 of 96,120 rankings, 11,011 "
                    "users\n");
    check_has(text, "\n  nDCG@10               0.3421 [0.3352, 0.3490]  0.3528 [0.3459, 0.3597]  "
                    "0.2839 [0.2771, 0.2908]\n");
    check_has(text, "\n  nDCG@10                ▲ +0.0107 [0.0087, 0.0126]    p < 0.0001 ***\n");
    check_has(text, "\n  Watch-time nDCG@10     · −0.0012 [−0.0033, 0.0009]   p = 1.00\n");
    check_has(text, "\n  ru-RU                    5,210  0.3553  · −0.0060 [−0.0137, 0.0016]\n");
    check_has(text,
              "\n  popularity                 2.1 %      0.962      0.941     81.1 %     97.9 %"
              "         37\n");
    check_has(text, "  heads.long_view.model                         (not named) → ");
    CHECK(strstr(text, "Gain of the first 10 positions") == NULL);
    free(text);
    json_decref(report);
}

static void a_counterfactual_report_says_what_is_refused_and_why(void)
{
    json_t *report = load("tests/replay/report_counterfactual.json");
    char *text = write_table(report, false);
    check_has(text,
              "\"play\" per position, had others ranked: 494,256 of 501,230 decisions, 11,011 "
              "users\n");
    check_has(text, "\nas served: 0.0831 [0.0817, 0.0845]\n");
    check_has(text, "\n  SNIPS                 refused\n");
    check_has(text, "poor\n    effective sample size is 0.1 % of the decisions; at least 1 % "
                    "is needed\n");
    check_has(text, "\n  poor support in ru-RU: candidate\n  poor support in id-ID: candidate\n");
    check_has(text, "\n  4                          0.0899      0.0908      0.0949      0.0720\n");
    free(text);
    json_decref(report);
}

static void definitions_stand_at_the_end_when_asked_for(void)
{
    json_t *report = load("tests/replay/report_ranking.json");
    char *text = write_table(report, true);
    check_has(text, "\nMRR\n    1 / position of the first relevant video.\n");
    free(text);
    json_decref(report);
}

static void lines_fit_a_terminal_and_end_without_spaces(void)
{
    static const char *const paths[] = {"tests/replay/report_ranking.json",
                                        "tests/replay/report_counterfactual.json"};
    for (size_t i = 0; i < 2; i++) {
        json_t *report = load(paths[i]);
        char *text = write_table(report, true);
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            CHECK(column_width(line) <= LINE_WIDTH_MAX);
            CHECK(line[strlen(line) - 1] != ' ');
        }
        free(text);
        json_decref(report);
    }
}

static void nothing_of_a_report_can_drive_the_terminal(void)
{
    json_error_t error;
    json_t *report = json_loads(
        "{\"kind\": \"ranking\", \"contenders\": [{\"name\": \"a\\u001b[2J\"}, {\"name\": "
        "\"b\\u0007\"}], \"metrics\": [{\"name\": \"m\\r\"}], \"notes\": [\"n\\u001b]0;x\"],"
        "\"segments\": [{\"dimension\": \"all\"}, {\"dimension\": \"\\u001b\", \"name\": "
        "\"\\u0008\"}]}",
        0, &error);
    CHECK(report != NULL);
    char *text = write_table(report, true);
    for (const char *at = text; *at != '\0'; at++) {
        CHECK((unsigned char)*at >= ' ' || *at == '\n');
    }
    free(text);
    json_decref(report);
}

/* Writes the report with one member after the other replaced, and puts each back. */
static void replace_each(const json_t *report, json_t *object, const json_t *stand_in);

static void replace_within(const json_t *report, json_t *value, const json_t *stand_in)
{
    enum { ELEMENTS = 2 };
    if (json_is_object(value)) {
        replace_each(report, value, stand_in);
    }
    for (size_t i = 0; i < json_array_size(value) && i < ELEMENTS; i++) {
        replace_within(report, json_array_get(value, i), stand_in);
    }
}

static void replace_each(const json_t *report, json_t *object, const json_t *stand_in)
{
    void *next = NULL;
    for (void *at = json_object_iter(object); at != NULL; at = next) {
        json_t *value = json_incref(json_object_iter_value(at));
        next = json_object_iter_next(object, at);
        replace_within(report, value, stand_in);
        json_object_iter_set_new(object, at, json_deep_copy(stand_in));
        free(write_table(report, true));
        json_object_iter_set_new(object, at, value);
    }
}

static void any_field_may_be_of_any_kind_or_nothing(void)
{
    static const char *const paths[] = {"tests/replay/report_ranking.json",
                                        "tests/replay/report_counterfactual.json"};
    json_t *stand_ins[] = {json_null(), json_array(), json_object(), json_string("x"),
                           json_integer(-1)};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < sizeof(stand_ins) / sizeof(stand_ins[0]); j++) {
            json_t *report = load(paths[i]);
            replace_each(report, report, stand_ins[j]);
            json_decref(report);
        }
    }
    for (size_t j = 0; j < sizeof(stand_ins) / sizeof(stand_ins[0]); j++) {
        json_decref(stand_ins[j]);
    }
}

static void an_empty_report_is_a_title(void)
{
    json_t *report = json_object();
    char *text = write_table(report, true);
    CHECK_STR("ranking quality by \"\", k = 0: 0 of 0 rankings, 0 users\n", text);
    free(text);
    json_decref(report);
}

static void a_disk_that_is_full_is_told(void)
{
    json_t *report = load("tests/replay/report_ranking.json");
    FILE *file = fopen("/dev/full", "w");
    CHECK(file != NULL);
    setvbuf(file, NULL, _IONBF, 0);
    column_init();
    CHECK(!replay_table_write(file, report, false));
    fclose(file);
    json_decref(report);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_ranking_says_what_was_measured_and_by_how_much),
        TEST(a_counterfactual_report_says_what_is_refused_and_why),
        TEST(definitions_stand_at_the_end_when_asked_for),
        TEST(lines_fit_a_terminal_and_end_without_spaces),
        TEST(nothing_of_a_report_can_drive_the_terminal),
        TEST(any_field_may_be_of_any_kind_or_nothing),
        TEST(an_empty_report_is_a_title),
        TEST(a_disk_that_is_full_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
