#ifndef REPLAY_REWARD_MODEL_H
#define REPLAY_REWARD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/*
 * What a video may be expected to earn where it is shown: its mean reward in the log, shrunk to the
 * mean of all videos. Users are dealt into folds by a hash, and what is told for a user comes from
 * the other folds alone (cross-fitting: Chernozhukov et al., "Double/debiased machine learning",
 * 2018), so that nobody's own reward is in the prediction it is compared with. With one fold it is
 * the mean over all, which the direct method's published figures use.
 *
 *   q = (sum + prior * mean) / (count + prior), over the folds but the user's own
 *
 * Memory: 16 bytes a video and fold.
 */
struct reward_model;

enum { REWARD_FOLDS_MAX = 8 };

/* folds is 1 to REWARD_FOLDS_MAX; prior, in views, at least 0. NULL when memory is short. */
struct reward_model *reward_model_new(size_t folds, double prior);
void reward_model_free(struct reward_model *model);

/* A reward that a user's view earned. STATUS_NO_MEMORY. */
MUST_USE enum status reward_model_add(struct reward_model *model, uint64_t user_key,
                                      uint64_t video_key, double reward);

/* What to expect of the video for the user; 0 when nothing at all is known. */
double reward_model_value(const struct reward_model *model, uint64_t user_key, uint64_t video_key);

#endif
