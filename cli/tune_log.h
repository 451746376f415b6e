#ifndef CLI_TUNE_LOG_H
#define CLI_TUNE_LOG_H

#include "cli/replay_source.h"
#include "replay/timeline.h"

/* A log that is walked along again and again, from its beginning, by whoever listens. */

enum { TUNE_LISTENERS = 3, TUNE_DOING_SIZE = 160 };

/* Rankings outside of its time are not told; signals all are. As struct timeline_options has it. */
struct tune_listener {
    enum status (*ranking)(void *context, const struct past_ranking *ranking,
                           const struct state *state);
    enum status (*signal)(void *context, const struct signal *signal, int64_t duration_ms,
                          const struct state *state);
    void *context;
    int64_t from_ms;
    int64_t until_ms;
};

struct tune_log {
    /* Set by the caller. */
    const struct replay_source_values *values;
    const char *command;
    enum ranking_origin origin;
    enum label label;
    unsigned negatives;
    char doing[TUNE_DOING_SIZE]; /* what progress says of the next walk */
    bool may_end;                /* a Ctrl-C ends the next walk */
    /* Read by the caller: of the last walk. */
    struct replay_source source;
    struct timeline *timeline;
    /* Private. */
    bool is_open;
    struct tune_listener listeners[TUNE_LISTENERS];
    size_t listener_count;
};

/*
 * Opens the log, so that what is in it besides events can be read. CODE_OK, or what was said on
 * stderr. Whatever comes of it, the caller ends the log with tune_log_close().
 */
enum exit_code tune_log_open(struct tune_log *log);
void tune_log_close(struct tune_log *log);

/* To its beginning, where tune_log_walk() begins; what is in the log besides events can be read. */
MUST_USE enum status tune_log_rewind(struct tune_log *log, struct problem *problem);

/*
 * From the beginning to the end. STATUS_UNAVAILABLE: somebody wanted it to end. What listeners
 * return ends it too. STATUS_IO, STATUS_INVALID and the like of replay_source_run().
 */
MUST_USE enum status tune_log_walk(struct tune_log *log, const struct tune_listener *listeners,
                                   size_t count, struct problem *problem);

#endif
