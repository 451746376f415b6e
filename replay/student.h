#ifndef REPLAY_STUDENT_H
#define REPLAY_STUDENT_H

/*
 * Student's t distribution with whole degrees of freedom, from 1 to STUDENT_DEGREES_MAX. Only +, -,
 * *, / and square roots, so the same bits on every machine.
 */
enum { STUDENT_DEGREES_MAX = 1000 };

/*
 * The probability of a value at least as far from 0 as t, on either side: the regularised
 * incomplete beta function I_x(n/2, 1/2) at x = n / (n + t^2) (NIST Digital Library of Mathematical
 * Functions, 8.17.22, a continued fraction). Relative error below 1e-12 (tested against closed
 * forms). NaN for NaN.
 */
double student_tail(double t, unsigned degrees);

/* The t above 0 whose tail is this, which is above 0 and below 1: by halving. */
double student_quantile(double tail, unsigned degrees);

#endif
