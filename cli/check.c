#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/policy.h"
#include "cli/problems.h"
#include "ranker/weights.h"
#include "reelrank/v1/admin.pb-c.h"
#include "store/weights_file.h"

struct check_values {
    bool json;
    bool schema;
    bool policy;
    struct argument_texts locales;
    struct argument_texts never;
};

static enum exit_code print_schema(void)
{
    size_t size = weights_schema(NULL, 0) + 1;
    char *schema = malloc(size);
    if (schema == NULL) {
        return command_fail("check", STATUS_NO_MEMORY, NULL);
    }
    (void)weights_schema(schema, size);
    fputs(schema, stdout);
    if (size > 1 && schema[size - 2] != '\n') {
        fputc('\n', stdout);
    }
    free(schema);
    return CODE_OK;
}

/* The file is known to be valid, so what it says is of the kind that is expected; NULL: nothing. */
static struct fy_node *value_of(struct fy_node *mapping, const char *key)
{
    return mapping != NULL ? fy_node_mapping_lookup_by_string(mapping, key, FY_NT) : NULL;
}

static int pair_count(struct fy_node *mapping)
{
    return mapping != NULL ? fy_node_mapping_item_count(mapping) : 0;
}

/* As the file writes it. */
static void print_scalar(const char *before, struct fy_node *node)
{
    size_t size = 0;
    const char *text = fy_node_get_scalar(node, &size);
    printf("%s%.*s", before, (int)size, text);
}

static void print_locales(struct fy_node *locales)
{
    printf("  locales: default");
    for (int i = 0; i < pair_count(locales); i++) {
        print_scalar(", ", fy_node_pair_key(fy_node_mapping_get_by_index(locales, i)));
    }
    printf("\n");
}

static void print_arms(struct fy_node *arms)
{
    for (int i = 0; i < pair_count(arms); i++) {
        struct fy_node_pair *arm = fy_node_mapping_get_by_index(arms, i);
        print_scalar(i > 0 ? ", " : ": ", fy_node_pair_key(arm));
        print_scalar(" ", value_of(fy_node_pair_value(arm), "share"));
    }
}

static void print_experiments(struct fy_node *experiments)
{
    for (int i = 0; i < pair_count(experiments); i++) {
        struct fy_node_pair *experiment = fy_node_mapping_get_by_index(experiments, i);
        print_scalar("  experiment ", fy_node_pair_key(experiment));
        print_arms(value_of(fy_node_pair_value(experiment), "arms"));
        printf("\n");
    }
}

static void print_sections(struct text yaml)
{
    struct fy_document *document = fy_document_build_from_string(NULL, yaml.data, yaml.size);
    struct fy_node *root = document != NULL ? fy_document_root(document) : NULL;
    print_locales(value_of(root, "locales"));
    print_experiments(value_of(root, "experiments"));
    fy_document_destroy(document);
}

static void print_summary(const char *name, struct text yaml, const struct weights *weights)
{
    printf("%s: valid, version %s\n", name, weights_version(weights));
    print_sections(yaml);
    const struct model *model = weights_model(weights, (struct locale){0});
    printf("  heads with a value by default:");
    for (enum head head = 0; head < HEAD_COUNT; head++) {
        if (model->value[head] < 0 || model->value[head] > 0) {
            printf(" %s %g", head_name(head), model->value[head]);
        }
    }
    printf("\n");
}

/* The answer of AdminService.CheckWeights, made here. */
static enum exit_code print_json(const struct weights *weights,
                                 const struct weights_problems *problems)
{
    Reelrank__V1__WeightsProblem items[WEIGHTS_PROBLEMS_MAX];
    Reelrank__V1__WeightsProblem *pointers[WEIGHTS_PROBLEMS_MAX];
    Reelrank__V1__CheckWeightsResponse response = REELRANK__V1__CHECK_WEIGHTS_RESPONSE__INIT;
    response.valid = weights != NULL;
    response.n_problems = weights != NULL ? 0 : problems->count;
    response.problems = pointers;
    for (size_t i = 0; i < response.n_problems; i++) {
        const struct weights_problem *problem = &problems->items[i];
        reelrank__v1__weights_problem__init(&items[i]);
        items[i].line = problem->line;
        items[i].column = problem->column;
        items[i].path = (char *)problem->path;
        items[i].message = (char *)problem->message;
        pointers[i] = &items[i];
    }
    if (weights != NULL) {
        response.weights_version = (char *)weights_version(weights);
    }
    enum exit_code code = command_print_json("check", &response.base);
    return code == CODE_OK && weights == NULL ? CODE_INVALID : code;
}

