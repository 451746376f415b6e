#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/random.h"
#include "ranker/wire.h"
#include "reelrank/v1/decision.pb-c.h"
#include "replay/bootstrap.h"
#include "replay/counterfactual_run.h"
#include "replay/support.h"
#include "tests/replay/history.h"
#include "tests/replay/scene.h"
#include "tests/test.h"

/*
 * A service whose truth is known, from the ranker that draws slates to the intervals of estimates:
 * the ranker serves with weights that explore, users like what they like by a model of rewards, the
 * decisions and signals are replayed, and what other weights would have earned is compared with
 * what they do earn, which is computed from slates of their own.
 *
 * A log has 500 users with one or two decisions each. A decision is one of 30 requests of six
 * candidates with retrieval scores. Four positions are looked at. They are drawn by Plackett-Luce,
 * where 0.3 points make a candidate e times as likely, and scores are from 0.1 to 0.77; or the
 * first three are, by epsilon-greedy with 0.6, and the fourth follows from those. A user likes
 * everything more or less than others do.
 *
 * Two worlds. In the first a reward depends on item and position, so that all estimates are to be
 * right. In the second it falls to a third where the video right above is a better one: the list
 * matters, and item-position estimates have no reason to be right.
 *
 * Targets: weights that think the opposite of candidates, and draw all four, which a log that draws
 * three cannot tell of; weights of the same mind as those that served, which draw in the same way,
 * with less zeal; and such as draw nothing.
 *
 * Where rewards are what an estimate asks for and the log can tell, its bias is within 4 standard
 * errors, and intervals cover the truth 93 to 97 times of 100 where the default limits of support
 * let it be given. docs/off-policy.md has the table of 1,000 logs.
 *
 * STUDY_LOGS says how many logs, to tell coverage better than the test needs.
 */
enum {
#ifdef __SANITIZE_ADDRESS__
    LOGS = 2, /* to go through, which is some ten times slower */
    SIMULATED = 100,
#else
    LOGS = 100,
    SIMULATED = 4000, /* slates of a kind, for the truth */
#endif
    LOGS_MIN = 20, /* fewer tell nothing */
    LOGS_MAX = 10000,
    USERS = 500,
    KINDS = 30,
    CANDIDATES = 6,
    POSITIONS = 4,
    ARENA_BYTES = 32 << 20,
    ID_SIZE = 32
};

static const int64_t BEGIN_MS = INT64_C(1700000000000);

#define EPSILON_GREEDY  \
    SCENE_WEIGHTS(      \
        "served", "10", \
        "slate: {explore: epsilon_greedy, explore_epsilon: 0.6, explore_positions: 3}\n")
#define PLACKETT_LUCE   \
    SCENE_WEIGHTS(      \
        "served", "10", \
        "slate: {explore: plackett_luce, explore_temperature: 0.3, explore_positions: 4}\n")
#define OPPOSITE          \
    SCENE_WEIGHTS(        \
        "opposite", "-1", \
        "slate: {explore: plackett_luce, explore_temperature: 0.05, explore_positions: 4}\n")
#define MILD_GREEDY   \
    SCENE_WEIGHTS(    \
        "mild", "10", \
        "slate: {explore: epsilon_greedy, explore_epsilon: 0.3, explore_positions: 3}\n")
#define MILD_LUCE     \
    SCENE_WEIGHTS(    \
        "mild", "10", \
        "slate: {explore: plackett_luce, explore_temperature: 0.2, explore_positions: 4}\n")
#define CERTAIN SCENE_WEIGHTS("certain", "10", "")

enum target { TARGET_OPPOSITE, TARGET_MILD, TARGET_CERTAIN, TARGETS };
enum world { WORLD_ITEM_POSITION, WORLD_LIST, WORLDS };

struct kind {
    char ids[CANDIDATES][ID_SIZE];
    size_t videos[CANDIDATES];
    Reelrank__V1__Candidate candidates[CANDIDATES];
    Reelrank__V1__Candidate *list[CANDIDATES];
};

struct study {
    enum world world;
    bool draws_all;          /* the log, of all positions that are looked at */
    struct history *history; /* has the weights that serve */
    struct weights *targets[TARGETS];
    struct contenders contenders;
    struct kind kinds[KINDS];
    double worth[SCENE_VIDEOS]; /* chance of a like */
    double truth[TARGETS][POSITIONS];
    struct arena arena;
};

