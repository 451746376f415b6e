#ifndef REPLAY_BASELINE_H
#define REPLAY_BASELINE_H

#include "ranker/rank.h"

/*
 * Orders that need no weights, to compare rankings with. They order the same candidates by one fact
 * of each; equal ones keep their order.
 */
enum baseline {
    BASELINE_POPULARITY,          /* impressions or plays, whichever is more; half-life 14 days */
    BASELINE_LANGUAGE_POPULARITY, /* the same, videos spoken in the locale's language first */
    BASELINE_LIKES,               /* likes; half-life 14 days */
    BASELINE_RECENCY,             /* the latest published first */
    BASELINE_RANDOM,
    BASELINE_COUNT
};

const char *baseline_name(enum baseline baseline);

/*
 * Writes a value for each of the request's candidates, more is better. A video the state does not
 * know has the least one.
 */
void baseline_values(enum baseline baseline, const struct state *state,
                     const struct rank_request *request, uint64_t seed, double *out);

/* Whether the video is spoken in the language; in language 0 none is. */
bool baseline_speaks(const struct video *video, uint16_t language);

#endif
