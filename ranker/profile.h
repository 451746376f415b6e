#ifndef RANKER_PROFILE_H
#define RANKER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/lookup.h"
#include "ranker/perfect.h"
#include "ranker/selection.h"

/*
 * What ranking needs to know of one request's user, worked out once, so that each candidate costs a
 * probe where it would cost a walk over the user's lists. Lives in the request's arena.
 */
struct profile {
    const struct user *user; /* NULL: nothing is known */
    int64_t now_ms;
    struct locale locale;
    bool has_taste;       /* false: every taste is 0 */
    bool has_seen;        /* false: no video is seen, or nobody asks */
    double new_user;      /* see feature.c, as those below */
    double session_depth; /* 0 where nobody asks */
    double hour_sin;
    double hour_cos;
    double taste_weights[AFFINITY_KIND_COUNT];
    /* affinity_strength() by the affinity's key; creators and categories that were seen of late
     * are there too, with 0 if that is all that is known of them. Durations are apart. */
    struct perfect tastes[AFFINITY_DURATION];
    /* By index in tastes of that kind: decayed number of videos seen of late. */
    double *seen_of_late[AFFINITY_CATEGORY + 1];
    double duration_tastes[DURATION_BUCKET_COUNT];
    struct perfect spoken;   /* by language, how well it suits the user to hear it: 0 to 1 */
    struct perfect captions; /* the same for reading captions */
    struct positions seen;   /* of the user's seen videos by key; empty unless it is asked for */
    struct language_suit *suits; /* PROFILE_SUITS of them; filled while ranking */
};

/* What a user makes of a video's languages. Few sets of them are in use, so each is worked out once
 * and then found by its hash. */
enum { PROFILE_SUITS = 64 };
struct language_suit {
    uint64_t languages; /* of a video, its array as one number */
    uint64_t captions;
    double taste; /* mean over languages */
    double match; /* see feature.c, language_match */
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
    if (!profile->has_seen) {
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
