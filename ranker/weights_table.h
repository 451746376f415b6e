#ifndef RANKER_WEIGHTS_TABLE_H
#define RANKER_WEIGHTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/text.h"
#include "ranker/weights.h"

/*
 * Every key of the weights file, once: the parser, the bounds, the defaults, the suggestions and
 * the JSON Schema all read this table, so they cannot disagree.
 */
enum weights_kind {
    WEIGHTS_SECTION, /* a mapping; its keys are the rows one name longer */
    WEIGHTS_VERSION,
    WEIGHTS_LOCALES,     /* a mapping of locales to what differs there */
    WEIGHTS_EXPERIMENTS, /* a mapping of names to experiments */
    WEIGHTS_INHERIT,     /* a locale of the file */
    WEIGHTS_SALT,
    WEIGHTS_TARGETS, /* a list of locales */
    WEIGHTS_ARMS,    /* a mapping of names to a share and what differs there */
    WEIGHTS_SHARE,
    WEIGHTS_NUMBER,
    WEIGHTS_INTEGER,
    WEIGHTS_DURATION,  /* "30m": a whole number of s, m, h or d; in milliseconds here */
    WEIGHTS_CHOICE,    /* one of a few words */
    WEIGHTS_FEATURES,  /* a mapping of features to numbers; in a struct head_model */
    WEIGHTS_SOURCES,   /* a mapping of names to numbers; all of struct model's sources */
    WEIGHTS_LANGUAGES, /* a mapping of languages to numbers; all of struct model's languages */
    WEIGHTS_NAMES,     /* a list of names; a struct forbidden_names */
    WEIGHTS_FILE       /* the name of a model file; in a struct head_model */
};

/* Where a key may stand. Sections may stand everywhere but directly in an experiment. */
enum weights_scope {
    WEIGHTS_TOP = 1,
    WEIGHTS_LOCALE = 2,
    WEIGHTS_EXPERIMENT = 4,
    WEIGHTS_ARM = 8,
    WEIGHTS_EVERYWHERE = WEIGHTS_TOP | WEIGHTS_LOCALE | WEIGHTS_ARM
};

/* How struct model holds a value. */
enum weights_type {
    WEIGHTS_TYPE_NONE, /* it does not: checked only */
    WEIGHTS_TYPE_DOUBLE,
    WEIGHTS_TYPE_INT64,
    WEIGHTS_TYPE_INT, /* enums too */
    WEIGHTS_TYPE_BOOL
};

struct weights_choice {
    const char *name; /* NULL ends a list */
    int value;
};

struct weights_row {
    const char *path; /* dotted, from the file's root */
    enum weights_kind kind;
    unsigned scopes;  /* enum weights_scope; 0: WEIGHTS_EVERYWHERE */
    unsigned used_by; /* of a head's key: 1 << enum head_kind for each kind that uses it; else 0 */
    enum weights_type type;
    size_t offset; /* in struct model */
    double min;
    double max;
    double initial;                       /* where the file says nothing */
    const struct weights_choice *choices; /* of a choice */
    const char *about;                    /* one line for people */
};

enum { WEIGHTS_ROWS_MAX = 256 };

const struct weights_row *weights_row_at(size_t index); /* NULL past the last */
size_t weights_row_index(const struct weights_row *row);

/* NULL when there is none that may stand there. */
const struct weights_row *weights_row_find(const char *path, enum weights_scope scope);
bool weights_row_stands_in(const struct weights_row *row, enum weights_scope scope);

/* Whether a single value stands there that struct model holds. */
bool weights_row_is_scalar(const struct weights_row *row);

/* The last name of the row's path if the row lies directly in the section ("" is the root), else
 * NULL. */
const char *weights_row_name_in(const struct weights_row *row, const char *section);

/* Everything as the table has it. */
void weights_model_init(struct model *out);
void weights_model_set(struct model *model, const struct weights_row *row, double value);
double weights_model_get(const struct model *model, const struct weights_row *row);

/*
 * No score of a model may reach this: the exact sums of exact_quantum() end at 2^19.
 * weights_score_bound() is what the model's weights could reach, with every feature and positive
 * head at 1.
 */
#define WEIGHTS_SCORE_MAX 0x1p18
double weights_score_bound(const struct model *model);

#endif
