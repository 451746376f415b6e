#include "tests/store/numbered.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { WIDTH = 24 };

struct log *numbered_open(const char *path, size_t map_bytes)
{
    struct log *log = NULL;
    struct problem problem = {""};
    enum status status =
        log_open(&(struct log_options){.path = path, .map_bytes = map_bytes}, &log, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return log;
}

enum status numbered_append_at(struct log *log, uint64_t number, size_t count, int64_t appended_ms)
{
    struct record *records = calloc(count, sizeof(*records));
    char *payloads = calloc(count, WIDTH);
    CHECK(records != NULL && payloads != NULL);
    for (size_t i = 0; i < count; i++) {
        char *payload = payloads + i * WIDTH;
        int size = snprintf(payload, WIDTH, "%" PRIu64, number + i);
        records[i] = (struct record){.kind = EVENT_SIGNAL,
                                     .appended_ms = appended_ms,
                                     .event_key = {.low = number + i},
                                     .payload = (const uint8_t *)payload,
                                     .payload_size = (size_t)size};
    }
    uint64_t first = number;
    enum status status = log_append(log, records, count, &first);
    CHECK_EQ(number, first);
    free(payloads);
    free(records);
    return status;
}

enum status numbered_append(struct log *log, size_t count)
{
    return numbered_append_at(log, numbered_last(log) + 1, count, 0);
}

struct reader {
    uint64_t from;
    uint64_t count;
};

static bool check_record(void *context, uint64_t sequence, const struct record *record)
{
    struct reader *reader = context;
    char want[WIDTH];
    int size = snprintf(want, sizeof(want), "%" PRIu64, sequence);
    if (reader->from == 0) {
        reader->from = sequence;
    }
    CHECK_EQ(reader->from + reader->count, sequence);
    CHECK_EQ(size, record->payload_size);
    CHECK(memcmp(want, record->payload, record->payload_size) == 0);
    CHECK_EQ(sequence, record->event_key.low);
    reader->count++;
    return true;
}

uint64_t numbered_check(struct log *log, uint64_t from)
{
    struct reader reader = {.from = from};
    struct problem problem = {""};
    enum status status = log_poll(log, from, check_record, &reader, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    return reader.count;
}

uint64_t numbered_first(struct log *log)
{
    uint64_t first;
    uint64_t last;
    log_bounds(log, &first, &last);
    return first;
}

uint64_t numbered_last(struct log *log)
{
    uint64_t first;
    uint64_t last;
    log_bounds(log, &first, &last);
    return last;
}
