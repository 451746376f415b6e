#ifndef CLI_BATCHER_H
#define CLI_BATCHER_H

#include <stdint.h>

#include "cli/backend.h"
#include "ranker/limits.h"
#include "reelrank/v1/log.pb-c.h"

/*
 * Sends a stream of log entries to a backend by the unary calls UpsertVideos, RecordSignals and
 * DeleteVideos, in batches of one kind each. Entries of different kinds wait side by side, so that
 * a file in which videos and signals alternate still makes large batches; what concerns one and the
 * same video is sent in the order it came, and so are signals among themselves. That leaves the
 * same state as one call after the other: an entry depends on nothing else of the catalogue than
 * its own video.
 */

/* What became of the entries of one kind. */
struct batch_counts {
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
};

/* Called for each entry the service rejects. */
typedef void batch_rejected(void *context, uint64_t line, const char *reason);

/* Waiting entries that go into one call. */
struct batch_lane {
    char **update_fields; /* of UpsertVideos */
    size_t update_field_count;
    size_t count;
    Reelrank__V1__LogEntry *entries[LIMIT_BATCH];
    uint64_t lines[LIMIT_BATCH];
};

/* Lanes are sent in this order; videos have one for each list of update_fields. */
enum {
    BATCH_LANES_OF_VIDEOS = 6,
    BATCH_LANE_OF_DELETIONS = BATCH_LANES_OF_VIDEOS,
    BATCH_LANE_OF_SIGNALS,
    BATCH_LANE_COUNT
};

/* The last lane that a video waits in. Open addressing, at most half full. */
enum { BATCH_WAITING_SLOTS = 16384 };
struct batch_waiting {
    uint64_t video_key; /* 0: a free slot */
    size_t lane;
};

/* Fields are private but for signals, videos and unrated, which may be read at any time. */
struct batcher {
    struct backend *backend;
    batch_rejected *rejected;
    void *context;
    struct arena arena; /* the waiting entries and the calls that send them */
    size_t bytes;       /* of the waiting entries, packed */
    size_t video_lanes; /* in use */
    struct batch_lane lanes[BATCH_LANE_COUNT];
    struct batch_waiting waiting[BATCH_WAITING_SLOTS];
    struct batch_counts signals;
    struct batch_counts videos; /* and deletions: a video that was not there is a duplicate */
    uint64_t unrated;           /* videos taken that are never shown for want of a rating */
};

/* The struct is large: keep it off the stack. Borrows backend, context and arena's memory. */
void batcher_init(struct batcher *batcher, struct backend *backend, struct arena arena,
                  batch_rejected *rejected, void *context);

/*
 * Copies entry, which must be set; sends first what waits if that is full or must come before.
 * update_fields is as in struct import_sink: NULL, or a list that ends in NULL.
 */
MUST_USE enum status batcher_add(struct batcher *batcher, uint64_t line,
                                 const Reelrank__V1__LogEntry *entry,
                                 const char *const *update_fields, struct problem *problem);

/* Sends what waits. On failure the batches that have not been taken stay, uncounted. */
MUST_USE enum status batcher_flush(struct batcher *batcher, struct problem *problem);

#endif
