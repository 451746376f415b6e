#ifndef TESTS_BENCH_DATASET_H
#define TESTS_BENCH_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"

/*
 * The synthetic catalogue and its traffic: every video, user and signal is a function of its number
 * and of how many there are, so that the program which fills a store and the one which writes
 * requests agree without talking. Nothing here is forbidden to anybody, so no candidate is dropped.
 * Low numbers are popular.
 */

/* The time requests are made as of: 2026-01-01 UTC. Fixed, so that scores are the same in every
 * run. */
#define DATASET_NOW_MS INT64_C(1767225600000)

enum { DATASET_ID_SIZE = 12, DATASET_SKEW = 3 };

/* 64 well mixed bits of a number; a bijection (splitmix64's finalizer). */
uint64_t dataset_mix(uint64_t number);

/* A stream of random numbers. */
struct dataset_draw {
    uint64_t state;
};
uint64_t dataset_draw(struct dataset_draw *draw, uint64_t below);

/*
 * Low numbers more often: a uniform number from 0 to 1 to the power of skew, times below. 1 is
 * uniform; with DATASET_SKEW a tenth of the numbers comes nearly half of the time.
 */
uint64_t dataset_draw_skewed(struct dataset_draw *draw, uint64_t below, unsigned skew);

/* 11 characters of base64url, different for each number, and a zero. */
void dataset_video_id(uint64_t number, char out[DATASET_ID_SIZE]);
void dataset_user_id(uint64_t number, char out[DATASET_ID_SIZE]);

/* BCP 47 tag of the user's app. */
const char *dataset_locale(uint64_t user);

/* A message and what it points to; must not be moved. */
struct dataset_video {
    Reelrank__V1__Video message;
    char id[DATASET_ID_SIZE];
    char creator[32];
    char *languages[1];
    char *captions[1];
    char category_names[2][16];
    char *categories[2];
    char tag_names[4][16];
    char *tags[4];
};
void dataset_video(uint64_t number, uint64_t videos, struct dataset_video *out);

struct dataset_signal {
    Reelrank__V1__Signal message;
    char user[DATASET_ID_SIZE];
    char video[DATASET_ID_SIZE];
};

/* Signal index, below count, of a user who has count of them: two for each view. */
void dataset_signal(uint64_t user, unsigned index, unsigned count, uint64_t videos,
                    struct dataset_signal *out);

#endif
