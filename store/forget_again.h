#ifndef STORE_FORGET_AGAIN_H
#define STORE_FORGET_AGAIN_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/state.h"
#include "ranker/status.h"
#include "store/forgotten.h"

/*
 * Forgets users in a directory that nobody holds as they are forgotten elsewhere: those who are not
 * forgotten in it, or were at an earlier time. Their tombstones get that time, and what is left of
 * them, and of those whose erasure in the directory was not finished, is erased before it returns.
 */
struct forgot {
    uint64_t users; /* who were forgotten now; 0: the state is what it was, and what follows is 0 */
    uint64_t sequence;
    struct state_digests digests; /* of the state afterwards */
};

/*
 * map_bytes is the budget of each file. elsewhere may name users more than once. Status as of
 * store_open(), store_write() and keeper_erase().
 */
MUST_USE enum status forget_again(const char *directory, size_t map_bytes,
                                  const struct forgotten *elsewhere, struct forgot *out,
                                  struct problem *problem);

#endif
