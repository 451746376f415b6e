#ifndef TESTS_REPLAY_HISTORY_H
#define TESTS_REPLAY_HISTORY_H

#include "replay/past_weights.h"

/* The history of a data directory of its own, which has one version of weights, for tests. */
struct history;

struct history *history_open(const char *yaml);
void history_close(struct history *history);

/* Both are the history's. */
const struct weights *history_weights(const struct history *history);
struct past_weights *history_past(const struct history *history);

#endif
