#include "ranker/slate_fill.h"

#include <limits.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/lookup.h"
#include "ranker/slate_draw.h"

static bool rules_go_on(const struct model *model)
{
    return model->creator_cap > 0 || model->category_cap > 0 || model->local_share > 0 ||
           model->new_video_every > 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many positions need more than the order without rules. */
static size_t count_positions(const struct slate_input *input)
{
    const struct model *model = input->model;
    size_t diverse = model->diversity > 0 ? (size_t)model->diversity_positions : 0;
    size_t drawn = model->exploration != EXPLORE_NONE ? (size_t)model->explore_positions : 0;
    size_t count = diverse > drawn ? diverse : drawn;
    if (rules_go_on(model) || count > SLATE_POSITIONS_MAX) {
        count = SLATE_POSITIONS_MAX;
    }
    return least(count, least(input->positions, input->count));
}

/* A category's number is the place of its first mention, from 1. A video's repeats count once. */
static void number_categories(struct slate_fill *fill, const uint64_t *keys,
                              const struct positions *first)
{
    for (size_t i = 0; i < fill->input->count; i++) {
        uint16_t *out = fill->categories[i];
        for (size_t j = 0; j < LIMIT_VIDEO_CATEGORIES; j++) {
            size_t at = i * LIMIT_VIDEO_CATEGORIES + j;
            out[j] = 0;
            if (keys[at] == 0) {
                continue;
            }
            uint16_t *slot = positions_slot(first, keys[at]);
            *slot = *slot != 0 ? *slot : (uint16_t)(at + 1);
            bool repeated = false;
            for (size_t k = 0; k < j; k++) {
                repeated = repeated || out[k] == *slot;
            }
            out[j] = repeated ? 0 : *slot;
        }
    }
}

static enum status put_categories(struct slate_fill *fill, struct arena *arena)
{
    size_t count = fill->input->count * LIMIT_VIDEO_CATEGORIES;
    _Static_assert(LIMIT_CANDIDATES * LIMIT_VIDEO_CATEGORIES < UINT16_MAX, "a number must fit");
    struct positions first;
    uint64_t *keys = arena_new_raw(arena, uint64_t, count);
    fill->category_counts = arena_new_raw(arena, uint16_t, count + 1);
    fill->categories =
        arena_alloc_raw(arena, fill->input->count, sizeof(*fill->categories), _Alignof(uint16_t));
    enum status status = positions_init(&first, keys, count, arena);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] =
            fill->input->facts[i / LIMIT_VIDEO_CATEGORIES].categories[i % LIMIT_VIDEO_CATEGORIES];
    }
    number_categories(fill, keys, &first);
    return STATUS_OK;
}

static void put_ranks(struct slate_fill *fill)
{
    for (size_t i = 0; i < fill->input->count; i++) {
        fill->ranks[fill->slate->order[i]] = (uint16_t)i;
    }
}

/* Who is looked at: the first without rules, in the order of their scores. */
static void put_left(struct slate_fill *fill)
{
    fill->left_count = 0;
    for (size_t i = 0; i < fill->input->count; i++) {
        if (fill->ranks[fill->by_score[i]] < SLATE_HEAD_MAX) {
            fill->left[fill->left_count++] = (uint16_t)fill->by_score[i];
        }
    }
}

/* Nobody is placed, yet or any more. */
static void clear(struct slate_fill *fill)
{
    size_t count = fill->input->count;
    memset(fill->placed, 0, count * sizeof(fill->placed[0]));
    memset(fill->creator_counts, 0, count * sizeof(fill->creator_counts[0]));
    if (fill->categories != NULL) {
        memset(fill->category_counts, 0,
               (count * LIMIT_VIDEO_CATEGORIES + 1) * sizeof(fill->category_counts[0]));
    }
    for (size_t i = 0; i < count; i++) {
        fill->next_factors[i] = 1;
    }
    fill->placed_count = 0;
    fill->local_count = 0;
    put_left(fill);
}

