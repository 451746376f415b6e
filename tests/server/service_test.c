#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/backend.h"
#include "proto/json.h"
#include "ranker/feature.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "reelrank/v1/admin.pb-c.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "reelrank/v1/user.pb-c.h"
#include "store/clock.h"
#include "tests/test.h"

/*
 * The methods of the contract on a real store, without a network: requests and answers as JSON.
 */
#define RANKING &reelrank__v1__ranking_service__descriptor
#define SIGNALS &reelrank__v1__signal_service__descriptor
#define CATALOG &reelrank__v1__catalog_service__descriptor
#define ADMIN   &reelrank__v1__admin_service__descriptor
#define USERS   &reelrank__v1__user_service__descriptor

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

static void late_signal_is_rejected_with_what_to_do(void)
{
    struct backend *backend = open_service();
    check_answer(
        backend, SIGNALS, "RecordSignals",
        "{\"signals\":[{\"user_id\":\"u\",\"video_id\":\"a\",\"type\":\"SIGNAL_TYPE_LIKE\","
        "\"time_ms\":1700000000000},"
        "{\"user_id\":\"u\",\"video_id\":\"a\",\"type\":\"SIGNAL_TYPE_LIKE\","
        "\"time_ms\":1697407649999}]}", /* 30 days and 1 ms before the newest, to 450 s */
        "{\"outcome\":\"SIGNAL_OUTCOME_REJECTED\",\"reason\":\"signal.time_ms is more than "
        "30 days before the newest signal taken; import history into an empty store, oldest "
        "first\"}");
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

static void embeddings_can_be_updated_alone_and_stay_otherwise(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"a\",\"embedding\":[0.5,-1]}],"
                 "\"update_fields\":[\"embedding\"]}",
                 "\"accepted\":1");
    free(ask(backend, CATALOG, "UpsertVideos",
             "{\"videos\":[{\"video_id\":\"a\",\"title\":\"T\"}],\"update_fields\":[\"title\"]}"));
    char *answer = ask(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"]}");
    CHECK(strstr(answer, "\"embedding\":[0.5,-1") != NULL);
    CHECK(strstr(answer, "\"creator_id\":\"c\"") != NULL);
    free(answer);
    check_answer(backend, CATALOG, "UpsertVideos",
                 "{\"videos\":[{\"video_id\":\"a\"}],\"update_fields\":[\"embedding\"]}",
                 "\"accepted\":1");
    answer = ask(backend, CATALOG, "GetVideos", "{\"video_ids\":[\"a\"]}");
    CHECK(strstr(answer, "embedding") == NULL);
    free(answer);
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
        "\"locale\":\"hi-IN\",\"candidates\":[{\"video_id\":\"a\",\"source\":\"s\"}]",
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

/* A service with weights of its own, and the two videos. */
static struct backend *open_with_weights(const char *yaml)
{
    char path[TEST_PATH_SIZE];
    char file_path[TEST_PATH_SIZE + 16];
    test_directory(path);
    snprintf(file_path, sizeof(file_path), "%s/weights.yaml", path);
    FILE *file = fopen(file_path, "wb");
    CHECK(file != NULL);
    CHECK(fputs(yaml, file) >= 0);
    CHECK(fclose(file) == 0);
    const struct backend_options options = {.data = path, .weights = file_path, .create = true};
    struct backend *backend = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, backend_open(&options, &backend, &problem));
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    return backend;
}

static const char trial[] = "version: a\n"
                            "locales: {hi: {}}\n"
                            "experiments:\n"
                            "  e: {arms: {all: {share: 1}, none: {share: 0, value: {like: 0}}}}\n";

/* The answer's member is empty, and so left out. */
static void check_without(struct backend *backend, const char *json, const char *member)
{
    char *answer = ask(backend, RANKING, "Rank", json);
    CHECK(strstr(answer, "\"ranking_id\"") != NULL);
    CHECK(strstr(answer, member) == NULL);
    free(answer);
}

/* The text of the answer's member, up to the next comma. */
static char *member_of(const char *answer, const char *name)
{
    const char *start = strstr(answer, name);
    CHECK(start != NULL);
    char *copy = strndup(start, strcspn(start, ","));
    CHECK(copy != NULL);
    return copy;
}

