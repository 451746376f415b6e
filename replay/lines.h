#ifndef REPLAY_LINES_H
#define REPLAY_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ranker/status.h"
#include "ranker/text.h"

/*
 * LINES_LIMIT_MAX: of all limits. LINES_ARENA_BYTES: for what one line means, of a log (no line of
 * a MiB means more) or of a truth (several times the largest ranking). Fuzz targets are built with
 * shorter lines, so that some are too long, and with less memory, as a sanitizer takes its time to
 * make large blocks.
 */
#ifndef LINES_LIMIT_MAX
#define LINES_LIMIT_MAX SIZE_MAX
#endif
#ifndef LINES_ARENA_BYTES
#define LINES_ARENA_BYTES (4 << 20)
#endif

/* A text file, line by line, in bounded memory. It is read in blocks, ahead of the lines. */
struct lines {
    FILE *file;      /* borrowed */
    uint64_t number; /* of the line read last, from 1 */
    size_t limit;    /* of a line */
    size_t start;    /* of what bytes holds and no line has had */
    size_t end;
    char *bytes; /* owned; limit and a block */
};

struct line {
    struct text text; /* lives until the next line is read */
    bool too_long;    /* text has only the beginning */
    bool last;        /* the file ended, or reading failed, as ferror() says: text is then empty */
};

/* Borrows file. limit: bytes of a line, without its newline. STATUS_NO_MEMORY. */
MUST_USE enum status lines_init(struct lines *lines, FILE *file, size_t limit);
void lines_release(struct lines *lines);

/* The next line without its newline; the byte order mark of the first one is left out. */
struct line lines_next(struct lines *lines);

/* Only spaces, tabs and carriage returns. */
bool line_is_blank(struct text text);

#endif
