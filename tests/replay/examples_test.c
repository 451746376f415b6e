#include "replay/examples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "ranker/hash.h"
#include "replay/temporary.h"
#include "tests/test.h"

enum { VIDEOS = 6, CROWD = 120, ROWS_MAX = 32 };
enum { USER = 9001, OTHER = 9002, RANKING = 77 };

static const int64_t START_MS = INT64_C(1704088800000);
static const int64_t MINUTE_MS = 60000;
static const int64_t HOUR_MS = 3600000;

/* A log on its way to examples. */
struct walk {
    struct weights *weights;
    FILE *file;
    struct example_writer *writer;
    struct examples *examples;
    struct timeline *timeline;
};

static struct weights *shipped_weights(void)
{
    struct weights *weights;
    struct weights_problems problems;
    CHECK_EQ(STATUS_OK, weights_parse((struct text){default_weights, default_weights_size},
                                      &weights, &problems));
    return weights;
}

static void tell(struct walk *walk, struct signal signal)
{
    struct event event = {.kind = EVENT_SIGNAL, .u.signal = signal};
    CHECK_EQ(STATUS_OK, timeline_event(walk->timeline, signal.time_ms, &event));
}

static void tell_video(struct walk *walk, uint64_t key)
{
    struct event event = {.kind = EVENT_VIDEO,
                          .u.video = {.key = key,
                                      .creator_key = 1000 + key,
                                      .duration_ms = 20000,
                                      .published_ms = START_MS - 10 * HOUR_MS,
                                      .safety = key == 5 ? SAFETY_UNRATED : SAFETY_LOW}};
    CHECK_EQ(STATUS_OK, timeline_event(walk->timeline, START_MS, &event));
}

/* A view of 10 s by each of many, so that there is a distribution of watch times. */
static void tell_crowd(struct walk *walk)
{
    for (uint64_t i = 0; i < CROWD; i++) {
        tell(walk, (struct signal){.user_key = 1 + i,
                                   .video_key = 1 + i % VIDEOS,
                                   .type = SIGNAL_WATCH,
                                   .watch_ms = 10000,
                                   .time_ms = START_MS + (int64_t)i});
    }
}

/* Videos 1 to VIDEOS, and a crowd that has watched them. */
static struct walk begin(enum ranking_origin origin, struct examples_options options)
{
    struct walk walk = {.weights = shipped_weights(), .file = temporary_open()};
    CHECK(walk.file != NULL);
    CHECK_EQ(STATUS_OK, example_writer_open(walk.file, &walk.writer));
    options.weights = walk.weights;
    options.writer = walk.writer;
    options.window_ms = HOUR_MS;
    options.positions = options.positions > 0 ? options.positions : 50;
    walk.examples = examples_new(&options);
    CHECK(walk.examples != NULL);
    const struct timeline_options told = {.origin = origin,
                                          .age_years = 30,
                                          .ahead_events = TIMELINE_AHEAD_EVENTS,
                                          .singles = true,
                                          .ranking = examples_ranking,
                                          .signal = examples_signal,
                                          .context = walk.examples};
    walk.timeline = timeline_new(state_new(), &told);
    CHECK(walk.timeline != NULL);
    for (uint64_t key = 1; key <= VIDEOS; key++) {
        tell_video(&walk, key);
    }
    tell_crowd(&walk);
    return walk;
}

static void act_of(struct walk *walk, uint64_t user, enum signal_type type, uint64_t video,
                   uint32_t position, int64_t watch_ms, int64_t after_ms)
{
    tell(walk, (struct signal){.user_key = user,
                               .video_key = video,
                               .ranking_key = RANKING,
                               .type = type,
                               .position = position,
                               .watch_ms = watch_ms,
                               .time_ms = START_MS + HOUR_MS + after_ms});
}

static void act(struct walk *walk, enum signal_type type, uint64_t video, uint32_t position,
                int64_t watch_ms, int64_t after_ms)
{
    act_of(walk, USER, type, video, position, watch_ms, after_ms);
}

/* Long after; of no ranking that makes examples. */
static void pass_the_window(struct walk *walk)
{
    tell(walk, (struct signal){.user_key = OTHER,
                               .video_key = 1,
                               .type = SIGNAL_PLAY,
                               .time_ms = START_MS + 5 * HOUR_MS});
}

static void finish(struct walk *walk)
{
    CHECK_EQ(STATUS_OK, timeline_end(walk->timeline));
    CHECK_EQ(STATUS_OK, examples_end(walk->examples, timeline_state(walk->timeline)));
    CHECK_EQ(STATUS_OK, example_writer_finish(walk->writer));
    CHECK_EQ(examples_counts(walk->examples)->examples, example_writer_counts(walk->writer).rows);
    CHECK_STR("", examples_problem(walk->examples)->text);
}

