#include <stdlib.h>

#include "proto/json.h"
#include "replay/formats.h"

enum { ARENA_BYTES = 4 << 20 }; /* no line of a MiB means more than this */

struct jsonl {
    FILE *file;
    const struct import_sink *sink;
    uint64_t line;
    char *bytes; /* IMPORT_LIMIT_LINE_BYTES */
    char *arena_bytes;
    struct arena arena;
};

struct line {
    size_t size;
    bool too_long;
    bool last; /* the file ended */
};

/* Reads up to a newline, of a line that is too long only the beginning. */
static struct line read_line(struct jsonl *reader)
{
    struct line line = {0};
    reader->line++;
    for (;;) {
        int c = getc_unlocked(reader->file);
        if (c == EOF || c == '\n') {
            line.last = c == EOF;
            return line;
        }
        if (line.size == IMPORT_LIMIT_LINE_BYTES) {
            line.too_long = true;
        } else {
            reader->bytes[line.size] = (char)c;
            line.size++;
        }
    }
}

static bool is_blank(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

static enum status tell_line(struct jsonl *reader, struct text text)
{
    const struct import_sink *sink = reader->sink;
    struct problem problem;
    ProtobufCMessage *message;
    arena_reset(&reader->arena);
    enum status status =
        json_parse(text, &reelrank__v1__log_entry__descriptor, &reader->arena, &message, &problem);
    if (status == STATUS_INVALID) {
        return sink->reject(sink->context, reader->line, problem.text);
    }
    if (status == STATUS_NO_MEMORY) {
        return sink->reject(sink->context, reader->line, "the line holds too many values");
    }
    const Reelrank__V1__LogEntry *entry = (const Reelrank__V1__LogEntry *)message;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_USER ||
        entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        return STATUS_OK; /* follows from the signals, or adds nothing to them */
    }
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY__NOT_SET) {
        return sink->reject(sink->context, reader->line,
                            "the line has no \"video\", \"signal\" or \"delete_video\"");
    }
    return sink->entry(sink->context, reader->line, entry, NULL);
}

static enum status tell_lines(struct jsonl *reader)
{
    const struct import_sink *sink = reader->sink;
    struct line line;
    do {
        enum status status = STATUS_OK;
        line = read_line(reader);
        struct text text = {reader->bytes, line.size};
        if (reader->line == 1 && text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
            text = (struct text){text.data + 3, text.size - 3}; /* a byte order mark */
        }
        if (line.too_long) {
            status = sink->reject(sink->context, reader->line, "the line is longer than 1 MiB");
        } else if (!is_blank(text)) {
            status = tell_line(reader, text);
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
    struct jsonl reader = {.file = file, .sink = sink};
    reader.bytes = malloc(IMPORT_LIMIT_LINE_BYTES);
    reader.arena_bytes = malloc(ARENA_BYTES);
    enum status status = STATUS_NO_MEMORY;
    if (reader.bytes != NULL && reader.arena_bytes != NULL) {
        arena_init(&reader.arena, reader.arena_bytes, ARENA_BYTES);
        status = tell_lines(&reader);
    }
    if (status == STATUS_OK && ferror(file)) {
        problem_set(problem, "reading failed after line %llu", (unsigned long long)reader.line);
        status = STATUS_IO;
    }
    free(reader.bytes);
    free(reader.arena_bytes);
    return status;
}
