#ifndef RANKER_POLICY_H
#define RANKER_POLICY_H

#include "ranker/rank.h"

/* What policy needs to know of a request, worked out once. Borrows what it points to. */
struct policy_context {
    const struct model *model;
    const struct videos *videos;
    const struct user *user; /* NULL: nothing known */
    const struct rank_request *request;
    unsigned age_years; /* assumed, when unknown */
    uint16_t region;    /* 0: unknown, which a group of countries or an unassigned code is too */
    uint16_t language;  /* of the locale, or else its region's; 0: unknown */
    bool seen_counts;   /* recently seen videos stay out */
};

struct policy_context policy_context(const struct model *model, const struct videos *videos,
                                     const struct user *user, const struct rank_request *request);

/*
 * The first rule that forbids the video to this user; DROP_NONE if none does. They are asked in
 * this order, which is not that of their numbers: unknown_video, deleted, unrated, safety, age,
 * curated, category, tag, region, language, hidden_creator, seen. docs/policy.md says what each
 * forbids.
 *
 * Fails closed: what is unknown counts as the strictest. Categories and tags are compared by 32
 * bits of their hash, so that in one of 4 billion cases a name is taken for a forbidden one; never
 * is a forbidden one taken for another.
 *
 * video NULL means unknown. seen_age_ms is how long ago the user saw it, INT64_MAX for never.
 * DROP_REPEATED and DROP_BELOW_LIMIT, which need more than the video, are the caller's.
 */
enum drop_rule policy_judge(const struct policy_context *context, const struct video *video,
                            int64_t seen_age_ms);

/*
 * What nearly all videos pass that any rule lets pass, in a few instructions. Closed where the
 * model or the user has rules that take more than that.
 */
struct policy_gate {
    bool open;
    uint8_t safeties; /* a bit for each rating that is shown */
    uint8_t tiers;    /* a bit for each curated tier that is shown */
    unsigned age;     /* the most that minimum_age_years may be */
};

struct policy_gate policy_gate(const struct policy_context *context);

/* True only if policy_judge() gives DROP_NONE for a video that the user has never seen; mostly, if
 * it does. */
static inline bool policy_gate_passes(const struct policy_gate *gate, const struct video *video)
{
    return video != NULL && gate->open && video->known && !video->deleted && video->safety < 8 &&
           (gate->safeties >> video->safety & 1) != 0 && video->curated < 8 &&
           (gate->tiers >> video->curated & 1) != 0 && video->minimum_age_years <= gate->age &&
           (video->regions_allowed | video->regions_forbidden) == 0;
}

/*
 * What the rule that policy_judge() named saw, for people, in arena: "rated high risk; hi-IN shows
 * at most medium risk". NULL once the arena is full.
 */
const char *policy_detail(const struct policy_context *context, const struct video *video,
                          int64_t seen_age_ms, enum drop_rule rule, struct arena *arena);

/* "unknown_video", "unrated", ...: lower case, as in answers, metrics and documents. */
const char *drop_rule_name(enum drop_rule rule);

#endif
