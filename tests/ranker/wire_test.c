#include "ranker/wire.h"

#include <math.h>
#include <string.h>

#include "ranker/hash.h"
#include "tests/test.h"

enum { NOW_MS = 1000000000 };

static struct arena *scratch(void)
{
    static char memory[1 << 20];
    static struct arena arena;
    arena_init(&arena, memory, sizeof(memory));
    return &arena;
}

static Reelrank__V1__RankRequest rank_request(char **ids, size_t count)
{
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    message.locale = (char *)"hi-IN";
    message.candidate_ids = ids;
    message.n_candidate_ids = count;
    return message;
}

static Reelrank__V1__Signal signal_message(void)
{
    Reelrank__V1__Signal message = REELRANK__V1__SIGNAL__INIT;
    message.user_id = (char *)"u";
    message.video_id = (char *)"v";
    message.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    message.time_ms = NOW_MS;
    return message;
}

/* Expects a refusal whose sentence names the field. */
static void check_rank_refused(const Reelrank__V1__RankRequest *message, const char *field)
{
    struct rank_request request;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, wire_rank_request(message, NOW_MS, scratch(), &request, &problem));
    CHECK(strstr(problem.text, field) != NULL);
}

static void check_signal_refused(const Reelrank__V1__Signal *message, const char *field)
{
    struct signal signal;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, wire_signal(message, NOW_MS, &signal, &problem));
    CHECK(strstr(problem.text, field) != NULL);
}

static void check_video_refused(const Reelrank__V1__Video *message, const char *field)
{
    struct video_facts facts;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, wire_video(message, &facts, &problem));
    CHECK(strstr(problem.text, field) != NULL);
}

static void rank_request_becomes_keys_and_locale(void)
{
    char *ids[] = {(char *)"a", (char *)"bb"};
    Reelrank__V1__RankRequest message = rank_request(ids, 2);
    message.user_id = (char *)"u";
    message.region = (char *)"de";
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));
    CHECK_EQ(2, request.count);
    CHECK(request.keys[0] == hash_key(text_of("a")));
    CHECK(request.keys[1] == hash_key(text_of("bb")));
    CHECK(request.user_key == hash_key(text_of("u")));
    CHECK_EQ(NOW_MS, request.now_ms);
    char text[LOCALE_TEXT_SIZE];
    locale_format(request.locale, text);
    CHECK_STR("hi-DE", text); /* the region of the request wins over the locale's */
}

static void empty_request_is_a_visitor_without_candidates(void)
{
    Reelrank__V1__RankRequest message = rank_request(NULL, 0);
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));
    CHECK_EQ(0, request.count);
    CHECK_EQ(0, request.user_key);
}

static void rank_request_limits_name_their_field(void)
{
    static char *ids[LIMIT_CANDIDATES + 1];
    for (size_t i = 0; i <= LIMIT_CANDIDATES; i++) {
        ids[i] = (char *)"v";
    }
    Reelrank__V1__RankRequest message = rank_request(ids, LIMIT_CANDIDATES);
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));
    message.n_candidate_ids = LIMIT_CANDIDATES + 1;
    check_rank_refused(&message, "candidate_ids");

    message = rank_request(ids, 1);
    message.limit = LIMIT_CANDIDATES + 1;
    check_rank_refused(&message, "limit");

    message = rank_request(ids, 1);
    message.age_years = LIMIT_AGE_YEARS + 1;
    check_rank_refused(&message, "age_years");

    message = rank_request(ids, 1);
    message.now_ms = -1;
    check_rank_refused(&message, "now_ms");

    message = rank_request(ids, 1);
    message.response_form = (Reelrank__V1__ResponseForm)3;
    check_rank_refused(&message, "response_form");
}

