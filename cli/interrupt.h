#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/*
 * Ctrl-C as the wish that long work ends soon, with what it has. Of the main thread. A second
 * Ctrl-C ends the program at once.
 */
void interrupt_watch(void);

/* Whether there was one since interrupt_watch(). */
bool interrupt_seen(void);

#endif
