#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/backup.h"
#include "store/backup_journal.h"
#include "store/forget_again.h"
#include "store/forgotten.h"
#include "store/log.h"
#include "store/pages.h"
#include "store/segments.h"

struct restoring {
    const struct restore_options *options;
    struct restored *out;
    const char *backup;
    const struct backup_file *file;  /* being copied */
    uint64_t done_bytes;             /* of those before */
    struct forgotten forgotten;      /* elsewhere */
    char data[FILES_PATH_SIZE];      /* the target, without links where it exists */
    char directory[FILES_PATH_SIZE]; /* where the copy grows */
    struct problem *problem;
};

static void tell(void *context, uint64_t done_bytes)
{
    const struct restoring *restoring = context;
    const struct restore_options *options = restoring->options;
    if (options->progress != NULL) {
        options->progress(options->progress_context, BACKUP_COPYING,
                          restoring->done_bytes + done_bytes, restoring->out->info.bytes);
    }
}

static enum status check_sum(const struct restoring *restoring, const struct files_sum *sum)
{
    const struct backup_file *file = restoring->file;
    if (sum->bytes != file->bytes || sum->checksum != file->checksum) {
        problem_set(restoring->problem,
                    "%.120s: %s is damaged: %" PRIu64 " bytes with checksum %016" PRIx64
                    ", where the backup had %" PRIu64 " with %016" PRIx64,
                    restoring->backup, file->name, sum->bytes, sum->checksum, file->bytes,
                    file->checksum);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status copy_to(struct restoring *restoring, const char *source, const char *path)
{
    struct files_sum sum = {0};
    struct problem *problem = restoring->problem;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, problem);
    }
    enum status status = files_read(source, fd, tell, restoring, &sum, problem);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = files_failure("sync", path, problem);
    }
    close(fd);
    return status == STATUS_OK ? check_sum(restoring, &sum) : status;
}

static enum status copy_file(struct restoring *restoring)
{
    char source[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE];
    const char *name = restoring->file->name;
    enum status status = files_join(restoring->backup, name, source, restoring->problem);
    if (status == STATUS_OK) {
        status = files_join(restoring->directory, name, path, restoring->problem);
    }
    return status == STATUS_OK ? copy_to(restoring, source, path) : status;
}

static enum status copy_files(struct restoring *restoring)
{
    const struct backup_info *info = &restoring->out->info;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < info->file_count && status == STATUS_OK; i++) {
        restoring->file = &info->files[i];
        status = copy_file(restoring);
        restoring->done_bytes += info->files[i].bytes;
    }
    return status;
}

static enum status unpack_journal(const struct restoring *restoring)
{
    const struct backup_info *info = &restoring->out->info;
    const char *name = info->files[info->file_count - 1].name;
    char path[FILES_PATH_SIZE];
    if (strcmp(name, backup_journal_name) != 0) {
        return STATUS_OK;
    }
    enum status status = files_join(restoring->directory, name, path, restoring->problem);
    return status == STATUS_OK ? backup_journal_read(path, restoring->directory, restoring->problem)
                               : status;
}

static bool keep_last(void *context, uint64_t sequence, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    *(uint64_t *)context = sequence;
    return true;
}

/*
 * The log's own format may be newer than that of the backup around it. Of damage nobody asks: the
 * checksum was right, so it is the backup's own, and backups have none.
 */
