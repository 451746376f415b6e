#include "ranker/slate_draw.h"

#include "ranker/exact.h"

struct slate_draw slate_draw_epsilon_greedy(double epsilon, double uniform, size_t count,
                                            size_t best)
{
    struct slate_draw draw = {.at = best, .propensity = 1};
    if (count == 1) {
        return draw;
    }
    if (uniform < epsilon) {
        size_t at = (size_t)(uniform / epsilon * (double)count);
        draw.at = at < count ? at : count - 1; /* the quotient may be rounded up to 1 */
    }
    double any = epsilon / (double)count;
    draw.propensity = draw.at == best ? (1 - epsilon) + any : any;
    return draw;
}

/* Relative to the best, so that none is too large and the best is never too small. */
static double put_chances(double scale, const double *values, size_t count, double most,
                          double *chances)
{
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
static size_t pick(const double *chances, size_t count, double mark, size_t best)
{
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
    double sum = put_chances(scale, values, count, values[best], chances);
    size_t at = pick(chances, count, uniform * sum, best);
    return (struct slate_draw){.at = at, .propensity = chances[at] / sum};
}
