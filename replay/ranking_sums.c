#include "replay/ranking_sums.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/part_bytes.h"

enum {
    VERSION = 1,
    BLOCK_LIMIT_BYTES = 1 << 30 /* of what exposure or auc_groups have at most */
};

static const struct part_kind kind = {"RRrank1", "this is no part of a replay of rankings"};

enum status ranking_sums_new(size_t contenders, uint32_t with_auc, size_t k, uint64_t seed,
                             struct ranking_sums **out)
{
    struct ranking_sums *sums = calloc(1, sizeof(*sums));
    if (sums == NULL) {
        return STATUS_NO_MEMORY;
    }
    sums->contenders = contenders;
    sums->k = k;
    sums->seed = seed;
    sums->segments = segments_new();
    sums->metrics = tally_new(ranking_columns(contenders), 0);
    sums->exposures = tally_new(contenders * EXPOSED_COLUMNS, 0);
    sums->spread = exposure_new(contenders, k, EXPOSURE_KEPT_MAX);
    bool whole = sums->segments != NULL && sums->metrics != NULL && sums->exposures != NULL &&
                 sums->spread != NULL;
    for (size_t i = 0; i < contenders; i++) {
        if ((with_auc & 1U << i) != 0) {
            sums->auc[i] = auc_groups_new();
            whole = whole && sums->auc[i] != NULL;
        }
    }
    if (!whole) {
        ranking_sums_free(sums);
        return STATUS_NO_MEMORY;
    }
    *out = sums;
    return STATUS_OK;
}

void ranking_sums_free(struct ranking_sums *sums)
{
    if (sums == NULL) {
        return;
    }
    segments_free(sums->segments);
    tally_free(sums->metrics);
    tally_free(sums->exposures);
    exposure_free(sums->spread);
    for (size_t i = 0; i < CONTENDERS_MAX; i++) {
        auc_groups_free(sums->auc[i]);
    }
    free(sums);
}

size_t ranking_language(struct ranking_sums *sums, uint16_t language)
{
    for (size_t i = 0; i < sums->language_count; i++) {
        if (sums->languages[i] == language) {
            return i;
        }
    }
    if (sums->language_count == RANKING_LANGUAGES) {
        return RANKING_LANGUAGES;
    }
    sums->languages[sums->language_count] = language;
    return sums->language_count++;
}

static bool same_shape(const struct ranking_sums *a, const struct ranking_sums *b)
{
    bool same = a->contenders == b->contenders && a->k == b->k && a->seed == b->seed &&
                a->language_count == b->language_count &&
                memcmp(a->languages, b->languages, sizeof(a->languages)) == 0;
    for (size_t i = 0; i < CONTENDERS_MAX; i++) {
        same = same && (a->auc[i] == NULL) == (b->auc[i] == NULL);
    }
    return same && segments_equal(a->segments, b->segments);
}

static void add_counts(struct ranking_counts *into, const struct ranking_counts *from)
{
    into->measured += from->measured;
    into->without_outcome += from->without_outcome;
    into->sampled += from->sampled;
    into->by_ranking_id += from->by_ranking_id;
    into->by_window += from->by_window;
    into->told_early += from->told_early;
}

enum status ranking_sums_merge(struct ranking_sums *into, const struct ranking_sums *from,
                               struct problem *problem)
{
    if (!same_shape(into, from) || into->counts.found != from->counts.found) {
        problem_set(problem, "the parts are not of the same log, contenders and options");
        return STATUS_INVALID;
    }
    enum status status = tally_merge(into->metrics, from->metrics, problem);
    if (status == STATUS_OK) {
        status = tally_merge(into->exposures, from->exposures, problem);
    }
    if (status == STATUS_OK) {
        status = exposure_merge(into->spread, from->spread);
    }
    for (size_t i = 0; status == STATUS_OK && i < into->contenders; i++) {
        if (into->auc[i] != NULL) {
            status = auc_groups_merge(into->auc[i], from->auc[i]);
        }
    }
    add_counts(&into->counts, &from->counts);
    return status;
}

static uint32_t auc_mask(const struct ranking_sums *sums)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < sums->contenders; i++) {
        mask |= (sums->auc[i] != NULL) ? 1U << i : 0;
    }
    return mask;
}

static enum status write_head(const struct ranking_sums *sums, FILE *file)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put_byte(&writer, VERSION);
    numbers_put(&writer, sums->contenders);
    numbers_put(&writer, auc_mask(sums));
    numbers_put(&writer, sums->k);
    numbers_put_word(&writer, sums->seed);
    part_put_counts(&writer, &sums->counts, sizeof(sums->counts));
    numbers_put(&writer, sums->language_count);
    for (size_t i = 0; i < sums->language_count; i++) {
        numbers_put(&writer, sums->languages[i]);
    }
    part_put_segments(&writer, sums->segments);
    return part_write_head(file, &kind, &writer);
}

