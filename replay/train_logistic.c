#include <errno.h>
#include <string.h>

#include "replay/train_examples.h"

struct sides {
    struct logistic_data *training;
    struct logistic_data *held_out;
};

static enum status read_sides(struct example_reader *reader,
                              const struct train_logistic_options *options, struct sides *sides,
                              struct problem *problem)
{
    sides->training = logistic_data_new(&options->features, LOGISTIC_BYTES);
    sides->held_out = logistic_data_new(&options->features, LOGISTIC_BYTES);
    if (sides->training == NULL || sides->held_out == NULL) {
        return STATUS_NO_MEMORY;
    }
    return logistic_examples_read(reader, &options->examples, sides->training, sides->held_out,
                                  problem);
}

static enum status learn(struct example_reader *reader,
                         const struct train_logistic_options *options, struct train_head *head,
                         struct problem *problem)
{
    struct sides sides = {0};
    enum status status = train_count(reader, &options->examples, &head->counts, problem);
    if (status == STATUS_OK) {
        status = read_sides(reader, options, &sides, problem);
    }
    if (status == STATUS_OK) {
        status = logistic_train(sides.training, sides.held_out, &options->logistic, &head->logistic,
                                problem);
    }
    logistic_data_free(sides.training);
    logistic_data_free(sides.held_out);
    return status;
}

enum status train_logistic(FILE *examples, const struct train_logistic_options *options,
                           struct train_head *out, struct problem *problem)
{
    struct example_reader *reader = NULL;
    struct train_head head = {.head = options->examples.head, .kind = TRAIN_LOGISTIC};
    problem_set(problem, "%s", "");
    enum status status = example_reader_open(examples, &reader, problem);
    if (status == STATUS_OK) {
        status = learn(reader, options, &head, problem);
    }
    if (status == STATUS_IO) {
        problem_set(problem, "a temporary file cannot be read: %s", strerror(errno));
    }
    example_reader_close(reader);
    if (status == STATUS_OK) {
        *out = head;
    }
    return status;
}