static enum status allocate(struct slate_fill *fill, struct arena *arena)
{
    size_t count = fill->input->count;
    size_t head = least(count, SLATE_HEAD_MAX);
    fill->placed = arena_new_raw(arena, bool, count);
    fill->ranks = arena_new_raw(arena, uint16_t, count);
    fill->creators = arena_new_raw(arena, uint16_t, count);
    fill->next_factors = arena_new_raw(arena, double, count);
    fill->creator_counts = arena_new_raw(arena, uint16_t, count);
    fill->left = arena_new_raw(arena, uint16_t, head);
    fill->eligible = arena_new_raw(arena, uint16_t, head);
    fill->values = arena_new_raw(arena, double, head);
    fill->chances = arena_new_raw(arena, double, head);
    fill->slate->propensities = arena_new_raw(arena, double, count);
    if (fill->input->explain) {
        fill->slate->moved_by = arena_new(arena, uint8_t, count);
        fill->slate->from_positions = arena_new_raw(arena, uint32_t, count);
    }
    return slate_room_init(&fill->room, count, arena);
}

/* What follows from the input alone. */
static void set_constants(struct slate_fill *fill)
{
    const struct slate_input *input = fill->input;
    double share = input->model->local_share * input->model->window;
    double best = input->count > 0 ? input->scores[fill->by_score[0]] : 0;
    fill->position_count = count_positions(input);
    fill->best_score = best > 0 ? best : 1;
    fill->local_target = (unsigned)share;
    /* Rounded up, but not for what the product's own rounding has added. */
    fill->local_target += share - fill->local_target > 1e-9;
}

/* Makes the slate without rules. */
static enum status begin(struct slate_fill *fill, struct arena *arena)
{
    fill->by_score = arena_new_raw(arena, uint32_t, fill->input->count);
    if (fill->by_score == NULL) {
        return STATUS_NO_MEMORY;
    }
    return slate_plain_build(fill->input, arena, fill->by_score, fill->slate);
}

enum status slate_fill_init(struct slate_fill *fill, const struct slate_input *input,
                            struct slate *slate, struct arena *arena)
{
    const struct model *model = input->model;
    *fill = (struct slate_fill){.input = input, .slate = slate};
    enum status status = begin(fill, arena);
    if (status == STATUS_OK) {
        status = allocate(fill, arena);
    }
    if (status == STATUS_OK) {
        status = slate_creators(input, arena, fill->creators);
    }
    if (status == STATUS_OK && model->category_cap > 0) {
        status = put_categories(fill, arena);
    }
    if (status != STATUS_OK) {
        return status;
    }
    set_constants(fill);
    put_ranks(fill);
    clear(fill);
    return model->diversity > 0 ? likeness_init(&fill->likeness, model, fill->left_count,
                                                fill->position_count, arena)
                                : STATUS_OK;
}

void slate_fill_restart(struct slate_fill *fill)
{
    clear(fill);
    if (fill->input->model->diversity > 0) {
        likeness_restart(&fill->likeness, fill->left_count);
    }
}

/* One more or one less of the candidate in the window. */
static void count_in_window(struct slate_fill *fill, uint32_t candidate, int change)
{
    uint16_t *count = &fill->creator_counts[fill->creators[candidate]];
    *count = (uint16_t)(*count + change);
    fill->local_count += (unsigned)(fill->input->facts[candidate].local ? change : 0);
    for (size_t i = 0; fill->categories != NULL && i < LIMIT_VIDEO_CATEGORIES; i++) {
        count = &fill->category_counts[fill->categories[candidate][i]];
        *count = (uint16_t)(*count + change);
    }
}

static void leave_window(struct slate_fill *fill)
{
    size_t window = (size_t)fill->input->model->window;
    if (fill->placed_count >= window) {
        count_in_window(fill, fill->slate->order[fill->placed_count - window], -1);
    }
}

static void begin_position(struct slate_fill *fill)
{
    const struct model *model = fill->input->model;
    size_t position = fill->placed_count + 1;
    size_t window = (size_t)model->window;
    leave_window(fill);
    size_t local_due = fill->local_target * least(position, window) / window;
    fill->local_due = fill->local_count < local_due;
    fill->new_due = model->new_video_every > 0 && position % (size_t)model->new_video_every == 0;
    fill->diverse = model->diversity > 0 && position <= (size_t)model->diversity_positions;
}

static bool category_is_full(const struct slate_fill *fill, uint32_t candidate)
{
    for (size_t i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        uint16_t category = fill->categories[candidate][i];
        if (category != 0 && fill->category_counts[category] >= fill->input->model->category_cap) {
            return true;
        }
    }
    return false;
}

