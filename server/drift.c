#include "server/drift.h"

#include <math.h>
#include <string.h>

void drift_init(struct drift *drift, int64_t window_ms)
{
    *drift = (struct drift){.window_ms = window_ms, .bits = NAN};
}

static uint64_t total_of(const uint64_t *counts, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += counts[i];
    }
    return total;
}

/* p log2(p / m), with its limit where p is 0. */
static double term(double p, double m)
{
    return p > 0 ? p * log2(p / m) : 0;
}

double drift_divergence(const uint64_t *a, const uint64_t *b, size_t count)
{
    double a_total = (double)total_of(a, count);
    double b_total = (double)total_of(b, count);
    double bits = 0;
    if (!(a_total > 0) || !(b_total > 0)) {
        return NAN;
    }
    for (size_t i = 0; i < count; i++) {
        double p = (double)a[i] / a_total;
        double q = (double)b[i] / b_total;
        bits += (term(p, (p + q) / 2) + term(q, (p + q) / 2)) / 2;
    }
    return bits > 0 ? bits : 0; /* rounding may leave less */
}

static void begin_window(struct drift *drift, const uint64_t scores[SCORE_CELL_COUNT],
                         int64_t now_ms)
{
    drift->begin_ms = now_ms;
    memcpy(drift->at_begin, scores, sizeof(drift->at_begin));
}

static void end_window(struct drift *drift, const uint64_t window[SCORE_CELL_COUNT])
{
    if (drift->has_first) {
        drift->bits = drift_divergence(drift->first, window, SCORE_CELL_COUNT);
    } else {
        memcpy(drift->first, window, sizeof(drift->first));
        drift->has_first = true;
    }
}

void drift_look(struct drift *drift, const uint64_t scores[SCORE_CELL_COUNT], uint64_t weights,
                int64_t now_ms)
{
    uint64_t window[SCORE_CELL_COUNT];
    if (!drift->began || drift->weights != weights) {
        drift_init(drift, drift->window_ms);
        drift->began = true;
        drift->weights = weights;
        begin_window(drift, scores, now_ms);
        return;
    }
    for (size_t i = 0; i < SCORE_CELL_COUNT; i++) {
        window[i] = scores[i] - drift->at_begin[i];
    }
    if (now_ms - drift->begin_ms >= drift->window_ms &&
        total_of(window, SCORE_CELL_COUNT) >= DRIFT_SCORES_MIN) {
        end_window(drift, window);
        begin_window(drift, scores, now_ms);
    }
}
