#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/coder.h"
#include "store/weights_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes encodes to the same bytes. */
static void check_change(const uint8_t *bytes, size_t size)
{
    static struct weights_change change;
    uint8_t again[WEIGHTS_CHANGE_SIZE_MAX];
    if (weights_change_decode(bytes, size, 1, &change) == STATUS_OK) {
        CHECK(size <= sizeof(again));
        CHECK(weights_change_encode(&change, again) == size);
        CHECK(memcmp(bytes, again, size) == 0);
    }
}

static void check_mark(const uint8_t *bytes, size_t size)
{
    uint64_t hash;
    uint8_t again[WEIGHTS_MARK_SIZE];
    if (weights_mark_decode(bytes, size, &hash) == STATUS_OK) {
        CHECK(size == sizeof(again));
        weights_mark_encode(hash, again);
        CHECK(memcmp(bytes, again, size) == 0);
    }
}

static void check_file(const uint8_t *bytes, size_t size)
{
    struct text whole = {(const char *)bytes, size};
    struct text content;
    uint8_t *again = malloc(size + WEIGHTS_FILE_HEADER_SIZE);
    CHECK(again != NULL);
    weights_file_encode(whole, again);
    CHECK(weights_file_decode(again, size + WEIGHTS_FILE_HEADER_SIZE, weights_file_key(whole),
                              &content) == STATUS_OK);
    CHECK(text_equal(whole, content));
    (void)!weights_file_decode(bytes, size, 0, &content);
    free(again);
}

/* As it is, and with version and checksum put right, which no fuzzer guesses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 1); /* what is read beyond the end is noticed but for one byte */
    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    check_change(bytes, size);
    check_mark(bytes, size);
    check_file(bytes, size);
    if (size >= CODER_HEADER_SIZE) {
        (void)seal_row(bytes, 1, bytes + size);
        check_change(bytes, size);
        check_mark(bytes, size);
    }
    free(bytes);
    return 0;
}
