#ifndef REPLAY_COLUMN_H
#define REPLAY_COLUMN_H

#include <stddef.h>
#include <stdio.h>

/*
 * Text in terminal columns: UTF-8 of any script lines up, and nothing in it can drive the terminal.
 */

/* Call once before the rest: widths come from the C library's UTF-8 tables. */
void column_init(void);

/* How many columns text takes once printed by column_print(). */
int column_width(const char *text);

/*
 * Prints text in exactly width columns, padded with spaces; what is longer ends in "~". Control
 * characters and bytes that are not UTF-8 show as "?".
 */
void column_print(FILE *file, const char *text, int width);

/* The same without padding. */
void column_print_cut(FILE *file, const char *text, int width);

/* The same without padding or limit. */
void column_print_all(FILE *file, const char *text);

#endif
