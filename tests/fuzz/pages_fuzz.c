#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/pages.h"

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

struct seen {
    uint64_t record_count;
    uint64_t visits;
    uint64_t sum;
};

static bool on_entry(void *context, uint64_t key, const uint8_t *bytes, size_t size)
{
    struct seen *seen = context;
    seen->sum += key;
    for (size_t i = 0; i < size; i++) {
        seen->sum += bytes[i]; /* the sanitizer sees whether they are there */
    }
    seen->visits++;
    return seen->visits < 100000;
}

static bool on_damage(void *context, const struct problem *problem)
{
    struct seen *seen = context;
    CHECK(problem->text[0] != '\0');
    seen->visits++;
    return seen->visits < 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = -1;
    struct seen seen = {.visits = 0};
    struct problem problem = {""};
    const char *path = directory(&fd);
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
    struct pages_visitor visitor = {.context = &seen,
                                    .record_count = &seen.record_count,
                                    .record = on_entry,
                                    .tombstone = on_entry,
                                    .damage = on_damage};
    enum status status = pages_walk(path, &visitor, &problem);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    return 0;
}
