#ifndef REPLAY_SIMULATE_LIFE_H
#define REPLAY_SIMULATE_LIFE_H

#include "ranker/signal.h"
#include "replay/keyset.h"
#include "replay/simulate_view.h"

/*
 * What happens in a world: people open the app, are shown screens of videos by the feed of then,
 * and react. That feed knows languages and what is popular, but no user's tastes; it draws each
 * screen by Plackett and Luce's model, so the chance of each choice is known.
 */
enum { LIFE_SCREEN = 10, LIFE_POOL = 40 };

/* A screen that was shown; positions that were not reached are not in it. */
struct life_screen {
    int64_t time_ms;
    uint32_t user;
    uint32_t shown; /* at most LIFE_SCREEN */
    uint32_t videos[LIFE_SCREEN];
    double chances[LIFE_SCREEN]; /* of this choice among those left for the position */
};

struct life_event {
    int64_t time_ms;
    int32_t watch_ms;
    uint32_t user;
    uint32_t video;
    uint32_t number;  /* in the order of making */
    uint32_t screen;  /* its index */
    uint8_t position; /* from 1 */
    uint8_t type;     /* enum signal_type */
};

struct life {
    const struct simulate_options *options;
    const struct world *world;
    uint32_t *by_language; /* indices of videos, by language, the oldest first */
    uint32_t first[WORLD_LANGUAGES + 1];
    struct memory *memories; /* by user */
    uint32_t *signal_counts; /* by user */
    uint32_t *impressions;   /* by video */
    float *plays;            /* by video: valid plays, decayed to play_times_s */
    uint32_t *play_times_s;  /* by video */
    struct keyset *seen;     /* pairs of user and video */
    struct keyset *follows;  /* pairs of user and creator */
    struct life_event *events;
    struct life_screen *screens;
    size_t event_count;
    size_t event_capacity;
    size_t screen_count;
    size_t screen_capacity;
};

/* Lives until the log ends; events are by time then. Release it even after a failure. */
MUST_USE enum status life_live(struct life *life, const struct world *world,
                               const struct simulate_options *options);
void life_release(struct life *life);

/* Fills by_language and first alone, for who only wants to draw videos. Release it even then. */
MUST_USE enum status life_index(struct life *life, const struct world *world,
                                const struct simulate_options *options);

/* Tells whoever asked for it, for one done in 256. */
void life_tell(const struct simulate_options *options, const char *stage, uint64_t done,
               uint64_t total);

/* The user of a ranking of the truth. */
uint32_t life_test_user(const struct world *world, uint32_t test);

/* One user before one video at a time, as life has been so far. */
struct view life_view(const struct life *life, uint32_t user, uint32_t video, int64_t time_ms);

/*
 * Draws a video of the language that was published by then, or, where there is none, by that time
 * any video. False when even the draw from all finds none.
 */
bool life_draw_video(const struct life *life, enum world_language language, int64_t published_by_ms,
                     struct random *random, uint32_t *out);

/* Valid plays, decayed to a time with a half-life of three days. */
double life_popularity(const struct life *life, uint32_t video, int64_t time_ms);

#endif
