#ifndef RANKER_PROFILE_H
#define RANKER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/lookup.h"
#include "ranker/perfect.h"
#include "ranker/selection.h"
#include "ranker/sieve.h"

enum { PROFILE_SEEN_BITS = 12 }; /* binary logarithm of how many bits tell what was seen */

/*
 * What ranking needs to know of one request's user, worked out once, so that each candidate costs a
 * probe where it would cost a walk over the user's lists. Lives in the request's arena.
 */
struct profile {
    const struct user *user; /* NULL: nothing is known */
    int64_t now_ms;
    struct locale locale;
    bool has_taste;       /* false: every taste is 0 */
    double new_user;      /* see feature.c, as those below */
    double session_depth; /* 0 where nobody asks */
    double hour_sin;
    double hour_cos;
    double taste_weights[AFFINITY_KIND_COUNT];
    /* affinity_strength() by the affinity's key; creators and categories that were seen of late
     * are there too, with 0 if that is all that is known of them. Durations are apart. */
    struct perfect tastes[AFFINITY_DURATION];
    /* The low 32 bits of the keys that are in tastes of that kind. */
    struct sieve sieves[AFFINITY_TAG + 1];
    /* By index in tastes of that kind: decayed number of videos seen of late. */
    double *seen_of_late[AFFINITY_CATEGORY + 1];
    double duration_tastes[DURATION_BUCKET_COUNT];
    struct perfect spoken;   /* by language, how well it suits the user to hear it: 0 to 1 */
    struct perfect captions; /* the same for reading captions */
    struct positions seen;   /* of the user's seen videos by key; empty unless it is asked for */
    uint64_t seen_bits[1 << (PROFILE_SEEN_BITS - 6)]; /* of keys that are in seen, by spread */
    struct language_suits *suits;                     /* filled while ranking */
};

/* What a user makes of a video's languages. */
struct language_suit {
    uint64_t languages; /* of a video, its array as one number */
    uint64_t captions;
    double taste; /* mean over languages */
    double match; /* see feature.c, language_match */
};

/*
 * Few sets of languages are in use, so each is worked out once and then found by its hash: a slot
 * holds the number of an item. Zeroed, as they begin, they are right: all slots hold the first
 * item, which suits a video without languages.
 */
enum { PROFILE_SUIT_SLOT_BITS = 10, PROFILE_SUITS = 64 };
struct language_suits {
    uint8_t slots[1 << PROFILE_SUIT_SLOT_BITS];
    uint8_t latest; /* the item that was worked out last */
    struct language_suit items[PROFILE_SUITS];
};

/*
 * What the model of the selection needs, and of the user's seen videos what the selection or the
 * request look at. What was seen of late, sums of 2^(-age / fatigue_half_life) over the
 * PROFILE_FATIGUE_VIDEOS videos seen last, so that it heals with time, needs a look at each of
 * those videos, so it is 0 unless the selection reads it.
 */
enum { PROFILE_FATIGUE_VIDEOS = 64 };
MUST_USE enum status profile_init(struct profile *profile, const struct user *user,
                                  const struct selection *selection,
                                  const struct rank_request *request, const struct videos *videos,
                                  struct arena *arena);

/*
 * How long ago the user last saw the video, at least 0; PROFILE_NEVER if not seen, or if neither
 * the request nor the selection asks.
 */
#define PROFILE_NEVER INT64_MAX
static inline int64_t profile_seen_age_ms(const struct profile *profile, uint64_t video_key)
{
    /* Nearly all have no bit: a jump that is foretold, where a home that is taken is not. */
    size_t at = lookup_spread(video_key, 64 - PROFILE_SEEN_BITS);
    if ((profile->seen_bits[at / 64] >> at % 64 & 1) == 0) {
        return PROFILE_NEVER;
    }
    uint16_t position = *positions_slot(&profile->seen, video_key);
    if (position == 0) {
        return PROFILE_NEVER;
    }
    int64_t age_ms = profile->now_ms - (int64_t)profile->user->seen[position - 1].time_s * 1000;
    return age_ms > 0 ? age_ms : 0;
}

#endif