static void rank_request_texts_name_their_field(void)
{
    static char long_id[LIMIT_ID_BYTES + 2];
    memset(long_id, 'x', LIMIT_ID_BYTES + 1);
    char *ids[] = {(char *)"v", long_id};

    Reelrank__V1__RankRequest message = rank_request(ids, 2);
    check_rank_refused(&message, "candidate_ids[1]");
    long_id[LIMIT_ID_BYTES] = '\0';
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));

    ids[1] = (char *)"\xff";
    check_rank_refused(&message, "candidate_ids[1]");
    ids[1] = (char *)"";
    check_rank_refused(&message, "candidate_ids[1]");

    message = rank_request(ids, 1);
    message.locale = (char *)"";
    check_rank_refused(&message, "locale");
    message.locale = (char *)"h";
    check_rank_refused(&message, "locale");

    message = rank_request(ids, 1);
    message.region = (char *)"IND";
    check_rank_refused(&message, "region");

    message = rank_request(ids, 1);
    char *languages[] = {(char *)"english!"};
    message.languages = languages;
    message.n_languages = 1;
    check_rank_refused(&message, "languages");
}

static void candidates_come_in_one_form_only(void)
{
    char *ids[] = {(char *)"v"};
    uint64_t keys[] = {1};
    Reelrank__V1__RankRequest message = rank_request(ids, 1);
    message.candidate_keys = keys;
    message.n_candidate_keys = 1;
    check_rank_refused(&message, "just one of");
}

static void retrieval_score_must_be_finite(void)
{
    Reelrank__V1__Candidate candidate = REELRANK__V1__CANDIDATE__INIT;
    Reelrank__V1__Candidate *candidates[] = {&candidate};
    candidate.video_id = (char *)"v";
    candidate.retrieval_score = NAN;
    Reelrank__V1__RankRequest message = rank_request(NULL, 0);
    message.candidates = candidates;
    message.n_candidates = 1;
    check_rank_refused(&message, "retrieval_score");
}

static void sources_become_keys(void)
{
    Reelrank__V1__Candidate items[2] = {REELRANK__V1__CANDIDATE__INIT,
                                        REELRANK__V1__CANDIDATE__INIT};
    Reelrank__V1__Candidate *candidates[] = {&items[0], &items[1]};
    items[0].video_id = (char *)"v";
    items[1].video_id = (char *)"w";
    items[1].source = (char *)"trending";
    Reelrank__V1__RankRequest message = rank_request(NULL, 0);
    message.candidates = candidates;
    message.n_candidates = 2;
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));
    CHECK_EQ(0, request.source_keys[0]); /* none is named */
    CHECK_EQ(hash_key(text_of("trending")), request.source_keys[1]);
    char *ids[] = {(char *)"v"};
    message = rank_request(ids, 1);
    CHECK_EQ(STATUS_OK, wire_rank_request(&message, NOW_MS, scratch(), &request, &problem));
    CHECK(request.source_keys == NULL);
}

static const struct weights_chosen chosen = {.version = "w@0", .arms = ""};

/* Of three features one is missing at the second of two positions. */
static void features_that_are_missing_are_left_out(void)
{
    enum feature features[] = {FEATURE_AGE_HOURS, FEATURE_QUALITY, FEATURE_TASTE};
    double values[] = {1, 0.5, -0.25, 2, NAN, 0.75};
    uint32_t order[] = {1, 0};
    double numbers[] = {2, 1};
    struct rank_term terms[2 * TERM_COUNT] = {{0}};
    struct rank_result result = {.count = 2,
                                 .order = order,
                                 .scores = numbers,
                                 .propensities = numbers,
                                 .terms = terms,
                                 .feature_count = 3,
                                 .features = features,
                                 .feature_values = values};
    char *ids[] = {(char *)"v", (char *)"w"};
    Reelrank__V1__RankRequest message = rank_request(ids, 2);
    struct rank_request request = {.count = 2, .now_ms = NOW_MS};
    request.keys = (const uint64_t[]){1, 2};
    Reelrank__V1__RankResponse *response = NULL;
    CHECK_EQ(STATUS_OK,
             wire_rank_response(&message, &request, &result, &chosen, "r", scratch(), &response));
    CHECK_EQ(3, response->slate[0]->n_features);
    CHECK_STR("quality", response->slate[0]->features[1]->name);
    CHECK(fabs(0.5 - response->slate[0]->features[1]->value) < 1e-12);
    CHECK_EQ(2, response->slate[1]->n_features);
    CHECK_STR("age_hours", response->slate[1]->features[0]->name);
    CHECK_STR("taste", response->slate[1]->features[1]->name);
    CHECK(fabs(0.75 - response->slate[1]->features[1]->value) < 1e-12);
}

