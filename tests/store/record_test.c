#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "store/payload.h"
#include "tests/test.h"

static const uint8_t PAYLOAD[] = {'a', 'b', 'c'};
static const struct record RECORD = {
    .kind = EVENT_SIGNAL,
    .appended_ms = 0x0102030405060708,
    .event_key = {.low = 0x1112131415161718, .high = 0x2122232425262728},
    .payload = PAYLOAD,
    .payload_size = sizeof(PAYLOAD),
};

enum { SIZE = RECORD_HEADER_SIZE + sizeof(PAYLOAD) };

static void layout_is_exact(void)
{
    static const uint8_t want[SIZE] = {
        1,    1,    0,    0,                            /* version, kind, zero */
        0xa8, 0x91, 0xb6, 0xe6,                         /* pinned: nobody adds this up by hand */
        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* appended_ms */
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, /* key, low half */
        0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, /* key, high half */
        'a',  'b',  'c',                                /* payload */
    };
    uint8_t bytes[SIZE];
    CHECK_EQ(SIZE, record_size(&RECORD));
    record_encode(&RECORD, bytes);
    for (size_t i = 0; i < SIZE; i++) {
        CHECK_EQ(want[i], bytes[i]);
    }
}

static void decoding_gives_back_what_was_encoded(void)
{
    uint8_t bytes[SIZE];
    struct record got;
    record_encode(&RECORD, bytes);
    CHECK_EQ(STATUS_OK, record_decode(bytes, sizeof(bytes), &got));
    CHECK_EQ(EVENT_SIGNAL, got.kind);
    CHECK_EQ(RECORD.appended_ms, got.appended_ms);
    CHECK_EQ(RECORD.event_key.low, got.event_key.low);
    CHECK_EQ(RECORD.event_key.high, got.event_key.high);
    CHECK_EQ(sizeof(PAYLOAD), got.payload_size);
    CHECK(got.payload == bytes + RECORD_HEADER_SIZE);
}

static void empty_and_large_payloads_round_trip(void)
{
    static const size_t sizes[] = {0, 1, 240, 241, 1 << 20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *payload = calloc(sizes[i] + 1, 1);
        uint8_t *bytes = malloc(RECORD_HEADER_SIZE + sizes[i]);
        CHECK(payload != NULL && bytes != NULL);
        struct record record = {.kind = EVENT_VIDEO,
                                .payload = sizes[i] > 0 ? payload : NULL,
                                .payload_size = sizes[i]};
        struct record got;
        record_encode(&record, bytes);
        CHECK_EQ(STATUS_OK, record_decode(bytes, record_size(&record), &got));
        CHECK_EQ(sizes[i], got.payload_size);
        CHECK(memcmp(got.payload, payload, sizes[i]) == 0);
        free(bytes);
        free(payload);
    }
}

static void every_flipped_bit_is_refused(void)
{
    uint8_t bytes[SIZE];
    struct record got;
    record_encode(&RECORD, bytes);
    for (size_t bit = 0; bit < 8 * SIZE; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        CHECK_EQ(STATUS_CORRUPT, record_decode(bytes, sizeof(bytes), &got));
        bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    CHECK_EQ(STATUS_OK, record_decode(bytes, sizeof(bytes), &got));
}

static void every_shorter_and_a_longer_size_is_refused(void)
{
    uint8_t bytes[SIZE + 1] = {0};
    struct record got;
    record_encode(&RECORD, bytes);
    for (size_t size = 0; size < SIZE; size++) {
        CHECK_EQ(STATUS_CORRUPT, record_decode(bytes, size, &got));
    }
    CHECK_EQ(STATUS_CORRUPT, record_decode(bytes, SIZE + 1, &got));
}

/* Makes the checksum right again, so that only the field itself can be at fault. */
static void seal(uint8_t bytes[SIZE])
{
    uint32_t seed = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                    (uint32_t)bytes[3] << 24;
    uint64_t sum = XXH3_64bits_withSeed(bytes + 8, SIZE - 8, seed);
    for (int i = 0; i < 4; i++) {
        bytes[4 + i] = (uint8_t)(sum >> (8 * i));
    }
}

static void sealed_but_unknown_fields_are_refused(void)
{
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 0}, {0, 2}, {1, 0}, {1, 4}, {2, 1}, {3, 1}, {1, EVENT_VIDEO}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[SIZE];
        struct record got;
        record_encode(&RECORD, bytes);
        bytes[cases[i].at] = cases[i].value;
        seal(bytes);
        CHECK_EQ(STATUS_CORRUPT, record_decode(bytes, sizeof(bytes), &got));
    }
}

