#ifndef RANKER_SLATE_H
#define RANKER_SLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/embedding.h"
#include "ranker/status.h"
#include "ranker/weights.h"

/*
 * The order of the answer, from scores and the model's slate section. docs/slate.md says it for
 * readers of the weights file.
 *
 * Without rules (slate_is_plain()): by score, where a creator's j-th best video (j from 0) counts
 * max(floor, decay^j) of its score. Equal scores keep the order of the candidates. This is the
 * greedy slate, which fills each position with the candidate whose score, multiplied by the factor
 * for its creator's videos already placed, is best. For greedy takes each creator's videos in the
 * order of their scores, so the j-th it takes is the j-th best, and its factor is known beforehand.
 * Multiplied scores of one creator do not rise with j, since neither scores nor factors do, so
 * taking the best head of all creators' lists is merging sorted lists: a sort.
 *
 * With rules: position by position. Looked at are the candidates that are the first
 * SLATE_HEAD_MAX without rules. A candidate breaks
 *   creator_cap      where its creator has creator_cap of the window - 1 positions before
 *   category_cap     where one of its categories has category_cap of them
 *   local_share      where the position is due to a local creator, and its creator is not. Of any
 *                    `window` positions in a row N = ceil(local_share * window) are due, of the
 *                    first q < window floor(N * q / window)
 *   new_video_every  where the position is a multiple of new_video_every, and it is not new
 * Eligible are the candidates that break least: breaking a rule is worse than breaking all those
 * below it in this list, so that rules give way from the last to the first and nobody is dropped.
 * The position is for the eligible candidate of the highest value; of equal ones, for the one that
 * comes first without rules. The value is the score with the creator's factor as of now; in the
 * first diversity_positions it is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998):
 *   (1 - diversity) * score / best score - diversity * likeness
 * with likeness the greatest to a video of the last `window` positions, as slate_likeness.h has it.
 *
 * The first explore_positions are drawn, each with one number u that is uniform in [0, 1):
 *   epsilon_greedy   u < epsilon: any eligible candidate, all alike; else the best one
 *   plackett_luce    an eligible candidate, with probability in proportion to e^(value /
 *                    temperature); where diversity counts, value * best score, which is in points
 * so what a position's video had as its probability, given those above it, is known exactly.
 *
 * Rules other than diversity and exploration go on for SLATE_POSITIONS_MAX positions. The
 * candidates behind follow as they would without rules, except that caps hold on: a position goes
 * to the first of the next SLATE_AHEAD_MAX that breaks them least.
 */
enum { SLATE_HEAD_MAX = 512, SLATE_POSITIONS_MAX = 200, SLATE_AHEAD_MAX = 64 };

/* Breaking one is worse than breaking all before it; the last two are never broken. */
enum slate_rule {
    SLATE_NEW_VIDEO_EVERY,
    SLATE_LOCAL_SHARE,
    SLATE_CATEGORY_CAP,
    SLATE_CREATOR_CAP,
    SLATE_DIVERSITY,
    SLATE_EXPLORE,
    SLATE_RULE_COUNT
};

/* As in the weights file, such as "creator_cap". */
const char *slate_rule_name(enum slate_rule rule);

/* What rules ask of a candidate. */
struct slate_facts {
    const uint32_t *categories;        /* LIMIT_VIDEO_CATEGORIES keys; 0: none */
    const uint32_t *tags;              /* LIMIT_VIDEO_TAGS keys; 0: none. For diversity alone */
    const struct embedding *embedding; /* NULL: none */
    bool local;                        /* its creator is of the user's region */
    bool is_new;
};

/* Arrays are by candidate and borrowed for the call. */
struct slate_input {
    const struct model *model;       /* its slate section */
    size_t count;                    /* at most LIMIT_CANDIDATES */
    const double *scores;            /* multiples of 2^-32 from 0 below 2^19 */
    const uint64_t *creators;        /* keys; 0: unknown, who counts as somebody else each time */
    const struct slate_facts *facts; /* not read by a plain slate */
    size_t positions;                /* how many will be shown; the order behind means nothing */
    uint64_t seed;                   /* of exploration */
    bool explain;
};

/* All arrays lie in the arena. */
struct slate {
    uint32_t *order;          /* candidate by position; every candidate is there once */
    double *scores;           /* by candidate, multiplied */
    double *factors;          /* by candidate */
    double *propensities;     /* by position; NULL: all 1 */
    uint8_t *moved_by;        /* with explain, by candidate: 1 << enum slate_rule; NULL: by none */
    uint32_t *from_positions; /* with moved_by, by candidate: its place by scores alone, from 1 */
};

/* Whether the model asks for nothing but creator_decay. */
bool slate_is_plain(const struct model *model);

/* STATUS_NO_MEMORY when the arena is too small. */
MUST_USE enum status slate_build(const struct slate_input *input, struct arena *arena,
                                 struct slate *out);

/*
 * The same, with the numbers to draw with: uniforms[p], 0 <= x < 1, for position p from 0 below
 * SLATE_POSITIONS_MAX. slate_build() takes them from the seed.
 */
MUST_USE enum status slate_build_drawn(const struct slate_input *input, const double *uniforms,
                                       struct arena *arena, struct slate *out);

#endif
