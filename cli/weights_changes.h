#ifndef CLI_WEIGHTS_CHANGES_H
#define CLI_WEIGHTS_CHANGES_H

#include <jansson.h>

#include "ranker/text.h"

/*
 * The keys in which two weights files, both valid, differ: an array of {"key", "old", "new"}, all
 * texts as they stand in the files. A key that a file leaves out has its built-in value here, and
 * an empty text where there is none: below locales and experiments, and of heads of another kind.
 * In the order of the new file, then what the old one has alone. NULL when memory is short or a
 * text is no YAML.
 */
json_t *weights_changes(struct text old_yaml, struct text new_yaml);

#endif
