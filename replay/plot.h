#ifndef REPLAY_PLOT_H
#define REPLAY_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Plots of reports, drawn by gnuplot (gnuplot.h) and written as elements of an HTML page (svg.h).
 * The same data gives the same bytes. Texts are UTF-8 and may hold anything: control characters
 * become spaces, quotes typographic ones, and what is longer than its place ends in an ellipsis.
 * NAN stands for what is not known and is not drawn. Sizes are in pixels.
 *
 * Functions that draw return STATUS_OK, or what gnuplot_run() returns, with *problem set; they
 * write nothing then. Writing errors show in ferror().
 */

/* The page's palette (page.c), then a colour for each series, told apart by any kind of sight. */
enum plot_colour {
    PLOT_INK,
    PLOT_SOFT,
    PLOT_OLD,
    PLOT_NEW,
    PLOT_UP,
    PLOT_DOWN,
    PLOT_SERIES, /* PLOT_SERIES + i: series i; the first one is grey, as a reference is */
    PLOT_SERIES_MAX = 9
};

/* "#rrggbb". Series beyond PLOT_SERIES_MAX begin again with the second. */
const char *plot_colour_code(size_t colour);

/* One line of a chart of rows. */
struct plot_row {
    const char *name; /* on the left */
    const char *text; /* on the right; NULL: none */
    double value;
    double low;    /* of its interval; NAN: none */
    double high;   /* likewise */
    size_t colour; /* enum plot_colour */
    bool hollow;   /* a ring rather than a disk */
    bool refused;  /* a cross stands where a value would, at the axis' lower end */
    bool heading;  /* the name alone, in bold */
};

/* Rows below each other that share one axis. 0 is marked where it is within the axis. */
struct plot_rows {
    const char *label; /* what it shows, for readers who do not see it */
    const char *axis;  /* below the axis */
    int width;
    int name_width; /* left of the axis */
    int text_width; /* right of it */
    bool bars;      /* bars from 0 rather than points */
    double low;     /* of the axis; NAN: what the rows need */
    double high;    /* likewise */
    double mark;    /* a dashed line at a value to compare with; NAN: none */
    const struct plot_row *rows;
    size_t row_count;
};

MUST_USE enum status plot_draw_rows(FILE *file, unsigned number, const struct plot_rows *plot,
                                    struct problem *problem);

/* Widens *low and *high, which may be NAN, to what the rows need. */
void plot_rows_extent(const struct plot_row *rows, size_t row_count, double *low, double *high);

struct plot_point {
    double x;
    double y;
    double low; /* of y's interval; NAN: none */
    double high;
};

struct plot_line {
    const char *name; /* in the key on the right */
    const struct plot_point *points;
    size_t point_count;
    size_t colour; /* enum plot_colour */
};

struct plot_lines {
    const char *label;
    const char *x_axis;
    const char *y_axis;
    int width;
    int height;
    int key_width; /* on the right; 0: no key */
    bool log_x;    /* points with x of 0 or less are left out */
    bool marks;    /* a mark at each point, with its interval */
    bool filled;   /* down to y = 0 */
    bool diagonal; /* a line from (0, 0) to (end, end) to compare with, the ends of both axes */
    double end;    /* with diagonal; 0: 1 */
    bool near;     /* the y axis begins below the least value rather than at 0 */
    const struct plot_line *lines;
    size_t line_count;
};

MUST_USE enum status plot_draw_lines(FILE *file, unsigned number, const struct plot_lines *plot,
                                     struct problem *problem);

/* Points of one kind. */
struct plot_cloud {
    const char *name; /* in the key on the right */
    const struct plot_point *points;
    size_t point_count;
    size_t colour; /* enum plot_colour */
    bool joined;   /* by a line, in their order, */
    bool steps;    /* or by steps from left to right */
    bool large;    /* marks */
};

/* Points over two axes that begin where the points do. Intervals are not drawn. */
struct plot_scatter {
    const char *label;
    const char *x_axis;
    const char *y_axis;
    int width;
    int height;
    int key_width; /* on the right; 0: no key */
    const struct plot_cloud *clouds;
    size_t cloud_count; /* later ones lie above */
};

MUST_USE enum status plot_draw_scatter(FILE *file, unsigned number, const struct plot_scatter *plot,
                                       struct problem *problem);

struct plot_bar {
    double value;
    double low; /* NAN: no interval */
    double high;
};

/* Groups of upright bars, one bar for each series. */
struct plot_groups {
    const char *label;
    const char *y_axis;
    int width;
    int height;
    int key_width;
    const char *const *group_names;
    size_t group_count;
    const char *const *series_names;
    size_t series_count;
    const struct plot_bar *bars; /* bars[group * series_count + series] */
};

MUST_USE enum status plot_draw_groups(FILE *file, unsigned number, const struct plot_groups *plot,
                                      struct problem *problem);

#endif
