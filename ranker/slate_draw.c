#include "ranker/slate_draw.h"

#include <stdbool.h>

#include "ranker/exact.h"

/* Of the best one of count candidates, or of each other. */
static double chance_of(double epsilon, size_t count, bool is_best)
{
    double any = epsilon / (double)count;
    if (count == 1) {
        return 1;
    }
    return is_best ? (1 - epsilon) + any : any;
}

struct slate_draw slate_draw_epsilon_greedy(double epsilon, double uniform, size_t count,
                                            size_t best)
{
    struct slate_draw draw = {.at = best};
    if (uniform < epsilon) {
        size_t at = (size_t)(uniform / epsilon * (double)count);
        draw.at = at < count ? at : count - 1; /* the quotient may be rounded up to 1 */
    }
    draw.propensity = chance_of(epsilon, count, draw.at == best);
    return draw;
}

double slate_chances_epsilon_greedy(double epsilon, size_t count, size_t best, double *chances)
{
    for (size_t i = 0; i < count; i++) {
        chances[i] = chance_of(epsilon, count, i == best);
    }
    return 1;
}

/* Relative to the best, so that none is too large and the best is never too small. */
double slate_chances_softmax(double scale, const double *values, size_t count, size_t best,
                             double *chances)
{
    double most = values[best];
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        chances[i] = exact_exp2((values[i] - most) * scale);
    }
    for (size_t i = 0; i < count; i++) {
        sum += chances[i];
    }
    return sum;
}

/*
 * The sums are those of the whole, in the same order, so the last one is the whole; rounding may
 * still leave uniform times the whole equal to it.
 */
size_t slate_draw_pick(const double *chances, size_t count, double uniform, double whole,
                       size_t best)
{
    double mark = uniform * whole;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += chances[i];
        if (mark < sum) {
            return i;
        }
    }
    return best;
}

struct slate_draw slate_draw_softmax(double scale, double uniform, const double *values,
                                     size_t count, size_t best, double *chances)
{
    double sum = slate_chances_softmax(scale, values, count, best, chances);
    size_t at = slate_draw_pick(chances, count, uniform, sum, best);
    return (struct slate_draw){.at = at, .propensity = chances[at] / sum};
}
