#include "replay/report_family.h"

#include <math.h>

#include "tests/test.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* As bootstrap_test.c has it: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04 raised to the one before. */
static void p_values_of_a_family_are_adjusted_together(void)
{
    const double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
    const double adjusted[] = {0.03, NAN, 0.06, 0.06, 0.02};
    struct report_family family = {.count = 0};
    json_t *objects[5];
    for (size_t i = 0; i < 5; i++) {
        objects[i] = json_object();
        CHECK_EQ(STATUS_OK, report_family_add(&family, objects[i], p[i]));
        CHECK(json_object_get(objects[i], "p_adjusted") == NULL);
    }
    CHECK_EQ(STATUS_OK, report_family_end(&family));
    for (size_t i = 0; i < 5; i++) {
        bool undefined = json_is_null(json_object_get(objects[i], "p_adjusted"));
        CHECK(undefined == isnan(p[i]));
        CHECK(undefined || near(adjusted[i], number_of(objects[i], "p_adjusted")));
        CHECK(undefined || near(p[i], number_of(objects[i], "p")));
        json_decref(objects[i]);
    }
    report_family_release(&family);
}

/* The smallest of 1,000 is multiplied by 1,000. */
static void families_grow(void)
{
    enum { MANY = 1000 };
    static json_t *objects[MANY];
    struct report_family family = {.count = 0};
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = json_object();
        CHECK_EQ(STATUS_OK, report_family_add(&family, objects[i], i == 700 ? 0.0002 : 0.9));
    }
    CHECK_EQ(STATUS_OK, report_family_end(&family));
    CHECK(near(0.2, number_of(objects[700], "p_adjusted")));
    CHECK(near(1, number_of(objects[999], "p_adjusted")));
    for (size_t i = 0; i < MANY; i++) {
        json_decref(objects[i]);
    }
    report_family_release(&family);
}

static void an_empty_family_has_nothing_to_adjust(void)
{
    struct report_family family = {.count = 0};
    CHECK_EQ(STATUS_OK, report_family_end(&family));
    report_family_release(&family);
}

static void undefined_figures_are_null(void)
{
    json_t *object = json_object();
    report_interval(object, "mean", &(struct bootstrap_interval){0.5, NAN, INFINITY, 0});
    CHECK(near(0.5, number_of(object, "mean")));
    CHECK(json_is_null(json_object_get(object, "low")));
    CHECK(json_is_null(json_object_get(object, "high")));
    json_decref(object);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(p_values_of_a_family_are_adjusted_together),
        TEST(families_grow),
        TEST(an_empty_family_has_nothing_to_adjust),
        TEST(undefined_figures_are_null),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
