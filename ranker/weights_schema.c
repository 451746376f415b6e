#include <stdarg.h>
#include <stdio.h>

#include "ranker/weights.h"
#include "ranker/weights_table.h"
#include "ranker/weights_value.h"

/* "und" alone is no locale of a file, and takes a region only. */
#define LOCALE_PATTERN                                    \
    "^(?![Uu][Nn][Dd](?![-_][A-Za-z]{2}$|[-_][0-9]{3}$))" \
    "[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?$"
#define LANGUAGE_PATTERN  "^(?![Uu][Nn][Dd]$)[A-Za-z]{2,3}$"
#define NAME_PATTERN      "^[A-Za-z0-9._-]{1,32}$"
#define TEXT_PATTERN(max) "^[^\\\\u0000-\\\\u001f\\\\u007f]{1," max "}$"
#define FILE_PATTERN      "^(?!/)(?!(.*/)?\\\\.\\\\.(/|$))[^\\\\u0000-\\\\u001f\\\\u007f]{1,128}$"

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

static void put_reference(struct writer *writer, const char *name)
{
    put_name(writer, "$ref");
    put(writer, "\"#/$defs/%s\"", name);
}

static void put_type(struct writer *writer, const struct weights_row *row, const char *type)
{
    put_string(writer, "description", row->about);
    put_string(writer, "type", type);
}

/* A mapping of names to numbers in the row's range. */
static void put_map(struct writer *writer, const struct weights_row *row, const char *pattern,
                    unsigned most)
{
    put_type(writer, row, "object");
    put_number(writer, "maxProperties", most);
    open_object(writer, "propertyNames");
    put_string(writer, "pattern", pattern);
    close_object(writer);
    open_object(writer, "additionalProperties");
    put_string(writer, "type", "number");
    put_number(writer, "minimum", row->min);
    put_number(writer, "maximum", row->max);
    close_object(writer);
}

static void put_list(struct writer *writer, const struct weights_row *row, const char *pattern,
                     unsigned least, unsigned most)
{
    put_type(writer, row, "array");
    put_number(writer, "minItems", least);
    put_number(writer, "maxItems", most);
    put_flag(writer, "uniqueItems", true);
    open_object(writer, "items");
    put_string(writer, "type", "string");
    put_string(writer, "pattern", pattern);
    close_object(writer);
}

static void put_text(struct writer *writer, const struct weights_row *row, const char *pattern)
{
    put_type(writer, row, "string");
    put_string(writer, "pattern", pattern);
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
    case WEIGHTS_SHARE:
        put_type(writer, row, "number");
        put_number(writer, "minimum", row->min);
        put_number(writer, "maximum", row->max);
        break;
    case WEIGHTS_FEATURES:
        put_string(writer, "description", row->about);
        put_reference(writer, "feature_weights");
        break;
    case WEIGHTS_SOURCES:
        put_map(writer, row, TEXT_PATTERN("64"), WEIGHTS_SOURCES_MAX);
        break;
    case WEIGHTS_LANGUAGES:
        put_map(writer, row, LANGUAGE_PATTERN, WEIGHTS_LANGUAGES_MAX);
        break;
    case WEIGHTS_NAMES:
        put_list(writer, row, TEXT_PATTERN("64"), 0, WEIGHTS_FORBIDDEN_MAX);
        break;
    case WEIGHTS_FILE:
        put_text(writer, row, FILE_PATTERN);
        break;
    case WEIGHTS_INHERIT:
        put_text(writer, row, LOCALE_PATTERN);
        break;
    case WEIGHTS_SALT:
        put_text(writer, row, TEXT_PATTERN("64"));
        break;
    case WEIGHTS_TARGETS:
        put_list(writer, row, LOCALE_PATTERN, 1, WEIGHTS_TARGETS_MAX);
        break;
    default:
        break;
    }
}

/* Whether the section is a head, whose keys depend on its kind. */
static bool is_head(const struct weights_row *section)
{
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        if (row->used_by != 0 && weights_row_name_in(row, section->path) != NULL) {
            return true;
        }
    }
    return false;
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
    if (is_head(section)) {
        put_reference(writer, "head_kinds");
    }
}

/* What may stand at the top level, in a locale and in an arm alike. */
static bool is_shared(const struct weights_row *row)
{
    unsigned everywhere = WEIGHTS_TOP | WEIGHTS_LOCALE | WEIGHTS_ARM;
    bool shared = row->scopes == 0 || row->scopes == everywhere;
    return shared && weights_row_name_in(row, "") != NULL;
}

static void put_feature_weights(struct writer *writer)
{
    const struct weights_row *row = weights_row_find("heads.like.weights", WEIGHTS_TOP);
    open_object(writer, "feature_weights");
    put_string(writer, "type", "object");
    put_flag(writer, "additionalProperties", false);
    open_object(writer, "properties");
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        open_object(writer, feature_name(i));
        put_reference(writer, "feature_weight");
        close_object(writer);
    }
    close_object(writer);
    close_object(writer);
    open_object(writer, "feature_weight");
    put_string(writer, "type", "number");
    put_number(writer, "minimum", row->min);
    put_number(writer, "maximum", row->max);
    close_object(writer);
}

