#include "server/arm_counts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/text.h"

struct arm_counts {
    pthread_mutex_t lock;
    /* All below: guarded by lock. */
    size_t count;
    struct arm_count items[ARM_COUNTS_MAX]; /* by rising name */
    uint64_t other;
};

struct arm_counts *arm_counts_new(void)
{
    struct arm_counts *counts = calloc(1, sizeof(*counts));
    if (counts != NULL) {
        CHECK(pthread_mutex_init(&counts->lock, NULL) == 0);
    }
    return counts;
}

void arm_counts_free(struct arm_counts *counts)
{
    if (counts != NULL) {
        pthread_mutex_destroy(&counts->lock);
        free(counts);
    }
}

/* Below 0 if name stands before arm. */
static int compare(struct text name, const char *arm)
{
    int order = strncmp(name.data, arm, name.size);
    return order == 0 && arm[name.size] != '\0' ? -1 : order;
}

/* Where the name is, or would be. */
static size_t find_locked(const struct arm_counts *counts, struct text name)
{
    size_t low = 0;
    size_t high = counts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(name, counts->items[middle].arm) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void count_locked(struct arm_counts *counts, struct text name)
{
    size_t place = find_locked(counts, name);
    struct arm_count *item = &counts->items[place];
    if (place < counts->count && compare(name, item->arm) == 0) {
        item->rankings++;
        return;
    }
    if (counts->count == ARM_COUNTS_MAX) {
        counts->other++;
        return;
    }
    memmove(item + 1, item, (counts->count - place) * sizeof(*item));
    counts->count++;
    *item = (struct arm_count){.rankings = 1};
    memcpy(item->arm, name.data, name.size);
}

void arm_counts_add(struct arm_counts *counts, const char *arms)
{
    if (*arms == '\0') {
        return;
    }
    CHECK(pthread_mutex_lock(&counts->lock) == 0);
    for (const char *at = arms; *at != '\0';) {
        size_t size = strcspn(at, ",");
        CHECK(size < ARM_NAME_SIZE);
        count_locked(counts, (struct text){at, size});
        at += size + (at[size] == ',');
    }
    CHECK(pthread_mutex_unlock(&counts->lock) == 0);
}

size_t arm_counts_get(struct arm_counts *counts, struct arm_count out[ARM_COUNTS_MAX + 1])
{
    CHECK(pthread_mutex_lock(&counts->lock) == 0);
    size_t count = counts->count;
    memcpy(out, counts->items, count * sizeof(*out));
    if (counts->other > 0) {
        out[count++] = (struct arm_count){.arm = "other", .rankings = counts->other};
    }
    CHECK(pthread_mutex_unlock(&counts->lock) == 0);
    return count;
}
