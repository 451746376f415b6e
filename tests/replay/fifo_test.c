#include "replay/fifo.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

enum { BLOCK_BYTES = 1 << 20 };

/* A record says which it is in its first and its last bytes. */
static void push(struct fifo *fifo, uint32_t number, size_t size)
{
    unsigned char *bytes = fifo_push(fifo, size);
    CHECK(bytes != NULL);
    CHECK((uintptr_t)bytes % _Alignof(max_align_t) == 0);
    memset(bytes, 0, size);
    memcpy(bytes, &number, sizeof(number));
    memcpy(bytes + size - sizeof(number), &number, sizeof(number));
}

static void check_record(const unsigned char *bytes, uint32_t number, size_t size)
{
    CHECK(memcmp(bytes, &number, sizeof(number)) == 0);
    CHECK(memcmp(bytes + size - sizeof(number), &number, sizeof(number)) == 0);
}

static void an_empty_queue_has_nothing(void)
{
    struct fifo fifo = {0};
    void *records[4];
    CHECK(fifo_first(&fifo) == NULL);
    CHECK_EQ(0, fifo_peek(&fifo, records, 4));
    fifo_release(&fifo);
    fifo_release(&fifo);
}

static size_t size_of(uint32_t number)
{
    return 8 + number * 7 % 3000;
}

static void records_of_many_blocks_come_as_they_were_pushed(void)
{
    enum { COUNT = 5000 };
    struct fifo fifo = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        push(&fifo, i, size_of(i));
    }
    CHECK_EQ(COUNT, fifo.count);
    for (uint32_t i = 0; i < COUNT; i++) {
        check_record(fifo_first(&fifo), i, size_of(i));
        fifo_pop(&fifo);
    }
    CHECK(fifo_first(&fifo) == NULL);
    CHECK(fifo.first == NULL);
    fifo_release(&fifo);
}

static void the_largest_and_the_empty_record_fit(void)
{
    struct fifo fifo = {0};
    for (uint32_t i = 0; i < 40; i++) {
        push(&fifo, i, FIFO_LIMIT_BYTES);
        CHECK(fifo_push(&fifo, 0) != NULL);
    }
    for (uint32_t i = 0; i < 40; i++) {
        check_record(fifo_first(&fifo), i, FIFO_LIMIT_BYTES);
        fifo_pop(&fifo);
        fifo_pop(&fifo);
    }
    CHECK_EQ(0, fifo.count);
    fifo_release(&fifo);
}

/* A queue that is never long lives in two blocks, however much goes through it. */
static void memory_goes_with_the_records(void)
{
    enum { SIZE = 1000, WAITING = 10 };
    struct fifo fifo = {0};
    for (uint32_t i = 0; i < 10 * BLOCK_BYTES / SIZE; i++) {
        push(&fifo, i, SIZE);
        if (fifo.count > WAITING) {
            check_record(fifo_first(&fifo), i - WAITING, SIZE);
            fifo_pop(&fifo);
        }
        CHECK(fifo.first == fifo.last || *(void **)(void *)fifo.first == fifo.last);
    }
    fifo_release(&fifo);
    CHECK(fifo.spare == NULL);
}

static void peeking_goes_on_in_the_next_block(void)
{
    enum { SIZE = 60000, COUNT = 40, POPPED = 3 };
    struct fifo fifo = {0};
    void *records[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        push(&fifo, i, SIZE);
    }
    for (uint32_t i = 0; i < POPPED; i++) {
        fifo_pop(&fifo);
    }
    CHECK_EQ(2, fifo_peek(&fifo, records, 2));
    check_record(records[1], POPPED + 1, SIZE);
    CHECK_EQ(COUNT - POPPED, fifo_peek(&fifo, records, COUNT));
    for (uint32_t i = 0; i < COUNT - POPPED; i++) {
        check_record(records[i], POPPED + i, SIZE);
    }
    CHECK(records[0] == fifo_first(&fifo));
    fifo_release(&fifo);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_queue_has_nothing),
        TEST(records_of_many_blocks_come_as_they_were_pushed),
        TEST(the_largest_and_the_empty_record_fit),
        TEST(memory_goes_with_the_records),
        TEST(peeking_goes_on_in_the_next_block),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
