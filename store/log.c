/* For open-file-description locks; must precede every include. */
#define _GNU_SOURCE

#include "store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/clock.h"
#include "store/free_pages.h"
#include "store/lmdb.h"
#include "store/log_internal.h"

enum {
    ADDRESS_SIZE = 256,
    DATABASES_MAX = 5,
    FORMAT_SIZE = 4,
    DISK_FULL_BYTES = 1 << 16, /* less than this left on the disk is full */
    META_PAGES = 2,
    FREE_DATABASE = 0,
    RECORD_NODE_SIZE =
        2 * (int)sizeof(uint64_t) + 2, /* of an entry in a page, with key and offset */
    APPEND_PAGES = 16,                 /* that an append of one small record may take */
    TRIMMED_MIN = 64,                  /* records an append removes at least, or none */
    RESERVE_MIN = 16,
    RESERVE_MAX = 1024, /* pages */
    RESERVE_SHARE = 16, /* of the budget */
};

static enum status open_problem(const char *path, int rc, struct problem *problem)
{
    problem_set(problem, "%s: cannot open the log: %s", path, mdb_strerror(rc));
    return lmdb_status(rc);
}

/* Makes a name in directory fd durable: the log's bytes are worth nothing if its name is lost. */
static int sync_directory(int directory_fd, const char *name)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    int rc = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return rc;
}

static enum status open_directory(const char *path, int *directory_fd, struct problem *problem)
{
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        problem_set(problem, "%s: cannot make the directory: %s", path, strerror(errno));
        return STATUS_IO;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        problem_set(problem, "%s: cannot open the directory: %s", path, strerror(errno));
        return STATUS_IO;
    }
    int rc = made ? sync_directory(fd, "..") : 0;
    if (rc != 0) {
        close(fd);
        problem_set(problem, "%s: cannot sync the parent directory: %s", path, strerror(rc));
        return STATUS_IO;
    }
    *directory_fd = fd;
    return STATUS_OK;
}

/* Reads the announced address of lock_fd; the bytes come from disk, so anything may stand there. */
static enum status read_address(int lock_fd, char *address, size_t size)
{
    char bytes[ADDRESS_SIZE];
    ssize_t length = pread(lock_fd, bytes, sizeof(bytes), 0);
    if (length < 0) {
        return STATUS_IO;
    }
    if (length == 0) {
        return STATUS_UNAVAILABLE;
    }
    if ((size_t)length >= size || (size_t)length == sizeof(bytes)) {
        return STATUS_CORRUPT;
    }
    for (ssize_t i = 0; i < length; i++) {
        if (bytes[i] <= ' ' || bytes[i] > '~') {
            return STATUS_CORRUPT;
        }
    }
    memcpy(address, bytes, (size_t)length);
    address[length] = '\0';
    return STATUS_OK;
}

static enum status refuse_locked(int lock_fd, const char *path, struct problem *problem)
{
    char address[ADDRESS_SIZE];
    if (read_address(lock_fd, address, sizeof(address)) == STATUS_OK) {
        problem_set(problem, "%s is in use by the server at %s", path, address);
    } else {
        problem_set(problem, "%s is in use by another process", path);
    }
    return STATUS_UNAVAILABLE;
}

static enum status take_lock(int directory_fd, const char *path, int *lock_fd,
                             struct problem *problem)
{
    int fd = openat(directory_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        problem_set(problem, "%s/lock: cannot open: %s", path, strerror(errno));
        return STATUS_IO;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0 && ftruncate(fd, 0) == 0) {
        *lock_fd = fd;
        return STATUS_OK;
    }
    enum status status = STATUS_IO;
    if (errno == EAGAIN || errno == EACCES) {
        status = refuse_locked(fd, path, problem);
    } else {
        problem_set(problem, "%s/lock: cannot lock: %s", path, strerror(errno));
    }
    close(fd);
    return status;
}

static int open_env(struct log *log)
{
    MDB_env **env = &log->environment.env;
    int rc = mdb_env_create(env);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_mapsize(*env, log->map_bytes);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_set_maxdbs(*env, DATABASES_MAX);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_env_open(*env, log->path, MDB_NOTLS, 0600);
    return rc == 0 ? lmdb_mend_length(*env, true) : rc;
}

