#ifndef REPLAY_DEMO_H
#define REPLAY_DEMO_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/status.h"

/*
 * A small made-up service to show and test the ranker with: creators, videos and two weeks of
 * users' signals, in the languages and countries the project is for. The same options give the same
 * bytes on every machine. Users user-hi, user-ru and user-id have plain tastes: comedy and food,
 * sports and music, travel and food.
 */
struct demo_options {
    uint64_t seed;
    uint32_t video_count;  /* 1 to DEMO_LIMIT_VIDEOS */
    uint32_t user_count;   /* 1 to DEMO_LIMIT_USERS */
    uint32_t signal_count; /* 0 to DEMO_LIMIT_SIGNALS */
    int64_t now_ms;        /* when the last signals happen; at least DEMO_SPAN_MS */
};

enum { DEMO_LIMIT_VIDEOS = 100000, DEMO_LIMIT_USERS = 100000, DEMO_LIMIT_SIGNALS = 5000000 };

#define DEMO_SPAN_MS ((int64_t)74 * 24 * 3600 * 1000) /* 60 days of videos, 14 of signals */

/* Writes JSON Lines: all videos, then the signals by time. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status demo_write(const struct demo_options *options, FILE *out);

/*
 * Writes count ids of those videos, or all there are, a line each, as a retrieval for that language
 * might find them: two of three in it, some that policy must drop. language is BCP 47's.
 */
MUST_USE enum status demo_write_candidates(const struct demo_options *options, const char *language,
                                           uint32_t count, FILE *out);

#endif
