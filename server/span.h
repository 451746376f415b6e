#ifndef SERVER_SPAN_H
#define SERVER_SPAN_H

#include <grpc/grpc.h>
#include <stddef.h>
#include <stdint.h>

#include "server/method.h"
#include "server/metrics.h"
#include "server/trace.h"

/*
 * Where the time of a call goes, from a message's coming to its worker until gRPC has sent its
 * answer; what is counted and logged of calls; and whom they belong to. Owned by the worker's
 * thread.
 *
 * A call's request id is what its metadata "x-request-id" says, if that is one (trace.h). It is
 * given back in the call's metadata. Otherwise one is made for what somebody may look up in the
 * log: calls that fail or are slow.
 */
enum span_stage {
    SPAN_QUEUE,  /* others have their turns before it */
    SPAN_DECODE, /* the message is unpacked */
    SPAN_HANDLE, /* the method's work on the worker */
    SPAN_WRITE,  /* the writer's or the admin's queue and work, and the way back */
    SPAN_WAIT,   /* other calls' turns, between turns of long work */
    SPAN_ENCODE, /* the answer is packed and given to gRPC */
    SPAN_SEND,   /* gRPC sends it */
    SPAN_STAGE_COUNT
};

/* What a worker does with its calls' times. Set once. */
struct span_options {
    struct meter *meter; /* NULL: nothing is counted */
    uint64_t slow_ns;    /* messages that take longer are logged; 0: none */
};

struct span {
    int64_t begin_ns; /* of the monotonic clock; as is the next */
    int64_t last_ns;
    int64_t stages_ns[SPAN_STAGE_COUNT];
    unsigned code;                    /* of the call; CANCELLED until a status is sent */
    char made_id[TRACE_MADE_ID_SIZE]; /* "": none was made */
};

/* The call has come. */
void span_begin_call(const struct span_options *options, struct span *span);

/* A message of the call has come. */
void span_begin(struct span *span);

/* The stage ends here; what has passed since the last one is its. */
void span_stage(struct span *span, enum span_stage stage);

/* The message has waited for its worker until now. */
void span_queued(const struct span_options *options, struct span *span);

/*
 * The id that goes into the answer's metadata: what the client sent, or one that is made because
 * the call ends with another code than OK or is slow already. Empty: neither. Lives with metadata
 * and span.
 */
struct text span_request_id(const struct span_options *options, struct span *span,
                            const grpc_metadata_array *metadata, unsigned code);

/* What is told of a message once its answer is sent. */
struct span_call {
    const struct method *method; /* NULL: one that the table does not have */
    size_t number;               /* of the method, in metrics.h */
    unsigned code;               /* of the message's answer */
    const grpc_metadata_array *metadata;
};
void span_end(const struct span_options *options, struct span *span, const struct span_call *call);

/* The call is over. */
void span_end_call(const struct span_options *options, const struct span *span, size_t number);

#endif
