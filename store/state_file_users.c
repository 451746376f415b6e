#include <stdlib.h>
#include <string.h>

#include "store/fault.h"
#include "store/lmdb.h"
#include "store/state_file_internal.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/user_row.h"
#include "store/video_row.h"

/* Single users of a state file: read at any time, searched for, taken out. */

static MDB_txn *find_kept(struct state_file *file)
{
    MDB_txn *reader = NULL;
    for (unsigned i = 0; i < STATE_FILE_READERS_KEPT && reader == NULL; i++) {
        reader = atomic_exchange(&file->readers[i], NULL);
    }
    return reader;
}

/* One that was kept reads the last commit anew. False: there is none that can. */
static bool renew_kept(struct state_file *file, MDB_txn **out)
{
    if (environment_enter(&file->environment) != 0) {
        return false;
    }
    MDB_txn *reader = find_kept(file);
    if (reader != NULL && mdb_txn_renew(reader) == 0) {
        *out = reader;
        return true;
    }
    mdb_txn_abort(reader); /* NULL is allowed */
    environment_leave(&file->environment);
    return false;
}

/* A transaction that reads the last commit. */
static int take_reader(struct state_file *file, MDB_txn **out)
{
    return renew_kept(file, out) ? 0 : environment_begin(&file->environment, MDB_RDONLY, out);
}

static void keep_reader(struct state_file *file, MDB_txn *reader)
{
    mdb_txn_reset(reader);
    for (unsigned i = 0; i < STATE_FILE_READERS_KEPT; i++) {
        MDB_txn *none = NULL;
        if (atomic_compare_exchange_strong(&file->readers[i], &none, reader)) {
            return;
        }
    }
    mdb_txn_abort(reader);
}

static void give_reader(struct state_file *file, MDB_txn *reader)
{
    keep_reader(file, reader);
    environment_leave(&file->environment);
}

static enum status read_user(const struct state_file *file, MDB_txn *txn, size_t row,
                             struct arena *arena, struct user *out)
{
    MDB_val value;
    enum status status = state_file_get_row(file, txn, STATE_USERS, row, &value);
    if (status != STATUS_OK) {
        return status;
    }
    struct user_parts *parts = arena_new_raw(arena, struct user_parts, 1);
    return parts != NULL ? user_row_decode(value.mv_data, value.mv_size, parts, out)
                         : STATUS_NO_MEMORY;
}

static enum status read_statistics(const struct state_file *file, MDB_txn *txn, size_t row,
                                   struct arena *arena, struct stats *out)
{
    MDB_val value;
    struct statistics_row statistics;
    enum status status = state_file_get_row(file, txn, STATE_STATISTICS, row, &value);
    if (status != STATUS_OK) {
        return status;
    }
    struct statistics_parts *parts = arena_new_raw(arena, struct statistics_parts, 1);
    if (parts == NULL) {
        return STATUS_NO_MEMORY;
    }
    status = statistics_row_decode(value.mv_data, value.mv_size, parts, &statistics);
    if (status == STATUS_OK) {
        *out = *statistics.stats;
    }
    return status;
}

/* What one read of a row needs. */
struct reading {
    struct state_file *file;
    MDB_txn *txn;
};

