#include "replay/lines.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1 << 16 };

enum status lines_init(struct lines *lines, FILE *file, size_t limit)
{
    limit = limit < LINES_LIMIT_MAX ? limit : LINES_LIMIT_MAX;
    *lines = (struct lines){.file = file, .limit = limit, .bytes = malloc(limit + BLOCK_SIZE)};
    return lines->bytes != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void lines_release(struct lines *lines)
{
    free(lines->bytes);
    lines->bytes = NULL;
}

/* Reads a block to behind what is there, which moves to the front; false at the end of the file. */
static bool fill(struct lines *lines)
{
    lines->end -= lines->start;
    memmove(lines->bytes, lines->bytes + lines->start, lines->end);
    lines->start = 0;
    size_t size = fread(lines->bytes + lines->end, 1, BLOCK_SIZE, lines->file);
    lines->end += size;
    return size > 0;
}

/* Takes size bytes, and the newline if one is there. */
static struct text take(struct lines *lines, size_t size, bool newline)
{
    struct text text = {lines->bytes + lines->start, size};
    lines->start += size + (newline ? 1 : 0);
    return text;
}

/* The first limit bytes stay where they are; those after them go, up to the next newline. */
static struct line skip(struct lines *lines)
{
    struct line line = {.text = {lines->bytes, lines->limit}, .too_long = true};
    size_t from = lines->start + lines->limit;
    memmove(lines->bytes, lines->bytes + lines->start, lines->limit);
    char *rest = lines->bytes + lines->limit;
    size_t size = lines->end - from;
    memmove(rest, lines->bytes + from, size);
    const char *newline = memchr(rest, '\n', size);
    while (newline == NULL && !line.last) {
        size = fread(rest, 1, BLOCK_SIZE, lines->file);
        line.last = size == 0;
        newline = memchr(rest, '\n', size);
    }
    lines->start = newline != NULL ? (size_t)(newline + 1 - lines->bytes) : 0;
    lines->end = newline != NULL ? lines->limit + size : 0;
    return line;
}

static struct line next(struct lines *lines)
{
    size_t seen = 0; /* bytes known to hold no newline */
    for (;;) {
        const char *from = lines->bytes + lines->start;
        size_t size = lines->end - lines->start;
        const char *newline = size > seen ? memchr(from + seen, '\n', size - seen) : NULL;
        seen = newline != NULL ? (size_t)(newline - from) : size;
        if (seen > lines->limit) {
            return skip(lines);
        }
        if (newline != NULL) {
            return (struct line){.text = take(lines, seen, true)};
        }
        if (!fill(lines)) {
            seen = ferror(lines->file) ? 0 : seen;
            return (struct line){.text = take(lines, seen, false), .last = true};
        }
    }
}

static bool has_mark(struct text text)
{
    return text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
}

struct line lines_next(struct lines *lines)
{
    struct line line = next(lines);
    lines->number++;
    if (lines->number == 1 && has_mark(line.text)) {
        line.text = (struct text){line.text.data + 3, line.text.size - 3};
    }
    return line;
}

bool line_is_blank(struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r') {
            return false;
        }
    }
    return true;
}
