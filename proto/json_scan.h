#ifndef PROTO_JSON_SCAN_H
#define PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/text.h"

/*
 * Goes over a text of JSON, token by token. Each function passes over spaces first, then takes what
 * it is named after; false where something else stands there, or a form of it that is rare, and the
 * place reached then means nothing.
 */
struct scan {
    const char *at;
    const char *end;
};

/* The next character, which stays; a zero at the end. */
char scan_peek(struct scan *scan);

/* One character, not zero. A false return leaves it there. */
bool scan_take(struct scan *scan, char c);

/* A word; spaces before it are not passed over. A false return leaves what is there. */
bool scan_word(struct scan *scan, const char *word);

/* A string without escapes and control characters; *out is without its quotes. */
bool scan_bare(struct scan *scan, struct text *out);

/* A string of UTF-8 with escapes of one letter, copied to arena with a zero behind it. */
bool scan_string(struct scan *scan, struct arena *arena, char **out);

/* A whole number of at most 18 digits, also within quotes, from -largest or 0 to largest. */
bool scan_signed(struct scan *scan, int64_t largest, int64_t *out);
bool scan_unsigned(struct scan *scan, uint64_t largest, uint64_t *out);

/* A finite number, rounded as strtod() rounds it; -0 is 0, as it is for whole numbers. */
bool scan_real(struct scan *scan, double *out);

#endif
