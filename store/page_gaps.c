#include "store/page_gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/page_format.h"

enum { DEPTH_MAX = 32, ROOT_COUNT = 2 };

/* A page on the path from the root. */
struct level {
    uint8_t *page; /* owned; NULL before the first use */
    size_t next;   /* node */
    size_t count;
};

struct page_gaps {
    int fd;
    size_t page_size;
    uint64_t page_count;
    uint8_t *zeros;             /* owned, a page */
    uint64_t roots[ROOT_COUNT]; /* of the two databases that lead to everything */
    unsigned next_root;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    uint64_t visited; /* a tree has no page twice */
};

static int read_at(const struct page_gaps *gaps, uint64_t offset, uint8_t *out, size_t size)
{
    ssize_t got = pread(gaps->fd, out, size, (off_t)offset);
    if (got < 0) {
        return errno;
    }
    return (size_t)got == size ? 0 : MDB_CORRUPTED;
}

/* Writes only where something stands, so that a second time costs no writing. */
static int zero_bytes(const struct page_gaps *gaps, uint64_t offset, const uint8_t *bytes,
                      size_t size)
{
    if (memcmp(bytes, gaps->zeros, size) == 0) {
        return 0;
    }
    ssize_t written = pwrite(gaps->fd, gaps->zeros, size, (off_t)offset);
    if (written < 0) {
        return errno;
    }
    return (size_t)written == size ? 0 : EIO;
}

static int read_roots(struct page_gaps *gaps, uint64_t transaction)
{
    uint8_t meta[META_SIZE];
    int rc = read_at(gaps, transaction % 2 * gaps->page_size, meta, sizeof(meta));
    if (rc != 0) {
        return rc;
    }
    if (get_u64(meta + AT_TRANSACTION) != transaction) {
        return MDB_BAD_TXN;
    }
    gaps->roots[0] = get_u64(meta + AT_FREE_DATABASE + AT_ROOT);
    gaps->roots[1] = get_u64(meta + AT_MAIN_DATABASE + AT_ROOT);
    gaps->page_count = get_u64(meta + AT_LAST_PAGE) + 1;
    return 0;
}

int page_gaps_new(MDB_txn *reader, struct page_gaps **out)
{
    MDB_env *env = mdb_txn_env(reader);
    MDB_stat stat;
    struct page_gaps *gaps = calloc(1, sizeof(*gaps));
    if (gaps == NULL) {
        return ENOMEM;
    }
    mdb_env_stat(env, &stat);
    mdb_env_get_fd(env, &gaps->fd);
    gaps->page_size = stat.ms_psize;
    gaps->zeros = calloc(1, gaps->page_size);
    int rc = gaps->zeros != NULL ? read_roots(gaps, mdb_txn_id(reader)) : ENOMEM;
    if (rc != 0) {
        page_gaps_free(gaps);
        return rc;
    }
    *out = gaps;
    return 0;
}

void page_gaps_free(struct page_gaps *gaps)
{
    if (gaps == NULL) {
        return;
    }
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        free(gaps->levels[i].page);
    }
    free(gaps->zeros);
    free(gaps);
}

static bool page_is_sound(const struct page_gaps *gaps, const uint8_t *page, uint64_t number)
{
    unsigned kind = get_u16(page + AT_PAGE_FLAGS) & PAGE_KINDS;
    size_t lower = get_u16(page + AT_LOWER);
    size_t upper = get_u16(page + AT_UPPER);
    return get_u64(page) == number && (kind == PAGE_BRANCH || kind == PAGE_LEAF) &&
           lower >= PAGE_HEADER_SIZE && lower <= upper && upper <= gaps->page_size;
}

/* Zeroes the gap of a page and puts it on the path. */
static int enter(struct page_gaps *gaps, uint64_t number)
{
    if (gaps->depth == DEPTH_MAX || number >= gaps->page_count ||
        ++gaps->visited > gaps->page_count) {
        return MDB_CORRUPTED;
    }
    struct level *level = &gaps->levels[gaps->depth];
    if (level->page == NULL) {
        level->page = malloc(gaps->page_size);
        if (level->page == NULL) {
            return ENOMEM;
        }
    }
    uint64_t offset = number * gaps->page_size;
    int rc = read_at(gaps, offset, level->page, gaps->page_size);
    if (rc == 0 && !page_is_sound(gaps, level->page, number)) {
        rc = MDB_CORRUPTED;
    }
    if (rc != 0) {
        return rc;
    }
    size_t lower = get_u16(level->page + AT_LOWER);
    level->next = 0;
    level->count = (lower - PAGE_HEADER_SIZE) / 2;
    gaps->depth++;
    return zero_bytes(gaps, offset + lower, level->page + lower,
                      get_u16(level->page + AT_UPPER) - lower);
}

