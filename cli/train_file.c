#include "cli/train_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/problems.h"
#include "store/files.h"
#include "store/weights_file.h"

enum { FILE_MODE = 0666 };

static enum status refuse(const char *path, int why, struct problem *problem)
{
    problem_set(problem, "--out %.200s: cannot write: %s", path, strerror(why));
    return STATUS_IO;
}

enum status train_file_check(const char *path, bool force, struct problem *problem)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return STATUS_OK; /* what else may be wrong shows when it is written */
    }
    if (!S_ISREG(info.st_mode)) {
        problem_set(problem, "--out %.200s is there, and no regular file; name another one", path);
        return STATUS_INVALID;
    }
    if (!force) {
        problem_set(problem, "--out %.200s is there; name another one, or replace it by --force",
                    path);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status train_file_check_version(const char *given, struct problem *problem)
{
    if (given == NULL || weights_is_name(text_of(given))) {
        return STATUS_OK;
    }
    problem_set(problem, "--version is \"%.60s\"; it has 1 to %d characters of A-Z a-z 0-9 . _ -",
                given, WEIGHTS_NAME_MAX);
    return STATUS_INVALID;
}

enum status train_file_choose_version(const char *before, const char *given, const char *suffix,
                                      char out[WEIGHTS_NAME_MAX + 1], struct problem *problem)
{
    size_t size = strcspn(before, "@");
    int length = given != NULL
                     ? snprintf(out, WEIGHTS_NAME_MAX + 1, "%s", given)
                     : snprintf(out, WEIGHTS_NAME_MAX + 1, "%.*s%s", (int)size, before, suffix);
    if (length < 0 || length > WEIGHTS_NAME_MAX) {
        problem_set(problem,
                    "\"%.*s%s\" is too long for a version, which has at most %d characters; "
                    "give a --version",
                    (int)size, before, suffix, WEIGHTS_NAME_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Writes beside the path, where the model files are; removes what it cannot complete. */
static enum status write_beside(const char *path, struct text yaml, char beside[FILES_PATH_SIZE],
                                struct problem *problem)
{
    int size = snprintf(beside, FILES_PATH_SIZE, "%s.%ld.tmp", path, (long)getpid());
    if (size < 0 || size >= FILES_PATH_SIZE) {
        return refuse(path, ENAMETOOLONG, problem);
    }
    int file = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (file < 0) {
        return refuse(path, errno, problem);
    }
    int why = files_write(file, yaml.data, yaml.size) && fsync(file) == 0 ? 0 : errno;
    if (close(file) != 0 && why == 0) {
        why = errno;
    }
    if (why != 0) {
        (void)unlink(beside);
        return refuse(path, why, problem);
    }
    return STATUS_OK;
}

/* A weights file that is read, and what came of it. */
struct loading {
    struct weights_file file;
    struct weights_problems problems;
    struct weights *weights;
};

static enum status judge(const char *path, const struct loading *loading, enum status status,
                         char version[TRAIN_VERSION_SIZE], struct problem *problem)
{
    if (status == STATUS_INVALID) {
        problems_print(stderr, path, &loading->problems);
        problem_set(problem,
                    "--out %.120s: with what is new the weights have the problem%s above, and "
                    "were not written; change --weights, or where model files are missing, write "
                    "beside them",
                    path, loading->problems.count == 1 ? "" : "s");
    }
    if (status == STATUS_OK) {
        snprintf(version, TRAIN_VERSION_SIZE, "%s", weights_version(loading->weights));
    }
    return status;
}

static enum status load(const char *path, const char *beside, char version[TRAIN_VERSION_SIZE],
                        struct problem *problem)
{
    struct loading *loading = calloc(1, sizeof(*loading));
    if (loading == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status =
        weights_file_read(beside, &loading->file, &loading->weights, &loading->problems, problem);
    status = judge(path, loading, status, version, problem);
    weights_unref(loading->weights);
    weights_file_release(&loading->file);
    free(loading);
    return status;
}

enum status train_file_try(const char *path, struct text yaml, struct problem *problem)
{
    char beside[FILES_PATH_SIZE];
    char version[TRAIN_VERSION_SIZE];
    enum status status = write_beside(path, yaml, beside, problem);
    if (status == STATUS_OK) {
        status = load(path, beside, version, problem);
        (void)unlink(beside);
    }
    return status;
}

enum status train_file_write(const char *path, struct text yaml, char version[TRAIN_VERSION_SIZE],
                             struct problem *problem)
{
    char beside[FILES_PATH_SIZE];
    enum status status = write_beside(path, yaml, beside, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = load(path, beside, version, problem);
    if (status == STATUS_OK && rename(beside, path) != 0) {
        status = refuse(path, errno, problem);
    }
    if (status != STATUS_OK) {
        (void)unlink(beside);
    }
    return status;
}

static enum status model_path(const char *path, const char *name, char out[FILES_PATH_SIZE],
                              struct problem *problem)
{
    enum status status = weights_file_model_path(path, name, out, NULL);
    return status == STATUS_OK ? STATUS_OK : refuse(path, ENAMETOOLONG, problem);
}

enum status train_file_write_model(const char *path, const char *name, struct text model,
                                   bool *is_new, struct problem *problem)
{
    char target[FILES_PATH_SIZE];
    char beside[FILES_PATH_SIZE];
    enum status status = model_path(path, name, target, problem);
    if (status == STATUS_OK) {
        status = write_beside(target, model, beside, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    bool found = access(target, F_OK) == 0;
    if (rename(beside, target) != 0) {
        status = refuse(target, errno, problem);
        (void)unlink(beside);
        return status;
    }
    *is_new = !found;
    return STATUS_OK;
}

void train_file_remove_model(const char *path, const char *name)
{
    char target[FILES_PATH_SIZE];
    if (model_path(path, name, target, NULL) == STATUS_OK) {
        (void)unlink(target); /* what stays is named by nothing */
    }
}
