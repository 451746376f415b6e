#include "tests/replay/place.h"

#include <stdio.h>
#include <stdlib.h>

#include "ranker/rank.h"
#include "ranker/wire.h"
#include "reelrank/v1/decision.pb-c.h"
#include "store/journal.h"
#include "store/snapshots.h"
#include "store/store.h"
#include "store/weights_history.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"

enum { ARENA_BYTES = 8 << 20 };

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
    video.duration_ms = 20000;
    struct entry entry = entry_video(&place->arena, &video);
    (void)entries_write(place->store, &entry, 1);
}

void place_signal(struct place *place, const Reelrank__V1__Signal *signal)
{
    struct entry entry = entry_signal(&place->arena, signal);
    (void)entries_write(place->store, &entry, 1);
}

static void put_signal(struct place *place, const char *event_id, const char *video_id,
                       Reelrank__V1__SignalType type, int64_t watch_ms)
{
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)event_id;
    signal.user_id = (char *)"u";
    signal.video_id = (char *)video_id;
    signal.type = type;
    signal.watch_ms = watch_ms;
    signal.time_ms = PLACE_NOW_MS - 1000;
    place_signal(place, &signal);
}

void place_like(struct place *place, const char *event_id, const char *video_id)
{
    put_signal(place, event_id, video_id, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE, 0);
}

void place_watch(struct place *place, const char *event_id, const char *video_id, int64_t watch_ms)
{
    put_signal(place, event_id, video_id, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, watch_ms);
}

void place_keep_weights(struct place *place, const char *yaml)
{
    struct weights_source source = {.yaml = text_of(yaml)};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_APPLY;
    change->time_ms = 1;
    snprintf(change->version, sizeof(change->version), "%s", weights_version(place->weights));
    CHECK_EQ(STATUS_OK, weights_history_add(store_log(place->store), &source, false, change));
    free(change);
}

struct place *place_open(const char *yaml)
{
    struct problem problem;
    struct weights_problems problems;
    struct place *place = calloc(1, sizeof(*place));
    CHECK(place != NULL);
    test_directory(place->path);
    place->arena = entries_arena(ARENA_BYTES);
    struct store_options options = {.log = {.path = place->path, .map_bytes = PLACE_MAP_BYTES},
                                    .window_length = 1024};
    place->store = opened_store(&options);
    struct journal_options journal_options = {.data = place->path, .share_ppm = JOURNAL_SHARE_ALL};
    CHECK_EQ(STATUS_OK, journal_open(&journal_options, &place->journal, &problem));
    CHECK_EQ(STATUS_OK, weights_parse(text_of(yaml), &place->weights, &problems));
    for (unsigned i = 0; i < PLACE_VIDEOS; i++) {
        put_video(place, i);
    }
    place_like(place, "first", "v1");
    return place;
}

void place_close(struct place *place)
{
    journal_close(place->journal);
    store_close(place->store);
    place->journal = NULL;
    place->store = NULL;
}

void place_free(struct place *place)
{
    weights_unref(place->weights);
    free(place->arena.base);
    free(place);
}

void place_trim(const struct place *place, uint64_t last)
{
    struct problem problem;
    char name[SNAPSHOT_NAME_SIZE];
    char from[TEST_PATH_SIZE + 16];
    char to[TEST_PATH_SIZE + SNAPSHOT_NAME_SIZE];
    struct log *log;
    struct log_options options = {.path = place->path, .map_bytes = PLACE_MAP_BYTES};
    snapshot_name(last, name);
    snprintf(from, sizeof(from), "%s/state.mdb", place->path);
    snprintf(to, sizeof(to), "%s/%s", place->path, name);
    CHECK_EQ(0, rename(from, to));
    CHECK_EQ(STATUS_OK, log_open(&options, &log, &problem));
    opened_trim(log, last);
    log_close(log);
}

void place_write(struct place *place, struct text packed, uint64_t sequence)
{
    struct decision_record record = {.time_ms = PLACE_NOW_MS,
                                     .state_sequence = sequence,
                                     .user_key = 1,
                                     .payload = (const uint8_t *)packed.data,
                                     .payload_size = packed.size};
    journal_add(place->journal, &record);
}

/* What the service does between store_begin() and store_end(). */
static void rank_now(struct place *place, const Reelrank__V1__RankRequest *message,
                     const struct weights_chosen *chosen, struct rank_request *request,
                     const char **ranking_id, struct rank_result *result)
{
    const struct state *state = store_begin(place->store);
    CHECK_EQ(STATUS_OK, wire_ranking_id(message, request, chosen, state_sequence(state),
                                        &place->arena, ranking_id));
    request->total_terms = true;
    CHECK_EQ(STATUS_OK, rank(state, chosen->model, request, &place->arena, result));
    store_end(place->store);
}

struct text place_decide(struct place *place)
{
    static char *ids[PLACE_VIDEOS + 1] = {"v0", "v1", "v2", "v3", "v4", "v5", "unknown"};
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    message.user_id = (char *)"u";
    message.locale = (char *)"hi-IN";
    message.candidate_ids = ids;
    message.n_candidate_ids = PLACE_VIDEOS + 1;
    message.now_ms = PLACE_NOW_MS;
    struct rank_request request;
    struct rank_result result;
    struct weights_chosen chosen;
    struct problem problem;
    struct text packed;
    const char *ranking_id = NULL;
    Reelrank__V1__RankResponse *response = NULL;
    CHECK_EQ(STATUS_OK,
             wire_rank_request(&message, PLACE_NOW_MS, &place->arena, &request, &problem));
    CHECK_EQ(STATUS_OK, weights_choose(place->weights, request.locale, request.user_key,
                                       text_of(""), &chosen, &problem));
    rank_now(place, &message, &chosen, &request, &ranking_id, &result);
    CHECK_EQ(STATUS_OK, wire_rank_response(&message, &request, &result, &chosen, ranking_id,
                                           &place->arena, &response));
    CHECK_EQ(STATUS_OK, wire_decision(&message, (struct text){0}, &request, &result, response,
                                      PLACE_NOW_MS, &place->arena, &packed));
    return packed;
}

uint64_t place_sequence(struct place *place)
{
    uint64_t sequence = state_sequence(store_begin(place->store));
    store_end(place->store);
    return sequence;
}
