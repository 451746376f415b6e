#include <stdio.h>
#include <string.h>

#include "cli/train_command.h"
#include "replay/monotone.h"

struct trees_values {
    struct train_values train; /* first: TRAIN_ARGUMENTS */
    const char *objective;
    const char *monotone;
    const char *learning_rate;
    int64_t trees;
    int64_t depth;
    int64_t patience;
};

_Static_assert(offsetof(struct trees_values, train) == 0, "of TRAIN_ARGUMENTS");

/* In the order of enum boost_objective. */
static const char *const objectives[] = {"probability", "order", NULL};

/* What --monotone says: signs of its own over those that are known of a head. */
struct signs {
    bool known;
    bool given[FEATURE_COUNT];
    int8_t signs[FEATURE_COUNT]; /* of those given */
};

struct trees_options {
    struct train_trees_options train;
    struct signs monotone;
};

/* ---- options ---- */

/* "taste=+1" */
static enum status read_sign(char *item, struct signs *signs, struct problem *problem)
{
    static const struct {
        const char *text;
        int8_t sign;
    } allowed[] = {{"+1", 1}, {"1", 1}, {"-1", -1}, {"0", 0}};
    char *sign = strchr(item, '=');
    enum feature feature;
    if (sign == NULL) {
        problem_set(problem,
                    "--monotone: \"%s\" is neither \"known\" nor FEATURE=+1, FEATURE=-1 or "
                    "FEATURE=0",
                    item);
        return STATUS_INVALID;
    }
    *sign++ = '\0';
    enum status status = train_feature_find("--monotone", item, &feature, problem);
    for (size_t i = 0; status == STATUS_OK && i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcmp(sign, allowed[i].text) == 0) {
            signs->given[feature] = true;
            signs->signs[feature] = allowed[i].sign;
            return STATUS_OK;
        }
    }
    if (status == STATUS_OK) {
        problem_set(problem, "--monotone: %s=%s; the sign is +1, -1 or 0", item, sign);
    }
    return STATUS_INVALID;
}

static enum status read_monotone(const char *list, struct signs *out, struct problem *problem)
{
    char item[TRAIN_NAME_SIZE];
    enum status status = STATUS_OK;
    if (strcmp(list, "none") == 0) {
        return STATUS_OK;
    }
    if (list[0] == '\0') {
        problem_set(problem, "--monotone is empty; \"none\" holds trees to no sign");
        return STATUS_INVALID;
    }
    while (status == STATUS_OK && train_next_name(&list, item)) {
        if (strcmp(item, "known") == 0) {
            out->known = true;
        } else {
            status = read_sign(item, out, problem);
        }
    }
    return status;
}

static void set_monotone(const struct signs *signs, enum head head, int8_t out[FEATURE_COUNT])
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        int known = signs->known ? monotone_known(head, (enum feature)i) : 0;
        out[i] = signs->given[i] ? signs->signs[i] : (int8_t)known;
    }
}

