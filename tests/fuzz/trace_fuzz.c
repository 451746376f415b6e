#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "server/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * What parses, written again in version 00, parses to the same, and the header has it in its
 * places. A request id that is taken over may stand in a line of the log as it is.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace trace;
    struct trace again;
    char header[64];
    struct text text = {.data = (const char *)data, .size = size};
    if (trace_parse(text, &trace)) {
        snprintf(header, sizeof(header), "00-%s-%s-%02x", trace.trace_id, trace.parent_id,
                 trace.sampled ? 1u : 0u);
        CHECK(strlen(header) == 55);
        CHECK(trace_parse(text_of(header), &again));
        CHECK(strcmp(trace.trace_id, again.trace_id) == 0);
        CHECK(strcmp(trace.parent_id, again.parent_id) == 0);
        CHECK(trace.sampled == again.sampled);
        CHECK(memcmp(text.data + 2, header + 2, 51) == 0);
    }
    if (trace_is_request_id(text)) {
        CHECK(size > 0 && size <= TRACE_REQUEST_ID_MAX);
        for (size_t i = 0; i < size; i++) {
            CHECK(data[i] > ' ' && data[i] < 0x7f && data[i] != '"' && data[i] != '\\');
        }
    }
    return 0;
}
