#include "proto/json.h"

#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>

#include "proto/element.h"
#include "proto/json_read.h"
#include "ranker/nearest.h"

enum { DEPTH_LIMIT = 32, PATH_SIZE = 128, FOUND_SIZE = 64, BITS_32 = 32, BITS_64 = 64 };

/* Where in the document the reader is. An element of a list has no name. */
struct path {
    const struct path *up;
    const char *name;
    size_t index;
    unsigned depth;
};

struct reader {
    struct arena *arena;
    struct problem *problem;
};

/* A whole number between -2^64 and 2^64. */
struct whole {
    bool negative;
    uint64_t magnitude;
};

static size_t path_write(const struct path *path, char out[PATH_SIZE])
{
    if (path == NULL || path->up == NULL) {
        out[0] = '\0';
        return 0;
    }
    size_t used = path_write(path->up, out);
    int wrote = path->name == NULL ? snprintf(out + used, PATH_SIZE - used, "[%zu]", path->index)
                                   : snprintf(out + used, PATH_SIZE - used, "%s%s",
                                              used > 0 ? "." : "", path->name);
    used += (size_t)wrote;
    return used < PATH_SIZE ? used : PATH_SIZE - 1;
}

/* Copies what fits in whole characters, with no byte that would steer a terminal. */
static const char *printable(const char *string, char out[FOUND_SIZE])
{
    size_t size = strlen(string);
    if (size >= FOUND_SIZE) {
        size = FOUND_SIZE - 1;
        while (size > 0 && (string[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    for (size_t i = 0; i < size; i++) {
        out[i] = (unsigned char)string[i] < ' ' || string[i] == 0x7f ? '?' : string[i];
    }
    out[size] = '\0';
    return out;
}

__attribute__((format(printf, 3, 4))) static enum status
refuse(const struct reader *reader, const struct path *path, const char *format, ...)
{
    char where[PATH_SIZE];
    char what[sizeof(reader->problem->text)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    bool named = path_write(path, where) > 0;
    problem_set(reader->problem, "%s %s", named ? where : "the document", what);
    return STATUS_INVALID;
}

static const char *kind_of(const json_t *json)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return kinds[json_typeof(json)];
}

static bool whole_from_digits(const char *digits, struct whole *out)
{
    bool negative = digits[0] == '-';
    digits += negative;
    uint64_t magnitude = 0;
    if (digits[0] == '\0') {
        return false;
    }
    for (; *digits != '\0'; digits++) {
        if (*digits < '0' || *digits > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*digits - '0');
        if (magnitude > (UINT64_MAX - digit) / 10) {
            return false;
        }
        magnitude = magnitude * 10 + digit;
    }
    *out = (struct whole){negative, magnitude};
    return true;
}

/* 1500.0 is a whole number too: tools that keep numbers as doubles write it so. */
static bool whole_from_real(double value, struct whole *out)
{
    const double exact = 9007199254740992.0; /* 2^53: beyond it doubles skip integers */
    double magnitude = fabs(value);
    if (!(magnitude <= exact) || magnitude > floor(magnitude)) {
        return false;
    }
    *out = (struct whole){signbit(value) != 0, (uint64_t)magnitude};
    return true;
}

static bool whole_from_json(const json_t *json, struct whole *out)
{
    if (json_is_integer(json)) {
        json_int_t value = json_integer_value(json);
        *out = (struct whole){value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value};
        return true;
    }
    if (json_is_real(json)) {
        return whole_from_real(json_real_value(json), out);
    }
    return json_is_string(json) && whole_from_digits(json_string_value(json), out);
}

static void put_whole(void *slot, unsigned bits, struct whole whole)
{
    uint64_t pattern = whole.negative ? 0 - whole.magnitude : whole.magnitude;
    uint32_t low = (uint32_t)pattern;
    if (bits == BITS_32) {
        memcpy(slot, &low, sizeof(low));
    } else {
        memcpy(slot, &pattern, sizeof(pattern));
    }
}

static enum status read_signed(const struct reader *reader, const struct path *path,
                               const json_t *json, unsigned bits, void *slot)
{
    int64_t largest = bits == BITS_32 ? INT32_MAX : INT64_MAX;
    int64_t smallest = -largest - 1;
    struct whole whole;
    if (!whole_from_json(json, &whole) ||
        whole.magnitude > (uint64_t)largest + (whole.negative ? 1 : 0)) {
        return refuse(reader, path, "is not a whole number between %" PRId64 " and %" PRId64,
                      smallest, largest);
    }
    put_whole(slot, bits, whole);
    return STATUS_OK;
}

static enum status read_unsigned(const struct reader *reader, const struct path *path,
                                 const json_t *json, unsigned bits, void *slot)
{
    uint64_t largest = bits == BITS_32 ? UINT32_MAX : UINT64_MAX;
    struct whole whole;
    if (!whole_from_json(json, &whole) || whole.magnitude > largest ||
        (whole.negative && whole.magnitude > 0)) {
        return refuse(reader, path, "is not a whole number between 0 and %" PRIu64, largest);
    }
    put_whole(slot, bits, whole);
    return STATUS_OK;
}

static enum status read_real(const struct reader *reader, const struct path *path,
                             const json_t *json, double largest, double *out)
{
    if (!json_is_number(json)) {
        return refuse(reader, path, "is %s; a number is allowed", kind_of(json));
    }
    double value = json_number_value(json);
    if (!(fabs(value) <= largest)) {
        return refuse(reader, path, "is %g; a number between %g and %g is allowed", value, -largest,
                      largest);
    }
    *out = value;
    return STATUS_OK;
}

static enum status read_float(const struct reader *reader, const struct path *path,
                              const json_t *json, float *slot)
{
    double value = 0;
    enum status status = read_real(reader, path, json, (double)FLT_MAX, &value);
    if (status == STATUS_OK) {
        *slot = (float)value;
    }
    return status;
}

static enum status read_bool(const struct reader *reader, const struct path *path,
                             const json_t *json, protobuf_c_boolean *slot)
{
    if (!json_is_boolean(json)) {
        return refuse(reader, path, "is %s; true or false is allowed", kind_of(json));
    }
    *slot = json_is_true(json);
    return STATUS_OK;
}

static enum status refuse_name(const struct reader *reader, const struct path *path,
                               const char *what, const char *found, const struct names *names)
{
    char shown[FOUND_SIZE];
    char allowed[NEAREST_LIST_SIZE];
    const char *nearest = nearest_name(found, names);
    if (nearest != NULL) {
        return refuse(reader, path, "%s \"%s\"; did you mean \"%s\"?", what,
                      printable(found, shown), nearest);
    }
    nearest_list(names, allowed);
    return refuse(reader, path, "%s \"%s\"; allowed: %s", what, printable(found, shown), allowed);
}

static enum status read_enum(const struct reader *reader, const struct path *path,
                             const json_t *json, const ProtobufCEnumDescriptor *descriptor,
                             void *slot)
{
    if (!json_is_string(json)) {
        return refuse(reader, path, "is %s; a name such as \"%s\" is allowed", kind_of(json),
                      descriptor->values[descriptor->n_values - 1].name);
    }
    const char *name = json_string_value(json);
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
    if (value == NULL) {
        struct names names = {&descriptor->values[0].name, sizeof(descriptor->values[0]),
                              descriptor->n_values};
        return refuse_name(reader, path, "is", name, &names);
    }
    memcpy(slot, &value->value, sizeof(value->value));
    return STATUS_OK;
}

static enum status read_string(const struct reader *reader, const struct path *path,
                               const json_t *json, char **slot)
{
    if (!json_is_string(json)) {
        return refuse(reader, path, "is %s; a string is allowed", kind_of(json));
    }
    size_t size = json_string_length(json);
    char *copy = arena_new(reader->arena, char, size + 1);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(copy, json_string_value(json), size);
    *slot = copy;
    return STATUS_OK;
}

/* 0 to 63, or 64 for a character that base64 (RFC 4648, section 4) does not use. */
static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (unsigned)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Decodes size / 4 * 3 bytes less the padding; false when the text is not the one canonical form.
 */
static bool base64_decode(const char *text, size_t size, uint8_t *out)
{
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=') {
        padding++;
    }
    uint32_t bits = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned value = i >= size - padding ? 0 : base64_value(text[i]);
        if (value > 63) {
            return false;
        }
        bits = bits << 6 | value;
        for (size_t byte = 0; i % 4 == 3 && byte < 3; byte++) {
            size_t at = i / 4 * 3 + byte;
            uint8_t decoded = (uint8_t)(bits >> (16 - 8 * byte));
            if (at < size / 4 * 3 - padding) {
                out[at] = decoded;
            } else if (decoded != 0) {
                return false;
            }
        }
    }
    return size % 4 == 0;
}

static enum status read_bytes(const struct reader *reader, const struct path *path,
                              const json_t *json, ProtobufCBinaryData *slot)
{
    const char *text = json_is_string(json) ? json_string_value(json) : "?";
    size_t size = json_is_string(json) ? json_string_length(json) : 1;
    uint8_t *data = arena_new(reader->arena, uint8_t, size / 4 * 3 + 1);
    if (data == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (!base64_decode(text, size, data)) {
        return refuse(reader, path, "is not base64 (RFC 4648, with padding)");
    }
    size_t padding = size < 2 ? 0 : (size_t)(text[size - 1] == '=') + (text[size - 2] == '=');
    *slot = (ProtobufCBinaryData){.data = data, .len = size / 4 * 3 - padding};
    return STATUS_OK;
}

static enum status read_message(const struct reader *reader, const struct path *path,
                                const json_t *json, const ProtobufCMessageDescriptor *descriptor,
                                ProtobufCMessage **out);

static enum status read_value(const struct reader *reader, const struct path *path,
                              const json_t *json, const ProtobufCFieldDescriptor *field, void *slot)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_signed(reader, path, json, BITS_32, slot);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_signed(reader, path, json, BITS_64, slot);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_unsigned(reader, path, json, BITS_32, slot);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_unsigned(reader, path, json, BITS_64, slot);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(reader, path, json, slot);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(reader, path, json, DBL_MAX, slot);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, path, json, slot);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, path, json, field->descriptor, slot);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reader, path, json, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, path, json, slot);
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return read_message(reader, path, json, field->descriptor, slot);
}

