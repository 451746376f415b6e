#ifndef TESTS_BENCH_PROGRAM_H
#define TESTS_BENCH_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "cli/arguments.h"
#include "ranker/text.h"

/* What the measuring programs share: they are run by bench.py and stop at the first failure. */

/* Prints "PROGRAM: TEXT" on stderr and exits with 1. */
__attribute__((format(printf, 1, 2))) _Noreturn void give_up(const char *format, ...);

struct program {
    const char *summary;  /* one line */
    const char *examples; /* for --help: command lines, one a line */
    const struct argument *arguments;
    size_t argument_count;
};

/*
 * Reads the options into values, which are zero where an option has no default, such as a flag; no
 * operands are allowed. On --help prints the summary, the options and the examples, and exits.
 */
void program_options(const struct program *program, int argc, char **argv, void *values);

/* Reads a whole file, with a zero after it; the caller frees data. */
struct text program_read_file(const char *path);

int64_t program_now_ns(void);     /* monotonic */
int64_t program_wall_ms(void);    /* since 1970 */
double program_cpu_seconds(void); /* of this process so far */

#endif