/* Returns how many there are. */
static size_t read_rows(const struct walk *walk, struct example *rows)
{
    struct example_reader *reader;
    const struct example *row;
    size_t count = 0;
    CHECK_EQ(STATUS_OK, example_reader_open(walk->file, &reader, NULL));
    while (example_reader_next(reader, &row, NULL) == STATUS_OK) {
        CHECK(count < ROWS_MAX);
        rows[count++] = *row;
    }
    CHECK_EQ(example_reader_counts(reader).rows, count);
    example_reader_close(reader);
    return count;
}

static void release(struct walk *walk)
{
    timeline_free(walk->timeline);
    examples_free(walk->examples);
    example_writer_close(walk->writer);
    fclose(walk->file);
    weights_unref(walk->weights);
}

/* ---- what is shown ---- */

static void shown_videos_are_examples_with_their_labels(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act(&walk, SIGNAL_IMPRESSION, 3, 1, 0, 0);
    act(&walk, SIGNAL_IMPRESSION, 1, 2, 0, 1);
    act(&walk, SIGNAL_IMPRESSION, 2, 7, 0, 2);
    act(&walk, SIGNAL_SKIP, 1, 2, 0, 1000);
    act(&walk, SIGNAL_WATCH, 3, 1, 20000, 20000);
    act(&walk, SIGNAL_SHARE, 3, 1, 0, 21000);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(3, read_rows(&walk, rows));
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(START_MS + HOUR_MS, rows[i].time_ms);
        CHECK_EQ(USER, rows[i].user_key);
        CHECK_EQ(1, rows[i].group);
        CHECK(isnan(rows[i].propensity));
        CHECK(rows[i].weight >= 1 && rows[i].weight <= 1);
    }
    CHECK_EQ(3, rows[0].video_key);
    CHECK_EQ(1, rows[0].position);
    CHECK_EQ(1U << HEAD_VALID_PLAY | 1U << HEAD_LONG_VIEW | 1U << HEAD_COMPLETE | 1U << HEAD_SHARE,
             rows[0].positive);
    CHECK(rows[0].censored);
    CHECK_EQ(1, rows[1].video_key);
    CHECK_EQ(2, rows[1].position);
    CHECK_EQ(1U << HEAD_SKIP, rows[1].positive);
    CHECK_EQ(7, rows[2].position); /* and not 3 */
    CHECK_EQ(0, rows[2].positive);
    CHECK_EQ((1U << HEAD_COUNT) - 1, rows[2].known);
    release(&walk);
}

/* The crowd's 120 views of 10 s are below 20 s, and the view itself shares the middle of its bin.
 */
static void the_watch_quantile_is_of_the_moment_when_the_window_is_over(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act(&walk, SIGNAL_IMPRESSION, 3, 1, 0, 0);
    act(&walk, SIGNAL_WATCH, 3, 1, 20000, 20000);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(1, read_rows(&walk, rows));
    CHECK(fabs(rows[0].watch_quantile - 120.5 / 121) < 1e-12);
    release(&walk);
}

static void rankings_are_groups_in_the_order_of_the_log(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act_of(&walk, USER, SIGNAL_IMPRESSION, 1, 0, 0, 0);
    act_of(&walk, OTHER, SIGNAL_IMPRESSION, 2, 0, 0, 1);
    act_of(&walk, USER, SIGNAL_IMPRESSION, 3, 0, 0, 2);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(3, read_rows(&walk, rows));
    CHECK_EQ(USER, rows[0].user_key);
    CHECK_EQ(USER, rows[1].user_key);
    CHECK_EQ(1, rows[1].group);
    CHECK_EQ(OTHER, rows[2].user_key);
    CHECK_EQ(2, rows[2].group);
    CHECK_EQ(0, rows[2].position);
    release(&walk);
}

static void what_the_catalogue_does_not_have_is_counted(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act(&walk, SIGNAL_IMPRESSION, 1, 1, 0, 0);
    act(&walk, SIGNAL_IMPRESSION, 4242, 2, 0, 1);
    act(&walk, SIGNAL_IMPRESSION, 5, 3, 0, 2);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(2, read_rows(&walk, rows));
    CHECK_EQ(5, rows[1].video_key); /* unrated, but shown */
    CHECK_EQ(1, examples_counts(walk.examples)->unknown);
    CHECK_EQ(1, examples_counts(walk.examples)->forbidden);
    release(&walk);
}

static void only_the_first_positions_are_kept(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 2});
    act(&walk, SIGNAL_IMPRESSION, 1, 3, 0, 0);
    act(&walk, SIGNAL_IMPRESSION, 2, 2, 0, 1);
    act(&walk, SIGNAL_IMPRESSION, 3, 1, 0, 2);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(2, read_rows(&walk, rows));
    CHECK_EQ(3, rows[0].video_key);
    CHECK_EQ(2, rows[1].video_key);
    release(&walk);
}

