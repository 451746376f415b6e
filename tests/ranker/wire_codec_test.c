#include "ranker/wire_codec.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "tests/test.h"

/* Both ways of reading and writing are compared on any bytes by tests/fuzz/codec_fuzz.c. */
enum { NOW_MS = 1000000000, ARENA_SIZE = 1 << 20 };

static char memory[ARENA_SIZE];
static struct arena arena;

static struct arena *scratch(void)
{
    arena_init(&arena, memory, sizeof(memory));
    return &arena;
}

static struct text packed(const ProtobufCMessage *message)
{
    static uint8_t bytes[1 << 18];
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof(bytes));
    return (struct text){(const char *)bytes, protobuf_c_message_pack(message, bytes)};
}

static const Reelrank__V1__RankRequest *unpack(struct text bytes, struct wire_notes *notes)
{
    return (const Reelrank__V1__RankRequest *)wire_unpack(&reelrank__v1__rank_request__descriptor,
                                                          bytes, scratch(), notes);
}

static const Reelrank__V1__RankRequest *again(const Reelrank__V1__RankRequest *message,
                                              struct wire_notes *notes)
{
    const Reelrank__V1__RankRequest *read = unpack(packed(&message->base), notes);
    CHECK(read != NULL);
    return read;
}

static Reelrank__V1__RankRequest request_of(char **ids, size_t count)
{
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    message.locale = (char *)"hi-IN";
    message.candidate_ids = ids;
    message.n_candidate_ids = count;
    return message;
}

static void request_is_what_was_sent(void)
{
    char *ids[] = {(char *)"a", (char *)"12345678", (char *)"a-longer-video-id"};
    char *languages[] = {(char *)"mr", (char *)"en"};
    Reelrank__V1__RankRequest message = request_of(ids, 3);
    message.request_id = (char *)"r";
    message.user_id = (char *)"u";
    message.languages = languages;
    message.n_languages = 2;
    message.region = (char *)"IN";
    message.age_years = 30;
    message.limit = 300;
    message.exclude_seen = 1;
    message.experiment = (char *)"x/y";
    message.explain = 1;
    message.now_ms = INT64_C(1700000000000);
    message.response_form = REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED;
    const Reelrank__V1__RankRequest *read = again(&message, NULL);
    CHECK_STR("r", read->request_id);
    CHECK_STR("u", read->user_id);
    CHECK_STR("hi-IN", read->locale);
    CHECK_EQ(2, read->n_languages);
    CHECK_STR("mr", read->languages[0]);
    CHECK_STR("en", read->languages[1]);
    CHECK_STR("IN", read->region);
    CHECK_EQ(30, read->age_years);
    CHECK_EQ(3, read->n_candidate_ids);
    CHECK_STR("a", read->candidate_ids[0]);
    CHECK_STR("12345678", read->candidate_ids[1]);
    CHECK_STR("a-longer-video-id", read->candidate_ids[2]);
    CHECK_EQ(300, read->limit);
    CHECK_EQ(1, read->exclude_seen);
    CHECK_STR("x/y", read->experiment);
    CHECK_EQ(1, read->explain);
    CHECK_EQ(INT64_C(1700000000000), read->now_ms);
    CHECK_EQ(REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED, read->response_form);
}

static void numeric_keys_are_what_was_sent(void)
{
    uint64_t keys[] = {1, UINT64_MAX, 3};
    struct wire_notes notes;
    Reelrank__V1__RankRequest message = request_of(NULL, 0);
    message.candidate_keys = keys;
    message.n_candidate_keys = 3;
    const Reelrank__V1__RankRequest *read = again(&message, &notes);
    CHECK_EQ(3, read->n_candidate_keys);
    CHECK_EQ(UINT64_MAX, read->candidate_keys[1]);
    CHECK_EQ(3, read->candidate_keys[2]);
    CHECK(notes.message == NULL);
}

static void keys_of_ids_are_noted(void)
{
    char *ids[] = {(char *)"a", (char *)"1234567", (char *)"12345678", (char *)"a-longer-video-id"};
    struct wire_notes notes;
    Reelrank__V1__RankRequest message = request_of(ids, 4);
    const Reelrank__V1__RankRequest *read = again(&message, &notes);
    CHECK(notes.message == &read->base);
    for (size_t i = 0; i < 4; i++) {
        CHECK(notes.id_keys[i] == hash_key(text_of(ids[i])));
    }
}

