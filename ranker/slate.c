#include "ranker/slate.h"

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/limits.h"
#include "ranker/lookup.h"
#include "ranker/random.h"
#include "ranker/slate_fill.h"

/*
 * A candidate to sort: its score as an integer that rises where the score falls, then its index.
 * Exact, since scores are multiples of 2^-32; no two are equal, and equal scores keep their order.
 */
enum { INDEX_BITS = 11, SCORE_FRACTION_BITS = 32, SCORE_BITS = 19 + SCORE_FRACTION_BITS };
_Static_assert(LIMIT_CANDIDATES <= 1 << INDEX_BITS, "an index must fit");

enum { DIGIT_BITS = 8, DIGIT_VALUES = 1 << DIGIT_BITS, DIGITS = 3 };

static uint64_t item_of(double score, uint32_t index)
{
    const uint64_t score_max = ((uint64_t)1 << SCORE_BITS) - 1;
    uint64_t fixed = (uint64_t)(score * (double)((uint64_t)1 << SCORE_FRACTION_BITS));
    return (score_max - fixed) << INDEX_BITS | index;
}

static uint32_t index_of(uint64_t item)
{
    return (uint32_t)item & ((1 << INDEX_BITS) - 1);
}

/* Turns the counts of each digit's values into the places where those begin. */
static void place(uint32_t counts[DIGIT_VALUES])
{
    uint32_t sum = 0;
    for (unsigned value = 0; value < DIGIT_VALUES; value++) {
        uint32_t here = counts[value];
        counts[value] = sum;
        sum += here;
    }
}

/* Sorts by the DIGITS digits that begin at bit, equal ones staying in order; from items to out. */
static void sort_by_digits(uint64_t *items, size_t count, unsigned bit, uint64_t *out)
{
    uint32_t places[DIGITS][DIGIT_VALUES] = {{0}};
    for (size_t i = 0; i < count; i++) {
        uint64_t digits = items[i] >> bit;
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            places[digit][(digits >> (digit * DIGIT_BITS)) & (DIGIT_VALUES - 1)]++;
        }
    }
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        place(places[digit]);
        for (size_t i = 0; i < count; i++) {
            uint64_t digits = items[i] >> bit;
            out[places[digit][(digits >> (digit * DIGIT_BITS)) & (DIGIT_VALUES - 1)]++] = items[i];
        }
        uint64_t *sorted = out;
        out = items;
        items = sorted;
    }
    _Static_assert(DIGITS % 2 == 1, "an odd number of passes ends in out");
}

/* Finishes what is nearly in order. False, with items in no order, once that takes too many moves.
 */
static bool sort_by_insertion(uint64_t *items, size_t count)
{
    size_t moves_left = 4 * count;
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t at = i;
        while (at > 0 && items[at - 1] > item) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = item;
        if (i - at > moves_left) {
            return false;
        }
        moves_left -= i - at;
    }
    return true;
}

/*
 * Sorts items, no two of which are equal, with spare room for as many; returns where they then are,
 * one of both. The upper 24 of the bits that differ put nearly all in order; where they do not, as
 * with scores that are nearly equal, the bits below are sorted first.
 */
static uint64_t *sort(uint64_t *items, uint64_t *spare, size_t count)
{
    uint64_t differing = 1; /* bit 0 always counts, which saves asking for none */
    for (size_t i = 0; i < count; i++) {
        differing |= items[i] ^ items[0];
    }
    const unsigned step = DIGITS * DIGIT_BITS;
    unsigned end = 64 - (unsigned)__builtin_clzll(differing);
    unsigned top = end > step ? end - step : 0;
    sort_by_digits(items, count, top, spare);
    if (sort_by_insertion(spare, count)) {
        return spare;
    }
    for (unsigned bit = 0; bit < end; bit += step) {
        sort_by_digits(spare, count, bit, items);
        uint64_t *sorted = items;
        items = spare;
        spare = sorted;
    }
    return spare;
}

static void merge(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count,
                  uint32_t *order)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a_count || j < b_count) {
        bool from_a = j == b_count || (i < a_count && a[i] < b[j]);
        order[i + j] = index_of(from_a ? a[i] : b[j]);
        i += from_a;
        j += !from_a;
    }
}

/*
 * Gives each candidate its factor, best first. latest holds each creator's last video so far;
 * stopping at the floor on the way gives the same as max(floor, decay^j).
 */
static void decay_creators(const struct model *model, const uint64_t *items, size_t count,
                           struct positions *latest, double *factors)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t index = index_of(items[i]);
        uint64_t creator = latest->keys[index];
        uint16_t *slot = positions_slot(latest, creator);
        factors[index] = 1;
        if (*slot != 0 && creator != 0) {
            double value = factors[*slot - 1] * model->creator_decay;
            factors[index] = value > model->creator_floor ? value : model->creator_floor;
        }
        *slot = (uint16_t)(index + 1);
    }
}

