#include "replay/train.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/random.h"
#include "ranker/trees.h"
#include "replay/temporary.h"
#include "tests/test.h"

enum { ROWS = 2000, TRAIN_UNTIL = 1500, VALIDATION_FROM = 1600 };

static const char old_weights[] = "version: old\nheads: {like: {prior: 0.1}, skip: {prior: 0.2}}\n";

/* Row i is of time i + 1. What has quality is liked; every tenth like is not known. */
static struct example row_of(struct random *random, unsigned i)
{
    struct example example = {
        .time_ms = i + 1,
        .user_key = 1 + i % 100,
        .video_key = 8,
        .group = 1 + i,
        .position = 1,
        .propensity = NAN,
        .weight = 1,
        .known = i % 10 == 0 ? 0 : 1 << HEAD_LIKE,
        .watch_quantile = NAN,
        .censored = i % 4 == 1,
    };
    double quality = random_unit(random);
    example.features[FEATURE_QUALITY] = (float)quality;
    example.features[FEATURE_CURATED] = 1;
    if (example.known != 0 && random_chance(random, quality)) {
        example.positive = 1 << HEAD_LIKE;
    }
    return example;
}

static FILE *write_rows(unsigned count)
{
    FILE *file = temporary_open();
    struct example_writer *writer = NULL;
    struct random random = {5};
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(file, &writer));
    for (unsigned i = 0; i < count; i++) {
        struct example example = row_of(&random, i);
        CHECK_EQ(STATUS_OK, example_writer_add(writer, &example));
    }
    CHECK_EQ(STATUS_OK, example_writer_finish(writer));
    example_writer_close(writer);
    return file;
}

static struct train_logistic_options plain_options(void)
{
    struct train_logistic_options options = {
        .examples = {.head = HEAD_LIKE,
                     .split = {.train_until_ms = TRAIN_UNTIL,
                               .validation_from_ms = VALIDATION_FROM}},
        .logistic = {.l2 = 1e-3},
    };
    feature_set_add(&options.features, FEATURE_QUALITY);
    feature_set_add(&options.features, FEATURE_CURATED);
    return options;
}

static void a_head_is_learnt_and_its_examples_are_counted(void)
{
    FILE *file = write_rows(ROWS);
    struct train_logistic_options options = plain_options();
    struct problem problem;
    static struct train_head head;
    CHECK_EQ(STATUS_OK, train_logistic(file, &options, &head, &problem));
    CHECK_EQ(HEAD_LIKE, head.head);
    /* Times 1 to 1499, 1500 to 1599, 1600 to 2000; unknown are 1, 11, 21, ... */
    CHECK_EQ(1499 - 150, head.counts.training);
    CHECK_EQ(100, head.counts.gap);
    CHECK_EQ(401 - 40, head.counts.validation);
    CHECK_EQ(150 + 40, head.counts.unknown);
    CHECK_EQ(head.counts.training, head.logistic.training.rows);
    CHECK_EQ(head.counts.validation, head.logistic.held_out.rows);
    CHECK_EQ(1, head.logistic.model.weight_count); /* CURATED never varies */
    CHECK_EQ(FEATURE_QUALITY, head.logistic.model.weights[0].feature);
    CHECK(head.logistic.model.weights[0].weight > 2);
    CHECK(fabs(head.logistic.deviations[0] - sqrt(1.0 / 12)) <
          0.02); /* of the uniform distribution */
    CHECK(head.logistic.held_out.gain.low > 0);
    fclose(file);
}

static void a_side_without_examples_is_refused(void)
{
    FILE *file = write_rows(TRAIN_UNTIL);
    struct train_logistic_options options = plain_options();
    struct problem problem;
    static struct train_head head;
    CHECK_EQ(STATUS_INVALID, train_logistic(file, &options, &head, &problem));
    CHECK(strstr(problem.text, "0 validate") != NULL);
    options.examples.head = HEAD_SHARE;
    CHECK_EQ(STATUS_INVALID, train_logistic(file, &options, &head, &problem));
    CHECK(strstr(problem.text, "0 examples whose label is known train") != NULL);
    fclose(file);
}

static bool stop(void *context, const struct logistic_progress *progress)
{
    (void)context;
    (void)progress;
    return false;
}

static void what_is_stopped_is_a_head_nevertheless(void)
{
    FILE *file = write_rows(ROWS);
    struct train_logistic_options options = plain_options();
    struct problem problem;
    static struct train_head head;
    options.logistic.go_on = stop;
    options.logistic.l2 = 0;
    CHECK_EQ(STATUS_OK, train_logistic(file, &options, &head, &problem));
    CHECK(head.logistic.stopped && !head.logistic.converged);
    CHECK_EQ(1, head.logistic.model.weight_count);
    fclose(file);
}

/* ---- trees ---- */

