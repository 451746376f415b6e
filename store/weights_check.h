#ifndef STORE_WEIGHTS_CHECK_H
#define STORE_WEIGHTS_CHECK_H

#include <stdint.h>

#include "ranker/status.h"
#include "store/pages.h"

/* Checks the history of the weights in a log that nobody writes, without LMDB (pages.h). */

/*
 * Each row decodes; numbers rise by one from 1; each text has the hash that is its key; each change
 * has its texts, and no text is without a change; a version's hash is that of its text, as far as
 * no model files come into it. error is called for each thing that is wrong; what the pages' own
 * damage is told of is not told again. *changes counts the good rows. STATUS_NO_MEMORY.
 */
MUST_USE enum status weights_check(struct pages *pages,
                                   void (*error)(void *context, const char *text), void *context,
                                   uint64_t *changes);

#endif
