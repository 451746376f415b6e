#ifndef STORE_VIDEO_ROW_H
#define STORE_VIDEO_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/state_rows.h"
#include "ranker/status.h"

/*
 * A video in a saved state, version 1 without an embedding and 2 with one; numbers as in coder.h:
 *
 *   size     field
 *      5     header
 *      8     key, not 0
 *      1     1: known | 2: deleted | 4: premium
 *            for known videos only:
 *      8       creator_key
 *      8       content_hash
 *   varint     log_sequence
 *   signed     published_ms
 *   varint     duration_ms
 *      4       quality, IEEE 754
 *      2       creator_region
 *      1       minimum_age_years
 *      1       safety
 *      1       curated
 *              category keys of 4 bytes, tag keys of 4, languages of 2, caption languages of 2,
 *              regions allowed of 2 and regions forbidden of 2, each as a list:
 *   varint       count, at most that of struct video_facts; entries that are 0 at its end are left
 *                out
 *              and so many numbers; those of regions rise
 *            in version 2, of known videos alone:
 *   varint     size of the embedding, 1 to LIMIT_VIDEO_EMBEDDING
 *              and so many signed bytes (embedding.h)
 */
enum { VIDEO_ROW_SIZE_MAX = 1 << 9 };

/* Writes a row of at most VIDEO_ROW_SIZE_MAX bytes and returns its size. */
size_t video_row_encode(const struct video_row *video, uint8_t *out);

/* STATUS_CORRUPT for anything video_row_encode() does not write. */
MUST_USE enum status video_row_decode(const uint8_t *row, size_t size, struct video_row *out);

#endif
