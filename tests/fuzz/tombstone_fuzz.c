#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/coder.h"
#include "store/tombstone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_1 = 30 }; /* of version 1 */

/* What decodes encodes to the same bytes; of version 1, but for the header and what is new. */
static void check(const uint8_t *bytes, size_t size)
{
    struct tombstone tombstone;
    uint8_t again[TOMBSTONE_SIZE];
    if (tombstone_decode(bytes, size, 1, &tombstone) == STATUS_OK) {
        CHECK(size == TOMBSTONE_SIZE || size == SIZE_1);
        size_t from = size == SIZE_1 ? CODER_HEADER_SIZE : 0;
        tombstone_encode(&tombstone, again);
        CHECK(memcmp(bytes + from, again + from, size - from) == 0);
    }
}

/* As it is, and with version and checksum put right, which no fuzzer guesses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 1); /* what is read beyond the end is noticed but for one byte */
    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    check(bytes, size);
    if (size >= CODER_HEADER_SIZE) {
        (void)seal_row(bytes, size == SIZE_1 ? 1 : 2, bytes + size);
        check(bytes, size);
    }
    free(bytes);
    return 0;
}