/* Of two, all alike. */
static void the_packed_form_has_propensities_where_chance_decides(void)
{
    static const char packed[] = "{\"locale\":\"hi-IN\",\"candidate_ids\":[\"a\",\"b\"],"
                                 "\"response_form\":\"RESPONSE_FORM_PACKED\"}";
    struct backend *backend =
        open_with_weights("version: t\nslate: {explore: epsilon_greedy, explore_epsilon: 1}\n");
    check_answer(backend, RANKING, "Rank", packed, "\"propensity\":[0.5,1");
    backend_close(backend);
    backend = open_with_weights("version: t\n");
    char *answer = ask(backend, RANKING, "Rank", packed);
    CHECK(strstr(answer, "propensity") == NULL);
    free(answer);
    backend_close(backend);
}

static void the_arm_of_an_experiment_is_in_the_answer(void)
{
#define REQUEST "\"locale\":\"hi-IN\",\"now_ms\":1700000000000,\"candidate_ids\":[\"a\",\"b\"]"
    struct backend *backend = open_with_weights(trial);
    check_answer(backend, RANKING, "Rank", "{\"user_id\":\"u\"," REQUEST "}",
                 "\"experiment_arm\":\"e/all\"");
    check_answer(backend, RANKING, "Rank",
                 "{\"user_id\":\"u\",\"experiment\":\"e/none\"," REQUEST "}",
                 "\"experiment_arm\":\"e/none\"");
    check_without(backend, "{" REQUEST "}", "experiment_arm");
    check_refused(backend, RANKING, "Rank", "{\"experiment\":\"e/al\"," REQUEST "}", STATUS_INVALID,
                  "did you mean \"e/all\"?");
    check_refused(
        backend, RANKING, "Rank",
        "{\"experiment\":\"e/0123456789012345678901234567890123456789012345678901234567890"
        "123\"," REQUEST "}",
        STATUS_INVALID, "experiment has 66 bytes; at most 65 are allowed");

    char *assigned = ask(backend, RANKING, "Rank", "{\"user_id\":\"u\"," REQUEST "}");
    char *forced =
        ask(backend, RANKING, "Rank", "{\"user_id\":\"u\",\"experiment\":\"e/none\"," REQUEST "}");
    char *one = member_of(assigned, "\"ranking_id\"");
    char *other = member_of(forced, "\"ranking_id\"");
    CHECK(strcmp(one, other) != 0);
    free(one);
    free(other);
    free(assigned);
    free(forced);
    backend_close(backend);
#undef REQUEST
}

static void rankings_are_counted_by_arm(void)
{
#define REQUEST "\"locale\":\"hi-IN\",\"now_ms\":1700000000000,\"candidate_ids\":[\"a\",\"b\"]"
    struct backend *backend = open_with_weights(trial);
    const char *once = "{\"user_id\":\"u\",\"request_id\":\"r\"," REQUEST "}";
    char *before = ask(backend, ADMIN, "GetStatus", "{}");
    CHECK(strstr(before, "\"arms\"") == NULL);
    free(before);
    free(ask(backend, RANKING, "Rank", once));
    free(ask(backend, RANKING, "Rank", once)); /* the same answer again */
    free(ask(backend, RANKING, "Rank", "{\"user_id\":\"v\"," REQUEST "}"));
    free(ask(backend, RANKING, "Rank", "{\"experiment\":\"e/none\"," REQUEST "}"));
    free(ask(backend, RANKING, "Rank", "{" REQUEST "}")); /* a visitor */
    check_refused(backend, RANKING, "Rank", "{\"experiment\":\"e/al\"," REQUEST "}", STATUS_INVALID,
                  "did you mean");
    check_answer(backend, ADMIN, "GetStatus", "{}",
                 "\"arms\":[{\"arm\":\"e/all\",\"rankings\":2},"
                 "{\"arm\":\"e/none\",\"rankings\":1}]");
    backend_close(backend);
#undef REQUEST
}

