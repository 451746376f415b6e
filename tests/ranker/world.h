#ifndef TESTS_RANKER_WORLD_H
#define TESTS_RANKER_WORLD_H

#include "ranker/rank.h"

/* A state, a model written by hand, and a generator of numbers, for tests of rank(). */

/* Codes as locale.h has them. */
enum {
    HINDI = (8 * 32 + 9) * 32,
    ENGLISH = (5 * 32 + 14) * 32,
    RUSSIAN = (18 * 32 + 21) * 32,
    TAMIL = (20 * 32 + 1) * 32,
    URDU = (21 * 32 + 18) * 32
};
enum { INDIA = 9 * 32 + 14, RUSSIA = 18 * 32 + 21 };

enum { WORLD_MEMORY = 4 << 20 }; /* what rank.h promises to be enough for the largest request */

struct world {
    struct state *state;
    struct model model;
    struct arena arena; /* of WORLD_MEMORY bytes */
    uint64_t sequence;
    uint64_t seed;
};

/* An empty state; end it with end_world(). */
struct world world_of(struct model model);
void end_world(struct world *world);

/* A model that values nothing and drops only what is risky, unrated or of another's age. */
struct model worthless_model(void);

/* From 0 below 2^31, and from 0 to below 1. */
uint64_t next_random(struct world *world);
double next_unit(struct world *world);

/* 20 s of spoken Hindi, safe, by a creator of its own. */
struct video_facts plain_video(uint64_t key);
void put_video(struct world *world, struct video_facts facts);
void send_signal(struct world *world, struct signal signal);

/* Ranks with all of the world's memory; what the call before gave is no more. */
struct rank_result run(struct world *world, const struct rank_request *request);

#endif
