#ifndef RANKER_USER_INTERNAL_H
#define RANKER_USER_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/user.h"
#include "ranker/video.h"

/* The parts of user_apply(): views in user.c, creators and taste in files of their own. */

/* What one signal says of taste. */
struct gain {
    double everything; /* creator, categories, tags, languages, duration */
    double creator;    /* the creator alone, added to the above */
};

uint32_t user_seconds(int64_t time_ms);

/* Makes room for one item more in a list of the user; capacity doubles up to the most allowed. */
MUST_USE enum status user_reserve(struct user *user, void **items, size_t size, uint16_t count,
                                  uint16_t *capacity, uint16_t most);

/*
 * Follow, unfollow or hide; a creator_key of 0 is unknown. Sets gain->creator. A repeat tells
 * nothing new and gains nothing.
 */
MUST_USE enum status user_apply_creator(struct user *user, const struct signal *signal,
                                        uint64_t creator_key, struct gain *gain);

/* As the signal says, or else the video; 0: unknown. video may be NULL. */
int64_t user_duration_ms(const struct signal *signal, const struct video *video);

/* Moves the affinities to all that the video is, as user_apply() has it. */
MUST_USE enum status user_add_taste(struct user *user, const struct signal *signal,
                                    const struct video *video, const struct video_more *more,
                                    const struct gain *gain);

#endif
