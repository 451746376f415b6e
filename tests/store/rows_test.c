#include <stdlib.h>
#include <string.h>

#include "store/coder.h"
#include "store/statistics_row.h"
#include "store/user_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"
#include "tests/test.h"

/* The header's checksum is left out: golden bytes are those behind it. */
static void check_bytes(const uint8_t *want, size_t want_size, const uint8_t *row, size_t size)
{
    CHECK_EQ(CODER_HEADER_SIZE + want_size, size);
    CHECK_EQ(1, row[0]);
    for (size_t i = 0; i < want_size; i++) {
        if (want[i] != row[CODER_HEADER_SIZE + i]) {
            fprintf(stderr, "byte %zu\n", i);
        }
        CHECK_EQ(want[i], row[CODER_HEADER_SIZE + i]);
    }
}

static void user_has_these_bytes(void)
{
    static uint8_t row[USER_ROW_SIZE_MAX];
    struct affinity creators[] = {{.key = 0x0102030405060708, .value = 1.0F, .time_s = 5},
                                  {.key = 9, .value = 1.0F, .time_s = 4}};
    struct affinity durations[] = {{.key = 3, .value = -0.5F, .time_s = 6}};
    struct seen seen[] = {{.video_key = 1, .ranking_key = 7, .time_s = 5, .flags = SEEN_LIKED},
                          {.video_key = 2,
                           .ranking_key = 7,
                           .time_s = 6,
                           .watch_ms = 300,
                           .watch_region = 0x0102,
                           .watch_bucket = 8,
                           .flags = SEEN_WATCHED | SEEN_PLAYED},
                          {.video_key = 3, .time_s = 6}};
    uint64_t follows[] = {17};
    uint32_t follow_times_s[] = {3};
    struct user user = {
        .key = 0x1122334455667788,
        .first_signal_ms = 3000,
        .last_signal_ms = 6500,
        .signal_count = 130,
        .affinity_count = {[AFFINITY_CREATOR] = 2, [AFFINITY_DURATION] = 1},
        .affinities = {[AFFINITY_CREATOR] = creators, [AFFINITY_DURATION] = durations},
        .seen_count = 3,
        .seen = seen,
        .follow_count = 1,
        .follows = follows,
        .follow_times_s = follow_times_s,
    };
    static const uint8_t
        want[] =
            {
                0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* key */
                0xf0, 0x2e,                                     /* 3000 signed is 6000 */
                0xac, 0x1b,                                     /* 3500 later */
                0x82, 0x01,                                     /* 130 signals */
                2,                                              /* creators */
                2,    8,    7,    6,    5,    4,    3,    2,    1, 0, 0, 0x80, 0x3f, /* a second
                                                                                        before */
                3,    9,    0,    0,    0,    0,    0,    0,    0, /* same value */
                0,    0,    0,                                     /* categories, tags, languages */
                1,    0,    3,    0,    0,    0,    0xbf, /* duration bucket 3 at the last second */
                3,                                        /* seen */
                0x88, 1,    0,    0,    0,    0,    0,    0,    0, 7, 0, 0,    0,    0,
                0,    0,    0,    1,    0x70, 2,    0,    0,    0, 0, 0, 0,    0,    2,
                0xac, 2,    2,    1,    8,    0,    3,    0,    0, 0, 0, 0,    0,    0,
                0,    1,    17,   0,    0,    0,    0,    0,    0, 0, 5, /* follows, three seconds
                                                                            before */
                0,                                                       /* hides */
            };
    check_bytes(want, sizeof(want), row, user_row_encode(&user, row));
}

static void video_has_these_bytes(void)
{
    uint8_t row[VIDEO_ROW_SIZE_MAX];
    struct video_row video = {
        .facts = {.key = 5,
                  .creator_key = 6,
                  .content_hash = 7,
                  .category_keys = {8},
                  .languages = {0x0a09, 0x0c0b},
                  .regions_allowed = {.count = 1, .regions = {0x0e0d}},
                  .published_ms = -1,
                  .duration_ms = 200,
                  .creator_region = 0x100f,
                  .minimum_age_years = 18,
                  .safety = SAFETY_LOW,
                  .curated = CURATED_FEATURED,
                  .premium = true,
                  .quality = 0.5F},
        .log_sequence = 128,
        .known = true,
    };
    static const uint8_t want[] = {
        5,    0,    0,    0,    0,    0, 0, 0,    5, /* key, known and premium */
        6,    0,    0,    0,    0,    0, 0, 0,    7,    0, 0, 0, 0, 0, 0, 0, /* creator, hash */
        0x80, 1,    1,    0xc8, 1,    0, 0, 0,    0x3f, /* sequence, published, duration, quality */
        0x0f, 0x10, 18,   2,    2,                      /* region, age, safety, curated */
        1,    8,    0,    0,    0,    0,                /* a category, no tag */
        2,    0x09, 0x0a, 0x0b, 0x0c, 0, 1, 0x0d, 0x0e, 0, /* languages; a region */
    };
    check_bytes(want, sizeof(want), row, video_row_encode(&video, row));
}

