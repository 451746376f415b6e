#include "replay/student.h"

#include <math.h>

#include "ranker/check.h"

static const double pi = 0x1.921fb54442d18p1;

/* The beta function B(n / 2, 1/2): pi for n = 1, 2 for n = 2, then B(a + 1, b) = B(a, b) a / (a +
 * b). */
static double beta_half(unsigned n)
{
    double beta = n % 2 == 1 ? pi : 2;
    for (unsigned i = n % 2 == 1 ? 1 : 2; i < n; i += 2) {
        beta *= (double)i / ((double)i + 1);
    }
    return beta;
}

/* x to the power n / 2. */
static double power_half(double x, unsigned n)
{
    double power = n % 2 == 1 ? sqrt(x) : 1;
    double square = x;
    for (unsigned left = n / 2; left > 0; left /= 2) {
        power *= left % 2 == 1 ? square : 1;
        square *= square;
    }
    return power;
}

/* Keeps a denominator from being 0, as Lentz's method asks. */
static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/*
 * The continued fraction 1 / (1 + d1 / (1 + d2 / ...)) of I_x(a, b), from the top by Lentz's method
 * as Thompson and Barnett changed it; it comes near fast for x below (a + 1) / (a + b + 2).
 */
static double fraction(double x, double a, double b)
{
    enum { STEPS_MAX = 500 };
    double c = 1;
    double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m < STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= c * d;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1) < 1e-15) {
            break;
        }
    }
    return value;
}

double student_tail(double t, unsigned degrees)
{
    CHECK(degrees >= 1 && degrees <= STUDENT_DEGREES_MAX);
    if (isnan(t) || isinf(t)) {
        return isnan(t) ? NAN : 0;
    }
    double n = degrees;
    double a = n / 2;
    double x = n / (n + t * t);
    double rest = t * t / (n + t * t); /* 1 - x without cancellation */
    double front = power_half(x, degrees) * sqrt(rest) / beta_half(degrees);
    if (x < (a + 1) / (a + 2.5)) {
        return front * fraction(x, a, 0.5) / a;
    }
    return 1 - front * fraction(rest, 0.5, a) / 0.5;
}

double student_quantile(double tail, unsigned degrees)
{
    CHECK(tail > 0 && tail < 1);
    double low = 0;
    double high = 1;
    while (student_tail(high, degrees) > tail) {
        low = high;
        high *= 2;
    }
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (student_tail(middle, degrees) > tail) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}
