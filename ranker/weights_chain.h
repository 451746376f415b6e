#ifndef RANKER_WEIGHTS_CHAIN_H
#define RANKER_WEIGHTS_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/weights_read.h"

/* Which locales of the file another one rests on, by its tag and by `inherit`. */

/* The keys of a locale's chain, least specific first; the same key may come again. */
enum { CHAIN_COUNT = 5 };
void chain_keys(struct locale locale, uint64_t out[CHAIN_COUNT]);

/* Layers in the order in which they override, each once. */
struct chain {
    unsigned count;
    uint16_t layers[WEIGHTS_RESTS_MAX];
};

/*
 * Complains of locales that inherit from one that the file does not have, or from one that rests on
 * themselves. Without complaints, chain_find() ends.
 */
void chain_check(const struct layers *layers, struct weights_problems *problems);

/* What the locale of that key rests on, itself last; false: more than WEIGHTS_RESTS_MAX. */
bool chain_find(const struct layers *layers, uint64_t key, struct chain *out);

#endif
