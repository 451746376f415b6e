#include "ranker/video.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/test.h"

/* Distinct for distinct i, and spread like hash_key(). */
static uint64_t key_of(uint64_t i)
{
    return hash_key((struct text){.data = (const char *)&i, .size = sizeof(i)});
}

static struct video_facts facts_of(uint64_t key)
{
    return (struct video_facts){
        .key = key,
        .creator_key = 0x1122334455667788,
        .content_hash = 99,
        .category_keys = {0xaaaaaaaa00000001, 0xaaaaaaaa00000002},
        .tag_keys = {0xbbbbbbbb00000003},
        .languages = {100, 200},
        .caption_languages = {300},
        .published_ms = 1700000000000,
        .duration_ms = 15001,
        .creator_region = 303,
        .minimum_age_years = 16,
        .safety = SAFETY_LOW,
        .curated = CURATED_FEATURED,
        .premium = true,
        .quality = 0.75F,
    };
}

static void put(struct videos *videos, const struct video_facts *facts)
{
    CHECK_EQ(STATUS_OK, videos_put(videos, facts));
}

static void an_empty_table_finds_nothing(void)
{
    struct videos *videos = videos_new();
    uint64_t keys[3] = {1, 2, 3};
    const struct video *found[3];
    CHECK_EQ(0, videos_count(videos));
    CHECK(videos_find(videos, 1) == NULL);
    videos_find_many(videos, keys, 0, found);
    videos_find_many(videos, keys, 3, found);
    CHECK(found[0] == NULL && found[1] == NULL && found[2] == NULL);
    CHECK_EQ(0, videos_region_set(videos, 0)->count);
    videos_free(videos);
    videos_free(NULL);
}

static void an_added_row_is_empty_and_unknown(void)
{
    struct videos *videos = videos_new();
    struct video *row;
    struct video *again;
    CHECK_EQ(STATUS_OK, videos_add(videos, 5, &row));
    CHECK_EQ(5, row->key);
    CHECK(!row->known);
    CHECK_EQ(8, row->duration_bucket);
    CHECK_EQ(0, row->creator_key);
    row->decayed.mean_watch_ms = 7;
    CHECK_EQ(STATUS_OK, videos_add(videos, 5, &again));
    CHECK(again == row);
    CHECK_EQ(1, videos_count(videos));
    CHECK_EQ(7, videos_at(videos, 0)->decayed.mean_watch_ms);
    videos_free(videos);
}

static void put_keeps_the_facts(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(5);
    put(videos, &facts);
    const struct video *row = videos_find(videos, 5);
    CHECK(row->known && !row->deleted && row->premium);
    CHECK(row->creator_key == 0x1122334455667788);
    CHECK_EQ(1700000000000, row->published_ms);
    CHECK_EQ(15001, row->duration_ms);
    CHECK_EQ(2, row->duration_bucket);
    CHECK_EQ(1, row->category_keys[0]);
    CHECK_EQ(2, row->category_keys[1]);
    CHECK_EQ(0, row->category_keys[2]);
    CHECK_EQ(3, row->tag_keys[0]);
    CHECK_EQ(200, row->languages[1]);
    CHECK_EQ(300, row->caption_languages[0]);
    CHECK_EQ(303, row->creator_region);
    CHECK_EQ(16, row->minimum_age_years);
    CHECK_EQ(SAFETY_LOW, row->safety);
    CHECK_EQ(CURATED_FEATURED, row->curated);
    CHECK(row->quality == 0.75F);
    CHECK_EQ(0, row->regions_allowed);
    videos_free(videos);
}

static void put_overwrites_facts_and_leaves_statistics(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(5);
    put(videos, &facts);
    struct video *row = videos_find(videos, 5);
    row->decayed.counts[0][0] = 3;
    row->deleted = true;
    facts = (struct video_facts){.key = 5, .safety = SAFETY_HIGH};
    put(videos, &facts);
    CHECK_EQ(1, videos_count(videos));
    CHECK(row->known && !row->deleted && !row->premium);
    CHECK_EQ(0, row->creator_key);
    CHECK_EQ(0, row->category_keys[0]);
    CHECK_EQ(8, row->duration_bucket);
    CHECK_EQ(SAFETY_HIGH, row->safety);
    CHECK(row->decayed.counts[0][0] == 3);
    videos_free(videos);
}

