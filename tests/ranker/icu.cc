#include "tests/ranker/icu.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <unicode/locid.h>
#include <unicode/ures.h>
#include <unicode/ustring.h>
#include <unicode/uversion.h>

namespace {

void must(UErrorCode code, const char *what)
{
    if (U_FAILURE(code)) {
        std::fprintf(stderr, "icu: %s: %s\n", what, u_errorName(code));
        std::abort();
    }
}

/* A path of keys into one of ICU's data bundles. */
UResourceBundle *open_bundle(const char *bundle, std::initializer_list<const char *> path)
{
    UErrorCode code = U_ZERO_ERROR;
    UResourceBundle *at = ures_openDirect(nullptr, bundle, &code);
    for (const char *key : path) {
        UResourceBundle *next = ures_getByKey(at, key, nullptr, &code);
        ures_close(at);
        at = next;
    }
    must(code, bundle);
    return at;
}

std::string plain(const UChar *text, int32_t size)
{
    std::string out;
    for (int32_t i = 0; i < size; i++) {
        out.push_back(static_cast<char>(text[i])); /* identifiers are ASCII */
    }
    return out;
}

void put(char *out, size_t size, const char *text)
{
    int length = std::snprintf(out, size, "%s", text);
    if (length < 0 || static_cast<size_t>(length) >= size) {
        std::abort();
    }
}

icu_locale of(const icu::Locale &locale)
{
    icu_locale out = {};
    put(out.language, sizeof(out.language), locale.getLanguage());
    put(out.script, sizeof(out.script), locale.getScript());
    put(out.region, sizeof(out.region), locale.getCountry());
    if (std::strcmp(out.language, "und") == 0) {
        out.language[0] = '\0';
    }
    return out;
}

} // namespace

const char *icu_versions(void)
{
    static char text[64];
    UErrorCode code = U_ZERO_ERROR;
    UVersionInfo version;
    char icu[U_MAX_VERSION_STRING_LENGTH];
    u_getVersion(version);
    u_versionToString(version, icu);
    UResourceBundle *bundle = open_bundle("supplementalData", {"cldrVersion"});
    int32_t size = 0;
    const UChar *cldr = ures_getString(bundle, &size, &code);
    must(code, "cldrVersion");
    std::snprintf(text, sizeof(text), "ICU %s, CLDR %s", icu, plain(cldr, size).c_str());
    ures_close(bundle);
    return text;
}

bool icu_canonical(const char *tag, struct icu_locale *out)
{
    UErrorCode code = U_ZERO_ERROR;
    icu::Locale locale = icu::Locale::forLanguageTag(tag, code);
    locale.canonicalize(code);
    if (U_FAILURE(code) || locale.isBogus()) {
        return false;
    }
    *out = of(locale);
    return true;
}

struct icu_locale icu_likely(struct icu_locale locale)
{
    UErrorCode code = U_ZERO_ERROR;
    std::string name = locale.language;
    name += locale.script[0] != '\0' ? std::string("_") + locale.script : "";
    name += locale.region[0] != '\0' ? std::string("_") + locale.region : "";
    icu::Locale likely(name.c_str());
    likely.addLikelySubtags(code);
    must(code, name.c_str());
    return of(likely);
}

/* "aaa~i" is all from aaa to aai. */
static size_t expand(const std::string &range, char (*out)[ICU_ID_SIZE], size_t room)
{
    size_t tilde = range.find('~');
    std::string id = range.substr(0, tilde);
    char last = tilde == std::string::npos ? id.back() : range.back();
    size_t count = 0;
    for (; id.back() <= last && count < room; id.back()++) {
        put(out[count++], ICU_ID_SIZE, id.c_str());
    }
    return count;
}

size_t icu_ids(const char *kind, const char *type, char (*out)[ICU_ID_SIZE], size_t room)
{
    UErrorCode code = U_ZERO_ERROR;
    UResourceBundle *bundle = open_bundle("supplementalData", {"idValidity", kind, type});
    size_t count = 0;
    while (ures_hasNext(bundle)) {
        int32_t size = 0;
        const char *key = nullptr;
        const UChar *text = ures_getNextString(bundle, &size, &key, &code);
        must(code, type);
        count += expand(plain(text, size), out + count, room - count);
    }
    ures_close(bundle);
    return count;
}

size_t icu_alias_keys(char (*out)[ICU_ID_SIZE], size_t room)
{
    UErrorCode code = U_ZERO_ERROR;
    UResourceBundle *bundle = open_bundle("metadata", {"alias", "language"});
    size_t count = 0;
    while (ures_hasNext(bundle) && count < room) {
        UResourceBundle *row = ures_getNextResource(bundle, nullptr, &code);
        must(code, "alias");
        put(out[count++], ICU_ID_SIZE, ures_getKey(row));
        ures_close(row);
    }
    ures_close(bundle);
    return count;
}
