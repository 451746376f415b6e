#include "store/statistics_keys_row.h"

#include <string.h>

#include "store/coder.h"
#include "tests/test.h"

enum { INDIA = 0x012e, HINDI = 0x0109 };

static const struct statistics_key_entry entries[] = {
    {.video_key = 5, .last_day = 20000, .kind = SCOPE_GLOBAL},
    {.video_key = 5, .last_day = 20000, .code = INDIA, .kind = SCOPE_REGION, .scoped = true},
    {.video_key = 6, .last_day = 1, .code = HINDI, .kind = SCOPE_LANGUAGE},
};
enum { ENTRY_COUNT = sizeof(entries) / sizeof(entries[0]) };

/* The row of these entries behind its header, as each version has it. */
enum { ROW_SIZE = 39 };
static const uint8_t row_of_version[][ROW_SIZE] = {
    /* clang-format off */
    [1] = {3,                                                /* entries */
           5, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x9c, 1,         /* global, of day 20,000 */
           5, 0, 0, 0, 0, 0, 0, 0, 1, 0x2e, 1, 0xa0, 0x9c, 1, /* India */
           6, 0, 0, 0, 0, 0, 0, 0, 2, 9, 1, 1},              /* Hindi, of day 1 */
    [2] = {3,
           5, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0x9c, 1,
           5, 0, 0, 0, 0, 0, 0, 0, 129, 0x2e, 1, 0xa0, 0x9c, 1, /* and scoped */
           6, 0, 0, 0, 0, 0, 0, 0, 2, 9, 1, 1},
    /* clang-format on */
};

static size_t make_row(uint8_t version, uint8_t out[STATISTICS_KEYS_ROW_SIZE_MAX])
{
    memcpy(out + CODER_HEADER_SIZE, row_of_version[version], ROW_SIZE);
    return seal_row(out, version, out + CODER_HEADER_SIZE + ROW_SIZE);
}

static void check_entry(const struct statistics_key_entry *want,
                        const struct statistics_key_entry *got)
{
    CHECK(want->video_key == got->video_key);
    CHECK_EQ(want->last_day, got->last_day);
    CHECK_EQ(want->code, got->code);
    CHECK_EQ(want->kind, got->kind);
}

static void keys_have_these_bytes_and_come_back(void)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    struct statistics_key_entry decoded[STATE_KEYS_PER_ROW];
    size_t count = 0;
    size_t size = statistics_keys_row_encode(entries, ENTRY_COUNT, row);
    CHECK_EQ(CODER_HEADER_SIZE + ROW_SIZE, size);
    CHECK_EQ(2, row[0]);
    for (size_t i = 0; i < ROW_SIZE; i++) {
        CHECK_EQ(row_of_version[2][i], row[CODER_HEADER_SIZE + i]);
    }
    CHECK_EQ(STATUS_OK, statistics_keys_row_decode(row, size, decoded, &count));
    CHECK_EQ(ENTRY_COUNT, count);
    for (size_t i = 0; i < count; i++) {
        check_entry(&entries[i], &decoded[i]);
        CHECK_EQ(entries[i].scoped, decoded[i].scoped);
    }
}

static void keys_of_version_1_may_all_be_scoped_but_global_ones(void)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    struct statistics_key_entry decoded[STATE_KEYS_PER_ROW];
    size_t count = 0;
    CHECK_EQ(STATUS_OK, statistics_keys_row_decode(row, make_row(1, row), decoded, &count));
    CHECK_EQ(ENTRY_COUNT, count);
    for (size_t i = 0; i < count; i++) {
        check_entry(&entries[i], &decoded[i]);
        CHECK_EQ(entries[i].kind != SCOPE_GLOBAL, decoded[i].scoped);
    }
}

