#include "ranker/weights_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/nearest.h"
#include "ranker/weights_value.h"
#include "ranker/weights_yaml.h"

/* libfyaml reads a line of brackets to its end before it tells of the first: seconds for a MiB. */
enum { LINE_BYTES_MAX = 65536 };

struct parser {
    struct yaml_reader reader;
    struct layers *layers;
    struct weights_problems *problems;
};

/* A key of the file: what it is called in problems, and where. */
struct place {
    char path[PATH_SIZE];
    unsigned line;
    unsigned column;
};

void weights_complain(struct weights_problems *problems, unsigned line, unsigned column,
                      const char *path, const char *format, ...)
{
    if (problems->count == WEIGHTS_PROBLEMS_MAX) {
        return;
    }
    struct weights_problem *problem = &problems->items[problems->count];
    *problem = (struct weights_problem){.line = line, .column = column};
    snprintf(problem->path, sizeof(problem->path), "%s", path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->message, sizeof(problem->message), format, arguments);
    va_end(arguments);
    problems->count++;
}

/*
 * True where the node, or the document, is over, or there is no room for more problems; an error in
 * the YAML is a problem once.
 */
static bool at_close(struct parser *parser, const struct yaml_event *event)
{
    if (event->kind == YAML_ERROR) {
        weights_complain(parser->problems, event->line, event->column, "", "%.*s",
                         (int)event->text.size, event->text.data);
    }
    return event->kind == YAML_CLOSE || event->kind == YAML_END || event->kind == YAML_ERROR ||
           parser->problems->count == WEIGHTS_PROBLEMS_MAX;
}

/* Reads past the rest of a node whose first event is given. */
static void skip_node(struct parser *parser, const struct yaml_event *first)
{
    unsigned depth = first->kind == YAML_SCALAR ? 0 : 1;
    while (depth > 0) {
        struct yaml_event event;
        yaml_next(&parser->reader, &event);
        if (event.kind == YAML_MAPPING || event.kind == YAML_SEQUENCE) {
            depth++;
        } else if (at_close(parser, &event)) {
            depth = event.kind == YAML_CLOSE ? depth - 1 : 0;
        }
    }
}

static const char *describe(const struct yaml_event *event)
{
    switch (event->kind) {
    case YAML_MAPPING:
        return "a mapping";
    case YAML_SEQUENCE:
        return "a list";
    case YAML_SCALAR:
        return event->text.size > 0 ? "a single value" : "nothing";
    default:
        return "the end of the file";
    }
}

/* Reads an event that must be of the kind; otherwise complains, skips its node and is false. */
static bool expect(struct parser *parser, enum yaml_kind kind, const char *what,
                   const struct place *place, struct yaml_event *out)
{
    yaml_next(&parser->reader, out);
    if (out->kind == kind && out->refused == NULL) {
        return true;
    }
    if (at_close(parser, out)) {
        return false;
    }
    if (out->refused != NULL) {
        weights_complain(parser->problems, out->line, out->column, place->path, "%s", out->refused);
    } else {
        weights_complain(parser->problems, out->line, out->column, place->path,
                         "found %s; expected %s", describe(out), what);
    }
    skip_node(parser, out);
    return false;
}

static void skip_value(struct parser *parser)
{
    struct yaml_event event;
    yaml_next(&parser->reader, &event);
    if (!at_close(parser, &event)) {
        skip_node(parser, &event);
    }
}

static struct place place_of(const struct layer *layer, const char *path,
                             const struct yaml_event *event)
{
    struct place place = {.line = event->line, .column = event->column};
    int size = snprintf(place.path, sizeof(place.path), "%s%s", layer->prefix, path);
    CHECK((size_t)size < sizeof(place.path)); /* quotes and the table's paths are short */
    return place;
}

/* version and locales stand at the top level only. */
static bool row_is_allowed(const struct layer *layer, const struct weights_row *row)
{
    bool top_only = row->kind == WEIGHTS_VERSION || row->kind == WEIGHTS_LOCALES;
    return layer->key == 0 || !top_only;
}

static void complain_unknown(struct parser *parser, const struct layer *layer, const char *section,
                             const char *name, const struct place *place)
{
    struct nearest nearest = {.found = name};
    char names[sizeof(((struct weights_problem *)NULL)->message)] = "";
    size_t used = 0;
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const char *known = weights_row_name_in(weights_row_at(i), section);
        if (known == NULL || !row_is_allowed(layer, weights_row_at(i))) {
            continue;
        }
        nearest_offer(&nearest, known);
        int size =
            snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "", known);
        CHECK(used + (size_t)size < sizeof(names));
        used += (size_t)size;
    }
    if (nearest.best != NULL) {
        weights_complain(parser->problems, place->line, place->column, place->path,
                         "unknown key; did you mean \"%s\"?", nearest.best);
    } else {
        weights_complain(parser->problems, place->line, place->column, place->path,
                         "unknown key; allowed here: %s", names);
    }
}

