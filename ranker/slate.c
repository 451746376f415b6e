#include "ranker/slate.h"

#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/random.h"
#include "ranker/slate_fill.h"
#include "ranker/slate_plain.h"

bool slate_is_plain(const struct model *model)
{
    return model->creator_cap == 0 && model->category_cap == 0 && !(model->local_share > 0) &&
           !(model->diversity > 0) && model->new_video_every == 0 &&
           model->exploration == EXPLORE_NONE;
}

const char *slate_rule_name(enum slate_rule rule)
{
    static const char *const names[SLATE_RULE_COUNT] = {
        [SLATE_NEW_VIDEO_EVERY] = "new_video_every",
        [SLATE_LOCAL_SHARE] = "local_share",
        [SLATE_CATEGORY_CAP] = "category_cap",
        [SLATE_CREATOR_CAP] = "creator_cap",
        [SLATE_DIVERSITY] = "diversity",
        [SLATE_EXPLORE] = "explore",
    };
    CHECK((size_t)rule < SLATE_RULE_COUNT);
    return names[rule];
}

static enum status build_by_rules(const struct slate_input *input, const double *uniforms,
                                  struct arena *arena, struct slate *out)
{
    struct slate_fill fill;
    enum status status = slate_fill_init(&fill, input, out, arena);
    if (status != STATUS_OK) {
        return status;
    }
    slate_fill_positions(&fill, uniforms);
    slate_fill_rest(&fill);
    if (input->explain) {
        slate_plain_positions(out->scores, input->count, &fill.room, out->from_positions);
    }
    return STATUS_OK;
}

enum status slate_build_drawn(const struct slate_input *input, const double *uniforms,
                              struct arena *arena, struct slate *out)
{
    CHECK(input->count <= LIMIT_CANDIDATES);
    struct slate slate;
    enum status status = slate_is_plain(input->model)
                             ? slate_plain_build(input, arena, NULL, &slate)
                             : build_by_rules(input, uniforms, arena, &slate);
    if (status == STATUS_OK) {
        *out = slate;
    }
    return status;
}

enum status slate_build(const struct slate_input *input, struct arena *arena, struct slate *out)
{
    double uniforms[SLATE_POSITIONS_MAX];
    if (input->model->exploration != EXPLORE_NONE) {
        struct random random = {.state = input->seed};
        for (size_t i = 0; i < SLATE_POSITIONS_MAX; i++) {
            uniforms[i] = random_unit(&random);
        }
    }
    return slate_build_drawn(input, uniforms, arena, out);
}