static void full_row_fits(void)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    struct statistics_key_entry full[STATE_KEYS_PER_ROW];
    struct statistics_key_entry decoded[STATE_KEYS_PER_ROW];
    size_t count = 0;
    for (size_t i = 0; i < STATE_KEYS_PER_ROW; i++) {
        full[i] = (struct statistics_key_entry){.video_key = UINT64_MAX - i,
                                                .last_day = UINT32_MAX,
                                                .code = UINT16_MAX,
                                                .kind = SCOPE_LANGUAGE,
                                                .scoped = true};
    }
    size_t size = statistics_keys_row_encode(full, STATE_KEYS_PER_ROW, row);
    CHECK(size <= STATISTICS_KEYS_ROW_SIZE_MAX);
    CHECK_EQ(STATUS_OK, statistics_keys_row_decode(row, size, decoded, &count));
    CHECK_EQ(STATE_KEYS_PER_ROW, count);
    check_entry(&full[127], &decoded[127]);
    CHECK(decoded[127].scoped);
}

static enum status decode(const uint8_t *row, size_t size)
{
    struct statistics_key_entry decoded[STATE_KEYS_PER_ROW];
    size_t count;
    return statistics_keys_row_decode(row, size, decoded, &count);
}

static void damage_is_noticed_wherever_it_is(void)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    for (uint8_t version = 1; version <= 2; version++) {
        size_t size = make_row(version, row);
        for (size_t i = 0; i < size; i++) {
            row[i] ^= 0x10;
            CHECK_EQ(STATUS_CORRUPT, decode(row, size));
            row[i] ^= 0x10;
        }
        row[0] = (uint8_t)(3 - version); /* the checksum is seeded with the version */
        CHECK_EQ(STATUS_CORRUPT, decode(row, size));
    }
    CHECK_EQ(STATUS_CORRUPT, decode(row, 0));
}

static void rows_cut_or_continued_are_corrupt(void)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    for (uint8_t version = 1; version <= 2; version++) {
        size_t size = make_row(version, row);
        row[size] = 0;
        for (size_t cut = CODER_HEADER_SIZE; cut <= size + 1; cut++) {
            (void)seal_row(row, version, row + cut); /* with the checksum of what is left */
            CHECK_EQ(cut == size ? STATUS_OK : STATUS_CORRUPT, decode(row, cut));
        }
    }
}

/* A row with another byte at an offset behind the header, whose checksum is right. */
static enum status decode_changed(uint8_t version, size_t offset, uint8_t byte)
{
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    size_t size = make_row(version, row);
    row[CODER_HEADER_SIZE + offset] = byte;
    (void)seal_row(row, version, row + size);
    return decode(row, size);
}

static void what_no_key_can_be_is_corrupt(void)
{
    enum { GLOBAL_KIND = 9, REGION_KIND = 21, LANGUAGE_KEY = 27 };
    CHECK_EQ(STATUS_OK, decode_changed(2, REGION_KIND, 128 | SCOPE_LANGUAGE));
    CHECK_EQ(STATUS_CORRUPT, decode_changed(2, REGION_KIND, 128 | SCOPE_KIND_END));
    CHECK_EQ(STATUS_CORRUPT, decode_changed(2, REGION_KIND, 64 | SCOPE_REGION));
    CHECK_EQ(STATUS_CORRUPT, decode_changed(2, GLOBAL_KIND, 128 | SCOPE_GLOBAL));
    CHECK_EQ(STATUS_CORRUPT, decode_changed(1, REGION_KIND, 128 | SCOPE_REGION));
    CHECK_EQ(STATUS_CORRUPT, decode_changed(2, LANGUAGE_KEY, 0));
    uint8_t row[STATISTICS_KEYS_ROW_SIZE_MAX] = {0};
    size_t size = make_row(2, row);
    (void)seal_row(row, 3, row + size);
    CHECK_EQ(STATUS_CORRUPT, decode(row, size));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(keys_have_these_bytes_and_come_back),
        TEST(keys_of_version_1_may_all_be_scoped_but_global_ones),
        TEST(full_row_fits),
        TEST(damage_is_noticed_wherever_it_is),
        TEST(rows_cut_or_continued_are_corrupt),
        TEST(what_no_key_can_be_is_corrupt),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
