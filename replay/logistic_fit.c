#include "replay/logistic_fit.h"

#include <lbfgs.h>
#include <math.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "replay/logistic_rows.h"

enum {
    LANES = 8,
    PADDED = (LOGISTIC_VARIABLES + LANES - 1) / LANES * LANES, /* libLBFGS wants multiples of 8 */
    CORRECTIONS = 10
};

#define LOOSELY 100 /* times the tolerance */

/* Of one pass over the rows. */
struct sums {
    double loss;
    double weight;
    double gradient[LOGISTIC_VARIABLES]; /* by v / s, not yet by v */
};

static bool in_part(enum logistic_part part, uint64_t seed, uint64_t user)
{
    uint64_t mixed = (user ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
    bool chooses = (mixed >> 32) % LOGISTIC_FOLDS == 0;
    return part == LOGISTIC_ALL || chooses == (part == LOGISTIC_CHOOSING);
}

/* Row weights of a block as the fit sees them. */
static void weigh(const struct logistic_fit *fit, const struct logistic_block *block,
                  double weights[LOGISTIC_BLOCK])
{
    for (size_t i = 0; i < LOGISTIC_BLOCK; i++) {
        weights[i] = block->weights[i] * fit->class_weights[block->positives[i]];
    }
    for (size_t i = 0; fit->part != LOGISTIC_ALL && i < block->count; i++) {
        weights[i] = in_part(fit->part, fit->seed, block->users[i]) ? weights[i] : 0;
    }
}

static void add_column(double slope, const float column[LOGISTIC_BLOCK],
                       double margins[LOGISTIC_BLOCK])
{
    for (size_t i = 0; i < LOGISTIC_BLOCK; i++) {
        margins[i] += slope * (double)column[i];
    }
}

/* Means go into the first addend, so columns need not be centred. */
static void find_margins(const struct logistic_fit *fit, const double *variables,
                         const struct logistic_block *block, double margins[LOGISTIC_BLOCK])
{
    const double *places = variables + 1 + fit->data->feature_count;
    double slopes[FEATURE_COUNT];
    double first = variables[0];
    for (unsigned j = 0; j < fit->data->feature_count; j++) {
        double deviation = fit->scale->deviation[j];
        slopes[j] = deviation > 0 ? variables[1 + j] / deviation : 0;
        first -= slopes[j] * fit->scale->mean[j];
    }
    for (size_t i = 0; i < LOGISTIC_BLOCK; i++) {
        margins[i] = first + places[block->places[i]];
    }
    for (unsigned j = 0; j < fit->data->feature_count; j++) {
        add_column(slopes[j], block->columns[j], margins);
    }
}

/* e^-|z|, from which loss and probability follow without overflow. */
static void find_powers(const double margins[LOGISTIC_BLOCK], double powers[LOGISTIC_BLOCK])
{
    const double log2_e = 0x1.71547652b82fep+0;
    for (size_t i = 0; i < LOGISTIC_BLOCK; i++) {
        powers[i] = exact_exp2(-fabs(margins[i]) * log2_e);
    }
}

static double add_losses(const struct logistic_block *block, const double weights[LOGISTIC_BLOCK],
                         const double margins[LOGISTIC_BLOCK], const double powers[LOGISTIC_BLOCK])
{
    const double ln_2 = 0x1.62e42fefa39efp-1;
    double loss = 0;
    for (size_t i = 0; i < block->count; i++) {
        double wrong = block->positives[i] != 0 ? -margins[i] : margins[i];
        double above = wrong > 0 ? wrong : 0;
        loss += weights[i] * (above + exact_log2(1 + powers[i]) * ln_2);
    }
    return loss;
}

/* Weight times (probability - outcome): what each row pulls. */
static void find_pulls(const struct logistic_block *block, const double weights[LOGISTIC_BLOCK],
                       const double margins[LOGISTIC_BLOCK], const double powers[LOGISTIC_BLOCK],
                       double pulls[LOGISTIC_BLOCK])
{
    for (size_t i = 0; i < LOGISTIC_BLOCK; i++) {
        double likely = margins[i] >= 0 ? 1 : powers[i];
        pulls[i] = weights[i] * (likely / (1 + powers[i]) - block->positives[i]);
    }
}

static double fold(const double lanes[LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

static double sum_of(const double values[LOGISTIC_BLOCK])
{
    double lanes[LANES] = {0};
    for (size_t i = 0; i < LOGISTIC_BLOCK; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += values[i + lane];
        }
    }
    return fold(lanes);
}

static double product_of(const double values[LOGISTIC_BLOCK], const float column[LOGISTIC_BLOCK])
{
    double lanes[LANES] = {0};
    for (size_t i = 0; i < LOGISTIC_BLOCK; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += values[i + lane] * (double)column[i + lane];
        }
    }
    return fold(lanes);
}

static void add_gradient(const struct logistic_fit *fit, const struct logistic_block *block,
                         const double pulls[LOGISTIC_BLOCK], double *gradient)
{
    unsigned features = fit->data->feature_count;
    gradient[0] += sum_of(pulls);
    for (unsigned j = 0; j < features; j++) {
        gradient[1 + j] += product_of(pulls, block->columns[j]);
    }
    for (size_t i = 0; i < block->count; i++) {
        gradient[1 + features + block->places[i]] += pulls[i];
    }
}

static void add_block(const struct logistic_fit *fit, const double *variables,
                      const struct logistic_block *block, struct sums *sums)
{
    double weights[LOGISTIC_BLOCK];
    double margins[LOGISTIC_BLOCK];
    double powers[LOGISTIC_BLOCK];
    double pulls[LOGISTIC_BLOCK];
    weigh(fit, block, weights);
    find_margins(fit, variables, block, margins);
    find_powers(margins, powers);
    find_pulls(block, weights, margins, powers, pulls);
    sums->weight += sum_of(weights);
    sums->loss += add_losses(block, weights, margins, powers);
    add_gradient(fit, block, pulls, sums->gradient);
}

static void sum_up(const struct logistic_fit *fit, const double *variables, struct sums *sums)
{
    *sums = (struct sums){0};
    for (size_t i = 0; i < fit->data->block_count; i++) {
        add_block(fit, variables, fit->data->blocks[i], sums);
    }
}

/* d z / d v is (x - m) / s. */
static double by_column(const struct logistic_fit *fit, const struct sums *sums, unsigned j)
{
    double deviation = fit->scale->deviation[j];
    return deviation > 0
               ? (sums->gradient[1 + j] - fit->scale->mean[j] * sums->gradient[0]) / deviation
               : 0;
}

static double penalty_of(const struct logistic_fit *fit, unsigned variable)
{
    if (variable == 0) {
        return 0;
    }
    return variable <= fit->data->feature_count ? fit->l2 : LOGISTIC_PLACE_L2;
}

struct run {
    struct logistic_fit *fit;
    double gradient_norm;
    double norm;
};

static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *variables,
                                lbfgsfloatval_t *gradient, int count, lbfgsfloatval_t step)
{
    (void)step;
    const struct logistic_fit *fit = ((struct run *)instance)->fit;
    unsigned features = fit->data->feature_count;
    struct sums sums;
    sum_up(fit, variables, &sums);
    double objective = sums.loss / sums.weight;
    memset(gradient, 0, (size_t)count * sizeof(gradient[0]));
    for (unsigned i = 0; i < 1 + features + LOGISTIC_PLACES; i++) {
        bool column = i >= 1 && i <= features;
        double slope = column ? by_column(fit, &sums, i - 1) : sums.gradient[i];
        double penalty = penalty_of(fit, i);
        objective += penalty / 2 * variables[i] * variables[i];
        gradient[i] = fit->held[i] ? 0 : slope / sums.weight + penalty * variables[i];
    }
    return objective;
}

