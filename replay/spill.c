#include "replay/spill.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "replay/temporary.h"

struct spill_file {
    struct spill_file *later; /* owned */
    FILE *file;               /* read and written by its descriptor alone */
    uint64_t written;
    uint64_t taken;
};

struct spill {
    size_t file_bytes;
    struct spill_file *first; /* owned, each owns the later one */
    struct spill_file *last;
};

struct spill *spill_new(size_t file_bytes)
{
    struct spill *spill = calloc(1, sizeof(*spill));
    if (spill != NULL) {
        spill->file_bytes = file_bytes;
    }
    return spill;
}

static void drop_first(struct spill *spill)
{
    struct spill_file *first = spill->first;
    spill->first = first->later;
    if (spill->first == NULL) {
        spill->last = NULL;
    }
    fclose(first->file); /* nothing of it is needed */
    free(first);
}

void spill_free(struct spill *spill)
{
    if (spill == NULL) {
        return;
    }
    while (spill->first != NULL) {
        drop_first(spill);
    }
    free(spill);
}

static enum status fail(struct problem *problem, const char *what)
{
    problem_set(problem, "a temporary file in $TMPDIR, or /tmp, cannot be %s: %s", what,
                strerror(errno));
    return STATUS_IO;
}

static enum status add_file(struct spill *spill, struct problem *problem)
{
    struct spill_file *added = calloc(1, sizeof(*added));
    if (added == NULL) {
        return STATUS_NO_MEMORY;
    }
    added->file = temporary_open();
    if (added->file == NULL) {
        free(added);
        return fail(problem, "made");
    }
    if (spill->last != NULL) {
        spill->last->later = added;
    } else {
        spill->first = added;
    }
    spill->last = added;
    return STATUS_OK;
}

enum status spill_push(struct spill *spill, const void *bytes, size_t size, struct problem *problem)
{
    bool full = spill->last == NULL || spill->last->written >= spill->file_bytes;
    enum status status = full ? add_file(spill, problem) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    struct spill_file *last = spill->last;
    for (size_t done = 0; done < size;) {
        ssize_t count = pwrite(fileno(last->file), (const char *)bytes + done, size - done,
                               (off_t)(last->written + done));
        if (count < 0 && errno != EINTR) {
            return fail(problem, "written");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    last->written += size;
    return STATUS_OK;
}

enum status spill_pop(struct spill *spill, void *out, size_t size, struct problem *problem)
{
    while (spill->first != NULL && spill->first->taken == spill->first->written) {
        drop_first(spill);
    }
    struct spill_file *first = spill->first;
    CHECK(first != NULL);
    CHECK(size <= first->written - first->taken);
    for (size_t done = 0; done < size;) {
        ssize_t count = pread(fileno(first->file), (char *)out + done, size - done,
                              (off_t)(first->taken + done));
        if (count == 0 || (count < 0 && errno != EINTR)) {
            errno = count == 0 ? EIO : errno; /* shorter than what was written */
            return fail(problem, "read");
        }
        done += count > 0 ? (size_t)count : 0;
    }
    first->taken += size;
    return STATUS_OK;
}