static enum status begin_reading(struct reading *reading)
{
    int rc = take_reader(reading->file, &reading->txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    fault_watch(reading->file->doubt);
    return STATUS_OK;
}

static enum status end_reading(const struct reading *reading, enum status status)
{
    fault_unwatch();
    give_reader(reading->file, reading->txn);
    if (status == STATUS_CORRUPT) {
        state_file_doubt(reading->file);
    }
    return status;
}

enum status state_file_read_user(void *context, size_t row, struct arena *arena, struct user *out)
{
    struct reading reading = {.file = context};
    enum status status = begin_reading(&reading);
    if (status != STATUS_OK) {
        return status;
    }
    return end_reading(&reading, read_user(reading.file, reading.txn, row, arena, out));
}

enum status state_file_read_statistics(void *context, size_t row, struct arena *arena,
                                       struct stats *out)
{
    struct reading reading = {.file = context};
    enum status status = begin_reading(&reading);
    if (status != STATUS_OK) {
        return status;
    }
    return end_reading(&reading, read_statistics(reading.file, reading.txn, row, arena, out));
}

/* All keys of the file, to be freed; in order of rows. */
static enum status read_keys(const struct state_file *file, MDB_txn *txn,
                             struct user_key_entry **out)
{
    size_t rows = state_file_rows(&file->mark, STATE_USER_KEYS);
    struct user_key_entry *keys = calloc(rows + 1, STATE_KEYS_PER_ROW * sizeof(*keys));
    enum status status = keys != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; i < rows && status == STATUS_OK; i++) {
        MDB_val value;
        size_t count = 0;
        status = state_file_get_row(file, txn, STATE_USER_KEYS, i, &value);
        if (status == STATUS_OK) {
            status = user_keys_row_decode(value.mv_data, value.mv_size,
                                          &keys[i * STATE_KEYS_PER_ROW], &count);
        }
        if (status == STATUS_OK &&
            count != state_keys_in_row(file->mark.row_counts[STATE_USERS], i)) {
            status = STATUS_CORRUPT;
        }
    }
    if (status != STATUS_OK) {
        free(keys);
        return status;
    }
    *out = keys;
    return STATUS_OK;
}

static enum status search_user(const struct state_file *file, MDB_txn *txn, size_t row,
                               const struct state_file_search *search, struct arena *arena)
{
    struct user user;
    arena_reset(arena);
    enum status status = read_user(file, txn, row, arena, &user);
    return status == STATUS_OK ? search->user(search->context, &user) : status;
}

static enum status search_users(const struct state_file *file, MDB_txn *txn,
                                const struct state_file_search *search)
{
    struct user_key_entry *keys = NULL;
    struct arena arena;
    void *memory = malloc(STATE_LOAD_BYTES);
    enum status status = memory != NULL ? read_keys(file, txn, &keys) : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        arena_init(&arena, memory, STATE_LOAD_BYTES);
        size_t count = file->mark.row_counts[STATE_USERS];
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            if (search->wants_user(search->context, keys[i].key)) {
                status = search_user(file, txn, i, search, &arena);
            }
        }
    }
    free(keys);
    free(memory);
    return status;
}

static enum status search_videos(const struct state_file *file, MDB_txn *txn,
                                 const struct state_file_search *search)
{
    enum status status = STATUS_OK;
    size_t count = file->mark.row_counts[STATE_VIDEOS];
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        MDB_val value;
        struct video_row video;
        status = state_file_get_row(file, txn, STATE_VIDEOS, i, &value);
        if (status == STATUS_OK) {
            status = video_row_decode(value.mv_data, value.mv_size, &video);
        }
        if (status == STATUS_OK && search->wants_video(search->context, video.facts.key)) {
            status = search->video(search->context, &video);
        }
    }
    return status;
}

enum status state_file_search(struct state_file *file, const struct state_file_search *search)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&file->environment, MDB_RDONLY, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    enum status status = search_users(file, txn, search);
    if (status == STATUS_OK) {
        status = search_videos(file, txn, search);
    }
    environment_abort(&file->environment, txn);
    return status;
}

