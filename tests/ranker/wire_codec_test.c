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

static Reelrank__V1__Signal a_signal(void)
{
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)"event-1";
    signal.user_id = (char *)"user";
    signal.video_id = (char *)"a-video-of-many";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
    signal.time_ms = INT64_C(1700000000000);
    signal.watch_ms = 12000;
    signal.video_duration_ms = 15000;
    signal.locale = (char *)"hi-IN";
    signal.ranking_id = (char *)"r";
    signal.position = 3;
    return signal;
}

static void signals_are_what_was_sent(void)
{
    Reelrank__V1__Signal first = a_signal();
    Reelrank__V1__Signal second = REELRANK__V1__SIGNAL__INIT;
    Reelrank__V1__Signal *signals[] = {&first, &second};
    Reelrank__V1__StreamSignalsRequest message = REELRANK__V1__STREAM_SIGNALS_REQUEST__INIT;
    message.batch_id = 700;
    message.signals = signals;
    message.n_signals = 2;
    const Reelrank__V1__StreamSignalsRequest *read =
        (const Reelrank__V1__StreamSignalsRequest *)wire_unpack(
            &reelrank__v1__stream_signals_request__descriptor, packed(&message.base), scratch(),
            NULL);
    CHECK(read != NULL);
    CHECK_EQ(700, read->batch_id);
    CHECK_EQ(2, read->n_signals);
    const Reelrank__V1__Signal *signal = read->signals[0];
    CHECK_STR("event-1", signal->event_id);
    CHECK_STR("user", signal->user_id);
    CHECK_STR("a-video-of-many", signal->video_id);
    CHECK_EQ(REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, signal->type);
    CHECK_EQ(INT64_C(1700000000000), signal->time_ms);
    CHECK_EQ(12000, signal->watch_ms);
    CHECK_EQ(15000, signal->video_duration_ms);
    CHECK_STR("hi-IN", signal->locale);
    CHECK_STR("r", signal->ranking_id);
    CHECK_EQ(3, signal->position);
    CHECK_STR("", read->signals[1]->user_id);
    CHECK_EQ(0, read->signals[1]->time_ms);
}

/* Reads a RecordSignalsRequest of one signal with these bytes, at most 127. */
static const Reelrank__V1__Signal *read_signal(struct text bytes, struct wire_notes *notes)
{
    static char message[2 + 127];
    CHECK(bytes.size <= 127);
    message[0] = 1 << 3 | 2;
    message[1] = (char)bytes.size;
    memcpy(message + 2, bytes.data, bytes.size);
    const Reelrank__V1__RecordSignalsRequest *read =
        (const Reelrank__V1__RecordSignalsRequest *)wire_unpack(
            &reelrank__v1__record_signals_request__descriptor,
            (struct text){message, 2 + bytes.size}, scratch(), notes);
    CHECK(read != NULL);
    CHECK_EQ(1, read->n_signals);
    return read->signals[0];
}

static void the_bytes_of_a_signal_are_noted(void)
{
    Reelrank__V1__Signal signal = a_signal();
    struct text bytes = packed(&signal.base);
    struct wire_notes notes;
    (void)read_signal(bytes, &notes);
    CHECK(notes.signals != NULL);
    CHECK(text_equal(bytes, notes.signals[0].packed));
    CHECK_EQ(hash_key(text_of("user")), notes.signals[0].user_key);
    CHECK_EQ(hash_key(text_of("a-video-of-many")), notes.signals[0].video_key);
    CHECK_EQ(hash_key(text_of("r")), notes.signals[0].ranking_key);
}

