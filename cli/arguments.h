#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * The options of one command as a table, and the parser it drives. The same table prints the help,
 * the manual page and the shell completion. Options are `--name VALUE` or `--name=VALUE`, anywhere
 * among the operands;
 * `--` ends them.
 */
enum argument_kind {
    ARGUMENT_FLAG,   /* bool; takes no value */
    ARGUMENT_TEXT,   /* const char *; borrowed from argv */
    ARGUMENT_TEXTS,  /* struct argument_texts; may be given again and again */
    ARGUMENT_NUMBER, /* int64_t, within minimum and maximum */
    ARGUMENT_CHOICE  /* const char *; one of choices */
};

enum { ARGUMENT_TEXTS_MAX = 16 };

struct argument_texts {
    const char *items[ARGUMENT_TEXTS_MAX]; /* borrowed from argv */
    size_t count;
};

struct argument {
    const char *name;       /* "now_ms"; typed, and shown, as --now-ms */
    const char *value_name; /* "N"; NULL for a flag */
    const char *help;       /* one line */
    enum argument_kind kind;
    size_t offset;       /* of the value in the command's struct */
    const char *initial; /* the value when not given, as it would be typed; NULL: zeros */
    int64_t minimum;     /* ARGUMENT_NUMBER */
    int64_t maximum;
    const char *const *choices; /* ARGUMENT_CHOICE; ends in NULL */
    bool required;
};

/* Writes the name as it is typed: "now-ms". */
enum { ARGUMENT_NAME_SIZE = 32 };
void argument_typed(const struct argument *argument, char out[ARGUMENT_NAME_SIZE]);

/* Writes range, default and need of an option, as " (1 to 9; default 2)"; nothing where there is
 * nothing to tell. */
enum { ARGUMENT_NOTES_SIZE = 160 };
void argument_notes(const struct argument *argument, char out[ARGUMENT_NOTES_SIZE]);

/* What else was on the line. */
struct operands {
    char **items; /* the operands, in order, at the front of argv */
    size_t count;
    bool help;      /* --help or -h was met; then nothing else has been checked */
    uint64_t given; /* bit i: row i of the table was on the line */
};

/*
 * Fills the values a table describes, first with the initial ones. Moves the operands to the front
 * of argv. STATUS_INVALID: problem names the option, what was found and what is allowed, with the
 * nearest known name for an unknown one.
 */
MUST_USE enum status arguments_parse(const struct argument *table, size_t count, int argc,
                                     char **argv, void *values, struct operands *operands,
                                     struct problem *problem);

/* The index of a value that arguments_parse() found among its choices. */
unsigned argument_choice(const char *const *choices, const char *value);

#endif
