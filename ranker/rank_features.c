#include "ranker/rank_features.h"

#include <math.h>

#include "ranker/ranking.h"

/* Every head and multiplier is selected, so that all they share is worked out; then the rest. */
static struct selection select_everything(const struct model *model)
{
    struct selection everything = selection_of_all(model);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        feature_set_add(&everything.features, i);
    }
    return everything;
}

static enum status prepare(struct ranking *ranking, const struct selection *everything)
{
    const struct user *user;
    enum status status = ranking_find_user(ranking, &user);
    if (status == STATUS_OK) {
        status = ranking_prepare(ranking, user, everything);
    }
    return status == STATUS_OK ? ranking_find_videos(ranking) : status;
}

/* Judges all, and gathers those that have features. */
static void judge(struct ranking *ranking)
{
    const struct rank_request *request = ranking->request;
    const struct policy_context context = ranking_policy(ranking);
    for (size_t i = 0; i < request->count; i++) {
        const struct video *video = ranking->videos[i];
        int64_t age_ms = profile_seen_age_ms(&ranking->profile, request->keys[i]);
        ranking->rules[i] = (uint8_t)policy_judge(&context, video, age_ms);
        if (video_is_live(video)) {
            ranking_keep(ranking, i, age_ms != PROFILE_NEVER);
        }
    }
}

static void fill_block(struct ranking *ranking, const struct selection *everything, size_t begin,
                       double *values)
{
    struct features features; /* large */
    size_t count = ranking_block_size(ranking->kept_count, begin);
    features_fill(&ranking->source, everything, &ranking->candidates[begin], count, &features);
    for (size_t i = 0; i < count; i++) {
        double *row = &values[(size_t)ranking->kept[begin + i] * FEATURE_COUNT];
        for (unsigned feature = 0; feature < FEATURE_COUNT; feature++) {
            row[feature] = features.columns[feature][i];
        }
    }
}

enum status rank_features(const struct state *state, const struct model *model,
                          const struct rank_request *request, struct arena *arena,
                          struct rank_features *out)
{
    struct ranking ranking = {.state = state, .model = model, .request = request, .arena = arena};
    const struct selection everything = select_everything(model);
    enum status status = prepare(&ranking, &everything);
    size_t value_count = request->count * FEATURE_COUNT;
    double *values = arena_new_raw(arena, double, value_count);
    if (status != STATUS_OK || values == NULL) {
        return status != STATUS_OK ? status : STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < value_count; i++) {
        values[i] = NAN;
    }
    judge(&ranking);
    for (size_t begin = 0; begin < ranking.kept_count; begin += FEATURE_BLOCK) {
        fill_block(&ranking, &everything, begin, values);
    }
    *out = (struct rank_features){.values = values, .rules = ranking.rules};
    return STATUS_OK;
}
