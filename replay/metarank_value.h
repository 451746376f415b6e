#ifndef REPLAY_METARANK_VALUE_H
#define REPLAY_METARANK_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"

/*
 * Values of Metarank's events. Each function takes NULL for a value that is missing, returns false
 * for one that is wrong, and then leaves *out undefined. Texts are the document's own.
 */

/* A string of 1 to limit bytes. problem names it. */
bool metarank_text(const json_t *json, const char *name, size_t limit, const char **out,
                   struct problem *problem);

/* The same, where missing, null and empty all mean "". */
bool metarank_optional_text(const json_t *json, const char *name, size_t limit, const char **out,
                            struct problem *problem);

/* A number without a fraction, or digits in a string, from 0 to largest. */
bool metarank_whole(const json_t *json, int64_t largest, int64_t *out);

/* Milliseconds since 1970, as a number or as digits in a string, or a moment of ISO 8601. */
bool metarank_time(const json_t *json, int64_t *out);

/* The timestamp of an event, at least 1. */
bool metarank_event_time(const json_t *event, int64_t *out, struct problem *problem);

/* Whether fields is missing, null, or a list of {"name": ..., "value": ...}. */
bool metarank_check_fields(const json_t *fields, struct problem *problem);

/* The value of the first field of that name; NULL when there is none. */
const json_t *metarank_field(const json_t *fields, const char *name);

#endif
