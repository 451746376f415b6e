#include "ranker/exact.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tests/test.h"

enum { POINTS = 200000 };

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 11;
}

/* In [0, 1). */
static double next_unit(uint64_t *seed)
{
    return (double)next_random(seed) * 0x1p-53;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_exp2_near(double x)
{
    long double want = powl(2.0L, x);
    long double error = fabsl((long double)exact_exp2(x) - want) / want;
    if (error >= 0x1p-51L) {
        fprintf(stderr, "exact_exp2(%a): relative error %Lg\n", x, error);
        abort();
    }
}

static void exp2_is_within_its_bound(void)
{
    uint64_t seed = 1;
    for (int i = 0; i < POINTS; i++) {
        check_exp2_near(-1022.0 + 2045.0 * next_unit(&seed));
        check_exp2_near(-8.0 + 16.0 * next_unit(&seed));
        check_exp2_near(next_unit(&seed) - 0.5);
        check_exp2_near((next_unit(&seed) - 0.5) * 0x1p-30);
    }
    check_exp2_near(0.5);
    check_exp2_near(-0.5);
    check_exp2_near(nextafter(0.5, 1.0));
    check_exp2_near(nextafter(1023.0, 0.0));
}

static void exp2_of_integers_is_a_power_of_two(void)
{
    for (int n = -1022; n <= 1023; n++) {
        CHECK(same_bits(exact_exp2(n), ldexp(1.0, n)));
    }
    CHECK(same_bits(exact_exp2(-0.0), 1.0));
}

static void exp2_saturates_outside_its_range(void)
{
    CHECK(same_bits(exact_exp2(nextafter(-1022.0, -2000.0)), 0.0));
    CHECK(same_bits(exact_exp2(-DBL_MAX), 0.0));
    CHECK(same_bits(exact_exp2((double)-INFINITY), 0.0));
    CHECK(same_bits(exact_exp2((double)NAN), 0.0));
    CHECK(same_bits(exact_exp2(nextafter(1023.0, 2000.0)), DBL_MAX));
    CHECK(same_bits(exact_exp2((double)INFINITY), DBL_MAX));
}

static void exp2_rises(void)
{
    double before = 0.0;
    for (double x = -20.0; x < 20.0; x += 0x1p-12) {
        double y = exact_exp2(x);
        CHECK(y > before);
        before = y;
    }
}

/* The bound without the rounding of the result itself, which log2(1e300) cannot escape. */
static void check_log2_near(double x)
{
    double got = exact_log2(x);
    long double error = fabsl((long double)got - log2l((long double)x));
    double unit = nextafter(fabs(got), (double)INFINITY) - fabs(got);
    if (error - unit / 2 >= 0x1p-50L) {
        fprintf(stderr, "exact_log2(%a): error %Lg\n", x, error);
        abort();
    }
}

static void log2_is_within_its_bound(void)
{
    uint64_t seed = 2;
    for (int i = 0; i < POINTS; i++) {
        check_log2_near(0.5 + next_unit(&seed));
        check_log2_near(1.0 + (next_unit(&seed) - 0.5) * 0x1p-20);
        check_log2_near(1e6 * next_unit(&seed) + 1.0);
        check_log2_near(ldexp(1.0 + next_unit(&seed), (int)(next_random(&seed) % 2046) - 1022));
        check_log2_near((next_unit(&seed) + 0x1p-52) * 0x1p-1022);
    }
    check_log2_near(nextafter(1.0, 0.0));
    check_log2_near(nextafter(1.0, 2.0));
    check_log2_near(DBL_MAX);
}

static void log2_of_powers_of_two_is_an_integer(void)
{
    for (int n = -1074; n <= 1023; n++) {
        CHECK(same_bits(exact_log2(ldexp(1.0, n)), n));
    }
}

static void log2_rises(void)
{
    double before = exact_log2(0.25);
    for (double x = 0.25 + 0x1p-14; x < 4.0; x += 0x1p-14) {
        double y = exact_log2(x);
        CHECK(y > before);
        before = y;
    }
}

static void check_sine_near(double circles)
{
    long double want = sinl(6.283185307179586476925286766559L * (long double)fmod(circles, 1.0));
    long double error = fabsl((long double)exact_sine(circles) - want);
    if (error >= 0x1p-50L) {
        fprintf(stderr, "exact_sine(%a): error %Lg\n", circles, error);
        abort();
    }
}

static void sine_is_within_its_bound(void)
{
    uint64_t seed = 3;
    for (int i = 0; i < POINTS; i++) {
        check_sine_near(next_unit(&seed));
        check_sine_near(2000.0 * next_unit(&seed) - 1000.0);
        check_sine_near((next_unit(&seed) - 0.5) * 0x1p-30);
        check_sine_near(0.125 * (int)(i % 17) + (next_unit(&seed) - 0.5) * 0x1p-40);
    }
}

static void sine_of_quarters_is_exact(void)
{
    static const double quarters[] = {0, 1, 0, -1};
    for (int i = 0; i < 100; i++) {
        CHECK(same_bits(quarters[i % 4], exact_sine(0.25 * i)));
    }
}

static void quantum_rounds_to_even_multiples(void)
{
    CHECK(same_bits(exact_quantum(0x1p-32), 0x1p-32));
    CHECK(same_bits(exact_quantum(0x1p-33), 0.0));
    CHECK(same_bits(exact_quantum(0x1.8p-32), 0x1p-31));
    CHECK(same_bits(exact_quantum(0x1.4p-31), 0x1p-31)); /* 2.5 units go to 2 */
    CHECK(same_bits(exact_quantum(-0x1.8p-32), -0x1p-31));
    CHECK(same_bits(exact_quantum(-100.25), -100.25));
    CHECK(same_bits(exact_quantum(0x1p18 + 0x1.1p-32), 0x1p18 + 0x1p-32));
}

/* Any change of these bits changes the score of every journaled decision. */
static void exp2_bits_never_change(void)
{
    static const double golden[][2] = {
        {0.5, 0x1.6a09e667f3bccp+0},        {-0.3, 0x1.9fdf8bcce533ep-1},
        {0.1, 0x1.125fbee250664p+0},        {-7.25, 0x1.ae89f995ad3adp-8},
        {3.7, 0x1.9fdf8bcce533ep+3},        {1022.9, 0x1.ddb680117aa8ep+1022},
        {-1021.7, 0x1.3b2c47bff827ap-1022},
    };
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        CHECK(same_bits(exact_exp2(golden[i][0]), golden[i][1]));
    }
}

