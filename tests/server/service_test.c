#include <stdlib.h>
#include <string.h>

#include "cli/backend.h"
#include "proto/json.h"
#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/test.h"

/*
 * The methods of the contract on a real store, without a network: requests and answers as JSON.
 */
#define RANKING &reelrank__v1__ranking_service__descriptor
#define SIGNALS &reelrank__v1__signal_service__descriptor
#define CATALOG &reelrank__v1__catalog_service__descriptor
#define ADMIN   &reelrank__v1__admin_service__descriptor

enum { ARENA_SIZE = 8 << 20 };

static struct backend *open_service(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    const struct backend_options options = {.data = path, .create = true};
    struct backend *backend = NULL;
    struct problem problem;
    CHECK_EQ(STATUS_OK, backend_open(&options, &backend, &problem));
    return backend;
}

/* Calls service.method with a request in JSON; the answer in JSON is the caller's to free(). */
static enum status call(struct backend *backend, const ProtobufCServiceDescriptor *service,
                        const char *name, const char *json, char **answer, struct problem *problem)
{
    char *memory = malloc(ARENA_SIZE);
    CHECK(memory != NULL);
    struct arena arena;
    arena_init(&arena, memory, ARENA_SIZE);

    const ProtobufCMethodDescriptor *method =
        protobuf_c_service_descriptor_get_method_by_name(service, name);
    CHECK(method != NULL);
    ProtobufCMessage *request = NULL;
    ProtobufCMessage *response = NULL;
    CHECK_EQ(STATUS_OK, json_parse(text_of(json), method->input, &arena, &request, problem));
    enum status status = backend_call(backend, service, name, request, &arena, &response, problem);
    if (status == STATUS_OK) {
        *answer = json_format(response, JSON_LINE);
        CHECK(*answer != NULL);
    }
    free(memory);
    return status;
}

static char *ask(struct backend *backend, const ProtobufCServiceDescriptor *service,
                 const char *name, const char *json)
{
    char *answer = NULL;
    struct problem problem = {""};
    enum status status = call(backend, service, name, json, &answer, &problem);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", name, problem.text);
    }
    CHECK_EQ(STATUS_OK, status);
    return answer;
}

static void check_answer(struct backend *backend, const ProtobufCServiceDescriptor *service,
                         const char *name, const char *json, const char *want)
{
    char *answer = ask(backend, service, name, json);
    if (strstr(answer, want) == NULL) {
        fprintf(stderr, "want %s in %s\n", want, answer);
        abort();
    }
    free(answer);
}

static void check_refused(struct backend *backend, const ProtobufCServiceDescriptor *service,
                          const char *name, const char *json, enum status want, const char *text)
{
    char *answer = NULL;
    struct problem problem = {""};
    CHECK_EQ(want, call(backend, service, name, json, &answer, &problem));
    if (strstr(problem.text, text) == NULL) {
        fprintf(stderr, "want %s in %s\n", text, problem.text);
        abort();
    }
}

static const char two_videos[] =
    "{\"videos\":[{\"video_id\":\"a\",\"creator_id\":\"c\",\"languages\":[\"hi\"],"
    "\"duration_ms\":10000,\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"},"
    "{\"video_id\":\"b\",\"creator_id\":\"d\",\"languages\":[\"ru\"],\"duration_ms\":10000,"
    "\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}]}";

static const char rank_ab[] = "{\"request_id\":\"r\",\"user_id\":\"u\",\"locale\":\"hi-IN\","
                              "\"candidate_ids\":[\"a\",\"b\"],\"now_ms\":1700000000000}";

static void signals_are_accepted_once_each(void)
{
    static const char batch[] =
        "{\"signals\":[{\"event_id\":\"e1\",\"user_id\":\"u\",\"video_id\":\"a\","
        "\"type\":\"SIGNAL_TYPE_LIKE\",\"time_ms\":1700000000000},"
        "{\"user_id\":\"u\",\"video_id\":\"a\",\"type\":\"SIGNAL_TYPE_SHARE\","
        "\"time_ms\":1700000000000},"
        "{\"user_id\":\"\",\"video_id\":\"a\",\"type\":\"SIGNAL_TYPE_SHARE\","
        "\"time_ms\":1700000000000}]}";
    struct backend *backend = open_service();
    check_answer(backend, SIGNALS, "RecordSignals", batch,
                 "\"accepted\":2,\"rejected\":1,\"state_sequence\":2");
    check_answer(backend, SIGNALS, "RecordSignals", batch,
                 "\"duplicate\":2,\"rejected\":1,\"state_sequence\":2");
    check_answer(backend, SIGNALS, "RecordSignals", batch, "signal.user_id is required");
    backend_close(backend);
}

static void empty_batches_are_answered(void)
{
    struct backend *backend = open_service();
    check_answer(backend, SIGNALS, "RecordSignals", "{}", "{}");
    check_answer(backend, CATALOG, "UpsertVideos", "{}", "{}");
    check_answer(backend, CATALOG, "GetVideos", "{}", "{}");
    backend_close(backend);
}

