#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/coder.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/user_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes a row and, if that works, encodes it again; 0 otherwise. */
typedef size_t recode(const uint8_t *row, size_t size, uint8_t *out);

static size_t recode_user(const uint8_t *row, size_t size, uint8_t *out)
{
    static struct user_parts parts;
    struct user user;
    return user_row_decode(row, size, &parts, &user) == STATUS_OK ? user_row_encode(&user, out) : 0;
}

static size_t recode_video(const uint8_t *row, size_t size, uint8_t *out)
{
    struct video_row video;
    return video_row_decode(row, size, &video) == STATUS_OK ? video_row_encode(&video, out) : 0;
}

static size_t recode_statistics(const uint8_t *row, size_t size, uint8_t *out)
{
    static struct statistics_parts parts;
    struct statistics_row statistics;
    enum status status = statistics_row_decode(row, size, &parts, &statistics);
    return status == STATUS_OK ? statistics_row_encode(&statistics, out) : 0;
}

static size_t recode_watch(const uint8_t *row, size_t size, uint8_t *out)
{
    static struct watch_histogram histograms[DURATION_BUCKET_COUNT];
    return watch_row_decode(row, size, histograms) == STATUS_OK ? watch_row_encode(histograms, out)
                                                                : 0;
}

static size_t recode_user_keys(const uint8_t *row, size_t size, uint8_t *out)
{
    static struct user_key_entry entries[STATE_KEYS_PER_ROW];
    size_t count;
    enum status status = user_keys_row_decode(row, size, entries, &count);
    return status == STATUS_OK ? user_keys_row_encode(entries, count, out) : 0;
}

/* A row of version 1 is written as the current one, which says the same. */
static size_t recode_statistics_keys(const uint8_t *row, size_t size, uint8_t *out)
{
    static struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    static struct statistics_key_entry again[STATE_KEYS_PER_ROW];
    size_t count;
    size_t again_count;
    if (statistics_keys_row_decode(row, size, entries, &count) != STATUS_OK) {
        return 0;
    }
    size_t again_size = statistics_keys_row_encode(entries, count, out);
    if (row[0] != 1) {
        return again_size;
    }
    CHECK(statistics_keys_row_decode(out, again_size, again, &again_count) == STATUS_OK);
    CHECK(count == again_count);
    for (size_t i = 0; i < count; i++) {
        CHECK(entries[i].video_key == again[i].video_key && entries[i].kind == again[i].kind);
        CHECK(entries[i].code == again[i].code && entries[i].last_day == again[i].last_day);
        CHECK(entries[i].scoped == again[i].scoped);
    }
    return 0;
}

/* What decodes encodes to the same bytes. */
static void check(recode *again_of, const uint8_t *row, size_t size)
{
    static uint8_t again[USER_ROW_SIZE_MAX];
    size_t again_size = again_of(row, size, again);
    CHECK(again_size == 0 || again_size == size);
    CHECK(memcmp(row, again, again_size) == 0);
}

/*
 * The first byte says which row it is. The others are tried as they are, and with version and
 * checksum put right, which no fuzzer guesses, so that what lies behind them is reached.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static recode *const recodes[] = {recode_user,  recode_video,     recode_statistics,
                                      recode_watch, recode_user_keys, recode_statistics_keys};
    if (size < 1) {
        return 0;
    }
    recode *again_of = recodes[data[0] % 6];
    uint8_t *row = malloc(size);
    CHECK(row != NULL);
    memcpy(row, data + 1, size - 1);
    check(again_of, row, size - 1);
    if (size - 1 >= CODER_HEADER_SIZE) {
        for (uint8_t version = 1; version <= 2; version++) {
            (void)seal_row(row, version, row + size - 1);
            check(again_of, row, size - 1);
        }
    }
    free(row);
    return 0;
}
