/* For pthread_timedjoin_np(3); must precede every include. */
#define _GNU_SOURCE

#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/backup_journal.h"
#include "store/forgotten.h"
#include "store/log.h"
#include "store/pages.h"
#include "store/snapshots.h"
#include "store/verify.h"

enum {
    LOOK_MS = 100,            /* between looks at how far a copy is */
    TRIES_MAX = 5,            /* of copying log and base that fit each other */
    REMOVAL_BYTES = 64 << 20, /* of pages that taking users out of a base copies, beyond its own */
};

/* Who has to leave the copied base. */
struct leaving {
    struct forgotten forgotten;
    uint64_t base;
};

/* Snapshots of the directory, open: what they are stays as it is, whatever happens to their names.
 */
struct opened {
    struct snapshots snapshots;
    int fds[SNAPSHOTS_MAX];
};

struct making {
    const struct backup_options *options;
    const char *data;
    char directory[FILES_PATH_SIZE]; /* where the backup grows */
    char file[FILES_PATH_SIZE];      /* data.mdb in it */
    uint64_t base_bytes;             /* what comes on top of the log, as far as that is known */
    struct opened opened;
    bool has_journal;
    struct backup_info *info;
    struct problem *problem;
};

/* The copy runs on a thread of its own, so that this one can tell how far it is. */
struct copying {
    const char *data;
    int fd;
    enum status status;
    struct problem problem;
};

static void *run_copy(void *context)
{
    struct copying *copying = context;
    copying->status = log_copy(copying->data, copying->fd, &copying->problem);
    return NULL;
}

static void tell(const struct backup_options *options, enum backup_step step, uint64_t done,
                 uint64_t total)
{
    if (options->progress != NULL) {
        options->progress(options->progress_context, step, done, total);
    }
}

static uint64_t size_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static uint64_t size_of_data(const char *data)
{
    char path[FILES_PATH_SIZE];
    struct stat info;
    struct problem problem;
    bool known =
        files_join(data, "data.mdb", path, &problem) == STATUS_OK && stat(path, &info) == 0;
    return known ? (uint64_t)info.st_size : 0;
}

static void wait_for_copy(const struct making *making, pthread_t thread, int fd)
{
    uint64_t total = size_of_data(making->data) + making->base_bytes;
    int rc;
    do {
        struct timespec until;
        CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
        until.tv_nsec += LOOK_MS * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        rc = pthread_timedjoin_np(thread, NULL, &until);
        tell(making->options, BACKUP_COPYING, size_of(fd), total);
    } while (rc == ETIMEDOUT);
    CHECK(rc == 0);
}

static enum status copy_to(const struct making *making, int fd)
{
    struct copying copying = {.data = making->data, .fd = fd};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_copy, &copying) != 0) {
        problem_set(making->problem, "no memory for a thread");
        return STATUS_NO_MEMORY;
    }
    wait_for_copy(making, thread, fd);
    if (copying.status != STATUS_OK) {
        *making->problem = copying.problem;
        return copying.status;
    }
    return fsync(fd) == 0 ? STATUS_OK : files_failure("sync", making->file, making->problem);
}

static enum status copy_log(const struct making *making)
{
    int fd = open(making->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", making->file, making->problem);
    }
    enum status status = copy_to(making, fd);
    close(fd);
    return status;
}

static void close_snapshots(struct opened *opened)
{
    for (size_t i = 0; i < opened->snapshots.count; i++) {
        close(opened->fds[i]);
    }
    opened->snapshots.count = 0;
}

