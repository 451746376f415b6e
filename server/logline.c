#include "server/logline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static const char *const level_names[] = {"info", "warn", "error"};

/* Returns the length written, cut to what fits. */
static size_t prefix(char *line, enum log_level level, const char *event)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    size_t size = strftime(line, LINE_SIZE, "time=%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + size, LINE_SIZE - size, ".%03dZ level=%s event=%s ",
                        (int)(now.tv_nsec / 1000000), level_names[level], event);
    size += more > 0 ? (size_t)more : 0;
    return size < LINE_SIZE - 1 ? size : LINE_SIZE - 1;
}

void logline(enum log_level level, const char *event, const char *format, ...)
{
    char line[LINE_SIZE + 1];
    size_t size = prefix(line, level, event);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + size, LINE_SIZE - size, format, arguments);
    va_end(arguments);
    for (char *at = line; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' '; /* a line stays a line */
        }
    }
    size = strlen(line);
    line[size] = '\n';
    /* One write, so that lines of threads do not mix. There is nowhere to report its failure. */
    ssize_t written = write(STDERR_FILENO, line, size + 1);
    (void)written;
}
