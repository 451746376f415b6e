#include "store/journal_reader.h"

#include <stdlib.h>
#include <string.h>

#include "store/grow.h"
#include "store/segments.h"

struct journal_reader {
    char *data; /* owned */
    enum journal_order order;
    struct segment_list list; /* owned */
    size_t left;              /* segments that are not begun */
    bool last;                /* the open one is that which is appended to: its end may be torn */
    struct segment_cursor cursor;
    uint8_t *buffer; /* owned; DECISION_RECORD_MAX bytes */
    /* Newest first: where the records of the open segment begin that are not told yet. */
    uint64_t *offsets; /* owned */
    size_t offset_count;
    size_t offset_capacity;
    uint64_t skipped;
};

enum status journal_reader_new(const char *data, enum journal_order order,
                               struct journal_reader **out, struct problem *problem)
{
    struct journal_reader *reader = calloc(1, sizeof(*reader));
    problem_set(problem, "%.120s: the journal cannot be read: %s", data,
                status_text(STATUS_NO_MEMORY));
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->cursor.fd = -1;
    reader->order = order;
    reader->data = strdup(data);
    reader->buffer = malloc(DECISION_RECORD_MAX);
    enum status status = reader->data != NULL && reader->buffer != NULL
                             ? segments_list(data, &reader->list, problem)
                             : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        journal_reader_free(reader);
        return status;
    }
    reader->left = reader->list.count;
    problem_set(problem, "%s", "");
    *out = reader;
    return STATUS_OK;
}

void journal_reader_free(struct journal_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    segment_close(&reader->cursor);
    free(reader->list.numbers);
    free(reader->offsets);
    free(reader->buffer);
    free(reader->data);
    free(reader);
}

uint64_t journal_reader_skipped(const struct journal_reader *reader)
{
    return reader->skipped;
}

/* Where the records of the open segment begin, for reading it from its end. */
static enum status list_offsets(struct journal_reader *reader)
{
    struct decision_record record;
    enum status status = segment_hop(&reader->cursor, reader->buffer, &record);
    reader->offset_count = 0;
    while (status == STATUS_OK) {
        uint64_t *offsets =
            grow(reader->offsets, reader->offset_count, &reader->offset_capacity, sizeof(*offsets));
        if (offsets == NULL) {
            return STATUS_NO_MEMORY;
        }
        reader->offsets = offsets;
        offsets[reader->offset_count++] = reader->cursor.good - decision_record_size(&record);
        status = segment_hop(&reader->cursor, reader->buffer, &record);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* STATUS_NOT_FOUND: there is no segment left, or this one is gone; left tells. */
static enum status open_next(struct journal_reader *reader, struct problem *problem)
{
    if (reader->left == 0) {
        return STATUS_NOT_FOUND;
    }
    size_t index = reader->order == JOURNAL_NEWEST_FIRST ? reader->left - 1
                                                         : reader->list.count - reader->left;
    reader->left--;
    reader->last = index + 1 == reader->list.count;
    enum status status =
        segment_open(reader->data, reader->list.numbers[index], &reader->cursor, problem);
    if (status == STATUS_OK && reader->order == JOURNAL_NEWEST_FIRST) {
        status = list_offsets(reader);
    }
    return status;
}

/* Where a header looked good and the rest is not, what is read is the record behind: told already.
 */
static enum status next_from_end(struct journal_reader *reader, struct decision_record *out)
{
    struct segment_cursor *cursor = &reader->cursor;
    uint64_t skipped = cursor->skipped;
    while (reader->offset_count > 0) {
        uint64_t offset = reader->offsets[--reader->offset_count];
        cursor->offset = offset;
        enum status status = segment_next(cursor, reader->buffer, out);
        cursor->skipped = skipped;
        if (status == STATUS_OK && cursor->good == offset + decision_record_size(out)) {
            return STATUS_OK;
        }
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        cursor->skipped = ++skipped;
    }
    return STATUS_NOT_FOUND;
}

static enum status next_in_segment(struct journal_reader *reader, struct decision_record *out)
{
    return reader->order == JOURNAL_OLDEST_FIRST
               ? segment_next(&reader->cursor, reader->buffer, out)
               : next_from_end(reader, out);
}

static void end_segment(struct journal_reader *reader)
{
    reader->skipped += reader->cursor.skipped;
    reader->skipped += reader->cursor.torn && !reader->last;
    segment_close(&reader->cursor);
}

enum status journal_reader_next(struct journal_reader *reader, struct decision_record *out,
                                struct problem *problem)
{
    for (;;) {
        enum status status = STATUS_NOT_FOUND;
        if (reader->cursor.fd >= 0) {
            status = next_in_segment(reader, out);
            if (status != STATUS_NOT_FOUND) {
                return status;
            }
            end_segment(reader);
        }
        bool over = reader->left == 0;
        status = open_next(reader, problem);
        if (over || (status != STATUS_OK && status != STATUS_NOT_FOUND)) {
            return status;
        }
    }
}

/* The first segment with this number or a higher one; 0: there is none. */
static enum status find_segment(const char *data, uint64_t number, uint64_t *out,
                                struct problem *problem)
{
    struct segment_list list;
    enum status status = segments_list(data, &list, problem);
    *out = 0;
    for (size_t i = 0; status == STATUS_OK && i < list.count && *out == 0; i++) {
        *out = list.numbers[i] >= number ? list.numbers[i] : 0;
    }
    free(list.numbers);
    return status;
}

static enum status look_in_segment(struct segment_cursor *cursor, uint64_t user_key, unsigned *most,
                                   uint8_t *buffer, struct decision_record *out, bool *found)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && *most > 0 && !*found) {
        (*most)--;
        status = segment_next(cursor, buffer, out);
        *found = status == STATUS_OK && out->user_key == user_key;
    }
    return status;
}

enum status journal_find_user(const char *data, struct journal_place *place, uint64_t user_key,
                              unsigned most, uint8_t *buffer, struct decision_record *out,
                              bool *found, bool *more, struct problem *problem)
{
    struct segment_cursor cursor;
    uint64_t number;
    *found = false;
    enum status status = find_segment(data, place->segment, &number, problem);
    *more = status == STATUS_OK && number != 0;
    if (!*more) {
        return status;
    }
    if (number != place->segment) {
        *place = (struct journal_place){.segment = number};
    }
    status = segment_open(data, number, &cursor, problem);
    if (status == STATUS_OK) {
        cursor.offset = place->offset < cursor.end ? place->offset : cursor.end;
        status = look_in_segment(&cursor, user_key, &most, buffer, out, found);
        place->offset = cursor.offset;
        segment_close(&cursor);
    }
    if (status == STATUS_NOT_FOUND) { /* at its end, or it is gone */
        *place = (struct journal_place){.segment = number + 1};
        status = STATUS_OK;
    }
    return status;
}
