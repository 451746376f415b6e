#include "proto/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/element.h"

struct writer {
    FILE *out;
    enum json_style style;
};

static void new_line(const struct writer *writer, unsigned depth)
{
    if (writer->style == JSON_PRETTY) {
        fprintf(writer->out, "\n%*s", (int)(2 * depth), "");
    }
}

/* Size of the well-formed character at text, 0 if there is none. */
static size_t character_size(const char *text, size_t size)
{
    for (size_t length = 1; length <= 4 && length <= size; length++) {
        if (text_is_utf8((struct text){text, length})) {
            return length;
        }
    }
    return 0;
}

static void write_character(FILE *out, const char *text, size_t size)
{
    switch (text[0]) {
    case '"':
        fputs("\\\"", out);
        return;
    case '\\':
        fputs("\\\\", out);
        return;
    case '\n':
        fputs("\\n", out);
        return;
    default:
        break;
    }
    if ((unsigned char)text[0] < ' ' || text[0] == 0x7f) {
        fprintf(out, "\\u%04x", (unsigned)text[0]);
    } else {
        fwrite(text, 1, size, out);
    }
}

/* Bytes that are not UTF-8 become U+FFFD each: a message off the wire is not checked for them. */
static void write_string(FILE *out, const char *string)
{
    size_t size = strlen(string);
    fputc('"', out);
    for (size_t at = 0; at < size;) {
        size_t length = character_size(string + at, size - at);
        if (length > 0) {
            write_character(out, string + at, length);
        } else {
            fputs("\xef\xbf\xbd", out);
        }
        at += length > 0 ? length : 1;
    }
    fputc('"', out);
}

static void write_bytes(FILE *out, const ProtobufCBinaryData *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputc('"', out);
    for (size_t at = 0; at < bytes->len; at += 3) {
        size_t left = bytes->len - at;
        uint32_t bits = (uint32_t)bytes->data[at] << 16;
        bits |= left > 1 ? (uint32_t)bytes->data[at + 1] << 8 : 0;
        bits |= left > 2 ? bytes->data[at + 2] : 0;
        fputc(digits[bits >> 18], out);
        fputc(digits[bits >> 12 & 63], out);
        fputc(left > 1 ? digits[bits >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[bits & 63] : '=', out);
    }
    fputc('"', out);
}

/* JSON has no words for these; json_parse() refuses them, as the contract allows none. */
static const char *word_of(double value)
{
    return isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

enum { REAL_SIZE = 40 };

static bool reads_back(const char *text, double value, bool single)
{
    double again = strtod(text, NULL);
    again = single ? (double)(float)again : again;
    return memcmp(&again, &value, sizeof(value)) == 0;
}

/* The shortest decimal that reads back as the same bits; 9 digits do for a float, 17 for a double.
 */
static void write_real(FILE *out, double value, bool single)
{
    if (!isfinite(value)) {
        fputs(word_of(value), out);
        return;
    }
    char text[REAL_SIZE];
    int digits = single ? 6 : 15;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        digits++;
    } while (!reads_back(text, value, single));
    bool whole = strpbrk(text, ".e") == NULL;
    fprintf(out, "%s%s", text, whole ? ".0" : "");
}

/* JSON readers in C, and ours, keep integers in 64 signed bits; above them a string is safe. */
static void write_unsigned(FILE *out, uint64_t value)
{
    const char *quote = value > INT64_MAX ? "\"" : "";
    fprintf(out, "%s%" PRIu64 "%s", quote, value, quote);
}

static void write_enum(FILE *out, const ProtobufCEnumDescriptor *descriptor, int value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
    if (known != NULL) {
        fprintf(out, "\"%s\"", known->name);
    } else {
        fprintf(out, "%d", value);
    }
}

static void write_message(const struct writer *writer, const ProtobufCMessage *message,
                          unsigned depth);

/* element points at one value of the field's type, in the message or in its list. */
static void write_value(const struct writer *writer, const ProtobufCFieldDescriptor *field,
                        const void *element, unsigned depth)
{
    FILE *out = writer->out;
    union element value = element_get(field->type, element);
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        fprintf(out, "%" PRId32, value.int32);
        return;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        fprintf(out, "%" PRId64, value.int64);
        return;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        fprintf(out, "%" PRIu32, value.uint32);
        return;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_unsigned(out, value.uint64);
        return;
    case PROTOBUF_C_TYPE_FLOAT:
        write_real(out, (double)value.single, true);
        return;
    case PROTOBUF_C_TYPE_DOUBLE:
        write_real(out, value.real, false);
        return;
    case PROTOBUF_C_TYPE_BOOL:
        fputs(value.boolean ? "true" : "false", out);
        return;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(out, field->descriptor, value.int32);
        return;
    case PROTOBUF_C_TYPE_STRING:
        write_string(out, value.string != NULL ? value.string : "");
        return;
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(out, &value.bytes);
        return;
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    write_message(writer, value.message, depth);
}

static void write_list(const struct writer *writer, const ProtobufCFieldDescriptor *field,
                       const char *message, unsigned depth)
{
    size_t count;
    const char *list;
    memcpy(&count, message + field->quantifier_offset, sizeof(count));
    memcpy(&list, message + field->offset, sizeof(list));
    fputc('[', writer->out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? "," : "", writer->out);
        new_line(writer, depth + 1);
        write_value(writer, field, list + i * element_size(field->type), depth + 1);
    }
    if (count > 0) {
        new_line(writer, depth);
    }
    fputc(']', writer->out);
}

