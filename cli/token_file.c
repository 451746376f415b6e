#include "cli/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/input.h"
#include "server/secret_file.h"
#include "store/files.h"

enum { MODE_PRIVATE = 0600, MODE_BITS = 07777 };

/* A file that is being changed. */
struct edit {
    const char *path;
    int fd;     /* under a lock; -1: not open */
    char *text; /* as it is */
    size_t size;
    struct tokens tokens;
};

static enum status tell(const char *path, const char *what, int error, struct problem *problem)
{
    problem_set(problem, "%s: %s: %s", input_name(path), what, strerror(error));
    return STATUS_IO;
}

static enum status parse(const char *path, struct text text, struct tokens *out,
                         struct problem *problem)
{
    struct problem why = {""};
    enum status status = tokens_parse(text, out, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "%s: %s", input_name(path), why.text);
    }
    return status;
}

enum status token_file_read(const char *path, struct tokens *out, struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    enum status status =
        secret_file_read(path, SECRET_FILE_UNCHANGED, TOKENS_BYTES_MAX, &text, &size, problem);
    if (status == STATUS_OK) {
        status = parse(path, (struct text){.data = text, .size = size}, out, problem);
        secret_file_free(text, size);
    }
    return status;
}

/* Whether the descriptor is of the file that has the name now. */
static bool is_current(int fd, const char *path)
{
    struct stat held;
    struct stat named;
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

/* What else has a name would be lost when a file takes the name: /dev/null, for one. */
static enum status check_regular(const struct edit *edit, struct problem *problem)
{
    struct stat info;
    if (fstat(edit->fd, &info) == 0 && S_ISREG(info.st_mode)) {
        return STATUS_OK;
    }
    problem_set(problem, "%s: is no regular file; name one, or one that is to be made",
                input_name(edit->path));
    return STATUS_INVALID;
}

/* Opens and locks; who held the lock before may have put another file there. */
static enum status lock(struct edit *edit, int flags, struct problem *problem)
{
    for (;;) {
        edit->fd = open(edit->path, O_RDWR | O_CLOEXEC | flags, MODE_PRIVATE);
        if (edit->fd < 0) {
            int error = errno;
            (void)tell(edit->path, "cannot be opened", error, problem);
            return error == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
        }
        if (flock(edit->fd, LOCK_EX) != 0) {
            return tell(edit->path, "cannot be locked", errno, problem);
        }
        if (is_current(edit->fd, edit->path)) {
            return STATUS_OK;
        }
        close(edit->fd);
    }
}

static bool is_empty(const struct edit *edit)
{
    struct stat info;
    return fstat(edit->fd, &info) == 0 && info.st_size == 0;
}

static enum status begin(struct edit *edit, int flags, struct problem *problem)
{
    enum status status = lock(edit, flags, problem);
    if (status == STATUS_OK) {
        status = check_regular(edit, problem);
    }
    if (status != STATUS_OK || ((flags & O_CREAT) != 0 && is_empty(edit))) {
        return status;
    }
    status = secret_file_read(edit->path, SECRET_FILE_UNCHANGED, TOKENS_BYTES_MAX, &edit->text,
                              &edit->size, problem);
    if (status == STATUS_OK) {
        status = parse(edit->path, (struct text){.data = edit->text, .size = edit->size},
                       &edit->tokens, problem);
    }
    return status;
}

static void end(struct edit *edit)
{
    if (edit->fd >= 0) {
        close(edit->fd);
    }
    secret_file_free(edit->text, edit->size);
}

/* Under another name first, so that a server reads the old file or the new one. */
static enum status write_beside(const struct edit *edit, const char *path, const char *name,
                                struct text first, struct text second, struct problem *problem)
{
    struct stat info;
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE_PRIVATE);
    if (fd < 0) {
        return tell(name, "cannot be made", errno, problem);
    }
    bool written = files_write(fd, first.data, first.size) &&
                   files_write(fd, second.data, second.size) && fstat(edit->fd, &info) == 0 &&
                   fchown(fd, info.st_uid, info.st_gid) == 0 &&
                   fchmod(fd, info.st_mode & MODE_BITS) == 0 && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (!written || rename(name, path) != 0) {
        error = written ? errno : error;
        (void)unlink(name);
        return tell(path, "cannot be written", error, problem);
    }
    return files_sync_parent(path, problem);
}

static enum status replace(const struct edit *edit, struct text first, struct text second,
                           struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    char name[FILES_PATH_SIZE];
    char suffix[32];
    snprintf(suffix, sizeof(suffix), ".new-%ld", (long)getpid());
    enum status status = files_resolve(edit->path, path, problem);
    if (status == STATUS_OK) {
        status = files_beside(path, suffix, name, problem);
    }
    return status == STATUS_OK ? write_beside(edit, path, name, first, second, problem) : status;
}

static enum status add(struct edit *edit, const struct token *token, struct problem *problem)
{
    char text[1 + TOKEN_LINE_SIZE];
    struct text before = {.data = edit->text, .size = edit->size};
    if (tokens_named(&edit->tokens, token->name) != NULL) {
        problem_set(problem, "%s: there is a token \"%s\"; revoke it first, or give another name",
                    input_name(edit->path), token->name);
        return STATUS_DENIED;
    }
    if (edit->tokens.count == TOKENS_MAX) {
        problem_set(problem, "%s: there are %d tokens, as many as a file may have",
                    input_name(edit->path), TOKENS_MAX);
        return STATUS_INVALID;
    }
    if (edit->size == 0) {
        before = text_of(TOKENS_VERSION_LINE);
    }
    bool cut = before.data[before.size - 1] != '\n'; /* somebody's last line has no end */
    text[0] = '\n';
    token_format(token, text + 1);
    return replace(edit, before, text_of(text + (cut ? 0 : 1)), problem);
}

enum status token_file_add(const char *path, const struct token *token, struct problem *problem)
{
    struct edit *edit = calloc(1, sizeof(*edit));
    if (edit == NULL) {
        return STATUS_NO_MEMORY;
    }
    edit->path = path;
    enum status status = begin(edit, O_CREAT, problem);
    if (status == STATUS_OK) {
        status = add(edit, token, problem);
    }
    end(edit);
    free(edit);
    return status;
}

/* The text from the start of line number, counted from 1; the rest of it from there. */
static size_t line_start(const struct edit *edit, unsigned number)
{
    size_t at = 0;
    for (unsigned i = 1; i < number; i++) {
        const char *newline = memchr(edit->text + at, '\n', edit->size - at);
        if (newline == NULL) {
            return edit->size;
        }
        at = (size_t)(newline - edit->text) + 1;
    }
    return at;
}

static enum status take_out(struct edit *edit, const char *name, struct problem *problem)
{
    const struct token *token = tokens_named(&edit->tokens, name);
    if (token == NULL) {
        problem_set(problem, "%s: there is no token \"%.64s\"", input_name(edit->path), name);
        return STATUS_NOT_FOUND;
    }
    size_t first = line_start(edit, token->line);
    size_t next = line_start(edit, token->line + 1);
    return replace(edit, (struct text){.data = edit->text, .size = first},
                   (struct text){.data = edit->text + next, .size = edit->size - next}, problem);
}

enum status token_file_remove(const char *path, const char *name, struct problem *problem)
{
    struct edit *edit = calloc(1, sizeof(*edit));
    if (edit == NULL) {
        return STATUS_NO_MEMORY;
    }
    edit->path = path;
    enum status status = begin(edit, 0, problem);
    if (status == STATUS_OK) {
        status = take_out(edit, name, problem);
    }
    end(edit);
    free(edit);
    return status;
}
