#ifndef SERVER_UTC_H
#define SERVER_UTC_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/text.h"

/* Times as RFC 3339 has them, to the second and in UTC: 2027-01-31T00:00:00Z. */
enum { UTC_SIZE = 32 };

void utc_format(int64_t time_ms, char out[UTC_SIZE]);

/* False where the text is no such time, or one before 1970-01-01T00:00:01Z. */
bool utc_parse(struct text text, int64_t *out);

#endif
