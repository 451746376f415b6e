#include "store/snapshots.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/files.h"
#include "store/scrub.h"

enum { DIGITS = 20 };

static const char prefix[] = "snapshot-";
static const char suffix[] = ".mdb";
static const char partial[] = ".partial";

void snapshot_name(uint64_t sequence, char out[SNAPSHOT_NAME_SIZE])
{
    snprintf(out, SNAPSHOT_NAME_SIZE, "%s%0*" PRIu64 "%s", prefix, DIGITS, sequence, suffix);
}

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);
    return size >= strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

/* False for any other name than snapshot_name() gives. */
static bool parse_name(const char *name, uint64_t *sequence)
{
    char again[SNAPSHOT_NAME_SIZE];
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0) {
        return false;
    }
    *sequence = strtoull(name + sizeof(prefix) - 1, NULL, 10);
    snapshot_name(*sequence, again);
    return strcmp(again, name) == 0;
}

/* Keeps them in order; of too many, the oldest falls out. */
static void insert(struct snapshots *snapshots, uint64_t sequence)
{
    if (snapshots->count == SNAPSHOTS_MAX) {
        if (sequence < snapshots->sequences[0]) {
            return;
        }
        memmove(snapshots->sequences, snapshots->sequences + 1,
                (SNAPSHOTS_MAX - 1) * sizeof(sequence));
        snapshots->count--;
    }
    size_t at = snapshots->count++;
    for (; at > 0 && snapshots->sequences[at - 1] > sequence; at--) {
        snapshots->sequences[at] = snapshots->sequences[at - 1];
    }
    snapshots->sequences[at] = sequence;
}

enum status snapshots_list(const char *directory, struct snapshots *out, struct problem *problem)
{
    *out = (struct snapshots){.count = 0};
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return files_failure("open the directory", directory, problem);
    }
    const struct dirent *entry;
    while (entry = readdir(entries), entry != NULL) {
        uint64_t sequence;
        if (parse_name(entry->d_name, &sequence)) {
            insert(out, sequence);
        }
    }
    closedir(entries);
    return STATUS_OK;
}

bool snapshots_find_base(const struct snapshots *snapshots, uint64_t first, uint64_t *sequence)
{
    *sequence = 0;
    if (first <= 1) {
        return true;
    }
    for (size_t i = 0; i < snapshots->count; i++) {
        if (snapshots->sequences[i] + 1 >= first) {
            *sequence = snapshots->sequences[i];
            return true;
        }
    }
    return false;
}

/* What writes a file under its partial name; context as given. */
typedef enum status write_file(void *context, int fd, struct problem *problem);

static enum status write_partial(const char *path, write_file *write, void *context,
                                 struct problem *problem)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, problem);
    }
    enum status status = write(context, fd, problem);
    if (status == STATUS_OK && fsync(fd) != 0) {
        status = files_failure("sync", path, problem);
    }
    close(fd);
    return status;
}

/* Makes directory/name at once and whole, or not at all. */
static enum status make_file(const char *directory, const char *name, write_file *write,
                             void *context, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    char partial_path[FILES_PATH_SIZE];
    enum status status = files_join(directory, name, path, problem);
    if (status == STATUS_OK) {
        status = files_beside(path, partial, partial_path, problem);
    }
    if (status == STATUS_OK) {
        status = write_partial(partial_path, write, context, problem);
    }
    if (status == STATUS_OK && rename(partial_path, path) != 0) {
        status = files_failure("make", path, problem);
    }
    if (status != STATUS_OK) {
        (void)unlink(partial_path); /* one that stays is removed at the next start */
        return status;
    }
    return files_sync(directory, problem);
}

static enum status write_copy(void *context, int fd, struct problem *problem)
{
    enum status status = state_file_copy(context, fd);
    if (status != STATUS_OK) {
        problem_set(problem, "state.mdb: cannot be copied: %s", status_text(status));
    }
    return status;
}

enum status snapshots_make(const char *directory, struct state_file *file, struct problem *problem)
{
    char name[SNAPSHOT_NAME_SIZE];
    snapshot_name(state_file_mark(file).sequence, name);
    return make_file(directory, name, write_copy, file, problem);
}

