#include "replay/part_bytes.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEAD_LIMIT_BYTES = 1 << 20 };

enum status part_spoilt(struct problem *problem, const char *what)
{
    problem_set(problem, "the part's %s cannot be read: it is damaged, or of another version",
                what);
    return STATUS_CORRUPT;
}

enum status part_write_block(FILE *file, const uint8_t *bytes, size_t size)
{
    uint8_t length[LENGTH_BYTES];
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        length[i] = (uint8_t)((uint64_t)size >> (8 * i));
    }
    bool written = fwrite(length, sizeof(length), 1, file) == 1 &&
                   (size == 0 || fwrite(bytes, size, 1, file) == 1);
    return written ? STATUS_OK : STATUS_IO;
}

enum status part_read_block(FILE *file, size_t limit, uint8_t **out, size_t *size,
                            struct problem *problem)
{
    enum { STEP = 1 << 20 };
    uint8_t raw[LENGTH_BYTES];
    struct numbers_reader reader = {.at = raw, .end = raw + sizeof(raw)};
    bool there = fread(raw, sizeof(raw), 1, file) == 1;
    uint64_t length = there ? numbers_get_word(&reader) : 0;
    if (!there || length > limit) {
        return part_spoilt(problem, "length");
    }
    uint8_t *bytes = NULL;
    size_t have = 0;
    do {
        size_t step = length - have < STEP ? (size_t)length - have : STEP;
        uint8_t *more = realloc(bytes, have + step + 1);
        if (more == NULL || (step > 0 && fread(more + have, step, 1, file) != 1)) {
            free(more != NULL ? more : bytes);
            return more == NULL ? STATUS_NO_MEMORY : part_spoilt(problem, "content");
        }
        bytes = more;
        have += step;
    } while (have < length);
    *out = bytes;
    *size = have;
    return STATUS_OK;
}

enum status part_write_head(FILE *file, const struct part_kind *kind, struct numbers_writer *writer)
{
    enum status status = writer->full ? STATUS_NO_MEMORY : STATUS_OK;
    if (status == STATUS_OK && fwrite(kind->magic, sizeof(kind->magic), 1, file) != 1) {
        status = STATUS_IO;
    }
    if (status == STATUS_OK) {
        status = part_write_block(file, writer->bytes, writer->size);
    }
    free(writer->bytes);
    return status;
}

enum status part_read_head(FILE *file, const struct part_kind *kind, uint8_t **out, size_t *size,
                           struct problem *problem)
{
    char found[PART_MAGIC_SIZE];
    if (fread(found, sizeof(found), 1, file) != 1 ||
        memcmp(found, kind->magic, sizeof(found)) != 0) {
        problem_set(problem, "%s", kind->other);
        return STATUS_CORRUPT;
    }
    return part_read_block(file, HEAD_LIMIT_BYTES, out, size, problem);
}

void part_put_counts(struct numbers_writer *writer, const void *counts, size_t size)
{
    const uint64_t *values = counts;
    for (size_t i = 0; i < size / sizeof(*values); i++) {
        numbers_put(writer, values[i]);
    }
}

void part_get_counts(struct numbers_reader *reader, void *counts, size_t size)
{
    uint64_t *values = counts;
    for (size_t i = 0; i < size / sizeof(*values); i++) {
        values[i] = numbers_get(reader);
    }
}

static void put_text(struct numbers_writer *writer, const char *text)
{
    size_t size = strlen(text);
    numbers_put(writer, size);
    for (size_t i = 0; i < size; i++) {
        numbers_put_byte(writer, (uint8_t)text[i]);
    }
}

/* No zero is inside. */
static void get_text(struct numbers_reader *reader, char *out, size_t size)
{
    uint64_t length = numbers_get(reader);
    reader->damaged = reader->damaged || length >= size;
    for (size_t i = 0; !reader->damaged && i < length; i++) {
        out[i] = (char)numbers_get_byte(reader);
        reader->damaged = reader->damaged || out[i] == '\0';
        out[i + 1] = '\0';
    }
}

void part_put_segments(struct numbers_writer *writer, const struct segments *segments)
{
    numbers_put(writer, segments_count(segments) - 1);
    for (size_t i = 1; i < segments_count(segments); i++) {
        numbers_put_byte(writer, (uint8_t)segments_dimension(segments, i));
        put_text(writer, segments_name(segments, i));
    }
}

void part_get_segments(struct numbers_reader *reader, struct segments *segments)
{
    uint64_t count = numbers_get(reader);
    for (uint64_t i = 0; !reader->damaged && i < count; i++) {
        char name[SEGMENT_NAME_SIZE] = "";
        uint8_t dimension = numbers_get_byte(reader);
        get_text(reader, name, sizeof(name));
        bool good = dimension > SEGMENT_ALL && dimension < SEGMENT_DIMENSIONS && !reader->damaged;
        reader->damaged =
            !good || segments_add(segments, (enum segment_dimension)dimension, name) != STATUS_OK;
    }
}

enum status part_read_tally(FILE *file, struct tally **tally, struct problem *problem)
{
    struct tally *read;
    enum status status = tally_read(file, &read, problem);
    if (status != STATUS_OK) {
        return status;
    }
    bool same = tally_sum_count(read) == tally_sum_count(*tally) &&
                tally_peak_count(read) == tally_peak_count(*tally);
    if (!same) {
        tally_free(read);
        return part_spoilt(problem, "sums");
    }
    tally_free(*tally);
    *tally = read;
    return STATUS_OK;
}