static enum status write_spread(const struct ranking_sums *sums, FILE *file)
{
    uint8_t *bytes;
    size_t size;
    enum status status = exposure_encode(sums->spread, &bytes, &size);
    if (status == STATUS_OK) {
        status = part_write_block(file, bytes, size);
        free(bytes);
    }
    return status;
}

static enum status write_auc(const struct auc_groups *groups, FILE *file)
{
    uint8_t *bytes;
    size_t size;
    enum status status = auc_groups_encode(groups, &bytes, &size);
    if (status == STATUS_OK) {
        status = part_write_block(file, bytes, size);
        free(bytes);
    }
    return status;
}

enum status ranking_sums_write(struct ranking_sums *sums, FILE *file)
{
    enum status status = write_head(sums, file);
    if (status == STATUS_OK) {
        status = write_spread(sums, file);
    }
    for (size_t i = 0; status == STATUS_OK && i < sums->contenders; i++) {
        if (sums->auc[i] != NULL) {
            status = write_auc(sums->auc[i], file);
        }
    }
    if (status == STATUS_OK) {
        status = tally_write(sums->metrics, file);
    }
    return status == STATUS_OK ? tally_write(sums->exposures, file) : status;
}

static void get_rest(struct numbers_reader *reader, struct ranking_sums *sums)
{
    part_get_counts(reader, &sums->counts, sizeof(sums->counts));
    uint64_t languages = numbers_get(reader);
    reader->damaged = reader->damaged || languages > RANKING_LANGUAGES;
    for (uint64_t i = 0; !reader->damaged && i < languages; i++) {
        uint64_t language = numbers_get(reader);
        reader->damaged = reader->damaged || language > UINT16_MAX;
        sums->languages[sums->language_count++] = (uint16_t)language;
    }
    if (!reader->damaged) {
        part_get_segments(reader, sums->segments);
    }
}

static enum status decode_head(const uint8_t *bytes, size_t size, struct ranking_sums **out,
                               struct problem *problem)
{
    struct numbers_reader reader = {.at = bytes, .end = bytes + size};
    uint8_t version = numbers_get_byte(&reader);
    uint64_t contenders = numbers_get(&reader);
    uint64_t mask = numbers_get(&reader);
    uint64_t k = numbers_get(&reader);
    uint64_t seed = numbers_get_word(&reader);
    if (reader.damaged || version != VERSION || contenders < 1 || contenders > CONTENDERS_MAX ||
        mask >> contenders != 0 || k < 1 || k > LIMIT_CANDIDATES) {
        return part_spoilt(problem, "head");
    }
    struct ranking_sums *sums;
    enum status status = ranking_sums_new(contenders, (uint32_t)mask, k, seed, &sums);
    if (status != STATUS_OK) {
        return status;
    }
    get_rest(&reader, sums);
    if (reader.damaged || numbers_left(&reader) > 0) {
        ranking_sums_free(sums);
        return part_spoilt(problem, "head");
    }
    *out = sums;
    return STATUS_OK;
}

static enum status read_spread(FILE *file, struct ranking_sums *sums, struct problem *problem)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct exposure *spread;
    enum status status = part_read_block(file, BLOCK_LIMIT_BYTES, &bytes, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = exposure_decode(bytes, size, &spread);
    free(bytes);
    if (status == STATUS_OK) {
        /* Of this shape, or it would take nothing from it. */
        status = exposure_merge(sums->spread, spread);
        exposure_free(spread);
    }
    return status == STATUS_CORRUPT || status == STATUS_INVALID ? part_spoilt(problem, "exposure")
                                                                : status;
}

static enum status read_auc(FILE *file, struct auc_groups **groups, struct problem *problem)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct auc_groups *read;
    enum status status = part_read_block(file, BLOCK_LIMIT_BYTES, &bytes, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = auc_groups_decode(bytes, size, &read);
    free(bytes);
    if (status == STATUS_OK) {
        auc_groups_free(*groups);
        *groups = read;
    }
    return status == STATUS_CORRUPT ? part_spoilt(problem, "scores") : status;
}

static enum status read_head(FILE *file, struct ranking_sums **out, struct problem *problem)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    enum status status = part_read_head(file, &kind, &bytes, &size, problem);
    if (status == STATUS_OK) {
        status = decode_head(bytes, size, out, problem);
        free(bytes);
    }
    return status;
}

enum status ranking_sums_read(FILE *file, struct ranking_sums **out, struct problem *problem)
{
    struct ranking_sums *sums = NULL;
    enum status status = read_head(file, &sums, problem);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(sums != NULL);
    status = read_spread(file, sums, problem);
    for (size_t i = 0; status == STATUS_OK && i < sums->contenders; i++) {
        if (sums->auc[i] != NULL) {
            status = read_auc(file, &sums->auc[i], problem);
        }
    }
    if (status == STATUS_OK) {
        status = part_read_tally(file, &sums->metrics, problem);
    }
    if (status == STATUS_OK) {
        status = part_read_tally(file, &sums->exposures, problem);
    }
    if (status != STATUS_OK) {
        ranking_sums_free(sums);
        return status;
    }
    *out = sums;
    return STATUS_OK;
}
