#include "ranker/exact.h"

#include <float.h>
#include <stdint.h>
#include <string.h>

/*
 * Each polynomial interpolates its function at the Chebyshev nodes of the interval, worked out with
 * 80 decimal digits and rounded to doubles; the largest error over the interval, with the rounded
 * coefficients, stands beside it.
 */

enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };

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

/* (2^r - 1) / r for |r| <= 1/2: 1 + r * this is 2^r within 2^-55.4. */
static inline double exp2_slope(double r)
{
    double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    double a = (0x1.62e42fefa39efp-1 + 0x1.ebfbdff82c598p-3 * r) +
               (0x1.c6b08d704a0c2p-5 + 0x1.3b2ab6fba1ddap-7 * r) * r2;
    double b = (0x1.5d87fe78a5276p-10 + 0x1.430913096fd9fp-13 * r) +
               (0x1.ffcbfc670dcd4p-17 + 0x1.62bfd47773353p-20 * r) * r2;
    double c = 0x1.b524fae627834p-24 + 0x1.e6063f7217bc6p-28 * r + 0x1.e9d3fe3952179p-32 * r2;
    return (a + b * r4) + c * r8;
}

/*
 * 2^x is 2^n * 2^r with n the integer nearest to x. Without jumps: comparisons choose
 * between values already worked out.
 */
double exact_exp2(double x)
{
    const double magic = 0x1.8p52; /* adding it leaves the integer in the low bits */
    double low = x > -1022.0 ? x : -1022.0;
    double inside = low < 1023.0 ? low : 1023.0;
    double shifted = inside + magic;
    double r = inside - (shifted - magic);
    double power = double_of((bits_of(shifted) + EXPONENT_BIAS) << MANTISSA_BITS);
    double y = power * (1.0 + r * exp2_slope(r));
    double high = x > 1023.0 ? DBL_MAX : y;
    return x >= -1022.0 ? high : 0.0;
}

/*
 * 2 atanh(s) / (s ln 2) as a polynomial in z = s^2, s up to (sqrt 2 - 1) / (sqrt 2 + 1): s times
 * this is the binary logarithm of (1 + s) / (1 - s) within 2^-57.
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
    uint64_t above = bits_of(normal) - sqrt_half + ((uint64_t)EXPONENT_BIAS << MANTISSA_BITS);
    uint64_t exponent = above >> MANTISSA_BITS; /* n + EXPONENT_BIAS */
    double n = (double)(int)exponent - EXPONENT_BIAS;
    double m = double_of(bits_of(normal) - ((exponent - EXPONENT_BIAS) << MANTISSA_BITS));
    double s = (m - 1.0) / (m + 1.0);
    return (n + scaled) + s * log2_slope(s * s);
}
