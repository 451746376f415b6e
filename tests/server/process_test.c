#include "server/process.h"

#include <fcntl.h>
#include <stdlib.h>
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

static void memory_alone_is_that_of_all_facts(void)
{
    enum { SIZE = 64 << 20, SLACK = 4 << 20 };
    struct process_facts facts;
    uint64_t before = process_resident_bytes();
    volatile char *bytes = malloc(SIZE); /* else the compiler sees that nobody needs it */
    CHECK(bytes != NULL);
    for (size_t i = 0; i < SIZE; i += 1024) {
        bytes[i] = 1;
    }
    uint64_t after = process_resident_bytes();
    process_facts(&facts);
    free((void *)(uintptr_t)bytes);
    CHECK(after > before + SIZE - SLACK && after < before + SIZE + SLACK);
    CHECK(facts.resident_bytes > after - SLACK && facts.resident_bytes < after + SLACK);
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
    TEST(memory_alone_is_that_of_all_facts),
    TEST(open_files_are_counted),
    TEST(processor_time_grows_with_work),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