static void catalogue_reports_new_same_and_bad_videos(void)
{
    struct backend *backend = open_service();
    check_answer(backend, CATALOG, "UpsertVideos", two_videos, "\"accepted\":2");
    check_answer(backend, CATALOG, "UpsertVideos", two_videos, "\"duplicate\":2");
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"x\",\"quality\":2},{\"video_id\":\"y\"}]}",
                 "\"accepted\":1,\"rejected\":1");
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"x\",\"quality\":2}]}", "video.quality is 2");
    backend_close(backend);
}

static void partial_update_keeps_the_other_fields(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"a\",\"title\":\"T\",\"creator_id\":\"ignored\"}],"
                 "\"update_fields\":[\"title\"]}",
                 "\"accepted\":1");
    char *answer = ask(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\",\"zz\"]}");
    CHECK(strstr(answer, "\"title\":\"T\"") != NULL);
    CHECK(strstr(answer, "\"creator_id\":\"c\"") != NULL);
    CHECK(strstr(answer, "\"languages\":[\"hi\"]") != NULL);
    CHECK(strstr(answer, "\"not_found\":[\"zz\"]") != NULL);
    free(answer);
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"new\",\"title\":\"N\"}],"
                 "\"update_fields\":[\"title\"]}",
                 "\"accepted\":1");
    check_refused(backend, CATALOG, "UpsertVideos",
                  "{\"videos\":[{\"video_id\":\"a\"}],\"update_fields\":[\"tilte\"]}",
                  STATUS_INVALID, "\"tilte\" is no field");
    backend_close(backend);
}

static void marks_of_inferred_fields_follow_their_fields(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos",
             "{\"videos\":[{\"video_id\":\"a\",\"title\":\"t\",\"quality\":0.5,"
             "\"inferred\":[\"title\",\"quality\"]}]}"));
    free(ask(backend, CATALOG, "UpsertVideos",
             "{\"videos\":[{\"video_id\":\"a\",\"title\":\"T\",\"languages\":[\"hi\"],"
             "\"inferred\":[\"languages\",\"duration_ms\"]}],"
             "\"update_fields\":[\"title\",\"languages\"]}"));
    check_answer(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"]}",
                 "\"inferred\":[\"quality\",\"languages\"]");
    backend_close(backend);
}

static void two_partial_updates_in_one_request_do_not_lose_one(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"a\",\"title\":\"1\"},"
                 "{\"video_id\":\"a\",\"title\":\"2\"}],\"update_fields\":[\"title\"]}",
                 "changed at the same time");
    check_answer(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"]}", "\"title\":\"1\"");
    backend_close(backend);
}

static void deleted_video_is_dropped_and_can_come_back(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, CATALOG, "DeleteVideos", "{\"video_ids\":[\"a\",\"zz\"]}",
                 "\"deleted\":1,\"not_found\":1");
    check_answer(backend, RANKING, "Rank", rank_ab, "\"rule\":\"deleted\"");
    check_answer(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"]}", "\"not_found\":[\"a\"]");
    check_answer(backend, CATALOG, "UpsertVideos", two_videos, "\"accepted\":1,\"duplicate\":1");
    backend_close(backend);
}

static void statistics_count_what_happened(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    free(ask(backend, SIGNALS, "RecordSignals",
             "{\"signals\":[{\"user_id\":\"u\",\"video_id\":\"a\",\"type\":\"SIGNAL_TYPE_WATCH\","
             "\"time_ms\":1700000000000,\"watch_ms\":9000}]}"));
    check_answer(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"],\"statistics\":true}",
                 "\"scope\":\"global\",\"plays\":1,\"valid_plays\":1,\"watch_ms\":9000");
    backend_close(backend);
}

static void retried_rank_gets_the_same_answer(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    char *first = ask(backend, RANKING, "Rank", rank_ab);
    free(ask(backend, SIGNALS, "RecordSignals",
             "{\"signals\":[{\"user_id\":\"u\",\"video_id\":\"b\",\"type\":\"SIGNAL_TYPE_LIKE\","
             "\"time_ms\":1700000000000}]}"));
    char *again = ask(backend, RANKING, "Rank", rank_ab);
    CHECK_STR(first, again);
    char *other = ask(backend, RANKING, "Rank",
                      "{\"request_id\":\"r2\",\"user_id\":\"u\",\"locale\":\"hi-IN\","
                      "\"candidate_ids\":[\"a\",\"b\"],\"now_ms\":1700000000000}");
    CHECK(strstr(other, "\"state_sequence\":3") != NULL);
    CHECK(strstr(first, "\"state_sequence\":2") != NULL);
    free(first);
    free(again);
    free(other);
    backend_close(backend);
}