static void video_with_an_embedding_has_these_bytes(void)
{
    uint8_t row[VIDEO_ROW_SIZE_MAX];
    struct video_row decoded;
    struct video_row video = {.facts = {.key = 5, .embedding = {.size = 3, .values = {127, -1, 0}}},
                              .known = true};
    static const uint8_t want[] = {
        5, 0,   0,    0, 0, 0, 0, 0, 1,                      /* key, known */
        0, 0,   0,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* creator, hash */
        0, 0,   0,    0, 0, 0, 0,             /* sequence, published, duration, quality */
        0, 0,   0,    0, 0, 0, 0, 0, 0, 0, 0, /* region, age, safety, curated; lists */
        3, 127, 0xff, 0,
    };
    size_t size = video_row_encode(&video, row);
    CHECK_EQ(CODER_HEADER_SIZE + sizeof(want), size);
    CHECK_EQ(2, row[0]);
    CHECK(memcmp(want, row + CODER_HEADER_SIZE, sizeof(want)) == 0);
    CHECK_EQ(STATUS_OK, video_row_decode(row, size, &decoded));
    CHECK(memcmp(&decoded.facts.embedding, &video.facts.embedding, sizeof(struct embedding)) == 0);
}

/* Too large, no largest component, and of a video that the catalogue does not know. */
static void embeddings_that_nobody_has_are_corrupt(void)
{
    uint8_t row[VIDEO_ROW_SIZE_MAX];
    struct video_row decoded;
    struct video_row video = {.facts = {.key = 5, .embedding = {.size = 3, .values = {127, -1, 0}}},
                              .known = true};
    size_t size = video_row_encode(&video, row);
    row[size - 3] = 126;
    CHECK_EQ(size, seal_row(row, 2, row + size));
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, size, &decoded));
    row[size - 3] = 0x80;
    CHECK_EQ(size, seal_row(row, 2, row + size));
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, size, &decoded));
    row[size - 3] = 127;
    CHECK_EQ(size, seal_row(row, 2, row + size));
    CHECK_EQ(STATUS_OK, video_row_decode(row, size, &decoded));
    CHECK_EQ(size, seal_row(row, 1, row + size));
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, size, &decoded));
    row[size - 4] = LIMIT_VIDEO_EMBEDDING + 1;
    CHECK_EQ(size, seal_row(row, 2, row + size));
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, size, &decoded));
    row[size - 4] = 0;
    CHECK_EQ(size - 3, seal_row(row, 2, row + size - 3));
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, size - 3, &decoded));
    uint8_t *end = put_fixed(row + CODER_HEADER_SIZE, 5, 8);
    end = put_fixed(end, 0x7f0100, 3); /* not known, and then 1 component */
    CHECK_EQ(STATUS_CORRUPT, video_row_decode(row, seal_row(row, 2, end), &decoded));
}

static void video_known_by_signals_alone_is_a_key(void)
{
    uint8_t row[VIDEO_ROW_SIZE_MAX];
    static const uint8_t want[] = {5, 0, 0, 0, 0, 0, 0, 0, 0};
    struct video_row video = {.facts = {.key = 5}};
    check_bytes(want, sizeof(want), row, video_row_encode(&video, row));
}

static void statistics_have_these_bytes(void)
{
    uint8_t row[STATISTICS_ROW_SIZE_MAX];
    struct stats_bucket bucket = {.start_tick = 1000, .counts = {[COUNTER_PLAYS] = 3}};
    struct stats stats = {.total = {[COUNTER_IMPRESSIONS] = 100, [COUNTER_LIKES] = -1},
                          .watch_ms = 64,
                          .newest_tick = 1001,
                          .bucket_count = 1,
                          .buckets = &bucket};
    struct statistics_row statistics = {
        .video_key = 5, .kind = SCOPE_REGION, .code = 0x0102, .stats = &stats};
    static const uint8_t want[] = {
        5,    0,   0,    0, 0, 0, 0, 0, 1, 2, 1, /* key, kind, code */
        0x41, 200, 1,    1,                      /* counters 0 and 6: 100 and -1 */
        0x80, 1,   0xe9, 7, 1,                   /* watch, newest tick, one bucket */
        0,    1,   2,    6,                      /* level, a tick ago, 3 plays */
    };
    CHECK_EQ(6, COUNTER_LIKES);
    check_bytes(want, sizeof(want), row, statistics_row_encode(&statistics, row));
}