/* The caps that the candidate breaks at the position, as 1 << enum slate_rule. */
static unsigned broken_caps(const struct slate_fill *fill, uint32_t candidate)
{
    int cap = fill->input->model->creator_cap;
    bool creator = cap > 0 && fill->creator_counts[fill->creators[candidate]] >= cap;
    bool category = fill->categories != NULL && category_is_full(fill, candidate);
    return (unsigned)creator << SLATE_CREATOR_CAP | (unsigned)category << SLATE_CATEGORY_CAP;
}

/* As a number: the greater, the worse. */
static unsigned broken_rules(const struct slate_fill *fill, uint32_t candidate)
{
    const struct slate_facts *facts = &fill->input->facts[candidate];
    bool local = fill->local_due && !facts->local;
    bool new_video = fill->new_due && !facts->is_new;
    return broken_caps(fill, candidate) | (unsigned)local << SLATE_LOCAL_SHARE |
           (unsigned)new_video << SLATE_NEW_VIDEO_EVERY;
}

static double score_now(const struct slate_fill *fill, uint32_t candidate)
{
    double factor = fill->next_factors[fill->creators[candidate]];
    return exact_quantum(fill->input->scores[candidate] * factor);
}

static double relevance(const struct slate_fill *fill, double score)
{
    return (1 - fill->input->model->diversity) * (score / fill->best_score);
}

/* Its number in fill->likeness, which learns of a candidate only when it is looked at. */
static size_t item_of(struct slate_fill *fill, uint32_t candidate)
{
    size_t item = fill->ranks[candidate];
    if (!likeness_knows(&fill->likeness, item)) {
        likeness_put(&fill->likeness, item, &fill->input->facts[candidate],
                     fill->creators[candidate]);
    }
    return item;
}

/* Maximal marginal relevance. */
static double diverse_value(struct slate_fill *fill, uint32_t candidate)
{
    double alike = likeness_most(&fill->likeness, item_of(fill, candidate));
    return relevance(fill, score_now(fill, candidate)) - fill->input->model->diversity * alike;
}

static double value_now(struct slate_fill *fill, uint32_t candidate)
{
    return fill->diverse ? diverse_value(fill, candidate) : score_now(fill, candidate);
}

/* What value_now() can be at most. Does not rise along fill->left. */
static double value_at_most(const struct slate_fill *fill, uint32_t candidate)
{
    double score = fill->input->scores[candidate];
    return fill->diverse ? relevance(fill, score) : score;
}

/* A place in fill->left. */
struct choice {
    size_t at;
    unsigned broken; /* as broken_rules() */
    unsigned rank;
    double value;
    double propensity;
    bool by_chance; /* it is not the best */
};

static bool is_better(const struct choice *a, const struct choice *b)
{
    if (a->broken != b->broken) {
        return a->broken < b->broken;
    }
    return a->value > b->value || (a->value >= b->value && a->rank < b->rank);
}

/* Nobody further on in fill->left can be better than one that breaks nothing and has this value. */
static bool is_settled(const struct slate_fill *fill, const struct choice *best, size_t at)
{
    return best->broken == 0 && value_at_most(fill, fill->left[at]) < best->value;
}

static struct choice choose_best(struct slate_fill *fill)
{
    struct choice best = {.broken = UINT_MAX};
    for (size_t i = 0; i < fill->left_count && !is_settled(fill, &best, i); i++) {
        uint32_t candidate = fill->left[i];
        struct choice choice = {.at = i, .broken = broken_rules(fill, candidate), .propensity = 1};
        if (choice.broken > best.broken) {
            continue;
        }
        choice.rank = fill->ranks[candidate];
        choice.value = value_now(fill, candidate);
        if (is_better(&choice, &best)) {
            best = choice;
        }
    }
    return best;
}

static unsigned rank_of(const struct slate_fill *fill, size_t at)
{
    return fill->ranks[fill->left[at]];
}

/* Returns how many break least. */
static size_t list_eligible(struct slate_fill *fill)
{
    unsigned least_broken = UINT_MAX;
    size_t count = 0;
    for (size_t i = 0; i < fill->left_count; i++) {
        unsigned broken = broken_rules(fill, fill->left[i]);
        if (broken > least_broken) {
            continue;
        }
        count = broken < least_broken ? 0 : count;
        least_broken = broken;
        fill->eligible[count++] = (uint16_t)i;
    }
    return count;
}

