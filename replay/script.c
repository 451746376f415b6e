#include "replay/script.h"

#include <stdint.h>

struct block {
    uint32_t first;
    uint32_t last;
    const char *language; /* NULL: letters that say nothing of the language */
};

/* Blocks of the Unicode Standard; below the last, code points that are not here are not letters. */
static const struct block blocks[] = {
    {'A', 'Z', NULL},       {'a', 'z', NULL},       {0x00c0, 0x024f, NULL}, {0x0370, 0x03ff, NULL},
    {0x0400, 0x052f, "ru"}, {0x0530, 0x08ff, NULL}, {0x0900, 0x097f, "hi"}, {0x0980, 0x09ff, "bn"},
    {0x0a00, 0x0a7f, "pa"}, {0x0a80, 0x0aff, "gu"}, {0x0b00, 0x0b7f, "or"}, {0x0b80, 0x0bff, "ta"},
    {0x0c00, 0x0c7f, "te"}, {0x0c80, 0x0cff, "kn"}, {0x0d00, 0x0d7f, "ml"}, {0x0d80, 0x1fff, NULL},
    {0x3040, 0xd7ff, NULL},
};

enum { BLOCK_COUNT = sizeof(blocks) / sizeof(blocks[0]) };

/* Reads the character at *at, of well-formed UTF-8, and steps over it. */
static uint32_t next_character(struct text text, size_t *at)
{
    unsigned char first = (unsigned char)text.data[*at];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t character = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        character = character << 6 | ((unsigned char)text.data[*at + i] & 0x3f);
    }
    *at += size;
    return character;
}

static size_t block_of(uint32_t character)
{
    size_t i = 0;
    while (i < BLOCK_COUNT && (character < blocks[i].first || character > blocks[i].last)) {
        i++;
    }
    return i;
}

const char *script_language(struct text text)
{
    size_t counts[BLOCK_COUNT + 1] = {0};
    size_t letters = 0;
    for (size_t at = 0; at < text.size;) {
        size_t block = block_of(next_character(text, &at));
        counts[block]++;
        letters += block < BLOCK_COUNT;
    }
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        if (counts[i] * 2 > letters) {
            return blocks[i].language;
        }
    }
    return NULL;
}
