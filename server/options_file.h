#ifndef SERVER_OPTIONS_FILE_H
#define SERVER_OPTIONS_FILE_H

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "server/options.h"

/*
 * The server's options as a file: a line for each, NAME = VALUE, names as on the command line.
 * Blanks around both do not count, empty lines neither. "#" begins a comment at the start of a line
 * or after a blank, so a value cannot contain " #". No value means the empty text. A file of
 * options has at most OPTIONS_FILE_BYTES.
 */
enum { OPTIONS_FILE_BYTES = 1 << 16 };

/*
 * Sets what the text of a file sets. STATUS_INVALID, with options unchanged: problem begins with
 * "PATH:LINE: " and names the option, what was found and what is allowed.
 */
MUST_USE enum status options_file_apply(struct options *options, struct text text, const char *path,
                                        struct problem *problem);

#endif
