#include "replay/parity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/rank.h"
#include "ranker/wire.h"
#include "reelrank/v1/decision.pb-c.h"
#include "store/journal.h"
#include "store/weights_history.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 8 << 20, NOW_MS = 1700000000, VIDEOS = 6 };

static const char yaml[] = "version: w\nvalue: {like: 12.5}\n";

/* A data directory with videos, signals and one version of weights. */
struct place {
    char path[TEST_PATH_SIZE];
    struct arena arena;
    struct store *store;
    struct journal *journal;
    struct weights *weights;
};

static void put_video(struct place *place, unsigned number)
{
    char id[16];
    char creator[16];
    snprintf(id, sizeof(id), "v%u", number);
    snprintf(creator, sizeof(creator), "c%u", number % 3);
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = id;
    video.creator_id = creator;
    video.safety_rating = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK;
    video.quality = number / 10.0;
    struct entry entry = entry_video(&place->arena, &video);
    (void)entries_write(place->store, &entry, 1);
}

static void put_like(struct place *place, const char *event_id, const char *video_id)
{
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)event_id;
    signal.user_id = (char *)"u";
    signal.video_id = (char *)video_id;
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = NOW_MS - 1000;
    struct entry entry = entry_signal(&place->arena, &signal);
    (void)entries_write(place->store, &entry, 1);
}

/* Adds a version to the history, under the name of the one that serves. */
static void keep_weights(struct place *place, const char *text)
{
    struct weights_source source = {.yaml = text_of(text)};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_APPLY;
    change->time_ms = 1;
    snprintf(change->version, sizeof(change->version), "%s", weights_version(place->weights));
    CHECK_EQ(STATUS_OK, weights_history_add(store_log(place->store), &source, false, change));
    free(change);
}

static struct place *open_place(void)
{
    struct problem problem;
    struct weights_problems problems;
    struct place *place = calloc(1, sizeof(*place));
    CHECK(place != NULL);
    test_directory(place->path);
    place->arena = entries_arena(ARENA_BYTES);
    struct store_options options = {.log = {.path = place->path, .map_bytes = MAP_BYTES},
                                    .window_length = 1024};
    place->store = opened_store(&options);
    struct journal_options journal_options = {.data = place->path, .share_ppm = JOURNAL_SHARE_ALL};
    CHECK_EQ(STATUS_OK, journal_open(&journal_options, &place->journal, &problem));
    CHECK_EQ(STATUS_OK, weights_parse(text_of(yaml), &place->weights, &problems));
    for (unsigned i = 0; i < VIDEOS; i++) {
        put_video(place, i);
    }
    put_like(place, "first", "v1");
    return place;
}

static void write_decision(struct place *place, struct text packed, uint64_t sequence)
{
    struct decision_record record = {.time_ms = NOW_MS,
                                     .state_sequence = sequence,
                                     .user_key = 1,
                                     .payload = (const uint8_t *)packed.data,
                                     .payload_size = packed.size};
    journal_add(place->journal, &record);
}

/* Ranks for the user as the server does, and packs the decision. */
static struct text decide(struct place *place)
{
    static char *ids[VIDEOS + 1] = {"v0", "v1", "v2", "v3", "v4", "v5", "unknown"};
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    message.user_id = (char *)"u";
    message.locale = (char *)"hi-IN";
    message.candidate_ids = ids;
    message.n_candidate_ids = VIDEOS + 1;
    message.now_ms = NOW_MS;
    struct rank_request request;
    struct rank_result result;
    struct weights_chosen chosen;
    struct problem problem;
    struct text packed;
    Reelrank__V1__RankResponse *response = NULL;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, &place->arena, &request, &problem));
    CHECK_EQ(STATUS_OK, weights_choose(place->weights, request.locale, request.user_key,
                                       text_of(""), &chosen, &problem));
    const struct state *state = store_begin(place->store);
    CHECK_EQ(STATUS_OK, rank(state, chosen.model, &request, &place->arena, &result));
    store_end(place->store);
    CHECK_EQ(STATUS_OK,
             wire_rank_response(&message, &request, &result, &chosen, &place->arena, &response));
    CHECK_EQ(STATUS_OK, wire_decision(&message, (struct text){0}, &request, &result, response,
                                      NOW_MS, &place->arena, &packed));
    return packed;
}

static uint64_t sequence_of(struct place *place)
{
    uint64_t sequence = state_sequence(store_begin(place->store));
    store_end(place->store);
    return sequence;
}

struct told {
    unsigned count;
    char video_id[64];
    char text[160];
};

static void note(void *context, const struct parity_difference *difference)
{
    struct told *told = context;
    told->count++;
    snprintf(told->video_id, sizeof(told->video_id), "%s", difference->video_id);
    snprintf(told->text, sizeof(told->text), "%s", difference->text);
}

