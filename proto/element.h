#ifndef PROTO_ELEMENT_H
#define PROTO_ELEMENT_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One value as protobuf-c keeps it in a message or a list. */
union element {
    int32_t int32; /* enums too */
    int64_t int64;
    uint32_t uint32;
    uint64_t uint64;
    float single;
    double real;
    protobuf_c_boolean boolean;
    char *string;
    ProtobufCBinaryData bytes;
    ProtobufCMessage *message;
};

static inline size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return sizeof(uint32_t);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_ENUM:
        return sizeof(int);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(uint64_t);
    }
}

static inline union element element_get(ProtobufCType type, const void *from)
{
    union element element = {.bytes = {0, NULL}};
    memcpy(&element, from, element_size(type));
    return element;
}

#endif
