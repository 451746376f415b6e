#ifndef STORE_ROW_BUFFER_H
#define STORE_ROW_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"

/* Encoded rows on their way from the state to its file. All zero is empty. */
struct row_buffer {
    uint8_t *bytes; /* owned */
    size_t size;
    size_t capacity;
    bool failed; /* a row did not fit into memory; sticky until row_buffer_clear() */
};

void row_buffer_release(struct row_buffer *buffer);

/* Makes it empty; memory beyond what a busy moment leaves is given back. */
void row_buffer_clear(struct row_buffer *buffer);

/* Encodes the row as it is now. */
void row_buffer_add(struct row_buffer *buffer, const struct state *state, enum state_table table,
                    size_t row);

struct encoded_row {
    enum state_table table;
    uint32_t row;
    uint32_t size;
    const uint8_t *bytes; /* borrowed until the buffer changes */
};

/* The row at *at, which begins at 0 and moves on. False at the end. */
bool row_buffer_next(const struct row_buffer *buffer, size_t *at, struct encoded_row *out);

#endif
