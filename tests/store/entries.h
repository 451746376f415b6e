#ifndef TESTS_STORE_ENTRIES_H
#define TESTS_STORE_ENTRIES_H

#include "ranker/arena.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "store/store.h"

/*
 * Entries as a server would fill them. Payloads lie in arena.
 */
struct entry entry_signal(struct arena *arena, const Reelrank__V1__Signal *signal);
struct entry entry_video(struct arena *arena, const Reelrank__V1__Video *video);
struct entry entry_deletion(struct arena *arena, const char *video_id);

struct entry entry_forget(struct arena *arena, const char *user_id, int64_t time_ms);

/* A watch of 5 s, at time 1,000,000 plus number; number also picks one of 100 users and 50 videos.
 */
struct entry entry_watch(struct arena *arena, const char *event_id, unsigned number);

/* Writes entries as one batch. */
struct batch entries_write(struct store *store, struct entry *entries, size_t count);

/* An arena of size bytes from malloc; free(arena.base) ends it. */
struct arena entries_arena(size_t size);

#endif