static void small_arena_is_reported(void)
{
    static char memory[16];
    struct arena arena;
    arena_init(&arena, memory, sizeof(memory));
    char *ids[] = {(char *)"a", (char *)"b", (char *)"c"};
    Reelrank__V1__RankRequest message = rank_request(ids, 3);
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_NO_MEMORY, wire_rank_request(&message, NOW_MS, &arena, &request, &problem));
}

static uint64_t seed_of(const Reelrank__V1__RankRequest *message, int64_t clock_ms)
{
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_rank_request(message, clock_ms, scratch(), &request, &problem));
    return request.seed;
}

static void retries_draw_the_same_and_other_screens_do_not(void)
{
    char *ids[] = {"v1", "v2"};
    Reelrank__V1__RankRequest message = rank_request(ids, 2);
    uint64_t first = seed_of(&message, NOW_MS);
    CHECK(first == seed_of(&message, NOW_MS));
    CHECK(first != seed_of(&message, NOW_MS + 1));
    message.now_ms = NOW_MS;
    CHECK(first == seed_of(&message, NOW_MS + 1));
    message.now_ms = 0;
    message.request_id = "r1";
    uint64_t named = seed_of(&message, NOW_MS);
    CHECK(named != first);
    CHECK(named == seed_of(&message, NOW_MS + 1));
    message.user_id = "u2";
    CHECK(named != seed_of(&message, NOW_MS));
    message.user_id = "";
    message.n_candidate_ids = 1;
    CHECK(named != seed_of(&message, NOW_MS));
}

/* Two positions, the second moved by two rules. */
static void moves_are_told_where_there_are_any(void)
{
    char *ids[] = {"v1", "v2"};
    Reelrank__V1__RankRequest message = rank_request(ids, 2);
    uint32_t order[] = {1, 0};
    double numbers[] = {1, 0.5};
    struct slate_moves moves[] = {
        {.count = 0},
        {.count = 2, .items = {{SLATE_CREATOR_CAP, 1}, {SLATE_EXPLORE, 1}}},
    };
    struct rank_result result = {
        .count = 2, .order = order, .scores = numbers, .propensities = numbers, .moves = moves};
    struct rank_request request = {.now_ms = NOW_MS};
    Reelrank__V1__RankResponse *response = NULL;
    CHECK_EQ(STATUS_OK,
             wire_rank_response(&message, &request, &result, &chosen, "r", scratch(), &response));
    CHECK_EQ(0, response->slate[0]->n_moves);
    CHECK_EQ(2, response->slate[1]->n_moves);
    CHECK_STR("creator_cap", response->slate[1]->moves[0]->rule);
    CHECK_STR("explore", response->slate[1]->moves[1]->rule);
    CHECK_EQ(1, response->slate[1]->moves[1]->from_position);
    CHECK(response->slate[1]->propensity < 0.6);
}

static void good_signal_is_accepted(void)
{
    Reelrank__V1__Signal message = signal_message();
    message.locale = (char *)"ru-RU";
    struct signal signal;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_signal(&message, NOW_MS, &signal, &problem));
    CHECK_EQ(SIGNAL_LIKE, signal.type);
    CHECK(signal.video_key == hash_key(text_of("v")));
    CHECK_EQ(0, signal.ranking_key);
}

