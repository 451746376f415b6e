#ifndef REPLAY_SEGMENTS_H
#define REPLAY_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "replay/contender.h"

/*
 * The slices by which reports are broken down, numbered as they are first met: 0 is everything,
 * then locales, how long the user has been known, experiments' arms, and positions. Two walks along
 * the same log number them alike.
 */
struct segments;

enum segment_dimension {
    SEGMENT_ALL,
    SEGMENT_LOCALE,
    SEGMENT_USER_AGE,
    SEGMENT_ARM,
    SEGMENT_POSITION,
    SEGMENT_DIMENSIONS
};

enum {
    SEGMENTS_MAX = 256,      /* toward it, further locales, arms and positions are "other" */
    SEGMENT_NAME_SIZE = 136, /* of an arm; a longer list of arms is cut */
    SEGMENTS_OF_ONE = 3
};

struct segments *segments_new(void); /* NULL: no memory */
void segments_free(struct segments *segments);

/*
 * Writes the numbers of those, besides 0, that a ranking is in. arms is "" for none. Whether the
 * user is known is asked of state, with arena. STATUS_NO_MEMORY.
 */
MUST_USE enum status segments_of(struct segments *segments, const struct past_ranking *ranking,
                                 const char *arms, const struct state *state, struct arena *arena,
                                 uint32_t out[SEGMENTS_OF_ONE], size_t *count);

/* The number of a position of a slate, from 1. */
uint32_t segments_of_position(struct segments *segments, size_t position);

/* Whether both have the same, numbered alike. */
bool segments_equal(const struct segments *a, const struct segments *b);

size_t segments_count(const struct segments *segments);
enum segment_dimension segments_dimension(const struct segments *segments, size_t segment);
const char *segments_name(const struct segments *segments, size_t segment);

/* "all", "locale", "user_age", "arm" or "position". */
const char *segment_dimension_name(enum segment_dimension dimension);

/*
 * Writes all numbers in the order of reports: by dimension; ages as time goes, the others by sizes,
 * which has one for each number, the largest first, and then by name.
 */
void segments_order(const struct segments *segments, const double *sizes,
                    uint32_t out[SEGMENTS_MAX]);

/*
 * Adds one as it was; for parts that were written to a file. STATUS_INVALID: it is there already,
 * or there is no room.
 */
MUST_USE enum status segments_add(struct segments *segments, enum segment_dimension dimension,
                                  const char *name);

#endif
