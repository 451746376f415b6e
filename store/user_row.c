#include "store/user_row.h"

#include "ranker/check.h"
#include "store/coder.h"

enum { VERSION = 1 };

enum { RANKING_NONE, RANKING_SAME, RANKING_FOLLOWS, RANKING_SHIFT = 6 };

enum { SEEN_FLAGS = (1 << RANKING_SHIFT) - 1 };

static const unsigned key_sizes[AFFINITY_KIND_COUNT] = {
    [AFFINITY_CREATOR] = 8,  [AFFINITY_CATEGORY] = 4, [AFFINITY_TAG] = 4,
    [AFFINITY_LANGUAGE] = 2, [AFFINITY_DURATION] = 1,
};

/* Differences of times modulo 2^32, near 0 in either direction. */
static uint32_t fold(uint32_t time_s, uint32_t before_s)
{
    uint32_t difference = time_s - before_s;
    return difference << 1 ^ (difference >> 31 != 0 ? UINT32_MAX : 0);
}

static uint32_t unfold(uint32_t folded, uint32_t before_s)
{
    return before_s + (folded >> 1 ^ ((folded & 1) != 0 ? UINT32_MAX : 0));
}

static uint32_t last_second(const struct user *user)
{
    return (uint32_t)(user->last_signal_ms / 1000);
}

static uint8_t *put_affinities(uint8_t *at, const struct user *user, unsigned kind)
{
    uint32_t before_s = last_second(user);
    uint32_t value = 0;
    at = put_varint(at, user->affinity_count[kind]);
    for (unsigned i = 0; i < user->affinity_count[kind]; i++) {
        const struct affinity *affinity = &user->affinities[kind][i];
        bool same = float_bits(affinity->value) == value;
        CHECK(key_sizes[kind] == 8 || affinity->key >> (8 * key_sizes[kind]) == 0);
        value = float_bits(affinity->value);
        at = put_varint(at, (uint64_t)fold(affinity->time_s, before_s) << 1 | same);
        at = put_fixed(at, affinity->key, key_sizes[kind]);
        if (!same) {
            at = put_fixed(at, value, 4);
        }
        before_s = affinity->time_s;
    }
    return at;
}

static uint8_t *put_watch(uint8_t *at, const struct seen *seen)
{
    if ((seen->flags & SEEN_WATCHED) == 0) {
        CHECK(seen->watch_ms == 0);
        CHECK(seen->watch_region == 0);
        CHECK(seen->watch_bucket == 0);
        return at;
    }
    at = put_varint(at, seen->watch_ms);
    at = put_fixed(at, seen->watch_region, 2);
    return put_fixed(at, seen->watch_bucket, 1);
}

static unsigned ranking_of(uint64_t ranking_key, uint64_t before)
{
    if (ranking_key == 0) {
        return RANKING_NONE;
    }
    return ranking_key == before ? RANKING_SAME : RANKING_FOLLOWS;
}

static uint8_t *put_seen(uint8_t *at, const struct user *user)
{
    uint32_t before_s = last_second(user);
    uint64_t ranking_key = 0;
    at = put_varint(at, user->seen_count);
    for (unsigned i = 0; i < user->seen_count; i++) {
        const struct seen *seen = &user->seen[i];
        unsigned ranking = ranking_of(seen->ranking_key, ranking_key);
        CHECK(seen->flags <= SEEN_FLAGS);
        at = put_fixed(at, seen->flags | ranking << RANKING_SHIFT, 1);
        at = put_fixed(at, seen->video_key, 8);
        if (ranking == RANKING_FOLLOWS) {
            at = put_fixed(at, seen->ranking_key, 8);
        }
        at = put_varint(at, fold(seen->time_s, before_s));
        at = put_watch(at, seen);
        ranking_key = seen->ranking_key;
        before_s = seen->time_s;
    }
    return at;
}

static uint8_t *put_creators(uint8_t *at, const uint64_t *keys, const uint32_t *times_s,
                             unsigned count, uint32_t before_s)
{
    at = put_varint(at, count);
    for (unsigned i = 0; i < count; i++) {
        at = put_fixed(at, keys[i], 8);
        at = put_varint(at, fold(times_s[i], before_s));
        before_s = times_s[i];
    }
    return at;
}

size_t user_row_encode(const struct user *user, uint8_t *out)
{
    uint8_t *at = put_fixed(out + CODER_HEADER_SIZE, user->key, 8);
    at = put_signed(at, user->first_signal_ms);
    at = put_varint(at, (uint64_t)user->last_signal_ms - (uint64_t)user->first_signal_ms);
    at = put_varint(at, user->signal_count);
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        at = put_affinities(at, user, kind);
    }
    at = put_seen(at, user);
    at = put_creators(at, user->follows, user->follow_times_s, user->follow_count,
                      last_second(user));
    at = put_creators(at, user->hides, user->hide_times_s, user->hide_count, last_second(user));
    return seal_row(out, VERSION, at);
}

