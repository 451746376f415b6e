#ifndef STORE_DECODER_H
#define STORE_DECODER_H

#include <stddef.h>

#include "store/record.h"

/*
 * Decodes one record after the other with memory of its own, which grows as records ask for it. One
 * thread. All zero is ready for use.
 */
struct decoder {
    struct arena arena;
    void *memory; /* owned; NULL before the first record */
    size_t memory_size;
};

void decoder_release(struct decoder *decoder);

/*
 * What the record stands for; *out borrows nothing. Status as record_event(), with STATUS_NO_MEMORY
 * when the system has none or the record asks for more than any of today's contract.
 */
MUST_USE enum status decoder_event(struct decoder *decoder, const struct record *record,
                                   struct event *out);

/* STATUS_CORRUPT when a signal's event key is not the one its payload gives. */
MUST_USE enum status decoder_check_key(struct decoder *decoder, const struct record *record);

#endif
