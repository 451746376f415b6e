#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status read_bytes(const void *data, size_t size, struct tally **out)
{
    struct problem problem = {""};
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    CHECK(file != NULL);
    enum status status = tally_read(file, out, &problem);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    fclose(file);
    return status;
}

/* What was read is what is written, byte for byte. */
static void check_bytes(struct tally *tally, const uint8_t *data, size_t size)
{
    char *again = NULL;
    size_t again_size = 0;
    FILE *file = open_memstream(&again, &again_size);
    CHECK(file != NULL);
    CHECK(tally_write(tally, file) == STATUS_OK);
    fclose(file);
    CHECK(again_size <= size);
    CHECK(memcmp(again, data, again_size) == 0);
    free(again);
}

static void check_totals(struct tally *tally)
{
    static double totals[TALLY_COLUMNS_MAX];
    tally_totals(tally, 0, 0, tally_sum_count(tally), totals);
    for (size_t i = 0; i < tally_sum_count(tally); i++) {
        CHECK(totals[i] >= -0x1p74 && totals[i] <= 0x1p74);
    }
}

/* Merged with nothing it stays as it was; merged with itself it still fits. */
static void check_merge(const struct tally *tally, const uint8_t *data, size_t size)
{
    struct problem problem;
    struct tally *sum = tally_new(tally_sum_count(tally), tally_peak_count(tally));
    CHECK(sum != NULL);
    CHECK(tally_merge(sum, tally, &problem) == STATUS_OK);
    check_bytes(sum, data, size);
    enum status status = tally_merge(sum, tally, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    check_totals(sum);
    tally_free(sum);
}

/* The last 8 bytes are made the checksum of the others, which chance does not find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tally *tally = NULL;
    if (size < 8) {
        return 0;
    }
    uint8_t *sealed = malloc(size);
    CHECK(sealed != NULL);
    memcpy(sealed, data, size);
    uint64_t digest = XXH3_64bits(data, size - 8);
    for (size_t i = 0; i < 8; i++) {
        sealed[size - 8 + i] = (uint8_t)(digest >> (8 * i));
    }
    if (read_bytes(sealed, size, &tally) == STATUS_OK) {
        check_bytes(tally, sealed, size);
        check_merge(tally, sealed, size);
        tally_free(tally);
    }
    free(sealed);
    return 0;
}
