#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grpc/support/log.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/default_weights.h"
#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/weights.h"
#include "server/health.h"
#include "server/logline.h"
#include "server/reflection.h"
#include "server/rpc.h"
#include "server/service.h"
#include "server/writer.h"
#include "store/keeper.h"
#include "store/store.h"

enum { DAY_MS = 86400000 };
enum { METHOD_COUNT = SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT + REFLECTION_METHOD_COUNT };

/* In the order of making; unmade in the other. */
struct server {
    const struct options *options;
    sigset_t signals;
    struct store *store;
    struct journal *journal;
    struct keeper *keeper;
    struct service *service;
    struct writer *writer;
    struct descriptors *descriptors;
    struct health *health;
    struct method methods[METHOD_COUNT];
    struct rpc *rpc;
};

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    unsigned long long percent = total > 0 ? 100 * done / total : 100;
    fprintf(stderr, "\rreading the log: %llu%%%s", percent, done >= total ? "\n" : "");
}

static void warn_of_checkpoint(void *context, const char *text)
{
    (void)context;
    logline(LOG_WARN, "checkpoint", "problem=\"%s\"", text);
}

static enum status open_store(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    struct store_options store_options = {
        .log = {.path = options->data, .map_bytes = (size_t)options->map_mib << 20},
        .window_length = options->window_length,
        .checkpoint_records = options->checkpoint_records,
        .user_bytes = (size_t)options->user_memory_mib << 20,
        .statistics_bytes = (size_t)options->statistics_memory_mib << 20,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
        .warn = warn_of_checkpoint,
    };
    return store_open(&store_options, &server->store, problem);
}

static void warn_of_journal(void *context, const char *text)
{
    (void)context;
    logline(LOG_WARN, "journal", "problem=\"%s\"", text);
}

static enum status make_journal(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    struct journal_options journal_options = {
        .data = options->data,
        .bytes_max = (uint64_t)options->journal_mib << 20,
        .age_ms = (int64_t)options->journal_days * DAY_MS,
        .share_ppm = options->journal_share_ppm,
        .warn = warn_of_journal,
    };
    enum status status = journal_open(&journal_options, &server->journal, problem);
    if (status == STATUS_OK && journal_start(server->journal) != STATUS_OK) {
        problem_set(problem, "no thread for the decision journal");
        status = STATUS_IO;
    }
    return status;
}

static void warn_of_keeping(void *context, const char *text)
{
    (void)context;
    logline(LOG_WARN, "retention", "problem=\"%s\"", text);
}

/* What a start found, for those who look for what a crash left. */
static void log_recovery(struct server *server)
{
    uint64_t first;
    uint64_t last;
    struct store *store = server->store;
    log_bounds(store_log(store), &first, &last);
    logline(LOG_INFO, "recovered",
            "log_first=%" PRIu64 " log_last=%" PRIu64 " checkpoint=%" PRIu64
            " forgets_pending=%" PRIu64,
            first, last, store_checkpoint_sequence(store), keeper_pending(server->keeper));
}

static enum status make_keeper(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    uint32_t mib = options->retain_mib > 0 ? options->retain_mib : options->map_mib / 4 * 3;
    struct keeper_options keeper_options = {
        .store = server->store,
        .directory = options->data,
        .journal = server->journal,
        .map_bytes = (size_t)options->map_mib << 20,
        .log_bytes = (uint64_t)mib << 20,
        .log_ms = (int64_t)options->retain_days * DAY_MS,
        .user_ms = (int64_t)options->user_days * DAY_MS,
        .statistics_ms = (int64_t)options->statistics_days * DAY_MS,
        .tombstone_ms = (int64_t)options->tombstone_days * DAY_MS,
        .warn = warn_of_keeping,
    };
    enum status status = keeper_new(&keeper_options, &server->keeper);
    if (status != STATUS_OK) {
        problem_set(problem, "no memory for retention");
        return status;
    }
    log_recovery(server);
    return STATUS_OK;
}

