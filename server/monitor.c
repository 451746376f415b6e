#include "server/monitor.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "server/address.h"
#include "server/drift.h"
#include "server/exposition.h"
#include "server/http.h"
#include "server/logline.h"
#include "server/monitor_page.h"
#include "store/clock.h"

enum { HTTP_OK = 200, HTTP_UNAVAILABLE = 503, PAGE_COUNT = 4, ADDRESS_SIZE = 160 };

enum phase { PHASE_STARTING, PHASE_SERVING, PHASE_DRAINING };

struct monitor {
    struct http *http; /* set once */
    atomic_int phase;
    /* Set once, before PHASE_SERVING. */
    struct facts_sources sources;
    char address[ADDRESS_SIZE]; /* of the gRPC server */
    int64_t start_ms;
    struct drift drift; /* owned by the HTTP thread */
};

static enum phase phase_of(struct monitor *monitor)
{
    return (enum phase)atomic_load(&monitor->phase);
}

static unsigned say_starting(FILE *out)
{
    fputs("not ready: the server starts\n", out);
    return HTTP_UNAVAILABLE;
}

/* False while the server starts. */
static bool collect(struct monitor *monitor, struct facts *facts)
{
    if (phase_of(monitor) == PHASE_STARTING) {
        return false;
    }
    facts_collect(&monitor->sources, facts);
    drift_look(&monitor->drift, facts->calls.scores, facts->weights.number, monotonic_ms());
    return true;
}

static unsigned write_health(void *context, FILE *out)
{
    (void)context;
    fputs("ok\n", out);
    return HTTP_OK;
}

static bool failed_lately(const struct writer_counts *writer)
{
    return writer->status != STATUS_OK && monotonic_ms() - writer->failed_ms < MONITOR_RETRY_MS;
}

static unsigned write_ready(void *context, FILE *out)
{
    struct monitor *monitor = context;
    struct writer_counts writer;
    switch (phase_of(monitor)) {
    case PHASE_STARTING:
        return say_starting(out);
    case PHASE_DRAINING:
        fputs("not ready: the server drains\n", out);
        return HTTP_UNAVAILABLE;
    case PHASE_SERVING:
        break;
    }
    writer_count(monitor->sources.writer, &writer);
    if (failed_lately(&writer)) {
        fprintf(out, "not ready: nothing is written: %s\n", status_text(writer.status));
        return HTTP_UNAVAILABLE;
    }
    fputs("ok\n", out);
    return HTTP_OK;
}

static void write_lines(FILE *out)
{
    const char *name = "reelrank_logged_lines_total";
    struct logline_counts counts;
    logline_count(&counts);
    exposition_head(out, name, "counter", "Lines of the server's log.");
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        struct labels labels = {.count = 1,
                                .items = {{"level", log_level_name((enum log_level)i)}}};
        exposition_whole(out, name, &labels, counts.written[i]);
    }
    exposition_counter(out, "reelrank_suppressed_lines_total",
                       "Lines that were left out, since there were too many of their kind.",
                       counts.suppressed);
}

static unsigned write_metrics(void *context, FILE *out)
{
    struct monitor *monitor = context;
    struct facts facts;
    if (!collect(monitor, &facts)) {
        return say_starting(out);
    }
    exposition_gauge(out, "reelrank_serving", "1 while the server takes calls, 0 while it drains.",
                     phase_of(monitor) == PHASE_SERVING);
    facts_write(&facts, &monitor->sources, out);
    metrics_write(monitor->sources.metrics, out);
    exposition_gauge(
        out, "reelrank_score_drift",
        "Jensen-Shannon divergence of the last window's scores from the weights' first "
        "window, in bits from 0 to 1; NaN until there are two.",
        monitor->drift.bits);
    exposition_gauge(out, "reelrank_score_drift_window_seconds", "Their length.",
                     (double)monitor->sources.options->drift_window_seconds);
    exposition_gauge(out, "reelrank_checkpoint_interval_records",
                     "Records between two checkpoints: --checkpoint-records.",
                     (double)monitor->sources.options->checkpoint_records);
    write_lines(out);
    return HTTP_OK;
}

static unsigned write_page(void *context, FILE *out)
{
    struct monitor *monitor = context;
    struct facts facts;
    if (!collect(monitor, &facts)) {
        return say_starting(out);
    }
    struct monitor_page page = {.facts = &facts,
                                .options = monitor->sources.options,
                                .address = monitor->address,
                                .uptime_ms = monotonic_ms() - monitor->start_ms,
                                .drift_bits = monitor->drift.bits,
                                .draining = phase_of(monitor) == PHASE_DRAINING};
    monitor_page_write(&page, out);
    return HTTP_OK;
}

static const struct http_page pages[PAGE_COUNT] = {
    {"/", "text/html; charset=utf-8", write_page},
    {"/metrics", EXPOSITION_CONTENT_TYPE, write_metrics},
    {"/healthz", "text/plain; charset=utf-8", write_health},
    {"/readyz", "text/plain; charset=utf-8", write_ready}};

/* What the option means; "" for none. */
static enum status resolve(const struct options *options, char out[ADDRESS_SIZE],
                           struct problem *problem)
{
    struct address address;
    snprintf(out, ADDRESS_SIZE, "%.127s", options->admin_listen); /* its longest */
    if (strcmp(out, "auto") != 0) {
        return STATUS_OK;
    }
    enum status status = address_parse(options->listen, &address, problem);
    if (status == STATUS_OK) {
        snprintf(out, ADDRESS_SIZE, "127.0.0.1:%u", address.port > 0 ? address.port + 1 : 0);
    }
    return status;
}

enum status monitor_check_listen(const struct options *options, struct problem *problem)
{
    char listen[ADDRESS_SIZE];
    enum status status = resolve(options, listen, problem);
    return status == STATUS_OK && listen[0] != '\0' ? http_check_listen(listen, problem) : status;
}

enum status monitor_start(const struct options *options, struct monitor **out,
                          struct problem *problem)
{
    char listen[ADDRESS_SIZE];
    *out = NULL;
    enum status status = resolve(options, listen, problem);
    if (status != STATUS_OK || listen[0] == '\0') {
        return status;
    }
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        problem_set(problem, "no memory for the admin page");
        return STATUS_NO_MEMORY;
    }
    atomic_init(&monitor->phase, PHASE_STARTING);
    monitor->start_ms = monotonic_ms();
    drift_init(&monitor->drift, (int64_t)options->drift_window_seconds * 1000);
    status = http_start(listen, pages, PAGE_COUNT, monitor, &monitor->http, problem);
    if (status != STATUS_OK) {
        free(monitor);
        return status;
    }
    *out = monitor;
    return STATUS_OK;
}

const char *monitor_address(const struct monitor *monitor)
{
    return monitor != NULL ? http_address(monitor->http) : "";
}

void monitor_serve(struct monitor *monitor, const struct facts_sources *sources,
                   const char *address)
{
    if (monitor == NULL) {
        return;
    }
    CHECK(phase_of(monitor) == PHASE_STARTING);
    monitor->sources = *sources;
    snprintf(monitor->address, sizeof(monitor->address), "%s", address);
    atomic_store(&monitor->phase, PHASE_SERVING);
}

void monitor_drain(struct monitor *monitor)
{
    if (monitor != NULL) {
        atomic_store(&monitor->phase, PHASE_DRAINING);
    }
}

void monitor_free(struct monitor *monitor)
{
    if (monitor != NULL) {
        http_free(monitor->http);
        free(monitor);
    }
}