/* Empty, too long, of other letters, with a zero inside: the check decides on them. */
static void ids_that_need_a_look_are_not_noted(void)
{
    char longest[LIMIT_ID_BYTES + 2];
    memset(longest, 'v', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    char *const bad[] = {(char *)"", longest, (char *)"\xd0\xb2", (char *)"1234567\xd0\xb2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *ids[] = {(char *)"a", bad[i], (char *)"b"};
        struct wire_notes notes;
        Reelrank__V1__RankRequest message = request_of(ids, 3);
        const Reelrank__V1__RankRequest *read = again(&message, &notes);
        CHECK_STR(bad[i], read->candidate_ids[1]);
        CHECK(notes.message == NULL);
    }
    static const char zero_inside[] = "\x1a\x02hi\x42\x03"
                                      "a\0b";
    struct wire_notes notes;
    const Reelrank__V1__RankRequest *read =
        unpack((struct text){zero_inside, sizeof(zero_inside) - 1}, &notes);
    CHECK_STR("a", read->candidate_ids[0]);
    CHECK(notes.message == NULL);
}

static void more_ids_than_allowed_are_left_to_the_check(void)
{
    char *ids[LIMIT_CANDIDATES + 1];
    for (size_t i = 0; i <= LIMIT_CANDIDATES; i++) {
        ids[i] = (char *)"v";
    }
    struct wire_notes notes;
    Reelrank__V1__RankRequest message = request_of(ids, LIMIT_CANDIDATES);
    CHECK_EQ(LIMIT_CANDIDATES, again(&message, &notes)->n_candidate_ids);
    CHECK(notes.message != NULL);
    message.n_candidate_ids = LIMIT_CANDIDATES + 1;
    CHECK_EQ(LIMIT_CANDIDATES + 1, again(&message, &notes)->n_candidate_ids);
    CHECK(notes.message == NULL);
}

static void unknown_fields_are_kept(void)
{
    static const char bytes[] = "\x1a\x02hi\xf8\x06\x05\x42\x01v"; /* number 111 is 5 */
    const Reelrank__V1__RankRequest *read = unpack((struct text){bytes, sizeof(bytes) - 1}, NULL);
    CHECK_EQ(1, read->base.n_unknown_fields);
    CHECK_EQ(111, read->base.unknown_fields[0].tag);
    CHECK_STR("v", read->candidate_ids[0]);
}

static void what_comes_last_counts(void)
{
    static const char bytes[] = "\x1a\x02hi\x30\x05\x1a\x02ru\x30\x07";
    const Reelrank__V1__RankRequest *read = unpack((struct text){bytes, sizeof(bytes) - 1}, NULL);
    CHECK_STR("ru", read->locale);
    CHECK_EQ(7, read->age_years);
}

static void bytes_that_are_cut_off_are_refused(void)
{
    char *ids[] = {(char *)"video-1", (char *)"video-2"};
    Reelrank__V1__RankRequest message = request_of(ids, 2);
    struct text bytes = packed(&message.base);
    size_t refused = 0;
    for (size_t size = 0; size < bytes.size; size++) {
        refused += unpack((struct text){bytes.data, size}, NULL) == NULL;
    }
    CHECK_EQ(bytes.size - 3, refused); /* between fields it is a shorter message */
}

static void any_memory_suffices_or_is_told_to_be_short(void)
{
    char *ids[] = {(char *)"video-1", (char *)"video-2"};
    Reelrank__V1__RankRequest message = request_of(ids, 2);
    struct text bytes = packed(&message.base);
    struct wire_notes notes;
    size_t failures = 0;
    for (size_t size = 16; size < ARENA_SIZE; size += 16) {
        arena_init(&arena, memory, size);
        const Reelrank__V1__RankRequest *read = (const Reelrank__V1__RankRequest *)wire_unpack(
            &reelrank__v1__rank_request__descriptor, bytes, &arena, &notes);
        CHECK((read == NULL) == arena_full(&arena));
        if (read != NULL && notes.message != NULL) {
            CHECK(failures > 0);
            return;
        }
        failures += read == NULL;
    }
    CHECK(false); /* never was there enough */
}

static void notes_count_for_their_message_alone(void)
{
    char *ids[] = {(char *)"a", (char *)"b"};
    uint64_t wrong[] = {1, 2};
    Reelrank__V1__RankRequest message = request_of(ids, 2);
    Reelrank__V1__RankRequest other = message;
    struct wire_notes notes = {.message = &other.base, .id_keys = wrong};
    struct rank_request request;
    struct problem problem;
    CHECK_EQ(STATUS_OK,
             wire_rank_request_noted(&message, &notes, NOW_MS, scratch(), &request, &problem));
    CHECK(request.keys[0] == hash_key(text_of("a")));
    notes.message = &message.base;
    CHECK_EQ(STATUS_OK,
             wire_rank_request_noted(&message, &notes, NOW_MS, scratch(), &request, &problem));
    CHECK(request.keys == wrong);
}

static void requests_of_streams_are_noted_too(void)
{
    char *ids[] = {(char *)"a", (char *)"b"};
    Reelrank__V1__RankRequest message = request_of(ids, 2);
    Reelrank__V1__RankStreamRequest stream = REELRANK__V1__RANK_STREAM_REQUEST__INIT;
    stream.correlation_id = 77;
    stream.request = &message;
    struct wire_notes notes;
    const Reelrank__V1__RankStreamRequest *read =
        (const Reelrank__V1__RankStreamRequest *)wire_unpack(
            &reelrank__v1__rank_stream_request__descriptor, packed(&stream.base), scratch(),
            &notes);
    CHECK_EQ(77, read->correlation_id);
    CHECK_STR("b", read->request->candidate_ids[1]);
    CHECK(notes.message == &read->request->base);
    CHECK(notes.id_keys[1] == hash_key(text_of("b")));
}

/* In memory of just its size, so that sanitizers see a byte too many. */
static void check_written(const ProtobufCMessage *message)
{
    struct text theirs = packed(message);
    CHECK_EQ(theirs.size, wire_packed_size(message));
    uint8_t *ours = malloc(theirs.size);
    CHECK(ours != NULL);
    wire_pack(message, ours);
    CHECK(memcmp(ours, theirs.data, theirs.size) == 0);
    free(ours);
}

static void answers_have_the_same_bytes(void)
{
    uint32_t order[] = {0, 127, 128, 16383, 16384, 1 << 21, 1 << 28, UINT32_MAX, 200};
    float scores[] = {2.5F, 0, -1};
    double propensities[] = {1, 0.25};
    uint32_t dropped[] = {3, 300};
    Reelrank__V1__DropRule rules[] = {REELRANK__V1__DROP_RULE__DROP_RULE_UNKNOWN_VIDEO,
                                      REELRANK__V1__DROP_RULE__DROP_RULE_TAG};
    char *degraded[] = {(char *)"locale_default", (char *)"overload"};
    Reelrank__V1__RankResponse response = REELRANK__V1__RANK_RESPONSE__INIT;
    response.ranking_id = (char *)"0123456789abcdef0123456789abcdef";
    response.weights_version = (char *)"shipped@0011223344556677";
    check_written(&response.base);
    response.state_sequence = UINT64_MAX;
    response.experiment_arm = (char *)"x/y";
    response.degraded = degraded;
    response.n_degraded = 2;
    response.score = scores;
    response.n_score = 3;
    response.dropped_index = dropped;
    response.n_dropped_index = 2;
    response.dropped_rule = rules;
    response.n_dropped_rule = 2;
    response.now_ms = -1;
    response.propensity = propensities;
    response.n_propensity = 2;
    response.order = order;
    for (size_t count = 0; count <= sizeof(order) / sizeof(order[0]); count++) {
        response.n_order = count;
        check_written(&response.base);
    }
    Reelrank__V1__RankStreamResponse stream = REELRANK__V1__RANK_STREAM_RESPONSE__INIT;
    stream.correlation_id = 300;
    stream.result_case = REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_RESPONSE;
    stream.response = &response;
    check_written(&stream.base);
}

static void slates_and_errors_have_the_same_bytes(void)
{
    Reelrank__V1__RankedVideo video = REELRANK__V1__RANKED_VIDEO__INIT;
    Reelrank__V1__RankedVideo *slate[] = {&video};
    video.video_id = (char *)"v";
    video.score = 1;
    Reelrank__V1__RankResponse response = REELRANK__V1__RANK_RESPONSE__INIT;
    response.slate = slate;
    response.n_slate = 1;
    check_written(&response.base);
    Reelrank__V1__RankError error = REELRANK__V1__RANK_ERROR__INIT;
    error.code = 3;
    Reelrank__V1__RankStreamResponse stream = REELRANK__V1__RANK_STREAM_RESPONSE__INIT;
    stream.result_case = REELRANK__V1__RANK_STREAM_RESPONSE__RESULT_ERROR;
    stream.error = &error;
    check_written(&stream.base);
}

static const struct test tests[] = {
    TEST(request_is_what_was_sent),
    TEST(numeric_keys_are_what_was_sent),
    TEST(keys_of_ids_are_noted),
    TEST(ids_that_need_a_look_are_not_noted),
    TEST(more_ids_than_allowed_are_left_to_the_check),
    TEST(unknown_fields_are_kept),
    TEST(what_comes_last_counts),
    TEST(bytes_that_are_cut_off_are_refused),
    TEST(any_memory_suffices_or_is_told_to_be_short),
    TEST(notes_count_for_their_message_alone),
    TEST(requests_of_streams_are_noted_too),
    TEST(answers_have_the_same_bytes),
    TEST(slates_and_errors_have_the_same_bytes),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
