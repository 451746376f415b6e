#include "server/server.h"

#include <errno.h>
#include <grpc/support/log.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "server/access.h"
#include "server/address.h"
#include "server/admin.h"
#include "server/health.h"
#include "server/logline.h"
#include "server/metrics.h"
#include "server/monitor.h"
#include "server/notify.h"
#include "server/reflection.h"
#include "server/rpc.h"
#include "server/service.h"
#include "server/tls.h"
#include "server/weights_life.h"
#include "server/weights_watch.h"
#include "server/writer.h"
#include "store/clock.h"
#include "store/keeper.h"
#include "store/store.h"

enum { DAY_MS = 86400000 };
enum {
    PATIENCE_MS = 60000
}; /* that a service manager should have while a start or a stop goes on */
enum { METHOD_COUNT = SERVICE_METHOD_COUNT + HEALTH_METHOD_COUNT + REFLECTION_METHOD_COUNT };

/* In the order of making; unmade in the other. */
struct server {
    const struct options *options;
    sigset_t signals;
    struct monitor *monitor; /* NULL: none is wanted. Unmade first, since it looks at all others */
    struct notify notify;
    struct store *store;
    struct journal *journal;
    struct keeper *keeper;
    struct weights_life *life;
    struct weights_watch *watch; /* NULL: no file is given; the admin's once that runs */
    struct metrics *metrics;
    struct service *service;
    struct writer *writer;
    struct certificates_paths tls_paths;
    struct tls *tls;       /* NULL: plaintext */
    struct access *access; /* NULL: whoever connects may call everything */
    struct admin *admin;
    struct descriptors *descriptors;
    struct health *health;
    struct method methods[METHOD_COUNT];
    struct rpc *rpc;
};

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    const struct server *server = context;
    unsigned long long percent = total > 0 ? 100 * done / total : 100;
    notify_tell(&server->notify, "STATUS=reading the log: %llu%%\nEXTEND_TIMEOUT_USEC=%d000",
                percent, PATIENCE_MS);
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\rreading the log: %llu%%%s", percent, done >= total ? "\n" : "");
    }
}

static void warn_of_checkpoint(void *context, const char *text)
{
    (void)context;
    logline(LOG_WARN, "checkpoint", "problem=\"%s\"", text);
}

static void note_sync(void *context, uint64_t duration_ns)
{
    struct server *server = context;
    metrics_sync(server->metrics, duration_ns);
}

