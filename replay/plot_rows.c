#include "replay/plot.h"

#include <math.h>

#include "ranker/check.h"
#include "replay/plot_sketch.h"

enum { ROW_HEIGHT = 22, ROWS_TOP = 6 };

void plot_rows_extent(const struct plot_row *rows, size_t row_count, double *low, double *high)
{
    for (size_t i = 0; i < row_count; i++) {
        axis_widen(rows[i].value, low, high);
        axis_widen(rows[i].low, low, high);
        axis_widen(rows[i].high, low, high);
    }
}

static int rows_middle(const struct plot_rows *plot)
{
    return plot->width - plot->name_width - plot->text_width;
}

static struct axis rows_axis(const struct plot_rows *plot)
{
    double low = plot->low;
    double high = plot->high;
    bool fixed = !isnan(low) && !isnan(high);
    if (!fixed) {
        plot_rows_extent(plot->rows, plot->row_count, &low, &high);
        axis_widen(plot->mark, &low, &high);
    }
    if (plot->bars) {
        axis_widen(0, &low, &high);
    }
    double room = isnan(low) ? 0 : (high - low) * 0.04;
    bool from_zero = plot->bars && low >= 0;
    return axis_within(from_zero ? low : low - room, high + room, rows_middle(plot));
}

static void put_rows_texts(const struct sketch *sketch, const struct plot_rows *plot)
{
    for (size_t i = 0; i < plot->row_count; i++) {
        const struct plot_row *row = &plot->rows[i];
        fputs("set label ", sketch->file);
        sketch_text(sketch->file, row->name,
                    sketch_characters(row->heading ? plot->width : plot->name_width));
        fprintf(sketch->file,
                " at screen %.6f, first %zu left font 'system-ui%s,13' textcolor rgb '%s'\n",
                row->heading ? 0.001 : 0.012, i, row->heading ? ":Bold" : "",
                plot_colour_code(PLOT_INK));
        if (row->text != NULL) {
            fputs("set label ", sketch->file);
            sketch_text(sketch->file, row->text, sketch_characters(plot->text_width) + 4);
            fprintf(sketch->file, " at screen %.6f, first %zu left textcolor rgb '%s'\n",
                    1 - (plot->text_width - 12.0) / plot->width, i, plot_colour_code(PLOT_SOFT));
        }
    }
}

static void put_row(FILE *file, const struct plot_row *row, size_t index, bool bars)
{
    const char *code = plot_colour_code(row->colour);
    if (isnan(row->value)) {
        return;
    }
    if (bars) {
        fprintf(file,
                "set object rectangle from 0,%.2f to %.12g,%.2f fc rgb '%s' fs solid 1 noborder\n",
                (double)index - 0.3, row->value, (double)index + 0.3, code);
    }
    if (!isnan(row->low) && !isnan(row->high)) {
        fprintf(file, "set arrow from %.12g,%zu to %.12g,%zu nohead lc rgb '%s' lw %s front\n",
                row->low, index, row->high, index, bars ? plot_colour_code(PLOT_INK) : code,
                bars ? "1.2" : "2.2");
    }
    if (!bars) {
        fprintf(file, "set label '' at %.12g,%zu point pt 7 ps %s lc rgb '%s' front\n", row->value,
                index, "0.75", code);
    }
    if (!bars && row->hollow) {
        fprintf(file, "set label '' at %.12g,%zu point pt 7 ps %s lc rgb '%s' front\n", row->value,
                index, "0.42", "#ffffff");
    }
}

static void put_refused(FILE *file, double low, size_t index)
{
    fprintf(file, "set label '×' at %.12g,%zu center textcolor rgb '%s' front\n", low, index,
            plot_colour_code(PLOT_DOWN));
}

static void put_rows_marks(const struct sketch *sketch, const struct plot_rows *plot,
                           const struct axis *axis)
{
    if (axis->low <= 0 && axis->high >= 0) {
        fprintf(sketch->file, "set arrow from 0,graph 0 to 0,graph 1 nohead lc rgb '%s' lw 1\n",
                plot_colour_code(PLOT_OLD));
    }
    if (plot->mark >= axis->low && plot->mark <= axis->high) {
        fprintf(sketch->file,
                "set arrow from %.12g,graph 0 to %.12g,graph 1 nohead dt 2 lc rgb '%s' lw 1.2\n",
                plot->mark, plot->mark, plot_colour_code(PLOT_SOFT));
    }
    for (size_t i = 0; i < plot->row_count; i++) {
        const struct plot_row *row = &plot->rows[i];
        if (row->refused) {
            put_refused(sketch->file, axis->low + 0.015 * (axis->high - axis->low), i);
        } else if (!row->heading) {
            put_row(sketch->file, row, i, plot->bars);
        }
    }
}

static void put_rows_axis(const struct sketch *sketch, const struct plot_rows *plot,
                          const struct axis *axis)
{
    double middle = (plot->name_width + rows_middle(plot) / 2.0) / plot->width;
    fprintf(sketch->file,
            "unset ytics\nset xrange [%.12g:%.12g]\nset yrange [%.1f:-0.5]\n"
            "set xtics %.12g format '%%.%df'\n",
            axis->low, axis->high, fmax((double)plot->row_count, 1) - 0.5, axis->step,
            axis->digits);
    if (plot->axis[0] != '\0') {
        sketch_axis_name(sketch, plot->axis, middle, 9.0 / sketch->height);
    }
    /* Something must be plotted for labels and arrows to be drawn. */
    fputs("plot NaN notitle\n", sketch->file);
}

enum status plot_draw_rows(FILE *file, unsigned number, const struct plot_rows *plot,
                           struct problem *problem)
{
    CHECK(rows_middle(plot) > 0);
    struct sketch sketch;
    struct axis axis = rows_axis(plot);
    int below = SKETCH_AXIS_HEIGHT + (plot->axis[0] != '\0' ? SKETCH_AXIS_NAME_HEIGHT : 0);
    int height = ROWS_TOP + ROW_HEIGHT * (int)plot->row_count + below;
    if (!sketch_init(&sketch, plot->width, height)) {
        return sketch_no_memory(problem);
    }
    sketch_margins(&sketch, plot->name_width, plot->text_width, ROWS_TOP, below);
    put_rows_texts(&sketch, plot);
    put_rows_marks(&sketch, plot, &axis);
    put_rows_axis(&sketch, plot, &axis);
    return sketch_finish(&sketch, file, number, plot->label, problem);
}