/* ---- the world ---- */

static double chance_of_like(const struct study *study, const size_t *videos, size_t position)
{
    static const double falling[POSITIONS] = {1, 0.8, 0.65, 0.5};
    double chance = study->worth[videos[position]] * falling[position];
    bool overshadowed =
        position > 0 && study->worth[videos[position - 1]] > study->worth[videos[position]];
    return study->world == WORLD_LIST && overshadowed ? chance / 3 : chance;
}

static void make_kind(struct kind *kind, uint64_t number)
{
    struct random random = random_stream(11, 0, number);
    uint32_t videos[SCENE_VIDEOS];
    for (uint32_t i = 0; i < SCENE_VIDEOS; i++) {
        videos[i] = i;
    }
    random_shuffle(&random, videos, SCENE_VIDEOS);
    for (size_t i = 0; i < CANDIDATES; i++) {
        kind->videos[i] = videos[i];
        snprintf(kind->ids[i], ID_SIZE, "v%" PRIu32, videos[i]);
        reelrank__v1__candidate__init(&kind->candidates[i]);
        kind->candidates[i].video_id = kind->ids[i];
        kind->candidates[i].retrieval_score = 2 * random_unit(&random);
        kind->list[i] = &kind->candidates[i];
    }
}

static Reelrank__V1__RankRequest message_of(struct kind *kind, char *user_id, char *request_id)
{
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    message.user_id = user_id;
    message.locale = (char *)"hi-IN";
    message.request_id = request_id;
    message.candidates = kind->list;
    message.n_candidates = CANDIDATES;
    return message;
}

/* What weights answer, as a server works it out. */
static void answer(struct study *study, const struct weights *weights, const struct state *state,
                   const Reelrank__V1__RankRequest *message, int64_t time_ms,
                   struct rank_result *result)
{
    struct rank_request request;
    struct weights_chosen chosen;
    struct problem problem;
    arena_reset(&study->arena);
    CHECK_EQ(STATUS_OK, wire_rank_request(message, time_ms, &study->arena, &request, &problem));
    CHECK_EQ(STATUS_OK, weights_choose(weights, request.locale, request.user_key, text_of(""),
                                       &chosen, &problem));
    CHECK_EQ(STATUS_OK, rank(state, chosen.model, &request, &study->arena, result));
    CHECK_EQ(CANDIDATES, result->count);
}

static void find_truth_of(struct study *study, const struct state *state, enum target target,
                          size_t kind)
{
    const struct weights *weights = study->targets[target];
    for (uint64_t i = 0; i < SIMULATED; i++) {
        char request_id[ID_SIZE];
        size_t videos[POSITIONS];
        struct rank_result result;
        snprintf(request_id, sizeof(request_id), "truth %" PRIu64, i);
        Reelrank__V1__RankRequest message =
            message_of(&study->kinds[kind], (char *)"u", request_id);
        answer(study, weights, state, &message, BEGIN_MS, &result);
        for (size_t k = 0; k < POSITIONS; k++) {
            videos[k] = study->kinds[kind].videos[result.order[k]];
            study->truth[target][k] += chance_of_like(study, videos, k) / SIMULATED / KINDS;
        }
    }
}

static void find_truth(struct study *study)
{
    struct scene scene;
    scene_open(&scene);
    for (size_t target = 0; target < TARGETS; target++) {
        for (size_t kind = 0; kind < KINDS; kind++) {
            find_truth_of(study, scene.state, (enum target)target, kind);
        }
    }
    scene_close(&scene);
}

static void study_begin(struct study *study, enum world world, const char *serving)
{
    *study = (struct study){.world = world,
                            .draws_all = strcmp(serving, PLACKETT_LUCE) == 0,
                            .contenders = {.count = TARGETS, .seed = 1}};
    struct random random = {21};
    arena_init(&study->arena, malloc(ARENA_BYTES), ARENA_BYTES);
    study->history = history_open(serving);
    study->targets[TARGET_OPPOSITE] = scene_weights(OPPOSITE);
    study->targets[TARGET_MILD] = scene_weights(study->draws_all ? MILD_LUCE : MILD_GREEDY);
    study->targets[TARGET_CERTAIN] = scene_weights(CERTAIN);
    for (size_t i = 0; i < TARGETS; i++) {
        study->contenders.items[i] = (struct contender){
            .kind = CONTENDER_WEIGHTS, .name = "target", .weights = study->targets[i]};
    }
    for (size_t i = 0; i < SCENE_VIDEOS; i++) {
        study->worth[i] = 0.1 + 0.5 * random_unit(&random);
    }
    for (size_t i = 0; i < KINDS; i++) {
        make_kind(&study->kinds[i], i);
    }
    find_truth(study);
}

