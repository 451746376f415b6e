#include "replay/load.h"

#include <inttypes.h>

#include "replay/entry.h"
#include "replay/import.h"

struct loader {
    struct state *state;
    uint64_t sequence;
    struct problem *problem;
};

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
    enum status status = entry_event(entry, &event, &problem);
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