static void watch_times_have_these_bytes(void)
{
    uint8_t row[WATCH_ROW_SIZE_MAX];
    static struct watch_histogram histograms[DURATION_BUCKET_COUNT];
    histograms[0] = (struct watch_histogram){.bins = {[0] = 1, [63] = 128}, .count = 129};
    uint8_t want[DURATION_BUCKET_COUNT * 8 + 3] = {1, 0, 0, 0, 0, 0, 0, 0x80, 1, 0x80, 1};
    check_bytes(want, sizeof(want), row, watch_row_encode(histograms, row));
}

/* A user with as much as there can be, in fields as wide as they get. */
static struct user largest_user(struct user_parts *parts)
{
    struct user user = {
        .key = UINT64_MAX,
        .first_signal_ms = INT64_MIN,
        .last_signal_ms = INT64_MAX,
        .signal_count = UINT64_MAX,
        .seen_count = USER_SEEN_MAX,
        .follow_count = USER_FOLLOWS_MAX,
        .hide_count = USER_HIDES_MAX,
        .seen = parts->seen,
        .follows = parts->follows,
        .hides = parts->hides,
        .follow_times_s = parts->follow_times_s,
        .hide_times_s = parts->hide_times_s,
    };
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        user.affinities[kind] = parts->affinities[kind];
        user.affinity_count[kind] = USER_AFFINITIES_MAX;
        for (unsigned i = 0; i < USER_AFFINITIES_MAX; i++) {
            parts->affinities[kind][i] =
                (struct affinity){.key = 255 - i, .value = (float)i, .time_s = i % 2 * 0x80000000U};
        }
    }
    for (unsigned i = 0; i < USER_SEEN_MAX; i++) {
        parts->seen[i] = (struct seen){.video_key = UINT64_MAX - i,
                                       .ranking_key = UINT64_MAX - i,
                                       .time_s = i % 2 * 0x80000000U,
                                       .watch_ms = UINT32_MAX,
                                       .watch_region = UINT16_MAX,
                                       .watch_bucket = DURATION_BUCKET_COUNT - 1,
                                       .flags = 63};
    }
    for (unsigned i = 0; i < USER_FOLLOWS_MAX; i++) {
        parts->follows[i] = UINT64_MAX - USER_FOLLOWS_MAX + i;
        parts->hides[i] = i + 1;
        parts->follow_times_s[i] = i % 2 * 0x80000000U;
        parts->hide_times_s[i] = UINT32_MAX - i;
    }
    return user;
}

static void largest_user_comes_back_whole(void)
{
    static struct user_parts parts;
    static struct user_parts decoded_parts;
    static uint8_t row[USER_ROW_SIZE_MAX];
    static uint8_t again[USER_ROW_SIZE_MAX];
    struct user user = largest_user(&parts);
    struct user decoded;
    size_t size = user_row_encode(&user, row);
    CHECK(size <= USER_ROW_SIZE_MAX);
    CHECK_EQ(STATUS_OK, user_row_decode(row, size, &decoded_parts, &decoded));
    CHECK(decoded.seen[511].video_key == UINT64_MAX - 511 && decoded.seen[511].flags == 63);
    CHECK(decoded.hides[511] == 512 && decoded.hide_times_s[511] == UINT32_MAX - 511);
    CHECK(decoded.key == user.key && decoded.signal_count == user.signal_count);
    CHECK(decoded.first_signal_ms == INT64_MIN && decoded.last_signal_ms == INT64_MAX);
    CHECK_EQ(size, user_row_encode(&decoded, again));
    CHECK(memcmp(row, again, size) == 0);
}

static void empty_user_comes_back(void)
{
    static struct user_parts parts;
    static uint8_t row[USER_ROW_SIZE_MAX];
    struct user user = {.key = 1};
    struct user decoded;
    size_t size = user_row_encode(&user, row);
    CHECK_EQ(STATUS_OK, user_row_decode(row, size, &parts, &decoded));
    CHECK_EQ(1, decoded.key);
    CHECK_EQ(0, decoded.seen_count);
}

