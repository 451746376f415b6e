#include "server/file_watch.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/files.h"

static uint64_t stamp_of(const struct file_watch *watch)
{
    uint64_t stamps[FILE_WATCH_MAX] = {0};
    for (size_t i = 0; i < watch->count; i++) {
        stamps[i] = files_stamp(watch->paths[i]);
    }
    return XXH3_64bits(stamps, sizeof(stamps));
}

void file_watch_init(struct file_watch *watch, const char *const *paths, size_t count)
{
    CHECK(count <= FILE_WATCH_MAX);
    *watch = (struct file_watch){.count = count};
    memcpy(watch->paths, paths, count * sizeof(*paths));
    watch->stamp = stamp_of(watch);
    watch->candidate = watch->stamp;
}

bool file_watch_look(struct file_watch *watch)
{
    uint64_t stamp = stamp_of(watch);
    bool rests = stamp == watch->candidate;
    watch->candidate = stamp;
    if (stamp == watch->stamp || !rests) {
        return false;
    }
    watch->stamp = stamp; /* what changes while they are read is another stamp */
    return true;
}
