#include "replay/plot.h"

#include <math.h>

#include "ranker/check.h"
#include "replay/plot_sketch.h"

enum { LEFT_OF_AXIS = 64, RIGHT_OF_AXIS = 16, ABOVE_AXIS = 12, KEY_SAMPLE_WIDTH = 56 };

/* Both axes' names, and margins that leave room for them and for a key. */
static void put_frame(struct sketch *sketch, const char *x_axis, const char *y_axis, int key_width)
{
    int bottom = SKETCH_AXIS_HEIGHT + (x_axis[0] != '\0' ? SKETCH_AXIS_NAME_HEIGHT : 0);
    double middle =
        (LEFT_OF_AXIS + (sketch->width - LEFT_OF_AXIS - key_width - RIGHT_OF_AXIS) / 2.0) /
        sketch->width;
    sketch_margins(sketch, LEFT_OF_AXIS, key_width + RIGHT_OF_AXIS,
                   ABOVE_AXIS + SKETCH_AXIS_NAME_HEIGHT, bottom);
    if (x_axis[0] != '\0') {
        sketch_axis_name(sketch, x_axis, middle, 9.0 / sketch->height);
    }
    fputs("set label ", sketch->file);
    sketch_text(sketch->file, y_axis, sketch_characters(sketch->width));
    fprintf(sketch->file, " at screen 0.001, screen %.6f left textcolor rgb '%s'\n",
            1 - 12.0 / sketch->height, plot_colour_code(PLOT_SOFT));
    fprintf(sketch->file,
            "set grid noxtics ytics lc rgb '#e3e8ef' lw 1 lt 1\nset border 1 lc rgb '%s'\n",
            plot_colour_code(PLOT_OLD));
    if (key_width > 0) {
        fprintf(sketch->file,
                "set key at screen %.6f, graph 1 left top Left reverse samplen 1.4 spacing 1.25 "
                "textcolor rgb '%s'\n",
                1 - (double)key_width / sketch->width, plot_colour_code(PLOT_INK));
    }
}

/* Lines of a data block need something in every column. */
static void put_number(FILE *file, double value)
{
    if (isfinite(value)) {
        fprintf(file, " %.12g", value);
    } else {
        fputs(" NaN", file);
    }
}

/* Marks of different lines at the same x stand a little beside each other. */
static double aside(const struct plot_lines *plot, size_t index)
{
    enum { PER_UNIT = 16 };
    double middle = ((double)plot->line_count - 1) / 2;
    return plot->marks ? ((double)index - middle) / PER_UNIT : 0;
}

static void put_line_data(FILE *file, const struct plot_lines *plot, size_t index)
{
    const struct plot_line *line = &plot->lines[index];
    fprintf(file, "$line%zu << END\n", index);
    for (size_t i = 0; i < line->point_count; i++) {
        const struct plot_point *point = &line->points[i];
        if (plot->log_x && point->x <= 0) {
            continue;
        }
        put_number(file, point->x + aside(plot, index));
        put_number(file, point->y);
        put_number(file, point->low);
        put_number(file, point->high);
        fputc('\n', file);
    }
    fputs("END\n", file);
}

/* gnuplot refuses to plot a line that has no point. */
static bool line_empty(const struct plot_lines *plot, size_t index)
{
    const struct plot_line *line = &plot->lines[index];
    for (size_t i = 0; i < line->point_count; i++) {
        const struct plot_point *point = &line->points[i];
        if (isfinite(point->x) && isfinite(point->y) && (!plot->log_x || point->x > 0)) {
            return false;
        }
    }
    return true;
}

static void put_line_styles(FILE *file, const struct plot_lines *plot, size_t index)
{
    const char *code = plot_colour_code(plot->lines[index].colour);
    if (plot->filled) {
        fprintf(file,
                ", $line%zu using 1:2 with filledcurves y1=0 fs transparent solid 0.12 lc rgb '%s' "
                "notitle",
                index, code);
    }
    if (plot->marks) {
        fprintf(file,
                ", $line%zu using 1:3:(0):($4-$3) with vectors nohead lw 1.2 lc rgb '%s' notitle"
                ", $line%zu using 1:2 with points pt 7 ps 0.5 lc rgb '%s' notitle",
                index, code, index, code);
    }
    fprintf(file, ", $line%zu using 1:2 with lines lw 2 dt %zu lc rgb '%s' title ", index,
            1 + index % 5, code);
    sketch_text(file, plot->lines[index].name,
                sketch_characters(plot->key_width - KEY_SAMPLE_WIDTH));
}

static double diagonal_end(const struct plot_lines *plot)
{
    return plot->end > 0 ? plot->end : 1;
}

static void put_lines_plot(FILE *file, const struct plot_lines *plot)
{
    for (size_t i = 0; i < plot->line_count; i++) {
        put_line_data(file, plot, i);
    }
    fputs("plot NaN notitle", file);
    if (plot->diagonal) {
        fprintf(file, ", x <= %.12g ? x : NaN with lines lw 1 dt 2 lc rgb '%s' notitle",
                diagonal_end(plot), plot_colour_code(PLOT_OLD));
    }
    for (size_t i = 0; i < plot->line_count; i++) {
        if (!line_empty(plot, i)) {
            put_line_styles(file, plot, i);
        }
    }
    fputc('\n', file);
}

