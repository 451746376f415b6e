#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/tally_internal.h"

enum { VERSION = 1, BITMAP_MAX = (TALLY_COLUMNS_MAX + 7) / 8 };

/* Numbers on their way into or out of a file, and the checksum of them. */
struct stream {
    XXH3_state_t hash; /* first, for its alignment */
    FILE *file;
    bool ended; /* the file had no more bytes */
    bool bad;   /* the bytes are wrong; everything reads as 0 from then on */
};

static void stream_init(struct stream *stream, FILE *file)
{
    stream->file = file;
    stream->ended = false;
    stream->bad = false;
    XXH3_INITSTATE(&stream->hash);
    /* The state is there, so this cannot fail. */
    (void)XXH3_64bits_reset(&stream->hash);
}

/* Errors stay in the file, where the end of tally_write() finds them. */
static void put_bytes(struct stream *stream, const uint8_t *bytes, size_t size)
{
    (void)fwrite(bytes, 1, size, stream->file);
    (void)XXH3_64bits_update(&stream->hash, bytes, size);
}

static void put(struct stream *stream, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    put_bytes(stream, bytes, size);
}

static void get_bytes(struct stream *stream, uint8_t *bytes, size_t size)
{
    if (!stream->bad && fread(bytes, 1, size, stream->file) != size) {
        stream->ended = true;
        stream->bad = true;
    }
    if (stream->bad) {
        memset(bytes, 0, size);
        return;
    }
    (void)XXH3_64bits_update(&stream->hash, bytes, size);
}

static uint64_t get(struct stream *stream, size_t size)
{
    uint8_t bytes[8];
    uint64_t value = 0;
    get_bytes(stream, bytes, size);
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

static void expect(struct stream *stream, bool holds)
{
    stream->bad |= !holds;
}

static bool has_bit(const uint8_t *bitmap, size_t index)
{
    return (bitmap[index / 8] >> (index % 8) & 1) != 0;
}

/* Reads a bitmap of count bits; those that fill it up are 0. */
static void get_bitmap(struct stream *stream, uint8_t *bitmap, size_t count)
{
    get_bytes(stream, bitmap, (count + 7) / 8);
    for (size_t i = count; i % 8 != 0; i++) {
        expect(stream, !has_bit(bitmap, i));
    }
}

static void put_row(struct stream *stream, const struct tally *tally, const struct tally_row *row)
{
    const struct exact_sum *cells = tally_cells(tally, row->cells);
    uint8_t bitmap[BITMAP_MAX] = {0};
    for (size_t i = 0; i < tally->column_count; i++) {
        bitmap[i / 8] |= (uint8_t)(!exact_sum_zero(cells[i]) << (i % 8));
    }
    put(stream, row->segment, 4);
    put(stream, row->unit, 8);
    put_bytes(stream, bitmap, (tally->column_count + 7) / 8);
    for (size_t i = 0; i < tally->column_count; i++) {
        if (has_bit(bitmap, i)) {
            put(stream, cells[i].low, 8);
            put(stream, (uint64_t)cells[i].high, 8);
        }
    }
}

static void put_users(struct stream *stream, uint32_t segment, const struct distinct *users)
{
    uint8_t bitmap[DISTINCT_REGISTERS / 8] = {0};
    uint8_t known[DISTINCT_REGISTERS];
    size_t count = 0;
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        if (users->registers[i] != 0) {
            bitmap[i / 8] |= (uint8_t)(1U << (i % 8));
            known[count++] = users->registers[i];
        }
    }
    put(stream, segment, 4);
    put_bytes(stream, bitmap, sizeof(bitmap));
    put_bytes(stream, known, count);
}

/* Those with rows: one that memory was too short for may have room for its users alone. */
static uint32_t count_segments(const struct tally *tally)
{
    uint32_t count = 0;
    for (size_t row = 0; row < tally->row_count; row = tally_segment_end(tally, row)) {
        count++;
    }
    return count;
}

