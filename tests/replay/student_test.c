#include "replay/student.h"

#include <math.h>

#include "tests/test.h"

static bool near(double want, double got)
{
    return fabs(want - got) <= 1e-12 * fabs(want);
}

/* One degree is Cauchy's distribution, 1 - 2 atan(t) / pi; two have 1 - t / sqrt(2 + t^2); written
 * so that nothing cancels for large t. */
static void tails_of_one_and_two_degrees_have_closed_forms(void)
{
    const double values[] = {1e-3, 0.1, 0.5, 1, 1.5, 2, 5, 40, 1e4, 1e8};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        double t = values[i];
        double root = sqrt(2 + t * t);
        CHECK(near(2 / acos(-1) * atan(1 / t), student_tail(t, 1)));
        CHECK(near(2 / (root * (root + t)), student_tail(t, 2)));
        CHECK(near(student_tail(t, 1), student_tail(-t, 1)));
    }
}

/* Of even degrees n the inside is sin(x) times the sum of (1 3 5 ...) / (2 4 6 ...) cos(x)^2i below
 * n / 2, with tan(x) = t / sqrt(n) (Abramowitz and Stegun, 26.7.4). */
static void tails_of_many_degrees_agree_with_the_finite_series(void)
{
    for (unsigned degrees = 4; degrees <= 1000; degrees += 62) {
        for (double t = 0.125; t < 3; t += 0.125) {
            double square = degrees / (degrees + t * t);
            double term = 1;
            double sum = 0;
            for (unsigned i = 0; i < degrees / 2; i++) {
                sum += term;
                term *= (2.0 * i + 1) / (2.0 * i + 2) * square;
            }
            double want = 1 - sqrt(1 - square) * sum;
            CHECK(fabs(want - student_tail(t, degrees)) < 1e-12);
        }
    }
}

static void nothing_is_beyond_infinity_and_all_beyond_nought(void)
{
    CHECK(near(1, student_tail(0, 63)));
    CHECK(!(student_tail(INFINITY, 63) > 0));
    CHECK(isnan(student_tail(NAN, 63)));
    CHECK(student_tail(30, 63) > 0 && student_tail(30, 63) < 1e-30);
}

/* From printed tables, to the digits they have. */
static void quantiles_are_those_of_the_tables(void)
{
    CHECK(fabs(student_quantile(0.05, 1) - 12.706) < 5e-4);
    CHECK(fabs(student_quantile(0.05, 10) - 2.228) < 5e-4);
    CHECK(fabs(student_quantile(0.05, 60) - 2.000) < 5e-4);
    CHECK(fabs(student_quantile(0.01, 30) - 2.750) < 5e-4);
    CHECK(fabs(student_quantile(0.001, 5) - 6.869) < 5e-4);
    CHECK(fabs(student_quantile(0.05, 1000) - 1.962) < 5e-4);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(tails_of_one_and_two_degrees_have_closed_forms),
        TEST(tails_of_many_degrees_agree_with_the_finite_series),
        TEST(nothing_is_beyond_infinity_and_all_beyond_nought),
        TEST(quantiles_are_those_of_the_tables),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
