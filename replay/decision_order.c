#include "replay/decision_order.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "replay/heap.h"
#include "store/journal_reader.h"

enum { AHEAD_BYTES = 64 << 20 };

/* A decision that waits for its turn. */
struct pending {
    struct decision_record record;
    uint8_t payload[]; /* of the record */
};

struct decision_order {
    struct journal_reader *reader;
    bool read_all;
    struct pending *given; /* the decision that was given out last; owned */
    struct heap waiting;   /* by the sequence of the state */
    size_t bytes;          /* of the payloads that wait */
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
    heap_release(&order->waiting);
    free(order->given);
    journal_reader_free(order->reader);
    free(order);
}

static enum status push(struct decision_order *order, const struct decision_record *record)
{
    struct pending *pending = malloc(sizeof(*pending) + record->payload_size);
    if (pending == NULL) {
        return STATUS_NO_MEMORY;
    }
    pending->record = *record;
    pending->record.payload = pending->payload;
    memcpy(pending->payload, record->payload, record->payload_size);
    enum status status = heap_push(&order->waiting, record->state_sequence, pending);
    if (status != STATUS_OK) {
        free(pending);
        return status;
    }
    order->bytes += record->payload_size;
    return STATUS_OK;
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
    if (order->waiting.count == 0) {
        return STATUS_NOT_FOUND;
    }
    order->given = heap_pop(&order->waiting).value;
    *out = order->given->record;
    order->bytes -= out->payload_size;
    return STATUS_OK;
}

uint64_t decision_order_skipped(const struct decision_order *order)
{
    return journal_reader_skipped(order->reader);
}
