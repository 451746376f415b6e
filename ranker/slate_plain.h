#ifndef RANKER_SLATE_PLAIN_H
#define RANKER_SLATE_PLAIN_H

#include <string.h>

#include "ranker/slate.h"

/* Orders by score, and the slate without rules. For those who make slates alone. */

/*
 * A candidate to sort: its score as an integer that rises where the score falls, then its index.
 * Exact, since scores are multiples of 2^-32; no two are equal, and equal scores keep their order.
 */
enum {
    SLATE_INDEX_BITS = 11,
    SLATE_FRACTION_BITS = 32,
    SLATE_SCORE_BITS = 19 + SLATE_FRACTION_BITS
};

static inline uint64_t slate_item(double score, uint32_t index)
{
    /* From here on a double's last bit is worth 2^-32, so the sum is exact and ends in the score.
     */
    const double base = 0x1p20;
    const uint64_t score_max = ((uint64_t)1 << SLATE_SCORE_BITS) - 1;
    double sum = score + base;
    uint64_t bits;
    uint64_t base_bits;
    memcpy(&bits, &sum, sizeof(bits));
    memcpy(&base_bits, &base, sizeof(base_bits));
    return (score_max + base_bits - bits) << SLATE_INDEX_BITS | index;
}

/* To sort in; both halves are as long as what is sorted. */
struct slate_room {
    uint64_t *items;
    uint64_t *spare;
};

MUST_USE enum status slate_room_init(struct slate_room *room, size_t count, struct arena *arena);

/* For each candidate the first one of the same creator, itself where the creator is unknown. */
MUST_USE enum status slate_creators(const struct slate_input *input, struct arena *arena,
                                    uint16_t *creators);

/* by_score, unless NULL, gets the order by input->scores. */
MUST_USE enum status slate_plain_build(const struct slate_input *input, struct arena *arena,
                                       uint32_t *by_score, struct slate *out);

/* Sorts the first count items of the room, and gives the order they have then. */
void slate_plain_order(const struct slate_room *room, size_t count, uint32_t *order);

/* Where each would be by scores, from 1. */
void slate_plain_positions(const double *scores, size_t count, struct slate_room *room,
                           uint32_t *positions);

#endif