static void largest_video_comes_back_whole(void)
{
    uint8_t row[VIDEO_ROW_SIZE_MAX];
    struct video_row video;
    struct video_row decoded;
    memset(&video, 0xff, sizeof(video));
    video.known = true;
    video.deleted = true;
    video.facts.premium = true;
    video.facts.quality = -1;
    video.facts.published_ms = INT64_MIN;
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        video.facts.category_keys[i] = UINT32_MAX - i;
    }
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        video.facts.tag_keys[i] = UINT32_MAX - i;
    }
    video.facts.regions_allowed.count = LIMIT_VIDEO_REGIONS;
    for (unsigned i = 0; i < LIMIT_VIDEO_REGIONS; i++) {
        video.facts.regions_allowed.regions[i] = (uint16_t)(UINT16_MAX - 100 + i);
    }
    video.facts.regions_forbidden = video.facts.regions_allowed;
    video.facts.embedding.size = LIMIT_VIDEO_EMBEDDING;
    memset(video.facts.embedding.values, -127, LIMIT_VIDEO_EMBEDDING);
    size_t size = video_row_encode(&video, row);
    CHECK(size <= VIDEO_ROW_SIZE_MAX);
    CHECK_EQ(STATUS_OK, video_row_decode(row, size, &decoded));
    CHECK(decoded.known && decoded.deleted && decoded.facts.premium);
    CHECK(memcmp(decoded.facts.tag_keys, video.facts.tag_keys, sizeof(video.facts.tag_keys)) == 0);
    CHECK(memcmp(&decoded.facts.regions_forbidden, &video.facts.regions_forbidden,
                 sizeof(struct region_set)) == 0);
    CHECK(decoded.facts.published_ms == INT64_MIN && decoded.log_sequence == UINT64_MAX);
}

/* 49 buckets: 16 of a tick, 17 of 6 hours, 16 of 3.5 days, as their ages demand. */
static void largest_statistics_come_back_whole(void)
{
    static struct statistics_parts parts;
    uint8_t row[STATISTICS_ROW_SIZE_MAX];
    struct stats stats = {.watch_ms = INT64_MIN};
    struct stats_delta delta = {{0}, 0};
    struct statistics_row decoded;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        delta.counts[i] = INT32_MIN;
    }
    for (int64_t tick = 0; tick < 672 * 17; tick++) {
        CHECK_EQ(STATUS_OK, stats_add(&stats, tick * 450000, &delta));
    }
    struct statistics_row statistics = {
        .video_key = UINT64_MAX, .kind = SCOPE_LANGUAGE, .code = UINT16_MAX, .stats = &stats};
    size_t size = statistics_row_encode(&statistics, row);
    CHECK(size <= STATISTICS_ROW_SIZE_MAX);
    CHECK_EQ(STATUS_OK, statistics_row_decode(row, size, &parts, &decoded));
    CHECK(decoded.video_key == UINT64_MAX && decoded.kind == SCOPE_LANGUAGE);
    CHECK_EQ(stats.bucket_count, decoded.stats->bucket_count);
    CHECK(stats.bucket_count > 40);
    CHECK(memcmp(stats.total, decoded.stats->total, sizeof(stats.total)) == 0);
    for (uint32_t i = 0; i < stats.bucket_count; i++) {
        CHECK_EQ(stats.buckets[i].start_tick, decoded.stats->buckets[i].start_tick);
        CHECK_EQ(stats.buckets[i].counts[3], decoded.stats->buckets[i].counts[3]);
    }
    stats_release(&stats);
}

static void statistics_in_an_impossible_bucket_are_corrupt(void)
{
    static struct statistics_parts parts;
    uint8_t row[STATISTICS_ROW_SIZE_MAX];
    struct stats_bucket buckets[2] = {{.start_tick = 1000}, {.start_tick = 1000}};
    struct stats stats = {.newest_tick = 1001, .bucket_count = 1, .buckets = buckets};
    struct statistics_row statistics = {.video_key = 5, .kind = SCOPE_GLOBAL, .stats = &stats};
    struct statistics_row decoded;
    size_t size = statistics_row_encode(&statistics, row);
    CHECK_EQ(STATUS_OK, statistics_row_decode(row, size, &parts, &decoded));
    stats.bucket_count = 2; /* the same place twice */
    size = statistics_row_encode(&statistics, row);
    CHECK_EQ(STATUS_CORRUPT, statistics_row_decode(row, size, &parts, &decoded));
    stats.bucket_count = 1;
    stats.newest_tick = 1016; /* too old to be dated to the tick */
    size = statistics_row_encode(&statistics, row);
    CHECK_EQ(STATUS_CORRUPT, statistics_row_decode(row, size, &parts, &decoded));
}

