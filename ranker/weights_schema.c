#include <stdarg.h>
#include <stdio.h>

#include "ranker/weights.h"
#include "ranker/weights_table.h"
#include "ranker/weights_value.h"

#define LOCALE_PATTERN "^[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?$"

/* Counts what does not fit, so that the caller learns the size. */
struct writer {
    char *out;
    size_t size;
    size_t length;
    unsigned depth;
    bool first; /* nothing yet in the innermost object */
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
                                                      ...)
{
    size_t room = writer->length < writer->size ? writer->size - writer->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room > 0 ? writer->out + writer->length : NULL, room, format, arguments);
    va_end(arguments);
    writer->length += (size_t)length;
}

/* Names are the table's or ours: none needs escaping. */
static void put_name(struct writer *writer, const char *name)
{
    put(writer, "%s\n%*s\"%s\": ", writer->first ? "" : ",", (int)(2 * writer->depth), "", name);
    writer->first = false;
}

static void put_string(struct writer *writer, const char *name, const char *value)
{
    put_name(writer, name);
    put(writer, "\"%s\"", value);
}

static void put_number(struct writer *writer, const char *name, double value)
{
    put_name(writer, name);
    put(writer, "%.10g", value);
}

static void put_flag(struct writer *writer, const char *name, bool value)
{
    put_name(writer, name);
    put(writer, value ? "true" : "false");
}

static void open_object(struct writer *writer, const char *name)
{
    if (name != NULL) {
        put_name(writer, name);
    }
    put(writer, "{");
    writer->depth++;
    writer->first = true;
}

static void close_object(struct writer *writer)
{
    writer->depth--;
    put(writer, "\n%*s}", (int)(2 * writer->depth), "");
    writer->first = false;
}

static void put_choices(struct writer *writer, const struct weights_row *row)
{
    put_name(writer, "enum");
    for (const struct weights_choice *choice = row->choices; choice->name != NULL; choice++) {
        put(writer, "%s\"%s\"", choice == row->choices ? "[" : ", ", choice->name);
    }
    put(writer, "]");
    for (const struct weights_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (choice->value == (int)row->initial) {
            put_string(writer, "default", choice->name);
        }
    }
}

static void put_leaf(struct writer *writer, const struct weights_row *row)
{
    char text[RANGE_SIZE];
    char duration[DURATION_SIZE];
    switch (row->kind) {
    case WEIGHTS_NUMBER:
    case WEIGHTS_INTEGER:
        put_string(writer, "description", row->about);
        put_string(writer, "type", row->kind == WEIGHTS_NUMBER ? "number" : "integer");
        put_number(writer, "minimum", row->min);
        put_number(writer, "maximum", row->max);
        put_number(writer, "default", row->initial);
        break;
    case WEIGHTS_DURATION: /* the bounds are not a schema's to check, so the description has them */
        weights_value_range(row, text);
        put_name(writer, "description");
        put(writer, "\"%s %s.\"", row->about, text);
        put_string(writer, "type", "string");
        put_string(writer, "pattern", "^[0-9]{1,9}[smhd]$");
        weights_duration_format(row->initial, duration);
        put_string(writer, "default", duration);
        break;
    case WEIGHTS_CHOICE:
        put_string(writer, "description", row->about);
        put_choices(writer, row);
        break;
    default:
        break;
    }
}

/* The section's object with all below it. The table is at most 3 sections deep. */
static void put_section(struct writer *writer, const struct weights_row *section)
{
    put_string(writer, "description", section->about);
    put_string(writer, "type", "object");
    put_flag(writer, "additionalProperties", false);
    open_object(writer, "properties");
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        const char *name = weights_row_name_in(row, section->path);
        if (name != NULL) {
            open_object(writer, name);
            if (row->kind == WEIGHTS_SECTION) {
                put_section(writer, row);
            } else {
                put_leaf(writer, row);
            }
            close_object(writer);
        }
    }
    close_object(writer);
}

static bool is_top_section(const struct weights_row *row)
{
    return row->kind == WEIGHTS_SECTION && weights_row_name_in(row, "") != NULL;
}

/* The sections once, for the top level and the locales to refer to. */
static void put_definitions(struct writer *writer)
{
    open_object(writer, "$defs");
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        if (is_top_section(weights_row_at(i))) {
            open_object(writer, weights_row_at(i)->path);
            put_section(writer, weights_row_at(i));
            close_object(writer);
        }
    }
    close_object(writer);
}

static void put_references(struct writer *writer)
{
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        if (is_top_section(row)) {
            open_object(writer, row->path);
            put_name(writer, "$ref");
            put(writer, "\"#/$defs/%s\"", row->path);
            close_object(writer);
        }
    }
}

static void put_version(struct writer *writer)
{
    open_object(writer, "version");
    put_string(writer, "description", weights_row_find("version")->about);
    put_name(writer, "type");
    put(writer, "[\"string\", \"number\"]"); /* version: 7 needs no quotes */
    put_string(writer, "pattern", "^[A-Za-z0-9._-]{1,32}$");
    close_object(writer);
}

static void put_locales(struct writer *writer)
{
    open_object(writer, "locales");
    put_string(writer, "description", weights_row_find("locales")->about);
    put_string(writer, "type", "object");
    open_object(writer, "propertyNames");
    put_string(writer, "pattern", LOCALE_PATTERN);
    close_object(writer);
    open_object(writer, "additionalProperties");
    put_string(writer, "type", "object");
    put_flag(writer, "additionalProperties", false);
    open_object(writer, "properties");
    put_references(writer);
    close_object(writer);
    close_object(writer);
    close_object(writer);
}

size_t weights_schema(char *out, size_t size)
{
    struct writer writer = {.out = out, .size = size};
    open_object(&writer, NULL);
    put_string(&writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_string(&writer, "title", "Weights of reelrank");
    put_string(&writer, "type", "object");
    put_name(&writer, "required");
    put(&writer, "[\"version\"]");
    put_flag(&writer, "additionalProperties", false);
    open_object(&writer, "properties");
    put_version(&writer);
    put_references(&writer);
    put_locales(&writer);
    close_object(&writer);
    put_definitions(&writer);
    close_object(&writer);
    put(&writer, "\n");
    return writer.length;
}
