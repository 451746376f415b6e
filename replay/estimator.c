#include "replay/estimator.h"

#include <math.h>
#include <string.h>

#include "ranker/check.h"

static const struct {
    const char *name;
    const char *title;
    const char *definition;
} estimators[ESTIMATOR_COUNT] = {
#define X(id, name, title, definition) {name, title, definition},
    ESTIMATOR_MAP(X)
#undef X
};

const char *estimator_name(enum estimator estimator)
{
    return estimators[estimator].name;
}

const char *estimator_title(enum estimator estimator)
{
    return estimators[estimator].title;
}

const char *estimator_definition(enum estimator estimator)
{
    return estimators[estimator].definition;
}

bool estimator_of_name(const char *name, enum estimator *out)
{
    for (int i = 0; i < ESTIMATOR_COUNT; i++) {
        if (strcmp(name, estimators[i].name) == 0) {
            *out = (enum estimator)i;
            return true;
        }
    }
    return false;
}

static enum status check_rewards(const struct observation *observation, struct problem *problem)
{
    enum status status = weighing_check_reward("reward", observation->reward, problem);
    if (status == STATUS_OK) {
        status = weighing_check_reward("the modelled reward of the logged choice",
                                       observation->modelled_logged, problem);
    }
    if (status == STATUS_OK) {
        status = weighing_check_reward("the modelled reward of the policy",
                                       observation->modelled_target, problem);
    }
    return status;
}

static enum status check(const struct observation *observation, struct problem *problem)
{
    enum status status = check_rewards(observation, problem);
    if (status == STATUS_OK) {
        status = weighing_check_logged("propensity", observation->logged, problem);
    }
    if (status == STATUS_OK) {
        status = weighing_check_target("the policy's probability", observation->target, problem);
    }
    return status;
}

enum status observation_columns(const struct observation *observation, double clip, double *sums,
                                double *peaks, struct problem *problem)
{
    CHECK(clip > 0);
    enum status status = check(observation, problem);
    if (status != STATUS_OK) {
        return status;
    }
    double reward = observation->reward;
    weighing_columns(reward, observation->target / observation->logged, observation->logged, sums,
                     peaks);
    double weight = sums[WEIGHING_WEIGHT];
    double clipped = weight < clip ? weight : clip;
    sums[OBSERVATION_MATCHES] = observation->matched;
    sums[OBSERVATION_MATCHED_REWARD] = observation->matched ? reward : 0;
    sums[OBSERVATION_CLIPPED_WEIGHT] = clipped;
    sums[OBSERVATION_CLIPPED_REWARD] = clipped * reward;
    sums[OBSERVATION_MODELLED] = observation->modelled_target;
    sums[OBSERVATION_RESIDUAL] = weight * (reward - observation->modelled_logged);
    return STATUS_OK;
}

static double ratio(double numerator, double denominator)
{
    return denominator > 0 ? numerator / denominator : NAN;
}

double estimator_value(enum estimator estimator, const double *sums)
{
    double count = sums[WEIGHING_COUNT];
    double weight = sums[WEIGHING_WEIGHT];
    double modelled = sums[OBSERVATION_MODELLED];
    double residual = sums[OBSERVATION_RESIDUAL];
    switch (estimator) {
    case ESTIMATOR_REPLAY:
        return ratio(sums[OBSERVATION_MATCHED_REWARD], sums[OBSERVATION_MATCHES]);
    case ESTIMATOR_IPS:
        return ratio(sums[WEIGHING_WEIGHTED_REWARD], count);
    case ESTIMATOR_CLIPPED_IPS:
        return ratio(sums[OBSERVATION_CLIPPED_REWARD], count);
    case ESTIMATOR_SNIPS:
        return ratio(sums[WEIGHING_WEIGHTED_REWARD], weight);
    case ESTIMATOR_DM:
        return ratio(modelled, count);
    case ESTIMATOR_DR:
        return ratio(modelled + residual, count);
    case ESTIMATOR_SNDR:
        return ratio(modelled, count) + ratio(residual, weight);
    case ESTIMATOR_COUNT:
        break;
    }
    CHECK(estimator < ESTIMATOR_COUNT);
    return NAN;
}

double estimator_statistic(const double *sums, const void *context)
{
    return estimator_value(*(const enum estimator *)context, sums);
}

double estimator_logged(const double *sums, const void *context)
{
    (void)context;
    return ratio(sums[WEIGHING_REWARD], sums[WEIGHING_COUNT]);
}
