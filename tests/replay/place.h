#ifndef TESTS_REPLAY_PLACE_H
#define TESTS_REPLAY_PLACE_H

#include "ranker/arena.h"
#include "ranker/text.h"
#include "ranker/weights.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/test.h"

struct journal;
struct store;

/*
 * A data directory with PLACE_VIDEOS videos, one user, and decisions that are made and journaled as
 * a server does it.
 */
enum { PLACE_MAP_BYTES = 64 << 20, PLACE_VIDEOS = 6, PLACE_NOW_MS = 1700000000 };

/* Weights that make scores of like, long_view and quality alone. */
#define PLACE_SCORE_OF(like, long_view, quality)                                               \
    "version: w\nvalue: {valid_play: 0, complete: 0, watch_quantile: 0, share: 0, follow: 0, " \
    "skip: 0, not_interested: 0, report: 0, like: " like ", long_view: " long_view "}\n"       \
    "multipliers: {freshness: 0, popularity: 0, curated: 0, premium: 0, language_match: 0, "   \
    "local_creator: 0, follows_creator: 0, new_video: 0, seen_before: 0, retrieval: 0, "       \
    "fatigue_creator: 0, fatigue_category: 0, quality: " quality "}\nslate: {creator_decay: 1}\n"

struct place {
    char path[TEST_PATH_SIZE];
    struct arena arena;
    struct store *store;
    struct journal *journal;
    struct weights *weights; /* that serve */
};

/* Its log has the videos v0 to v5 of three creators, then a like of v1 by the user u. */
struct place *place_open(const char *yaml);

/* Any signal, as it stands. */
void place_signal(struct place *place, const Reelrank__V1__Signal *signal);

/* Ends what writes; the path is good until place_free(). */
void place_close(struct place *place);
void place_free(struct place *place);

void place_like(struct place *place, const char *event_id, const char *video_id);

/* By the user, of a video of 20 s. */
void place_watch(struct place *place, const char *event_id, const char *video_id, int64_t watch_ms);

uint64_t place_sequence(struct place *place);

/* Adds a version to the history, under the name of the one that serves. */
void place_keep_weights(struct place *place, const char *yaml);

/* Ranks all videos and an unknown one for the user, and packs the decision. */
struct text place_decide(struct place *place);

/*
 * After place_close(): the state of record `last`, the newest, becomes a snapshot, and the log goes
 * on from there.
 */
void place_trim(const struct place *place, uint64_t last);

/* Journals it as made with the state of that sequence. */
void place_write(struct place *place, struct text packed, uint64_t sequence);

#endif
