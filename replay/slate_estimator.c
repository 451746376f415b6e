#include "replay/slate_estimator.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"

static const struct {
    const char *name;
    const char *title;
    const char *definition;
} estimators[SLATE_ESTIMATOR_COUNT] = {
#define X(id, name, title, definition) {name, title, definition},
    SLATE_ESTIMATOR_MAP(X)
#undef X
};

const char *slate_estimator_name(enum slate_estimator estimator)
{
    return estimators[estimator].name;
}

const char *slate_estimator_title(enum slate_estimator estimator)
{
    return estimators[estimator].title;
}

const char *slate_estimator_definition(enum slate_estimator estimator)
{
    return estimators[estimator].definition;
}

bool slate_estimator_of_name(const char *name, enum slate_estimator *out)
{
    for (int i = 0; i < SLATE_ESTIMATOR_COUNT; i++) {
        if (strcmp(name, estimators[i].name) == 0) {
            *out = (enum slate_estimator)i;
            return true;
        }
    }
    return false;
}

bool slate_estimator_by_item(enum slate_estimator estimator)
{
    return estimator == SLATE_ESTIMATOR_ITEM_POSITION_IPS ||
           estimator == SLATE_ESTIMATOR_ITEM_POSITION_SNIPS;
}

/*
 * Column 0 counts decisions; then come the item-position columns of each position, then the
 * sequence columns of each. Peaks are in the same order.
 */
enum kind { ITEM_POSITION, SEQUENCE };

static size_t place_of(enum kind kind, size_t position_limit, size_t index)
{
    return (kind == SEQUENCE ? position_limit : 0) + index;
}

static enum status check_marginals(const struct slate_position *position, struct problem *problem)
{
    enum status status =
        weighing_check_logged("the log's marginal", position->logged_marginal, problem);
    if (status == STATUS_OK) {
        status = weighing_check_target("the policy's marginal", position->target_marginal, problem);
    }
    return status;
}

static enum status check_conditionals(const struct slate_position *position,
                                      struct problem *problem)
{
    enum status status = weighing_check_logged("propensity", position->logged_conditional, problem);
    if (status == STATUS_OK) {
        status = weighing_check_target("the policy's probability", position->target_conditional,
                                       problem);
    }
    return status;
}

static enum status check_position(const struct slate_position *position, struct problem *problem)
{
    enum status status = weighing_check_reward("reward", position->reward, problem);
    if (status == STATUS_OK) {
        status = check_marginals(position, problem);
    }
    if (status == STATUS_OK) {
        status = check_conditionals(position, problem);
    }
    return status;
}

static enum status check(const struct slate_position *positions, size_t count,
                         struct problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        struct problem found = {""};
        enum status status = check_position(&positions[i], &found);
        if (status != STATUS_OK) {
            problem_set(problem, "position %zu: %s", i + 1, found.text);
            return status;
        }
    }
    return STATUS_OK;
}

/*
 * The weight down to one more position. Bounded far beyond WEIGHING_WEIGHT_MAX, so that it stays a
 * number, and 0 stays 0.
 */
static double extended(double weight, const struct slate_position *position)
{
    double factor = position->target_conditional / position->logged_conditional;
    return fmin(weight, 0x1p900) * fmin(factor, 0x1p60);
}

enum status slate_columns(const struct slate_position *positions, size_t position_count,
                          size_t position_limit, double *sums, double *peaks,
                          struct problem *problem)
{
    CHECK(position_limit >= 1 && position_limit <= SLATE_ESTIMATOR_POSITIONS);
    CHECK(position_count <= SLATE_ESTIMATOR_POSITIONS);
    size_t count = position_count < position_limit ? position_count : position_limit;
    double sequence = 1;
    enum status status = check(positions, count, problem);
    if (status != STATUS_OK) {
        return status;
    }
    memset(sums, 0, slate_sum_count(position_limit) * sizeof(*sums));
    memset(peaks, 0, slate_peak_count(position_limit) * sizeof(*peaks));
    sums[0] = 1;
    for (size_t i = 0; i < count; i++) {
        const struct slate_position *position = &positions[i];
        size_t item = place_of(ITEM_POSITION, position_limit, i);
        size_t whole = place_of(SEQUENCE, position_limit, i);
        sequence = extended(sequence, position);
        weighing_columns(position->reward, position->target_marginal / position->logged_marginal,
                         position->logged_marginal, sums + 1 + item * WEIGHING_SUMS,
                         peaks + item * WEIGHING_PEAKS);
        weighing_columns(position->reward, sequence, position->logged_conditional,
                         sums + 1 + whole * WEIGHING_SUMS, peaks + whole * WEIGHING_PEAKS);
    }
    return STATUS_OK;
}

static enum kind kind_of(enum slate_estimator estimator)
{
    return slate_estimator_by_item(estimator) ? ITEM_POSITION : SEQUENCE;
}

static bool self_normalised(enum slate_estimator estimator)
{
    return estimator == SLATE_ESTIMATOR_ITEM_POSITION_SNIPS ||
           estimator == SLATE_ESTIMATOR_SEQUENCE_SNIPS;
}

const double *slate_position_sums(const struct slate_figure *figure, size_t position,
                                  const double *sums)
{
    CHECK(position >= 1 && position <= figure->position_limit);
    size_t place = place_of(kind_of(figure->estimator), figure->position_limit, position - 1);
    return sums + 1 + place * WEIGHING_SUMS;
}

const double *slate_position_peaks(const struct slate_figure *figure, size_t position,
                                   const double *peaks)
{
    CHECK(position >= 1 && position <= figure->position_limit);
    size_t place = place_of(kind_of(figure->estimator), figure->position_limit, position - 1);
    return peaks + place * WEIGHING_PEAKS;
}

/* What a position adds to the value of a slate, times the number of decisions. */
static double position_value(const struct slate_figure *figure, size_t position, const double *sums)
{
    const double *columns = slate_position_sums(figure, position, sums);
    double reward = columns[WEIGHING_WEIGHTED_REWARD];
    double weight = columns[WEIGHING_WEIGHT];
    if (!(columns[WEIGHING_COUNT] > 0)) {
        return 0;
    }
    if (!self_normalised(figure->estimator)) {
        return reward;
    }
    return weight > 0 ? columns[WEIGHING_COUNT] * (reward / weight) : NAN;
}

double slate_value(const struct slate_figure *figure, const double *sums)
{
    double sum = 0;
    CHECK(figure->first >= 1 && figure->last <= figure->position_limit);
    for (size_t position = figure->first; position <= figure->last; position++) {
        sum += position_value(figure, position, sums);
    }
    return sums[0] > 0 ? sum / sums[0] : NAN;
}

double slate_statistic(const double *sums, const void *context)
{
    return slate_value(context, sums);
}