static void study_end(struct study *study)
{
    history_close(study->history);
    for (size_t i = 0; i < TARGETS; i++) {
        weights_unref(study->targets[i]);
    }
    arena_reset(&study->arena);
    free(study->arena.base);
}

/* ---- a log ---- */

/* One that is replayed while it is made: the state is that of the decision's place in it. */
struct life {
    struct study *study;
    struct timeline *timeline;
    uint64_t log;
    int64_t time_ms;
    uint64_t decisions;
    struct random random;
};

static void like(struct life *life, uint64_t user_key, uint64_t ranking_key, const char *video_id)
{
    struct event event = {.kind = EVENT_SIGNAL,
                          .u.signal = {.user_key = user_key,
                                       .video_key = hash_key(text_of(video_id)),
                                       .ranking_key = ranking_key,
                                       .type = SIGNAL_LIKE,
                                       .time_ms = life->time_ms}};
    CHECK_EQ(STATUS_OK, timeline_event(life->timeline, life->time_ms, &event));
}

/* Who looks, likes: each position by itself. */
static void react(struct life *life, struct kind *kind, const uint32_t *order, uint64_t user_key,
                  uint64_t ranking_key, double liking)
{
    size_t videos[POSITIONS];
    for (size_t k = 0; k < POSITIONS; k++) {
        videos[k] = kind->videos[order[k]];
        double chance = chance_of_like(life->study, videos, k) * liking;
        if (random_chance(&life->random, chance)) {
            life->time_ms += 100;
            like(life, user_key, ranking_key, kind->ids[order[k]]);
        }
    }
}

static void decide(struct life *life, char *user_id, double liking)
{
    struct study *study = life->study;
    struct kind *kind = &study->kinds[random_below(&life->random, KINDS)];
    const struct weights *weights = history_weights(study->history);
    char id[ID_SIZE];
    struct rank_result result;
    life->time_ms += 1000;
    snprintf(id, sizeof(id), "r%" PRIu64 "-%" PRIu64, life->log, life->decisions++);
    Reelrank__V1__RankRequest message = message_of(kind, user_id, id);
    answer(study, weights, timeline_state(life->timeline), &message, life->time_ms, &result);
    Reelrank__V1__Decision decision = REELRANK__V1__DECISION__INIT;
    decision.time_ms = life->time_ms;
    decision.request = &message;
    decision.weights_version = (char *)weights_version(weights);
    decision.ranking_id = id;
    decision.order = result.order;
    decision.n_order = POSITIONS;
    decision.propensities = result.propensities;
    decision.n_propensities = POSITIONS;
    CHECK_EQ(STATUS_OK, timeline_decision(life->timeline, &decision));
    react(life, kind, result.order, hash_key(text_of(user_id)), hash_key(text_of(id)), liking);
}

static void live(struct life *life)
{
    for (uint64_t user = 0; user < USERS; user++) {
        char user_id[ID_SIZE];
        double liking = 0.4 + 1.2 * random_unit(&life->random);
        size_t count = 1 + random_below(&life->random, 2);
        snprintf(user_id, sizeof(user_id), "u%" PRIu64 "-%" PRIu64, life->log, user);
        for (size_t i = 0; i < count; i++) {
            decide(life, user_id, liking);
        }
    }
    CHECK_EQ(STATUS_OK, timeline_end(life->timeline));
}