static void close_env(struct log *log)
{
    mdb_env_close(log->environment.env); /* NULL is allowed */
    log->environment.env = NULL;
}

static int write_format(struct log *log, MDB_txn *txn)
{
    uint8_t format[FORMAT_SIZE] = {LOG_FORMAT_VERSION};
    MDB_val key = {sizeof("format") - 1, (void *)"format"};
    MDB_val value = {sizeof(format), format};
    return mdb_put(txn, log->meta, &key, &value, 0);
}

static int create_databases(struct log *log, MDB_txn *txn)
{
    int rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &log->meta);
    if (rc == 0) {
        rc = write_format(log, txn);
    }
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "log", MDB_CREATE | MDB_INTEGERKEY, &log->records);
    }
    return rc;
}

enum status log_check_format(uint32_t format, const char *path, struct problem *problem)
{
    if (format > LOG_FORMAT_VERSION) {
        problem_set(problem,
                    "%s: the log has format %" PRIu32 "; this program reads up to %d: use a newer "
                    "reelrank",
                    path, format, LOG_FORMAT_VERSION);
        return STATUS_CORRUPT;
    }
    if (format < 1) {
        problem_set(problem, "%s: the log has format 0, which never was", path);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status read_format(struct log *log, MDB_txn *txn, const char *path, uint32_t *format,
                               struct problem *problem)
{
    MDB_val key = {sizeof("format") - 1, (void *)"format"};
    MDB_val value;
    int rc = mdb_dbi_open(txn, "meta", 0, &log->meta);
    if (rc == 0) {
        rc = mdb_get(txn, log->meta, &key, &value);
    }
    if (rc == ENOMEM) {
        return open_problem(path, rc, problem);
    }
    if (rc != 0 || value.mv_size != FORMAT_SIZE) {
        problem_set(problem, "%s: this database is not a log of reelrank", path);
        return STATUS_CORRUPT;
    }
    const uint8_t *bytes = value.mv_data;
    *format = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
              (uint32_t)bytes[3] << 24;
    return log_check_format(*format, path, problem);
}

/* Raises the format of an older log, so that programs that do not know its news refuse it. */
static enum status open_existing(struct log *log, MDB_txn *txn, const char *path,
                                 struct problem *problem)
{
    uint32_t format = 0;
    enum status status = read_format(log, txn, path, &format, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int rc = mdb_dbi_open(txn, "log", MDB_INTEGERKEY, &log->records);
    if (rc == 0 && format < LOG_FORMAT_VERSION) {
        rc = write_format(log, txn);
    }
    return rc == 0 ? STATUS_OK
                   : open_problem(path, rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc, problem);
}

static enum status open_databases_in(struct log *log, MDB_txn *txn, const char *path,
                                     struct problem *problem)
{
    MDB_stat main;
    int rc = mdb_dbi_open(txn, NULL, 0, &log->main);
    if (rc == 0) {
        rc = mdb_stat(txn, log->main, &main);
    }
    if (rc == 0 && main.ms_entries == 0) {
        rc = create_databases(log, txn);
    } else if (rc == 0) {
        enum status status = open_existing(log, txn, path, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "forgotten", MDB_CREATE | MDB_INTEGERKEY, &log->forgotten);
    }
    if (rc == 0) {
        rc = log_open_weights(log, txn);
    }
    return rc == 0 ? STATUS_OK : open_problem(path, rc, problem);
}

uint64_t log_pages_of(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat stat;
    return mdb_stat(txn, dbi, &stat) == 0
               ? stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages
               : 0;
}

static void note_page_size(struct log *log)
{
    MDB_stat stat;
    mdb_env_stat(log->environment.env, &stat);
    log->page_size = stat.ms_psize;
    log->page_max = log->map_bytes / log->page_size;
}

static void note_size(struct log *log)
{
    MDB_envinfo info;
    mdb_env_info(log->environment.env, &info);
    atomic_store(&log->file_pages, (uint64_t)info.me_last_pgno + 1);
    atomic_store(&log->budget_bytes, info.me_mapsize);
}

/*
 * Commits and keeps the counts of pages. They are stored before, while no other writer can be:
 * after a commit that fails they are of no use until the next. Ends txn in any case.
 */
static int commit(struct log *log, MDB_txn *txn)
{
    uint64_t record_pages = log_pages_of(txn, log->records);
    uint64_t pages = META_PAGES + record_pages + log_pages_of(txn, FREE_DATABASE) +
                     log_pages_of(txn, log->main) + log_pages_of(txn, log->meta) +
                     log_pages_of(txn, log->forgotten);
    if (atomic_load(&log->has_weights)) {
        pages += log_pages_of(txn, atomic_load(&log->weights)) +
                 log_pages_of(txn, atomic_load(&log->weights_files));
    }
    atomic_store(&log->record_pages, record_pages);
    atomic_store(&log->used_pages, pages);
    int rc = mdb_txn_commit(txn); /* ends the transaction even when it fails */
    if (rc == 0) {
        note_size(log);
    }
    return rc;
}

/* While nobody else has the log, as is read_bounds(). */
static enum status open_databases(struct log *log, struct problem *problem)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(log->environment.env, NULL, 0, &txn);
    if (rc != 0) {
        return open_problem(log->path, rc, problem);
    }
    enum status status = open_databases_in(log, txn, log->path, problem);
    if (status != STATUS_OK) {
        mdb_txn_abort(txn);
        return status;
    }
    rc = commit(log, txn); /* writes nothing when nothing was created */
    return rc == 0 ? STATUS_OK : open_problem(log->path, rc, problem);
}

int log_get_number(const MDB_val *key, uint64_t *number)
{
    if (key->mv_size != sizeof(*number)) {
        return MDB_CORRUPTED;
    }
    memcpy(number, key->mv_data, sizeof(*number));
    return 0;
}

static int read_sequence(MDB_cursor *cursor, MDB_cursor_op op, uint64_t *sequence)
{
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, op);
    return rc == 0 ? log_get_number(&key, sequence) : rc;
}

int log_read_bounds(const struct log *log, MDB_txn *txn, uint64_t *first, uint64_t *last)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, log->records, &cursor);
    if (rc != 0) {
        return rc;
    }
    rc = read_sequence(cursor, MDB_FIRST, first);
    if (rc == 0) {
        rc = read_sequence(cursor, MDB_LAST, last);
    } else if (rc == MDB_NOTFOUND) {
        rc = 0;
    }
    mdb_cursor_close(cursor);
    return rc;
}

