#include "replay/tally_internal.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/random.h"

enum { ROWS_FIRST = 64, SEGMENTS_FIRST = 8 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static unsigned chunk_bits(size_t column_count)
{
    unsigned bits = TALLY_CHUNK_BITS;
    while (bits > 0 && column_count << bits > TALLY_CHUNK_CELLS) {
        bits--;
    }
    return bits;
}

struct tally *tally_new(size_t sum_count, size_t peak_count)
{
    size_t column_count = sum_count + peak_count;
    CHECK(sum_count >= 1);
    CHECK(sum_count <= TALLY_COLUMNS_MAX && peak_count <= TALLY_COLUMNS_MAX - sum_count);
    struct tally *tally = calloc(1, sizeof(*tally));
    if (tally == NULL) {
        return NULL;
    }
    tally->sum_count = sum_count;
    tally->column_count = column_count;
    tally->chunk_bits = chunk_bits(column_count);
    tally->row_limit = smaller(TALLY_ROWS_MAX, TALLY_CELLS_MAX / column_count);
    tally->unit_bits = 64;
    tally->sorted = true;
    tally->addend = calloc(column_count, sizeof(*tally->addend));
    if (tally->addend == NULL) {
        tally_free(tally);
        return NULL;
    }
    return tally;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL) {
        return;
    }
    for (size_t i = 0; i < tally->chunk_count; i++) {
        free(tally->chunks[i]);
    }
    for (size_t i = 0; i < tally->user_room; i++) {
        free(tally->users[i]);
    }
    free(tally->users);
    free(tally->chunks);
    free(tally->free_cells);
    free(tally->slots);
    free(tally->rows);
    free(tally->addend);
    free(tally);
}

/* The slot of a row, or the free one where it would go. */
static uint32_t *slot_of(const struct tally *tally, uint64_t unit, uint32_t segment)
{
    struct random mixer = {unit ^ ((uint64_t)segment << 48)};
    size_t at = random_next(&mixer) & (tally->slot_count - 1);
    for (; tally->slots[at] != 0; at = (at + 1) & (tally->slot_count - 1)) {
        const struct tally_row *row = &tally->rows[tally->slots[at] - 1];
        if (row->unit == unit && row->segment == segment) {
            break;
        }
    }
    return &tally->slots[at];
}

static void index_rows(struct tally *tally)
{
    memset(tally->slots, 0, tally->slot_count * sizeof(*tally->slots));
    for (size_t i = 0; i < tally->row_count; i++) {
        const struct tally_row *row = &tally->rows[i];
        *slot_of(tally, row->unit, row->segment) = (uint32_t)i + 1;
    }
}

static enum status grow_rows(struct tally *tally, size_t capacity)
{
    struct tally_row *rows = realloc(tally->rows, capacity * sizeof(*rows));
    if (rows == NULL) {
        return STATUS_NO_MEMORY;
    }
    tally->rows = rows;
    uint32_t *free_cells = realloc(tally->free_cells, capacity * sizeof(*free_cells));
    if (free_cells == NULL) {
        return STATUS_NO_MEMORY;
    }
    tally->free_cells = free_cells;
    tally->row_capacity = capacity;
    return STATUS_OK;
}

static enum status grow_slots(struct tally *tally, size_t slot_count)
{
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL) {
        return STATUS_NO_MEMORY;
    }
    free(tally->slots);
    tally->slots = slots;
    tally->slot_count = slot_count;
    index_rows(tally);
    return STATUS_OK;
}

static enum status add_chunk(struct tally *tally)
{
    struct exact_sum **chunks =
        realloc(tally->chunks, (tally->chunk_count + 1) * sizeof(struct exact_sum *));
    if (chunks == NULL) {
        return STATUS_NO_MEMORY;
    }
    tally->chunks = chunks;
    struct exact_sum *chunk =
        calloc(tally->column_count << tally->chunk_bits, sizeof(struct exact_sum));
    if (chunk == NULL) {
        return STATUS_NO_MEMORY;
    }
    chunks[tally->chunk_count++] = chunk;
    return STATUS_OK;
}

