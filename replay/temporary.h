#ifndef REPLAY_TEMPORARY_H
#define REPLAY_TEMPORARY_H

#include <stdio.h>

/*
 * A new file without a name, for reading and writing, in $TMPDIR or /tmp: closing it frees its
 * space, whatever comes in between. The caller's to close; NULL, with errno, if there can be none.
 */
FILE *temporary_open(void);

#endif
