#include "replay/unpack.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A small file may unpack to very much. */
enum { OUTPUT_LIMIT = 1 << 24 };

static char output[1 << 16];

/* True at the end of the stream; false where OUTPUT_LIMIT came first. */
static bool drain(FILE *stream, const uint8_t *plain, size_t plain_size)
{
    size_t total = 0;
    size_t got;
    do {
        got = fread(output, 1, sizeof(output), stream);
        if (plain != NULL) {
            CHECK(got <= plain_size - total);
            CHECK(got == 0 || memcmp(output, plain + total, got) == 0);
        }
        total += got;
    } while (got > 0 && total < OUTPUT_LIMIT);
    CHECK(plain == NULL || total == plain_size);
    return got == 0;
}

static bool is_packed(const uint8_t *data, size_t size)
{
    bool gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    bool zstd = size >= 4 && memcmp(data, "\x28\xb5\x2f\xfd", 4) == 0;
    bool skipped = size >= 4 && data[0] >> 4 == 5 && memcmp(data + 1, "\x2a\x4d\x18", 3) == 0;
    return gzip || zstd || skipped;
}

/* Any bytes are read to their end or refused with a reason; what is not packed passes unchanged. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unpack *unpack;
    struct problem problem = {""};
    bool packed = is_packed(data, size);
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    CHECK(file != NULL);
    CHECK(unpack_open(file, &unpack, &problem) == STATUS_OK);
    FILE *stream = unpack_stream(unpack);
    bool ended = drain(stream, packed ? NULL : data, size);
    CHECK(unpack_consumed(unpack) <= size);
    enum status status = unpack_failure(unpack, &problem);
    CHECK(status == STATUS_OK || packed);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    if (ended) {
        CHECK((status == STATUS_OK) == (ferror(stream) == 0));
        CHECK(status != STATUS_OK || unpack_consumed(unpack) == size);
    }
    unpack_close(unpack);
    fclose(file);
    return 0;
}
