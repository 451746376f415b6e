#ifndef TESTS_RANKER_WEIGHTS_TEXT_H
#define TESTS_RANKER_WEIGHTS_TEXT_H

#include "ranker/weights.h"

/* What the tests of weights files do with their texts. */

/* Parses a text that has no problems; free with weights_unref(). */
struct weights *weights_accept(const char *yaml);

/* The same with model files. */
struct weights *weights_accept_with(const char *yaml, const struct weights_loader *loader);

/* Parses a text that has problems, and leaves no weights. Valid until the next call. */
const struct weights_problems *weights_refuse(struct text yaml,
                                              const struct weights_loader *loader);

/* The body, below a version in line 1, has this one problem. */
void weights_check_refused(const char *body, unsigned line, unsigned column, const char *path,
                           const char *message);

/* The model of a tag, for nobody in an experiment. */
const struct model *weights_model_of(const struct weights *weights, const char *tag);

#endif
