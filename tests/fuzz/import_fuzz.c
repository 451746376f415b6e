#include "replay/import.h"

#include <stdlib.h>

#include "proto/json.h"
#include "ranker/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 4 << 20 };

static char memory[ARENA_BYTES];

/* Every entry is good JSON Lines: its texts are UTF-8, its numbers finite. */
static enum status on_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                            const char *const *update_fields)
{
    (void)context;
    CHECK(line > 0);
    CHECK(update_fields == NULL || update_fields[0] != NULL);
    struct arena arena;
    struct problem problem;
    ProtobufCMessage *again;
    arena_init(&arena, memory, sizeof(memory));
    char *json = json_format(&entry->base, JSON_LINE);
    CHECK(json != NULL);
    CHECK(json_parse(text_of(json), &reelrank__v1__log_entry__descriptor, &arena, &again,
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

/* Any bytes, taken for each format, are read to their end or refused. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int format = IMPORT_JSONL; format <= IMPORT_YOUTUBE; format++) {
        struct import_options options = {
            .format = (enum import_format)format,
            .name = "IN_fuzz.csv",
            .assume_safety = (Reelrank__V1__SafetyRating)(size % 6),
        };
        struct import_sink sink = {NULL, on_entry, on_reject};
        struct problem problem;
        FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
        CHECK(file != NULL);
        enum status status = import_read(file, &options, &sink, &problem);
        CHECK(status == STATUS_OK || status == STATUS_INVALID);
        fclose(file);
    }
    return 0;
}
