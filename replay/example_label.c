#include "replay/example_label.h"

#include <math.h>

#include "ranker/check.h"

/* Where each head's label stands in an outcome; OUTCOME_FLAG_COUNT for watch_quantile. */
static const enum outcome_flag head_flags[HEAD_COUNT] = {
    [HEAD_VALID_PLAY] = OUTCOME_VALID_PLAY,
    [HEAD_LONG_VIEW] = OUTCOME_LONG_VIEW,
    [HEAD_COMPLETE] = OUTCOME_COMPLETE,
    [HEAD_WATCH_QUANTILE] = OUTCOME_FLAG_COUNT,
    [HEAD_LIKE] = OUTCOME_LIKE,
    [HEAD_SHARE] = OUTCOME_SHARE,
    [HEAD_FOLLOW] = OUTCOME_FOLLOW,
    [HEAD_SKIP] = OUTCOME_SKIP,
    [HEAD_NOT_INTERESTED] = OUTCOME_NOT_INTERESTED,
    [HEAD_REPORT] = OUTCOME_REPORT,
};

static bool was_watched(const struct outcome *outcome)
{
    static const enum outcome_flag flags[] = {OUTCOME_PLAY,    OUTCOME_LIKE,   OUTCOME_SHARE,
                                              OUTCOME_COMMENT, OUTCOME_FOLLOW, OUTCOME_COMPLETE};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (outcome_has(outcome, flags[i])) {
            return true;
        }
    }
    return false;
}

/* Of a view to the end of a video of unknown length, the time that was counted says too little. */
static bool watch_is_known(const struct outcome *outcome)
{
    if (outcome_has(outcome, OUTCOME_COMPLETE) && outcome->duration_ms == 0) {
        return false;
    }
    return outcome->watch_ms > 0 || !was_watched(outcome) || outcome_has(outcome, OUTCOME_SKIP);
}

static bool is_known(const struct outcome *outcome, enum head head)
{
    if (outcome_has(outcome, head_flags[head])) {
        return true;
    }
    switch (head) {
    case HEAD_VALID_PLAY:
    case HEAD_LONG_VIEW:
        return watch_is_known(outcome);
    case HEAD_COMPLETE: /* without a watch time the length does not matter */
        return watch_is_known(outcome) && (outcome->duration_ms > 0 || outcome->watch_ms == 0);
    default:
        return true;
    }
}

static void set_label(struct example *example, enum head head, bool positive)
{
    example->known |= 1U << head;
    example->positive |= (uint32_t)positive << head;
}

void example_label_all(const struct outcome *outcome, const struct watch_histogram *histogram,
                       struct example *out)
{
    CHECK(outcome_has(outcome, OUTCOME_SHOWN));
    out->known = 0;
    out->positive = 0;
    out->watch_quantile = NAN;
    out->watch_ms = outcome->watch_ms;
    out->duration_ms = outcome->duration_ms;
    out->censored = outcome_has(outcome, OUTCOME_COMPLETE);
    for (unsigned head = 0; head < HEAD_COUNT; head++) {
        if (head != HEAD_WATCH_QUANTILE && is_known(outcome, head)) {
            set_label(out, head, outcome_has(outcome, head_flags[head]));
        }
    }
    if (watch_is_known(outcome) && histogram->count >= OUTCOME_VIEWS_MINIMUM) {
        set_label(out, HEAD_WATCH_QUANTILE, false);
        out->watch_quantile =
            outcome->watch_ms > 0 ? watch_quantile(histogram, watch_bin(outcome->watch_ms)) : 0;
    }
}