/* Reads at most size bytes; *length may reach size when there are more. */
static enum status read_file(const char *path, char *out, size_t size, size_t *length,
                             struct problem *problem)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        problem_set(problem, "weights: cannot read %s: %s", path, strerror(errno));
        return STATUS_INVALID;
    }
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size) {
        got = read(file, out + used, size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    int error = errno;
    close(file);
    if (got < 0) {
        problem_set(problem, "weights: cannot read %s: %s", path, strerror(error));
        return STATUS_INVALID;
    }
    *length = used;
    return STATUS_OK;
}

static enum status parse_weights(const char *name, struct text yaml, struct weights **out,
                                 struct problem *problem)
{
    struct weights_problems problems = {0};
    enum status status = weights_parse(yaml, out, &problems);
    for (unsigned i = 0; i < problems.count; i++) {
        const struct weights_problem *item = &problems.items[i];
        fprintf(stderr, "%s:%u:%u: %s%s%s\n", name, item->line, item->column, item->path,
                *item->path != '\0' ? ": " : "", item->message);
    }
    if (status == STATUS_INVALID) {
        problem_set(problem, "weights: %s has %u problem%s", name, problems.count,
                    problems.count == 1 ? "" : "s");
    } else if (status != STATUS_OK) {
        problem_set(problem, "weights: %s: %s", name, status_text(status));
    }
    return status;
}

static enum status load_weights(const char *path, struct weights **out, struct problem *problem)
{
    if (*path == '\0') {
        struct text yaml = {.data = default_weights, .size = default_weights_size};
        return parse_weights("built-in weights", yaml, out, problem);
    }
    size_t size = LIMIT_WEIGHTS_BYTES + 1; /* the parser refuses what is longer */
    char *bytes = malloc(size);
    if (bytes == NULL) {
        problem_set(problem, "weights: no memory for %s", path);
        return STATUS_NO_MEMORY;
    }
    size_t length = 0;
    enum status status = read_file(path, bytes, size, &length, problem);
    if (status == STATUS_OK) {
        status = parse_weights(path, (struct text){.data = bytes, .size = length}, out, problem);
    }
    free(bytes);
    return status;
}

static enum status make_service(struct server *server, struct problem *problem)
{
    struct weights *weights = NULL;
    enum status status = load_weights(server->options->weights, &weights, problem);
    if (status != STATUS_OK) {
        return status;
    }
    logline(LOG_INFO, "weights", "version=\"%s\"", weights_version(weights));
    status = service_new(server->store, weights, &server->service);
    if (status != STATUS_OK) {
        weights_free(weights);
        problem_set(problem, "no memory for the service");
        return status;
    }
    service_use_journal(server->service, server->options->data, server->journal);
    return STATUS_OK;
}

static enum status make_parts(struct server *server, struct problem *problem)
{
    enum status status = writer_new(server->store, server->keeper,
                                    server->options->write_queue_length, &server->writer);
    struct method *methods = server->methods;
    if (status == STATUS_OK) {
        service_methods(server->service, methods);
        status = health_new(methods, SERVICE_METHOD_COUNT, &server->health);
    }
    if (status == STATUS_OK) {
        health_methods(server->health, methods + SERVICE_METHOD_COUNT);
        status = reflection_descriptors(&server->descriptors);
    }
    if (status != STATUS_OK) {
        problem_set(problem, "cannot make the server's parts: %s", status_text(status));
        return status;
    }
    reflection_methods(server->descriptors, methods + SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT);
    return STATUS_OK;
}

static enum status start_rpc(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    struct rpc_options rpc_options = {
        .listen = options->listen,
        .worker_count = options_worker_count(options),
        .max_message_bytes = options->max_message_bytes,
        .memory_quota_bytes = (size_t)options->memory_quota_mib << 20,
    };
    return rpc_start(&rpc_options, server->methods, METHOD_COUNT, server->writer, &server->rpc,
                     problem);
}

static enum status start(struct server *server, struct problem *problem)
{
    enum status status = open_store(server, problem);
    if (status == STATUS_OK) {
        status = make_journal(server, problem);
    }
    if (status == STATUS_OK) {
        status = make_keeper(server, problem);
    }
    if (status == STATUS_OK) {
        status = make_service(server, problem);
    }
    if (status == STATUS_OK) {
        status = make_parts(server, problem);
    }
    if (status == STATUS_OK) {
        status = start_rpc(server, problem);
    }
    if (status == STATUS_OK && keeper_start(server->keeper) != STATUS_OK) {
        problem_set(problem, "no thread for retention");
        status = STATUS_IO;
    }
    return status;
}

/* The writer outlives the calls that wait for it, the service outlives both. */
static void stop(struct server *server)
{
    if (server->keeper != NULL) {
        keeper_stop(server->keeper);
    }
    rpc_free(server->rpc);
    writer_free(server->writer);
    health_free(server->health);
    descriptors_free(server->descriptors);
    service_free(server->service);
    keeper_free(server->keeper);
    journal_close(server->journal);
    store_close(server->store);
}

static void announce(struct server *server)
{
    const char *address = rpc_address(server->rpc);
    enum status status = log_announce(store_log(server->store), address);
    if (status != STATUS_OK) { /* commands that find the directory in use cannot find the server */
        logline(LOG_WARN, "announce", "problem=\"%s\"", status_text(status));
    }
    logline(LOG_INFO, "start", "address=%s", address);
    printf("listening on %s\n", address);
    fflush(stdout);
}

static void serve(struct server *server)
{
    int signal_number = 0;
    announce(server);
    int rc = sigwait(&server->signals, &signal_number);
    CHECK(rc == 0);
    logline(LOG_INFO, "drain", "signal=%d", signal_number);
    health_set(server->health, false);
    rpc_wake(server->rpc);
    keeper_stop(server->keeper); /* who waits for an erasure is told, and the next start goes on */
    rpc_drain(server->rpc, server->options->drain_ms);
}

/* gRPC's own errors, as lines of our log. */
static void log_grpc(gpr_log_func_args *arguments)
{
    logline(arguments->severity == GPR_LOG_SEVERITY_ERROR ? LOG_ERROR : LOG_INFO, "grpc",
            "message=\"%s\"", arguments->message);
}

enum status server_run(const struct options *options, struct problem *problem)
{
    enum status status = rpc_check_listen(options->listen, problem);
    if (status != STATUS_OK) { /* before a directory is made */
        return status;
    }
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        problem_set(problem, "no memory for the server");
        return STATUS_NO_MEMORY;
    }
    server->options = options;
    /* Before any thread is made, gRPC's included: they inherit the mask. */
    sigemptyset(&server->signals);
    sigaddset(&server->signals, SIGTERM);
    sigaddset(&server->signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &server->signals, NULL);
    gpr_set_log_function(log_grpc);
    options_log(options);
    status = start(server, problem);
    if (status == STATUS_OK) {
        serve(server);
    }
    stop(server);
    free(server);
    if (status == STATUS_OK) {
        logline(LOG_INFO, "stop", "status=ok");
    }
    return status;
}
