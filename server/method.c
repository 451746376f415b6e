#include "server/method.h"

#include "ranker/check.h"

/* The canonical codes of gRPC, by number: this file is also linked where gRPC is not. */
enum code {
    CODE_OK = 0,
    CODE_UNKNOWN = 2,
    CODE_INVALID_ARGUMENT = 3,
    CODE_DEADLINE_EXCEEDED = 4,
    CODE_NOT_FOUND = 5,
    CODE_PERMISSION_DENIED = 7,
    CODE_RESOURCE_EXHAUSTED = 8,
    CODE_UNIMPLEMENTED = 12,
    CODE_INTERNAL = 13,
    CODE_UNAVAILABLE = 14,
    CODE_DATA_LOSS = 15,
    CODE_UNAUTHENTICATED = 16
};

unsigned method_code(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return CODE_OK;
    case STATUS_INVALID:
        return CODE_INVALID_ARGUMENT;
    case STATUS_NOT_FOUND:
        return CODE_NOT_FOUND;
    case STATUS_NO_MEMORY:
    case STATUS_NO_SPACE:
    case STATUS_BUSY:
        return CODE_RESOURCE_EXHAUSTED;
    case STATUS_CORRUPT:
        return CODE_DATA_LOSS;
    case STATUS_IO:
        return CODE_INTERNAL;
    case STATUS_UNAVAILABLE:
        return CODE_UNAVAILABLE;
    case STATUS_DEADLINE:
        return CODE_DEADLINE_EXCEEDED;
    case STATUS_UNIMPLEMENTED:
        return CODE_UNIMPLEMENTED;
    case STATUS_UNAUTHENTICATED:
        return CODE_UNAUTHENTICATED;
    case STATUS_DENIED:
        return CODE_PERMISSION_DENIED;
    }
    return CODE_UNKNOWN;
}

bool method_has_one_request(const struct method *method)
{
    return method->kind == METHOD_UNARY || method->kind == METHOD_SERVER_STREAM;
}

const ProtobufCMethodDescriptor *method_descriptor(const struct method *method)
{
    const ProtobufCMethodDescriptor *descriptor =
        protobuf_c_service_descriptor_get_method_by_name(method->service, method->name);
    CHECK(descriptor != NULL);
    return descriptor;
}
