#include "replay/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/load.h"
#include "replay/quality_internal.h"
#include "replay/truth.h"
#include "replay/valued.h"

enum { ARENA_BYTES = 16 << 20 }; /* four times the largest ranking */

struct quality *quality_new(const struct quality_contenders *contenders)
{
    CHECK(contenders->count >= 1 && contenders->count <= QUALITY_WEIGHTS_MAX);
    struct quality *quality = calloc(1, sizeof(*quality));
    if (quality == NULL) {
        return NULL;
    }
    quality->contenders = contenders;
    for (size_t i = 0; i < contenders->count; i++) {
        quality->names[i] = contenders->names[i];
    }
    for (enum baseline i = 0; i < BASELINE_COUNT; i++) {
        quality->names[quality_baseline(quality, i)] = baseline_name(i);
    }
    quality->names[quality_ideal(quality)] = "ideal";
    quality->panel = panel_new(quality->names, quality_count(quality));
    quality->memory = malloc(ARENA_BYTES);
    if (quality->panel == NULL || quality->memory == NULL) {
        quality_free(quality);
        return NULL;
    }
    arena_init(&quality->arena, quality->memory, ARENA_BYTES);
    return quality;
}

void quality_free(struct quality *quality)
{
    if (quality != NULL) {
        panel_free(quality->panel);
        free(quality->memory);
        free(quality);
    }
}

const struct panel *quality_panel(const struct quality *quality)
{
    return quality->panel;
}

/* --- orders ------------------------------------------------------------------------------------
 */

/* In the arms that the user falls into, as the server would. */
static enum status rank_with(const struct weights *weights, const struct state *state,
                             const struct rank_request *request, struct arena *arena,
                             struct rank_result *out)
{
    struct weights_chosen chosen;
    struct problem problem;
    enum status status =
        weights_choose(weights, request->locale, request->user_key, text_of(""), &chosen, &problem);
    return status == STATUS_OK ? rank(state, chosen.model, request, arena, out) : status;
}

static enum status rank_all(struct quality *quality, const struct state *state,
                            const struct rank_request *request, struct rank_result *results)
{
    memset(quality->kept, 1, sizeof(quality->kept));
    for (size_t i = 0; i < quality->contenders->count; i++) {
        enum status status = rank_with(quality->contenders->weights[i], state, request,
                                       &quality->arena, &results[i]);
        if (status != STATUS_OK) {
            return status;
        }
        for (size_t at = 0; at < results[i].dropped_count; at++) {
            quality->kept[results[i].dropped[at]] = false;
        }
    }
    return STATUS_OK;
}

static void take_result(struct quality *quality, size_t contender, const struct rank_result *result)
{
    size_t count = 0;
    for (size_t at = 0; at < result->count; at++) {
        uint32_t candidate = result->order[at];
        if (quality->kept[candidate]) {
            quality->orders[contender][count++] = candidate;
            quality->scores[contender][candidate] = result->scores[at];
        }
    }
    quality->kept_count = count;
}

/* The largest first; equal ones in the request's order. */
static void take_values(struct quality *quality, size_t contender, const double *values,
                        size_t count)
{
    struct valued valued[LIMIT_CANDIDATES];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        quality->scores[contender][i] = values[i];
        if (quality->kept[i]) {
            valued[kept++] = (struct valued){values[i], (uint32_t)i};
        }
    }
    valued_sort(valued, kept);
    for (size_t i = 0; i < kept; i++) {
        quality->orders[contender][i] = valued[i].index;
    }
}

enum status quality_order(struct quality *quality, const struct state *state,
                          const struct rank_request *request)
{
    struct rank_result results[QUALITY_WEIGHTS_MAX];
    enum status status = rank_all(quality, state, request, results);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < quality->contenders->count; i++) {
        take_result(quality, i, &results[i]);
    }
    for (enum baseline i = 0; i < BASELINE_COUNT; i++) {
        baseline_values(i, state, request, quality->contenders->seed, quality->values);
        take_values(quality, quality_baseline(quality, i), quality->values, request->count);
    }
    take_values(quality, quality_ideal(quality), quality->gains, request->count);
    return STATUS_OK;
}

double quality_ndcg(const struct quality *quality, size_t contender, const bool *subset)
{
    double gains[LIMIT_CANDIDATES];
    size_t count = 0;
    for (size_t i = 0; i < quality->kept_count; i++) {
        uint32_t candidate = quality->orders[contender][i];
        if (subset == NULL || subset[candidate]) {
            gains[count++] = quality->gains[candidate];
        }
    }
    return metrics_ndcg(gains, count, QUALITY_K);
}

/* --- the simulator's truth ---------------------------------------------------------------------
 */

struct simulated {
    struct quality *quality;
    const struct state *state;
    uint64_t world;
    struct problem *problem;
    bool is_new[LIMIT_CANDIDATES];
    bool is_own[LIMIT_CANDIDATES];
};

/* The same world and user have one key, others other ones but for a collision of hashes. */
static uint64_t key_of_user(uint64_t world, const char *user_id)
{
    uint64_t key = XXH3_64bits_withSeed(user_id, strlen(user_id), world);
    return key != 0 ? key : 1;
}

