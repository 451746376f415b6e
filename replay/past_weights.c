#include "replay/past_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/weights_history.h"

enum { VERSIONS_MAX = 64 };

/* NULL: they are not there, or do not parse. */
struct version {
    char name[WEIGHTS_VERSION_SIZE];
    struct weights *weights;
};

struct past_weights {
    struct log *log;
    struct version versions[VERSIONS_MAX];
    size_t count;
};

enum status past_weights_new(struct log *log, struct past_weights **out)
{
    struct past_weights *past = calloc(1, sizeof(*past));
    if (past == NULL) {
        return STATUS_NO_MEMORY;
    }
    past->log = log;
    *out = past;
    return STATUS_OK;
}

void past_weights_free(struct past_weights *past)
{
    if (past == NULL) {
        return;
    }
    for (size_t i = 0; i < past->count; i++) {
        weights_unref(past->versions[i].weights);
    }
    free(past);
}

static enum status parse_change(struct past_weights *past, const struct weights_change *change,
                                struct weights **out)
{
    struct weights_kept kept = {.bytes = NULL};
    struct problem why;
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_history_load(past->log, change, &kept, &why);
    if (status == STATUS_OK) {
        status = weights_source_parse(&kept.source, out, problems);
    }
    weights_kept_release(&kept);
    free(problems);
    return status;
}

/* From the history's end, where most decisions' weights are. */
static enum status read_version(struct past_weights *past, const char *name, struct weights **out)
{
    *out = NULL;
    for (uint64_t number = weights_history_last(past->log); number > 0; number--) {
        struct weights_change change;
        enum status status = weights_history_get(past->log, number, &change);
        if (status == STATUS_OK && strcmp(change.version, name) == 0) {
            status = parse_change(past, &change, out);
            return status == STATUS_NO_MEMORY ? status : STATUS_OK;
        }
    }
    return STATUS_OK;
}

/* The one read first has served longest, and goes. */
static void make_room(struct past_weights *past)
{
    if (past->count == VERSIONS_MAX) {
        weights_unref(past->versions[0].weights);
        past->count--;
        memmove(&past->versions[0], &past->versions[1], past->count * sizeof(past->versions[0]));
    }
}

enum status past_weights_find(struct past_weights *past, const char *version, struct weights **out)
{
    for (size_t i = 0; i < past->count; i++) {
        if (strcmp(past->versions[i].name, version) == 0) {
            *out = past->versions[i].weights;
            return STATUS_OK;
        }
    }
    struct weights *weights = NULL;
    enum status status = read_version(past, version, &weights);
    if (status != STATUS_OK) {
        return status;
    }
    make_room(past);
    struct version *added = &past->versions[past->count++];
    snprintf(added->name, sizeof(added->name), "%s", version);
    added->weights = weights;
    *out = weights;
    return STATUS_OK;
}
