#ifndef REPLAY_GNUPLOT_H
#define REPLAY_GNUPLOT_H

#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Runs gnuplot (Debian's gnuplot-nox) as a child without a shell: a script goes in by an unnamed
 * file in memory, what it draws comes back by a pipe. The child reads no start-up files and has an
 * environment of its own, so that the same script gives the same bytes; nothing is left on disk, no
 * signal's disposition changes, and a child that says too much or takes too long is ended.
 */
enum { GNUPLOT_OUTPUT_MAX = 16 << 20, GNUPLOT_TIMEOUT_MS = 60 * 1000 };

/*
 * *output is malloc'ed, the caller's, and ends in a zero byte that *size does not count.
 * STATUS_UNAVAILABLE: gnuplot is not in PATH, or failed; *problem says which, with its own first
 * words. STATUS_IO or STATUS_NO_MEMORY: the system refused a process, a pipe or memory.
 */
MUST_USE enum status gnuplot_run(const char *script, size_t script_size, char **output,
                                 size_t *size, struct problem *problem);

#endif