static enum status write_snapshot(void *context, int fd, struct problem *problem)
{
    struct files_sum sum;
    return files_read(context, fd, NULL, NULL, &sum, problem);
}

enum status snapshots_adopt(const char *directory, uint64_t sequence, struct problem *problem)
{
    char name[SNAPSHOT_NAME_SIZE];
    char path[FILES_PATH_SIZE];
    snapshot_name(sequence, name);
    enum status status = files_join(directory, name, path, problem);
    return status == STATUS_OK ? make_file(directory, "state.mdb", write_snapshot, path, problem)
                               : status;
}

/* A snapshot on its way to one without some users. */
struct rewriting {
    const char *directory;
    const struct snapshot_removal *removal;
    struct state_file *old;
    char partial_name[SNAPSHOT_NAME_SIZE + sizeof(partial)];
};

static enum status open_alone(const struct rewriting *rewriting, const char *name, bool read_only,
                              struct state_file **out, struct problem *problem)
{
    struct state_file_options options = {.directory = rewriting->directory,
                                         .name = name,
                                         .map_bytes = rewriting->removal->map_bytes,
                                         .read_only = read_only,
                                         .alone = true,
                                         .before = true};
    return state_file_open(&options, out, problem);
}

static enum status scrub_file(struct environment *environment)
{
    struct scrub *scrub = NULL;
    bool more = true;
    enum status status = scrub_new(environment, &scrub);
    while (status == STATUS_OK && more) {
        status = scrub_step(scrub, &more);
    }
    scrub_free(scrub);
    return status;
}

static enum status remove_and_scrub(struct state_file *file, const struct snapshot_removal *removal)
{
    enum status status = state_file_remove_users(file, removal->wants_user, removal->context);
    return status == STATUS_OK ? scrub_file(state_file_environment(file)) : status;
}

/* LMDB opens the copy by its name, beside fd, which is for the sync that follows. */
static enum status write_without_users(void *context, int fd, struct problem *problem)
{
    struct rewriting *rewriting = context;
    struct state_file *file = NULL;
    enum status status = state_file_copy(rewriting->old, fd);
    if (status == STATUS_OK) {
        status = open_alone(rewriting, rewriting->partial_name, false, &file, problem);
    }
    if (status == STATUS_OK) {
        status = remove_and_scrub(file, rewriting->removal);
    }
    state_file_close(file);
    return status;
}

static enum status rewrite(struct rewriting *rewriting, const char *name, struct problem *problem)
{
    const struct snapshot_removal *removal = rewriting->removal;
    uint64_t count = 0;
    enum status status =
        state_file_count_users(rewriting->old, removal->wants_user, removal->context, &count);
    if (status == STATUS_OK && count > 0) {
        snprintf(rewriting->partial_name, sizeof(rewriting->partial_name), "%s%s", name, partial);
        status = make_file(rewriting->directory, name, write_without_users, rewriting, problem);
    }
    return status;
}

enum status snapshots_remove_users(const char *directory, uint64_t sequence,
                                   const struct snapshot_removal *removal, struct problem *problem)
{
    char name[SNAPSHOT_NAME_SIZE];
    struct rewriting rewriting = {.directory = directory, .removal = removal};
    snapshot_name(sequence, name);
    enum status status = open_alone(&rewriting, name, true, &rewriting.old, problem);
    if (status == STATUS_OK) {
        status = rewrite(&rewriting, name, problem);
    }
    state_file_close(rewriting.old);
    if (status != STATUS_OK) {
        problem_set(problem, "users cannot be taken out of %s: %s", name, status_text(status));
    }
    return status;
}

static bool is_to_go(const char *name, uint64_t before)
{
    uint64_t sequence;
    bool half_made = strncmp(name, prefix, sizeof(prefix) - 1) == 0 && ends_with(name, partial);
    return half_made || strcmp(name, "state.mdb.partial") == 0 ||
           (parse_name(name, &sequence) && sequence < before);
}

void snapshots_remove_before(const char *directory, uint64_t sequence)
{
    char path[FILES_PATH_SIZE];
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries), entry != NULL)) {
        if (is_to_go(entry->d_name, sequence) &&
            files_join(directory, entry->d_name, path, NULL) == STATUS_OK) {
            (void)unlink(path); /* tried again the next time */
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
}
