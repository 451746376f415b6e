#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "store/clock.h"

enum { QUIET_MS = 500, PERIOD_MS = 200, LINE_SIZE = 96 };

void progress_start(struct progress *progress, const char *what, const char *unit, uint64_t scale,
                    uint64_t total)
{
    *progress = (struct progress){.what = what,
                                  .unit = unit,
                                  .scale = scale,
                                  .total = total,
                                  .started_ms = monotonic_ms(),
                                  .terminal = isatty(STDERR_FILENO) == 1};
}

/* Writes "M:SS" of what is left at the rate so far, into out. */
static void format_left(const struct progress *progress, uint64_t done, double seconds, char *out,
                        size_t size)
{
    double left = seconds * (double)(progress->total - done) / (double)done;
    uint64_t whole = (uint64_t)left;
    snprintf(out, size, "%" PRIu64 ":%02" PRIu64 " left", whole / 60, whole % 60);
}

void progress_show(struct progress *progress, uint64_t done)
{
    if (!progress->terminal) {
        return;
    }
    int64_t now = monotonic_ms();
    bool quiet = now - progress->started_ms < QUIET_MS;
    if (quiet || now - progress->shown_ms < PERIOD_MS) {
        return;
    }
    progress->shown_ms = now;
    double seconds = (double)(now - progress->started_ms) / 1000;
    double amount = (double)done / (double)progress->scale;
    char left[32] = "";
    char of[32] = "";
    if (progress->total >= done && done > 0) {
        format_left(progress, done, seconds, left, sizeof(left));
        snprintf(of, sizeof(of), " of %.1f (%.0f %%)",
                 (double)progress->total / (double)progress->scale,
                 100 * (double)done / (double)progress->total);
    }
    char line[LINE_SIZE];
    snprintf(line, sizeof(line), "%s: %.1f%s %s, %.1f %s/s %s", progress->what, amount, of,
             progress->unit, amount / seconds, progress->unit, left);
    fprintf(stderr, "\r\033[K%s", line);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown_ms != 0) {
        fputs("\r\033[K", stderr);
        progress->shown_ms = 0;
    }
}