static void a_locale_that_the_weights_do_not_have_is_told_as_degraded(void)
{
    struct backend *backend = open_with_weights(trial);
    check_answer(backend, RANKING, "Rank", "{\"locale\":\"en-US\",\"candidate_ids\":[\"a\"]}",
                 "\"degraded\":[\"locale_default\"]");
    check_without(backend, "{\"locale\":\"hi-US\",\"candidate_ids\":[\"a\"]}", "degraded");
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

/* Records one signal of a type at a time. */
static void record(struct backend *backend, const char *user, const char *video, const char *type,
                   int64_t time_ms)
{
    char json[512];
    snprintf(json, sizeof(json),
             "{\"signals\":[{\"user_id\":\"%s\",\"video_id\":\"%s\",\"type\":\"SIGNAL_TYPE_%s\","
             "\"time_ms\":%" PRId64 ",\"video_duration_ms\":10000,\"locale\":\"hi-IN\"}]}",
             user, video, type, time_ms);
    check_answer(backend, SIGNALS, "RecordSignals", json, "\"accepted\":1");
}

static void check_contains(const char *text, const char *want)
{
    if (strstr(text, want) == NULL) {
        fprintf(stderr, "want %s in %s\n", want, text);
        abort();
    }
}

static void user_is_described(void)
{
    int64_t now_ms = wall_clock_ms();
    char want[128];
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    record(backend, "u", "a", "IMPRESSION", now_ms - 2000);
    record(backend, "u", "a", "LIKE", now_ms - 1000);
    record(backend, "u", "b", "HIDE_CREATOR", now_ms);
    record(backend, "other", "b", "FOLLOW_CREATOR", now_ms);
    char *answer = ask(backend, USERS, "GetUser", "{\"user_id\":\"u\"}");
    check_contains(answer, "{\"user_id\":\"u\",\"signal_count\":3,");
    snprintf(want, sizeof(want), "\"first_signal_ms\":%" PRId64 ",\"last_signal_ms\":%" PRId64,
             now_ms - 2000, now_ms);
    check_contains(answer, want);
    snprintf(
        want, sizeof(want), "{\"kind\":\"creator\",\"key\":\"%" PRIu64 "\",\"value\":0.66",
        hash_key(text_of("c"))); /* a like gains 2, and 2 / (1 + 2); large numbers are quoted */
    check_contains(answer, want);
    check_contains(answer, "\"kind\":\"language\"");
    check_contains(answer, "\"name\":\"hi\"");
    check_contains(answer, "\"name\":\"7-15 s\"");
    snprintf(want, sizeof(want),
             "\"seen\":[{\"video_key\":\"%" PRIu64 "\",\"time_ms\":%" PRId64 "}]",
             hash_key(text_of("a")), (now_ms - 2000) / 1000 * 1000);
    check_contains(answer, want);
    snprintf(want, sizeof(want), "\"hidden_creator_keys\":[%" PRIu64 "],\"state_sequence\":6}",
             hash_key(text_of("d")));
    check_contains(answer, want);
    CHECK(strstr(answer, "followed_creator_keys") == NULL);
    free(answer);
    check_answer(backend, USERS, "GetUser", "{\"user_id\":\"other\"}",
                 "\"followed_creator_keys\":[");
    backend_close(backend);
}

static void unknown_user_is_not_found(void)
{
    char request[256];
    struct backend *backend = open_service();
    check_refused(backend, USERS, "GetUser", "{\"user_id\":\"u\"}", STATUS_NOT_FOUND,
                  "nothing is known of this user");
    check_refused(backend, USERS, "GetUser", "{}", STATUS_INVALID, "user_id is required");
    snprintf(request, sizeof(request), "{\"user_id\":\"%0129d\"}", 0);
    check_refused(backend, USERS, "GetUser", request, STATUS_INVALID, "user_id has 129 bytes");
    backend_close(backend);
}

/* What an export brought: one line for each piece. */
struct exported {
    char *lines[64];
    size_t count;
    size_t stop_after; /* 0: never */
};

static enum status keep_line(void *context, const ProtobufCMessage *message)
{
    struct exported *exported = context;
    CHECK(exported->count < 64);
    exported->lines[exported->count] = json_format(message, JSON_LINE);
    CHECK(exported->lines[exported->count] != NULL);
    exported->count++;
    return exported->count == exported->stop_after ? STATUS_IO : STATUS_OK;
}

static void release(struct exported *exported)
{
    for (size_t i = 0; i < exported->count; i++) {
        free(exported->lines[i]);
    }
}

static enum status export(struct backend *backend, const char *user_id, struct exported *exported,
                          struct problem *problem) {
    Reelrank__V1__ExportUserRequest request = REELRANK__V1__EXPORT_USER_REQUEST__INIT;
    request.user_id = (char *)user_id;
    return backend_stream(backend, USERS, "ExportUser", &request.base, keep_line, exported,
                          problem);
}

/* Signals of many users, one of them rarely: more than a turn looks at lie between. */
static void record_many(struct backend *backend, unsigned count)
{
    char *json = malloc(1 << 20);
    CHECK(json != NULL);
    for (unsigned number = 0; number < count;) {
        int size = snprintf(json, 1 << 20, "{\"signals\":[");
        for (unsigned i = 0; i < 1000; i++, number++) {
            size += snprintf(json + size, (size_t)((1 << 20) - size),
                             "%s{\"user_id\":\"%s\",\"video_id\":\"u\",\"type\":"
                             "\"SIGNAL_TYPE_LIKE\",\"time_ms\":%u}",
                             i > 0 ? "," : "", number % 2500 == 0 ? "u" : "uu", number + 1);
        }
        snprintf(json + size, (size_t)((1 << 20) - size), "]}");
        check_answer(backend, SIGNALS, "RecordSignals", json, "\"accepted\":1000");
    }
    free(json);
}

static void export_brings_the_user_and_each_signal_in_order(void)
{
    struct exported exported = {.count = 0};
    struct problem problem = {""};
    struct backend *backend = open_service();
    record_many(backend, 10000);
    CHECK_EQ(STATUS_OK, export(backend, "u", &exported, &problem));
    CHECK_EQ(5, exported.count);
    check_contains(exported.lines[0], "{\"user\":{\"user_id\":\"u\",\"signal_count\":4,");
    for (int i = 0; i < 4; i++) {
        char want[160];
        snprintf(want, sizeof(want),
                 "{\"signal\":{\"user_id\":\"u\",\"video_id\":\"u\",\"type\":"
                 "\"SIGNAL_TYPE_LIKE\",\"time_ms\":%d}}",
                 2500 * i + 1);
        CHECK_STR(want, exported.lines[i + 1]);
    }
    release(&exported);
    backend_close(backend);
}

static void export_ends_where_its_reader_stops(void)
{
    struct exported exported = {.stop_after = 2};
    struct problem problem = {""};
    struct backend *backend = open_service();
    record_many(backend, 3000);
    CHECK_EQ(STATUS_IO, export(backend, "u", &exported, &problem));
    CHECK_EQ(2, exported.count);
    release(&exported);
    backend_close(backend);
}

static void export_takes_the_longest_id_and_refuses_longer_ones(void)
{
    char id[LIMIT_ID_BYTES + 2];
    struct exported exported = {.count = 0};
    struct problem problem = {""};
    struct backend *backend = open_service();
    snprintf(id, sizeof(id), "%0*d", LIMIT_ID_BYTES, 7);
    record(backend, id, "a", "LIKE", 1700000000000);
    CHECK_EQ(STATUS_OK, export(backend, id, &exported, &problem));
    CHECK_EQ(2, exported.count);
    snprintf(id, sizeof(id), "%0*d", LIMIT_ID_BYTES + 1, 7);
    CHECK_EQ(STATUS_INVALID, export(backend, id, &exported, &problem));
    CHECK_EQ(STATUS_NOT_FOUND, export(backend, "nobody", &exported, &problem));
    check_contains(problem.text, "nothing is known of this user");
    CHECK_EQ(2, exported.count);
    release(&exported);
    backend_close(backend);
}

/* Lists all in pages of a size; gives the ids, each followed by a space, and counts the pages. */
static size_t list_all(struct backend *backend, unsigned page_size, char *ids, size_t size)
{
    static char memory[4 * ARENA_SIZE]; /* for a page's videos in three forms */
    char token[64] = "";
    size_t used = 0;
    size_t pages = 0;
    struct arena arena;
    arena_init(&arena, memory, sizeof(memory));
    do {
        Reelrank__V1__ListVideosRequest request = REELRANK__V1__LIST_VIDEOS_REQUEST__INIT;
        ProtobufCMessage *message = NULL;
        struct problem problem;
        arena_reset(&arena);
        request.page_size = page_size;
        request.page_token = token;
        CHECK_EQ(STATUS_OK, backend_call(backend, CATALOG, "ListVideos", &request.base, &arena,
                                         &message, &problem));
        const Reelrank__V1__ListVideosResponse *page = (const void *)message;
        CHECK(page->n_videos <= (page_size > 0 ? page_size : 100));
        for (size_t i = 0; i < page->n_videos; i++) {
            const char *id = page->videos[i]->video->video_id;
            CHECK(page->videos[i]->video_key == hash_key(text_of(id)));
            used += (size_t)snprintf(ids + used, size - used, "%s ", id);
            CHECK(used < size);
        }
        snprintf(token, sizeof(token), "%s", page->next_page_token);
        pages++;
    } while (token[0] != '\0');
    return pages;
}

static void catalogue_is_listed_page_by_page(void)
{
    char ids[256] = "";
    struct backend *backend = open_service();
    CHECK_EQ(1, list_all(backend, 0, ids, sizeof(ids)));
    CHECK_STR("", ids);
    record(backend, "u", "ghost", "LIKE", 1700000000000); /* a video no catalogue knows */
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    free(ask(backend, CATALOG, "UpsertVideos",
             "{\"videos\":[{\"video_id\":\"c\"},{\"video_id\":\"d\"},{\"video_id\":\"e\"}]}"));
    free(ask(backend, CATALOG, "DeleteVideos", "{\"video_ids\":[\"c\"]}"));
    CHECK_EQ(1, list_all(backend, 0, ids, sizeof(ids)));
    CHECK_STR("e d b a ", ids);
    CHECK_EQ(3, list_all(backend, 2, ids, sizeof(ids))); /* the last page is of the ghost: empty */
    CHECK_STR("e d b a ", ids);
    CHECK_EQ(5, list_all(backend, 1, ids, sizeof(ids)));
    CHECK_STR("e d b a ", ids);
    CHECK_EQ(1, list_all(backend, 1000, ids, sizeof(ids)));
    check_answer(backend, CATALOG, "ListVideos", "{}", "\"creator_id\":\"c\"");
    backend_close(backend);
}

static void page_size_and_token_are_checked(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos", two_videos));
    check_refused(backend, CATALOG, "ListVideos", "{\"page_size\":1001}", STATUS_INVALID,
                  "page_size is 1001; at most 1000");
    static const char *const tokens[] = {"x", "0123456789abcdef", "000000000000000F",
                                         "00000000000000010", "0000000000000000"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        char request[64];
        snprintf(request, sizeof(request), "{\"page_token\":\"%s\"}", tokens[i]);
        check_refused(backend, CATALOG, "ListVideos", request, STATUS_INVALID,
                      "is not the next_page_token of an answer");
    }
    backend_close(backend);
}

/* Videos as large as they may be would make a page that stock clients refuse. */
static void page_of_large_videos_stays_below_four_mebibytes(void)
{
    enum { COUNT = 1000, SIZE = 8 << 20 };
    char *json = malloc(SIZE);
    char *ids = malloc(SIZE);
    char title[257];
    char text[65];
    CHECK(json != NULL && ids != NULL);
    memset(title, 't', 256);
    title[256] = '\0';
    struct backend *backend = open_service();
    for (int number = 0; number < COUNT;) {
        int size = snprintf(json, SIZE, "{\"videos\":[");
        for (int i = 0; i < 250; i++, number++) {
            size += snprintf(json + size, (size_t)(SIZE - size), "%s{\"video_id\":\"%0128d\",",
                             i > 0 ? "," : "", number);
            size += snprintf(json + size, (size_t)(SIZE - size),
                             "\"creator_id\":\"%0128d\",\"title\":\"%s\",\"inferred\":[", 1, title);
            for (int mark = 0; mark < LIMIT_INFERRED; mark++) {
                snprintf(text, sizeof(text), "%064d", mark);
                size += snprintf(json + size, (size_t)(SIZE - size), "%s\"%s\"",
                                 mark > 0 ? "," : "", text);
            }
            size += snprintf(json + size, (size_t)(SIZE - size),
                             "],\"tags\":[\"%064d\",\"%064d\",\"%064d\",\"%064d\",\"%064d\","
                             "\"%064d\",\"%064d\",\"%064d\"]}",
                             1, 2, 3, 4, 5, 6, 7, 8);
        }
        snprintf(json + size, (size_t)(SIZE - size), "]}");
        check_answer(backend, CATALOG, "UpsertVideos", json, "\"accepted\":250");
    }
    CHECK_EQ(2, list_all(backend, COUNT, ids, SIZE));
    CHECK_EQ(COUNT * 129, strlen(ids));
    free(json);
    free(ids);
    backend_close(backend);
}

static void locales_are_taken_in_their_canonical_form(void)
{
    static const char *const same[][2] = {
        {"hi-IN", "HIN_in"}, {"id-ID", "in-ID"}, {"hi-IN", "hi-Deva-IN"}, {"yue", "zh-yue"}};
    struct backend *backend = open_service();
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        char *answers[2];
        for (size_t j = 0; j < 2; j++) {
            char json[128];
            snprintf(json, sizeof(json),
                     "{\"locale\":\"%s\",\"candidate_ids\":[\"a\"],\"now_ms\":1700000000000}",
                     same[i][j]);
            answers[j] = ask(backend, RANKING, "Rank", json);
        }
        CHECK_STR(answers[0], answers[1]);
        free(answers[0]);
        free(answers[1]);
    }
    backend_close(backend);
}

