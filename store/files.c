#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ranker/hash.h"

enum { PIECE_BYTES = 1 << 20, STAMP_FIELDS = 8 };

enum status files_failure(const char *what, const char *path, struct problem *problem)
{
    int error = errno;
    problem_set(problem, "%s: cannot %s: %s", path, what, strerror(error));
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return full ? STATUS_NO_SPACE : STATUS_IO;
}

static enum status refuse_length(const char *path, struct problem *problem)
{
    problem_set(problem, "the path \"%.64s...\" is too long", path);
    return STATUS_INVALID;
}

enum status files_join(const char *directory, const char *name, char out[FILES_PATH_SIZE],
                       struct problem *problem)
{
    int size = snprintf(out, FILES_PATH_SIZE, "%s/%s", directory, name);
    return size < FILES_PATH_SIZE ? STATUS_OK : refuse_length(directory, problem);
}

enum status files_beside(const char *path, const char *suffix, char out[FILES_PATH_SIZE],
                         struct problem *problem)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    if (length >= FILES_PATH_SIZE) {
        return refuse_length(path, problem);
    }
    int size = snprintf(out, FILES_PATH_SIZE, "%.*s%s", (int)length, path, suffix);
    return size < FILES_PATH_SIZE ? STATUS_OK : refuse_length(path, problem);
}

enum status files_resolve(const char *path, char out[FILES_PATH_SIZE], struct problem *problem)
{
    char *real = realpath(path, NULL);
    if (real == NULL && errno != ENOENT) {
        return files_failure("find", path, problem);
    }
    enum status status = files_beside(real != NULL ? real : path, "", out, problem);
    free(real);
    return status;
}

bool files_write(int fd, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* A file being read. */
struct reading {
    const char *path;
    int from_fd;
    int to_fd; /* -1: nowhere */
    files_progress *progress;
    void *context;
    char *piece; /* of PIECE_BYTES */
};

static enum status read_all(const struct reading *reading, struct files_sum *out,
                            struct problem *problem)
{
    XXH3_state_t hash;
    uint64_t bytes = 0;
    (void)XXH3_64bits_reset(&hash); /* these fail only for NULL */
    for (;;) {
        ssize_t size = read(reading->from_fd, reading->piece, PIECE_BYTES);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return files_failure("read", reading->path, problem);
        }
        if (size == 0) {
            break;
        }
        (void)XXH3_64bits_update(&hash, reading->piece, (size_t)size);
        bytes += (uint64_t)size;
        if (reading->to_fd >= 0 && !files_write(reading->to_fd, reading->piece, (size_t)size)) {
            return files_failure("copy", reading->path, problem);
        }
        if (reading->progress != NULL) {
            reading->progress(reading->context, bytes);
        }
    }
    *out = (struct files_sum){.bytes = bytes, .checksum = XXH3_64bits_digest(&hash)};
    return STATUS_OK;
}

enum status files_read_open(int from_fd, const char *path, int to_fd, files_progress *progress,
                            void *context, struct files_sum *out, struct problem *problem)
{
    struct reading reading = {.path = path,
                              .from_fd = from_fd,
                              .to_fd = to_fd,
                              .progress = progress,
                              .context = context,
                              .piece = malloc(PIECE_BYTES)};
    enum status status = STATUS_NO_MEMORY;
    if (reading.piece == NULL) {
        problem_set(problem, "%s: %s", path, status_text(status));
    } else if (lseek(from_fd, 0, SEEK_SET) != 0) {
        status = files_failure("read", path, problem);
    } else {
        status = read_all(&reading, out, problem);
    }
    free(reading.piece);
    return status;
}

enum status files_read(const char *path, int to_fd, files_progress *progress, void *context,
                       struct files_sum *out, struct problem *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return files_failure("open", path, problem);
    }
    enum status status = files_read_open(fd, path, to_fd, progress, context, out, problem);
    close(fd);
    return status;
}

uint64_t files_stamp(const char *path)
{
    struct stat info;
    uint64_t fields[STAMP_FIELDS] = {0};
    if (stat(path, &info) == 0) {
        fields[0] = 1;
        fields[1] = (uint64_t)info.st_dev;
        fields[2] = (uint64_t)info.st_ino;
        fields[3] = (uint64_t)info.st_size;
        fields[4] = (uint64_t)info.st_mtim.tv_sec;
        fields[5] = (uint64_t)info.st_mtim.tv_nsec;
        fields[6] = (uint64_t)info.st_ctim.tv_sec;
        fields[7] = (uint64_t)info.st_ctim.tv_nsec;
    }
    return XXH3_64bits(fields, sizeof(fields));
}

enum status files_sync(const char *path, struct problem *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return files_failure("open", path, problem);
    }
    enum status status = fsync(fd) == 0 ? STATUS_OK : files_failure("sync", path, problem);
    close(fd);
    return status;
}

enum status files_sync_parent(const char *path, struct problem *problem)
{
    char parent[FILES_PATH_SIZE];
    enum status status = files_beside(path, "", parent, problem);
    if (status != STATUS_OK) {
        return status;
    }
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        return files_sync(".", problem);
    }
    slash[slash == parent] = '\0'; /* the root keeps its slash */
    return files_sync(parent, problem);
}

void files_remove(const char *directory)
{
    struct problem problem;
    char path[FILES_PATH_SIZE];
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries), entry != NULL)) {
        if (files_join(directory, entry->d_name, path, &problem) == STATUS_OK) {
            (void)unlink(path); /* refuses "." and ".." */
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    (void)rmdir(directory);
}
