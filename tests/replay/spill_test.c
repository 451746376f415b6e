#include "replay/spill.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "tests/test.h"

enum { RECORDS = 500, SIZE_MAX_BYTES = 3000 };

static size_t size_of(size_t record)
{
    struct random random = random_stream(1, record, 0);
    return random_below(&random, SIZE_MAX_BYTES + 1);
}

static void fill(uint8_t *bytes, size_t record)
{
    for (size_t i = 0; i < size_of(record); i++) {
        bytes[i] = (uint8_t)(record * 31 + i);
    }
}

static void push(struct spill *spill, size_t record)
{
    uint8_t bytes[SIZE_MAX_BYTES];
    fill(bytes, record);
    CHECK_EQ(STATUS_OK, spill_push(spill, bytes, size_of(record), NULL));
}

static void pop(struct spill *spill, size_t record)
{
    uint8_t want[SIZE_MAX_BYTES], got[SIZE_MAX_BYTES];
    fill(want, record);
    CHECK_EQ(STATUS_OK, spill_pop(spill, got, size_of(record), NULL));
    CHECK(memcmp(want, got, size_of(record)) == 0);
}

static void records_come_out_in_the_order_they_went_in(void)
{
    struct spill *spill = spill_new(SPILL_FILE_BYTES);
    CHECK(spill != NULL);
    for (size_t i = 0; i < RECORDS; i++) {
        push(spill, i);
    }
    for (size_t i = 0; i < RECORDS; i++) {
        pop(spill, i);
    }
    spill_free(spill);
}

/* Files of a few records, so that many come and go. */
static void records_go_in_while_others_come_out(void)
{
    struct spill *spill = spill_new(10000);
    struct random random = {7};
    size_t in = 0, out = 0;
    CHECK(spill != NULL);
    while (out < RECORDS) {
        if (in < RECORDS && (in == out || random_chance(&random, 0.55))) {
            push(spill, in++);
        } else {
            pop(spill, out++);
        }
    }
    spill_free(spill);
}

static void what_is_left_goes_with_the_queue(void)
{
    struct spill *spill = spill_new(1000);
    CHECK(spill != NULL);
    for (size_t i = 0; i < 20; i++) {
        push(spill, i);
    }
    pop(spill, 0);
    spill_free(spill);
    spill_free(NULL);
}

static void a_missing_folder_is_told_of(void)
{
    struct problem problem = {""};
    struct spill *spill = spill_new(1000);
    CHECK(spill != NULL);
    CHECK_EQ(0, setenv("TMPDIR", "/nowhere/at/all", 1));
    CHECK_EQ(STATUS_IO, spill_push(spill, "x", 1, &problem));
    CHECK_STR("a temporary file in $TMPDIR, or /tmp, cannot be made: No such file or directory",
              problem.text);
    spill_free(spill);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(records_come_out_in_the_order_they_went_in),
        TEST(records_go_in_while_others_come_out),
        TEST(what_is_left_goes_with_the_queue),
        TEST(a_missing_folder_is_told_of),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