enum status tally_write(struct tally *tally, FILE *file)
{
    struct stream stream;
    stream_init(&stream, file);
    tally_sort(tally);
    put(&stream, VERSION, 1);
    put(&stream, tally->unit_bits, 1);
    put(&stream, tally->sum_count, 4);
    put(&stream, tally_peak_count(tally), 4);
    put(&stream, tally->additions, 8);
    put(&stream, tally->row_count, 4);
    for (size_t i = 0; i < tally->row_count; i++) {
        put_row(&stream, tally, &tally->rows[i]);
    }
    put(&stream, count_segments(tally), 4);
    for (size_t row = 0; row < tally->row_count; row = tally_segment_end(tally, row)) {
        uint32_t segment = tally->rows[row].segment;
        put_users(&stream, segment, tally->users[segment]);
    }
    put(&stream, XXH3_64bits_digest(&stream.hash), 8);
    return ferror(file) != 0 || fflush(file) != 0 ? STATUS_IO : STATUS_OK;
}

struct header {
    unsigned unit_bits;
    size_t sum_count;
    size_t peak_count;
    uint64_t additions;
    size_t row_count;
};

static void get_header(struct stream *stream, struct header *header)
{
    expect(stream, get(stream, 1) == VERSION);
    header->unit_bits = (unsigned)get(stream, 1);
    header->sum_count = get(stream, 4);
    header->peak_count = get(stream, 4);
    header->additions = get(stream, 8);
    header->row_count = get(stream, 4);
    expect(stream, header->unit_bits <= 64);
    expect(stream, header->sum_count >= 1 && header->sum_count <= TALLY_COLUMNS_MAX);
    expect(stream, header->peak_count <= TALLY_COLUMNS_MAX - header->sum_count);
    expect(stream, header->additions <= EXACT_SUM_COUNT_MAX);
    expect(stream, (header->additions > 0) == (header->row_count > 0));
    /* Only too many users make units of several. */
    expect(stream, header->row_count > 0 || header->unit_bits == 64);
}

/* What that many additions can have made of a cell. */
static bool cell_fits(struct exact_sum cell, bool peak, uint64_t additions)
{
    struct exact_sum size = cell.high < 0 ? exact_sum_negative(cell) : cell;
    uint64_t most = peak ? 1 : additions; /* in units of 2^42, which is 2^30 in high */
    if (size.high < 0 || (peak && cell.high < 0)) {
        return false;
    }
    uint64_t high = (uint64_t)size.high;
    return high < most << 30 || (high == most << 30 && size.low == 0);
}

static void get_cells(struct stream *stream, const struct tally *tally, struct exact_sum *cells)
{
    uint8_t bitmap[BITMAP_MAX];
    get_bitmap(stream, bitmap, tally->column_count);
    for (size_t i = 0; i < tally->column_count && !stream->bad; i++) {
        if (has_bit(bitmap, i)) {
            cells[i].low = get(stream, 8);
            cells[i].high = (int64_t)get(stream, 8);
            expect(stream, !exact_sum_zero(cells[i]));
            expect(stream, cell_fits(cells[i], i >= tally->sum_count, tally->additions));
        }
    }
}

static bool unit_fits(uint64_t unit, unsigned unit_bits)
{
    return unit_bits == 64 ? unit != 0 : unit >> unit_bits == 0;
}

static bool rises(const struct tally *tally, uint64_t unit, uint32_t segment)
{
    if (tally->row_count == 0) {
        return true;
    }
    const struct tally_row *last = &tally->rows[tally->row_count - 1];
    return last->segment < segment || (last->segment == segment && last->unit < unit);
}

