#ifndef REPLAY_OVERLAY_H
#define REPLAY_OVERLAY_H

#include <stdint.h>

#include "ranker/video.h"

/*
 * Catalogue entries that speak of some fields only (import.h), brought together with what is known
 * of the video.
 */

/* A set of fields of reelrank.v1.Video; 0 stands for all of them. */
uint32_t overlay_fields(const char *const *update_fields);

/*
 * Fills whatever of facts the fields do not name from the video's row, if the catalogue has one.
 * Categories and tags come back as the low 32 bits of their keys, which is all that a row keeps and
 * videos_put() reads.
 */
void overlay_facts(const struct videos *videos, uint32_t fields, struct video_facts *facts);

#endif
