#include "store/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/decoder.h"

enum { PROGRESS_RECORDS = 4096 };

struct verify {
    const struct verify_options *options;
    struct verify_report *report;
    struct state *state;
    struct decoder decoder;
    uint64_t total;
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

static bool visit(void *context, uint64_t sequence, const struct record *record,
                  const struct problem *problem)
{
    struct verify *verify = context;
    if (record == NULL) {
        verify_add_error(verify->report, sequence, "%s", problem->text);
    } else {
        verify->status = take(verify, sequence, record);
    }
    if (verify->options->progress != NULL && sequence % PROGRESS_RECORDS == 0) {
        verify->options->progress(verify->options->progress_context, sequence, verify->total);
    }
    return verify->status == STATUS_OK;
}

static enum status scan(struct verify *verify, struct log *log, struct problem *problem)
{
    uint64_t first;
    log_bounds(log, &first, &verify->total);
    enum status status = log_scan(log, first, visit, verify, problem);
    decoder_release(&verify->decoder);
    if (verify->status != STATUS_OK) {
        problem_set(problem, "the log cannot be replayed: %s", status_text(verify->status));
        return verify->status;
    }
    verify->report->sequence = state_sequence(verify->state);
    if (status != STATUS_OK) { /* nothing behind this place can be reached */
        verify_add_error(verify->report, verify->report->sequence + 1, "%s", problem->text);
    }
    state_digest(verify->state, &verify->report->digests);
    return STATUS_OK;
}

enum status verify_log(struct log *log, const struct verify_options *options,
                       struct verify_report *out, struct problem *problem)
{
    struct verify verify = {.options = options, .report = out, .state = state_new()};
    if (verify.state == NULL) {
        problem_set(problem, "no memory for a state");
        return STATUS_NO_MEMORY;
    }
    out->records = 0;
    out->error_count = 0;
    enum status status = scan(&verify, log, problem);
    state_free(verify.state);
    return status;
}