/*
 * From the order by plain scores to the one by slate->scores: those that kept their score are in
 * order already, so only the others are sorted, by index too, since theirs no longer rise.
 */
static void put_order(uint64_t *items, uint64_t *spare, size_t count, const struct slate *slate,
                      uint32_t *order)
{
    size_t still_count = 0;
    size_t moved_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t index = index_of(items[i]);
        uint64_t item = item_of(slate->scores[index], index);
        if (slate->factors[index] < 1) {
            spare[moved_count++] = item;
        } else {
            items[still_count++] = item;
        }
    }
    const uint64_t *moved = sort(spare, items + still_count, moved_count);
    merge(items, still_count, moved, moved_count, order);
}

/* Room for sorting; sorted and spare are its halves. */
struct sorting {
    uint64_t *sorted;
    uint64_t *spare;
};

static struct sorting sort_by_score(const double *scores, size_t count, uint64_t *items,
                                    uint64_t *spare)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = item_of(scores[i], (uint32_t)i);
    }
    uint64_t *sorted = sort(items, spare, count);
    return (struct sorting){.sorted = sorted, .spare = sorted == items ? spare : items};
}

/* The slate without rules. by_score, unless NULL, gets the order by input->scores. */
static enum status build_plain(const struct slate_input *input, struct arena *arena,
                               uint32_t *by_score, struct slate *out)
{
    size_t count = input->count;
    struct slate slate = {
        .order = arena_new_raw(arena, uint32_t, count),
        .scores = arena_new_raw(arena, double, count),
        .factors = arena_new_raw(arena, double, count),
    };
    uint64_t *items = arena_new_raw(arena, uint64_t, count);
    uint64_t *spare = arena_new_raw(arena, uint64_t, count);
    struct positions latest;
    enum status status = positions_init(&latest, input->creators, count, arena);
    if (status != STATUS_OK) {
        return status;
    }
    struct sorting sorting = sort_by_score(input->scores, count, items, spare);
    for (size_t i = 0; by_score != NULL && i < count; i++) {
        by_score[i] = index_of(sorting.sorted[i]);
    }
    decay_creators(input->model, sorting.sorted, count, &latest, slate.factors);
    for (size_t i = 0; i < count; i++) {
        slate.scores[i] = exact_quantum(input->scores[i] * slate.factors[i]);
    }
    put_order(sorting.sorted, sorting.spare, count, &slate, slate.order);
    *out = slate;
    return STATUS_OK;
}

/* Puts the candidates that no rule has placed behind those, in order of their scores. */
static enum status put_rest(struct slate_fill *fill, struct arena *arena)
{
    const struct slate_input *input = fill->input;
    size_t rest_count = input->count - fill->placed_count;
    uint64_t *items = arena_new_raw(arena, uint64_t, input->count);
    uint64_t *spare = arena_new_raw(arena, uint64_t, input->count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < input->count; i++) {
        uint32_t candidate = fill->by_score[i];
        if (!fill->placed[candidate]) {
            slate_fill_decay(fill, candidate);
            items[at++] = item_of(input->scores[candidate], candidate);
        }
    }
    CHECK(at == rest_count);
    put_order(items, spare, rest_count, fill->slate, fill->slate->order + fill->placed_count);
    return STATUS_OK;
}

/* Where each candidate would be by the scores that it has now. */
static enum status put_from_positions(const struct slate *slate, size_t count, struct arena *arena)
{
    uint64_t *items = arena_new_raw(arena, uint64_t, count);
    uint64_t *spare = arena_new_raw(arena, uint64_t, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    struct sorting sorting = sort_by_score(slate->scores, count, items, spare);
    for (size_t i = 0; i < count; i++) {
        slate->from_positions[index_of(sorting.sorted[i])] = (uint32_t)i + 1;
    }
    return STATUS_OK;
}

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
    uint32_t *by_score = arena_new_raw(arena, uint32_t, input->count);
    if (by_score == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = build_plain(input, arena, by_score, out);
    if (status == STATUS_OK) {
        status = slate_fill_init(&fill, input, by_score, out, arena);
    }
    if (status != STATUS_OK) {
        return status;
    }
    slate_fill_positions(&fill, uniforms);
    status = put_rest(&fill, arena);
    if (status != STATUS_OK) {
        return status;
    }
    slate_fill_spread(&fill);
    return input->explain ? put_from_positions(out, input->count, arena) : STATUS_OK;
}

enum status slate_build_drawn(const struct slate_input *input, const double *uniforms,
                              struct arena *arena, struct slate *out)
{
    CHECK(input->count <= LIMIT_CANDIDATES);
    struct slate slate;
    enum status status = slate_is_plain(input->model)
                             ? build_plain(input, arena, NULL, &slate)
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
