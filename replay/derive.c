#include "replay/derive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "store/decoder.h"
#include "store/snapshots.h"
#include "store/state_check.h"

enum { PROGRESS_RECORDS = 8192 };

struct derive {
    struct derive_options options;
    struct log *log;
    struct state *state; /* owned; NULL: taken */
    uint64_t sequence;
    struct decoder decoder;
    uint64_t base;
    uint64_t last;
    uint64_t target;    /* of the step under way */
    enum status status; /* of its records */
    struct problem *problem;
};

static void note_base_error(void *context, const char *text)
{
    struct derive *derive = context;
    problem_set(derive->problem, "%s", text);
}

static enum status load_base(struct derive *derive)
{
    char name[SNAPSHOT_NAME_SIZE];
    struct state_check check;
    snapshot_name(derive->base, name);
    struct state_check_options options = {.directory = derive->options.data,
                                          .name = name,
                                          .before = true,
                                          .error = note_base_error,
                                          .context = derive};
    enum status status = state_check_file(&options, derive->state, &check, derive->problem);
    return status == STATUS_OK && check.error_count > 0 ? STATUS_CORRUPT : status;
}

/* The empty state, or the oldest snapshot that the log goes on from. */
static enum status begin(struct derive *derive)
{
    struct snapshots snapshots;
    uint64_t first;
    log_bounds(derive->log, &first, &derive->last);
    enum status status = snapshots_list(derive->options.data, &snapshots, derive->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!snapshots_find_base(&snapshots, first, &derive->base)) {
        problem_set(derive->problem,
                    "the log begins at record %" PRIu64 " and no snapshot reaches its beginning",
                    first);
        return STATUS_CORRUPT;
    }
    return derive->base > 0 ? load_base(derive) : STATUS_OK;
}

static enum status open_log(struct derive *derive)
{
    const struct log_options options = {.path = derive->options.data,
                                        .map_bytes = derive->options.map_bytes};
    derive->state = state_new();
    if (derive->state == NULL) {
        return STATUS_NO_MEMORY;
    }
    return log_open(&options, &derive->log, derive->problem);
}

enum status derive_open(const struct derive_options *options, struct derive **out,
                        struct problem *problem)
{
    struct derive *derive = calloc(1, sizeof(*derive));
    if (derive == NULL) {
        return STATUS_NO_MEMORY;
    }
    derive->options = *options;
    derive->problem = problem;
    enum status status = open_log(derive);
    if (status == STATUS_OK) {
        status = begin(derive);
    }
    if (status != STATUS_OK) {
        derive_close(derive);
        return status;
    }
    derive->options.data = NULL;
    derive->sequence = state_sequence(derive->state);
    *out = derive;
    return STATUS_OK;
}

void derive_close(struct derive *derive)
{
    if (derive == NULL) {
        return;
    }
    decoder_release(&derive->decoder);
    state_free(derive->state);
    if (derive->log != NULL) {
        log_close(derive->log);
    }
    free(derive);
}

const struct state *derive_state(const struct derive *derive)
{
    return derive->state;
}

uint64_t derive_sequence(const struct derive *derive)
{
    return derive->sequence;
}

struct state *derive_take_state(struct derive *derive)
{
    struct state *state = derive->state;
    CHECK(state != NULL);
    derive->state = NULL;
    return state;
}

uint64_t derive_base(const struct derive *derive)
{
    return derive->base;
}

uint64_t derive_last(const struct derive *derive)
{
    return derive->last;
}

struct log *derive_log(struct derive *derive)
{
    return derive->log;
}

static enum status apply_record(struct derive *derive, uint64_t sequence,
                                const struct record *record, struct event *event)
{
    enum status status = decoder_event(&derive->decoder, record, event);
    if (status == STATUS_OK && derive->state != NULL) {
        status = state_apply(derive->state, sequence, event);
    }
    derive->sequence = sequence;
    if (status != STATUS_OK) {
        problem_set(derive->problem, "record %" PRIu64 " cannot be applied", sequence);
    }
    return status;
}

static bool visit_record(void *context, uint64_t sequence, const struct record *record)
{
    struct derive *derive = context;
    const struct derive_options *options = &derive->options;
    struct event event;
    if (sequence > derive->target) {
        return false;
    }
    derive->status = apply_record(derive, sequence, record, &event);
    if (derive->status == STATUS_OK && options->applied != NULL) {
        derive->status = options->applied(options->context, sequence, record, &event);
    }
    if (options->progress != NULL && sequence % PROGRESS_RECORDS == 0) {
        options->progress(options->context, sequence, derive->last);
    }
    return derive->status == STATUS_OK;
}

enum status derive_advance(struct derive *derive, uint64_t sequence, struct problem *problem)
{
    CHECK(sequence >= derive_sequence(derive));
    CHECK(sequence <= derive->last);
    if (sequence == derive_sequence(derive)) {
        return STATUS_OK;
    }
    derive->target = sequence;
    derive->problem = problem;
    enum status status =
        log_poll(derive->log, derive_sequence(derive) + 1, visit_record, derive, problem);
    return status == STATUS_OK ? derive->status : status;
}
