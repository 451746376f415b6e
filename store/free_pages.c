#include "store/free_pages.h"

#include <stdlib.h>
#include <string.h>

enum { FREE_DATABASE = 0 };

/* A line of LMDB's list of readers: process, thread in hexadecimal, transaction or "-". */
static int look_at_reader(const char *line, void *context)
{
    uint64_t *oldest = context;
    char *end = NULL;
    (void)strtol(line, &end, 10);
    (void)strtoull(end, &end, 16);
    char *number = end;
    uint64_t transaction = strtoull(number, &end, 10);
    if (end != number && transaction < *oldest) {
        *oldest = transaction; /* the heading and idle readers have no number there */
    }
    return 0;
}

int free_pages_oldest(MDB_env *env, uint64_t committed, uint64_t *oldest)
{
    uint64_t found = committed;
    int rc = mdb_reader_list(env, look_at_reader, &found);
    if (rc < 0) {
        return rc;
    }
    *oldest = found;
    return 0;
}

/* Checks what LMDB itself would take on trust. */
static int visit_entry(const MDB_val *key, const MDB_val *value, free_pages_visit *visit,
                       void *context, bool *go_on)
{
    const size_t *pages = value->mv_data; /* aligned, as LMDB itself reads them */
    size_t transaction;
    if (key->mv_size != sizeof(transaction) || value->mv_size < sizeof(*pages) ||
        pages[0] > value->mv_size / sizeof(*pages) - 1) {
        return MDB_CORRUPTED;
    }
    memcpy(&transaction, key->mv_data, sizeof(transaction));
    *go_on = visit(context, transaction, pages + 1, pages[0]);
    return 0;
}

int free_pages_walk(MDB_txn *reader, uint64_t from, free_pages_visit *visit, void *context)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(reader, FREE_DATABASE, &cursor);
    if (rc != 0) {
        return rc;
    }
    size_t start = from;
    MDB_val key = {sizeof(start), &start};
    MDB_val value;
    bool go_on = true;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && go_on) {
        rc = visit_entry(&key, &value, visit, context, &go_on);
        if (rc == 0 && go_on) {
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

struct counting {
    uint64_t oldest;
    uint64_t count;
    uint64_t enough;
};

static bool count_pages(void *context, uint64_t transaction, const size_t *pages, size_t count)
{
    struct counting *counting = context;
    (void)pages;
    if (transaction >= counting->oldest) {
        return false;
    }
    counting->count += count;
    return counting->count < counting->enough;
}

int free_pages_count(MDB_txn *writer, uint64_t enough, uint64_t *count)
{
    MDB_env *env = mdb_txn_env(writer);
    MDB_txn *reader = NULL;
    struct counting counting = {.enough = enough};
    int rc = free_pages_oldest(env, mdb_txn_id(writer) - 1, &counting.oldest);
    if (rc == 0) {
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &reader);
    }
    if (rc == 0) {
        rc = free_pages_walk(reader, 0, count_pages, &counting);
        mdb_txn_abort(reader);
    }
    if (rc == 0) {
        *count = counting.count;
    }
    return rc;
}
