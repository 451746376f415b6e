#ifndef RANKER_WEIGHTS_READ_H
#define RANKER_WEIGHTS_READ_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/locale.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"
#include "ranker/weights_table.h"

/* From a file's text to what it says of each locale, before inheritance. */

enum { VERSION_NAME_MAX = 32, LOCALES_MAX = 256, PATH_SIZE = 96 };

/* What the file says of one locale, or at its top level (key 0). */
struct layer {
    uint64_t key; /* locale_key() */
    unsigned line;
    unsigned column;
    char prefix[PATH_SIZE / 2];       /* "locales.hi." in problems */
    unsigned lines[WEIGHTS_ROWS_MAX]; /* where each row stands in the file; 0: not said */
    struct model model;               /* the rows that are said */
};

struct layers {
    char name[VERSION_NAME_MAX + 1]; /* the file's version */
    size_t count;
    struct layer items[1 + LOCALES_MAX]; /* the top level first */
};

/* Language, script and region in one number, 0 for none of them. */
static inline uint64_t locale_key(struct locale locale)
{
    return (uint64_t)locale.language << 36 | (uint64_t)locale.script << 16 | locale.region;
}

/* Adds a problem, unless there is no room for more. */
__attribute__((format(printf, 5, 6))) void weights_complain(struct weights_problems *problems,
                                                            unsigned line, unsigned column,
                                                            const char *path, const char *format,
                                                            ...);

/*
 * STATUS_INVALID: problems has them all, as far as there is room. Expects the calling thread's
 * numeric locale to be "C". layers is zeroed by the caller and no use after a failure.
 */
MUST_USE enum status weights_read(struct text yaml, struct layers *layers,
                                  struct weights_problems *problems);

#endif