static enum status read_bounds(struct log *log, uint64_t *first, uint64_t *last,
                               struct problem *problem)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(log->environment.env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return open_problem(log->path, rc, problem);
    }
    *first = 1;
    *last = 0;
    rc = log_read_bounds(log, txn, first, last);
    mdb_txn_abort(txn);
    return rc == 0 ? STATUS_OK : open_problem(log->path, rc, problem);
}

static enum status open_in(struct log *log, int directory_fd, struct problem *problem)
{
    uint64_t first;
    uint64_t last;
    enum status status = take_lock(directory_fd, log->path, &log->lock_fd, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int rc = open_env(log);
    if (rc != 0) {
        return open_problem(log->path, rc, problem);
    }
    note_page_size(log);
    status = open_databases(log, problem);
    if (status != STATUS_OK) {
        return status;
    }
    rc = sync_directory(directory_fd, ".");
    if (rc != 0) {
        return open_problem(log->path, rc, problem);
    }
    status = read_bounds(log, &first, &last, problem);
    if (status != STATUS_OK) {
        return status;
    }
    atomic_store(&log->first, first);
    atomic_store(&log->last, last);
    return STATUS_OK;
}

/*
 * A commit that failed may have come through all the same, where the bytes of before could not be
 * put back. Of what it removed or replaced nobody need know; but records and weights that were
 * refused would stand where the next ones belong, and only a start takes them for what they are.
 */
static enum status check_contents(struct log *log)
{
    uint64_t first;
    uint64_t last;
    uint64_t weights_last = atomic_load(&log->weights_last);
    enum status status = open_databases(log, NULL);
    if (status == STATUS_OK) {
        status = read_bounds(log, &first, &last, NULL);
    }
    bool refused_are_there =
        status == STATUS_OK && (last != atomic_load(&log->last) ||
                                atomic_exchange(&log->weights_last, weights_last) != weights_last);
    if (refused_are_there) {
        return STATUS_CORRUPT;
    }
    if (status == STATUS_OK) {
        log_trimmed(log, first);
    }
    return status;
}

static int reopen(void *owner)
{
    struct log *log = owner;
    close_env(log);
    int rc = open_env(log);
    if (rc == 0 && check_contents(log) != STATUS_OK) {
        rc = MDB_PANIC;
    }
    if (rc != 0) {
        close_env(log);
    }
    return rc;
}

static struct log *new_log(const struct log_options *options)
{
    struct log *log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    log->lock_fd = -1;
    log->path = strdup(options->path);
    log->map_bytes = options->map_bytes;
    log->synced = options->synced;
    log->synced_context = options->synced_context;
    if (log->path == NULL || environment_init(&log->environment, reopen, log) != STATUS_OK) {
        free(log->path);
        free(log);
        return NULL;
    }
    return log;
}

enum status log_open(const struct log_options *options, struct log **out, struct problem *problem)
{
    CHECK(options->map_bytes > 0);

