#include "cli/tune_log.h"

#include <string.h>

#include "cli/interrupt.h"
#include "ranker/check.h"

enum exit_code tune_log_open(struct tune_log *log)
{
    log->is_open = true;
    return replay_source_open(log->values, log->command, log->origin == RANKINGS_DECISIONS,
                              &log->source);
}

void tune_log_close(struct tune_log *log)
{
    timeline_free(log->timeline);
    log->timeline = NULL;
    if (log->is_open) {
        replay_source_close(&log->source);
        log->is_open = false;
    }
}

static enum status tell_ranking(void *context, const struct past_ranking *ranking,
                                const struct state *state)
{
    struct tune_log *log = context;
    enum status status = log->may_end && interrupt_seen() ? STATUS_UNAVAILABLE : STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < log->listener_count; i++) {
        const struct tune_listener *listener = &log->listeners[i];
        if (ranking->time_ms >= listener->from_ms && ranking->time_ms < listener->until_ms) {
            status = listener->ranking(listener->context, ranking, state);
        }
    }
    return status;
}

static enum status tell_signal(void *context, const struct signal *signal, int64_t duration_ms,
                               const struct state *state)
{
    struct tune_log *log = context;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < log->listener_count; i++) {
        const struct tune_listener *listener = &log->listeners[i];
        status = listener->signal(listener->context, signal, duration_ms, state);
    }
    return status;
}

enum status tune_log_rewind(struct tune_log *log, struct problem *problem)
{
    if (log->is_open && log->timeline == NULL) {
        return STATUS_OK;
    }
    tune_log_close(log);
    if (tune_log_open(log) != CODE_OK) { /* which has said why */
        problem_set(problem, "the log cannot be opened again");
        return STATUS_IO;
    }
    return STATUS_OK;
}

static enum status make_timeline(struct tune_log *log)
{
    const struct timeline_options options = {.origin = log->origin,
                                             .label = log->label,
                                             .negatives = log->negatives,
                                             .seed = (uint64_t)log->values->seed,
                                             .ranking = tell_ranking,
                                             .signal = tell_signal,
                                             .context = log};
    return replay_source_timeline(&log->source, &options, &log->timeline);
}

enum status tune_log_walk(struct tune_log *log, const struct tune_listener *listeners, size_t count,
                          struct problem *problem)
{
    CHECK(count <= TUNE_LISTENERS);
    memcpy(log->listeners, listeners, count * sizeof(listeners[0]));
    log->listener_count = count;
    enum status status = tune_log_rewind(log, problem);
    if (status == STATUS_OK) {
        status = make_timeline(log);
    }
    if (status == STATUS_OK) {
        log->source.doing = log->doing;
        status = replay_source_run(&log->source, log->timeline, problem);
    }
    return status;
}
