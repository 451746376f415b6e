#ifndef RANKER_RANK_H
#define RANKER_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/limits.h"
#include "ranker/locale.h"
#include "ranker/slate.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "ranker/weights.h"

/*
 * Ranking: policy, heads, value, multipliers, slate. A pure function: the same state, weights and
 * request give the same bytes on any x86-64 machine.
 *
 * score = sum of quantum(value[h] * p[h])             one term a head
 *       + shift                                       one term
 *       + what each multiplier adds in its turn: quantum(v * (1 + weight * feature)) - v
 *       + what the slate adds (creator decay): quantum(v * factor) - v
 * The other rules of the slate (slate.h) move positions and leave scores as they are, so scores may
 * rise along the slate where they do.
 * where v is the sum so far and quantum is exact_quantum(): every term is a multiple of 2^-32, so
 * terms sum to the score exactly, in any order. Multipliers could carry v beyond what is exact:
 * each cuts it back to at most 2^18, and its term is the difference after the cut. Scores lie in
 * [0, 2^18].
 *
 * shift makes values positive before they are multiplied, so that a discount never raises a bad
 * video (as the published X heavy ranker does): with N the sum of |negative value weights| and o
 * the model's negative_offset, v >= 0 becomes v + o and v < 0 becomes o * (v + N) / N.
 */

/* Numbers of reelrank.v1.DropRule; policy.h tells in which order the rules are asked. */
enum drop_rule {
    DROP_NONE = 0,
    DROP_UNKNOWN_VIDEO = 1,
    DROP_DELETED = 2,
    DROP_UNRATED = 3,
    DROP_SAFETY = 4,
    DROP_AGE = 5,
    DROP_REGION = 6,
    DROP_LANGUAGE = 7,
    DROP_HIDDEN_CREATOR = 8,
    DROP_SEEN = 9,
    DROP_REPEATED = 10,
    DROP_BELOW_LIMIT = 11,
    DROP_CURATED = 12,
    DROP_CATEGORY = 13,
    DROP_TAG = 14,
    DROP_RULE_END
};

/* A validated request. Arrays are borrowed for the call. */
struct rank_request {
    uint64_t user_key;    /* 0: a visitor */
    struct locale locale; /* its region is filled from RankRequest.region when that is given */
    uint16_t languages[LIMIT_LANGUAGES]; /* declared besides the locale's */
    unsigned language_count;
    unsigned age_years;             /* 0: unknown */
    size_t count;                   /* at most LIMIT_CANDIDATES */
    const uint64_t *keys;           /* 0 is no video's */
    const double *retrieval_scores; /* NULL: all 0 */
    const uint64_t *source_keys;    /* hash_key() of Candidate.source, 0: none; NULL: all 0 */
    size_t limit;                   /* 0: all */
    bool exclude_seen;
    bool explain;
    bool total_terms; /* takes no memory, and changes nothing else of the result */
    /* What policy lets pass is ordered by retrieval score, as a score from 0 for the least to 1,
     * and of the slate's rules creator_decay alone applies: a cheap answer for want of time.
     * Neither explain nor total_terms may be asked for. */
    bool by_retrieval;
    int64_t now_ms; /* above 0 */
    uint64_t seed;  /* of the slate's exploration */
};

/* A term's value in units of 2^-32, and back; the way back is exact below 2^53 units. */
static inline int64_t rank_term_units(double value)
{
    return (int64_t)(value * 0x1p32);
}

static inline double rank_term_value(int64_t units)
{
    return (double)units * 0x1p-32;
}

/* Names the terms of an explanation, in order. */
enum { TERM_COUNT = HEAD_COUNT + 1 + MULTIPLIER_COUNT + 1 };
const char *rank_term_name(unsigned term); /* heads, "shift", multipliers, "creator_decay" */

struct rank_term {
    double value; /* added to the score; multiple of 2^-32 */
    double input; /* probability, offset, factor's feature, or factor */
};

/* A rule of the slate that moved a video. */
struct slate_move {
    enum slate_rule rule;
    uint32_t from_position; /* where its score alone would put it, from 1 */
};

/* Of one position; none where the video stands where its score puts it. */
struct slate_moves {
    unsigned count;
    struct slate_move items[SLATE_RULE_COUNT];
};

/* Where a ranking found its user. Of interest to who watches a server: it changes no answer. */
enum user_place {
    USER_UNKNOWN, /* nothing is known of the user, or it is a visitor */
    USER_IN_MEMORY,
    USER_ON_DISK
};

/* All arrays lie in the arena. */
struct rank_result {
    size_t count;         /* length of the slate */
    uint32_t *order;      /* candidate index by position */
    double *scores;       /* by position; they do not rise where the slate has no rules */
    double *propensities; /* by position: the probability of its video, given those above it */
    size_t dropped_count;
    uint32_t *dropped;         /* candidate indices, rising */
    uint8_t *dropped_rules;    /* enum drop_rule */
    const char **details;      /* with explain: what each rule saw, for people; else NULL */
    struct rank_term *terms;   /* with explain: TERM_COUNT for each position; else NULL */
    struct slate_moves *moves; /* with explain: by position; NULL where the slate has no rules */
    /* With explain: what this model's heads and multipliers read, those that weigh nothing left
     * out. */
    size_t feature_count;
    enum feature *features; /* rising */
    double *feature_values; /* feature_count for each position; NaN: missing */
    /* With total_terms: of each term the sum of its values over the slate, in units of 2^-32:
     * exact, since values are multiples of that, and below 2^62, since they are below 2^19. Else 0.
     */
    int64_t term_totals[TERM_COUNT];
    uint64_t state_sequence;
    enum user_place user_place;
};

/*
 * Ranks. Every candidate is either in order or in dropped, once. Without rules of the slate equal
 * scores keep the request's order. STATUS_NO_MEMORY when the arena is too small: LIMIT_CANDIDATES,
 * explained by a model that reads every feature and has every rule of the slate, need 4 MiB.
 */
MUST_USE enum status rank(const struct state *state, const struct model *model,
                          const struct rank_request *request, struct arena *arena,
                          struct rank_result *out);

/* Whether any position was drawn; where none was, all propensities are 1. */
bool rank_is_drawn(const struct rank_result *result);

#endif
