#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/pages.h"
#include "store/state_check.h"
#include "store/weights_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A directory with the file to walk, made once. */
static const char *directory(int *fd)
{
    static char path[4096];
    static int file = -1;
    if (file < 0) {
        char name[4200];
        const char *parent = getenv("TEST_TMPDIR");
        snprintf(path, sizeof(path), "%s/pages.XXXXXX", parent != NULL ? parent : "/tmp");
        CHECK(mkdtemp(path) != NULL);
        snprintf(name, sizeof(name), "%s/data.mdb", path);
        file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(file >= 0);
    }
    *fd = file;
    return path;
}

struct heard {
    uint64_t visits;
    uint64_t sum;
};

enum { VISITS_MAX = 100000 };

static bool on_entry(void *context, uint64_t key, const uint8_t *bytes, size_t size)
{
    struct heard *heard = context;
    heard->sum += key;
    for (size_t i = 0; i < size; i++) {
        heard->sum += bytes[i]; /* the sanitizer sees whether they are there */
    }
    heard->visits++;
    return heard->visits < VISITS_MAX;
}

static bool on_damage(void *context, const struct problem *problem)
{
    struct heard *heard = context;
    CHECK(problem->text[0] != '\0');
    heard->visits++;
    return heard->visits < VISITS_MAX;
}

static void on_error(void *context, const char *text)
{
    struct heard *heard = context;
    CHECK(text[0] != '\0');
    heard->visits++;
}

static void check_weights(struct pages *pages)
{
    struct heard heard = {.visits = 0};
    uint64_t changes;
    CHECK(weights_check(pages, on_error, &heard, &changes) == STATUS_OK);
}

static void walk_log(const char *path)
{
    struct heard heard = {.visits = 0};
    struct problem problem = {""};
    struct pages *pages = NULL;
    enum status status = pages_open_log(path, on_damage, &heard, &pages, &problem);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    if (status == STATUS_OK) {
        (void)pages_walk(pages, "log", sizeof(uint64_t), on_entry, &heard);
        (void)pages_walk(pages, "forgotten", sizeof(uint64_t), on_entry, &heard);
        check_weights(pages);
    }
    pages_close(pages);
}

/* What is told to be whole makes a state. */
static void check_state(const char *path)
{
    struct heard heard = {.visits = 0};
    struct problem problem = {""};
    struct state_check check;
    struct state_digests digests;
    struct state *state = state_new();
    struct state_check_options options = {
        .directory = path, .name = "data.mdb", .error = on_error, .context = &heard};
    CHECK(state != NULL);
    enum status status = state_check_file(&options, state, &check, &problem);
    CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
    CHECK(status != STATUS_OK || heard.visits == check.error_count);
    if (status == STATUS_OK && check.error_count == 0) {
        CHECK(state_digest(state, &digests) == STATUS_OK);
    }
    state_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = -1;
    const char *path = directory(&fd);
    /* In this order, so that the file keeps the pages that it has. */
    CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
    CHECK(ftruncate(fd, (off_t)size) == 0);
    walk_log(path);
    check_state(path);
    return 0;
}
