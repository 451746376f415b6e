#include "replay/example_file.h"

#include <math.h>
#include <string.h>

#include "ranker/hash.h"
#include "replay/temporary.h"
#include "tests/test.h"

/* The i-th of a file, three of each group, ten minutes apart. */
static struct example example_of(size_t i)
{
    struct example example = {.time_ms = 1000 + (int64_t)(i / 3) * 600000,
                              .user_key = 7 + i,
                              .video_key = 70 + i,
                              .group = i / 3 + 1,
                              .position = (uint32_t)(i % 3),
                              .propensity = i % 2 == 0 ? 0.25 : (double)NAN,
                              .weight = 1,
                              .known = 1U << HEAD_LIKE | 1U << HEAD_WATCH_QUANTILE,
                              .positive = i % 2 == 0 ? 1U << HEAD_LIKE : 0,
                              .watch_quantile = 0.75,
                              .watch_ms = 20000,
                              .duration_ms = 15000,
                              .censored = true};
    for (unsigned j = 0; j < FEATURE_COUNT; j++) {
        example.features[j] = j % 5 == 0 ? NAN : (float)(i + j) / 8;
    }
    return example;
}

static void check_same(const struct example *want, const struct example *got)
{
    CHECK_EQ(want->time_ms, got->time_ms);
    CHECK_EQ(want->user_key, got->user_key);
    CHECK_EQ(want->video_key, got->video_key);
    CHECK_EQ(want->group, got->group);
    CHECK_EQ(want->position, got->position);
    CHECK(memcmp(&want->propensity, &got->propensity, 8) == 0 ||
          (isnan(want->propensity) && isnan(got->propensity)));
    CHECK_EQ(want->known, got->known);
    CHECK_EQ(want->positive, got->positive);
    CHECK(memcmp(&want->weight, &got->weight, 8) == 0);
    CHECK(memcmp(&want->watch_quantile, &got->watch_quantile, 8) == 0);
    CHECK_EQ(want->watch_ms, got->watch_ms);
    CHECK_EQ(want->duration_ms, got->duration_ms);
    CHECK_EQ(want->censored, got->censored);
    for (unsigned j = 0; j < FEATURE_COUNT; j++) {
        CHECK(isnan(want->features[j]) ? isnan(got->features[j])
                                       : memcmp(&want->features[j], &got->features[j], 4) == 0);
    }
}

/* A file of count rows; the caller's to close. */
static FILE *write_rows(size_t count, bool finish)
{
    struct example_writer *writer;
    FILE *file = temporary_open();
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(file, &writer));
    for (size_t i = 0; i < count; i++) {
        struct example example = example_of(i);
        CHECK_EQ(STATUS_OK, example_writer_add(writer, &example));
    }
    if (finish) {
        CHECK_EQ(STATUS_OK, example_writer_finish(writer));
    }
    example_writer_close(writer);
    return file;
}

static void check_rows(struct example_reader *reader, size_t count)
{
    const struct example *row;
    for (size_t i = 0; i < count; i++) {
        struct example want = example_of(i);
        CHECK_EQ(STATUS_OK, example_reader_next(reader, &row, NULL));
        check_same(&want, row);
    }
    CHECK_EQ(STATUS_NOT_FOUND, example_reader_next(reader, &row, NULL));
}

/* Opens, reads to the end, and tells what came of it. */
static enum status read_all(FILE *file, struct problem *problem)
{
    struct example_reader *reader;
    const struct example *row;
    enum status status = example_reader_open(file, &reader, problem);
    if (status != STATUS_OK) {
        return status;
    }
    while (status == STATUS_OK) {
        status = example_reader_next(reader, &row, problem);
    }
    example_reader_close(reader);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void rows_come_back_as_they_were(void)
{
    static const size_t counts[] = {1, 63, 64, 65, 128, 200};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct example_reader *reader;
        FILE *file = write_rows(counts[i], true);
        CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, NULL));
        struct example_counts got = example_reader_counts(reader);
        CHECK_EQ(counts[i], got.rows);
        CHECK_EQ((counts[i] + 2) / 3, got.groups);
        CHECK_EQ(1000, got.first_ms);
        CHECK_EQ(1000 + (long long)((counts[i] - 1) / 3) * 600000, got.last_ms);
        check_rows(reader, counts[i]);
        example_reader_close(reader);
        fclose(file);
    }
}

