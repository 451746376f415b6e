#include "replay/numbers.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static struct numbers_reader reader_of(const uint8_t *bytes, size_t size)
{
    return (struct numbers_reader){.at = bytes, .end = bytes + size};
}

/* 300 = 2 * 128 + 44. */
static void a_varint_has_seven_bits_a_byte_lowest_first(void)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put(&writer, 300);
    CHECK_EQ(2, writer.size);
    CHECK_EQ(0, memcmp(writer.bytes, (const uint8_t[]){44 | 0x80, 2}, 2));
    free(writer.bytes);
}

static void what_is_written_is_read_again(void)
{
    const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT64_MAX / 2, UINT64_MAX};
    struct numbers_writer writer = {.bytes = NULL};
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < 8; i++) {
            numbers_put(&writer, numbers[i]);
            numbers_put_word(&writer, numbers[i]);
            numbers_put_byte(&writer, (uint8_t)i);
        }
    }
    CHECK(!writer.full);
    struct numbers_reader reader = reader_of(writer.bytes, writer.size);
    for (size_t i = 0; i < 800; i++) {
        CHECK(numbers_get(&reader) == numbers[i % 8]);
        CHECK(numbers_get_word(&reader) == numbers[i % 8]);
        CHECK_EQ(i % 8, numbers_get_byte(&reader));
    }
    CHECK(!reader.damaged);
    CHECK_EQ(0, numbers_left(&reader));
    free(writer.bytes);
}

static void words_begin_with_their_lowest_byte(void)
{
    const uint8_t bytes[8] = {1, 2};
    struct numbers_reader reader = reader_of(bytes, 8);
    CHECK_EQ(0x201, numbers_get_word(&reader));
}

static void check_damaged(const uint8_t *bytes, size_t size)
{
    struct numbers_reader reader = reader_of(bytes, size);
    CHECK_EQ(0, numbers_get(&reader));
    CHECK(reader.damaged);
    CHECK_EQ(0, numbers_get_byte(&reader));
    CHECK_EQ(0, numbers_get_word(&reader));
}

/* The tenth byte may hold one bit, no more; a last byte of 0 adds nothing. */
static void what_is_cut_too_large_or_longer_than_need_be_is_damaged(void)
{
    const uint8_t large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    const uint8_t longer[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 1};
    check_damaged(large, sizeof(large));
    check_damaged(longer, sizeof(longer));
    check_damaged((const uint8_t[]){0x80, 0}, 2);
    check_damaged((const uint8_t[]){0x80}, 1);
    check_damaged(large, 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_varint_has_seven_bits_a_byte_lowest_first),
        TEST(what_is_written_is_read_again),
        TEST(words_begin_with_their_lowest_byte),
        TEST(what_is_cut_too_large_or_longer_than_need_be_is_damaged),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
