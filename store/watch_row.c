#include "store/watch_row.h"

#include "ranker/check.h"
#include "store/coder.h"

enum { VERSION = 1 };

_Static_assert(WATCH_BIN_COUNT == 64, "a bit for each bin");

static uint8_t *put_histogram(uint8_t *at, const struct watch_histogram *histogram)
{
    uint64_t mask = 0;
    uint64_t count = 0;
    for (unsigned i = 0; i < WATCH_BIN_COUNT; i++) {
        mask |= (uint64_t)(histogram->bins[i] != 0) << i;
        count += histogram->bins[i];
    }
    CHECK(count == histogram->count);
    at = put_fixed(at, mask, 8);
    for (unsigned i = 0; i < WATCH_BIN_COUNT; i++) {
        if (histogram->bins[i] != 0) {
            at = put_varint(at, histogram->bins[i]);
        }
    }
    return at;
}

size_t watch_row_encode(const struct watch_histogram *histograms, uint8_t *out)
{
    uint8_t *at = out + CODER_HEADER_SIZE;
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        at = put_histogram(at, &histograms[i]);
    }
    return seal_row(out, VERSION, at);
}

static void get_histogram(struct bytes *bytes, struct watch_histogram *histogram)
{
    uint64_t mask = get_fixed(bytes, 8);
    *histogram = (struct watch_histogram){0};
    for (unsigned i = 0; i < WATCH_BIN_COUNT; i++) {
        if ((mask >> i & 1) != 0) {
            uint64_t bin = get_varint(bytes, UINT64_MAX - histogram->count);
            expect(bytes, bin != 0);
            histogram->bins[i] = bin;
            histogram->count += bin;
        }
    }
}

enum status watch_row_decode(const uint8_t *row, size_t size, struct watch_histogram *out)
{
    struct watch_histogram histograms[DURATION_BUCKET_COUNT];
    struct bytes bytes = open_row(row, size, VERSION);
    for (unsigned i = 0; i < DURATION_BUCKET_COUNT; i++) {
        get_histogram(&bytes, &histograms[i]);
    }
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    memcpy(out, histograms, sizeof(histograms));
    return STATUS_OK;
}