/* Room is made as rows come, since their number is only what the file says. */
static enum status get_row(struct stream *stream, struct tally *tally)
{
    uint32_t segment = (uint32_t)get(stream, 4);
    uint64_t unit = get(stream, 8);
    expect(stream, segment < TALLY_SEGMENTS_MAX && unit_fits(unit, tally->unit_bits));
    expect(stream, rises(tally, unit, segment) && tally->row_count < tally->row_limit);
    if (stream->bad) {
        return STATUS_CORRUPT;
    }
    enum status status = tally_reserve(tally, tally->row_count + 2);
    if (status == STATUS_OK) {
        status = tally_reserve_users(tally, segment);
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t row_count = tally->row_count;
    if (segment != 0) {
        /* Each unit is in segment 0, whose rows come first, so this one is found, not added. */
        (void)tally_need(tally, unit, 0);
        expect(stream, tally->row_count == row_count);
    }
    get_cells(stream, tally, tally_need(tally, unit, segment));
    expect(stream, tally->unit_count <= TALLY_UNITS_MAX);
    return stream->bad ? STATUS_CORRUPT : STATUS_OK;
}

/* Those of eight registers that have a bit. */
static void get_registers(struct stream *stream, uint8_t bits, uint8_t registers[8])
{
    for (size_t i = 0; i < 8; i++) {
        if ((bits >> i & 1) != 0) {
            registers[i] = (uint8_t)get(stream, 1);
            expect(stream, registers[i] >= 1);
            expect(stream, registers[i] <= DISTINCT_REGISTER_MAX);
        }
    }
}

static void get_users(struct stream *stream, struct distinct *users)
{
    uint8_t bitmap[DISTINCT_REGISTERS / 8];
    bool any = false;
    get_bitmap(stream, bitmap, DISTINCT_REGISTERS);
    for (size_t i = 0; i < sizeof(bitmap); i++) {
        if (bitmap[i] != 0) { /* most are 0 where users are few */
            get_registers(stream, bitmap[i], users->registers + 8 * i);
            any = true;
        }
    }
    expect(stream, any);
}

/* The segments that have rows, no more and no fewer: room was made for their users. */
static void get_segments(struct stream *stream, struct tally *tally)
{
    tally_sort(tally);
    expect(stream, get(stream, 4) == count_segments(tally));
    for (size_t row = 0; row < tally->row_count && !stream->bad;
         row = tally_segment_end(tally, row)) {
        uint32_t segment = tally->rows[row].segment;
        expect(stream, get(stream, 4) == segment);
        get_users(stream, tally->users[segment]);
    }
}

static enum status get_tally(struct stream *stream, const struct header *header,
                             struct tally *tally)
{
    enum status status = STATUS_OK;
    tally->unit_bits = header->unit_bits;
    tally->additions = header->additions;
    for (size_t i = 0; i < header->row_count && status == STATUS_OK; i++) {
        status = get_row(stream, tally);
    }
    if (status != STATUS_OK) {
        return status;
    }
    get_segments(stream, tally);
    uint64_t digest = XXH3_64bits_digest(&stream->hash);
    expect(stream, get(stream, 8) == digest);
    return stream->bad ? STATUS_CORRUPT : STATUS_OK;
}

static enum status failed(const struct stream *stream, enum status status, struct problem *problem)
{
    if (ferror(stream->file) != 0) {
        problem_set(problem, "the sums of a part cannot be read");
        return STATUS_IO;
    }
    if (status == STATUS_NO_MEMORY) {
        problem_set(problem, "no memory for the sums of a part");
    } else if (stream->ended) {
        problem_set(problem, "the sums of a part are cut off: make the part again");
    } else {
        problem_set(problem, "the sums of a part are damaged, or of another version of reelrank: "
                             "make the part again");
    }
    return status;
}

enum status tally_read(FILE *file, struct tally **out, struct problem *problem)
{
    struct stream stream;
    struct header header;
    stream_init(&stream, file);
    get_header(&stream, &header);
    if (stream.bad) {
        return failed(&stream, STATUS_CORRUPT, problem);
    }
    struct tally *tally = tally_new(header.sum_count, header.peak_count);
    enum status status = tally == NULL ? STATUS_NO_MEMORY : get_tally(&stream, &header, tally);
    if (status != STATUS_OK) {
        tally_free(tally);
        return failed(&stream, status, problem);
    }
    tally_sort(tally);
    *out = tally;
    return STATUS_OK;
}
