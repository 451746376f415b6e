#ifndef TESTS_BENCH_SMALL_STATE_H
#define TESTS_BENCH_SMALL_STATE_H

#include "ranker/state.h"

/*
 * A made-up state that the processor's caches hold: each video has views in its region, and one
 * user has seen them all, liked a quarter and followed some creators. No policy drops a video.
 */
enum { SMALL_STATE_VIDEOS = 512, SMALL_STATE_USER = 1 };
enum { SMALL_STATE_HINDI = 8 * 32 + 9, SMALL_STATE_INDIA = 9 * 32 + 14 };
#define SMALL_STATE_NOW_MS INT64_C(1704088800000)

/* The same each time; the caller's, for state_free(). */
struct state *small_state_new(void);

/* Of a video, its number below SMALL_STATE_VIDEOS. Tables are made for keys that are hashes. */
uint64_t small_state_key(uint64_t number);

#endif
