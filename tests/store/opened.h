#ifndef TESTS_STORE_OPENED_H
#define TESTS_STORE_OPENED_H

#include "ranker/state.h"
#include "store/store.h"

/* Opens a store that must open. */
struct store *opened_store(const struct store_options *options);

/* The digests of its state now, whose scoped rows are checked. */
struct state_digests opened_digests(struct store *store);

/* Removes all records before `first`, at once. */
void opened_trim(struct log *log, uint64_t first);

#endif
