#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "ranker/check.h"
#include "replay/tune_figure.h"
#include "replay/tune_parameter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * What --search and --guard are given. A parameter that is taken has values within its bounds,
 * which stand in a file as texts that read as the same again.
 */
enum { TEXT_MAX = 200, SHARES = 5, K = 10 };

static struct weights *shipped(void)
{
    static struct weights *weights;
    struct weights_problems problems;
    if (weights == NULL) {
        struct text yaml = {default_weights, default_weights_size};
        CHECK(weights_parse(yaml, &weights, &problems) == STATUS_OK);
    }
    return weights;
}

static void check_bounds_again(const struct tune_parameter *parameter)
{
    char low[TUNE_VALUE_SIZE];
    char high[TUNE_VALUE_SIZE];
    char text[TUNE_PATH_SIZE + 2 * TUNE_VALUE_SIZE + 2];
    struct tune_parameter again;
    struct problem problem;
    tune_parameter_text(parameter, parameter->low, low);
    tune_parameter_text(parameter, parameter->high, high);
    snprintf(text, sizeof(text), "%s=%s:%s", parameter->path, low, high);
    CHECK(tune_parameter_parse(text, shipped(), &again, &problem) == STATUS_OK);
    CHECK(!(again.low < parameter->low) && !(again.low > parameter->low));
    CHECK(!(again.high < parameter->high) && !(again.high > parameter->high));
    CHECK(again.cost == parameter->cost && again.scale == parameter->scale);
}

static void check_values(const struct tune_parameter *parameter)
{
    for (unsigned i = 0; i <= SHARES; i++) {
        double value = tune_parameter_value(parameter, (double)i / SHARES);
        CHECK(value >= parameter->low);
        CHECK(value <= parameter->high);
        double share = tune_parameter_share(parameter, value);
        CHECK(share >= 0);
        CHECK(share <= 1);
    }
}

static void check_written(const struct tune_parameter *parameter)
{
    char *yaml;
    size_t size;
    struct problem problem;
    double value = tune_parameter_value(parameter, 0.5);
    struct text text = {"version: a\n", 11};
    enum status status =
        tune_parameters_write(text, "b", parameter, 1, &value, &yaml, &size, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID);
    if (status == STATUS_OK) {
        CHECK(strlen(yaml) == size);
        free(yaml);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1];
    struct tune_parameter parameter;
    struct tune_guard guard;
    struct problem problem;
    size_t length = size < TEXT_MAX ? size : TEXT_MAX;
    memcpy(text, data, length);
    text[length] = '\0';
    if (tune_parameter_parse(text, shipped(), &parameter, &problem) == STATUS_OK) {
        check_bounds_again(&parameter);
        check_values(&parameter);
        check_written(&parameter);
    }
    if (tune_guard_parse(text, K, &guard, &problem) == STATUS_OK) {
        CHECK(guard.most >= 0);
    }
    return 0;
}
