#ifndef REPLAY_DECISION_ORDER_H
#define REPLAY_DECISION_ORDER_H

#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/decision_record.h"

/*
 * The decision journal of a data directory in the order of the states that decisions were made
 * with, those of one state in the order of the journal. They are written nearly in that order:
 * 64 MiB of them, or one, are held back so that those written late find their place. One thread.
 */
struct decision_order;

/* A directory without a journal has no decisions. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status decision_order_new(const char *data, struct decision_order **out,
                                        struct problem *problem);
void decision_order_free(struct decision_order *order);

/*
 * The next decision; *out lives until the next call. One that was written later than its place can
 * be kept open for comes late, with a sequence below that of the one before. STATUS_NOT_FOUND:
 * there is none left; STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status decision_order_next(struct decision_order *order, struct decision_record *out,
                                         struct problem *problem);

/* Stretches of damage that were passed over so far. */
uint64_t decision_order_skipped(const struct decision_order *order);

#endif