static uint32_t tag_of(const struct videos *videos, const struct video *row, unsigned place)
{
    uint32_t tags[LIMIT_VIDEO_TAGS];
    videos_get_tags(videos, row, tags);
    return tags[place];
}

static void all_tags_are_kept_in_their_order(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(5);
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        facts.tag_keys[i] = 0xbbbbbbbb00000001 + i;
    }
    put(videos, &facts);
    struct video *row = videos_find(videos, 5);
    CHECK(row->more != 0);
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        CHECK_EQ(1 + i, tag_of(videos, row, i));
    }
    facts.tag_keys[4] = facts.tag_keys[5] = facts.tag_keys[6] = facts.tag_keys[7] = 0;
    put(videos, &facts);
    CHECK_EQ(0, row->more);
    CHECK_EQ(4, tag_of(videos, row, 3));
    CHECK_EQ(0, tag_of(videos, row, 4));
    videos_free(videos);
}

/* Each counter another number. */
static struct stats_decayed counted(float first)
{
    struct stats_decayed decayed = {.newest_tick = 11, .mean_watch_ms = 12};
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
            decayed.counts[h][i] = first + (float)(h * COUNTER_SCORED_COUNT + i);
        }
    }
    return decayed;
}

static bool has_counts(const struct videos *videos, const struct video *row,
                       const struct stats_decayed *want)
{
    struct stats_decayed have;
    memset(&have, 0xff, sizeof(have));
    videos_get_decayed(videos, row, &have);
    return memcmp(want, &have, sizeof(have)) == 0;
}

static void all_counts_are_kept_and_leave_tags_alone(void)
{
    struct videos *videos = videos_new();
    const struct stats_decayed none = {0};
    const struct stats_decayed many = counted(100);
    struct video_facts facts = facts_of(5);
    facts.tag_keys[7] = 77;
    put(videos, &facts);
    struct video *row = videos_find(videos, 5);
    CHECK(has_counts(videos, row, &none));
    videos_set_decayed(videos, row, &many);
    CHECK(has_counts(videos, row, &many));
    CHECK_EQ(77, tag_of(videos, row, 7));
    facts.tag_keys[7] = 78;
    put(videos, &facts);
    CHECK(has_counts(videos, row, &many));
    CHECK_EQ(78, tag_of(videos, row, 7));
    videos_set_decayed(videos, row, &none);
    CHECK(has_counts(videos, row, &none));
    CHECK_EQ(78, tag_of(videos, row, 7));
    videos_free(videos);
}

static void common_counts_alone_need_nothing_more(void)
{
    struct videos *videos = videos_new();
    struct video *row;
    struct stats_decayed decayed = counted(1);
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = COUNTER_SHARES; i < COUNTER_SCORED_COUNT; i++) {
            decayed.counts[h][i] = 0;
        }
    }
    CHECK_EQ(STATUS_OK, videos_add(videos, 5, &row));
    videos_set_decayed(videos, row, &decayed);
    CHECK_EQ(0, row->more);
    CHECK(has_counts(videos, row, &decayed));
    decayed.counts[HALF_LIFE_14_DAYS][COUNTER_REPORTS] = 0.5F;
    videos_set_decayed(videos, row, &decayed);
    CHECK(row->more != 0);
    CHECK(has_counts(videos, row, &decayed));
    videos_free(videos);
}

static void what_rows_have_more_goes_with_them(void)
{
    struct videos *videos = videos_new();
    for (uint64_t key = 1; key <= 4; key++) {
        struct video *row;
        struct stats_decayed decayed = counted((float)key * 100);
        CHECK_EQ(STATUS_OK, videos_add(videos, key, &row));
        videos_set_decayed(videos, row, &decayed);
    }
    const uint32_t place = videos_find(videos, 2)->more;
    videos_remove(videos, videos_find(videos, 2)); /* 4 takes its place */
    for (uint64_t key = 1; key <= 4; key += key == 1 ? 2 : 1) {
        struct stats_decayed decayed = counted((float)key * 100);
        CHECK(has_counts(videos, videos_find(videos, key), &decayed));
    }
    struct video_facts facts = facts_of(5);
    put(videos, &facts);
    CHECK(has_counts(videos, videos_find(videos, 5), &(struct stats_decayed){0}));
    facts.tag_keys[7] = 9;
    put(videos, &facts);
    CHECK_EQ(place, videos_find(videos, 5)->more);
    CHECK(has_counts(videos, videos_find(videos, 5), &(struct stats_decayed){0}));
    videos_free(videos);
}

