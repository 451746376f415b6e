#include "tests/ranker/slow_slate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/exact.h"
#include "tests/test.h"

static size_t position(const struct slow_slate *slow)
{
    return slow->placed_count + 1;
}

/* Where a window of so many positions, ending with the next one, begins in placed. */
static size_t window_begin(const struct slow_slate *slow, size_t positions)
{
    return position(slow) > positions ? position(slow) - positions : 0;
}

static bool has_category(const struct slow_slate *slow, uint32_t candidate, uint32_t category)
{
    for (size_t i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        if (slow->input->facts[candidate].categories[i] == category) {
            return true;
        }
    }
    return false;
}

static bool same_creator(const struct slow_slate *slow, uint32_t a, uint32_t b)
{
    return slow->input->creators[a] != 0 && slow->input->creators[a] == slow->input->creators[b];
}

static bool creator_is_full(const struct slow_slate *slow, uint32_t candidate)
{
    const struct model *model = slow->input->model;
    int count = 0;
    for (size_t i = window_begin(slow, (size_t)model->window); i < slow->placed_count; i++) {
        count += same_creator(slow, slow->placed[i], candidate);
    }
    return model->creator_cap > 0 && count + 1 > model->creator_cap;
}

static bool category_is_full(const struct slow_slate *slow, uint32_t category)
{
    const struct model *model = slow->input->model;
    int count = 0;
    for (size_t i = window_begin(slow, (size_t)model->window); i < slow->placed_count; i++) {
        count += has_category(slow, slow->placed[i], category);
    }
    return category != 0 && model->category_cap > 0 && count + 1 > model->category_cap;
}

unsigned slow_broken_caps(const struct slow_slate *slow, uint32_t candidate)
{
    unsigned broken = creator_is_full(slow, candidate) ? 1U << SLATE_CREATOR_CAP : 0;
    for (size_t i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        if (category_is_full(slow, slow->input->facts[candidate].categories[i])) {
            broken |= 1U << SLATE_CATEGORY_CAP;
        }
    }
    return broken;
}

/* N local creators in whole windows, floor(N * q / window) in the first q positions. */
static bool is_due_to_local(const struct slow_slate *slow)
{
    size_t window = (size_t)slow->input->model->window;
    size_t whole = (size_t)ceil(slow->input->model->local_share * (double)window - 1e-9);
    size_t shown = position(slow) < window ? position(slow) : window;
    size_t count = 0;
    for (size_t i = window_begin(slow, window); i < slow->placed_count; i++) {
        count += slow->input->facts[slow->placed[i]].local;
    }
    return count < whole * shown / window;
}

unsigned slow_broken(const struct slow_slate *slow, uint32_t candidate)
{
    const struct model *model = slow->input->model;
    unsigned broken = slow_broken_caps(slow, candidate);
    if (is_due_to_local(slow) && !slow->input->facts[candidate].local) {
        broken |= 1U << SLATE_LOCAL_SHARE;
    }
    if (model->new_video_every > 0 && position(slow) % (size_t)model->new_video_every == 0 &&
        !slow->input->facts[candidate].is_new) {
        broken |= 1U << SLATE_NEW_VIDEO_EVERY;
    }
    return broken;
}

double slow_score(const struct slow_slate *slow, uint32_t candidate)
{
    const struct model *model = slow->input->model;
    double factor = 1;
    for (size_t i = 0; i < slow->placed_count; i++) {
        if (same_creator(slow, slow->placed[i], candidate)) {
            factor = fmax(factor * model->creator_decay, model->creator_floor);
        }
    }
    return exact_quantum(slow->input->scores[candidate] * factor);
}

/* Whether key is in keys[0..end). */
static bool in(const uint32_t *keys, size_t end, uint32_t key)
{
    bool found = false;
    for (size_t i = 0; i < end; i++) {
        found = found || keys[i] == key;
    }
    return found;
}

/* Counts what is in a, and what is in a and in b, each once. */
static void count_keys(const uint32_t *a, const uint32_t *b, size_t count, int *in_a, int *in_both)
{
    for (size_t i = 0; i < count; i++) {
        bool counts = a[i] != 0 && !in(a, i, a[i]);
        *in_a += counts;
        *in_both += counts && in(b, count, a[i]);
    }
}

static double likeness_by_tags(const struct slow_slate *slow, uint32_t a, uint32_t b)
{
    const struct slate_facts *one = &slow->input->facts[a];
    const struct slate_facts *other = &slow->input->facts[b];
    int tags = 0, other_tags = 0, both_tags = 0;
    int categories = 0, other_categories = 0, both_categories = 0;
    int creator = same_creator(slow, a, b) ? 2 : 0;
    count_keys(one->tags, other->tags, LIMIT_VIDEO_TAGS, &tags, &both_tags);
    both_tags = 0;
    count_keys(other->tags, one->tags, LIMIT_VIDEO_TAGS, &other_tags, &both_tags);
    count_keys(one->categories, other->categories, LIMIT_VIDEO_CATEGORIES, &categories,
               &both_categories);
    both_categories = 0;
    count_keys(other->categories, one->categories, LIMIT_VIDEO_CATEGORIES, &other_categories,
               &both_categories);
    int both = both_tags + 2 * both_categories + creator;
    int either = tags + other_tags - both_tags +
                 2 * (categories + other_categories - both_categories) + 4 - creator;
    return (double)both / either;
}

