#include "replay/truth_examples.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/rank_features.h"

enum { ARENA_BYTES = 16 << 20 }; /* four times the largest ranking */

struct telling {
    const struct truth_examples_options *options;
    uint64_t group; /* rankings so far that made examples */
    bool begun;     /* the ranking at hand did */
    struct arena arena;
    struct problem *problem;
};

static enum status write_side(struct telling *telling, struct example *example, double weight,
                              bool positive)
{
    if (!(weight > 0)) {
        return STATUS_OK;
    }
    telling->group += !telling->begun;
    telling->begun = true;
    example->group = telling->group;
    example->time_ms = (int64_t)telling->group;
    example->weight = weight;
    example->positive = positive ? 1U << telling->options->head : 0;
    return example_writer_add(telling->options->writer, example);
}

static enum status write_candidate(struct telling *telling, const struct rank_request *request,
                                   size_t candidate, const double *features, double chance)
{
    struct example example = {.user_key = request->user_key,
                              .video_key = request->keys[candidate],
                              .propensity = NAN,
                              .known = 1U << telling->options->head,
                              .watch_quantile = NAN};
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        example.features[i] = (float)features[i];
    }
    enum status status = write_side(telling, &example, chance, true);
    return status == STATUS_OK ? write_side(telling, &example, 1 - chance, false) : status;
}

/* In the arms that the user falls into, as the server would. */
static enum status find_features(struct telling *telling, const struct rank_request *request,
                                 struct rank_features *out)
{
    const struct truth_examples_options *options = telling->options;
    struct weights_chosen chosen;
    enum status status = weights_choose(options->weights, request->locale, request->user_key,
                                        text_of(""), &chosen, telling->problem);
    return status == STATUS_OK
               ? rank_features(options->state, chosen.model, request, &telling->arena, out)
               : status;
}

static enum status write_ranking(void *context, const Reelrank__Replay__TestRanking *test)
{
    struct telling *telling = context;
    struct rank_request request;
    struct rank_features features;
    arena_reset(&telling->arena);
    telling->begun = false;
    enum status status = truth_request(test, &telling->arena, &request, telling->problem);
    if (status == STATUS_OK) {
        status = find_features(telling, &request, &features);
    }
    for (size_t i = 0; status == STATUS_OK && i < request.count; i++) {
        if (features.rules[i] == DROP_NONE) {
            double chance = truth_value_of(test->candidates[i], telling->options->value);
            status =
                write_candidate(telling, &request, i, &features.values[i * FEATURE_COUNT], chance);
        }
    }
    return status;
}

enum status truth_examples_write(FILE *truth, const struct truth_examples_options *options,
                                 struct problem *problem)
{
    CHECK(options->head != HEAD_WATCH_QUANTILE);
    struct telling telling = {.options = options, .problem = problem};
    char *memory = malloc(ARENA_BYTES);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&telling.arena, memory, ARENA_BYTES);
    enum status status = truth_read(truth, write_ranking, &telling, problem);
    free(memory);
    return status;
}