/* Rows that come and go, with counts or without, must not use up what there is room for. */
static void places_for_more_are_used_again(void)
{
    struct videos *videos = videos_new();
    const struct stats_decayed none = {0};
    uint32_t most = 0;
    for (uint64_t n = 1; n <= 3000; n++) {
        struct stats_decayed decayed = counted((float)n);
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, n, &row));
        videos_set_decayed(videos, row, &decayed);
        most = row->more > most ? row->more : most;
        if (n % 2 == 0) {
            videos_set_decayed(videos, row, &none);
        } else if (n > 2) {
            videos_remove(videos, videos_find(videos, n - 2));
        }
    }
    CHECK(most <= 3);
    videos_free(videos);
}

static void what_many_rows_have_more_stays_apart(void)
{
    enum { ROW_COUNT = 70000 };
    struct videos *videos = videos_new();
    for (uint64_t n = 0; n < ROW_COUNT; n++) {
        struct stats_decayed decayed = counted((float)n);
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, key_of(n), &row));
        videos_set_decayed(videos, row, &decayed);
    }
    for (uint64_t n = 0; n < ROW_COUNT; n++) {
        struct stats_decayed decayed = counted((float)n);
        CHECK(has_counts(videos, videos_find(videos, key_of(n)), &decayed));
    }
    videos_free(videos);
}

/* Keys are hashes: their upper bits name the slot, so numbers in a row would all share one. */
static uint64_t nth_key(uint64_t n)
{
    return n * UINT64_C(0x9e3779b97f4a7c15);
}

static void every_row_has_a_source_of_its_own(void)
{
    enum { ROW_COUNT = 70000 }; /* more than one chunk of rows */
    struct videos *videos = videos_new();
    for (uint64_t n = 1; n <= ROW_COUNT; n++) {
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, nth_key(n), &row));
        CHECK_EQ(n - 1, videos_number(videos, row));
        CHECK_EQ(0, videos_source(videos, row).log_sequence);
        videos_set_source(videos, row, (struct video_source){n + 1, n + 2});
    }
    for (uint64_t n = 1; n <= ROW_COUNT; n++) {
        const struct video *row = videos_find(videos, nth_key(n));
        CHECK(videos_at(videos, videos_number(videos, row)) == row);
        CHECK_EQ(n + 1, videos_source(videos, row).content_hash);
        CHECK_EQ(n + 2, videos_source(videos, row).log_sequence);
    }
    videos_free(videos);
}

static struct video_facts with_embedding(uint64_t key, int8_t second)
{
    struct video_facts facts = facts_of(key);
    facts.embedding = (struct embedding){.size = 2, .values = {127, second}};
    return facts;
}

static int second_of(struct videos *videos, uint64_t key)
{
    const struct embedding *embedding = videos_embedding(videos, videos_find(videos, key));
    return embedding != NULL ? embedding->values[1] : -1;
}

static void embeddings_go_where_their_rows_go(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(1);
    put(videos, &facts);
    CHECK_EQ(-1, second_of(videos, 1));
    videos_drop_embedding(videos, videos_find(videos, 1));
    for (uint64_t key = 2; key <= 4; key++) {
        facts = with_embedding(key, (int8_t)key);
        put(videos, &facts);
    }
    CHECK_EQ(-1, second_of(videos, 1));
    CHECK_EQ(3, second_of(videos, 3));
    videos_remove(videos, videos_find(videos, 2)); /* 4 takes its place */
    CHECK_EQ(4, second_of(videos, 4));
    facts = facts_of(5); /* where 4 was */
    put(videos, &facts);
    CHECK_EQ(-1, second_of(videos, 5));
    facts = with_embedding(3, 30);
    put(videos, &facts);
    CHECK_EQ(30, second_of(videos, 3));
    facts = facts_of(3);
    put(videos, &facts);
    CHECK_EQ(-1, second_of(videos, 3));
    videos_drop_embedding(videos, videos_find(videos, 4));
    CHECK_EQ(-1, second_of(videos, 4));
    videos_free(videos);
}