static double length(const struct embedding *a)
{
    double sum = 0;
    for (size_t i = 0; i < LIMIT_VIDEO_EMBEDDING; i++) {
        sum += (double)a->values[i] * a->values[i];
    }
    return sqrt(sum);
}

static double likeness(const struct slow_slate *slow, uint32_t a, uint32_t b)
{
    const struct embedding *one = slow->input->facts[a].embedding;
    const struct embedding *other = slow->input->facts[b].embedding;
    if (slow->input->model->diversity_by == DIVERSITY_BY_TAGS || one == NULL || other == NULL ||
        one->size != other->size) {
        return likeness_by_tags(slow, a, b);
    }
    double sum = 0;
    for (size_t i = 0; i < one->size; i++) {
        sum += (double)one->values[i] * other->values[i];
    }
    return fmin(1, fmax(0, sum / (length(one) * length(other))));
}

static bool is_diverse(const struct slow_slate *slow)
{
    const struct model *model = slow->input->model;
    return model->diversity > 0 && position(slow) <= (size_t)model->diversity_positions;
}

static double best_score(const struct slow_slate *slow)
{
    double best = 0;
    for (size_t i = 0; i < slow->input->count; i++) {
        best = fmax(best, slow->input->scores[i]);
    }
    return best > 0 ? best : 1;
}

static double value(const struct slow_slate *slow, uint32_t candidate)
{
    double score = slow_score(slow, candidate);
    double diversity = slow->input->model->diversity;
    if (!is_diverse(slow)) {
        return score;
    }
    double most = 0;
    for (size_t i = window_begin(slow, (size_t)slow->input->model->window + 1);
         i < slow->placed_count; i++) {
        most = fmax(most, likeness(slow, candidate, slow->placed[i]));
    }
    return (1 - diversity) * (score / best_score(slow)) - diversity * most;
}

static bool is_placed(const struct slow_slate *slow, uint32_t candidate)
{
    return in(slow->placed, slow->placed_count, candidate);
}

/* By score, then by place in the request. */
static size_t next_by_score(const struct slow_slate *slow, const bool *listed)
{
    size_t best = slow->input->count;
    for (size_t i = 0; i < slow->input->count; i++) {
        if (!listed[i] &&
            (best == slow->input->count || slow->input->scores[i] > slow->input->scores[best])) {
            best = i;
        }
    }
    return best;
}

static size_t plain_rank(const struct slow_slate *slow, uint32_t candidate)
{
    size_t rank = 0;
    while (slow->plain[rank] != candidate) {
        rank++;
    }
    return rank;
}

/* The candidates that break least, by score. */
static size_t list_eligible(const struct slow_slate *slow, struct slow_outcome *out)
{
    bool listed[LIMIT_CANDIDATES] = {false};
    unsigned least = ~0U;
    size_t count = 0;
    for (uint32_t i = 0; i < slow->input->count; i++) {
        listed[i] = is_placed(slow, i);
        if (!listed[i] && slow_broken(slow, i) < least) {
            least = slow_broken(slow, i);
        }
    }
    for (size_t left = slow->input->count - slow->placed_count; left > 0; left--) {
        uint32_t candidate = (uint32_t)next_by_score(slow, listed);
        listed[candidate] = true;
        if (slow_broken(slow, candidate) == least) {
            out[count++] = (struct slow_outcome){.candidate = candidate};
        }
    }
    return count;
}

static size_t best_of(const struct slow_slate *slow, const struct slow_outcome *outcomes,
                      size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++) {
        double here = value(slow, outcomes[i].candidate);
        double there = value(slow, outcomes[best].candidate);
        bool earlier =
            plain_rank(slow, outcomes[i].candidate) < plain_rank(slow, outcomes[best].candidate);
        if (here > there || (here >= there && earlier)) {
            best = i;
        }
    }
    return best;
}

static void put_epsilon_greedy(const struct slow_slate *slow, struct slow_outcome *outcomes,
                               size_t count)
{
    double epsilon = slow->input->model->explore_epsilon;
    size_t best = best_of(slow, outcomes, count);
    for (size_t i = 0; i < count; i++) {
        outcomes[i].begin = epsilon * (double)i / (double)count;
        outcomes[i].end = epsilon * (double)(i + 1) / (double)count;
        outcomes[i].probability = epsilon / (double)count + (i == best ? 1 - epsilon : 0);
    }
    outcomes[best].best_begin = epsilon;
    outcomes[best].best_end = 1;
}

