#ifndef TESTS_RANKER_SCOPED_CHECK_H
#define TESTS_RANKER_SCOPED_CHECK_H

#include <stddef.h>

#include "ranker/state.h"

/*
 * Checks that every region and language of a video has a row of scoped.h exactly if its statistics,
 * wherever they are, have the views for it, and that the row says what they say. How many rows
 * there are.
 */
size_t scoped_check(const struct state *state);

#endif
