#include "store/weights_row.h"

#include <stdlib.h>
#include <string.h>

#include "store/coder.h"
#include "tests/test.h"

static struct weights_change *new_change(void)
{
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    *change = (struct weights_change){
        .number = 7,
        .time_ms = 0x0102030405060708,
        .origin = ORIGIN_APPLY,
        .yaml_key = 0x1112131415161718,
        .version = "v@0123456789abcdef",
        .note = "why",
        .model_count = 1,
        .models = {{.name = "m.json", .key = 0x2122232425262728}},
    };
    return change;
}

static void bytes_are_as_the_table_says(void)
{
    uint8_t bytes[WEIGHTS_CHANGE_SIZE_MAX];
    struct weights_change *change = new_change();
    size_t size = weights_change_encode(change, bytes);
    CHECK_EQ(5 + 8 + 1 + 8 + 1 + 18 + 2 + 3 + 1 + 1 + 6 + 8, size);
    CHECK_EQ(1, bytes[0]);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(0x08 - i, bytes[5 + i]);
        CHECK_EQ(0x18 - i, bytes[14 + i]);
        CHECK_EQ(0x28 - i, bytes[size - 8 + i]);
    }
    CHECK_EQ(3, bytes[13]);
    CHECK_EQ(18, bytes[22]);
    CHECK(memcmp(bytes + 23, "v@0123456789abcdef", 18) == 0);
    CHECK(memcmp(bytes + 41, "\3\0why\1\6m.json", 13) == 0);
    free(change);
}

static void check_same(const struct weights_change *change)
{
    uint8_t bytes[WEIGHTS_CHANGE_SIZE_MAX];
    struct weights_change *again = calloc(1, sizeof(*again));
    CHECK(again != NULL);
    size_t size = weights_change_encode(change, bytes);
    CHECK_EQ(STATUS_OK, weights_change_decode(bytes, size, change->number, again));
    CHECK_EQ(change->number, again->number);
    CHECK_EQ(change->time_ms, again->time_ms);
    CHECK_EQ(change->origin, again->origin);
    CHECK_EQ(change->yaml_key, again->yaml_key);
    CHECK_STR(change->version, again->version);
    CHECK_STR(change->note, again->note);
    CHECK_EQ(change->model_count, again->model_count);
    for (size_t i = 0; i < change->model_count; i++) {
        CHECK_STR(change->models[i].name, again->models[i].name);
        CHECK_EQ(change->models[i].key, again->models[i].key);
    }
    free(again);
}

static void least_and_largest_come_back(void)
{
    struct weights_change *change = new_change();
    check_same(change);
    *change = (struct weights_change){.origin = ORIGIN_BUILT_IN, .version = "v"};
    check_same(change);
    change->origin = ORIGIN_ROLLBACK;
    memset(change->version, 'v', WEIGHTS_VERSION_SIZE - 1);
    memset(change->note, 'n', WEIGHTS_NOTE_SIZE - 1);
    change->model_count = LIMIT_MODEL_FILES;
    for (size_t i = 0; i < LIMIT_MODEL_FILES; i++) {
        memset(change->models[i].name, 'm', WEIGHTS_MODEL_NAME_SIZE - 1);
        change->models[i].key = UINT64_MAX - i;
    }
    check_same(change);
    free(change);
}

static void damage_is_noticed_wherever_it_is(void)
{
    uint8_t bytes[WEIGHTS_CHANGE_SIZE_MAX] = {0};
    struct weights_change *change = new_change();
    struct weights_change *out = new_change();
    size_t right = weights_change_encode(change, bytes);
    for (size_t size = 0; size <= right + 1; size++) {
        enum status want = size == right ? STATUS_OK : STATUS_CORRUPT;
        CHECK_EQ(want, weights_change_decode(bytes, size, 7, out));
    }
    for (size_t bit = 0; bit < 8 * right; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(STATUS_CORRUPT, weights_change_decode(bytes, right, 7, out));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(change);
    free(out);
}

/* With the checksum put right, as a program with a bug would. */
static void check_wrong(size_t at, uint8_t value)
{
    uint8_t bytes[WEIGHTS_CHANGE_SIZE_MAX];
    struct weights_change *change = new_change();
    size_t size = weights_change_encode(change, bytes);
    bytes[at] = value;
    (void)seal_row(bytes, 1, bytes + size);
    CHECK_EQ(STATUS_CORRUPT, weights_change_decode(bytes, size, 7, change));
    free(change);
}

static void values_that_never_are_fail(void)
{
    check_wrong(13, 0);    /* no origin */
    check_wrong(13, 5);    /* one past the last */
    check_wrong(22, 0);    /* no version */
    check_wrong(22, 65);   /* one byte too long */
    check_wrong(25, 0);    /* a zero within the version */
    check_wrong(43, 0xff); /* the note is no UTF-8 */
    check_wrong(46, 65);   /* one model too many */
    check_wrong(47, 0);    /* a model without a name */
    check_wrong(48, '/');  /* a model elsewhere */
}

static void text_is_checked_by_its_key(void)
{
    uint8_t bytes[5];
    struct text out = {0};
    struct text content = text_of("text");
    weights_file_encode(content, bytes);
    uint64_t key = weights_file_key(content);
    CHECK_EQ(STATUS_OK, weights_file_decode(bytes, 5, key, &out));
    CHECK(text_equal(content, out));
    CHECK_EQ(STATUS_CORRUPT, weights_file_decode(bytes, 5, key + 1, &out));
    CHECK_EQ(STATUS_CORRUPT, weights_file_decode(bytes, 4, key, &out));
    CHECK_EQ(STATUS_CORRUPT, weights_file_decode(bytes, 0, key, &out));
    bytes[0] = 2;
    CHECK_EQ(STATUS_CORRUPT, weights_file_decode(bytes, 5, key, &out));
    weights_file_encode((struct text){0}, bytes);
    CHECK_EQ(STATUS_OK, weights_file_decode(bytes, 1, weights_file_key((struct text){0}), &out));
    CHECK_EQ(0, out.size);
}

static void mark_comes_back_or_is_damaged(void)
{
    uint8_t bytes[WEIGHTS_MARK_SIZE];
    uint64_t hash = 0;
    weights_mark_encode(0x0102030405060708, bytes);
    CHECK_EQ(STATUS_OK, weights_mark_decode(bytes, sizeof(bytes), &hash));
    CHECK_EQ(0x0102030405060708, hash);
    CHECK_EQ(STATUS_CORRUPT, weights_mark_decode(bytes, sizeof(bytes) - 1, &hash));
    bytes[12] ^= 1;
    CHECK_EQ(STATUS_CORRUPT, weights_mark_decode(bytes, sizeof(bytes), &hash));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(bytes_are_as_the_table_says),      TEST(least_and_largest_come_back),
        TEST(damage_is_noticed_wherever_it_is), TEST(values_that_never_are_fail),
        TEST(text_is_checked_by_its_key),       TEST(mark_comes_back_or_is_damaged),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
