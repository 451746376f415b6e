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
#include "store/log.h"
#include "store/pages.h"

struct restoring {
    const struct backup_options *options;
    const struct backup_info *info;
    char source[FILES_PATH_SIZE];    /* the backup's data.mdb */
    char data[FILES_PATH_SIZE];      /* the target, without links where it exists */
    char directory[FILES_PATH_SIZE]; /* where the copy grows */
    char *aside;
    struct problem *problem;
};

static void tell(void *context, uint64_t done_bytes)
{
    const struct restoring *restoring = context;
    const struct backup_options *options = restoring->options;
    if (options->progress != NULL) {
        options->progress(options->progress_context, BACKUP_COPYING, done_bytes,
                          restoring->info->bytes);
    }
}

static enum status check_sum(const struct restoring *restoring, const struct files_sum *sum)
{
    const struct backup_info *info = restoring->info;
    if (sum->bytes != info->bytes || sum->checksum != info->checksum) {
        problem_set(restoring->problem,
                    "%.160s is damaged: %" PRIu64 " bytes with checksum %016" PRIx64 ", where the "
                    "backup had %" PRIu64 " with %016" PRIx64,
                    restoring->source, sum->bytes, sum->checksum, info->bytes, info->checksum);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status copy_data(struct restoring *restoring)
{
    char path[FILES_PATH_SIZE];
    struct files_sum sum = {0};
    struct problem *problem = restoring->problem;
    enum status status = files_join(restoring->directory, "data.mdb", path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, problem);
    }
    status = files_read(restoring->source, fd, tell, restoring, &sum, problem);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = files_failure("sync", path, problem);
    }
    close(fd);
    return status == STATUS_OK ? check_sum(restoring, &sum) : status;
}

static bool keep_last(void *context, uint64_t sequence, const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    *(uint64_t *)context = sequence;
    return true;
}

static bool ignore_damage(void *context, const struct problem *problem)
{
    (void)context;
    (void)problem;
    return true; /* the checksum was right, so it is the backup's own, and backups have none */
}

/* The log's own format may be newer than that of the backup around it. */
static enum status check_log(const struct restoring *restoring)
{
    uint64_t last = 0;
    struct pages *pages = NULL;
    enum status status =
        pages_open_log(restoring->directory, ignore_damage, NULL, &pages, restoring->problem);
    if (status != STATUS_OK) {
        return status;
    }
    (void)pages_walk(pages, "log", sizeof(uint64_t), keep_last, &last);
    pages_close(pages);
    if (last != restoring->info->sequence) {
        problem_set(restoring->problem,
                    "%.200s ends at record %" PRIu64 ", where backup.json says %" PRIu64,
                    restoring->source, last, restoring->info->sequence);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status name_aside(struct restoring *restoring)
{
    time_t seconds = (time_t)(restoring->options->now_ms / 1000);
    struct tm parts = {0};
    char suffix[64];
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(suffix, sizeof(suffix), ".before-restore-%Y%m%dT%H%M%SZ", &parts);
    return files_beside(restoring->data, suffix, restoring->aside, restoring->problem);
}

/* Puts the copy where the data belongs; what is there goes aside first, and back on a failure. */
static enum status swap(struct restoring *restoring, bool full)
{
    struct problem *problem = restoring->problem;
    restoring->aside[0] = '\0';
    enum status status = full ? name_aside(restoring) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    if (full && rename(restoring->data, restoring->aside) != 0) {
        restoring->aside[0] = '\0';
        return files_failure("move", restoring->data, problem);
    }
    if (rename(restoring->directory, restoring->data) != 0) {
        status = files_failure("make", restoring->data, problem);
        if (full && rename(restoring->aside, restoring->data) == 0) {
            restoring->aside[0] = '\0';
        }
        return status;
    }
    return files_sync_parent(restoring->data, problem);
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
    status = copy_data(restoring);
    if (status == STATUS_OK) {
        status = check_log(restoring);
    }
    if (status == STATUS_OK) {
        status = files_sync(restoring->directory, problem);
    }
    if (status == STATUS_OK) {
        status = swap(restoring, full);
    }
    if (status != STATUS_OK) {
        files_remove(restoring->directory);
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

/* The rename must not replace a link to the directory that is meant. */
static enum status resolve(const char *data, char out[FILES_PATH_SIZE], struct problem *problem)
{
    char *real = realpath(data, NULL);
    if (real == NULL && errno != ENOENT) {
        return files_failure("find", data, problem);
    }
    enum status status = files_beside(real != NULL ? real : data, "", out, problem);
    free(real);
    return status;
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
    status = replace(restoring, true);
    close(lock_fd);
    return status;
}

enum status backup_restore(const char *backup, const char *data,
                           const struct backup_options *options, struct backup_info *info,
                           char aside[FILES_PATH_SIZE], struct problem *problem)
{
    bool full = false;
    struct restoring restoring = {
        .options = options, .info = info, .aside = aside, .problem = problem};
    aside[0] = '\0';
    enum status status = backup_read(backup, info, problem);
    if (status == STATUS_OK) {
        status = files_join(backup, "data.mdb", restoring.source, problem);
    }
    if (status == STATUS_OK) {
        status = resolve(data, restoring.data, problem);
    }
    if (status == STATUS_OK) {
        status = look_at(restoring.data, &full, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return full ? replace_full(&restoring) : replace(&restoring, false);
}
