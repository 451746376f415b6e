#ifndef RANKER_PROFILE_BLOCK_H
#define RANKER_PROFILE_BLOCK_H

#include "ranker/profile.h"

/*
 * What a user makes of a block of videos. What comes of one look-up, taste and what was seen of
 * late, is worked out once, when either is first asked for.
 */
enum { PROFILE_BLOCK = 32 };

struct profile_block {
    const struct profile *profile;
    const struct video *const *videos; /* PROFILE_BLOCK, all there */
    bool creators_found;
    bool categories_found;
    bool languages_found;
    double creator_tastes[PROFILE_BLOCK];
    double creators_seen[PROFILE_BLOCK];
    double category_tastes[PROFILE_BLOCK];
    double categories_seen[PROFILE_BLOCK];
    double language_tastes[PROFILE_BLOCK];
    double language_matches[PROFILE_BLOCK];
};

/* Both pointers are kept. */
void profile_block_init(struct profile_block *block, const struct profile *profile,
                        const struct video *const *videos);

/* The decayed number of videos of each one's creator seen of late; of that of its categories which
 * was seen most. */
void profile_creators_seen(struct profile_block *block, double out[PROFILE_BLOCK]);
void profile_categories_seen(struct profile_block *block, double out[PROFILE_BLOCK]);

/* The user's taste of one kind for each, in (-1, 1): a mean over the video's categories, tags or
 * languages. */
void profile_affinities(struct profile_block *block, enum affinity_kind kind,
                        double out[PROFILE_BLOCK]);

/* How well each one's languages suit the user: see feature.c, language_match. */
void profile_language_matches(struct profile_block *block, double out[PROFILE_BLOCK]);

#endif
