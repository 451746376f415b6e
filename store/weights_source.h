#ifndef STORE_WEIGHTS_SOURCE_H
#define STORE_WEIGHTS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"

/*
 * What weights are parsed from: the YAML text and the model files it names, however they came here:
 * from disk, in a message, out of the history.
 */
enum { WEIGHTS_MODEL_NAME_SIZE = 128 + 1 };

struct weights_model_file {
    char name[WEIGHTS_MODEL_NAME_SIZE];
    struct text content;
};

struct weights_source {
    struct text yaml;
    const struct weights_model_file *models;
    size_t model_count;
};

/*
 * Whether a model file may have this name: a path of 1 to 128 printable bytes that stays below the
 * directory it is relative to.
 */
bool weights_model_name_valid(const char *name);

/*
 * Parses, as weights_parse_with(). A name that may not be, one given twice, models that no head
 * uses, and too many or too large ones are problems too, of the file as a whole.
 */
MUST_USE enum status weights_source_parse(const struct weights_source *source, struct weights **out,
                                          struct weights_problems *problems);

/* XXH3-64 of the YAML and of each model's name and bytes, in their order, with their lengths. */
uint64_t weights_source_hash(const struct weights_source *source);

/* Adds a problem of the file as a whole; one too many is left out. */
__attribute__((format(printf, 2, 3))) void weights_problems_add(struct weights_problems *problems,
                                                                const char *format, ...);

#endif
