#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "tests/fault/calls.h"
#include "tests/server/whole_service.h"
#include "tests/test.h"

/*
 * Every method under every amount of memory from none until it succeeds, so that each allocation of
 * a request gets its turn to be the one that fails.
 */
enum { ARENA_SIZE = 8 << 20, STEP = 16 };

static const int64_t now_ms = INT64_C(1700000000000);

struct request {
    const char *method;
    const char *json;
};

#define SIGNAL(video, type)                                                            \
    "{\"user_id\":\"u\",\"video_id\":\"" video "\",\"type\":\"SIGNAL_TYPE_" type "\"," \
    "\"time_ms\":1699999990000,\"watch_ms\":4000}"
#define VIDEO(id)                                                                                 \
    "{\"video_id\":\"" id "\",\"creator_id\":\"c\",\"languages\":[\"hi\"],\"duration_ms\":10000," \
    "\"tags\":[\"t\"],\"embedding\":[0.5,-1],\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}"
#define SMALL_WEIGHTS "\"version: s\\nvalue: {like: 4}\\n\""

/* In an order in which each has something to find. */
static const struct request requests[] = {
    {"UpsertVideos", "{\"videos\":[" VIDEO("a") "," VIDEO("b") "," VIDEO("d") "]}"},
    {"UpsertVideos",
     "{\"videos\":[{\"video_id\":\"a\",\"title\":\"T\"}],\"update_fields\":[\"title\"]}"},
    {"RecordSignals", "{\"signals\":[" SIGNAL("a", "WATCH") "," SIGNAL("a", "LIKE") "]}"},
    {"StreamSignals", "{\"batch_id\":7,\"signals\":[" SIGNAL("b", "WATCH") "]}"},
    {"UploadSignals", "{\"signals\":[" SIGNAL("b", "SHARE") "]}"},
    {"Rank", "{\"request_id\":\"r\",\"user_id\":\"u\",\"locale\":\"hi-IN\",\"age_years\":25,"
             "\"candidate_ids\":[\"a\",\"b\",\"none\"],\"explain\":true,\"now_ms\":1700000000000}"},
    {"Rank", "{\"user_id\":\"v\",\"locale\":\"ru-RU\",\"candidate_ids\":[\"a\",\"b\"],"
             "\"response_form\":\"RESPONSE_FORM_PACKED\",\"now_ms\":1700000000000}"},
    {"RankStream", "{\"correlation_id\":3,\"request\":{\"user_id\":\"u\",\"locale\":\"hi-IN\","
                   "\"candidate_ids\":[\"a\",\"b\"],\"now_ms\":1700000000000}}"},
    {"GetVideos", "{\"video_ids\":[\"a\",\"none\"],\"statistics\":true}"},
    {"ListVideos", "{\"page_size\":2}"},
    {"GetUser", "{\"user_id\":\"u\"}"},
    {"ExportUser", "{\"user_id\":\"u\"}"},
    {"CheckWeights", "{\"weights_yaml\":" SMALL_WEIGHTS "}"},
    {"DiffWeights", "{\"new_weights_yaml\":" SMALL_WEIGHTS ",\"decision_limit\":5}"},
    {"ApplyWeights", "{\"weights_yaml\":\"version: first\\nvalue: {like: 3}\\n\"}"},
    {"ApplyWeights", "{\"weights_yaml\":" SMALL_WEIGHTS ",\"note\":\"n\"}"},
    {"GetWeights", "{\"weights_version\":\"s\"}"},
    {"ListWeights", "{\"limit\":5}"},
    {"RollbackWeights", "{\"note\":\"back\"}"},
    {"GetStatus", "{\"state_digest\":true}"},
    {"DeleteVideos", "{\"video_ids\":[\"d\",\"none\"]}"},
    {"ForgetUser", "{\"user_id\":\"u\"}"},
};

struct memory {
    char *bytes;
    char *request;
    struct arena arena;
    alignas(max_align_t) char state[METHOD_STATE_SIZE];
};

static const struct method *method_of(const struct whole_service *whole, const char *name)
{
    for (size_t i = 0; i < SERVICE_METHOD_COUNT; i++) {
        if (strcmp(whole->methods[i].name, name) == 0) {
            return &whole->methods[i];
        }
    }
    CHECK(false);
    return NULL;
}

static struct text pack(const struct method *method, const char *json, struct memory *memory)
{
    ProtobufCMessage *message = NULL;
    struct problem problem;
    arena_init(&memory->arena, memory->bytes, ARENA_SIZE);
    CHECK_EQ(STATUS_OK, json_parse(text_of(json), method_descriptor(method)->input, &memory->arena,
                                   &message, &problem));
    size_t size = protobuf_c_message_pack(message, (uint8_t *)memory->request);
    CHECK(size < ARENA_SIZE);
    return (struct text){.data = memory->request, .size = size};
}

