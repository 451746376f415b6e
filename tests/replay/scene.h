#ifndef TESTS_REPLAY_SCENE_H
#define TESTS_REPLAY_SCENE_H

#include "ranker/state.h"
#include "ranker/weights.h"
#include "replay/contender.h"
#include "replay/timeline.h"

/*
 * A state of a few videos, and past rankings of them as a timeline tells them, for tests of what
 * replays estimate and measure.
 */
enum { SCENE_VIDEOS = 8, SCENE_ARENA_BYTES = 32 << 20 };

/*
 * Weights by which a candidate scores 0.1 * (1 + boost * r / (1 + r)), r its retrieval_score,
 * whatever users do. rest is further text of the file, such as "slate: {explore: plackett_luce}\n".
 */
#define SCENE_WEIGHTS(name, boost, rest)                                                       \
    "version: " name "\n"                                                                      \
    "value: {valid_play: 0, complete: 0, watch_quantile: 0, share: 0, follow: 0, skip: 0, "    \
    "not_interested: 0, report: 0, like: 0, long_view: 0}\n"                                   \
    "multipliers: {freshness: 0, popularity: 0, curated: 0, premium: 0, language_match: 0, "   \
    "local_creator: 0, follows_creator: 0, new_video: 0, seen_before: 0, fatigue_creator: 0, " \
    "fatigue_category: 0, quality: 0, retrieval: " boost "}\n" rest

struct scene {
    struct state *state;
    struct arena arena;
    uint64_t sequence;
    /* All videos are candidates, in this order, and the first has the highest retrieval_score. */
    uint64_t keys[SCENE_VIDEOS];
    double retrieval_scores[SCENE_VIDEOS];
};

void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* A fresh arena. */
struct arena *scene_arena(struct scene *scene);

struct weights *scene_weights(const char *yaml);

/* Of the first count candidates, asked for by a user (0: a visitor) at a time. */
struct rank_request scene_request(const struct scene *scene, uint64_t user_key, size_t count,
                                  int64_t time_ms);

/* Of what was served, from the first position on; nothing was drawn until propensities are set. */
struct past_ranking scene_ranking(const struct rank_request *request, uint64_t ranking_key,
                                  const uint32_t *served, size_t served_count);

/* What a user did with a video. ranking_key 0: names none. */
struct signal scene_signal(const struct scene *scene, uint64_t user_key, uint64_t ranking_key,
                           size_t video, enum signal_type type, int64_t time_ms);

#endif
