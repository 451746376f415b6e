#include "cli/replay_source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/fields.h"
#include "cli/input.h"
#include "ranker/locale.h"
#include "replay/bootstrap.h"
#include "replay/import.h"
#include "server/options.h"

enum { REJECTS_KEPT = 10, NOTE_SIZE = 320 };

const char *const replay_formats[] = {"jsonl",     "kuairand", "youtube", "obd",
                                      "movielens", "metarank", NULL};
const char *const replay_origins[] = {"decisions", "impressions", "outcomes", NULL};
const char *const replay_ratings[] = {"low", "medium", "high", "floor", NULL};

Reelrank__V1__SafetyRating replay_rating(const char *name)
{
    static const Reelrank__V1__SafetyRating ratings[] = {
        /* in the order of replay_ratings */
        REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK,
        REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK,
        REELRANK__V1__SAFETY_RATING__SAFETY_RATING_HIGH_RISK,
        REELRANK__V1__SAFETY_RATING__SAFETY_RATING_FLOOR,
    };
    return name != NULL ? ratings[argument_choice(replay_ratings, name)]
                        : REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED;
}

static enum import_format format_of(const struct replay_source_values *values)
{
    enum import_format format = IMPORT_JSONL;
    enum status status = import_format_find(values->format, &format, NULL);
    return status == STATUS_OK ? format : IMPORT_JSONL; /* one of replay_formats */
}

/* found: what was given, or "". */
static enum exit_code refuse(const char *command, const char *text, const char *found)
{
    struct problem problem;
    problem_set(&problem, found[0] != '\0' ? "%s; found \"%.80s\"" : "%s%s", text, found);
    (void)command_fail(command, STATUS_INVALID, &problem);
    return CODE_USAGE;
}

static bool has_file_options(const struct replay_source_values *values)
{
    return values->catalogue != NULL || values->sort || values->assume_safety != NULL ||
           strcmp(values->format, replay_formats[0]) != 0;
}

