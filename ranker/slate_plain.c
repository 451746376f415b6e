#include "ranker/slate_plain.h"

#include <emmintrin.h>

#include "ranker/exact.h"
#include "ranker/limits.h"
#include "ranker/lookup.h"

_Static_assert(LIMIT_CANDIDATES <= 1 << SLATE_INDEX_BITS, "an index must fit");

enum { DIGIT_BITS = 9, DIGIT_VALUES = 1 << DIGIT_BITS, DIGITS = 2 };

static uint32_t index_of(uint64_t item)
{
    return (uint32_t)item & ((1 << SLATE_INDEX_BITS) - 1);
}

/* Turns the counts of a digit's values into the places where those begin, eight at a time. */
static void place(uint16_t counts[DIGIT_VALUES])
{
    __m128i before = _mm_setzero_si128();
    for (unsigned value = 0; value < DIGIT_VALUES; value += 8) {
        __m128i here = _mm_loadu_si128((const __m128i *)&counts[value]);
        __m128i sum = _mm_add_epi16(here, _mm_slli_si128(here, 2));
        sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 4));
        sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 8));
        __m128i places = _mm_add_epi16(before, _mm_sub_epi16(sum, here));
        _mm_storeu_si128((__m128i *)&counts[value], places);
        __m128i last = _mm_shuffle_epi32(_mm_shufflehi_epi16(sum, 0xff), 0xff);
        before = _mm_add_epi16(before, last);
    }
}
_Static_assert(DIGIT_VALUES % 8 == 0 && LIMIT_CANDIDATES <= UINT16_MAX, "places must fit");

/* Sorts by the DIGITS digits that begin at bit, equal ones staying in order. */
static void sort_by_digits(uint64_t *items, size_t count, unsigned bit, uint64_t *spare)
{
    uint64_t *out = spare;
    uint16_t places[DIGITS][DIGIT_VALUES] = {{0}};
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
    _Static_assert(DIGITS % 2 == 0, "an even number of passes ends where it began");
}

/* Sorts what is nearly in order. False, with items in no order, once that takes too many moves. */
static bool sort_by_insertion(uint64_t *items, size_t count, size_t moves_left)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t at = i;
        if (items[at - 1] < item) {
            continue;
        }
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
 * Sorts items, no two of which are equal, with spare room for as many. The upper 18 of the bits
 * that differ put nearly all in order; where they do not, as with scores that are nearly equal, the
 * bits below are sorted first.
 */
static void sort(uint64_t *items, uint64_t *spare, size_t count)
{
    enum { FEW = 32 };
    if (count <= FEW) {
        (void)sort_by_insertion(items, count, (size_t)FEW * FEW); /* never needs more */
        return;
    }
    uint64_t differing = 1; /* bit 0 always counts, which saves asking for none */
    for (size_t i = 0; i < count; i++) {
        differing |= items[i] ^ items[0];
    }
    const unsigned step = DIGITS * DIGIT_BITS;
    unsigned end = 64 - (unsigned)__builtin_clzll(differing);
    unsigned top = end > step ? end - step : 0;
    sort_by_digits(items, count, top, spare);
    if (sort_by_insertion(items, count, 4 * count)) {
        return;
    }
    for (unsigned bit = 0; bit < end; bit += step) {
        sort_by_digits(items, count, bit, spare);
    }
}

enum status slate_room_init(struct slate_room *room, size_t count, struct arena *arena)
{
    *room = (struct slate_room){
        .items = arena_new_raw(arena, uint64_t, count),
        .spare = arena_new_raw(arena, uint64_t, count),
    };
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void put_items(const double *scores, size_t count, uint64_t *items)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = slate_item(scores[i], (uint32_t)i);
    }
}

void slate_plain_order(const struct slate_room *room, size_t count, uint32_t *order)
{
    sort(room->items, room->spare, count);
    for (size_t i = 0; i < count; i++) {
        order[i] = index_of(room->items[i]);
    }
}