    int directory_fd = -1;
    enum status status = open_directory(options->path, &directory_fd, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct log *log = new_log(options);
    if (log == NULL) {
        close(directory_fd);
        problem_set(problem, "%s: %s", options->path, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    status = open_in(log, directory_fd, problem);
    close(directory_fd);
    if (status != STATUS_OK) {
        log_close(log);
        return status;
    }
    *out = log;
    return STATUS_OK;
}

void log_close(struct log *log)
{
    if (log == NULL) {
        return;
    }
    close_env(log);
    environment_release(&log->environment);
    if (log->lock_fd >= 0) {
        /* An address left behind would do no harm: it counts only while the lock is held. */
        (void)!ftruncate(log->lock_fd, 0);
        close(log->lock_fd); /* last, so that the next holder finds the environment closed */
    }
    free(log->path);
    free(log);
}

enum status log_announce(struct log *log, const char *address)
{
    size_t length = strlen(address);
    CHECK(length > 0);
    CHECK(length < ADDRESS_SIZE);

    if (ftruncate(log->lock_fd, 0) != 0) {
        return STATUS_IO;
    }
    ssize_t written = pwrite(log->lock_fd, address, length, 0);
    return written == (ssize_t)length ? STATUS_OK : STATUS_IO;
}

enum status log_hold(const char *path, int *lock_fd, struct problem *problem)
{
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        problem_set(problem, "%s: cannot open the directory: %s", path, strerror(errno));
        return STATUS_IO;
    }
    enum status status = take_lock(directory_fd, path, lock_fd, problem);
    close(directory_fd);
    return status;
}

static int open_to_copy(MDB_env *env, const char *path)
{
    int rc = mdb_env_set_maxdbs(env, 1);
    if (rc != 0) {
        return rc;
    }
    return mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0600);
}

static enum status refuse_copy(const char *path, int rc, struct problem *problem)
{
    problem_set(problem, "%s: cannot copy the log: %s", path, mdb_strerror(rc));
    return rc == ENOENT ? STATUS_NOT_FOUND : lmdb_status(rc);
}

static enum status check_env_format(MDB_env *env, const char *path, struct problem *problem)
{
    MDB_txn *txn = NULL;
    uint32_t format;
    struct log log = {.environment = {.env = env}};
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return refuse_copy(path, rc, problem);
    }
    enum status status = read_format(&log, txn, path, &format, problem);
    mdb_txn_abort(txn);
    return status;
}

static enum status copy_env(MDB_env *env, const char *path, int out_fd, struct problem *problem)
{
    int rc = open_to_copy(env, path);
    if (rc != 0) {
        return refuse_copy(path, rc, problem);
    }
    enum status status = check_env_format(env, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int dead = 0;
    (void)mdb_reader_check(env, &dead); /* a copy that was killed holds its pages until then */
    rc = mdb_env_copyfd2(env, out_fd, MDB_CP_COMPACT);
    return rc == 0 ? STATUS_OK : refuse_copy(path, rc, problem);
}

enum status log_copy(const char *path, int out_fd, struct problem *problem)
{
    MDB_env *env = NULL;
    int rc = mdb_env_create(&env);
    if (rc != 0) {
        return refuse_copy(path, rc, problem);
    }
    enum status status = copy_env(env, path, out_fd, problem);
    mdb_env_close(env);
    return status;
}

static enum status find_server(int lock_fd, char *address, size_t size)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(lock_fd, F_OFD_GETLK, &lock) != 0) {
        return STATUS_IO;
    }
    if (lock.l_type == F_UNLCK) {
        return STATUS_NOT_FOUND;
    }
    return read_address(lock_fd, address, size);
}