static void embeddings_of_many_rows_are_kept_apart(void)
{
    enum { ROW_COUNT = 140000 }; /* three chunks of rows, the first without an embedding at first */
    struct videos *videos = videos_new();
    struct video_facts facts;
    for (uint64_t n = 1; n <= ROW_COUNT; n++) {
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, nth_key(n), &row));
        if (n == ROW_COUNT / 2) {
            facts = with_embedding(nth_key(n), 7);
            put(videos, &facts);
        }
    }
    facts = with_embedding(nth_key(3), 8);
    put(videos, &facts);
    facts = with_embedding(nth_key(ROW_COUNT), 9);
    put(videos, &facts);
    CHECK_EQ(7, second_of(videos, nth_key(ROW_COUNT / 2)));
    CHECK_EQ(8, second_of(videos, nth_key(3)));
    CHECK_EQ(-1, second_of(videos, nth_key(4)));
    CHECK_EQ(9, second_of(videos, nth_key(ROW_COUNT)));
    CHECK_EQ(-1, second_of(videos, nth_key(ROW_COUNT - 1)));
    videos_free(videos);
}

static void region_sets_are_shared_by_content(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(1);
    facts.regions_allowed = (struct region_set){.count = 3, .regions = {30, 10, 20}};
    put(videos, &facts);
    facts.key = 2;
    facts.regions_allowed = (struct region_set){.count = 4, .regions = {10, 20, 30, 10}};
    facts.regions_forbidden = (struct region_set){.count = 1, .regions = {10}};
    put(videos, &facts);
    const struct video *one = videos_find(videos, 1);
    const struct video *two = videos_find(videos, 2);
    CHECK(one->regions_allowed != 0);
    CHECK_EQ(one->regions_allowed, two->regions_allowed);
    CHECK_EQ(0, one->regions_forbidden);
    CHECK(two->regions_forbidden != two->regions_allowed);
    const struct region_set *set = videos_region_set(videos, one->regions_allowed);
    CHECK_EQ(3, set->count);
    CHECK(region_set_contains(set, 10) && region_set_contains(set, 30));
    CHECK(!region_set_contains(set, 40));
    CHECK(!region_set_contains(videos_region_set(videos, 0), 0));
    videos_free(videos);
}

static void the_largest_region_set_is_kept_whole(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(1);
    facts.regions_forbidden.count = LIMIT_VIDEO_REGIONS;
    for (unsigned i = 0; i < LIMIT_VIDEO_REGIONS; i++) {
        facts.regions_forbidden.regions[i] = (uint16_t)(1000 - i);
    }
    put(videos, &facts);
    const struct region_set *set =
        videos_region_set(videos, videos_find(videos, 1)->regions_forbidden);
    CHECK_EQ(LIMIT_VIDEO_REGIONS, set->count);
    CHECK_EQ(1000 - LIMIT_VIDEO_REGIONS + 1, set->regions[0]);
    CHECK_EQ(1000, set->regions[LIMIT_VIDEO_REGIONS - 1]);
    videos_free(videos);
}

/* A video whose set changes for ever must not leave its old ones behind. */
static void unused_region_sets_are_used_again(void)
{
    struct videos *videos = videos_new();
    struct video_facts facts = facts_of(1);
    uint32_t most = 0;
    for (unsigned i = 0; i < 1000; i++) {
        facts.regions_allowed = (struct region_set){.count = 2};
        facts.regions_allowed.regions[0] = (uint16_t)(1 + i);
        facts.regions_allowed.regions[1] = (uint16_t)(2000 + i);
        put(videos, &facts);
        const struct video *row = videos_find(videos, 1);
        CHECK(region_set_contains(videos_region_set(videos, row->regions_allowed),
                                  (uint16_t)(1 + i)));
        most = row->regions_allowed > most ? row->regions_allowed : most;
    }
    CHECK(most <= 2);
    videos_free(videos);
}

