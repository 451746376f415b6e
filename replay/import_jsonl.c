#include <stdlib.h>

#include "proto/json.h"
#include "replay/decision_check.h"
#include "replay/formats.h"
#include "replay/lines.h"
#include "replay/rows.h"

static const char too_many_values[] = "the line holds too many values";

struct jsonl {
    const struct import_sink *sink;
    bool decisions;
    struct lines lines;
    char *arena_bytes;
    struct arena arena;
};

static enum status reject(struct jsonl *reader, const char *reason)
{
    return reader->sink->reject(reader->sink->context, reader->lines.number, reason);
}

static enum status tell_decision(struct jsonl *reader, const Reelrank__V1__LogEntry *entry)
{
    struct problem problem;
    Reelrank__V1__Decision *decision = entry->decision;
    enum status status = decision_check(decision, &reader->arena, &problem);
    if (status != STATUS_OK) {
        return reject(reader, status == STATUS_INVALID ? problem.text : too_many_values);
    }
    if (decision->request->now_ms == 0) {
        decision->request->now_ms = decision->time_ms;
    }
    return reader->sink->entry(reader->sink->context, reader->lines.number, entry, NULL);
}

static enum status tell_line(void *context, struct text text)
{
    struct jsonl *reader = context;
    const struct import_sink *sink = reader->sink;
    struct problem problem;
    ProtobufCMessage *message;
    arena_reset(&reader->arena);
    enum status status =
        json_parse(text, &reelrank__v1__log_entry__descriptor, &reader->arena, &message, &problem);
    if (status == STATUS_INVALID) {
        return reject(reader, problem.text);
    }
    if (status == STATUS_NO_MEMORY) {
        return reject(reader, too_many_values);
    }
    const Reelrank__V1__LogEntry *entry = (const Reelrank__V1__LogEntry *)message;
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_USER:
        return STATUS_OK; /* follows from the signals */
    case REELRANK__V1__LOG_ENTRY__ENTRY_DECISION:
        return reader->decisions ? tell_decision(reader, entry) : STATUS_OK;
    case REELRANK__V1__LOG_ENTRY__ENTRY__NOT_SET:
        return reject(reader, "the line has no \"video\", \"signal\" or \"delete_video\"");
    default:
        return sink->entry(sink->context, reader->lines.number, entry, NULL);
    }
}

enum status import_jsonl(FILE *file, const struct import_options *options,
                         const struct import_sink *sink, struct problem *problem)
{
    struct jsonl reader = {.sink = sink, .decisions = options->decisions};
    enum status status = lines_init(&reader.lines, file, IMPORT_LIMIT_LINE_BYTES);
    reader.arena_bytes = malloc(LINES_ARENA_BYTES);
    status = reader.arena_bytes != NULL ? status : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        arena_init(&reader.arena, reader.arena_bytes, LINES_ARENA_BYTES);
        status = rows_each_line(&reader.lines, sink, tell_line, &reader, problem);
    }
    lines_release(&reader.lines);
    free(reader.arena_bytes);
    return status;
}
