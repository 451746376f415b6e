#ifndef REPLAY_WEIGHTS_EDIT_H
#define REPLAY_WEIGHTS_EDIT_H

#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights.h"

/*
 * Changes keys in the text of a weights file and leaves every other byte of it as it is, comments
 * among them.
 *
 * A key that is there has its value replaced: what stands behind the value stays, what stands
 * inside it goes with it. A key that is not there becomes the last of its mapping, and so do the
 * mappings above it, in the style of the mapping that they come into. Lines end as those of the
 * file do.
 */

enum { WEIGHTS_EDIT_DEPTH = 8, WEIGHTS_NUMBER_SIZE = 32 };

struct weights_edit {
    const char *path[WEIGHTS_EDIT_DEPTH]; /* from the top: "heads", "like"; then NULL */
    /* YAML: a single value, or a mapping or list in brackets. Lines behind the first are indented
     * to fit the place. */
    struct text value;
};

/*
 * Makes the edits one after the other. *out is the caller's, from malloc(), with a zero behind its
 * *size bytes. Each result is read again: it says what it said before but for the path, and there
 * it says the value. Whether that is a weights file in force, weights_parse_with() tells: a locale
 * may override a key that the head's new kind does not have.
 *
 * STATUS_INVALID, with a problem that names the line or the key: the text is not YAML, or YAML that
 * weights files may not use; a key stands twice; something on the path is no mapping, or has no
 * value yet; the value does not fit into its place; the result would be beyond LIMIT_WEIGHTS_BYTES.
 * STATUS_NO_MEMORY.
 */
MUST_USE enum status weights_edit(struct text yaml, const struct weights_edit *edits, size_t count,
                                  char **out, size_t *size, struct problem *problem);

/* The shortest of 15 to 17 digits that a weights file reads as this very number, which is finite.
 */
void weights_edit_number(double number, char out[WEIGHTS_NUMBER_SIZE]);

/*
 * A head of kind logistic as a value, its weights one a line. *out is the caller's, from malloc().
 * STATUS_INVALID with a problem: the bias or a weight is beyond what a weights file takes, -1000 to
 * 1000. Nothing is rescaled: a feature's unit is not the file's to change. STATUS_NO_MEMORY.
 */
MUST_USE enum status weights_edit_logistic(double bias, const struct feature_weight *weights,
                                           unsigned count, char **out, struct problem *problem);

#endif
