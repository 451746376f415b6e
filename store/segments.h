#ifndef STORE_SEGMENTS_H
#define STORE_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/decision_record.h"
#include "store/files.h"

/*
 * The files of the decision journal, DATA/journal/N.seg: records (decision_record.h) one behind the
 * other. Numbers rise; a file is appended to while it is the last, later only replaced as a whole
 * or removed. Any process may read them at any time: what it has open stays as it is.
 */

/* Writes DATA/journal, or the path of a segment in it. */
MUST_USE enum status segments_directory(const char *data, char out[FILES_PATH_SIZE],
                                        struct problem *problem);
MUST_USE enum status segment_path(const char *data, uint64_t number, char out[FILES_PATH_SIZE],
                                  struct problem *problem);

/* Segment numbers, rising; owned by the caller: free(). */
struct segment_list {
    uint64_t *numbers;
    size_t count;
};

/* None where there is no journal. STATUS_NO_MEMORY, STATUS_IO. */
MUST_USE enum status segments_list(const char *data, struct segment_list *out,
                                   struct problem *problem);

/* Reads a segment from its beginning, or from `offset`, to where it ended when it was opened. */
struct segment_cursor {
    int fd;             /* -1: closed */
    uint64_t offset;    /* where the next record is looked for */
    uint64_t end;       /* size of the file */
    int64_t changed_ms; /* when the file was last written to */
    uint64_t good;      /* where the last record that was read ends */
    uint64_t skipped;   /* stretches of bytes between records that are none */
    bool torn;          /* set at the end: what follows the last record is none */
};

/* STATUS_NOT_FOUND: there is no such segment, or no longer. */
MUST_USE enum status segment_open(const char *data, uint64_t number, struct segment_cursor *out,
                                  struct problem *problem);

/* The same of any file of records. */
MUST_USE enum status segment_open_file(const char *path, struct segment_cursor *out,
                                       struct problem *problem);
void segment_close(struct segment_cursor *cursor);

/*
 * The next good record, its bytes in buffer[0..DECISION_RECORD_MAX). Bytes that are no record are
 * passed over. STATUS_NOT_FOUND at the end; STATUS_IO.
 */
MUST_USE enum status segment_next(struct segment_cursor *cursor, uint8_t *buffer,
                                  struct decision_record *out);

/*
 * On to the next record without reading more than its header, and damage only where no header is;
 * as segment_next() else. *out has no payload.
 */
MUST_USE enum status segment_hop(struct segment_cursor *cursor, uint8_t *buffer,
                                 struct decision_record *out);

/* Which records a copy leaves out. */
struct segment_filter {
    bool (*keeps)(void *context, const struct decision_record *record);
    void (*left_out)(void *context, const struct decision_record *record); /* once for each */
    void *context;
};

/*
 * Copies the records that the filter keeps into a new file beside the segment, which is synced and
 * named N.seg.tmp, unless all that is in it stays: then *changed is false and no file is left.
 * Bytes that are no record may be anybody's and are not copied. *bytes: of the new file.
 */
MUST_USE enum status segment_copy(const char *data, uint64_t number,
                                  const struct segment_filter *filter, bool *changed,
                                  uint64_t *bytes, struct problem *problem);

/* Puts the copy in the segment's place, or removes both if it is empty, on disk. */
MUST_USE enum status segment_replace(const char *data, uint64_t number, bool empty,
                                     struct problem *problem);

/* Removes the copy. */
void segment_discard(const char *data, uint64_t number);

/* Removes what a crash left of copies. */
void segments_clean(const char *data);

#endif