/* One that goes meanwhile is passed over. */
static enum status open_snapshots(struct making *making)
{
    struct opened *opened = &making->opened;
    struct snapshots listed;
    if (access(making->data, F_OK) != 0 && errno == ENOENT) {
        problem_set(making->problem, "%s: there is no such directory", making->data);
        return STATUS_NOT_FOUND;
    }
    enum status status = snapshots_list(making->data, &listed, making->problem);
    for (size_t i = 0; i < listed.count && status == STATUS_OK; i++) {
        char name[SNAPSHOT_NAME_SIZE];
        char path[FILES_PATH_SIZE];
        snapshot_name(listed.sequences[i], name);
        status = files_join(making->data, name, path, making->problem);
        int fd = status == STATUS_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0) {
            opened->fds[opened->snapshots.count] = fd;
            opened->snapshots.sequences[opened->snapshots.count++] = listed.sequences[i];
        } else if (status == STATUS_OK && errno != ENOENT) {
            status = files_failure("open", path, making->problem);
        }
    }
    making->base_bytes = opened->snapshots.count > 0 ? size_of(opened->fds[0]) : 0;
    return status;
}

static enum status find_first(const struct making *making, uint64_t *first)
{
    struct pages *pages = NULL; /* of damage the replay tells */
    enum status status = pages_open_log(making->directory, NULL, NULL, &pages, making->problem);
    if (status == STATUS_OK) {
        *first = pages_first(pages, "log", sizeof(uint64_t));
        pages_close(pages);
    }
    return status;
}

struct copied_base {
    const struct making *making;
    uint64_t log_bytes;
};

static void tell_base(void *context, uint64_t done_bytes)
{
    const struct copied_base *copied = context;
    tell(copied->making->options, BACKUP_COPYING, copied->log_bytes + done_bytes,
         copied->log_bytes + copied->making->base_bytes);
}

/* From its descriptor: under its name there may be another one by now, without some users. */
static enum status copy_snapshot(const struct making *making, size_t index)
{
    char name[SNAPSHOT_NAME_SIZE];
    char path[FILES_PATH_SIZE];
    struct files_sum sum;
    struct copied_base copied = {making, size_of_data(making->directory)};
    snapshot_name(making->opened.snapshots.sequences[index], name);
    enum status status = files_join(making->directory, name, path, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, making->problem);
    }
    status = files_read_open(making->opened.fds[index], name, fd, tell_base, &copied, &sum,
                             making->problem);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = files_failure("sync", path, making->problem);
    }
    close(fd);
    return status;
}

/* Copies the base among the snapshots that are open. *fits is false if none of them is it. */
static enum status copy_base(struct making *making, bool *fits)
{
    const struct snapshots *snapshots = &making->opened.snapshots;
    struct backup_info *info = making->info;
    enum status status = find_first(making, &info->first);
    if (status != STATUS_OK) {
        return status;
    }
    *fits = snapshots_find_base(snapshots, info->first, &info->base);
    for (size_t i = 0; i < snapshots->count && *fits && info->base > 0; i++) {
        if (snapshots->sequences[i] == info->base) {
            return copy_snapshot(making, i);
        }
    }
    return STATUS_OK;
}

/*
 * Snapshots are opened first, then the log is copied. So all that a snapshot has lost of forgotten
 * users is lost to the copied log too, and the log says what it needs of them: it goes on behind
 * one of them, unless records were removed up to a snapshot that was made in between.
 */
static enum status copy_once(struct making *making, bool *fits)
{
    enum status status = open_snapshots(making);
    if (status == STATUS_OK) {
        status = copy_log(making);
    }
    if (status == STATUS_OK) {
        status = copy_base(making, fits);
    }
    close_snapshots(&making->opened);
    return status;
}

static enum status copy_data(struct making *making)
{
    bool fits = false;
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < TRIES_MAX && !fits && status == STATUS_OK; i++) {
        status = copy_once(making, &fits);
    }
    if (status == STATUS_OK && !fits) {
        problem_set(making->problem,
                    "%.160s: the log begins at record %" PRIu64
                    ", and there is no snapshot of the state before it",
                    making->data, making->info->first);
        status = STATUS_BUSY;
    }
    return status;
}

static void tell_replay(void *context, uint64_t done, uint64_t total)
{
    const struct making *making = context;
    tell(making->options, BACKUP_REPLAYING, done, total);
}

