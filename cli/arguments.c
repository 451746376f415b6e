#include "cli/arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/nearest.h"

enum { TABLE_MAX = 64 };

/* One command line, while it is taken apart. */
struct parser {
    const struct argument *table;
    size_t count;
    int argc;
    char **argv;
    int at; /* the word being looked at */
    void *values;
    uint64_t given; /* bit i: row i of the table */
    struct problem *problem;
};

void argument_typed(const struct argument *argument, char out[ARGUMENT_NAME_SIZE])
{
    CHECK(strlen(argument->name) < ARGUMENT_NAME_SIZE);
    size_t length = 0;
    for (; argument->name[length] != '\0'; length++) {
        out[length] = argument->name[length] == '_' ? '-' : argument->name[length];
    }
    out[length] = '\0';
}

void argument_notes(const struct argument *argument, char out[ARGUMENT_NOTES_SIZE])
{
    bool range = argument->kind == ARGUMENT_NUMBER && argument->maximum < INT64_MAX;
    bool initial = argument->initial != NULL && argument->initial[0] != '\0';
    char bounds[64] = "";
    if (range) {
        snprintf(bounds, sizeof(bounds), "%" PRId64 " to %" PRId64 "%s", argument->minimum,
                 argument->maximum, initial ? "; " : "");
    }
    if (argument->required) {
        snprintf(out, ARGUMENT_NOTES_SIZE, " (required)");
    } else if (range || initial) {
        snprintf(out, ARGUMENT_NOTES_SIZE, " (%s%s%s)", bounds, initial ? "default " : "",
                 initial ? argument->initial : "");
    } else {
        out[0] = '\0';
    }
}

static enum status set_number(const struct argument *argument, const char *text, int64_t *out,
                              struct problem *problem)
{
    char *end = NULL;
    errno = 0;
    intmax_t number = strtoimax(text, &end, 10);
    bool parsed = end != text && *end == '\0' && errno == 0;
    if (!parsed || number < argument->minimum || number > argument->maximum) {
        char name[ARGUMENT_NAME_SIZE];
        argument_typed(argument, name);
        problem_set(problem, "--%s: \"%.60s\" is not a whole number from %" PRId64 " to %" PRId64,
                    name, text, argument->minimum, argument->maximum);
        return STATUS_INVALID;
    }
    *out = number;
    return STATUS_OK;
}

static struct names choice_names(const struct argument *argument)
{
    size_t count = 0;
    while (argument->choices[count] != NULL) {
        count++;
    }
    return (struct names){
        .first = argument->choices, .stride = sizeof(argument->choices[0]), .count = count};
}

static enum status set_choice(const struct argument *argument, const char *text, const char **out,
                              struct problem *problem)
{
    for (size_t i = 0; argument->choices[i] != NULL; i++) {
        if (strcmp(argument->choices[i], text) == 0) {
            *out = argument->choices[i];
            return STATUS_OK;
        }
    }
    struct names names = choice_names(argument);
    const char *nearest = nearest_name(text, &names);
    char list[NEAREST_LIST_SIZE];
    nearest_list(&names, list);
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(argument, name);
    problem_set(problem, "--%s: \"%.60s\" is not one of %s%s%s%s", name, text, list,
                nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
                nearest != NULL ? "\"?" : "");
    return STATUS_INVALID;
}

static enum status add_text(const struct argument *argument, const char *text,
                            struct argument_texts *out, struct problem *problem)
{
    if (out->count == ARGUMENT_TEXTS_MAX) {
        char name[ARGUMENT_NAME_SIZE];
        argument_typed(argument, name);
        problem_set(problem, "--%s: more than %d are not possible", name, ARGUMENT_TEXTS_MAX);
        return STATUS_INVALID;
    }
    out->items[out->count++] = text;
    return STATUS_OK;
}

static enum status set_value(const struct argument *argument, const char *text, void *values,
                             struct problem *problem)
{
    void *slot = (char *)values + argument->offset;
    switch (argument->kind) {
    case ARGUMENT_FLAG:
        *(bool *)slot = true;
        return STATUS_OK;
    case ARGUMENT_TEXT:
        *(const char **)slot = text;
        return STATUS_OK;
    case ARGUMENT_TEXTS:
        return add_text(argument, text, slot, problem);
    case ARGUMENT_NUMBER:
        return set_number(argument, text, slot, problem);
    case ARGUMENT_CHOICE:
        return set_choice(argument, text, slot, problem);
    }
    CHECK(!"an argument's kind");
    return STATUS_INVALID;
}

/* word is what follows the dashes, up to its end or "="; in it "-" and "_" are the same. */
static bool names_argument(const char *word, const struct argument *argument)
{
    const char *name = argument->name;
    for (; *name != '\0' && (*word == *name || (*word == '-' && *name == '_')); name++) {
        word++;
    }
    return *name == '\0' && (*word == '\0' || *word == '=');
}

