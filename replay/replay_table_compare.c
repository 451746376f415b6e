#include <math.h>
#include <string.h>

#include "replay/column.h"
#include "replay/replay_table_parts.h"
#include "replay/report_rows.h"

enum {
    VALUE_CELL = 25,
    VALUE_CELLS = 3, /* contenders beside each other */
    CHANGE_CELL = 30,
    CHANGE_CELLS = 2,
    COUNT_WIDTH = 9,
    MEAN_WIDTH = 8,
    SEGMENTS_SHOWN = 64
};

static size_t smaller(size_t x, size_t y)
{
    return x < y ? x : y;
}

static const char *mark_of(enum report_verdict verdict)
{
    switch (verdict) {
    case REPORT_BETTER:
        return "▲";
    case REPORT_WORSE:
        return "▼";
    case REPORT_OTHER:
        return "◆";
    default:
        return "·";
    }
}

static const char *stars_of(double p)
{
    return p < 0.001 ? "***" : p < 0.01 ? "**" : p < 0.05 ? "*" : "";
}

/* Behind a space, and padded unless it is the line's last. */
static void put_cell(FILE *file, const char *text, int width, bool last)
{
    fputc(' ', file);
    if (last) {
        column_print_cut(file, text, width - 1);
    } else {
        column_print(file, text, width - 1);
    }
}

static void put_value(FILE *file, const struct report_view *view, const json_t *value,
                      size_t measure, bool last)
{
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char text[2 * REPORT_NUMBER_SIZE];
    int digits = view->measures[measure].digits;
    report_format(report_mean(view, value), digits, false, number);
    report_format_interval(value, digits, interval);
    snprintf(text, sizeof(text), "%s%s%s", number, interval[0] != '\0' ? " " : "", interval);
    put_cell(file, report_refusal(value)[0] != '\0' ? "refused" : text, VALUE_CELL, last);
}

static void put_names(FILE *file, const struct report_view *view, size_t from, size_t to, int width)
{
    for (size_t i = from; i < to; i++) {
        put_cell(file, view->contenders[i], width, i + 1 == to);
    }
    fputc('\n', file);
}

void replay_table_values(FILE *file, const struct report_view *view)
{
    const char *title = view->counterfactual ? "estimator" : "metric";
    for (size_t from = 0; view->measure_count > 0 && from < view->contender_count;
         from += VALUE_CELLS) {
        size_t to = smaller(from + VALUE_CELLS, view->contender_count);
        replay_table_title(file, title);
        put_names(file, view, from, to, VALUE_CELL);
        for (size_t i = 0; i < view->measure_count; i++) {
            if (view->measures[i].row != REPORT_ROW_SHOWN) {
                continue;
            }
            replay_table_name(file, view->measures[i].title);
            for (size_t j = from; j < to; j++) {
                put_value(file, view, report_find_value(view, view->whole, i, j), i, j + 1 == to);
            }
            fputc('\n', file);
        }
    }
}

/* "▲ +0.0107 [0.0087, 0.0126]" */
static void put_change(FILE *file, const struct report_view *view, const json_t *segment,
                       size_t measure, size_t contender, bool last)
{
    const json_t *difference = report_find_difference(view, segment, measure, contender);
    const json_t *value = report_find_value(view, segment, measure, contender);
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char text[3 * REPORT_NUMBER_SIZE];
    int digits = view->measures[measure].digits;
    report_format(report_number(difference, "difference"), digits, true, number);
    report_format_interval(difference, digits, interval);
    snprintf(text, sizeof(text), "%s %s%s%s",
             mark_of(report_verdict_of(view, segment, measure, contender)), number,
             interval[0] != '\0' ? " " : "", interval);
    fputc(' ', file);
    bool refused = difference == NULL && report_refusal(value)[0] != '\0';
    put_cell(file, refused ? "  refused" : text, CHANGE_CELL - 1, last);
}

