#include "replay/logistic_data.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "replay/logistic_rows.h"
#include "store/grow.h"

/* The last position of each place but the last one. */
static const unsigned place_ends[LOGISTIC_PLACES - 1] = {0, 1, 2, 3, 5, 8, 12, 20, 50};

unsigned logistic_place(unsigned position)
{
    unsigned place = 0;
    while (place < LOGISTIC_PLACES - 1 && position > place_ends[place]) {
        place++;
    }
    return place;
}

const char *logistic_place_name(unsigned place)
{
    static const char *const names[LOGISTIC_PLACES] = {
        "unknown", "1",       "2",        "3",        "4 to 5",
        "6 to 8",  "9 to 12", "13 to 20", "21 to 50", "51 and more"};
    CHECK(place < LOGISTIC_PLACES);
    return names[place];
}

double logistic_inverse_weight(double propensity, double clip)
{
    CHECK(propensity > 0);
    CHECK(clip >= 1);
    double weight = 1 / propensity;
    return weight < clip ? weight : clip;
}

struct logistic_data *logistic_data_new(const struct feature_set *features, uint64_t bytes_max)
{
    struct logistic_data *data = calloc(1, sizeof(*data));
    if (data == NULL) {
        return NULL;
    }
    data->bytes_max = bytes_max;
    enum feature feature = feature_set_next(features, 0);
    for (; feature != FEATURE_COUNT; feature = feature_set_next(features, feature + 1)) {
        data->features[data->feature_count++] = feature;
    }
    CHECK(data->feature_count > 0);
    return data;
}

void logistic_data_free(struct logistic_data *data)
{
    if (data != NULL) {
        for (size_t i = 0; i < data->block_count; i++) {
            free(data->blocks[i]);
        }
        free(data->blocks);
        free(data);
    }
}

static enum status check_row(const struct logistic_data *data, const struct logistic_row *row,
                             struct problem *problem)
{
    unsigned long long number = data->rows + 1;
    if (row->user_key == 0) {
        problem_set(problem, "example %llu: no user; a visitor has the key of the request", number);
        return STATUS_INVALID;
    }
    if (!(row->weight > 0 && row->weight <= LOGISTIC_WEIGHT_MAX)) {
        problem_set(problem, "example %llu: weight %g; allowed: above 0, up to %g", number,
                    row->weight, LOGISTIC_WEIGHT_MAX);
        return STATUS_INVALID;
    }
    for (unsigned i = 0; i < data->feature_count; i++) {
        double value = row->features[data->features[i]];
        if (fabs(value) > LOGISTIC_FEATURE_MAX) { /* NaN is not, and is allowed */
            problem_set(problem, "example %llu: %s is %g; allowed: -%g to %g, or missing", number,
                        feature_name(data->features[i]), value, LOGISTIC_FEATURE_MAX,
                        LOGISTIC_FEATURE_MAX);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static size_t block_bytes(const struct logistic_data *data)
{
    return sizeof(struct logistic_block) + data->feature_count * sizeof(float[LOGISTIC_BLOCK]) +
           sizeof(struct logistic_block *);
}

static enum status make_room(struct logistic_data *data)
{
    struct logistic_block **blocks = grow(data->blocks, data->block_count, &data->block_capacity,
                                          sizeof(struct logistic_block *));
    if (blocks == NULL) {
        return STATUS_NO_MEMORY;
    }
    data->blocks = blocks;
    return STATUS_OK;
}

static enum status add_block(struct logistic_data *data, struct problem *problem)
{
    size_t size = block_bytes(data);
    if (size * (data->block_count + 1) > data->bytes_max) {
        problem_set(problem,
                    "more than the %llu examples of %u features that fit into %llu bytes; choose "
                    "fewer features, or a share of the users, or allow more memory",
                    (unsigned long long)data->rows, data->feature_count,
                    (unsigned long long)data->bytes_max);
        return STATUS_NO_SPACE;
    }
    struct logistic_block *block = make_room(data) == STATUS_OK ? calloc(1, size) : NULL;
    if (block == NULL) {
        problem_set(problem, "no memory for example %llu", (unsigned long long)data->rows + 1);
        return STATUS_NO_MEMORY;
    }
    data->blocks[data->block_count++] = block;
    return STATUS_OK;
}

static void put_row(struct logistic_data *data, const struct logistic_row *row)
{
    struct logistic_block *block = data->blocks[data->block_count - 1];
    size_t at = block->count++;
    block->weights[at] = row->weight;
    block->users[at] = row->user_key;
    block->positives[at] = row->positive ? 1 : 0;
    block->places[at] = (uint8_t)logistic_place(row->position);
    for (unsigned i = 0; i < data->feature_count; i++) {
        float value = row->features[data->features[i]];
        block->columns[i][at] = isnan(value) ? 0 : value;
    }
    data->rows++;
    data->positives += block->positives[at];
}

enum status logistic_data_add(struct logistic_data *data, const struct logistic_row *row,
                              struct problem *problem)
{
    enum status status = check_row(data, row, problem);
    if (status == STATUS_OK && data->rows == data->block_count * LOGISTIC_BLOCK) {
        status = add_block(data, problem);
    }
    if (status == STATUS_OK) {
        put_row(data, row);
    }
    return status;
}

uint64_t logistic_data_rows(const struct logistic_data *data)
{
    return data->rows;
}

uint64_t logistic_data_positives(const struct logistic_data *data)
{
    return data->positives;
}
