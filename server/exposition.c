#include "server/exposition.h"

#include <inttypes.h>
#include <math.h>

enum { BOUND_TEXT_SIZE = 32 };

void exposition_head(FILE *out, const char *name, const char *kind, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void write_escaped(FILE *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            fputs("\\n", out);
        } else {
            if (*value == '"' || *value == '\\') {
                putc('\\', out);
            }
            putc(*value, out);
        }
    }
}

/* bound NULL: without "le". */
static void write_labels(FILE *out, const struct labels *labels, const char *bound)
{
    size_t count = labels != NULL ? labels->count : 0;
    const char *before = "{";
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s=\"", before, labels->items[i].name);
        write_escaped(out, labels->items[i].value);
        putc('"', out);
        before = ",";
    }
    if (bound != NULL) {
        fprintf(out, "%sle=\"%s\"", before, bound);
    }
    if (count > 0 || bound != NULL) {
        putc('}', out);
    }
}

static void write_real(FILE *out, double value)
{
    if (isnan(value)) {
        fputs(" NaN\n", out);
    } else if (isinf(value)) {
        fputs(value > 0 ? " +Inf\n" : " -Inf\n", out);
    } else {
        fprintf(out, " %.17g\n", value);
    }
}

void exposition_whole(FILE *out, const char *name, const struct labels *labels, uint64_t value)
{
    fputs(name, out);
    write_labels(out, labels, NULL);
    fprintf(out, " %" PRIu64 "\n", value);
}

void exposition_real(FILE *out, const char *name, const struct labels *labels, double value)
{
    fputs(name, out);
    write_labels(out, labels, NULL);
    write_real(out, value);
}

void exposition_counter(FILE *out, const char *name, const char *help, uint64_t value)
{
    exposition_head(out, name, "counter", help);
    exposition_whole(out, name, NULL, value);
}

void exposition_gauge(FILE *out, const char *name, const char *help, double value)
{
    exposition_head(out, name, "gauge", help);
    exposition_real(out, name, NULL, value);
}

static void write_bucket(FILE *out, const char *name, const struct labels *labels,
                         const char *bound, uint64_t count)
{
    fprintf(out, "%s_bucket", name);
    write_labels(out, labels, bound);
    fprintf(out, " %" PRIu64 "\n", count);
}

void exposition_bucket(FILE *out, const char *name, const struct labels *labels, double bound,
                       uint64_t count)
{
    char text[BOUND_TEXT_SIZE];
    snprintf(text, sizeof(text), "%.9g", bound);
    write_bucket(out, name, labels, text, count);
}

void exposition_end(FILE *out, const char *name, const struct labels *labels, double sum,
                    uint64_t count)
{
    write_bucket(out, name, labels, "+Inf", count);
    fprintf(out, "%s_sum", name);
    write_labels(out, labels, NULL);
    write_real(out, sum);
    fprintf(out, "%s_count", name);
    write_labels(out, labels, NULL);
    fprintf(out, " %" PRIu64 "\n", count);
}

void exposition_histogram(FILE *out, const char *name, const struct labels *labels,
                          const struct histogram_scale *scale, const struct histogram_sums *sums)
{
    uint64_t below = 0;
    for (size_t i = 0; i < scale->count; i++) {
        below += sums->counts[i];
        exposition_bucket(out, name, labels, (double)scale->bounds[i] * scale->unit, below);
    }
    exposition_end(out, name, labels, (double)sums->sum * scale->unit,
                   below + sums->counts[scale->count]);
}