static char memory[1 << 20];

/* Packs message as the payload of a record of this kind, and decodes it with size bytes of arena.
 */
static enum status event_of(enum event_kind kind, const ProtobufCMessage *message, size_t size,
                            struct event *out)
{
    static uint8_t payload[1 << 16];
    struct record record = {.kind = kind, .payload = payload};
    record.payload_size = protobuf_c_message_pack(message, payload);
    struct arena arena;
    arena_init(&arena, memory, size);
    return record_event(&record, &arena, out);
}

static Reelrank__V1__Signal some_signal(void)
{
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.user_id = "u";
    signal.video_id = "v";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
    signal.time_ms = 123456;
    signal.watch_ms = 4000;
    return signal;
}

static void signal_payload_becomes_a_signal(void)
{
    Reelrank__V1__Signal signal = some_signal();
    struct event event;
    CHECK_EQ(STATUS_OK, event_of(EVENT_SIGNAL, &signal.base, sizeof(memory), &event));
    CHECK_EQ(EVENT_SIGNAL, event.kind);
    CHECK_EQ(hash_key(text_of("u")), event.u.signal.user_key);
    CHECK_EQ(hash_key(text_of("v")), event.u.signal.video_key);
    CHECK_EQ(SIGNAL_WATCH, event.u.signal.type);
    CHECK_EQ(123456, event.u.signal.time_ms);
    CHECK_EQ(4000, event.u.signal.watch_ms);
}

/* The log is history: what was accepted stays, whatever the clock says now. */
static void signals_far_ahead_of_any_clock_are_read_back(void)
{
    Reelrank__V1__Signal signal = some_signal();
    signal.time_ms = INT64_C(4000000000000);
    struct event event;
    CHECK_EQ(STATUS_OK, event_of(EVENT_SIGNAL, &signal.base, sizeof(memory), &event));
    CHECK_EQ(INT64_C(4000000000000), event.u.signal.time_ms);
}

static void video_payload_becomes_facts_with_its_hash(void)
{
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = "v";
    video.duration_ms = 15000;
    uint8_t packed[64];
    size_t size = protobuf_c_message_pack(&video.base, packed);
    struct event event;
    CHECK_EQ(STATUS_OK, event_of(EVENT_VIDEO, &video.base, sizeof(memory), &event));
    CHECK_EQ(EVENT_VIDEO, event.kind);
    CHECK_EQ(hash_key(text_of("v")), event.u.video.key);
    CHECK_EQ(15000, event.u.video.duration_ms);
    CHECK_EQ(XXH3_64bits(packed, size), event.u.video.content_hash);
}

static void deletion_payload_becomes_a_key(void)
{
    Reelrank__V1__DeleteVideo deletion = REELRANK__V1__DELETE_VIDEO__INIT;
    deletion.video_id = "v";
    struct event event;
    CHECK_EQ(STATUS_OK, event_of(EVENT_VIDEO_DELETED, &deletion.base, sizeof(memory), &event));
    CHECK_EQ(EVENT_VIDEO_DELETED, event.kind);
    CHECK_EQ(hash_key(text_of("v")), event.u.deleted_video_key);
}

