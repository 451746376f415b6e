#ifndef SERVER_LINE_LIMIT_H
#define SERVER_LINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often a kind of line may be written: a burst at once, and then one a second. Owned by whoever
 * holds its lock.
 */
struct line_limit {
    int64_t burst;
    int64_t last_ms;     /* when a second's line was last added */
    int64_t left;        /* lines that may be written now */
    uint64_t suppressed; /* since the last line that was */
};

void line_limit_init(struct line_limit *limit, int64_t burst, int64_t now_ms);

/*
 * Whether a line may be written at now_ms, of a clock that does not go back; if so *suppressed is
 * how many might not since the last that might.
 */
bool line_limit_take(struct line_limit *limit, int64_t now_ms, uint64_t *suppressed);

#endif
