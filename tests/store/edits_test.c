#include "store/edits.h"

#include "tests/test.h"

static void untouched_video_is_not_found(void)
{
    struct edits edits = {0};
    CHECK(edits_find(&edits, 7) == NULL);
    edits_clear(&edits);
    CHECK(edits_find(&edits, 7) == NULL);
    edits_release(&edits);
}

static void newest_edit_of_a_video_counts(void)
{
    struct edits edits = {0};
    CHECK_EQ(STATUS_OK, edits_put(&edits, &(struct edit){.video_key = 7, .content_hash = 1}));
    CHECK_EQ(STATUS_OK, edits_put(&edits, &(struct edit){.video_key = 7, .content_hash = 2}));
    CHECK_EQ(2, edits_find(&edits, 7)->content_hash);
    CHECK(!edits_find(&edits, 7)->deleted);
    CHECK_EQ(STATUS_OK, edits_put(&edits, &(struct edit){.video_key = 7, .deleted = true}));
    CHECK(edits_find(&edits, 7)->deleted);
    edits_release(&edits);
}

static void next_write_starts_from_nothing(void)
{
    struct edits edits = {0};
    CHECK_EQ(STATUS_OK, edits_put(&edits, &(struct edit){.video_key = 7}));
    edits_clear(&edits);
    CHECK(edits_find(&edits, 7) == NULL);
    CHECK_EQ(STATUS_OK, edits_put(&edits, &(struct edit){.video_key = 8}));
    CHECK(edits_find(&edits, 7) == NULL);
    CHECK(edits_find(&edits, 8) != NULL);
    edits_release(&edits);
}

/* Keys that want the same slot, and more of them than the first table has. */
static void many_colliding_videos_stay_apart(void)
{
    enum { COUNT = 1000 };
    struct edits edits = {0};
    for (int write = 0; write < 2; write++) {
        for (uint64_t i = 1; i <= COUNT; i++) {
            struct edit edit = {.video_key = i << 20, .content_hash = i};
            CHECK(edits_find(&edits, edit.video_key) == NULL);
            CHECK_EQ(STATUS_OK, edits_put(&edits, &edit));
        }
        for (uint64_t i = 1; i <= COUNT; i++) {
            CHECK_EQ(i, edits_find(&edits, i << 20)->content_hash);
        }
        edits_clear(&edits);
    }
    edits_release(&edits);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(untouched_video_is_not_found),
        TEST(newest_edit_of_a_video_counts),
        TEST(next_write_starts_from_nothing),
        TEST(many_colliding_videos_stay_apart),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
