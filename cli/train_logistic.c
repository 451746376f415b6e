#include "cli/train_command.h"

#define L2_MAX 1e6

struct logistic_values {
    struct train_values train; /* first: TRAIN_ARGUMENTS */
    const char *l2;
    bool balanced;
};

_Static_assert(offsetof(struct logistic_values, train) == 0, "of TRAIN_ARGUMENTS");

static bool go_on(void *context, const struct logistic_progress *progress)
{
    return train_command_go_on_logistic(context, progress);
}

static enum status learn(struct train_command *command, enum head head, struct train_head *out,
                         struct problem *problem)
{
    const struct train_logistic_options *chosen = command->context;
    struct train_logistic_options options = *chosen;
    options.examples = train_command_examples(command, head);
    options.features = command->features;
    options.logistic.go_on = go_on;
    options.logistic.context = command;
    return train_logistic(command->walk.rows, &options, out, problem);
}

static enum exit_code logistic_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct logistic_values *values = raw;
    struct problem problem;
    struct train_logistic_options options = {
        .logistic = {.balance = values->balanced,
                     .positions = values->train.position_effects,
                     .seed = (uint64_t)values->train.source.seed}};
    struct train_command command = {.values = &values->train,
                                    .name = command_train_logistic.name,
                                    .learn = learn,
                                    .context = &options};
    if (values->l2 != NULL &&
        train_number("--l2", values->l2, L2_MAX, &options.logistic.l2, &problem) != STATUS_OK) {
        (void)command_fail(command.name, STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    return train_command_run(&command);
}

static const struct argument logistic_arguments[] = {
    TRAIN_ARGUMENTS,
    {.name = "l2",
     .value_name = "X",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct logistic_values, l2),
     .help = "the penalty on weights; unless given, users who sit out choose it"},
    {.name = "balanced",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct logistic_values, balanced),
     .help = "positives weigh as much as all others while weights are learnt"},
};

const struct command command_train_logistic = {
    .name = "train logistic",
    .operands = "",
    .summary = "learn heads of kind logistic from a log, and write them into weights",
    .description =
        "Walks along a log as \"reelrank export examples\" does, splits the examples by time with\n"
        "a gap, learns each head of --label from the first part, and tells how good it is on "
        "both:\n"
        "log loss, gain over the base rate and AUC with 95 % intervals over users, calibration.\n"
        "The penalty is chosen within the training part, so validation measures honestly. Then\n"
        "the text of --weights is written to --out with the new heads, all else as it is, once\n"
        "the server's loader takes it. Ctrl-C ends with the best so far; a second one at once.\n"
        "docs/training.md tells what is learnt, and how to go on.\n",
    .examples =
        "  reelrank train logistic --data /tmp/copy --weights current --label like --out new.yaml\n"
        "  reelrank train logistic --log june.jsonl.gz --catalogue videos.jsonl \\\n"
        "      --weights old.yaml --label like,long_view,skip --position-effects --out new.yaml\n"
        "  reelrank train logistic --log june.jsonl --label like --l2 0.001 \\\n"
        "      --features taste,quality,like_rate_region_1d --out new.yaml --force --json\n",
    COMMAND_ARGUMENTS(logistic_arguments),
    .values_size = sizeof(struct logistic_values),
    .run = logistic_run,
};