enum status state_file_count_users(struct state_file *file,
                                   bool (*wants_user)(void *context, uint64_t user_key),
                                   void *context, uint64_t *count)
{
    MDB_txn *txn = NULL;
    struct user_key_entry *keys = NULL;
    int rc = environment_begin(&file->environment, MDB_RDONLY, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    enum status status = read_keys(file, txn, &keys);
    environment_abort(&file->environment, txn);
    if (status != STATUS_OK) {
        return status;
    }
    *count = 0;
    for (size_t i = 0; i < file->mark.row_counts[STATE_USERS]; i++) {
        *count += wants_user(context, keys[i].key);
    }
    free(keys);
    return STATUS_OK;
}

/* LMDB leaves the bytes of a value that shrinks or goes in its page, so zeroes go over them. */
static enum status wipe_row(struct state_file *file, enum state_table table, size_t row)
{
    MDB_val old;
    enum status status = state_file_get_row(file, file->txn, table, row, &old);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t number = (uint32_t)row;
    MDB_val key = {sizeof(number), &number};
    MDB_val zeroes = {old.mv_size, NULL};
    int rc = mdb_put(file->txn, file->tables[table], &key, &zeroes, MDB_RESERVE);
    if (rc == 0) {
        memset(zeroes.mv_data, 0, zeroes.mv_size);
    }
    return lmdb_status(rc);
}

static enum status put_row(struct state_file *file, enum state_table table, size_t row,
                           const void *bytes, size_t size)
{
    enum status status = wipe_row(file, table, row);
    return status == STATUS_OK ? state_file_put(file, &(struct encoded_row){.table = table,
                                                                            .row = (uint32_t)row,
                                                                            .size = (uint32_t)size,
                                                                            .bytes = bytes})
                               : status;
}

/* Users of a file on their way out. */
struct removal {
    struct state_file *file;
    struct user_key_entry *keys;
    size_t count;   /* of users left */
    uint8_t *bytes; /* USER_ROW_SIZE_MAX */
};

/* The last user's bytes go to row; those that were last are wiped, and cut by the commit. */
static enum status move_last(struct removal *removal, size_t row)
{
    MDB_val value;
    size_t last = removal->count - 1;
    enum status status = STATUS_OK;
    if (row != last) {
        status = state_file_get_row(removal->file, removal->file->txn, STATE_USERS, last, &value);
        if (status == STATUS_OK && value.mv_size > USER_ROW_SIZE_MAX) {
            status = STATUS_CORRUPT;
        }
        if (status == STATUS_OK) {
            memcpy(removal->bytes, value.mv_data, value.mv_size); /* a put may move it */
            status = put_row(removal->file, STATE_USERS, row, removal->bytes, value.mv_size);
        }
    }
    if (status == STATUS_OK) {
        status = wipe_row(removal->file, STATE_USERS, last);
    }
    removal->keys[row] = removal->keys[last];
    removal->count = last;
    return status;
}

/* Writes one row of keys as it is now. */
static enum status put_keys(struct removal *removal, size_t row)
{
    uint8_t bytes[USER_KEYS_ROW_SIZE_MAX];
    size_t count = state_keys_in_row(removal->count, row);
    if (count == 0) {
        return wipe_row(removal->file, STATE_USER_KEYS, row);
    }
    size_t size = user_keys_row_encode(&removal->keys[row * STATE_KEYS_PER_ROW], count, bytes);
    return put_row(removal->file, STATE_USER_KEYS, row, bytes, size);
}

static enum status remove_one(struct removal *removal, size_t row)
{
    size_t last = removal->count - 1;
    enum status status = move_last(removal, row);
    if (status == STATUS_OK) {
        status = put_keys(removal, row / STATE_KEYS_PER_ROW);
    }
    if (status == STATUS_OK && last / STATE_KEYS_PER_ROW != row / STATE_KEYS_PER_ROW) {
        status = put_keys(removal, last / STATE_KEYS_PER_ROW);
    }
    return status;
}

static enum status remove_all(struct removal *removal,
                              bool (*wants_user)(void *context, uint64_t user_key), void *context)
{
    enum status status = STATUS_OK;
    for (size_t row = 0; row < removal->count && status == STATUS_OK;) {
        if (wants_user(context, removal->keys[row].key)) {
            status = remove_one(removal, row); /* another one may be there now */
        } else {
            row++;
        }
    }
    return status;
}

static enum status remove_in_transaction(struct removal *removal,
                                         bool (*wants_user)(void *context, uint64_t user_key),
                                         void *context)
{
    struct state_file *file = removal->file;
    enum status status = read_keys(file, file->txn, &removal->keys);
    if (status == STATUS_OK) {
        removal->count = file->mark.row_counts[STATE_USERS];
        status = remove_all(removal, wants_user, context);
    }
    if (status != STATUS_OK) {
        state_file_abort(file);
        return status;
    }
    struct state_mark mark = file->mark;
    mark.row_counts[STATE_USERS] = removal->count;
    return state_file_commit(file, &mark);
}

enum status state_file_remove_users(struct state_file *file,
                                    bool (*wants_user)(void *context, uint64_t user_key),
                                    void *context)
{
    struct removal removal = {.file = file, .bytes = malloc(USER_ROW_SIZE_MAX)};
    if (removal.bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = state_file_begin(file);
    if (status == STATUS_OK) {
        status = remove_in_transaction(&removal, wants_user, context);
    }
    free(removal.keys);
    free(removal.bytes);
    return status;
}
