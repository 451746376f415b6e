#include "replay/import.h"

#include <stdlib.h>

#include "proto/json.h"
#include "ranker/check.h"
#include "replay/decision_check.h"
#include "tests/fuzz/fresh_arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A decision of any format passes the check that those of JSON Lines must pass. */
static void check_decision(const Reelrank__V1__Decision *decision)
{
    struct problem problem;
    CHECK(decision_check(decision, fresh_arena(), &problem) == STATUS_OK);
    CHECK(decision->request->now_ms > 0);
}

/* Every entry is good JSON Lines: its texts are UTF-8, its numbers finite. */
static enum status on_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                            const char *const *update_fields)
{
    CHECK(line > 0);
    CHECK(update_fields == NULL || update_fields[0] != NULL);
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        CHECK(*(const bool *)context);
        check_decision(entry->decision);
    }
    struct problem problem;
    ProtobufCMessage *again;
    char *json = json_format(&entry->base, JSON_LINE);
    CHECK(json != NULL);
    CHECK(json_parse(text_of(json), &reelrank__v1__log_entry__descriptor, fresh_arena(), &again,
                     &problem) == STATUS_OK);
    free(json);
    return STATUS_OK;
}

static enum status on_reject(void *context, uint64_t line, const char *reason)
{
    (void)context;
    CHECK(line > 0);
    CHECK(reason[0] != '\0');
    return STATUS_OK;
}

/*
 * Any bytes, taken for a format, are read to their end or refused. The first byte says which
 * format, "a" the first and so on; in upper case, decisions are asked for.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool decisions = (data[0] & 0x20) == 0;
    struct import_options options = {
        .format = (enum import_format)((data[0] & 0x1f) % (IMPORT_FORMAT_COUNT + 1)),
        .name = "IN_fuzz.csv",
        .assume_safety = (Reelrank__V1__SafetyRating)(size % 6),
        .decisions = decisions,
    };
    options.format = options.format > 0 ? options.format - 1 : IMPORT_JSONL;
    struct import_sink sink = {&decisions, on_entry, on_reject};
    struct problem problem;
    FILE *file = fmemopen((void *)(uintptr_t)(data + 1), size - 1, "rb");
    CHECK(file != NULL);
    enum status status = import_read(file, &options, &sink, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    fclose(file);
    return 0;
}
