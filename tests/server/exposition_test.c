#include "server/exposition.h"

#include <math.h>
#include <stdlib.h>

#include "tests/test.h"

static void check_written(const char *want, void (*write)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    write(out);
    CHECK(fclose(out) == 0);
    CHECK_STR(want, text);
    free(text);
}

static void write_counter(FILE *out)
{
    exposition_counter(out, "calls_total", "Calls.", 7);
}

static void counter_has_help_type_and_value(void)
{
    check_written("# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total 7\n",
                  write_counter);
}

static void write_labels(FILE *out)
{
    struct labels labels = {.count = 2, .items = {{"a", "x"}, {"b", "q\"\\\nz"}}};
    exposition_whole(out, "n", &labels, UINT64_MAX);
}

static void values_of_labels_are_escaped(void)
{
    check_written("n{a=\"x\",b=\"q\\\"\\\\\\nz\"} 18446744073709551615\n", write_labels);
}

static void write_reals(FILE *out)
{
    exposition_real(out, "n", NULL, 0.25);
    exposition_real(out, "n", NULL, NAN);
    exposition_real(out, "n", NULL, INFINITY);
    exposition_real(out, "n", NULL, -INFINITY);
}

static void reals_that_are_not_finite_are_words(void)
{
    check_written("n 0.25\nn NaN\nn +Inf\nn -Inf\n", write_reals);
}

static void write_histogram(FILE *out)
{
    static const struct histogram_scale scale = {
        .unit = 1e-9, .count = 2, .bounds = {25000, 500000}};
    struct labels labels = {.count = 1, .items = {{"method", "Rank"}}};
    struct histogram_sums sums = {.sum = 1500000000, .counts = {3, 2, 1}};
    exposition_histogram(out, "t_seconds", &labels, &scale, &sums);
}

static void histogram_is_cumulative_with_sum_and_count(void)
{
    check_written("t_seconds_bucket{method=\"Rank\",le=\"2.5e-05\"} 3\n"
                  "t_seconds_bucket{method=\"Rank\",le=\"0.0005\"} 5\n"
                  "t_seconds_bucket{method=\"Rank\",le=\"+Inf\"} 6\n"
                  "t_seconds_sum{method=\"Rank\"} 1.5\n"
                  "t_seconds_count{method=\"Rank\"} 6\n",
                  write_histogram);
}

static const struct test tests[] = {
    TEST(counter_has_help_type_and_value),
    TEST(values_of_labels_are_escaped),
    TEST(reals_that_are_not_finite_are_words),
    TEST(histogram_is_cumulative_with_sum_and_count),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