static int follow(void *instance, const lbfgsfloatval_t *variables, const lbfgsfloatval_t *gradient,
                  lbfgsfloatval_t objective, lbfgsfloatval_t norm, lbfgsfloatval_t gradient_norm,
                  lbfgsfloatval_t step, int count, int iteration, int evaluations)
{
    (void)variables, (void)gradient, (void)step, (void)count, (void)evaluations;
    struct run *run = instance;
    struct logistic_fit *fit = run->fit;
    run->gradient_norm = gradient_norm;
    run->norm = norm;
    fit->iterations = (unsigned)iteration;
    if (fit->go_on != NULL && !fit->go_on(fit->context, fit->iterations, objective)) {
        fit->stopped = true;
    }
    return fit->stopped ? 1 : 0;
}

/* Ends of a search that rounding, not the function, brought about. */
static bool ran_out(int code)
{
    return code == LBFGSERR_ROUNDING_ERROR || code == LBFGSERR_MINIMUMSTEP ||
           code == LBFGSERR_MAXIMUMSTEP || code == LBFGSERR_MAXIMUMLINESEARCH ||
           code == LBFGSERR_WIDTHTOOSMALL || code == LBFGSERR_INCREASEGRADIENT ||
           code == LBFGSERR_OUTOFINTERVAL || code == LBFGSERR_INCORRECT_TMINMAX;
}

