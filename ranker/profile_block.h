#ifndef RANKER_PROFILE_BLOCK_H
#define RANKER_PROFILE_BLOCK_H

#include "ranker/profile.h"
#include "ranker/video_block.h"

/*
 * What a user makes of a block of videos. Columns are worked out once, when they are first asked
 * for: a look-up gives taste and what was seen of late together.
 */
struct profile_block {
    const struct profile *profile;
    const struct video_block *videos;
    bool found[AFFINITY_KIND_COUNT];
    double tastes[AFFINITY_KIND_COUNT][VIDEO_BLOCK]; /* where found */
    double seen[AFFINITY_CATEGORY + 1][VIDEO_BLOCK]; /* likewise */
    double language_matches[VIDEO_BLOCK];            /* with languages */
};

/* Both pointers are kept. */
void profile_block_init(struct profile_block *block, const struct profile *profile,
                        const struct video_block *videos);

/*
 * The decayed number of videos of each one's creator seen of late; of that of its categories which
 * was seen most. Columns are the block's.
 */
const double *profile_creators_seen(struct profile_block *block);
const double *profile_categories_seen(struct profile_block *block);

/* The user's taste of one kind for each, in (-1, 1): a mean over the video's categories, tags or
 * languages. */
const double *profile_affinities(struct profile_block *block, enum affinity_kind kind);

/* How well each one's languages suit the user: see feature.c, language_match. */
const double *profile_language_matches(struct profile_block *block);

#endif
