#include "ranker/slate_plain.h"

#include "ranker/exact.h"
#include "ranker/limits.h"
#include "ranker/lookup.h"

_Static_assert(LIMIT_CANDIDATES <= 1 << SLATE_INDEX_BITS, "an index must fit");

enum { DIGIT_BITS = 9, DIGIT_VALUES = 1 << DIGIT_BITS, DIGITS = 2 };

static uint32_t index_of(uint64_t item)
{
    return (uint32_t)item & ((1 << SLATE_INDEX_BITS) - 1);
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

/* Sorts by the DIGITS digits that begin at bit, equal ones staying in order. */
static void sort_by_digits(uint64_t *items, size_t count, unsigned bit, uint64_t *spare)
{
    uint64_t *out = spare;
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
    _Static_assert(DIGITS % 2 == 0, "an even number of passes ends where it began");
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
 * Sorts items, no two of which are equal, with spare room for as many. The upper 18 of the bits
 * that differ put nearly all in order; where they do not, as with scores that are nearly equal, the
 * bits below are sorted first.
 */
static void sort(uint64_t *items, uint64_t *spare, size_t count)
{
    uint64_t differing = 1; /* bit 0 always counts, which saves asking for none */
    for (size_t i = 0; i < count; i++) {
        differing |= items[i] ^ items[0];
    }
    const unsigned step = DIGITS * DIGIT_BITS;
    unsigned end = 64 - (unsigned)__builtin_clzll(differing);
    unsigned top = end > step ? end - step : 0;
    sort_by_digits(items, count, top, spare);
    if (sort_by_insertion(items, count)) {
        return;
    }
    for (unsigned bit = 0; bit < end; bit += step) {
        sort_by_digits(items, count, bit, spare);
    }
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
        uint64_t item = slate_item(slate->scores[index], index);
        if (slate->factors[index] < 1) {
            spare[moved_count++] = item;
        } else {
            items[still_count++] = item;
        }
    }
    sort(spare, items + still_count, moved_count);
    merge(items, still_count, spare, moved_count, order);
}

enum status slate_room_init(struct slate_room *room, size_t count, struct arena *arena)
{
    *room = (struct slate_room){
        .items = arena_new_raw(arena, uint64_t, count),
        .spare = arena_new_raw(arena, uint64_t, count),
    };
    return arena_full(arena) ? STATUS_NO_MEMORY : STATUS_OK;
}

static void sort_by_score(const double *scores, size_t count, const struct slate_room *room)
{
    for (size_t i = 0; i < count; i++) {
        room->items[i] = slate_item(scores[i], (uint32_t)i);
    }
    sort(room->items, room->spare, count);
}

enum status slate_plain_build(const struct slate_input *input, struct arena *arena,
                              uint32_t *by_score, struct slate *out)
{
    size_t count = input->count;
    struct slate slate = {
        .order = arena_new_raw(arena, uint32_t, count),
        .scores = arena_new_raw(arena, double, count),
        .factors = arena_new_raw(arena, double, count),
    };
    struct slate_room room;
    struct positions latest;
    enum status status = slate_room_init(&room, count, arena);
    if (status == STATUS_OK) {
        status = positions_init(&latest, input->creators, count, arena);
    }
    if (status != STATUS_OK) {
        return status;
    }
    sort_by_score(input->scores, count, &room);
    for (size_t i = 0; by_score != NULL && i < count; i++) {
        by_score[i] = index_of(room.items[i]);
    }
    decay_creators(input->model, room.items, count, &latest, slate.factors);
    for (size_t i = 0; i < count; i++) {
        slate.scores[i] = exact_quantum(input->scores[i] * slate.factors[i]);
    }
    put_order(room.items, room.spare, count, &slate, slate.order);
    *out = slate;
    return STATUS_OK;
}

void slate_plain_order(const struct slate_room *room, size_t count, const struct slate *slate,
                       uint32_t *order)
{
    put_order(room->items, room->spare, count, slate, order);
}

void slate_plain_positions(const double *scores, size_t count, struct slate_room *room,
                           uint32_t *positions)
{
    sort_by_score(scores, count, room);
    for (size_t i = 0; i < count; i++) {
        positions[index_of(room->items[i])] = (uint32_t)i + 1;
    }
}
