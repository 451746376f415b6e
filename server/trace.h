#ifndef SERVER_TRACE_H
#define SERVER_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "ranker/text.h"

/*
 * What a call says of whom it belongs to, in metadata: "traceparent" of W3C's Trace Context
 * (www.w3.org/TR/trace-context, level 1), and "x-request-id". What does not follow the rules is as
 * if it were not there: a broken header is never a reason to refuse a call.
 */

enum { TRACE_ID_DIGITS = 32, TRACE_PARENT_DIGITS = 16, TRACE_REQUEST_ID_MAX = 128 };

struct trace {
    char trace_id[TRACE_ID_DIGITS + 1];
    char parent_id[TRACE_PARENT_DIGITS + 1];
    bool sampled;
};

/*
 * version "-" trace-id "-" parent-id "-" flags, all in lower-case hexadecimal digits: two, 32, 16
 * and two of them. False for anything else, for ids of zeros alone, and for version ff; of version
 * 00 nothing may follow, of later ones what follows begins with "-".
 */
bool trace_parse(struct text header, struct trace *out);

/* Whether a request id is taken over: 1 to TRACE_REQUEST_ID_MAX of A-Z a-z 0-9 . _ : + / = and -.
 */
bool trace_is_request_id(struct text value);

/* Makes one, of 32 digits. It differs from all that were made before, in any process. */
enum { TRACE_MADE_ID_SIZE = 33 };
void trace_make_request_id(char out[TRACE_MADE_ID_SIZE]);

#endif
