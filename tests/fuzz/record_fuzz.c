#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes encodes to the same bytes. */
static void check_round_trip(const struct record *record, const uint8_t *bytes, size_t size)
{
    CHECK(record_size(record) == size);
    uint8_t *again = malloc(size);
    CHECK(again != NULL);
    record_encode(record, again);
    CHECK(memcmp(again, bytes, size) == 0);
    free(again);
}

/* A payload gives an event of the record's kind, or corruption, or asks for a larger arena. */
static void check_event(const struct record *record)
{
    static char memory[1 << 16];
    struct arena arena;
    struct event event;
    arena_init(&arena, memory, sizeof(memory));
    enum status status = record_event(record, &arena, &event);
    if (status == STATUS_OK) {
        CHECK(event.kind == record->kind);
    } else {
        CHECK(status == STATUS_CORRUPT || status == STATUS_NO_MEMORY);
        CHECK((status == STATUS_NO_MEMORY) == arena_full(&arena));
    }
}

static void check_record(const uint8_t *bytes, size_t size)
{
    struct record record;
    enum status status = record_decode(bytes, size, &record);
    if (status != STATUS_OK) {
        CHECK(status == STATUS_CORRUPT);
        return;
    }
    check_round_trip(&record, bytes, size);
    check_event(&record);
}

/* Writes the right checksum, which no fuzzer guesses, so that what lies behind it is reached. */
static void seal(uint8_t *bytes, size_t size)
{
    uint32_t seed = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                    (uint32_t)bytes[3] << 24;
    uint64_t sum = XXH3_64bits_withSeed(bytes + 8, size - 8, seed);
    for (int i = 0; i < 4; i++) {
        bytes[4 + i] = (uint8_t)(sum >> (8 * i));
    }
}

/* Any bytes as a record, then the same with their checksum put right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_record(data, size);
    if (size < RECORD_HEADER_SIZE) {
        return 0;
    }
    uint8_t *sealed = malloc(size);
    CHECK(sealed != NULL);
    memcpy(sealed, data, size);
    seal(sealed, size);
    check_record(sealed, size);
    free(sealed);
    return 0;
}
