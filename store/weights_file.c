#include "store/weights_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/hash.h"

enum { READ_MIN = 1 << 16 };

struct loading {
    const char *path; /* of the weights */
    struct weights_file *file;
};

enum status weights_file_model_path(const char *path, const char *name, char out[FILES_PATH_SIZE],
                                    struct problem *problem)
{
    const char *slash = strrchr(path, '/');
    int directory = slash != NULL ? (int)(slash - path) + 1 : 0;
    int size = snprintf(out, FILES_PATH_SIZE, "%.*s%s", directory, path, name);
    if (size < 0 || size >= FILES_PATH_SIZE) {
        problem_set(problem, "the path of model file \"%.128s\" is too long", name);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Reads to the end or until there is more than limit, which *size then tells. */
static int read_all(int fd, size_t limit, char **data, size_t *size)
{
    size_t room = READ_MIN < limit ? READ_MIN : limit + 1;
    for (;;) {
        char *larger = realloc(*data, room);
        if (larger == NULL) {
            return ENOMEM;
        }
        *data = larger;
        ssize_t got = 1;
        while (*size < room && got != 0) {
            got = read(fd, *data + *size, room - *size);
            if (got < 0 && errno != EINTR) {
                return errno;
            }
            *size += got > 0 ? (size_t)got : 0;
        }
        if (got == 0 || *size > limit) {
            return 0;
        }
        room = 2 * room < limit + 1 ? 2 * room : limit + 1;
    }
}

static enum status read_failure(const char *path, int rc, struct problem *problem)
{
    size_t length = strlen(path);
    const char *name = length > 160 ? path + length - 160 : path;
    problem_set(problem, "cannot read %s: %s", name, strerror(rc));
    return rc == ENOENT ? STATUS_NOT_FOUND : rc == ENOMEM ? STATUS_NO_MEMORY : STATUS_IO;
}

/* *out is the caller's to free, on STATUS_OK alone. It may have one byte more than limit. */
static enum status read_path(const char *path, size_t limit, char **out, size_t *size,
                             struct problem *problem)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return read_failure(path, errno, problem);
    }
    char *data = NULL;
    size_t used = 0;
    int rc = read_all(fd, limit, &data, &used);
    if (!standard) {
        close(fd);
    }
    if (rc != 0) {
        free(data);
        return read_failure(path, rc, problem);
    }
    *out = data;
    *size = used;
    return STATUS_OK;
}

static const struct weights_model_file *find_model(const struct weights_file *file,
                                                   const char *name)
{
    for (size_t i = 0; i < file->source.model_count; i++) {
        if (strcmp(file->models[i].name, name) == 0) {
            return &file->models[i];
        }
    }
    return NULL;
}

/* Notes that the weights name this file, whether it can be read or not. */
static enum status note_name(struct weights_file_names *names, const char *name,
                             struct problem *problem)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], name) == 0) {
            return STATUS_OK;
        }
    }
    if (!weights_model_name_valid(name)) {
        problem_set(problem,
                    "model file \"%.128s\": a name is a path of 1 to 128 bytes that stays below "
                    "the weights file",
                    name);
        return STATUS_INVALID;
    }
    if (names->count == LIMIT_MODEL_FILES) {
        problem_set(problem, "model file \"%.128s\" is one too many: at most %d are allowed", name,
                    LIMIT_MODEL_FILES);
        return STATUS_INVALID;
    }
    memcpy(names->items[names->count++], name, strlen(name) + 1);
    return STATUS_OK;
}

/* The parser says which file it is about: a problem has little room for a path. */
static enum status tell_model(enum status status, struct problem *problem)
{
    struct problem whole = *problem;
    const char *why = strrchr(whole.text, ':');
    problem_set(problem, "it cannot be read%s", why != NULL ? why : "");
    return status;
}

static enum status read_model(const struct loading *loading, const char *name, char **data,
                              size_t *size, struct problem *problem)
{
    struct weights_file *file = loading->file;
    char path[FILES_PATH_SIZE];
    size_t limit = LIMIT_MODEL_BYTES - file->model_bytes;
    enum status status = weights_file_model_path(loading->path, name, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_path(path, limit, data, size, problem);
    if (status != STATUS_OK) {
        return tell_model(status, problem);
    }
    if (*size > limit) {
        free(*data);
        problem_set(problem, "the model files have more than %d bytes together", LIMIT_MODEL_BYTES);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static enum status load_model(void *context, const char *name, struct text *out,
                              struct problem *problem)
{
    const struct loading *loading = context;
    struct weights_file *file = loading->file;
    char *data = NULL;
    size_t size = 0;
    const struct weights_model_file *known = find_model(file, name);
    if (known != NULL) {
        *out = known->content;
        return STATUS_OK;
    }
    enum status status = note_name(&file->names, name, problem);
    if (status == STATUS_OK) {
        status = read_model(loading, name, &data, &size, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct weights_model_file *model = &file->models[file->source.model_count++];
    memcpy(model->name, name, strlen(name) + 1);
    model->content = (struct text){.data = data, .size = size};
    file->model_bytes += size;
    file->source.models = file->models;
    *out = model->content;
    return STATUS_OK;
}

static void add_stamp(XXH3_state_t *state, const char *path)
{
    uint64_t stamp = files_stamp(path);
    XXH3_64bits_update(state, &stamp, sizeof(stamp));
}

uint64_t weights_file_stamp(const char *path, const struct weights_file_names *names)
{
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    add_stamp(&state, path);
    for (size_t i = 0; i < names->count; i++) {
        char name[FILES_PATH_SIZE];
        XXH3_64bits_update(&state, names->items[i], strlen(names->items[i]) + 1);
        if (weights_file_model_path(path, names->items[i], name, NULL) == STATUS_OK) {
            add_stamp(&state, name);
        }
    }
    uint64_t stamp = XXH3_64bits_digest(&state);
    return stamp != 0 ? stamp : 1;
}

enum status weights_file_read(const char *path, struct weights_file *file, struct weights **out,
                              struct weights_problems *problems, struct problem *problem)
{
    struct loading loading = {.path = path, .file = file};
    struct weights_loader loader = {.load = load_model, .context = &loading};
    size_t size = 0;
    *file = (struct weights_file){.yaml = NULL};
    problems->count = 0;
    /* The parser refuses what is longer. */
    enum status status = read_path(path, LIMIT_WEIGHTS_BYTES, &file->yaml, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    file->source.yaml = (struct text){.data = file->yaml, .size = size};
    return weights_parse_with(file->source.yaml, &loader, out, problems);
}

void weights_file_release(struct weights_file *file)
{
    for (size_t i = 0; i < file->source.model_count; i++) {
        free((char *)file->models[i].content.data);
    }
    free(file->yaml);
    *file = (struct weights_file){.yaml = NULL};
}
