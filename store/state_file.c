#include "store/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/scoped.h"
#include "store/coder.h"
#include "store/fault.h"
#include "store/files.h"
#include "store/lmdb.h"
#include "store/state_file_internal.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"

enum { VERSION = 3, READ_VERSION = 2, SHARE_ROWS = 1 << 8, READERS_MAX = 512 };

static const char *const names[STATE_TABLE_COUNT] = {
    [STATE_USERS] = "users",
    [STATE_VIDEOS] = "videos",
    [STATE_STATISTICS] = "statistics",
    [STATE_USER_KEYS] = "user_keys",
    [STATE_STATISTICS_KEYS] = "statistics_keys",
    [STATE_WATCH] = "watch",
};

static enum status fail(int rc, struct problem *problem)
{
    problem_set(problem, "state.mdb: %s", mdb_strerror(rc));
    return lmdb_status(rc);
}

/* Without a lock file where nobody else has the file open. */
static unsigned env_flags(const struct state_file *file)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
    flags |= file->read_only ? MDB_RDONLY : 0;
    return flags | (file->read_only || file->alone ? MDB_NOLOCK : 0);
}

static int open_env(struct state_file *file, const char *path, size_t map_bytes)
{
    int rc = mdb_env_create(&file->env);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_mapsize(file->env, map_bytes);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxdbs(file->env, STATE_TABLE_COUNT + 1);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxreaders(file->env, READERS_MAX);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_open(file->env, path, env_flags(file), 0600);
    if (rc == ENOMEM || rc == EINVAL) {
        return MDB_CORRUPTED; /* a damaged meta page may ask for a map of any size */
    }
    return rc == 0 ? lmdb_mend_length(file->env, false) : rc;
}

static int open_tables(struct state_file *file, MDB_txn *txn)
{
    unsigned flags = file->read_only ? 0 : MDB_CREATE;
    int rc = mdb_dbi_open(txn, "meta", flags, &file->meta);
    for (unsigned i = 0; i < STATE_TABLE_COUNT && rc == 0; i++) {
        rc = mdb_dbi_open(txn, names[i], flags | MDB_INTEGERKEY, &file->tables[i]);
    }
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* How many rows a table has, other than the regions of watch times. */
uint64_t state_file_rows(const struct state_mark *mark, enum state_table table)
{
    if (table == STATE_USER_KEYS) {
        return state_key_rows(mark->row_counts[STATE_USERS]);
    }
    if (table == STATE_STATISTICS_KEYS) {
        return state_key_rows(mark->row_counts[STATE_STATISTICS]);
    }
    CHECK((int)table < (int)STATE_FILE_ROW_COUNTS);
    return mark->row_counts[table];
}

enum status state_file_get_row(const struct state_file *file, MDB_txn *txn, enum state_table table,
                               size_t row, MDB_val *value)
{
    uint32_t number = (uint32_t)row;
    MDB_val key = {sizeof(number), &number};
    int rc = mdb_get(txn, file->tables[table], &key, value);
    return rc == MDB_NOTFOUND ? STATUS_CORRUPT : lmdb_status(rc);
}

static MDB_val mark_key(void)
{
    return (MDB_val){sizeof("mark") - 1, (void *)"mark"};
}

static size_t encode_mark(const struct state_mark *mark, uint8_t out[STATE_MARK_MAX])
{
    uint64_t version = mark->before ? STATE_VERSION_BEFORE : STATE_VERSION;
    uint8_t *at = put_fixed(out + CODER_HEADER_SIZE, version, 4);
    at = put_fixed(at, mark->sequence, 8);
    at = put_fixed(at, mark->record_hash, 8);
    at = put_fixed(at, (uint64_t)mark->newest_signal_ms, 8);
    for (unsigned i = 0; i < STATE_FILE_ROW_COUNTS; i++) {
        at = put_fixed(at, mark->row_counts[i], 8);
    }
    return seal_row(out, VERSION, at);
}

/* The mark of version 2 is the same; its rows may be of older versions, which are read as well. */
static uint8_t version_of(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[0] == READ_VERSION ? READ_VERSION : VERSION;
}

static bool is_of_other_version(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[0] != version_of(bytes, size) && !open_row(bytes, size, bytes[0]).bad;
}

static enum status other_state_version(uint64_t version, struct problem *problem)
{
    problem_set(problem, "state version %" PRIu64 ", this program's is %d", version, STATE_VERSION);
    return STATUS_INVALID;
}

enum status state_mark_decode(const uint8_t *in, size_t size, struct state_mark *out,
                              struct problem *problem)
{
    struct bytes bytes = open_row(in, size, version_of(in, size));
    uint64_t state_version = get_fixed(&bytes, 4);
    struct state_mark mark = {.sequence = get_fixed(&bytes, 8)};
    mark.record_hash = get_fixed(&bytes, 8);
    mark.newest_signal_ms = (int64_t)get_fixed(&bytes, 8);
    for (unsigned i = 0; i < STATE_FILE_ROW_COUNTS; i++) {
        mark.row_counts[i] = get_fixed(&bytes, 8);
    }
    if (is_of_other_version(in, size)) {
        problem_set(problem, "file version %d, this program's is %d", in[0], VERSION);
        return STATUS_INVALID;
    }
    if (!all_read(&bytes)) {
        problem_set(problem, "its mark fails validation");
        return STATUS_CORRUPT;
    }
    mark.before = state_version == STATE_VERSION_BEFORE;
    if (state_version != STATE_VERSION && !mark.before) {
        return other_state_version(state_version, problem);
    }
    *out = mark;
    return STATUS_OK;
}

uint64_t state_mark_hash(uint64_t sequence, const struct record *record)
{
    if (record->kind == EVENT_ERASED) {
        return 0;
    }
    uint64_t seed = sequence ^ (uint64_t)record->appended_ms ^ record->event_key.low;
    return XXH3_64bits_withSeed(record->payload, record->payload_size, seed);
}

static enum status take_mark(struct state_file *file, const MDB_val *value, struct problem *problem)
{
    struct problem why;
    enum status status = state_mark_decode(value->mv_data, value->mv_size, &file->mark, &why);
    if (status == STATUS_OK && file->mark.before && !file->before) {
        status = other_state_version(STATE_VERSION_BEFORE, &why);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "state.mdb: %s", why.text);
    }
    return status == STATUS_OK ? status : STATUS_CORRUPT;
}

