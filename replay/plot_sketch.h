#ifndef REPLAY_PLOT_SKETCH_H
#define REPLAY_PLOT_SKETCH_H

#include <stdbool.h>

#include "replay/plot.h"

/* What all plots (plot.h) are made of: a script for gnuplot in the making, texts in it, axes. */

/* A script that is being written. Begun by sketch_init(), which returns false without memory; ended
 * by sketch_finish(). */
struct sketch {
    FILE *file;
    char *text;
    size_t size;
    int width;
    int height;
};

enum {
    SKETCH_AXIS_HEIGHT = 26,     /* of an axis' numbers */
    SKETCH_AXIS_NAME_HEIGHT = 22 /* and of its name below them */
};

bool sketch_init(struct sketch *sketch, int width, int height);

/* Draws the sketch, writes it to the page and releases it; see plot.h for what is returned. */
MUST_USE enum status sketch_finish(struct sketch *sketch, FILE *file, unsigned number,
                                   const char *label, struct problem *problem);

/* What a caller returns when sketch_init() failed. */
MUST_USE enum status sketch_no_memory(struct problem *problem);

/* Margins around the plot, in pixels. */
void sketch_margins(struct sketch *sketch, int left, int right, int top, int bottom);

/* A quoted text of at most so many characters, limit > 0. */
void sketch_text(FILE *file, const char *text, size_t limit);

/* How many characters fit into so many pixels. */
size_t sketch_characters(int width);

/* A name centred at a place of the whole drawing, where 1 is the right or upper end. */
void sketch_axis_name(const struct sketch *sketch, const char *name, double x, double y);

struct axis {
    double low;
    double high;
    double step; /* between its numbers */
    int digits;  /* of its numbers, behind the point */
};

/* An axis of so many pixels from low to high; NAN: 0 or 1. */
struct axis axis_within(double low, double high, int pixels);

/* Moves *low and *high, which may be NAN, so that a finite value is between them. */
void axis_widen(double value, double *low, double *high);

#endif
