#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/decision_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes encodes to the same bytes. */
static void check_record(const uint8_t *bytes, size_t size)
{
    struct decision_record record;
    enum status status = decision_record_decode(bytes, size, &record);
    if (status != STATUS_OK) {
        CHECK(status == STATUS_CORRUPT);
        return;
    }
    CHECK(decision_record_size(&record) == size);
    uint8_t *again = malloc(size);
    CHECK(again != NULL);
    decision_record_encode(&record, again);
    CHECK(memcmp(again, bytes, size) == 0);
    free(again);
}

/* Writes marker, version, size and checksum, which no fuzzer guesses. */
static void seal(uint8_t *bytes, size_t size)
{
    uint64_t seed = 0;
    uint32_t payload_size = (uint32_t)(size - DECISION_HEADER_SIZE);
    memcpy(bytes, decision_marker, DECISION_MARKER_SIZE);
    memcpy(bytes + 4, (const uint8_t[4]){1}, 4);
    memcpy(bytes + 8, &payload_size, 4);
    memcpy(&seed, bytes + 4, 8);
    uint64_t sum = XXH3_64bits_withSeed(bytes + 16, size - 16, seed);
    memcpy(bytes + 12, &sum, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_record(data, size);
    if (size < DECISION_HEADER_SIZE) {
        return 0;
    }
    uint8_t *sealed = malloc(size);
    CHECK(sealed != NULL);
    memcpy(sealed, data, size);
    seal(sealed, size);
    check_record(sealed, size);
    struct decision_record record;
    CHECK(decision_record_decode(sealed, size, &record) == STATUS_OK || size > DECISION_RECORD_MAX);
    free(sealed);
    return 0;
}