static void malformed_locales_are_refused(void)
{
    static const char *const bad[] = {"", "h", "hindi", "hi IN", "hi-IN-", "hi-IND", "en_US.UTF-8"};
    struct backend *backend = open_service();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[128];
        snprintf(json, sizeof(json), "{\"locale\":\"%s\",\"candidate_ids\":[\"a\"]}", bad[i]);
        check_refused(backend, RANKING, "Rank", json, STATUS_INVALID, "locale");
    }
    backend_close(backend);
}

static void locales_of_nobody_are_served_and_flagged(void)
{
    struct backend *backend = open_service();
    check_answer(backend, RANKING, "Rank", "{\"locale\":\"xx-YY\",\"candidate_ids\":[\"a\"]}",
                 "\"degraded\":[\"locale_default\",\"locale_unknown\"]");
    char *answer =
        ask(backend, RANKING, "Rank", "{\"locale\":\"hi-IN\",\"candidate_ids\":[\"a\"]}");
    CHECK(strstr(answer, "locale_unknown") == NULL);
    free(answer);
    backend_close(backend);
}

static void a_dropped_video_says_what_the_rule_saw(void)
{
    struct backend *backend = open_service();
    free(ask(backend, CATALOG, "UpsertVideos",
             "{\"videos\":[{\"video_id\":\"a\",\"languages\":[\"hi\"],"
             "\"minimum_age_years\":18,\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}]}"));
    check_answer(backend, RANKING, "Rank",
                 "{\"locale\":\"hi-IN\",\"candidate_ids\":[\"a\"],\"explain\":true}",
                 "\"rule\":\"age\",\"detail\":\"for people of 18 or more; the user's age is "
                 "unknown, taken as 0\"");
    backend_close(backend);
}

