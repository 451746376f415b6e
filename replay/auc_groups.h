#ifndef REPLAY_AUC_GROUPS_H
#define REPLAY_AUC_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * The area under the ROC curve over any number of cases in bounded memory, with an interval that
 * knows that a user's cases belong together.
 *
 * Scores are counted in bins: one for 0, one for each of 1,024 steps between a power of two and the
 * next, so that scores of one bin differ by less than 0.1 %. Scores of one bin count as equal. What
 * that can cost is known, see within_bin below. Counts are whole numbers, so parts add up to
 * exactly what the whole would have given, in any order.
 *
 * Users fall into AUC_GROUPS groups by a hash. The interval is the delete-a-group jackknife's
 * (P. S. Kott, "The delete-a-group jackknife", Journal of Official Statistics 17, 2001): with G
 * groups that have cases, variance (G - 1) / G times the sum of squared differences between the
 * estimate without a group and the estimate, and Student's t with G - 1 degrees of freedom.
 *
 * Memory: 16 KiB for each group and power of two met, 52 MiB at most, usually below 15.
 */
struct auc_groups;

/* Scores are from 0 to below AUC_SCORE_END; what is between 0 and 2^-32 counts as 0. */
enum { AUC_GROUPS = 64, AUC_SCORE_END = 1 << 19 };

/* Cases that one struct holds at most, so that sums are exact in doubles. */
#define AUC_CASES_MAX (UINT64_C(1) << 53)

/* NULL when memory is short. */
struct auc_groups *auc_groups_new(void);
void auc_groups_free(struct auc_groups *groups);

/*
 * Counts a case. user_key tells users apart; of a visitor, give the request's key. STATUS_INVALID:
 * AUC_CASES_MAX are there. STATUS_NO_MEMORY. Both change nothing.
 */
MUST_USE enum status auc_groups_add(struct auc_groups *groups, uint64_t user_key, double score,
                                    bool positive);

/* Adds what another one counted. STATUS_INVALID, as above; STATUS_NO_MEMORY. Both change nothing
 * that is counted. */
MUST_USE enum status auc_groups_merge(struct auc_groups *groups, const struct auc_groups *from);

struct auc_estimate {
    double value; /* NaN without both kinds */
    /* Of the 95 % interval, within [0, 1]; NaN with fewer than two groups, or when all cases of a
     * kind are in one. */
    double low;
    double high;
    /* Half the share of pairs in one bin: the value is at most so far from that of the scores. */
    double within_bin;
    uint64_t positives;
    uint64_t negatives;
};

void auc_groups_estimate(const struct auc_groups *groups, struct auc_estimate *out);

struct auc_difference {
    double value; /* of contender less reference */
    double low;   /* of the 95 % interval; NaN as above */
    double high;
    double p; /* two-sided, of no difference: Student's t. NaN as low; 1 when nothing differs */
};

/* Paired: leaves the same users out of both. */
void auc_groups_compare(const struct auc_groups *contender, const struct auc_groups *reference,
                        struct auc_difference *out);

/* clang-format off */
/*
 * Version 1, for parts that are merged elsewhere; numbers are varints (numbers.h):
 *
 *   1 byte   version, 1
 *   varint   number of cells
 *   cells    in rising order of group * bins + bin: varint of how far that is from the one before,
 *            or from -1, at least 1; varint of positives; varint of negatives, not both 0
 */
/* clang-format on */

/* *out is from malloc(), for the caller to free. STATUS_NO_MEMORY. */
MUST_USE enum status auc_groups_encode(const struct auc_groups *groups, uint8_t **out,
                                       size_t *size);

/* STATUS_CORRUPT for anything that auc_groups_encode() does not write; STATUS_NO_MEMORY. */
MUST_USE enum status auc_groups_decode(const uint8_t *bytes, size_t size, struct auc_groups **out);

#endif