static enum status decode_any(unsigned which, const uint8_t *row, size_t size)
{
    static struct user_parts user_parts;
    static struct statistics_parts statistics_parts;
    static struct watch_histogram histograms[DURATION_BUCKET_COUNT];
    struct user user;
    struct video_row video;
    struct statistics_row statistics;
    switch (which) {
    case 0:
        return user_row_decode(row, size, &user_parts, &user);
    case 1:
        return video_row_decode(row, size, &video);
    case 2:
        return statistics_row_decode(row, size, &statistics_parts, &statistics);
    default:
        return watch_row_decode(row, size, histograms);
    }
}

/* A small row of each kind. */
static size_t encode_any(unsigned which, uint8_t *row)
{
    static const struct watch_histogram histograms[DURATION_BUCKET_COUNT] = {
        {.bins = {[3] = 4}, .count = 4}};
    struct seen seen = {.video_key = 1, .time_s = 5};
    struct user user = {.key = 1, .seen_count = 1, .seen = &seen};
    struct video_row video = {.facts = {.key = 1, .tag_keys = {4}}, .known = true};
    struct stats stats = {.total = {4}};
    struct statistics_row statistics = {.video_key = 1, .stats = &stats};
    switch (which) {
    case 0:
        return user_row_encode(&user, row);
    case 1:
        return video_row_encode(&video, row);
    case 2:
        return statistics_row_encode(&statistics, row);
    default:
        return watch_row_encode(histograms, row);
    }
}

static void damage_is_noticed_wherever_it_is(void)
{
    static uint8_t row[USER_ROW_SIZE_MAX];
    for (unsigned which = 0; which < 4; which++) {
        size_t size = encode_any(which, row);
        CHECK_EQ(STATUS_OK, decode_any(which, row, size));
        for (size_t i = 0; i < size; i++) {
            row[i] ^= 0x10;
            CHECK_EQ(STATUS_CORRUPT, decode_any(which, row, size));
            row[i] ^= 0x10;
        }
    }
}

static void rows_cut_or_continued_are_corrupt(void)
{
    static uint8_t row[USER_ROW_SIZE_MAX];
    for (unsigned which = 0; which < 4; which++) {
        size_t size = encode_any(which, row);
        row[size] = 0;
        for (size_t cut = CODER_HEADER_SIZE; cut <= size + 1; cut++) {
            (void)seal_row(row, 1, row + cut); /* with the checksum of what is left */
            CHECK_EQ(cut == size ? STATUS_OK : STATUS_CORRUPT, decode_any(which, row, cut));
        }
        for (size_t cut = 0; cut < CODER_HEADER_SIZE; cut++) {
            CHECK_EQ(STATUS_CORRUPT, decode_any(which, row, cut));
        }
    }
}

static void another_version_is_corrupt(void)
{
    static uint8_t row[USER_ROW_SIZE_MAX];
    for (unsigned which = 0; which < 4; which++) {
        size_t size = encode_any(which, row);
        (void)seal_row(row, 2, row + size);
        CHECK_EQ(STATUS_CORRUPT, decode_any(which, row, size));
    }
}

static void varint_longer_than_need_be_is_bad(void)
{
    static const uint8_t longer[] = {0x81, 0x00};
    static const uint8_t largest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    static const uint8_t above[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    struct bytes bytes = {.at = longer, .end = longer + sizeof(longer)};
    CHECK_EQ(0, get_varint(&bytes, UINT64_MAX));
    CHECK(bytes.bad);
    bytes = (struct bytes){.at = largest, .end = largest + sizeof(largest)};
    CHECK(get_varint(&bytes, UINT64_MAX) == UINT64_MAX);
    CHECK(all_read(&bytes));
    bytes = (struct bytes){.at = above, .end = above + sizeof(above)};
    CHECK_EQ(0, get_varint(&bytes, UINT64_MAX));
    CHECK(bytes.bad);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(user_has_these_bytes),
        TEST(video_has_these_bytes),
        TEST(video_with_an_embedding_has_these_bytes),
        TEST(embeddings_that_nobody_has_are_corrupt),
        TEST(video_known_by_signals_alone_is_a_key),
        TEST(statistics_have_these_bytes),
        TEST(watch_times_have_these_bytes),
        TEST(largest_user_comes_back_whole),
        TEST(empty_user_comes_back),
        TEST(largest_video_comes_back_whole),
        TEST(largest_statistics_come_back_whole),
        TEST(statistics_in_an_impossible_bucket_are_corrupt),
        TEST(damage_is_noticed_wherever_it_is),
        TEST(rows_cut_or_continued_are_corrupt),
        TEST(another_version_is_corrupt),
        TEST(varint_longer_than_need_be_is_bad),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
