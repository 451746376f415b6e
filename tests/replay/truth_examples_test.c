#include "replay/truth_examples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "replay/load.h"
#include "replay/temporary.h"
#include "tests/test.h"

/* v3 is not rated, so policy drops it; v1 was published a day before the rankings. */
static const char catalogue[] =
    "{\"video\":{\"video_id\":\"v1\",\"languages\":[\"hi\"],\"duration_ms\":9000,"
    "\"published_ms\":1699913600000,\"quality\":0.75,"
    "\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}}\n"
    "{\"video\":{\"video_id\":\"v2\",\"languages\":[\"hi\"],\"duration_ms\":9000,"
    "\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}}\n"
    "{\"video\":{\"video_id\":\"v3\",\"languages\":[\"hi\"],\"duration_ms\":9000}}\n";

#define TEST_LINE(candidates)                                                                  \
    "{\"test\":{\"ranking_id\":\"r\",\"user_id\":\"u\",\"locale\":\"hi-IN\",\"age_years\":30," \
    "\"time_ms\":1700000000000,\"candidates\":[" candidates "]}}\n"

enum { EXAMPLES_MAX = 8 };

struct told {
    enum status status;
    struct problem problem;
    struct example examples[EXAMPLES_MAX];
    size_t count;
};

static FILE *file_of(const char *text)
{
    FILE *file = temporary_open();
    CHECK(file != NULL);
    CHECK_EQ(strlen(text), fwrite(text, 1, strlen(text), file));
    rewind(file);
    return file;
}

static struct state *state_of(const char *text)
{
    struct state *state = state_new();
    uint64_t sequence = 0;
    struct problem problem = {""};
    FILE *file = file_of(text);
    CHECK(state != NULL);
    CHECK_EQ(STATUS_OK, load_jsonl(file, state, &sequence, &problem));
    fclose(file);
    return state;
}

static void read_examples(FILE *file, struct told *told)
{
    struct example_reader *reader = NULL;
    const struct example *example = NULL;
    CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, &told->problem));
    while (example_reader_next(reader, &example, &told->problem) == STATUS_OK) {
        CHECK(told->count < EXAMPLES_MAX);
        told->examples[told->count++] = *example;
    }
    example_reader_close(reader);
}

static struct told tell(const char *truth, enum truth_value value, enum head head)
{
    struct told told = {.problem = {""}};
    struct weights *weights = NULL;
    struct weights_problems problems;
    struct state *state = state_of(catalogue);
    FILE *lines = file_of(truth);
    FILE *file = temporary_open();
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, weights_parse((struct text){default_weights, default_weights_size},
                                      &weights, &problems));
    struct truth_examples_options options = {
        .state = state, .weights = weights, .value = value, .head = head};
    CHECK_EQ(STATUS_OK, example_writer_open(file, &options.writer));
    told.status = truth_examples_write(lines, &options, &told.problem);
    CHECK_EQ(STATUS_OK, example_writer_finish(options.writer));
    example_writer_close(options.writer);
    read_examples(file, &told);
    fclose(file);
    fclose(lines);
    state_free(state);
    weights_unref(weights);
    return told;
}

static void check_example(const struct example *example, double weight, bool positive,
                          enum head head)
{
    CHECK(fabs(example->weight - weight) < 1e-9);
    CHECK_EQ(1U << head, example->known);
    CHECK_EQ(positive ? 1U << head : 0, example->positive);
}

static void a_chance_is_two_examples_that_weigh_one_together(void)
{
    struct told told = tell(TEST_LINE("{\"video_id\":\"v1\",\"like\":0.25,\"utility\":0.5}"),
                            TRUTH_LIKE, HEAD_LIKE);
    CHECK_EQ(STATUS_OK, told.status);
    CHECK_EQ(2, told.count);
    check_example(&told.examples[0], 0.25, true, HEAD_LIKE);
    check_example(&told.examples[1], 0.75, false, HEAD_LIKE);
    CHECK(told.examples[0].features[FEATURE_QUALITY] == 0.75F);
    CHECK(fabs((double)told.examples[1].features[FEATURE_AGE_HOURS] - 24) < 1e-3);
    CHECK_EQ(told.examples[0].video_key, told.examples[1].video_key);
}

static void what_is_certain_is_one_example(void)
{
    struct told told =
        tell(TEST_LINE("{\"video_id\":\"v1\",\"long_view\":1},{\"video_id\":\"v2\"}"),
             TRUTH_LONG_VIEW, HEAD_LONG_VIEW);
    CHECK_EQ(STATUS_OK, told.status);
    CHECK_EQ(2, told.count);
    check_example(&told.examples[0], 1, true, HEAD_LONG_VIEW);
    check_example(&told.examples[1], 1, false, HEAD_LONG_VIEW);
}

static void what_policy_drops_makes_no_examples(void)
{
    struct told told = tell(TEST_LINE("{\"video_id\":\"v3\",\"utility\":1}")
                                TEST_LINE("{\"video_id\":\"v2\",\"utility\":1}"),
                            TRUTH_UTILITY, HEAD_LIKE);
    CHECK_EQ(STATUS_OK, told.status);
    CHECK_EQ(1, told.count);
    CHECK_EQ(1, told.examples[0].group);
    CHECK_EQ(1, told.examples[0].time_ms);
}

static void a_wrong_line_is_named(void)
{
    struct told told = tell(TEST_LINE("{\"video_id\":\"v1\",\"like\":2}"), TRUTH_LIKE, HEAD_LIKE);
    CHECK_EQ(STATUS_INVALID, told.status);
    CHECK_STR("line 1: test.candidates: a probability is not from 0 to 1", told.problem.text);
}

static void values_have_the_names_of_their_fields(void)
{
    const Reelrank__Replay__TestCandidate candidate = {
        .utility = 0.5, .like = 0.25, .not_interested = 0.125};
    CHECK_STR("utility", truth_value_name(TRUTH_UTILITY));
    CHECK_STR("not_interested", truth_value_name(TRUTH_NOT_INTERESTED));
    CHECK(truth_value_of(&candidate, TRUTH_LIKE) == 0.25);
    CHECK(truth_value_of(&candidate, TRUTH_NOT_INTERESTED) == 0.125);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_chance_is_two_examples_that_weigh_one_together),
        TEST(what_is_certain_is_one_example),
        TEST(what_policy_drops_makes_no_examples),
        TEST(a_wrong_line_is_named),
        TEST(values_have_the_names_of_their_fields),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