static enum status read_list(const struct reader *reader, const struct path *path,
                             const json_t *json, const ProtobufCFieldDescriptor *field,
                             char *message)
{
    if (!json_is_array(json)) {
        return refuse(reader, path, "is %s; a list is allowed", kind_of(json));
    }
    size_t count = json_array_size(json);
    size_t size = element_size(field->type);
    char *list = arena_alloc(reader->arena, count, size, _Alignof(max_align_t));
    if (list == NULL && count > 0) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct path element = {.up = path, .index = i, .depth = path->depth};
        enum status status =
            read_value(reader, &element, json_array_get(json, i), field, list + i * size);
        if (status != STATUS_OK) {
            return status;
        }
    }
    memcpy(message + field->offset, &list, sizeof(list));
    memcpy(message + field->quantifier_offset, &count, sizeof(count));
    return STATUS_OK;
}

/* Marks field as the one that is set in its oneof. */
static enum status claim_oneof(const struct reader *reader, const struct path *path,
                               const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    uint32_t *which = (void *)((char *)message + field->quantifier_offset);
    if (*which != 0) {
        const ProtobufCFieldDescriptor *other =
            protobuf_c_message_descriptor_get_field(message->descriptor, *which);
        return refuse(reader, path, "is given beside \"%s\"; only one of them is allowed",
                      other->name);
    }
    *which = field->id;
    return STATUS_OK;
}

