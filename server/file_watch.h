#ifndef SERVER_FILE_WATCH_H
#define SERVER_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files that belong together, looked at now and then: whether they have changed since they were
 * last dealt with. They may be written in place or replaced; they
 * count as changed once two looks find the same, so that none is taken half written.
 *
 * One thread at a time.
 */
enum { FILE_WATCH_MAX = 3 };

struct file_watch {
    const char *paths[FILE_WATCH_MAX]; /* borrowed */
    size_t count;
    uint64_t stamp;     /* of the files as they were dealt with */
    uint64_t candidate; /* of the last look */
};

/* Takes the files as they are for dealt with. Before they are read, so that no change is missed. */
void file_watch_init(struct file_watch *watch, const char *const *paths, size_t count);

/* One look. True: they have changed, and count as dealt with from now on. */
bool file_watch_look(struct file_watch *watch);

#endif
