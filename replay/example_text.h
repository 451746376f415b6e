#ifndef REPLAY_EXAMPLE_TEXT_H
#define REPLAY_EXAMPLE_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "replay/example_file.h"

/*
 * Training examples as text, for other tools. Numbers have 9 significant digits, which give the
 * same float back.
 *
 * LibSVM: a comment that names the label and each feature, then a line for each example of which
 * the label is known:
 *
 *   1 qid:7 1:0.5 2:13.25 29:0
 *
 * the label, the ranking, and each feature that is not missing, numbered from 1 in the order of
 * `reelrank features`. Zeros are written, since what is left out is missing.
 *
 * CSV: a line of names, then a line for each example, with all labels; what is missing or not known
 * is empty. Keys are 16 hexadecimal digits.
 */
enum example_form { EXAMPLE_LIBSVM, EXAMPLE_CSV };

/* What comes before the rows; label is of EXAMPLE_LIBSVM. Errors stay in the file, as below. */
void example_text_begin(FILE *file, enum example_form form, enum head label);

/* A row. False, having written nothing: it has no such label. */
bool example_text_row(FILE *file, enum example_form form, enum head label,
                      const struct example *example);

#endif
