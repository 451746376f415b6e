#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/example_file.h"

enum { DIGEST = 8, BLOCK = EXAMPLE_BLOCK_ROWS * EXAMPLE_ROW_BYTES, NAMES = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *bytes, size_t size)
{
    uint64_t digest = XXH3_64bits(bytes, size);
    for (size_t i = 0; i < DIGEST; i++) {
        bytes[size + i] = (uint8_t)(digest >> (8 * i));
    }
}

/* Memory that reads and writes as a file. */
static FILE *new_file(uint8_t *bytes, size_t size)
{
    FILE *file = fmemopen(bytes, size, "w+");
    CHECK(file != NULL);
    return file;
}

/* The first bytes of a header: version and names, which chance does not find. */
static void put_names(uint8_t *header)
{
    uint8_t bytes[EXAMPLE_HEADER_BYTES + 1];
    struct example_writer *writer;
    FILE *file = new_file(bytes, sizeof(bytes));
    CHECK(example_writer_open(file, &writer) == STATUS_OK);
    CHECK(example_writer_finish(writer) == STATUS_OK);
    example_writer_close(writer);
    fclose(file);
    memcpy(header, bytes, NAMES + DIGEST);
}

/* Makes all checksums right, so that rows are looked at. */
static void seal_all(uint8_t *bytes, size_t size)
{
    put_names(bytes);
    seal(bytes, EXAMPLE_HEADER_BYTES - DIGEST);
    for (size_t at = EXAMPLE_HEADER_BYTES; size - at > DIGEST;) {
        size_t left = size - at - DIGEST;
        size_t block = left < BLOCK ? left : BLOCK;
        seal(bytes + at, block);
        at += block + DIGEST;
    }
}

/* Reads all rows and writes them again; STATUS_OK when that went to the end. */
static enum status copy(FILE *from, FILE *to)
{
    struct problem problem = {""};
    struct example_reader *reader;
    struct example_writer *writer;
    const struct example *row;
    enum status status = example_reader_open(from, &reader, &problem);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(example_writer_open(to, &writer) == STATUS_OK);
    for (status = STATUS_OK; status == STATUS_OK;) {
        status = example_reader_next(reader, &row, &problem);
        if (status == STATUS_OK) {
            CHECK(example_writer_add(writer, row) == STATUS_OK);
        }
    }
    CHECK(example_writer_finish(writer) == STATUS_OK);
    example_writer_close(writer);
    example_reader_close(reader);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* What was read is what is written, byte for byte. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < EXAMPLE_HEADER_BYTES) {
        return 0;
    }
    uint8_t *sealed = malloc(size);
    CHECK(sealed != NULL);
    memcpy(sealed, data, size);
    seal_all(sealed, size);
    FILE *from = fmemopen(sealed, size, "r");
    CHECK(from != NULL);
    uint8_t *again = calloc(1, size + 1); /* and a zero that closing may add */
    CHECK(again != NULL);
    FILE *to = new_file(again, size + 1);
    enum status status = copy(from, to);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK(fseek(to, 0, SEEK_END) == 0);
    if (status == STATUS_OK) {
        CHECK(ftell(to) == (long)size);
        CHECK(memcmp(again, sealed, size) == 0);
    }
    fclose(to);
    free(again);
    fclose(from);
    free(sealed);
    return 0;
}
