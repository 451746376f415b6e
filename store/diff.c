#include "store/diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/policy.h"
#include "ranker/rank.h"
#include "ranker/wire.h"

struct diff {
    const struct weights *old_weights; /* borrowed */
    const struct weights *new_weights; /* borrowed */
    struct compare *compare;           /* owned */
    struct creator_sizes *sizes;       /* owned */
    size_t counted;                    /* rows of the catalogue */
    uint64_t passed_over;
    uint64_t with_served; /* requests of which the served order is known */
    uint64_t as_served;   /* of these: the old weights give it again */
    int64_t from_ms;      /* times that were ranked as of */
    int64_t to_ms;
};

struct diff *diff_new(const struct weights *old_weights, const struct weights *new_weights)
{
    struct diff *diff = calloc(1, sizeof(*diff));
    if (diff == NULL) {
        return NULL;
    }
    diff->old_weights = old_weights;
    diff->new_weights = new_weights;
    diff->compare = compare_new();
    diff->sizes = creator_sizes_new();
    if (diff->compare == NULL || diff->sizes == NULL) {
        diff_free(diff);
        return NULL;
    }
    return diff;
}

void diff_free(struct diff *diff)
{
    if (diff != NULL) {
        compare_free(diff->compare);
        creator_sizes_free(diff->sizes);
        free(diff);
    }
}

enum status diff_count_creators(struct diff *diff, const struct state *state, size_t most,
                                bool *done)
{
    const struct videos *videos = state_videos(state);
    size_t count = videos_count(videos);
    size_t from = diff->counted < count ? diff->counted : count;
    size_t to = count - from > most ? from + most : count;
    enum status status = creator_sizes_add(diff->sizes, videos, from, to);
    diff->counted = to;
    *done = to == count;
    return status;
}

/* In the arms that the user falls into, or the one that the request forces, as it was served. */
static enum status rank_with(const struct weights *weights, const struct state *state,
                             const struct rank_request *request, const char *forced,
                             struct arena *arena, struct rank_result *out)
{
    struct weights_chosen chosen;
    struct problem problem;
    enum status status = weights_choose(weights, request->locale, request->user_key,
                                        text_of(forced), &chosen, &problem);
    return status == STATUS_OK ? rank(state, chosen.model, request, arena, out) : status;
}

/* Ids of whichever form the request has; NULL: keys alone, or memory is short. */
static const char *const *ids_of(const Reelrank__V1__RankRequest *message, struct arena *arena)
{
    if (message->n_candidate_ids > 0) {
        return (const char *const *)message->candidate_ids;
    }
    if (message->n_candidates == 0) {
        return NULL;
    }
    const char **ids = arena_new(arena, const char *, message->n_candidates);
    for (size_t i = 0; ids != NULL && i < message->n_candidates; i++) {
        ids[i] = message->candidates[i]->video_id;
    }
    return ids;
}

static void note_served(struct diff *diff, const struct diff_served *served,
                        const struct rank_result *before)
{
    if (served == NULL) {
        return;
    }
    diff->with_served++;
    diff->as_served += served->count == before->count &&
                       (before->count == 0 || memcmp(served->order, before->order,
                                                     before->count * sizeof(uint32_t)) == 0);
}

static void note_time(struct diff *diff, int64_t now_ms)
{
    bool first = diff_requests(diff) == 1;
    diff->from_ms = first || now_ms < diff->from_ms ? now_ms : diff->from_ms;
    diff->to_ms = first || now_ms > diff->to_ms ? now_ms : diff->to_ms;
}

static enum status rank_both(struct diff *diff, const struct state *state,
                             const Reelrank__V1__RankRequest *message,
                             const struct rank_request *request, const struct diff_served *served,
                             struct arena *arena)
{
    struct rank_result before;
    struct rank_result after;
    const char *forced = message->experiment;
    enum status status = rank_with(diff->old_weights, state, request, forced, arena, &before);
    if (status == STATUS_OK) {
        status = rank_with(diff->new_weights, state, request, forced, arena, &after);
    }
    if (status == STATUS_INVALID) { /* one of them has no such arm */
        diff_pass_over(diff);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct compare_request compared = {.videos = state_videos(state),
                                       .sizes = diff->sizes,
                                       .keys = request->keys,
                                       .count = request->count,
                                       .ids = ids_of(message, arena),
                                       .now_ms = request->now_ms};
    status = compare_add(diff->compare, &compared, &before, &after, arena);
    if (status == STATUS_OK) {
        note_served(diff, served, &before);
        note_time(diff, request->now_ms);
    }
    return status;
}

enum status diff_add(struct diff *diff, const struct state *state,
                     const Reelrank__V1__RankRequest *message, const struct diff_served *served,
                     struct arena *arena)
{
    struct rank_request request;
    if (message->now_ms <= 0) {
        diff_pass_over(diff);
        return STATUS_OK;
    }
    enum status status = wire_rank_request(message, message->now_ms, arena, &request, NULL);
    if (status == STATUS_INVALID) {
        diff_pass_over(diff);
        return STATUS_OK;
    }
    request.explain = false;
    return status == STATUS_OK ? rank_both(diff, state, message, &request, served, arena) : status;
}

void diff_pass_over(struct diff *diff)
{
    diff->passed_over++;
}

static struct comparison *sum_up(const struct diff *diff)
{
    struct comparison *comparison = malloc(sizeof(*comparison));
    if (comparison != NULL && compare_sum_up(diff->compare, comparison) != STATUS_OK) {
        free(comparison);
        return NULL;
    }
    return comparison;
}

uint64_t diff_requests(const struct diff *diff)
{
    return compare_requests(diff->compare);
}

static json_t *json_of_figure(const struct compare_figure *figure)
{
    return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)figure->count, "value",
                     figure->value, "low", figure->low, "high", figure->high);
}

