#include "replay/platt.h"

#include <math.h>

static double weight_of(const struct platt_rows *rows, size_t at)
{
    return rows->weights != NULL ? rows->weights[at] : 1;
}

/* What the leaves say. */
static double leaves_of(const struct platt_rows *rows, size_t at)
{
    return rows->margins[at] - (rows->starts != NULL ? rows->starts[at] : rows->start);
}

static double offset_of(const struct platt_rows *rows, size_t at)
{
    return rows->starts != NULL ? rows->starts[at] - rows->level : 0;
}

/* The log odds of the rows' share of positives. */
static double log_odds_of(const struct platt_rows *rows)
{
    double weight = 0;
    double positive = 0;
    for (size_t i = 0; i < rows->count; i++) {
        weight += weight_of(rows, i);
        positive += weight_of(rows, i) * rows->labels[i];
    }
    return log(positive / (weight - positive));
}

/* What is fitted to rows: with their offsets or without, the slope too or the intercept alone. */
struct fitting {
    const struct platt_rows *rows;
    bool offsets;
    bool slope_too;
};

static double margin_of(const struct fitting *fitting, const struct platt *platt, size_t at)
{
    const struct platt_rows *rows = fitting->rows;
    return platt->slope * leaves_of(rows, at) + platt->intercept +
           (fitting->offsets ? offset_of(rows, at) : 0);
}

#define SLOPE_PENALTY 1e-6 /* on how far it is from 1, where leaves say nothing */

/* Sum of log losses, and the penalty: convex. */
static double loss_of(const struct fitting *fitting, const struct platt *platt)
{
    const struct platt_rows *rows = fitting->rows;
    double beyond = platt->slope - 1;
    double loss = (double)rows->count * SLOPE_PENALTY / 2 * beyond * beyond;
    for (size_t i = 0; i < rows->count; i++) {
        double z = margin_of(fitting, platt, i);
        double wrong = rows->labels[i] > 0.5F ? -z : z; /* ln(1 + e^wrong) is lost */
        loss += weight_of(rows, i) * (fmax(wrong, 0) + log1p(exp(-fabs(wrong))));
    }
    return loss;
}

/* Newton's direction: what to subtract. */
static struct platt direction_of(const struct fitting *fitting, const struct platt *platt)
{
    const struct platt_rows *rows = fitting->rows;
    double count = (double)rows->count;
    double g[2] = {count * SLOPE_PENALTY * (platt->slope - 1), 0};
    double h[3] = {count * SLOPE_PENALTY, 0, count * 1e-9};
    for (size_t i = 0; i < rows->count; i++) {
        double f = leaves_of(rows, i);
        double p = 1 / (1 + exp(-margin_of(fitting, platt, i)));
        double w = p * (1 - p) * weight_of(rows, i);
        double e = (p - rows->labels[i]) * weight_of(rows, i);
        g[0] += e * f;
        g[1] += e;
        h[0] += w * f * f;
        h[1] += w * f;
        h[2] += w;
    }
    if (!fitting->slope_too) {
        return (struct platt){0, g[1] / h[2]};
    }
    double determinant = h[0] * h[2] - h[1] * h[1];
    return (struct platt){(h[2] * g[0] - h[1] * g[1]) / determinant,
                          (h[0] * g[1] - h[1] * g[0]) / determinant};
}

/* A whole step, or the half of it, and so on, that makes the loss less; false: none does. */
static bool step_platt(const struct fitting *fitting, struct platt *platt)
{
    enum { HALVINGS = 30 };
    double before = loss_of(fitting, platt);
    struct platt direction = direction_of(fitting, platt);
    double share = 1;
    for (int i = 0; i < HALVINGS; i++, share /= 2) {
        struct platt next = {platt->slope - share * direction.slope,
                             platt->intercept - share * direction.intercept};
        if (loss_of(fitting, &next) < before) {
            *platt = next;
            return true;
        }
    }
    return false;
}

static void minimise(const struct fitting *fitting, struct platt *platt)
{
    enum { STEPS = 100 };
    int step = 0;
    while (step < STEPS && step_platt(fitting, platt)) {
        step++;
    }
}

struct platt platt_fit(const struct platt_rows *rows, bool slope_too)
{
    const struct fitting beside = {.rows = rows, .offsets = true, .slope_too = true};
    const struct fitting alone = {.rows = rows};
    struct platt platt = {1, log_odds_of(rows)};
    if (slope_too) {
        minimise(&beside, &platt);
    }
    minimise(&alone, &platt);
    return platt;
}