static bool version_is_valid(struct text name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return name.size >= 1 && name.size <= VERSION_NAME_MAX;
}

static void parse_version(struct parser *parser, const struct place *place)
{
    struct yaml_event event;
    if (!expect(parser, YAML_SCALAR, "a name", place, &event)) {
        return;
    }
    if (!version_is_valid(event.text)) {
        char quote[QUOTE_SIZE];
        weights_quote(event.text, quote);
        weights_complain(parser->problems, event.line, event.column, place->path,
                         "found \"%s\"; allowed: 1 to %d of A-Z a-z 0-9 . _ -", quote,
                         VERSION_NAME_MAX);
        return;
    }
    memcpy(parser->layers->name, event.text.data, event.text.size);
    parser->layers->name[event.text.size] = '\0';
}

static void parse_value(struct parser *parser, struct layer *layer, const struct weights_row *row,
                        const struct place *place)
{
    struct yaml_event event;
    char message[VALUE_MESSAGE_SIZE];
    char range[RANGE_SIZE];
    double value;
    weights_value_range(row, range);
    if (!expect(parser, YAML_SCALAR, range, place, &event)) {
        return;
    }
    if (weights_value_parse(row, event.text, event.plain, &value, message)) {
        weights_model_set(&layer->model, row, value);
    } else {
        weights_complain(parser->problems, event.line, event.column, place->path, "%s", message);
    }
}

static void parse_section(struct parser *parser, struct layer *layer, const char *section);
static void parse_locales(struct parser *parser);

static void parse_row(struct parser *parser, struct layer *layer, const struct weights_row *row,
                      const struct place *place)
{
    struct yaml_event event;
    switch (row->kind) {
    case WEIGHTS_VERSION:
        parse_version(parser, place);
        break;
    case WEIGHTS_SECTION:
        if (expect(parser, YAML_MAPPING, "keys with values, indented below", place, &event)) {
            parse_section(parser, layer, row->path);
        }
        break;
    case WEIGHTS_LOCALES:
        if (expect(parser, YAML_MAPPING, "locales with their sections, indented below", place,
                   &event)) {
            parse_locales(parser);
        }
        break;
    default:
        parse_value(parser, layer, row, place);
        break;
    }
}

static void parse_entry(struct parser *parser, struct layer *layer, const char *section,
                        const struct yaml_event *key)
{
    char name[QUOTE_SIZE];
    char path[PATH_SIZE];
    weights_quote(key->text, name);
    snprintf(path, sizeof(path), "%s%s%s", section, section[0] != '\0' ? "." : "", name);
    struct place place = place_of(layer, path, key);
    const struct weights_row *row = weights_row_find(path);
    if (row == NULL || weights_row_name_in(row, section) == NULL || !row_is_allowed(layer, row)) {
        complain_unknown(parser, layer, section, name, &place);
        skip_value(parser);
        return;
    }
    unsigned *line = &layer->lines[weights_row_index(row)];
    if (*line != 0) {
        weights_complain(parser->problems, place.line, place.column, place.path,
                         "the key stands here again; first on line %u", *line);
        skip_value(parser);
        return;
    }
    *line = place.line;
    parse_row(parser, layer, row, &place);
}

/* Reads the next key of a mapping; false at its end. A key that is no word is skipped with its
 * value. */
static bool next_key(struct parser *parser, const struct place *place, struct yaml_event *out)
{
    for (;;) {
        yaml_next(&parser->reader, out);
        if (at_close(parser, out)) {
            return false;
        }
        if (out->kind == YAML_SCALAR && out->refused == NULL) {
            return true;
        }
        weights_complain(parser->problems, out->line, out->column, place->path, "%s",
                         out->refused != NULL ? out->refused : "a key must be a single word");
        skip_node(parser, out);
        skip_value(parser);
    }
}

static void parse_section(struct parser *parser, struct layer *layer, const char *section)
{
    struct yaml_event key = {0};
    const struct place place = place_of(layer, section, &key);
    while (next_key(parser, &place, &key)) {
        parse_entry(parser, layer, section, &key);
    }
}

