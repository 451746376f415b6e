#include "replay/counterfactual_sums.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "replay/part_bytes.h"

enum { VERSION = 1 };

static const struct part_kind kind = {"RRcount", "this is no part of a counterfactual replay"};

/* Bins from 1 on are half octaves: 2^((bin - 1 - WEIGHT_BINS_BELOW) / 2) to the next. */
size_t weight_bin(double weight)
{
    if (!(weight > 0)) {
        return 0;
    }
    int exponent;
    double fraction = frexp(weight, &exponent);                         /* [0.5, 1) */
    int half = 2 * (exponent - 1) + (fraction >= 0x1.6a09e667f3bcdp-1); /* sqrt(1/2) */
    int bin = 1 + WEIGHT_BINS_BELOW + half;
    if (bin < 1) {
        return 1;
    }
    return bin < WEIGHT_BINS ? (size_t)bin : WEIGHT_BINS - 1;
}

double weight_bin_begin(size_t bin)
{
    if (bin <= 1) {
        return 0;
    }
    int half = (int)bin - 1 - WEIGHT_BINS_BELOW;
    int octave = half >= 0 ? half / 2 : -((1 - half) / 2);
    return ldexp(half - 2 * octave == 1 ? 0x1.6a09e667f3bcdp+0 : 1, octave);
}

enum status counterfactual_sums_new(size_t contenders, size_t positions, uint64_t seed,
                                    struct counterfactual_sums **out)
{
    struct counterfactual_sums *sums = calloc(1, sizeof(*sums));
    if (sums == NULL) {
        return STATUS_NO_MEMORY;
    }
    sums->contenders = contenders;
    sums->positions = positions;
    sums->seed = seed;
    sums->segments = segments_new();
    sums->observations =
        tally_new(contenders * OBSERVATION_SUMS + 1, contenders * COUNTERFACTUAL_PEAKS);
    sums->slates = tally_new(contenders * slate_sum_count(positions),
                             contenders * slate_peak_count(positions));
    if (sums->segments == NULL || sums->observations == NULL || sums->slates == NULL) {
        counterfactual_sums_free(sums);
        return STATUS_NO_MEMORY;
    }
    *out = sums;
    return STATUS_OK;
}

void counterfactual_sums_free(struct counterfactual_sums *sums)
{
    if (sums != NULL) {
        segments_free(sums->segments);
        tally_free(sums->observations);
        tally_free(sums->slates);
        free(sums);
    }
}

static void add_counts(struct counterfactual_counts *into, const struct counterfactual_counts *from)
{
    into->used += from->used;
    into->without_marginal += from->without_marginal;
    into->slates += from->slates;
    into->by_ranking_id += from->by_ranking_id;
    into->by_window += from->by_window;
    into->told_early += from->told_early;
}

enum status counterfactual_sums_merge(struct counterfactual_sums *into,
                                      const struct counterfactual_sums *from,
                                      struct problem *problem)
{
    bool same = into->contenders == from->contenders && into->positions == from->positions &&
                into->seed == from->seed && into->counts.found == from->counts.found &&
                segments_equal(into->segments, from->segments);
    if (!same) {
        problem_set(problem, "the parts are not of the same log, contenders and options");
        return STATUS_INVALID;
    }
    enum status status = tally_merge(into->observations, from->observations, problem);
    if (status == STATUS_OK) {
        status = tally_merge(into->slates, from->slates, problem);
    }
    for (size_t i = 0; i < into->contenders; i++) {
        for (size_t bin = 0; bin < WEIGHT_BINS; bin++) {
            into->weights[i][bin] += from->weights[i][bin];
        }
    }
    add_counts(&into->counts, &from->counts);
    return status;
}

static enum status write_head(const struct counterfactual_sums *sums, FILE *file)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put_byte(&writer, VERSION);
    numbers_put(&writer, sums->contenders);
    numbers_put(&writer, sums->positions);
    numbers_put_word(&writer, sums->seed);
    part_put_counts(&writer, &sums->counts, sizeof(sums->counts));
    for (size_t i = 0; i < sums->contenders * WEIGHT_BINS; i++) {
        numbers_put(&writer, sums->weights[i / WEIGHT_BINS][i % WEIGHT_BINS]);
    }
    part_put_segments(&writer, sums->segments);
    return part_write_head(file, &kind, &writer);
}

enum status counterfactual_sums_write(struct counterfactual_sums *sums, FILE *file)
{
    enum status status = write_head(sums, file);
    if (status == STATUS_OK) {
        status = tally_write(sums->observations, file);
    }
    return status == STATUS_OK ? tally_write(sums->slates, file) : status;
}

static void get_rest(struct numbers_reader *reader, struct counterfactual_sums *sums)
{
    part_get_counts(reader, &sums->counts, sizeof(sums->counts));
    for (size_t i = 0; i < sums->contenders * WEIGHT_BINS; i++) {
        sums->weights[i / WEIGHT_BINS][i % WEIGHT_BINS] = numbers_get(reader);
    }
    part_get_segments(reader, sums->segments);
}

static enum status decode_head(const uint8_t *bytes, size_t size, struct counterfactual_sums **out,
                               struct problem *problem)
{
    struct numbers_reader reader = {.at = bytes, .end = bytes + size};
    uint8_t version = numbers_get_byte(&reader);
    uint64_t contenders = numbers_get(&reader);
    uint64_t positions = numbers_get(&reader);
    uint64_t seed = numbers_get_word(&reader);
    if (reader.damaged || version != VERSION || contenders < 1 || contenders > CONTENDERS_MAX ||
        positions < 1 || positions > SLATE_ESTIMATOR_POSITIONS) {
        return part_spoilt(problem, "head");
    }
    struct counterfactual_sums *sums;
    enum status status = counterfactual_sums_new(contenders, positions, seed, &sums);
    if (status != STATUS_OK) {
        return status;
    }
    get_rest(&reader, sums);
    if (reader.damaged || numbers_left(&reader) > 0) {
        counterfactual_sums_free(sums);
        return part_spoilt(problem, "head");
    }
    *out = sums;
    return STATUS_OK;
}

static enum status read_head(FILE *file, struct counterfactual_sums **out, struct problem *problem)
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

enum status counterfactual_sums_read(FILE *file, struct counterfactual_sums **out,
                                     struct problem *problem)
{
    struct counterfactual_sums *sums = NULL;
    enum status status = read_head(file, &sums, problem);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(sums != NULL);
    status = part_read_tally(file, &sums->observations, problem);
    if (status == STATUS_OK) {
        status = part_read_tally(file, &sums->slates, problem);
    }
    if (status != STATUS_OK) {
        counterfactual_sums_free(sums);
        return status;
    }
    *out = sums;
    return STATUS_OK;
}
