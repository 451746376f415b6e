#include "store/statistics_row.h"

#include <string.h>

#include "store/coder.h"

enum { VERSION = 1 };

static uint8_t *put_totals(uint8_t *at, const int64_t counts[COUNTER_COUNT])
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        mask |= (uint64_t)(counts[i] != 0) << i;
    }
    at = put_varint(at, mask);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (counts[i] != 0) {
            at = put_signed(at, counts[i]);
        }
    }
    return at;
}

static uint8_t *put_bucket(uint8_t *at, const struct stats_bucket *bucket, uint32_t newest_tick)
{
    int64_t counts[COUNTER_COUNT];
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        counts[i] = bucket->counts[i];
    }
    at = put_fixed(at, bucket->level, 1);
    at = put_varint(at, newest_tick - bucket->start_tick);
    return put_totals(at, counts);
}

size_t statistics_row_encode(const struct statistics_row *statistics, uint8_t *out)
{
    const struct stats *stats = statistics->stats;
    uint8_t *at = put_fixed(out + CODER_HEADER_SIZE, statistics->video_key, 8);
    at = put_fixed(at, statistics->kind, 1);
    at = put_fixed(at, statistics->code, 2);
    at = put_totals(at, stats->total);
    at = put_signed(at, stats->watch_ms);
    at = put_varint(at, stats->newest_tick);
    at = put_varint(at, stats->bucket_count);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        at = put_bucket(at, &stats->buckets[i], stats->newest_tick);
    }
    return seal_row(out, VERSION, at);
}

static void get_totals(struct bytes *bytes, int64_t counts[COUNTER_COUNT])
{
    uint64_t mask = get_varint(bytes, (UINT64_C(1) << COUNTER_COUNT) - 1);
    memset(counts, 0, COUNTER_COUNT * sizeof(counts[0]));
    for (; mask != 0; mask &= mask - 1) {
        int64_t count = get_signed(bytes);
        expect(bytes, count != 0);
        counts[__builtin_ctzll(mask)] = count;
    }
}

static void get_bucket(struct bytes *bytes, struct stats_bucket *bucket, uint32_t newest_tick)
{
    int64_t counts[COUNTER_COUNT];
    bucket->level = (uint8_t)get_fixed(bytes, 1);
    bucket->start_tick = newest_tick - (uint32_t)get_varint(bytes, newest_tick);
    get_totals(bytes, counts);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        expect(bytes, counts[i] >= INT32_MIN && counts[i] <= INT32_MAX);
        bucket->counts[i] = (int32_t)counts[i];
    }
}

static void get_stats(struct bytes *bytes, struct statistics_parts *parts)
{
    struct stats *stats = &parts->stats;
    *stats = (struct stats){.buckets = parts->buckets};
    get_totals(bytes, stats->total);
    stats->watch_ms = get_signed(bytes);
    stats->newest_tick = (uint32_t)get_varint(bytes, UINT32_MAX);
    stats->bucket_count = (uint32_t)get_varint(bytes, STATS_BUCKETS_MAX);
    for (uint32_t i = 0; i < stats->bucket_count && !bytes->bad; i++) {
        get_bucket(bytes, &parts->buckets[i], stats->newest_tick);
    }
}

enum status statistics_row_decode(const uint8_t *row, size_t size, struct statistics_parts *parts,
                                  struct statistics_row *out)
{
    struct bytes bytes = open_row(row, size, VERSION);
    uint64_t video_key = get_fixed(&bytes, 8);
    unsigned kind = (unsigned)get_fixed(&bytes, 1);
    unsigned code = (unsigned)get_fixed(&bytes, 2);
    expect(&bytes, video_key != 0);
    expect(&bytes, kind <= SCOPE_LANGUAGE);
    expect(&bytes, (kind == SCOPE_GLOBAL) == (code == 0));
    get_stats(&bytes, parts);
    if (!all_read(&bytes) || !stats_is_sound(&parts->stats)) {
        return STATUS_CORRUPT;
    }
    *out = (struct statistics_row){.video_key = video_key,
                                   .kind = (enum scope_kind)kind,
                                   .code = (uint16_t)code,
                                   .stats = &parts->stats};
    return STATUS_OK;
}