static void bad_signals_name_their_field(void)
{
    Reelrank__V1__Signal message = signal_message();
    message.user_id = (char *)"";
    check_signal_refused(&message, "user_id");
    message = signal_message();
    message.video_id = (char *)"";
    check_signal_refused(&message, "video_id");
    message = signal_message();
    message.type = (Reelrank__V1__SignalType)0;
    check_signal_refused(&message, "type");
    message.type = (Reelrank__V1__SignalType)SIGNAL_TYPE_END;
    check_signal_refused(&message, "type");
    message = signal_message();
    message.time_ms = 0;
    check_signal_refused(&message, "time_ms");
    message.time_ms = (int64_t)NOW_MS + LIMIT_FUTURE_MS + 1;
    check_signal_refused(&message, "time_ms");
    message = signal_message();
    message.watch_ms = LIMIT_DURATION_MS + 1;
    check_signal_refused(&message, "watch_ms");
    message = signal_message();
    message.video_duration_ms = -1;
    check_signal_refused(&message, "video_duration_ms");
    message = signal_message();
    message.locale = (char *)"-";
    check_signal_refused(&message, "locale");
}

/* The log holds what was accepted under an earlier clock. */
static void reading_back_does_not_ask_the_clock(void)
{
    Reelrank__V1__Signal message = signal_message();
    message.time_ms = LIMIT_TIME_MS;
    struct signal signal;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_signal(&message, 0, &signal, &problem));
    message.time_ms = LIMIT_TIME_MS + 1;
    CHECK_EQ(STATUS_INVALID, wire_signal(&message, 0, &signal, &problem));
}

static void video_facts_are_sorted_out(void)
{
    Reelrank__V1__Video message = REELRANK__V1__VIDEO__INIT;
    char *regions[] = {(char *)"RU", (char *)"IN", (char *)"ru"};
    message.video_id = (char *)"v";
    message.regions_allowed = regions;
    message.n_regions_allowed = 3;
    struct video_facts facts;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_video(&message, &facts, &problem));
    CHECK_EQ(SAFETY_UNRATED, facts.safety); /* silence is no rating */
    CHECK_EQ(0, facts.creator_key);
    CHECK_EQ(2, facts.regions_allowed.count);
    CHECK(facts.regions_allowed.regions[0] < facts.regions_allowed.regions[1]);
}

static void embeddings_are_taken_in_8_bits_a_component(void)
{
    Reelrank__V1__Video message = REELRANK__V1__VIDEO__INIT;
    float values[LIMIT_VIDEO_EMBEDDING + 1] = {-4, 2};
    struct video_facts facts;
    struct problem problem;
    message.video_id = (char *)"v";
    message.embedding = values;
    message.n_embedding = LIMIT_VIDEO_EMBEDDING;
    CHECK_EQ(STATUS_OK, wire_video(&message, &facts, &problem));
    CHECK_EQ(LIMIT_VIDEO_EMBEDDING, facts.embedding.size);
    CHECK_EQ(-127, facts.embedding.values[0]);
    CHECK_EQ(64, facts.embedding.values[1]);
    message.n_embedding = LIMIT_VIDEO_EMBEDDING + 1;
    check_video_refused(&message, "embedding");
}

static void bad_videos_name_their_field(void)
{
    Reelrank__V1__Video good = REELRANK__V1__VIDEO__INIT;
    good.video_id = (char *)"v";

    Reelrank__V1__Video message = good;
    message.video_id = (char *)"";
    check_video_refused(&message, "video_id");
    message = good;
    message.quality = 1.5;
    check_video_refused(&message, "quality");
    message.quality = NAN;
    check_video_refused(&message, "quality");
    message = good;
    message.safety_rating = (Reelrank__V1__SafetyRating)6;
    check_video_refused(&message, "safety_rating");
    message = good;
    message.minimum_age_years = LIMIT_MINIMUM_AGE_YEARS + 1;
    check_video_refused(&message, "minimum_age_years");
    message = good;
    message.duration_ms = -1;
    check_video_refused(&message, "duration_ms");
    message = good;
    char *many[] = {(char *)"a", (char *)"b", (char *)"c", (char *)"d", (char *)"e"};
    message.categories = many;
    message.n_categories = 5;
    check_video_refused(&message, "categories");
    message = good;
    char *regions[] = {(char *)"I"};
    message.regions_forbidden = regions;
    message.n_regions_forbidden = 1;
    check_video_refused(&message, "regions_forbidden");
    message = good;
    float embedding[] = {INFINITY};
    message.embedding = embedding;
    message.n_embedding = 1;
    check_video_refused(&message, "embedding");
}

