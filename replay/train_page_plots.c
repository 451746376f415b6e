#include "replay/train_page_plots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/page.h"

enum { BINS_MAX = 64, ROUNDS_MAX = 1024, TRIED_MAX = 16, PLACES_MAX = 16 };
enum { BARS_SHOWN = 15, TEXT_SIZE = 160, NAME_WIDTH = 250, FIGURE_HEIGHT = 320 };

/* ---- reliability ---- */

/* Wilson's interval of 95 % for a share of so many that count alike. */
static void set_interval(struct plot_point *point, double share, double count)
{
    const double z = 1.959964;
    double middle = (share + z * z / (2 * count)) / (1 + z * z / count);
    double half =
        z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count));
    point->low = middle - half;
    point->high = middle + half;
}

static size_t read_bins(const json_t *part, struct plot_point points[BINS_MAX])
{
    const json_t *bins = json_object_get(part, "reliability");
    double alike = report_number(part, "effective_examples") / report_number(part, "examples");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(bins) && count < BINS_MAX; i++) {
        const json_t *bin = json_array_get(bins, i);
        struct plot_point *point = &points[count++];
        *point = (struct plot_point){report_number(bin, "predicted"),
                                     report_number(bin, "observed"), NAN, NAN};
        set_interval(point, point->y, alike * report_number(bin, "count"));
    }
    return count;
}

static double end_of(const struct plot_point *points, size_t count)
{
    double end = 0;
    for (size_t i = 0; i < count; i++) {
        end = fmax(end, fmax(points[i].x, points[i].high)); /* fmax() leaves NaN out */
    }
    return fmin(1, end * 1.05);
}

void train_page_reliability(struct replay_page *page, const json_t *head)
{
    struct plot_point points[BINS_MAX];
    size_t count = read_bins(json_object_get(head, "validation"), points);
    const struct plot_line line = {"validation", points, count, PLOT_NEW};
    const struct plot_lines plot = {.label = "Reliability: observed by predicted, validation",
                                    .x_axis = "predicted",
                                    .y_axis = "observed",
                                    .width = PAGE_HALF,
                                    .height = FIGURE_HEIGHT,
                                    .marks = true,
                                    .diagonal = true,
                                    .end = end_of(points, count),
                                    .lines = &line,
                                    .line_count = 1};
    fputs("<div><h3>Predicted and observed</h3>", page->file);
    part_draw_lines(page, &plot);
    fputs("</div>\n", page->file);
}

/* ---- how it was learnt ---- */

/* An upright line at the round that was chosen, as high as the others. */
static void mark_round(const struct plot_point *points, size_t count, double chosen,
                       struct plot_point out[2])
{
    double low = NAN;
    double high = NAN;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, points[i].y); /* fmin() and fmax() leave NaN out */
        high = fmax(high, points[i].y);
    }
    out[0] = (struct plot_point){chosen, low, NAN, NAN};
    out[1] = (struct plot_point){chosen, high, NAN, NAN};
}

static void draw_rounds(struct replay_page *page, const json_t *head, struct plot_point *points,
                        size_t count)
{
    const json_t *rounds = json_object_get(head, "rounds");
    bool order = strcmp(report_text(head, "objective"), "order") == 0;
    struct plot_point *held_out = points + count;
    struct plot_point mark[2];
    for (size_t i = 0; i < count; i++) {
        const json_t *round = json_array_get(rounds, i);
        points[i] = (struct plot_point){(double)i + 1, report_number(round, "training"), NAN, NAN};
        held_out[i] =
            (struct plot_point){(double)i + 1, report_number(round, "held_out"), NAN, NAN};
    }
    mark_round(points, 2 * count, report_number(head, "trees"), mark);
    const struct plot_line lines[] = {{"learnt from", points, count, PLOT_OLD},
                                      {"sit out", held_out, count, PLOT_NEW},
                                      {"chosen", mark, 2, PLOT_UP}};
    const struct plot_lines plot = {.label = "What each further tree brought",
                                    .x_axis = "trees",
                                    .y_axis = order ? "nDCG@10" : "log loss",
                                    .width = PAGE_HALF,
                                    .height = FIGURE_HEIGHT,
                                    .key_width = 150,
                                    .near = true,
                                    .lines = lines,
                                    .line_count = 3};
    fputs("<div><h3>What each further tree brought</h3>", page->file);
    part_draw_lines(page, &plot);
    fputs("</div>\n", page->file);
}

void train_page_rounds(struct replay_page *page, const json_t *head)
{
    size_t count = json_array_size(json_object_get(head, "rounds"));
    count = count < ROUNDS_MAX ? count : ROUNDS_MAX;
    struct plot_point *points = calloc(2 * count + 1, sizeof(*points));
    if (points == NULL) {
        part_no_memory(page);
        return;
    }
    draw_rounds(page, head, points, count);
    free(points);
}

