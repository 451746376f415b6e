#ifndef RANKER_USER_H
#define RANKER_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/exact.h"
#include "ranker/signal.h"
#include "ranker/status.h"

struct video;
struct video_more;

enum affinity_kind {
    AFFINITY_CREATOR,
    AFFINITY_CATEGORY,
    AFFINITY_TAG,
    AFFINITY_LANGUAGE,
    AFFINITY_DURATION,
    AFFINITY_KIND_COUNT
};

/* Most entries a user keeps; the least (|decayed value|, then oldest) makes room. */
enum {
    USER_AFFINITIES_MAX = 48, /* of each kind */
    USER_SEEN_MAX = 512,      /* the least recently seen makes room */
    USER_FOLLOWS_MAX = 512,   /* the one longest ago makes room */
    USER_HIDES_MAX = 512      /* likewise */
};

enum { AFFINITY_HALF_LIFE_S = 14 * 24 * 3600 };

/*
 * Taste for one thing: a sum of gains, each decayed with a half-life of 14 days. The gain of a
 * signal: valid play +0.5, long view +1, complete +0.5 (each once a view), like +2, unlike -2,
 * share +3, comment +1, follow +4 and unfollow -4 (creator only), skip -0.5, not interested -4,
 * hide creator -8 (creator only), report -4. Negative evidence lowers the like of the same creator,
 * category, tag, language and duration alike.
 */
struct affinity {
    uint64_t key; /* creator: hash_key(); category, tag: its low 32 bits; language: code; duration:
                     bucket + 1 */
    float value;
    uint32_t time_s; /* when value was current */
};

/* A video the user has seen, and the view now going on. */
struct seen {
    uint64_t video_key;
    uint64_t ranking_key;
    uint32_t time_s;       /* last impression, play, watch or skip */
    uint32_t watch_ms;     /* in the current view */
    uint16_t watch_region; /* of the view's first watch, with SEEN_WATCHED */
    uint8_t watch_bucket;  /* duration bucket, likewise */
    uint8_t flags;         /* enum seen_flag */
};

enum seen_flag {
    SEEN_VALID_PLAY = 1,
    SEEN_LONG_VIEW = 2,
    SEEN_COMPLETE = 4,
    SEEN_LIKED = 8,
    SEEN_WATCHED = 16,
    SEEN_PLAYED = 32
};

/* All that is known of a user: a function of that user's own signals in log order. */
struct user {
    uint64_t key;
    int64_t first_signal_ms;
    int64_t last_signal_ms;
    uint64_t signal_count;
    uint16_t affinity_count[AFFINITY_KIND_COUNT];
    uint16_t affinity_capacity[AFFINITY_KIND_COUNT];
    uint16_t seen_count;
    uint16_t seen_capacity;
    uint16_t follow_count;
    uint16_t follow_capacity;
    uint16_t hide_count;
    uint16_t hide_capacity;
    uint32_t block_bytes; /* of a user of user_copy(): the user and the lists behind it; else 0 */
    uint32_t bytes;       /* of all its memory: the block's and those of lists apart */
    /* Owned, each a block of its own unless it lies in the user's. */
    struct affinity *affinities[AFFINITY_KIND_COUNT]; /* in order of arrival */
    struct seen *seen;                                /* least recent first */
    uint64_t *follows;                                /* creator keys, sorted */
    uint64_t *hides;                                  /* creator keys, sorted */
    uint32_t *follow_times_s;                         /* when each of follows began */
    uint32_t *hide_times_s;                           /* when each of hides began */
};

/* How a signal moves the current view, for the statistics to count once. */
struct view_change {
    int64_t watch_before_ms; /* -1: no watch in the view so far */
    int64_t
        watch_after_ms; /* not below watch_before_ms; equal where the signal tells of no growth */
    uint16_t watch_region; /* where the view's watch time counts, set by its first watch, */
    uint8_t watch_bucket;  /* so that growth stays there whatever later signals say */
    bool plays;            /* playback of a view began */
    bool valid_play;       /* reached for the first time in this view */
    bool long_view;
    bool complete;
    int like; /* +1, 0, -1 */
};

/*
 * Applies one signal of this user. video is its row with what it has more, or NULL when nothing
 * is known of it.
 * STATUS_NO_MEMORY leaves the user usable but possibly half changed; the caller must stop.
 */
MUST_USE enum status user_apply(struct user *user, const struct signal *signal,
                                const struct video *video, const struct video_more *more,
                                struct view_change *out);

bool user_follows(const struct user *user, uint64_t creator_key);
bool user_hides(const struct user *user, uint64_t creator_key);

/* How long ago value was current; at least 0. */
static inline double affinity_age_ms(const struct affinity *affinity, int64_t now_ms)
{
    int64_t age_ms = now_ms - (int64_t)affinity->time_s * 1000;
    return (double)(age_ms > 0 ? age_ms : 0);
}

/* The value after that time, squashed to (-1, 1) by v / (1 + |v|). Without jumps, for loops. */
static inline double affinity_strength_after(double value, double age_ms)
{
    double decayed = value * exact_exp2(-age_ms / (AFFINITY_HALF_LIFE_S * 1000.0));
    return decayed / (1 + (decayed < 0 ? -decayed : decayed));
}

/* value decayed to now, squashed likewise. */
static inline double affinity_strength(const struct affinity *affinity, int64_t now_ms)
{
    return affinity_strength_after((double)affinity->value, affinity_age_ms(affinity, now_ms));
}

/*
 * A copy in one block of memory, so that who ranks finds all of it in one place; lists that grow
 * later leave it for blocks of their own. For user_free(); NULL when memory is short.
 */
struct user *user_copy(const struct user *from);

/* Frees a copy with its lists. NULL is allowed. */
void user_free(struct user *user);

/* Frees the lists of a user that is not a copy. */
void user_release(struct user *user);

/* Bytes of memory that a copy takes, as they were asked for. */
static inline size_t user_bytes(const struct user *user)
{
    return user->bytes;
}

#endif