/* Works out the values of the eligible. Returns which of them is the best. */
static size_t value_eligible(struct slate_fill *fill, size_t count)
{
    size_t best = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t candidate = fill->left[fill->eligible[i]];
        fill->values[i] = value_now(fill, candidate);
    }
    for (size_t i = 1; i < count; i++) {
        bool equal = fill->values[i] >= fill->values[best];
        if (fill->values[i] > fill->values[best] ||
            (equal && rank_of(fill, fill->eligible[i]) < rank_of(fill, fill->eligible[best]))) {
            best = i;
        }
    }
    return best;
}

/* Of the softmax that draws. */
static double scale_of(const struct slate_fill *fill)
{
    const double log2_e = 0x1.71547652b82fep+0;
    double points = fill->diverse ? fill->best_score : 1; /* what a value of 1 is worth */
    return points * (log2_e / fill->input->model->explore_temperature);
}

static struct choice draw(struct slate_fill *fill, double uniform)
{
    const struct model *model = fill->input->model;
    struct slate_draw drawn;
    size_t count = list_eligible(fill);
    size_t best = value_eligible(fill, count);
    if (model->exploration == EXPLORE_EPSILON_GREEDY) {
        drawn = slate_draw_epsilon_greedy(model->explore_epsilon, uniform, count, best);
    } else {
        drawn =
            slate_draw_softmax(scale_of(fill), uniform, fill->values, count, best, fill->chances);
    }
    size_t at = fill->eligible[drawn.at];
    return (struct choice){.at = at,
                           .broken = broken_rules(fill, fill->left[at]),
                           .propensity = drawn.propensity,
                           .by_chance = drawn.at != best};
}

/* The worst rule of those that one breaks and not the other, who breaks less. */
static unsigned worst_of(unsigned broken, unsigned than)
{
    unsigned differing = broken ^ than;
    return 1U << (31 - (unsigned)__builtin_clz(differing));
}

static void blame(struct slate_fill *fill, uint32_t passed, uint32_t chosen, unsigned rule)
{
    fill->slate->moved_by[passed] |= (uint8_t)rule;
    fill->slate->moved_by[chosen] |= (uint8_t)rule;
}

/*
 * Notes why those who are ahead by their scores are passed over. Whoever stands elsewhere than
 * scores say has passed somebody or was passed over, at a position where that was so by scores.
 */
static void note_moves(struct slate_fill *fill, const struct choice *choice)
{
    uint32_t chosen = fill->left[choice->at];
    double score = score_now(fill, chosen);
    for (size_t i = 0; i < fill->left_count; i++) {
        uint32_t passed = fill->left[i];
        double other = score_now(fill, passed);
        if (fill->input->scores[passed] < score) {
            break;
        }
        if (other < score || (other <= score && passed >= chosen)) {
            continue;
        }
        unsigned broken = broken_rules(fill, passed);
        if (broken != choice->broken) {
            blame(fill, passed, chosen, worst_of(broken, choice->broken));
        } else if (choice->by_chance) {
            blame(fill, passed, chosen, 1U << SLATE_EXPLORE);
        } else if (fill->diverse) {
            blame(fill, passed, chosen, 1U << SLATE_DIVERSITY);
        }
    }
}

/* Gives a candidate the factor of its creator's next video, and the score with it. Inline, since it
 * is called for all that are left. */
static inline void decay(struct slate_fill *fill, uint32_t candidate)
{
    const struct model *model = fill->input->model;
    double *next = &fill->next_factors[fill->creators[candidate]];
    fill->slate->factors[candidate] = *next;
    fill->slate->scores[candidate] = score_now(fill, candidate);
    if (fill->input->creators[candidate] != 0) {
        double factor = *next * model->creator_decay;
        *next = factor > model->creator_floor ? factor : model->creator_floor;
    }
}

static void place(struct slate_fill *fill, const struct choice *choice)
{
    uint32_t candidate = fill->left[choice->at];
    uint16_t *left = &fill->left[choice->at];
    fill->left_count--;
    memmove(left, left + 1, (fill->left_count - choice->at) * sizeof(*left));
    fill->placed[candidate] = true;
    decay(fill, candidate);
    count_in_window(fill, candidate, 1);
    if (fill->input->model->diversity > 0) {
        likeness_place(&fill->likeness, item_of(fill, candidate));
    }
    fill->slate->order[fill->placed_count] = candidate;
    fill->slate->propensities[fill->placed_count] = choice->propensity;
    fill->placed_count++;
}