/* One walk along a log, which is made anew and the same. NULL after learning. */
static struct counterfactual_sums *walk(struct study *study, uint64_t log,
                                        struct reward_model *model, bool learning)
{
    struct scene scene;
    struct counterfactual_sums *sums = NULL;
    const struct counterfactual_options options = {.contenders = &study->contenders,
                                                   .reward = LABEL_LIKE,
                                                   .positions = POSITIONS,
                                                   .clip = 10,
                                                   .draws = 50,
                                                   .window_ms = 60000,
                                                   .share = {1, 1},
                                                   .seed = log,
                                                   .model = model,
                                                   .past = history_past(study->history)};
    struct counterfactual_run *run = counterfactual_run_new(&options, learning);
    CHECK(run != NULL);
    scene_open(&scene);
    struct life life = {
        .study = study, .log = log, .time_ms = BEGIN_MS, .random = random_stream(31, 0, log)};
    life.timeline =
        timeline_new(scene.state, &(struct timeline_options){.origin = RANKINGS_DECISIONS,
                                                             .ranking = counterfactual_run_ranking,
                                                             .signal = counterfactual_run_signal,
                                                             .context = run});
    CHECK(life.timeline != NULL);
    scene.state = NULL;
    live(&life);
    CHECK_EQ(STATUS_OK, counterfactual_run_end(run, timeline_state(life.timeline), &sums));
    counterfactual_run_free(run);
    timeline_free(life.timeline);
    scene_close(&scene);
    return sums;
}

/* ---- figures ---- */

/* position 0: all of them together, per position; of slates, their sum. */
struct figure {
    const char *name;
    bool of_slate;
    int estimator;
    size_t position;
};

static const struct figure figures[] = {
    {"item-position IPS", true, SLATE_ESTIMATOR_ITEM_POSITION_IPS, 0},
    {"item-position SNIPS", true, SLATE_ESTIMATOR_ITEM_POSITION_SNIPS, 0},
    {"sequence IPS", true, SLATE_ESTIMATOR_SEQUENCE_IPS, 0},
    {"sequence SNIPS", true, SLATE_ESTIMATOR_SEQUENCE_SNIPS, 0},
    {"IPS", false, ESTIMATOR_IPS, 0},
    {"SNIPS", false, ESTIMATOR_SNIPS, 0},
    {"DR", false, ESTIMATOR_DR, 0},
    {"SNDR", false, ESTIMATOR_SNDR, 0},
    {"position 1 IPS", false, ESTIMATOR_IPS, 1},
    {"position 1 SNIPS", false, ESTIMATOR_SNIPS, 1},
    {"position 1 DR", false, ESTIMATOR_DR, 1},
    {"position 2 IPS", false, ESTIMATOR_IPS, 2},
    {"position 2 SNIPS", false, ESTIMATOR_SNIPS, 2},
    {"position 2 DR", false, ESTIMATOR_DR, 2},
    {"position 4 IPS", false, ESTIMATOR_IPS, 4},
    {"position 4 SNIPS", false, ESTIMATOR_SNIPS, 4},
    {"position 4 DR", false, ESTIMATOR_DR, 4},
};

enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

/* Over logs. */
struct found {
    double given;     /* by the default limits of support */
    double effective; /* least effective sample size of a position, or of all observations */
    double covered;
    double errors;
    double squares;
};

static double truth_of(const struct study *study, size_t target, const struct figure *figure)
{
    double sum = 0;
    if (figure->position > 0) {
        return study->truth[target][figure->position - 1];
    }
    for (size_t k = 0; k < POSITIONS; k++) {
        sum += study->truth[target][k];
    }
    return figure->of_slate ? sum : sum / POSITIONS;
}

static struct bootstrap *bootstrap_of(struct tally *tally, uint32_t segment, uint64_t seed,
                                      double **rows)
{
    size_t units = tally_unit_count(tally, segment);
    size_t columns = tally_sum_count(tally);
    struct bootstrap *bootstrap = NULL;
    *rows = calloc(units * columns, sizeof(double));
    CHECK(*rows != NULL);
    CHECK_EQ(USERS, units);
    tally_rows(tally, segment, 0, columns, *rows);
    CHECK_EQ(STATUS_OK, bootstrap_new(*rows, units, columns, seed, &bootstrap));
    return bootstrap;
}

static struct bootstrap_interval interval_of(const struct counterfactual_sums *sums,
                                             struct bootstrap *bootstrap, size_t target,
                                             const struct figure *figure)
{
    enum estimator estimator = (enum estimator)figure->estimator;
    const struct slate_figure slate = {(enum slate_estimator)figure->estimator, POSITIONS, 1,
                                       POSITIONS};
    struct bootstrap_statistic statistic = {.of = estimator_statistic,
                                            .context = &estimator,
                                            .first_column = observation_column(target),
                                            .column_count = OBSERVATION_SUMS};
    if (figure->of_slate) {
        statistic = (struct bootstrap_statistic){.of = slate_statistic,
                                                 .context = &slate,
                                                 .first_column = slate_column(sums, target),
                                                 .column_count = slate_sum_count(POSITIONS)};
    }
    struct bootstrap_interval interval;
    bootstrap_interval(bootstrap, statistic, &interval);
    return interval;
}

