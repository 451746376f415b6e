#include "ranker/weights_parser.h"

#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/nearest.h"
#include "ranker/weights_value.h"

static const struct mark start = {.line = 1, .column = 1};

enum { NAMES_SIZE = 192 }; /* what fits into a message */

/* Appends ", name", or an ellipsis once there is no room for more; false then. */
static bool append_name(char names[NAMES_SIZE], const char *name)
{
    size_t used = strlen(names);
    const char *comma = used > 0 ? ", " : "";
    bool fits = used + strlen(name) + sizeof(", , ...") <= NAMES_SIZE;
    snprintf(names + used, NAMES_SIZE - used, "%s%s", comma, fits ? name : "...");
    return fits;
}

static void complain_unknown(struct parser *parser, const struct layer *layer, const char *section,
                             const char *name, const struct place *place)
{
    struct nearest nearest = {.found = name};
    char names[NAMES_SIZE] = "";
    bool room = true;
    for (size_t i = 0; weights_row_at(i) != NULL; i++) {
        const char *known = weights_row_name_in(weights_row_at(i), section);
        if (known != NULL && weights_row_stands_in(weights_row_at(i), layer->scope)) {
            nearest_offer(&nearest, known);
            room = room && append_name(names, known);
        }
    }
    if (nearest.best != NULL) {
        weights_complain(parser->problems, place->at, place->path,
                         "unknown key; did you mean \"%s\"?", nearest.best);
    } else {
        weights_complain(parser->problems, place->at, place->path, "unknown key; allowed here: %s",
                         names);
    }
}

static void read_version(struct parser *parser, const struct place *place)
{
    struct yaml_event event;
    if (parser_expect(parser, YAML_SCALAR, "a name", place, &event)) {
        (void)parser_read_name(parser, &event, place, parser->layers->name);
    }
}

static void read_value(struct parser *parser, struct layer *layer, const struct weights_row *row,
                       const struct place *place)
{
    struct yaml_event event;
    char message[VALUE_MESSAGE_SIZE];
    char range[RANGE_SIZE];
    double value;
    weights_value_range(row, range);
    if (!parser_expect(parser, YAML_SCALAR, range, place, &event)) {
        return;
    }
    if (!weights_value_parse(row, event.text, event.plain, &value, message)) {
        weights_complain(parser->problems, mark_of(&event), place->path, "%s", message);
    } else if (row->kind == WEIGHTS_SHARE) {
        layer->share = value;
        layer->share_at = mark_of(&event);
    } else {
        weights_model_set(&layer->model, row, value);
    }
}

static void read_inherit(struct parser *parser, struct layer *layer, const struct place *place)
{
    struct yaml_event event;
    struct locale locale;
    if (parser_expect(parser, YAML_SCALAR, "a locale of this file", place, &event) &&
        parser_read_locale(parser, &event, place, &locale)) {
        layer->inherit = locale_key(locale);
        layer->inherit_at = mark_of(&event);
    }
}

static void read_locales(struct parser *parser, const struct place *place);

static void read_row(struct parser *parser, struct layer *layer, const struct weights_row *row,
                     const struct place *place)
{
    struct yaml_event event;
    switch (row->kind) {
    case WEIGHTS_VERSION:
        read_version(parser, place);
        break;
    case WEIGHTS_SECTION:
        if (parser_expect(parser, YAML_MAPPING, "keys with values, indented below", place,
                          &event)) {
            parser_read_section(parser, layer, row->path);
        }
        break;
    case WEIGHTS_LOCALES:
        read_locales(parser, place);
        break;
    case WEIGHTS_INHERIT:
        read_inherit(parser, layer, place);
        break;
    case WEIGHTS_EXPERIMENTS:
        parser_read_experiments(parser, place);
        break;
    case WEIGHTS_SALT:
    case WEIGHTS_TARGETS:
    case WEIGHTS_ARMS:
        parser_read_trial_row(parser, layer, row, place);
        break;
    case WEIGHTS_FEATURES:
    case WEIGHTS_SOURCES:
    case WEIGHTS_LANGUAGES:
        parser_read_map(parser, layer, row, place);
        break;
    case WEIGHTS_NAMES:
        parser_read_names(parser, layer, row, place);
        break;
    case WEIGHTS_FILE:
        parser_read_file(parser, layer, row, place);
        break;
    default:
        read_value(parser, layer, row, place);
        break;
    }
}

static void read_entry(struct parser *parser, struct layer *layer, const char *section,
                       const struct yaml_event *key)
{
    char name[QUOTE_SIZE];
    char path[PATH_SIZE];
    weights_quote(key->text, name);
    snprintf(path, sizeof(path), "%s%s%s", section, section[0] != '\0' ? "." : "", name);
    struct place place = parser_place(layer, path, key);
    const struct weights_row *row = weights_row_find(path, layer->scope);
    if (row == NULL || weights_row_name_in(row, section) == NULL) {
        complain_unknown(parser, layer, section, name, &place);
        parser_skip_value(parser);
        return;
    }
    struct mark *said = &layer->said[weights_row_index(row)];
    if (said->line != 0) {
        parser_complain_again(parser, &place, said->line);
        parser_skip_value(parser);
        return;
    }
    *said = place.at;
    read_row(parser, layer, row, &place);
}

void parser_read_section(struct parser *parser, struct layer *layer, const char *section)
{
    struct yaml_event key = {0};
    const struct place place = parser_place(layer, section, &key);
    while (parser_next_key(parser, &place, &key)) {
        read_entry(parser, layer, section, &key);
    }
}