/* Says why a key of `locales` cannot be used; false if it can. */
static bool complain_locale(struct parser *parser, struct text tag, struct locale *out,
                            const struct place *place)
{
    char canonical[LOCALE_TEXT_SIZE];
    const char *why = NULL;
    if (locale_parse(tag, out) != STATUS_OK) {
        why = "not a locale; write a BCP 47 tag such as hi, hi-Latn, ru-RU or und-IN";
    } else if (out->language == 0 && out->script != 0) {
        why = "und takes a region only, as in und-IN";
    } else if (locale_key(*out) == 0) {
        why = "und is every locale; write that at the top level";
    } else if (parser->layers->count > LOCALES_MAX) {
        why = "more than 256 locales";
    }
    if (why != NULL) {
        weights_complain(parser->problems, place->line, place->column, place->path, "%s", why);
        return true;
    }
    for (size_t i = 1; i < parser->layers->count; i++) {
        if (parser->layers->items[i].key == locale_key(*out)) {
            locale_format(*out, canonical);
            weights_complain(parser->problems, place->line, place->column, place->path,
                             "the locale %s stands here again; first on line %u", canonical,
                             parser->layers->items[i].line);
            return true;
        }
    }
    return false;
}

static void parse_locale(struct parser *parser, const struct yaml_event *key)
{
    char name[QUOTE_SIZE];
    char path[PATH_SIZE];
    struct yaml_event event;
    struct locale locale;
    weights_quote(key->text, name);
    snprintf(path, sizeof(path), "locales.%s", name);
    const struct place place = place_of(&parser->layers->items[0], path, key);
    if (complain_locale(parser, key->text, &locale, &place)) {
        skip_value(parser);
        return;
    }
    struct layer *layer = &parser->layers->items[parser->layers->count++];
    *layer = (struct layer){.key = locale_key(locale), .line = key->line, .column = key->column};
    snprintf(layer->prefix, sizeof(layer->prefix), "locales.%s.", name);
    if (expect(parser, YAML_MAPPING, "sections, indented below, or {}", &place, &event)) {
        parse_section(parser, layer, "");
    }
}

static void parse_locales(struct parser *parser)
{
    struct yaml_event key;
    const struct place place = {.path = "locales"};
    while (next_key(parser, &place, &key)) {
        parse_locale(parser, &key);
    }
}

static void parse_document(struct parser *parser)
{
    static const struct place root = {.path = ""};
    struct layer *top = &parser->layers->items[0];
    struct yaml_event event;
    if (!expect(parser, YAML_MAPPING, "keys with values, such as version: a1", &root, &event)) {
        if (event.kind == YAML_END) {
            weights_complain(parser->problems, 1, 1, "",
                             "the file says nothing; it needs a version at least");
        }
        return;
    }
    parse_section(parser, top, "");
    yaml_next(&parser->reader, &event); /* the end, or a second document's error */
    CHECK(at_close(parser, &event));
    if (top->lines[weights_row_index(weights_row_find("version"))] == 0) {
        weights_complain(parser->problems, 1, 1, "version",
                         "the key is missing; name these weights, as in version: a1");
    }
}

/* What is wrong with a line, without its end; NULL if nothing is. */
static const char *judge_line(struct text line)
{
    if (line.size > LINE_BYTES_MAX) {
        return "the line is longer than 65536 bytes";
    }
    if (line.size > 0 && memchr(line.data, '\0', line.size) != NULL) {
        return "the line has a zero byte; the file must be text";
    }
    return text_is_utf8(line) ? NULL : "the line is not UTF-8";
}

/* Checks the bytes before libfyaml sees them, which takes some malformed ones and most control
 * ones. */
static bool complain_bytes(struct weights_problems *problems, struct text yaml)
{
    if (yaml.size > LIMIT_WEIGHTS_BYTES) {
        weights_complain(problems, 1, 1, "", "the file has %zu bytes; allowed: %d", yaml.size,
                         LIMIT_WEIGHTS_BYTES);
        return true;
    }
    struct text rest = yaml;
    for (unsigned number = 1; rest.size > 0; number++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        struct text line = {.data = rest.data, .size = rest.size};
        if (end != NULL) {
            line.size = (size_t)(end - rest.data);
        }
        const char *why = judge_line(line);
        if (why != NULL) {
            weights_complain(problems, number, 1, "", "%s", why);
            return true;
        }
        size_t used = line.size < rest.size ? line.size + 1 : line.size;
        rest = (struct text){.data = rest.data + used, .size = rest.size - used};
    }
    return false;
}

enum status weights_read(struct text yaml, struct layers *layers, struct weights_problems *problems)
{
    struct parser parser = {.layers = layers, .problems = problems};
    layers->count = 1;
    layers->items[0].line = 1;
    layers->items[0].column = 1;
    if (complain_bytes(problems, yaml)) {
        return STATUS_INVALID;
    }
    enum status status = yaml_init(&parser.reader, yaml);
    if (status == STATUS_OK) {
        parse_document(&parser);
    }
    yaml_release(&parser.reader);
    if (status == STATUS_OK && problems->count > 0) {
        status = STATUS_INVALID;
    }
    return status;
}
