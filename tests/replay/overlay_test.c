#include "replay/overlay.h"

#include <stddef.h>
#include <string.h>

#include "tests/test.h"

/* Where a field of reelrank.v1.Video lies among the facts. */
static const struct {
    const char *name;
    size_t offset;
    size_t size;
} fields[] = {
#define FIELD(name, member)                                                                   \
    {                                                                                         \
        name, offsetof(struct video_facts, member), sizeof(((struct video_facts *)0)->member) \
    }
    FIELD("creator_id", creator_key),
    FIELD("languages", languages),
    FIELD("caption_languages", caption_languages),
    FIELD("duration_ms", duration_ms),
    FIELD("published_ms", published_ms),
    FIELD("categories", category_keys),
    FIELD("tags", tag_keys),
    FIELD("regions_allowed", regions_allowed),
    FIELD("regions_forbidden", regions_forbidden),
    FIELD("minimum_age_years", minimum_age_years),
    FIELD("safety_rating", safety),
    FIELD("curated_tier", curated),
    FIELD("premium", premium),
    FIELD("quality", quality),
    FIELD("creator_region", creator_region),
    FIELD("embedding", embedding),
#undef FIELD
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]), KEY = 99 };

/* Every field of it is set, and differs from the same of another number. */
static struct video_facts facts_of(uint8_t number)
{
    struct video_facts facts = {.key = KEY,
                                .creator_key = 100U + number,
                                .content_hash = 200U + number,
                                .published_ms = 300 + number,
                                .duration_ms = 400U + number,
                                .creator_region = (uint16_t)(500 + number),
                                .minimum_age_years = number,
                                .safety = number == 1 ? SAFETY_LOW : SAFETY_HIGH,
                                .curated = number == 1 ? CURATED_APPROVED : CURATED_FEATURED,
                                .premium = number == 1,
                                .quality = (float)number / 8};
    facts.category_keys[0] = 600U + number;
    facts.tag_keys[0] = 700U + number;
    facts.tag_keys[7] = 750U + number;
    facts.languages[0] = number;
    facts.caption_languages[3] = number;
    facts.regions_allowed = (struct region_set){1, {number}};
    facts.regions_forbidden = (struct region_set){2, {number, 9}};
    facts.embedding = (struct embedding){{127, (int8_t)number}, 2};
    return facts;
}

static struct videos *videos_with(const struct video_facts *facts)
{
    struct videos *videos = videos_new();
    CHECK(videos != NULL);
    CHECK_EQ(STATUS_OK, videos_put(videos, facts));
    return videos;
}

static bool same_field(size_t field, const struct video_facts *a, const struct video_facts *b)
{
    return memcmp((const char *)a + fields[field].offset, (const char *)b + fields[field].offset,
                  fields[field].size) == 0;
}

static void a_named_field_is_the_entry_s_and_all_others_the_row_s(void)
{
    const struct video_facts row = facts_of(1);
    const struct video_facts entry = facts_of(2);
    struct videos *videos = videos_with(&row);
    for (size_t named = 0; named < FIELDS; named++) {
        const char *names[] = {fields[named].name, NULL};
        struct video_facts facts = entry;
        overlay_facts(videos, overlay_fields(names), &facts);
        for (size_t i = 0; i < FIELDS; i++) {
            CHECK(same_field(i, &row, &entry) == false);
            CHECK(same_field(i, &facts, i == named ? &entry : &row));
        }
        CHECK_EQ(KEY, facts.key);
    }
    videos_free(videos);
}

static void without_names_the_entry_says_all(void)
{
    const struct video_facts row = facts_of(1);
    const struct video_facts entry = facts_of(2);
    struct videos *videos = videos_with(&row);
    struct video_facts facts = entry;
    CHECK_EQ(0, overlay_fields(NULL));
    overlay_facts(videos, 0, &facts);
    for (size_t i = 0; i < FIELDS; i++) {
        CHECK(same_field(i, &facts, &entry));
    }
    videos_free(videos);
}

/* A title, which is not kept: the entry says nothing else. */
static void a_field_that_ranking_does_not_read_leaves_all_as_it_was(void)
{
    static const char *const names[] = {"title", NULL};
    const struct video_facts row = facts_of(1);
    struct videos *videos = videos_with(&row);
    struct video_facts facts = facts_of(2);
    CHECK(overlay_fields(names) != 0);
    overlay_facts(videos, overlay_fields(names), &facts);
    for (size_t i = 0; i < FIELDS; i++) {
        CHECK(same_field(i, &facts, &row));
    }
    videos_free(videos);
}

static void all_names_together_are_the_whole_entry(void)
{
    const char *names[FIELDS + 1] = {NULL};
    const struct video_facts row = facts_of(1);
    const struct video_facts entry = facts_of(2);
    struct videos *videos = videos_with(&row);
    struct video_facts facts = entry;
    for (size_t i = 0; i < FIELDS; i++) {
        names[i] = fields[i].name;
    }
    overlay_facts(videos, overlay_fields(names), &facts);
    for (size_t i = 0; i < FIELDS; i++) {
        CHECK(same_field(i, &facts, &entry));
    }
    videos_free(videos);
}

static void a_video_that_is_not_there_takes_nothing(void)
{
    static const char *const names[] = {"quality", NULL};
    const struct video_facts entry = facts_of(2);
    struct videos *videos = videos_new();
    struct video *row;
    struct video_facts facts = entry;
    overlay_facts(videos, overlay_fields(names), &facts); /* no row */
    CHECK_EQ(STATUS_OK, videos_add(videos, KEY, &row));
    overlay_facts(videos, overlay_fields(names), &facts); /* only signals have named it */
    for (size_t i = 0; i < FIELDS; i++) {
        CHECK(same_field(i, &facts, &entry));
    }
    videos_free(videos);
}

/* Put again from the row, with the low halves of its keys, it is what it was. */
static void what_is_filled_in_makes_the_same_row(void)
{
    static const char *const names[] = {"title", NULL};
    struct video_facts whole = facts_of(1);
    whole.category_keys[0] = 0x123456789abcdef0;
    whole.tag_keys[2] = 0xfedcba9876543210;
    struct videos *videos = videos_with(&whole);
    const struct video before = *videos_find(videos, KEY);
    struct video_facts facts = {.key = KEY};
    overlay_facts(videos, overlay_fields(names), &facts);
    CHECK_EQ(0x9abcdef0, facts.category_keys[0]);
    CHECK_EQ(STATUS_OK, videos_put(videos, &facts));
    CHECK(memcmp(&before, videos_find(videos, KEY), sizeof(before)) == 0);
    videos_free(videos);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_named_field_is_the_entry_s_and_all_others_the_row_s),
        TEST(without_names_the_entry_says_all),
        TEST(a_field_that_ranking_does_not_read_leaves_all_as_it_was),
        TEST(all_names_together_are_the_whole_entry),
        TEST(a_video_that_is_not_there_takes_nothing),
        TEST(what_is_filled_in_makes_the_same_row),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
