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
    WEIGHTS_LOCALES,
    WEIGHTS_NUMBER,
    WEIGHTS_INTEGER,
    WEIGHTS_DURATION, /* "30m": a whole number of s, m, h or d; in milliseconds here */
    WEIGHTS_CHOICE    /* one of a few words */
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
    enum weights_type type;
    size_t offset; /* in struct model */
    double min;
    double max;
    double initial;                       /* where the file says nothing */
    const struct weights_choice *choices; /* of a choice */
    const char *note;                     /* of a choice: more to say of a refused word, or NULL */
    const char *about;                    /* one line for people */
};

enum { WEIGHTS_ROWS_MAX = 192 };

const struct weights_row *weights_row_at(size_t index); /* NULL past the last */
size_t weights_row_index(const struct weights_row *row);

/* NULL when there is none. */
const struct weights_row *weights_row_find(const char *path);

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
