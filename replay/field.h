#ifndef REPLAY_FIELD_H
#define REPLAY_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/text.h"

/* What the texts of a table's fields mean. Each returns false, and leaves *out alone, for any
 * other. */

/* A whole number from 0 to largest: digits, then perhaps a point and zeros ("31133.0"). */
bool field_whole(struct text text, int64_t largest, int64_t *out);

/* A finite decimal number of at most 63 characters: 3, -0.25, 1e-05. */
bool field_real(struct text text, double *out);

/* Times of the years 1970 to 9999, in milliseconds since 1970-01-01 UTC. */
bool field_date(struct text text, int64_t *out);           /* 2022-04-10 */
bool field_year_day_month(struct text text, int64_t *out); /* 17.14.11: 14 November 2017 */

/*
 * A moment of ISO 8601, with T or a space before the clock, perhaps a fraction of a second, of
 * which milliseconds are kept, and Z or an offset: 2017-11-12T12:20:39.000Z, 2019-11-24
 * 00:00:17+09:00.
 */
bool field_instant(struct text text, int64_t *out);

/* The text, or as many of its first limit bytes as are whole characters of UTF-8. */
struct text field_cut(struct text text, size_t limit);

#endif
