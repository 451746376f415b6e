#include "replay/bootstrap.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/random.h"

/*
 * Rows are kept in blocks of BLOCK columns, one unit's behind the other's, and PASS rounds are
 * added up at a time: their sums then stay in registers while a block streams by.
 */
enum { BLOCK = 8, PASS = 2 };

struct bootstrap {
    const double *rows; /* borrowed */
    size_t unit_count;
    size_t column_count;
    double *whole;   /* column_count: the sums of all units; all arrays are one allocation */
    double *without; /* column_count: room for the sums without a unit */
    double *drawn;   /* BOOTSTRAP_ROUNDS times column_count: the sums of each round */
    double *figures; /* BOOTSTRAP_ROUNDS: room for a figure of each round */
};

static size_t block_count(size_t column_count)
{
    return (column_count + BLOCK - 1) / BLOCK;
}

static double *make_blocks(const double *rows, size_t unit_count, size_t column_count)
{
    double *blocks = calloc(block_count(column_count) * unit_count + 1, BLOCK * sizeof(double));
    for (size_t unit = 0; blocks != NULL && unit < unit_count; unit++) {
        for (size_t i = 0; i < column_count; i++) {
            size_t block = i / BLOCK;
            blocks[(block * unit_count + unit) * BLOCK + i % BLOCK] = rows[unit * column_count + i];
        }
    }
    return blocks;
}

/* How often each unit is drawn in a round. */
static void draw_counts(struct random *random, size_t unit_count, uint32_t *counts)
{
    memset(counts, 0, unit_count * sizeof(*counts));
    for (size_t i = 0; i < unit_count; i++) {
        counts[random_below(random, unit_count)]++;
    }
}

/* The order of each sum is that of the units, whatever the compiler makes of the loops. */
static void add_block(const double *block, const uint32_t *counts, size_t unit_count,
                      double sums[PASS][BLOCK])
{
    double first[BLOCK] = {0};
    double second[BLOCK] = {0};
    for (size_t unit = 0; unit < unit_count; unit++) {
        const double *row = block + unit * BLOCK;
        double once = (int32_t)counts[unit];
        double again = (int32_t)counts[unit_count + unit];
        for (size_t i = 0; i < BLOCK; i++) {
            first[i] += once * row[i];
        }
        for (size_t i = 0; i < BLOCK; i++) {
            second[i] += again * row[i];
        }
    }
    memcpy(sums[0], first, sizeof(first));
    memcpy(sums[1], second, sizeof(second));
}

static void draw_pass(struct bootstrap *bootstrap, const double *blocks, const uint32_t *counts,
                      size_t round)
{
    size_t column_count = bootstrap->column_count;
    double sums[PASS][BLOCK];
    for (size_t first = 0; first < column_count; first += BLOCK) {
        size_t count = column_count - first < BLOCK ? column_count - first : BLOCK;
        add_block(blocks + first * bootstrap->unit_count, counts, bootstrap->unit_count, sums);
        for (size_t i = 0; i < PASS; i++) {
            memcpy(bootstrap->drawn + (round + i) * column_count + first, sums[i],
                   count * sizeof(double));
        }
    }
}

static void draw_rounds(struct bootstrap *bootstrap, const double *blocks, uint32_t *counts,
                        uint64_t seed)
{
    struct random random = {seed};
    for (size_t round = 0; round < BOOTSTRAP_ROUNDS; round += PASS) {
        for (size_t i = 0; i < PASS; i++) {
            draw_counts(&random, bootstrap->unit_count, counts + i * bootstrap->unit_count);
        }
        draw_pass(bootstrap, blocks, counts, round);
    }
}

static void add_whole(struct bootstrap *bootstrap)
{
    for (size_t unit = 0; unit < bootstrap->unit_count; unit++) {
        const double *row = bootstrap->rows + unit * bootstrap->column_count;
        for (size_t i = 0; i < bootstrap->column_count; i++) {
            bootstrap->whole[i] += row[i];
        }
    }
}

static struct bootstrap *make(const double *rows, size_t unit_count, size_t column_count)
{
    size_t doubles = (BOOTSTRAP_ROUNDS + 2) * column_count + BOOTSTRAP_ROUNDS;
    struct bootstrap *bootstrap = calloc(1, sizeof(*bootstrap));
    double *room = calloc(doubles, sizeof(double));
    if (bootstrap == NULL || room == NULL) {
        free(bootstrap);
        free(room);
        return NULL;
    }
    *bootstrap = (struct bootstrap){.rows = rows,
                                    .unit_count = unit_count,
                                    .column_count = column_count,
                                    .whole = room,
                                    .without = room + column_count,
                                    .drawn = room + 2 * column_count,
                                    .figures = room + (BOOTSTRAP_ROUNDS + 2) * column_count};
    return bootstrap;
}