enum status log_find_server(const char *path, char *address, size_t size)
{
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
    }
    int lock_fd = openat(directory_fd, "lock", O_RDONLY | O_CLOEXEC);
    int rc = errno;
    close(directory_fd);
    if (lock_fd < 0) {
        return rc == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    enum status status = find_server(lock_fd, address, size);
    close(lock_fd);
    return status;
}

/* Encodes straight into the page: LMDB reserves the space and writes the key. */
static int put_record(MDB_cursor *cursor, uint64_t sequence, const struct record *record)
{
    MDB_val key = {sizeof(sequence), &sequence};
    MDB_val value = {record_size(record), NULL};
    int rc = mdb_cursor_put(cursor, &key, &value, MDB_APPEND | MDB_RESERVE);
    if (rc == 0) {
        record_encode(record, value.mv_data);
    }
    return rc;
}

static int put_records(const struct log *log, MDB_txn *txn, const struct record *records,
                       size_t count)
{
    uint64_t last = atomic_load(&log->last);
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, log->records, &cursor);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = put_record(cursor, last + 1 + i, &records[i]);
    }
    mdb_cursor_close(cursor);
    return rc;
}

/* A limit of the size of files that the log has reached. */
static bool at_size_limit(off_t file_bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (rlim_t)file_bytes + DISK_FULL_BYTES > limit.rlim_cur;
}

/*
 * LMDB reports a write that was cut short as EIO, whether the disk, a quota or a limit of the
 * process ends it. Asking for room behind the end changes nothing in the file.
 */
static bool disk_full(const struct log *log)
{
    int fd = -1;
    struct statvfs disk;
    struct stat file;
    mdb_env_get_fd(log->environment.env, &fd);
    if (fstat(fd, &file) != 0 || fstatvfs(fd, &disk) != 0) {
        return false;
    }
    if ((uint64_t)disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES || at_size_limit(file.st_size)) {
        return true;
    }
    bool refused = fallocate(fd, FALLOC_FL_KEEP_SIZE, file.st_size, DISK_FULL_BYTES) != 0;
    return refused && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG);
}

/* What the caller of a write that failed with rc is told. */
static enum status write_failure(const struct log *log, int rc)
{
    if (rc == MDB_MAP_FULL) {
        int dead = 0;
        (void)mdb_reader_check(log->environment.env,
                               &dead); /* pages of readers that died serve the next */
    }
    return rc == EIO && disk_full(log) ? STATUS_NO_SPACE : lmdb_status(rc);
}

enum status log_end(struct log *log, MDB_txn *txn, int rc)
{
    if (rc != 0) {
        mdb_txn_abort(txn);
    } else {
        rc = commit(log, txn);
    }
    return rc == 0 ? STATUS_OK : write_failure(log, rc);
}

enum status log_finish(struct log *log, MDB_txn *txn, int rc)
{
    enum status status = log_end(log, txn, rc);
    environment_leave(&log->environment);
    return status;
}

/* At most: a page may stay half empty when the next record does not fit. */
static uint64_t pages_needed(const struct log *log, const struct record *records, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += record_size(&records[i]) + RECORD_NODE_SIZE;
    }
    return 2 * bytes / log->page_size + APPEND_PAGES;
}

static uint64_t reserve(const struct log *log)
{
    uint64_t share = log->page_max / RESERVE_SHARE;
    uint64_t least = share > RESERVE_MIN ? share : RESERVE_MIN;
    return least < RESERVE_MAX ? least : RESERVE_MAX;
}

