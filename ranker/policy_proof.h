#ifndef RANKER_POLICY_PROOF_H
#define RANKER_POLICY_PROOF_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/rank.h"
#include "ranker/text.h"

/*
 * What a model's policy can never show, found by asking policy_judge() itself about every case
 * there is. Each fact that a rule may look at has a few values that stand for all; a case has one
 * of each:
 *
 *   seen      never; lately, with and without exclude_seen; at the last moment; long ago
 *   language  the user's, in captions, a declared one, another, unknown; the user's unknown too
 *   region    no rule, allowed or forbidden, here or elsewhere, both;
 *             the user here, unknown, in a group of countries, in none that exists
 *   age       minimum ages 0 to 22, for a user of unknown age, a year younger, as old, and older
 *   video     live, deleted, known from signals alone, not known
 *   safety    every number of enum safety, and two that are none
 *   curated   every number of enum curated, and one that is none
 *   category  none, a harmless one, forbidden ones in the first and last place
 *   tag       the same
 *   creator   unknown, hidden by the user, another
 *
 * After that every forbidden name is tried in every place. Not request code: allocates, and takes
 * from a half to some seconds.
 */
enum policy_fact {
    POLICY_FACT_SEEN, /* those that change the request come first: they are changed least often */
    POLICY_FACT_LANGUAGE,
    POLICY_FACT_REGION,
    POLICY_FACT_AGE,
    POLICY_FACT_VIDEO,
    POLICY_FACT_SAFETY,
    POLICY_FACT_CURATED,
    POLICY_FACT_CATEGORY,
    POLICY_FACT_TAG,
    POLICY_FACT_CREATOR,
    POLICY_FACT_COUNT
};

enum { POLICY_VALUES_MAX = 96 };

struct policy_case {
    uint8_t values[POLICY_FACT_COUNT];
};

struct policy_proof {
    uint64_t case_count;
    uint64_t shown_count; /* of them no rule forbids */
    int unknown_age;      /* of the model */
    unsigned value_counts[POLICY_FACT_COUNT];
    uint64_t shown[POLICY_FACT_COUNT][POLICY_VALUES_MAX];
    struct policy_case first[POLICY_FACT_COUNT][POLICY_VALUES_MAX]; /* shown, where any is */
};

/*
 * category_key and tag_key: not 0 to look at videos of that name alone (low 32 bits of
 * hash_key()). The model's lists of forbidden names must be sorted, as they are after parsing.
 */
MUST_USE enum status policy_prove(const struct model *model, uint32_t category_key,
                                  uint32_t tag_key, struct policy_proof *out);

/* Whether two models judge alike, so that one proof does for both. */
bool policy_equal(const struct model *a, const struct model *b);

/* Describes a case in words, such as "rated high risk; for people of 18 or more". */
enum { POLICY_CASE_SIZE = 512 };
void policy_case_describe(struct policy_case shown, char out[POLICY_CASE_SIZE]);

/*
 * A statement "FACT OP VALUE" about a case, as `reelrank check --never` takes it; docs/policy.md
 * has the grammar.
 */
enum policy_subject {
    POLICY_SUBJECT_VIDEO,
    POLICY_SUBJECT_SAFETY,
    POLICY_SUBJECT_UNRATED,
    POLICY_SUBJECT_MINIMUM_AGE,
    POLICY_SUBJECT_CURATED,
    POLICY_SUBJECT_CATEGORY,
    POLICY_SUBJECT_TAG,
    POLICY_SUBJECT_REGION,
    POLICY_SUBJECT_LANGUAGE,
    POLICY_SUBJECT_SEEN,
    POLICY_SUBJECT_HIDDEN,
    POLICY_SUBJECT_COUNT
};

enum policy_operator {
    POLICY_EQUAL,
    POLICY_NOT_EQUAL,
    POLICY_LESS,
    POLICY_AT_MOST,
    POLICY_GREATER,
    POLICY_AT_LEAST,
    POLICY_OPERATOR_COUNT
};

struct policy_claim {
    enum policy_subject subject;
    enum policy_operator operator_;
    int value;    /* of the subject; POLICY_NAMED: of the name */
    uint32_t key; /* of the name; 0 for none */
};

/*
 * Parses "safety > low" from text[begin..]. STATUS_INVALID: problem has the column, from 1 in text,
 * what was found and what is allowed.
 */
MUST_USE enum status policy_claim_parse(struct text text, size_t begin, struct policy_claim *out,
                                        struct problem *problem);

/*
 * Whether no case of the statement is shown; else *example is one that is. proof must have been
 * made for the claim's name, if it has one (claim->key as category or tag).
 */
bool policy_claim_proven(const struct policy_claim *claim, const struct policy_proof *proof,
                         struct policy_case *example);

#endif
