#include <string.h>

#include "store/lmdb.h"
#include "store/log_internal.h"

enum { DROPPED_AT_ONCE = 256 };

int log_put_tombstone(const struct log *log, MDB_txn *txn, const struct tombstone *tombstone)
{
    uint8_t bytes[TOMBSTONE_SIZE];
    uint64_t user_key = tombstone->user_key;
    MDB_val key = {sizeof(user_key), &user_key};
    MDB_val value = {sizeof(bytes), bytes};
    tombstone_encode(tombstone, bytes);
    return mdb_put(txn, log->forgotten, &key, &value, 0);
}

static int get_tombstone(const MDB_val *key, const MDB_val *value, struct tombstone *out)
{
    uint64_t user_key;
    if (log_get_number(key, &user_key) != 0 ||
        tombstone_decode(value->mv_data, value->mv_size, user_key, out) != STATUS_OK) {
        return MDB_CORRUPTED;
    }
    return 0;
}

static int find_tombstone(const struct log *log, MDB_txn *txn, uint64_t user_key,
                          struct tombstone *out)
{
    MDB_val key = {sizeof(user_key), &user_key};
    MDB_val value;
    int rc = mdb_get(txn, log->forgotten, &key, &value);
    return rc == 0 ? get_tombstone(&key, &value, out) : rc;
}

/*
 * A user may have been forgotten again since the caller read the tombstone: then it only counts
 * what was erased since.
 */
static int renew_tombstone(const struct log *log, MDB_txn *txn, const struct tombstone *tombstone)
{
    struct tombstone now;
    int rc = find_tombstone(log, txn, tombstone->user_key, &now);
    if (rc == 0 && now.sequence > tombstone->sequence) {
        now.signals_erased = tombstone->signals_erased;
        now.decisions_erased = tombstone->decisions_erased;
        return log_put_tombstone(log, txn, &now);
    }
    return log_put_tombstone(log, txn, tombstone);
}

/* One that is damaged is replaced as if it were not there: the forgetting must not fail for it. */
static int note_forgotten(const struct log *log, MDB_txn *txn, uint64_t sequence,
                          const struct record *record)
{
    struct tombstone tombstone = {0};
    int rc = find_tombstone(log, txn, record->event_key.low, &tombstone);
    if (rc != 0 && rc != MDB_NOTFOUND && rc != MDB_CORRUPTED) {
        return rc;
    }
    tombstone.user_key = record->event_key.low;
    tombstone.time_ms = record->appended_ms;
    tombstone.sequence = sequence;
    tombstone.pending = true;
    return log_put_tombstone(log, txn, &tombstone);
}

int log_note_forgotten(const struct log *log, MDB_txn *txn, const struct record *records,
                       size_t count, uint64_t first)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (records[i].kind == EVENT_FORGET) {
            rc = note_forgotten(log, txn, first + i, &records[i]);
        }
    }
    return rc;
}

enum status log_put_tombstones(struct log *log, const struct tombstone *tombstones, size_t count)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = renew_tombstone(log, txn, &tombstones[i]);
    }
    return log_finish(log, txn, rc);
}

enum status log_find_tombstone(struct log *log, uint64_t user_key, struct tombstone *out)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, MDB_RDONLY, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    rc = find_tombstone(log, txn, user_key, out);
    environment_abort(&log->environment, txn);
    return lmdb_status(rc);
}

static enum status visit_tombstone(const MDB_val *key, const MDB_val *value,
                                   log_tombstone_visit *visit, void *context, bool *go_on,
                                   struct problem *problem)
{
    struct tombstone tombstone;
    if (get_tombstone(key, value, &tombstone) != 0) {
        problem_set(problem,
                    "the log's list of forgotten users has an entry that fails validation");
        return STATUS_CORRUPT;
    }
    *go_on = visit(context, &tombstone);
    return STATUS_OK;
}

static enum status visit_tombstones(MDB_cursor *cursor, log_tombstone_visit *visit, void *context,
                                    struct problem *problem)
{
    MDB_val key;
    MDB_val value;
    bool go_on = true;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0 && go_on) {
        enum status status = visit_tombstone(&key, &value, visit, context, &go_on, problem);
        if (status != STATUS_OK) {
            return status;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return rc == 0 || rc == MDB_NOTFOUND ? STATUS_OK : log_read_failure(rc, problem);
}

enum status log_visit_tombstones(struct log *log, log_tombstone_visit *visit, void *context,
                                 struct problem *problem)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int rc = environment_begin(&log->environment, MDB_RDONLY, &txn);
    if (rc == 0) {
        rc = mdb_cursor_open(txn, log->forgotten, &cursor);
    }
    enum status status = STATUS_OK;
    if (rc == 0) {
        status = visit_tombstones(cursor, visit, context, problem);
        mdb_cursor_close(cursor);
    } else {
        status = log_read_failure(rc, problem);
    }
    environment_abort(&log->environment, txn); /* NULL is allowed */
    return status;
}

