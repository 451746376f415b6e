#include "store/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/decoder.h"
#include "store/pages.h"
#include "store/tombstone.h"

enum { PROGRESS_RECORDS = 4096 };

struct verify {
    const struct verify_options *options;
    struct verify_report *report;
    struct state *state;
    struct decoder decoder;
    uint64_t record_count; /* what the log says it has */
    uint64_t expected;     /* the next sequence; 0: the first, which may be any */
    enum status status;
};

void verify_add_error(struct verify_report *report, uint64_t sequence, const char *format, ...)
{
    if (report->error_count < VERIFY_ERRORS_MAX) {
        struct verify_error *error = &report->errors[report->error_count];
        va_list arguments;
        error->sequence = sequence;
        va_start(arguments, format);
        vsnprintf(error->problem.text, sizeof(error->problem.text), format, arguments);
        va_end(arguments);
    }
    report->error_count++;
}

/* Applies a record, or notes what is wrong with it. Fails for want of memory only. */
static enum status take(struct verify *verify, uint64_t sequence, const struct record *record)
{
    struct event event;
    enum status status = decoder_event(&verify->decoder, record, &event);
    if (status == STATUS_CORRUPT) {
        verify_add_error(verify->report, sequence,
                         "the payload of record %" PRIu64 " breaks the contract", sequence);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = decoder_check_key(&verify->decoder, record);
    }
    if (status == STATUS_CORRUPT) {
        verify_add_error(verify->report, sequence,
                         "the event key of record %" PRIu64 " is not that of its signal", sequence);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = state_apply(verify->state, sequence, &event);
    }
    verify->report->records += status == STATUS_OK;
    return status;
}

/* True for the record that may come next; what is wrong otherwise is noted. */
static bool check_order(struct verify *verify, uint64_t sequence)
{
    uint64_t expected = verify->expected;
    if (expected == 0) {
        expected = sequence > 0 ? sequence : 1;
    }
    if (sequence < expected) {
        verify_add_error(verify->report, sequence,
                         "record %" PRIu64 " stands behind record %" PRIu64, sequence,
                         expected - 1);
        return false;
    }
    if (sequence > expected) {
        verify_add_error(verify->report, expected, "records %" PRIu64 " to %" PRIu64 " are missing",
                         expected, sequence - 1);
    }
    verify->expected = sequence + 1;
    return true;
}

static bool visit(void *context, uint64_t sequence, const uint8_t *bytes, size_t size)
{
    struct verify *verify = context;
    struct record record;
    if (!check_order(verify, sequence)) {
        return true;
    }
    if (record_decode(bytes, size, &record) == STATUS_OK) {
        verify->status = take(verify, sequence, &record);
    } else {
        verify_add_error(verify->report, sequence, "record %" PRIu64 " fails validation", sequence);
    }
    if (verify->options->progress != NULL && sequence % PROGRESS_RECORDS == 0) {
        verify->options->progress(verify->options->progress_context, sequence,
                                  verify->record_count);
    }
    return verify->status == STATUS_OK;
}

static bool visit_tombstone(void *context, uint64_t user_key, const uint8_t *bytes, size_t size)
{
    struct verify *verify = context;
    struct tombstone tombstone;
    if (tombstone_decode(bytes, size, user_key, &tombstone) != STATUS_OK) {
        verify_add_error(verify->report, verify->expected,
                         "the tombstone of user key %016" PRIx64 " fails validation", user_key);
    }
    return true;
}

static bool note_damage(void *context, const struct problem *problem)
{
    struct verify *verify = context;
    verify_add_error(verify->report, verify->expected, "%s", problem->text);
    return true;
}

static enum status scan(struct verify *verify, const char *data, struct problem *problem)
{
    struct pages_visitor visitor = {.context = verify,
                                    .record_count = &verify->record_count,
                                    .record = visit,
                                    .tombstone = visit_tombstone,
                                    .damage = note_damage};
    enum status status = pages_walk(data, &visitor, problem);
    decoder_release(&verify->decoder);
    if (status == STATUS_OK && verify->status != STATUS_OK) {
        problem_set(problem, "the log cannot be replayed: %s", status_text(verify->status));
        status = verify->status;
    }
    if (status == STATUS_OK) {
        verify->report->sequence = state_sequence(verify->state);
        status = state_digest(verify->state, &verify->report->digests);
    }
    return status;
}

enum status verify_data(const char *data, const struct verify_options *options,
                        struct verify_report *out, struct problem *problem)
{
    struct verify verify = {.options = options, .report = out, .state = state_new()};
    if (verify.state == NULL) {
        problem_set(problem, "no memory for a state");
        return STATUS_NO_MEMORY;
    }
    out->records = 0;
    out->error_count = 0;
    enum status status = scan(&verify, data, problem);
    state_free(verify.state);
    return status;
}