/*
 * Leaves the reserve alone: removing and replacing records takes pages too, before it gives any
 * back. Free pages are counted only where those that were never used come to an end.
 */
int log_check_room(const struct log *log, MDB_txn *txn, uint64_t needed)
{
    MDB_envinfo info;
    mdb_env_info(log->environment.env, &info);
    uint64_t wanted = needed + reserve(log);
    uint64_t used = (uint64_t)info.me_last_pgno + 1;
    uint64_t room = used < log->page_max ? log->page_max - used : 0;
    if (room >= wanted) {
        return 0;
    }
    uint64_t free_pages = 0;
    int rc = free_pages_count(txn, wanted - room, &free_pages);
    if (rc != 0) {
        return rc;
    }
    return room + free_pages >= wanted ? 0 : MDB_MAP_FULL;
}

/*
 * Old records go in the transaction of the new ones, so that it costs no sync of its own; some at a
 * time, so that not every small append has to write the pages at both ends.
 */
static int append_in(struct log *log, MDB_txn *txn, const struct record *records, size_t count,
                     uint64_t *first)
{
    int rc = log_check_room(log, txn, pages_needed(log, records, count));
    if (rc != 0) {
        return rc;
    }
    *first = atomic_load(&log->first);
    if (log_trim_pending(log) >= TRIMMED_MIN) {
        rc = log_trim_in(log, txn, 2 * count > TRIMMED_MIN ? 2 * count : TRIMMED_MIN, first);
    }
    if (rc == 0) {
        rc = put_records(log, txn, records, count);
    }
    if (rc == 0) {
        rc = log_note_forgotten(log, txn, records, count, atomic_load(&log->last) + 1);
    }
    return rc;
}

static enum status append_once(struct log *log, const struct record *records, size_t count,
                               uint64_t *appended)
{
    MDB_txn *txn = NULL;
    uint64_t first = 0;
    int rc = environment_begin(&log->environment, 0, &txn);
    if (rc != 0) {
        return lmdb_status(rc);
    }
    rc = append_in(log, txn, records, count, &first);
    int64_t start_ns = monotonic_ns();
    enum status status = log_end(log, txn, rc);
    if (status == STATUS_OK) {
        *appended = atomic_fetch_add(&log->last, count) + 1;
        log_trimmed(log, first);
    }
    environment_leave(&log->environment);
    if (status == STATUS_OK && log->synced != NULL) {
        log->synced(log->synced_context, (uint64_t)(monotonic_ns() - start_ns));
    }
    return status;
}

bool log_make_room(struct log *log)
{
    bool more = false;
    return log_trim_pending(log) > 0 && log_trim_some(log, &more) == STATUS_OK;
}

enum status log_append(struct log *log, const struct record *records, size_t count, uint64_t *first)
{
    CHECK(count > 0);

    enum status status = append_once(log, records, count, first);
    for (unsigned i = 0; i < LOG_TRIMS_FOR_ROOM && status == STATUS_NO_SPACE; i++) {
        if (!log_make_room(log)) {
            return status;
        }
        status = append_once(log, records, count, first);
    }
    return status;
}

void log_bounds(struct log *log, uint64_t *first, uint64_t *last)
{
    *first = atomic_load(&log->first);
    *last = atomic_load(&log->last);
}

static enum status read_record(const MDB_val *key, const MDB_val *value, uint64_t expected,
                               struct record *out, struct problem *problem)
{
    uint64_t sequence = 0;
    if (log_get_number(key, &sequence) != 0) {
        problem_set(problem, "the log's key after record %" PRIu64 " is malformed", expected - 1);
        return STATUS_CORRUPT;
    }
    if (sequence != expected) {
        problem_set(problem, "the log lacks record %" PRIu64 ": it goes on with %" PRIu64, expected,
                    sequence);
        return STATUS_CORRUPT;
    }
    enum status status = record_decode(value->mv_data, value->mv_size, out);
    if (status != STATUS_OK) {
        problem_set(problem, "the log's record %" PRIu64 " fails validation", sequence);
    }
    return status;
}

