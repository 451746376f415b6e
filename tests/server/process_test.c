#include "server/process.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tests/test.h"

static void process_is_as_the_system_says(void)
{
    struct process_facts facts;
    process_facts(&facts);
    CHECK(facts.resident_bytes > 100000 && facts.resident_bytes < facts.virtual_bytes);
    CHECK_EQ(1, facts.threads);
    CHECK(facts.max_fds >= facts.open_fds && facts.open_fds >= 3);
    CHECK(facts.cpu_seconds >= 0);
    /* The system's clock may have been set since the machine started. */
    CHECK(facts.start_seconds > 0);
}

static void open_files_are_counted(void)
{
    struct process_facts before;
    struct process_facts after;
    process_facts(&before);
    int fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0);
    process_facts(&after);
    CHECK_EQ(before.open_fds + 1, after.open_fds);
    close(fd);
}

static void processor_time_grows_with_work(void)
{
    struct process_facts facts;
    double begin;
    volatile unsigned sum = 0;
    process_facts(&facts);
    begin = facts.cpu_seconds;
    while (facts.cpu_seconds <= begin) {
        for (unsigned i = 0; i < 1000000; i++) {
            sum += i;
        }
        process_facts(&facts);
    }
    CHECK(facts.cpu_seconds <= (double)clock() / CLOCKS_PER_SEC + 1);
}

static const struct test tests[] = {
    TEST(process_is_as_the_system_says),
    TEST(open_files_are_counted),
    TEST(processor_time_grows_with_work),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
