#include "server/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/nearest.h"
#include "server/logline.h"

enum option_kind { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG };

static const struct option {
    const char *name;
    size_t offset;
    const char *text_value; /* default of a text */
    enum option_kind kind;
    uint32_t value;
    uint32_t min; /* of a text: its length */
    uint32_t max;
    const char *help;
} table[] = {
#define TEXT(name, value, min, max, text) \
    {#name, offsetof(struct options, name), value, OPTION_TEXT, 0, min, max, text},
#define NUMBER(name, value, min, max, text) \
    {#name, offsetof(struct options, name), NULL, OPTION_NUMBER, value, min, max, text},
#define FLAG(name, text) {#name, offsetof(struct options, name), NULL, OPTION_FLAG, 0, 0, 0, text},
    OPTIONS(TEXT, NUMBER, FLAG)
#undef TEXT
#undef NUMBER
#undef FLAG
};

enum { NAME_MAX_LENGTH = 32, WORKERS_MAX = 64 };

static char *text_field(struct options *options, const struct option *option)
{
    return (char *)options + option->offset;
}

static bool *flag_field(struct options *options, const struct option *option)
{
    return (bool *)(void *)((char *)options + option->offset);
}

static uint32_t *number_field(struct options *options, const struct option *option)
{
    return (uint32_t *)(void *)((char *)options + option->offset);
}

void options_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &table[i];
        if (option->kind == OPTION_TEXT) {
            memcpy(text_field(options, option), option->text_value, strlen(option->text_value) + 1);
        } else if (option->kind == OPTION_NUMBER) {
            *number_field(options, option) = option->value;
        }
    }
}

/* The name as it is written after "--". */
static void dashed(const char *name, char out[NAME_MAX_LENGTH + 1])
{
    size_t size = 0;
    for (; name[size] != '\0' && size < NAME_MAX_LENGTH; size++) {
        out[size] = name[size] == '_' ? '-' : name[size];
    }
    out[size] = '\0';
}

static enum status unknown_name(const char *name, struct problem *problem)
{
    struct names names = {
        .first = &table[0].name, .stride = sizeof(table[0]), .count = OPTION_COUNT};
    const char *nearest = nearest_name(name, &names);
    if (nearest != NULL) {
        char known[NAME_MAX_LENGTH + 1];
        dashed(nearest, known);
        problem_set(problem, "%.64s: no such option; did you mean %s?", name, known);
    } else {
        problem_set(problem, "%.64s: no such option", name);
    }
    return STATUS_INVALID;
}

static enum status set_text(struct options *options, const struct option *option, const char *value,
                            struct problem *problem)
{
    char name[NAME_MAX_LENGTH + 1];
    size_t length = strlen(value);
    if (length < option->min || length > option->max) {
        dashed(option->name, name);
        problem_set(problem, "%s: found %zu bytes, allowed are %u to %u", name, length, option->min,
                    option->max);
        return STATUS_INVALID;
    }
    memcpy(text_field(options, option), value, length + 1);
    return STATUS_OK;
}

static enum status set_number(struct options *options, const struct option *option,
                              const char *value, struct problem *problem)
{
    char name[NAME_MAX_LENGTH + 1];
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);
    /* strtoul() takes "-1" and " 1". */
    if (*value < '0' || *value > '9' || *end != '\0' || number < option->min ||
        number > option->max) {
        dashed(option->name, name);
        problem_set(problem, "%s: found \"%.64s\", expected a whole number from %u to %u", name,
                    value, option->min, option->max);
        return STATUS_INVALID;
    }
    *number_field(options, option) = (uint32_t)number;
    return STATUS_OK;
}

static enum status set_flag(struct options *options, const struct option *option, const char *value,
                            struct problem *problem)
{
    char name[NAME_MAX_LENGTH + 1];
    bool on = strcmp(value, "true") == 0;
    if (!on && strcmp(value, "false") != 0) {
        dashed(option->name, name);
        problem_set(problem, "%s: found \"%.64s\", expected true or false", name, value);
        return STATUS_INVALID;
    }
    *flag_field(options, option) = on;
    return STATUS_OK;
}

static enum status set(struct options *options, const struct option *option, const char *value,
                       struct problem *problem)
{
    switch (option->kind) {
    case OPTION_TEXT:
        return set_text(options, option, value, problem);
    case OPTION_NUMBER:
        return set_number(options, option, value, problem);
    case OPTION_FLAG:
        break;
    }
    return set_flag(options, option, value, problem);
}

static bool same_name(const char *name, const char *option)
{
    for (; *name != '\0' && *option != '\0'; name++, option++) {
        if ((*name == '-' ? '_' : *name) != *option) {
            return false;
        }
    }
    return *name == *option;
}

size_t options_find(const char *name)
{
    size_t row = 0;
    while (row < OPTION_COUNT && !same_name(name, table[row].name)) {
        row++;
    }
    return row;
}

enum status options_set(struct options *options, const char *name, const char *value,
                        struct problem *problem)
{
    size_t row = options_find(name);
    if (row == OPTION_COUNT) {
        return unknown_name(name, problem);
    }
    return set(options, &table[row], value, problem);
}

void options_print_example(FILE *out)
{
    fputs("# Options of \"reelrank serve --config FILE\", one a line: NAME = VALUE. What stands "
          "here is\n"
          "# each option's default, commented out. The command line overrides this file. See\n"
          "# reelrank.conf(5).\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &table[i];
        char name[NAME_MAX_LENGTH + 1];
        dashed(option->name, name);
        if (option->kind == OPTION_TEXT) {
            const char *gap = option->text_value[0] != '\0' ? " " : "";
            fprintf(out, "\n# %s\n#%s =%s%s\n", option->help, name, gap, option->text_value);
        } else if (option->kind == OPTION_FLAG) {
            fprintf(out, "\n# %s\n#%s = false\n", option->help, name);
        } else {
            fprintf(out, "\n# %s (%u to %u)\n#%s = %u\n", option->help, option->min, option->max,
                    name, option->value);
        }
    }
}

void options_log(const struct options *options)
{
#define TEXT_FORMAT(name, value, min, max, text)   #name "=\"%s\" "
#define NUMBER_FORMAT(name, value, min, max, text) #name "=%u "
#define FLAG_FORMAT(name, text)                    #name "=%d "
#define ARGUMENT(name, value, min, max, text)      , options->name
#define FLAG_ARGUMENT(name, text)                  , options->name
    logline(LOG_INFO, "options",
            OPTIONS(TEXT_FORMAT, NUMBER_FORMAT, FLAG_FORMAT)
                OPTIONS(ARGUMENT, ARGUMENT, FLAG_ARGUMENT));
#undef TEXT_FORMAT
#undef NUMBER_FORMAT
#undef FLAG_FORMAT
#undef FLAG_ARGUMENT
#undef ARGUMENT
}

uint64_t options_retain_bytes(const struct options *options)
{
    uint32_t mib = options->retain_mib > 0 ? options->retain_mib : options->map_mib / 4 * 3;
    return (uint64_t)mib << 20;
}

enum status options_check(const struct options *options, struct problem *problem)
{
    if (strcmp(options->overload, "reject") == 0 || strcmp(options->overload, "degrade") == 0) {
        return STATUS_OK;
    }
    problem_set(problem, "--overload: found \"%s\", expected reject or degrade", options->overload);
    return STATUS_INVALID;
}

unsigned options_worker_count(const struct options *options)
{
    if (options->workers > 0) {
        return options->workers;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 1) {
        return 1;
    }
    return processors > WORKERS_MAX ? WORKERS_MAX : (unsigned)processors;
}
