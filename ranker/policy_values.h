#ifndef RANKER_POLICY_VALUES_H
#define RANKER_POLICY_VALUES_H

/* The values of each fact of a struct policy_case, for policy_proof.c and policy_claim.c alone. */

enum seen_value {
    SEEN_NEVER,
    SEEN_UNASKED,       /* just now, and the request does not say exclude_seen */
    SEEN_EXCLUDED,      /* just now, and it does */
    SEEN_EXCLUDED_LAST, /* at the last moment of seen_within */
    SEEN_LONG_AGO,
    SEEN_VALUE_COUNT
};

enum language_value {
    LANGUAGE_SPOKEN,
    LANGUAGE_CAPTIONS,
    LANGUAGE_DECLARED, /* spoken in a language that the request names besides the locale's */
    LANGUAGE_OTHER,
    LANGUAGE_UNKNOWN,
    LANGUAGE_USER_UNKNOWN,
    LANGUAGE_BOTH_UNKNOWN,
    LANGUAGE_VALUE_COUNT
};

enum region_rule {
    REGION_NO_RULE,
    REGION_ALLOWED_HERE,
    REGION_ALLOWED_ELSEWHERE,
    REGION_FORBIDDEN_HERE,
    REGION_FORBIDDEN_ELSEWHERE,
    REGION_BOTH_HERE,
    REGION_RULE_COUNT
};

enum user_region { USER_HERE, USER_ANYWHERE, USER_IN_GROUP, USER_NOWHERE, USER_REGION_COUNT };

enum { REGION_VALUE_COUNT = (int)REGION_RULE_COUNT * (int)USER_REGION_COUNT };

static inline enum region_rule policy_value_region_rule(unsigned value)
{
    return value / USER_REGION_COUNT;
}

static inline enum user_region policy_value_user_region(unsigned value)
{
    return value % USER_REGION_COUNT;
}

enum age_relation { AGE_OLD, AGE_AS_OLD, AGE_YOUNGER, AGE_UNKNOWN, AGE_RELATION_COUNT };

enum { AGE_VALUE_COUNT = 23 * (int)AGE_RELATION_COUNT }; /* minimum ages 0 to 22 */

static inline unsigned policy_value_minimum_age(unsigned value)
{
    return value / AGE_RELATION_COUNT;
}

static inline enum age_relation policy_value_age_relation(unsigned value)
{
    return value % AGE_RELATION_COUNT;
}

enum video_value { VIDEO_LIVE, VIDEO_DELETED, VIDEO_OF_SIGNALS, VIDEO_UNKNOWN, VIDEO_VALUE_COUNT };

/* Of a proof about one name there are two values, the name in the first and in the last place. */
enum name_value {
    NAME_NONE,
    NAME_HARMLESS,
    NAME_FORBIDDEN_FIRST,
    NAME_FORBIDDEN_LAST,
    NAME_VALUE_COUNT
};

enum creator_value { CREATOR_OTHER, CREATOR_HIDDEN, CREATOR_UNKNOWN };

int policy_value_safety(unsigned value);

#endif