enum status bootstrap_new(const double *rows, size_t unit_count, size_t column_count, uint64_t seed,
                          struct bootstrap **out)
{
    CHECK(column_count >= 1);
    CHECK(unit_count <= INT32_MAX);
    struct bootstrap *bootstrap = make(rows, unit_count, column_count);
    double *blocks = make_blocks(rows, unit_count, column_count);
    uint32_t *counts = calloc(PASS * unit_count + 1, sizeof(*counts));
    bool complete = bootstrap != NULL && blocks != NULL && counts != NULL;
    if (complete) {
        add_whole(bootstrap);
        draw_rounds(bootstrap, blocks, counts, seed);
        *out = bootstrap;
    } else {
        bootstrap_free(bootstrap);
    }
    free(blocks);
    free(counts);
    return complete ? STATUS_OK : STATUS_NO_MEMORY;
}

void bootstrap_free(struct bootstrap *bootstrap)
{
    if (bootstrap != NULL) {
        free(bootstrap->whole);
        free(bootstrap);
    }
}

double bootstrap_ratio(const double *sums, const void *context)
{
    (void)context;
    return sums[1] > 0 ? sums[0] / sums[1] : NAN;
}

/* One statistic, or the difference of two. */
struct figure {
    struct bootstrap_statistic statistic;
    const struct bootstrap_statistic *other; /* NULL: alone */
};

static double value_of(const struct bootstrap_statistic *statistic, const double *sums)
{
    return statistic->of(sums + statistic->first_column, statistic->context);
}

static double figure_of(const struct figure *figure, const double *sums)
{
    double value = value_of(&figure->statistic, sums);
    return figure->other == NULL ? value : value - value_of(figure->other, sums);
}

/* The columns that a statistic reads, without one unit. */
static void leave_out(struct bootstrap *bootstrap, const struct bootstrap_statistic *statistic,
                      size_t unit)
{
    const double *row = bootstrap->rows + unit * bootstrap->column_count;
    size_t end = statistic->first_column + statistic->column_count;
    for (size_t i = statistic->first_column; i < end; i++) {
        bootstrap->without[i] = bootstrap->whole[i] - row[i];
    }
}

static double figure_without(struct bootstrap *bootstrap, const struct figure *figure, size_t unit)
{
    leave_out(bootstrap, &figure->statistic, unit);
    if (figure->other != NULL) {
        leave_out(bootstrap, figure->other, unit);
    }
    return figure_of(figure, bootstrap->without);
}

/*
 * BCa's acceleration: a sixth of the skewness of the figures without one unit each, turned around.
 * Those that are undefined are left out.
 */
static double acceleration_of(struct bootstrap *bootstrap, const struct figure *figure,
                              double value)
{
    double sums[3] = {0, 0, 0};
    double count = 0;
    for (size_t unit = 0; unit < bootstrap->unit_count; unit++) {
        double gap = value - figure_without(bootstrap, figure, unit);
        if (!isnan(gap)) {
            sums[0] += gap;
            sums[1] += gap * gap;
            sums[2] += gap * gap * gap;
            count++;
        }
    }
    double mean = count > 0 ? sums[0] / count : 0;
    double squares = sums[1] - count * mean * mean;
    double cubes = sums[2] - 3 * mean * sums[1] + 2 * count * mean * mean * mean;
    return squares > 0 ? cubes / (6 * squares * sqrt(squares)) : 0;
}

static int rising(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Sorted, without the undefined; their number. */
static size_t draw_figures(struct bootstrap *bootstrap, const struct figure *figure)
{
    size_t count = 0;
    for (size_t round = 0; round < BOOTSTRAP_ROUNDS; round++) {
        double value = figure_of(figure, bootstrap->drawn + round * bootstrap->column_count);
        if (isfinite(value)) {
            bootstrap->figures[count++] = value;
        }
    }
    qsort(bootstrap->figures, count, sizeof(double), rising);
    return count;
}

static double deviation(const double *values, size_t count)
{
    double mean = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        mean += values[i] / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        squares += (values[i] - mean) * (values[i] - mean);
    }
    return count > 1 ? sqrt(squares / (double)(count - 1)) : NAN;
}