static void a_window_that_the_log_cuts_off_makes_no_examples(void)
{
    struct example rows[ROWS_MAX];
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act(&walk, SIGNAL_IMPRESSION, 1, 1, 0, 0);
    act(&walk, SIGNAL_LIKE, 1, 1, 0, HOUR_MS);
    finish(&walk);
    CHECK_EQ(0, read_rows(&walk, rows));
    CHECK_EQ(1, examples_counts(walk.examples)->rankings);
    CHECK_EQ(1, examples_counts(walk.examples)->cut_off);
    CHECK_EQ(0, examples_counts(walk.examples)->early);
    release(&walk);
    walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    act(&walk, SIGNAL_IMPRESSION, 1, 1, 0, 0);
    act(&walk, SIGNAL_LIKE, 1, 1, 0, HOUR_MS + 1); /* too late to count, but the window is over */
    finish(&walk);
    CHECK_EQ(1, read_rows(&walk, rows));
    CHECK_EQ(0, rows[0].positive);
    release(&walk);
}

/* ---- as of its time ---- */

/* The user has a past; then comes the ranking; then, if asked, a crowd likes what it showed. */
static void tell_story(struct walk *walk, bool before, bool after)
{
    for (uint64_t i = 0; i < 30 && before; i++) {
        act_of(walk, 500 + i, SIGNAL_LIKE, 2, 0, 0, -HOUR_MS / 2 + (int64_t)i);
    }
    act(walk, SIGNAL_LIKE, 4, 0, 0, -MINUTE_MS);
    act(walk, SIGNAL_IMPRESSION, 1, 1, 0, 0);
    act(walk, SIGNAL_IMPRESSION, 2, 2, 0, 0);
    for (uint64_t i = 0; i < 30 && after; i++) {
        act_of(walk, 500 + i, SIGNAL_LIKE, 2, 0, 0, 1 + (int64_t)i);
    }
    act(walk, SIGNAL_IMPRESSION, 3, 3, 0, 100);
    act(walk, SIGNAL_WATCH, 1, 1, 9000, MINUTE_MS);
    if (after) {
        act(walk, SIGNAL_FOLLOW_CREATOR, 1, 1, 0, 2 * MINUTE_MS);
        act(walk, SIGNAL_LIKE, 2, 2, 0, 2 * MINUTE_MS);
    }
    pass_the_window(walk);
}

static size_t rows_of_story(bool before, bool after, struct example *rows)
{
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    tell_story(&walk, before, after);
    finish(&walk);
    size_t count = read_rows(&walk, rows);
    release(&walk);
    return count;
}

static bool same_features(const struct example *a, const struct example *b)
{
    return memcmp(a->features, b->features, sizeof(a->features)) == 0;
}

static void later_signals_change_no_features(void)
{
    struct example plain[ROWS_MAX], later[ROWS_MAX], earlier[ROWS_MAX];
    CHECK_EQ(3, rows_of_story(false, false, plain));
    CHECK_EQ(3, rows_of_story(false, true, later));
    CHECK_EQ(3, rows_of_story(true, false, earlier));
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(plain[i].video_key, later[i].video_key);
        CHECK(same_features(&plain[i], &later[i]));
    }
    CHECK_EQ(0, plain[1].positive & 1U << HEAD_LIKE);
    CHECK(later[1].positive & 1U << HEAD_LIKE); /* the label it does change */
    CHECK(!same_features(&plain[1], &earlier[1]));
    enum feature likes = FEATURE_LIKE_RATE_GLOBAL_1D;
    CHECK(earlier[1].features[likes] > plain[1].features[likes]);
}

/* Not even those of the ranking itself, though they come before the last impression. */
static void the_ranking_has_seen_none_of_its_videos(void)
{
    struct example rows[ROWS_MAX];
    CHECK_EQ(3, rows_of_story(false, true, rows));
    for (size_t i = 0; i < 3; i++) {
        CHECK(rows[i].features[FEATURE_SEEN_BEFORE] <= 0);
        CHECK(rows[i].features[FEATURE_FOLLOWS_CREATOR] <= 0);
        CHECK(rows[i].features[FEATURE_AGE_HOURS] >= 11 &&
              rows[i].features[FEATURE_AGE_HOURS] <= 11);
    }
}

/* ---- decisions ---- */

static Reelrank__V1__Candidate candidates[VIDEOS];
static Reelrank__V1__Candidate *candidate_pointers[VIDEOS];
static char *const ids[VIDEOS] = {"a", "b", "c", "d", "e", "f"};