static void put_plackett_luce(const struct slow_slate *slow, struct slow_outcome *outcomes,
                              size_t count)
{
    double points = is_diverse(slow) ? best_score(slow) : 1;
    double most = value(slow, outcomes[best_of(slow, outcomes, count)].candidate);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double above = (value(slow, outcomes[i].candidate) - most) * points;
        outcomes[i].probability = exp(above / slow->input->model->explore_temperature);
        sum += outcomes[i].probability;
    }
    double begin = 0;
    for (size_t i = 0; i < count; i++) {
        outcomes[i].probability /= sum;
        outcomes[i].begin = begin;
        begin += outcomes[i].probability;
        outcomes[i].end = begin;
    }
}

size_t slow_outcomes(const struct slow_slate *slow, struct slow_outcome *out)
{
    const struct model *model = slow->input->model;
    size_t count = list_eligible(slow, out);
    bool drawn = position(slow) <= (size_t)model->explore_positions;
    if (drawn && model->exploration == EXPLORE_EPSILON_GREEDY) {
        put_epsilon_greedy(slow, out, count);
        return count;
    }
    if (drawn && model->exploration == EXPLORE_PLACKETT_LUCE) {
        put_plackett_luce(slow, out, count);
        return count;
    }
    out[0].candidate = out[best_of(slow, out, count)].candidate;
    out[0].probability = 1;
    out[0].begin = 0;
    out[0].end = 1;
    return 1;
}

static void make_embedding(struct made_slate *made, struct random *random, size_t candidate)
{
    float values[LIMIT_VIDEO_EMBEDDING];
    size_t size = random_chance(random, 0.9) ? 3 : 2;
    for (size_t i = 0; i < size; i++) {
        values[i] = (float)(random_unit(random) * 2 - 1);
    }
    made->embeddings[candidate] = embedding_of(values, size);
    bool none = random_chance(random, 0.1);
    made->facts[candidate].embedding = none ? NULL : &made->embeddings[candidate];
}

static void make_candidate(struct made_slate *made, struct random *random, size_t candidate)
{
    made->scores[candidate] = exact_quantum(random_unit(random) * 5);
    made->creators[candidate] = random_below(random, 4 + made->input.count / 8);
    made->facts[candidate] = (struct slate_facts){
        .categories = made->categories[candidate],
        .tags = made->tags[candidate],
        .local = random_chance(random, 0.3),
        .is_new = random_chance(random, 0.2),
    };
    memset(made->categories[candidate], 0, sizeof(made->categories[candidate]));
    memset(made->tags[candidate], 0, sizeof(made->tags[candidate]));
    for (size_t i = 0; i < 2; i++) {
        made->categories[candidate][i] = random_below(random, 5);
    }
    for (size_t i = 0; i < 4; i++) {
        made->tags[candidate][i] = random_below(random, 8);
    }
    make_embedding(made, random, candidate);
}

struct made_slate *new_made(void)
{
    struct made_slate *made = calloc(1, sizeof(*made));
    CHECK(made != NULL);
    return made;
}

struct arena new_arena(void)
{
    struct arena arena;
    void *memory = malloc(SLATE_MEMORY);
    CHECK(memory != NULL);
    arena_init(&arena, memory, SLATE_MEMORY);
    return arena;
}

void make_candidates(struct made_slate *made, struct random *random, size_t count)
{
    CHECK(count <= LIMIT_CANDIDATES);
    made->model = (struct model){
        .window = 1 + (int)random_below(random, 12),
        .creator_decay = random_chance(random, 0.3) ? 1 : random_unit(random),
        .creator_floor = random_unit(random) / 2,
        .diversity_positions = 1,
        .explore_positions = 1,
    };
    made->input = (struct slate_input){
        .model = &made->model,
        .count = count,
        .scores = made->scores,
        .creators = made->creators,
        .facts = made->facts,
        .positions = count,
    };
    for (size_t i = 0; i < count; i++) {
        make_candidate(made, random, i);
    }
}

void make_rules(struct made_slate *made, struct random *random)
{
    struct model *model = &made->model;
    model->creator_cap = (int)random_below(random, 4);
    model->category_cap = (int)random_below(random, 5);
    model->local_share = random_chance(random, 0.5) ? random_unit(random) : 0;
    model->new_video_every = (int)random_below(random, 5);
    model->diversity = random_chance(random, 0.5) ? random_unit(random) : 0;
    model->diversity_by = random_chance(random, 0.5) ? DIVERSITY_BY_TAGS : DIVERSITY_BY_EMBEDDING;
    model->diversity_positions = 1 + (int)random_below(random, 40);
    model->exploration = (enum exploration)random_below(random, 3);
    model->explore_epsilon = random_unit(random);
    model->explore_temperature = 0.2 + 3 * random_unit(random);
    model->explore_positions = 1 + (int)random_below(random, 20);
}
