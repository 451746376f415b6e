#include "replay/load.h"

#include <inttypes.h>

#include "ranker/hash.h"
#include "ranker/wire.h"

struct loader {
    struct state *state;
    uint64_t sequence;
    struct problem *problem;
};

static enum status decode(const Reelrank__V1__LogEntry *entry, struct event *event,
                          struct problem *problem)
{
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO:
        event->kind = EVENT_VIDEO;
        return wire_video(entry->video, &event->u.video, problem);
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        event->kind = EVENT_SIGNAL;
        return wire_signal(entry->signal, 0, &event->u.signal, problem);
    default:
        event->kind = EVENT_VIDEO_DELETED;
        event->u.deleted_video_key = hash_key(text_of(entry->delete_video->video_id));
        return wire_id("delete_video.video_id", 0, entry->delete_video->video_id, problem);
    }
}

static enum status reject(void *context, uint64_t line, const char *reason)
{
    struct loader *loader = context;
    problem_set(loader->problem, "line %" PRIu64 ": %.250s", line, reason);
    return STATUS_INVALID;
}

static enum status apply(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                         const char *const *update_fields)
{
    (void)update_fields; /* NULL in JSON Lines */
    struct loader *loader = context;
    struct problem problem = {""};
    struct event event;
    enum status status = decode(entry, &event, &problem);
    if (status != STATUS_OK) {
        return reject(loader, line, problem.text);
    }
    loader->sequence++;
    return state_apply(loader->state, loader->sequence, &event);
}

enum status load_jsonl(FILE *file, struct state *state, uint64_t *sequence, struct problem *problem)
{
    struct loader loader = {.state = state, .sequence = *sequence, .problem = problem};
    const struct import_options options = {.format = IMPORT_JSONL};
    const struct import_sink sink = {.context = &loader, .entry = apply, .reject = reject};
    enum status status = import_read(file, &options, &sink, problem);
    *sequence = loader.sequence;
    return status;
}