static enum status read_field(const struct reader *reader, const struct path *path,
                              const json_t *json, const ProtobufCFieldDescriptor *field,
                              ProtobufCMessage *message)
{
    char *base = (char *)message;
    if (json_is_null(json)) {
        return STATUS_OK; /* the same as leaving it out */
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return read_list(reader, path, json, field, base);
    }
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        enum status status = claim_oneof(reader, path, field, message);
        if (status != STATUS_OK) {
            return status;
        }
    } else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0) {
        protobuf_c_boolean has = 1;
        memcpy(base + field->quantifier_offset, &has, sizeof(has));
    }
    return read_value(reader, path, json, field, base + field->offset);
}

static enum status read_fields(const struct reader *reader, const struct path *path, json_t *json,
                               ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        struct path here = {.up = path, .name = key, .depth = path->depth + 1};
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(descriptor, key);
        if (field == NULL) {
            const char *const *first =
                descriptor->n_fields > 0 ? &descriptor->fields[0].name : NULL;
            struct names names = {first, sizeof(descriptor->fields[0]), descriptor->n_fields};
            return refuse_name(reader, path, "has an unknown field", key, &names);
        }
        enum status status = read_field(reader, &here, value, field, message);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status read_message(const struct reader *reader, const struct path *path,
                                const json_t *json, const ProtobufCMessageDescriptor *descriptor,
                                ProtobufCMessage **out)
{
    if (!json_is_object(json)) {
        return refuse(reader, path, "is %s; an object is allowed", kind_of(json));
    }
    if (path->depth >= DEPTH_LIMIT) {
        return refuse(reader, path, "lies deeper than %d levels", DEPTH_LIMIT);
    }
    ProtobufCMessage *message =
        arena_alloc(reader->arena, 1, descriptor->sizeof_message, _Alignof(max_align_t));
    if (message == NULL) {
        return STATUS_NO_MEMORY;
    }
    protobuf_c_message_init(descriptor, message);
    enum status status = read_fields(reader, path, (json_t *)(uintptr_t)json, message);
    if (status == STATUS_OK) {
        *out = message;
    }
    return status;
}

/* Text of one line comes from a file of many, whose line the caller knows. */
static void locate(const json_error_t *error, struct text json, struct problem *problem)
{
    if (json.size == 0 || memchr(json.data, '\n', json.size) == NULL) {
        problem_set(problem, "column %d: %s", error->column, error->text);
    } else {
        problem_set(problem, "line %d, column %d: %s", error->line, error->column, error->text);
    }
}

enum status json_read_tree(struct text json, const ProtobufCMessageDescriptor *descriptor,
                           struct arena *arena, ProtobufCMessage **out, struct problem *problem)
{
    json_error_t error;
    json_t *root = json_loadb(json.size > 0 ? json.data : "", json.size,
                              JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        bool memory = json_error_code(&error) == json_error_out_of_memory;
        locate(&error, json, problem);
        return memory ? STATUS_NO_MEMORY : STATUS_INVALID;
    }
    struct reader reader = {arena, problem};
    struct path path = {.up = NULL};
    enum status status = read_message(&reader, &path, root, descriptor, out);
    json_decref(root);
    return status;
}

enum status json_parse(struct text json, const ProtobufCMessageDescriptor *descriptor,
                       struct arena *arena, ProtobufCMessage **out, struct problem *problem)
{
    if (json.size > JSON_LIMIT_BYTES) {
        problem_set(problem, "the document has %zu bytes; at most %d are allowed", json.size,
                    JSON_LIMIT_BYTES);
        return STATUS_INVALID;
    }
    if (json_read_plain(json, descriptor, arena, out)) {
        return STATUS_OK;
    }
    return json_read_tree(json, descriptor, arena, out, problem);
}
