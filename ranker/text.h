#ifndef RANKER_TEXT_H
#define RANKER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Borrowed bytes, not terminated by a zero. An empty text may have NULL data. */
struct text {
    const char *data;
    size_t size;
};

static inline struct text text_of(const char *string)
{
    return (struct text){.data = string, .size = strlen(string)};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* True for well-formed UTF-8 (RFC 3629: no overlong forms, surrogates or values past U+10FFFF). */
bool text_is_utf8(struct text text);

#endif
