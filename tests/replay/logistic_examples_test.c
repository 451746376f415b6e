#include "replay/logistic_examples.h"

#include <math.h>
#include <stdio.h>

#include "tests/test.h"

static bool near(double want, double got)
{
    return fabs(want - got) <= 1e-15;
}

static const struct logistic_examples of_like = {
    .head = HEAD_LIKE,
    .split = {.train_until_ms = 100, .validation_from_ms = 200},
};

/* Shown at position 2, of whom it is known that they did not like it. */
static struct example plain_example(int64_t time_ms)
{
    return (struct example){
        .time_ms = time_ms,
        .user_key = 7,
        .video_key = 8,
        .group = 1,
        .position = 2,
        .propensity = NAN,
        .weight = 1,
        .known = 1 << HEAD_LIKE,
        .watch_quantile = NAN,
    };
}

static void a_label_is_a_row(void)
{
    struct logistic_row rows[2];
    struct example example = plain_example(1);
    CHECK_EQ(1, logistic_rows_of(&example, &of_like, rows));
    CHECK(!rows[0].positive && near(1, rows[0].weight));
    CHECK_EQ(7, rows[0].user_key);
    CHECK_EQ(2, rows[0].position);
    CHECK(rows[0].features == example.features);
    example.positive = 1 << HEAD_LIKE;
    CHECK_EQ(1, logistic_rows_of(&example, &of_like, rows));
    CHECK(rows[0].positive);
}

static void an_unknown_label_is_none(void)
{
    struct logistic_row rows[2];
    struct example example = plain_example(1);
    example.known = 1 << HEAD_SHARE;
    CHECK_EQ(0, logistic_rows_of(&example, &of_like, rows));
}

static void a_watch_quantile_is_two_rows(void)
{
    struct logistic_row rows[2];
    struct example example = plain_example(1);
    struct logistic_examples options = of_like;
    options.head = HEAD_WATCH_QUANTILE;
    example.known = 1 << HEAD_WATCH_QUANTILE;
    example.weight = 4;
    example.watch_quantile = 0.75;
    CHECK_EQ(2, logistic_rows_of(&example, &options, rows));
    CHECK(rows[0].positive && near(3, rows[0].weight));
    CHECK(!rows[1].positive && near(1, rows[1].weight));
    example.watch_quantile = 1;
    CHECK_EQ(1, logistic_rows_of(&example, &options, rows));
    CHECK(rows[0].positive && near(4, rows[0].weight));
}

static void a_known_propensity_weighs_inversely_where_it_is_asked_for(void)
{
    struct logistic_row rows[2];
    struct example example = plain_example(1);
    struct logistic_examples options = of_like;
    example.propensity = 0.25;
    example.weight = 3;
    CHECK_EQ(1, logistic_rows_of(&example, &options, rows));
    CHECK(near(3, rows[0].weight));
    options.clip = 10;
    CHECK_EQ(1, logistic_rows_of(&example, &options, rows));
    CHECK(near(12, rows[0].weight));
    example.propensity = 0.01;
    CHECK_EQ(1, logistic_rows_of(&example, &options, rows));
    CHECK(near(30, rows[0].weight));
    example.propensity = NAN;
    CHECK_EQ(1, logistic_rows_of(&example, &options, rows));
    CHECK(near(3, rows[0].weight));
}

static void visitors_are_users_of_their_ranking(void)
{
    struct logistic_row rows[2];
    struct logistic_row others[2];
    struct example example = plain_example(1);
    example.user_key = 0;
    CHECK_EQ(1, logistic_rows_of(&example, &of_like, rows));
    example.group = 2;
    CHECK_EQ(1, logistic_rows_of(&example, &of_like, others));
    CHECK(rows[0].user_key != 0 && rows[0].user_key != others[0].user_key);
}

static struct logistic_data *make_data(void)
{
    struct feature_set set = {{0}};
    feature_set_add(&set, FEATURE_TASTE);
    struct logistic_data *data = logistic_data_new(&set, LOGISTIC_BYTES);
    CHECK(data != NULL);
    return data;
}

/* An example at each of the times. */
static FILE *write_file(const int64_t *times, size_t count)
{
    FILE *file = tmpfile();
    struct example_writer *writer = NULL;
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(file, &writer));
    for (size_t i = 0; i < count; i++) {
        struct example example = plain_example(times[i]);
        example.group = 1 + i;
        CHECK_EQ(STATUS_OK, example_writer_add(writer, &example));
    }
    CHECK_EQ(STATUS_OK, example_writer_finish(writer));
    example_writer_close(writer);
    return file;
}

static void a_file_is_cut_by_the_split(void)
{
    static const int64_t times[] = {1, 99, 100, 199, 200, 300};
    FILE *file = write_file(times, sizeof(times) / sizeof(times[0]));
    struct example_reader *reader = NULL;
    struct logistic_data *training = make_data();
    struct logistic_data *held_out = make_data();
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, &problem));
    CHECK_EQ(STATUS_OK, logistic_examples_read(reader, &of_like, training, held_out, &problem));
    CHECK_EQ(2, logistic_data_rows(training));
    CHECK_EQ(2, logistic_data_rows(held_out));
    example_reader_close(reader);
    logistic_data_free(training);
    logistic_data_free(held_out);
    CHECK(fclose(file) == 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_label_is_a_row),
        TEST(an_unknown_label_is_none),
        TEST(a_watch_quantile_is_two_rows),
        TEST(a_known_propensity_weighs_inversely_where_it_is_asked_for),
        TEST(visitors_are_users_of_their_ranking),
        TEST(a_file_is_cut_by_the_split),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