bool slate_fill_is_drawn(const struct slate_fill *fill)
{
    const struct model *model = fill->input->model;
    return model->exploration != EXPLORE_NONE &&
           fill->placed_count < (size_t)model->explore_positions;
}

void slate_fill_positions(struct slate_fill *fill, const double *uniforms)
{
    while (fill->placed_count < fill->position_count) {
        begin_position(fill);
        struct choice choice = slate_fill_is_drawn(fill) ? draw(fill, uniforms[fill->placed_count])
                                                         : choose_best(fill);
        if (fill->input->explain) {
            note_moves(fill, &choice);
        }
        place(fill, &choice);
    }
}

static void weigh_best(struct slate_fill *fill)
{
    fill->eligible[0] = (uint16_t)choose_best(fill).at;
    fill->chances[0] = 1;
    fill->whole = 1;
    fill->best = 0;
    fill->chance_count = 1;
}

void slate_fill_weigh(struct slate_fill *fill)
{
    const struct model *model = fill->input->model;
    begin_position(fill);
    if (!slate_fill_is_drawn(fill)) {
        weigh_best(fill);
        return;
    }
    size_t count = list_eligible(fill);
    fill->chance_count = count;
    fill->best = value_eligible(fill, count);
    fill->whole =
        model->exploration == EXPLORE_EPSILON_GREEDY
            ? slate_chances_epsilon_greedy(model->explore_epsilon, count, fill->best, fill->chances)
            : slate_chances_softmax(scale_of(fill), fill->values, count, fill->best, fill->chances);
}

void slate_fill_place(struct slate_fill *fill, size_t i)
{
    struct choice choice = {.at = fill->eligible[i], .propensity = fill->chances[i] / fill->whole};
    place(fill, &choice);
}

/* Which of the next candidates breaks caps least. */
static size_t choose_ahead(const struct slate_fill *fill, size_t end)
{
    const uint32_t *order = fill->slate->order;
    size_t best = fill->placed_count;
    unsigned least_broken = broken_caps(fill, order[best]);
    for (size_t i = best + 1; i < end && least_broken > 0; i++) {
        unsigned broken = broken_caps(fill, order[i]);
        if (broken < least_broken) {
            best = i;
            least_broken = broken;
        }
    }
    return best;
}

static void note_moves_ahead(struct slate_fill *fill, size_t at)
{
    const uint32_t *order = fill->slate->order;
    unsigned broken = broken_caps(fill, order[at]);
    for (size_t i = fill->placed_count; i < at; i++) {
        blame(fill, order[i], order[at], worst_of(broken_caps(fill, order[i]), broken));
    }
}

static void move_to_front(uint32_t *order, size_t at)
{
    uint32_t candidate = order[at];
    memmove(&order[1], &order[0], at * sizeof(order[0]));
    order[0] = candidate;
}

/* Moves candidates behind the positions that rules fill apart. */
static void spread(struct slate_fill *fill)
{
    const struct slate_input *input = fill->input;
    bool capped = input->model->creator_cap > 0 || input->model->category_cap > 0;
    size_t end = capped ? least(input->positions, input->count) : 0;
    for (size_t i = fill->placed_count; i < input->count; i++) {
        fill->slate->propensities[i] = 1;
    }
    while (fill->placed_count < end) {
        leave_window(fill);
        size_t at = choose_ahead(fill, least(fill->placed_count + SLATE_AHEAD_MAX, input->count));
        if (input->explain) {
            note_moves_ahead(fill, at);
        }
        move_to_front(&fill->slate->order[fill->placed_count], at - fill->placed_count);
        count_in_window(fill, fill->slate->order[fill->placed_count], 1);
        fill->placed_count++;
    }
}

void slate_fill_rest(struct slate_fill *fill)
{
    const struct slate_input *input = fill->input;
    size_t rest_count = 0;
    for (size_t i = 0; i < input->count; i++) {
        uint32_t candidate = fill->by_score[i];
        if (!fill->placed[candidate]) {
            decay(fill, candidate);
            fill->room.items[rest_count++] = slate_item(fill->slate->scores[candidate], candidate);
        }
    }
    CHECK(rest_count == input->count - fill->placed_count);
    slate_plain_order(&fill->room, rest_count, fill->slate->order + fill->placed_count);
    spread(fill);
}
