#include <stdio.h>
#include <sys/resource.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/random.h"
#include "replay/logistic.h"
#include "tests/bench/program.h"

/*
 * How long a logistic head takes to learn: rows of independent features, some of which bear on the
 * outcome, with 3 positives in 100.
 */

enum { ROWS_A_USER = 50 };

struct options {
    int64_t rows;
    int64_t features;
    int64_t balance;
};

static const struct argument arguments[] = {
    {.name = "rows",
     .value_name = "N",
     .help = "training examples; a quarter as many are held out",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rows),
     .initial = "1000000",
     .minimum = 1000,
     .maximum = 100000000},
    {.name = "features",
     .value_name = "N",
     .help = "features of each",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, features),
     .initial = "60",
     .minimum = 1,
     .maximum = FEATURE_COUNT},
    {.name = "balance",
     .value_name = "0|1",
     .help = "whether classes are balanced",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, balance),
     .initial = "0",
     .minimum = 0,
     .maximum = 1},
};

static const struct program program = {
    .summary = "Times the training of a logistic head and prints what it found.",
    .examples = "  logistic_bench\n  logistic_bench --rows 100000 --features 20\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

static void add_row(struct logistic_data *data, int64_t number, unsigned features,
                    struct random *random)
{
    float values[FEATURE_COUNT] = {0};
    double margin = -4;
    for (unsigned j = 0; j < features; j++) {
        double value = random_normal(random);
        margin += value * (j % 3 == 0 ? 0.2 : 0);
        values[j] = (float)(value * (1 + j));
    }
    const double log2_e = 0x1.71547652b82fep+0;
    const struct logistic_row row = {
        .user_key = 1 + (uint64_t)(number / ROWS_A_USER),
        .positive = random_unit(random) < 1 / (1 + exact_exp2(-margin * log2_e)),
        .weight = 1,
        .position = 1 + (unsigned)(number % 30),
        .features = values,
    };
    struct problem problem;
    CHECK(logistic_data_add(data, &row, &problem) == STATUS_OK);
}

static struct logistic_data *make(int64_t rows, unsigned features, uint64_t seed)
{
    struct random random = {seed};
    struct feature_set set = {{0}};
    for (unsigned j = 0; j < features; j++) {
        feature_set_add(&set, j);
    }
    struct logistic_data *data = logistic_data_new(&set, UINT64_MAX);
    CHECK(data != NULL);
    for (int64_t i = 0; i < rows; i++) {
        add_row(data, i, features, &random);
    }
    return data;
}

static void print(const struct logistic_result *result, double took)
{
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    printf("%.2f s, %u iterations, l2 %g, converged %d, %ld MB\n", took, result->iterations,
           result->l2, result->converged, usage.ru_maxrss / 1024);
    printf("held out: log loss %.5f, base %.5f, gain %.5f (%.5f to %.5f), AUC %.4f, calibration "
           "error %.5f\n",
           result->held_out.log_loss, result->held_out.reference_log_loss,
           result->held_out.gain.value, result->held_out.gain.low, result->held_out.gain.high,
           result->held_out.auc.value, result->held_out.calibration_error);
}

int main(int argc, char **argv)
{
    struct options options;
    program_options(&program, argc, argv, &options);
    unsigned features = (unsigned)options.features;
    struct logistic_data *training = make(options.rows, features, 1);
    struct logistic_data *held_out = make(options.rows / 4, features, 2);
    const struct logistic_options how = {.balance = options.balance != 0, .seed = 1};
    struct logistic_result result;
    struct problem problem;
    int64_t start_ns = program_now_ns();
    CHECK(logistic_train(training, held_out, &how, &result, &problem) == STATUS_OK);
    print(&result, (double)(program_now_ns() - start_ns) * 1e-9);
    logistic_data_free(training);
    logistic_data_free(held_out);
    return 0;
}
