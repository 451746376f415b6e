#include "replay/example_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"

enum {
    VERSION = 1,
    DIGEST_BYTES = 8,
    BLOCK_BYTES = EXAMPLE_BLOCK_ROWS * EXAMPLE_ROW_BYTES,
    QUANTILE_BIT = 1 << HEAD_WATCH_QUANTILE,
    HEADS_ALL = (1 << HEAD_COUNT) - 1
};
_Static_assert(FEATURE_COUNT <= UINT8_MAX, "one byte of the header");
_Static_assert(HEAD_COUNT <= 16, "two bytes of a row");

static uint64_t names_digest(void)
{
    XXH3_state_t hash;
    XXH3_INITSTATE(&hash);
    (void)XXH3_64bits_reset(&hash); /* the state is there, so neither can fail */
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        (void)XXH3_64bits_update(&hash, feature_name(i), strlen(feature_name(i)) + 1);
    }
    for (unsigned i = 0; i < HEAD_COUNT; i++) {
        (void)XXH3_64bits_update(&hash, head_name(i), strlen(head_name(i)) + 1);
    }
    return XXH3_64bits_digest(&hash);
}

/* ---- numbers ---- */

/* Where the next number goes, or comes from. */
struct cursor {
    uint8_t *at;
};

static void put(struct cursor *cursor, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        *cursor->at++ = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get(struct cursor *cursor, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)*cursor->at++ << (8 * i);
    }
    return value;
}

static uint64_t bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return isnan(value) ? UINT64_C(0x7ff8000000000000) : bits;
}

static uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return isnan(value) ? UINT32_C(0x7fc00000) : bits;
}

/* False for a NaN that no writer writes. */
static bool get_double(struct cursor *cursor, double *out)
{
    uint64_t bits = get(cursor, sizeof(bits));
    memcpy(out, &bits, sizeof(bits));
    return bits == bits_of_double(*out);
}

static bool get_float(struct cursor *cursor, float *out)
{
    uint32_t bits = (uint32_t)get(cursor, sizeof(bits));
    memcpy(out, &bits, sizeof(bits));
    return bits == bits_of_float(*out) && !isinf(*out);
}

/* ---- header ---- */

static void encode_header(const struct example_counts *counts, unsigned version,
                          uint8_t out[EXAMPLE_HEADER_BYTES])
{
    struct cursor cursor = {out};
    put(&cursor, version, 1);
    put(&cursor, FEATURE_COUNT, 1);
    put(&cursor, names_digest(), 8);
    put(&cursor, counts->rows, 8);
    put(&cursor, counts->groups, 8);
    put(&cursor, (uint64_t)counts->first_ms, 8);
    put(&cursor, (uint64_t)counts->last_ms, 8);
    put(&cursor, XXH3_64bits(out, EXAMPLE_HEADER_BYTES - DIGEST_BYTES), DIGEST_BYTES);
}

static bool counts_fit(const struct example_counts *counts)
{
    if (counts->rows == 0) {
        return counts->groups == 0 && counts->first_ms == 0 && counts->last_ms == 0;
    }
    return counts->groups >= 1 && counts->groups <= counts->rows && counts->first_ms >= 1 &&
           counts->last_ms >= counts->first_ms && counts->last_ms <= LIMIT_TIME_MS;
}

/* Everything but the names, which tell of another program, not of damage. */
static bool decode_header(uint8_t bytes[EXAMPLE_HEADER_BYTES], struct example_counts *counts,
                          bool *same_names)
{
    struct cursor cursor = {bytes};
    bool right = get(&cursor, 1) == VERSION;
    bool same = get(&cursor, 1) == FEATURE_COUNT;
    *same_names = get(&cursor, 8) == names_digest() && same;
    counts->rows = get(&cursor, 8);
    counts->groups = get(&cursor, 8);
    counts->first_ms = (int64_t)get(&cursor, 8);
    counts->last_ms = (int64_t)get(&cursor, 8);
    bool whole =
        get(&cursor, DIGEST_BYTES) == XXH3_64bits(bytes, EXAMPLE_HEADER_BYTES - DIGEST_BYTES);
    return right && whole && counts_fit(counts);
}

/* ---- rows ---- */

static void encode_row(const struct example *row, uint8_t out[EXAMPLE_ROW_BYTES])
{
    struct cursor cursor = {out};
    put(&cursor, (uint64_t)row->time_ms, 8);
    put(&cursor, row->user_key, 8);
    put(&cursor, row->video_key, 8);
    put(&cursor, row->group, 8);
    put(&cursor, row->position, 4);
    put(&cursor, bits_of_double(row->propensity), 8);
    put(&cursor, bits_of_double(row->weight), 8);
    put(&cursor, bits_of_double(row->watch_quantile), 8);
    put(&cursor, row->known, 2);
    put(&cursor, row->positive, 2);
    put(&cursor, row->watch_ms, 4);
    put(&cursor, row->duration_ms, 4);
    put(&cursor, row->censored, 1);
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        put(&cursor, bits_of_float(row->features[i]), 4);
    }
    CHECK(cursor.at == out + EXAMPLE_ROW_BYTES);
}