static enum status conclude(struct logistic_fit *fit, const struct run *run, int code)
{
    if (code == LBFGSERR_OUTOFMEMORY) {
        return STATUS_NO_MEMORY;
    }
    bool well = code == LBFGS_SUCCESS || code == LBFGS_ALREADY_MINIMIZED;
    CHECK(well || fit->stopped || ran_out(code) || code == LBFGSERR_MAXIMUMITERATION);
    double least = run->norm > 1 ? run->norm : 1;
    bool close = run->gradient_norm <= LOOSELY * fit->tolerance * least;
    fit->converged = well || (close && !fit->stopped);
    return STATUS_OK;
}

enum status logistic_fit(struct logistic_fit *fit)
{
    lbfgs_parameter_t parameters;
    lbfgs_parameter_init(&parameters);
    parameters.m = CORRECTIONS;
    parameters.epsilon = fit->tolerance;
    parameters.max_iterations = LOGISTIC_ITERATIONS;
    struct run run = {.fit = fit, .gradient_norm = INFINITY};
    lbfgsfloatval_t *variables = lbfgs_malloc(PADDED);
    if (variables == NULL) {
        return STATUS_NO_MEMORY;
    }
    memset(variables, 0, PADDED * sizeof(variables[0]));
    memcpy(variables, fit->variables, sizeof(fit->variables));
    fit->iterations = 0;
    fit->stopped = false;
    int code = lbfgs(PADDED, variables, NULL, evaluate, follow, &run, &parameters);
    enum status status = conclude(fit, &run, code);
    if (status == STATUS_OK) {
        memcpy(fit->variables, variables, sizeof(fit->variables));
    }
    lbfgs_free(variables);
    return status;
}

double logistic_fit_loss(const struct logistic_fit *fit, enum logistic_part part)
{
    struct logistic_fit other = *fit;
    struct sums sums;
    other.part = part;
    sum_up(&other, other.variables, &sums);
    return sums.loss / sums.weight;
}

static double mean_of(const struct logistic_data *data, unsigned column)
{
    double sum = 0;
    double weight = 0;
    for (size_t i = 0; i < data->block_count; i++) {
        sum += product_of(data->blocks[i]->weights, data->blocks[i]->columns[column]);
        weight += sum_of(data->blocks[i]->weights);
    }
    return sum / weight;
}

static double deviation_of(const struct logistic_data *data, unsigned column, double mean)
{
    double sum = 0;
    double weight = 0;
    for (size_t i = 0; i < data->block_count; i++) {
        const struct logistic_block *block = data->blocks[i];
        for (size_t row = 0; row < block->count; row++) {
            double off = (double)block->columns[column][row] - mean;
            sum += block->weights[row] * off * off;
        }
        weight += sum_of(block->weights);
    }
    return sqrt(sum / weight);
}

/* Exactly, since rounding gives a constant a deviation just above 0. */
static bool varies(const struct logistic_data *data, unsigned column)
{
    float first = data->blocks[0]->columns[column][0];
    for (size_t i = 0; i < data->block_count; i++) {
        const struct logistic_block *block = data->blocks[i];
        for (size_t row = 0; row < block->count; row++) {
            if (block->columns[column][row] < first || block->columns[column][row] > first) {
                return true;
            }
        }
    }
    return false;
}

void logistic_scale_of(const struct logistic_data *data, struct logistic_scale *out)
{
    *out = (struct logistic_scale){{0}, {0}};
    for (unsigned j = 0; data->rows > 0 && j < data->feature_count; j++) {
        out->mean[j] = mean_of(data, j);
        out->deviation[j] = varies(data, j) ? deviation_of(data, j, out->mean[j]) : 0;
    }
}

static void count_row(const struct logistic_block *block, size_t row, struct logistic_counts *out)
{
    out->rows++;
    out->weight += block->weights[row];
    out->positives += block->positives[row];
    out->positive_weight += block->positives[row] != 0 ? block->weights[row] : 0;
    out->places[block->places[row]]++;
    out->place_weights[block->places[row]] += block->weights[row];
}

void logistic_count(const struct logistic_data *data, enum logistic_part part, uint64_t seed,
                    struct logistic_counts *out)
{
    *out = (struct logistic_counts){0};
    for (size_t i = 0; i < data->block_count; i++) {
        const struct logistic_block *block = data->blocks[i];
        for (size_t row = 0; row < block->count; row++) {
            if (in_part(part, seed, block->users[row])) {
                count_row(block, row, out);
            }
        }
    }
}