static void log2_bits_never_change(void)
{
    static const double golden[][2] = {
        {3.0, 0x1.95c01a39fbd68p+0},  {0.7, -0x1.0776228967d13p-1},
        {10.0, 0x1.a934f0979a371p+1}, {1.1, 0x1.199b728cb9d0cp-3},
        {DBL_MAX, 0x1p+10},           {0x1.8p-1060, -0x1.08da8ff971811p+10},
        {1e6, 0x1.3ee7b471b3a95p+4},
    };
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        CHECK(same_bits(exact_log2(golden[i][0]), golden[i][1]));
    }
}

static void sine_bits_never_change(void)
{
    CHECK(same_bits(0x1.2cf2304755a5ep-1, exact_sine(0.1)));
    CHECK(same_bits(0x1.e6f0e134455p-1, exact_sine(0.3)));
    CHECK(same_bits(-0x1.2cf2304755a5dp-1, exact_sine(0.9)));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(exp2_is_within_its_bound),
        TEST(exp2_of_integers_is_a_power_of_two),
        TEST(exp2_saturates_outside_its_range),
        TEST(exp2_rises),
        TEST(log2_is_within_its_bound),
        TEST(log2_of_powers_of_two_is_an_integer),
        TEST(log2_rises),
        TEST(sine_is_within_its_bound),
        TEST(sine_of_quarters_is_exact),
        TEST(quantum_rounds_to_even_multiples),
        TEST(exp2_bits_never_change),
        TEST(log2_bits_never_change),
        TEST(sine_bits_never_change),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