/* Everything that decides an answer has a part in its name. */
static void different_requests_have_different_ranking_ids(void)
{
    static const char *const parts[] = {
        "\"locale\":\"hi-IN\"",
        "\"locale\":\"ru-RU\"",
        "\"locale\":\"hi-Latn-IN\"",
        "\"locale\":\"hi-IN\",\"region\":\"US\"",
        "\"locale\":\"hi-IN\",\"languages\":[\"ta\"]",
        "\"locale\":\"hi-IN\",\"age_years\":20",
        "\"locale\":\"hi-IN\",\"exclude_seen\":true",
        "\"locale\":\"hi-IN\",\"limit\":1",
        "\"locale\":\"hi-IN\",\"user_id\":\"u\"",
        "\"locale\":\"hi-IN\",\"request_id\":\"r\"",
        "\"locale\":\"hi-IN\",\"candidates\":[{\"video_id\":\"a\",\"retrieval_score\":1}]",
        "\"locale\":\"hi-IN\",\"candidates\":[{\"video_id\":\"a\"}]",
        "\"locale\":\"hi-IN\",\"candidate_ids\":[\"b\"]",
    };
    enum { COUNT = sizeof(parts) / sizeof(parts[0]), ID_SIZE = 64 };
    char ids[COUNT][ID_SIZE];
    struct backend *backend = open_service();
    for (unsigned i = 0; i < COUNT; i++) {
        char request[256];
        snprintf(request, sizeof(request), "{\"now_ms\":1700000000000,%s}", parts[i]);
        char *answer = ask(backend, RANKING, "Rank", request);
        snprintf(ids[i], ID_SIZE, "%.*s", 49, answer); /* {"ranking_id":"32 digits" */
        free(answer);
        for (unsigned j = 0; j < i; j++) {
            CHECK(strcmp(ids[i], ids[j]) != 0);
        }
    }
    backend_close(backend);
}

static void packed_form_agrees_with_the_slate(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, RANKING, "Rank",
                 "{\"locale\":\"ru-RU\",\"candidate_ids\":[\"a\",\"nobody\",\"b\"],"
                 "\"response_form\":\"RESPONSE_FORM_PACKED\"}",
                 "\"order\":[2,0]");
    check_answer(backend, RANKING, "Rank",
                 "{\"locale\":\"ru-RU\",\"candidate_ids\":[\"a\",\"nobody\",\"b\"],"
                 "\"response_form\":\"RESPONSE_FORM_PACKED\"}",
                 "\"dropped_index\":[1],\"dropped_rule\":[\"DROP_RULE_UNKNOWN_VIDEO\"]");
    backend_close(backend);
}

static void unknown_experiment_is_refused(void)
{
    struct backend *backend = open_service();
    check_refused(backend, RANKING, "Rank", "{\"locale\":\"hi\",\"experiment\":\"x/y\"}",
                  STATUS_INVALID, "experiment \"x/y\"");
    backend_close(backend);
}

static void weights_are_checked_with_line_and_column(void)
{
    struct backend *backend = open_service();
    check_answer(backend, ADMIN, "CheckWeights",
                 "{\"weights_yaml\":\"version: a\\nvalue:\\n  liek: 1\\n\"}", "\"line\":3");
    check_answer(backend, ADMIN, "CheckWeights", "{\"weights_yaml\":\"version: a\\n\"}",
                 "\"valid\":true");
    backend_close(backend);
}

static void status_counts_and_digests(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, ADMIN, "GetStatus", "{}", "\"state_sequence\":2");
    check_answer(backend, ADMIN, "GetStatus", "{}", "\"video_count\":2");
    char *one = ask(backend, ADMIN, "GetStatus", "{\"state_digest\":true}");
    char *two = ask(backend, ADMIN, "GetStatus", "{\"state_digest\":true}");
    CHECK(strstr(one, "\"state_digest\":\"") != NULL);
    CHECK_STR(strstr(one, "\"state_digest\""), strstr(two, "\"state_digest\""));
    free(one);
    free(two);
    backend_close(backend);
}

static void methods_of_later_versions_say_so(void)
{
    struct backend *backend = open_service();
    struct problem problem;
    char *answer = NULL;
    CHECK_EQ(STATUS_UNIMPLEMENTED, call(backend, ADMIN, "ApplyWeights", "{}", &answer, &problem));
    backend_close(backend);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(signals_are_accepted_once_each),
        TEST(empty_batches_are_answered),
        TEST(catalogue_reports_new_same_and_bad_videos),
        TEST(partial_update_keeps_the_other_fields),
        TEST(marks_of_inferred_fields_follow_their_fields),
        TEST(two_partial_updates_in_one_request_do_not_lose_one),
        TEST(deleted_video_is_dropped_and_can_come_back),
        TEST(statistics_count_what_happened),
        TEST(retried_rank_gets_the_same_answer),
        TEST(different_requests_have_different_ranking_ids),
        TEST(packed_form_agrees_with_the_slate),
        TEST(unknown_experiment_is_refused),
        TEST(weights_are_checked_with_line_and_column),
        TEST(status_counts_and_digests),
        TEST(methods_of_later_versions_say_so),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
