#include "replay/monotone.h"

#include <stddef.h>

#include "ranker/check.h"

#define OF(head) (1U << HEAD_##head)

enum {
    WATCHED = OF(VALID_PLAY) | OF(LONG_VIEW) | OF(COMPLETE) | OF(WATCH_QUANTILE),
    REFUSED = OF(SKIP) | OF(NOT_INTERESTED) | OF(REPORT),
    SCOPES = 9 /* of a counted feature: scopes by half-lives */
};

struct sign {
    enum feature first;
    unsigned count;  /* features from the first on */
    unsigned raises; /* heads */
    unsigned lowers;
};

#define ONE(feature)     FEATURE_##feature, 1
#define COUNTED(feature) FEATURE_##feature##_GLOBAL_30M, SCOPES

/* Who follows a creator already cannot do so once more, so tastes for creators say nothing sure of
 * "follow". */
static const struct sign signs[] = {
    {COUNTED(VALID_PLAY_RATE), OF(VALID_PLAY), OF(SKIP)},
    {COUNTED(LONG_VIEW_RATE), OF(LONG_VIEW), 0},
    {COUNTED(COMPLETE_RATE), OF(COMPLETE), 0},
    {COUNTED(SKIP_RATE), OF(SKIP), WATCHED},
    {COUNTED(LIKE_RATE), OF(LIKE), 0},
    {COUNTED(SHARE_RATE), OF(SHARE), 0},
    {COUNTED(FOLLOW_RATE), OF(FOLLOW), 0},
    {COUNTED(NOT_INTERESTED_RATE), OF(NOT_INTERESTED), 0},
    {COUNTED(REPORT_RATE), OF(REPORT), 0},
    {ONE(WATCH_QUANTILE), WATCHED, 0},
    {ONE(QUALITY), WATCHED | OF(LIKE) | OF(SHARE) | OF(FOLLOW), OF(SKIP) | OF(NOT_INTERESTED)},
    {ONE(TASTE), WATCHED | OF(LIKE) | OF(SHARE), REFUSED},
    {ONE(AFFINITY_CREATOR), WATCHED | OF(LIKE) | OF(SHARE), REFUSED},
    {ONE(FOLLOWS_CREATOR), WATCHED | OF(LIKE) | OF(SHARE), REFUSED},
    {ONE(AFFINITY_CATEGORY), WATCHED | OF(LIKE) | OF(SHARE) | OF(FOLLOW), REFUSED},
    {ONE(AFFINITY_TAG), WATCHED | OF(LIKE) | OF(SHARE) | OF(FOLLOW), REFUSED},
    {ONE(AFFINITY_LANGUAGE), WATCHED | OF(LIKE) | OF(SHARE) | OF(FOLLOW),
     OF(SKIP) | OF(NOT_INTERESTED)},
    {ONE(LANGUAGE_MATCH), WATCHED | OF(LIKE) | OF(SHARE) | OF(FOLLOW),
     OF(SKIP) | OF(NOT_INTERESTED)},
    {ONE(DURATION_S), 0, OF(COMPLETE)},
};

int monotone_known(enum head head, enum feature feature)
{
    CHECK(head < HEAD_COUNT);
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        const struct sign *sign = &signs[i];
        if (feature >= sign->first && feature < sign->first + sign->count) {
            return (int)(sign->raises >> head & 1) - (int)(sign->lowers >> head & 1);
        }
    }
    return 0;
}
