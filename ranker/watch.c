#include "ranker/watch.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

unsigned watch_bin(int64_t watch_ms)
{
    CHECK(watch_ms >= 0);
    return watch_bin_of(watch_ms < WATCH_TOP_MS ? (uint32_t)watch_ms : WATCH_TOP_MS);
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

static double share(const struct watch_histogram *histogram, uint64_t below, unsigned bin)
{
    if (histogram->count == 0) {
        return 0.5;
    }
    return ((double)below + (double)histogram->bins[bin] / 2) / (double)histogram->count;
}

double watch_quantile(const struct watch_histogram *histogram, unsigned bin)
{
    CHECK(bin < WATCH_BIN_COUNT);
    uint64_t below = 0;
    for (unsigned i = 0; i < bin; i++) {
        below += histogram->bins[i];
    }
    return share(histogram, below, bin);
}

void watch_quantiles(const struct watch_histogram *histogram, double out[WATCH_BIN_COUNT])
{
    uint64_t below = 0;
    for (unsigned bin = 0; bin < WATCH_BIN_COUNT; bin++) {
        out[bin] = share(histogram, below, bin);
        below += histogram->bins[bin];
    }
}

void watch_release(struct watch *watch)
{
    free(watch->regions);
    *watch = (struct watch){0};
}