/* An order compares labels that are there with those that are not, each as one. */
static enum status check(const struct train_command *command, enum head head,
                         struct problem *problem)
{
    const struct trees_options *options = command->context;
    if (options->train.boost.objective != BOOST_ORDER) {
        return STATUS_OK;
    }
    if (command->values->clip > 0) {
        problem_set(problem, "--propensity-weights weighs examples, which --objective order "
                             "compares within a ranking; it is for --objective probability");
        return STATUS_INVALID;
    }
    if (head == HEAD_WATCH_QUANTILE) {
        problem_set(problem, "--objective order needs labels that are there or not, and "
                             "watch_quantile is a share; it is for --objective probability");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* ---- learning ---- */

/* Of a head that is being learnt. */
struct growing {
    struct train_command *command;
    unsigned trees; /* at most */
};

static bool go_on(void *context, const struct boost_round *round)
{
    const struct growing *growing = context;
    const struct train_step step = {
        .unit = "trees", .scale = 1, .done = round->number, .total = growing->trees};
    return train_command_go_on(growing->command, &step);
}

static bool places_go_on(void *context, const struct logistic_progress *progress)
{
    const struct growing *growing = context;
    return train_command_go_on_logistic(growing->command, progress);
}

static enum status learn(struct train_command *command, enum head head, struct train_head *out,
                         struct problem *problem)
{
    const struct trees_options *chosen = command->context;
    struct train_trees_options options = chosen->train;
    struct growing growing = {command, options.boost.rounds};
    options.examples = train_command_examples(command, head);
    options.places_go_on = places_go_on;
    options.boost.features = command->features;
    options.boost.go_on = go_on;
    options.boost.context = &growing;
    set_monotone(&chosen->monotone, head, options.boost.monotone);
    return train_trees(command->walk.rows, &options, out, problem);
}

static struct boost_options boost_of(const struct trees_values *values)
{
    return (struct boost_options){
        .objective = (enum boost_objective)argument_choice(objectives, values->objective),
        .rounds = (unsigned)values->trees,
        .patience = (unsigned)values->patience,
        .depth = (unsigned)values->depth,
        .least_weight = 5,
        .l2 = 1,
        .row_share = 0.8,
        .column_share = 0.8,
        .seed = (uint32_t)values->train.source.seed};
}

static enum status read_values(const struct trees_values *values, struct trees_options *out,
                               struct problem *problem)
{
    *out = (struct trees_options){
        .train = {.boost = boost_of(values), .positions = values->train.position_effects}};
    enum status status = train_number("--learning-rate", values->learning_rate, 1,
                                      &out->train.boost.learning_rate, problem);
    return status == STATUS_OK ? read_monotone(values->monotone, &out->monotone, problem) : status;
}

static enum exit_code trees_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct trees_values *values = raw;
    struct problem problem;
    struct trees_options options;
    struct train_command command = {.values = &values->train,
                                    .name = command_train_trees.name,
                                    .learn = learn,
                                    .check = check,
                                    .context = &options};
    if (read_values(values, &options, &problem) != STATUS_OK) {
        (void)command_fail(command.name, STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    return train_command_run(&command);
}

static const struct argument trees_arguments[] = {
    TRAIN_ARGUMENTS,
    {.name = "objective",
     .value_name = "WHAT",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct trees_values, objective),
     .initial = "probability",
     .choices = objectives,
     .help = "probability (binary:logistic) or order within a ranking (rank:ndcg)"},
    {.name = "monotone",
     .value_name = "SIGNS",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct trees_values, monotone),
     .initial = "known",
     .help = "known, none, FEATURE=+1 or =-1, with commas: only raises, only lowers"},
    {.name = "trees",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct trees_values, trees),
     .initial = "300",
     .minimum = 1,
     .maximum = BOOST_ROUNDS_MAX,
     .help = "at most; fewer where more predict no better"},
    {.name = "depth",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct trees_values, depth),
     .initial = "4",
     .minimum = 1,
     .maximum = BOOST_DEPTH_MAX,
     .help = "of a tree: how many features may act together"},
    {.name = "learning_rate",
     .value_name = "X",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct trees_values, learning_rate),
     .initial = "0.1",
     .help = "how much of each tree counts, above 0 to 1; less needs more trees"},
    {.name = "early_stopping",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct trees_values, patience),
     .initial = "20",
     .minimum = 1,
     .maximum = BOOST_ROUNDS_MAX,
     .help = "end when so many trees did not help users who sit out"},
};

const struct command command_train_trees = {
    .name = "train trees",
    .operands = "",
    .summary = "learn heads of kind trees from a log, and write them into weights",
    .description =
        "As \"reelrank train logistic\", with gradient-boosted trees (XGBoost). Every fifth\n"
        "training user sits out, and trees are added until the outcomes of these are predicted\n"
        "no better. Each head's model is written beside --out, named by its hash, so that what\n"
        "other weights files name stays as it is. Trees find what acts together and need no\n"
        "scales; they take more examples than a logistic head, and more time when serving.\n"
        "Features whose sign is known beforehand, such as a head's own past rates, may move the\n"
        "prediction in that direction only, unless --monotone says otherwise.\n"
        "Ctrl-C ends with the best so far; a second one at once. docs/training.md tells more.\n",
    .examples =
        "  reelrank train trees --data /tmp/copy --weights current --label long_view \\\n"
        "      --out models/new.yaml\n"
        "  reelrank train trees --log june.jsonl.gz --catalogue videos.jsonl \\\n"
        "      --label like,skip --depth 3 --learning-rate 0.05 --trees 800 --out new.yaml\n"
        "  reelrank train trees --log june.jsonl --label like --objective order \\\n"
        "      --monotone known,retrieval=+1 --position-effects --out new.yaml --html new.html\n",
    COMMAND_ARGUMENTS(trees_arguments),
    .values_size = sizeof(struct trees_values),
    .run = trees_run,
};
