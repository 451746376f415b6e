#include "store/page_buffers.h"

#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/page_format.h"

enum {
    KEY_SIZE = 8,
    /* Of an entry with an overflow page, and its offset. */
    ENTRY_SIZE = NODE_SIZE + KEY_SIZE + (int)sizeof(uint64_t) + 2,
    CLEAN_RUN = 64, /* so many in a row that hold nothing: there are no others */
};

/* The buffers that one round leaves clean are enough for the tree of the next. */
static const size_t rounds[] = {128, 8192, 100000};

/* One transaction. */
struct washing {
    MDB_txn *txn;
    MDB_dbi main;
    size_t page_size;
    uint8_t *leaf;   /* the buffer of the page with the first entry */
    size_t offset;   /* of that entry's key in it */
    size_t room;     /* for entries in that page */
    size_t in_a_row; /* buffers that held nothing */
};

/* Sorts behind names of databases, in the order of numbers. */
static MDB_val key_of(size_t number, uint8_t bytes[KEY_SIZE])
{
    bytes[0] = '~';
    for (unsigned i = KEY_SIZE - 1; i > 0; i--) {
        bytes[i] = (uint8_t)number;
        number >>= 8;
    }
    return (MDB_val){KEY_SIZE, bytes};
}

static int find_first(const struct washing *washing, uint8_t **key_bytes)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_open(washing->txn, washing->main, &cursor);
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        mdb_cursor_close(cursor);
    }
    if (rc == 0) {
        *key_bytes = key.mv_data;
    }
    return rc;
}

/* While the tree is one page, LMDB moves no entry that is there already. */
static bool one_page(const struct washing *washing)
{
    MDB_stat stat;
    return mdb_stat(washing->txn, washing->main, &stat) == 0 && stat.ms_depth == 1;
}

/* Pages in the map lie at multiples of their size: that tells where in its page an entry is. */
static int look_at_leaf(struct washing *washing)
{
    uint8_t *key = NULL;
    int rc = one_page(washing) ? find_first(washing, &key) : MDB_NOTFOUND;
    if (rc == 0) {
        washing->offset = (uintptr_t)key % washing->page_size;
        const uint8_t *page = key - washing->offset;
        washing->room = (size_t)(get_u16(page + AT_UPPER) - get_u16(page + AT_LOWER)) / ENTRY_SIZE;
    }
    return rc;
}

/* An entry as large as the one of a value on an overflow page, whose place it keeps. */
static int put_small(const struct washing *washing, size_t number)
{
    uint8_t name[KEY_SIZE];
    MDB_val key = key_of(number, name);
    MDB_val value = {sizeof(uint64_t), (void *)"\0\0\0\0\0\0\0"};
    return mdb_put(washing->txn, washing->main, &key, &value, MDB_APPEND);
}

static bool holds_nothing(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* A value that takes a page, all of it. */
static int put_page(struct washing *washing, size_t number)
{
    uint8_t name[KEY_SIZE];
    MDB_val key = key_of(number, name);
    MDB_val value = {washing->page_size - PAGE_HEADER_SIZE, NULL};
    int rc = mdb_put(washing->txn, washing->main, &key, &value, MDB_RESERVE);
    if (rc != 0) {
        return rc;
    }
    if (holds_nothing(value.mv_data, value.mv_size)) {
        washing->in_a_row++;
    } else {
        memset(value.mv_data, 0, value.mv_size);
        washing->in_a_row = 0;
    }
    return 0;
}

/*
 * The page that the entries are on was in the map and has a buffer now. All but its header may go,
 * since nothing happens in the transaction any more but its end.
 */
static int zero_leaf(const struct washing *washing)
{
    uint8_t *key = NULL;
    int rc = find_first(washing, &key);
    if (rc != 0) {
        return rc;
    }
    CHECK(one_page(washing));
    uint8_t *page = key - washing->offset;
    CHECK((get_u16(page + AT_PAGE_FLAGS) & PAGE_LEAF) != 0);
    memset(page + PAGE_HEADER_SIZE, 0, washing->page_size - PAGE_HEADER_SIZE);
    return 0;
}

/*
 * The tree is made first: its pages take the topmost buffers, which are clean in later rounds. So
 * are those of the round before, `known` of them, which tell nothing of what is below.
 */
static int fill(struct washing *washing, size_t entries, size_t known)
{
    int rc = 0;
    for (size_t i = 0; i < entries && rc == 0; i++) {
        rc = put_small(washing, i);
    }
    for (size_t i = 0; i < entries && rc == 0 && washing->in_a_row < CLEAN_RUN; i++) {
        rc = put_page(washing, i);
        washing->in_a_row = i < known ? 0 : washing->in_a_row;
    }
    return rc;
}

/* In the first round the tree is one page. */
static int wash_first(struct washing *washing, size_t entries)
{
    int rc = look_at_leaf(washing);
    if (rc != 0 || washing->room == 0) {
        return rc;
    }
    rc = fill(washing, entries < washing->room ? entries : washing->room, 0);
    return rc == 0 ? zero_leaf(washing) : rc;
}

static int wash(MDB_env *env, size_t page_size, unsigned round, bool *clean)
{
    struct washing washing = {.page_size = page_size};
    int rc = mdb_txn_begin(env, NULL, 0, &washing.txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_dbi_open(washing.txn, NULL, 0, &washing.main);
    if (rc == 0 && round == 0) {
        rc = wash_first(&washing, rounds[round]);
    } else if (rc == 0) {
        rc = fill(&washing, rounds[round], rounds[round - 1]);
    }
    mdb_txn_abort(washing.txn);
    *clean = rc == 0 && washing.in_a_row >= CLEAN_RUN;
    return rc;
}

int page_buffers_clean(MDB_env *env, bool *clean)
{
    MDB_stat stat;
    mdb_env_stat(env, &stat);
    *clean = false;
    if ((long)stat.ms_psize != sysconf(_SC_PAGESIZE)) {
        return 0;
    }
    int rc = 0;
    for (unsigned i = 0; i < sizeof(rounds) / sizeof(rounds[0]) && rc == 0 && !*clean; i++) {
        rc = wash(env, stat.ms_psize, i, clean);
    }
    return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == MDB_NOTFOUND ? 0 : rc;
}
