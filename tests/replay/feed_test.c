#include "replay/feed.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/wire.h"
#include "reelrank/v1/log.pb-c.h"
#include "replay/ranking_run.h"
#include "store/decision_record.h"
#include "store/journal.h"
#include "tests/replay/place.h"
#include "tests/test.h"

enum { TEXT_SIZE = 1 << 16, MINUTE_MS = 60000, WINDOW_MS = 60 * MINUTE_MS };

static const char yaml[] = PLACE_SCORE_OF("1", "1", "1");

/* The same log twice: in a data directory, and as JSON Lines. */
struct twice {
    struct place *place;
    char text[TEXT_SIZE];
    size_t size;
    int64_t now_ms;
};

static struct problem problem;

static void add_line(struct twice *twice, const Reelrank__V1__LogEntry *entry)
{
    char *line = json_format(&entry->base, JSON_LINE);
    CHECK(line != NULL);
    twice->size +=
        (size_t)snprintf(twice->text + twice->size, TEXT_SIZE - twice->size, "%s\n", line);
    CHECK(twice->size < TEXT_SIZE);
    free(line);
}

static void add_signal(struct twice *twice, const char *user_id, const char *video_id,
                       Reelrank__V1__SignalType type, const char *ranking_id, uint32_t position)
{
    char event_id[32];
    snprintf(event_id, sizeof(event_id), "e%zu", twice->size);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event_id;
    signal.user_id = (char *)user_id;
    signal.video_id = (char *)video_id;
    signal.type = type;
    signal.ranking_id = (char *)ranking_id;
    signal.position = position;
    signal.time_ms = twice->now_ms++;
    signal.watch_ms = type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH ? 19000 : 0;
    signal.locale = (char *)"hi-IN";
    place_signal(twice->place, &signal);
    Reelrank__V1__LogEntry line = REELRANK__V1__LOG_ENTRY__INIT;
    line.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    line.signal = &signal;
    add_line(twice, &line);
}

/* What place_open() has put into its log. */
static void add_beginning(struct twice *twice)
{
    for (unsigned i = 0; i < PLACE_VIDEOS; i++) {
        twice->size += (size_t)snprintf(
            twice->text + twice->size, TEXT_SIZE - twice->size,
            "{\"video\":{\"video_id\":\"v%u\",\"creator_id\":\"c%u\",\"duration_ms\":20000,"
            "\"safety_rating\":\"SAFETY_RATING_LOW_RISK\",\"quality\":0.%u}}\n",
            i, i % 3, i);
    }
    twice->size += (size_t)snprintf(
        twice->text + twice->size, TEXT_SIZE - twice->size,
        "{\"signal\":{\"event_id\":\"first\",\"user_id\":\"u\",\"video_id\":\"v1\",\"type\":"
        "\"SIGNAL_TYPE_LIKE\",\"time_ms\":%d}}\n",
        PLACE_NOW_MS - 1000);
}

/* Of all candidates, as of now, in the journal and as a line. */
static void decide(struct twice *twice)
{
    struct text packed = place_decide(twice->place);
    Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(NULL, packed.size, (const uint8_t *)packed.data);
    CHECK(decision != NULL);
    decision->time_ms = twice->now_ms++;
    decision->request->now_ms = decision->time_ms;
    uint8_t *again = malloc(reelrank__v1__decision__get_packed_size(decision));
    CHECK(again != NULL);
    size_t size = reelrank__v1__decision__pack(decision, again);
    place_write(twice->place, (struct text){(const char *)again, size},
                place_sequence(twice->place));
    journal_flush(twice->place->journal);
    Reelrank__V1__LogEntry line = REELRANK__V1__LOG_ENTRY__INIT;
    line.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_DECISION;
    line.decision = decision;
    add_line(twice, &line);
    free(again);
    reelrank__v1__decision__free_unpacked(decision, NULL);
}