static void a_file_can_be_read_again_and_again(void)
{
    struct example_reader *reader;
    const struct example *row;
    FILE *file = write_rows(130, true);
    CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, NULL));
    check_rows(reader, 130);
    CHECK_EQ(STATUS_OK, example_reader_rewind(reader));
    for (size_t i = 0; i < 70; i++) {
        CHECK_EQ(STATUS_OK, example_reader_next(reader, &row, NULL));
    }
    CHECK_EQ(STATUS_OK, example_reader_rewind(reader));
    check_rows(reader, 130);
    example_reader_close(reader);
    fclose(file);
}

static void no_rows_are_a_file_too(void)
{
    struct example_reader *reader;
    FILE *file = write_rows(0, true);
    CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, NULL));
    CHECK_EQ(0, example_reader_counts(reader).rows);
    check_rows(reader, 0);
    example_reader_close(reader);
    fclose(file);
}

static void labels_are_read_by_head(void)
{
    struct example example = example_of(0);
    CHECK(example_knows(&example, HEAD_LIKE));
    CHECK(!example_knows(&example, HEAD_SHARE));
    CHECK_EQ(1, example_label(&example, HEAD_LIKE));
    CHECK_EQ(3, 4 * example_label(&example, HEAD_WATCH_QUANTILE));
}

static void an_unfinished_file_is_refused(void)
{
    struct problem problem = {""};
    FILE *file = write_rows(100, false);
    CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
    CHECK(strstr(problem.text, "not written to its end") != NULL);
    fclose(file);
}

static void what_is_no_such_file_is_refused(void)
{
    struct problem problem = {""};
    FILE *file = temporary_open();
    CHECK(file != NULL);
    CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
    CHECK(strstr(problem.text, "ends too early") != NULL);
    CHECK(fputs("a,b,c\n1,2,3\na long enough line to pass for a header of some kind\n", file) > 0);
    CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
    fclose(file);
}

static void rewrite_byte(FILE *file, long at, unsigned flip)
{
    CHECK_EQ(0, fseek(file, at, SEEK_SET));
    int byte = fgetc(file);
    CHECK(byte != EOF);
    CHECK_EQ(0, fseek(file, at, SEEK_SET));
    CHECK(fputc(byte ^ (int)flip, file) != EOF);
    CHECK_EQ(0, fflush(file));
}

static void any_changed_byte_is_found(void)
{
    struct problem problem;
    FILE *file = write_rows(66, true);
    CHECK_EQ(0, fseek(file, 0, SEEK_END));
    long size = ftell(file);
    CHECK_EQ(EXAMPLE_HEADER_BYTES + 66 * EXAMPLE_ROW_BYTES + 2 * 8, size);
    for (long at = 0; at < size; at += at < EXAMPLE_HEADER_BYTES ? 1 : 97) {
        rewrite_byte(file, at, 4);
        CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
        rewrite_byte(file, at, 4);
    }
    CHECK_EQ(STATUS_OK, read_all(file, &problem));
    fclose(file);
}

static void what_follows_the_last_row_is_refused(void)
{
    struct problem problem = {""};
    FILE *file = write_rows(66, true);
    CHECK_EQ(0, fseek(file, 0, SEEK_END));
    CHECK(fputc('x', file) != EOF);
    CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
    CHECK(strstr(problem.text, "goes on after its end") != NULL);
    fclose(file);
}

static void other_features_are_refused(void)
{
    struct problem problem = {""};
    FILE *file = write_rows(1, true);
    uint8_t header[EXAMPLE_HEADER_BYTES];
    rewind(file);
    CHECK_EQ(1, fread(header, sizeof(header), 1, file));
    header[2] ^= 1; /* of the names */
    uint64_t digest = XXH3_64bits(header, sizeof(header) - 8);
    for (size_t i = 0; i < 8; i++) {
        header[sizeof(header) - 8 + i] = (uint8_t)(digest >> (8 * i));
    }
    rewind(file);
    CHECK_EQ(1, fwrite(header, sizeof(header), 1, file));
    CHECK_EQ(STATUS_CORRUPT, read_all(file, &problem));
    CHECK(strstr(problem.text, "other features or heads") != NULL);
    fclose(file);
}

static void a_full_disk_is_told_of(void)
{
    struct example_writer *writer;
    FILE *file = fopen("/dev/full", "w+b");
    if (file == NULL) {
        test_skip("there is no /dev/full");
    }
    CHECK_EQ(STATUS_IO, example_writer_open(file, &writer));
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(rows_come_back_as_they_were),   TEST(a_file_can_be_read_again_and_again),
        TEST(no_rows_are_a_file_too),        TEST(labels_are_read_by_head),
        TEST(an_unfinished_file_is_refused), TEST(what_is_no_such_file_is_refused),
        TEST(any_changed_byte_is_found),     TEST(what_follows_the_last_row_is_refused),
        TEST(other_features_are_refused),    TEST(a_full_disk_is_told_of),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
