#ifndef STORE_STATE_CHECK_H
#define STORE_STATE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/state_file.h"

/*
 * Checks a state file (state_file.h) that nobody writes, however damaged: its pages (pages.h), its
 * mark, every row of every table, and what they say of each other: numbers without gaps, keys of
 * users as in their rows, nothing twice, no global statistics without their video.
 */
struct state_check {
    struct state_mark mark; /* zero if it cannot be read, or the file is new: no rows, no error */
    bool other_version;     /* of file or state: nothing behind its mark was looked at */
    uint64_t bytes;         /* of the file */
    uint64_t error_count;
};

struct state_check_options {
    const char *directory;
    const char *name;
    bool before; /* it may be of STATE_VERSION_BEFORE, as snapshots may */
    void (*error)(void *context, const char *text); /* each thing that is wrong; names the file */
    void (*user)(void *context, uint64_t user_key); /* each user's key; may be NULL */
    void *context;
};

/*
 * Puts the rows into state, which is new, unless that is NULL; after an error it is good for
 * nothing but state_free(). STATUS_OK however many errors there are; STATUS_NOT_FOUND: there is no
 * file; STATUS_NO_MEMORY, STATUS_IO.
 */
MUST_USE enum status state_check_file(const struct state_check_options *options,
                                      struct state *state, struct state_check *out,
                                      struct problem *problem);

#endif
