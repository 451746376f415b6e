#ifndef TESTS_REPLAY_TOLD_H
#define TESTS_REPLAY_TOLD_H

#include "replay/import.h"

/*
 * Everything a reader tells, as text: one line for each entry or rejection, "LINE ENTRY FIELDS" or
 * "LINE rejected: REASON". Decisions among them must pass decision_check().
 */
extern struct told {
    char text[1 << 16];
    size_t used;
    size_t entries;
    size_t stop_after; /* 0: never */
} told;

/* For struct import_sink; the context is &told. */
enum status told_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                       const char *const *update_fields);
enum status told_reject(void *context, uint64_t line, const char *reason);

/* Imports bytes into told, which is emptied before. */
MUST_USE enum status told_import(const struct import_options *options, const char *bytes,
                                 size_t size, struct problem *problem);

/* Imports text, which must succeed, and compares what was told. */
void told_check(const char *want, const struct import_options *options, const char *text);

/* How often needle is in what was told. */
int told_times(const char *needle);

#endif