static bool is_known_share(double value, bool zero_too)
{
    return value <= 1 && (zero_too ? value >= 0 : value > 0);
}

static bool labels_fit(const struct example *row)
{
    bool quantile_known = (row->known & QUANTILE_BIT) != 0;
    bool quantile_fits =
        quantile_known ? is_known_share(row->watch_quantile, true) : isnan(row->watch_quantile);
    return (row->known & ~(uint32_t)HEADS_ALL) == 0 && (row->positive & ~row->known) == 0 &&
           (row->positive & QUANTILE_BIT) == 0 && quantile_fits;
}

/* What a writer may be given, and so what a reader may find. */
static bool row_fits(const struct example *row)
{
    bool propensity_fits = isnan(row->propensity) || is_known_share(row->propensity, false);
    return row->time_ms >= 1 && row->time_ms <= LIMIT_TIME_MS && row->group >= 1 &&
           propensity_fits && row->weight > 0 && !isinf(row->weight) &&
           row->watch_ms <= LIMIT_DURATION_MS && row->duration_ms <= LIMIT_DURATION_MS &&
           labels_fit(row);
}

static bool decode_row(uint8_t bytes[EXAMPLE_ROW_BYTES], struct example *row)
{
    struct cursor cursor = {bytes};
    row->time_ms = (int64_t)get(&cursor, 8);
    row->user_key = get(&cursor, 8);
    row->video_key = get(&cursor, 8);
    row->group = get(&cursor, 8);
    row->position = (uint32_t)get(&cursor, 4);
    bool right = get_double(&cursor, &row->propensity);
    right = get_double(&cursor, &row->weight) && right;
    right = get_double(&cursor, &row->watch_quantile) && right;
    row->known = (uint32_t)get(&cursor, 2);
    row->positive = (uint32_t)get(&cursor, 2);
    row->watch_ms = (uint32_t)get(&cursor, 4);
    row->duration_ms = (uint32_t)get(&cursor, 4);
    uint64_t censored = get(&cursor, 1);
    row->censored = censored == 1;
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        right = get_float(&cursor, &row->features[i]) && right;
    }
    return right && censored <= 1 && row_fits(row);
}

/* Groups run from 1 without a gap, and the counts follow from the rows. */
static bool count_row(struct example_counts *counts, const struct example *row)
{
    bool next = row->group == counts->groups + 1;
    if (!next && (row->group != counts->groups || counts->rows == 0)) {
        return false;
    }
    counts->first_ms =
        counts->rows == 0 || row->time_ms < counts->first_ms ? row->time_ms : counts->first_ms;
    counts->last_ms = row->time_ms > counts->last_ms ? row->time_ms : counts->last_ms;
    counts->groups += next;
    counts->rows++;
    return true;
}

/* ---- writing ---- */

struct example_writer {
    FILE *file;
    struct example_counts counts;
    size_t held; /* rows of the block */
    uint8_t block[BLOCK_BYTES + DIGEST_BYTES];
};

static enum status write_header(struct example_writer *writer, unsigned version)
{
    uint8_t bytes[EXAMPLE_HEADER_BYTES];
    encode_header(&writer->counts, version, bytes);
    bool written = fseeko(writer->file, 0, SEEK_SET) == 0 &&
                   fwrite(bytes, sizeof(bytes), 1, writer->file) == 1 && fflush(writer->file) == 0;
    return written ? STATUS_OK : STATUS_IO;
}

enum status example_writer_open(FILE *file, struct example_writer **out)
{
    struct example_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return STATUS_NO_MEMORY;
    }
    writer->file = file;
    enum status status = write_header(writer, 0);
    if (status != STATUS_OK) {
        free(writer);
        return status;
    }
    *out = writer;
    return STATUS_OK;
}

static enum status write_block(struct example_writer *writer)
{
    size_t size = writer->held * EXAMPLE_ROW_BYTES;
    struct cursor cursor = {writer->block + size};
    put(&cursor, XXH3_64bits(writer->block, size), DIGEST_BYTES);
    writer->held = 0;
    return fwrite(writer->block, size + DIGEST_BYTES, 1, writer->file) == 1 ? STATUS_OK : STATUS_IO;
}

enum status example_writer_add(struct example_writer *writer, const struct example *example)
{
    CHECK(row_fits(example));
    CHECK(count_row(&writer->counts, example));
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        CHECK(!isinf(example->features[i]));
    }
    encode_row(example, writer->block + writer->held * EXAMPLE_ROW_BYTES);
    writer->held++;
    return writer->held == EXAMPLE_BLOCK_ROWS ? write_block(writer) : STATUS_OK;
}