static enum status take_report(const struct making *making, const struct verify_report *report)
{
    if (report->error_count > 0) {
        problem_set(making->problem,
                    "%.80s: the copy has %" PRIu64 " errors, the first: %.120s; \"reelrank "
                    "verify\" lists them",
                    making->data, report->error_count, report->errors[0].problem.text);
        return STATUS_CORRUPT;
    }
    making->info->sequence = report->sequence;
    making->info->state_digest = report->digests.all;
    making->info->aggregates_digest = report->digests.aggregates;
    return STATUS_OK;
}

/* Somebody who was erased after the snapshots were opened and before the log was copied. */
static bool has_gone(void *context, uint64_t user_key)
{
    const struct leaving *leaving = context;
    const struct tombstone *tombstone = forgotten_find(&leaving->forgotten, user_key);
    return tombstone != NULL && !tombstone->pending && tombstone->sequence > leaving->base;
}

static enum status remove_users(const struct making *making, const struct verify_file *base)
{
    struct leaving leaving = {.base = making->info->base};
    struct snapshot_removal removal = {
        .wants_user = has_gone, .context = &leaving, .map_bytes = 2 * base->bytes + REMOVAL_BYTES};
    enum status status = forgotten_read(making->directory, &leaving.forgotten, making->problem);
    if (status == STATUS_OK) {
        status = snapshots_remove_users(making->directory, leaving.base, &removal, making->problem);
    }
    forgotten_release(&leaving.forgotten);
    return status;
}

static enum status replay(struct making *making, struct verify_report *report)
{
    struct verify_options options = {.progress = tell_replay, .progress_context = making};
    return verify_data(making->directory, &options, report, making->problem);
}

/* Only what can be restored is a backup. */
static enum status check_copy(struct making *making, struct verify_report *report)
{
    enum status status = replay(making, report);
    /* Nothing else is wrong: the snapshot lags behind the log. */
    if (status == STATUS_OK && report->error_count == 1 && report->snapshot_count == 1 &&
        report->snapshots[0].forgotten > 0) {
        status = remove_users(making, &report->snapshots[0]);
        if (status == STATUS_OK) {
            status = replay(making, report);
        }
    }
    return status == STATUS_OK ? take_report(making, report) : status;
}

static enum status replay_copy(struct making *making)
{
    struct verify_report *report = malloc(sizeof(*report));
    if (report == NULL) {
        problem_set(making->problem, "no memory to check the copy");
        return STATUS_NO_MEMORY;
    }
    enum status status = check_copy(making, report);
    free(report);
    return status;
}

/*
 * After the log, so that everybody who is forgotten by the copied log's account can be left out,
 * and whoever is forgotten later is whole in both.
 */
static enum status copy_journal(struct making *making)
{
    char path[FILES_PATH_SIZE];
    struct forgotten forgotten = {.count = 0};
    enum status status = files_join(making->directory, backup_journal_name, path, making->problem);
    if (status == STATUS_OK) {
        status = forgotten_read(making->directory, &forgotten, making->problem);
    }
    if (status == STATUS_OK) {
        status = backup_journal_write(making->data, &forgotten, path, &making->has_journal,
                                      making->problem);
    }
    forgotten_release(&forgotten);
    return status;
}

struct adding_up {
    const struct making *making;
    uint64_t done; /* of the files before */
    uint64_t total;
};

static void tell_check(void *context, uint64_t done_bytes)
{
    const struct adding_up *adding = context;
    tell(adding->making->options, BACKUP_CHECKING, adding->done + done_bytes, adding->total);
}

