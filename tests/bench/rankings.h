#ifndef TESTS_BENCH_RANKINGS_H
#define TESTS_BENCH_RANKINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/text.h"

/* What packed answers of Rank say, added up, to be compared with what the server has counted. */

enum { RANKINGS_RULES = 32 };

struct rankings {
    uint64_t positions;             /* candidates that were shown */
    uint64_t drops[RANKINGS_RULES]; /* candidates that were not, by reelrank.v1.DropRule */
};

/* Adds an answer's message. False, with nothing added: it is no RankResponse in packed form. */
bool rankings_add(struct rankings *rankings, struct text message);

/* Prints them as fields of JSON, with commas between and behind them. */
void rankings_print(const struct rankings *rankings);

#endif
