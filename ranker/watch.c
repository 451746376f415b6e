#include "ranker/watch.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

enum { FIRST_EDGE_MS = 250 };

/* Quarter octaves: compares with literal powers of 2 where a logarithm might round the wrong way.
 */
unsigned watch_bin(int64_t watch_ms)
{
    enum { MAX_MS = FIRST_EDGE_MS << (WATCH_BIN_COUNT / 4) };
    CHECK(watch_ms >= 0);
    if (watch_ms >= MAX_MS - FIRST_EDGE_MS) {
        return WATCH_BIN_COUNT - 1;
    }
    uint32_t shifted = (uint32_t)watch_ms + FIRST_EDGE_MS;
    unsigned octave = 31 - (unsigned)__builtin_clz(shifted / FIRST_EDGE_MS);
    double ratio = (double)shifted / (double)(FIRST_EDGE_MS << octave);
    unsigned quarter = 0;
    quarter += ratio >= 0x1.306fe0a31b715p+0;
    quarter += ratio >= 0x1.6a09e667f3bcdp+0;
    quarter += ratio >= 0x1.ae89f995ad3adp+0;
    return 4 * octave + quarter;
}

/* Index of the first region not below the code. */
static uint32_t region_lower_bound(const struct watch *watch, uint16_t region)
{
    uint32_t low = 0;
    uint32_t high = watch->region_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (watch->regions[middle].region < region) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct watch_region *find_region(const struct watch *watch, uint16_t region)
{
    uint32_t at = region_lower_bound(watch, region);
    if (at == watch->region_count || watch->regions[at].region != region) {
        return NULL;
    }
    return &watch->regions[at];
}

static enum status grow_regions(struct watch *watch)
{
    if (watch->region_count < watch->region_capacity) {
        return STATUS_OK;
    }
    uint32_t capacity = watch->region_capacity > 0 ? watch->region_capacity * 2 : 4;
    struct watch_region *regions = realloc(watch->regions, capacity * sizeof(*regions));
    if (regions == NULL) {
        return STATUS_NO_MEMORY;
    }
    watch->regions = regions;
    watch->region_capacity = capacity;
    return STATUS_OK;
}

static enum status add_region(struct watch *watch, uint16_t region, struct watch_region **out)
{
    enum status status = grow_regions(watch);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t at = region_lower_bound(watch, region);
    struct watch_region *added = &watch->regions[at];
    memmove(added + 1, added, (watch->region_count - at) * sizeof(*added));
    memset(added, 0, sizeof(*added));
    added->region = region;
    watch->region_count++;
    *out = added;
    return STATUS_OK;
}

static void move(struct watch_histogram *histogram, int before, unsigned after)
{
    if (before >= 0 && histogram->bins[before] > 0) {
        histogram->bins[before]--;
    } else {
        histogram->count++;
    }
    histogram->bins[after]++;
}

static enum status need_region(struct watch *watch, uint16_t region, struct watch_region **out)
{
    *out = find_region(watch, region);
    return *out != NULL ? STATUS_OK : add_region(watch, region, out);
}

enum status watch_move(struct watch *watch, uint16_t region, unsigned duration_bucket, int before,
                       unsigned after)
{
    CHECK(duration_bucket < DURATION_BUCKET_COUNT);
    CHECK(before < WATCH_BIN_COUNT);
    CHECK(after < WATCH_BIN_COUNT);
    if (region != 0) {
        struct watch_region *found;
        enum status status = need_region(watch, region, &found);
        if (status != STATUS_OK) {
            return status;
        }
        move(&found->histograms[duration_bucket], before, after);
    }
    move(&watch->global[duration_bucket], before, after);
    return STATUS_OK;
}

const struct watch_histogram *watch_at(const struct watch *watch, uint16_t region)
{
    if (region == 0) {
        return watch->global;
    }
    const struct watch_region *found = find_region(watch, region);
    return found != NULL ? found->histograms : NULL;
}

enum status watch_put(struct watch *watch, uint16_t region,
                      const struct watch_histogram *histograms)
{
    struct watch_histogram *to = watch->global;
    if (region != 0) {
        struct watch_region *found;
        enum status status = need_region(watch, region, &found);
        if (status != STATUS_OK) {
            return status;
        }
        to = found->histograms;
    }
    memcpy(to, histograms, sizeof(watch->global));
    return STATUS_OK;
}

const struct watch_histogram *watch_find(const struct watch *watch, uint16_t region,
                                         unsigned duration_bucket, uint64_t minimum)
{
    CHECK(duration_bucket < DURATION_BUCKET_COUNT);
    const struct watch_region *found = region != 0 ? find_region(watch, region) : NULL;
    if (found != NULL && found->histograms[duration_bucket].count >= minimum) {
        return &found->histograms[duration_bucket];
    }
    return &watch->global[duration_bucket];
}

double watch_quantile(const struct watch_histogram *histogram, int64_t watch_ms)
{
    if (histogram->count == 0) {
        return 0.5;
    }
    unsigned bin = watch_bin(watch_ms);
    uint64_t below = 0;
    for (unsigned i = 0; i < bin; i++) {
        below += histogram->bins[i];
    }
    return ((double)below + (double)histogram->bins[bin] / 2) / (double)histogram->count;
}

void watch_release(struct watch *watch)
{
    free(watch->regions);
    *watch = (struct watch){0};
}
