#ifndef RANKER_HASH_H
#define RANKER_HASH_H

#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ranker/text.h"

/*
 * Keys of users, videos, creators, categories and tags: XXH3-64 of the id's bytes, seed 0, with 0
 * mapped to 1 so that 0 can mean "none". Part of the stored format and of the public contract
 * (RankRequest.candidate_keys): never change it.
 */
static inline uint64_t hash_key(struct text id)
{
    uint64_t hash = XXH3_64bits(id.data, id.size);
    return hash != 0 ? hash : 1;
}

#endif
