#include "store/forgotten.h"

#include <inttypes.h>
#include <stdlib.h>

#include "store/grow.h"
#include "store/pages.h"

void forgotten_release(struct forgotten *forgotten)
{
    free(forgotten->items);
    *forgotten = (struct forgotten){.count = 0};
}

enum status forgotten_add(struct forgotten *forgotten, const struct tombstone *tombstone)
{
    struct tombstone *items =
        grow(forgotten->items, forgotten->count, &forgotten->capacity, sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    forgotten->items = items;
    forgotten->items[forgotten->count++] = *tombstone;
    return STATUS_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct tombstone *)a)->user_key;
    uint64_t y = ((const struct tombstone *)b)->user_key;
    return x < y ? -1 : x > y;
}

void forgotten_sort(struct forgotten *forgotten)
{
    if (forgotten->count > 0) {
        qsort(forgotten->items, forgotten->count, sizeof(*forgotten->items), compare);
    }
}

void forgotten_keep_latest(struct forgotten *forgotten)
{
    size_t kept = 0;
    forgotten_sort(forgotten);
    for (size_t i = 0; i < forgotten->count; i++) {
        const struct tombstone *next = &forgotten->items[i];
        struct tombstone *last = kept > 0 ? &forgotten->items[kept - 1] : NULL;
        if (last == NULL || last->user_key != next->user_key) {
            forgotten->items[kept++] = *next;
        } else if (last->time_ms < next->time_ms) {
            *last = *next;
        }
    }
    forgotten->count = kept;
}

const struct tombstone *forgotten_find(const struct forgotten *forgotten, uint64_t user_key)
{
    struct tombstone key = {.user_key = user_key};
    return forgotten->count > 0 ? bsearch(&key, forgotten->items, forgotten->count,
                                          sizeof(*forgotten->items), compare)
                                : NULL;
}

struct reading {
    struct forgotten *forgotten;
    enum status status;
    struct problem *problem;
};

static bool note_damage(void *context, const struct problem *problem)
{
    struct reading *reading = context;
    reading->status = STATUS_CORRUPT;
    *reading->problem = *problem;
    return false;
}

static bool visit(void *context, uint64_t user_key, const uint8_t *bytes, size_t size)
{
    struct reading *reading = context;
    struct tombstone tombstone;
    enum status status = tombstone_decode(bytes, size, user_key, &tombstone);
    if (status == STATUS_OK) {
        status = forgotten_add(reading->forgotten, &tombstone);
    }
    if (status != STATUS_OK) {
        problem_set(reading->problem, "the tombstone of user key %016" PRIx64 ": %s", user_key,
                    status_text(status));
        reading->status = status;
    }
    return status == STATUS_OK;
}

enum status forgotten_read(const char *directory, struct forgotten *forgotten,
                           struct problem *problem)
{
    struct pages *pages = NULL;
    struct reading reading = {.forgotten = forgotten, .problem = problem};
    enum status status = pages_open_log(directory, note_damage, &reading, &pages, problem);
    if (status == STATUS_OK) {
        (void)pages_walk(pages, "forgotten", sizeof(uint64_t), visit, &reading);
        status = reading.status;
    }
    pages_close(pages);
    forgotten_sort(forgotten);
    return status;
}
