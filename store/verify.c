#include "store/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/state_rows.h"
#include "store/decoder.h"
#include "store/forgotten.h"
#include "store/grow.h"
#include "store/journal_reader.h"
#include "store/pages.h"
#include "store/state_check.h"
#include "store/weights_check.h"

enum { PROGRESS_RECORDS = 4096 };

/* A record that a row of the catalogue may name. */
struct source {
    uint64_t sequence;
    uint64_t content_hash;
};

struct verify {
    const char *data;
    const struct verify_options *options;
    struct verify_report *report;
    struct pages *pages; /* of the log */
    struct forgotten forgotten;
    struct decoder decoder;
    uint64_t record_count;  /* what the log says it has */
    uint64_t expected;      /* the next sequence; 0: the first, which may be any */
    struct state *state;    /* owned; NULL: there is no base */
    uint64_t applied;       /* what state contains */
    struct source *sources; /* owned; rising */
    size_t source_count;
    size_t source_capacity;
    /* Of the snapshot or state.mdb that is being checked. */
    struct verify_file *file;
    struct problem first_error;
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

static enum status note_source(struct verify *verify, uint64_t sequence,
                               const struct video_facts *facts)
{
    struct source *sources =
        grow(verify->sources, verify->source_count, &verify->source_capacity, sizeof(*sources));
    if (sources == NULL) {
        return STATUS_NO_MEMORY;
    }
    verify->sources = sources;
    verify->sources[verify->source_count++] = (struct source){sequence, facts->content_hash};
    return STATUS_OK;
}

/* A signal of somebody whose signals are all erased by now. */
static void check_signal(struct verify *verify, uint64_t sequence, uint64_t user_key)
{
    const struct tombstone *tombstone = forgotten_find(&verify->forgotten, user_key);
    if (tombstone != NULL && !tombstone->pending && sequence < tombstone->sequence) {
        verify_add_error(verify->report, sequence,
                         "record %" PRIu64 " is a signal of a user who is forgotten", sequence);
    }
}

/* Tombstones may be dropped by their age, but none may be older than what it stands for. */
static void check_forget(struct verify *verify, uint64_t sequence, uint64_t user_key)
{
    const struct tombstone *tombstone = forgotten_find(&verify->forgotten, user_key);
    if (tombstone != NULL && tombstone->sequence < sequence) {
        verify_add_error(verify->report, sequence,
                         "the tombstone of user key %016" PRIx64 " is of record %" PRIu64
                         ", but record %" PRIu64 " forgets the user too",
                         user_key, tombstone->sequence, sequence);
    }
}

static enum status check_event(struct verify *verify, uint64_t sequence, const struct event *event)
{
    switch (event->kind) {
    case EVENT_SIGNAL:
        check_signal(verify, sequence, event->u.signal.user_key);
        break;
    case EVENT_VIDEO:
        return note_source(verify, sequence, &event->u.video);
    case EVENT_FORGET:
        check_forget(verify, sequence, event->u.forget.user_key);
        break;
    case EVENT_VIDEO_DELETED:
    case EVENT_RETIRE:
    case EVENT_ERASED:
    case EVENT_KIND_END:
        break;
    }
    return STATUS_OK;
}

static enum status apply(struct verify *verify, uint64_t sequence, const struct event *event)
{
    return verify->state != NULL && sequence > verify->applied
               ? state_apply(verify->state, sequence, event)
               : STATUS_OK;
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
        status = check_event(verify, sequence, &event);
    }
    if (status == STATUS_OK) {
        status = apply(verify, sequence, &event);
    }
    if (status == STATUS_OK) {
        verify->report->records++;
        verify->report->sequence = sequence;
    }
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

static void tell_progress(const struct verify *verify, uint64_t sequence)
{
    const struct verify_options *options = verify->options;
    uint64_t done = sequence - verify->report->first + 1;
    if (options->progress != NULL && done % PROGRESS_RECORDS == 0) {
        options->progress(options->progress_context, done, verify->record_count);
    }
}

static bool is_of_other_log(const struct verify_file *file, uint64_t sequence,
                            const struct record *record)
{
    uint64_t hash = state_mark_hash(sequence, record);
    return file->sequence == sequence && hash != 0 && file->record_hash != 0 &&
           hash != file->record_hash;
}

/* Whether snapshots were made from this log, as far as the record they end with tells. */
static void check_marks(struct verify *verify, uint64_t sequence, const struct record *record)
{
    struct verify_report *report = verify->report;
    for (size_t i = 0; i < report->snapshot_count; i++) {
        if (is_of_other_log(&report->snapshots[i], sequence, record)) {
            report->snapshots[i].error_count++;
            verify_add_error(report, sequence,
                             "the snapshot of record %" PRIu64 " was made from another log",
                             sequence);
        }
    }
}

static bool visit(void *context, uint64_t sequence, const uint8_t *bytes, size_t size)
{
    struct verify *verify = context;
    struct record record;
    if (!check_order(verify, sequence)) {
        return true;
    }
    if (record_decode(bytes, size, &record) == STATUS_OK) {
        check_marks(verify, sequence, &record);
        verify->status = take(verify, sequence, &record);
    } else {
        verify_add_error(verify->report, sequence, "record %" PRIu64 " fails validation", sequence);
    }
    tell_progress(verify, sequence);
    return verify->status == STATUS_OK;
}

static bool visit_tombstone(void *context, uint64_t user_key, const uint8_t *bytes, size_t size)
{
    struct verify *verify = context;
    struct tombstone tombstone;
    if (tombstone_decode(bytes, size, user_key, &tombstone) != STATUS_OK) {
        verify_add_error(verify->report, 0,
                         "the tombstone of user key %016" PRIx64 " fails validation", user_key);
        return true;
    }
    verify->report->tombstones++;
    verify->status = forgotten_add(&verify->forgotten, &tombstone);
    return verify->status == STATUS_OK;
}

static bool note_damage(void *context, const struct problem *problem)
{
    struct verify *verify = context;
    verify_add_error(verify->report, verify->expected, "%s", problem->text);
    return true;
}

static void note_snapshot_error(void *context, const char *text)
{
    struct verify *verify = context;
    verify_add_error(verify->report, verify->file->sequence, "%s", text);
}

/* Who is forgotten, and nothing of whom is left in the log, must be out of older snapshots too. */
static void note_snapshot_user(void *context, uint64_t user_key)
{
    struct verify *verify = context;
    const struct tombstone *tombstone = forgotten_find(&verify->forgotten, user_key);
    verify->file->forgotten +=
        tombstone != NULL && !tombstone->pending && tombstone->sequence > verify->file->sequence;
}

static void take_check(struct verify_file *file, const struct state_check *check)
{
    file->bytes = check->bytes;
    file->users = check->mark.row_counts[STATE_USERS];
    file->videos = check->mark.row_counts[STATE_VIDEOS];
    file->statistics = check->mark.row_counts[STATE_STATISTICS];
    file->record_hash = check->mark.record_hash;
    file->other_version = check->other_version;
    file->before = check->mark.before;
    file->error_count = check->error_count;
}

/* What a whole file may say that its name or the log does not allow. */
static void check_snapshot_mark(struct verify *verify, const struct state_check *check,
                                const char *name)
{
    struct verify_file *file = verify->file;
    uint64_t before = verify->report->error_count;
    if (check->other_version) {
        verify_add_error(verify->report, file->sequence,
                         "%s is of another version; this program cannot read it", name);
    } else if (check->error_count == 0 && check->mark.sequence != file->sequence) {
        verify_add_error(verify->report, file->sequence, "%s is the state as of record %" PRIu64,
                         name, check->mark.sequence);
        file->record_hash = 0; /* of the record that the name says nothing is known */
    }
    file->error_count += verify->report->error_count - before;
}

/* Puts the rows into state, unless that is NULL. */
static enum status check_snapshot(struct verify *verify, struct verify_file *file,
                                  struct state *state, struct problem *problem)
{
    char name[SNAPSHOT_NAME_SIZE];
    struct state_check check;
    struct state_check_options options = {.directory = verify->data,
                                          .name = name,
                                          .before = true,
                                          .error = note_snapshot_error,
                                          .user = note_snapshot_user,
                                          .context = verify};
    snapshot_name(file->sequence, name);
    verify->file = file;
    enum status status = state_check_file(&options, state, &check, problem);
    if (status != STATUS_OK) {
        return status;
    }
    take_check(file, &check);
    check_snapshot_mark(verify, &check, name);
    if (file->forgotten > 0) {
        verify_add_error(verify->report, file->sequence,
                         "%s still has %" PRIu64 " users who are forgotten", name, file->forgotten);
    }
    return STATUS_OK;
}

static bool is_good(const struct verify_file *file)
{
    return file->error_count == 0;
}

/* The first that is whole and reaches the log becomes its base. */
static enum status check_next_snapshot(struct verify *verify, struct verify_file *file,
                                       struct problem *problem)
{
    struct verify_report *report = verify->report;
    bool reaches = report->first > 1 && file->sequence + 1 >= report->first;
    struct state *state = NULL;
    if (reaches && verify->state == NULL) {
        state = state_new();
        if (state == NULL) {
            return STATUS_NO_MEMORY;
        }
    }
    enum status status = check_snapshot(verify, file, state, problem);
    if (status == STATUS_OK && state != NULL && is_good(file)) {
        report->base = file->sequence;
        verify->applied = file->sequence;
        verify->state = state;
        state = NULL;
    }
    state_free(state);
    return status;
}

static enum status check_snapshots(struct verify *verify, struct problem *problem)
{
    struct verify_report *report = verify->report;
    struct snapshots snapshots;
    enum status status = snapshots_list(verify->data, &snapshots, problem);
    if (status == STATUS_OK && report->first <= 1) {
        verify->state = state_new();
        status = verify->state != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < snapshots.count && status == STATUS_OK; i++) {
        struct verify_file *file = &report->snapshots[report->snapshot_count++];
        *file = (struct verify_file){.sequence = snapshots.sequences[i]};
        status = check_next_snapshot(verify, file, problem);
    }
    return status;
}

/* Of the log, once all of it was visited. */
static uint64_t last_sequence(const struct verify *verify)
{
    return verify->expected > 0 ? verify->expected - 1 : 0;
}

static void check_snapshots_end(struct verify *verify)
{
    struct verify_report *report = verify->report;
    uint64_t last = last_sequence(verify);
    for (size_t i = 0; i < report->snapshot_count; i++) {
        struct verify_file *file = &report->snapshots[i];
        if (file->sequence > last) {
            file->error_count++;
            verify_add_error(report, file->sequence,
                             "the snapshot of record %" PRIu64
                             " is ahead of the log, which ends at record %" PRIu64,
                             file->sequence, last);
        }
    }
    if (verify->state == NULL) {
        verify_add_error(report, report->first,
                         "records before %" PRIu64
                         " are removed and no snapshot stands for them: no state can be derived",
                         report->first);
    }
}

static int compare_sources(const void *a, const void *b)
{
    uint64_t x = ((const struct source *)a)->sequence;
    uint64_t y = ((const struct source *)b)->sequence;
    return x < y ? -1 : x > y;
}

static void check_video(struct verify *verify, const struct video_row *video)
{
    struct source key = {.sequence = video->log_sequence};
    const struct source *source =
        verify->source_count > 0
            ? bsearch(&key, verify->sources, verify->source_count, sizeof(key), compare_sources)
            : NULL;
    if (source == NULL || source->content_hash != video->facts.content_hash) {
        verify_add_error(verify->report, video->log_sequence,
                         "record %" PRIu64 " is not the one of video key %016" PRIx64
                         ", as the state has it",
                         video->log_sequence, video->facts.key);
    }
}

static void check_catalogue(struct verify *verify)
{
    size_t count = state_row_count(verify->state, STATE_VIDEOS);
    for (size_t i = 0; i < count; i++) {
        struct video_row video;
        state_video_at(verify->state, i, &video);
        if (video.known && !video.deleted) {
            check_video(verify, &video);
        }
    }
}

static void note_state_error(void *context, const char *text)
{
    struct verify *verify = context;
    if (verify->first_error.text[0] == '\0') {
        problem_set(&verify->first_error, "%s", text);
    }
}

/* The log says nothing against it. */
static bool state_fits(struct verify *verify, const struct state_check *check)
{
    uint64_t sequence = check->mark.sequence;
    if (check->error_count == 0 && !check->other_version &&
        (sequence > last_sequence(verify) || sequence + 1 < verify->report->first)) {
        problem_set(&verify->first_error, "state.mdb: made at record %" PRIu64, sequence);
        return false;
    }
    return check->error_count == 0;
}

/* A cache: what is wrong with it is one error, and gone after the next start. */
static enum status check_state_file(struct verify *verify, struct problem *problem)
{
    struct state_check check;
    struct state_check_options options = {.directory = verify->data,
                                          .name = "state.mdb",
                                          .error = note_state_error,
                                          .context = verify};
    struct verify_report *report = verify->report;
    enum status status = state_check_file(&options, NULL, &check, problem);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    report->has_state = true;
    take_check(&report->state, &check);
    report->state.sequence = check.mark.sequence;
    if (!state_fits(verify, &check)) {
        report->state.error_count += check.error_count == 0;
        verify_add_error(report, report->state.sequence,
                         "%.200s; the next start sets it aside and derives it again",
                         verify->first_error.text);
    }
    return STATUS_OK;
}

/* Whose decisions are all erased by now. */
static bool should_be_gone(const struct verify *verify, const struct decision_record *record)
{
    const struct tombstone *tombstone = forgotten_find(&verify->forgotten, record->user_key);
    return tombstone != NULL && !tombstone->pending && record->state_sequence < tombstone->sequence;
}

static enum status read_journal(struct verify *verify, struct journal_reader *reader,
                                struct problem *problem)
{
    struct verify_report *report = verify->report;
    struct decision_record record;
    uint64_t forgotten = 0;
    enum status status = journal_reader_next(reader, &record, problem);
    while (status == STATUS_OK) {
        report->decisions++;
        report->journal_bytes += decision_record_size(&record);
        forgotten += should_be_gone(verify, &record);
        status = journal_reader_next(reader, &record, problem);
    }
    uint64_t skipped = journal_reader_skipped(reader);
    if (skipped > 0) {
        verify_add_error(report, 0, "the decision journal is damaged in %" PRIu64 " places",
                         skipped);
    }
    if (forgotten > 0) {
        verify_add_error(report, 0,
                         "the decision journal still has %" PRIu64
                         " decisions of users who are forgotten",
                         forgotten);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status check_journal(struct verify *verify, struct problem *problem)
{
    struct journal_reader *reader = NULL;
    enum status status = journal_reader_new(verify->data, JOURNAL_OLDEST_FIRST, &reader, problem);
    if (status == STATUS_OK) {
        status = read_journal(verify, reader, problem);
    }
    journal_reader_free(reader);
    return status;
}

/* Applies the records behind what the state contains. */
static bool visit_again(void *context, uint64_t sequence, const uint8_t *bytes, size_t size)
{
    struct verify *verify = context;
    struct record record;
    struct event event;
    tell_progress(verify, sequence);
    if (sequence <= verify->applied) {
        return true;
    }
    verify->status = record_decode(bytes, size, &record);
    if (verify->status == STATUS_OK) {
        verify->status = decoder_event(&verify->decoder, &record, &event);
    }
    if (verify->status == STATUS_OK) {
        verify->status = state_apply(verify->state, sequence, &event);
    }
    return verify->status == STATUS_OK;
}

static enum status derive_from(struct verify *verify, struct verify_file *file,
                               struct problem *problem)
{
    struct state_digests digests = {.all = 0};
    state_free(verify->state);
    verify->state = state_new();
    verify->applied = file->sequence;
    enum status status = verify->state != NULL
                             ? check_snapshot(verify, file, verify->state, problem)
                             : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        (void)pages_walk(verify->pages, "log", sizeof(uint64_t), visit_again, verify);
        status = verify->status == STATUS_OK ? pages_status(verify->pages) : verify->status;
    }
    if (status == STATUS_OK) {
        status = state_digest(verify->state, &digests);
    }
    if (status == STATUS_OK && digests.all != verify->report->digests.all) {
        verify_add_error(verify->report, file->sequence,
                         "the snapshot of record %" PRIu64 " gives a state with digest %016" PRIx64
                         ", not %016" PRIx64,
                         file->sequence, digests.all, verify->report->digests.all);
    }
    return status;
}

/* From each snapshot the same state follows, but for those that know less of videos. */
static enum status derive_from_others(struct verify *verify, struct problem *problem)
{
    struct verify_report *report = verify->report;
    enum status status = STATUS_OK;
    bool whole = verify->options->every_snapshot && report->error_count == 0;
    for (size_t i = 0; i < report->snapshot_count && status == STATUS_OK && whole; i++) {
        struct verify_file *file = &report->snapshots[i];
        if (file->sequence != report->base && file->sequence + 1 >= report->first &&
            !file->before) {
            status = derive_from(verify, file, problem);
        }
    }
    return status;
}

static enum status check_records(struct verify *verify)
{
    (void)pages_find(verify->pages, "log", &verify->record_count);
    (void)pages_walk(verify->pages, "log", sizeof(uint64_t), visit, verify);
    enum status status = verify->status == STATUS_OK ? pages_status(verify->pages) : verify->status;
    if (status != STATUS_OK) {
        return status;
    }
    check_snapshots_end(verify);
    if (verify->state == NULL) {
        return STATUS_OK;
    }
    check_catalogue(verify);
    return state_digest(verify->state, &verify->report->digests);
}

static enum status check_tombstones(struct verify *verify)
{
    (void)pages_walk(verify->pages, "forgotten", sizeof(uint64_t), visit_tombstone, verify);
    forgotten_sort(&verify->forgotten);
    return verify->status;
}

static void note_weights_error(void *context, const char *text)
{
    struct verify *verify = context;
    verify_add_error(verify->report, 0, "%s", text);
}

static enum status check_weights(struct verify *verify)
{
    return weights_check(verify->pages, note_weights_error, verify,
                         &verify->report->weights_changes);
}

static enum status check_all(struct verify *verify, struct problem *problem)
{
    verify->report->bytes = pages_file_bytes(verify->pages);
    enum status status = check_tombstones(verify);
    if (status == STATUS_OK) {
        status = check_weights(verify);
    }
    if (status == STATUS_OK) {
        verify->report->first = pages_first(verify->pages, "log", sizeof(uint64_t));
        status = check_snapshots(verify, problem);
    }
    if (status == STATUS_OK) {
        status = check_records(verify);
    }
    if (status == STATUS_OK) {
        status = check_state_file(verify, problem);
    }
    if (status == STATUS_OK) {
        status = check_journal(verify, problem);
    }
    return status == STATUS_OK ? derive_from_others(verify, problem) : status;
}

static void release(struct verify *verify)
{
    pages_close(verify->pages);
    forgotten_release(&verify->forgotten);
    decoder_release(&verify->decoder);
    state_free(verify->state);
    free(verify->sources);
}

enum status verify_data(const char *data, const struct verify_options *options,
                        struct verify_report *out, struct problem *problem)
{
    struct verify verify = {.data = data, .options = options, .report = out};
    *out = (struct verify_report){.records = 0};
    enum status status = pages_open_log(data, note_damage, &verify, &verify.pages, problem);
    if (status == STATUS_OK) {
        problem_set(problem, "the log cannot be replayed");
        status = check_all(&verify, problem);
        if (status == STATUS_OK) {
            problem_set(problem, "%s", "");
        } else if (status == STATUS_NO_MEMORY) {
            problem_set(problem, "the log cannot be replayed: %s", status_text(status));
        }
    }
    release(&verify);
    return status;
}
