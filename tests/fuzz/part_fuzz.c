#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/counterfactual_sums.h"
#include "replay/part_file.h"
#include "replay/ranking_sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAGIC_SIZE = 8, LENGTH_SIZE = 8 };

/* What was read says so by its status, and only a failure has a problem. */
static void check_status(enum status status, const struct problem *problem)
{
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK((status == STATUS_OK) == (problem->text[0] == '\0'));
}

static void check_same(const char *again, size_t again_size, const uint8_t *data, size_t size)
{
    CHECK(again_size <= size);
    CHECK(memcmp(again, data, again_size) == 0);
}

/* What was read is what is written, byte for byte, and merges with its like. */
static bool read_ranking(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    struct ranking_sums *sums = NULL;
    char *again = NULL;
    size_t again_size = 0;
    FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
    CHECK(in != NULL);
    enum status status = ranking_sums_read(in, &sums, &problem);
    check_status(status, &problem);
    fclose(in);
    if (status != STATUS_OK) {
        return false;
    }
    FILE *out = open_memstream(&again, &again_size);
    CHECK(out != NULL);
    CHECK(ranking_sums_write(sums, out) == STATUS_OK);
    fclose(out);
    check_same(again, again_size, data, size);
    in = fmemopen(again, again_size, "r");
    struct ranking_sums *other = NULL;
    CHECK(ranking_sums_read(in, &other, &problem) == STATUS_OK);
    status = ranking_sums_merge(sums, other, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    fclose(in);
    ranking_sums_free(sums);
    ranking_sums_free(other);
    free(again);
    return true;
}

static bool read_counterfactual(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    struct counterfactual_sums *sums = NULL;
    char *again = NULL;
    size_t again_size = 0;
    FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
    CHECK(in != NULL);
    enum status status = counterfactual_sums_read(in, &sums, &problem);
    check_status(status, &problem);
    fclose(in);
    if (status != STATUS_OK) {
        return false;
    }
    FILE *out = open_memstream(&again, &again_size);
    CHECK(out != NULL);
    CHECK(counterfactual_sums_write(sums, out) == STATUS_OK);
    fclose(out);
    check_same(again, again_size, data, size);
    in = fmemopen(again, again_size, "r");
    struct counterfactual_sums *other = NULL;
    CHECK(counterfactual_sums_read(in, &other, &problem) == STATUS_OK);
    status = counterfactual_sums_merge(sums, other, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    fclose(in);
    counterfactual_sums_free(sums);
    counterfactual_sums_free(other);
    free(again);
    return true;
}

static bool begins_with(const uint8_t *data, size_t size, const char *magic)
{
    return size >= MAGIC_SIZE && memcmp(data, magic, MAGIC_SIZE) == 0;
}

/* The end of the block at `at`, with its length before it; 0: it does not end. */
static size_t end_of_block(const uint8_t *data, size_t size, size_t at)
{
    uint64_t length;
    if (at == 0 || size < at + LENGTH_SIZE) {
        return 0;
    }
    memcpy(&length, data + at, sizeof(length));
    return length <= size - at - LENGTH_SIZE ? at + LENGTH_SIZE + (size_t)length : 0;
}

static void put_tally(FILE *file, size_t sums, size_t peaks)
{
    struct tally *tally = tally_new(sums, peaks);
    CHECK(tally != NULL);
    CHECK(tally_write(tally, file) == STATUS_OK);
    tally_free(tally);
}

static void put_ranking_tallies(FILE *file, size_t contenders)
{
    put_tally(file, ranking_columns(contenders), 0);
    put_tally(file, contenders * EXPOSED_COLUMNS, 0);
}

static void put_counterfactual_tallies(FILE *file, size_t contenders, size_t positions)
{
    put_tally(file, contenders * OBSERVATION_SUMS + 1, contenders * COUNTERFACTUAL_PEAKS);
    put_tally(file, contenders * slate_sum_count(positions),
              contenders * slate_peak_count(positions));
}

/*
 * A mutation of a tally hits its checksum, and one of the head makes tallies of other columns, so
 * that nothing would ever be read. Hence blocks are tried with tallies that belong to them.
 */
static void try_with_tallies(const uint8_t *data, size_t size, bool ranking)
{
    char *whole = NULL;
    size_t whole_size = 0;
    const uint8_t *head = data + MAGIC_SIZE + LENGTH_SIZE;
    size_t end = end_of_block(data, size, MAGIC_SIZE);
    if (end < MAGIC_SIZE + LENGTH_SIZE + 3 || head[1] < 1 || head[1] > CONTENDERS_MAX ||
        (!ranking && (head[2] < 1 || head[2] > SLATE_ESTIMATOR_POSITIONS))) {
        return;
    }
    end = ranking ? end_of_block(data, size, end) : end;
    for (int i = 0; ranking && i < __builtin_popcount(head[2]); i++) {
        end = end_of_block(data, size, end);
    }
    FILE *file = open_memstream(&whole, &whole_size);
    CHECK(file != NULL);
    CHECK(end == 0 || fwrite(data, end, 1, file) == 1);
    if (ranking) {
        put_ranking_tallies(file, head[1]);
    } else {
        put_counterfactual_tallies(file, head[1], head[2]);
    }
    fclose(file);
    (void)(ranking ? read_ranking : read_counterfactual)((const uint8_t *)whole, whole_size);
    free(whole);
}

static void read_sums(const uint8_t *data, size_t size)
{
    bool ranking = begins_with(data, size, "RRrank1");
    bool counterfactual = begins_with(data, size, "RRcount");
    bool read = read_ranking(data, size) || read_counterfactual(data, size);
    CHECK(!read || ranking || counterfactual);
    if (!read && (ranking || counterfactual)) {
        try_with_tallies(data, size, ranking);
    }
}

/* What the report begins with, and where the sums begin; size where there are none. */
static size_t read_about(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    json_t *about = NULL;
    FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
    CHECK(in != NULL);
    enum status status = part_file_read(in, &about, &problem);
    check_status(status, &problem);
    size_t at = status == STATUS_OK ? (size_t)ftell(in) : size;
    fclose(in);
    if (status == STATUS_OK) {
        char *again = NULL;
        size_t again_size = 0;
        FILE *out = open_memstream(&again, &again_size);
        CHECK(out != NULL);
        CHECK(part_file_write(out, about) == STATUS_OK);
        fclose(out);
        in = fmemopen(again, again_size, "r");
        json_t *other = NULL;
        CHECK(part_file_read(in, &other, &problem) == STATUS_OK);
        CHECK(json_equal(about, other));
        fclose(in);
        free(again);
        json_decref(other);
    }
    json_decref(about);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t at = read_about(data, size);
    if (at < size) {
        read_sums(data + at, size - at);
    } else {
        read_sums(data, size);
    }
    return 0;
}
