#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/batcher.h"
#include "cli/column.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/replay_source.h"
#include "replay/import.h"
#include "replay/unpack.h"

enum { REASONS_MAX = 10, REASON_SIZE = 256, WHAT_SIZE = 4200 };

struct import_values {
    struct connection connection;
    const char *format;
    const char *assume_safety;
    bool json;
    bool strict;
};

struct rejection {
    const char *file;
    uint64_t line;
    char reason[REASON_SIZE];
};

/* One run of the command. */
struct import {
    struct batcher batcher;
    struct progress progress;
    const char *name; /* of the file being read */
    const struct unpack *unpack;
    uint64_t bytes_before; /* of the files read to their end */
    uint64_t unreadable;   /* lines that meant nothing */
    struct rejection rejections[REASONS_MAX];
    size_t rejection_count; /* of those kept */
    struct problem problem; /* why the sink stopped the reader */
};

/* Keeps the first reasons and says them; the rest is only counted. */
static void note_rejection(void *context, uint64_t line, const char *reason)
{
    struct import *import = context;
    if (import->rejection_count == REASONS_MAX) {
        return;
    }
    struct rejection *kept = &import->rejections[import->rejection_count++];
    kept->file = import->name;
    kept->line = line;
    snprintf(kept->reason, sizeof(kept->reason), "%s", reason);
    progress_clear(&import->progress);
    fprintf(stderr, "reelrank: import: %s:%" PRIu64 ": ", import->name, line);
    column_print_all(stderr, kept->reason);
    fputc('\n', stderr);
}

static enum status take_reject(void *context, uint64_t line, const char *reason)
{
    struct import *import = context;
    import->unreadable++;
    note_rejection(import, line, reason);
    return STATUS_OK;
}

static enum status take_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                              const char *const *update_fields)
{
    struct import *import = context;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY__NOT_SET) {
        return take_reject(import, line, "neither video, signal nor delete_video");
    }
    enum status status =
        batcher_add(&import->batcher, line, entry, update_fields, &import->problem);
    progress_show(&import->progress, import->bytes_before + unpack_consumed(import->unpack));
    return status;
}

/* Where reading failed the reader knows the line, and the unpacking why. */
static void explain(struct import *import)
{
    struct problem why = {""};
    if (unpack_failure(import->unpack, &why) != STATUS_OK) {
        struct problem where = import->problem;
        problem_set(&import->problem, "%.160s: %.150s", where.text, why.text);
    }
}

static enum status read_stream(struct import *import, struct unpack *unpack,
                               const struct import_options *options)
{
    const struct import_sink sink = {.context = import, .entry = take_entry, .reject = take_reject};
    import->unpack = unpack;
    enum status status = import_read(unpack_stream(unpack), options, &sink, &import->problem);
    if (status != STATUS_OK) {
        explain(import);
        return status;
    }
    return batcher_flush(&import->batcher, &import->problem);
}

