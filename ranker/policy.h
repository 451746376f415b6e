#ifndef RANKER_POLICY_H
#define RANKER_POLICY_H

#include "ranker/rank.h"

/* What policy needs to know of a request, worked out once. */
struct policy_context {
    const struct model *model;
    const struct videos *videos;
    const struct user *user; /* NULL: nothing known */
    const struct rank_request *request;
    unsigned age_years; /* assumed, when unknown */
};

/*
 * The first rule, in the order of enum drop_rule, that forbids the video to this user; DROP_NONE if
 * none does. video NULL means unknown. Fails closed. Does not judge DROP_SEEN, DROP_REPEATED and
 * DROP_BELOW_LIMIT, which need more than the video.
 */
enum drop_rule policy_judge(const struct policy_context *context, const struct video *video);

/* "unknown_video", "unrated", ...: lower case, as in answers, metrics and documents. */
const char *drop_rule_name(enum drop_rule rule);

#endif
