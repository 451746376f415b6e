#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen;

static void note(int number)
{
    (void)number;
    seen = 1;
}

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    seen = 0;
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail with these arguments */
}

bool interrupt_seen(void)
{
    return seen != 0;
}
