#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/locale.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * What parses is written canonically, and the canonical tag parses to the same. A language that is
 * there is the one that matches; a default one is known.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct locale locale;
    struct locale again;
    char text[LOCALE_TEXT_SIZE];
    uint16_t region;
    struct text tag = {.data = (const char *)data, .size = size};
    if (locale_parse(tag, &locale) == STATUS_OK) {
        locale_format(locale, text);
        CHECK(locale_parse(text_of(text), &again) == STATUS_OK);
        CHECK(locale.language == again.language);
        CHECK(locale.script == again.script);
        CHECK(locale.region == again.region);
        CHECK(locale_is_known(locale) == locale_is_known(again));
        uint16_t language = locale_language(locale);
        CHECK(locale.language == 0 || language == locale.language);
        CHECK(locale.language != 0 || locale_is_known((struct locale){.language = language}));
    }
    if (locale_parse_region(tag, &region) == STATUS_OK) {
        locale_format_region(region, text);
        CHECK(strlen(text) == 2);
        CHECK(locale_parse_region(text_of(text), &again.region) == STATUS_OK);
        CHECK(again.region == region);
    }
    return 0;
}
