#include "store/weights_source.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"

/* A source on its way through the parser, and which of its models the parser asked for. */
struct giving {
    const struct weights_source *source;
    bool used[LIMIT_MODEL_FILES];
};

void weights_problems_add(struct weights_problems *problems, const char *format, ...)
{
    if (problems->count == WEIGHTS_PROBLEMS_MAX) {
        return;
    }
    struct weights_problem *item = &problems->items[problems->count++];
    *item = (struct weights_problem){.line = 1, .column = 1};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->message, sizeof(item->message), format, arguments);
    va_end(arguments);
}

/* A component of a path that leads on, not "", "." or "..". */
static bool leads_on(const char *part, size_t size)
{
    return size > 0 && !(size <= 2 && strncmp(part, "..", size) == 0);
}

bool weights_model_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= WEIGHTS_MODEL_NAME_SIZE || !text_is_utf8(text_of(name))) {
        return false;
    }
    size_t begin = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && ((unsigned char)name[i] < ' ' || name[i] == 0x7f)) {
            return false;
        }
        if (i == size || name[i] == '/') {
            if (!leads_on(name + begin, i - begin)) {
                return false;
            }
            begin = i + 1;
        }
    }
    return true;
}

static enum status give_model(void *context, const char *name, struct text *out,
                              struct problem *problem)
{
    struct giving *giving = context;
    for (size_t i = 0; i < giving->source->model_count; i++) {
        const struct weights_model_file *model = &giving->source->models[i];
        if (strcmp(model->name, name) == 0) {
            giving->used[i] = true;
            *out = model->content;
            return STATUS_OK;
        }
    }
    problem_set(problem, "model file \"%.128s\" was not given with the weights", name);
    return STATUS_NOT_FOUND;
}

static bool is_repeated(const struct weights_source *source, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(source->models[i].name, source->models[index].name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_models(const struct weights_source *source, struct weights_problems *problems)
{
    size_t bytes = 0;
    if (source->model_count > LIMIT_MODEL_FILES) {
        weights_problems_add(problems, "found %zu model files, allowed are at most %d",
                             source->model_count, LIMIT_MODEL_FILES);
        return;
    }
    for (size_t i = 0; i < source->model_count; i++) {
        const struct weights_model_file *model = &source->models[i];
        bytes += model->content.size;
        if (!weights_model_name_valid(model->name)) {
            weights_problems_add(problems,
                                 "model file \"%.128s\": a name is a path of 1 to 128 bytes that "
                                 "stays below the weights file",
                                 model->name);
        } else if (is_repeated(source, i)) {
            weights_problems_add(problems, "model file \"%.128s\" is given twice", model->name);
        }
    }
    if (bytes > LIMIT_MODEL_BYTES) {
        weights_problems_add(problems,
                             "the model files have %zu bytes together, allowed are at most %d",
                             bytes, LIMIT_MODEL_BYTES);
    }
}

/* What nobody asks for would be kept for nothing, and is probably a name mistyped. */
static void check_used(const struct giving *giving, struct weights_problems *problems)
{
    for (size_t i = 0; i < giving->source->model_count; i++) {
        if (!giving->used[i]) {
            weights_problems_add(problems,
                                 "model file \"%.128s\" is given, but no head of the weights names "
                                 "it",
                                 giving->source->models[i].name);
        }
    }
}

enum status weights_source_parse(const struct weights_source *source, struct weights **out,
                                 struct weights_problems *problems)
{
    struct giving giving = {.source = source};
    struct weights_loader loader = {.load = give_model, .context = &giving};
    struct weights *weights = NULL;
    problems->count = 0;
    check_models(source, problems);
    if (problems->count > 0) {
        return STATUS_INVALID;
    }
    enum status status = weights_parse_with(source->yaml, &loader, &weights, problems);
    if (status != STATUS_OK) {
        return status;
    }
    problems->count = 0;
    check_used(&giving, problems);
    if (problems->count > 0) {
        weights_unref(weights);
        return STATUS_INVALID;
    }
    *out = weights;
    return STATUS_OK;
}

/* With its length, so that bytes cannot move from one text to the next unnoticed. */
static void add_text(XXH3_state_t *state, struct text text)
{
    uint64_t size = text.size;
    XXH3_64bits_update(state, &size, sizeof(size));
    XXH3_64bits_update(state, text.data, text.size);
}

uint64_t weights_source_hash(const struct weights_source *source)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    add_text(&state, source->yaml);
    for (size_t i = 0; i < source->model_count; i++) {
        add_text(&state, text_of(source->models[i].name));
        add_text(&state, source->models[i].content);
    }
    return XXH3_64bits_digest(&state);
}