static enum status read_packed(struct import *import, FILE *file,
                               const struct import_options *options)
{
    struct unpack *unpack;
    enum status status = unpack_open(file, &unpack, &import->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_stream(import, unpack, options);
    unpack_close(unpack);
    return status;
}

static uint64_t file_bytes(const char *path)
{
    struct stat info;
    bool known = strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
    return known ? (uint64_t)info.st_size : 0;
}

static enum status read_file(struct import *import, const char *path,
                             struct import_options *options)
{
    bool standard = strcmp(path, "-") == 0;
    import->name = standard ? "standard input" : path;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (file == NULL) {
        problem_set(&import->problem, "cannot open: %s", strerror(errno));
        return STATUS_IO;
    }
    options->name = import->name;
    enum status status = read_packed(import, file, options);
    if (!standard) {
        fclose(file);
    }
    import->bytes_before += file_bytes(path);
    return status;
}

static struct batch_counts totals(const struct import *import)
{
    const struct batch_counts *signals = &import->batcher.signals;
    const struct batch_counts *videos = &import->batcher.videos;
    return (struct batch_counts){.accepted = signals->accepted + videos->accepted,
                                 .duplicate = signals->duplicate + videos->duplicate,
                                 .rejected =
                                     signals->rejected + videos->rejected + import->unreadable};
}

static json_t *json_of_counts(const struct batch_counts *counts)
{
    return json_pack("{s:I, s:I, s:I}", "accepted", (json_int_t)counts->accepted, "duplicate",
                     (json_int_t)counts->duplicate, "rejected", (json_int_t)counts->rejected);
}

static void print_json(const struct import *import)
{
    struct batch_counts sum = totals(import);
    json_t *reasons = json_array();
    for (size_t i = 0; i < import->rejection_count; i++) {
        const struct rejection *kept = &import->rejections[i];
        json_array_append_new(reasons, json_pack("{s:s, s:I, s:s}", "file", kept->file, "line",
                                                 (json_int_t)kept->line, "reason", kept->reason));
    }
    json_t *root = json_of_counts(&sum);
    json_object_set_new(root, "signals", json_of_counts(&import->batcher.signals));
    json_object_set_new(root, "videos", json_of_counts(&import->batcher.videos));
    json_object_set_new(root, "unrated", json_integer((json_int_t)import->batcher.unrated));
    json_object_set_new(root, "reasons", reasons);
    json_dumpf(root, stdout, 0);
    fputc('\n', stdout);
    json_decref(root);
}

static void print_counts(const char *what, const struct batch_counts *counts)
{
    printf("%-8s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", what, counts->accepted,
           counts->duplicate, counts->rejected);
}

static void print_text(const struct import *import)
{
    struct batch_counts sum = totals(import);
    printf("%-8s %12s %12s %12s\n", "", "accepted", "duplicate", "rejected");
    print_counts("signals", &import->batcher.signals);
    print_counts("videos", &import->batcher.videos);
    print_counts("all", &sum);
}

static void print_hints(const struct import *import, const char *assume_safety)
{
    uint64_t rejected = totals(import).rejected;
    if (rejected > import->rejection_count) {
        fprintf(stderr, "reelrank: import: and %" PRIu64 " more rejected\n",
                rejected - import->rejection_count);
    }
    uint64_t unrated = import->batcher.unrated;
    if (unrated > 0 && assume_safety == NULL) {
        fprintf(stderr,
                "reelrank: import: %" PRIu64 " video%s unrated and thus never shown; import again "
                "with --assume-safety low, medium, high or floor to state a rating\n",
                unrated, unrated == 1 ? " is" : "s are");
    }
}

/* Reads every file, and says where it stopped when it could not. */
static enum exit_code read_files(struct import *import, const struct operands *operands,
                                 struct import_options *options)
{
    uint64_t total = 0;
    for (size_t i = 0; i < operands->count; i++) {
        total += file_bytes(operands->items[i]);
    }
    progress_start(&import->progress, "importing", "MB", 1000000, total);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < operands->count && status == STATUS_OK; i++) {
        status = read_file(import, operands->items[i], options);
    }
    progress_clear(&import->progress);
    if (status == STATUS_OK) {
        return CODE_OK;
    }
    char what[WHAT_SIZE];
    snprintf(what, sizeof(what), "import: %s", import->name);
    enum exit_code code = command_fail(what, status, &import->problem);
    fprintf(stderr, "What is counted as accepted is stored; importing again repeats nothing.\n");
    return code;
}

/* A file of which nothing is of use was most likely not meant, or is of another format. */
static bool is_refused(const struct import *import, bool strict)
{
    struct batch_counts sum = totals(import);
    bool useless = sum.accepted == 0 && sum.duplicate == 0;
    return sum.rejected > 0 && (strict || useless);
}

static enum exit_code import_files(struct import *import, const struct import_values *values,
                                   const struct operands *operands, struct import_options *options)
{
    enum exit_code code = read_files(import, operands, options);
    if (values->json) {
        print_json(import);
    } else {
        print_text(import);
    }
    print_hints(import, values->assume_safety);
    return code == CODE_OK && is_refused(import, values->strict) ? CODE_INVALID : code;
}

