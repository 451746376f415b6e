#include "replay/fifo.h"

#include <stdlib.h>

#include "ranker/check.h"

enum { BLOCK_BYTES = 1 << 20, ALIGN = _Alignof(max_align_t), HEADER = ALIGN };

/* Each record has its whole size before it, in HEADER bytes. */
struct fifo_block {
    struct fifo_block *next;
    size_t begin; /* of the first record that is left */
    size_t end;
    _Alignas(max_align_t) unsigned char bytes[BLOCK_BYTES];
};

static struct fifo_block *take_block(struct fifo *fifo)
{
    struct fifo_block *block = fifo->spare != NULL ? fifo->spare : malloc(sizeof(*block));
    fifo->spare = NULL;
    if (block != NULL) {
        block->next = NULL;
        block->begin = 0;
        block->end = 0;
    }
    return block;
}

static struct fifo_block *block_with_room(struct fifo *fifo, size_t size)
{
    if (fifo->last != NULL && BLOCK_BYTES - fifo->last->end >= size) {
        return fifo->last;
    }
    struct fifo_block *block = take_block(fifo);
    if (block == NULL) {
        return NULL;
    }
    if (fifo->last != NULL) {
        fifo->last->next = block;
    } else {
        fifo->first = block;
    }
    fifo->last = block;
    return block;
}

static size_t whole_size(const struct fifo_block *block, size_t at)
{
    return *(const size_t *)(const void *)(block->bytes + at);
}

void *fifo_push(struct fifo *fifo, size_t size)
{
    _Static_assert(FIFO_LIMIT_BYTES + 2 * HEADER <= BLOCK_BYTES, "a block holds any record");
    CHECK(size <= FIFO_LIMIT_BYTES);
    size_t whole = HEADER + (size + ALIGN - 1) / ALIGN * ALIGN;
    struct fifo_block *block = block_with_room(fifo, whole);
    if (block == NULL) {
        return NULL;
    }
    unsigned char *at = block->bytes + block->end;
    *(size_t *)(void *)at = whole;
    block->end += whole;
    fifo->count++;
    return at + HEADER;
}

void *fifo_first(const struct fifo *fifo)
{
    return fifo->count > 0 ? fifo->first->bytes + fifo->first->begin + HEADER : NULL;
}

/* One emptied block waits for the next one that is needed. */
static void drop_first_block(struct fifo *fifo)
{
    struct fifo_block *block = fifo->first;
    fifo->first = block->next;
    if (fifo->first == NULL) {
        fifo->last = NULL;
    }
    free(fifo->spare);
    fifo->spare = block;
}

void fifo_pop(struct fifo *fifo)
{
    CHECK(fifo->count > 0);
    struct fifo_block *block = fifo->first;
    block->begin += whole_size(block, block->begin);
    fifo->count--;
    if (block->begin == block->end) {
        drop_first_block(fifo);
    }
}

/* No block in between is empty: what is emptied goes. */
size_t fifo_peek(const struct fifo *fifo, void **out, size_t limit)
{
    struct fifo_block *block = fifo->first;
    size_t at = block != NULL ? block->begin : 0;
    size_t count = 0;
    for (; block != NULL && count < limit && count < fifo->count; count++) {
        if (at == block->end) {
            block = block->next;
            at = block->begin;
        }
        out[count] = block->bytes + at + HEADER;
        at += whole_size(block, at);
    }
    return count;
}

void fifo_release(struct fifo *fifo)
{
    while (fifo->first != NULL) {
        drop_first_block(fifo);
    }
    free(fifo->spare);
    *fifo = (struct fifo){.count = 0};
}
