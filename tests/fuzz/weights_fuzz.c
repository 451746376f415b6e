#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct weights_problems *problems)
{
    CHECK(problems->count >= 1 && problems->count <= WEIGHTS_PROBLEMS_MAX);
    for (unsigned i = 0; i < problems->count; i++) {
        const struct weights_problem *problem = &problems->items[i];
        CHECK(problem->line >= 1 && problem->column >= 1);
        CHECK(i == 0 || problems->items[i - 1].line <= problem->line);
        CHECK(memchr(problem->path, '\0', sizeof(problem->path)) != NULL);
        CHECK(memchr(problem->message, '\0', sizeof(problem->message)) != NULL);
        CHECK(problem->message[0] != '\0');
        CHECK(text_is_utf8(text_of(problem->path)));
        CHECK(text_is_utf8(text_of(problem->message)));
    }
}

static void check_weights(const struct weights *weights)
{
    static const char *const tags[] = {"und", "hi-Latn-IN", "ru-RU", "id", "und-IN"};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        struct locale locale;
        CHECK(locale_parse(text_of(tags[i]), &locale) == STATUS_OK);
        const struct model *model = weights_model(weights, locale);
        CHECK(model->negative_offset >= 0.0001 && model->negative_offset <= 1);
        CHECK(model->value[HEAD_LIKE] >= -100 && model->value[HEAD_LIKE] <= 100);
        CHECK(model->safety_max >= SAFETY_LOW && model->safety_max <= SAFETY_FLOOR);
    }
    CHECK(strlen(weights_version(weights)) >= 18);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weights_problems problems;
    struct weights *weights = NULL;
    struct text yaml = {.data = (const char *)data, .size = size};
    enum status status = weights_parse(yaml, &weights, &problems);
    if (status == STATUS_OK) {
        check_weights(weights);
        weights_free(weights);
    } else {
        CHECK(status == STATUS_INVALID);
        CHECK(weights == NULL);
        check_problems(&problems);
    }
    return 0;
}
