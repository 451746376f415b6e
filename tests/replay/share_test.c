#include "replay/share.h"

#include "ranker/random.h"
#include "tests/test.h"

static void one_of_many_is_read(void)
{
    struct share share;
    CHECK(share_parse("1/1", &share));
    CHECK_EQ(1, share.number);
    CHECK_EQ(1, share.count);
    CHECK(share_parse("2/8", &share));
    CHECK_EQ(2, share.number);
    CHECK_EQ(8, share.count);
    CHECK(share_parse("1024/1024", &share));
    CHECK_EQ(1024, share.number);
}

static void anything_else_is_refused(void)
{
    static const char *const texts[] = {
        "",          "1",      "/",
        "1/",        "/2",     "0/2",
        "3/2",       "1/0",    "-1/2",
        "+1/2",      " 1/2",   "1/ 2",
        "1/2 ",      "1/+2",   "1/2/3",
        "a/b",       "1/2x",   "1,2",
        "1024/1025", "1/1025", "18446744073709551617/2",
        "1.5/2",     "0x1/2",  "1/18446744073709551618",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct share share = {7, 9};
        CHECK(!share_parse(texts[i], &share));
        CHECK_EQ(7, share.number);
        CHECK_EQ(9, share.count);
    }
}

static void each_user_is_in_one_part(void)
{
    struct random random = {1};
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t key = random_next(&random) | 1;
        unsigned parts = 0;
        for (uint32_t number = 1; number <= 7; number++) {
            parts += share_has((struct share){number, 7}, key);
        }
        CHECK_EQ(1, parts);
        CHECK(share_has((struct share){1, 1}, key));
    }
}

/* 10,000 users in 8 parts: 1,250 in each, give or take 4 standard deviations of 33. */
static void parts_are_about_as_large(void)
{
    struct random random = {2};
    unsigned counts[8] = {0};
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t key = random_next(&random);
        for (uint32_t number = 1; number <= 8; number++) {
            counts[number - 1] += share_has((struct share){number, 8}, key);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        CHECK(counts[i] > 1118 && counts[i] < 1382);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(one_of_many_is_read),
        TEST(anything_else_is_refused),
        TEST(each_user_is_in_one_part),
        TEST(parts_are_about_as_large),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
