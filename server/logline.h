#ifndef SERVER_LOGLINE_H
#define SERVER_LOGLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * The log: one line on stderr for each event, as key=value, such as
 * time=2026-01-31T12:00:00.000Z level=info event=start version=1, or the same as a JSON object.
 * Holds no user data. Lines have at most 4 KiB, which a pipe takes whole: values that would make
 * one longer are cut, and pairs behind it are left out. Any thread.
 *
 * Of one event at one level at most LOGLINE_BURST lines come at once, and one more each second; the
 * next line says how many were left out before it (suppressed=N), and logline_end() says it of
 * those without one.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

enum { LOGLINE_BURST = 20 };

/*
 * format: "text" or "json"; level: "debug", "info", "warn" or "error", the least that is logged.
 * Before that it is text from info on. STATUS_INVALID: others; problem says so. By the main thread,
 * before there are others.
 */
MUST_USE enum status logline_set(const char *format, const char *level, struct problem *problem);

/* Whether every line on stderr must be an object. */
bool logline_is_json(void);

/* Whether lines of the level are written. */
bool logline_wants(enum log_level level);

/*
 * format gives further key=value pairs, with a space between; texts that may hold spaces stand in
 * double quotes and are escaped as in JSON. What is not in quotes is a number or a word. Of
 * conversions it knows %s, %d, %u, %x, %f and %g with lengths and precisions, but no widths and
 * flags. event is a literal.
 */
__attribute__((format(printf, 3, 4))) void logline(enum log_level level, const char *event,
                                                   const char *format, ...);

/* Tells what was left out and not told yet. */
void logline_end(void);

/* Lines since the start, by level. */
struct logline_counts {
    uint64_t written[LOG_LEVEL_COUNT];
    uint64_t suppressed;
};
void logline_count(struct logline_counts *out);

const char *log_level_name(enum log_level level);

#endif