static void get_affinities(struct bytes *bytes, struct user *user, unsigned kind)
{
    uint32_t before_s = last_second(user);
    uint32_t value = 0;
    unsigned count = (unsigned)get_varint(bytes, USER_AFFINITIES_MAX);
    for (unsigned i = 0; i < count && !bytes->bad; i++) {
        uint64_t head = get_varint(bytes, (uint64_t)UINT32_MAX << 1 | 1);
        struct affinity *affinity = &user->affinities[kind][i];
        affinity->time_s = unfold((uint32_t)(head >> 1), before_s);
        affinity->key = get_fixed(bytes, key_sizes[kind]);
        expect(bytes, affinity->key != 0);
        if ((head & 1) == 0) {
            uint32_t bits = (uint32_t)get_fixed(bytes, 4);
            expect(bytes, bits != value && float_bits_finite(bits));
            value = bits;
        }
        affinity->value = float_of_bits(value);
        before_s = affinity->time_s;
    }
    user->affinity_count[kind] = (uint16_t)count;
}

static void get_watch(struct bytes *bytes, struct seen *seen)
{
    if ((seen->flags & SEEN_WATCHED) != 0) {
        seen->watch_ms = (uint32_t)get_varint(bytes, UINT32_MAX);
        seen->watch_region = (uint16_t)get_fixed(bytes, 2);
        seen->watch_bucket = (uint8_t)get_fixed(bytes, 1);
        expect(bytes, seen->watch_bucket < DURATION_BUCKET_COUNT);
    }
}

static uint64_t get_ranking(struct bytes *bytes, unsigned ranking, uint64_t before)
{
    uint64_t key = 0;
    if (ranking == RANKING_SAME) {
        key = before;
    } else if (ranking == RANKING_FOLLOWS) {
        key = get_fixed(bytes, 8);
    }
    expect(bytes, ranking_of(key, before) == ranking);
    return key;
}

static void get_seen(struct bytes *bytes, struct user *user)
{
    uint32_t before_s = last_second(user);
    uint64_t ranking_key = 0;
    unsigned count = (unsigned)get_varint(bytes, USER_SEEN_MAX);
    for (unsigned i = 0; i < count && !bytes->bad; i++) {
        unsigned head = (unsigned)get_fixed(bytes, 1);
        struct seen *seen = &user->seen[i];
        *seen = (struct seen){.flags = (uint8_t)(head & SEEN_FLAGS)};
        seen->video_key = get_fixed(bytes, 8);
        expect(bytes, seen->video_key != 0);
        seen->ranking_key = get_ranking(bytes, head >> RANKING_SHIFT, ranking_key);
        seen->time_s = unfold((uint32_t)get_varint(bytes, UINT32_MAX), before_s);
        get_watch(bytes, seen);
        ranking_key = seen->ranking_key;
        before_s = seen->time_s;
    }
    user->seen_count = (uint16_t)count;
}

static uint16_t get_creators(struct bytes *bytes, uint64_t *keys, uint32_t *times_s,
                             unsigned count_max, uint32_t before_s)
{
    uint64_t before = 0;
    unsigned count = (unsigned)get_varint(bytes, count_max);
    for (unsigned i = 0; i < count && !bytes->bad; i++) {
        keys[i] = get_fixed(bytes, 8);
        expect(bytes, keys[i] > before);
        times_s[i] = unfold((uint32_t)get_varint(bytes, UINT32_MAX), before_s);
        before = keys[i];
        before_s = times_s[i];
    }
    return (uint16_t)count;
}

/* Lets the lists point into parts. */
static struct user user_in(struct user_parts *parts)
{
    struct user user = {
        .seen = parts->seen,
        .follows = parts->follows,
        .follow_times_s = parts->follow_times_s,
        .hides = parts->hides,
        .hide_times_s = parts->hide_times_s,
    };
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        user.affinities[kind] = parts->affinities[kind];
    }
    return user;
}

enum status user_row_decode(const uint8_t *row, size_t size, struct user_parts *parts,
                            struct user *out)
{
    struct bytes bytes = open_row(row, size, VERSION);
    struct user user = user_in(parts);
    user.key = get_fixed(&bytes, 8);
    expect(&bytes, user.key != 0);
    user.first_signal_ms = get_signed(&bytes);
    uint64_t span_ms = get_varint(&bytes, UINT64_MAX);
    user.last_signal_ms = (int64_t)((uint64_t)user.first_signal_ms + span_ms);
    expect(&bytes, user.last_signal_ms >= user.first_signal_ms);
    user.signal_count = get_varint(&bytes, UINT64_MAX);
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        get_affinities(&bytes, &user, kind);
    }
    get_seen(&bytes, &user);
    user.follow_count = get_creators(&bytes, parts->follows, parts->follow_times_s,
                                     USER_FOLLOWS_MAX, last_second(&user));
    user.hide_count =
        get_creators(&bytes, parts->hides, parts->hide_times_s, USER_HIDES_MAX, last_second(&user));
    if (!all_read(&bytes)) {
        return STATUS_CORRUPT;
    }
    *out = user;
    return STATUS_OK;
}
