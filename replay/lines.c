#include "replay/lines.h"

#include <stdlib.h>
#include <string.h>

enum status lines_init(struct lines *lines, FILE *file, size_t limit)
{
    *lines = (struct lines){.file = file, .limit = limit, .bytes = malloc(limit)};
    return lines->bytes != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void lines_release(struct lines *lines)
{
    free(lines->bytes);
    lines->bytes = NULL;
}

static bool has_mark(struct text text)
{
    return text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;
}

struct line lines_next(struct lines *lines)
{
    struct line line = {.text = {lines->bytes, 0}};
    lines->number++;
    int c = getc_unlocked(lines->file);
    while (c != EOF && c != '\n') {
        if (line.text.size == lines->limit) {
            line.too_long = true;
        } else {
            lines->bytes[line.text.size] = (char)c;
            line.text.size++;
        }
        c = getc_unlocked(lines->file);
    }
    line.last = c == EOF;
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
