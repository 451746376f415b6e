#ifndef RANKER_SLATE_DRAW_H
#define RANKER_SLATE_DRAW_H

#include <stddef.h>

/*
 * Drawing one of count candidates, count above 0, with one number, 0 <= uniform < 1. The same bits
 * on every machine.
 */
struct slate_draw {
    size_t at;
    double propensity; /* the probability with which `at` is drawn: above 0, at most 1 */
};

/* Below epsilon uniform / epsilon picks one, all alike; else it is the best. */
struct slate_draw slate_draw_epsilon_greedy(double epsilon, double uniform, size_t count,
                                            size_t best);

/*
 * In proportion to 2^(values[i] * scale), scale > 0, by going along them until their sum passes
 * uniform times the whole. best has the greatest value. chances is room for count numbers.
 */
struct slate_draw slate_draw_softmax(double scale, double uniform, const double *values,
                                     size_t count, size_t best, double *chances);

/*
 * The chances that these draw by: of each candidate chances[i] over what is returned, with the bits
 * of the propensity that it is drawn with.
 */
double slate_chances_epsilon_greedy(double epsilon, size_t count, size_t best, double *chances);
double slate_chances_softmax(double scale, const double *values, size_t count, size_t best,
                             double *chances);

/* Draws in proportion to chances, whose sum, in their order, is the whole; best is possible. */
size_t slate_draw_pick(const double *chances, size_t count, double uniform, double whole,
                       size_t best);

#endif