/* Three users are shown three videos each, twice; after each slate they watch its last. */
static struct twice *make_twice(void)
{
    static const char *const users[] = {"u", "w", "x"};
    static const char *const videos[] = {"v0", "v1", "v2", "v3", "v4", "v5"};
    struct twice *twice = calloc(1, sizeof(*twice));
    CHECK(twice != NULL);
    twice->place = place_open(yaml);
    twice->now_ms = PLACE_NOW_MS;
    add_beginning(twice);
    for (unsigned i = 0; i < 6; i++) {
        char ranking_id[8];
        snprintf(ranking_id, sizeof(ranking_id), "r%u", i);
        decide(twice);
        for (unsigned j = 0; j < 3; j++) {
            add_signal(twice, users[i % 3], videos[(i + j) % 6],
                       REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION, ranking_id, j + 1);
        }
        add_signal(twice, users[i % 3], videos[(i + 2) % 6],
                   REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, ranking_id, 3);
        /* of no ranking by name, so that they join whatever has the video */
        for (unsigned j = 0; j < 2; j++) {
            add_signal(twice, "u", videos[(i + j) % 6],
                       REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, "", 0);
        }
        twice->now_ms += MINUTE_MS;
    }
    place_close(twice->place);
    return twice;
}

static void free_twice(struct twice *twice)
{
    place_free(twice->place);
    free(twice);
}

/* What a replay comes to. */
struct come {
    char *sums; /* as a part's file has them */
    size_t sums_size;
    struct ranking_counts counts;
    struct timeline_counts timeline;
    struct feed_counts feed;
    uint64_t sequence;
};

static void release_come(struct come *come)
{
    free(come->sums);
}

static void take_sums(struct ranking_run *run, const struct state *state, struct come *come)
{
    struct ranking_sums *sums;
    CHECK_EQ(STATUS_OK, ranking_run_end(run, state, &sums));
    come->counts = sums->counts;
    FILE *file = open_memstream(&come->sums, &come->sums_size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, ranking_sums_write(sums, file));
    fclose(file);
    ranking_sums_free(sums);
}

static struct come replay(const struct feed_options *options, enum ranking_origin origin,
                          const struct weights *weights)
{
    struct contenders contenders = {
        .items = {{.kind = CONTENDER_WEIGHTS, .name = "w", .weights = weights},
                  {.kind = CONTENDER_SERVED, .name = "served"}},
        .count = 2};
    const struct ranking_run_options run_options = {.contenders = &contenders,
                                                    .label = LABEL_LONG_VIEW,
                                                    .k = 3,
                                                    .window_ms = WINDOW_MS,
                                                    .share = {1, 1},
                                                    .seed = 1};
    struct come come = {0};
    struct feed *feed = NULL;
    struct ranking_run *run = ranking_run_new(&run_options);
    CHECK_EQ(STATUS_OK, feed_open(options, &feed, &problem));
    struct timeline_options timeline_options = {.origin = origin,
                                                .label = LABEL_LONG_VIEW,
                                                .negatives = 2,
                                                .seed = 1,
                                                .ahead_events = TIMELINE_AHEAD_EVENTS,
                                                .ranking = ranking_run_ranking,
                                                .signal = ranking_run_signal,
                                                .context = run};
    struct timeline *timeline = timeline_new(feed_take_state(feed), &timeline_options);
    CHECK(timeline != NULL && run != NULL);
    CHECK_EQ(STATUS_OK, feed_run(feed, timeline, &problem));
    take_sums(run, timeline_state(timeline), &come);
    come.timeline = *timeline_counts(timeline);
    come.feed = *feed_counts(feed);
    come.sequence = state_sequence(timeline_state(timeline));
    ranking_run_free(run);
    timeline_free(timeline);
    feed_close(feed);
    return come;
}

static struct come replay_data(const struct place *place, enum ranking_origin origin)
{
    const struct feed_options options = {.data = place->path,
                                         .map_bytes = PLACE_MAP_BYTES,
                                         .decisions = origin == RANKINGS_DECISIONS};
    return replay(&options, origin, place->weights);
}

