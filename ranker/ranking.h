#ifndef RANKER_RANKING_H
#define RANKER_RANKING_H

#include "ranker/features.h"
#include "ranker/policy.h"
#include "ranker/profile.h"
#include "ranker/rank.h"
#include "ranker/selection.h"
#include "ranker/slate.h"

/*
 * The first half of a ranking: who passes policy, and with which score. rank.c makes a slate and
 * its explanation of it, rank_chance.c says how likely slates are, rank_features.c takes the
 * features and no scores; for these three alone.
 */
struct ranking {
    const struct state *state;
    const struct model *model;
    const struct rank_request *request;
    struct arena *arena;
    struct selection selection; /* what moves this user's scores */
    struct selection explained; /* with explain, whatever can be explained */
    struct profile profile;
    struct features_source source;
    enum user_place user_place;
    const struct video **videos; /* by candidate of the request; NULL: unknown */
    uint8_t *rules;              /* by candidate of the request; enum drop_rule */
    size_t kept_count;
    uint32_t *kept;               /* candidates that passed policy, rising */
    struct candidate *candidates; /* by index in kept */
    uint64_t *creators;           /* likewise: keys, 0: unknown */
    struct slate_input input;     /* as are its arrays */
    struct slate slate;           /* of rank() alone, which makes it */
    /* With total_terms, where all that are kept are shown: of each term but the slate's the sum of
     * its values, in units of 2^-32. Else 0. */
    int64_t term_totals[TERM_COUNT];
};

/*
 * Finds, judges and scores the candidates, in the arena. The request is as rank() asks for it;
 * everything is borrowed. STATUS_NO_MEMORY.
 */
MUST_USE enum status ranking_init(struct ranking *ranking, const struct state *state,
                                  const struct model *model, const struct rank_request *request,
                                  struct arena *arena);

/*
 * Its steps, for who needs some of them: the ranking's state, model, request and arena are set, the
 * rest is 0. The user, NULL where nothing is known; then the profile with what the widest selection
 * reads, and the source of features; then the videos, and room for those that are kept.
 * STATUS_NO_MEMORY.
 */
MUST_USE enum status ranking_find_user(const struct ranking *ranking, const struct user **out);
MUST_USE enum status ranking_prepare(struct ranking *ranking, const struct user *user,
                                     const struct selection *widest);
MUST_USE enum status ranking_find_videos(struct ranking *ranking);

/* Puts the candidate, which has a video, behind those kept already. */
void ranking_keep(struct ranking *ranking, size_t candidate, bool seen);

/* What the rules of policy look at. */
struct policy_context ranking_policy(const struct ranking *ranking);

/* How long the slate is. */
static inline size_t ranking_positions(const struct ranking *ranking)
{
    size_t limit = ranking->request->limit;
    return limit > 0 && limit < ranking->kept_count ? limit : ranking->kept_count;
}

/* Whether the slate leaves out none of those that are kept. */
static inline bool ranking_shows_all(const struct ranking *ranking)
{
    return ranking_positions(ranking) == ranking->kept_count;
}

/* Of count rows, those of the block that begins there. */
static inline size_t ranking_block_size(size_t count, size_t begin)
{
    return count - begin < FEATURE_BLOCK ? count - begin : FEATURE_BLOCK;
}

#endif
