#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ranker/check.h"

struct test {
    const char *name;
    void (*run)(void);
};

#define TEST(function)      \
    {                       \
#function, function \
    }

/* Compares as integers and prints both sides on failure. */
#define CHECK_EQ(want, got)                                                                      \
    do {                                                                                         \
        long long want_ = (long long)(want), got_ = (long long)(got);                            \
        if (want_ != got_) {                                                                     \
            fprintf(stderr, "%s:%d: want %s = %lld, got %s = %lld\n", __FILE__, __LINE__, #want, \
                    want_, #got, got_);                                                          \
            abort();                                                                             \
        }                                                                                        \
    } while (0)

/* Compares strings and prints both sides on failure. */
#define CHECK_STR(want, got) test_check_string(__FILE__, __LINE__, (want), (got))
void test_check_string(const char *file, int line, const char *want, const char *got);

/* Ends the running test as skipped, with the reason. */
_Noreturn void test_skip(const char *reason);

/* Makes a fresh directory under TEST_TMPDIR (or /tmp) and writes its path. */
enum { TEST_PATH_SIZE = 4096 };
void test_directory(char path[TEST_PATH_SIZE]);

/*
 * Runs every test in a process of its own, or only those whose name contains argv[1]. Prints
 * "ok NAME", "skip NAME: REASON" or "FAILED NAME" for each, which ./dev test counts. Returns
 * main()'s result.
 */
int test_main(int argc, char **argv, const struct test *tests, size_t count);

#endif
