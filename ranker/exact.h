#ifndef RANKER_EXACT_H
#define RANKER_EXACT_H

#include <float.h>
#include <stdint.h>
#include <string.h>

/*
 * Arithmetic with the same bits on every x86-64 machine: only +, -, *, / and comparisons of IEEE
 * doubles in a fixed order. The C library's exp and log choose code by processor and may differ in
 * the last bit, so the scorer uses these.
 */

enum { EXACT_MANTISSA_BITS = 52, EXACT_EXPONENT_BIAS = 1023 };

/*
 * (2^r - 1) / r for |r| <= 1/2: 1 + r * this is 2^r within 2^-55.4. The polynomial interpolates the
 * function at the interval's Chebyshev nodes, worked out with 80 decimal digits and rounded to
 * doubles; the bound is with the rounded coefficients.
 */
static inline double exact_exp2_slope(double r)
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
 * The bits of exact_exp2() for x in [-1022, 1023], inline and without comparisons, so that
 * compilers make vectors of loops over it. 2^x is 2^n * 2^r with n the integer nearest to x.
 */
static inline double exact_exp2_inside(double x)
{
    const double magic = 0x1.8p52; /* adding it leaves n in the low bits */
    double shifted = x + magic;
    double r = x - (shifted - magic);
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof(bits));
    bits = (bits + EXACT_EXPONENT_BIAS) << EXACT_MANTISSA_BITS;
    double power;
    memcpy(&power, &bits, sizeof(power));
    return power * (1.0 + r * exact_exp2_slope(r));
}

/*
 * 2 to the power x: relative error below 2^-51 (tested), exact for integers; 0 below -1022 and for
 * NaN, the largest finite double above 1023. Without jumps: comparisons choose between values
 * already worked out.
 */
static inline double exact_exp2(double x)
{
    double low = x > -1022.0 ? x : -1022.0;
    double y = exact_exp2_inside(low < 1023.0 ? low : 1023.0);
    double high = x > 1023.0 ? DBL_MAX : y;
    return x >= -1022.0 ? high : 0.0;
}

/*
 * Binary logarithm of x > 0: error below 2^-50 (tested) besides the rounding of the result, which
 * is half a unit in its last place. Exact for powers of two.
 */
double exact_log2(double x);

/*
 * Sine of an angle in full circles, |circles| below 2^40: error below 2^-50 (tested). The cosine is
 * that of a quarter more.
 */
double exact_sine(double circles);

/*
 * Rounds x, |x| < 2^19, to the nearest multiple of 2^-32, ties to even. Sums of such numbers below
 * 2^21 are exact in doubles in any order, which is why explanations add up.
 */
static inline double exact_quantum(double x)
{
    const double magic = 0x1.8p20; /* its last bit is worth 2^-32 */
    return (x + magic) - magic;
}

#endif