struct layer *parser_add_layer(struct parser *parser, enum weights_scope scope,
                               const struct place *place)
{
    CHECK(parser->layers->count < LAYERS_MAX);
    struct layer *layer = weights_memory_new(&parser->layers->memory, struct layer, 1);
    if (layer == NULL) {
        return NULL;
    }
    parser->layers->items[parser->layers->count++] = layer;
    layer->scope = scope;
    layer->at = place->at;
    int size = snprintf(layer->prefix, sizeof(layer->prefix), "%s.", place->path);
    CHECK((size_t)size < sizeof(layer->prefix));
    return layer;
}

bool parser_read_locale(struct parser *parser, const struct yaml_event *event,
                        const struct place *place, struct locale *out)
{
    char quote[QUOTE_SIZE];
    const char *why = NULL;
    struct locale locale;
    if (locale_parse(event->text, &locale) != STATUS_OK) {
        why = "is no locale; write a BCP 47 tag such as hi, hi-Latn, ru-RU or und-IN";
    } else if (locale.language == 0 && locale.script != 0) {
        why = "is no locale here; und takes a region only, as in und-IN";
    } else if (locale_key(locale) == 0) {
        why = "is every locale; the top level stands for that";
    } else {
        *out = locale;
        return true;
    }
    weights_quote(event->text, quote);
    weights_complain(parser->problems, mark_of(event), place->path, "found \"%s\", which %s", quote,
                     why);
    return false;
}

/* Says why a key of `locales` cannot be another layer; false if it can. */
static bool complain_locale(struct parser *parser, const char *canonical, uint64_t key,
                            const struct place *place)
{
    const struct layers *layers = parser->layers;
    for (size_t i = 1; i < layers->count; i++) {
        if (layers->keys[i] == key) {
            weights_complain(parser->problems, place->at, place->path,
                             "the locale %s stands here again; first on line %u", canonical,
                             layers->items[i]->at.line);
            return true;
        }
    }
    if (layers->locale_count == WEIGHTS_LOCALES_MAX) {
        weights_complain(parser->problems, place->at, place->path, "more than %d locales",
                         WEIGHTS_LOCALES_MAX);
        return true;
    }
    return false;
}

static void read_locale(struct parser *parser, const struct place *above,
                        const struct yaml_event *key)
{
    char canonical[LOCALE_TEXT_SIZE];
    struct yaml_event event;
    struct locale locale;
    const struct place place = parser_place_below(above, key);
    if (!parser_read_locale(parser, key, &place, &locale)) {
        parser_skip_value(parser);
        return;
    }
    locale_format(locale, canonical);
    if (complain_locale(parser, canonical, locale_key(locale), &place)) {
        parser_skip_value(parser);
        return;
    }
    struct layer *layer = parser_add_layer(parser, WEIGHTS_LOCALE, &place);
    if (layer == NULL) {
        parser_skip_value(parser);
        return;
    }
    parser->layers->locale_count++;
    parser->layers->keys[parser->layers->count - 1] = locale_key(locale);
    snprintf(layer->name, sizeof(layer->name), "%s", canonical);
    if (parser_expect(parser, YAML_MAPPING, "sections, indented below, or {}", &place, &event)) {
        parser_read_section(parser, layer, "");
    }
}

static void read_locales(struct parser *parser, const struct place *place)
{
    struct yaml_event key;
    if (!parser_expect(parser, YAML_MAPPING, "locales with their sections, indented below", place,
                       &key)) {
        return;
    }
    while (parser_next_key(parser, place, &key)) {
        read_locale(parser, place, &key);
    }
}

static void read_document(struct parser *parser)
{
    static const struct place root = {.path = ""};
    struct layer *top = parser->layers->items[0];
    struct yaml_event event;
    if (!parser_expect(parser, YAML_MAPPING, "keys with values, such as version: a1", &root,
                       &event)) {
        if (event.kind == YAML_END) {
            weights_complain(parser->problems, start, "",
                             "the file says nothing; it needs a version at least");
        }
        return;
    }
    parser_read_section(parser, top, "");
    yaml_next(&parser->reader, &event); /* the end, or a second document's error */
    CHECK(parser_at_close(parser, &event));
    if (top->said[weights_row_index(weights_row_find("version", WEIGHTS_TOP))].line == 0) {
        weights_complain(parser->problems, start, "version",
                         "the key is missing; name these weights, as in version: a1");
    }
}

static bool complain_bytes(struct weights_problems *problems, struct text yaml)
{
    if (yaml.size > LIMIT_WEIGHTS_BYTES) {
        weights_complain(problems, start, "", "the file has %zu bytes; allowed: %d", yaml.size,
                         LIMIT_WEIGHTS_BYTES);
        return true;
    }
    struct mark mark = start;
    const char *why = yaml_complaint(yaml, &mark.line);
    if (why != NULL) {
        weights_complain(problems, mark, "", "%s", why);
    }
    return why != NULL;
}

enum status weights_read(struct text yaml, const struct weights_loader *loader,
                         struct weights_memory *memory, struct layers *layers,
                         struct weights_problems *problems)
{
    struct parser parser = {
        .loader = loader, .memory = memory, .layers = layers, .problems = problems};
    if (complain_bytes(problems, yaml)) {
        return STATUS_INVALID;
    }
    struct layer *top = weights_memory_new(&layers->memory, struct layer, 1);
    if (top == NULL) {
        return STATUS_NO_MEMORY;
    }
    top->scope = WEIGHTS_TOP;
    top->at = start;
    layers->items[0] = top;
    layers->count = 1;
    enum status status = yaml_init(&parser.reader, yaml);
    if (status == STATUS_OK) {
        read_document(&parser);
    }
    yaml_release(&parser.reader);
    if (status == STATUS_OK && problems->count > 0) {
        status = STATUS_INVALID;
    }
    return memory->failed || layers->memory.failed ? STATUS_NO_MEMORY : status;
}
