#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* Help, made from the tables of commands and options. */

/* The commands and the exit codes. */
void help_print(FILE *file);

/* The commands whose names begin with the word; false, having printed nothing, without any. */
bool help_print_group(FILE *file, const char *word);

/* One command: what it does, its options and examples. */
void help_print_command(FILE *file, const struct command *command);

#endif
