#ifndef CLI_PROBLEMS_H
#define CLI_PROBLEMS_H

#include <stdio.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/weights.h"

/* The problems of a weights file, as "FILE:LINE:COLUMN: PATH: MESSAGE", which editors jump to. */
void problems_print(FILE *file, const char *name, const struct weights_problems *problems);

/* Prints them on stderr; problem says how many there are. STATUS_INVALID. */
MUST_USE enum status problems_refuse(const char *name, const struct weights_problems *problems,
                                     struct problem *problem);

#endif
