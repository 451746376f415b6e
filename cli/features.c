#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/fields.h"
#include "ranker/feature.h"

/* The reference of features, as a table, as JSON and as the page docs/features.md. */

struct features_values {
    bool json;
    bool markdown;
};

enum { TEXT_SIZE = 256 };

/* "0 to 1" */
static void format_range(const struct feature_facts *facts, char out[TEXT_SIZE])
{
    snprintf(out, TEXT_SIZE, "%.8g to %.8g", facts->min, facts->max);
}

static void format_cost(const struct feature_facts *facts, char out[TEXT_SIZE])
{
    snprintf(out, TEXT_SIZE, facts->cost_ns > 0 ? "%d" : "<1", facts->cost_ns);
}

/* ---- for a terminal ---- */

static void print_head(void)
{
    printf("%-31s %-13s %-7s %-13s %4s  %s\n", "name", "range", "unit", "source", "ns",
           "what it is");
}

static void print_row(enum feature feature)
{
    const struct feature_facts *facts = feature_facts(feature);
    char range[TEXT_SIZE];
    char cost[TEXT_SIZE];
    format_range(facts, range);
    format_cost(facts, cost);
    printf("%-31s %-13s %-7s %-13s %4s  ", feature_name(feature), range, facts->unit,
           feature_origin_name(facts->origin), cost);
    column_print_all(stdout, facts->about);
    printf("\n");
}

static void print_all(void)
{
    print_head();
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        print_row(i);
    }
}

static void print_one(enum feature feature)
{
    const struct feature_facts *facts = feature_facts(feature);
    char range[TEXT_SIZE];
    char cost[TEXT_SIZE];
    format_range(facts, range);
    format_cost(facts, cost);
    printf("%s\n", feature_name(feature));
    fields_text("  what it is", facts->about);
    fields_text("  formula", facts->formula);
    fields_text("  unit", facts->unit);
    fields_text("  range", range);
    fields_text("  missing", facts->missing != NULL ? facts->missing : "never");
    fields_text("  source", feature_origin_name(facts->origin));
    fields_text("  ns a candidate", cost);
}

/* ---- for programs ---- */

static json_t *json_of(enum feature feature)
{
    const struct feature_facts *facts = feature_facts(feature);
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:s?, s:s, s:i}", "name",
                     feature_name(feature), "about", facts->about, "formula", facts->formula,
                     "unit", facts->unit, "min", facts->min, "max", facts->max, "missing",
                     facts->missing, "source", feature_origin_name(facts->origin), "cost_ns",
                     facts->cost_ns);
}

static enum exit_code print_json(const struct feature_set *chosen)
{
    json_t *list = json_array();
    bool complete = list != NULL;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (feature_set_has(chosen, i)) {
            complete = json_array_append_new(list, json_of(i)) == 0 && complete;
        }
    }
    if (!complete) {
        json_decref(list);
        return command_fail("features", STATUS_NO_MEMORY, NULL);
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(list);
    return CODE_OK;
}

/* ---- for the documents ---- */

/* In a table of Markdown a bar ends a cell. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        printf(*text == '|' ? "\\|" : "%c", *text);
    }
}

static void print_plain_row(enum feature feature)
{
    const struct feature_facts *facts = feature_facts(feature);
    char range[TEXT_SIZE];
    char cost[TEXT_SIZE];
    format_range(facts, range);
    format_cost(facts, cost);
    printf("| `%s` | ", feature_name(feature));
    print_cell(facts->about);
    printf(" | ");
    print_cell(facts->formula);
    printf(" | %s | %s | %s | %s | %s |\n", facts->unit, range,
           facts->missing != NULL ? facts->missing : "never", feature_origin_name(facts->origin),
           cost);
}

/* Prints text, of the feature with a half-life of 30 min, for all half-lives. */
static void print_any_half_life(const char *text, size_t size)
{
    static const char half_life[] = "30m";
    for (size_t i = 0; i < size; i++) {
        if (strncmp(text + i, half_life, strlen(half_life)) == 0) {
            printf("H");
            i += strlen(half_life) - 1;
        } else {
            printf("%c", text[i]);
        }
    }
}

static void print_counted_row(enum feature feature)
{
    const struct feature_facts *facts = feature_facts(feature);
    const char *name = feature_name(feature);
    const char *end = strstr(facts->about, ", half-life");
    printf("| `");
    print_any_half_life(name, strlen(name));
    printf("` | %.*s | ", end != NULL ? (int)(end - facts->about) : -1, facts->about);
    print_any_half_life(facts->formula, strlen(facts->formula));
    printf(" | %d |\n", facts->cost_ns);
}

