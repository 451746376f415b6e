#ifndef CLI_PROBLEMS_H
#define CLI_PROBLEMS_H

#include <stdio.h>

#include "ranker/weights.h"

/* The problems of a weights file, as "FILE:LINE:COLUMN: PATH: MESSAGE", which editors jump to. */
void problems_print(FILE *file, const char *name, const struct weights_problems *problems);

#endif
