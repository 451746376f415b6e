#ifndef TESTS_FUZZ_FRESH_ARENA_H
#define TESTS_FUZZ_FRESH_ARENA_H

#include "ranker/arena.h"

/* The one arena of the process, empty again: what was made in it before is gone. */
struct arena *fresh_arena(void);

#endif
