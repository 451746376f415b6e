#include "ranker/exact.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

/*
 * 2 atanh(s) / (s ln 2) as a polynomial in z = s^2, s up to (sqrt 2 - 1) / (sqrt 2 + 1): s times
 * this is the binary logarithm of (1 + s) / (1 - s) within 2^-57. Found as exact_exp2_slope() was.
 */
static inline double log2_slope(double z)
{
    double z2 = z * z, z4 = z2 * z2;
    double a = (0x1.71547652b82fep+1 + 0x1.ec709dc3a047dp-1 * z) +
               (0x1.2776c50ee39a4p-1 + 0x1.a61762d699b46p-2 * z) * z2;
    double b = (0x1.484afb77d8797p-2 + 0x1.0ca160eda205bp-2 * z) +
               (0x1.c46df723fd2ebp-3 + 0x1.b594042f590e9p-3 * z) * z2;
    return a + b * z4;
}

/* x = 2^n * m with m in [sqrt 1/2, sqrt 2), and log2(m) by s = (m - 1) / (m + 1). */
double exact_log2(double x)
{
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd;
    double normal = x < DBL_MIN ? x * 0x1p54 : x;
    double scaled = x < DBL_MIN ? -54.0 : 0.0;
    uint64_t above =
        bits_of(normal) - sqrt_half + ((uint64_t)EXACT_EXPONENT_BIAS << EXACT_MANTISSA_BITS);
    uint64_t exponent = above >> EXACT_MANTISSA_BITS; /* n + the bias */
    double n = (double)(int)exponent - EXACT_EXPONENT_BIAS;
    double m =
        double_of(bits_of(normal) - ((exponent - EXACT_EXPONENT_BIAS) << EXACT_MANTISSA_BITS));
    double s = (m - 1.0) / (m + 1.0);
    return (n + scaled) + s * log2_slope(s * s);
}

/* Taylor's series of the sine and the cosine, |x| up to pi / 4: what is left out is below 2^-54. */
static double sine_near(double x)
{
    double z = x * x;
    double tail = -1.0 / 39916800 + z * (1.0 / 6227020800 - z * (1.0 / 1307674368000));
    double inner = 1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 + z * tail));
    return x + x * (z * (-1.0 / 6 + z * inner));
}

static double cosine_near(double x)
{
    double z = x * x;
    double end = -1.0 / 87178291200 + z * (1.0 / 20922789888000);
    double tail = -1.0 / 3628800 + z * (1.0 / 479001600 + z * end);
    double inner = 1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * tail));
    return 1.0 + z * (-0.5 + z * inner);
}

/* The quarter circle nearest to the angle, and what is left from there. */
double exact_sine(double circles)
{
    const double magic = 0x1.8p52;              /* adding it leaves the quarter in the low bits */
    const double circle = 0x1.921fb54442d18p+2; /* 2 pi */
    double shifted = circles * 4.0 + magic;
    double left = circles - (shifted - magic) * 0.25;
    unsigned quarter = (unsigned)(bits_of(shifted) & 3);
    double x = left * circle;
    double y = quarter % 2 == 0 ? sine_near(x) : cosine_near(x);
    return quarter < 2 ? y : 0.0 - y; /* no negative zero */
}
