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

#endif
