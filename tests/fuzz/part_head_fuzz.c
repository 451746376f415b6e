#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/counterfactual_report.h"
#include "replay/counterfactual_sums.h"
#include "replay/numbers.h"
#include "replay/ranking_report.h"
#include "replay/ranking_sums.h"

/*
 * Parts of replays: the first byte tells the kind, and the others are the head, behind which stands
 * what has fuzz targets of its own: tallies, exposure and scores, of the columns that the head
 * wants.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RANKING = 1 };

static void put_block(FILE *file, const void *bytes, size_t size)
{
    uint64_t length = size;
    CHECK(fwrite(&length, sizeof(length), 1, file) == 1);
    CHECK(size == 0 || fwrite(bytes, size, 1, file) == 1);
}

struct kept_tally {
    size_t sums;
    size_t peaks;
    char *bytes;
    size_t size;
};

/* With one user, who is in the first two segments besides. */
static void make_tally(size_t sums, size_t peaks, struct kept_tally *out)
{
    static double columns[TALLY_COLUMNS_MAX];
    const uint32_t segments[] = {1, 2};
    struct tally *tally = tally_new(sums, peaks);
    CHECK(tally != NULL);
    for (size_t i = 0; i < sums || i < peaks; i++) {
        columns[i] = 0.5;
    }
    CHECK(tally_add(tally, 1, segments, 2, columns, columns) == STATUS_OK);
    FILE *file = open_memstream(&out->bytes, &out->size);
    CHECK(file != NULL);
    CHECK(tally_write(tally, file) == STATUS_OK);
    fclose(file);
    tally_free(tally);
    out->sums = sums;
    out->peaks = peaks;
}

/* Few shapes come again and again, so what they look like is kept. */
static void put_tally(FILE *file, size_t sums, size_t peaks)
{
    enum { KEPT = 61 };
    static struct kept_tally all[KEPT];
    struct kept_tally *kept = &all[(sums + 7 * peaks) % KEPT];
    if (kept->bytes == NULL || kept->sums != sums || kept->peaks != peaks) {
        free(kept->bytes);
        make_tally(sums, peaks, kept);
    }
    CHECK(fwrite(kept->bytes, kept->size, 1, file) == 1);
}

static FILE *open_part(char **bytes, size_t *size, const char magic[8], const uint8_t *head,
                       size_t head_size)
{
    FILE *file = open_memstream(bytes, size);
    CHECK(file != NULL);
    CHECK(fwrite(magic, 8, 1, file) == 1);
    put_block(file, head, head_size);
    return file;
}

static void check_text(enum status status, const struct problem *problem)
{
    CHECK((status == STATUS_OK) == (problem->text[0] == '\0'));
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
}

/* ---- counterfactual ---- */

static void use_counterfactual(struct counterfactual_sums *sums, const char *bytes, size_t size)
{
    char *again = NULL;
    size_t again_size = 0;
    struct support_limits limits;
    FILE *file = open_memstream(&again, &again_size);
    CHECK(file != NULL);
    CHECK(counterfactual_sums_write(sums, file) == STATUS_OK);
    fclose(file);
    CHECK(again_size == size);
    CHECK(memcmp(again, bytes, size) == 0);
    free(again);
    support_limits_init(&limits);
    json_t *report = json_object();
    CHECK(counterfactual_report_add(sums, &limits, true, 0, report) == STATUS_OK);
    json_decref(report);
}

static void try_counterfactual(const uint8_t *head, size_t head_size)
{
    struct numbers_reader reader = {.at = head, .end = head + head_size};
    (void)numbers_get_byte(&reader);
    uint64_t contenders = numbers_get(&reader);
    uint64_t positions = numbers_get(&reader);
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_part(&bytes, &size, "RRcount", head, head_size);
    if (contenders >= 1 && contenders <= CONTENDERS_MAX && positions >= 1 &&
        positions <= SLATE_ESTIMATOR_POSITIONS) {
        put_tally(file, contenders * OBSERVATION_SUMS + 1, contenders * COUNTERFACTUAL_PEAKS);
        put_tally(file, contenders * slate_sum_count(positions),
                  contenders * slate_peak_count(positions));
    }
    fclose(file);
    struct counterfactual_sums *sums = NULL;
    struct problem problem = {""};
    file = fmemopen(bytes, size, "r");
    CHECK(file != NULL);
    enum status status = counterfactual_sums_read(file, &sums, &problem);
    check_text(status, &problem);
    fclose(file);
    if (status == STATUS_OK) {
        use_counterfactual(sums, bytes, size);
        counterfactual_sums_free(sums);
    }
    free(bytes);
}

/* ---- ranking ---- */

static void put_rest(FILE *file, size_t contenders, uint64_t mask, size_t k)
{
    uint8_t *bytes;
    size_t size;
    struct exposure *spread = exposure_new(contenders, k, EXPOSURE_KEPT_MAX);
    CHECK(spread != NULL);
    CHECK(exposure_encode(spread, &bytes, &size) == STATUS_OK);
    put_block(file, bytes, size);
    free(bytes);
    exposure_free(spread);
    for (size_t i = 0; i < contenders; i++) {
        if ((mask & 1U << i) != 0) {
            struct auc_groups *groups = auc_groups_new();
            CHECK(groups != NULL);
            CHECK(auc_groups_encode(groups, &bytes, &size) == STATUS_OK);
            put_block(file, bytes, size);
            free(bytes);
            auc_groups_free(groups);
        }
    }
    put_tally(file, ranking_columns(contenders), 0);
    put_tally(file, contenders * EXPOSED_COLUMNS, 0);
}

static void use_ranking(struct ranking_sums *sums, const char *bytes, size_t size)
{
    char *again = NULL;
    size_t again_size = 0;
    FILE *file = open_memstream(&again, &again_size);
    CHECK(file != NULL);
    CHECK(ranking_sums_write(sums, file) == STATUS_OK);
    fclose(file);
    CHECK(again_size == size);
    CHECK(memcmp(again, bytes, size) == 0);
    free(again);
    json_t *report = json_object();
    CHECK(ranking_report_add(sums, 0, report) == STATUS_OK);
    json_decref(report);
}

static void try_ranking(const uint8_t *head, size_t head_size)
{
    struct numbers_reader reader = {.at = head, .end = head + head_size};
    (void)numbers_get_byte(&reader);
    uint64_t contenders = numbers_get(&reader);
    uint64_t mask = numbers_get(&reader);
    uint64_t k = numbers_get(&reader);
    char *bytes = NULL;
    size_t size = 0;
    FILE *file = open_part(&bytes, &size, "RRrank1", head, head_size);
    if (contenders >= 1 && contenders <= CONTENDERS_MAX && k >= 1 && k <= LIMIT_CANDIDATES) {
        put_rest(file, contenders, mask, k);
    }
    fclose(file);
    struct ranking_sums *sums = NULL;
    struct problem problem = {""};
    file = fmemopen(bytes, size, "r");
    CHECK(file != NULL);
    enum status status = ranking_sums_read(file, &sums, &problem);
    check_text(status, &problem);
    fclose(file);
    if (status == STATUS_OK) {
        use_ranking(sums, bytes, size);
        ranking_sums_free(sums);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] % 2 == RANKING) {
        try_ranking(data + 1, size - 1);
    } else if (size > 0) {
        try_counterfactual(data + 1, size - 1);
    }
    return 0;
}
