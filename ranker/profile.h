#ifndef RANKER_PROFILE_H
#define RANKER_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/lookup.h"
#include "ranker/perfect.h"
#include "ranker/rank.h"

/*
 * What ranking needs to know of one request's user, worked out once, so that each candidate costs a
 * probe where it would cost a walk over the user's lists. Lives in the request's arena.
 */
struct profile {
    const struct user *user; /* NULL: nothing is known */
    int64_t now_ms;
    uint16_t region;
    bool has_taste;     /* false: every taste is 0 */
    bool has_seen;      /* false: no video is seen, or nobody asks */
    bool has_retrieval; /* false: every retrieval score is 0 */
    double taste_weights[AFFINITY_KIND_COUNT];
    struct perfect tastes[AFFINITY_KIND_COUNT]; /* affinity_strength() by the affinity's key */
    double duration_tastes[DURATION_BUCKET_COUNT];
    struct perfect spoken;   /* by language, how well it suits the user to hear it: 0 to 1 */
    struct perfect captions; /* the same for reading captions */
    struct lookup seen; /* by video key, second of the last view; empty unless it is asked for */
};

/* Builds the table of seen videos when the request or the model looks at it. */
MUST_USE enum status profile_init(struct profile *profile, const struct user *user,
                                  const struct model *model, const struct rank_request *request,
                                  struct arena *arena);

/* The user's taste for each of the videos, in (-1, 1). */
void profile_tastes(const struct profile *profile, const struct video *const *videos, size_t count,
                    double *out);

/* How well the video's languages suit the user: see weights.h, language_match. */
double profile_language_match(const struct profile *profile, const struct video *video);

/*
 * How long ago the user last saw the video, at least 0; PROFILE_NEVER if not seen, or if neither
 * the request nor the model asks.
 */
#define PROFILE_NEVER INT64_MAX
int64_t profile_seen_age_ms(const struct profile *profile, uint64_t video_key);

#endif
