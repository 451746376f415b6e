#ifndef REPLAY_KEYSET_H
#define REPLAY_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/status.h"

/* A set of hash_key() values that remembers at most a number of them: 8 to 16 bytes for each. */
struct keyset;

/* NULL when memory is short. */
struct keyset *keyset_new(size_t limit);
void keyset_free(struct keyset *set);

/*
 * Adds key, not 0; *added is false when it was there. Once the set holds its limit, further keys
 * are not remembered and count as added each time. STATUS_NO_MEMORY leaves the set as it was.
 */
MUST_USE enum status keyset_add(struct keyset *set, uint64_t key, bool *added);

/* Whether key, not 0, is remembered. */
bool keyset_has(const struct keyset *set, uint64_t key);

#endif
