#include <float.h>
#include <math.h>

#include "proto/element.h"
#include "proto/json_read.h"
#include "proto/json_scan.h"

enum {
    DEPTH_LIMIT = 8,  /* messages within messages; the contract has 4 */
    FIELD_LIMIT = 64, /* of a message: one bit each */
    LIST_ROOM = 8     /* of a list at first */
};

struct plain {
    struct scan scan;
    struct arena *arena;
};

static bool read_bool(struct plain *plain, protobuf_c_boolean *slot)
{
    bool value = scan_peek(&plain->scan) == 't';
    *slot = value;
    return scan_word(&plain->scan, value ? "true" : "false");
}

/* text holds no zero. */
static bool equal(struct text text, const char *name)
{
    return strncmp(text.data, name, text.size) == 0 && name[text.size] == '\0';
}

static bool read_enum(struct plain *plain, const ProtobufCEnumDescriptor *descriptor, void *slot)
{
    struct text name;
    if (!scan_bare(&plain->scan, &name)) {
        return false;
    }
    for (unsigned i = 0; i < descriptor->n_values; i++) {
        if (equal(name, descriptor->values[i].name)) {
            memcpy(slot, &descriptor->values[i].value, sizeof(descriptor->values[i].value));
            return true;
        }
    }
    return false;
}

static bool read_message(struct plain *plain, unsigned depth,
                         const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **out);

static bool put_signed(struct plain *plain, int64_t largest, void *slot)
{
    int64_t value;
    if (!scan_signed(&plain->scan, largest, &value)) {
        return false;
    }
    int32_t low = (int32_t)value;
    memcpy(slot, largest == INT32_MAX ? (void *)&low : (void *)&value,
           largest == INT32_MAX ? sizeof(low) : sizeof(value));
    return true;
}

static bool put_unsigned(struct plain *plain, uint64_t largest, void *slot)
{
    uint64_t value;
    if (!scan_unsigned(&plain->scan, largest, &value)) {
        return false;
    }
    uint32_t low = (uint32_t)value;
    memcpy(slot, largest == UINT32_MAX ? (void *)&low : (void *)&value,
           largest == UINT32_MAX ? sizeof(low) : sizeof(value));
    return true;
}

static bool put_float(struct plain *plain, float *slot)
{
    double value;
    if (!scan_real(&plain->scan, &value) || !(fabs(value) <= (double)FLT_MAX)) {
        return false;
    }
    *slot = (float)value;
    return true;
}

static bool read_value(struct plain *plain, unsigned depth, const ProtobufCFieldDescriptor *field,
                       void *slot)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return put_signed(plain, INT32_MAX, slot);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return put_signed(plain, INT64_MAX, slot);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return put_unsigned(plain, UINT32_MAX, slot);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return put_unsigned(plain, UINT64_MAX, slot);
    case PROTOBUF_C_TYPE_FLOAT:
        return put_float(plain, slot);
    case PROTOBUF_C_TYPE_DOUBLE:
        return scan_real(&plain->scan, slot);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(plain, slot);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(plain, field->descriptor, slot);
    case PROTOBUF_C_TYPE_STRING:
        return scan_string(&plain->scan, plain->arena, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return false;
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return read_message(plain, depth, field->descriptor, slot);
}

/* Twice the room for a list of count elements, which are as many as there was room for. */
static char *grow(struct plain *plain, const char *list, size_t count, size_t size)
{
    size_t room = count > 0 ? 2 * count : LIST_ROOM;
    char *grown = arena_alloc(plain->arena, room, size, _Alignof(max_align_t));
    if (grown != NULL && count > 0) {
        memcpy(grown, list, count * size);
    }
    return grown;
}

static bool is_full(size_t count)
{
    return count == 0 || (count >= LIST_ROOM && (count & (count - 1)) == 0);
}

