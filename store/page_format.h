#ifndef STORE_PAGE_FORMAT_H
#define STORE_PAGE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
/*
 * What we know of LMDB 0.9's file format, little-endian:
 *
 *   meta page     0 and 1; at 16: magic, version, address 8, map size 8, two databases, last page 8,
 *                 transaction 8. The one with the later transaction counts, and transaction t is on
 *                 page t mod 2. Page size: the first database's pad
 *   database      48 bytes: pad 4, flags 2, depth 2, branch, leaf and overflow pages 8 each,
 *                 entries 8, root page 8 (all ones: empty)
 *   page          number 8, pad 2, flags 2, lower 2, upper 2 (overflow pages: page count 4), then
 *                 the offsets of (lower - 16) / 2 nodes, 2 bytes each; nothing between lower and
 *                 upper
 *   branch node   child page 6, key size 2, key
 *   leaf node     data size 4, flags 2, key size 2, key, data, or the number of its overflow page
 *
 * The first database of the meta page lists free pages (free_pages.h), the second names the others:
 * leaf nodes of it hold a database.
 */
/* clang-format on */
enum {
    DATABASE_SIZE = 48,
    META_SIZE = 152,
    NODE_SIZE = 8,
    PAGE_HEADER_SIZE = 16,
};

/* Offsets in a page. */
enum {
    AT_PAGE_FLAGS = 10,
    AT_LOWER = 12,
    AT_UPPER = 14,
    AT_OVERFLOW_PAGES = 12,
    AT_MAGIC = 16,
    AT_VERSION = 20,
    AT_FREE_DATABASE = 40,
    AT_MAIN_DATABASE = 88,
    AT_LAST_PAGE = 136,
    AT_TRANSACTION = 144,
};

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8, PAGE_KINDS = 47 };
enum { NODE_OVERFLOW = 1, NODE_DATABASE = 2 };

/* Offsets in a node, and in a database's description. */
enum { AT_NODE_FLAGS = 4, AT_KEY_SIZE = 6, AT_ENTRIES = 32, AT_ROOT = 40 };

static inline uint16_t get_u16(const uint8_t *in)
{
    return (uint16_t)(in[0] | in[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)get_u16(in) | (uint32_t)get_u16(in + 2) << 16;
}

static inline uint64_t get_u64(const uint8_t *in)
{
    return (uint64_t)get_u32(in) | (uint64_t)get_u32(in + 4) << 32;
}

/* The page that a branch's node leads to. */
static inline uint64_t get_child(const uint8_t *node)
{
    return get_u32(node) | (uint64_t)get_u16(node + 4) << 32;
}

#endif