/* One call with so much memory; a client stream has its end as well. */
static enum status call(struct whole_service *whole, const struct method *method,
                        struct text request, struct memory *memory, size_t budget,
                        struct problem *problem)
{
    memset(memory->state, 0, sizeof(memory->state));
    enum status status = STATUS_OK;
    int turns = method->kind == METHOD_CLIENT_STREAM ? 2 : 1;
    for (int i = 0; status == STATUS_OK && i < turns; i++) {
        arena_init(&memory->arena, memory->bytes, budget);
        struct turn turn = {.arena = &memory->arena,
                            .request_bytes = request,
                            .state = memory->state,
                            .now_ms = now_ms};
        if (i == 0 && !whole_service_decode(method, &turn)) {
            return STATUS_NO_MEMORY;
        }
        status = whole_service_run(whole, method, &turn) ? STATUS_OK : turn.status;
        *problem = turn.problem;
    }
    return status;
}

/* Steps grow with the budget: small ones are many, and large ones come from long answers. */
static size_t next_budget(size_t budget)
{
    return budget + STEP + budget / 64 / STEP * STEP;
}

static void check_request(struct whole_service *whole, const struct request *request,
                          struct memory *memory)
{
    const struct method *method = method_of(whole, request->method);
    struct text bytes = pack(method, request->json, memory);
    struct state_digests before;
    struct state_digests after;
    struct problem problem;
    whole_service_digest(whole, &before);
    size_t budget = 0;
    enum status status = call(whole, method, bytes, memory, budget, &problem);
    for (; status != STATUS_OK; status = call(whole, method, bytes, memory, budget, &problem)) {
        CHECK_EQ(STATUS_NO_MEMORY, status);
        CHECK(budget < ARENA_SIZE);
        if (method->kind != METHOD_CLIENT_STREAM) { /* which may fail after it has written */
            whole_service_digest(whole, &after);
            CHECK(memcmp(&before, &after, sizeof(before)) == 0);
        }
        budget = next_budget(budget);
    }
    CHECK(budget > 0);
}

static void check_all(void (*check)(struct whole_service *whole, const struct request *request,
                                    struct memory *memory))
{
    struct whole_service whole;
    struct memory memory = {.bytes = malloc(ARENA_SIZE), .request = malloc(ARENA_SIZE)};
    CHECK(memory.bytes != NULL && memory.request != NULL);
    whole_service_open(&whole);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        check(&whole, &requests[i], &memory);
    }
    whole_service_close_checked(&whole);
    free(memory.request);
    free(memory.bytes);
}

static void every_budget_gives_an_answer_or_no_memory_and_changes_nothing(void)
{
    check_all(check_request);
}

static const char *const writers[] = {"UpsertVideos",  "RecordSignals", "StreamSignals",
                                      "UploadSignals", "ApplyWeights",  "RollbackWeights",
                                      "DeleteVideos",  "ForgetUser"};

static bool writes(const struct request *request)
{
    bool found = false;
    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        found |= strcmp(request->method, writers[i]) == 0;
    }
    return found;
}

/* On a disk that refuses every write, and then on one that is well again. */
static void check_without_a_disk(struct whole_service *whole, const struct request *request,
                                 struct memory *memory)
{
    const struct call_failure failure = {
        .call = CALL_WRITE, .number = 1, .error = EIO, .lasting = true};
    const struct method *method = method_of(whole, request->method);
    struct text bytes = pack(method, request->json, memory);
    struct problem problem = {""};
    struct state_digests before;
    struct state_digests after;
    whole_service_digest(whole, &before);
    calls_fail(&failure);
    enum status status = call(whole, method, bytes, memory, ARENA_SIZE, &problem);
    CHECK_EQ(writes(request), calls_end());
    CHECK_EQ(writes(request) ? STATUS_IO : STATUS_OK, status);
    CHECK(status == STATUS_OK || strstr(problem.text, status_text(STATUS_IO)) != NULL);
    whole_service_digest(whole, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
    if (status != STATUS_OK) {
        CHECK_EQ(STATUS_OK, call(whole, method, bytes, memory, ARENA_SIZE, &problem));
    }
}

static void without_a_disk_what_writes_says_so_and_the_rest_is_answered(void)
{
    check_all(check_without_a_disk);
}

static void every_method_is_among_the_requests(void)
{
    struct whole_service whole;
    whole_service_open(&whole);
    for (size_t i = 0; i < SERVICE_METHOD_COUNT; i++) {
        size_t found = 0;
        for (size_t j = 0; j < sizeof(requests) / sizeof(requests[0]); j++) {
            found += strcmp(whole.methods[i].name, requests[j].method) == 0;
        }
        CHECK(found > 0);
    }
    whole_service_close(&whole);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(every_budget_gives_an_answer_or_no_memory_and_changes_nothing),
        TEST(without_a_disk_what_writes_says_so_and_the_rest_is_answered),
        TEST(every_method_is_among_the_requests),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