/* Forbids the keys that a kind does not use. */
static void put_kind(struct writer *writer, const struct weights_choice *kind)
{
    open_object(writer, "if");
    put_name(writer, "required");
    put(writer, "[\"kind\"]");
    open_object(writer, "properties");
    open_object(writer, "kind");
    put_string(writer, "const", kind->name);
    close_object(writer);
    close_object(writer);
    close_object(writer);
    open_object(writer, "then");
    open_object(writer, "properties");
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        const char *name = weights_row_name_in(row, "heads.like");
        if (name != NULL && (row->used_by >> kind->value & 1) == 0) {
            put_flag(writer, name, false);
        }
    }
    close_object(writer);
    close_object(writer);
}

static void put_head_kinds(struct writer *writer)
{
    const struct weights_row *row = weights_row_find("heads.like.kind", WEIGHTS_TOP);
    open_object(writer, "head_kinds");
    put_name(writer, "allOf");
    put(writer, "[");
    for (const struct weights_choice *kind = row->choices; kind->name != NULL; kind++) {
        put(writer, kind == row->choices ? "" : ", ");
        open_object(writer, NULL);
        put_kind(writer, kind);
        close_object(writer);
    }
    put(writer, "]");
    close_object(writer);
}

/* The sections once, for the top level, the locales and the arms to refer to. */
static void put_definitions(struct writer *writer)
{
    open_object(writer, "$defs");
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        if (is_shared(row)) {
            open_object(writer, row->path);
            if (row->kind == WEIGHTS_SECTION) {
                put_section(writer, row);
            } else {
                put_leaf(writer, row);
            }
            close_object(writer);
        }
    }
    put_feature_weights(writer);
    put_head_kinds(writer);
    close_object(writer);
}

static void put_references(struct writer *writer)
{
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const struct weights_row *row = weights_row_at(i);
        if (is_shared(row)) {
            open_object(writer, row->path);
            put_reference(writer, row->path);
            close_object(writer);
        }
    }
}

/* A key that stands in one place only. */
static void put_own(struct writer *writer, const char *name, enum weights_scope scope)
{
    open_object(writer, name);
    put_leaf(writer, weights_row_find(name, scope));
    close_object(writer);
}

static void put_version(struct writer *writer)
{
    open_object(writer, "version");
    put_string(writer, "description", weights_row_find("version", WEIGHTS_TOP)->about);
    put_name(writer, "type");
    put(writer, "[\"string\", \"number\"]"); /* version: 7 needs no quotes */
    put_string(writer, "pattern", NAME_PATTERN);
    close_object(writer);
}

/* Opens a mapping of names to objects of known keys; close_mapping() ends it. */
static void open_mapping(struct writer *writer, const char *name, enum weights_scope scope,
                         const char *pattern, unsigned least, unsigned most)
{
    open_object(writer, name);
    put_type(writer, weights_row_find(name, scope), "object");
    put_number(writer, "minProperties", least);
    put_number(writer, "maxProperties", most);
    open_object(writer, "propertyNames");
    put_string(writer, "pattern", pattern);
    close_object(writer);
    open_object(writer, "additionalProperties");
    put_string(writer, "type", "object");
    put_flag(writer, "additionalProperties", false);
}

static void close_mapping(struct writer *writer)
{
    close_object(writer); /* properties */
    close_object(writer);
    close_object(writer);
}

static void put_locales(struct writer *writer)
{
    open_mapping(writer, "locales", WEIGHTS_TOP, LOCALE_PATTERN, 0, WEIGHTS_LOCALES_MAX);
    open_object(writer, "properties");
    put_own(writer, "inherit", WEIGHTS_LOCALE);
    put_references(writer);
    close_mapping(writer);
}

static void put_arms(struct writer *writer)
{
    open_mapping(writer, "arms", WEIGHTS_EXPERIMENT, NAME_PATTERN, 1, WEIGHTS_ARMS_MAX);
    put_name(writer, "required");
    put(writer, "[\"share\"]");
    open_object(writer, "properties");
    put_own(writer, "share", WEIGHTS_ARM);
    put_references(writer);
    close_mapping(writer);
}

static void put_experiments(struct writer *writer)
{
    open_mapping(writer, "experiments", WEIGHTS_TOP, NAME_PATTERN, 0, WEIGHTS_EXPERIMENTS_MAX);
    put_name(writer, "required");
    put(writer, "[\"arms\"]");
    open_object(writer, "properties");
    put_own(writer, "salt", WEIGHTS_EXPERIMENT);
    put_own(writer, "locales", WEIGHTS_EXPERIMENT);
    put_arms(writer);
    close_mapping(writer);
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
    put_experiments(&writer);
    close_object(&writer);
    put_definitions(&writer);
    close_object(&writer);
    put(&writer, "\n");
    return writer.length;
}
