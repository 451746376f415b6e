#ifndef TESTS_RANKER_ICU_H
#define TESTS_RANKER_ICU_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What ICU says of locales, for the program that makes ranker/locale_data.h and the test that
 * compares with it. ICU has CLDR's canonical forms in C++ alone (icu::Locale::canonicalize), so
 * behind this header stands the one C++ file of the project.
 */
#ifdef __cplusplus
extern "C" {
#endif

/* Each part empty where there is none; language empty for "und". */
struct icu_locale {
    char language[12];
    char script[8];
    char region[8];
};

/* "ICU 72.1, CLDR 42.0", of the library that runs. */
const char *icu_versions(void);

/* Reads a BCP 47 tag and makes it canonical; false when ICU cannot read it. */
bool icu_canonical(const char *tag, struct icu_locale *out);

/* Adds what most likely is meant where a part is missing; what nobody knows stays empty. */
struct icu_locale icu_likely(struct icu_locale locale);

/*
 * The identifiers of CLDR's validity data, of kind "language" or "region" and type "regular",
 * "special", "macroregion" ...; returns how many, at most room. Ends the process where ICU has no
 * such data.
 */
enum { ICU_ID_SIZE = 24 };
size_t icu_ids(const char *kind, const char *type, char (*out)[ICU_ID_SIZE], size_t room);

/* The left sides of CLDR's aliases of languages, such as "in" and "zh_min_nan"; likewise. */
size_t icu_alias_keys(char (*out)[ICU_ID_SIZE], size_t room);

#ifdef __cplusplus
}
#endif

#endif
