#ifndef REPLAY_PANEL_H
#define REPLAY_PANEL_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "replay/metrics.h"

/*
 * Values of metrics by row (what was measured), contender (what was measured of) and user, to be
 * averaged and compared with intervals over users.
 */
struct panel;

enum { PANEL_ROWS_MAX = 32, PANEL_CONTENDERS_MAX = 24, PANEL_NAME_SIZE = 64 };

/* names are borrowed, and so is each row's; count is 1 to PANEL_CONTENDERS_MAX. NULL: no memory. */
struct panel *panel_new(const char *const *contenders, size_t count);
void panel_free(struct panel *panel);

/*
 * Finds or adds the row of that name, which is cut at PANEL_NAME_SIZE - 1 bytes. PANEL_ROWS_MAX:
 * there is no room for one more.
 */
size_t panel_row(struct panel *panel, const char *name);

/*
 * Adds a value with a weight above 0 to what is known of a user, a key that tells users apart, not
 * 0. A value that is NaN is left out. STATUS_NO_MEMORY.
 */
MUST_USE enum status panel_add(struct panel *panel, uint64_t user_key, size_t row, size_t contender,
                               double value, double weight);

size_t panel_row_count(const struct panel *panel);
const char *panel_row_name(const struct panel *panel, size_t row);
size_t panel_contender_count(const struct panel *panel);
const char *panel_contender_name(const struct panel *panel, size_t contender);

/* Users of whom the row knows something. */
size_t panel_users(const struct panel *panel, size_t row);

/* The mean with its interval; see metrics_bootstrap(). */
MUST_USE enum status panel_mean(const struct panel *panel, size_t row, size_t contender,
                                uint64_t seed, struct metrics_interval *out);

/* How much more contender has than other, over the same users. */
MUST_USE enum status panel_difference(const struct panel *panel, size_t row, size_t contender,
                                      size_t other, uint64_t seed, struct metrics_interval *out);

/* The mean alone, of users known since there were first_user of them. */
double panel_mean_since(const struct panel *panel, size_t row, size_t contender, size_t first_user);
size_t panel_user_count(const struct panel *panel);

#endif
