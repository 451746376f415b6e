#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/trees.h"
#include "ranker/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Names of model files choose what is read: a good model, bad ones, or none. */
static const char stump[] =
    "{\"learner\": {\"objective\": {\"name\": \"reg:squarederror\"},"
    " \"learner_model_param\": {\"base_score\": \"5E-1\"}, \"feature_names\": [\"taste\"],"
    " \"gradient_booster\": {\"name\": \"gbtree\", \"model\": {\"trees\": [{"
    "\"left_children\": [-1], \"right_children\": [-1], \"split_conditions\": [0.5],"
    " \"split_indices\": [0], \"default_left\": [0]}]}}}}";

static enum status load(void *context, const char *name, struct text *out, struct problem *problem)
{
    CHECK(context == NULL);
    CHECK(name[0] != '\0' && name[0] != '/' && strlen(name) <= WEIGHTS_FILE_NAME_MAX);
    CHECK(strncmp(name, "../", 3) != 0 && strstr(name, "/../") == NULL && strcmp(name, "..") != 0);
    switch (name[0]) {
    case 'a':
        *out = text_of(stump);
        return STATUS_OK;
    case 'b':
        *out = text_of(name);
        return STATUS_OK;
    case 'c':
        problem_set(problem, "cannot read it: %s", name);
        return STATUS_IO;
    default:
        return STATUS_NOT_FOUND;
    }
}

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

static void check_head(const struct head_model *head)
{
    CHECK(head->kind <= HEAD_KIND_TREES);
    CHECK(head->kind != HEAD_KIND_TREES || trees_count(head->trees) == 1);
    CHECK(head->weight_count <= FEATURE_COUNT);
    CHECK(head->kind == HEAD_KIND_RATE || head->kind == HEAD_KIND_TREES || head->weights != NULL);
    for (unsigned i = 0; i < head->weight_count; i++) {
        CHECK(head->weights[i].weight >= -1000 && head->weights[i].weight <= 1000);
        CHECK(head->weights[i].feature < FEATURE_COUNT);
        CHECK(i == 0 || head->weights[i - 1].feature < head->weights[i].feature);
    }
}

static void check_names(const struct forbidden_names *names)
{
    CHECK(names->count <= WEIGHTS_FORBIDDEN_MAX);
    for (unsigned i = 1; i < names->count; i++) {
        CHECK(names->keys[i - 1] <= names->keys[i]);
    }
}

/* No score may reach 2^18: every head at 1 that helps, every multiplier too. */
static double reach(const struct model *model)
{
    double bound = model->negative_offset;
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        bound += model->value[i] > 0 ? model->value[i] : 0;
    }
    for (unsigned i = 0; i < MULTIPLIER_COUNT; i++) {
        bound *= model->multipliers[i] > 0 ? 1 + model->multipliers[i] : 1;
    }
    return bound;
}

static void check_model(const struct model *model)
{
    CHECK(model->negative_offset >= 0.0001 && model->negative_offset <= 1);
    CHECK(model->value[HEAD_LIKE] >= -100 && model->value[HEAD_LIKE] <= 100);
    CHECK(model->safety_max >= SAFETY_LOW && model->safety_max <= SAFETY_FLOOR);
    CHECK(reach(model) < 0x1p18);
    CHECK(model->source_count <= WEIGHTS_SOURCES_MAX);
    for (unsigned i = 0; i < model->source_count; i++) {
        CHECK(model->sources[i].value >= 0 && model->sources[i].value <= 1);
        CHECK(i == 0 || model->sources[i - 1].key < model->sources[i].key);
    }
    CHECK(model->language_count <= WEIGHTS_LANGUAGES_MAX);
    for (unsigned i = 0; i < model->language_count; i++) {
        CHECK(model->languages[i].language != 0);
        CHECK(model->languages[i].confidence >= 0 && model->languages[i].confidence <= 1);
    }
    check_names(&model->forbidden_categories);
    check_names(&model->forbidden_tags);
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        check_head(&model->heads[i]);
    }
}

static void check_chosen(const struct weights *weights, struct locale locale, uint64_t user)
{
    struct weights_chosen chosen;
    struct problem problem = {""};
    CHECK(weights_choose(weights, locale, user, text_of(""), &chosen, &problem) == STATUS_OK);
    CHECK(chosen.version == weights_version(weights));
    check_model(chosen.model);
    if (user == 0) {
        CHECK(chosen.arms[0] == '\0');
        CHECK(chosen.model == weights_model(weights, locale));
    } else if (chosen.arms[0] != '\0') {
        /* The first arm can be forced, and is then the first again. */
        struct text first = {.data = chosen.arms, .size = strcspn(chosen.arms, ",")};
        struct weights_chosen forced;
        CHECK(weights_choose(weights, locale, 0, first, &forced, &problem) == STATUS_OK);
        CHECK(text_equal(text_of(forced.arms), first));
        check_model(forced.model);
    }
    CHECK(weights_choose(weights, locale, user, text_of("no/such/arm"), &chosen, &problem) ==
          STATUS_INVALID);
    CHECK(text_is_utf8(text_of(problem.text)) && problem.text[0] != '\0');
}

static void check_weights(const struct weights *weights)
{
    static const char *const tags[] = {"und", "hi-Latn-IN", "ru-RU", "id", "und-IN", "mr-IN"};
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        struct locale locale;
        CHECK(locale_parse(text_of(tags[i]), &locale) == STATUS_OK);
        for (uint64_t user = 0; user < 8; user++) {
            check_chosen(weights, locale, user);
        }
    }
    CHECK(strlen(weights_version(weights)) >= 18);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weights_problems problems;
    static const struct weights_loader loader = {.load = load};
    struct weights *weights = NULL;
    struct text yaml = {.data = (const char *)data, .size = size};
    enum status status = weights_parse_with(yaml, &loader, &weights, &problems);
    if (status == STATUS_OK) {
        check_weights(weights);
        weights_unref(weights);
    } else {
        CHECK(status == STATUS_INVALID);
        CHECK(weights == NULL);
        check_problems(&problems);
    }
    return 0;
}
