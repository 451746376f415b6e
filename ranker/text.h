#ifndef RANKER_TEXT_H
#define RANKER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* True when no byte is above 127, as in nearly every id. */
static inline bool text_is_ascii(struct text text)
{
    uint64_t bytes = 0;
    size_t at = 0;
    for (; text.size - at >= sizeof(bytes); at += sizeof(bytes)) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof(word));
        bytes |= word;
    }
    for (; at < text.size; at++) {
        bytes |= (uint8_t)text.data[at];
    }
    return (bytes & UINT64_C(0x8080808080808080)) == 0;
}

/* True for well-formed UTF-8 (RFC 3629: no overlong forms, surrogates or values past U+10FFFF). */
bool text_is_utf8(struct text text);

/* Without the spaces, tabs, carriage returns and newlines at both ends. */
struct text text_trim(struct text text);

/* Takes what stands before the first stop off the front of *rest, and the stop; without one, all.
 */
struct text text_take(struct text *rest, char stop);

#endif