/* Puts the cursor on a record. MDB_NOTFOUND: it is gone. */
static int find_record(MDB_cursor *cursor, uint64_t *sequence, MDB_val *old)
{
    MDB_val key = {sizeof(*sequence), sequence};
    return mdb_cursor_get(cursor, &key, old, MDB_SET);
}

/* Room in the page for a value in place of the one at the cursor. */
static int reserve_value(MDB_cursor *cursor, uint64_t sequence, MDB_val *value)
{
    MDB_val key = {sizeof(sequence), &sequence};
    return mdb_cursor_put(cursor, &key, value, MDB_CURRENT | MDB_RESERVE);
}

/* A value of the same size is put where the old one is. */
static int zero_record(MDB_cursor *cursor, uint64_t sequence)
{
    MDB_val value;
    int rc = find_record(cursor, &sequence, &value);
    if (rc == 0) {
        rc = reserve_value(cursor, sequence, &value);
    }
    if (rc == 0) {
        memset(value.mv_data, 0, value.mv_size);
    }
    return rc;
}

static int put_replacement(MDB_cursor *cursor, const struct log_replacement *replacement)
{
    uint64_t sequence = replacement->sequence;
    MDB_val old;
    MDB_val value = {record_size(&replacement->record), NULL};
    int rc = find_record(cursor, &sequence, &old);
    if (rc == 0) {
        rc = reserve_value(cursor, sequence, &value);
    }
    if (rc == 0) {
        record_encode(&replacement->record, value.mv_data);
    }
    return rc;
}

/*
 * First all are overwritten with zeros: a value that shrinks leaves its old bytes, and those of its
 * neighbours, in the gap of the page.
 */
static int replace_records(MDB_cursor *cursor, const struct log_replacement *replacements,
                           size_t count)
{
    int rc = 0;
    for (size_t i = 0; i < count && (rc == 0 || rc == MDB_NOTFOUND); i++) {
        rc = zero_record(cursor, replacements[i].sequence);
    }
    for (size_t i = 0; i < count && (rc == 0 || rc == MDB_NOTFOUND); i++) {
        rc = put_replacement(cursor, &replacements[i]);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int replace_in(const struct log *log, MDB_txn *txn,
                      const struct log_replacement *replacements, size_t count)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, log->records, &cursor);
    if (rc == 0) {
        rc = replace_records(cursor, replacements, count);
        mdb_cursor_close(cursor);
    }
    return rc;
}

enum status log_replace(struct log *log, const struct log_replacement *replacements, size_t count,
                        const struct tombstone *tombstone)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    rc = replace_in(log, txn, replacements, count);
    if (rc == 0 && tombstone != NULL) {
        rc = renew_tombstone(log, txn, tombstone);
    }
    return log_finish(log, txn, rc);
}

struct dropping {
    int64_t before_ms;
    uint64_t user_keys[DROPPED_AT_ONCE];
    size_t count;
};

static bool list_old(void *context, const struct tombstone *tombstone)
{
    struct dropping *dropping = context;
    if (!tombstone->pending && tombstone->time_ms < dropping->before_ms) {
        dropping->user_keys[dropping->count++] = tombstone->user_key;
    }
    return dropping->count < DROPPED_AT_ONCE;
}

/* Looks again: the user may have been forgotten anew since the list was made. */
static int drop_tombstone(const struct log *log, MDB_txn *txn, uint64_t user_key, int64_t before_ms)
{
    struct tombstone tombstone;
    int rc = find_tombstone(log, txn, user_key, &tombstone);
    if (rc != 0 || tombstone.pending || tombstone.time_ms >= before_ms) {
        return rc == MDB_NOTFOUND ? 0 : rc;
    }
    MDB_val key = {sizeof(user_key), &user_key};
    return mdb_del(txn, log->forgotten, &key, NULL);
}

static enum status drop_listed(struct log *log, const struct dropping *dropping)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    for (size_t i = 0; i < dropping->count && rc == 0; i++) {
        rc = drop_tombstone(log, txn, dropping->user_keys[i], dropping->before_ms);
    }
    return log_finish(log, txn, rc);
}

enum status log_drop_tombstones(struct log *log, int64_t before_ms)
{
    struct dropping dropping = {.before_ms = before_ms};
    do {
        dropping.count = 0;
        enum status status = log_visit_tombstones(log, list_old, &dropping, NULL);
        if (status == STATUS_OK && dropping.count > 0) {
            status = drop_listed(log, &dropping);
        }
        if (status != STATUS_OK) {
            return status;
        }
    } while (dropping.count == DROPPED_AT_ONCE);
    return STATUS_OK;
}

enum status log_scrub(struct log *log, struct scrub **out)
{
    return scrub_new(&log->environment, out);
}
