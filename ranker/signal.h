#ifndef RANKER_SIGNAL_H
#define RANKER_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/locale.h"

/* Numbers of reelrank.v1.SignalType. */
enum signal_type {
    SIGNAL_IMPRESSION = 1,
    SIGNAL_PLAY = 2,
    SIGNAL_WATCH = 3,
    SIGNAL_COMPLETE = 4,
    SIGNAL_SKIP = 5,
    SIGNAL_LIKE = 6,
    SIGNAL_UNLIKE = 7,
    SIGNAL_SHARE = 8,
    SIGNAL_COMMENT = 9,
    SIGNAL_FOLLOW_CREATOR = 10,
    SIGNAL_UNFOLLOW_CREATOR = 11,
    SIGNAL_NOT_INTERESTED = 12,
    SIGNAL_HIDE_CREATOR = 13,
    SIGNAL_REPORT = 14,
    SIGNAL_TYPE_END
};

/* A validated signal, without its texts. Keys are hash_key() of the ids. */
struct signal {
    uint64_t user_key;
    uint64_t video_key;
    uint64_t ranking_key; /* 0: not from a ranking */
    enum signal_type type;
    uint32_t position; /* from 1; 0: unknown */
    int64_t time_ms;
    int64_t watch_ms;          /* cumulative in this view */
    int64_t video_duration_ms; /* 0: the catalogue's */
    struct locale locale;
};

/*
 * Labels of a view, by KuaiRand's public definitions. watch_ms and duration_ms at least 0. With an
 * unknown duration (0) valid play and long view use their fixed thresholds, complete is false, and
 * short play means below 3 s.
 */
bool signal_is_valid_play(int64_t watch_ms, int64_t duration_ms);
bool signal_is_long_view(int64_t watch_ms, int64_t duration_ms);
bool signal_is_short_play(int64_t watch_ms, int64_t duration_ms);
bool signal_is_complete(int64_t watch_ms, int64_t duration_ms);

/* Duration buckets: <= 7 s, 15 s, 30 s, 60 s, 2 min, 5 min, 10 min, longer; unknown is the last. */
enum { DURATION_BUCKET_COUNT = 9 };
unsigned signal_duration_bucket(int64_t duration_ms);

#endif
