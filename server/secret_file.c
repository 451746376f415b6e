#include "server/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_TOLD = 100 }; /* bytes of the end of a path */

const char *secret_file_name(const char *path)
{
    size_t length = strlen(path);
    return length > PATH_TOLD ? path + length - PATH_TOLD : path;
}

static enum status refuse_system(const char *path, struct problem *problem)
{
    int error = errno;
    problem_set(problem, "%s: cannot be read: %s", secret_file_name(path), strerror(error));
    return error == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
}

static enum status check_mode(const char *path, mode_t mode, enum secret_file_rule rule,
                              struct problem *problem)
{
    if ((mode & S_IWOTH) != 0) {
        problem_set(problem,
                    "%s: everybody may write it (mode %04o); \"chmod o-w\" takes that away",
                    secret_file_name(path), (unsigned)(mode & 07777));
        return STATUS_INVALID;
    }
    if (rule == SECRET_FILE_PRIVATE && (mode & S_IROTH) != 0) {
        problem_set(problem, "%s: everybody may read it (mode %04o); \"chmod o-r\" takes that away",
                    secret_file_name(path), (unsigned)(mode & 07777));
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status check_file(int fd, const char *path, enum secret_file_rule rule, size_t limit,
                              size_t *size, struct problem *problem)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return refuse_system(path, problem);
    }
    if (!S_ISREG(info.st_mode) || info.st_size < 1 || (size_t)info.st_size > limit) {
        problem_set(problem, "%s: expected a regular file of 1 to %zu bytes",
                    secret_file_name(path), limit);
        return STATUS_INVALID;
    }
    *size = (size_t)info.st_size;
    return check_mode(path, info.st_mode, rule, problem);
}

/* *size: as large as the file was, then as much as could be read. */
static enum status read_bytes(int fd, const char *path, char *data, size_t *size,
                              struct problem *problem)
{
    size_t used = 0;
    ssize_t got = 1;
    while (used < *size && got != 0) {
        got = read(fd, data + used, *size - used);
        if (got < 0 && errno != EINTR) {
            return refuse_system(path, problem);
        }
        used += got > 0 ? (size_t)got : 0;
    }
    *size = used;
    data[used] = '\0';
    return STATUS_OK;
}

static enum status read_open(int fd, const char *path, enum secret_file_rule rule, size_t limit,
                             char **out, size_t *out_size, struct problem *problem)
{
    size_t size = 0;
    enum status status = check_file(fd, path, rule, limit, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    char *data = malloc(size + 1);
    if (data == NULL) {
        problem_set(problem, "%s: %s", secret_file_name(path), status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    status = read_bytes(fd, path, data, &size, problem);
    if (status != STATUS_OK) {
        secret_file_free(data, size);
        return status;
    }
    *out = data;
    *out_size = size;
    return STATUS_OK;
}

enum status secret_file_read(const char *path, enum secret_file_rule rule, size_t limit, char **out,
                             size_t *size, struct problem *problem)
{
    /* Not to wait for whoever writes a pipe; that is refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse_system(path, problem);
    }
    enum status status = read_open(fd, path, rule, limit, out, size, problem);
    close(fd);
    return status;
}

void secret_file_free(char *data, size_t size)
{
    if (data != NULL) {
        explicit_bzero(data, size);
        free(data);
    }
}