enum status log_read_failure(int rc, struct problem *problem)
{
    problem_set(problem, "the log cannot be read: %s", mdb_strerror(rc));
    return lmdb_status(rc);
}

/* Puts the cursor on record *from, or on the first one held when that is 0. */
static int seek(MDB_cursor *cursor, uint64_t *from, MDB_val *key, MDB_val *value)
{
    uint64_t first = 0;
    int rc = mdb_cursor_get(cursor, key, value, MDB_FIRST);
    if (rc == 0) {
        rc = log_get_number(key, &first);
    }
    if (rc != 0 || *from == first) {
        return rc;
    }
    if (*from == 0) {
        *from = first;
        return 0;
    }
    if (*from < first) {
        *from = first;
        return MDB_KEYEXIST;
    }
    key->mv_data = from;
    return mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
}

static enum status walk(MDB_cursor *cursor, uint64_t from, log_visit *visit, void *context,
                        struct problem *problem)
{
    uint64_t expected = from;
    MDB_val key;
    MDB_val value;
    int rc = seek(cursor, &expected, &key, &value);
    if (rc == MDB_KEYEXIST) {
        problem_set(problem, "records before %" PRIu64 " have been removed by retention", expected);
        return STATUS_NOT_FOUND;
    }
    while (rc == 0) {
        struct record record;
        enum status status = read_record(&key, &value, expected, &record, problem);
        if (status != STATUS_OK) {
            return status;
        }
        if (!visit(context, expected, &record)) {
            return STATUS_OK;
        }
        expected++;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (rc == MDB_NOTFOUND) {
        return STATUS_OK;
    }
    problem_set(problem, "the log cannot be read at record %" PRIu64 ": %s", expected,
                mdb_strerror(rc));
    return lmdb_status(rc);
}

static enum status poll_in(const struct log *log, MDB_txn *txn, uint64_t from, log_visit *visit,
                           void *context, struct problem *problem)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, log->records, &cursor);
    if (rc != 0) {
        return log_read_failure(rc, problem);
    }
    enum status status = walk(cursor, from, visit, context, problem);
    mdb_cursor_close(cursor);
    return status;
}

enum status log_poll(struct log *log, uint64_t from, log_visit *visit, void *context,
                     struct problem *problem)
{
    MDB_txn *txn = NULL;
    int rc = environment_begin(&log->environment, MDB_RDONLY, &txn);
    if (rc != 0) {
        return log_read_failure(rc, problem);
    }
    enum status status = poll_in(log, txn, from, visit, context, problem);
    environment_abort(&log->environment, txn);
    return status;
}

/* Goes back from the end until so many signals lie behind. */
static int walk_back(MDB_cursor *cursor, uint64_t signal_count, uint64_t *from)
{
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    while (rc == 0 && signal_count > 0) {
        enum event_kind kind;
        if (record_kind(value.mv_data, value.mv_size, &kind) != STATUS_OK ||
            log_get_number(&key, from) != 0) {
            return MDB_CORRUPTED;
        }
        signal_count -= kind == EVENT_SIGNAL;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

enum status log_find_tail(struct log *log, uint64_t signal_count, uint64_t *from,
                          struct problem *problem)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    uint64_t found = atomic_load(&log->last) + 1;
    int rc = environment_begin(&log->environment, MDB_RDONLY, &txn);
    if (rc == 0) {
        rc = mdb_cursor_open(txn, log->records, &cursor);
    }
    if (rc == 0) {
        rc = walk_back(cursor, signal_count, &found);
        mdb_cursor_close(cursor);
    }
    environment_abort(&log->environment, txn);
    if (rc != 0) {
        problem_set(problem, "the log's tail cannot be read: %s", mdb_strerror(rc));
        return lmdb_status(rc);
    }
    *from = found;
    return STATUS_OK;
}

void log_size(struct log *log, struct log_sizes *out)
{
    out->file_bytes = atomic_load(&log->file_pages) * log->page_size;
    out->used_bytes = atomic_load(&log->used_pages) * log->page_size;
    out->record_bytes = atomic_load(&log->record_pages) * log->page_size;
    out->budget_bytes = atomic_load(&log->budget_bytes);
}
