#include "server/logline.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ranker/check.h"
#include "server/line_limit.h"
#include "server/log_text.h"
#include "store/clock.h"

enum { KINDS_MAX = 64 };

/* Lines of one event at one level. */
struct kind {
    enum log_level level;
    const char *event;
    struct line_limit limit;
};

static const char *const level_names[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

/* Set once, before there are other threads. */
static bool as_json;
static enum log_level least = LOG_INFO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by lock. */
static struct kind kinds[KINDS_MAX];
static size_t kind_count;

static _Atomic uint64_t written[LOG_LEVEL_COUNT];
static _Atomic uint64_t suppressed_lines;

enum status logline_set(const char *format, const char *level, struct problem *problem)
{
    bool json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "text") != 0) {
        problem_set(problem, "--log-format: found \"%.64s\", expected text or json", format);
        return STATUS_INVALID;
    }
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(level, level_names[i]) == 0) {
            as_json = json;
            least = (enum log_level)i;
            return STATUS_OK;
        }
    }
    problem_set(problem, "--log-level: found \"%.64s\", expected debug, info, warn or error",
                level);
    return STATUS_INVALID;
}

bool logline_is_json(void)
{
    return as_json;
}

bool logline_wants(enum log_level level)
{
    return level >= least;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

/* Further kinds than there is room for share the last one. */
static struct kind *find_kind_locked(enum log_level level, const char *event)
{
    for (size_t i = 0; i < kind_count; i++) {
        if (kinds[i].level == level && strcmp(kinds[i].event, event) == 0) {
            return &kinds[i];
        }
    }
    if (kind_count == KINDS_MAX) {
        return &kinds[KINDS_MAX - 1];
    }
    struct kind *kind = &kinds[kind_count++];
    *kind = (struct kind){.level = level, .event = event};
    line_limit_init(&kind->limit, LOGLINE_BURST, monotonic_ms());
    return kind;
}

static bool may_write(enum log_level level, const char *event, uint64_t *suppressed)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
    struct kind *kind = find_kind_locked(level, event);
    bool may = line_limit_take(&kind->limit, monotonic_ms(), suppressed);
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return may;
}

static void begin(struct log_text *line, enum log_level level, const char *event)
{
    char seconds[32];
    char text[40];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof(text), "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
    log_text_begin(line, as_json);
    log_text_pair(line, "time", text, false);
    log_text_pair(line, "level", level_names[level], false);
    log_text_pair(line, "event", event, false);
}

__attribute__((format(printf, 2, 3))) static void add(struct log_text *line, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_text_format(line, format, arguments);
    va_end(arguments);
}

static void end(struct log_text *line, enum log_level level)
{
    log_text_end(line);
    atomic_fetch_add(&written[level], 1);
    /* One write, so that lines of threads do not mix. There is nowhere to report its failure. */
    ssize_t size = write(STDERR_FILENO, line->bytes, line->size);
    (void)size;
}

void logline(enum log_level level, const char *event, const char *format, ...)
{
    struct log_text line;
    uint64_t suppressed = 0;
    if (!logline_wants(level)) {
        return;
    }
    if (!may_write(level, event, &suppressed)) {
        atomic_fetch_add(&suppressed_lines, 1);
        return;
    }
    begin(&line, level, event);
    if (suppressed > 0) {
        add(&line, "suppressed=%" PRIu64, suppressed);
    }
    va_list arguments;
    va_start(arguments, format);
    log_text_format(&line, format, arguments);
    va_end(arguments);
    end(&line, level);
}

void logline_end(void)
{
    struct log_text line;
    CHECK(pthread_mutex_lock(&lock) == 0);
    for (size_t i = 0; i < kind_count; i++) {
        struct kind *kind = &kinds[i];
        if (kind->limit.suppressed > 0) {
            begin(&line, kind->level, kind->event);
            add(&line, "suppressed=%" PRIu64, kind->limit.suppressed);
            end(&line, kind->level);
            kind->limit.suppressed = 0;
        }
    }
    CHECK(pthread_mutex_unlock(&lock) == 0);
}

void logline_count(struct logline_counts *out)
{
    for (unsigned i = 0; i < LOG_LEVEL_COUNT; i++) {
        out->written[i] = atomic_load(&written[i]);
    }
    out->suppressed = atomic_load(&suppressed_lines);
}