void train_page_penalties(struct replay_page *page, const json_t *head)
{
    const json_t *tried = json_object_get(head, "tried");
    struct plot_point points[TRIED_MAX];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(tried) && count < TRIED_MAX; i++) {
        const json_t *one = json_array_get(tried, i);
        points[count++] =
            (struct plot_point){report_number(one, "l2"), report_number(one, "log_loss"), NAN, NAN};
    }
    const struct plot_line line = {"users who sit out", points, count, PLOT_NEW};
    const struct plot_lines plot = {.label = "Log loss of users who sit out, by penalty",
                                    .x_axis = "penalty",
                                    .y_axis = "log loss of users who sit out",
                                    .width = PAGE_HALF,
                                    .height = FIGURE_HEIGHT,
                                    .log_x = true,
                                    .near = true,
                                    .lines = &line,
                                    .line_count = 1};
    if (count > 1) {
        fputs("<div><h3>Choice of the penalty</h3>", page->file);
        part_draw_lines(page, &plot);
        fputs("</div>\n", page->file);
    }
}

/* ---- what it reads ---- */

struct bar {
    const char *name;
    double value;
};

static int by_size(const void *a, const void *b)
{
    double x = fabs(((const struct bar *)a)->value);
    double y = fabs(((const struct bar *)b)->value);
    return (x < y) - (x > y);
}

/* What a chart of bars is called, and how its values are printed. */
struct bars {
    const char *label;
    const char *axis;
    int digits;
    bool sign;
};

static void draw_bars(struct replay_page *page, const struct bars *how, const struct bar *bars,
                      size_t count)
{
    struct plot_row rows[BARS_SHOWN];
    char texts[BARS_SHOWN][REPORT_NUMBER_SIZE];
    size_t shown = count < BARS_SHOWN ? count : BARS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        report_format(bars[i].value, how->digits, how->sign, texts[i]);
        rows[i] = (struct plot_row){.name = bars[i].name,
                                    .text = texts[i],
                                    .value = bars[i].value,
                                    .low = NAN,
                                    .high = NAN,
                                    .colour = PLOT_NEW};
    }
    const struct plot_rows plot = {.label = how->label,
                                   .axis = how->axis,
                                   .width = PAGE_WIDTH,
                                   .name_width = NAME_WIDTH,
                                   .text_width = 90,
                                   .bars = true,
                                   .low = NAN,
                                   .high = NAN,
                                   .mark = NAN,
                                   .rows = rows,
                                   .row_count = shown};
    if (shown > 0) {
        fputs("<div class=\"block wide\"><h3>", page->file);
        page_text(page->file, how->label);
        fputs("</h3>\n", page->file);
        part_draw_rows(page, &plot);
        fputs("</div>\n", page->file);
    }
}

/* The largest of a list of features, by a field that is divided by scale. */
static void put_largest(struct replay_page *page, const json_t *list, const char *field,
                        double scale, const struct bars *how)
{
    size_t count = json_array_size(list);
    struct bar *bars = calloc(count + 1, sizeof(*bars));
    if (bars == NULL) {
        part_no_memory(page);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        bars[i] = (struct bar){report_text(one, "feature"), report_number(one, field) / scale};
    }
    qsort(bars, count, sizeof(*bars), by_size);
    draw_bars(page, how, bars, count);
    free(bars);
}

void train_page_gains(struct replay_page *page, const json_t *head)
{
    static const struct bars how = {
        "Largest gains", "share of the loss that splits by the feature took away, %", 1, false};
    const json_t *gains = json_object_get(head, "gains");
    double total = 0;
    for (size_t i = 0; i < json_array_size(gains); i++) {
        total += report_number(json_array_get(gains, i), "gain");
    }
    put_largest(page, gains, "gain", total / 100, &how);
}

void train_page_effects(struct replay_page *page, const json_t *head)
{
    static const struct bars how = {
        "Largest effects", "weight x standard deviation of the feature, log odds", 3, true};
    put_largest(page, json_object_get(head, "weights"), "effect", 1, &how);
}

void train_page_places(struct replay_page *page, const json_t *head)
{
    static const struct bars how = {"Effect of the position",
                                    "log odds, the most frequent place being 0", 3, true};
    const json_t *places = json_object_get(head, "places");
    struct bar bars[PLACES_MAX];
    char names[PLACES_MAX][TEXT_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(places) && count < PLACES_MAX; i++) {
        const json_t *place = json_array_get(places, i);
        char rows[REPORT_NUMBER_SIZE];
        if (report_integer(place, "rows") > 0) {
            report_format_count(report_integer(place, "rows"), rows);
            snprintf(names[count], TEXT_SIZE, "%.24s: %s examples", report_text(place, "place"),
                     rows);
            bars[count] = (struct bar){names[count], report_number(place, "effect")};
            count++;
        }
    }
    draw_bars(page, &how, bars, count);
}
