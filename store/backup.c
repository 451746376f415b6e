/* For pthread_timedjoin_np(3); must precede every include. */
#define _GNU_SOURCE

#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/log.h"
#include "store/verify.h"

enum {
    INFO_BYTES_MAX = 4096, /* of backup.json */
    LOOK_MS = 100,         /* between looks at how far a copy is */
    HEX_SIZE = 17
};

struct making {
    const struct backup_options *options;
    const char *data;
    char directory[FILES_PATH_SIZE]; /* where the backup grows */
    char file[FILES_PATH_SIZE];      /* data.mdb in it */
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
    uint64_t total = size_of_data(making->data);
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

static enum status copy_data(const struct making *making)
{
    int fd = open(making->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", making->file, making->problem);
    }
    enum status status = copy_to(making, fd);
    close(fd);
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
                    "%.80s: the log has %" PRIu64 " errors, the first: %.120s; \"reelrank verify\" "
                    "lists them",
                    making->data, report->error_count, report->errors[0].problem.text);
        return STATUS_CORRUPT;
    }
    making->info->sequence = report->sequence;
    making->info->state_digest = report->digests.all;
    making->info->aggregates_digest = report->digests.aggregates;
    return STATUS_OK;
}

/* Replays the copy: only what can be restored is a backup. */
static enum status replay_copy(struct making *making)
{
    struct verify_report *report = malloc(sizeof(*report));
    if (report == NULL) {
        problem_set(making->problem, "no memory to check the copy");
        return STATUS_NO_MEMORY;
    }
    struct verify_options options = {.progress = tell_replay, .progress_context = making};
    enum status status = verify_data(making->directory, &options, report, making->problem);
    if (status == STATUS_OK) {
        status = take_report(making, report);
    }
    free(report);
    return status;
}

static void tell_check(void *context, uint64_t done_bytes)
{
    const struct making *making = context;
    tell(making->options, BACKUP_CHECKING, done_bytes, size_of_data(making->directory));
}

static json_t *hex_text(uint64_t number)
{
    char text[HEX_SIZE];
    snprintf(text, sizeof(text), "%016" PRIx64, number);
    return json_string(text);
}

static char *format_info(const struct backup_info *info)
{
    json_t *object = json_object();
    /* json_object_set_new() refuses a NULL value or object, and says so. */
    int failed = json_object_set_new(object, "format", json_integer(BACKUP_FORMAT_VERSION));
    failed |= json_object_set_new(object, "sequence", json_integer((json_int_t)info->sequence));
    failed |= json_object_set_new(object, "bytes", json_integer((json_int_t)info->bytes));
    failed |= json_object_set_new(object, "xxh3", hex_text(info->checksum));
    failed |= json_object_set_new(object, "made_ms", json_integer(info->made_ms));
    failed |= json_object_set_new(object, "state_digest", hex_text(info->state_digest));
    failed |= json_object_set_new(object, "aggregates_digest", hex_text(info->aggregates_digest));
    char *text = failed == 0 ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    return text;
}

static enum status write_info(const struct making *making)
{
    char path[FILES_PATH_SIZE];
    enum status status = files_join(making->directory, "backup.json", path, making->problem);
    if (status != STATUS_OK) {
        return status;
    }
    char *text = format_info(making->info);
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
    struct files_sum sum = {0};
    enum status status = copy_data(making);
    if (status == STATUS_OK) {
        status = replay_copy(making);
    }
    if (status == STATUS_OK) {
        status = files_read(making->file, -1, tell_check, making, &sum, making->problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    making->info->bytes = sum.bytes;
    making->info->checksum = sum.checksum;
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
    return files_sync_parent(name, making->problem);
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

/* Reads the text of backup.json, of at most INFO_BYTES_MAX bytes. */
static enum status read_text(const char *path, char text[INFO_BYTES_MAX], size_t *size,
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
    *size = fread(text, 1, INFO_BYTES_MAX, file);
    enum status status = ferror(file) ? files_failure("read", path, problem) : STATUS_OK;
    fclose(file);
    return status;
}

static bool get_number(const json_t *object, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_hash(const json_t *object, const char *name, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) != HEX_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != HEX_SIZE - 1) {
        return false;
    }
    *out = strtoull(text, NULL, 16);
    return true;
}

static enum status take_info(const json_t *object, const char *path, struct backup_info *info,
                             struct problem *problem)
{
    uint64_t format = 0;
    uint64_t made_ms = 0;
    struct backup_info read = {0};
    bool known = get_number(object, "format", &format) && format > 0;
    if (known && format > BACKUP_FORMAT_VERSION) {
        problem_set(problem,
                    "%s: the backup has format %" PRIu64 "; this program reads up to %d: use a "
                    "newer reelrank",
                    path, format, BACKUP_FORMAT_VERSION);
        return STATUS_CORRUPT;
    }
    if (!known || !get_number(object, "sequence", &read.sequence) ||
        !get_number(object, "bytes", &read.bytes) || !get_hash(object, "xxh3", &read.checksum) ||
        !get_number(object, "made_ms", &made_ms) ||
        !get_hash(object, "state_digest", &read.state_digest) ||
        !get_hash(object, "aggregates_digest", &read.aggregates_digest)) {
        problem_set(problem, "%s is not as a backup writes it", path);
        return STATUS_CORRUPT;
    }
    read.made_ms = (int64_t)made_ms;
    *info = read;
    return STATUS_OK;
}

enum status backup_read(const char *backup, struct backup_info *info, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    char text[INFO_BYTES_MAX];
    size_t size = 0;
    enum status status = files_join(backup, "backup.json", path, problem);
    if (status == STATUS_OK) {
        status = read_text(path, text, &size, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    /* A text cut at the limit is no JSON, so what is too long is refused here. */
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    status = take_info(object, path, info, problem);
    json_decref(object);
    return status;
}