/* Every third of the counted features has the first half-life. */
static void print_markdown(void)
{
    enum { HALF_LIVES = 3 };
    fputs(
        "# Features\n\n"
        "What heads and multipliers may read of a candidate, by the names that weights files and "
        "models use.\n"
        "This page is what `reelrank features --markdown` prints, and a test compares them.\n\n"
        "A missing value goes where a tree's split says; linear and logistic heads and multipliers "
        "read it as 0.\n"
        "Multipliers read features of 0 to 1 only. `ns` is what a feature costs for each candidate "
        "that is in the cache\n"
        "(`tests/bench/feature_bench`, one core of an EPYC of the Zen 5 kind, a user who knows "
        "most "
        "of the names); those of the "
        "request are "
        "worked out once.\n"
        "A model pays for the features it reads and no others.\n\n"
        "| name | what it is | formula | unit | range | missing | source | ns |\n"
        "|---|---|---|---|---|---|---|---|\n",
        stdout);
    for (unsigned i = 0; i < FEATURE_FIRST_COUNTED; i++) {
        print_plain_row(i);
    }
    fputs(
        "\n## Counted features\n\n"
        "In each of three half-lives, H being `30m`, `1d` or `14d`: the age at which a view counts "
        "half. `views` are impressions or\n"
        "plays, whichever are more; hits are at most views. A region's rate is shrunk to "
        "everyone's and a language's to the region's, so that\n"
        "few views say little. A region or language where a video has fewer than 8 views counts "
        "none. All are from 0 to 1 without a\n"
        "unit, never missing, and come from statistics. Features of one scope and half-life share "
        "the cost of finding its counts.\n\n"
        "| name | what it is | formula | ns |\n"
        "|---|---|---|---|\n",
        stdout);
    for (unsigned i = FEATURE_FIRST_COUNTED; i < FEATURE_COUNT; i += HALF_LIVES) {
        print_counted_row(i);
    }
}

/* ---- the command ---- */

static enum exit_code refuse_name(const char *name)
{
    const char *nearest = feature_nearest(name);
    struct problem problem;
    problem_set(&problem, "\"%.60s\" is no feature; %s%s%s", name,
                nearest != NULL ? "did you mean \"" : "\"reelrank features\" lists them",
                nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return command_fail("features", STATUS_INVALID, &problem);
}

static enum exit_code choose(const struct operands *operands, struct feature_set *chosen)
{
    for (size_t i = 0; i < operands->count; i++) {
        enum feature feature = feature_find(text_of(operands->items[i]));
        if (feature == FEATURE_COUNT) {
            return refuse_name(operands->items[i]);
        }
        feature_set_add(chosen, feature);
    }
    for (unsigned i = 0; operands->count == 0 && i < FEATURE_COUNT; i++) {
        feature_set_add(chosen, i);
    }
    return CODE_OK;
}

static void print_chosen(const struct feature_set *chosen)
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        if (feature_set_has(chosen, i)) {
            print_one(i);
        }
    }
}

static enum exit_code features_run(const void *raw, const struct operands *operands)
{
    const struct features_values *values = raw;
    struct problem problem;
    if (values->markdown && (values->json || operands->count > 0)) {
        problem_set(&problem, "--markdown prints the whole page; leave out --json and names");
        (void)command_fail("features", STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    struct feature_set chosen = {{0}};
    enum exit_code code = choose(operands, &chosen);
    if (code == CODE_OK && values->json) {
        return print_json(&chosen);
    }
    if (code == CODE_OK && values->markdown) {
        print_markdown();
    } else if (code == CODE_OK && operands->count > 0) {
        print_chosen(&chosen);
    } else if (code == CODE_OK) {
        print_all();
    }
    return code;
}

static const struct argument features_arguments[] = {
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct features_values, json),
     .help = "print JSON"},
    {.name = "markdown",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct features_values, markdown),
     .help = "print the page docs/features.md"},
};

const struct command command_features = {
    .name = "features",
    .operands = "NAME...",
    .most_operands = COMMAND_OPERANDS_ANY,
    .summary = "tell what heads and multipliers may read of a candidate",
    .description =
        "Lists the features that weights files and models may name, with range, unit, source\n"
        "and cost in ns a candidate. With names, all of each, its formula too.\n",
    .examples = "  reelrank features\n"
                "  reelrank features like_rate_region_1d taste\n"
                "  reelrank features --json | jq -r '.[].name'\n",
    COMMAND_ARGUMENTS(features_arguments),
    .values_size = sizeof(struct features_values),
    .run = features_run,
};
