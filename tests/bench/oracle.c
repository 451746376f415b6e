#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/load.h"
#include "replay/temporary.h"
#include "replay/train.h"
#include "replay/truth_examples.h"
#include "store/weights_file.h"
#include "tests/bench/program.h"

/*
 * Teaches a head the truth itself: `reelrank train`, but from the chances of a simulation in the
 * place of what came of them, and from candidates in the place of what was shown. What that head
 * reaches, a model of the features can reach at best, by this way of learning.
 */

enum { PATH_SIZE = 4096 };

struct options {
    const char *simulated;
    const char *weights;
    const char *value;
    const char *kind;
    const char *features;
    const char *out;
};

static const char *const values[] = {
#define X(name, text) #text,
    TRUTH_VALUE_MAP(X)
#undef X
        NULL};

static const char *const kinds[] = {"logistic", "trees", NULL};

static const struct argument arguments[] = {
    {.name = "simulated",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, simulated),
     .required = true,
     .help = "what \"reelrank simulate --out DIR\" wrote"},
    {.name = "weights",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, weights),
     .required = true,
     .help = "the weights that get the head"},
    {.name = "value",
     .value_name = "EVENT",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, value),
     .choices = values,
     .initial = "like",
     .help = "whose chance is taught; it goes to the head of its name, utility to that of likes"},
    {.name = "kind",
     .value_name = "KIND",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, kind),
     .choices = kinds,
     .initial = "trees",
     .help = "of the head"},
    {.name = "features",
     .value_name = "NAME,...",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, features),
     .help = "that the head may read; all unless given"},
    {.name = "out",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, out),
     .required = true,
     .help = "the weights with the head, and trees beside them; replaced if they are there"},
};

static const struct program program = {
    .summary = "Teaches a head what a simulation's users would truly do, and writes weights.",
    .examples = "  oracle --simulated world --weights base.yaml --value like --out oracle.yaml\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

static void require(enum status status, const struct problem *problem)
{
    if (status != STATUS_OK) {
        give_up("%s", problem->text[0] != '\0' ? problem->text : status_text(status));
    }
}

static FILE *open_part(const char *directory, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        give_up("%s: %s", path, strerror(errno));
    }
    return file;
}

static struct state *read_state(const char *directory)
{
    static const char *const parts[] = {"catalogue.jsonl", "log.jsonl"};
    struct problem problem = {""};
    struct state *state = state_new();
    uint64_t sequence = 0;
    CHECK(state != NULL);
    for (size_t i = 0; i < 2; i++) {
        FILE *file = open_part(directory, parts[i]);
        require(load_jsonl(file, state, &sequence, &problem), &problem);
        fclose(file);
    }
    return state;
}

/* The head of that name; of utility, which no log knows, that of likes. */
static enum head head_of(enum truth_value value)
{
    for (enum head head = 0; head < HEAD_COUNT; head++) {
        if (strcmp(head_name(head), truth_value_name(value)) == 0) {
            return head;
        }
    }
    if (value != TRUTH_UTILITY) {
        give_up("--value %s: no head predicts it", truth_value_name(value));
    }
    return HEAD_LIKE;
}

static FILE *write_examples(const struct options *options, const struct weights *weights,
                            struct example_counts *counts)
{
    enum truth_value value = (enum truth_value)argument_choice(values, options->value);
    struct problem problem = {""};
    struct state *state = read_state(options->simulated);
    FILE *truth = open_part(options->simulated, "truth.jsonl");
    FILE *file = temporary_open();
    CHECK(file != NULL);
    struct truth_examples_options told = {
        .state = state, .weights = weights, .value = value, .head = head_of(value)};
    require(example_writer_open(file, &told.writer), &problem);
    require(truth_examples_write(truth, &told, &problem), &problem);
    require(example_writer_finish(told.writer), &problem);
    *counts = example_writer_counts(told.writer);
    example_writer_close(told.writer);
    fclose(truth);
    state_free(state);
    return file;
}

static struct feature_set read_features(const char *list)
{
    struct feature_set set = {{0}};
    for (enum feature feature = 0; list == NULL && feature < FEATURE_COUNT; feature++) {
        feature_set_add(&set, feature);
    }
    while (list != NULL && *list != '\0') {
        size_t size = strcspn(list, ",");
        enum feature feature = feature_find((struct text){list, size});
        if (feature == FEATURE_COUNT) {
            give_up("--features: there is no \"%.*s\"", (int)size, list);
        }
        feature_set_add(&set, feature);
        list += list[size] == ',' ? size + 1 : size;
    }
    return set;
}

/* With the options that `reelrank train` has of itself. */
static void learn(const struct options *options, FILE *file, const struct example_counts *counts,
                  struct train_head *out)
{
    struct problem problem = {""};
    struct logistic_examples examples = {
        .head = head_of((enum truth_value)argument_choice(values, options->value))};
    const struct feature_set features = read_features(options->features);
    require(
        example_split_by_time(counts->first_ms, counts->last_ms, 10, 0, &examples.split, &problem),
        &problem);
    if (strcmp(options->kind, "trees") == 0) {
        struct train_trees_options trees = {.examples = examples,
                                            .boost = {.objective = BOOST_PROBABILITY,
                                                      .features = features,
                                                      .rounds = 300,
                                                      .patience = 20,
                                                      .depth = 4,
                                                      .learning_rate = 0.1,
                                                      .least_weight = 5,
                                                      .l2 = 1,
                                                      .row_share = 0.8,
                                                      .column_share = 0.8,
                                                      .seed = 1}};
        require(train_trees(file, &trees, out, &problem), &problem);
    } else {
        struct train_logistic_options logistic = {
            .examples = examples, .features = features, .logistic = {.seed = 1}};
        require(train_logistic(file, &logistic, out, &problem), &problem);
    }
}

static void write_file(const char *path, const char *data, size_t size)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        give_up("%s: %s", path, strerror(errno));
    }
}

static void write_weights(const struct options *options, struct text before,
                          const struct train_head *head)
{
    struct problem problem = {""};
    char path[FILES_PATH_SIZE];
    char *yaml = NULL;
    size_t size = 0;
    require(train_edit(before, "oracle", head, 1, &yaml, &size, &problem), &problem);
    if (head->kind == TRAIN_TREES) {
        require(weights_file_model_path(options->out, head->trees.model_name, path, &problem),
                &problem);
        write_file(path, head->trees.model, head->trees.model_size);
    }
    write_file(options->out, yaml, size);
    free(yaml);
}

int main(int argc, char **argv)
{
    static struct weights_file before;
    static struct train_head head;
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    struct weights_problems problems = {.count = 0};
    struct problem problem = {""};
    struct weights *weights = NULL;
    struct example_counts counts;
    enum status status = weights_file_read(options.weights, &before, &weights, &problems, &problem);
    if (status == STATUS_INVALID && problems.count > 0) {
        give_up("%s:%u: %s", options.weights, problems.items[0].line, problems.items[0].message);
    }
    require(status, &problem);
    FILE *file = write_examples(&options, weights, &counts);
    learn(&options, file, &counts, &head);
    write_weights(&options, before.source.yaml, &head);
    const struct forecast_figures *figures =
        head.kind == TRAIN_TREES ? &head.trees.held_out : &head.logistic.held_out;
    printf("%llu examples; gain over the base rate %.5f, AUC %.4f\n",
           (unsigned long long)counts.rows, figures->gain.value, figures->auc.value);
    fclose(file);
    train_head_release(&head);
    weights_unref(weights);
    weights_file_release(&before);
    return 0;
}
