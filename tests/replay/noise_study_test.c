#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/default_weights.h"
#include "ranker/random.h"
#include "replay/entry.h"
#include "replay/examples.h"
#include "replay/import.h"
#include "replay/simulate.h"
#include "replay/temporary.h"
#include "replay/train.h"
#include "tests/test.h"

/*
 * What heads learn from a log whose outcomes say nothing: the examples of a simulated log, with all
 * their features and users, and labels dealt anew among them. There is nothing to find, and the
 * measures of training must say so: the 95 % interval of the gain on the later fifth of the time
 * lies above 0 once in forty logs. With the labels as they were, each kind does gain.
 */

enum {
    LOGS = 20,
    /* With 40 intervals, 0.025 above 0 are 1 of them in the mean and more than 4 once in 300. */
    ABOVE_MAX = 4,
    SIGNALS = 30000,
    POSITIONS = 50,
    MINUTE_MS = 60000,
    AGE_YEARS = 30
};

static const int64_t NOW_MS = INT64_C(1795305600000);

/* ---- the examples of a log ---- */

struct walk {
    struct weights *weights;
    struct example_writer *writer;
    struct examples *examples;
    struct timeline *timeline;
};

static enum status apply(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                         const char *const *update_fields)
{
    (void)line;
    (void)update_fields;
    struct walk *walk = context;
    struct problem problem;
    struct event event;
    CHECK_EQ(STATUS_OK, entry_event(entry, &event, &problem));
    int64_t time_ms = event.kind == EVENT_SIGNAL ? event.u.signal.time_ms : 1;
    return timeline_event(walk->timeline, time_ms, &event);
}

static enum status reject(void *context, uint64_t line, const char *reason)
{
    (void)context;
    (void)line;
    (void)reason;
    return STATUS_INVALID;
}

static FILE *simulate(void)
{
    FILE *log = temporary_open();
    struct simulate_options world = simulate_defaults(NOW_MS);
    world.seed = 301;
    world.signal_count = SIGNALS;
    CHECK(log != NULL);
    CHECK_EQ(STATUS_OK, simulate_write(&world, &(struct simulate_output){log, log, NULL}));
    rewind(log);
    return log;
}

static void walk_along(struct walk *walk)
{
    const struct import_options options = {.format = IMPORT_JSONL};
    const struct import_sink sink = {.context = walk, .entry = apply, .reject = reject};
    struct problem problem = {""};
    FILE *log = simulate();
    CHECK_EQ(STATUS_OK, import_read(log, &options, &sink, &problem));
    CHECK_EQ(STATUS_OK, timeline_end(walk->timeline));
    CHECK_EQ(STATUS_OK, examples_end(walk->examples, timeline_state(walk->timeline)));
    fclose(log);
}

static FILE *make_examples(void)
{
    struct walk walk = {0};
    struct weights_problems problems;
    FILE *file = temporary_open();
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, weights_parse((struct text){default_weights, default_weights_size},
                                      &walk.weights, &problems));
    CHECK_EQ(STATUS_OK, example_writer_open(file, &walk.writer));
    walk.examples = examples_new(&(struct examples_options){.weights = walk.weights,
                                                            .positions = POSITIONS,
                                                            .window_ms = 60 * MINUTE_MS,
                                                            .writer = walk.writer});
    CHECK(walk.examples != NULL);
    walk.timeline =
        timeline_new(state_new(), &(struct timeline_options){.origin = RANKINGS_IMPRESSIONS,
                                                             .age_years = AGE_YEARS,
                                                             .ahead_events = TIMELINE_AHEAD_EVENTS,
                                                             .singles = true,
                                                             .ranking = examples_ranking,
                                                             .signal = examples_signal,
                                                             .context = walk.examples});
    CHECK(walk.timeline != NULL);
    walk_along(&walk);
    CHECK_EQ(STATUS_OK, example_writer_finish(walk.writer));
    example_writer_close(walk.writer);
    timeline_free(walk.timeline);
    examples_free(walk.examples);
    weights_unref(walk.weights);
    return file;
}

/* ---- labels dealt anew ---- */

struct log {
    struct example *examples; /* as they were */
    uint32_t *order;          /* whose label each gets */
    uint32_t count;
    struct example_split split;
};

