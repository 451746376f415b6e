#include "server/facts.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "server/exposition.h"
#include "store/clock.h"
#include "store/files.h"
#include "store/snapshots.h"
#include "store/state_file.h"

enum { MIB_BITS = 20 };

static uint64_t file_bytes(const char *directory, const char *name)
{
    char path[FILES_PATH_SIZE];
    struct stat facts;
    bool known = files_join(directory, name, path, NULL) == STATUS_OK && stat(path, &facts) == 0;
    return known ? (uint64_t)facts.st_size : 0;
}

static struct facts_file snapshot_files(const char *directory, uint64_t budget_bytes)
{
    struct snapshots snapshots = {.count = 0};
    struct facts_file files = {.name = "snapshots"};
    char name[SNAPSHOT_NAME_SIZE];
    if (snapshots_list(directory, &snapshots, NULL) != STATUS_OK) {
        return files;
    }
    for (size_t i = 0; i < snapshots.count; i++) {
        snapshot_name(snapshots.sequences[i], name);
        files.bytes += file_bytes(directory, name);
        files.budget_bytes += budget_bytes;
    }
    return files;
}

static void collect_files(const struct facts_sources *sources, struct facts *out)
{
    struct statvfs disk;
    const struct options *options = sources->options;
    uint64_t map_bytes = (uint64_t)options->map_mib << MIB_BITS;
    out->files[0] = (struct facts_file){"data.mdb", out->log.file_bytes, out->log.budget_bytes};
    out->files[1] =
        (struct facts_file){"state.mdb", file_bytes(options->data, "state.mdb"), map_bytes};
    out->files[2] = snapshot_files(options->data, map_bytes);
    out->files[3] = (struct facts_file){"journal", out->journal.bytes, out->journal.bytes_max};
    if (statvfs(options->data, &disk) == 0) {
        out->disk_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
        out->disk_free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    }
}

static void collect_state(struct store *store, struct facts *out)
{
    struct log *log = store_log(store);
    const struct state *state = store_begin(store);
    out->state_sequence = state_sequence(state);
    state_count(state, &out->state);
    store_end(store);
    log_bounds(log, &out->log_first, &out->log_last); /* behind the state, never before it */
    log_size(log, &out->log);
    out->checkpoint_sequence = store_checkpoint_sequence(store);
    store_window(store, &out->event_id_window, &out->event_ids);
}

void facts_collect(const struct facts_sources *sources, struct facts *out)
{
    *out = (struct facts){.now_ms = wall_clock_ms()};
    collect_state(sources->store, out);
    journal_count(sources->journal, &out->journal);
    collect_files(sources, out);
    out->log_budget_bytes = options_retain_bytes(sources->options);
    out->forgets_pending = keeper_pending(sources->keeper);
    weights_life_facts(sources->life, &out->weights);
    writer_count(sources->writer, &out->writer);
    out->admin_jobs = admin_waiting(sources->admin);
    rpc_count(sources->rpc, &out->rpc);
    process_facts(&out->process);
    metrics_sum_up(sources->metrics, &out->calls);
}

bool facts_writable(const struct facts *facts)
{
    return facts->writer.status == STATUS_OK;
}

/* How far b is behind a. */
static double lag(uint64_t a, uint64_t b)
{
    return a > b ? (double)(a - b) : 0;
}

static void write_process(const struct process_facts *process, FILE *out)
{
    const char *name = "process_cpu_seconds_total";
    exposition_head(out, name, "counter", "Processor time of all threads.");
    exposition_real(out, name, NULL, process->cpu_seconds);
    exposition_gauge(out, "process_start_time_seconds", "When the process started, since 1970.",
                     process->start_seconds);
    exposition_gauge(out, "process_resident_memory_bytes", "Memory that is in use.",
                     (double)process->resident_bytes);
    exposition_gauge(out, "process_virtual_memory_bytes",
                     "Address space, with the whole of each store file's budget.",
                     (double)process->virtual_bytes);
    exposition_gauge(out, "process_open_fds", "Open file descriptors, connections among them.",
                     (double)process->open_fds);
    exposition_gauge(out, "process_max_fds", "The limit of open file descriptors.",
                     (double)process->max_fds);
    exposition_gauge(out, "process_threads", "Threads.", (double)process->threads);
}

static void write_build(FILE *out)
{
    char log_format[16];
    char state_version[16];
    const char *name = "reelrank_build_info";
    snprintf(log_format, sizeof(log_format), "%d", LOG_FORMAT_VERSION);
    snprintf(state_version, sizeof(state_version), "%d", STATE_VERSION);
    struct labels labels = {.count = 3,
                            .items = {{"version", SERVICE_BUILD_VERSION},
                                      {"log_format", log_format},
                                      {"state_version", state_version}}};
    exposition_head(out, name, "gauge", "1, with what is running as labels.");
    exposition_whole(out, name, &labels, 1);
}

