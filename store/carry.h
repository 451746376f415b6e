#ifndef STORE_CARRY_H
#define STORE_CARRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "store/store.h"

/*
 * Writes again the videos of the catalogue that were last written at record sequence or before, so
 * that the log may be removed up to there: what the catalogue says of a video is in the log alone.
 * Nobody waits for more than one write of a few hundred videos. STATUS_UNAVAILABLE when *stopping;
 * as store_write(); STATUS_CORRUPT. What is done by then is good.
 */
MUST_USE enum status carry_videos(struct store *store, uint64_t sequence,
                                  const _Atomic bool *stopping, struct problem *problem);

#endif