/* True when the field holds something other than its default. */
static bool is_set(const ProtobufCFieldDescriptor *field, const char *message)
{
    static const union element zero;
    const char *slot = message + field->offset;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        return memcmp(message + field->quantifier_offset, &field->id, sizeof(field->id)) == 0;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return memcmp(message + field->quantifier_offset, &zero, sizeof(size_t)) != 0;
    }
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0) {
        return memcmp(message + field->quantifier_offset, &zero, sizeof(protobuf_c_boolean)) != 0;
    }
    union element value = element_get(field->type, slot);
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        return value.string != NULL && value.string[0] != '\0';
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        return value.bytes.len > 0;
    }
    return memcmp(slot, &zero, element_size(field->type)) != 0;
}

/* A field without a value of its own, such as an absent message, has nothing but null to show. */
static bool is_absent(const ProtobufCFieldDescriptor *field, const char *message)
{
    return !is_set(field, message) && field->label != PROTOBUF_C_LABEL_REPEATED &&
           (field->type == PROTOBUF_C_TYPE_MESSAGE || field->label == PROTOBUF_C_LABEL_OPTIONAL);
}

static bool is_shown(const struct writer *writer, const ProtobufCFieldDescriptor *field,
                     const char *message)
{
    return is_set(field, message) ||
           (writer->style != JSON_LINE && (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0);
}

static void write_field(const struct writer *writer, const ProtobufCFieldDescriptor *field,
                        const char *message, unsigned depth)
{
    fprintf(writer->out, "\"%s\":%s", field->name, writer->style == JSON_PRETTY ? " " : "");
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        write_list(writer, field, message, depth);
    } else if (is_absent(field, message)) {
        fputs("null", writer->out);
    } else {
        write_value(writer, field, message + field->offset, depth);
    }
}

static void write_message(const struct writer *writer, const ProtobufCMessage *message,
                          unsigned depth)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    bool first = true;
    fputc('{', writer->out);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (is_shown(writer, &descriptor->fields[i], (const char *)message)) {
            fputs(first ? "" : ",", writer->out);
            new_line(writer, depth + 1);
            write_field(writer, &descriptor->fields[i], (const char *)message, depth + 1);
            first = false;
        }
    }
    if (!first) {
        new_line(writer, depth);
    }
    fputc('}', writer->out);
}

char *json_format(const ProtobufCMessage *message, enum json_style style)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    struct writer writer = {out, style};
    write_message(&writer, message, 0);
    bool failed = ferror(out) != 0;
    failed |= fclose(out) != 0;
    if (failed) {
        free(text);
        return NULL;
    }
    return text;
}
