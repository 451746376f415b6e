#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One line on stderr that says how far long work is: share, rate, time left. Silent when stderr is
 * not a terminal, and for the first half second, so that short work shows nothing.
 */
struct progress {
    const char *what; /* "importing" */
    const char *unit; /* "MB"; what scale units of done are */
    uint64_t scale;
    uint64_t total; /* 0: unknown */
    int64_t started_ms;
    int64_t shown_ms; /* 0: nothing is on the line */
    bool terminal;
};

/* what and unit are borrowed. */
void progress_start(struct progress *progress, const char *what, const char *unit, uint64_t scale,
                    uint64_t total);

/* May be called often; writes about five times a second. */
void progress_show(struct progress *progress, uint64_t done);

/* Clears the line, so that a message can follow; a later progress_show() draws it again. */
void progress_clear(struct progress *progress);

#endif