static struct come replay_text(const struct twice *twice, enum ranking_origin origin, bool sort)
{
    FILE *file = fmemopen((void *)(uintptr_t)twice->text, twice->size, "r");
    CHECK(file != NULL);
    const struct log_input input = {file, "log.jsonl", IMPORT_JSONL};
    const struct feed_options options = {.inputs = &input,
                                         .input_count = 1,
                                         .sort = sort,
                                         .decisions = origin == RANKINGS_DECISIONS};
    struct come come = replay(&options, origin, twice->place->weights);
    fclose(file);
    return come;
}

static void a_directory_and_its_log_as_a_file_come_to_the_same(void)
{
    static const uint64_t found[] = {
        [RANKINGS_DECISIONS] = 6, [RANKINGS_IMPRESSIONS] = 6, [RANKINGS_OUTCOMES] = 10};
    struct twice *twice = make_twice();
    for (int origin = RANKINGS_DECISIONS; origin <= RANKINGS_OUTCOMES; origin++) {
        struct come data = replay_data(twice->place, (enum ranking_origin)origin);
        CHECK_EQ(found[origin], data.counts.found);
        CHECK_EQ(found[origin], data.timeline.rankings);
        CHECK_EQ(found[origin], data.counts.measured);
        CHECK_EQ(37, data.timeline.signals);
        CHECK_EQ(43, data.timeline.events);
        CHECK_EQ(43, data.sequence);
        CHECK_EQ(0, data.feed.rejected + data.feed.late + data.feed.base);
        CHECK_EQ(0, data.feed.before_base + data.feed.behind_log);
        for (int sort = 0; sort < 2; sort++) {
            struct come text = replay_text(twice, (enum ranking_origin)origin, sort == 1);
            CHECK_EQ(data.counts.found, text.counts.found);
            CHECK_EQ(data.counts.by_window, text.counts.by_window);
            CHECK_EQ(data.counts.by_ranking_id, text.counts.by_ranking_id);
            CHECK_EQ(data.sums_size, text.sums_size);
            CHECK(memcmp(data.sums, text.sums, data.sums_size) == 0);
            CHECK(memcmp(&data.timeline, &text.timeline, sizeof(data.timeline)) == 0);
            CHECK_EQ(43, text.sequence);
            release_come(&text);
        }
        release_come(&data);
    }
    free_twice(twice);
}

static void the_total_and_the_progress_are_in_records(void)
{
    struct feed *feed = NULL;
    struct place *place = place_open(yaml);
    place_close(place);
    const struct feed_options options = {.data = place->path, .map_bytes = PLACE_MAP_BYTES};
    CHECK_EQ(STATUS_OK, feed_open(&options, &feed, &problem));
    CHECK_EQ(7, feed_total(feed));
    CHECK(feed_log(feed) != NULL);
    feed_close(feed);
    CHECK_EQ(STATUS_OK, feed_open(&(struct feed_options){.data = NULL}, &feed, &problem));
    CHECK_EQ(0, feed_total(feed));
    CHECK(feed_log(feed) == NULL);
    feed_close(feed);
    feed_close(NULL);
    place_free(place);
}

static void no_files_are_an_empty_log(void)
{
    struct place *place = place_open(yaml);
    place_close(place);
    struct come come =
        replay(&(struct feed_options){.data = NULL}, RANKINGS_IMPRESSIONS, place->weights);
    CHECK_EQ(0, come.sequence);
    CHECK_EQ(0, come.counts.found);
    release_come(&come);
    place_free(place);
}

/* Those rejected, as "name:line reason". */
static char rejected[512];

static void take_reject(void *context, const char *name, uint64_t line, const char *reason)
{
    CHECK(context == rejected);
    snprintf(rejected, sizeof(rejected), "%s:%llu %s", name, (unsigned long long)line, reason);
}

/* Replays what place_write() has written of decisions that are none. */
static struct feed_counts replay_damaged(struct place *place)
{
    const struct feed_options options = {.data = place->path,
                                         .map_bytes = PLACE_MAP_BYTES,
                                         .decisions = true,
                                         .reject = take_reject,
                                         .context = rejected};
    place_close(place);
    struct come come = replay(&options, RANKINGS_DECISIONS, place->weights);
    CHECK_EQ(0, come.counts.found);
    release_come(&come);
    return come.feed;
}

