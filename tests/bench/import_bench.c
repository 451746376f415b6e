#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "replay/import.h"
#include "replay/lines.h"
#include "replay/unpack.h"
#include "tests/bench/program.h"

/* What reading a log costs: its lines alone, and with all that a reader does. */

struct options {
    const char *file;
    const char *format;
    int64_t repeats;
};

static const struct argument arguments[] = {
    {.name = "file",
     .value_name = "FILE",
     .help = "the log, perhaps packed",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, file),
     .required = true},
    {.name = "format",
     .value_name = "NAME",
     .help = "of the log, as for reelrank import",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, format),
     .initial = "jsonl"},
    {.name = "repeats",
     .value_name = "N",
     .help = "how often it is read; the fastest counts",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, repeats),
     .initial = "5",
     .minimum = 1,
     .maximum = 1000},
};

static const struct program program = {
    .summary = "Reads a log and prints one line of JSON: ns of CPU a line, and how many there are.",
    .examples = "  import_bench --file log.jsonl\n"
                "  import_bench --file men.csv.gz --format obd\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct counts {
    uint64_t lines;
    uint64_t entries;
    uint64_t rejected;
};

static enum status count_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                               const char *const *update_fields)
{
    (void)line;
    (void)entry;
    (void)update_fields;
    ((struct counts *)context)->entries++;
    return STATUS_OK;
}

static enum status count_reject(void *context, uint64_t line, const char *reason)
{
    (void)line;
    (void)reason;
    ((struct counts *)context)->rejected++;
    return STATUS_OK;
}

static void read_lines(FILE *stream, const struct options *options, struct counts *counts)
{
    (void)options;
    struct lines lines;
    if (lines_init(&lines, stream, IMPORT_LIMIT_LINE_BYTES) != STATUS_OK) {
        give_up("out of memory");
    }
    while (!lines_next(&lines).last) {
    }
    counts->lines = lines.number;
    lines_release(&lines);
}

static void read_entries(FILE *stream, const struct options *options, struct counts *counts)
{
    struct problem problem = {""};
    struct import_options import = {.name = options->file, .decisions = true};
    const struct import_sink sink = {counts, count_entry, count_reject};
    if (import_format_find(options->format, &import.format, &problem) != STATUS_OK ||
        import_read(stream, &import, &sink, &problem) != STATUS_OK) {
        give_up("%s: %s", options->file, problem.text);
    }
}

/* CPU seconds of one pass over the file. */
static double pass(const struct options *options, struct counts *counts,
                   void (*read)(FILE *stream, const struct options *options, struct counts *counts))
{
    struct problem problem = {""};
    struct unpack *unpack;
    FILE *file = fopen(options->file, "rb");
    *counts = (struct counts){0};
    if (file == NULL || unpack_open(file, &unpack, &problem) != STATUS_OK) {
        give_up("%s: cannot be opened %s", options->file, problem.text);
    }
    double before = program_cpu_seconds();
    read(unpack_stream(unpack), options, counts);
    double seconds = program_cpu_seconds() - before;
    unpack_close(unpack);
    fclose(file);
    return seconds;
}

static double fastest(const struct options *options, struct counts *counts,
                      void (*read)(FILE *stream, const struct options *options,
                                   struct counts *counts))
{
    double least = pass(options, counts, read);
    for (int64_t i = 1; i < options->repeats; i++) {
        double seconds = pass(options, counts, read);
        least = seconds < least ? seconds : least;
    }
    return least;
}

int main(int argc, char **argv)
{
    struct options options;
    struct counts lines;
    struct counts entries;
    program_options(&program, argc, argv, &options);
    double line_seconds = fastest(&options, &lines, read_lines);
    double entry_seconds = fastest(&options, &entries, read_entries);
    double ns = 1e9 / (double)lines.lines;
    printf("{\"lines\": %" PRIu64 ", \"entries\": %" PRIu64 ", \"rejected\": %" PRIu64
           ", \"lines_ns\": %.1f, \"import_ns\": %.1f, \"entries_per_second\": %.0f}\n",
           lines.lines, entries.entries, entries.rejected, line_seconds * ns, entry_seconds * ns,
           (double)entries.entries / entry_seconds);
    return 0;
}