static double normal_share_below(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/*
 * z with that share of the standard normal below, by halving: 2^-50 of 16 is finer than any number
 * of rounds can tell.
 */
static double normal_quantile(double share)
{
    double low = -8;
    double high = 8;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (normal_share_below(middle) < share) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

/* The share of the rounds below value, those that equal it counting half. */
static double share_below(const double *figures, size_t count, double value)
{
    double below = 0;
    for (size_t i = 0; i < count; i++) {
        below += figures[i] < value ? 1 : figures[i] > value ? 0 : 0.5;
    }
    return below / (double)count;
}

/* BCa's level: where to look instead of the percentile whose normal quantile is z. */
static double moved_level(double bias, double acceleration, double z)
{
    double sum = bias + z;
    double scale = 1 - acceleration * sum;
    return scale > 0 ? normal_share_below(bias + sum / scale) : sum > 0;
}

/* By nearest rank. */
static double percentile(const double *figures, size_t count, double level)
{
    double rank = ceil(level * (double)count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return figures[index < count ? index : count - 1];
}

/* What rounding can do to a figure: sums have as many addends as there are units. */
static double rounding_of(const struct bootstrap *bootstrap, const struct figure *figure)
{
    double size = fabs(value_of(&figure->statistic, bootstrap->whole));
    if (figure->other != NULL) {
        size += fabs(value_of(figure->other, bootstrap->whole));
    }
    return (double)bootstrap->unit_count * DBL_EPSILON * size;
}

/* Whether no round has another figure than all units have, but for rounding. */
static bool is_constant(const struct bootstrap *bootstrap, size_t count, double value,
                        double rounding)
{
    const double *figures = bootstrap->figures;
    return count > 0 && value - figures[0] <= rounding && figures[count - 1] - value <= rounding;
}

/* A difference that is rounding alone is none. */
static void put_constant(const struct figure *figure, double rounding,
                         struct bootstrap_interval *out)
{
    double value = figure->other != NULL && fabs(out->value) <= rounding ? 0 : out->value;
    *out = (struct bootstrap_interval){.value = value, .low = value, .high = value, .error = 0};
}

static void measure(struct bootstrap *bootstrap, const struct figure *figure,
                    struct bootstrap_interval *out)
{
    const double quantile = 1.959963984540054; /* of 97.5 % */
    *out = (struct bootstrap_interval){figure_of(figure, bootstrap->whole), NAN, NAN, NAN};
    if (!isfinite(out->value) || bootstrap->unit_count < 2) {
        return;
    }
    size_t count = draw_figures(bootstrap, figure);
    const double *figures = bootstrap->figures;
    double rounding = rounding_of(bootstrap, figure);
    out->error = deviation(figures, count);
    if (count < 2) {
        return;
    }
    if (is_constant(bootstrap, count, out->value, rounding)) {
        put_constant(figure, rounding, out);
        return;
    }
    double bias = normal_quantile(share_below(figures, count, out->value));
    double acceleration = acceleration_of(bootstrap, figure, out->value);
    out->low = percentile(figures, count, moved_level(bias, acceleration, -quantile));
    out->high = percentile(figures, count, moved_level(bias, acceleration, quantile));
}

static void check_columns(const struct bootstrap *bootstrap,
                          const struct bootstrap_statistic *statistic)
{
    CHECK(statistic->first_column <= bootstrap->column_count);
    CHECK(statistic->column_count <= bootstrap->column_count - statistic->first_column);
}

void bootstrap_interval(struct bootstrap *bootstrap, struct bootstrap_statistic statistic,
                        struct bootstrap_interval *out)
{
    check_columns(bootstrap, &statistic);
    measure(bootstrap, &(struct figure){statistic, NULL}, out);
}

void bootstrap_difference(struct bootstrap *bootstrap, struct bootstrap_statistic statistic,
                          struct bootstrap_statistic other, struct bootstrap_interval *out)
{
    check_columns(bootstrap, &statistic);
    check_columns(bootstrap, &other);
    measure(bootstrap, &(struct figure){statistic, &other}, out);
}

double bootstrap_p_value(const struct bootstrap_interval *difference)
{
    double size = fabs(difference->value);
    if (isnan(size) || isnan(difference->error)) {
        return NAN;
    }
    if (!(difference->error > 0)) {
        return size > 0 ? 0 : 1;
    }
    return erfc(size / difference->error * M_SQRT1_2);
}

struct hypothesis {
    double p_value;
    size_t index;
};

/* Ties in the order given, so that sorting is a matter of the values alone. */
static int by_p_value(const void *a, const void *b)
{
    const struct hypothesis *left = a;
    const struct hypothesis *right = b;
    if (left->p_value < right->p_value || left->p_value > right->p_value) {
        return left->p_value < right->p_value ? -1 : 1;
    }
    return left->index < right->index ? -1 : 1;
}

enum status bootstrap_holm(double *p_values, size_t count)
{
    struct hypothesis *family = calloc(count + 1, sizeof(*family));
    size_t size = 0;
    double largest = 0;
    if (family == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (!isnan(p_values[i])) {
            family[size++] = (struct hypothesis){p_values[i], i};
        }
    }
    qsort(family, size, sizeof(*family), by_p_value);
    for (size_t i = 0; i < size; i++) {
        double adjusted = (double)(size - i) * family[i].p_value;
        largest = adjusted > largest ? adjusted : largest;
        p_values[family[i].index] = largest < 1 ? largest : 1;
    }
    free(family);
    return STATUS_OK;
}
