#ifndef STORE_WEIGHTS_ROW_H
#define STORE_WEIGHTS_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/limits.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "store/weights_source.h"

/* Why weights came into force. */
enum weights_origin {
    ORIGIN_BUILT_IN = 1, /* what the program has when nobody gives any */
    ORIGIN_FILE = 2,     /* the server's --weights */
    ORIGIN_APPLY = 3,
    ORIGIN_ROLLBACK = 4
};

/* "built-in", "file", "apply" or "rollback". */
const char *weights_origin_name(enum weights_origin origin);

/* clang-format off */
/*
 * A change of the weights in force, version 1, little-endian, in the log's database "weights" under
 * its number:
 *
 *   offset  size  field
 *        0     5  version, checksum (coder.h)
 *        5     8  time_ms, the server's clock
 *       13     1  origin (enum weights_origin)
 *       14     8  key of the YAML text in "weights_files"
 *       22     1  n, length of the weights' version, 1 to 64
 *       23     n  the weights' version: "NAME@HASH"
 *              2  n, length of the note, 0 to 256
 *              n  the note, UTF-8
 *              1  count of model files, 0 to 64; then for each
 *              1    n, length of its name, 1 to 128
 *              n    its name
 *              8    key of its bytes in "weights_files"
 *
 * Texts have no zeros. A file, version 1, in "weights_files" under its key, XXH3-64 of its bytes,
 * which is also their checksum:
 *
 *   offset  size  field
 *        0     1  version
 *        1        its bytes
 *
 * The mark, version 1, in "weights" under number 0, tells what was last taken from a weights file:
 *
 *   offset  size  field
 *        0     5  version, checksum (coder.h)
 *        5     8  weights_source_hash() of it
 */
/* clang-format on */
enum {
    WEIGHTS_VERSION_SIZE = 64 + 1,
    WEIGHTS_NOTE_SIZE = LIMIT_TITLE_BYTES + 1,
    WEIGHTS_CHANGE_SIZE_MAX = 22 + 1 + WEIGHTS_VERSION_SIZE + 2 + WEIGHTS_NOTE_SIZE + 1 +
                              LIMIT_MODEL_FILES * (1 + WEIGHTS_MODEL_NAME_SIZE + 8),
    WEIGHTS_FILE_HEADER_SIZE = 1,
    WEIGHTS_MARK_SIZE = 13
};

struct weights_change_model {
    char name[WEIGHTS_MODEL_NAME_SIZE];
    uint64_t key;
};

struct weights_change {
    uint64_t number; /* counts changes, from 1; the row's key */
    int64_t time_ms;
    enum weights_origin origin;
    uint64_t yaml_key;
    char version[WEIGHTS_VERSION_SIZE];
    char note[WEIGHTS_NOTE_SIZE];
    size_t model_count;
    struct weights_change_model models[LIMIT_MODEL_FILES];
};

/* Writes the row and returns its size. */
size_t weights_change_encode(const struct weights_change *change,
                             uint8_t out[WEIGHTS_CHANGE_SIZE_MAX]);

/*
 * STATUS_CORRUPT for anything weights_change_encode() does not write; *out means nothing then.
 * number is the caller's to know.
 */
MUST_USE enum status weights_change_decode(const uint8_t *bytes, size_t size, uint64_t number,
                                           struct weights_change *out);

/* The key of a file; also what it is checked by. Part of the stored format. */
uint64_t weights_file_key(struct text content);

/* Writes WEIGHTS_FILE_HEADER_SIZE + content.size bytes. */
void weights_file_encode(struct text content, uint8_t *out);

/* *out borrows bytes. STATUS_CORRUPT also where the content is not that of the key. */
MUST_USE enum status weights_file_decode(const uint8_t *bytes, size_t size, uint64_t key,
                                         struct text *out);

void weights_mark_encode(uint64_t source_hash, uint8_t out[WEIGHTS_MARK_SIZE]);
MUST_USE enum status weights_mark_decode(const uint8_t *bytes, size_t size, uint64_t *source_hash);

#endif
