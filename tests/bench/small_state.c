#include "tests/bench/small_state.h"

#include "ranker/check.h"
#include "tests/bench/dataset.h"

enum { VIEWERS = 20 };

/* A state in the making. */
struct making {
    struct state *state;
    uint64_t sequence;
    uint64_t seed;
};

static uint64_t draw(struct making *making, uint64_t below)
{
    making->seed = making->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (making->seed >> 33) % below;
}

uint64_t small_state_key(uint64_t number)
{
    return dataset_mix(number + 1);
}

static void apply(struct making *making, const struct event *event)
{
    CHECK(state_apply(making->state, ++making->sequence, event) == STATUS_OK);
}

static void put_video(struct making *making, uint64_t number)
{
    struct event event = {.kind = EVENT_VIDEO};
    event.u.video = (struct video_facts){
        .key = small_state_key(number),
        .creator_key = small_state_key(draw(making, 60)),
        .languages = {SMALL_STATE_HINDI},
        .duration_ms = (uint32_t)(1000 + draw(making, 90000)),
        .published_ms = SMALL_STATE_NOW_MS - (int64_t)draw(making, 1000) * 3600000,
        .creator_region = SMALL_STATE_INDIA,
        .quality = 0.5F,
        .safety = SAFETY_LOW,
    };
    for (unsigned i = 0; i < 2; i++) {
        event.u.video.category_keys[i] = small_state_key(draw(making, 30));
        event.u.video.tag_keys[i] = small_state_key(draw(making, 100));
    }
    apply(making, &event);
}

static void send(struct making *making, uint64_t user, uint64_t video, enum signal_type type)
{
    struct event event = {.kind = EVENT_SIGNAL};
    event.u.signal = (struct signal){
        .user_key = user,
        .video_key = video,
        .type = type,
        .watch_ms = (int64_t)draw(making, 30000),
        .time_ms = SMALL_STATE_NOW_MS - (int64_t)draw(making, 86400000),
        .locale = {.language = SMALL_STATE_HINDI, .region = SMALL_STATE_INDIA},
    };
    apply(making, &event);
}

static void fill(struct making *making)
{
    for (uint64_t number = 0; number < SMALL_STATE_VIDEOS; number++) {
        uint64_t key = small_state_key(number);
        put_video(making, number);
        for (uint64_t user = SMALL_STATE_USER + 1; user <= SMALL_STATE_USER + VIEWERS; user++) {
            send(making, user, key, SIGNAL_WATCH);
            send(making, user, key, draw(making, 8) == 0 ? SIGNAL_LIKE : SIGNAL_IMPRESSION);
        }
        send(making, SMALL_STATE_USER, key, draw(making, 4) == 0 ? SIGNAL_LIKE : SIGNAL_WATCH);
        if (draw(making, 16) == 0) {
            send(making, SMALL_STATE_USER, key, SIGNAL_FOLLOW_CREATOR);
        }
    }
}

struct state *small_state_new(void)
{
    struct making making = {.state = state_new()};
    CHECK(making.state != NULL);
    fill(&making);
    return making.state;
}