enum status tally_reserve(struct tally *tally, size_t row_count)
{
    enum status status = STATUS_OK;
    if (row_count > tally->row_capacity) {
        size_t doubled = tally->row_capacity * 2 + ROWS_FIRST;
        status = grow_rows(tally, row_count > doubled ? row_count : doubled);
    }
    size_t slot_count = tally->slot_count;
    while (slot_count < 2 * row_count) {
        slot_count = slot_count == 0 ? 2 * ROWS_FIRST : slot_count * 2;
    }
    if (status == STATUS_OK && slot_count > tally->slot_count) {
        status = grow_slots(tally, slot_count);
    }
    while (status == STATUS_OK && tally->chunk_count << tally->chunk_bits < row_count) {
        status = add_chunk(tally);
    }
    return status;
}

static enum status grow_users(struct tally *tally, size_t room)
{
    struct distinct **users = realloc(tally->users, room * sizeof(struct distinct *));
    if (users == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = tally->user_room; i < room; i++) {
        users[i] = NULL;
    }
    tally->users = users;
    tally->user_room = room;
    return STATUS_OK;
}

enum status tally_reserve_users(struct tally *tally, uint32_t segment)
{
    if (segment >= tally->user_room) {
        size_t doubled = tally->user_room * 2 + SEGMENTS_FIRST;
        enum status status = grow_users(tally, segment < doubled ? doubled : segment + 1);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (tally->users[segment] == NULL) {
        tally->users[segment] = calloc(1, sizeof(struct distinct));
    }
    return tally->users[segment] != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Cells that merged rows gave back come first; others are used in their order. */
static uint32_t take_cells(struct tally *tally)
{
    return tally->free_count > 0 ? tally->free_cells[--tally->free_count]
                                 : (uint32_t)tally->row_count;
}

struct exact_sum *tally_need(struct tally *tally, uint64_t unit, uint32_t segment)
{
    uint32_t *slot = slot_of(tally, unit, segment);
    if (*slot == 0) {
        uint32_t cells = take_cells(tally);
        tally->rows[tally->row_count++] = (struct tally_row){unit, segment, cells};
        tally->unit_count += segment == 0;
        tally->sorted = false;
        *slot = (uint32_t)tally->row_count;
    }
    return tally_cells(tally, tally->rows[*slot - 1].cells);
}

static void add_cells(const struct tally *tally, struct exact_sum *to, const struct exact_sum *from)
{
    for (size_t i = 0; i < tally->sum_count; i++) {
        exact_sum_add(&to[i], from[i]);
    }
    for (size_t i = tally->sum_count; i < tally->column_count; i++) {
        if (exact_sum_less(to[i], from[i])) {
            to[i] = from[i];
        }
    }
}

static void give_cells_back(struct tally *tally, uint32_t cells)
{
    memset(tally_cells(tally, cells), 0, tally->column_count * sizeof(struct exact_sum));
    tally->free_cells[tally->free_count++] = cells;
}

static uint64_t first_bits(uint64_t bits, unsigned count, unsigned wanted)
{
    return wanted == 0 ? 0 : bits >> (count - wanted);
}

/* Rows that become one are added up where the first of them stands. */
static void coarsen(struct tally *tally, unsigned unit_bits)
{
    size_t row_count = tally->row_count;
    memset(tally->slots, 0, tally->slot_count * sizeof(*tally->slots));
    tally->row_count = 0;
    tally->unit_count = 0;
    for (size_t i = 0; i < row_count; i++) {
        struct tally_row row = tally->rows[i];
        row.unit = first_bits(row.unit, tally->unit_bits, unit_bits);
        uint32_t *slot = slot_of(tally, row.unit, row.segment);
        if (*slot == 0) {
            tally->rows[tally->row_count++] = row;
            tally->unit_count += row.segment == 0;
            *slot = (uint32_t)tally->row_count;
        } else {
            add_cells(tally, tally_cells(tally, tally->rows[*slot - 1].cells),
                      tally_cells(tally, row.cells));
            give_cells_back(tally, row.cells);
        }
    }
    tally->unit_bits = unit_bits;
    tally->sorted = false;
}

/*
 * Bit by bit, so that the number of bits is the largest that will do for all that has been added:
 * a subset never needs fewer.
 */
static void keep_limits(struct tally *tally)
{
    while (tally->unit_count > TALLY_UNITS_MAX || tally->row_count > tally->row_limit) {
        coarsen(tally, tally->unit_bits - 1);
    }
}

/* The values as exact sums, or false when one of them is none. */
static bool take_values(struct tally *tally, const double *sums, const double *peaks)
{
    size_t sum_count = tally->sum_count;
    for (size_t i = 0; i < tally->column_count; i++) {
        double value = i < sum_count ? sums[i] : peaks[i - sum_count];
        if (!exact_sum_takes(value) || (i >= sum_count && value < 0)) {
            return false;
        }
        tally->addend[i] = exact_sum_of(value);
    }
    return true;
}

static void check_segments(const uint32_t *segments, size_t count)
{
    CHECK(count <= TALLY_ROW_SEGMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK(segments[i] >= 1 && segments[i] < TALLY_SEGMENTS_MAX);
        for (size_t j = 0; j < i; j++) {
            CHECK(segments[i] != segments[j]);
        }
    }
}

static enum status reserve_addition(struct tally *tally, const uint32_t *segments, size_t count)
{
    enum status status = tally_reserve(tally, tally->row_count + TALLY_ROWS_ROOM);
    if (status == STATUS_OK) {
        status = tally_reserve_users(tally, 0);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = tally_reserve_users(tally, segments[i]);
    }
    return status;
}

static void add_to(struct tally *tally, uint64_t user_key, uint32_t segment)
{
    uint64_t unit = first_bits(user_key, 64, tally->unit_bits);
    add_cells(tally, tally_need(tally, unit, segment), tally->addend);
    distinct_add(tally->users[segment], user_key);
}

enum status tally_add(struct tally *tally, uint64_t user_key, const uint32_t *segments,
                      size_t segment_count, const double *sums, const double *peaks)
{
    CHECK(user_key != 0);
    check_segments(segments, segment_count);
    if (tally->additions == EXACT_SUM_COUNT_MAX || !take_values(tally, sums, peaks)) {
        return STATUS_INVALID;
    }
    enum status status = reserve_addition(tally, segments, segment_count);
    if (status != STATUS_OK) {
        return status;
    }
    add_to(tally, user_key, 0);
    for (size_t i = 0; i < segment_count; i++) {
        add_to(tally, user_key, segments[i]);
    }
    tally->additions++;
    keep_limits(tally);
    return STATUS_OK;
}

static enum status check_merge(const struct tally *into, const struct tally *from,
                               struct problem *problem)
{
    if (into->sum_count != from->sum_count || into->column_count != from->column_count) {
        problem_set(problem,
                    "one part has %zu sums and %zu peaks, another %zu and %zu: make all parts "
                    "with the same options",
                    into->sum_count, tally_peak_count(into), from->sum_count,
                    tally_peak_count(from));
        return STATUS_INVALID;
    }
    if (from->additions > EXACT_SUM_COUNT_MAX - into->additions) {
        problem_set(problem, "the parts have more than %llu observations together",
                    (unsigned long long)EXACT_SUM_COUNT_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status reserve_merge(struct tally *into, const struct tally *from)
{
    size_t row_count =
        smaller(into->row_count + from->row_count, into->row_limit + TALLY_ROWS_ROOM);
    enum status status = tally_reserve(into, row_count);
    for (uint32_t i = 0; i < from->user_room && status == STATUS_OK; i++) {
        if (from->users[i] != NULL) {
            status = tally_reserve_users(into, i);
        }
    }
    return status;
}

enum status tally_merge(struct tally *into, const struct tally *from, struct problem *problem)
{
    CHECK(into != from);
    enum status status = check_merge(into, from, problem);
    if (status == STATUS_OK) {
        status = reserve_merge(into, from);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (into->unit_bits > from->unit_bits) {
        /* from has rows then, so there is room, and an index, even if into has none. */
        coarsen(into, from->unit_bits);
    }
    for (size_t i = 0; i < from->row_count; i++) {
        const struct tally_row *row = &from->rows[i];
        uint64_t unit = first_bits(row->unit, from->unit_bits, into->unit_bits);
        add_cells(into, tally_need(into, unit, row->segment), tally_cells(from, row->cells));
        keep_limits(into);
    }
    for (size_t i = 0; i < from->user_room; i++) {
        if (from->users[i] != NULL) {
            distinct_merge(into->users[i], from->users[i]);
        }
    }
    into->additions += from->additions;
    return STATUS_OK;
}

size_t tally_sum_count(const struct tally *tally)
{
    return tally->sum_count;
}

size_t tally_peak_count(const struct tally *tally)
{
    return tally->column_count - tally->sum_count;
}

bool tally_units_are_users(const struct tally *tally)
{
    return tally->unit_bits == 64;
}

static int by_segment_and_unit(const void *a, const void *b)
{
    const struct tally_row *left = a;
    const struct tally_row *right = b;
    if (left->segment != right->segment) {
        return left->segment < right->segment ? -1 : 1;
    }
    return left->unit < right->unit ? -1 : left->unit > right->unit;
}

void tally_sort(struct tally *tally)
{
    if (!tally->sorted) {
        qsort(tally->rows, tally->row_count, sizeof(*tally->rows), by_segment_and_unit);
        index_rows(tally);
        tally->sorted = true;
    }
}

/* Where the rows of a segment begin, and those of others behind. */
static size_t first_row(const struct tally *tally, uint32_t segment)
{
    size_t low = 0;
    size_t high = tally->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tally->rows[middle].segment < segment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t tally_segment_end(const struct tally *tally, size_t row)
{
    uint32_t segment = tally->rows[row].segment;
    while (row < tally->row_count && tally->rows[row].segment == segment) {
        row++;
    }
    return row;
}

size_t tally_unit_count(struct tally *tally, uint32_t segment)
{
    CHECK(segment < TALLY_SEGMENTS_MAX);
    tally_sort(tally);
    return first_row(tally, segment + 1) - first_row(tally, segment);
}

uint64_t tally_users(struct tally *tally, uint32_t segment)
{
    size_t unit_count = tally_unit_count(tally, segment);
    if (tally_units_are_users(tally) || unit_count == 0) {
        return unit_count;
    }
    return (uint64_t)(distinct_estimate(tally->users[segment]) + 0.5);
}

/* Leaves in addend what the cells of a segment's units add up to. */
static const struct exact_sum *add_up(struct tally *tally, uint32_t segment)
{
    size_t unit_count = tally_unit_count(tally, segment);
    size_t first = first_row(tally, segment);
    memset(tally->addend, 0, tally->column_count * sizeof(*tally->addend));
    for (size_t i = 0; i < unit_count; i++) {
        add_cells(tally, tally->addend, tally_cells(tally, tally->rows[first + i].cells));
    }
    return tally->addend;
}

static void put_values(const struct exact_sum *cells, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = exact_sum_value(cells[i]);
    }
}

static void check_columns(size_t first, size_t count, size_t limit)
{
    CHECK(first <= limit);
    CHECK(count <= limit - first);
}

void tally_totals(struct tally *tally, uint32_t segment, size_t first_column, size_t column_count,
                  double *out)
{
    check_columns(first_column, column_count, tally->sum_count);
    put_values(add_up(tally, segment) + first_column, column_count, out);
}

void tally_peaks(struct tally *tally, uint32_t segment, size_t first_peak, size_t peak_count,
                 double *out)
{
    check_columns(first_peak, peak_count, tally_peak_count(tally));
    put_values(add_up(tally, segment) + tally->sum_count + first_peak, peak_count, out);
}

void tally_rows(struct tally *tally, uint32_t segment, size_t first_column, size_t column_count,
                double *out)
{
    check_columns(first_column, column_count, tally->sum_count);
    size_t unit_count = tally_unit_count(tally, segment);
    size_t first = first_row(tally, segment);
    for (size_t i = 0; i < unit_count; i++) {
        const struct exact_sum *cells = tally_cells(tally, tally->rows[first + i].cells);
        put_values(cells + first_column, column_count, out + i * column_count);
    }
}