static uint32_t segment_of(const struct counterfactual_sums *sums, const struct figure *figure)
{
    for (size_t i = 0; i < segments_count(sums->segments); i++) {
        if (figure->position > 0 && segments_dimension(sums->segments, i) == SEGMENT_POSITION &&
            (size_t)strtol(segments_name(sums->segments, i), NULL, 10) == figure->position) {
            return (uint32_t)i;
        }
    }
    return 0;
}

/* Adds what the sums support: of a slate, its least supported position. */
static void take_support(struct found *found, struct counterfactual_sums *sums, size_t target,
                         const struct figure *figure)
{
    static double totals[TALLY_COLUMNS_MAX], peaks[TALLY_COLUMNS_MAX];
    const struct slate_figure slate = {(enum slate_estimator)figure->estimator, POSITIONS, 1,
                                       POSITIONS};
    struct tally *tally = figure->of_slate ? sums->slates : sums->observations;
    uint32_t segment = segment_of(sums, figure);
    struct support_limits limits;
    struct support_verdict verdict;
    struct support support;
    double effective = INFINITY;
    bool refused = false;
    support_limits_init(&limits);
    tally_totals(tally, segment, 0, tally_sum_count(tally), totals);
    tally_peaks(tally, segment, 0, tally_peak_count(tally), peaks);
    for (size_t k = 1; k <= (figure->of_slate ? POSITIONS : 1); k++) {
        if (figure->of_slate) {
            support_measure_position(
                slate_position_sums(&slate, k, totals + slate_column(sums, target)),
                slate_position_peaks(&slate, k, peaks + target * slate_peak_count(POSITIONS)),
                USERS, &support);
        } else {
            support_measure(totals + observation_column(target),
                            peaks + target * COUNTERFACTUAL_PEAKS, USERS, &support);
        }
        support_judge(&support, SUPPORT_FOR_WEIGHTS, &limits, &verdict);
        refused = refused || verdict.refused != 0;
        effective = fmin(effective, support.effective_sample_size);
    }
    found->given += !refused;
    found->effective += effective;
}

static void take(struct found *found, const struct bootstrap_interval *interval, double truth)
{
    double error = interval->value - truth;
    found->covered += interval->low <= truth && truth <= interval->high;
    found->errors += error;
    found->squares += error * error;
}

/* Figures of the same segment follow each other, and share its draws. */
static void measure(const struct study *study, struct counterfactual_sums *sums,
                    struct found found[TARGETS][FIGURES])
{
    for (size_t i = 0; i < FIGURES;) {
        double *rows;
        uint32_t segment = segment_of(sums, &figures[i]);
        bool of_slate = figures[i].of_slate;
        struct bootstrap *bootstrap =
            bootstrap_of(of_slate ? sums->slates : sums->observations, segment, sums->seed, &rows);
        for (; i < FIGURES && figures[i].of_slate == of_slate &&
               segment_of(sums, &figures[i]) == segment;
             i++) {
            for (size_t target = 0; target < TARGETS; target++) {
                struct bootstrap_interval interval =
                    interval_of(sums, bootstrap, target, &figures[i]);
                take(&found[target][i], &interval, truth_of(study, target, &figures[i]));
                take_support(&found[target][i], sums, target, &figures[i]);
            }
        }
        bootstrap_free(bootstrap);
        free(rows);
    }
}

static struct counterfactual_sums *replay(struct study *study, uint64_t log)
{
    struct reward_model *model = reward_model_new(5, 10);
    CHECK(model != NULL);
    CHECK(walk(study, log, model, true) == NULL);
    struct counterfactual_sums *sums = walk(study, log, model, false);
    CHECK_EQ(0, sums->counts.without_marginal);
    CHECK_EQ(sums->counts.found, sums->counts.slates);
    reward_model_free(model);
    return sums;
}

/* ---- judgement ---- */

