#ifndef RANKER_WEIGHTS_READ_H
#define RANKER_WEIGHTS_READ_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/locale.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"
#include "ranker/weights_memory.h"
#include "ranker/weights_table.h"

/* From a file's text to what it says of each locale and arm, before inheritance. */

enum {
    PATH_SIZE = sizeof(((struct weights_problem *)NULL)->path),
    PREFIX_SIZE = 96,
    NAME_SIZE = WEIGHTS_NAME_MAX + 1,
    LAYERS_MAX = 1 + WEIGHTS_LOCALES_MAX + WEIGHTS_EXPERIMENTS_MAX * (1 + WEIGHTS_ARMS_MAX)
};

/* Shares such as 0.1 and 0.7 and 0.2 may miss 1 by a little in binary, above or below. */
#define SHARES_TOLERANCE 1e-9

/* A place in the file; line 0 is none. */
struct mark {
    unsigned line;
    unsigned column;
};

/* What the file says at its top, or of one locale, experiment or arm. */
struct layer {
    enum weights_scope scope;
    char name[NAME_SIZE]; /* the locale's canonical tag, or the name */
    struct mark at;
    char prefix[PREFIX_SIZE];           /* "locales.hi." in problems */
    struct mark said[WEIGHTS_ROWS_MAX]; /* where each row's key stands */
    struct model model;                 /* the rows that are said */
    uint64_t inherit;                   /* of a locale: the key of the one it inherits from, or 0 */
    struct mark inherit_at;
    double share; /* of an arm */
    struct mark share_at;
};

/* What an experiment says beside its arms' layers. */
struct trial {
    const struct layer *layer;
    char salt[WEIGHTS_SALT_MAX];
    size_t salt_size; /* 0: not said */
    unsigned target_count;
    uint64_t targets[WEIGHTS_TARGETS_MAX]; /* keys of locales; none: everywhere */
    unsigned first_arm;                    /* its layers follow each other */
    unsigned arm_count;
};

struct layers {
    char name[NAME_SIZE]; /* the file's version */
    unsigned count;
    unsigned locale_count;
    unsigned trial_count;
    uint64_t keys[LAYERS_MAX];       /* locale_key() of a locale's layer, else 0 */
    struct layer *items[LAYERS_MAX]; /* in memory; the top level first, the rest in file order */
    struct trial trials[WEIGHTS_EXPERIMENTS_MAX];
    struct weights_memory memory; /* of the layers alone, for the caller to release */
};

/* Language, script and region in one number, 0 for none of them. */
static inline uint64_t locale_key(struct locale locale)
{
    return (uint64_t)locale.language << 36 | (uint64_t)locale.script << 16 | locale.region;
}

static inline struct locale locale_of_key(uint64_t key)
{
    return (struct locale){.language = (uint16_t)(key >> 36),
                           .script = (uint32_t)(key >> 16 & 0xfffff),
                           .region = (uint16_t)key};
}

/* Adds a problem, unless there is no room for more. */
__attribute__((format(printf, 4, 5))) void weights_complain(struct weights_problems *problems,
                                                            struct mark at, const char *path,
                                                            const char *format, ...);

/* Whether a problem stands there already. */
bool weights_complained(const struct weights_problems *problems, struct mark at);

/*
 * STATUS_INVALID: problems has them all, as far as there is room. Expects the calling thread's
 * numeric locale to be "C". layers is zeroed by the caller and no use after a failure; what its
 * layers point to lies in memory.
 */
MUST_USE enum status weights_read(struct text yaml, const struct weights_loader *loader,
                                  struct weights_memory *memory, struct layers *layers,
                                  struct weights_problems *problems);

#endif