static struct train_trees_options trees_options(void)
{
    struct train_logistic_options logistic = plain_options();
    return (struct train_trees_options){
        .examples = logistic.examples,
        .boost = {.objective = BOOST_PROBABILITY,
                  .features = logistic.features,
                  .rounds = 30,
                  .patience = 5,
                  .depth = 2,
                  .learning_rate = 0.3,
                  .l2 = 1,
                  .row_share = 1,
                  .column_share = 1,
                  .seed = 3},
    };
}

static void trees_are_learnt_by_some_and_chosen_by_others(void)
{
    FILE *file = write_rows(ROWS);
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head head;
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &head, &problem));
    CHECK_EQ(TRAIN_TREES, head.kind);
    CHECK_EQ(1499 - 150, head.counts.training);
    CHECK_EQ(head.counts.training, head.trees.training.rows);
    CHECK_EQ(head.counts.validation, head.trees.held_out.rows);
    CHECK(head.trees.held_out.gain.low > 0);
    CHECK(head.trees.gain[FEATURE_QUALITY] > 0);
    CHECK(!(head.trees.gain[FEATURE_CURATED] > 0)); /* never varies */
    CHECK(head.trees.rounds >= 1 && head.trees.rounds <= head.trees.ran);
    CHECK(strncmp(head.trees.model_name, "like-", 5) == 0);
    train_head_release(&head);
    fclose(file);
}

static void rounds_are_kept(void)
{
    FILE *file = write_rows(ROWS);
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head head;
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &head, &problem));
    const struct train_trees *trees = &head.trees;
    for (unsigned i = 0; i < trees->ran; i++) {
        CHECK(trees->curve[i].training > 0 && trees->curve[i].training < 0.7);
        CHECK(trees->curve[i].held_out >= trees->curve[trees->rounds - 1].held_out);
    }
    CHECK(trees->curve[trees->ran - 1].training < trees->curve[0].training);
    train_head_release(&head);
    fclose(file);
}

/* Quality raises likes here, so that trees which may only lower them by it have nothing to learn.
 */
static void a_sign_that_the_rows_contradict_is_kept_to(void)
{
    FILE *file = write_rows(ROWS);
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head head;
    options.boost.monotone[FEATURE_QUALITY] = -1;
    options.boost.monotone[FEATURE_TASTE] = 1; /* which may not be read */
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &head, &problem));
    CHECK(!(head.trees.gain[FEATURE_QUALITY] > 0));
    CHECK_EQ(-1, head.trees.monotone[FEATURE_QUALITY]);
    CHECK_EQ(0, head.trees.monotone[FEATURE_TASTE]);
    train_head_release(&head);
    fclose(file);
}

/* Odd rows stand first and have low quality; who stands first is liked, whatever the quality. */
static FILE *write_placed(void)
{
    FILE *file = temporary_open();
    struct example_writer *writer = NULL;
    struct random random = {5};
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(file, &writer));
    for (unsigned i = 0; i < ROWS; i++) {
        struct example example = row_of(&random, i);
        bool first = i % 2 == 1;
        double quality = (first ? 0 : 0.3) + 0.7 * random_unit(&random);
        example.position = first ? 1 : 2;
        example.group = 1 + i / 2;
        example.user_key = 1 + i / 2 % 100;
        example.known = 1 << HEAD_LIKE;
        example.features[FEATURE_QUALITY] = (float)quality;
        double z = 3 * (quality - 0.5) + (first ? 1 : -3);
        example.positive = random_chance(&random, 1 / (1 + exp(-z))) ? 1 << HEAD_LIKE : 0;
        CHECK_EQ(STATUS_OK, example_writer_add(writer, &example));
    }
    CHECK_EQ(STATUS_OK, example_writer_finish(writer));
    example_writer_close(writer);
    return file;
}

static double rise_with_quality(const struct train_head *head)
{
    struct trees *trees = NULL;
    struct problem problem;
    const double low[TREES_BLOCK] = {0.35, 0.65};
    const double *columns[FEATURE_COUNT] = {NULL};
    double out[TREES_BLOCK];
    columns[FEATURE_QUALITY] = low;
    columns[FEATURE_CURATED] = low;
    CHECK_EQ(STATUS_OK, trees_parse((struct text){head->trees.model, head->trees.model_size},
                                    &trees, &problem));
    trees_predict(trees, columns, 2, out);
    trees_free(trees);
    return log(out[1] / (1 - out[1])) - log(out[0] / (1 - out[0]));
}

/* The truth is 3 x 0.3 = 0.9. */
static void what_the_place_did_is_left_out(void)
{
    FILE *file = write_placed();
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head heads[2];
    for (unsigned i = 0; i < 2; i++) {
        options.positions = i == 1;
        CHECK_EQ(STATUS_OK, train_trees(file, &options, &heads[i], &problem));
        CHECK_EQ(i == 1, heads[i].trees.positions);
    }
    double effect =
        heads[1].trees.places[logistic_place(1)] - heads[1].trees.places[logistic_place(2)];
    CHECK(fabs(effect - 4) < 0.8);
    CHECK_EQ(749, heads[1].trees.place_rows[logistic_place(1)]);
    CHECK(rise_with_quality(&heads[0]) < 0.3);
    CHECK(rise_with_quality(&heads[1]) > 0.5);
    CHECK(fabs(heads[1].trees.training.predicted - heads[1].trees.training.observed) < 0.02);
    train_head_release(&heads[0]);
    train_head_release(&heads[1]);
    fclose(file);
}

