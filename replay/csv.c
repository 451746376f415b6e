#include "replay/csv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

struct record {
    uint64_t line;
    size_t count;
    size_t used;
    size_t starts[CSV_LIMIT_FIELDS + 1]; /* of each field in bytes; the end after the last */
    char bytes[CSV_LIMIT_BYTES + CSV_LIMIT_FIELDS];
};

struct csv {
    FILE *file;
    int separator;
    uint64_t line;     /* of the next byte */
    const char *wrong; /* with the present record; NULL: nothing */
    struct text header[CSV_LIMIT_FIELDS];
    size_t header_count;
    char *header_bytes;
    struct record record;
};

static int get(struct csv *csv)
{
    int c = getc_unlocked(csv->file);
    csv->line += c == '\n';
    return c;
}

static void put(struct csv *csv, int c)
{
    struct record *record = &csv->record;
    if (record->used - record->count >= CSV_LIMIT_BYTES) {
        csv->wrong = "the record is longer than 1 MiB";
    } else if (c == '\0') {
        csv->wrong = "the record has a zero byte";
    } else {
        record->bytes[record->used] = (char)c;
        record->used++;
    }
}

/* The separator of a table is known once its header has shown a tab or its first line has ended. */
static bool is_separator(struct csv *csv, int c)
{
    if (c == '\t' && csv->header_bytes == NULL) {
        csv->separator = '\t';
    }
    return c == csv->separator;
}

/* Reads what lies between quotes; returns the byte after the closing one and a CR. */
static int read_quoted(struct csv *csv)
{
    for (;;) {
        int c = get(csv);
        if (c == '"') {
            c = get(csv);
            if (c != '"') {
                return c == '\r' ? get(csv) : c;
            }
        }
        if (c == EOF) {
            csv->wrong = "a quoted field does not end";
        } else {
            put(csv, c);
        }
        if (csv->wrong != NULL) {
            return c;
        }
    }
}

static int read_plain(struct csv *csv, int c)
{
    size_t start = csv->record.used;
    while (c != EOF && c != '\n' && !is_separator(csv, c) && csv->wrong == NULL) {
        put(csv, c);
        c = get(csv);
    }
    if ((c == '\n' || c == EOF) && csv->record.used > start &&
        csv->record.bytes[csv->record.used - 1] == '\r') {
        csv->record.used--;
    }
    return c;
}

/* Returns the byte that ended the field. */
static int read_field(struct csv *csv)
{
    struct record *record = &csv->record;
    if (record->count == CSV_LIMIT_FIELDS) {
        csv->wrong = "the record has more than 128 fields";
        return get(csv);
    }
    record->starts[record->count] = record->used;
    int c = get(csv);
    if (c == '"' && csv->separator == ',') {
        c = read_quoted(csv);
        if (csv->wrong == NULL && c != EOF && c != '\n' && c != ',') {
            csv->wrong = "text follows a closing quote";
        }
    } else {
        c = read_plain(csv, c);
    }
    record->bytes[record->used] = '\0';
    record->used++;
    record->count++;
    record->starts[record->count] = record->used;
    return c;
}

/* Returns the byte that ended the record: '\n' or EOF. */
static int read_record(struct csv *csv)
{
    csv->record.line = csv->line;
    csv->record.count = 0;
    csv->record.used = 0;
    csv->wrong = NULL;
    int c;
    do {
        c = read_field(csv);
    } while (c != '\n' && c != EOF && csv->wrong == NULL);
    while (c != '\n' && c != EOF) {
        c = get(csv);
    }
    return c;
}

static bool is_blank(const struct csv *csv)
{
    return csv->wrong == NULL && csv->record.count == 1 && csv->record.used == 1;
}

static enum status next_record(struct csv *csv, struct problem *problem)
{
    int c;
    do {
        c = read_record(csv);
    } while (is_blank(csv) && c != EOF);
    if (ferror(csv->file)) {
        problem_set(problem, "reading failed at line %llu", (unsigned long long)csv->line);
        return STATUS_IO;
    }
    if (is_blank(csv)) {
        return STATUS_NOT_FOUND;
    }
    if (csv->wrong != NULL) {
        problem_set(problem, "%s", csv->wrong);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* No header begins with the mark's first byte, so a mark that is not one can be swallowed. */
static void skip_byte_order_mark(FILE *file)
{
    int c = getc(file);
    if (c == 0xef) {
        (void)getc(file);
        (void)getc(file);
    } else if (c != EOF) {
        ungetc(c, file);
    }
}

static enum status read_header(struct csv *csv, struct problem *problem)
{
    skip_byte_order_mark(csv->file);
    enum status status = next_record(csv, problem);
    if (status == STATUS_NOT_FOUND) {
        problem_set(problem, "the file is empty; a header line is needed");
        return STATUS_INVALID;
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct record *record = &csv->record;
    csv->header_bytes = malloc(record->used);
    if (csv->header_bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(csv->header_bytes, record->bytes, record->used);
    for (size_t i = 0; i < record->count; i++) {
        csv->header[i] = text_of(csv->header_bytes + record->starts[i]);
    }
    csv->header_count = record->count;
    return STATUS_OK;
}

enum status csv_open(FILE *file, struct csv **out, struct problem *problem)
{
    struct csv *csv = malloc(sizeof(*csv));
    if (csv == NULL) {
        return STATUS_NO_MEMORY;
    }
    csv->file = file;
    csv->separator = ',';
    csv->line = 1;
    csv->header_bytes = NULL;
    enum status status = read_header(csv, problem);
    if (status != STATUS_OK) {
        csv_close(csv);
        return status;
    }
    *out = csv;
    return STATUS_OK;
}

void csv_close(struct csv *csv)
{
    if (csv != NULL) {
        free(csv->header_bytes);
        free(csv);
    }
}

size_t csv_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->header_count; i++) {
        if (text_equal(csv->header[i], text_of(name))) {
            return i;
        }
    }
    return CSV_NO_COLUMN;
}

enum status csv_next(struct csv *csv, struct problem *problem)
{
    enum status status = next_record(csv, problem);
    if (status == STATUS_OK && csv->record.count != csv->header_count) {
        problem_set(problem, "the record has %zu fields; the header has %zu", csv->record.count,
                    csv->header_count);
        return STATUS_INVALID;
    }
    return status;
}

uint64_t csv_line(const struct csv *csv)
{
    return csv->record.line;
}

struct text csv_field(const struct csv *csv, size_t column)
{
    if (column == CSV_NO_COLUMN) {
        return (struct text){"", 0};
    }
    CHECK(column < csv->record.count);
    const struct record *record = &csv->record;
    return (struct text){record->bytes + record->starts[column],
                         record->starts[column + 1] - record->starts[column] - 1};
}