/* A file without a mark is new, and has no rows either. */
static enum status check_empty(struct state_file *file, MDB_txn *txn, struct problem *problem)
{
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        MDB_stat stat;
        int rc = mdb_stat(txn, file->tables[i], &stat);
        if (rc != 0) {
            return fail(rc, problem);
        }
        if (stat.ms_entries > 0) {
            problem_set(problem, "state.mdb: there are rows, but no mark");
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

static enum status read_mark(struct state_file *file, MDB_txn *txn, struct problem *problem)
{
    MDB_val key = mark_key();
    MDB_val value;
    int rc = mdb_get(txn, file->meta, &key, &value);
    if (rc == MDB_NOTFOUND) {
        return check_empty(file, txn, problem);
    }
    return rc == 0 ? take_mark(file, &value, problem) : fail(rc, problem);
}

static enum status prepare(struct state_file *file, struct problem *problem)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(file->env, NULL, file->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0) {
        return fail(rc, problem);
    }
    rc = open_tables(file, txn);
    enum status status = rc == 0 ? read_mark(file, txn, problem) : fail(rc, problem);
    if (status != STATUS_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = mdb_txn_commit(txn); /* writes nothing when nothing was created */
    return rc == 0 ? STATUS_OK : fail(rc, problem);
}

/* None is open, and the rows in the file are those of its mark. */
static void end_transaction(struct state_file *file)
{
    fault_unwatch();
    file->txn = NULL;
    for (unsigned i = 0; i < STATE_WATCH; i++) {
        file->row_ends[i] = (uint32_t)state_file_rows(&file->mark, (enum state_table)i);
    }
    file->row_ends[STATE_WATCH] = UINT32_MAX; /* regions come in any order */
}

static enum status open_file(struct state_file *file, const struct state_file_options *options,
                             struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    enum status status = files_join(options->directory, file->name, path, problem);
    if (status == STATUS_OK) {
        status = files_join(options->directory, "state.mdb.doubt", file->doubt, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fault_watch(file->doubt);
    int rc = open_env(file, path, options->map_bytes);
    if (rc != 0) {
        return fail(rc, problem);
    }
    status = prepare(file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    end_transaction(file);
    return STATUS_OK;
}

enum status state_file_open(const struct state_file_options *options, struct state_file **out,
                            struct problem *problem)
{
    struct state_file *file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return fail(ENOMEM, problem);
    }
    file->name = options->name != NULL ? options->name : "state.mdb";
    file->read_only = options->read_only;
    file->alone = options->alone;
    file->before = options->before;
    enum status status = open_file(file, options, problem);
    fault_unwatch();
    if (status != STATUS_OK) {
        state_file_close(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

void state_file_close(struct state_file *file)
{
    if (file == NULL) {
        return;
    }
    for (unsigned i = 0; i < STATE_FILE_READERS_KEPT; i++) {
        mdb_txn_abort(atomic_load(&file->readers[i])); /* NULL is allowed */
    }
    if (file->env != NULL) {
        mdb_env_close(file->env);
    }
    free(file);
}

void state_file_doubt(const struct state_file *file)
{
    int fd = open(file->doubt, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) { /* on a full disk the next start has to find out for itself */
        close(fd);
    }
}

enum status state_file_check_doubt(const char *directory, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    enum status status = files_join(directory, "state.mdb.doubt", path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (unlink(path) == 0) {
        problem_set(problem, "state.mdb: the last process to use it found it damaged");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status state_file_set_aside(const char *directory)
{
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    enum status status = files_join(directory, "state.mdb", from, NULL);
    if (status == STATUS_OK) {
        status = files_join(directory, "state.mdb.bad", to, NULL);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return rename(from, to) == 0 || errno == ENOENT ? STATUS_OK : STATUS_IO;
}

struct state_mark state_file_mark(const struct state_file *file)
{
    return file->mark;
}

/* One thread's part of a load; _Atomic next_row is what the threads share. */
struct load {
    unsigned part; /* its number, for state_restore_decayed() */
    struct state_file *file;
    struct state *state;
    _Atomic uint64_t *next_row; /* rows from here on are nobody's yet */
    MDB_txn *txn;
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

/*
 * Scoring has to know something of these statistics; the row must be of what its key says, but an
 * old key does not tell what is scoped.
 */
static enum status restore_decayed(struct load *load, uint64_t row,
                                   struct statistics_key_entry *key)
{
    MDB_val value;
    size_t i = load->row_count;
    enum status status = state_file_get_row(load->file, load->txn, STATE_STATISTICS, row, &value);
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

static void load_range(struct load *load, const struct range *range)
{
    CHECK(range->table < STATE_TABLE_COUNT);
    MDB_cursor *cursor = NULL;
    uint64_t row = range->first;
    fault_watch(load->file->doubt);
    int rc = mdb_cursor_open(load->txn, load->file->tables[range->table], &cursor);
    load->status = lmdb_status(rc);
    if (rc == 0) {
        load->status = walk(load, range, cursor, &row);
        mdb_cursor_close(cursor);
    }
    fault_unwatch();
    if (load->status != STATUS_OK) {
        problem_set(&load->problem, "state.mdb: row %" PRIu64 " of %s: %s", row,
                    names[range->table], status_text(load->status));
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

static void *load_user_keys(void *argument)
{
    load_shared(argument, STATE_USER_KEYS);
    return NULL;
}

static void *load_statistics_keys(void *argument)
{
    load_shared(argument, STATE_STATISTICS_KEYS);
    return NULL;
}

static void begin_table(struct load *load, enum state_table table)
{
    if (load->status == STATUS_OK) {
        load->status = state_restore_begin(load->state, table, load->file->mark.row_counts[table]);
    }
}

/* What one thread has to do by itself, while the other begins with the users' keys. */
static void *load_videos_and_user_keys(void *argument)
{
    struct load *load = argument;
    load_range(load, &(struct range){STATE_VIDEOS, 0, load->file->mark.row_counts[STATE_VIDEOS]});
    if (load->status == STATUS_OK) {
        load_range(load, &(struct range){STATE_WATCH, 0, UINT16_MAX + 1});
    }
    begin_table(load, STATE_STATISTICS);
    load_shared(load, STATE_USER_KEYS);
    return NULL;
}

typedef void *load_part(void *argument);

/* Runs both at once, or one after the other where there can be no second thread. */
static enum status run_both(struct load loads[2], load_part *first, load_part *second)
{
    pthread_t thread;
    atomic_store(loads[0].next_row, 0);
    bool threaded = pthread_create(&thread, NULL, second, &loads[1]) == 0;
    first(&loads[0]);
    if (threaded) {
        int rc = pthread_join(thread, NULL);
        CHECK(rc == 0);
    } else {
        second(&loads[1]);
    }
    return loads[0].status != STATUS_OK ? loads[0].status : loads[1].status;
}

static enum status load_all(struct load loads[2])
{
    const struct state_mark *mark = &loads[0].file->mark;
    begin_table(&loads[0], STATE_USERS);
    if (loads[0].status != STATUS_OK) {
        return loads[0].status;
    }
    enum status status = run_both(loads, load_videos_and_user_keys, load_user_keys);
    if (status != STATUS_OK) {
        return status;
    }
    status = run_both(loads, load_statistics_keys, load_statistics_keys);
    if (status != STATUS_OK) {
        return status;
    }
    return state_restore_end(loads[0].state, mark->sequence, mark->newest_signal_ms);
}

/* Each thread reads in a transaction of its own. */
static enum status load_in_transactions(struct load loads[2])
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < 2 && status == STATUS_OK; i++) {
        status = lmdb_status(mdb_txn_begin(loads[i].file->env, NULL, MDB_RDONLY, &loads[i].txn));
    }
    if (status == STATUS_OK) {
        status = load_all(loads);
    }
    for (unsigned i = 0; i < 2; i++) {
        mdb_txn_abort(loads[i].txn); /* NULL is allowed */
    }
    return status;
}

enum status state_file_load(struct state_file *file, struct state *state, struct problem *problem)
{
    _Atomic uint64_t next_row = 0;
    struct load *loads = calloc(2, sizeof(*loads));
    if (loads == NULL) {
        return fail(ENOMEM, problem);
    }
    for (unsigned i = 0; i < 2; i++) {
        loads[i].part = i;
        loads[i].file = file;
        loads[i].state = state;
        loads[i].next_row = &next_row;
    }
    enum status status = load_in_transactions(loads);
    if (status != STATUS_OK) {
        const struct problem *found = &loads[loads[0].problem.text[0] == '\0'].problem;
        problem_set(problem, "%s", found->text[0] != '\0' ? found->text : status_text(status));
    }
    free(loads);
    return status;
}

enum status state_file_copy(struct state_file *file, int out_fd)
{
    CHECK(file->txn == NULL);
    fault_watch(file->doubt);
    int rc = mdb_env_copyfd2(file->env, out_fd, MDB_CP_COMPACT);
    fault_unwatch();
    return lmdb_status(rc);
}

struct MDB_env *state_file_env(struct state_file *file)
{
    return file->env;
}

enum status state_file_begin(struct state_file *file)
{
    CHECK(file->txn == NULL);
    fault_watch(file->doubt);
    return lmdb_status(mdb_txn_begin(file->env, NULL, 0, &file->txn));
}

/* Rows that are new come mostly in order: appended, they leave pages full. */
enum status state_file_put(struct state_file *file, const struct encoded_row *row)
{
    CHECK(file->txn != NULL);
    uint32_t number = row->row;
    bool last = number >= file->row_ends[row->table];
    MDB_val key = {sizeof(number), &number};
    MDB_val value = {row->size, (void *)row->bytes};
    int rc = mdb_put(file->txn, file->tables[row->table], &key, &value, last ? MDB_APPEND : 0);
    if (rc == 0 && last) {
        file->row_ends[row->table] = number + 1;
    }
    return lmdb_status(rc);
}

/* Deletes the rows of the file from row_count on. */
static int cut_table(struct state_file *file, enum state_table table, uint64_t row_count)
{
    int rc = 0;
    for (uint64_t i = row_count; i < state_file_rows(&file->mark, table) && rc == 0; i++) {
        uint32_t number = (uint32_t)i;
        MDB_val key = {sizeof(number), &number};
        rc = mdb_del(file->txn, file->tables[table], &key, NULL);
    }
    return rc;
}

static int cut_tables(struct state_file *file, const struct state_mark *mark)
{
    int rc = 0;
    for (unsigned i = 0; i < STATE_WATCH && rc == 0; i++) {
        rc = cut_table(file, (enum state_table)i, state_file_rows(mark, (enum state_table)i));
    }
    return rc;
}

enum status state_file_commit(struct state_file *file, const struct state_mark *mark)
{
    CHECK(file->txn != NULL);
    uint8_t bytes[STATE_MARK_MAX];
    MDB_val key = mark_key();
    MDB_val value = {encode_mark(mark, bytes), bytes};
    int rc = cut_tables(file, mark);
    if (rc == 0) {
        rc = mdb_put(file->txn, file->meta, &key, &value, 0);
    }
    if (rc != 0) {
        state_file_abort(file);
        return lmdb_status(rc);
    }
    rc = mdb_txn_commit(file->txn); /* ends the transaction even when it fails */
    if (rc == 0) {
        file->mark = *mark;
    }
    end_transaction(file);
    return lmdb_status(rc);
}

void state_file_abort(struct state_file *file)
{
    if (file->txn != NULL) {
        mdb_txn_abort(file->txn);
    }
    end_transaction(file);
}