static enum status add_up(struct making *making, const char *name, struct adding_up *adding)
{
    char path[FILES_PATH_SIZE];
    struct files_sum sum = {0};
    struct backup_info *info = making->info;
    enum status status = files_join(making->directory, name, path, making->problem);
    if (status == STATUS_OK) {
        status = files_read(path, -1, tell_check, adding, &sum, making->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct backup_file *file = &info->files[info->file_count++];
    *file = (struct backup_file){.bytes = sum.bytes, .checksum = sum.checksum};
    snprintf(file->name, sizeof(file->name), "%s", name);
    info->bytes += sum.bytes;
    adding->done += sum.bytes;
    return STATUS_OK;
}

static enum status add_up_files(struct making *making)
{
    char base[SNAPSHOT_NAME_SIZE];
    struct adding_up adding = {making, 0, size_of_data(making->directory) + making->base_bytes};
    enum status status = add_up(making, "data.mdb", &adding);
    if (status == STATUS_OK && making->info->base > 0) {
        snapshot_name(making->info->base, base);
        status = add_up(making, base, &adding);
    }
    if (status == STATUS_OK && making->has_journal) {
        status = add_up(making, backup_journal_name, &adding);
    }
    return status;
}

static enum status write_info(const struct making *making)
{
    char path[FILES_PATH_SIZE];
    enum status status = files_join(making->directory, "backup.json", path, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    char *text = backup_info_format(making->info);
    if (text == NULL) {
        problem_set(making->problem, "no memory for backup.json");
        return STATUS_NO_MEMORY;
    }
    FILE *file = fopen(path, "wxe");
    bool written = file != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 &&
                   fsync(fileno(file)) == 0;
    status = written ? STATUS_OK : files_failure("write", path, making->problem);
    if (file != NULL) {
        (void)fclose(file); /* flushed and synced already */
    }
    free(text);
    return status;
}

static enum status fill(struct making *making)
{
    enum status status = copy_data(making);
    if (status == STATUS_OK) {
        status = replay_copy(making);
    }
    if (status == STATUS_OK) {
        status = copy_journal(making);
    }
    if (status == STATUS_OK) {
        status = add_up_files(making);
    }
    if (status != STATUS_OK) {
        return status;
    }
    making->info->made_ms = making->options->now_ms;
    status = write_info(making);
    return status == STATUS_OK ? files_sync(making->directory, making->problem) : status;
}

static enum status publish(const struct making *making, const char *out)
{
    char name[FILES_PATH_SIZE];
    enum status status = files_beside(out, "", name, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (rename(making->directory, name) != 0) {
        return files_failure("make", name, making->problem);
    }
    status = files_sync_parent(name, making->problem);
    if (status != STATUS_OK) {
        files_remove(name); /* a name that may not last is no backup */
    }
    return status;
}

enum status backup_make(const char *data, const char *out, const struct backup_options *options,
                        struct backup_info *info, struct problem *problem)
{
    struct stat existing;
    if (lstat(out, &existing) == 0) {
        problem_set(problem, "%s exists already; name a new directory", out);
        return STATUS_DENIED;
    }
    struct making making = {.options = options, .data = data, .info = info, .problem = problem};
    *info = (struct backup_info){.file_count = 0};
    enum status status = files_beside(out, ".partial-XXXXXX", making.directory, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdtemp(making.directory) == NULL) {
        return files_failure("make", making.directory, problem);
    }
    status = files_join(making.directory, "data.mdb", making.file, problem);
    if (status == STATUS_OK) {
        status = fill(&making);
    }
    if (status == STATUS_OK) {
        status = publish(&making, out);
    }
    if (status != STATUS_OK) {
        files_remove(making.directory);
    }
    return status;
}

/* Reads the text of backup.json, of at most BACKUP_INFO_BYTES_MAX bytes. */
static enum status read_text(const char *path, char text[BACKUP_INFO_BYTES_MAX], size_t *size,
                             struct problem *problem)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL && errno == ENOENT) {
        problem_set(problem, "%s is not there; is that a backup?", path);
        return STATUS_NOT_FOUND;
    }
    if (file == NULL) {
        return files_failure("open", path, problem);
    }
    *size = fread(text, 1, BACKUP_INFO_BYTES_MAX, file);
    enum status status = ferror(file) ? files_failure("read", path, problem) : STATUS_OK;
    fclose(file);
    return status;
}

enum status backup_read(const char *backup, struct backup_info *info, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    char text[BACKUP_INFO_BYTES_MAX];
    size_t size = 0;
    enum status status = files_join(backup, "backup.json", path, problem);
    if (status == STATUS_OK) {
        status = read_text(path, text, &size, problem);
    }
    /* A text cut at the limit is no JSON, so what is too long is refused here. */
    return status == STATUS_OK ? backup_info_parse(text, size, path, info, problem) : status;
}
