#ifndef REPLAY_SIMULATE_VIEW_H
#define REPLAY_SIMULATE_VIEW_H

#include "replay/simulate_world.h"
#include "replay/view_event.h"

/*
 * What a user makes of a video: the true probabilities, and draws from them. docs/simulate.md gives
 * the formulas.
 */

/* What a user remembers of late, for what has become too much of one thing. */
enum { MEMORY_VIEWS = 24 };

struct memory {
    uint32_t videos[MEMORY_VIEWS]; /* a ring of the last ones looked at */
    uint32_t times_s[MEMORY_VIEWS];
    uint32_t count; /* of all views so far */
};

void memory_add(struct memory *memory, uint32_t video, int64_t time_ms);

enum view_event {
#define X(name, text) VIEW_##name,
    VIEW_EVENT_MAP(X)
#undef X
        VIEW_EVENT_COUNT
};

/* One user before one video. */
struct view {
    const struct world *world;
    uint32_t user;
    uint32_t video;
    int64_t time_ms;
    bool seen;    /* looked at before */
    bool follows; /* the creator, before this view */
};

struct view_truth {
    double utility;                  /* 0 to 1: chance that the user calls it worth the time */
    double events[VIEW_EVENT_COUNT]; /* chances, once the user looks at it */
    /* What views are drawn from: of reactions, the chance given what must come before. */
    double given[VIEW_EVENT_COUNT];
    double watch_median_ms;
};

/* A pure function of its arguments. */
struct view_truth view_judge(const struct view *view, const struct memory *memory);

struct view_outcome {
    bool happened[VIEW_EVENT_COUNT];
    int64_t watch_ms; /* 0 when skipped */
};

/* Draws what comes of the view. */
struct view_outcome view_draw(const struct view *view, const struct view_truth *truth,
                              struct random *random);

/* The chance that a user looks at what stands at a position, from 1, of a screen. */
double view_examination(unsigned position);

/* How well the user understands the video's words: 0 to 1. */
double view_fluency(const struct world_user *user, const struct world_video *video,
                    const struct world_creator *creator);

#endif