/* With a head that reads every feature, so that explanations list them all. */
static struct backend *open_with_every_feature(void)
{
    char *yaml = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&yaml, &size);
    CHECK(file != NULL);
    fputs("version: t\nheads:\n  like:\n    kind: linear\n    weights:\n", file);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        fprintf(file, "      %s: 0.001\n", feature_name(i));
    }
    CHECK_EQ(0, fclose(file));
    struct backend *backend = open_with_weights(yaml);
    free(yaml);
    return backend;
}

static void put_many_videos(struct backend *backend)
{
    for (unsigned begin = 0; begin < LIMIT_CANDIDATES; begin += LIMIT_BATCH) {
        char *json = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&json, &size);
        CHECK(file != NULL);
        for (unsigned i = 0; i < LIMIT_BATCH; i++) {
            fprintf(file,
                    "%s{\"video_id\":\"v%u\",\"languages\":[\"hi\"],"
                    "\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}",
                    i == 0 ? "{\"videos\":[" : ",", begin + i);
        }
        fputs("]}", file);
        CHECK_EQ(0, fclose(file));
        free(ask(backend, CATALOG, "UpsertVideos", json));
        free(json);
    }
}

/* Explained, as many candidates as there may be; nothing of it is on the call's arena yet. */
static void name_many(char **ids, Reelrank__V1__RankRequest *message)
{
    static char text[LIMIT_CANDIDATES][8];
    for (unsigned i = 0; i < LIMIT_CANDIDATES; i++) {
        snprintf(text[i], sizeof(text[i]), "v%u", i);
        ids[i] = text[i];
    }
    reelrank__v1__rank_request__init(message);
    message->locale = (char *)"hi-IN";
    message->age_years = 30;
    message->candidate_ids = ids;
    message->n_candidate_ids = LIMIT_CANDIDATES;
    message->explain = 1;
}