enum status slate_creators(const struct slate_input *input, struct arena *arena, uint16_t *creators)
{
    struct positions first;
    enum status status = positions_init(&first, input->creators, input->count, arena);
    for (size_t i = 0; status == STATUS_OK && i < input->count; i++) {
        creators[i] = (uint16_t)i;
        if (input->creators[i] != 0) {
            uint16_t *slot = positions_slot(&first, input->creators[i]);
            *slot = *slot != 0 ? *slot : (uint16_t)(i + 1);
            creators[i] = (uint16_t)(*slot - 1);
        }
    }
    return status;
}

/* Candidates of creators who have several, in no order; their number. */
static size_t gather_shared(const struct slate_input *input, const uint16_t *creators,
                            uint64_t *items)
{
    bool shared[LIMIT_CANDIDATES] = {false}; /* by creator: the first is there too */
    size_t count = 0;
    for (size_t i = 0; i < input->count; i++) {
        size_t first = creators[i];
        if (first == i) {
            continue;
        }
        items[count++] = slate_item(input->scores[i], (uint32_t)i);
        if (!shared[first]) {
            items[count++] = slate_item(input->scores[first], (uint32_t)first);
            shared[first] = true;
        }
    }
    return count;
}

/*
 * Gives each candidate its factor, of each creator's the best first. Stopping at the floor on the
 * way gives the same as max(floor, decay^j).
 */
static void decay_creators(const struct slate_input *input, const uint16_t *creators,
                           const struct slate_room *room, double *factors)
{
    const struct model *model = input->model;
    double next[LIMIT_CANDIDATES]; /* by creator; set for those who have several */
    size_t shared_count = gather_shared(input, creators, room->items);
    for (size_t i = 0; i < input->count; i++) {
        factors[i] = 1;
    }
    sort(room->items, room->spare, shared_count);
    for (size_t i = 0; i < shared_count; i++) {
        next[creators[index_of(room->items[i])]] = 1;
    }
    for (size_t i = 0; i < shared_count; i++) {
        uint32_t index = index_of(room->items[i]);
        double *factor = &next[creators[index]];
        factors[index] = *factor;
        double value = *factor * model->creator_decay;
        *factor = value > model->creator_floor ? value : model->creator_floor;
    }
}

/* What a slate without rules is made of. */
static enum status allocate(size_t count, struct arena *arena, struct slate *slate,
                            struct slate_room *room, uint16_t **creators)
{
    *slate = (struct slate){
        .order = arena_new_raw(arena, uint32_t, count),
        .scores = arena_new_raw(arena, double, count),
        .factors = arena_new_raw(arena, double, count),
    };
    *creators = arena_new_raw(arena, uint16_t, count);
    return slate_room_init(room, count, arena);
}

enum status slate_plain_build(const struct slate_input *input, struct arena *arena,
                              uint32_t *by_score, struct slate *out)
{
    size_t count = input->count;
    struct slate slate;
    struct slate_room room;
    uint16_t *creators;
    enum status status = allocate(count, arena, &slate, &room, &creators);
    if (status == STATUS_OK) {
        status = slate_creators(input, arena, creators);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (by_score != NULL) {
        put_items(input->scores, count, room.items);
        slate_plain_order(&room, count, by_score);
    }
    decay_creators(input, creators, &room, slate.factors);
    for (size_t i = 0; i < count; i++) {
        slate.scores[i] = exact_quantum(input->scores[i] * slate.factors[i]);
    }
    put_items(slate.scores, count, room.items);
    slate_plain_order(&room, count, slate.order);
    *out = slate;
    return STATUS_OK;
}

void slate_plain_positions(const double *scores, size_t count, struct slate_room *room,
                           uint32_t *positions)
{
    put_items(scores, count, room->items);
    sort(room->items, room->spare, count);
    for (size_t i = 0; i < count; i++) {
        positions[index_of(room->items[i])] = (uint32_t)i + 1;
    }
}
