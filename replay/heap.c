#include "replay/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "store/grow.h"

void heap_release(struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        free(heap->items[i].value);
    }
    free(heap->items);
    *heap = (struct heap){0};
}

static bool comes_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->number < b->number;
}

enum status heap_push(struct heap *heap, uint64_t key, void *value)
{
    struct heap_item *items = grow(heap->items, heap->count, &heap->capacity, sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    heap->items = items;
    const struct heap_item item = {.key = key, .number = heap->pushed++, .value = value};
    size_t at = heap->count++;
    for (; at > 0 && comes_before(&item, &items[(at - 1) / 2]); at = (at - 1) / 2) {
        items[at] = items[(at - 1) / 2];
    }
    items[at] = item;
    return STATUS_OK;
}

struct heap_item heap_pop(struct heap *heap)
{
    CHECK(heap->count > 0);
    struct heap_item *items = heap->items;
    const struct heap_item first = items[0];
    const size_t count = --heap->count;
    const struct heap_item moved = items[count];
    size_t at = 0;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && comes_before(&items[child + 1], &items[child]);
        if (!comes_before(&items[child], &moved)) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = moved;
    return first;
}
