#include "server/monitor_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "store/state_file.h"

enum { CELL_SIZE = 400 };

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 "
    ".5rem}table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:400;"
    "color:#555;width:14rem;vertical-align:top}th,td{padding:.25rem 1rem .25rem 0;border-top:1px "
    "solid #e2e2e2;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}.state{margin:.75rem "
    "0;padding:.5rem .75rem;border-left:.3rem solid #1b7f3b;background:#eef7f0}.state.bad"
    "{border-color:#b3261e;background:#fbeeed}a{color:#0b57d0}@media(prefers-color-scheme:dark)"
    "{body{color:#e6e6e6;background:#161616}th{color:#a8a8a8}th,td{border-color:#333}.state"
    "{background:#16281b}.state.bad{background:#321a18}a{color:#8ab4f8}}"
    "@media(max-width:36rem){th{width:9rem}}";

static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"", *text) != NULL) {
            fprintf(out, "&#%d;", *text);
        } else {
            putc(*text, out);
        }
    }
}

static void row(FILE *out, const char *name, const char *value)
{
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>", name);
    put_html(out, value);
    fputs("</td></tr>\n", out);
}

__attribute__((format(printf, 3, 4))) static void row_of(FILE *out, const char *name,
                                                         const char *format, ...)
{
    char value[CELL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    row(out, name, value);
}

static void begin_table(FILE *out, const char *title)
{
    fprintf(out, "<h2>%s</h2>\n<table>\n", title);
}

static void end_table(FILE *out)
{
    fputs("</table>\n", out);
}

/* "1.5 GiB" */
static const char *bytes_text(uint64_t bytes, char out[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++) {
        value /= 1024;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

static void row_share(FILE *out, const char *name, uint64_t bytes, uint64_t budget_bytes)
{
    char part[32];
    char whole[32];
    if (budget_bytes == 0) {
        row(out, name, bytes_text(bytes, part));
        return;
    }
    row_of(out, name, "%s of %s, %.1f %%", bytes_text(bytes, part), bytes_text(budget_bytes, whole),
           100 * (double)bytes / (double)budget_bytes);
}

static void row_time(FILE *out, const char *name, int64_t time_ms)
{
    char text[40];
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    row(out, name, time_ms > 0 ? text : "unknown");
}

/* "2 d 3 h 4 min 5 s" */
static void row_duration(FILE *out, const char *name, int64_t ms)
{
    int64_t s = ms / 1000;
    row_of(out, name, "%" PRId64 " d %" PRId64 " h %" PRId64 " min %" PRId64 " s", s / 86400,
           s / 3600 % 24, s / 60 % 60, s % 60);
}

static void row_quantiles(FILE *out, const char *name, const struct histogram_sums *sums)
{
    uint64_t total = histogram_total(sums);
    if (total == 0) {
        row(out, name, "none yet");
        return;
    }
    double median = histogram_quantile(sums, &metrics_seconds, 0.5);
    double high = histogram_quantile(sums, &metrics_seconds, 0.99);
    row_of(out, name, "half within %g ms, 99 %% within %g ms, of %" PRIu64, median * 1e3,
           high * 1e3, total);
}

static void write_state(const struct monitor_page *page, FILE *out)
{
    const struct facts *facts = page->facts;
    bool writable = facts_writable(facts);
    bool good = !page->draining && writable && facts->weights.problem.text[0] == '\0';
    fprintf(out, "<p class=\"state%s\"><strong>%s</strong>", good ? "" : " bad",
            page->draining ? "Draining" : "Serving");
    if (!writable) {
        fprintf(out, "<br>Nothing is written: %s.", status_text(facts->writer.status));
    }
    if (facts->weights.problem.text[0] != '\0') {
        fputs("<br>Weights refused: ", out);
        put_html(out, facts->weights.problem.text);
    }
    fputs("</p>\n", out);
}

static void write_versions(const struct monitor_page *page, FILE *out)
{
    const struct facts *facts = page->facts;
    begin_table(out, "Versions");
    row(out, "gRPC address", page->address);
    row(out, "reelrank", SERVICE_BUILD_VERSION);
    row_of(out, "formats", "log %d, state %d", LOG_FORMAT_VERSION, STATE_VERSION);
    row(out, "weights", facts->weights.version);
    row_of(out, "weights from", "%s, change %" PRIu64, weights_origin_name(facts->weights.origin),
           facts->weights.number);
    row_time(out, "weights since", facts->weights.time_ms);
    row_duration(out, "up for", page->uptime_ms);
    row(out, "data directory", page->options->data);
    end_table(out);
}

static void write_calls(const struct monitor_page *page, FILE *out)
{
    const struct metrics_summary *calls = &page->facts->calls;
    begin_table(out, "Calls since the start");
    row_of(out, "calls", "%" PRIu64 ", %" PRIu64 " not OK, %" PRIu64 " in flight", calls->calls,
           calls->failed, calls->in_flight);
    row_quantiles(out, "Rank", &calls->rank);
    row_of(out, "connections", "%zu open", page->facts->rpc.connections.open);
    row_of(out, "rankings", "%" PRIu64 " of %" PRIu64 " candidates, %" PRIu64 " shown",
           calls->rankings, calls->candidates, calls->shown);
    if (isnan(page->drift_bits)) {
        row_of(out, "drift of scores", "not known yet: two windows of %" PRIu32 " s are needed",
               page->options->drift_window_seconds);
    } else {
        row_of(out, "drift of scores", "%.4f bits", page->drift_bits);
    }
    row_of(out, "signals", "%" PRIu64, calls->signals);
    row_quantiles(out, "syncs of the log", &calls->syncs);
    row_of(out, "waiting for the writer", "%zu of %zu calls", page->facts->writer.waiting,
           page->facts->writer.length);
    end_table(out);
}

static void write_store(const struct monitor_page *page, FILE *out)
{
    const struct facts *facts = page->facts;
    begin_table(out, "Store");
    row_of(out, "log", "records %" PRIu64 " to %" PRIu64 ", seen by rankings up to %" PRIu64,
           facts->log_first, facts->log_last, facts->state_sequence);
    row_of(out, "checkpoint", "of record %" PRIu64, facts->checkpoint_sequence);
    row_of(out, "videos, users", "%" PRIu64 ", %" PRIu64, facts->state.videos, facts->state.users);
    for (size_t i = 0; i < FACTS_FILE_COUNT; i++) {
        row_share(out, facts->files[i].name, facts->files[i].bytes, facts->files[i].budget_bytes);
    }
    row_share(out, "records of the log", facts->log.record_bytes, facts->log_budget_bytes);
    row_share(out, "disk in use", facts->disk_bytes - facts->disk_free_bytes, facts->disk_bytes);
    row_of(out, "decisions", "%" PRIu64 " written, %" PRIu64 " dropped", facts->journal.written,
           facts->journal.dropped);
    row_of(out, "forgets pending", "%" PRIu64, facts->forgets_pending);
    end_table(out);
}

static void write_process(const struct monitor_page *page, FILE *out)
{
    const struct facts *facts = page->facts;
    char text[32];
    begin_table(out, "Process");
    row(out, "memory", bytes_text(facts->process.resident_bytes, text));
    row_share(out, "users in memory", facts->state.user_bytes,
              (uint64_t)page->options->user_memory_mib << 20);
    row_share(out, "statistics in memory", facts->state.statistics_bytes,
              (uint64_t)page->options->statistics_memory_mib << 20);
    row_of(out, "file descriptors", "%" PRIu64 " of %" PRIu64, facts->process.open_fds,
           facts->process.max_fds);
    row_of(out, "threads", "%" PRIu64, facts->process.threads);
    row_of(out, "processor time", "%.1f s", facts->process.cpu_seconds);
    end_table(out);
}

void monitor_page_write(const struct monitor_page *page, FILE *out)
{
    fprintf(out,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
            "name=\"viewport\" content=\"width=device-width\">\n<title>reelrank</title>"
            "<style>%s</style></head>\n<body><main><h1>reelrank</h1>\n",
            style);
    write_state(page, out);
    fputs("<p><a href=\"/metrics\">metrics</a> · <a href=\"/healthz\">healthz</a> · "
          "<a href=\"/readyz\">readyz</a></p>\n",
          out);
    write_versions(page, out);
    write_calls(page, out);
    write_store(page, out);
    write_process(page, out);
    fputs("</main></body></html>\n", out);
}