static struct log read_log(void)
{
    FILE *file = make_examples();
    struct example_reader *reader = NULL;
    struct problem problem = {""};
    const struct example *example = NULL;
    CHECK_EQ(STATUS_OK, example_reader_open(file, &reader, &problem));
    struct example_counts counts = example_reader_counts(reader);
    struct log log = {.examples = calloc(counts.rows, sizeof(*log.examples)),
                      .order = calloc(counts.rows, sizeof(*log.order))};
    CHECK(log.examples != NULL && log.order != NULL);
    while (example_reader_next(reader, &example, &problem) == STATUS_OK) {
        if (example_knows(example, HEAD_LONG_VIEW)) {
            log.order[log.count] = log.count;
            log.examples[log.count++] = *example;
        }
    }
    CHECK_EQ(STATUS_OK, example_split_by_time(counts.first_ms, counts.last_ms, 20, 60 * MINUTE_MS,
                                              &log.split, &problem));
    example_reader_close(reader);
    fclose(file);
    return log;
}

static void release(struct log *log)
{
    free(log->examples);
    free(log->order);
}

static FILE *write_log(const struct log *log)
{
    FILE *file = temporary_open();
    struct example_writer *writer = NULL;
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(file, &writer));
    for (uint32_t i = 0; i < log->count; i++) {
        struct example example = log->examples[i];
        example.positive = log->examples[log->order[i]].positive;
        CHECK_EQ(STATUS_OK, example_writer_add(writer, &example));
    }
    CHECK_EQ(STATUS_OK, example_writer_finish(writer));
    example_writer_close(writer);
    return file;
}

/* ---- what is learnt of it ---- */

static struct feature_set all_features(void)
{
    struct feature_set set = {{0}};
    for (enum feature feature = 0; feature < FEATURE_COUNT; feature++) {
        feature_set_add(&set, feature);
    }
    return set;
}

/* Options as the commands have them, with fewer trees at most. */
static struct bootstrap_interval gain_of(const struct log *log, enum train_kind kind, FILE *file)
{
    const struct logistic_examples examples = {.head = HEAD_LONG_VIEW, .split = log->split};
    const struct train_logistic_options logistic = {
        .examples = examples, .features = all_features(), .logistic = {.seed = 1}};
    const struct train_trees_options trees = {.examples = examples,
                                              .boost = {.objective = BOOST_PROBABILITY,
                                                        .features = all_features(),
                                                        .rounds = 60,
                                                        .patience = 10,
                                                        .depth = 4,
                                                        .learning_rate = 0.1,
                                                        .least_weight = 5,
                                                        .l2 = 1,
                                                        .row_share = 0.8,
                                                        .column_share = 0.8,
                                                        .seed = 1}};
    static struct train_head head;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, kind == TRAIN_TREES ? train_trees(file, &trees, &head, &problem)
                                            : train_logistic(file, &logistic, &head, &problem));
    struct bootstrap_interval gain =
        kind == TRAIN_TREES ? head.trees.held_out.gain : head.logistic.held_out.gain;
    train_head_release(&head);
    return gain;
}

static unsigned count_above(const struct log *log, enum train_kind kind, FILE *file)
{
    struct bootstrap_interval gain = gain_of(log, kind, file);
    printf("%s: gain %.5f (%.5f to %.5f)\n", kind == TRAIN_TREES ? "trees" : "logistic", gain.value,
           gain.low, gain.high);
    return gain.low > 0;
}

static void outcomes_that_say_nothing_teach_nothing(void)
{
    struct log log = read_log();
    unsigned above = 0;
    for (uint64_t i = 0; i < LOGS; i++) {
        struct random random = random_stream(7, i, 0);
        random_shuffle(&random, log.order, log.count);
        FILE *file = write_log(&log);
        above += count_above(&log, TRAIN_LOGISTIC, file);
        above += count_above(&log, TRAIN_TREES, file);
        fclose(file);
    }
    printf("%u of %d intervals are above 0\n", above, 2 * LOGS);
    CHECK(above <= ABOVE_MAX);
    release(&log);
}

/* What shows that the study could tell. */
static void the_same_log_teaches_as_it_was(void)
{
    struct log log = read_log();
    FILE *file = write_log(&log);
    CHECK(log.count > 8000);
    CHECK_EQ(1, count_above(&log, TRAIN_LOGISTIC, file));
    CHECK_EQ(1, count_above(&log, TRAIN_TREES, file));
    fclose(file);
    release(&log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(outcomes_that_say_nothing_teach_nothing),
        TEST(the_same_log_teaches_as_it_was),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
