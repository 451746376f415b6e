#include "replay/lines.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { LIMIT = 100000, BLOCK = 1 << 16 };

static FILE *file_of(const char *bytes, size_t size)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, size, file) == size);
    rewind(file);
    return file;
}

static void check_line(struct lines *lines, const char *want, bool last)
{
    struct line line = lines_next(lines);
    CHECK_EQ(strlen(want), line.text.size);
    CHECK(memcmp(want, line.text.data, line.text.size) == 0);
    CHECK_EQ(last, line.last);
    CHECK(!line.too_long);
}

static void lines_end_at_newlines_and_at_the_end(void)
{
    static const char bytes[] = "\xef\xbb\xbfone\n\ntwo\r\nthree";
    FILE *file = file_of(bytes, sizeof(bytes) - 1);
    struct lines lines;
    CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
    check_line(&lines, "one", false);
    check_line(&lines, "", false);
    check_line(&lines, "two\r", false);
    check_line(&lines, "three", true);
    CHECK_EQ(4, lines.number);
    lines_release(&lines);
    fclose(file);
}

static void an_empty_file_is_one_empty_line(void)
{
    FILE *file = file_of("", 0);
    struct lines lines;
    CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
    check_line(&lines, "", true);
    lines_release(&lines);
    fclose(file);
}

/* A line of size letters between two short ones. */
static FILE *long_file(size_t size)
{
    char *bytes = malloc(size + 8);
    CHECK(bytes != NULL);
    memset(bytes, 'x', size + 8);
    memcpy(bytes, "abc\n", 4);
    memcpy(bytes + 4 + size, "\ndef", 4);
    FILE *file = file_of(bytes, size + 8);
    free(bytes);
    return file;
}

/* Sizes at which the newline comes first, in the middle or last in a block. */
static void lines_across_blocks_are_whole_up_to_the_limit(void)
{
    static const size_t sizes[] = {BLOCK - 6, BLOCK - 5, BLOCK - 4, BLOCK, LIMIT - 1, LIMIT};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        FILE *file = long_file(sizes[i]);
        struct lines lines;
        CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
        check_line(&lines, "abc", false);
        struct line line = lines_next(&lines);
        CHECK(!line.too_long);
        CHECK_EQ(sizes[i], line.text.size);
        CHECK(line.text.data[0] == 'x' && line.text.data[sizes[i] - 1] == 'x');
        check_line(&lines, "def", true);
        lines_release(&lines);
        fclose(file);
    }
}

static void a_longer_line_is_cut_and_the_next_one_is_read(void)
{
    static const size_t sizes[] = {LIMIT + 1, 2 * BLOCK - 5, 2 * BLOCK - 4, 2 * BLOCK, 10 * LIMIT};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        FILE *file = long_file(sizes[i]);
        struct lines lines;
        CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
        check_line(&lines, "abc", false);
        struct line line = lines_next(&lines);
        CHECK(line.too_long && !line.last);
        CHECK_EQ(LIMIT, line.text.size);
        CHECK(line.text.data[0] == 'x' && line.text.data[LIMIT - 1] == 'x');
        check_line(&lines, "def", true);
        CHECK_EQ(3, lines.number);
        lines_release(&lines);
        fclose(file);
    }
}

static void a_long_last_line_ends_the_file(void)
{
    FILE *file = long_file(LIMIT);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    for (size_t i = 0; i < LIMIT; i++) {
        fputc('y', file);
    }
    rewind(file);
    struct lines lines;
    CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
    check_line(&lines, "abc", false);
    CHECK_EQ(LIMIT, lines_next(&lines).text.size);
    struct line line = lines_next(&lines);
    CHECK(line.too_long && line.last);
    lines_release(&lines);
    fclose(file);
}

static void a_failing_file_ends_with_nothing(void)
{
    FILE *file = fopen("/", "rb"); /* a directory opens, and every read of it fails */
    CHECK(file != NULL);
    struct lines lines;
    CHECK_EQ(STATUS_OK, lines_init(&lines, file, LIMIT));
    check_line(&lines, "", true);
    CHECK(ferror(file));
    lines_release(&lines);
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(lines_end_at_newlines_and_at_the_end),
        TEST(an_empty_file_is_one_empty_line),
        TEST(lines_across_blocks_are_whole_up_to_the_limit),
        TEST(a_longer_line_is_cut_and_the_next_one_is_read),
        TEST(a_long_last_line_ends_the_file),
        TEST(a_failing_file_ends_with_nothing),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
