#include "tests/ranker/weights_text.h"

#include <stdio.h>

#include "tests/test.h"

static void print_problems(const struct weights_problems *problems)
{
    for (unsigned i = 0; i < problems->count; i++) {
        const struct weights_problem *problem = &problems->items[i];
        fprintf(stderr, "%u:%u: %s: %s\n", problem->line, problem->column, problem->path,
                problem->message);
    }
}

struct weights *weights_accept_with(const char *yaml, const struct weights_loader *loader)
{
    static struct weights_problems problems;
    struct weights *weights = NULL;
    enum status status = weights_parse_with(text_of(yaml), loader, &weights, &problems);
    print_problems(&problems);
    CHECK_EQ(STATUS_OK, status);
    CHECK_EQ(0, problems.count);
    return weights;
}

struct weights *weights_accept(const char *yaml)
{
    return weights_accept_with(yaml, NULL);
}

const struct weights_problems *weights_refuse(struct text yaml, const struct weights_loader *loader)
{
    static struct weights_problems problems;
    struct weights *const untouched = (struct weights *)(void *)&problems;
    struct weights *weights = untouched;
    CHECK_EQ(STATUS_INVALID, weights_parse_with(yaml, loader, &weights, &problems));
    CHECK(weights == untouched);
    CHECK(problems.count >= 1 && problems.count <= WEIGHTS_PROBLEMS_MAX);
    return &problems;
}

void weights_check_refused(const char *body, unsigned line, unsigned column, const char *path,
                           const char *message)
{
    enum { TEXT_SIZE = 16384 };
    char yaml[TEXT_SIZE];
    CHECK(snprintf(yaml, sizeof(yaml), "version: a\n%s\n", body) < TEXT_SIZE);
    const struct weights_problems *problems = weights_refuse(text_of(yaml), NULL);
    CHECK_STR(message, problems->items[0].message);
    CHECK_STR(path, problems->items[0].path);
    CHECK_EQ(line, problems->items[0].line);
    CHECK_EQ(column, problems->items[0].column);
    CHECK_EQ(1, problems->count);
}

const struct model *weights_model_of(const struct weights *weights, const char *tag)
{
    struct locale locale;
    CHECK_EQ(STATUS_OK, locale_parse(text_of(tag), &locale));
    return weights_model(weights, locale);
}
