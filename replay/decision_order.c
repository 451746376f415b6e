#include "replay/decision_order.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal_reader.h"

enum { AHEAD_BYTES = 64 << 20, CAPACITY_FIRST = 1024 };

/* A decision that waits for its turn. */
struct pending {
    struct decision_record record; /* its payload is owned */
    uint64_t number;               /* of reading: those of one state keep their order */
};

struct decision_order {
    struct journal_reader *reader;
    bool read_all;
    uint64_t read_count;
    uint8_t *given; /* payload of the decision that was given out last; owned */
    /* A heap, the least first. */
    struct pending *heap;
    size_t count;
    size_t capacity;
    size_t bytes;
};

enum status decision_order_new(const char *data, struct decision_order **out,
                               struct problem *problem)
{
    struct decision_order *order = calloc(1, sizeof(*order));
    if (order == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = journal_reader_new(data, JOURNAL_OLDEST_FIRST, &order->reader, problem);
    if (status != STATUS_OK) {
        decision_order_free(order);
        return status;
    }
    *out = order;
    return STATUS_OK;
}

void decision_order_free(struct decision_order *order)
{
    if (order == NULL) {
        return;
    }
    while (order->count > 0) {
        free((uint8_t *)order->heap[--order->count].record.payload);
    }
    free(order->heap);
    free(order->given);
    journal_reader_free(order->reader);
    free(order);
}

static bool comes_before(const struct pending *a, const struct pending *b)
{
    uint64_t of_a = a->record.state_sequence;
    uint64_t of_b = b->record.state_sequence;
    return of_a != of_b ? of_a < of_b : a->number < b->number;
}

static void swap(struct pending *a, struct pending *b)
{
    struct pending kept = *a;
    *a = *b;
    *b = kept;
}

static enum status grow(struct decision_order *order)
{
    size_t capacity = order->capacity > 0 ? 2 * order->capacity : CAPACITY_FIRST;
    struct pending *heap = realloc(order->heap, capacity * sizeof(*heap));
    if (heap == NULL) {
        return STATUS_NO_MEMORY;
    }
    order->heap = heap;
    order->capacity = capacity;
    return STATUS_OK;
}

static enum status push(struct decision_order *order, const struct decision_record *record)
{
    enum status status = order->count == order->capacity ? grow(order) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *payload = malloc(record->payload_size + 1); /* never of size 0 */
    if (payload == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(payload, record->payload, record->payload_size);
    struct pending *heap = order->heap;
    size_t at = order->count++;
    heap[at] = (struct pending){.record = *record, .number = order->read_count++};
    heap[at].record.payload = payload;
    order->bytes += record->payload_size;
    for (; at > 0 && comes_before(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2) {
        swap(&heap[at], &heap[(at - 1) / 2]);
    }
    return STATUS_OK;
}

/* Takes the first one out; there is one. Its payload is the caller's. */
static struct decision_record pop(struct decision_order *order)
{
    struct pending *heap = order->heap;
    struct decision_record first = heap[0].record;
    heap[0] = heap[--order->count];
    size_t at = 0;
    for (size_t child = 1; child < order->count; child = 2 * at + 1) {
        if (child + 1 < order->count && comes_before(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!comes_before(&heap[child], &heap[at])) {
            break;
        }
        swap(&heap[child], &heap[at]);
        at = child;
    }
    order->bytes -= first.payload_size;
    return first;
}

/* Reads on until as much is held back as may be, or nothing is left to read. */
static enum status read_ahead(struct decision_order *order, struct problem *problem)
{
    while (!order->read_all && order->bytes <= AHEAD_BYTES) {
        struct decision_record record;
        enum status status = journal_reader_next(order->reader, &record, problem);
        order->read_all = status == STATUS_NOT_FOUND;
        if (status == STATUS_OK) {
            status = push(order, &record);
        }
        if (status != STATUS_OK && !order->read_all) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status decision_order_next(struct decision_order *order, struct decision_record *out,
                                struct problem *problem)
{
    enum status status = read_ahead(order, problem);
    if (status != STATUS_OK) {
        return status;
    }
    free(order->given);
    order->given = NULL;
    if (order->count == 0) {
        return STATUS_NOT_FOUND;
    }
    *out = pop(order);
    order->given = (uint8_t *)out->payload;
    return STATUS_OK;
}

uint64_t decision_order_skipped(const struct decision_order *order)
{
    return journal_reader_skipped(order->reader);
}