static void lines_extent(const struct plot_lines *plot, double *low, double *high)
{
    for (size_t i = 0; i < plot->line_count; i++) {
        for (size_t j = 0; j < plot->lines[i].point_count; j++) {
            double x = plot->lines[i].points[j].x;
            axis_widen(plot->log_x && x <= 0 ? NAN : x, low, high);
        }
    }
}

/* Upper end of an axis that begins at 0. */
static double room_above(double high)
{
    return high > 0 ? high * 1.04 : 1;
}

static void y_extent(const struct plot_lines *plot, double *low, double *high)
{
    for (size_t i = 0; i < plot->line_count; i++) {
        for (size_t j = 0; j < plot->lines[i].point_count; j++) {
            axis_widen(plot->lines[i].points[j].y, low, high);
            axis_widen(plot->lines[i].points[j].low, low, high);
            axis_widen(plot->lines[i].points[j].high, low, high);
        }
    }
}

static void put_y_range(FILE *file, const struct plot_lines *plot)
{
    double low = plot->near ? NAN : 0;
    double high = low;
    y_extent(plot, &low, &high);
    double bottom = 0;
    double top = room_above(high);
    if (plot->diagonal) {
        top = diagonal_end(plot);
    } else if (plot->near && !isnan(low)) {
        double room = 0.06 * (high - low) + 1e-9;
        bottom = low - room;
        top = high + room;
    }
    fprintf(file, "set yrange [%.12g:%.12g]\n", bottom, top);
}

static void put_x_range(FILE *file, const struct plot_lines *plot)
{
    double low = plot->diagonal ? 0 : NAN;
    double high = plot->diagonal ? diagonal_end(plot) : NAN;
    if (!plot->diagonal) {
        lines_extent(plot, &low, &high);
    }
    if (isnan(low)) {
        low = plot->log_x ? 0.1 : 0;
        high = plot->log_x ? 10 : 1;
    }
    if (plot->log_x) {
        fprintf(file, "set logscale x\nset format x '%%g'\nset xrange [%.12g:%.12g]\n", low / 1.05,
                high * 1.05);
        return;
    }
    double room = plot->diagonal ? 0 : 0.03 * (high - low) + 1e-9;
    struct axis axis = axis_within(low - room, high + room, plot->width - plot->key_width);
    if (plot->marks && !plot->diagonal && axis.step < 1) {
        axis.step = 1; /* marks stand at whole numbers */
        axis.digits = 0;
    }
    fprintf(file, "set xrange [%.12g:%.12g]\nset xtics %.12g format '%%.%df'\n", axis.low,
            axis.high, axis.step, axis.digits);
}

enum status plot_draw_lines(FILE *file, unsigned number, const struct plot_lines *plot,
                            struct problem *problem)
{
    struct sketch sketch;
    if (!sketch_init(&sketch, plot->width, plot->height)) {
        return sketch_no_memory(problem);
    }
    put_frame(&sketch, plot->x_axis, plot->y_axis, plot->key_width);
    put_x_range(sketch.file, plot);
    put_y_range(sketch.file, plot);
    put_lines_plot(sketch.file, plot);
    return sketch_finish(&sketch, file, number, plot->label, problem);
}

/* ---- scatter ---- */

static void put_cloud_data(FILE *file, const struct plot_cloud *cloud, size_t index)
{
    fprintf(file, "$cloud%zu << END\n", index);
    for (size_t i = 0; i < cloud->point_count; i++) {
        const struct plot_point *point = &cloud->points[i];
        if (isfinite(point->x) && isfinite(point->y)) {
            put_number(file, point->x);
            put_number(file, point->y);
            fputc('\n', file);
        }
    }
    fputs("END\n", file);
}

static bool cloud_empty(const struct plot_cloud *cloud)
{
    for (size_t i = 0; i < cloud->point_count; i++) {
        if (isfinite(cloud->points[i].x) && isfinite(cloud->points[i].y)) {
            return false;
        }
    }
    return true;
}

static void put_cloud_style(FILE *file, const struct plot_cloud *cloud, size_t index)
{
    const char *code = plot_colour_code(cloud->colour);
    if (cloud->steps) {
        fprintf(file, ", $cloud%zu using 1:2 with steps lw 2 lc rgb '%s' title ", index, code);
        return;
    }
    fprintf(file, ", $cloud%zu using 1:2 with %s pt 7 ps %s lw 1.5 lc rgb '%s' title ", index,
            cloud->joined ? "linespoints" : "points", cloud->large ? "0.7" : "0.28", code);
}

static void put_clouds(FILE *file, const struct plot_scatter *plot)
{
    for (size_t i = 0; i < plot->cloud_count; i++) {
        put_cloud_data(file, &plot->clouds[i], i);
    }
    fputs("plot NaN notitle", file);
    for (size_t i = 0; i < plot->cloud_count; i++) {
        const struct plot_cloud *cloud = &plot->clouds[i];
        if (cloud_empty(cloud)) {
            continue;
        }
        put_cloud_style(file, cloud, i);
        sketch_text(file, cloud->name, sketch_characters(plot->key_width - KEY_SAMPLE_WIDTH));
    }
    fputc('\n', file);
}