/* Each is a user "u", a video "v" and the type 1, but with something that nobody would write. */
static void signals_that_would_be_written_otherwise_are_not_noted(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
#define CASE(bytes) {(bytes), sizeof(bytes) - 1}
        CASE("\x1a\x01v\x12\x01u\x20\x01"),                 /* not by number */
        CASE("\x12\x01u\x12\x01u\x1a\x01v\x20\x01"),        /* twice */
        CASE("\x0a\x00\x12\x01u\x1a\x01v\x20\x01"),         /* an empty text */
        CASE("\x12\x01u\x1a\x01v\x20\x01\x30\x00"),         /* a zero */
        CASE("\x12\x01u\x1a\x01v\x20\x81\x00"),             /* a longer number than need be */
        CASE("\x12\x01u\x1a\x01v\x20\x81\x80\x80\x80\x10"), /* one of more than 32 bits */
        CASE("\x12\x03u\0x\x1a\x01v\x20\x01"),              /* a zero byte */
#undef CASE
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire_notes notes;
        const Reelrank__V1__Signal *signal =
            read_signal((struct text){cases[i].bytes, cases[i].size}, &notes);
        CHECK_STR("u", signal->user_id);
        CHECK_STR("v", signal->video_id);
        CHECK_EQ(1, signal->type);
        CHECK_EQ(0, notes.signals[0].packed.size);
    }
}

static void texts_of_signals_that_need_a_look_are_not_noted(void)
{
    char locale[LIMIT_LOCALE_BYTES + 2];
    Reelrank__V1__Signal signal = a_signal();
    struct wire_notes notes;
    memset(locale, 'a', sizeof(locale));
    locale[LIMIT_LOCALE_BYTES + 1] = '\0';
    signal.locale = locale;
    (void)read_signal(packed(&signal.base), &notes);
    CHECK_EQ(0, notes.signals[0].packed.size);
    signal = a_signal();
    signal.user_id = (char *)"\xd1\x8e";
    (void)read_signal(packed(&signal.base), &notes);
    CHECK_EQ(0, notes.signals[0].packed.size);
    signal = a_signal();
    signal.video_id = (char *)"";
    (void)read_signal(packed(&signal.base), &notes);
    CHECK_EQ(0, notes.signals[0].packed.size);
}

static void unknown_fields_of_signals_are_kept(void)
{
    struct wire_notes notes;
    const Reelrank__V1__Signal *signal =
        read_signal(text_of("\x12\x01u\x1a\x01v\x20\x01\x78\x05"), &notes);
    CHECK_EQ(1, signal->base.n_unknown_fields);
    CHECK(notes.signals == NULL);
}

static void outcomes_have_the_same_bytes(void)
{
    Reelrank__V1__SignalResult accepted = REELRANK__V1__SIGNAL_RESULT__INIT;
    Reelrank__V1__SignalResult rejected = REELRANK__V1__SIGNAL_RESULT__INIT;
    Reelrank__V1__SignalResult nothing = REELRANK__V1__SIGNAL_RESULT__INIT;
    Reelrank__V1__SignalResult *results[] = {&accepted, &rejected, &nothing};
    char reason[201];
    memset(reason, 'x', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    accepted.outcome = REELRANK__V1__SIGNAL_OUTCOME__SIGNAL_OUTCOME_ACCEPTED;
    rejected.outcome = REELRANK__V1__SIGNAL_OUTCOME__SIGNAL_OUTCOME_REJECTED;
    rejected.reason = reason;
    Reelrank__V1__RecordSignalsResponse record = REELRANK__V1__RECORD_SIGNALS_RESPONSE__INIT;
    check_written(&record.base);
    record.results = results;
    record.n_results = 3;
    record.accepted = 1;
    record.rejected = 200;
    record.state_sequence = UINT64_C(1) << 40;
    check_written(&record.base);
    Reelrank__V1__StreamSignalsResponse stream = REELRANK__V1__STREAM_SIGNALS_RESPONSE__INIT;
    stream.batch_id = UINT64_MAX;
    check_written(&stream.base);
    stream.results = results;
    stream.n_results = 2;
    stream.duplicate = 1;
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
    TEST(signals_are_what_was_sent),
    TEST(the_bytes_of_a_signal_are_noted),
    TEST(signals_that_would_be_written_otherwise_are_not_noted),
    TEST(texts_of_signals_that_need_a_look_are_not_noted),
    TEST(unknown_fields_of_signals_are_kept),
    TEST(outcomes_have_the_same_bytes),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
