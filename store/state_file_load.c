#include <errno.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/scoped.h"
#include "store/crew.h"
#include "store/fault.h"
#include "store/lmdb.h"
#include "store/state_file_internal.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"

/*
 * Puts a file's rows back into a state, by several threads in three steps, each of which ends
 * before the next begins: videos and users' keys; what scoring reads of statistics, which adds to
 * videos; the index of all that is found by a key. Threads take shares of rows in turn, so none
 * waits long for another.
 */

enum { SHARE_ROWS = 1 << 8, SHARE_INDEXED = 1 << 14 };

/* One thread's part of a load. */
struct load {
    unsigned part; /* its number, for state_restore_decayed() */
    struct state_file *file;
    struct state *state;
    _Atomic uint64_t *next_row; /* shared by all threads: rows from here on are nobody's yet */
    size_t index_rows;          /* in all, for state_restore_index_rows() */
    MDB_txn *txn;
    MDB_cursor *statistics; /* of a range of their keys, which rise */
    struct watch_histogram watch[DURATION_BUCKET_COUNT];
    /* Statistics that are decoded and wait to be put back together. */
    struct statistics_row rows[STATE_RESTORE_MAX];
    struct statistics_parts parts[STATE_RESTORE_MAX];
    size_t row_count;
    enum status status;
    struct problem problem;
};

static enum status restore_user_keys(struct load *load, uint32_t row, const MDB_val *value)
{
    struct user_key_entry entries[STATE_KEYS_PER_ROW];
    size_t count;
    enum status status = user_keys_row_decode(value->mv_data, value->mv_size, entries, &count);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t first = (uint64_t)row * STATE_KEYS_PER_ROW;
    if (count != state_keys_in_row(load->file->mark.row_counts[STATE_USERS], row)) {
        return STATUS_CORRUPT;
    }
    for (size_t i = 0; i < count; i++) {
        state_restore_user_key(load->state, first + i, entries[i]);
    }
    return STATUS_OK;
}

static enum status restore_video(struct load *load, const MDB_val *value)
{
    struct video_row video;
    enum status status = video_row_decode(value->mv_data, value->mv_size, &video);
    return status == STATUS_OK ? state_restore_video(load->state, &video) : status;
}

/* Hands on the statistics that wait. */
static enum status restore_waiting(struct load *load)
{
    size_t count = load->row_count;
    load->row_count = 0;
    return count > 0 ? state_restore_decayed(load->state, load->part, load->rows, count)
                     : STATUS_OK;
}

/* The cursor mostly stands on the page, so this is a third of a look-up from the root. */
static enum status find_statistics(const struct load *load, uint64_t row, MDB_val *value)
{
    uint32_t number = (uint32_t)row;
    MDB_val key = {sizeof(number), &number};
    int rc = mdb_cursor_get(load->statistics, &key, value, MDB_SET);
    return rc == MDB_NOTFOUND ? STATUS_CORRUPT : lmdb_status(rc);
}

/*
 * Scoring has to know something of these statistics; the row must be of what its key says, but an
 * old key does not tell what is scoped.
 */
static enum status restore_decayed(struct load *load, uint64_t row,
                                   struct statistics_key_entry *key)
{
    MDB_val value;
    size_t i = load->row_count;
    enum status status = find_statistics(load, row, &value);
    if (status != STATUS_OK) {
        return status;
    }
    status = statistics_row_decode(value.mv_data, value.mv_size, &load->parts[i], &load->rows[i]);
    if (status != STATUS_OK) {
        return status;
    }
    if (load->rows[i].video_key != key->video_key || load->rows[i].kind != key->kind ||
        load->rows[i].code != key->code) {
        return STATUS_CORRUPT;
    }
    key->scoped = scoped_has_row(load->rows[i].kind, load->rows[i].stats);
    load->row_count++;
    return load->row_count == STATE_RESTORE_MAX ? restore_waiting(load) : STATUS_OK;
}

static enum status restore_statistics_keys(struct load *load, uint32_t row, const MDB_val *value)
{
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    size_t count;
    enum status status =
        statistics_keys_row_decode(value->mv_data, value->mv_size, entries, &count);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t first = (uint64_t)row * STATE_KEYS_PER_ROW;
    if (count != state_keys_in_row(load->file->mark.row_counts[STATE_STATISTICS], row)) {
        return STATUS_CORRUPT;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (entries[i].kind == SCOPE_GLOBAL || entries[i].scoped) {
            status = restore_decayed(load, first + i, &entries[i]);
        }
        state_restore_statistics_key(load->state, first + i, entries[i]);
    }
    return status;
}