static enum status check_log(const struct restoring *restoring)
{
    uint64_t last = 0;
    struct pages *pages = NULL;
    enum status status =
        pages_open_log(restoring->directory, NULL, NULL, &pages, restoring->problem);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pages_walk(pages, "log", sizeof(uint64_t), keep_last, &last);
    status = pages_status(pages);
    pages_close(pages);
    if (status != STATUS_OK) {
        return status;
    }
    if (last != restoring->out->info.sequence) {
        problem_set(restoring->problem,
                    "%.200s: the log ends at record %" PRIu64 ", where backup.json says %" PRIu64,
                    restoring->backup, last, restoring->out->info.sequence);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* Users who are forgotten elsewhere are so in the copy before it is of use to anybody. */
static enum status forget_users(struct restoring *restoring)
{
    struct forgot forgot;
    struct restored *out = restoring->out;
    size_t needed = 2 * (size_t)out->info.bytes;
    size_t map_bytes = restoring->options->map_bytes;
    enum status status = forget_again(restoring->directory, map_bytes > needed ? map_bytes : needed,
                                      &restoring->forgotten, &forgot, restoring->problem);
    if (status == STATUS_OK && forgot.users > 0) {
        out->forgotten = forgot.users;
        out->sequence = forgot.sequence;
        out->state_digest = forgot.digests.all;
        out->aggregates_digest = forgot.digests.aggregates;
    }
    return status;
}

static enum status name_aside(struct restoring *restoring)
{
    time_t seconds = (time_t)(restoring->options->now_ms / 1000);
    struct tm parts = {0};
    char suffix[64];
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(suffix, sizeof(suffix), ".before-restore-%Y%m%dT%H%M%SZ", &parts);
    return files_beside(restoring->data, suffix, restoring->out->aside, restoring->problem);
}

/* Puts the copy where the data belongs; what is there goes aside first, and back on a failure. */
static enum status swap(struct restoring *restoring, bool full)
{
    struct problem *problem = restoring->problem;
    restoring->out->aside[0] = '\0';
    enum status status = full ? name_aside(restoring) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    if (full && rename(restoring->data, restoring->out->aside) != 0) {
        restoring->out->aside[0] = '\0';
        return files_failure("move", restoring->data, problem);
    }
    if (rename(restoring->directory, restoring->data) != 0) {
        status = files_failure("make", restoring->data, problem);
        if (full && rename(restoring->out->aside, restoring->data) == 0) {
            restoring->out->aside[0] = '\0';
        }
        return status;
    }
    return files_sync_parent(restoring->data, problem);
}

static void remove_copy(const struct restoring *restoring)
{
    char journal[FILES_PATH_SIZE];
    if (segments_directory(restoring->directory, journal, NULL) == STATUS_OK) {
        files_remove(journal);
    }
    files_remove(restoring->directory);
}

static enum status replace(struct restoring *restoring, bool full)
{
    struct problem *problem = restoring->problem;
    enum status status =
        files_beside(restoring->data, ".restoring-XXXXXX", restoring->directory, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (mkdtemp(restoring->directory) == NULL) {
        return files_failure("make", restoring->directory, problem);
    }
    status = copy_files(restoring);
    if (status == STATUS_OK) {
        status = check_log(restoring);
    }
    if (status == STATUS_OK) {
        status = unpack_journal(restoring);
    }
    if (status == STATUS_OK) {
        status = forget_users(restoring);
    }
    if (status == STATUS_OK) {
        status = files_sync(restoring->directory, problem);
    }
    if (status == STATUS_OK) {
        status = swap(restoring, full);
    }
    if (status != STATUS_OK) {
        remove_copy(restoring);
    }
    return status;
}

/* What stands at the target: nothing, an empty directory, or more. */
static enum status look_at(const char *data, bool *full, struct problem *problem)
{
    *full = false;
    DIR *entries = opendir(data);
    if (entries == NULL) {
        return errno == ENOENT ? STATUS_OK : files_failure("open the directory", data, problem);
    }
    const struct dirent *entry;
    while (entry = readdir(entries), entry != NULL) {
        *full |= strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(entries);
    return STATUS_OK;
}

/* A backup changes no more; a directory of data might, so it is held meanwhile. */
static enum status read_forgotten_in(struct restoring *restoring, const char *directory)
{
    char path[FILES_PATH_SIZE];
    struct problem why = {""};
    int lock_fd = -1;
    enum status status = files_join(directory, "backup.json", path, &why);
    if (status == STATUS_OK && access(path, F_OK) != 0) {
        status = log_hold(directory, &lock_fd, &why);
    }
    if (status == STATUS_OK) {
        status = forgotten_read(directory, &restoring->forgotten, &why);
    }
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    if (status != STATUS_OK) {
        problem_set(restoring->problem, "who is forgotten in %.120s cannot be read: %s", directory,
                    why.text);
    }
    return status;
}

static enum status read_forgotten(struct restoring *restoring)
{
    const struct restore_options *options = restoring->options;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < options->forgotten_in_count && status == STATUS_OK; i++) {
        status = read_forgotten_in(restoring, options->forgotten_in[i]);
    }
    return status;
}

/* Of the directory that is replaced, which is held. What cannot be read may have been anybody. */
static enum status read_replaced(struct restoring *restoring)
{
    const struct restore_options *options = restoring->options;
    struct problem why = {""};
    if (options->ignore_forgotten) {
        return STATUS_OK;
    }
    enum status status = forgotten_read(restoring->data, &restoring->forgotten, &why);
    if (status == STATUS_OK || status == STATUS_NO_MEMORY || options->forgotten_in_count > 0) {
        return status == STATUS_NO_MEMORY ? status : STATUS_OK;
    }
    problem_set(restoring->problem,
                "who is forgotten in %.100s cannot be read (%.120s), and would come back: name a "
                "later backup with --forgotten-in, or say --ignore-forgotten",
                restoring->data, why.text);
    return STATUS_DENIED;
}

static enum status replace_held(struct restoring *restoring)
{
    enum status status = read_replaced(restoring);
    return status == STATUS_OK ? replace(restoring, true) : status;
}

/* Holds a directory that may belong to a server while it is replaced. */
static enum status replace_full(struct restoring *restoring)
{
    if (!restoring->options->force) {
        problem_set(restoring->problem, "%s is not empty; --force moves it aside", restoring->data);
        return STATUS_DENIED;
    }
    int lock_fd = -1;
    enum status status = log_hold(restoring->data, &lock_fd, restoring->problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = replace_held(restoring);
    close(lock_fd);
    return status;
}

static enum status restore(struct restoring *restoring, const char *data)
{
    bool full = false;
    struct restored *out = restoring->out;
    enum status status = backup_read(restoring->backup, &out->info, restoring->problem);
    if (status != STATUS_OK) {
        return status;
    }
    out->sequence = out->info.sequence;
    out->state_digest = out->info.state_digest;
    out->aggregates_digest = out->info.aggregates_digest;
    status = files_resolve(data, restoring->data, restoring->problem);
    if (status == STATUS_OK) {
        status = look_at(restoring->data, &full, restoring->problem);
    }
    if (status == STATUS_OK) {
        status = read_forgotten(restoring);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return full ? replace_full(restoring) : replace(restoring, false);
}

enum status backup_restore(const char *backup, const char *data,
                           const struct restore_options *options, struct restored *out,
                           struct problem *problem)
{
    struct restoring restoring = {
        .options = options, .out = out, .backup = backup, .problem = problem};
    *out = (struct restored){.forgotten = 0};
    enum status status = restore(&restoring, data);
    forgotten_release(&restoring.forgotten);
    return status;
}
