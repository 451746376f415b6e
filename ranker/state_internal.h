#ifndef RANKER_STATE_INTERNAL_H
#define RANKER_STATE_INTERNAL_H

#include "ranker/state.h"
#include "ranker/table.h"

/* What a state is made of, for the files that apply events to it and digest it. */

/* Statistics of one video in one scope. */
struct scoped_stats {
    uint64_t hash; /* of video, kind and code */
    uint64_t video_key;
    uint8_t kind; /* enum scope_kind */
    uint16_t code;
    struct stats stats;
};

struct state {
    struct videos *videos; /* owned */
    struct table users;    /* struct user; keyed by its key */
    struct table stats;    /* struct scoped_stats */
    struct watch watch;
    uint64_t live_videos; /* known and not deleted */
    uint64_t sequence;
    int64_t newest_signal_ms;
};

#endif
