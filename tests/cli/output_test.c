#include "cli/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static const char option[] = "--html";

/* A path that names nothing yet. */
static void fresh_path(char path[TEST_PATH_SIZE])
{
    test_directory(path);
    size_t size = strlen(path);
    CHECK(size + sizeof("/page") <= TEST_PATH_SIZE);
    memcpy(path + size, "/page", sizeof("/page"));
}

static FILE *open_fresh(char path[TEST_PATH_SIZE], struct problem *problem)
{
    FILE *file = NULL;
    fresh_path(path);
    CHECK_EQ(STATUS_OK, output_open(option, path, &file, problem));
    CHECK(fputs("half", file) >= 0);
    return file;
}

static void what_is_whole_stays(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    struct stat info;
    FILE *file = open_fresh(path, &problem);
    CHECK_EQ(STATUS_OK, output_close(option, path, file, STATUS_OK, &problem));
    CHECK_EQ(0, stat(path, &info));
    CHECK_EQ(4, info.st_size);
    CHECK_STR("", problem.text);
}

static void what_is_not_whole_is_removed_and_the_reason_told(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    FILE *file = open_fresh(path, &problem);
    errno = ENOSPC;
    CHECK_EQ(STATUS_IO, output_close(option, path, file, STATUS_IO, &problem));
    CHECK(access(path, F_OK) != 0);
    CHECK(strstr(problem.text, "--html ") == problem.text);
    CHECK(strstr(problem.text, "/page: cannot write: No space left on device") != NULL);
}

static void a_reason_that_was_told_already_stays(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    FILE *file = open_fresh(path, &problem);
    problem_set(&problem, "gnuplot is missing");
    CHECK_EQ(STATUS_UNAVAILABLE, output_close(option, path, file, STATUS_UNAVAILABLE, &problem));
    CHECK(access(path, F_OK) != 0);
    CHECK_STR("gnuplot is missing", problem.text);
}

/* A device fills up only when what was kept back is written, and is not removed for it. */
static void a_full_device_is_told_of_and_stays(void)
{
    struct problem problem = {""};
    FILE *file = NULL;
    if (access("/dev/full", W_OK) != 0) {
        test_skip("there is no /dev/full");
    }
    CHECK_EQ(STATUS_OK, output_open(option, "/dev/full", &file, &problem));
    CHECK(fputs("half", file) >= 0);
    CHECK_EQ(STATUS_IO, output_close(option, "/dev/full", file, STATUS_OK, &problem));
    CHECK_EQ(0, access("/dev/full", F_OK));
    CHECK_STR("--html /dev/full: cannot write: No space left on device", problem.text);
}

/* What was kept back went with the write that failed: closing finds nothing wrong. */
static void a_write_that_failed_before_is_told_of(void)
{
    static const char row[64];
    struct problem problem = {""};
    FILE *file = NULL;
    if (access("/dev/full", W_OK) != 0) {
        test_skip("there is no /dev/full");
    }
    CHECK_EQ(STATUS_OK, output_open(option, "/dev/full", &file, &problem));
    while (ferror(file) == 0) {
        (void)fwrite(row, sizeof(row), 1, file);
    }
    CHECK_EQ(STATUS_IO, output_close(option, "/dev/full", file, STATUS_OK, &problem));
    CHECK_STR("--html /dev/full: cannot write: No space left on device", problem.text);
}

static void what_cannot_be_opened_is_told_of(void)
{
    char path[TEST_PATH_SIZE];
    struct problem problem = {""};
    FILE *file = NULL;
    test_directory(path);
    CHECK_EQ(STATUS_IO, output_open(option, path, &file, &problem));
    CHECK(file == NULL);
    CHECK(strstr(problem.text, "cannot write: Is a directory") != NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_is_whole_stays),
        TEST(what_is_not_whole_is_removed_and_the_reason_told),
        TEST(a_reason_that_was_told_already_stays),
        TEST(a_full_device_is_told_of_and_stays),
        TEST(a_write_that_failed_before_is_told_of),
        TEST(what_cannot_be_opened_is_told_of),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
