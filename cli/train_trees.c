#include "cli/train_command.h"

struct trees_values {
    struct train_values train; /* first: TRAIN_ARGUMENTS */
    const char *learning_rate;
    int64_t trees;
    int64_t depth;
    int64_t patience;
};

_Static_assert(offsetof(struct trees_values, train) == 0, "of TRAIN_ARGUMENTS");

static bool go_on(void *context, const struct boost_round *round)
{
    (void)round;
    return train_command_go_on(context);
}

static enum status learn(struct train_command *command, enum head head, struct train_head *out,
                         struct problem *problem)
{
    const struct train_trees_options *chosen = command->context;
    struct train_trees_options options = *chosen;
    options.examples = train_command_examples(command, head);
    options.boost.features = command->features;
    options.boost.go_on = go_on;
    options.boost.context = command;
    return train_trees(command->walk.rows, &options, out, problem);
}

static enum exit_code trees_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct trees_values *values = raw;
    struct problem problem;
    struct train_trees_options options = {.boost = {.objective = BOOST_PROBABILITY,
                                                    .rounds = (unsigned)values->trees,
                                                    .patience = (unsigned)values->patience,
                                                    .depth = (unsigned)values->depth,
                                                    .least_weight = 5,
                                                    .l2 = 1,
                                                    .row_share = 0.8,
                                                    .column_share = 0.8,
                                                    .seed = (uint32_t)values->train.source.seed}};
    struct train_command command = {.values = &values->train,
                                    .name = command_train_trees.name,
                                    .learn = learn,
                                    .context = &options};
    if (train_number("--learning-rate", values->learning_rate, 1, &options.boost.learning_rate,
                     &problem) != STATUS_OK) {
        (void)command_fail(command.name, STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    return train_command_run(&command);
}

static const struct argument trees_arguments[] = {
    TRAIN_ARGUMENTS,
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
        "Ctrl-C ends with the best so far; a second one at once. docs/training.md tells more.\n",
    .examples =
        "  reelrank train trees --data /tmp/copy --weights current --label long_view \\\n"
        "      --out models/new.yaml\n"
        "  reelrank train trees --log june.jsonl.gz --catalogue videos.jsonl \\\n"
        "      --label like,skip --depth 3 --learning-rate 0.05 --trees 800 --out new.yaml\n",
    COMMAND_ARGUMENTS(trees_arguments),
    .values_size = sizeof(struct trees_values),
    .run = trees_run,
};
