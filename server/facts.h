#ifndef SERVER_FACTS_H
#define SERVER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "server/admin.h"
#include "server/arm_counts.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/process.h"
#include "server/rpc.h"
#include "server/service.h"
#include "server/weights_life.h"
#include "server/writer.h"
#include "store/journal.h"
#include "store/keeper.h"
#include "store/store.h"

/*
 * How the server is at one moment, put together from its parts, for metrics and the admin page. No
 * user, video or creator is in it.
 */

/* All borrowed. */
struct facts_sources {
    const struct options *options;
    struct store *store;
    struct journal *journal;
    struct keeper *keeper;
    struct weights_life *life;
    struct service *service;
    struct writer *writer;
    struct admin *admin;
    const struct rpc *rpc;
    const struct metrics *metrics;
};

enum { FACTS_FILE_COUNT = 4 };

/* A file, or files, of the data directory. */
struct facts_file {
    const char *name;
    uint64_t bytes;
    uint64_t budget_bytes; /* 0: none */
};

struct facts {
    int64_t now_ms; /* wall clock */
    struct facts_file files[FACTS_FILE_COUNT];
    uint64_t disk_bytes; /* of the file system, 0 if it does not say */
    uint64_t disk_free_bytes;
    uint64_t log_first; /* sequences */
    uint64_t log_last;
    uint64_t state_sequence;
    uint64_t checkpoint_sequence;
    struct log_sizes log;
    uint64_t log_budget_bytes; /* of its records */
    struct state_counts state;
    uint64_t event_ids;
    uint64_t event_id_window;
    uint64_t forgets_pending;
    struct journal_counts journal;
    struct weights_facts weights;
    struct writer_counts writer;
    size_t admin_jobs; /* that wait */
    struct rpc_counts rpc;
    struct process_facts process;
    struct metrics_summary calls;
};

/* Any thread; takes the read lock for a moment, and waits for the file system. */
void facts_collect(const struct facts_sources *sources, struct facts *out);

/* Whether the last write went well, or none has been tried yet. */
bool facts_writable(const struct facts *facts);

/* In Prometheus' text format, but for what metrics_write() writes. */
void facts_write(const struct facts *facts, const struct facts_sources *sources, FILE *out);

#endif