static enum exit_code print_policy(const char *name, const struct weights *weights,
                                   const struct check_values *values)
{
    if (!values->json) {
        printf("%s: valid, version %s\n", name, weights_version(weights));
    }
    const struct policy_options options = {
        .locales = &values->locales, .claims = &values->never, .json = values->json};
    return policy_report(weights, &options);
}

/* A weights file that is read, and what came of it. */
struct checking {
    struct weights_file file;
    struct weights_problems problems;
    struct weights *weights; /* NULL: it has problems */
};

static enum exit_code print_verdict(const char *name, const struct check_values *values,
                                    const struct checking *checking)
{
    if (checking->weights != NULL && values->policy) {
        return print_policy(name, checking->weights, values);
    }
    if (values->json) {
        return print_json(checking->weights, &checking->problems);
    }
    if (checking->weights == NULL) {
        problems_print(stdout, name, &checking->problems);
        return CODE_INVALID;
    }
    print_summary(name, checking->file.source.yaml, checking->weights);
    return CODE_OK;
}

static enum exit_code check_file(const char *path, const struct check_values *values)
{
    struct problem problem = {""};
    struct checking *checking = calloc(1, sizeof(*checking));
    if (checking == NULL) {
        return command_fail("check", STATUS_NO_MEMORY, NULL);
    }
    enum status status =
        weights_file_read(path, &checking->file, &checking->weights, &checking->problems, &problem);
    enum exit_code code = status == STATUS_OK || status == STATUS_INVALID
                              ? print_verdict(path, values, checking)
                              : command_fail("check", status, &problem);
    weights_unref(checking->weights);
    weights_file_release(&checking->file);
    free(checking);
    return code;
}

static enum exit_code check_run(const void *raw, const struct operands *operands)
{
    const struct check_values *values = raw;
    if (values->schema) {
        return print_schema();
    }
    struct problem problem;
    if (!values->policy && values->locales.count + values->never.count > 0) {
        problem_set(&problem, "--locale and --never go with --policy");
        (void)command_fail("check", STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    if (operands->count == 0) {
        problem_set(&problem, "FILE is missing; \"reelrank help check\" shows examples");
        (void)command_fail("check", STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    return check_file(operands->items[0], values);
}

static const struct argument check_arguments[] = {
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct check_values, json),
     .help = "print the result as JSON"},
    {.name = "schema",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct check_values, schema),
     .help = "print the JSON Schema of weights files, for editors, and do nothing else"},
    {.name = "policy",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct check_values, policy),
     .help = "prove what each locale can never show, and tell what it may"},
    {.name = "locale",
     .value_name = "TAG",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct check_values, locales),
     .help = "with --policy: only this locale, or default; repeatable"},
    {.name = "never",
     .value_name = "CLAIM",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct check_values, never),
     .help = "with --policy: fail unless this is never shown; repeatable"},
};

const struct command command_check = {
    .name = "check",
    .operands = "FILE",
    .most_operands = 1,
    .summary = "check a file of weights, or print its schema",
    .description =
        "Reads a weights file, with the model files it names, as the server would. Each\n"
        "problem is printed as FILE:LINE:COLUMN: KEY: MESSAGE, and the exit code is 4; a valid\n"
        "file's version and a summary otherwise. \"-\" reads standard input.\n\n"
        "--policy asks the ranker itself about every case there is, and prints for each locale\n"
        "what kind of video it never shows and what it may show, with the statement that\n"
        "claims it. A claim is LOCALE: FACT OP VALUE, where LOCALE is a tag, default or *:\n\n"
        "  safety       low, medium, high, floor      = != < <= > >=\n"
        "  curated      none, approved, featured      = != < <= > >=\n"
        "  minimum_age  0 to 21, or user              = != < <= > >=\n"
        "  category     forbidden, unknown or a name  = !=\n"
        "  tag          forbidden or a name           = !=\n"
        "  region       forbidden, elsewhere, unplaced, allowed\n"
        "  language     other, unknown, readable\n"
        "  seen         yes, excluded, no\n"
        "  unrated, hidden    yes, no\n"
        "  video        unknown, deleted, known\n\n"
        "A claim that does not hold is answered with a case that is shown, and exit code 4.\n",
    .examples = "  reelrank check config/weights.yaml\n"
                "  reelrank check --schema > weights.schema.json\n"
                "  reelrank check --policy config/weights.yaml\n"
                "  reelrank check --policy --never \"ru-RU: safety > medium\" \\\n"
                "      --never \"*: minimum_age > user\" config/weights.yaml\n",
    COMMAND_ARGUMENTS(check_arguments),
    .values_size = sizeof(struct check_values),
    .run = check_run,
};