static void an_order_is_a_head_too(void)
{
    FILE *file = write_placed();
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head head;
    options.boost.objective = BOOST_ORDER;
    options.positions = true;
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &head, &problem));
    CHECK_EQ(BOOST_ORDER, head.trees.objective);
    CHECK(rise_with_quality(&head) > 0.3);
    CHECK(fabs(head.trees.training.predicted - head.trees.training.observed) < 0.05);
    train_head_release(&head);
    fclose(file);
}

static void validation_chooses_nothing(void)
{
    FILE *file = write_rows(ROWS);
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head heads[2];
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &heads[0], &problem));
    options.examples.split.validation_from_ms = VALIDATION_FROM + 200;
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &heads[1], &problem));
    CHECK_STR(heads[0].trees.model_name, heads[1].trees.model_name);
    CHECK(heads[0].counts.validation > heads[1].counts.validation);
    train_head_release(&heads[0]);
    train_head_release(&heads[1]);
    fclose(file);
}

static bool stop_trees(void *context, const struct boost_round *round)
{
    (void)context;
    return round->number < 2;
}

static void stopped_trees_are_a_head_nevertheless(void)
{
    FILE *file = write_rows(ROWS);
    struct train_trees_options options = trees_options();
    struct problem problem;
    static struct train_head head;
    options.boost.go_on = stop_trees;
    CHECK_EQ(STATUS_OK, train_trees(file, &options, &head, &problem));
    CHECK(head.trees.stopped);
    CHECK_EQ(2, head.trees.ran);
    train_head_release(&head);
    fclose(file);
}

static void bytes_that_are_no_examples_are_refused(void)
{
    FILE *file = temporary_open();
    struct train_logistic_options options = plain_options();
    struct problem problem;
    static struct train_head head;
    CHECK(file != NULL);
    struct train_trees_options trees = trees_options();
    CHECK_EQ(STATUS_CORRUPT, train_logistic(file, &options, &head, &problem));
    CHECK(problem.text[0] != '\0');
    CHECK_EQ(STATUS_CORRUPT, train_trees(file, &trees, &head, &problem));
    fclose(file);
}

static void heads_and_version_come_into_the_text(void)
{
    static struct train_head heads[2];
    struct problem problem;
    static struct weights_problems problems;
    struct weights *weights = NULL;
    char *yaml = NULL;
    size_t size = 0;
    heads[0].head = HEAD_LIKE;
    heads[1].head = HEAD_SHARE;
    for (unsigned i = 0; i < 2; i++) {
        heads[i].logistic.model = (struct logistic_model){
            .bias = -2, .weight_count = 1, .weights = {{.feature = FEATURE_TASTE, .weight = 0.5}}};
    }
    CHECK_EQ(STATUS_OK, train_edit(text_of(old_weights), "7", heads, 2, &yaml, &size, &problem));
    CHECK_EQ(strlen(yaml), size);
    CHECK(strstr(yaml, "version: \"7\"\n") == yaml);
    CHECK(strstr(yaml, "skip: {prior: 0.2}") != NULL);
    CHECK_EQ(STATUS_OK, weights_parse((struct text){yaml, size}, &weights, &problems));
    const struct model *model = weights_model(weights, (struct locale){0});
    CHECK_EQ(HEAD_KIND_LOGISTIC, model->heads[HEAD_LIKE].kind);
    CHECK_EQ(HEAD_KIND_LOGISTIC, model->heads[HEAD_SHARE].kind);
    CHECK_EQ(HEAD_KIND_RATE, model->heads[HEAD_SKIP].kind);
    weights_unref(weights);
    free(yaml);
}

static void text_that_is_no_mapping_is_refused(void)
{
    static struct train_head head;
    struct problem problem = {""};
    char *yaml = NULL;
    size_t size = 0;
    CHECK_EQ(STATUS_INVALID, train_edit(text_of("[1, 2]"), "7", &head, 1, &yaml, &size, &problem));
    CHECK(problem.text[0] != '\0' && yaml == NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_head_is_learnt_and_its_examples_are_counted),
        TEST(a_side_without_examples_is_refused),
        TEST(what_is_stopped_is_a_head_nevertheless),
        TEST(trees_are_learnt_by_some_and_chosen_by_others),
        TEST(rounds_are_kept),
        TEST(a_sign_that_the_rows_contradict_is_kept_to),
        TEST(what_the_place_did_is_left_out),
        TEST(an_order_is_a_head_too),
        TEST(validation_chooses_nothing),
        TEST(stopped_trees_are_a_head_nevertheless),
        TEST(bytes_that_are_no_examples_are_refused),
        TEST(heads_and_version_come_into_the_text),
        TEST(text_that_is_no_mapping_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
