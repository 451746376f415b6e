#include "store/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/coder.h"
#include "store/fault.h"
#include "store/files.h"
#include "store/lmdb.h"
#include "store/state_file_internal.h"

enum { VERSION = 3, READ_VERSION = 2, READERS_MAX = 512 };

const char *const state_file_names[STATE_TABLE_COUNT] = {
    [STATE_USERS] = "users",
    [STATE_VIDEOS] = "videos",
    [STATE_STATISTICS] = "statistics",
    [STATE_USER_KEYS] = "user_keys",
    [STATE_STATISTICS_KEYS] = "statistics_keys",
    [STATE_WATCH] = "watch",
};

enum status state_file_fail(int rc, struct problem *problem)
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

static int open_env(struct state_file *file)
{
    MDB_env **env = &file->environment.env;
    int rc = mdb_env_create(env);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_mapsize(*env, file->map_bytes);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxdbs(*env, STATE_TABLE_COUNT + 1);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxreaders(*env, READERS_MAX);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_open(*env, file->path, env_flags(file), 0600);
    if (rc == ENOMEM || rc == EINVAL) {
        return MDB_CORRUPTED; /* a damaged meta page may ask for a map of any size */
    }
    return rc == 0 ? lmdb_mend_length(*env, false) : rc;
}

static void close_env(struct state_file *file)
{
    for (unsigned i = 0; i < STATE_FILE_READERS_KEPT; i++) {
        mdb_txn_abort(atomic_exchange(&file->readers[i], NULL)); /* NULL is allowed */
    }
    mdb_env_close(file->environment.env); /* likewise */
    file->environment.env = NULL;
}

static int open_tables(struct state_file *file, MDB_txn *txn)
{
    unsigned flags = file->read_only ? 0 : MDB_CREATE;
    int rc = mdb_dbi_open(txn, "meta", flags, &file->meta);
    for (unsigned i = 0; i < STATE_TABLE_COUNT && rc == 0; i++) {
        rc = mdb_dbi_open(txn, state_file_names[i], flags | MDB_INTEGERKEY, &file->tables[i]);
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

static enum status take_mark(const struct state_file *file, const MDB_val *value,
                             struct state_mark *out, struct problem *problem)
{
    struct problem why;
    enum status status = state_mark_decode(value->mv_data, value->mv_size, out, &why);
    if (status == STATUS_OK && out->before && !file->before) {
        status = other_state_version(STATE_VERSION_BEFORE, &why);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "state.mdb: %s", why.text);
    }
    return status == STATUS_OK ? status : STATUS_CORRUPT;
}

/* A file without a mark is new, and has no rows either. */
static enum status check_empty(const struct state_file *file, MDB_txn *txn, struct problem *problem)
{
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        MDB_stat stat;
        int rc = mdb_stat(txn, file->tables[i], &stat);
        if (rc != 0) {
            return state_file_fail(rc, problem);
        }
        if (stat.ms_entries > 0) {
            problem_set(problem, "state.mdb: there are rows, but no mark");
            return STATUS_CORRUPT;
        }
    }
    return STATUS_OK;
}

static enum status read_mark(const struct state_file *file, MDB_txn *txn, struct state_mark *out,
                             struct problem *problem)
{
    MDB_val key = mark_key();
    MDB_val value;
    int rc = mdb_get(txn, file->meta, &key, &value);
    if (rc == MDB_NOTFOUND) {
        *out = (struct state_mark){.sequence = 0};
        return check_empty(file, txn, problem);
    }
    return rc == 0 ? take_mark(file, &value, out, problem) : state_file_fail(rc, problem);
}

/* While nobody else has the file. */
static enum status prepare(struct state_file *file, struct state_mark *mark,
                           struct problem *problem)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(file->environment.env, NULL, file->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0) {
        return state_file_fail(rc, problem);
    }
    rc = open_tables(file, txn);
    enum status status =
        rc == 0 ? read_mark(file, txn, mark, problem) : state_file_fail(rc, problem);
    if (status != STATUS_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = mdb_txn_commit(txn); /* writes nothing when nothing was created */
    return rc == 0 ? STATUS_OK : state_file_fail(rc, problem);
}

/* If the commit that failed came through all the same, rows are not those that are known of. */
static int reopen(void *owner)
{
    struct state_file *file = owner;
    struct state_mark mark;
    close_env(file);
    int rc = open_env(file);
    if (rc == 0 &&
        (prepare(file, &mark, NULL) != STATUS_OK || mark.sequence != file->mark.sequence)) {
        rc = MDB_PANIC;
    }
    if (rc != 0) {
        close_env(file);
    }
    return rc;
}

/* None is open, and the rows in the file are those of its mark. */
static void end_transaction(struct state_file *file)
{
    fault_unwatch();
    if (file->txn != NULL) {
        file->txn = NULL;
        environment_leave(&file->environment);
    }
    for (unsigned i = 0; i < STATE_WATCH; i++) {
        file->row_ends[i] = (uint32_t)state_file_rows(&file->mark, (enum state_table)i);
    }
    file->row_ends[STATE_WATCH] = UINT32_MAX; /* regions come in any order */
}

static enum status open_file(struct state_file *file, const char *directory,
                             struct problem *problem)
{
    enum status status = files_join(directory, file->name, file->path, problem);
    if (status == STATUS_OK) {
        status = files_join(directory, "state.mdb.doubt", file->doubt, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    fault_watch(file->doubt);
    int rc = open_env(file);
    if (rc != 0) {
        return state_file_fail(rc, problem);
    }
    status = prepare(file, &file->mark, problem);
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
    if (file == NULL || environment_init(&file->environment, reopen, file) != STATUS_OK) {
        free(file);
        return state_file_fail(ENOMEM, problem);
    }
    file->name = options->name != NULL ? options->name : "state.mdb";
    file->map_bytes = options->map_bytes;
    file->read_only = options->read_only;
    file->alone = options->alone;
    file->before = options->before;
    enum status status = open_file(file, options->directory, problem);
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
    close_env(file);
    environment_release(&file->environment);
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

enum status state_file_copy(struct state_file *file, int out_fd)
{
    CHECK(file->txn == NULL);
    MDB_txn *reader = NULL;
    fault_watch(file->doubt);
    int rc = environment_begin(&file->environment, MDB_RDONLY, &reader);
    if (rc == 0) {
        rc = mdb_env_copyfd2(file->environment.env, out_fd, MDB_CP_COMPACT);
    }
    environment_abort(&file->environment, reader);
    fault_unwatch();
    return lmdb_status(rc);
}

struct environment *state_file_environment(struct state_file *file)
{
    return &file->environment;
}

enum status state_file_begin(struct state_file *file)
{
    CHECK(file->txn == NULL);
    fault_watch(file->doubt);
    return lmdb_status(environment_begin(&file->environment, 0, &file->txn));
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
