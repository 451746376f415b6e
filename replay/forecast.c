#include "replay/forecast.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "replay/tally.h"
#include "store/grow.h"

/* Sums of the tally; those of the bootstrap are the same ones. */
enum { SUM_GAIN, SUM_WEIGHT, SUM_COUNT };

struct kept_row {
    double probability;
    double weight;
    uint32_t number; /* ties stay in the order in which they came */
    uint32_t positive;
};

struct forecast {
    size_t count;
    size_t capacity;
    struct kept_row *rows;
    struct tally *tally;
    struct auc_groups *auc;
    double weight;
    double squared_weight;
    double loss;
    double reference_loss;
    double predicted;
    double observed;
    uint64_t positives;
};

struct forecast *forecast_new(void)
{
    struct forecast *forecast = calloc(1, sizeof(*forecast));
    if (forecast != NULL) {
        forecast->tally = tally_new(SUM_COUNT, 0);
        forecast->auc = auc_groups_new();
    }
    if (forecast != NULL && (forecast->tally == NULL || forecast->auc == NULL)) {
        forecast_free(forecast);
        return NULL;
    }
    return forecast;
}

void forecast_free(struct forecast *forecast)
{
    if (forecast != NULL) {
        tally_free(forecast->tally);
        auc_groups_free(forecast->auc);
        free(forecast->rows);
        free(forecast);
    }
}

static double inside(double probability)
{
    const double edge = 0x1p-40;
    double above = probability > edge ? probability : edge;
    return above < 1 - edge ? above : 1 - edge;
}

static double log_loss(double probability, bool positive)
{
    const double ln_2 = 0x1.62e42fefa39efp-1;
    double kept = inside(probability);
    return -exact_log2(positive ? kept : 1 - kept) * ln_2;
}

/* Odds keep near 1 what auc_groups would join there; 2^18 is below AUC_SCORE_END. */
static double odds(double probability)
{
    double ratio = probability / (1 - inside(probability));
    return ratio < 0x1p18 ? ratio : 0x1p18;
}

static bool valid(const struct forecast_row *row)
{
    return row->user_key != 0 && row->probability >= 0 && row->probability <= 1 &&
           row->reference >= 0 && row->reference <= 1 && row->weight > 0 &&
           row->weight <= FORECAST_WEIGHT_MAX;
}

static enum status make_room(struct forecast *forecast)
{
    struct kept_row *rows =
        grow(forecast->rows, forecast->count, &forecast->capacity, sizeof(*rows));
    if (rows == NULL) {
        return STATUS_NO_MEMORY;
    }
    forecast->rows = rows;
    return STATUS_OK;
}

static void sum_up(struct forecast *forecast, const struct forecast_row *row, double loss,
                   double reference_loss)
{
    forecast->rows[forecast->count] = (struct kept_row){
        .probability = row->probability,
        .weight = row->weight,
        .number = (uint32_t)forecast->count,
        .positive = row->positive ? 1 : 0,
    };
    forecast->count++;
    forecast->positives += row->positive ? 1 : 0;
    forecast->weight += row->weight;
    forecast->squared_weight += row->weight * row->weight;
    forecast->loss += row->weight * loss;
    forecast->reference_loss += row->weight * reference_loss;
    forecast->predicted += row->weight * row->probability;
    forecast->observed += row->positive ? row->weight : 0;
}

enum status forecast_add(struct forecast *forecast, const struct forecast_row *row)
{
    if (!valid(row) || forecast->count == UINT32_MAX) {
        return STATUS_INVALID;
    }
    double loss = log_loss(row->probability, row->positive);
    double reference_loss = log_loss(row->reference, row->positive);
    const double sums[SUM_COUNT] = {
        [SUM_GAIN] = row->weight * (reference_loss - loss),
        [SUM_WEIGHT] = row->weight,
    };
    enum status status = make_room(forecast);
    if (status == STATUS_OK) {
        status =
            auc_groups_add(forecast->auc, row->user_key, odds(row->probability), row->positive);
    }
    if (status == STATUS_OK) {
        status = tally_add(forecast->tally, row->user_key, NULL, 0, sums, NULL);
    }
    if (status == STATUS_OK) {
        sum_up(forecast, row, loss, reference_loss);
    }
    return status;
}

static int compare_rows(const void *left, const void *right)
{
    const struct kept_row *a = left;
    const struct kept_row *b = right;
    if (a->probability < b->probability || a->probability > b->probability) {
        return a->probability < b->probability ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

static struct forecast_bin bin_of(const struct kept_row *rows, size_t count)
{
    struct forecast_bin bin = {.count = count};
    for (size_t i = 0; i < count; i++) {
        bin.weight += rows[i].weight;
        bin.predicted += rows[i].weight * rows[i].probability;
        bin.observed += rows[i].weight * rows[i].positive;
    }
    bin.predicted /= bin.weight;
    bin.observed /= bin.weight;
    return bin;
}

static void fill_bins(const struct forecast *forecast, struct forecast_figures *out)
{
    size_t count = forecast->count;
    out->bin_count = count < FORECAST_BINS ? (unsigned)count : FORECAST_BINS;
    out->calibration_error = count > 0 ? 0 : NAN;
    for (unsigned i = 0; i < out->bin_count; i++) {
        size_t start = count * i / out->bin_count;
        size_t end = count * (i + 1) / out->bin_count;
        out->bins[i] = bin_of(forecast->rows + start, end - start);
        out->calibration_error += fabs(out->bins[i].observed - out->bins[i].predicted) *
                                  (out->bins[i].weight / forecast->weight);
    }
}

static enum status find_gain(struct forecast *forecast, uint64_t seed,
                             struct bootstrap_interval *out)
{
    size_t units = tally_unit_count(forecast->tally, 0);
    double *rows = calloc(units > 0 ? units : 1, sizeof(double[SUM_COUNT]));
    struct bootstrap *bootstrap = NULL;
    enum status status = rows != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        tally_rows(forecast->tally, 0, 0, SUM_COUNT, rows);
        status = bootstrap_new(rows, units, SUM_COUNT, seed, &bootstrap);
    }
    if (status == STATUS_OK) {
        const struct bootstrap_statistic gain = {.of = bootstrap_ratio, .column_count = SUM_COUNT};
        bootstrap_interval(bootstrap, gain, out);
        bootstrap_free(bootstrap);
    }
    free(rows);
    return status;
}

enum status forecast_figures(struct forecast *forecast, uint64_t seed, struct forecast_figures *out)
{
    struct bootstrap_interval gain;
    enum status status = find_gain(forecast, seed, &gain);
    if (status != STATUS_OK) {
        return status;
    }
    double weight = forecast->count > 0 ? forecast->weight : NAN;
    *out = (struct forecast_figures){
        .rows = forecast->count,
        .positives = forecast->positives,
        .weight = forecast->weight,
        .effective = weight * weight / forecast->squared_weight,
        .log_loss = forecast->loss / weight,
        .reference_log_loss = forecast->reference_loss / weight,
        .predicted = forecast->predicted / weight,
        .observed = forecast->observed / weight,
        .gain = gain,
    };
    auc_groups_estimate(forecast->auc, &out->auc);
    if (forecast->count > 0) {
        qsort(forecast->rows, forecast->count, sizeof(forecast->rows[0]), compare_rows);
    }
    fill_bins(forecast, out);
    return STATUS_OK;
}
