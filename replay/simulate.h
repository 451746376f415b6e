#ifndef REPLAY_SIMULATE_H
#define REPLAY_SIMULATE_H

#include <stdint.h>
#include <stdio.h>

#include "ranker/status.h"

/*
 * A made-up service to try, tune and test the ranker with: creators, videos, and users with known
 * tastes who are shown rankings and leave signals, in the languages and countries the project is
 * for. Besides the log there is the truth: what each user would think of videos that are still to
 * be ranked. docs/simulate.md tells of the model and the files. The same options give the same
 * bytes on every machine. Users user-hi, user-ru and user-id have plain tastes: comedy and food,
 * sports and music, travel and food.
 */
struct simulate_options {
    uint64_t seed;
    uint32_t video_count;      /* 1 to SIMULATE_LIMIT_VIDEOS */
    uint32_t user_count;       /* 1 to SIMULATE_LIMIT_USERS */
    uint32_t day_count;        /* 1 to SIMULATE_LIMIT_DAYS: how long the log is */
    uint32_t signal_count;     /* about how many the log has; 0 to SIMULATE_LIMIT_SIGNALS */
    uint32_t test_count;       /* rankings in the truth; 0 to SIMULATE_LIMIT_TESTS */
    uint32_t candidates_count; /* of each of them; 1 to SIMULATE_LIMIT_CANDIDATES */
    /* How much a video's appeal differs from locale to locale; 0 to SIMULATE_LIMIT_PERCENT. */
    uint32_t local_appeal_percent;
    int64_t now_ms; /* when the log ends; SIMULATE_NOW_MIN_MS to SIMULATE_NOW_MAX_MS */
    /* Told now and then how far a stage is; NULL: nobody asks. */
    void (*progress)(void *context, const char *stage, uint64_t done, uint64_t total);
    void *progress_context;
};

enum {
    SIMULATE_LIMIT_VIDEOS = 1000000,
    SIMULATE_LIMIT_USERS = 1000000,
    SIMULATE_LIMIT_DAYS = 28, /* a service refuses what is older than 30 days */
    SIMULATE_LIMIT_SIGNALS = 20000000,
    SIMULATE_LIMIT_TESTS = 100000,
    SIMULATE_LIMIT_CANDIDATES = 2000,
    SIMULATE_LIMIT_PERCENT = 1000
};

/* Videos are up to 60 days older than the log. */
#define SIMULATE_NOW_MIN_MS ((int64_t)(60 + SIMULATE_LIMIT_DAYS) * 24 * 3600 * 1000)
#define SIMULATE_NOW_MAX_MS INT64_C(253402300799999)

/* The usual options: 600 videos, 300 users, 30,000 signals in 14 days, 200 rankings of 100. */
struct simulate_options simulate_defaults(int64_t now_ms);

/* Where the parts go, in this order; NULL: not wanted. Two may be the same file. */
struct simulate_output {
    FILE *catalogue; /* JSON Lines of reelrank.v1.LogEntry: all videos */
    FILE *log;       /* the same: signals by time */
    FILE *truth;     /* JSON Lines of reelrank.replay.Truth */
};

/* STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status simulate_write(const struct simulate_options *options,
                                    const struct simulate_output *output);

/*
 * Writes ids of options->candidates_count of the videos, or of all there are, a line each, as a
 * retrieval for that language might find them: two of three in it, some that policy must drop.
 * language is BCP 47's.
 */
MUST_USE enum status simulate_write_candidates(const struct simulate_options *options,
                                               const char *language, FILE *out);

#endif