static void put_scatter_axis(FILE *file, char name, double low, double high, int pixels)
{
    /* What is the same everywhere, but for rounding, has an axis that shows it. */
    bool flat = high - low <= 1e-6 * fabs(high);
    double room = isnan(low) ? 0 : flat ? 0.05 * fabs(high) + 1e-3 : 0.03 * (high - low);
    struct axis axis = axis_within(low - room, high + room, pixels);
    fprintf(file, "set %crange [%.12g:%.12g]\nset %ctics %.12g format '%%.%df'\n", name, axis.low,
            axis.high, name, axis.step, axis.digits);
}

enum status plot_draw_scatter(FILE *file, unsigned number, const struct plot_scatter *plot,
                              struct problem *problem)
{
    struct sketch sketch;
    double x[2] = {NAN, NAN};
    double y[2] = {NAN, NAN};
    if (!sketch_init(&sketch, plot->width, plot->height)) {
        return sketch_no_memory(problem);
    }
    for (size_t i = 0; i < plot->cloud_count; i++) {
        for (size_t j = 0; j < plot->clouds[i].point_count; j++) {
            axis_widen(plot->clouds[i].points[j].x, &x[0], &x[1]);
            axis_widen(plot->clouds[i].points[j].y, &y[0], &y[1]);
        }
    }
    put_frame(&sketch, plot->x_axis, plot->y_axis, plot->key_width);
    put_scatter_axis(sketch.file, 'x', x[0], x[1], plot->width - plot->key_width);
    put_scatter_axis(sketch.file, 'y', y[0], y[1], plot->height);
    put_clouds(sketch.file, plot);
    return sketch_finish(&sketch, file, number, plot->label, problem);
}

/* ---- groups ---- */

static double groups_top(const struct plot_groups *plot)
{
    double low = 0;
    double high = 0;
    for (size_t i = 0; i < plot->group_count * plot->series_count; i++) {
        axis_widen(plot->bars[i].value, &low, &high);
        axis_widen(plot->bars[i].high, &low, &high);
    }
    return room_above(high);
}

static void put_bar(FILE *file, const struct plot_bar *bar, double left, double right,
                    const char *code)
{
    double middle = (left + right) / 2;
    if (isnan(bar->value)) {
        return;
    }
    fprintf(file,
            "set object rectangle from %.6f,0 to %.6f,%.12g fc rgb '%s' fs solid 1 noborder\n",
            left, right, bar->value, code);
    if (!isnan(bar->low) && !isnan(bar->high)) {
        fprintf(file, "set arrow from %.6f,%.12g to %.6f,%.12g nohead lc rgb '%s' lw 1.2 front\n",
                middle, bar->low, middle, bar->high, plot_colour_code(PLOT_INK));
    }
}

static void put_group(FILE *file, const struct plot_groups *plot, size_t group)
{
    double width = 0.8 / (double)plot->series_count;
    for (size_t i = 0; i < plot->series_count; i++) {
        double left = (double)group - 0.4 + width * (double)i;
        put_bar(file, &plot->bars[group * plot->series_count + i], left + 0.06 * width,
                left + 0.94 * width, plot_colour_code(PLOT_SERIES + i));
    }
    int pixels = (plot->width - LEFT_OF_AXIS - plot->key_width) / (int)plot->group_count;
    fputs("set label ", file);
    sketch_text(file, plot->group_names[group], sketch_characters(pixels));
    fprintf(file, " at first %zu, graph 0 center offset character 0,-1 textcolor rgb '%s'\n", group,
            plot_colour_code(PLOT_SOFT));
}

static void put_groups_plot(FILE *file, const struct plot_groups *plot)
{
    fprintf(file, "unset xtics\nset xrange [-0.6:%.1f]\nset yrange [0:%.12g]\n",
            (double)plot->group_count - 0.4, groups_top(plot));
    for (size_t i = 0; i < plot->group_count; i++) {
        put_group(file, plot, i);
    }
    fputs("plot NaN notitle", file);
    for (size_t i = 0; i < plot->series_count; i++) {
        fprintf(file, ", NaN with boxes fs solid 1 noborder lc rgb '%s' title ",
                plot_colour_code(PLOT_SERIES + i));
        sketch_text(file, plot->series_names[i],
                    sketch_characters(plot->key_width - KEY_SAMPLE_WIDTH));
    }
    fputc('\n', file);
}

enum status plot_draw_groups(FILE *file, unsigned number, const struct plot_groups *plot,
                             struct problem *problem)
{
    CHECK(plot->group_count > 0 && plot->series_count > 0);
    struct sketch sketch;
    if (!sketch_init(&sketch, plot->width, plot->height)) {
        return sketch_no_memory(problem);
    }
    put_frame(&sketch, "", plot->y_axis, plot->key_width);
    put_groups_plot(sketch.file, plot);
    return sketch_finish(&sketch, file, number, plot->label, problem);
}