static enum status restore_watch(struct load *load, uint32_t region, const MDB_val *value)
{
    if (region > UINT16_MAX) {
        return STATUS_CORRUPT;
    }
    enum status status = watch_row_decode(value->mv_data, value->mv_size, load->watch);
    return status == STATUS_OK ? state_restore_watch(load->state, (uint16_t)region, load->watch)
                               : status;
}

static enum status restore_row(struct load *load, enum state_table table, uint32_t row,
                               const MDB_val *value)
{
    switch (table) {
    case STATE_USER_KEYS:
        return restore_user_keys(load, row, value);
    case STATE_VIDEOS:
        return restore_video(load, value);
    case STATE_STATISTICS_KEYS:
        return restore_statistics_keys(load, row, value);
    case STATE_STATISTICS:
    case STATE_USERS:
    case STATE_WATCH:
    case STATE_TABLE_COUNT:
        break;
    }
    return restore_watch(load, row, value);
}

/* Rows of one table from first to end - 1. */
struct range {
    enum state_table table;
    uint64_t first;
    uint64_t end;
};

/* Restores the entry of row; regions are sparse, other numbers are not. */
static enum status restore_entry(struct load *load, enum state_table table, uint64_t due,
                                 const MDB_val *key, const MDB_val *value)
{
    uint32_t row = 0;
    if (key->mv_size != sizeof(row)) {
        return STATUS_CORRUPT;
    }
    memcpy(&row, key->mv_data, sizeof(row)); /* keys in the map are not aligned */
    if (table != STATE_WATCH && row != due) {
        return STATUS_CORRUPT;
    }
    return restore_row(load, table, row, value);
}

