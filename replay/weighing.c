#include "replay/weighing.h"

#include <math.h>

#include "ranker/check.h"

void weighing_columns(double reward, double weight, double propensity, double *sums, double *peaks)
{
    const double inverse_max = 0x1p42;
    CHECK(weight >= 0);
    CHECK(propensity > 0);
    double used = weight < WEIGHING_WEIGHT_MAX ? weight : WEIGHING_WEIGHT_MAX;
    double inverse = 1 / propensity;
    sums[WEIGHING_COUNT] = 1;
    sums[WEIGHING_REWARD] = reward;
    sums[WEIGHING_WEIGHT] = used;
    sums[WEIGHING_SQUARED_WEIGHT] = used * used;
    sums[WEIGHING_WEIGHTED_REWARD] = used * reward;
    sums[WEIGHING_UNWEIGHTED] = !(used > 0);
    sums[WEIGHING_CUT] = weight > WEIGHING_WEIGHT_MAX;
    peaks[WEIGHING_LARGEST_WEIGHT] = used;
    peaks[WEIGHING_LARGEST_INVERSE] = inverse < inverse_max ? inverse : inverse_max;
    peaks[WEIGHING_LARGEST_PROPENSITY] = propensity;
    peaks[WEIGHING_LARGEST_HEAVY_INVERSE] =
        used > WEIGHING_HEAVY ? peaks[WEIGHING_LARGEST_INVERSE] : 0;
}

enum status weighing_check_reward(const char *field, double reward, struct problem *problem)
{
    if (fabs(reward) <= WEIGHING_REWARD_MAX) {
        return STATUS_OK;
    }
    problem_set(problem, "%s is %g; a reward is a number from %g to %g", field, reward,
                -WEIGHING_REWARD_MAX, WEIGHING_REWARD_MAX);
    return STATUS_INVALID;
}

enum status weighing_check_logged(const char *field, double propensity, struct problem *problem)
{
    if (propensity > 0 && propensity <= 1) {
        return STATUS_OK;
    }
    problem_set(problem, "%s is %g; the probability of what the log chose is above 0 and at most 1",
                field, propensity);
    return STATUS_INVALID;
}

enum status weighing_check_target(const char *field, double probability, struct problem *problem)
{
    if (probability >= 0 && probability <= 1) {
        return STATUS_OK;
    }
    problem_set(problem, "%s is %g; a probability is from 0 to 1", field, probability);
    return STATUS_INVALID;
}