static enum exit_code import_into(struct backend *backend, const struct import_values *values,
                                  const struct operands *operands, struct import_options *options)
{
    struct arena arena = {0};
    struct import *import = calloc(1, sizeof(*import));
    if (import == NULL) {
        return command_fail("import", STATUS_NO_MEMORY, NULL);
    }
    enum exit_code code = command_arena("import", &arena);
    if (code == CODE_OK) {
        batcher_init(&import->batcher, backend, arena, note_rejection, import);
        code = import_files(import, values, operands, options);
    }
    command_arena_release(&arena);
    free(import);
    return code;
}

static enum exit_code import_run(const void *raw, const struct operands *operands)
{
    const struct import_values *values = raw;
    struct import_options options = {.assume_safety = replay_rating(values->assume_safety)};
    struct problem problem = {""};
    enum status status = import_format_find(values->format, &options.format, &problem);
    if (status != STATUS_OK) {
        (void)command_fail("import", status, &problem);
        return CODE_USAGE;
    }
    struct backend *backend = NULL;
    enum exit_code code = command_connect("import", &values->connection, true, &backend);
    if (code == CODE_OK) {
        code = import_into(backend, values, operands, &options);
    }
    backend_close(backend);
    return code;
}

/* replay_ratings in the order in which this command lists them. */
static const char *const ratings[] = {"floor", "high", "medium", "low", NULL};

static const struct argument import_arguments[] = {
    CONNECTION_ARGUMENTS(struct import_values),
    {.name = "format",
     .value_name = "NAME",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct import_values, format),
     .choices = replay_formats,
     .required = true,
     .help = "what the files are: jsonl, kuairand, youtube, obd, movielens or metarank"},
    {.name = "assume_safety",
     .value_name = "RATING",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct import_values, assume_safety),
     .choices = ratings,
     .help = "rate what carries no rating: floor, high, medium or low risk"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct import_values, json),
     .help = "print the counts as JSON"},
    {.name = "strict",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct import_values, strict),
     .help = "exit with 4 when anything was rejected"},
};

const struct command command_import = {
    .name = "import",
    .operands = "FILE...",
    .least_operands = 1,
    .most_operands = COMMAND_OPERANDS_ANY,
    .summary = "take in videos and signals from files",
    .description =
        "Reads videos and signals, and stores them: in the data directory, which is made if\n"
        "need be, or through a running server. \"-\" reads standard input. Importing a file\n"
        "again changes nothing. Files packed with gzip or zstd are read as they are, whatever\n"
        "they are called. A line that cannot be used is counted as rejected, the first\n"
        "ten with their reasons on standard error, and the rest is taken. When nothing but\n"
        "rejected lines is found, the exit code is 4.\n\n"
        "formats:\n"
        "  jsonl      JSON Lines of reelrank.v1.LogEntry: {\"video\": {...}}, {\"signal\": {...}}\n"
        "             or {\"delete_video\": {...}}\n"
        "  kuairand   KuaiRand's logs of short videos, comma or tab separated\n"
        "  youtube    YouTube's daily trending videos: a catalogue; IN_ or RU_ at the start of\n"
        "             the file's name says the country\n"
        "  obd        Open Bandit Dataset: a campaign's log, or item_context.csv\n"
        "  movielens  MovieLens: ratings.csv, movies.csv, ratings.dat, movies.dat or u.data\n"
        "  metarank   Metarank's events, JSON Lines: item, user, ranking and interaction\n",
    .examples = "  reelrank import --data /var/lib/reelrank --format jsonl catalogue.jsonl\n"
                "  reelrank import --data /tmp/reels --format youtube --assume-safety low \\\n"
                "      IN_trending.csv RU_trending.csv\n"
                "  reelrank import --data /tmp/shop --format obd --assume-safety low \\\n"
                "      item_context.csv men.csv.gz\n"
                "  reelrank import --data /tmp/movies --format movielens movies.csv ratings.csv\n"
                "  reelrank import --data /tmp/events --format metarank events.jsonl.zst\n"
                "  tail -n 100000 log.tsv | reelrank import --target 127.0.0.1:7070 \\\n"
                "      --format kuairand --strict --json -\n",
    COMMAND_ARGUMENTS(import_arguments),
    .values_size = sizeof(struct import_values),
    .run = import_run,
};
