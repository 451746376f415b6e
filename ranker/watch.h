#ifndef RANKER_WATCH_H
#define RANKER_WATCH_H

#include <stdint.h>
#include <string.h>

#include "ranker/signal.h"
#include "ranker/status.h"

/*
 * Distribution of watch time per region and duration bucket: integer histograms, so order does not
 * matter. Completion favours short videos and raw seconds favour long ones; the quantile of a watch
 * time among views of videos of similar length in the same region favours neither
 * (D2Q, Zhan et al., KDD 2022).
 *
 * Bins are quarter octaves of (watch_ms + 250): bin 0 starts at 0 s, bin 63 is everything above.
 */
enum { WATCH_BIN_COUNT = 64 };

struct watch_histogram {
    uint64_t bins[WATCH_BIN_COUNT];
    uint64_t count;
};

/* All regions together first, then one block of DURATION_BUCKET_COUNT for each region seen. */
struct watch {
    struct watch_histogram global[DURATION_BUCKET_COUNT];
    uint32_t region_count;
    uint32_t region_capacity;
    struct watch_region *regions; /* owned; sorted by region code */
};

struct watch_region {
    uint16_t region;
    struct watch_histogram histograms[DURATION_BUCKET_COUNT];
};

/* Beyond it the last bin has everything. */
enum { WATCH_FIRST_EDGE_MS = 250, WATCH_TOP_MS = WATCH_FIRST_EDGE_MS << (WATCH_BIN_COUNT / 4) };

/*
 * The bin of a watch time. Without jumps, so that loops over it become vectors: the quotient's
 * exponent counts octaves, and its mantissa tells the quarter.
 */
static inline unsigned watch_bin_of(uint32_t watch_ms)
{
    const uint64_t mantissa_mask = (UINT64_C(1) << 52) - 1;
    uint32_t most = WATCH_TOP_MS - WATCH_FIRST_EDGE_MS - 1;
    uint32_t shifted = (watch_ms < most ? watch_ms : most) + WATCH_FIRST_EDGE_MS;
    double quotient = (double)(int32_t)shifted / WATCH_FIRST_EDGE_MS;
    uint64_t bits;
    memcpy(&bits, &quotient, sizeof(bits));
    uint64_t mantissa = bits & mantissa_mask;
    uint64_t bin = ((bits >> 52) - 1023) * 4;
    bin += mantissa >= UINT64_C(0x306fe0a31b715); /* of 2^(1/4) */
    bin += mantissa >= UINT64_C(0x6a09e667f3bcd); /* of 2^(2/4) */
    bin += mantissa >= UINT64_C(0xae89f995ad3ad); /* of 2^(3/4) */
    return (unsigned)bin;
}

/* The same for any watch time, at least 0. */
unsigned watch_bin(int64_t watch_ms);

/*
 * Moves one view from bin before, or in, if that is -1, to bin after. A view that is not where it
 * should be, since the log lost its beginning, comes in.
 */
MUST_USE enum status watch_move(struct watch *watch, uint16_t region, unsigned duration_bucket,
                                int before, unsigned after);

/* The region's histograms, 0 for all together; NULL when there are none. */
const struct watch_histogram *watch_at(const struct watch *watch, uint16_t region);

/* Overwrites the region's DURATION_BUCKET_COUNT histograms, 0 for all together. */
MUST_USE enum status watch_put(struct watch *watch, uint16_t region,
                               const struct watch_histogram *histograms);

/* The region's histogram where it has at least minimum views, else the global one. */
const struct watch_histogram *watch_find(const struct watch *watch, uint16_t region,
                                         unsigned duration_bucket, uint64_t minimum);

/*
 * Share of views with a watch time in a lower bin, counting half of the bin itself
 * (mid-distribution function), in [0, 1]; 0.5 for an empty histogram.
 */
double watch_quantile(const struct watch_histogram *histogram, unsigned bin);

/* The same for each bin. */
void watch_quantiles(const struct watch_histogram *histogram, double out[WATCH_BIN_COUNT]);

void watch_release(struct watch *watch);

#endif
