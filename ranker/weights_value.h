#ifndef RANKER_WEIGHTS_VALUE_H
#define RANKER_WEIGHTS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/text.h"
#include "ranker/weights_table.h"

/* A text of the file made fit for a message: cut to a few characters, control characters as "?". */
enum { QUOTE_SIZE = 32 };
void weights_quote(struct text text, char out[QUOTE_SIZE]);

enum { VALUE_MESSAGE_SIZE = sizeof(((struct weights_problem *)NULL)->message) };

/*
 * Reads a number, integer, duration or choice as its row demands. False: message says what was
 * found and what is allowed. Expects the calling thread's numeric locale to be "C".
 */
bool weights_value_parse(const struct weights_row *row, struct text text, bool plain, double *out,
                         char message[VALUE_MESSAGE_SIZE]);

/*
 * A name of the data team's own, of 1 to max bytes without control characters. One that YAML takes
 * for a number, a truth value or null must be quoted, so that every reader of the file sees the
 * same. False: message says what was found and what is allowed.
 */
bool weights_text_check(struct text text, bool plain, size_t max, char message[VALUE_MESSAGE_SIZE]);

/* Writes "0.0001 to 0.9999", "30m to 14d" or "low, medium, high, floor". */
enum { RANGE_SIZE = 96 };
void weights_value_range(const struct weights_row *row, char out[RANGE_SIZE]);

/* Writes whole seconds in the largest unit that divides them, such as "3d". */
enum { DURATION_SIZE = 24 };
void weights_duration_format(double ms, char out[DURATION_SIZE]);

#endif
