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
 * Parses language[-script][-region] of BCP 47 (RFC 5646), in any case, with "_" allowed for "-",
 * into CLDR's canonical form, as ICU makes it:
 *
 *   - deprecated, three-letter and overlong codes become the ones in use: in is id, iw is he,
 *     hin is hi, cmn is zh, BU is MM, UK is GB, 356 is IN, sh is sr-Latn, prs is fa-AF
 *   - a country that split becomes the language's part of it, or else its first: hy-SU is hy-AM,
 *     ru-SU is ru-RU
 *   - an extended language stands for itself (zh-yue is yue), and so do the registry's whole tags
 *     (i-hak is hak, zh-min-nan is nan, no-bok is nb)
 *   - the script that the language has anyhow is left out, in regions too where it is the likely
 *     one: hi-Deva-IN is hi-IN, but hi-Latn, zh-Hant-TW and sr-Latn-ME stay. None is ever added.
 *
 * "und" is language 0. Variants, extensions and private use that follow are checked for form and
 * ignored. STATUS_INVALID for anything malformed, leaving *out alone. What ICU knows is in tables
 * (locale_data.h), so that no result depends on the ICU of the machine.
 */
MUST_USE enum status locale_parse(struct text tag, struct locale *out);

/* Parses two letters in any case into the canonical region; STATUS_INVALID otherwise. */
MUST_USE enum status locale_parse_region(struct text tag, uint16_t *out);

/*
 * Whether language and region are assigned (CLDR's validity data), as far as they are given; xx-YY
 * is well-formed, but nobody's. Scripts are not looked at, nor is any private use known.
 */
bool locale_is_known(struct locale locale);

/* The language that most people of a country likely use: hi for IN; 0 for groups of countries. */
uint16_t locale_default_language(uint16_t region);

/* The language to match videos with: the locale's own, or else its region's default. */
uint16_t locale_language(struct locale locale);

/* Which release the tables are of: "ICU 72.1, CLDR 42.0". */
const char *locale_source(void);

/* Writes the canonical tag, such as "hi-Latn-IN"; unknown language is "und". */
void locale_format(struct locale locale, char out[LOCALE_TEXT_SIZE]);

/* Writes one language or region alone; "und" or "" when 0. */
void locale_format_language(uint16_t language, char out[LOCALE_TEXT_SIZE]);
void locale_format_region(uint16_t region, char out[LOCALE_TEXT_SIZE]);

#endif
