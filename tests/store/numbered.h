#ifndef TESTS_STORE_NUMBERED_H
#define TESTS_STORE_NUMBERED_H

#include "store/log.h"

/* Logs of signals whose payload is their sequence as text, which is also their event key. */

/* Opens a log of so many bytes at most. */
struct log *numbered_open(const char *path, size_t map_bytes);

/* Appends count records from sequence `number` on, at a time. */
enum status numbered_append_at(struct log *log, uint64_t number, size_t count, int64_t appended_ms);

/* Appends behind the last one. */
enum status numbered_append(struct log *log, size_t count);

/* Checks that a poll visits all from `from` (0: from the first held) to the end; returns how many.
 */
uint64_t numbered_check(struct log *log, uint64_t from);

uint64_t numbered_first(struct log *log);
uint64_t numbered_last(struct log *log);

#endif
