#include "tests/server/whole_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/wire.h"
#include "store/files.h"

enum { TURNS_MAX = 10000, MAP_SIZE = 256 << 20, CODE_UNKNOWN = 2 };

static void open_store(struct whole_service *whole)
{
    struct problem problem = {""};
    struct store_options options = {
        .log = {.path = whole->directory, .map_bytes = MAP_SIZE},
        .window_length = 1024,
    };
    CHECK(store_open(&options, &whole->store, &problem) == STATUS_OK);
    struct journal_options journal = {.data = whole->directory,
                                      .bytes_max = JOURNAL_BYTES_MIN,
                                      .share_ppm = JOURNAL_SHARE_ALL,
                                      .queue_bytes = 1 << 20};
    CHECK(journal_open(&journal, &whole->journal, &problem) == STATUS_OK);
    struct keeper_options keeper = {.store = whole->store,
                                    .directory = whole->directory,
                                    .journal = whole->journal,
                                    .map_bytes = MAP_SIZE};
    CHECK(keeper_new(&keeper, &whole->keeper) == STATUS_OK);
}

static void close_store(struct whole_service *whole)
{
    keeper_free(whole->keeper);
    journal_close(whole->journal);
    store_close(whole->store);
}

static void open_service(struct whole_service *whole)
{
    CHECK(weights_life_new(store_log(whole->store), &whole->life) == STATUS_OK);
    struct service_options options = {.store = whole->store,
                                      .life = whole->life,
                                      .directory = whole->directory,
                                      .journal = whole->journal};
    CHECK(service_new(&options, &whole->service) == STATUS_OK);
    struct method *next = whole->methods;
    service_methods(whole->service, next);
    next += SERVICE_METHOD_COUNT;
    CHECK(health_new(whole->methods, SERVICE_METHOD_COUNT, &whole->health) == STATUS_OK);
    health_methods(whole->health, next);
    next += HEALTH_METHOD_COUNT;
    CHECK(reflection_descriptors(&whole->descriptors) == STATUS_OK);
    reflection_methods(whole->descriptors, next);
}

static void close_service(struct whole_service *whole)
{
    service_free(whole->service);
    health_free(whole->health);
    descriptors_free(whole->descriptors);
    weights_life_free(whole->life);
}

/* In memory where the system has such a place: a disk would wait at each commit. */
static void make_directory(struct whole_service *whole)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(whole->directory, sizeof(whole->directory), "%s/service_fuzz.XXXXXX", base);
    CHECK(mkdtemp(whole->directory) != NULL);
}

static void remove_directory(struct whole_service *whole)
{
    char journal[PATH_MAX + 16];
    snprintf(journal, sizeof(journal), "%s/journal", whole->directory);
    files_remove(journal);
    files_remove(whole->directory);
}

void whole_service_open(struct whole_service *whole)
{
    memset(whole, 0, sizeof(*whole));
    make_directory(whole);
    open_store(whole);
    open_service(whole);
}

void whole_service_close(struct whole_service *whole)
{
    close_service(whole);
    close_store(whole);
    remove_directory(whole);
}

void whole_service_digest(struct whole_service *whole, struct state_digests *out)
{
    const struct state *state = store_begin(whole->store);
    CHECK(state_digest(state, out) == STATUS_OK);
    store_end(whole->store);
}

static void remove_file(const struct whole_service *whole, const char *name)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", whole->directory, name);
    (void)unlink(path);
}

void whole_service_close_checked(struct whole_service *whole)
{
    struct state_digests before;
    struct state_digests after;
    close_service(whole);
    whole_service_digest(whole, &before);
    close_store(whole);
    remove_file(whole, "state.mdb");
    open_store(whole);
    whole_service_digest(whole, &after);
    CHECK(memcmp(&before, &after, sizeof(before)) == 0);
    close_store(whole);
    remove_directory(whole);
}

static void check_answer(const struct method *method, const struct turn *turn, struct text answer)
{
    const ProtobufCMessageDescriptor *output = method_descriptor(method)->output;
    ProtobufCMessage *message =
        protobuf_c_message_unpack(output, NULL, answer.size, (const uint8_t *)answer.data);
    CHECK(message != NULL);
    CHECK(protobuf_c_message_check(message));
    protobuf_c_message_free_unpacked(message, NULL);
    CHECK(turn->status == STATUS_OK);
}

/* As the transport packs it, outside of the arena. */
static void take_answer(const struct method *method, struct turn *turn)
{
    if (turn->response == NULL) {
        CHECK(turn->response_bytes.data != NULL || turn->response_bytes.size == 0);
        check_answer(method, turn, turn->response_bytes);
        return;
    }
    size_t size = wire_packed_size(turn->response);
    uint8_t *bytes = malloc(size + 1);
    CHECK(bytes != NULL);
    wire_pack(turn->response, bytes);
    check_answer(method, turn, (struct text){.data = (const char *)bytes, .size = size});
    free(bytes);
}

static void check_failure(const struct turn *turn)
{
    CHECK(turn->problem.text[0] != '\0');
    CHECK(memchr(turn->problem.text, '\0', sizeof(turn->problem.text)) != NULL);
    CHECK(method_code(turn->status) != CODE_UNKNOWN);
}

static void write_batch(struct whole_service *whole, struct turn *turn)
{
    store_write(whole->store, &turn->batch, 1);
    if (turn->batch->erase && turn->batch->status == STATUS_OK) {
        turn->batch->status = keeper_erase(whole->keeper, &turn->problem);
    }
}

/* The next turn of one that goes on; false: what came is all. */
static bool goes_on(enum turn_step step, const struct method *method, struct turn *turn)
{
    if (step == TURN_WAIT) {
        return false;
    }
    if (method->kind == METHOD_SERVER_STREAM) {
        arena_reset(turn->arena);
    }
    turn->request = NULL;
    turn->response = NULL;
    turn->response_bytes = (struct text){0};
    return true;
}

static enum turn_step take_turn(struct whole_service *whole, const struct method *method,
                                struct turn *turn)
{
    enum turn_step step = method->begin(method->context, turn);
    if (step == TURN_WRITE) {
        write_batch(whole, turn);
    }
    if (step == TURN_WRITE || step == TURN_WORK) {
        method->finish(method->context, turn);
        return TURN_DONE;
    }
    return step;
}

static bool has_answer(const struct method *method, const struct turn *turn, bool last,
                       enum turn_step step)
{
    switch (method->kind) {
    case METHOD_SERVER_STREAM:
        return step == TURN_MORE;
    case METHOD_CLIENT_STREAM:
        return last && turn->status == STATUS_OK;
    default:
        return step == TURN_DONE && turn->status == STATUS_OK;
    }
}

static void release_held(struct turn *turn)
{
    if (turn->release != NULL) {
        turn->release(turn->held);
        turn->release = NULL;
    }
}

bool whole_service_run(struct whole_service *whole, const struct method *method, struct turn *turn)
{
    bool last = turn->request == NULL;
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        enum turn_step step = take_turn(whole, method, turn);
        if (step == TURN_DONE && turn->status != STATUS_OK) {
            check_failure(turn);
        } else if (has_answer(method, turn, last, step)) {
            take_answer(method, turn);
        }
        release_held(turn);
        if (step == TURN_DONE || !goes_on(step, method, turn)) {
            return turn->status == STATUS_OK;
        }
    }
    abort(); /* a call that does not end */
}

bool whole_service_decode(const struct method *method, struct turn *turn)
{
    turn->request = wire_unpack(method_descriptor(method)->input, turn->request_bytes, turn->arena,
                                &turn->notes);
    return turn->request != NULL;
}
