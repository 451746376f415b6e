#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stddef.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "reelrank/v1/ranking.pb-c.h"

/*
 * Reads the whole of a file, or of standard input for "-", followed by a zero; the caller frees
 * out->data. STATUS_NOT_FOUND: no such file; STATUS_IO: it cannot be read; STATUS_INVALID: longer
 * than limit bytes.
 */
MUST_USE enum status input_read(const char *path, size_t limit, char **out, size_t *size,
                                struct problem *problem);

/* The end of a path, short enough to leave room in a problem for what is wrong there. */
const char *input_name(const char *path);

/*
 * Candidates of a file, in one of three forms:
 *   one id a line; blank lines do not count
 *   a JSON array of ids, or of objects as in RankRequest.candidates   (first character "[")
 *   JSON Lines of such objects: {"video_id": "v1"}                    (first character "{")
 * They lie in arena and borrow text. STATUS_INVALID: problem names the line or the place.
 */
MUST_USE enum status input_candidates(struct text text, struct arena *arena,
                                      Reelrank__V1__RankRequest *out, struct problem *problem);

#endif
