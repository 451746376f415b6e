#include "cli/input.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { ARENA_SIZE = 1 << 20 };

struct reading {
    struct arena arena;
    Reelrank__V1__RankRequest request;
    struct problem problem;
};

static enum status read_text(struct reading *reading, const char *text)
{
    void *memory = malloc(ARENA_SIZE);
    CHECK(memory != NULL);
    arena_init(&reading->arena, memory, ARENA_SIZE);
    reelrank__v1__rank_request__init(&reading->request);
    reading->problem.text[0] = '\0';
    return input_candidates(text_of(text), &reading->arena, &reading->request, &reading->problem);
}

static void release(struct reading *reading)
{
    arena_reset(&reading->arena);
    free(reading->arena.base);
}

static void lines_are_ids_and_blank_ones_do_not_count(void)
{
    struct reading reading;
    CHECK_EQ(STATUS_OK, read_text(&reading, "v1\r\n\n  v two  \nv3"));
    CHECK_EQ(3, reading.request.n_candidates);
    CHECK_STR("v1", reading.request.candidates[0]->video_id);
    CHECK_STR("v two", reading.request.candidates[1]->video_id);
    CHECK_STR("v3", reading.request.candidates[2]->video_id);
    release(&reading);
}

static void an_empty_file_has_no_candidates(void)
{
    struct reading reading;
    CHECK_EQ(STATUS_OK, read_text(&reading, ""));
    CHECK_EQ(0, reading.request.n_candidates);
    release(&reading);
    CHECK_EQ(STATUS_OK, read_text(&reading, "\n \n"));
    CHECK_EQ(0, reading.request.n_candidates);
    release(&reading);
}

static void an_array_may_hold_ids(void)
{
    struct reading reading;
    CHECK_EQ(STATUS_OK, read_text(&reading, " [\"v1\",\n \"v\\u0032\"]\n"));
    CHECK_EQ(2, reading.request.n_candidate_ids);
    CHECK_STR("v1", reading.request.candidate_ids[0]);
    CHECK_STR("v2", reading.request.candidate_ids[1]);
    release(&reading);
    CHECK_EQ(STATUS_OK, read_text(&reading, "[]"));
    CHECK_EQ(0, reading.request.n_candidate_ids);
    release(&reading);
}

static void an_array_may_hold_objects(void)
{
    struct reading reading;
    CHECK_EQ(STATUS_OK, read_text(&reading, "[{\"video_id\": \"v1\", \"retrieval_score\": 0.5}]"));
    CHECK_EQ(1, reading.request.n_candidates);
    CHECK_STR("v1", reading.request.candidates[0]->video_id);
    CHECK(reading.request.candidates[0]->retrieval_score > 0.49);
    release(&reading);
}

static void json_lines_hold_an_object_each(void)
{
    struct reading reading;
    CHECK_EQ(
        STATUS_OK,
        read_text(&reading, "{\"video_id\":\"v1\"}\n\n{\"video_id\":\"v2\",\"source\":\"s\"}\n"));
    CHECK_EQ(2, reading.request.n_candidates);
    CHECK_STR("v2", reading.request.candidates[1]->video_id);
    CHECK_STR("s", reading.request.candidates[1]->source);
    release(&reading);
}

static void a_broken_line_is_named(void)
{
    struct reading reading;
    CHECK_EQ(STATUS_INVALID, read_text(&reading, "{\"video_id\":\"v1\"}\n\n{\"video\":\"v2\"}\n"));
    CHECK(strncmp(reading.problem.text, "line 3: ", 8) == 0);
    CHECK(strstr(reading.problem.text, "video_id") != NULL);
    release(&reading);
}

static void broken_arrays_are_refused(void)
{
    struct reading reading;
    const char *const broken[] = {"[", "[1]", "[\"v1\", {}]", "[\"v1\"], \"limit\": 3, \"x\": [1]",
                                  "[\"v1\"]}"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        CHECK_EQ(STATUS_INVALID, read_text(&reading, broken[i]));
        CHECK(reading.problem.text[0] != '\0');
        release(&reading);
    }
}

static void a_missing_file_is_not_found(void)
{
    char *data = NULL;
    size_t size = 0;
    struct problem problem;
    CHECK_EQ(STATUS_NOT_FOUND, input_read("/nowhere/at/all", 10, &data, &size, &problem));
    CHECK_STR("cannot open /nowhere/at/all: No such file or directory", problem.text);
}

static void a_file_may_be_as_long_as_the_limit_and_no_longer(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    strncat(path, "/file", sizeof(path) - strlen(path) - 1);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK_EQ(6, fwrite("abcdef", 1, 6, file));
    CHECK(fclose(file) == 0);

    char *data = NULL;
    size_t size = 0;
    struct problem problem;
    CHECK_EQ(STATUS_OK, input_read(path, 6, &data, &size, &problem));
    CHECK_EQ(6, size);
    CHECK_STR("abcdef", data);
    free(data);
    CHECK_EQ(STATUS_INVALID, input_read(path, 5, &data, &size, &problem));
}

static void a_directory_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    char *data = NULL;
    size_t size = 0;
    struct problem problem;
    CHECK_EQ(STATUS_IO, input_read(path, 10, &data, &size, &problem));
    CHECK(strstr(problem.text, "Is a directory") != NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(lines_are_ids_and_blank_ones_do_not_count),
        TEST(an_empty_file_has_no_candidates),
        TEST(an_array_may_hold_ids),
        TEST(an_array_may_hold_objects),
        TEST(json_lines_hold_an_object_each),
        TEST(a_broken_line_is_named),
        TEST(broken_arrays_are_refused),
        TEST(a_missing_file_is_not_found),
        TEST(a_file_may_be_as_long_as_the_limit_and_no_longer),
        TEST(a_directory_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