static void note_candidates(struct simulated *simulated, const Reelrank__Replay__TestRanking *test,
                            const struct rank_request *request)
{
    const struct video *videos[LIMIT_CANDIDATES];
    videos_find_many(state_videos(simulated->state), request->keys, request->count, videos);
    for (size_t i = 0; i < request->count; i++) {
        simulated->quality->gains[i] =
            truth_value_of(test->candidates[i], simulated->quality->contenders->gain);
        simulated->is_new[i] = test->candidates[i]->impressions < QUALITY_NEW_VIDEO_VIEWS;
        simulated->is_own[i] =
            videos[i] != NULL && baseline_speaks(videos[i], locale_language(request->locale));
    }
}

/* Among fewer than two any order is the best one. */
static bool has_choice(const struct quality *quality, const bool *subset)
{
    size_t count = 0;
    for (size_t i = 0; i < quality->kept_count; i++) {
        count += subset[quality->orders[0][i]];
    }
    return count >= 2;
}

static double share_of_new(const struct simulated *simulated, size_t contender)
{
    const struct quality *quality = simulated->quality;
    size_t count = quality->kept_count < QUALITY_K ? quality->kept_count : QUALITY_K;
    double found = 0;
    for (size_t i = 0; i < count; i++) {
        found += simulated->is_new[quality->orders[contender][i]];
    }
    return count > 0 ? found / (double)count : NAN;
}

static enum status add_values(struct simulated *simulated, const char *row_name, uint64_t user_key,
                              double (*value)(const struct simulated *simulated, size_t contender))
{
    struct quality *quality = simulated->quality;
    size_t row = panel_row(quality->panel, row_name);
    enum status status = STATUS_OK;
    for (size_t i = 0; row < PANEL_ROWS_MAX && status == STATUS_OK && i < quality_count(quality);
         i++) {
        status = panel_add(quality->panel, user_key, row, i, value(simulated, i), 1);
    }
    return status;
}

static double ndcg_of_all(const struct simulated *simulated, size_t contender)
{
    return quality_ndcg(simulated->quality, contender, NULL);
}

static double ndcg_of_new(const struct simulated *simulated, size_t contender)
{
    bool choice = has_choice(simulated->quality, simulated->is_new);
    return choice ? quality_ndcg(simulated->quality, contender, simulated->is_new) : NAN;
}

static double ndcg_of_own(const struct simulated *simulated, size_t contender)
{
    bool choice = has_choice(simulated->quality, simulated->is_own);
    return choice ? quality_ndcg(simulated->quality, contender, simulated->is_own) : NAN;
}

static enum status add_ranking(struct simulated *simulated,
                               const Reelrank__Replay__TestRanking *test, uint64_t user_key)
{
    bool new_user = test->user_signals < QUALITY_NEW_USER_SIGNALS;
    const struct {
        const char *row;
        double (*value)(const struct simulated *simulated, size_t contender);
    } values[] = {
        {"all", ndcg_of_all},           {new_user ? "new users" : "known users", ndcg_of_all},
        {"new videos", ndcg_of_new},    {"own language", ndcg_of_own},
        {"new among 10", share_of_new}, {test->locale, ndcg_of_all},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sizeof(values) / sizeof(values[0]); i++) {
        status = add_values(simulated, values[i].row, user_key, values[i].value);
    }
    return status;
}

static enum status measure_test(void *context, const Reelrank__Replay__TestRanking *test)
{
    struct simulated *simulated = context;
    struct rank_request request;
    arena_reset(&simulated->quality->arena);
    enum status status =
        truth_request(test, &simulated->quality->arena, &request, simulated->problem);
    if (status != STATUS_OK) {
        return status;
    }
    note_candidates(simulated, test, &request);
    status = quality_order(simulated->quality, simulated->state, &request);
    if (status != STATUS_OK) {
        return status;
    }
    return add_ranking(simulated, test, key_of_user(simulated->world, test->user_id));
}

/* Says which of the files a problem is of. */
static enum status name_file(enum status status, const char *name, struct problem *problem)
{
    if (status != STATUS_OK && problem->text[0] != '\0') {
        struct problem inner = *problem;
        problem_set(problem, "%s: %.280s", name, inner.text);
    }
    return status;
}

static enum status load_files(const struct quality_files *files, struct state *state,
                              struct problem *problem)
{
    uint64_t sequence = 0;
    enum status status =
        name_file(load_jsonl(files->catalogue, state, &sequence, problem), "catalogue", problem);
    if (status == STATUS_OK && files->log != NULL) {
        status = name_file(load_jsonl(files->log, state, &sequence, problem), "log", problem);
    }
    return status;
}

/* Rows that the reader wants in this order; those of locales follow. */
static void name_rows(struct panel *panel)
{
    static const char *const names[] = {"all",        "new users",    "known users",
                                        "new videos", "own language", "new among 10"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)panel_row(panel, names[i]);
    }
}

enum status quality_add_simulated(struct quality *quality, uint64_t world,
                                  const struct quality_files *files, struct problem *problem)
{
    struct state *state = state_new();
    struct simulated *simulated = calloc(1, sizeof(*simulated));
    enum status status = STATUS_NO_MEMORY;
    name_rows(quality->panel);
    if (state != NULL && simulated != NULL) {
        status = load_files(files, state, problem);
    }
    if (status == STATUS_OK) {
        simulated->quality = quality;
        simulated->state = state;
        simulated->world = world;
        simulated->problem = problem;
        status =
            name_file(truth_read(files->truth, measure_test, simulated, problem), "truth", problem);
    }
    free(simulated);
    state_free(state);
    return status;
}