static void a_damaged_decision_is_rejected(void)
{
    struct place *place = place_open(yaml);
    place_write(place, text_of("no decision"), 7);
    struct feed_counts counts = replay_damaged(place);
    CHECK_EQ(1, counts.rejected);
    CHECK(strncmp(rejected, place->path, strlen(place->path)) == 0);
    CHECK_STR(":0 a decision of the journal is damaged", rejected + strlen(place->path));
    place_free(place);
}

/* Without a request: what is wrong with it is told. */
static void a_decision_that_cannot_be_worked_with_is_rejected(void)
{
    struct place *place = place_open(yaml);
    Reelrank__V1__Decision decision = REELRANK__V1__DECISION__INIT;
    uint8_t packed[64];
    decision.time_ms = 5;
    size_t size = reelrank__v1__decision__pack(&decision, packed);
    place_write(place, (struct text){(const char *)packed, size}, 7);
    struct feed_counts counts = replay_damaged(place);
    CHECK_EQ(1, counts.rejected);
    CHECK(strstr(rejected, "decision.request is missing") != NULL);
    place_free(place);
}

static void a_decision_of_a_state_that_the_log_has_not_reached_is_counted(void)
{
    struct place *place = place_open(yaml);
    place_write(place, text_of("?"), 8);
    struct feed_counts counts = replay_damaged(place);
    CHECK_EQ(1, counts.behind_log);
    CHECK_EQ(0, counts.rejected);
    place_free(place);
}

/* More are in front of it than are put in order. */
static void a_decision_that_comes_too_late_is_counted(void)
{
    enum { BEFORE = 69 };
    struct place *place = place_open(yaml);
    char *payload = calloc(1, DECISION_PAYLOAD_MAX);
    CHECK(payload != NULL);
    for (unsigned i = 0; i < BEFORE; i++) {
        place_write(place, (struct text){payload, DECISION_PAYLOAD_MAX}, 7);
        journal_flush(place->journal);
    }
    place_write(place, text_of("?"), 3);
    struct feed_counts counts = replay_damaged(place);
    CHECK_EQ(1, counts.late);
    CHECK_EQ(BEFORE, counts.rejected);
    free(payload);
    place_free(place);
}

/* The log's first seven records are a snapshot now; the decision was made with three of them. */
static void a_decision_from_before_the_base_is_counted(void)
{
    struct place *place = place_open(yaml);
    place_write(place, text_of("?"), 3);
    place_close(place); /* with a checkpoint of record 7 */
    place_trim(place, 7);
    struct come come = replay_data(place, RANKINGS_DECISIONS);
    CHECK_EQ(1, come.feed.before_base);
    CHECK_EQ(7, come.feed.base);
    CHECK_EQ(7, come.sequence); /* it goes on from there */
    CHECK_EQ(0, come.timeline.events);
    release_come(&come);
    place_free(place);
}

static void a_directory_in_use_is_refused(void)
{
    struct feed *feed = NULL;
    struct place *place = place_open(yaml);
    const struct feed_options options = {.data = place->path, .map_bytes = PLACE_MAP_BYTES};
    CHECK_EQ(STATUS_UNAVAILABLE, feed_open(&options, &feed, &problem));
    CHECK(feed == NULL);
    place_close(place);
    place_free(place);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_directory_and_its_log_as_a_file_come_to_the_same),
        TEST(the_total_and_the_progress_are_in_records),
        TEST(no_files_are_an_empty_log),
        TEST(a_damaged_decision_is_rejected),
        TEST(a_decision_that_cannot_be_worked_with_is_rejected),
        TEST(a_decision_of_a_state_that_the_log_has_not_reached_is_counted),
        TEST(a_decision_that_comes_too_late_is_counted),
        TEST(a_decision_from_before_the_base_is_counted),
        TEST(a_directory_in_use_is_refused),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
