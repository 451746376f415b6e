#include "server/span.h"

#include <inttypes.h>
#include <string.h>

#include "server/logline.h"
#include "store/clock.h"

enum { CODE_CANCELLED = 1, NS_PER_US = 1000 };

void span_begin_call(const struct span_options *options, struct span *span)
{
    span->code = CODE_CANCELLED;
    span->made_id[0] = '\0';
    if (options->meter != NULL) {
        meter_call(options->meter);
    }
    span_begin(span);
}

void span_begin(struct span *span)
{
    memset(span->stages_ns, 0, sizeof(span->stages_ns));
    span->begin_ns = monotonic_ns();
    span->last_ns = span->begin_ns;
}

void span_stage(struct span *span, enum span_stage stage)
{
    int64_t now_ns = monotonic_ns();
    span->stages_ns[stage] += now_ns - span->last_ns;
    span->last_ns = now_ns;
}

void span_queued(const struct span_options *options, struct span *span)
{
    span_stage(span, SPAN_QUEUE);
    if (options->meter != NULL) {
        meter_queued(options->meter, (uint64_t)span->stages_ns[SPAN_QUEUE]);
    }
}

static uint64_t duration_ns(const struct span *span)
{
    return (uint64_t)(span->last_ns - span->begin_ns);
}

static bool is_slow(const struct span_options *options, const struct span *span)
{
    return options->slow_ns > 0 && duration_ns(span) > options->slow_ns;
}

static struct text slice_text(const grpc_slice *slice)
{
    return (struct text){(const char *)GRPC_SLICE_START_PTR(*slice), GRPC_SLICE_LENGTH(*slice)};
}

/* The value of a key that is there once; whoever sends several says nothing. */
static struct text find_metadata(const grpc_metadata_array *metadata, struct text key)
{
    struct text found = {0};
    for (size_t i = 0; i < metadata->count; i++) {
        if (text_equal(slice_text(&metadata->metadata[i].key), key)) {
            if (found.data != NULL) {
                return (struct text){0};
            }
            found = slice_text(&metadata->metadata[i].value);
        }
    }
    return found;
}

static struct text sent_request_id(const grpc_metadata_array *metadata)
{
    struct text id = find_metadata(metadata, text_of("x-request-id"));
    return trace_is_request_id(id) ? id : (struct text){0};
}

/* What was sent, else what is made. */
static struct text take_request_id(struct span *span, const grpc_metadata_array *metadata)
{
    struct text sent = sent_request_id(metadata);
    if (sent.size > 0) {
        return sent;
    }
    if (span->made_id[0] == '\0') {
        trace_make_request_id(span->made_id);
    }
    return text_of(span->made_id);
}

struct text span_request_id(const struct span_options *options, struct span *span,
                            const grpc_metadata_array *metadata, unsigned code)
{
    bool is_wanted = code != 0 || is_slow(options, span);
    return is_wanted ? take_request_id(span, metadata) : sent_request_id(metadata);
}

static int64_t stage_us(const struct span *span, enum span_stage stage)
{
    return span->stages_ns[stage] / NS_PER_US;
}

static void log_call(enum log_level level, const char *event, struct span *span,
                     const struct span_call *call)
{
    struct trace trace = {.trace_id = "", .parent_id = ""};
    struct text id = take_request_id(span, call->metadata);
    const char *service = call->method != NULL ? call->method->service->name : "unknown";
    const char *name = call->method != NULL ? call->method->name : "unknown";
    (void)trace_parse(find_metadata(call->metadata, text_of("traceparent")), &trace);
    logline(level, event,
            "method=%s/%s code=%s duration_us=%" PRIu64 " queue_us=%" PRId64 " decode_us=%" PRId64
            " handle_us=%" PRId64 " write_us=%" PRId64 " wait_us=%" PRId64 " encode_us=%" PRId64
            " send_us=%" PRId64 " request_id=\"%.*s\" trace_id=\"%s\" parent_id=\"%s\"",
            service, name, metrics_code_name(call->code), duration_ns(span) / NS_PER_US,
            stage_us(span, SPAN_QUEUE), stage_us(span, SPAN_DECODE), stage_us(span, SPAN_HANDLE),
            stage_us(span, SPAN_WRITE), stage_us(span, SPAN_WAIT), stage_us(span, SPAN_ENCODE),
            stage_us(span, SPAN_SEND), (int)id.size, id.data, trace.trace_id, trace.parent_id);
}

/* Failures that are the server's own, which need a person. */
static bool is_fault(unsigned code)
{
    enum { UNKNOWN = 2, INTERNAL = 13, DATA_LOSS = 15 };
    return code == UNKNOWN || code == INTERNAL || code == DATA_LOSS;
}

void span_end(const struct span_options *options, struct span *span, const struct span_call *call)
{
    span_stage(span, SPAN_SEND);
    if (options->meter != NULL) {
        meter_message(options->meter, call->number, duration_ns(span));
    }
    if (is_fault(call->code)) {
        log_call(LOG_ERROR, "failed_call", span, call);
    } else if (is_slow(options, span)) {
        log_call(LOG_INFO, "slow_call", span, call);
    } else if (logline_wants(LOG_DEBUG)) {
        log_call(LOG_DEBUG, "call", span, call);
    }
}

void span_end_call(const struct span_options *options, const struct span *span, size_t number)
{
    if (options->meter != NULL) {
        meter_end_call(options->meter, number, span->code);
    }
}
