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
    const double want[] = {0.03, NAN, 0.06, 0.06, 0.02};
    struct report_families families = {.items = {{{.count = 0}}}};
    struct report_family *family = report_families_find(&families, SEGMENT_ALL, 0);
    json_t *objects[5];
    for (size_t i = 0; i < 5; i++) {
        objects[i] = json_object();
        CHECK_EQ(STATUS_OK, report_family_add(family, objects[i], p[i]));
        CHECK(json_object_get(objects[i], "p_adjusted") == NULL);
    }
    CHECK_EQ(STATUS_OK, report_families_end(&families));
    for (size_t i = 0; i < 5; i++) {
        bool undefined = json_is_null(json_object_get(objects[i], "p_adjusted"));
        CHECK(undefined == isnan(p[i]));
        CHECK(undefined || near(want[i], number_of(objects[i], "p_adjusted")));
        CHECK(undefined || near(p[i], number_of(objects[i], "p")));
        json_decref(objects[i]);
    }
    report_families_release(&families);
}

/* The smallest of 1,000 is multiplied by 1,000. */
static void families_grow(void)
{
    enum { MANY = 1000 };
    static json_t *objects[MANY];
    struct report_families families = {.items = {{{.count = 0}}}};
    struct report_family *family = report_families_find(&families, SEGMENT_ALL, 0);
    for (size_t i = 0; i < MANY; i++) {
        objects[i] = json_object();
        CHECK_EQ(STATUS_OK, report_family_add(family, objects[i], i == 700 ? 0.0002 : 0.9));
    }
    CHECK_EQ(STATUS_OK, report_families_end(&families));
    CHECK(near(0.2, number_of(objects[700], "p_adjusted")));
    CHECK(near(1, number_of(objects[999], "p_adjusted")));
    for (size_t i = 0; i < MANY; i++) {
        json_decref(objects[i]);
    }
    report_families_release(&families);
}

static void an_empty_family_has_nothing_to_adjust(void)
{
    struct report_families families = {.items = {{{.count = 0}}}};
    CHECK_EQ(STATUS_OK, report_families_end(&families));
    report_families_release(&families);
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

static double adjusted(const json_t *object)
{
    const json_t *p = json_object_get(object, "p_adjusted");
    return json_is_number(p) ? json_number_value(p) : NAN;
}

static void add(struct report_families *families, enum segment_dimension dimension, size_t measure,
                json_t *object, double p)
{
    CHECK_EQ(STATUS_OK,
             report_family_add(report_families_find(families, dimension, measure), object, p));
}

/* Holm: the smaller of two p is doubled, the larger is at least that. */
static void everything_is_one_family_and_groups_are_one_by_measure(void)
{
    struct report_families families = {.items = {{{.count = 0}}}};
    json_t *objects[5];
    for (size_t i = 0; i < 5; i++) {
        objects[i] = json_object();
    }
    add(&families, SEGMENT_ALL, 0, objects[0], 0.02);
    add(&families, SEGMENT_ALL, 1, objects[1], 0.25);
    add(&families, SEGMENT_LOCALE, 0, objects[2], 0.02);
    add(&families, SEGMENT_LOCALE, 1, objects[3], 0.02);
    add(&families, SEGMENT_ARM, 0, objects[4], 0.02);
    CHECK_EQ(STATUS_OK, report_families_end(&families));
    CHECK(fabs(adjusted(objects[0]) - 0.04) < 1e-12);
    CHECK(fabs(adjusted(objects[1]) - 0.25) < 1e-12);
    for (size_t i = 2; i < 5; i++) {
        CHECK(fabs(adjusted(objects[i]) - 0.02) < 1e-12);
    }
    report_families_release(&families);
    for (size_t i = 0; i < 5; i++) {
        json_decref(objects[i]);
    }
}

static void what_no_order_can_change_is_no_comparison(void)
{
    struct report_families families = {.items = {{{.count = 0}}}};
    json_t *tested = json_object();
    json_t *same = json_object();
    const struct bootstrap_interval nothing = {.value = 0, .low = 0, .high = 0, .error = 0};
    CHECK(isnan(report_p_of(&nothing)));
    add(&families, SEGMENT_ALL, 0, tested, 0.03);
    add(&families, SEGMENT_ALL, 1, same, report_p_of(&nothing));
    CHECK_EQ(STATUS_OK, report_families_end(&families));
    CHECK(fabs(adjusted(tested) - 0.03) < 1e-12);
    CHECK(json_is_null(json_object_get(same, "p")) &&
          json_is_null(json_object_get(same, "p_adjusted")));
    report_families_release(&families);
    json_decref(tested);
    json_decref(same);
}

static void a_difference_that_varies_has_a_p(void)
{
    const struct bootstrap_interval some = {.value = 0, .low = -1, .high = 1, .error = 0.5};
    CHECK(fabs(report_p_of(&some) - 1) < 1e-12);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(p_values_of_a_family_are_adjusted_together),
        TEST(families_grow),
        TEST(an_empty_family_has_nothing_to_adjust),
        TEST(undefined_figures_are_null),
        TEST(everything_is_one_family_and_groups_are_one_by_measure),
        TEST(what_no_order_can_change_is_no_comparison),
        TEST(a_difference_that_varies_has_a_p),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
