#include "replay/plot_sketch.h"

#include <math.h>
#include <stdlib.h>

#include "replay/gnuplot.h"
#include "replay/svg.h"

enum { CHARACTER_WIDTH = 8 /* in pixels, of the widest usual font at this size */ };

const char *plot_colour_code(size_t colour)
{
    static const char *const palette[] = {"#1c2430", "#5d6878", "#a9b4c4",
                                          "#2563c9", "#14804a", "#b3261e"};
    /* Grey, then Okabe and Ito's colours without their yellow, which is too light for paper. */
    static const char *const series[PLOT_SERIES_MAX] = {"#8a96a8", "#0072b2", "#e69f00",
                                                        "#009e73", "#cc79a7", "#d55e00",
                                                        "#56b4e9", "#882255", "#1c2430"};
    if (colour < PLOT_SERIES) {
        return palette[colour];
    }
    size_t index = colour - PLOT_SERIES;
    return index == 0 ? series[0] : series[1 + (index - 1) % (PLOT_SERIES_MAX - 1)];
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

static size_t character_count(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += begins_character(*text);
    }
    return count;
}

/*
 * In single quotes gnuplot takes nothing for a command or an escape but a quote, of which it also
 * misreads a doubled one at the beginning. So there are none: typographic ones stand in their
 * place.
 */
static void put_byte(FILE *file, char byte)
{
    if (byte == '\'') {
        fputs("’", file);
    } else if (byte == '`') {
        fputs("‘", file);
    } else {
        fputc((unsigned char)byte < ' ' || byte == 0x7F ? ' ' : byte, file);
    }
}

/* A quoted text of at most so many characters. */
void sketch_text(FILE *file, const char *text, size_t limit)
{
    size_t keep = character_count(text) <= limit ? limit : limit - 1;
    size_t count = 0;
    fputc('\'', file);
    for (; *text != '\0'; text++) {
        count += begins_character(*text);
        if (count > keep) {
            fputs("…", file);
            break;
        }
        put_byte(file, *text);
    }
    fputc('\'', file);
}

size_t sketch_characters(int width)
{
    return width > 2 * CHARACTER_WIDTH ? (size_t)(width / CHARACTER_WIDTH) : 2;
}

bool sketch_init(struct sketch *sketch, int width, int height)
{
    *sketch = (struct sketch){.width = width, .height = height};
    sketch->file = open_memstream(&sketch->text, &sketch->size);
    if (sketch->file == NULL) {
        return false;
    }
    fprintf(sketch->file,
            "set encoding utf8\nset minussign\n"
            "set terminal svg size %d,%d fixed noenhanced rounded font 'system-ui,13'\n"
            "set border 0\nunset key\nset tics scale 0\n"
            "set grid xtics lc rgb '#e3e8ef' lw 1 lt 1\n"
            "set xtics textcolor rgb '#5d6878' nomirror\n"
            "set ytics textcolor rgb '#5d6878' nomirror\n",
            width, height);
    return true;
}

/* Margins in pixels. */
void sketch_margins(struct sketch *sketch, int left, int right, int top, int bottom)
{
    fprintf(sketch->file,
            "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
            "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
            (double)left / sketch->width, 1 - (double)right / sketch->width,
            1 - (double)top / sketch->height, (double)bottom / sketch->height);
}

/* Draws the sketch, writes it to the page and releases it. */
enum status sketch_finish(struct sketch *sketch, FILE *file, unsigned number, const char *label,
                          struct problem *problem)
{
    char *drawing = NULL;
    size_t size = 0;
    bool written = fclose(sketch->file) == 0;
    enum status status = STATUS_NO_MEMORY;
    if (written) {
        status = gnuplot_run(sketch->text, sketch->size, &drawing, &size, problem);
    } else {
        problem_set(problem, "no memory for a plot");
    }
    if (status == STATUS_OK) {
        const struct svg_frame frame = {number, sketch->width, sketch->height, label};
        status = svg_write(file, drawing, size, &frame);
        if (status != STATUS_OK) {
            problem_set(problem, "gnuplot drew no SVG; is the package gnuplot-nox of version 5.4 "
                                 "or later?");
            status = STATUS_UNAVAILABLE;
        }
    }
    free(drawing);
    free(sketch->text);
    return status;
}

enum status sketch_no_memory(struct problem *problem)
{
    problem_set(problem, "no memory for a plot");
    return STATUS_NO_MEMORY;
}

void sketch_axis_name(const struct sketch *sketch, const char *name, double x, double y)
{
    fputs("set label ", sketch->file);
    sketch_text(sketch->file, name, sketch_characters(sketch->width));
    fprintf(sketch->file, " at screen %.6f, screen %.6f center textcolor rgb '%s'\n", x, y,
            plot_colour_code(PLOT_SOFT));
}

void axis_widen(double value, double *low, double *high)
{
    if (!isfinite(value)) {
        return;
    }
    *low = isnan(*low) || value < *low ? value : *low;
    *high = isnan(*high) || value > *high ? value : *high;
}

static int digits_for(double step)
{
    enum { DIGITS_MAX = 9 };
    int digits = (int)ceil(-log10(step) - 1e-9);
    return digits < 0 ? 0 : digits > DIGITS_MAX ? DIGITS_MAX : digits;
}

/* Pixels that the longest number of an axis needs, with a gap. */
static double number_width(const struct axis *axis)
{
    enum { SIGN_POINT_AND_GAP = 3 };
    double largest = fabs(axis->low) > fabs(axis->high) ? fabs(axis->low) : fabs(axis->high);
    double whole = largest >= 10 ? floor(log10(largest)) + 1 : 1;
    return CHARACTER_WIDTH * (whole + axis->digits + SIGN_POINT_AND_GAP);
}

/* The smallest of 1, 2 or 5 times a power of ten that leaves numbers room beside each other. */
static void choose_step(struct axis *axis, int pixels)
{
    static const double factors[] = {1, 2, 5};
    double span = axis->high - axis->low;
    double power = pow(10, floor(log10(span)) - 2);
    for (size_t i = 0; i < 12; i++) {
        axis->step = power * factors[i % 3];
        axis->digits = digits_for(axis->step);
        if (axis->step / span * pixels >= number_width(axis)) {
            return;
        }
        power *= i % 3 == 2 ? 10 : 1;
    }
}

struct axis axis_within(double low, double high, int pixels)
{
    struct axis axis = {.low = isnan(low) ? 0 : low, .high = isnan(high) ? 1 : high};
    double least = 1e-9 + 1e-9 * (fabs(axis.low) + fabs(axis.high));
    if (axis.high - axis.low < least) {
        axis.low -= least;
        axis.high += least;
    }
    choose_step(&axis, pixels);
    return axis;
}