static const struct argument *find(const struct parser *parser, const char *option)
{
    for (size_t i = 0; i < parser->count && strncmp(option, "--", 2) == 0; i++) {
        if (names_argument(option + 2, &parser->table[i])) {
            return &parser->table[i];
        }
    }
    return NULL;
}

static const struct argument *find_nearest(const struct parser *parser, const char *option)
{
    char word[2 * ARGUMENT_NAME_SIZE];
    const char *name = option + strspn(option, "-");
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "="), name);
    struct names names = {.first = &parser->table[0].name,
                          .stride = sizeof(parser->table[0]),
                          .count = parser->count};
    const char *nearest = nearest_name(word, &names);
    for (size_t i = 0; nearest != NULL && i < parser->count; i++) {
        if (parser->table[i].name == nearest) {
            return &parser->table[i];
        }
    }
    return NULL;
}

static enum status refuse_unknown(const struct parser *parser, const char *option)
{
    const struct argument *nearest = find_nearest(parser, option);
    if (nearest == NULL) {
        problem_set(parser->problem, "unknown option \"%.60s\"; --help lists the options", option);
        return STATUS_INVALID;
    }
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(nearest, name);
    problem_set(parser->problem, "unknown option \"%.60s\"; did you mean --%s?", option, name);
    return STATUS_INVALID;
}

/* The text after "=", or the next word, or for a flag "". */
static enum status take_text(struct parser *parser, const struct argument *argument,
                             const char **out)
{
    char name[ARGUMENT_NAME_SIZE];
    argument_typed(argument, name);
    const char *equals = strchr(parser->argv[parser->at], '=');
    bool flag = argument->kind == ARGUMENT_FLAG;
    if (flag && equals != NULL) {
        problem_set(parser->problem, "--%s takes no value", name);
        return STATUS_INVALID;
    }
    if (flag || equals != NULL) {
        *out = flag ? "" : equals + 1;
        return STATUS_OK;
    }
    if (parser->at + 1 == parser->argc) {
        problem_set(parser->problem, "--%s needs a value: --%s %s", name, name,
                    argument->value_name);
        return STATUS_INVALID;
    }
    parser->at++;
    *out = parser->argv[parser->at];
    return STATUS_OK;
}

static enum status take_option(struct parser *parser)
{
    const char *option = parser->argv[parser->at];
    const struct argument *argument = find(parser, option);
    if (argument == NULL) {
        return refuse_unknown(parser, option);
    }
    const char *text = NULL;
    enum status status = take_text(parser, argument, &text);
    if (status != STATUS_OK) {
        return status;
    }
    parser->given |= UINT64_C(1) << (argument - parser->table);
    return set_value(argument, text, parser->values, parser->problem);
}

static void set_initial(const struct parser *parser)
{
    for (size_t i = 0; i < parser->count; i++) {
        const struct argument *argument = &parser->table[i];
        if (argument->initial != NULL) {
            enum status status = set_value(argument, argument->initial, parser->values, NULL);
            CHECK(status == STATUS_OK);
        }
    }
}

static enum status check_required(const struct parser *parser)
{
    for (size_t i = 0; i < parser->count; i++) {
        const struct argument *argument = &parser->table[i];
        if (argument->required && (parser->given >> i & 1) == 0) {
            char name[ARGUMENT_NAME_SIZE];
            argument_typed(argument, name);
            problem_set(parser->problem, "--%s %s is required: %s", name, argument->value_name,
                        argument->help);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum status parse(struct parser *parser, struct operands *operands)
{
    bool ended = false;
    for (; parser->at < parser->argc; parser->at++) {
        char *word = parser->argv[parser->at];
        if (ended || word[0] != '-' || word[1] == '\0') {
            operands->items[operands->count++] = word;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            operands->help = true;
            return STATUS_OK;
        } else {
            enum status status = take_option(parser);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    operands->given = parser->given;
    return check_required(parser);
}

enum status arguments_parse(const struct argument *table, size_t count, int argc, char **argv,
                            void *values, struct operands *operands, struct problem *problem)
{
    CHECK(count <= TABLE_MAX);
    CHECK(table != NULL || count == 0);
    struct parser parser = {.table = table,
                            .count = count,
                            .argc = argc,
                            .argv = argv,
                            .values = values,
                            .problem = problem};
    *operands = (struct operands){.items = argv};
    set_initial(&parser);
    return parse(&parser, operands);
}

unsigned argument_choice(const char *const *choices, const char *value)
{
    unsigned index = 0;
    while (strcmp(choices[index], value) != 0) {
        index++;
        CHECK(choices[index] != NULL);
    }
    return index;
}
