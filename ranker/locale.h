#ifndef RANKER_LOCALE_H
#define RANKER_LOCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Languages, scripts and regions as small numbers. Letters count a = 1 ... z = 26, five bits each,
 * the first letter highest, so codes sort like their texts. 0 means unknown.
 *
 *   language  2 or 3 letters                                15 bits
 *   script    4 letters                                     20 bits
 *   region    2 letters, or 0x8000 | three UN M.49 digits   16 bits
 */
struct locale {
    uint16_t language;
    uint16_t region;
    uint32_t script;
};

enum { LOCALE_TEXT_SIZE = 16 }; /* "hil-Latn-419" and its zero */

/*
 * Parses language[-script][-region] of BCP 47 (RFC 5646), in any case, with "_" allowed for "-";
 * "und" is language 0. Variants, extensions and private use that follow are checked for form and
 * ignored. Deprecated languages become their replacements of the IANA registry (in -> id, iw -> he,
 * ji -> yi, jw -> jv, mo -> ro). STATUS_INVALID for anything malformed, leaving *out alone;
 * extended languages (zh-yue) are refused too, since the registry prefers the language alone (yue).
 */
MUST_USE enum status locale_parse(struct text tag, struct locale *out);

/* Parses two letters in any case; STATUS_INVALID otherwise. */
MUST_USE enum status locale_parse_region(struct text tag, uint16_t *out);

/* Writes the canonical tag, such as "hi-Latn-IN"; unknown language is "und". */
void locale_format(struct locale locale, char out[LOCALE_TEXT_SIZE]);

/* Writes one language or region alone; "und" or "" when 0. */
void locale_format_language(uint16_t language, char out[LOCALE_TEXT_SIZE]);
void locale_format_region(uint16_t region, char out[LOCALE_TEXT_SIZE]);

#endif
