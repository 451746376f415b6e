#ifndef CLI_BATCHER_H
#define CLI_BATCHER_H

#include <stdint.h>

#include "cli/backend.h"
#include "ranker/limits.h"
#include "reelrank/v1/log.pb-c.h"

/*
 * Sends a stream of log entries to a backend in batches of one kind each, in the order they come:
 * the unary calls UpsertVideos, RecordSignals and DeleteVideos.
 */

/* What became of the entries of one kind. */
struct batch_counts {
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
};

/* Called for each entry the service rejects. */
typedef void batch_rejected(void *context, uint64_t line, const char *reason);

/* Fields are private but for signals, videos and unrated, which may be read at any time. */
struct batcher {
    struct backend *backend;
    batch_rejected *rejected;
    void *context;
    Reelrank__V1__LogEntry__EntryCase kind; /* of the waiting entries */
    Reelrank__V1__LogEntry *entries[LIMIT_BATCH];
    uint64_t lines[LIMIT_BATCH];
    size_t count;
    char **update_fields; /* of the waiting videos, all alike */
    size_t update_field_count;
    size_t bytes;
    struct arena arena; /* the waiting entries, then one call */
    struct batch_counts signals;
    struct batch_counts videos; /* and deletions: a video that was not there is a duplicate */
    uint64_t unrated;           /* videos taken that are never shown for want of a rating */
};

/* Borrows backend and context. arena is the batcher's until the end. */
void batcher_init(struct batcher *batcher, struct backend *backend, struct arena arena,
                  batch_rejected *rejected, void *context);

/*
 * Copies entry; sends first what waits if that is full or of another kind. update_fields is as in
 * struct import_sink: NULL, or a list that ends in NULL.
 */
MUST_USE enum status batcher_add(struct batcher *batcher, uint64_t line,
                                 const Reelrank__V1__LogEntry *entry,
                                 const char *const *update_fields, struct problem *problem);

/* Sends what waits. On failure it stays, uncounted. */
MUST_USE enum status batcher_flush(struct batcher *batcher, struct problem *problem);

#endif
