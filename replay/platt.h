#ifndef REPLAY_PLATT_H
#define REPLAY_PLATT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From what trees say to a probability: 1 / (1 + e^-(slope * leaves + intercept)), by maximum
 * likelihood (Platt, "Probabilistic outputs for support vector machines", 1999).
 */
struct platt {
    double slope;
    double intercept;
};

/* Rows that it is fitted to. A margin is its start and the leaves; a start is the level that all
 * have and the row's offset, what is known of it besides. */
struct platt_rows {
    size_t count;
    const float *labels;  /* 0 or 1 */
    const float *weights; /* NULL: 1 */
    const float *margins;
    const float *starts; /* NULL: the same for all, without offsets */
    double start;        /* of all, where starts is NULL */
    double level;        /* where it is not */
};

/*
 * With slope_too the slope is looked for beside what the offsets explain; else it is 1. The
 * intercept is then the one that is right on average over the rows without their offsets, since
 * these are not served. Where all labels are alike neither is finite.
 */
struct platt platt_fit(const struct platt_rows *rows, bool slope_too);

#endif