static void write_weights(const struct weights_facts *weights, FILE *out)
{
    const char *name = "reelrank_weights_info";
    struct labels labels = {
        .count = 2,
        .items = {{"version", weights->version}, {"origin", weights_origin_name(weights->origin)}}};
    exposition_head(out, name, "gauge", "1, with the weights in force as labels.");
    exposition_whole(out, name, &labels, 1);
    exposition_gauge(out, "reelrank_weights_applied_timestamp_seconds",
                     "Since when they are in force; 0 if they are not kept in the history.",
                     (double)weights->time_ms / 1000);
    exposition_gauge(out, "reelrank_weights_change", "The number of their change in the history.",
                     (double)weights->number);
    exposition_gauge(out, "reelrank_weights_refused",
                     "1 while a weights file or the history has something that was refused.",
                     weights->problem.text[0] != '\0');
}

static void write_files(const struct facts *facts, FILE *out)
{
    struct labels labels = {.count = 1};
    exposition_head(out, "reelrank_file_bytes", "gauge", "Size of the data directory's files.");
    for (size_t i = 0; i < FACTS_FILE_COUNT; i++) {
        labels.items[0] = (struct label){"file", facts->files[i].name};
        exposition_whole(out, "reelrank_file_bytes", &labels, facts->files[i].bytes);
    }
    exposition_head(out, "reelrank_file_budget_bytes", "gauge",
                    "What they may take: --map-mib each, --journal-mib; 0: no bound.");
    for (size_t i = 0; i < FACTS_FILE_COUNT; i++) {
        labels.items[0] = (struct label){"file", facts->files[i].name};
        exposition_whole(out, "reelrank_file_budget_bytes", &labels, facts->files[i].budget_bytes);
    }
    exposition_gauge(out, "reelrank_file_used_bytes",
                     "What data.mdb holds; the rest of it is free and will be used again.",
                     (double)facts->log.used_bytes);
    exposition_gauge(out, "reelrank_disk_bytes", "The file system of the data directory.",
                     (double)facts->disk_bytes);
    exposition_gauge(out, "reelrank_disk_free_bytes", "What of it is free.",
                     (double)facts->disk_free_bytes);
}

static void write_log(const struct facts *facts, FILE *out)
{
    exposition_gauge(out, "reelrank_log_first_sequence", "The oldest record that is held.",
                     (double)facts->log_first);
    exposition_gauge(out, "reelrank_log_last_sequence", "The newest record on disk.",
                     (double)facts->log_last);
    exposition_gauge(out, "reelrank_log_record_bytes", "Pages with records.",
                     (double)facts->log.record_bytes);
    exposition_gauge(out, "reelrank_log_record_budget_bytes", "What they may take: --retain-mib.",
                     (double)facts->log_budget_bytes);
    exposition_gauge(out, "reelrank_apply_lag_records",
                     "Records on disk that rankings do not see yet.",
                     lag(facts->log_last, facts->state_sequence));
    exposition_gauge(out, "reelrank_checkpoint_lag_records",
                     "Records that a start would read, since they are not in the last checkpoint.",
                     lag(facts->log_last, facts->checkpoint_sequence));
    exposition_gauge(out, "reelrank_checkpoint_sequence", "The record of the last checkpoint.",
                     (double)facts->checkpoint_sequence);
    exposition_gauge(out, "reelrank_event_ids", "Event ids in which repeats are recognised.",
                     (double)facts->event_ids);
    exposition_gauge(out, "reelrank_event_ids_budget", "How many there may be: --window-length.",
                     (double)facts->event_id_window);
    exposition_gauge(out, "reelrank_forgets_pending", "Forgotten users who are not erased yet.",
                     (double)facts->forgets_pending);
}

static void write_memory(const struct facts *facts, const struct options *options, FILE *out)
{
    const struct {
        const char *part;
        uint64_t bytes;
        uint64_t budget_bytes;
    } parts[] = {{"users", facts->state.user_bytes, (uint64_t)options->user_memory_mib << MIB_BITS},
                 {"statistics", facts->state.statistics_bytes,
                  (uint64_t)options->statistics_memory_mib << MIB_BITS}};
    struct labels labels = {.count = 1};
    exposition_head(out, "reelrank_memory_bytes", "gauge", "Memory of what is kept hot.");
    for (size_t i = 0; i < 2; i++) {
        labels.items[0] = (struct label){"part", parts[i].part};
        exposition_whole(out, "reelrank_memory_bytes", &labels, parts[i].bytes);
    }
    exposition_head(out, "reelrank_memory_budget_bytes", "gauge",
                    "What it may take after a checkpoint; the others are on disk.");
    for (size_t i = 0; i < 2; i++) {
        labels.items[0] = (struct label){"part", parts[i].part};
        exposition_whole(out, "reelrank_memory_budget_bytes", &labels, parts[i].budget_bytes);
    }
    exposition_gauge(out, "reelrank_videos", "Videos that are known and not deleted.",
                     (double)facts->state.videos);
    exposition_gauge(out, "reelrank_users", "Users that are known.", (double)facts->state.users);
    exposition_gauge(out, "reelrank_statistics", "Pairs of a video and a region or language.",
                     (double)facts->state.statistics);
}

