#include "replay/replay_page.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    CHECK(json != NULL);
    return json;
}

static void need_gnuplot(void)
{
    if (access("/usr/bin/gnuplot", X_OK) != 0) {
        test_skip("gnuplot is not installed");
    }
    CHECK(setenv("PATH", "/usr/bin:/bin", 1) == 0);
}

/* The caller frees what is written. */
static enum status try_write(const json_t *report, char **text, struct problem *problem)
{
    size_t size = 0;
    FILE *file = open_memstream(text, &size);
    CHECK(file != NULL);
    enum status status = replay_page_write(file, report, problem);
    CHECK(fclose(file) == 0);
    return status;
}

static char *write_page(const json_t *report)
{
    char *text = NULL;
    struct problem problem = {""};
    enum status status = try_write(report, &text, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return text;
}

static void the_same_report_gives_the_same_page(void)
{
    need_gnuplot();
    json_t *report = load("tests/replay/report_counterfactual.json");
    char *first = write_page(report);
    char *second = write_page(report);
    CHECK_STR(first, second);
    free(first);
    free(second);
    json_decref(report);
}

static void without_gnuplot_nothing_is_written_and_the_package_is_named(void)
{
    char path[TEST_PATH_SIZE];
    char *text = NULL;
    struct problem problem = {""};
    json_t *report = load("tests/replay/report_ranking.json");
    test_directory(path);
    CHECK(setenv("PATH", path, 1) == 0);
    CHECK_EQ(STATUS_UNAVAILABLE, try_write(report, &text, &problem));
    CHECK(strstr(problem.text, "gnuplot-nox") != NULL);
    CHECK_STR("", text);
    free(text);
    json_decref(report);
}

static void check_refused(const char *json, const char *want)
{
    json_error_t error;
    char *text = NULL;
    struct problem problem = {""};
    json_t *report = json_loads(json, 0, &error);
    CHECK(report != NULL);
    CHECK_EQ(STATUS_INVALID, try_write(report, &text, &problem));
    CHECK_STR(want, problem.text);
    CHECK_STR("", text);
    free(text);
    json_decref(report);
}

static void another_schema_or_kind_is_refused(void)
{
    check_refused("{\"schema\": 2, \"kind\": \"ranking\"}",
                  "schema: found 2; this program shows 1");
    check_refused("{\"schema\": 1, \"kind\": \"diff\"}",
                  "kind: found \"diff\"; allowed: ranking, counterfactual");
}

/* Every top-level member and every member of a segment, once without and once of a wrong kind. */
static void any_section_may_be_missing_or_strange(void)
{
    static const char *const paths[] = {"tests/replay/report_ranking.json",
                                        "tests/replay/report_counterfactual.json"};
    need_gnuplot();
    for (size_t i = 0; i < 2; i++) {
        json_t *whole = load(paths[i]);
        const char *name;
        json_t *value;
        json_object_foreach(whole, name, value)
        {
            if (strcmp(name, "schema") == 0 || strcmp(name, "kind") == 0) {
                continue;
            }
            json_t *report = json_copy(whole);
            CHECK(json_object_del(report, name) == 0);
            free(write_page(report));
            CHECK(json_object_set_new(report, name, json_loads("[null, 3, {}, [[]]]", 0, NULL)) ==
                  0);
            free(write_page(report));
            json_decref(report);
        }
        json_decref(whole);
    }
}

static void a_report_of_nothing_is_a_page(void)
{
    static const char *const reports[] = {
        "{\"schema\": 1, \"kind\": \"ranking\", \"contenders\": []}",
        "{\"schema\": 1, \"kind\": \"counterfactual\", \"contenders\": []}"};
    for (size_t i = 0; i < 2; i++) {
        json_error_t error;
        json_t *report = json_loads(reports[i], 0, &error);
        char *text = write_page(report);
        CHECK(strstr(text, "<h1>") != NULL && strstr(text, "</html>") != NULL);
        free(text);
        json_decref(report);
    }
}

static void a_disk_that_is_full_is_told(void)
{
    struct problem problem = {""};
    json_error_t error;
    json_t *report = json_loads("{\"schema\": 1, \"kind\": \"ranking\"}", 0, &error);
    FILE *file = fopen("/dev/full", "w");
    CHECK(file != NULL);
    setvbuf(file, NULL, _IONBF, 0);
    CHECK_EQ(STATUS_IO, replay_page_write(file, report, &problem));
    CHECK_STR("cannot write the page", problem.text);
    fclose(file);
    json_decref(report);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_same_report_gives_the_same_page),
        TEST(without_gnuplot_nothing_is_written_and_the_package_is_named),
        TEST(another_schema_or_kind_is_refused),
        TEST(any_section_may_be_missing_or_strange),
        TEST(a_report_of_nothing_is_a_page),
        TEST(a_disk_that_is_full_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
