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
    struct perfect tastes[AFFINITY_KIND_COUNT]; /* affinity_strength() by the affinity's key */
    double duration_tastes[DURATION_BUCKET_COUNT];
    struct perfect spoken;   /* by language, how well it suits the user to hear it: 0 to 1 */
    struct perfect captions; /* the same for reading captions */
    struct lookup seen; /* by video key, second of the last view; empty unless it is asked for */
    struct perfect creators_seen;   /* by creator, decayed number of videos seen of late */
    struct perfect categories_seen; /* by category */
};

/*
 * What the model of the selection needs, and of the user's seen videos what the selection or the
 * request look at. Nothing is seen of late yet.
 */
MUST_USE enum status profile_init(struct profile *profile, const struct user *user,
                                  const struct selection *selection,
                                  const struct rank_request *request, struct arena *arena);

/*
 * Works out what the user has seen of late: sums of 2^(-age / fatigue_half_life) over the
 * PROFILE_FATIGUE_VIDEOS videos seen last, by creator and by category, so it heals with time. Needs
 * a look at each of those videos, so is done for models that read it only.
 */
enum { PROFILE_FATIGUE_VIDEOS = 64 };
MUST_USE enum status profile_tire(struct profile *profile, const struct videos *videos,
                                  double half_life_ms, struct arena *arena);

/* For each of count videos the decayed number of videos of its creator seen of late; of that of its
 * categories which was seen most. */
void profile_creators_seen(const struct profile *profile, const struct video *const *videos,
                           size_t count, double *out);
void profile_categories_seen(const struct profile *profile, const struct video *const *videos,
                             size_t count, double *out);

/* The user's taste for each of count videos, at most PROFILE_BLOCK, in (-1, 1). */
enum { PROFILE_BLOCK = 16 };
void profile_tastes(const struct profile *profile, const struct video *const *videos, size_t count,
                    double *out);

/* The part of it of one kind, in (-1, 1): a mean over the video's categories, tags or languages. */
void profile_affinities(const struct profile *profile, enum affinity_kind kind,
                        const struct video *const *videos, size_t count, double *out);

/* How well the video's languages suit the user: see feature.c, language_match. */
double profile_language_match(const struct profile *profile, const struct video *video);

/*
 * How long ago the user last saw the video, at least 0; PROFILE_NEVER if not seen, or if neither
 * the request nor the selection asks.
 */
#define PROFILE_NEVER INT64_MAX
int64_t profile_seen_age_ms(const struct profile *profile, uint64_t video_key);

#endif