static void write_admission(const struct rpc_counts *rpc, FILE *out)
{
    const char *name = "reelrank_admissions_total";
    exposition_head(
        out, name, "counter",
        "Messages by class and whether they were begun: late, too many (full) and expired "
        "ones are not.");
    for (unsigned class = 0; class < ADMISSION_CLASS_COUNT; class ++) {
        const struct admission_counts *counts = &rpc->admission[class];
        const struct {
            const char *outcome;
            uint64_t count;
        } rows[] = {{"begun", counts->begun},
                    {"late", counts->late},
                    {"full", counts->full},
                    {"expired", counts->expired}};
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            struct labels labels = {
                .count = 2,
                .items = {{"class", admission_class_name((enum admission_class) class)},
                          {"outcome", rows[i].outcome}}};
            exposition_whole(out, name, &labels, rows[i].count);
        }
    }
}

static void write_connections(const struct connections_counts *counts, FILE *out)
{
    const char *name = "reelrank_connections_total";
    const struct {
        const char *outcome;
        uint64_t count;
    } rows[] = {{"accepted", counts->accepted},
                {"refused", counts->refused},
                {"evicted", counts->evicted},
                {"flooded", counts->flooded},
                {"failed", counts->failed}};
    exposition_head(
        out, name, "counter",
        "Connections that were accepted, refused, closed to make room or for flooding, or "
        "could not be accepted.");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct labels labels = {.count = 1, .items = {{"outcome", rows[i].outcome}}};
        exposition_whole(out, name, &labels, rows[i].count);
    }
    exposition_gauge(out, "reelrank_connections", "Connections that are open.",
                     (double)counts->open);
}

static void write_writer(const struct facts *facts, FILE *out)
{
    exposition_gauge(out, "reelrank_store_writable",
                     "0 from a write that failed to one that does not.", facts_writable(facts));
    exposition_gauge(out, "reelrank_write_queue_calls", "Calls that wait for the writer.",
                     (double)facts->writer.waiting);
    exposition_gauge(out, "reelrank_write_queue_budget_calls",
                     "How many may wait: --write-queue-length.", (double)facts->writer.length);
    exposition_counter(out, "reelrank_write_calls_total", "Calls that were written or refused.",
                       facts->writer.batches);
    exposition_counter(out, "reelrank_write_groups_total",
                       "Groups they were written in, one sync each.", facts->writer.groups);
    exposition_gauge(out, "reelrank_admin_queue_calls", "Calls that wait for the admin's thread.",
                     (double)facts->admin_jobs);
}

static void write_journal(const struct journal_counts *journal, FILE *out)
{
    const char *name = "reelrank_journal_decisions_total";
    struct labels labels = {.count = 1, .items = {{"outcome", "written"}}};
    exposition_head(out, name, "counter", "Decisions for the journal, by what became of them.");
    exposition_whole(out, name, &labels, journal->written);
    labels.items[0].value = "dropped";
    exposition_whole(out, name, &labels, journal->dropped);
    exposition_gauge(out, "reelrank_journal_oldest_timestamp_seconds",
                     "When the oldest decision was made; 0 if there is none.",
                     (double)journal->oldest_ms / 1000);
}

static void write_arms(struct service *service, FILE *out)
{
    static const char name[] = "reelrank_arm_rankings_total";
    struct arm_count counts[ARM_COUNTS_MAX + 1];
    size_t count = service_arm_counts(service, counts);
    exposition_head(out, name, "counter", "Rankings in each arm, as EXPERIMENT/ARM.");
    for (size_t i = 0; i < count; i++) {
        struct labels labels = {.count = 1, .items = {{"arm", counts[i].arm}}};
        exposition_whole(out, name, &labels, counts[i].rankings);
    }
}

void facts_write(const struct facts *facts, const struct facts_sources *sources, FILE *out)
{
    write_build(out);
    write_process(&facts->process, out);
    write_weights(&facts->weights, out);
    write_arms(sources->service, out);
    write_admission(&facts->rpc, out);
    write_connections(&facts->rpc.connections, out);
    write_writer(facts, out);
    write_log(facts, out);
    write_files(facts, out);
    write_memory(facts, sources->options, out);
    write_journal(&facts->journal, out);
}
