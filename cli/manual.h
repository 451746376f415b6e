#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Manual pages in roff's man(7), made from the tables of commands and options: reelrank.1, a page
 * for each command such as reelrank-replay-parity.1, and reelrank.conf.5. Written into the
 * directory, which is made if it is missing; pages of these names that are there are overwritten.
 * STATUS_IO, STATUS_INVALID: the path is too long.
 */
MUST_USE enum status manual_write(const char *directory, struct problem *problem);

#endif
