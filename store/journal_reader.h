#ifndef STORE_JOURNAL_READER_H
#define STORE_JOURNAL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/decision_record.h"

/*
 * Reads the decision journal of a data directory, which any process may be writing to: what was
 * there when the reader was made. Memory is bounded by one segment's offsets and one record. One
 * thread.
 */
struct journal_reader;

enum journal_order { JOURNAL_OLDEST_FIRST, JOURNAL_NEWEST_FIRST };

/* A directory without a journal has no decisions. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status journal_reader_new(const char *data, enum journal_order order,
                                        struct journal_reader **out, struct problem *problem);
void journal_reader_free(struct journal_reader *reader);

/*
 * The next decision; *out lives until the next call. STATUS_NOT_FOUND: there is none left. Segments
 * that go meanwhile are passed over, and so is damage. STATUS_IO, STATUS_NO_MEMORY.
 */
MUST_USE enum status journal_reader_next(struct journal_reader *reader, struct decision_record *out,
                                         struct problem *problem);

/* Stretches of damage that were passed over so far. */
uint64_t journal_reader_skipped(const struct journal_reader *reader);

/* A place in the journal, for those who read it in pieces, oldest first; all zero is its beginning.
 */
struct journal_place {
    uint64_t segment;
    uint64_t offset;
};

/*
 * Looks at decisions from the place on, at most `most` of them, until one is of the user; the place
 * is then behind it. buffer has DECISION_RECORD_MAX bytes. *found tells whether there was one,
 * *more whether anything is left behind the place. Allocates nothing that stays.
 */
MUST_USE enum status journal_find_user(const char *data, struct journal_place *place,
                                       uint64_t user_key, unsigned most, uint8_t *buffer,
                                       struct decision_record *out, bool *found, bool *more,
                                       struct problem *problem);

#endif
