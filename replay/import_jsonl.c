#include <stdlib.h>

#include "proto/json.h"
#include "replay/formats.h"
#include "replay/lines.h"

enum { ARENA_BYTES = 4 << 20 }; /* no line of a MiB means more than this */

struct jsonl {
    const struct import_sink *sink;
    struct lines lines;
    char *arena_bytes;
    struct arena arena;
};

static enum status tell_line(struct jsonl *reader, struct text text)
{
    const struct import_sink *sink = reader->sink;
    struct problem problem;
    ProtobufCMessage *message;
    arena_reset(&reader->arena);
    enum status status =
        json_parse(text, &reelrank__v1__log_entry__descriptor, &reader->arena, &message, &problem);
    if (status == STATUS_INVALID) {
        return sink->reject(sink->context, reader->lines.number, problem.text);
    }
    if (status == STATUS_NO_MEMORY) {
        return sink->reject(sink->context, reader->lines.number, "the line holds too many values");
    }
    const Reelrank__V1__LogEntry *entry = (const Reelrank__V1__LogEntry *)message;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_USER ||
        entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        return STATUS_OK; /* follows from the signals, or adds nothing to them */
    }
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY__NOT_SET) {
        return sink->reject(sink->context, reader->lines.number,
                            "the line has no \"video\", \"signal\" or \"delete_video\"");
    }
    return sink->entry(sink->context, reader->lines.number, entry, NULL);
}

static enum status tell_lines(struct jsonl *reader)
{
    const struct import_sink *sink = reader->sink;
    struct line line;
    do {
        enum status status = STATUS_OK;
        line = lines_next(&reader->lines);
        if (line.too_long) {
            status =
                sink->reject(sink->context, reader->lines.number, "the line is longer than 1 MiB");
        } else if (!line_is_blank(line.text)) {
            status = tell_line(reader, line.text);
        }
        if (status != STATUS_OK) {
            return status;
        }
    } while (!line.last);
    return STATUS_OK;
}

enum status import_jsonl(FILE *file, const struct import_options *options,
                         const struct import_sink *sink, struct problem *problem)
{
    (void)options;
    struct jsonl reader = {.sink = sink};
    enum status status = lines_init(&reader.lines, file, IMPORT_LIMIT_LINE_BYTES);
    reader.arena_bytes = malloc(ARENA_BYTES);
    status = reader.arena_bytes != NULL ? status : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        arena_init(&reader.arena, reader.arena_bytes, ARENA_BYTES);
        status = tell_lines(&reader);
    }
    if (status == STATUS_OK && ferror(file)) {
        problem_set(problem, "reading failed after line %llu",
                    (unsigned long long)reader.lines.number);
        status = STATUS_IO;
    }
    lines_release(&reader.lines);
    free(reader.arena_bytes);
    return status;
}