static bool read_list(struct plain *plain, unsigned depth, const ProtobufCFieldDescriptor *field,
                      char *message)
{
    size_t size = element_size(field->type);
    size_t count = 0;
    char *list = NULL;
    if (!scan_take(&plain->scan, '[')) {
        return false;
    }
    bool more = !scan_take(&plain->scan, ']');
    while (more) {
        list = is_full(count) ? grow(plain, list, count, size) : list;
        if (list == NULL || !read_value(plain, depth, field, list + count * size)) {
            return false;
        }
        count++;
        more = scan_take(&plain->scan, ',');
        if (!more && !scan_take(&plain->scan, ']')) {
            return false;
        }
    }
    memcpy(message + field->offset, &list, sizeof(list));
    memcpy(message + field->quantifier_offset, &count, sizeof(count));
    return true;
}

/* Marks field as set, where its message notes that; false for the second one of a oneof. */
static bool claim(const ProtobufCFieldDescriptor *field, char *message)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        uint32_t *which = (void *)(message + field->quantifier_offset);
        bool is_free = *which == 0;
        *which = field->id;
        return is_free;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0) {
        protobuf_c_boolean has = 1;
        memcpy(message + field->quantifier_offset, &has, sizeof(has));
    }
    return true;
}

static bool read_field(struct plain *plain, unsigned depth, const ProtobufCFieldDescriptor *field,
                       char *message)
{
    if (scan_peek(&plain->scan) == 'n') {
        return scan_word(&plain->scan, "null");
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return read_list(plain, depth, field, message);
    }
    return claim(field, message) && read_value(plain, depth, field, message + field->offset);
}

/* The index of the field of that name, looked for from start on: programs keep to one order. */
static bool find_field(const ProtobufCMessageDescriptor *descriptor, struct text name,
                       unsigned start, unsigned *out)
{
    unsigned count = descriptor->n_fields;
    for (unsigned i = 0; i < count; i++) {
        unsigned index = start + i < count ? start + i : start + i - count;
        if (equal(name, descriptor->fields[index].name)) {
            *out = index;
            return true;
        }
    }
    return false;
}

/* The fields behind the opening brace. No name may come twice. */
static bool read_fields(struct plain *plain, unsigned depth, ProtobufCMessage *message)
{
    uint64_t seen = 0;
    unsigned next = 0;
    bool more = !scan_take(&plain->scan, '}');
    while (more) {
        struct text name;
        unsigned index;
        if (!scan_bare(&plain->scan, &name) ||
            !find_field(message->descriptor, name, next, &index) || (seen >> index & 1) != 0 ||
            !scan_take(&plain->scan, ':') ||
            !read_field(plain, depth, &message->descriptor->fields[index], (char *)message)) {
            return false;
        }
        seen |= UINT64_C(1) << index;
        next = index + 1;
        more = scan_take(&plain->scan, ',');
        if (!more && !scan_take(&plain->scan, '}')) {
            return false;
        }
    }
    return true;
}

static bool read_message(struct plain *plain, unsigned depth,
                         const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **out)
{
    if (depth == DEPTH_LIMIT || descriptor->n_fields > FIELD_LIMIT ||
        !scan_take(&plain->scan, '{')) {
        return false;
    }
    ProtobufCMessage *message =
        arena_alloc_raw(plain->arena, 1, descriptor->sizeof_message, _Alignof(max_align_t));
    if (message == NULL) {
        return false;
    }
    protobuf_c_message_init(descriptor, message);
    *out = message;
    return read_fields(plain, depth + 1, message);
}

bool json_read_plain(struct text json, const ProtobufCMessageDescriptor *descriptor,
                     struct arena *arena, ProtobufCMessage **out)
{
    struct arena before = *arena;
    struct plain plain = {{json.data, json.data + json.size}, arena};
    ProtobufCMessage *message;
    if (!read_message(&plain, 0, descriptor, &message) || scan_peek(&plain.scan) != '\0' ||
        plain.scan.at != plain.scan.end) {
        *arena = before;
        return false;
    }
    *out = message;
    return true;
}