/* *row is the first that could not be restored, or the range's end. */
static enum status walk(struct load *load, const struct range *range, MDB_cursor *cursor,
                        uint64_t *row)
{
    uint32_t start = (uint32_t)range->first;
    MDB_val key = {sizeof(start), &start};
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    for (*row = range->first; *row < range->end && rc == 0; ++*row) {
        enum status status = restore_entry(load, range->table, *row, &key, &value);
        if (status != STATUS_OK) {
            return status;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (rc != 0 && rc != MDB_NOTFOUND) {
        return lmdb_status(rc);
    }
    if (range->table != STATE_WATCH && *row < range->end) {
        return STATUS_CORRUPT;
    }
    return restore_waiting(load);
}

/* Opens the cursors of a range, and closes them. */
static enum status walk_range(struct load *load, const struct range *range, uint64_t *row)
{
    const MDB_dbi *tables = load->file->tables;
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(load->txn, tables[range->table], &cursor);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    rc = mdb_cursor_open(load->txn, tables[STATE_STATISTICS], &load->statistics);
    enum status status = rc == 0 ? walk(load, range, cursor, row) : lmdb_status(rc);
    if (rc == 0) {
        mdb_cursor_close(load->statistics);
    }
    mdb_cursor_close(cursor);
    return status;
}

static void load_range(struct load *load, const struct range *range)
{
    CHECK(range->table < STATE_TABLE_COUNT);
    uint64_t row = range->first;
    fault_watch(load->file->doubt);
    load->status = walk_range(load, range, &row);
    fault_unwatch();
    if (load->status != STATUS_OK) {
        problem_set(&load->problem, "state.mdb: row %" PRIu64 " of %s: %s", row,
                    state_file_names[range->table], status_text(load->status));
    }
}

/* Takes rows and restores them until none are left. */
static void load_shared(struct load *load, enum state_table table)
{
    uint64_t end = state_file_rows(&load->file->mark, table);
    while (load->status == STATUS_OK) {
        uint64_t first = atomic_fetch_add(load->next_row, SHARE_ROWS);
        if (first >= end) {
            return;
        }
        uint64_t share_end = end - first < SHARE_ROWS ? end : first + SHARE_ROWS;
        load_range(load, &(struct range){table, first, share_end});
    }
}

/* What one thread has to do by itself comes first. */
static void load_videos_and_user_keys(void *member)
{
    struct load *load = member;
    if (load->part == 0) {
        load_range(load,
                   &(struct range){STATE_VIDEOS, 0, load->file->mark.row_counts[STATE_VIDEOS]});
    }
    if (load->part == 0 && load->status == STATUS_OK) {
        load_range(load, &(struct range){STATE_WATCH, 0, UINT16_MAX + 1});
    }
    load_shared(load, STATE_USER_KEYS);
}

static void load_statistics_keys(void *member)
{
    load_shared(member, STATE_STATISTICS_KEYS);
}

static void index_rows(void *member)
{
    struct load *load = member;
    while (load->status == STATUS_OK) {
        uint64_t first = atomic_fetch_add(load->next_row, SHARE_INDEXED);
        if (first >= load->index_rows) {
            return;
        }
        uint64_t end =
            first + SHARE_INDEXED < load->index_rows ? first + SHARE_INDEXED : load->index_rows;
        load->status = state_restore_index_rows(load->state, first, end);
    }
}

/* Takes one step with all threads; the status is that of the first that failed. */
static enum status take_step(struct load *loads, size_t count, void (*step)(void *member))
{
    atomic_store(loads[0].next_row, 0);
    crew_run(step, loads, sizeof(*loads), count);
    for (size_t i = 0; i < count; i++) {
        if (loads[i].status != STATUS_OK) {
            return loads[i].status;
        }
    }
    return STATUS_OK;
}

static enum status begin_tables(const struct load *load)
{
    const uint64_t *row_counts = load->file->mark.row_counts;
    enum status status = state_restore_begin(load->state, STATE_USERS, row_counts[STATE_USERS]);
    return status == STATUS_OK
               ? state_restore_begin(load->state, STATE_STATISTICS, row_counts[STATE_STATISTICS])
               : status;
}

static enum status load_rows(struct load *loads, size_t count)
{
    enum status status = begin_tables(&loads[0]);
    if (status == STATUS_OK) {
        status = take_step(loads, count, load_videos_and_user_keys);
    }
    return status == STATUS_OK ? take_step(loads, count, load_statistics_keys) : status;
}

static enum status index_all(struct load *loads, size_t count)
{
    const struct state_mark *mark = &loads[0].file->mark;
    size_t row_count = 0;
    enum status status = state_restore_index_begin(loads[0].state, &row_count);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        loads[i].index_rows = row_count;
    }
    status = take_step(loads, count, index_rows);
    if (status == STATUS_OK) {
        state_restore_indexed(loads[0].state, mark->sequence, mark->newest_signal_ms);
    }
    return status;
}

/* Each thread reads in a transaction of its own. */
static enum status load_in_transactions(struct load *loads, size_t count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = lmdb_status(
            mdb_txn_begin(loads[i].file->environment.env, NULL, MDB_RDONLY, &loads[i].txn));
    }
    if (status == STATUS_OK) {
        status = load_rows(loads, count);
    }
    for (size_t i = 0; i < count; i++) {
        mdb_txn_abort(loads[i].txn); /* NULL is allowed */
    }
    return status == STATUS_OK ? index_all(loads, count) : status;
}

/* What the first thread that has something to tell tells. */
static void tell(const struct load *loads, size_t count, enum status status,
                 struct problem *problem)
{
    const char *text = status_text(status);
    for (size_t i = count; i > 0; i--) {
        text = loads[i - 1].problem.text[0] != '\0' ? loads[i - 1].problem.text : text;
    }
    problem_set(problem, "%s", text);
}

enum status state_file_load(struct state_file *file, struct state *state, struct problem *problem)
{
    _Atomic uint64_t next_row = 0;
    size_t count = crew_size(STATE_RESTORE_PARTS);
    struct load *loads = calloc(count, sizeof(*loads));
    if (loads == NULL) {
        return state_file_fail(ENOMEM, problem);
    }
    for (size_t i = 0; i < count; i++) {
        loads[i].part = (unsigned)i;
        loads[i].file = file;
        loads[i].state = state;
        loads[i].next_row = &next_row;
    }
    enum status status = load_in_transactions(loads, count);
    if (status != STATUS_OK) {
        tell(loads, count, status, problem);
    }
    free(loads);
    return status;
}
