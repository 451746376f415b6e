#include "store/row_buffer.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/user_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"

enum { FIRST_CAPACITY = 1 << 18, KEPT_CAPACITY = 1 << 22 };

/* Stands before each row's bytes. */
struct head {
    uint32_t table;
    uint32_t row;
    uint32_t size;
};

void row_buffer_release(struct row_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct row_buffer){0};
}

void row_buffer_clear(struct row_buffer *buffer)
{
    if (buffer->capacity > KEPT_CAPACITY) {
        row_buffer_release(buffer);
    }
    buffer->size = 0;
    buffer->failed = false;
}

/* Room for one row of any table. */
static bool reserve(struct row_buffer *buffer)
{
    _Static_assert((int)USER_ROW_SIZE_MAX >= (int)VIDEO_ROW_SIZE_MAX, "a user is the largest");
    _Static_assert((int)USER_ROW_SIZE_MAX >= (int)STATISTICS_ROW_SIZE_MAX, "a user is the largest");
    _Static_assert((int)USER_ROW_SIZE_MAX >= (int)WATCH_ROW_SIZE_MAX, "a user is the largest");
    _Static_assert((int)USER_ROW_SIZE_MAX >= (int)USER_KEYS_ROW_SIZE_MAX, "a user is the largest");
    _Static_assert((int)USER_ROW_SIZE_MAX >= (int)STATISTICS_KEYS_ROW_SIZE_MAX,
                   "a user is the largest");
    if (buffer->capacity - buffer->size >= sizeof(struct head) + USER_ROW_SIZE_MAX) {
        return true;
    }
    size_t capacity = buffer->capacity > 0 ? 2 * buffer->capacity : FIRST_CAPACITY;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

static size_t encode_user_keys(const struct state *state, size_t row, uint8_t *out)
{
    struct user_key_entry entries[STATE_KEYS_PER_ROW];
    size_t first = row * STATE_KEYS_PER_ROW;
    size_t count = state_keys_in_row(state_row_count(state, STATE_USERS), row);
    for (size_t i = 0; i < count; i++) {
        entries[i] = state_user_key_at(state, first + i);
    }
    return user_keys_row_encode(entries, count, out);
}

static size_t encode_statistics_keys(const struct state *state, size_t row, uint8_t *out)
{
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    size_t first = row * STATE_KEYS_PER_ROW;
    size_t count = state_keys_in_row(state_row_count(state, STATE_STATISTICS), row);
    for (size_t i = 0; i < count; i++) {
        entries[i] = state_statistics_key_at(state, first + i);
    }
    return statistics_keys_row_encode(entries, count, out);
}

static size_t encode(const struct state *state, enum state_table table, size_t row, uint8_t *out)
{
    struct video_row video;
    struct statistics_row statistics;
    switch (table) {
    case STATE_USERS:
        return user_row_encode(state_user_at(state, row), out);
    case STATE_VIDEOS:
        state_video_at(state, row, &video);
        return video_row_encode(&video, out);
    case STATE_STATISTICS:
        state_statistics_at(state, row, &statistics);
        return statistics_row_encode(&statistics, out);
    case STATE_USER_KEYS:
        return encode_user_keys(state, row, out);
    case STATE_STATISTICS_KEYS:
        return encode_statistics_keys(state, row, out);
    case STATE_WATCH:
    case STATE_TABLE_COUNT:
        break;
    }
    return watch_row_encode(state_watch_at(state, row), out);
}

void row_buffer_add(struct row_buffer *buffer, const struct state *state, enum state_table table,
                    size_t row)
{
    if (buffer->failed || !reserve(buffer)) {
        buffer->failed = true;
        return;
    }
    uint8_t *at = buffer->bytes + buffer->size;
    size_t size = encode(state, table, row, at + sizeof(struct head));
    struct head head = {(uint32_t)table, (uint32_t)row, (uint32_t)size};
    memcpy(at, &head, sizeof(head));
    buffer->size += sizeof(head) + size;
}

bool row_buffer_next(const struct row_buffer *buffer, size_t *at, struct encoded_row *out)
{
    struct head head;
    if (*at == buffer->size) {
        return false;
    }
    memcpy(&head, buffer->bytes + *at, sizeof(head));
    *out = (struct encoded_row){.table = (enum state_table)head.table,
                                .row = head.row,
                                .size = head.size,
                                .bytes = buffer->bytes + *at + sizeof(head)};
    *at += sizeof(head) + head.size;
    CHECK(*at <= buffer->size);
    return true;
}