static void put_difference_row(FILE *file, const struct report_view *view, size_t measure,
                               size_t contender)
{
    const json_t *difference = report_find_difference(view, view->whole, measure, contender);
    const json_t *value = report_find_value(view, view->whole, measure, contender);
    char p[REPORT_NUMBER_SIZE];
    if (view->measures[measure].row != REPORT_ROW_SHOWN ||
        (difference == NULL && report_refusal(value)[0] == '\0')) {
        return;
    }
    report_format_p(report_p(difference), p);
    replay_table_name(file, view->measures[measure].title);
    put_change(file, view, view->whole, measure, contender, p[0] == '\0');
    const char *stars = stars_of(report_p(difference));
    fprintf(file, "%s%s%s%s\n", p[0] != '\0' ? "  " : "", p, stars[0] != '\0' ? " " : "", stars);
}

void replay_table_differences(FILE *file, const struct report_view *view)
{
    bool any = false;
    for (size_t i = 1; i < view->contender_count; i++) {
        if (!report_rows_has_differences(view, i)) {
            continue;
        }
        any = true;
        fputc('\n', file);
        column_print_all(file, view->contenders[i]);
        fputs(" − ", file);
        column_print_all(file, view->contenders[0]);
        fputc('\n', file);
        for (size_t j = 0; j < view->measure_count; j++) {
            put_difference_row(file, view, j, i);
        }
    }
    if (any) {
        fputs("  ▲ better, ▼ worse, · cannot be told; [95 %]; p corrected: * < 0.05, ** < 0.01, "
              "*** < 0.001\n",
              file);
    }
}

static void put_segment(FILE *file, const struct report_view *view, const json_t *segment,
                        const size_t *told, size_t told_count)
{
    const json_t *reference = report_find_value(view, segment, view->headline, 0);
    replay_table_name(file, report_segment_name(segment));
    replay_table_count(file,
                       report_integer(segment, view->counterfactual ? "decisions" : "rankings"),
                       COUNT_WIDTH);
    replay_table_put_number(file, report_mean(view, reference),
                            view->measures[view->headline].digits, MEAN_WIDTH);
    for (size_t i = 0; i < told_count; i++) {
        put_change(file, view, segment, view->headline, told[i], i + 1 == told_count);
    }
    fputc('\n', file);
}

static void put_segments(FILE *file, const struct report_view *view, const size_t *told,
                         size_t told_count)
{
    const json_t *segments = json_object_get(view->report, "segments");
    const char *dimension = "all";
    size_t count = json_array_size(segments);
    for (size_t i = 0; i < count && i < SEGMENTS_SHOWN; i++) {
        const json_t *segment = json_array_get(segments, i);
        if (!report_rows_has_group(view, segment)) {
            continue;
        }
        if (!report_in_dimension(segment, dimension)) {
            dimension = report_text(segment, "dimension");
            column_print_all(file, report_dimension_title(dimension));
            fputc('\n', file);
        }
        put_segment(file, view, segment, told, told_count);
    }
    if (count > SEGMENTS_SHOWN) {
        fprintf(file, "  and %zu more\n", count - SEGMENTS_SHOWN);
    }
}

static void put_group_title(FILE *file, const struct report_view *view)
{
    fputc('\n', file);
    column_print_all(file, view->measures[view->headline].title);
    fputs(" by group: the mean of ", file);
    column_print_all(file, view->contenders[0]);
    fputs(", and differences from it\n", file);
}

void replay_table_segments(FILE *file, const struct report_view *view)
{
    size_t told[REPORT_CONTENDERS_MAX];
    size_t count = report_rows_find_told(view, told);
    if (view->measure_count == 0 || count == 0 || report_rows_group_count(view) == 0) {
        return;
    }
    put_group_title(file, view);
    for (size_t from = 0; from < count; from += CHANGE_CELLS) {
        size_t to = smaller(from + CHANGE_CELLS, count);
        fprintf(file, "%s%*s", from > 0 ? "\n" : "", TABLE_NAME_WIDTH + 2, "");
        replay_table_right(file, view->counterfactual ? "decisions" : "rankings", COUNT_WIDTH);
        replay_table_right(file, "mean", MEAN_WIDTH);
        for (size_t i = from; i < to; i++) {
            fputc(' ', file);
            put_cell(file, view->contenders[told[i]], CHANGE_CELL - 1, i + 1 == to);
        }
        fputc('\n', file);
        put_segments(file, view, told + from, to - from);
    }
}
