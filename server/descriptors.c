#include "server/descriptors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    SERVICE_METHOD = 2,
    METHOD_CLIENT_STREAMING = 5,
    METHOD_SERVER_STREAMING = 6,
    ANY_NAME = 1 /* of messages, enums, services and methods alike */
};

enum { NESTING_MAX = 32 }; /* of messages in messages */

struct descriptors {
    size_t count;
    struct descriptors_file files[];
};

/* One field of a message on the wire. */
struct field {
    uint64_t number;
    uint64_t value;    /* of a varint */
    struct text bytes; /* of a length-delimited field; data NULL for other types */
};

static bool read_varint(struct text *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && rest->size > 0; shift += 7) {
        uint8_t byte = (uint8_t)*rest->data;
        rest->data++;
        rest->size--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct text *rest, uint64_t size, struct text *out)
{
    if (size > rest->size) {
        return false;
    }
    *out = (struct text){.data = rest->data, .size = (size_t)size};
    rest->data += size;
    rest->size -= (size_t)size;
    return true;
}

/* Takes the next field off rest; false at malformed bytes, and at the end. */
static bool next_field(struct text *rest, struct field *out)
{
    uint64_t key = 0;
    uint64_t size = 0;
    struct text skipped;
    *out = (struct field){0};
    if (!read_varint(rest, &key)) {
        return false;
    }
    out->number = key >> 3;
    switch (key & 7) {
    case 0:
        return read_varint(rest, &out->value);
    case 1:
        return read_bytes(rest, 8, &skipped);
    case 2:
        return read_varint(rest, &size) && read_bytes(rest, size, &out->bytes);
    case 5:
        return read_bytes(rest, 4, &skipped);
    default:
        return false;
    }
}

static struct text find_name(struct text message)
{
    struct field field;
    while (next_field(&message, &field)) {
        if (field.number == ANY_NAME && field.bytes.data != NULL) {
            return field.bytes;
        }
    }
    return (struct text){0};
}

/*
 * Every message in message[0..size) must parse to its end, as deep as this file reads. kind is the
 * number, in a file, of the field that holds such a message; 0 for the file itself.
 */
static bool is_well_formed(struct text message, unsigned kind, unsigned depth)
{
    struct field field;
    if (depth > NESTING_MAX) {
        return false;
    }
    while (message.size > 0) {
        if (!next_field(&message, &field)) {
            return false;
        }
        unsigned inner = UINT32_MAX; /* a field this file does not look into */
        if (kind == 0 && field.number >= FILE_MESSAGE && field.number <= FILE_SERVICE) {
            inner = (unsigned)field.number;
        } else if (kind == FILE_MESSAGE && field.number == MESSAGE_NESTED) {
            inner = FILE_MESSAGE;
        } else if ((kind == FILE_MESSAGE && field.number == MESSAGE_ENUM) ||
                   (kind == FILE_SERVICE && field.number == SERVICE_METHOD)) {
            inner = FILE_ENUM; /* a method has a name, like an enum, and flags */
        }
        if (inner != UINT32_MAX &&
            (field.bytes.data == NULL || !is_well_formed(field.bytes, inner, depth + 1))) {
            return false;
        }
    }
    return true;
}

static enum status parse_file(struct text bytes, struct descriptors_file *out)
{
    struct field field;
    if (!is_well_formed(bytes, 0, 0)) {
        return STATUS_CORRUPT;
    }
    *out = (struct descriptors_file){.bytes = bytes};
    while (next_field(&bytes, &field)) {
        if (field.number == FILE_NAME) {
            out->name = field.bytes;
        } else if (field.number == FILE_PACKAGE) {
            out->package = field.bytes;
        }
    }
    return out->name.size > 0 ? STATUS_OK : STATUS_CORRUPT;
}

static bool count_files(const struct text *sets, size_t count, size_t *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        struct text rest = sets[i];
        struct field field;
        while (rest.size > 0) {
            if (!next_field(&rest, &field) || field.number != SET_FILE ||
                field.bytes.data == NULL) {
                return false;
            }
            (*out)++;
        }
    }
    return true;
}

static enum status add_set(struct descriptors *descriptors, struct text set)
{
    struct field field;
    while (next_field(&set, &field)) {
        struct descriptors_file file;
        size_t known = 0;
        enum status status = parse_file(field.bytes, &file);
        if (status != STATUS_OK) {
            return status;
        }
        if (!descriptors_find_file(descriptors, file.name, &known)) {
            descriptors->files[descriptors->count++] = file;
        }
    }
    return STATUS_OK;
}

enum status descriptors_new(const struct text *sets, size_t count, struct descriptors **out)
{
    size_t file_count = 0;
    if (!count_files(sets, count, &file_count)) {
        return STATUS_CORRUPT;
    }
    struct descriptors *descriptors =
        calloc(1, sizeof(*descriptors) + file_count * sizeof(descriptors->files[0]));
    if (descriptors == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = add_set(descriptors, sets[i]);
        if (status != STATUS_OK) {
            free(descriptors);
            return status;
        }
    }
    *out = descriptors;
    return STATUS_OK;
}

