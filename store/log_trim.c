#include "store/log_internal.h"

#include <inttypes.h>

#include "store/lmdb.h"

enum { TRIM_SOME = 512 };

/* The later of two threads' news may be known already. */
static void raise(_Atomic uint64_t *at, uint64_t value)
{
    uint64_t now = atomic_load(at);
    while (now < value && !atomic_compare_exchange_weak(at, &now, value)) {
    }
}

void log_trim(struct log *log, uint64_t first)
{
    uint64_t last = atomic_load(&log->last);
    raise(&log->trim_to, first < last ? first : last);
}

uint64_t log_trim_pending(struct log *log)
{
    uint64_t first = atomic_load(&log->first);
    uint64_t trim_to = atomic_load(&log->trim_to);
    return first < trim_to ? trim_to - first : 0;
}

void log_trimmed(struct log *log, uint64_t first)
{
    raise(&log->first, first);
}

/* Each time from the beginning: after a removal the cursor may have been moved to another page. */
static int remove_records(MDB_cursor *cursor, uint64_t trim_to, uint64_t most, uint64_t *first)
{
    MDB_val key;
    MDB_val value;
    for (uint64_t removed = 0;; removed++) {
        int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc == 0) {
            rc = log_get_number(&key, first);
        }
        if (rc != 0 || *first >= trim_to || removed == most) {
            return rc;
        }
        rc = mdb_cursor_del(cursor, 0);
        if (rc != 0) {
            return rc;
        }
    }
}

int log_trim_in(struct log *log, MDB_txn *txn, uint64_t most, uint64_t *first)
{
    MDB_cursor *cursor = NULL;
    *first = atomic_load(&log->first);
    int rc = mdb_cursor_open(txn, log->records, &cursor);
    if (rc == 0) {
        rc = remove_records(cursor, atomic_load(&log->trim_to), most, first);
        mdb_cursor_close(cursor);
    }
    return rc;
}

enum status log_trim_some(struct log *log, bool *more)
{
    MDB_txn *txn = NULL;
    uint64_t first = 0;
    if (log_trim_pending(log) == 0) {
        *more = false;
        return STATUS_OK;
    }
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    enum status status = log_finish(log, txn, log_trim_in(log, txn, TRIM_SOME, &first));
    if (status == STATUS_OK) {
        log_trimmed(log, first);
        *more = log_trim_pending(log) > 0;
    }
    return status;
}

static enum status read_time(const struct log *log, MDB_txn *txn, uint64_t sequence,
                             int64_t *appended_ms, struct problem *problem)
{
    struct record record;
    MDB_val key = {sizeof(sequence), &sequence};
    MDB_val value;
    int rc = mdb_get(txn, log->records, &key, &value);
    if (rc != 0) {
        return log_read_failure(rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc, problem);
    }
    if (record_decode(value.mv_data, value.mv_size, &record) != STATUS_OK) {
        problem_set(problem, "the log's record %" PRIu64 " fails validation", sequence);
        return STATUS_CORRUPT;
    }
    *appended_ms = record.appended_ms;
    return STATUS_OK;
}

/* Of the records from `low` to `high` - 1; `high` is young enough, or past the end. */
static enum status search(const struct log *log, MDB_txn *txn, int64_t before_ms, uint64_t low,
                          uint64_t high, uint64_t *first, struct problem *problem)
{
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int64_t appended_ms = 0;
        enum status status = read_time(log, txn, middle, &appended_ms, problem);
        if (status != STATUS_OK) {
            return status;
        }
        if (appended_ms < before_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *first = low;
    return STATUS_OK;
}

enum status log_find_age(struct log *log, int64_t before_ms, uint64_t *first,
                         struct problem *problem)
{
    MDB_txn *txn = NULL;
    uint64_t low = 1;
    uint64_t last = 0;
    int rc = environment_begin(&log->environment, MDB_RDONLY, &txn);
    if (rc != 0) {
        return log_read_failure(rc, problem);
    }
    rc = log_read_bounds(log, txn, &low, &last);
    enum status status = rc == 0 ? search(log, txn, before_ms, low, last + 1, first, problem)
                                 : log_read_failure(rc, problem);
    environment_abort(&log->environment, txn);
    return status;
}

uint64_t log_find_bytes(struct log *log, uint64_t keep_bytes)
{
    uint64_t first;
    uint64_t last;
    log_bounds(log, &first, &last);
    uint64_t bytes = atomic_load(&log->record_pages) * log->page_size;
    if (first > last || bytes <= keep_bytes) {
        return first;
    }
    double kept = (double)(last - first + 1) * ((double)keep_bytes / (double)bytes);
    uint64_t keep = kept < 1 ? 1 : (uint64_t)kept;
    return last + 1 - keep;
}