static void many_region_sets_stay_apart(void)
{
    struct videos *videos = videos_new();
    enum { SETS = 3000 };
    for (unsigned i = 0; i < SETS; i++) {
        struct video_facts facts = facts_of(key_of(i));
        facts.regions_allowed = (struct region_set){.count = 1, .regions = {(uint16_t)(i + 1)}};
        put(videos, &facts);
    }
    for (unsigned i = 0; i < SETS; i++) {
        const struct video *row = videos_find(videos, key_of(i));
        const struct region_set *set = videos_region_set(videos, row->regions_allowed);
        CHECK_EQ(1, set->count);
        CHECK_EQ(i + 1, set->regions[0]);
    }
    videos_free(videos);
}

enum { MANY = 200000 };

static struct videos *many_videos(void)
{
    struct videos *videos = videos_new();
    for (uint64_t i = 0; i < MANY; i++) {
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, key_of(i), &row));
        row->duration_ms = (uint32_t)i;
    }
    return videos;
}

static void rows_keep_their_index_and_place_as_the_table_grows(void)
{
    struct videos *videos = videos_new();
    struct video *first;
    CHECK_EQ(STATUS_OK, videos_add(videos, key_of(0), &first));
    for (uint64_t i = 1; i < MANY; i++) {
        struct video *row;
        CHECK_EQ(STATUS_OK, videos_add(videos, key_of(i), &row));
    }
    CHECK_EQ(MANY, videos_count(videos));
    CHECK(videos_find(videos, key_of(0)) == first);
    for (uint64_t i = 0; i < MANY; i++) {
        CHECK(videos_at(videos, i)->key == key_of(i));
        CHECK(videos_find(videos, key_of(i)) == videos_at(videos, i));
    }
    CHECK(videos_find(videos, key_of(MANY)) == NULL);
    videos_free(videos);
}

static void many_are_found_as_one_by_one(void)
{
    struct videos *videos = many_videos();
    enum { ASKED = 2000 };
    static uint64_t keys[ASKED];
    static const struct video *found[ASKED + 1];
    for (size_t count = 0; count <= ASKED; count = count < 70 ? count + 1 : count * 2 - 1) {
        size_t asked = count < ASKED ? count : ASKED;
        for (size_t i = 0; i < asked; i++) {
            keys[i] = i % 7 == 3 ? key_of(MANY + i) : key_of(i * 97 % MANY);
        }
        found[asked] = found[0] = (const struct video *)&keys[0];
        videos_find_many(videos, keys, asked, found);
        CHECK(found[asked] == (const struct video *)&keys[0]);
        for (size_t i = 0; i < asked; i++) {
            CHECK(found[i] == videos_find(videos, keys[i]));
        }
    }
    videos_free(videos);
}

/* Keys that share a slot and the upper half, which a look-up compares first, stay apart. */
static void keys_that_look_alike_are_told_apart(void)
{
    struct videos *videos = videos_new();
    uint64_t keys[100];
    const struct video *found[100];
    for (unsigned i = 0; i < 100; i++) {
        keys[i] = UINT64_C(0x1234567800000001) + ((uint64_t)i << 20);
        if (i % 2 == 0) {
            struct video *row;
            CHECK_EQ(STATUS_OK, videos_add(videos, keys[i], &row));
        }
    }
    videos_find_many(videos, keys, 100, found);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(found[i] == videos_find(videos, keys[i]));
        CHECK(i % 2 == 0 ? found[i]->key == keys[i] : found[i] == NULL);
    }
    videos_free(videos);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_table_finds_nothing),
        TEST(an_added_row_is_empty_and_unknown),
        TEST(put_keeps_the_facts),
        TEST(put_overwrites_facts_and_leaves_statistics),
        TEST(all_tags_are_kept_in_their_order),
        TEST(all_counts_are_kept_and_leave_tags_alone),
        TEST(common_counts_alone_need_nothing_more),
        TEST(what_rows_have_more_goes_with_them),
        TEST(places_for_more_are_used_again),
        TEST(what_many_rows_have_more_stays_apart),
        TEST(every_row_has_a_source_of_its_own),
        TEST(embeddings_go_where_their_rows_go),
        TEST(embeddings_of_many_rows_are_kept_apart),
        TEST(region_sets_are_shared_by_content),
        TEST(the_largest_region_set_is_kept_whole),
        TEST(unused_region_sets_are_used_again),
        TEST(many_region_sets_stay_apart),
        TEST(rows_keep_their_index_and_place_as_the_table_grows),
        TEST(many_are_found_as_one_by_one),
        TEST(keys_that_look_alike_are_told_apart),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