enum status example_writer_finish(struct example_writer *writer)
{
    enum status status = writer->held > 0 ? write_block(writer) : STATUS_OK;
    return status == STATUS_OK ? write_header(writer, VERSION) : status;
}

void example_writer_close(struct example_writer *writer)
{
    free(writer);
}

struct example_counts example_writer_counts(const struct example_writer *writer)
{
    return writer->counts;
}

/* ---- reading ---- */

struct example_reader {
    FILE *file;
    struct example_counts counts; /* of the header */
    struct example_counts seen;   /* of the rows told */
    size_t held;                  /* rows of the block */
    size_t next;                  /* of those */
    struct example row;
    uint8_t block[BLOCK_BYTES + DIGEST_BYTES];
};

static enum status refuse(struct problem *problem, const char *what)
{
    problem_set(problem, "the file of examples %s; write it again", what);
    return STATUS_CORRUPT;
}

static enum status read_bytes(struct example_reader *reader, uint8_t *out, size_t size,
                              struct problem *problem)
{
    if (fread(out, 1, size, reader->file) == size) {
        return STATUS_OK;
    }
    if (ferror(reader->file)) {
        problem_set(problem, "the file of examples cannot be read");
        return STATUS_IO;
    }
    return refuse(problem, "ends too early");
}

static enum status read_header(struct example_reader *reader, struct problem *problem)
{
    uint8_t bytes[EXAMPLE_HEADER_BYTES];
    bool same_names;
    if (fseeko(reader->file, 0, SEEK_SET) != 0) {
        problem_set(problem, "the file of examples cannot be read");
        return STATUS_IO;
    }
    enum status status = read_bytes(reader, bytes, sizeof(bytes), problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!decode_header(bytes, &reader->counts, &same_names)) {
        return refuse(problem, "is damaged, of another version, or was not written to its end");
    }
    return same_names ? STATUS_OK : refuse(problem, "has other features or heads");
}

enum status example_reader_open(FILE *file, struct example_reader **out, struct problem *problem)
{
    struct example_reader *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->file = file;
    enum status status = read_header(reader, problem);
    if (status != STATUS_OK) {
        free(reader);
        return status;
    }
    *out = reader;
    return STATUS_OK;
}

void example_reader_close(struct example_reader *reader)
{
    free(reader);
}

struct example_counts example_reader_counts(const struct example_reader *reader)
{
    return reader->counts;
}

/* What the rows add up to is what the header says, and nothing follows. */
static enum status check_end(struct example_reader *reader, struct problem *problem)
{
    const struct example_counts *counts = &reader->counts;
    const struct example_counts *seen = &reader->seen;
    if (seen->groups != counts->groups || seen->first_ms != counts->first_ms ||
        seen->last_ms != counts->last_ms) {
        return refuse(problem, "says other things than its rows");
    }
    if (fgetc(reader->file) != EOF) {
        return refuse(problem, "goes on after its end");
    }
    return STATUS_NOT_FOUND;
}

static enum status read_block(struct example_reader *reader, struct problem *problem)
{
    uint64_t left = reader->counts.rows - reader->seen.rows;
    size_t rows = left < EXAMPLE_BLOCK_ROWS ? (size_t)left : EXAMPLE_BLOCK_ROWS;
    size_t size = rows * EXAMPLE_ROW_BYTES;
    struct cursor cursor = {reader->block + size};
    enum status status = read_bytes(reader, reader->block, size + DIGEST_BYTES, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (get(&cursor, DIGEST_BYTES) != XXH3_64bits(reader->block, size)) {
        return refuse(problem, "is damaged");
    }
    reader->held = rows;
    reader->next = 0;
    return STATUS_OK;
}

enum status example_reader_next(struct example_reader *reader, const struct example **out,
                                struct problem *problem)
{
    if (reader->seen.rows == reader->counts.rows) {
        return check_end(reader, problem);
    }
    enum status status = reader->next == reader->held ? read_block(reader, problem) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    bool right = decode_row(reader->block + reader->next * EXAMPLE_ROW_BYTES, &reader->row);
    if (!right || !count_row(&reader->seen, &reader->row)) {
        return refuse(problem, "has a row that cannot be");
    }
    reader->next++;
    *out = &reader->row;
    return STATUS_OK;
}

enum status example_reader_rewind(struct example_reader *reader)
{
    reader->seen = (struct example_counts){.rows = 0};
    reader->held = 0;
    reader->next = 0;
    return fseeko(reader->file, EXAMPLE_HEADER_BYTES, SEEK_SET) == 0 ? STATUS_OK : STATUS_IO;
}
