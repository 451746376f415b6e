#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/trees.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_limits(const struct trees *trees, size_t size)
{
    CHECK(size <= TREES_BYTES_MAX);
    CHECK(trees_count(trees) <= TREES_COUNT_MAX);
    CHECK(trees_feature_count(trees) <= FEATURE_COUNT);
    for (unsigned i = 0; i < trees_feature_count(trees); i++) {
        CHECK(trees_feature(trees, i) < FEATURE_COUNT);
        CHECK(i == 0 || trees_feature(trees, i - 1) < trees_feature(trees, i));
    }
}

struct rows {
    double columns[FEATURE_COUNT][TREES_BLOCK];
};

/* Each feature and row reads another value, so that rows take different ways. */
static void fill_rows(struct rows *rows)
{
    static const double values[] = {0,   -1,  1e300, -1e300, INFINITY, -INFINITY,
                                    NAN, 0.5, 1e-40, 3e38,   -0.0,     7};
    const size_t count = sizeof(values) / sizeof(values[0]);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        for (size_t j = 0; j < TREES_BLOCK; j++) {
            rows->columns[i][j] = values[(i * 5 + j) % count];
        }
    }
}

static void predict(const struct trees *trees, const struct rows *rows, size_t begin, size_t count,
                    double out[TREES_BLOCK])
{
    const double *columns[FEATURE_COUNT];
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        columns[i] = &rows->columns[i][begin];
    }
    trees_predict(trees, columns, count, out);
}

/* Whatever is accepted predicts a probability for any row, the same bits alone and in a block. */
static void check_predictions(const struct trees *trees)
{
    struct rows rows;
    double out[TREES_BLOCK];
    fill_rows(&rows);
    predict(trees, &rows, 0, TREES_BLOCK, out);
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        double alone[TREES_BLOCK];
        CHECK(out[i] >= 0 && out[i] <= 1);
        predict(trees, &rows, i, 1, alone);
        CHECK(memcmp(&out[i], &alone[0], sizeof(out[i])) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    struct trees *trees = NULL;
    enum status status = trees_parse((struct text){(const char *)data, size}, &trees, &problem);
    if (status == STATUS_OK) {
        check_limits(trees, size);
        check_predictions(trees);
        trees_free(trees);
    } else {
        CHECK(status == STATUS_INVALID);
        CHECK(problem.text[0] != '\0');
        CHECK(text_is_utf8(text_of(problem.text)));
    }
    return 0;
}