static void payloads_that_break_the_contract_are_corrupt(void)
{
    struct event event;
    Reelrank__V1__Signal signal = some_signal();
    signal.user_id = "";
    CHECK_EQ(STATUS_CORRUPT, event_of(EVENT_SIGNAL, &signal.base, sizeof(memory), &event));

    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    CHECK_EQ(STATUS_CORRUPT, event_of(EVENT_VIDEO, &video.base, sizeof(memory), &event));

    static char long_id[130];
    memset(long_id, 'x', 129);
    const struct {
        char *id;
        enum status want;
    } ids[] = {{"", STATUS_CORRUPT},
               {"\xff", STATUS_CORRUPT},
               {long_id, STATUS_CORRUPT},
               {long_id + 1, STATUS_OK}};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        Reelrank__V1__DeleteVideo deletion = REELRANK__V1__DELETE_VIDEO__INIT;
        deletion.video_id = ids[i].id;
        CHECK_EQ(ids[i].want,
                 event_of(EVENT_VIDEO_DELETED, &deletion.base, sizeof(memory), &event));
    }
}

static void bytes_that_are_no_message_are_corrupt(void)
{
    static const enum event_kind kinds[] = {EVENT_SIGNAL, EVENT_VIDEO,  EVENT_VIDEO_DELETED,
                                            EVENT_FORGET, EVENT_RETIRE, EVENT_ERASED};
    static const uint8_t cut[] = {0x0a, 5, 'x'}; /* field 1 says 5 bytes and has 1 */
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct record record = {.kind = kinds[i], .payload = cut, .payload_size = sizeof(cut)};
        struct arena arena;
        struct event event;
        arena_init(&arena, memory, sizeof(memory));
        CHECK_EQ(STATUS_CORRUPT, record_event(&record, &arena, &event));
    }
}

/* Raise the arena until it suffices: no budget is taken for corruption. */
static void small_arenas_are_told_from_bad_bytes(void)
{
    char *languages[] = {"hi", "en"};
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = "v";
    video.languages = languages;
    video.n_languages = 2;
    struct event event;
    size_t budget = 0;
    enum status status = event_of(EVENT_VIDEO, &video.base, budget, &event);
    while (status != STATUS_OK) {
        CHECK_EQ(STATUS_NO_MEMORY, status);
        budget += 8;
        status = event_of(EVENT_VIDEO, &video.base, budget, &event);
    }
    CHECK(budget >= sizeof(video));
}

static enum status put_back(enum event_kind kind, uint64_t user_key, const uint8_t *payload,
                            size_t size, struct event *out)
{
    struct record record = {
        .kind = kind, .event_key = {.low = user_key}, .payload = payload, .payload_size = size};
    struct arena arena;
    arena_init(&arena, memory, sizeof(memory));
    return record_event(&record, &arena, out);
}

static void forgetting_round_trips_with_its_key_in_the_record(void)
{
    uint8_t payload[PAYLOAD_SIZE_MAX];
    struct forgetting forget = {.user_key = 77, .time_ms = 1700000000000};
    size_t size = payload_put_forget(&forget, payload);
    struct event event;
    CHECK_EQ(STATUS_OK, put_back(EVENT_FORGET, 77, payload, size, &event));
    CHECK_EQ(EVENT_FORGET, event.kind);
    CHECK_EQ(77, event.u.forget.user_key);
    CHECK_EQ(1700000000000, event.u.forget.time_ms);
    CHECK_EQ(STATUS_CORRUPT, put_back(EVENT_FORGET, 78, payload, size, &event));
    forget.user_key = 0;
    size = payload_put_forget(&forget, payload);
    CHECK_EQ(STATUS_CORRUPT, put_back(EVENT_FORGET, 0, payload, size, &event));
}