/* What follows a value on overflow pages is less than a page. */
static int zero_tail(struct page_gaps *gaps, uint64_t number, size_t size)
{
    uint8_t header[PAGE_HEADER_SIZE];
    uint8_t tail[UINT16_MAX + 1];
    if (number >= gaps->page_count) {
        return MDB_CORRUPTED;
    }
    uint64_t offset = number * gaps->page_size;
    int rc = read_at(gaps, offset, header, sizeof(header));
    if (rc != 0) {
        return rc;
    }
    uint64_t end = offset + get_u32(header + AT_OVERFLOW_PAGES) * gaps->page_size;
    uint64_t at = offset + PAGE_HEADER_SIZE + size;
    if (get_u64(header) != number ||
        (get_u16(header + AT_PAGE_FLAGS) & PAGE_KINDS) != PAGE_OVERFLOW || at > end) {
        return MDB_CORRUPTED;
    }
    while (rc == 0 && at < end) { /* more, where a value shrank in its place */
        size_t part = end - at < gaps->page_size ? end - at : gaps->page_size;
        rc = read_at(gaps, at, tail, part);
        if (rc == 0) {
            rc = zero_bytes(gaps, at, tail, part);
        }
        at += part;
    }
    return rc;
}

static int visit_leaf_node(struct page_gaps *gaps, const uint8_t *node, size_t room)
{
    unsigned flags = get_u16(node + AT_NODE_FLAGS);
    size_t at_data = NODE_SIZE + (size_t)get_u16(node + AT_KEY_SIZE);
    size_t inside = 0;
    if (flags == NODE_OVERFLOW) {
        inside = sizeof(uint64_t);
    } else if (flags == NODE_DATABASE) {
        inside = DATABASE_SIZE;
    } else if (flags != 0) {
        return MDB_INCOMPATIBLE;
    }
    if (at_data + inside > room) {
        return MDB_CORRUPTED;
    }
    if (flags == NODE_OVERFLOW) {
        return zero_tail(gaps, get_u64(node + at_data), get_u32(node));
    }
    if (flags == NODE_DATABASE) {
        uint64_t root = get_u64(node + at_data + AT_ROOT);
        return root != UINT64_MAX ? enter(gaps, root) : 0;
    }
    return 0;
}

static int visit_next_node(struct page_gaps *gaps)
{
    struct level *level = &gaps->levels[gaps->depth - 1];
    size_t offset = get_u16(level->page + PAGE_HEADER_SIZE + 2 * level->next++);
    if (offset < get_u16(level->page + AT_UPPER) || offset + NODE_SIZE > gaps->page_size) {
        return MDB_CORRUPTED;
    }
    const uint8_t *node = level->page + offset;
    if ((get_u16(level->page + AT_PAGE_FLAGS) & PAGE_BRANCH) != 0) {
        return enter(gaps, get_child(node));
    }
    return visit_leaf_node(gaps, node, gaps->page_size - offset);
}

/* Takes one step through the trees. False at the end of the last. */
static bool go_on(struct page_gaps *gaps, int *rc)
{
    if (gaps->depth > 0) {
        const struct level *level = &gaps->levels[gaps->depth - 1];
        if (level->next < level->count) {
            *rc = visit_next_node(gaps);
        } else {
            gaps->depth--;
        }
        return true;
    }
    if (gaps->next_root == ROOT_COUNT) {
        return false;
    }
    uint64_t root = gaps->roots[gaps->next_root++];
    *rc = root != UINT64_MAX ? enter(gaps, root) : 0;
    return true;
}

int page_gaps_step(struct page_gaps *gaps, size_t pages, bool *more)
{
    uint64_t until = gaps->visited + pages;
    int rc = 0;
    *more = true;
    while (rc == 0 && *more && gaps->visited < until) {
        *more = go_on(gaps, &rc);
    }
    return rc;
}
