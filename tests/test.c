#include "tests/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77 };

void test_check_string(const char *file, int line, const char *want, const char *got)
{
    if (strcmp(want, got) != 0) {
        fprintf(stderr, "%s:%d: want \"%s\", got \"%s\"\n", file, line, want, got);
        abort();
    }
}

void test_skip(const char *reason)
{
    printf("skip reason: %s\n", reason);
    exit(EXIT_SKIPPED);
}

void test_directory(char path[TEST_PATH_SIZE])
{
    const char *parent = getenv("TEST_TMPDIR"); /* Bazel makes it and removes it */
    snprintf(path, TEST_PATH_SIZE, "%s/test.XXXXXX", parent != NULL ? parent : "/tmp");
    CHECK(mkdtemp(path) != NULL);
}

/* Returns false when the test failed. A process each: one failure does not hide the next. */
static bool run(const struct test *test)
{
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        test->run();
        exit(0); /* runs the leak checker under asan */
    }
    int state = 0;
    CHECK(waitpid(pid, &state, 0) == pid);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0) {
        printf("ok %s\n", test->name);
        return true;
    }
    if (WIFEXITED(state) && WEXITSTATUS(state) == EXIT_SKIPPED) {
        printf("skip %s\n", test->name);
        return true;
    }
    printf("FAILED %s\n", test->name);
    return false;
}

int test_main(int argc, char **argv, const struct test *tests, size_t count)
{
    const char *filter = argc > 1 ? argv[1] : "";
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        if (strstr(tests[i].name, filter) != NULL && !run(&tests[i])) {
            failed++;
        }
    }
    return failed > 0 ? 1 : 0;
}