static enum status open_store(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    struct store_options store_options = {
        .log = {.path = options->data,
                .map_bytes = (size_t)options->map_mib << 20,
                .synced = note_sync,
                .synced_context = server},
        .window_length = options->window_length,
        .checkpoint_records = options->checkpoint_records,
        .user_bytes = (size_t)options->user_memory_mib << 20,
        .statistics_bytes = (size_t)options->statistics_memory_mib << 20,
        .progress = show_progress,
        .progress_context = server,
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
    struct keeper_options keeper_options = {
        .store = server->store,
        .directory = options->data,
        .journal = server->journal,
        .map_bytes = (size_t)options->map_mib << 20,
        .log_bytes = options_retain_bytes(options),
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

/* What no file says: the weights of the history, or the built-in ones, which it gets. */
static void keep_built_in(struct server *server)
{
    struct weights_swap swap;
    struct problem problem;
    if (weights_life_keep(server->life, wall_clock_ms(), &swap, &problem) == STATUS_OK) {
        weights_watch_log_swap(&swap);
    } else { /* a full disk is no reason not to rank */
        logline(LOG_WARN, "weights", "problem=\"%s\"", problem.text);
    }
}

static enum status choose_weights(struct server *server, struct problem *problem)
{
    const char *path = server->options->weights;
    if (*path == '\0') {
        keep_built_in(server);
        return STATUS_OK;
    }
    enum status status = weights_watch_new(server->life, path, &server->watch);
    return status == STATUS_OK ? weights_watch_start(server->watch, problem) : status;
}

/* Of a file it is the watch that tells what is wrong. */
static void log_history_problem(struct server *server)
{
    struct weights_facts facts;
    weights_life_facts(server->life, &facts);
    if (facts.problem.text[0] != '\0') {
        logline(LOG_WARN, "weights", "problem=\"%s\"", facts.problem.text);
    }
}

static void log_weights(struct server *server)
{
    struct weights_facts facts;
    weights_life_facts(server->life, &facts);
    logline(LOG_INFO, "weights", "version=\"%s\" origin=%s change=%" PRIu64, facts.version,
            weights_origin_name(facts.origin), facts.number);
}

static enum status make_service(struct server *server, struct problem *problem)
{
    problem_set(problem, "no memory for the service");
    enum status status = weights_life_new(store_log(server->store), &server->life);
    if (status == STATUS_OK) {
        log_history_problem(server);
        status = choose_weights(server, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    log_weights(server);
    struct service_options options = {
        .store = server->store,
        .life = server->life,
        .directory = server->options->data,
        .journal = server->journal,
        .metrics = server->metrics,
        .swapped = weights_watch_log_swap,
    };
    return service_new(&options, &server->service);
}

static void look_at_weights(void *context)
{
    struct server *server = context;
    weights_watch_tick(server->watch);
}

static void look_at_credentials(void *context)
{
    struct server *server = context;
    if (server->tls != NULL) {
        tls_tick(server->tls);
    }
    if (server->access != NULL) {
        access_tick(server->access);
    }
}

static enum status make_admin(struct server *server)
{
    bool has_credentials = server->tls != NULL || server->access != NULL;
    struct admin_options options = {
        .ticks =
            {
                {server->watch != NULL ? server->options->weights_watch_ms : 0, look_at_weights,
                 server},
                {has_credentials ? server->options->credentials_watch_ms : 0, look_at_credentials,
                 server},
            },
    };
    return admin_new(&options, &server->admin);
}

/* Options that make no sense without one another. */
static enum status check_credentials(const struct options *options, struct problem *problem)
{
    bool has_cert = options->tls_cert[0] != '\0';
    bool has_key = options->tls_key[0] != '\0';
    if (has_cert != has_key) {
        problem_set(problem, "--%s is missing: --tls-cert and --tls-key belong together",
                    has_cert ? "tls-key" : "tls-cert");
        return STATUS_INVALID;
    }
    if (options->tls_client_ca[0] != '\0' && !has_cert) {
        problem_set(problem,
                    "--tls-client-ca needs --tls-cert and --tls-key: without TLS no client "
                    "shows a certificate");
        return STATUS_INVALID;
    }
    return rpc_check_listen(options->listen, has_cert || options->allow_plaintext, problem);
}

static void warn_of_plaintext(const struct options *options)
{
    struct address address;
    bool parsed = address_parse(options->listen, &address, NULL) == STATUS_OK;
    CHECK(parsed); /* check_credentials() saw to that */
    if (options->tls_cert[0] == '\0' && !address_is_loopback(&address)) {
        logline(LOG_WARN, "plaintext",
                "problem=\"who is on the way can read and change all calls%s\"",
                options->tokens[0] != '\0' ? ", and take the tokens" : "");
    }
}

static enum status make_credentials(struct server *server, struct problem *problem)
{
    const struct options *options = server->options;
    enum status status = STATUS_OK;
    warn_of_plaintext(options);
    if (options->tls_cert[0] != '\0') {
        server->tls_paths = (struct certificates_paths){
            .certificate = options->tls_cert,
            .key = options->tls_key,
            .ca = options->tls_client_ca[0] != '\0' ? options->tls_client_ca : NULL};
        status = tls_new(&server->tls_paths, &server->tls, problem);
    }
    if (status == STATUS_OK && options->tokens[0] != '\0') {
        status = access_new(options->tokens, &server->access, problem);
    }
    return status;
}

static enum status make_parts(struct server *server, struct problem *problem)
{
    enum status status = writer_new(server->store, server->keeper,
                                    server->options->write_queue_length, &server->writer);
    struct method *methods = server->methods;
    if (status == STATUS_OK) {
        status = make_admin(server);
    }
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
        .calls_max = options->max_calls,
        .streams_max = options->max_streams,
        .connections_max = options->max_connections,
        .connection_idle_s = options->connection_idle_s,
        .connection_age_s = options->connection_age_s,
        .degrade = strcmp(options->overload, "degrade") == 0,
        .queue_delay_ms = options->queue_delay_ms,
        .admin = server->admin,
        .metrics = server->metrics,
        .slow_call_ms = options->slow_call_ms,
        .tls = server->tls,
        .access = server->access,
        .allow_plaintext = options->allow_plaintext,
    };
    return rpc_start(&rpc_options, server->methods, METHOD_COUNT, server->writer, &server->rpc,
                     problem);
}

/* Before there are methods: which of them there are is known when calls come. */
static enum status make_metrics(struct server *server, struct problem *problem)
{
    enum status status = metrics_new(options_worker_count(server->options), &server->metrics);
    if (status != STATUS_OK) {
        problem_set(problem, "no memory for metrics");
    }
    return status;
}

static enum status start(struct server *server, struct problem *problem)
{
    enum status status = make_credentials(server, problem); /* before a directory is made */
    if (status == STATUS_OK) {
        status = monitor_start(server->options, &server->monitor, problem);
    }
    if (server->monitor != NULL) { /* before the store is read, which may take long */
        logline(LOG_INFO, "admin", "address=%s", monitor_address(server->monitor));
    }
    if (status == STATUS_OK) {
        status = make_metrics(server, problem);
    }
    if (status == STATUS_OK) {
        status = open_store(server, problem);
    }
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

/* Writer and admin outlive the calls that wait for them, the service outlives all three. */
static void stop(struct server *server)
{
    if (server->keeper != NULL) {
        keeper_stop(server->keeper);
    }
    monitor_free(server->monitor);
    rpc_free(server->rpc);
    writer_free(server->writer);
    admin_free(server->admin);
    access_free(server->access);
    tls_free(server->tls);
    health_free(server->health);
    descriptors_free(server->descriptors);
    service_free(server->service);
    weights_watch_free(server->watch);
    weights_life_free(server->life);
    keeper_free(server->keeper);
    journal_close(server->journal);
    store_close(server->store);
    metrics_free(server->metrics);
}

/* Commands that find the directory in use call the server there. */
static enum status announce_in_directory(struct server *server)
{
    struct address address;
    char text[ADDRESS_HOST_SIZE + 16];
    enum status status = address_parse(rpc_address(server->rpc), &address, NULL);
    CHECK(status == STATUS_OK);
    snprintf(text, sizeof(text), "%s:%u", address_to_call(&address), address.port);
    return log_announce(store_log(server->store), text);
}

static void announce(struct server *server)
{
    const char *address = rpc_address(server->rpc);
    enum status status = announce_in_directory(server);
    if (status != STATUS_OK) { /* then they cannot find it */
        logline(LOG_WARN, "announce", "problem=\"%s\"", status_text(status));
    }
    struct facts_sources sources = {.options = server->options,
                                    .store = server->store,
                                    .journal = server->journal,
                                    .keeper = server->keeper,
                                    .life = server->life,
                                    .service = server->service,
                                    .writer = server->writer,
                                    .admin = server->admin,
                                    .rpc = server->rpc,
                                    .metrics = server->metrics};
    monitor_serve(server->monitor, &sources, address);
    logline(LOG_INFO, "start", "address=%s", address);
    printf("listening on %s\n", address);
    if (server->monitor != NULL) {
        printf("admin page at http://%s/\n", monitor_address(server->monitor));
    }
    fflush(stdout);
    notify_tell(&server->notify, "READY=1\nSTATUS=serving on %s", address);
}

/*
 * Waits for a signal that ends the server. Meanwhile a watchdog is told that nothing is stuck, as
 * long as that is so: the store can be read, which a thread that never leaves it would prevent as
 * soon as there is something to write.
 */
static int wait_for_signal(struct server *server)
{
    unsigned interval_ms = server->notify.watchdog_ms / 2;
    struct timespec interval = {.tv_sec = interval_ms / 1000,
                                .tv_nsec = (long)(interval_ms % 1000) * 1000000};
    for (;;) {
        int number = sigtimedwait(&server->signals, NULL, interval_ms > 0 ? &interval : NULL);
        if (number > 0) {
            return number;
        }
        CHECK(errno == EAGAIN || errno == EINTR);
        (void)store_begin(server->store);
        store_end(server->store);
        notify_tell(&server->notify, "WATCHDOG=1");
    }
}

/* Who watches health goes elsewhere meanwhile, and loses no call; a second signal ends the wait. */
static void wait_as_lame_duck(struct server *server)
{
    uint32_t ms = server->options->lame_duck_ms;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    if (ms > 0) {
        (void)sigtimedwait(&server->signals, NULL, &time);
    }
}

static void serve(struct server *server)
{
    announce(server);
    int signal_number = wait_for_signal(server);
    notify_tell(&server->notify, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                ((uint64_t)server->options->drain_ms + PATIENCE_MS) * 1000);
    logline(LOG_INFO, "drain", "signal=%d", signal_number);
    health_set(server->health, false);
    monitor_drain(server->monitor);
    rpc_wake(server->rpc);
    wait_as_lame_duck(server);
    keeper_stop(server->keeper); /* who waits for an erasure is told, and the next start goes on */
    rpc_drain(server->rpc, server->options->drain_ms);
}

/* gRPC's own errors, as lines of our log. Whoever connects can cause them. */
static void log_grpc(gpr_log_func_args *arguments)
{
    logline(arguments->severity == GPR_LOG_SEVERITY_ERROR ? LOG_ERROR : LOG_INFO, "grpc",
            "message=\"%s\"", arguments->message);
}

enum status server_run(const struct options *options, struct problem *problem)
{
    enum status status = check_credentials(options, problem);
    if (status == STATUS_OK) {
        status = options_check(options, problem);
    }
    if (status == STATUS_OK) {
        status = monitor_check_listen(options, problem);
    }
    if (status == STATUS_OK) {
        status = logline_set(options->log_format, options->log_level, problem);
    }
    if (status != STATUS_OK) { /* before a directory is made */
        return status;
    }
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        problem_set(problem, "no memory for the server");
        return STATUS_NO_MEMORY;
    }
    server->options = options;
    notify_init(&server->notify);
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
    notify_release(&server->notify);
    free(server);
    logline_end();
    if (status == STATUS_OK) {
        logline(LOG_INFO, "stop", "status=ok");
    }
    return status;
}
