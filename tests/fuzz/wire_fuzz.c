#include <stdlib.h>

#include "config/default_weights.h"
#include "ranker/check.h"
#include "ranker/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Bytes of a RankRequest, Signal or Video (the first byte chooses) through decoding and checking; a
 * request that passes is ranked and answered. Whatever the bytes, every candidate is accounted for.
 */
enum { ARENA_SIZE = 16 << 20, NOW_MS = 1700000000 };

static struct state *known_state(void)
{
    static const char *const ids[] = {"a", "b", "c"};
    struct state *state = state_new();
    CHECK(state != NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct event event = {.kind = EVENT_VIDEO};
        Reelrank__V1__Video message = REELRANK__V1__VIDEO__INIT;
        message.video_id = (char *)ids[i];
        message.safety_rating = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK;
        CHECK(wire_video(&message, &event.u.video, NULL) == STATUS_OK);
        CHECK(state_apply(state, i + 1, &event) == STATUS_OK);
    }
    return state;
}

static struct weights *shipped_weights(void)
{
    static struct weights_problems problems;
    struct weights *weights = NULL;
    struct text yaml = {default_weights, default_weights_size};
    CHECK(weights_parse(yaml, &weights, &problems) == STATUS_OK);
    return weights;
}

static void try_rank(const uint8_t *data, size_t size, struct arena *arena)
{
    static struct state *state;
    static struct weights *weights;
    if (state == NULL) {
        state = known_state();
        weights = shipped_weights();
    }
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__RankRequest *message =
        reelrank__v1__rank_request__unpack(&allocator, size, data);
    struct rank_request request;
    struct problem problem;
    if (message == NULL ||
        wire_rank_request(message, NOW_MS, arena, &request, &problem) != STATUS_OK) {
        return;
    }
    struct rank_result result;
    struct weights_chosen chosen;
    if (weights_choose(weights, request.locale, request.user_key, text_of(message->experiment),
                       &chosen, &problem) != STATUS_OK) {
        return;
    }
    if (rank(state, chosen.model, &request, arena, &result) != STATUS_OK) {
        return;
    }
    CHECK(result.count + result.dropped_count == request.count);
    const char *ranking_id = NULL;
    Reelrank__V1__RankResponse *response = NULL;
    enum status status =
        wire_ranking_id(message, &request, &chosen, result.state_sequence, arena, &ranking_id);
    if (status == STATUS_OK) {
        status =
            wire_rank_response(message, &request, &result, &chosen, ranking_id, arena, &response);
    }
    CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
}

static void try_signal(const uint8_t *data, size_t size, struct arena *arena)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Signal *message = reelrank__v1__signal__unpack(&allocator, size, data);
    struct signal signal;
    struct problem problem;
    if (message != NULL && wire_signal(message, NOW_MS, &signal, &problem) == STATUS_OK) {
        CHECK(signal.user_key != 0 && signal.video_key != 0);
    }
}

static void try_video(const uint8_t *data, size_t size, struct arena *arena)
{
    ProtobufCAllocator allocator = wire_allocator(arena);
    const Reelrank__V1__Video *message = reelrank__v1__video__unpack(&allocator, size, data);
    struct video_facts facts;
    struct problem problem;
    if (message != NULL && wire_video(message, &facts, &problem) == STATUS_OK) {
        CHECK(facts.key != 0 && facts.safety >= SAFETY_UNRATED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *memory;
    static struct arena arena;
    if (size == 0) {
        return 0;
    }
    if (memory == NULL) {
        memory = malloc(ARENA_SIZE);
        CHECK(memory != NULL);
        arena_init(&arena, memory, ARENA_SIZE);
    }
    switch (data[0] % 3) {
    case 0:
        try_rank(data + 1, size - 1, &arena);
        break;
    case 1:
        try_signal(data + 1, size - 1, &arena);
        break;
    default:
        try_video(data + 1, size - 1, &arena);
        break;
    }
    arena_reset(&arena);
    return 0;
}
