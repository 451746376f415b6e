#ifndef RANKER_EXACT_H
#define RANKER_EXACT_H

/*
 * Arithmetic with the same bits on every x86-64 machine: only +, -, *, / and comparisons of IEEE
 * doubles in a fixed order. The C library's exp and log choose code by processor and may differ in
 * the last bit, so the scorer uses these.
 */

/*
 * 2 to the power x: relative error below 2^-51 (tested), exact for integers; 0 below -1022 and for
 * NaN, the largest finite double above 1023.
 */
double exact_exp2(double x);

/*
 * Binary logarithm of x > 0: error below 2^-50 (tested) besides the rounding of the result, which
 * is half a unit in its last place. Exact for powers of two.
 */
double exact_log2(double x);

/*
 * Rounds x, |x| < 2^19, to the nearest multiple of 2^-32, ties to even. Sums of such numbers below
 * 2^20 are exact in doubles in any order, which is why explanations add up.
 */
static inline double exact_quantum(double x)
{
    const double magic = 0x1.8p20; /* its last bit is worth 2^-32 */
    return (x + magic) - magic;
}

#endif