/*
 * Appends a field to a message as protobuf-c reads it. number and wire type are the key; what
 * protobuf-c makes of it is for those who check.
 */
static ProtobufCMessage *with_field(const ProtobufCMessage *message, const uint8_t *field,
                                    size_t size)
{
    uint8_t bytes[256];
    size_t packed = protobuf_c_message_pack(message, bytes);
    memcpy(bytes + packed, field, size);
    ProtobufCMessage *out =
        protobuf_c_message_unpack(message->descriptor, NULL, packed + size, bytes);
    CHECK(out != NULL);
    CHECK_EQ(1, out->n_unknown_fields);
    return out;
}

static const uint8_t field_zero[] = {0x80, 0x00, 0x01}; /* not {0x00, 0x01}, which is refused */

/* What would be stored could not be read again. */
static void fields_with_number_0_are_refused(void)
{
    Reelrank__V1__Signal signal = signal_message();
    ProtobufCMessage *read = with_field(&signal.base, field_zero, sizeof(field_zero));
    check_signal_refused((Reelrank__V1__Signal *)read, "signal has a field with the number 0");
    protobuf_c_message_free_unpacked(read, NULL);

    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)"v";
    read = with_field(&video.base, field_zero, sizeof(field_zero));
    check_video_refused((Reelrank__V1__Video *)read, "video has a field with the number 0");
    protobuf_c_message_free_unpacked(read, NULL);

    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    request.locale = (char *)"hi-IN";
    read = with_field(&request.base, field_zero, sizeof(field_zero));
    check_rank_refused((Reelrank__V1__RankRequest *)read, "request has a field with the number 0");
    protobuf_c_message_free_unpacked(read, NULL);

    Reelrank__V1__Candidate candidate = REELRANK__V1__CANDIDATE__INIT;
    candidate.video_id = (char *)"v";
    read = with_field(&candidate.base, field_zero, sizeof(field_zero));
    request.candidates = (Reelrank__V1__Candidate *[]){(Reelrank__V1__Candidate *)read};
    request.n_candidates = 1;
    check_rank_refused(&request, "candidates has a field with the number 0");
    protobuf_c_message_free_unpacked(read, NULL);
}

/* A newer client's; what it says is stored for a newer server. */
static void fields_that_are_not_known_are_kept(void)
{
    static const uint8_t field[] = {0xF8, 0x7F, 0x01}; /* number 2047 */
    Reelrank__V1__Signal message = signal_message();
    ProtobufCMessage *read = with_field(&message.base, field, sizeof(field));
    struct signal signal;
    struct problem problem;
    CHECK_EQ(STATUS_OK, wire_signal((Reelrank__V1__Signal *)read, NOW_MS, &signal, &problem));
    uint8_t bytes[256];
    size_t size = protobuf_c_message_pack(read, bytes);
    CHECK(memcmp(bytes + size - sizeof(field), field, sizeof(field)) == 0);
    protobuf_c_message_free_unpacked(read, NULL);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(rank_request_becomes_keys_and_locale),
        TEST(empty_request_is_a_visitor_without_candidates),
        TEST(rank_request_limits_name_their_field),
        TEST(rank_request_texts_name_their_field),
        TEST(candidates_come_in_one_form_only),
        TEST(retrieval_score_must_be_finite),
        TEST(sources_become_keys),
        TEST(features_that_are_missing_are_left_out),
        TEST(small_arena_is_reported),
        TEST(retries_draw_the_same_and_other_screens_do_not),
        TEST(moves_are_told_where_there_are_any),
        TEST(good_signal_is_accepted),
        TEST(bad_signals_name_their_field),
        TEST(reading_back_does_not_ask_the_clock),
        TEST(video_facts_are_sorted_out),
        TEST(embeddings_are_taken_in_8_bits_a_component),
        TEST(bad_videos_name_their_field),
        TEST(fields_with_number_0_are_refused),
        TEST(fields_that_are_not_known_are_kept),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
