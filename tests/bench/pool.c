#include "tests/bench/pool.h"

#include <stdlib.h>

#include "ranker/check.h"
#include "tests/bench/program.h"

void pool_put_header(uint8_t frame[POOL_HEADER_SIZE], size_t message_size)
{
    frame[0] = 0;
    for (int i = 0; i < 4; i++) {
        frame[1 + i] = (uint8_t)(message_size >> (24 - 8 * i));
    }
}

size_t pool_frame_size(struct text rest)
{
    if (rest.size < POOL_HEADER_SIZE) {
        return 0;
    }
    const uint8_t *header = (const uint8_t *)rest.data;
    size_t size = POOL_HEADER_SIZE + ((size_t)header[1] << 24 | (size_t)header[2] << 16 |
                                      (size_t)header[3] << 8 | (size_t)header[4]);
    return size <= rest.size ? size : 0;
}

static struct text skip(struct text text, size_t size)
{
    return (struct text){.data = text.data + size, .size = text.size - size};
}

static size_t count_frames(struct text file, const char *path)
{
    size_t count = 0;
    for (struct text rest = file; rest.size > 0; count++) {
        size_t size = pool_frame_size(rest);
        if (size == 0) {
            give_up("%s: ends within frame %zu", path, count);
        }
        rest = skip(rest, size);
    }
    return count;
}

void pool_read(struct pool *pool, const char *path)
{
    pool->file = program_read_file(path);
    pool->count = count_frames(pool->file, path);
    if (pool->count == 0) {
        give_up("%s: no frames", path);
    }
    pool->frames = calloc(pool->count, sizeof(*pool->frames));
    CHECK(pool->frames != NULL);
    struct text rest = pool->file;
    for (size_t i = 0; i < pool->count; i++) {
        pool->frames[i] = (struct text){.data = rest.data, .size = pool_frame_size(rest)};
        rest = skip(rest, pool->frames[i].size);
    }
}

void pool_release(struct pool *pool)
{
    free(pool->frames);
    free((char *)(uintptr_t)pool->file.data);
}