void descriptors_free(struct descriptors *descriptors)
{
    free(descriptors);
}

size_t descriptors_file_count(const struct descriptors *descriptors)
{
    return descriptors->count;
}

const struct descriptors_file *descriptors_file(const struct descriptors *descriptors, size_t index)
{
    CHECK(index < descriptors->count);
    return &descriptors->files[index];
}

bool descriptors_find_file(const struct descriptors *descriptors, struct text name, size_t *index)
{
    for (size_t i = 0; i < descriptors->count; i++) {
        if (text_equal(descriptors->files[i].name, name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Takes "name" or "name." off the front of symbol, where more may follow only after the dot. */
static bool take_name(struct text *symbol, struct text name)
{
    if (name.size == 0 || symbol->size < name.size ||
        memcmp(symbol->data, name.data, name.size) != 0) {
        return false;
    }
    size_t taken = name.size;
    if (symbol->size > taken) {
        if (symbol->data[taken] != '.') {
            return false;
        }
        taken++;
    }
    symbol->data += taken;
    symbol->size -= taken;
    return true;
}

/* Whether symbol, relative to what holds message, names message or something in it. */
static bool holds_symbol(struct text message, unsigned kind, struct text symbol)
{
    struct field field;
    if (!take_name(&symbol, find_name(message))) {
        return false;
    }
    if (symbol.size == 0) {
        return true;
    }
    while (next_field(&message, &field)) {
        bool found = false;
        if (kind == FILE_MESSAGE && field.number == MESSAGE_NESTED) {
            found = holds_symbol(field.bytes, FILE_MESSAGE, symbol);
        } else if ((kind == FILE_MESSAGE && field.number == MESSAGE_ENUM) ||
                   (kind == FILE_SERVICE && field.number == SERVICE_METHOD)) {
            found = holds_symbol(field.bytes, FILE_ENUM, symbol);
        }
        if (found) {
            return true;
        }
    }
    return false;
}

static bool file_holds(const struct descriptors_file *file, struct text symbol)
{
    struct text rest = file->bytes;
    struct field field;
    if (file->package.size > 0 && !take_name(&symbol, file->package)) {
        return false;
    }
    while (next_field(&rest, &field)) {
        if (field.number >= FILE_MESSAGE && field.number <= FILE_SERVICE &&
            holds_symbol(field.bytes, (unsigned)field.number, symbol)) {
            return true;
        }
    }
    return false;
}

bool descriptors_find_symbol(const struct descriptors *descriptors, struct text symbol,
                             size_t *index)
{
    for (size_t i = 0; i < descriptors->count; i++) {
        if (file_holds(&descriptors->files[i], symbol)) {
            *index = i;
            return true;
        }
    }
    return false;
}

void descriptors_mark_imports(const struct descriptors *descriptors, size_t index, bool *marked)
{
    struct text rest = descriptors_file(descriptors, index)->bytes;
    struct field field;
    marked[index] = true;
    while (next_field(&rest, &field)) {
        size_t import = 0;
        if (field.number == FILE_DEPENDENCY &&
            descriptors_find_file(descriptors, field.bytes, &import) && !marked[import]) {
            descriptors_mark_imports(descriptors, import, marked);
        }
    }
}

void descriptors_services(const struct descriptors *descriptors,
                          void (*visit)(void *context, struct text package, struct text service),
                          void *context)
{
    for (size_t i = 0; i < descriptors->count; i++) {
        struct text rest = descriptors->files[i].bytes;
        struct field field;
        while (next_field(&rest, &field)) {
            if (field.number == FILE_SERVICE) {
                visit(context, descriptors->files[i].package, find_name(field.bytes));
            }
        }
    }
}

static struct descriptors_method parse_method(struct text bytes)
{
    struct descriptors_method method = {.name = find_name(bytes)};
    struct field field;
    while (next_field(&bytes, &field)) {
        if (field.number == METHOD_CLIENT_STREAMING) {
            method.client_streaming = field.value != 0;
        } else if (field.number == METHOD_SERVER_STREAMING) {
            method.server_streaming = field.value != 0;
        }
    }
    return method;
}

static void visit_methods(struct text package, struct text service,
                          void (*visit)(void *context, const struct descriptors_method *method),
                          void *context)
{
    struct text name = find_name(service);
    struct field field;
    while (next_field(&service, &field)) {
        if (field.number == SERVICE_METHOD) {
            struct descriptors_method method = parse_method(field.bytes);
            method.package = package;
            method.service = name;
            visit(context, &method);
        }
    }
}

void descriptors_methods(const struct descriptors *descriptors,
                         void (*visit)(void *context, const struct descriptors_method *method),
                         void *context)
{
    for (size_t i = 0; i < descriptors->count; i++) {
        struct text rest = descriptors->files[i].bytes;
        struct field field;
        while (next_field(&rest, &field)) {
            if (field.number == FILE_SERVICE) {
                visit_methods(descriptors->files[i].package, field.bytes, visit, context);
            }
        }
    }
}