/* Closes the place, and computes everything again. */
static struct parity_report close_and_check(struct place *place, struct told *told)
{
    struct parity_report report;
    struct problem problem = {""};
    journal_close(place->journal);
    store_close(place->store);
    *told = (struct told){0};
    struct parity_options options = {
        .data = place->path, .map_bytes = MAP_BYTES, .different = note, .context = told};
    enum status status = parity_check(&options, &report, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    weights_unref(place->weights);
    free(place->arena.base);
    free(place);
    return report;
}

static void what_was_served_comes_out_again(void)
{
    struct told told;
    struct place *place = open_place();
    keep_weights(place, yaml);
    write_decision(place, decide(place), sequence_of(place));
    put_like(place, "second", "v2");
    write_decision(place, decide(place), sequence_of(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(2, report.decisions);
    CHECK_EQ(2, report.equal);
    CHECK_EQ(0, report.different);
    CHECK_EQ(2 * (VIDEOS + 1), report.candidates);
    CHECK_EQ(0, told.count);
}

static void one_bit_of_a_score_is_noticed(void)
{
    struct told told;
    struct place *place = open_place();
    keep_weights(place, yaml);
    struct text packed = decide(place);
    Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(NULL, packed.size, (const uint8_t *)packed.data);
    CHECK(decision != NULL && decision->n_scores == VIDEOS);
    uint64_t bits;
    memcpy(&bits, &decision->scores[2], sizeof(bits));
    bits ^= 1;
    memcpy(&decision->scores[2], &bits, sizeof(bits));
    const char *video_id = decision->request->candidate_ids[decision->order[2]];
    struct text changed = {.size = reelrank__v1__decision__get_packed_size(decision)};
    uint8_t *bytes = malloc(changed.size);
    CHECK(bytes != NULL);
    reelrank__v1__decision__pack(decision, bytes);
    changed.data = (const char *)bytes;
    write_decision(place, changed, sequence_of(place));
    char want[64];
    snprintf(want, sizeof(want), "%s", video_id);
    reelrank__v1__decision__free_unpacked(decision, NULL);
    free(bytes);
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK_EQ(0, report.equal);
    CHECK_EQ(1, told.count);
    CHECK_STR(want, told.video_id);
    CHECK(strstr(told.text, "at position 3; now it is") != NULL);
}

static void another_event_before_it_is_noticed(void)
{
    struct told told;
    struct place *place = open_place();
    keep_weights(place, yaml);
    struct text packed = decide(place);
    put_like(place, "second", "v2");
    write_decision(place, packed, sequence_of(place)); /* which knew nothing of that like */
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK_EQ(1, told.count);
}

static void a_digit_of_a_weight_is_noticed(void)
{
    struct told told;
    struct place *place = open_place();
    keep_weights(place, "version: w\nvalue: {like: 12.50001}\n");
    write_decision(place, decide(place), sequence_of(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(1, report.different);
    CHECK(strstr(told.text, "its score was") != NULL);
}

static void what_cannot_be_computed_is_counted_apart(void)
{
    struct told told;
    struct place *place = open_place();
    write_decision(place, decide(place), sequence_of(place));       /* weights nobody kept */
    write_decision(place, decide(place), sequence_of(place) + 100); /* another log's */
    write_decision(place, text_of("no decision"), sequence_of(place));
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(3, report.decisions);
    CHECK_EQ(1, report.unknown_weights);
    CHECK_EQ(1, report.behind_log);
    CHECK_EQ(1, report.unreadable);
    CHECK_EQ(0, report.equal + report.different + report.before_base);
}

static void decisions_come_in_the_order_of_their_states(void)
{
    enum { COUNT = 200 };
    struct told told;
    struct place *place = open_place();
    struct text packed[COUNT];
    uint64_t sequences[COUNT];
    keep_weights(place, yaml);
    for (unsigned i = 0; i < COUNT; i++) {
        char event_id[16];
        char video_id[16];
        snprintf(event_id, sizeof(event_id), "e%u", i);
        snprintf(video_id, sizeof(video_id), "v%u", i % VIDEOS);
        put_like(place, event_id, video_id);
        packed[i] = decide(place);
        sequences[i] = sequence_of(place);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned at = (i * 77) % COUNT; /* 77 and 200 have no common factor */
        write_decision(place, packed[at], sequences[at]);
    }
    struct parity_report report = close_and_check(place, &told);
    CHECK_EQ(COUNT, report.equal);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(what_was_served_comes_out_again),
        TEST(one_bit_of_a_score_is_noticed),
        TEST(another_event_before_it_is_noticed),
        TEST(a_digit_of_a_weight_is_noticed),
        TEST(what_cannot_be_computed_is_counted_apart),
        TEST(decisions_come_in_the_order_of_their_states),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
