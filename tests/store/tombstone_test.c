#include "store/tombstone.h"

#include <string.h>

#include "store/coder.h"
#include "tests/test.h"

static const struct tombstone example = {
    .user_key = 5,
    .time_ms = 0x0102030405060708,
    .sequence = 0x1112131415161718,
    .signals_erased = 0x2122232425262728,
    .decisions_erased = 0x3132333435363738,
    .pending = true,
};

static void bytes_are_as_the_table_says(void)
{
    uint8_t bytes[TOMBSTONE_SIZE];
    tombstone_encode(&example, bytes);
    CHECK_EQ(2, bytes[0]);
    CHECK_EQ(1, bytes[5]);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(0x08 - i, bytes[6 + i]);
        CHECK_EQ(0x18 - i, bytes[14 + i]);
        CHECK_EQ(0x28 - i, bytes[22 + i]);
        CHECK_EQ(0x38 - i, bytes[30 + i]);
    }
}

static void check_same(const struct tombstone *tombstone)
{
    uint8_t bytes[TOMBSTONE_SIZE];
    struct tombstone again;
    tombstone_encode(tombstone, bytes);
    CHECK_EQ(STATUS_OK, tombstone_decode(bytes, sizeof(bytes), tombstone->user_key, &again));
    CHECK_EQ(tombstone->user_key, again.user_key);
    CHECK_EQ(tombstone->time_ms, again.time_ms);
    CHECK_EQ(tombstone->sequence, again.sequence);
    CHECK_EQ(tombstone->signals_erased, again.signals_erased);
    CHECK_EQ(tombstone->decisions_erased, again.decisions_erased);
    CHECK_EQ(tombstone->pending, again.pending);
}

static void every_value_comes_back(void)
{
    check_same(&example);
    check_same(&(struct tombstone){.user_key = 1});
    check_same(&(struct tombstone){.user_key = UINT64_MAX,
                                   .time_ms = INT64_MIN,
                                   .sequence = UINT64_MAX,
                                   .signals_erased = UINT64_MAX,
                                   .decisions_erased = UINT64_MAX});
}

static void damage_is_noticed_wherever_it_is(void)
{
    uint8_t bytes[TOMBSTONE_SIZE + 1] = {0};
    struct tombstone out;
    tombstone_encode(&example, bytes);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        enum status want = size == TOMBSTONE_SIZE ? STATUS_OK : STATUS_CORRUPT;
        CHECK_EQ(want, tombstone_decode(bytes, size, 1, &out));
    }
    for (unsigned bit = 0; bit < 8 * TOMBSTONE_SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(STATUS_CORRUPT, tombstone_decode(bytes, TOMBSTONE_SIZE, 1, &out));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void pending_is_yes_or_no(void)
{
    uint8_t bytes[TOMBSTONE_SIZE];
    struct tombstone out;
    tombstone_encode(&example, bytes);
    bytes[5] = 2;
    (void)seal_row(bytes, 2, bytes + TOMBSTONE_SIZE);
    CHECK_EQ(STATUS_CORRUPT, tombstone_decode(bytes, TOMBSTONE_SIZE, 1, &out));
}

static void tombstone_of_version_1_counts_no_decisions(void)
{
    enum { SIZE = 30 };
    uint8_t bytes[TOMBSTONE_SIZE];
    struct tombstone out;
    tombstone_encode(&example, bytes);
    (void)seal_row(bytes, 1, bytes + SIZE);
    CHECK_EQ(STATUS_OK, tombstone_decode(bytes, SIZE, 5, &out));
    CHECK_EQ(example.signals_erased, out.signals_erased);
    CHECK_EQ(0, out.decisions_erased);
    (void)seal_row(bytes, 2, bytes + SIZE);
    CHECK_EQ(STATUS_CORRUPT, tombstone_decode(bytes, SIZE, 5, &out));
    (void)seal_row(bytes, 1, bytes + TOMBSTONE_SIZE);
    CHECK_EQ(STATUS_CORRUPT, tombstone_decode(bytes, TOMBSTONE_SIZE, 5, &out));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(bytes_are_as_the_table_says),
        TEST(every_value_comes_back),
        TEST(damage_is_noticed_wherever_it_is),
        TEST(pending_is_yes_or_no),
        TEST(tombstone_of_version_1_counts_no_decisions),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