static size_t logs_wanted(void)
{
    const char *text = getenv("STUDY_LOGS");
    long count = text != NULL ? strtol(text, NULL, 10) : LOGS;
    return count >= 2 && count <= LOGS_MAX ? (size_t)count : LOGS;
}

/* Whether the log can do what the target does. */
static bool is_supported(const struct study *study, size_t target, const struct figure *figure)
{
    bool fourth = figure->position == 0 || figure->position == 4;
    return target != TARGET_OPPOSITE || study->draws_all || !fourth;
}

/* Where a reward depends on the list, only what looks at the list has to be right. */
static bool must_hold(const struct study *study, size_t target, const struct figure *figure)
{
    bool sequence = figure->of_slate && (figure->estimator == SLATE_ESTIMATOR_SEQUENCE_IPS ||
                                         figure->estimator == SLATE_ESTIMATOR_SEQUENCE_SNIPS);
    return is_supported(study, target, figure) &&
           (study->world == WORLD_ITEM_POSITION || sequence || figure->position == 1);
}

/*
 * Within 4 standard errors, and of ratios, whose bias goes with 1 / n, within 0.5 % besides;
 * coverage up to 3 standard errors of what so many logs can tell. What has no support is not to be
 * given.
 */
static bool judge(const struct study *study, size_t target, const struct figure *figure,
                  const struct found *found, size_t logs)
{
    double count = (double)logs;
    double truth = truth_of(study, target, figure);
    double mean = found->errors / count;
    double deviation = sqrt(found->squares / count - mean * mean);
    double error = deviation / sqrt(count);
    double covered = found->covered / count;
    double chance = 3 * sqrt(0.95 * 0.05 / count);
    bool is_given = found->given >= 0.9 * count;
    bool near = fabs(mean) < 4 * error + 0.005 * truth;
    bool covers = covered > 0.93 - chance && covered <= 0.97 + chance;
    bool refused = figure->of_slate && found->given < 0.1 * count;
    bool must = must_hold(study, target, figure);
    bool holds = is_supported(study, target, figure) ? !must || (near && (covers || !is_given))
                                                     : refused || !figure->of_slate;
    printf("| %-19s | %.4f | %+.4f | %.4f | %+5.1f | %5.1f | %5.1f | %5.0f |%s\n", figure->name,
           truth, mean, deviation, mean / error, 100 * covered, 100 * found->given / count,
           found->effective / count,
           !holds             ? " !"
           : must && is_given ? ""
                              : " *");
    return holds;
}

static void judge_all(const struct study *study, struct found found[TARGETS][FIGURES], size_t logs)
{
    static const char *const names[TARGETS] = {"opposite", "mild", "certain"};
    bool hold = true;
    for (size_t target = 0; target < TARGETS; target++) {
        printf("%s, %zu logs: truth, bias, deviation, bias in standard errors, coverage in %%, "
               "given in %%, effective sample size\n",
               names[target], logs);
        for (size_t i = 0; i < FIGURES; i++) {
            bool one = judge(study, target, &figures[i], &found[target][i], logs);
            hold = hold && one;
        }
    }
    fflush(stdout);
    CHECK(hold || logs < LOGS_MIN);
}

static void run_study(enum world world, const char *serving)
{
    static struct found found[TARGETS][FIGURES];
    struct study study;
    size_t logs = logs_wanted();
    study_begin(&study, world, serving);
    for (uint64_t log = 1; log <= logs; log++) {
        struct counterfactual_sums *sums = replay(&study, log);
        measure(&study, sums, found);
        counterfactual_sums_free(sums);
    }
    judge_all(&study, found, logs);
    study_end(&study);
}

static void items_and_positions_by_epsilon_greedy(void)
{
    run_study(WORLD_ITEM_POSITION, EPSILON_GREEDY);
}

static void items_and_positions_by_plackett_luce(void)
{
    run_study(WORLD_ITEM_POSITION, PLACKETT_LUCE);
}

static void lists_by_epsilon_greedy(void)
{
    run_study(WORLD_LIST, EPSILON_GREEDY);
}

static void lists_by_plackett_luce(void)
{
    run_study(WORLD_LIST, PLACKETT_LUCE);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(items_and_positions_by_epsilon_greedy),
        TEST(items_and_positions_by_plackett_luce),
        TEST(lists_by_epsilon_greedy),
        TEST(lists_by_plackett_luce),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
