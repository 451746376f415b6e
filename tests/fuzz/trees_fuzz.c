#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/check.h"
#include "ranker/trees.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is accepted predicts a probability for any row. */
static void check_predictions(const struct trees *trees)
{
    static const double values[] = {0, -1, 1e300, -1e300, INFINITY, -INFINITY, NAN, 0.5};
    double column[TREES_BLOCK];
    double out[TREES_BLOCK];
    const double *columns[FEATURE_COUNT];
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        column[i] = values[i % (sizeof(values) / sizeof(values[0]))];
    }
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        columns[i] = column;
    }
    trees_predict(trees, columns, TREES_BLOCK, out);
    for (size_t i = 0; i < TREES_BLOCK; i++) {
        CHECK(out[i] >= 0 && out[i] <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {""};
    struct trees *trees = NULL;
    enum status status = trees_parse((struct text){(const char *)data, size}, &trees, &problem);
    if (status == STATUS_OK) {
        check_predictions(trees);
        trees_free(trees);
    } else {
        CHECK(status == STATUS_INVALID);
        CHECK(problem.text[0] != '\0');
        CHECK(text_is_utf8(text_of(problem.text)));
    }
    return 0;
}
