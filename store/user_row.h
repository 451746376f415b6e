#ifndef STORE_USER_ROW_H
#define STORE_USER_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"
#include "ranker/user.h"

/*
 * A user in a saved state, version 1; numbers as in coder.h:
 *
 *   size     field
 *      5     header
 *      8     key, not 0
 *   signed   first_signal_ms
 *   varint   last_signal_ms less that
 *   varint   signal_count
 *            for each kind of affinity, in the order of enum affinity_kind:
 *   varint     count, at most USER_AFFINITIES_MAX
 *              for each affinity, in order of arrival:
 *   varint       (time_s less that of the one before, signed, as in a signed varint) << 1 | 1 if
 *                value is that of the one before
 *   8/4/4/2/1    key, by kind
 *      4         value, IEEE 754, unless it is that of the one before
 *   varint   count of seen videos, at most USER_SEEN_MAX
 *            for each, least recent first:
 *      1       flags | ranking << 6; ranking is 0: none, 1: that of the one before, 2: follows
 *      8       video_key
 *      8       ranking_key, where it follows
 *   signed     time_s less that of the one before
 *              with SEEN_WATCHED only, without which these are 0:
 *   varint       watch_ms
 *      2         watch_region
 *      1         watch_bucket
 *            follows, then hides:
 *   varint     count, at most USER_FOLLOWS_MAX and USER_HIDES_MAX
 *              for each, in order of keys:
 *      8         key
 *   signed       time_s less that of the one before
 *
 * "The one before" is the one before in the same list; before the first, value and ranking_key are
 * 0 and time_s is the second of last_signal_ms. Times are taken modulo 2^32, their differences lie
 * in 32 bits, signed.
 */
enum { USER_ROW_SIZE_MAX = 1 << 16 };

/* Writes a row of at most USER_ROW_SIZE_MAX bytes and returns its size. */
size_t user_row_encode(const struct user *user, uint8_t *out);

/* What a decoded user points to. */
struct user_parts {
    struct affinity affinities[AFFINITY_KIND_COUNT][USER_AFFINITIES_MAX];
    struct seen seen[USER_SEEN_MAX];
    uint64_t follows[USER_FOLLOWS_MAX];
    uint64_t hides[USER_HIDES_MAX];
    uint32_t follow_times_s[USER_FOLLOWS_MAX];
    uint32_t hide_times_s[USER_HIDES_MAX];
};

/* STATUS_CORRUPT for anything user_row_encode() does not write. *out borrows parts. */
MUST_USE enum status user_row_decode(const uint8_t *row, size_t size, struct user_parts *parts,
                                     struct user *out);

#endif
