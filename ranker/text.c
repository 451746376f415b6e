#include "ranker/text.h"

#include <stdint.h>

/* Length of the sequence a first byte opens; 0 for a byte that opens none. */
static size_t sequence_size(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 2;
    }
    if ((first & 0xf0) == 0xe0) {
        return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The second byte alone decides on overlong forms, surrogates and the upper end. */
static bool second_is_valid(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

bool text_is_utf8(struct text text)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    for (size_t at = 0; at < text.size;) {
        size_t size = sequence_size(bytes[at]);
        if (size == 0 || size > text.size - at) {
            return false;
        }
        if (size > 1 && !second_is_valid(bytes[at], bytes[at + 1])) {
            return false;
        }
        for (size_t i = 2; i < size; i++) {
            if ((bytes[at + i] & 0xc0) != 0x80) {
                return false;
            }
        }
        at += size;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct text text_trim(struct text text)
{
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_space(text.data[text.size - 1])) {
        text.size--;
    }
    return text;
}

struct text text_take(struct text *rest, char stop)
{
    const char *end = rest->size > 0 ? memchr(rest->data, stop, rest->size) : NULL;
    size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct text taken = {.data = rest->data, .size = size};
    size_t used = end != NULL ? size + 1 : size;
    if (used > 0) {
        rest->data += used;
    }
    rest->size -= used;
    return taken;
}
