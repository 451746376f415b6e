#include "replay/csv.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static struct problem problem;

static FILE *file_of(const char *bytes, size_t size)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(fwrite(bytes, 1, size, file) == size);
    rewind(file);
    return file;
}

static struct csv *open_text(const char *bytes, FILE **file)
{
    struct csv *csv = NULL;
    *file = file_of(bytes, strlen(bytes));
    CHECK_EQ(STATUS_OK, csv_open(*file, &csv, &problem));
    return csv;
}

static void close_both(struct csv *csv, FILE *file)
{
    csv_close(csv);
    fclose(file);
}

static void check_field(const char *want, const struct csv *csv, const char *column)
{
    struct text field = csv_field(csv, csv_column(csv, column));
    CHECK_STR(want, field.data);
    CHECK_EQ(strlen(want), field.size);
}

static void commas_separate_and_columns_go_by_name(void)
{
    FILE *file;
    struct csv *csv = open_text("a,b,c\n1,,3\n", &file);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("1", csv, "a");
    check_field("", csv, "b");
    check_field("3", csv, "c");
    check_field("", csv, "d");
    CHECK(csv_column(csv, "d") == CSV_NO_COLUMN);
    CHECK_EQ(STATUS_NOT_FOUND, csv_next(csv, &problem));
    close_both(csv, file);
}

static void tabs_separate_when_the_header_has_one(void)
{
    FILE *file;
    struct csv *csv = open_text("a\tb\n\"1,5\"\t2\n", &file);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("\"1,5\"", csv, "a");
    check_field("2", csv, "b");
    close_both(csv, file);
}

static void quotes_hold_commas_newlines_and_quotes(void)
{
    FILE *file;
    struct csv *csv = open_text("a,b\n\"x, \"\"y\"\"\nz\",2\r\n3,\"4\"\r\n", &file);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("x, \"y\"\nz", csv, "a");
    check_field("2", csv, "b");
    CHECK_EQ(2, csv_line(csv));
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("4", csv, "b");
    CHECK_EQ(4, csv_line(csv));
    close_both(csv, file);
}

static void marks_blank_lines_and_a_missing_last_newline_are_no_matter(void)
{
    FILE *file;
    struct csv *csv = open_text("\xef\xbb\xbf\"a\",b\r\n\r\n1,2\n\n\n3,4", &file);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("1", csv, "a");
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("4", csv, "b");
    CHECK_EQ(6, csv_line(csv));
    CHECK_EQ(STATUS_NOT_FOUND, csv_next(csv, &problem));
    CHECK_EQ(STATUS_NOT_FOUND, csv_next(csv, &problem));
    close_both(csv, file);
}

static void bad_records_are_told_and_passed(void)
{
    FILE *file;
    struct csv *csv = open_text("a,b\n1\n1,2,3\n\"1\"x,2\n5,6\n\"7,8\n", &file);
    CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
    CHECK_STR("the record has 1 fields; the header has 2", problem.text);
    CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
    CHECK_STR("the record has 3 fields; the header has 2", problem.text);
    CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
    CHECK_STR("text follows a closing quote", problem.text);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("5", csv, "a");
    CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
    CHECK_STR("a quoted field does not end", problem.text);
    CHECK_EQ(STATUS_NOT_FOUND, csv_next(csv, &problem));
    close_both(csv, file);
}

static void zero_bytes_are_refused(void)
{
    static const char bytes[] = "a,b\n1,\0\n3,4\n";
    FILE *file = file_of(bytes, sizeof(bytes) - 1);
    struct csv *csv;
    CHECK_EQ(STATUS_OK, csv_open(file, &csv, &problem));
    CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
    CHECK_STR("the record has a zero byte", problem.text);
    CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
    check_field("4", csv, "b");
    close_both(csv, file);
}

/* A table of one record whose fields hold size bytes together. */
static FILE *long_record(size_t size, const char *quote)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    fprintf(file, "a,b\n1,%s", quote);
    for (size_t i = 1; i < size; i++) {
        putc('x', file);
    }
    fprintf(file, "%s\n3,4\n", quote);
    rewind(file);
    return file;
}

static void records_up_to_a_mebibyte_are_read(void)
{
    static const char *const quotes[] = {"", "\""};
    for (size_t i = 0; i < 2; i++) {
        struct csv *csv;
        FILE *file = long_record(CSV_LIMIT_BYTES, quotes[i]);
        CHECK_EQ(STATUS_OK, csv_open(file, &csv, &problem));
        CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
        CHECK_EQ(CSV_LIMIT_BYTES - 1, csv_field(csv, 1).size);
        close_both(csv, file);

        file = long_record(CSV_LIMIT_BYTES + 1, quotes[i]);
        CHECK_EQ(STATUS_OK, csv_open(file, &csv, &problem));
        CHECK_EQ(STATUS_INVALID, csv_next(csv, &problem));
        CHECK_STR("the record is longer than 1 MiB", problem.text);
        CHECK_EQ(STATUS_OK, csv_next(csv, &problem));
        check_field("3", csv, "a");
        close_both(csv, file);
    }
}

static void fields_are_limited(void)
{
    char header[2 * CSV_LIMIT_FIELDS + 2];
    memset(header, ',', sizeof(header));
    header[CSV_LIMIT_FIELDS - 1] = '\0';
    FILE *file;
    struct csv *csv = open_text(header, &file);
    close_both(csv, file);

    memset(header, ',', sizeof(header));
    header[CSV_LIMIT_FIELDS] = '\0';
    file = file_of(header, strlen(header));
    CHECK_EQ(STATUS_INVALID, csv_open(file, &csv, &problem));
    CHECK_STR("the record has more than 128 fields", problem.text);
    fclose(file);
}

static void an_empty_file_is_no_table(void)
{
    struct csv *csv;
    FILE *file = file_of("\n\r\n", 3);
    CHECK_EQ(STATUS_INVALID, csv_open(file, &csv, &problem));
    CHECK_STR("the file is empty; a header line is needed", problem.text);
    fclose(file);
    csv_close(NULL);
}

static void a_failing_file_is_told(void)
{
    struct csv *csv;
    FILE *file = fopen("/", "rb"); /* a directory opens, and every read of it fails */
    CHECK(file != NULL);
    CHECK_EQ(STATUS_IO, csv_open(file, &csv, &problem));
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(commas_separate_and_columns_go_by_name),
        TEST(tabs_separate_when_the_header_has_one),
        TEST(quotes_hold_commas_newlines_and_quotes),
        TEST(marks_blank_lines_and_a_missing_last_newline_are_no_matter),
        TEST(bad_records_are_told_and_passed),
        TEST(zero_bytes_are_refused),
        TEST(records_up_to_a_mebibyte_are_read),
        TEST(fields_are_limited),
        TEST(an_empty_file_is_no_table),
        TEST(a_failing_file_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