/* An answer to a visitor's request for videos a to f: f, a, c. */
static void tell_decision(struct walk *walk, double *propensities, uint32_t first_position)
{
    Reelrank__V1__Decision decision = REELRANK__V1__DECISION__INIT;
    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    uint32_t order[] = {5, 0, 2};
    double scores[] = {3, 2, 1};
    for (size_t i = 0; i < VIDEOS; i++) {
        reelrank__v1__candidate__init(&candidates[i]);
        candidates[i].video_id = ids[i];
        candidate_pointers[i] = &candidates[i];
    }
    request.locale = "hi-IN";
    request.candidates = candidate_pointers;
    request.n_candidates = VIDEOS;
    decision.request = &request;
    decision.time_ms = START_MS + HOUR_MS;
    decision.ranking_id = "r";
    decision.order = order;
    decision.scores = scores;
    decision.propensities = propensities;
    decision.first_position = first_position;
    decision.n_order = decision.n_scores = 3;
    decision.n_propensities = propensities != NULL ? 3 : 0;
    CHECK_EQ(STATUS_OK, timeline_decision(walk->timeline, &decision));
}

static void act_on(struct walk *walk, const char *id, enum signal_type type)
{
    tell(walk, (struct signal){.user_key = USER,
                               .video_key = hash_key(text_of(id)),
                               .ranking_key = hash_key(text_of("r")),
                               .type = type,
                               .time_ms = START_MS + HOUR_MS + MINUTE_MS});
}

/* Rows of a decision whose first and third video were seen. */
static size_t rows_of_decision(double *propensities, uint32_t first_position, struct example *rows)
{
    struct walk walk = begin(RANKINGS_DECISIONS, (struct examples_options){.positions = 0});
    for (size_t i = 0; i < VIDEOS; i++) {
        tell_video(&walk, hash_key(text_of(ids[i])));
    }
    tell_decision(&walk, propensities, first_position);
    act_on(&walk, "f", SIGNAL_LIKE);
    act_on(&walk, "c", SIGNAL_SKIP);
    pass_the_window(&walk);
    finish(&walk);
    CHECK_EQ(1, examples_counts(walk.examples)->unseen); /* a; b, d, e were not served */
    size_t count = read_rows(&walk, rows);
    release(&walk);
    return count;
}

static void decisions_give_positions_and_propensities(void)
{
    struct example rows[ROWS_MAX];
    double propensities[] = {0.5, 0.25, 1};
    CHECK_EQ(2, rows_of_decision(propensities, 0, rows));
    CHECK_EQ(hash_key(text_of("f")), rows[0].video_key);
    CHECK_EQ(0, rows[0].user_key);
    CHECK_EQ(1, rows[0].position);
    CHECK_EQ(2, 4 * rows[0].propensity);
    CHECK_EQ(1U << HEAD_LIKE, rows[0].positive);
    CHECK_EQ(hash_key(text_of("c")), rows[1].video_key);
    CHECK_EQ(3, rows[1].position);
    CHECK_EQ(4, 4 * rows[1].propensity);
    CHECK_EQ(1U << HEAD_SKIP, rows[1].positive);
}

static void decisions_without_propensities_drew_nothing(void)
{
    struct example rows[ROWS_MAX];
    CHECK_EQ(2, rows_of_decision(NULL, 11, rows));
    CHECK_EQ(11, rows[0].position);
    CHECK_EQ(13, rows[1].position);
    CHECK_EQ(4, 4 * rows[0].propensity);
}

/* ---- what may fail ---- */

static void a_missing_folder_for_what_waits_is_told_of(void)
{
    struct walk walk = begin(RANKINGS_IMPRESSIONS, (struct examples_options){.positions = 0});
    CHECK_EQ(0, setenv("TMPDIR", "/nowhere/at/all", 1));
    act(&walk, SIGNAL_IMPRESSION, 1, 1, 0, 0);
    CHECK_EQ(STATUS_IO, timeline_end(walk.timeline));
    CHECK(strstr(examples_problem(walk.examples)->text, "cannot be made") != NULL);
    release(&walk);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(shown_videos_are_examples_with_their_labels),
        TEST(the_watch_quantile_is_of_the_moment_when_the_window_is_over),
        TEST(rankings_are_groups_in_the_order_of_the_log),
        TEST(what_the_catalogue_does_not_have_is_counted),
        TEST(only_the_first_positions_are_kept),
        TEST(a_window_that_the_log_cuts_off_makes_no_examples),
        TEST(later_signals_change_no_features),
        TEST(the_ranking_has_seen_none_of_its_videos),
        TEST(decisions_give_positions_and_propensities),
        TEST(decisions_without_propensities_drew_nothing),
        TEST(a_missing_folder_for_what_waits_is_told_of),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
