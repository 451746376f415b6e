#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/limits.h"
#include "ranker/random.h"
#include "ranker/slate.h"
#include "ranker/slate_chance.h"
#include "tests/bench/program.h"
#include "tests/bench/samples.h"

/* What each rule of the slate costs, on candidates made up for it: scores are given. */

enum { ARENA_BYTES = 1 << 20, REPEATS = 2000, VARIANTS = 8 };

struct options {
    int64_t candidates;
    int64_t shown;
};

static const struct argument arguments[] = {
    {.name = "candidates",
     .value_name = "N",
     .help = "per slate",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, candidates),
     .initial = "500",
     .minimum = 1,
     .maximum = LIMIT_CANDIDATES},
    {.name = "shown",
     .value_name = "N",
     .help = "length of the slate; 0 is all",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, shown),
     .initial = "20",
     .maximum = LIMIT_CANDIDATES},
};

static const struct program program = {
    .summary =
        "Times the rules of the slate and prints one line of JSON: ns per slate, and per draw\n"
        "where the probabilities of its first 10 positions are worked out by simulation.",
    .examples = "  slate_bench --candidates 500 --shown 20\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

/* Creators and categories are as skewed as a product of two uniform numbers. */
struct made {
    double scores[LIMIT_CANDIDATES];
    uint64_t creators[LIMIT_CANDIDATES];
    uint32_t categories[LIMIT_CANDIDATES][LIMIT_VIDEO_CATEGORIES];
    uint32_t tags[LIMIT_CANDIDATES][LIMIT_VIDEO_TAGS];
    struct embedding embeddings[LIMIT_CANDIDATES];
    struct slate_facts facts[LIMIT_CANDIDATES];
};

static uint32_t skewed(struct random *random, uint32_t count)
{
    return 1 + (uint32_t)(random_unit(random) * random_unit(random) * count);
}

static void make_one(struct made *made, struct random *random, size_t i)
{
    float values[LIMIT_VIDEO_EMBEDDING];
    made->scores[i] = exact_quantum(3 + 2 * random_unit(random) * random_unit(random));
    made->creators[i] = skewed(random, 400);
    made->categories[i][0] = skewed(random, 20);
    for (size_t j = 0; j < 3; j++) {
        made->tags[i][j] = skewed(random, 300);
    }
    for (size_t j = 0; j < LIMIT_VIDEO_EMBEDDING; j++) {
        values[j] = (float)(random_unit(random) - 0.5);
    }
    made->embeddings[i] = embedding_of(values, LIMIT_VIDEO_EMBEDDING);
    made->facts[i] = (struct slate_facts){.categories = made->categories[i],
                                          .tags = made->tags[i],
                                          .embedding = &made->embeddings[i],
                                          .local = random_chance(random, 0.2),
                                          .is_new = random_chance(random, 0.05)};
}

static struct model base_model(void)
{
    return (struct model){.creator_decay = 0.7,
                          .creator_floor = 0.3,
                          .window = 10,
                          .diversity_positions = 20,
                          .explore_epsilon = 0.05,
                          .explore_temperature = 0.5,
                          .explore_positions = 10};
}

/* Each switches one rule on; the last one all that go together. */
static void no_rule(struct model *model)
{
    (void)model;
}

static void creator_cap(struct model *model)
{
    model->creator_cap = 1;
}

static void category_cap(struct model *model)
{
    model->category_cap = 2;
}

static void local_share(struct model *model)
{
    model->local_share = 0.3;
}

static void new_video_every(struct model *model)
{
    model->new_video_every = 5;
}

static void diversity_by_tags(struct model *model)
{
    model->diversity = 0.3;
}

static void diversity_by_embedding(struct model *model)
{
    model->diversity = 0.3;
    model->diversity_by = DIVERSITY_BY_EMBEDDING;
}

static void epsilon_greedy(struct model *model)
{
    model->exploration = EXPLORE_EPSILON_GREEDY;
}

static void plackett_luce(struct model *model)
{
    model->exploration = EXPLORE_PLACKETT_LUCE;
}

static void all_rules(struct model *model)
{
    creator_cap(model);
    category_cap(model);
    local_share(model);
    new_video_every(model);
    diversity_by_tags(model);
    plackett_luce(model);
}

static const struct {
    const char *name;
    void (*use)(struct model *model);
} rules[] = {
    {"none", no_rule},
    {"creator_cap", creator_cap},
    {"category_cap", category_cap},
    {"local_share", local_share},
    {"new_video_every", new_video_every},
    {"diversity_by_tags", diversity_by_tags},
    {"diversity_by_embedding", diversity_by_embedding},
    {"epsilon_greedy", epsilon_greedy},
    {"plackett_luce", plackett_luce},
    {"all", all_rules},
};

static struct slate_input input_of(const struct model *model, const struct made *made,
                                   const struct options *options)
{
    return (struct slate_input){
        .model = model,
        .count = (size_t)options->candidates,
        .scores = made->scores,
        .creators = made->creators,
        .facts = made->facts,
        .positions = (size_t)(options->shown > 0 ? options->shown : options->candidates),
    };
}

static double measure(const struct model *model, const struct made *made,
                      const struct options *options, struct arena *arena)
{
    struct samples samples = {0};
    for (uint64_t i = 0; i < REPEATS; i++) {
        const struct made *one = &made[i % VARIANTS];
        struct slate slate;
        struct slate_input input = input_of(model, one, options);
        input.seed = i;
        arena_reset(arena);
        int64_t start_ns = program_now_ns();
        CHECK(slate_build(&input, arena, &slate) == STATUS_OK);
        samples_add(&samples, (double)(program_now_ns() - start_ns));
    }
    double median = samples_quantile(&samples, 0.5);
    samples_release(&samples);
    return median;
}

/* Of one simulated slate, of whose drawn positions the marginals are asked. */
static double measure_draw(const struct model *model, const struct made *made,
                           const struct options *options, struct arena *arena)
{
    enum { DRAWS = 1000, POSITIONS = 10, ROUNDS = 20 };
    static double values[LIMIT_CANDIDATES];
    double probabilities[POSITIONS], variances[POSITIONS], expected[POSITIONS];
    struct slate_marginals out = {probabilities, variances, expected};
    struct samples samples = {0};
    uint32_t slate[POSITIONS];
    for (uint32_t k = 0; k < POSITIONS; k++) {
        slate[k] = k;
    }
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct slate_input input = input_of(model, &made[i % VARIANTS], options);
        struct slate_marginals_query query = {
            .slate = slate, .count = POSITIONS, .values = values, .draws = DRAWS, .seed = i};
        arena_reset(arena);
        int64_t start_ns = program_now_ns();
        CHECK(slate_marginals(&input, &query, arena, &out) == STATUS_OK);
        samples_add(&samples, (double)(program_now_ns() - start_ns) / DRAWS);
    }
    double median = samples_quantile(&samples, 0.5);
    samples_release(&samples);
    return median;
}

int main(int argc, char **argv)
{
    struct options options;
    struct random random = {.state = 1};
    struct arena arena;
    program_options(&program, argc, argv, &options);
    struct made *made = calloc(VARIANTS, sizeof(*made));
    void *memory = malloc(ARENA_BYTES);
    CHECK(made != NULL);
    CHECK(memory != NULL);
    arena_init(&arena, memory, ARENA_BYTES);
    for (size_t i = 0; i < VARIANTS * (size_t)options.candidates; i++) {
        make_one(&made[i % VARIANTS], &random, i / VARIANTS);
    }
    printf("{\"candidates\": %" PRId64 ", \"shown\": %" PRId64, options.candidates, options.shown);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct model model = base_model();
        rules[i].use(&model);
        printf(", \"%s_ns\": %.0f", rules[i].name, measure(&model, made, &options, &arena));
        if (model.exploration != EXPLORE_NONE) {
            printf(", \"%s_draw_ns\": %.0f", rules[i].name,
                   measure_draw(&model, made, &options, &arena));
        }
    }
    printf("}\n");
    free(memory);
    free(made);
    return 0;
}
