#ifndef TESTS_RANKER_SLOW_SLATE_H
#define TESTS_RANKER_SLOW_SLATE_H

#include "ranker/random.h"
#include "ranker/slate.h"

/*
 * The slate as docs/slate.md has it, read slowly and anew: nothing is remembered between positions,
 * every question is answered by looking at what stands above. For slates of at most SLATE_HEAD_MAX
 * candidates and SLATE_POSITIONS_MAX positions.
 */
struct slow_slate {
    const struct slate_input *input;
    const uint32_t *plain; /* the order without rules */
    uint32_t placed[LIMIT_CANDIDATES];
    size_t placed_count;
};

/* One of the candidates that may stand at the next position. */
struct slow_outcome {
    uint32_t candidate;
    double probability;
    double begin, end;           /* the numbers that draw it */
    double best_begin, best_end; /* and these; empty where equal */
};

/* Writes the possible outcomes of the next position; out has room for all candidates. */
size_t slow_outcomes(const struct slow_slate *slow, struct slow_outcome *out);

/* The rules that the candidate breaks at the next position: 1 << enum slate_rule. */
unsigned slow_broken(const struct slow_slate *slow, uint32_t candidate);

/* Only the caps among them. */
unsigned slow_broken_caps(const struct slow_slate *slow, uint32_t candidate);

/* The candidate's score as of now. */
double slow_score(const struct slow_slate *slow, uint32_t candidate);

/* A slate made at random, with all that it points to. */
struct made_slate {
    struct model model;
    struct slate_input input;
    double scores[LIMIT_CANDIDATES];
    uint64_t creators[LIMIT_CANDIDATES];
    struct slate_facts facts[LIMIT_CANDIDATES];
    uint32_t categories[LIMIT_CANDIDATES][LIMIT_VIDEO_CATEGORIES];
    uint32_t tags[LIMIT_CANDIDATES][LIMIT_VIDEO_TAGS];
    struct embedding embeddings[LIMIT_CANDIDATES];
};

/* Empty; end it with free(). */
struct made_slate *new_made(void);

enum { SLATE_MEMORY = 1 << 20 }; /* more than the largest slate needs */

/* With SLATE_MEMORY bytes; end it with free() of its base. */
struct arena new_arena(void);

/* Candidates with few creators, categories and tags, so that rules meet; no rule is on. */
void make_candidates(struct made_slate *made, struct random *random, size_t count);

/* Switches rules on and off at random, with small windows. */
void make_rules(struct made_slate *made, struct random *random);

#endif