static json_t *json_of_figures(const struct comparison *comparison)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "top_1_changed",
                     json_of_figure(&comparison->top_1_changed), "top_10_changed",
                     json_of_figure(&comparison->top_10_changed), "top_10_reordered",
                     json_of_figure(&comparison->top_10_reordered), "slate_changed",
                     json_of_figure(&comparison->slate_changed), "kendall_tau",
                     json_of_figure(&comparison->tau), "rank_biased_overlap",
                     json_of_figure(&comparison->overlap));
}

static json_t *json_of_groups(const struct comparison *comparison,
                              enum exposure_dimension dimension)
{
    json_t *list = json_array();
    for (size_t i = 0; i < comparison->group_counts[dimension]; i++) {
        const struct compare_group *group = &comparison->groups[dimension][i];
        json_array_append_new(list,
                              json_pack("{s:s, s:f, s:f, s:f, s:f, s:f}", "name", group->name,
                                        "before", group->before, "after", group->after, "change",
                                        group->change, "low", group->low, "high", group->high));
    }
    return list;
}

static json_t *json_of_exposure(const struct comparison *comparison)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        json_object_set_new(object, exposure_dimension_name(i), json_of_groups(comparison, i));
    }
    return object;
}

/* Rules that dropped something on either side, in the order of their numbers. */
static json_t *json_of_drops(const struct comparison *comparison)
{
    json_t *list = json_array();
    for (unsigned i = DROP_NONE + 1; i < DROP_RULE_END; i++) {
        if (comparison->drops_before[i] + comparison->drops_after[i] > 0) {
            json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "rule",
                                                  drop_rule_name((enum drop_rule)i), "before",
                                                  (json_int_t)comparison->drops_before[i], "after",
                                                  (json_int_t)comparison->drops_after[i]));
        }
    }
    return list;
}

static json_t *json_of_movers(const struct comparison *comparison)
{
    json_t *list = json_array();
    for (size_t i = 0; i < comparison->mover_count; i++) {
        const struct compare_mover *mover = &comparison->movers[i];
        char key[17];
        snprintf(key, sizeof(key), "%016" PRIx64, mover->key);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:f}", "video_id", mover->id, "key",
                            key, "shown_before", (json_int_t)mover->shown_before, "shown_after",
                            (json_int_t)mover->shown_after, "shown_both",
                            (json_int_t)mover->shown_both, "mean_position_change",
                            mover->mean_change, "exposure_change", mover->exposure_change));
    }
    return list;
}

static json_t *json_of_weights(const struct weights *weights, const char *name)
{
    return json_pack("{s:s, s:s}", "version", weights_version(weights), "name", name);
}

static json_t *json_of(const struct diff *diff, const struct diff_about *about,
                       const struct comparison *comparison)
{
    json_t *places = json_pack(
        "{s:I, s:I, s:I, s:I}", "before", (json_int_t)comparison->shown_before, "after",
        (json_int_t)comparison->shown_after, "newly_shown", (json_int_t)comparison->newly_shown,
        "no_longer_shown", (json_int_t)comparison->no_longer_shown);
    return json_pack(
        "{s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, "
        "s:I}",
        "format", DIFF_FORMAT, "source", about->source, "old",
        json_of_weights(diff->old_weights, about->old_name), "new",
        json_of_weights(diff->new_weights, about->new_name), "requests",
        (json_int_t)comparison->requests, "limit", (json_int_t)about->limit, "passed_over",
        (json_int_t)diff->passed_over, "served_known", (json_int_t)diff->with_served,
        "served_again", (json_int_t)diff->as_served, "from_ms", (json_int_t)diff->from_ms, "to_ms",
        (json_int_t)diff->to_ms, "state_sequence", (json_int_t)about->state_sequence, "figures",
        json_of_figures(comparison), "places", places, "exposure", json_of_exposure(comparison),
        "drops", json_of_drops(comparison), "movers", json_of_movers(comparison),
        "movers_not_followed", (json_int_t)comparison->untracked);
}

json_t *diff_report(const struct diff *diff, const struct diff_about *about, struct comparison *out)
{
    struct comparison *comparison = sum_up(diff);
    json_t *report = comparison != NULL ? json_of(diff, about, comparison) : NULL;
    if (report != NULL && out != NULL) {
        *out = *comparison;
    }
    free(comparison);
    return report;
}
