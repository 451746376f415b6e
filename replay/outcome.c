#include "replay/outcome.h"

#include <stdio.h>
#include <string.h>

#include "ranker/check.h"

static const struct {
    const char *name;
    enum outcome_flag flag;
    bool good;
} labels[LABEL_COUNT] = {
    [LABEL_PLAY] = {"play", OUTCOME_PLAY, true},
    [LABEL_VALID_PLAY] = {"valid_play", OUTCOME_VALID_PLAY, true},
    [LABEL_LONG_VIEW] = {"long_view", OUTCOME_LONG_VIEW, true},
    [LABEL_COMPLETE] = {"complete", OUTCOME_COMPLETE, true},
    [LABEL_LIKE] = {"like", OUTCOME_LIKE, true},
    [LABEL_SHARE] = {"share", OUTCOME_SHARE, true},
    [LABEL_COMMENT] = {"comment", OUTCOME_COMMENT, true},
    [LABEL_FOLLOW] = {"follow", OUTCOME_FOLLOW, true},
    [LABEL_SKIP] = {"skip", OUTCOME_SKIP, false},
    [LABEL_NOT_INTERESTED] = {"not_interested", OUTCOME_NOT_INTERESTED, false},
    [LABEL_REPORT] = {"report", OUTCOME_REPORT, false},
    [LABEL_WATCH_SECONDS] = {"watch_seconds", OUTCOME_SHOWN, true},
};

static void set(struct outcome *outcome, enum outcome_flag flag)
{
    outcome->flags |= 1U << flag;
}

static void add_watch(struct outcome *outcome, int64_t watch_ms, int64_t duration_ms)
{
    if (watch_ms > outcome->watch_ms) {
        outcome->watch_ms = (uint32_t)watch_ms;
    }
    set(outcome, OUTCOME_PLAY);
    if (signal_is_valid_play(watch_ms, duration_ms)) {
        set(outcome, OUTCOME_VALID_PLAY);
    }
    if (signal_is_long_view(watch_ms, duration_ms)) {
        set(outcome, OUTCOME_LONG_VIEW);
    }
    if (signal_is_complete(watch_ms, duration_ms)) {
        set(outcome, OUTCOME_COMPLETE);
    }
}

/* The player says that the end was reached, whatever it counted. */
static void add_complete(struct outcome *outcome, int64_t watch_ms, int64_t duration_ms)
{
    add_watch(outcome, watch_ms > duration_ms ? watch_ms : duration_ms, duration_ms);
    set(outcome, OUTCOME_COMPLETE);
}

void outcome_add(struct outcome *outcome, const struct signal *signal, int64_t duration_ms)
{
    static const enum outcome_flag flags[SIGNAL_TYPE_END] = {
        [SIGNAL_PLAY] = OUTCOME_PLAY,
        [SIGNAL_SKIP] = OUTCOME_SKIP,
        [SIGNAL_LIKE] = OUTCOME_LIKE,
        [SIGNAL_SHARE] = OUTCOME_SHARE,
        [SIGNAL_COMMENT] = OUTCOME_COMMENT,
        [SIGNAL_FOLLOW_CREATOR] = OUTCOME_FOLLOW,
        [SIGNAL_NOT_INTERESTED] = OUTCOME_NOT_INTERESTED,
        [SIGNAL_HIDE_CREATOR] = OUTCOME_NOT_INTERESTED,
        [SIGNAL_REPORT] = OUTCOME_REPORT,
    };
    int64_t duration = signal->video_duration_ms > 0 ? signal->video_duration_ms : duration_ms;
    if (duration > 0) {
        outcome->duration_ms = (uint32_t)duration;
    }
    set(outcome, OUTCOME_SHOWN);
    switch (signal->type) {
    case SIGNAL_WATCH:
        add_watch(outcome, signal->watch_ms, duration);
        break;
    case SIGNAL_COMPLETE:
        add_complete(outcome, signal->watch_ms, duration);
        break;
    case SIGNAL_UNLIKE:
        outcome->flags &= ~(1U << OUTCOME_LIKE);
        break;
    case SIGNAL_UNFOLLOW_CREATOR:
        outcome->flags &= ~(1U << OUTCOME_FOLLOW);
        break;
    default:
        set(outcome, flags[signal->type]); /* an impression sets what is set already */
    }
}

void outcome_know_duration(struct outcome *outcome, int64_t duration_ms)
{
    if (outcome->duration_ms > 0 || duration_ms <= 0) {
        return;
    }
    outcome->duration_ms = (uint32_t)duration_ms;
    if (outcome_has(outcome, OUTCOME_COMPLETE)) {
        add_complete(outcome, outcome->watch_ms, duration_ms);
    } else if (outcome_has(outcome, OUTCOME_PLAY)) {
        add_watch(outcome, outcome->watch_ms, duration_ms);
    }
}

const char *label_name(enum label label)
{
    CHECK((size_t)label < LABEL_COUNT);
    return labels[label].name;
}

enum status label_find(const char *name, enum label *out, struct problem *problem)
{
    char known[200] = "";
    for (size_t i = 0; i < LABEL_COUNT; i++) {
        if (strcmp(name, labels[i].name) == 0) {
            *out = (enum label)i;
            return STATUS_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", labels[i].name);
    }
    problem_set(problem, "unknown label \"%.40s\"; known are %s", name, known);
    return STATUS_NOT_FOUND;
}

bool label_is_good(enum label label)
{
    CHECK((size_t)label < LABEL_COUNT);
    return labels[label].good;
}

double outcome_value(const struct outcome *outcome, enum label label)
{
    CHECK((size_t)label < LABEL_COUNT);
    if (label == LABEL_WATCH_SECONDS) {
        return outcome->watch_ms / 1000.0;
    }
    return outcome_has(outcome, labels[label].flag) ? 1 : 0;
}

const struct watch_histogram *outcome_views(const struct outcome *outcome,
                                            const struct watch *watch, uint16_t region)
{
    return watch_find(watch, region, signal_duration_bucket(outcome->duration_ms),
                      OUTCOME_VIEWS_MINIMUM);
}

double outcome_watch_quantile(const struct outcome *outcome, const struct watch *watch,
                              uint16_t region)
{
    return outcome->watch_ms > 0
               ? watch_quantile(outcome_views(outcome, watch, region), watch_bin(outcome->watch_ms))
               : 0;
}
