#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * A file that an option names, to be written: whole, or not at all. Problems begin with the option,
 * such as "--html", and the path.
 */

/* STATUS_IO. */
MUST_USE enum status output_open(const char *option, const char *path, FILE **out,
                                 struct problem *problem);

/*
 * Closes it. status says whether writing went well so far; STATUS_IO is told of as errno says. The
 * result is status, or STATUS_IO where not everything was written. Then the file is removed, unless
 * it is no regular one, such as /dev/stdout.
 */
MUST_USE enum status output_close(const char *option, const char *path, FILE *file,
                                  enum status status, struct problem *problem);

#endif