/* What a call of so much memory ends with; count gets the positions of its answer. */
static enum status explain_within(struct backend *backend, const Reelrank__V1__RankRequest *message,
                                  size_t memory_size, size_t *count)
{
    char *memory = malloc(memory_size);
    CHECK(memory != NULL);
    struct arena arena;
    arena_init(&arena, memory, memory_size);
    ProtobufCMessage *response = NULL;
    struct problem problem = {""};
    enum status status =
        backend_call(backend, RANKING, "Rank", &message->base, &arena, &response, &problem);
    if (status == STATUS_OK) {
        const Reelrank__V1__RankResponse *answer = (const Reelrank__V1__RankResponse *)response;
        *count = answer->n_slate;
        CHECK(answer->slate[0]->n_features > 100); /* the others are unknown of these videos */
    }
    free(memory);
    return status;
}

/*
 * 16 MiB is what a call of the server has, unless it is told otherwise; here the client's side has
 * to fit, too.
 */
static void the_largest_explanation_is_refused_where_memory_is_short(void)
{
    char *ids[LIMIT_CANDIDATES];
    Reelrank__V1__RankRequest message;
    size_t count = 0;
    struct backend *backend = open_with_every_feature();
    put_many_videos(backend);
    name_many(ids, &message);
    for (size_t mebibytes = 1; mebibytes <= 16; mebibytes++) {
        CHECK_EQ(STATUS_NO_MEMORY, explain_within(backend, &message, mebibytes << 20, &count));
    }
    message.limit = LIMIT_CANDIDATES / 10;
    CHECK_EQ(STATUS_OK, explain_within(backend, &message, 16 << 20, &count));
    CHECK_EQ(LIMIT_CANDIDATES / 10, count);
    message.limit = 0;
    CHECK_EQ(STATUS_OK, explain_within(backend, &message, 256 << 20, &count));
    CHECK_EQ(LIMIT_CANDIDATES, count);
    backend_close(backend);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_largest_explanation_is_refused_where_memory_is_short),
        TEST(locales_are_taken_in_their_canonical_form),
        TEST(malformed_locales_are_refused),
        TEST(locales_of_nobody_are_served_and_flagged),
        TEST(a_dropped_video_says_what_the_rule_saw),
        TEST(signals_are_accepted_once_each),
        TEST(late_signal_is_rejected_with_what_to_do),
        TEST(empty_batches_are_answered),
        TEST(catalogue_reports_new_same_and_bad_videos),
        TEST(partial_update_keeps_the_other_fields),
        TEST(embeddings_can_be_updated_alone_and_stay_otherwise),
        TEST(marks_of_inferred_fields_follow_their_fields),
        TEST(two_partial_updates_in_one_request_do_not_lose_one),
        TEST(deleted_video_is_dropped_and_can_come_back),
        TEST(statistics_count_what_happened),
        TEST(retried_rank_gets_the_same_answer),
        TEST(different_requests_have_different_ranking_ids),
        TEST(packed_form_agrees_with_the_slate),
        TEST(the_packed_form_has_propensities_where_chance_decides),
        TEST(unknown_experiment_is_refused),
        TEST(the_arm_of_an_experiment_is_in_the_answer),
        TEST(rankings_are_counted_by_arm),
        TEST(a_locale_that_the_weights_do_not_have_is_told_as_degraded),
        TEST(weights_are_checked_with_line_and_column),
        TEST(status_counts_and_digests),
        TEST(user_is_described),
        TEST(unknown_user_is_not_found),
        TEST(export_brings_the_user_and_each_signal_in_order),
        TEST(export_ends_where_its_reader_stops),
        TEST(export_takes_the_longest_id_and_refuses_longer_ones),
        TEST(catalogue_is_listed_page_by_page),
        TEST(page_size_and_token_are_checked),
        TEST(page_of_large_videos_stays_below_four_mebibytes),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
