#include "replay/part_bytes.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static enum status read_block(const char *bytes, size_t size, size_t limit, uint8_t **out,
                              size_t *out_size)
{
    struct problem problem = {""};
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, size, file) == size);
    rewind(file);
    enum status status = part_read_block(file, limit, out, out_size, &problem);
    CHECK(status == STATUS_OK || problem.text[0] != '\0');
    CHECK_EQ(0, fclose(file));
    return status;
}

static const char three[] = "\3\0\0\0\0\0\0\0abc";

static void a_block_s_size_stands_lowest_byte_first(void)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&bytes, &size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, part_write_block(file, (const uint8_t *)"abc", 3));
    CHECK_EQ(STATUS_OK, part_write_block(file, NULL, 0));
    CHECK_EQ(0, fclose(file));
    CHECK_EQ(11 + 8, size);
    CHECK(memcmp(three, bytes, 11) == 0);
    CHECK(memcmp("\0\0\0\0\0\0\0\0", bytes + 11, 8) == 0);
    free(bytes);
}

static void a_block_is_read_as_it_was_written(void)
{
    uint8_t *read;
    size_t size;
    CHECK_EQ(STATUS_OK, read_block(three, 11, 3, &read, &size));
    CHECK_EQ(3, size);
    CHECK(memcmp("abc", read, 3) == 0);
    free(read);
    CHECK_EQ(STATUS_OK, read_block("\0\0\0\0\0\0\0\0", 8, 3, &read, &size));
    CHECK_EQ(0, size);
    free(read);
}

static void blocks_that_are_cut_or_too_large_are_corrupt(void)
{
    uint8_t *read = NULL;
    size_t size;
    for (size_t cut = 0; cut < 11; cut++) {
        CHECK_EQ(STATUS_CORRUPT, read_block(three, cut, 3, &read, &size));
    }
    CHECK_EQ(STATUS_CORRUPT, read_block(three, 11, 2, &read, &size));
    CHECK_EQ(STATUS_CORRUPT, read_block("\3\0\0\0\0\0\0\1abc", 11, 3, &read, &size));
    CHECK(read == NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_block_s_size_stands_lowest_byte_first),
        TEST(a_block_is_read_as_it_was_written),
        TEST(blocks_that_are_cut_or_too_large_are_corrupt),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
