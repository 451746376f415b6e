#include "replay/example_split.h"

#include <inttypes.h>

#include "ranker/check.h"

enum { MINUTE_MS = 60000 };

enum status example_split_by_time(int64_t first_ms, int64_t last_ms, unsigned percent,
                                  int64_t gap_ms, struct example_split *out,
                                  struct problem *problem)
{
    CHECK(first_ms >= 0);
    CHECK(last_ms >= first_ms);
    CHECK(percent >= 1);
    CHECK(percent <= 99);
    CHECK(gap_ms >= 0);
    int64_t span_ms = last_ms - first_ms;
    int64_t validation_ms = (span_ms * percent + 99) / 100;
    if (gap_ms >= span_ms - validation_ms) {
        problem_set(problem,
                    "the rankings span %" PRId64 " minutes; the last %u %% of them and a gap of "
                    "%" PRId64 " minutes before leave nothing to train with",
                    span_ms / MINUTE_MS, percent, gap_ms / MINUTE_MS);
        return STATUS_INVALID;
    }
    *out = (struct example_split){.train_until_ms = last_ms - validation_ms - gap_ms,
                                  .validation_from_ms = last_ms - validation_ms};
    return STATUS_OK;
}

enum example_side example_side(const struct example_split *split, int64_t time_ms)
{
    if (time_ms < split->train_until_ms) {
        return EXAMPLE_TRAIN;
    }
    return time_ms < split->validation_from_ms ? EXAMPLE_GAP : EXAMPLE_VALIDATION;
}
