#ifndef RANKER_SCOPED_H
#define RANKER_SCOPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/state.h"
#include "ranker/stats.h"
#include "ranker/status.h"
#include "ranker/table.h"
#include "ranker/video.h"

/*
 * What ranking needs of a video's statistics in one region or language, always in memory, as their
 * buckets are not. There is a row exactly for those with at least SCOPED_VIEWS_MIN views, that is
 * impressions or plays, whichever are more, however old: with fewer, smoothing leaves nothing of
 * them. A function of the statistics alone, like struct stats_decayed, and of no digest.
 */
enum { SCOPED_VIEWS_MIN = 8 };

/* Decayed counts of one video in one scope as of the start of newest_tick, packed. */
struct scoped {
    uint64_t hash; /* of video and scope */
    uint32_t newest_tick;
    uint16_t counts[HALF_LIFE_COUNT][COUNTER_SCORED_COUNT];
};
_Static_assert(sizeof(struct scoped) == 80, "a row touches two cache lines, wherever it begins");

/* Rows by hash. One writer at a time, any number of readers between writes. */
struct scoped_table {
    struct table rows; /* struct scoped */
};

/* Borrowed from the state; its rows stay where they are until the next state_apply(). */
const struct scoped_table *state_scoped(const struct state *state);

/*
 * Finds the rows of count videos in one scope, kind SCOPE_REGION or SCOPE_LANGUAGE; out[i] is NULL
 * where there is none, where videos[i] is NULL, and everywhere if code is 0. Prefetches as
 * videos_find_many() does.
 */
void scoped_find_many(const struct scoped_table *table, enum scope_kind kind, uint16_t code,
                      const struct video *const *videos, size_t count, const struct scoped **out);

/*
 * A finite float that is not negative, in 16 bits: the exponent and 8 bits of the mantissa, rounded
 * to the nearest, ties to even. Whole numbers up to 512 are exact, others to a part in 1,024.
 */
static inline uint16_t scoped_pack(float count)
{
    enum { CUT = 15, LARGEST = 0xfeff }; /* one more would be infinite */
    uint32_t bits;
    memcpy(&bits, &count, sizeof(bits));
    uint32_t packed = (bits + (1U << (CUT - 1)) - 1 + (bits >> CUT & 1)) >> CUT;
    return (uint16_t)(packed < LARGEST ? packed : LARGEST);
}

static inline float scoped_unpack(uint16_t packed)
{
    uint32_t bits = (uint32_t)packed << 15;
    float count;
    memcpy(&count, &bits, sizeof(count));
    return count;
}

/* As of the row's newest tick; counter below COUNTER_SCORED_COUNT. */
static inline double scoped_count(const struct scoped *scoped, enum half_life half_life,
                                  enum counter counter)
{
    return (double)scoped_unpack(scoped->counts[half_life][counter]);
}

static inline uint32_t scoped_newest_tick(const struct scoped *scoped)
{
    return scoped->newest_tick;
}

/* Whether there is a row for these statistics. */
static inline bool scoped_has_row(enum scope_kind kind, const struct stats *stats)
{
    return kind != SCOPE_GLOBAL && (stats->total[COUNTER_IMPRESSIONS] >= SCOPED_VIEWS_MIN ||
                                    stats->total[COUNTER_PLAYS] >= SCOPED_VIEWS_MIN);
}

/* Makes the row of the scope with this hash what its statistics say. STATUS_NO_MEMORY. */
MUST_USE enum status scoped_put(struct scoped_table *table, uint64_t hash,
                                const struct stats *stats);

/*
 * Likewise, but of a scope that is not there yet, in a table without an index: for tables that
 * several threads fill, as table_join() has them.
 */
MUST_USE enum status scoped_append(struct scoped_table *table, uint64_t hash,
                                   const struct stats *stats);

/* Removes the row, which must be there. */
void scoped_remove(struct scoped_table *table, uint64_t hash);

#endif