static bool is_stdin(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

bool replay_source_is_read_once(const char *path)
{
    struct stat info;
    if (path == NULL || is_stdin(path)) {
        return path != NULL;
    }
    /* What cannot be looked at cannot be opened either, which is told of then. */
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

enum exit_code replay_source_check(const struct replay_source_values *values, const char *command)
{
    struct share share;
    struct locale locale;
    if ((values->data == NULL) == (values->log == NULL)) {
        return refuse(command,
                      values->data == NULL
                          ? "neither --data DIR nor --log FILE is given; one of them is needed"
                          : "--data DIR and --log FILE are given; only one of them can be replayed",
                      "");
    }
    if (values->data != NULL && has_file_options(values)) {
        return refuse(
            command,
            "--catalogue, --format, --assume-safety and --sort are of --log alone; --data "
            "has its catalogue, in order",
            "");
    }
    if (is_stdin(values->log) && is_stdin(values->catalogue)) {
        return refuse(command,
                      "--log and --catalogue cannot both be standard input; one log may begin with "
                      "its catalogue",
                      "");
    }
    if (values->part != NULL && !share_parse(values->part, &share)) {
        return refuse(command, "--part is I/N, such as 2/8, with I from 1 to N and N at most 1024",
                      values->part);
    }
    if (values->part != NULL && values->out == NULL) {
        return refuse(command, "--part needs --out FILE, for \"reelrank replay merge\"", "");
    }
    if (values->locale != NULL && locale_parse(text_of(values->locale), &locale) != STATUS_OK) {
        return refuse(command, "--locale is a language tag, such as hi-IN", values->locale);
    }
    return CODE_OK;
}

bool replay_source_has_decisions(const struct replay_source_values *values)
{
    enum import_format format = format_of(values);
    return values->data != NULL || format == IMPORT_OBD || format == IMPORT_METARANK;
}

enum ranking_origin replay_source_origin(const struct replay_source_values *values,
                                         const char *rankings)
{
    if (rankings != NULL) {
        return (enum ranking_origin)argument_choice(replay_origins, rankings);
    }
    if (replay_source_has_decisions(values)) {
        return RANKINGS_DECISIONS;
    }
    return format_of(values) == IMPORT_MOVIELENS ? RANKINGS_OUTCOMES : RANKINGS_IMPRESSIONS;
}

enum status replay_source_check_origin(const struct replay_source_values *values,
                                       enum ranking_origin origin, int64_t negatives,
                                       struct problem *problem)
{
    bool known = values->age_years != 0 || strcmp(values->locale, REPLAY_NO_LOCALE) != 0;
    if (origin == RANKINGS_DECISIONS && known) {
        problem_set(problem, "--age and --locale are of impressions and outcomes; "
                             "decisions say of whom they are");
        return STATUS_INVALID;
    }
    if (origin != RANKINGS_OUTCOMES && negatives != REPLAY_NEGATIVES) {
        problem_set(problem, "--negatives is of --rankings outcomes alone");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status replay_source_label(const char *name, enum label *out, struct problem *problem)
{
    if (label_find(name, out, problem) != STATUS_OK || !label_is_good(*out) ||
        *out == LABEL_WATCH_SECONDS) {
        problem_set(problem,
                    "--label is \"%.40s\"; it can be play, valid_play, long_view, complete, like, "
                    "share, comment or follow",
                    name);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status open_input(struct replay_source *source, const char *path,
                              struct problem *problem)
{
    size_t at = source->input_count;
    FILE *file = is_stdin(path) ? stdin : fopen(path, "rbe");
    if (file == NULL) {
        problem_set(problem, "%s: cannot open: %s", input_name(path), strerror(errno));
        return STATUS_IO;
    }
    source->files[at] = file;
    source->inputs[at] =
        (struct log_input){.file = file, .name = path, .format = format_of(source->values)};
    source->input_count++;
    return STATUS_OK;
}

static uint64_t size_of_inputs(const struct replay_source *source)
{
    uint64_t total = 0;
    for (size_t i = 0; i < source->input_count; i++) {
        struct stat info;
        bool known = fstat(fileno(source->files[i]), &info) == 0 && S_ISREG(info.st_mode);
        if (!known) {
            return 0;
        }
        total += (uint64_t)info.st_size;
    }
    return total;
}

static void show(void *context, uint64_t done)
{
    struct replay_source *source = context;
    progress_show(&source->progress, done);
}

static void note_reject(void *context, const char *name, uint64_t line, const char *reason)
{
    struct replay_source *source = context;
    if (json_array_size(source->rejects) == REJECTS_KEPT) {
        return;
    }
    json_array_append_new(source->rejects,
                          json_pack("{s:o, s:I, s:o}", "file",
                                    fields_json(name != NULL ? input_name(name) : ""), "line",
                                    (json_int_t)line, "reason", fields_json(reason)));
}

/* Views of these are sorted by user, or not at all. */
static bool needs_sorting(const struct replay_source_values *values)
{
    enum import_format format = format_of(values);
    return values->sort || format == IMPORT_KUAIRAND || format == IMPORT_MOVIELENS;
}

static enum status open_feed(struct replay_source *source, bool decisions, struct problem *problem)
{
    struct options defaults;
    options_defaults(&defaults);
    const struct replay_source_values *values = source->values;
    struct feed_options options = {.data = values->data,
                                   .map_bytes = (size_t)defaults.map_mib << 20,
                                   .inputs = source->inputs,
                                   .input_count = source->input_count,
                                   .assume_safety = replay_rating(values->assume_safety),
                                   .sort = needs_sorting(values),
                                   .decisions = decisions,
                                   .progress = show,
                                   .reject = note_reject,
                                   .context = source};
    return feed_open(&options, &source->feed, problem);
}

static enum status open_all(struct replay_source *source, bool decisions, struct problem *problem)
{
    const struct replay_source_values *values = source->values;
    enum status status = STATUS_OK;
    if (values->data != NULL) {
        status = backend_check_data(values->data, problem);
    } else if (values->catalogue != NULL) {
        status = open_input(source, values->catalogue, problem);
    }
    if (status == STATUS_OK && values->log != NULL) {
        status = open_input(source, values->log, problem);
    }
    return status == STATUS_OK ? open_feed(source, decisions, problem) : status;
}

enum exit_code replay_source_open(const struct replay_source_values *values, const char *command,
                                  bool decisions, struct replay_source *out)
{
    struct problem problem = {""};
    *out = (struct replay_source){.values = values,
                                  .command = command,
                                  .share = {.number = 1, .count = 1},
                                  .rejects = json_array()};
    if (values->part != NULL) {
        (void)share_parse(values->part, &out->share); /* checked already, as is the locale */
    }
    enum status status = STATUS_OK;
    if (values->locale != NULL) {
        status = locale_parse(text_of(values->locale), &out->locale);
    }
    if (status == STATUS_OK) {
        status = out->rejects != NULL ? open_all(out, decisions, &problem) : STATUS_NO_MEMORY;
    }
    return status == STATUS_OK ? CODE_OK : command_fail(command, status, &problem);
}

void replay_source_close(struct replay_source *source)
{
    feed_close(source->feed);
    for (size_t i = 0; i < source->input_count; i++) {
        if (source->files[i] != stdin) {
            fclose(source->files[i]);
        }
    }
    json_decref(source->rejects);
}

enum status replay_source_timeline(struct replay_source *source,
                                   const struct timeline_options *options, struct timeline **out)
{
    struct timeline_options whole = *options;
    whole.locale = source->locale;
    whole.age_years = (unsigned)source->values->age_years;
    whole.ahead_events = TIMELINE_AHEAD_EVENTS;
    struct state *state = feed_take_state(source->feed);
    struct timeline *timeline = state != NULL ? timeline_new(state, &whole) : NULL;
    if (timeline == NULL) {
        state_free(state);
        return STATUS_NO_MEMORY;
    }
    *out = timeline;
    return STATUS_OK;
}

enum status replay_source_run(struct replay_source *source, struct timeline *timeline,
                              struct problem *problem)
{
    bool files = source->values->data == NULL;
    uint64_t total = files ? size_of_inputs(source) : feed_total(source->feed);
    const char *doing = source->doing != NULL ? source->doing : "replaying";
    progress_start(&source->progress, doing, files ? "MB" : "records", files ? 1000000 : 1, total);
    enum status status = feed_run(source->feed, timeline, problem);
    progress_clear(&source->progress);
    return status;
}

int64_t replay_source_window_ms(const struct replay_source_values *values)
{
    enum { MINUTE_MS = 60000 };
    return values->window_minutes * MINUTE_MS;
}

void replay_source_options(const struct replay_source_values *values, json_t *options)
{
    json_object_set_new(options, "window_ms", json_integer(replay_source_window_ms(values)));
    json_object_set_new(options, "seed", json_integer(values->seed));
    json_object_set_new(options, "rounds", json_integer(BOOTSTRAP_ROUNDS));
    if (values->assume_safety != NULL) {
        json_object_set_new(options, "assume_safety", json_string(values->assume_safety));
    }
    if (values->part != NULL) {
        json_object_set_new(options, "part", json_string(values->part));
    }
}

json_t *replay_source_json(const struct replay_source *source, const struct timeline_counts *counts)
{
    const struct replay_source_values *values = source->values;
    const struct feed_counts *fed = feed_counts(source->feed);
    const char *name = values->data != NULL ? values->data : values->log;
    json_t *object = json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "name", fields_json(name), "format",
        values->data != NULL ? "data" : values->format, "events", (json_int_t)counts->events,
        "signals", (json_int_t)counts->signals, "rejected",
        (json_int_t)fed->rejected + (json_int_t)counts->refused, "late", (json_int_t)fed->late,
        "from_ms", (json_int_t)counts->first_ms, "to_ms", (json_int_t)counts->last_ms);
    if (values->catalogue != NULL) {
        json_object_set_new(object, "catalogue", fields_json(values->catalogue));
    }
    if (json_array_size(source->rejects) > 0) {
        json_object_set(object, "rejects", source->rejects);
    }
    return object;
}

__attribute__((format(printf, 2, 3))) static void note(json_t *notes, const char *format, ...)
{
    char text[NOTE_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    json_array_append_new(notes, json_string(text));
}

/* "FILE:LINE: why" of the first line that was passed over; "": none was. */
static void print_reject(const struct replay_source *source, char out[NOTE_SIZE])
{
    const json_t *first = json_array_get(source->rejects, 0);
    out[0] = '\0';
    if (first != NULL) {
        const char *file = json_string_value(json_object_get(first, "file"));
        const char *slash = strrchr(file, '/');
        snprintf(out, NOTE_SIZE, "%.100s:%" JSON_INTEGER_FORMAT ": %.150s",
                 strcmp(file, "-") == 0 ? "standard input"
                 : slash != NULL        ? slash + 1
                                        : file,
                 json_integer_value(json_object_get(first, "line")),
                 json_string_value(json_object_get(first, "reason")));
    }
}

void replay_source_add_reject(const struct replay_source *source, struct problem *problem)
{
    struct problem inner = *problem;
    char text[NOTE_SIZE];
    print_reject(source, text);
    if (text[0] != '\0') {
        problem_set(problem, "%.180s; passed over was %s", inner.text, text);
    }
}

/* With the first of them, so that a log of another format is noticed. */
static void note_rejects(const struct replay_source *source, uint64_t count, json_t *notes)
{
    char text[NOTE_SIZE];
    print_reject(source, text);
    if (count > 0) {
        note(notes, "%" PRIu64 " %s passed over.%s%s", count,
             count == 1 ? "line was" : "lines were", text[0] != '\0' ? " The first: " : "", text);
    }
}

void replay_source_notes(const struct replay_source *source, const struct timeline_counts *counts,
                         json_t *notes)
{
    const struct feed_counts *fed = feed_counts(source->feed);
    note_rejects(source, fed->rejected + counts->refused, notes);
    if (fed->late > 0) {
        note(notes,
             "%" PRIu64 " events came later than what they should come before; rankings in between "
             "did not know of them. --sort puts files in order.",
             fed->late);
    }
    if (fed->before_base > 0) {
        note(notes,
             "%" PRIu64 " decisions are of before record %" PRIu64
             ", where the log begins: retention has removed what they rest on.",
             fed->before_base, fed->base);
    }
    if (fed->behind_log > 0) {
        note(notes, "%" PRIu64 " decisions are of a state that this log never reached.",
             fed->behind_log);
    }
    if (counts->cut_short > 0) {
        note(notes,
             "%" PRIu64 " rankings were told before all their impressions were known, since more "
             "than %d events lay within %d minutes.",
             counts->cut_short, TIMELINE_AHEAD_EVENTS, TIMELINE_AHEAD_MS / 60000);
    }
}
