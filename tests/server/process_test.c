#include "server/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
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

static uint64_t touch(volatile char *bytes, size_t size)
{
    uint64_t before = process_own_bytes();
    for (size_t i = 0; i < size; i += 1024) {
        bytes[i]++;
    }
    return process_own_bytes() - before;
}

static void own_memory_is_without_files(void)
{
    enum { SIZE = 64 << 20, SLACK = 4 << 20 };
    char directory[TEST_PATH_SIZE];
    char path[TEST_PATH_SIZE + 8];
    test_directory(directory);
    snprintf(path, sizeof(path), "%s/mapped", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
    char *file = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(file != MAP_FAILED && own != MAP_FAILED);
    uint64_t grown = touch(own, SIZE);
    CHECK(grown > SIZE - SLACK && grown < SIZE + SLACK);
    CHECK(touch(file, SIZE) < SLACK);
    munmap(own, SIZE);
    munmap(file, SIZE);
    close(fd);
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
    TEST(own_memory_is_without_files),
    TEST(open_files_are_counted),
    TEST(processor_time_grows_with_work),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