static void full_and_empty_retirements_round_trip(void)
{
    uint8_t payload[PAYLOAD_SIZE_MAX];
    struct event event;
    struct retirement retire = {.user_count = LIMIT_RETIRED,
                                .statistics_count = LIMIT_RETIRED,
                                .video_count = LIMIT_RETIRED};
    for (unsigned i = 0; i < LIMIT_RETIRED; i++) {
        retire.user_keys[i] = UINT64_MAX - i;
        retire.video_keys[i] = i + 1;
        retire.statistics[i] = (struct retired_statistics){
            .video_key = i + 5, .kind = SCOPE_LANGUAGE, .code = (uint16_t)(UINT16_MAX - i)};
    }
    size_t size = payload_put_retire(&retire, payload);
    CHECK_EQ(STATUS_OK, put_back(EVENT_RETIRE, 0, payload, size, &event));
    for (unsigned i = 0; i < LIMIT_RETIRED; i++) {
        CHECK(event.u.retire.user_keys[i] == retire.user_keys[i]);
        CHECK(event.u.retire.video_keys[i] == retire.video_keys[i]);
        CHECK(event.u.retire.statistics[i].video_key == retire.statistics[i].video_key);
        CHECK(event.u.retire.statistics[i].kind == retire.statistics[i].kind);
        CHECK(event.u.retire.statistics[i].code == retire.statistics[i].code);
    }
    CHECK_EQ(STATUS_OK, put_back(EVENT_RETIRE, 0, payload, 0, &event));
    CHECK_EQ(0, event.u.retire.user_count);
    retire.statistics[0] = (struct retired_statistics){.video_key = 1, .code = 5}; /* global */
    size = payload_put_retire(&retire, payload);
    CHECK_EQ(STATUS_CORRUPT, put_back(EVENT_RETIRE, 0, payload, size, &event));
}

static void erased_signals_round_trip(void)
{
    uint8_t payload[PAYLOAD_SIZE_MAX];
    struct event event;
    struct effect effect = {.video_key = 9,
                            .tick = 4000000,
                            .region = 300,
                            .delta = {.watch_ms = 4321},
                            .watched = true,
                            .watch_bin_before = -1,
                            .watch_bin_after = WATCH_BIN_COUNT - 1,
                            .watch_bucket = 3,
                            .watch_region = 300};
    effect.delta.counts[COUNTER_LIKES] = -1;
    effect.delta.counts[COUNTER_COMMENTS] = 1;
    size_t size = payload_put_erased(&effect, payload);
    CHECK_EQ(STATUS_OK, put_back(EVENT_ERASED, 0, payload, size, &event));
    const struct effect *got = &event.u.erased;
    CHECK(got->video_key == 9 && got->tick == 4000000 && got->region == 300 && got->language == 0);
    CHECK(memcmp(&got->delta, &effect.delta, sizeof(effect.delta)) == 0);
    CHECK(got->watched && got->watch_bin_before == -1 && got->watch_bin_after == 63);
    CHECK(got->watch_bucket == 3 && got->watch_region == 300);
    effect.watched = false;
    size = payload_put_erased(&effect, payload);
    CHECK_EQ(STATUS_OK, put_back(EVENT_ERASED, 0, payload, size, &event));
    CHECK(!event.u.erased.watched && event.u.erased.watch_region == 0);
    effect.delta.counts[0] = 2;
    size = payload_put_erased(&effect, payload);
    CHECK_EQ(STATUS_CORRUPT, put_back(EVENT_ERASED, 0, payload, size, &event));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(layout_is_exact),
        TEST(decoding_gives_back_what_was_encoded),
        TEST(empty_and_large_payloads_round_trip),
        TEST(every_flipped_bit_is_refused),
        TEST(every_shorter_and_a_longer_size_is_refused),
        TEST(sealed_but_unknown_fields_are_refused),
        TEST(signal_payload_becomes_a_signal),
        TEST(signals_far_ahead_of_any_clock_are_read_back),
        TEST(video_payload_becomes_facts_with_its_hash),
        TEST(deletion_payload_becomes_a_key),
        TEST(forgetting_round_trips_with_its_key_in_the_record),
        TEST(full_and_empty_retirements_round_trip),
        TEST(erased_signals_round_trip),
        TEST(payloads_that_break_the_contract_are_corrupt),
        TEST(bytes_that_are_no_message_are_corrupt),
        TEST(small_arenas_are_told_from_bad_bytes),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
