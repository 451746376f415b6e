#include "ranker/weights_parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/weights_value.h"

/* Drops a character that was cut at the end of its room. */
static void drop_half_character(char *text)
{
    size_t size = strlen(text);
    for (int i = 0; i < 3 && size > 0; i++) {
        if (text_is_utf8((struct text){.data = text, .size = size})) {
            return;
        }
        text[--size] = '\0';
    }
}

void weights_complain(struct weights_problems *problems, struct mark at, const char *path,
                      const char *format, ...)
{
    if (problems->count == WEIGHTS_PROBLEMS_MAX) {
        return;
    }
    struct weights_problem *problem = &problems->items[problems->count];
    *problem = (struct weights_problem){.line = at.line, .column = at.column};
    snprintf(problem->path, sizeof(problem->path), "%s", path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->message, sizeof(problem->message), format, arguments);
    va_end(arguments);
    drop_half_character(problem->message);
    problems->count++;
}

bool weights_complained(const struct weights_problems *problems, struct mark at)
{
    for (unsigned i = 0; i < problems->count; i++) {
        if (problems->items[i].line == at.line && problems->items[i].column == at.column) {
            return true;
        }
    }
    return false;
}

struct place parser_place(const struct layer *layer, const char *path,
                          const struct yaml_event *event)
{
    struct place place = {.at = mark_of(event)};
    int size = snprintf(place.path, sizeof(place.path), "%s%s", layer->prefix, path);
    CHECK((size_t)size < sizeof(place.path)); /* quotes and the table's paths are short */
    return place;
}

struct place parser_place_below(const struct place *above, const struct yaml_event *event)
{
    char name[QUOTE_SIZE];
    struct place place = {.at = mark_of(event)};
    weights_quote(event->text, name);
    int size = snprintf(place.path, sizeof(place.path), "%s.%s", above->path, name);
    CHECK((size_t)size < sizeof(place.path));
    return place;
}

bool parser_at_close(struct parser *parser, const struct yaml_event *event)
{
    if (event->kind == YAML_ERROR) {
        weights_complain(parser->problems, mark_of(event), "", "%.*s", (int)event->text.size,
                         event->text.data);
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
        } else if (parser_at_close(parser, &event)) {
            depth = event.kind == YAML_CLOSE ? depth - 1 : 0;
        }
    }
}

void parser_skip_value(struct parser *parser)
{
    struct yaml_event event;
    yaml_next(&parser->reader, &event);
    if (!parser_at_close(parser, &event)) {
        skip_node(parser, &event);
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

bool parser_expect(struct parser *parser, enum yaml_kind kind, const char *what,
                   const struct place *place, struct yaml_event *out)
{
    yaml_next(&parser->reader, out);
    if (out->kind == kind && out->refused == NULL) {
        return true;
    }
    if (parser_at_close(parser, out)) {
        return false;
    }
    if (out->refused != NULL) {
        weights_complain(parser->problems, mark_of(out), place->path, "%s", out->refused);
    } else {
        weights_complain(parser->problems, mark_of(out), place->path, "found %s; expected %s",
                         describe(out), what);
    }
    skip_node(parser, out);
    return false;
}

bool parser_next_key(struct parser *parser, const struct place *place, struct yaml_event *out)
{
    for (;;) {
        yaml_next(&parser->reader, out);
        if (parser_at_close(parser, out)) {
            return false;
        }
        if (out->kind == YAML_SCALAR && out->refused == NULL) {
            return true;
        }
        weights_complain(parser->problems, mark_of(out), place->path, "%s",
                         out->refused != NULL ? out->refused : "a key must be a single word");
        skip_node(parser, out);
        parser_skip_value(parser);
    }
}

bool parser_next_item(struct parser *parser, const struct place *place, struct yaml_event *out)
{
    for (;;) {
        yaml_next(&parser->reader, out);
        if (parser_at_close(parser, out)) {
            return false;
        }
        if (out->kind == YAML_SCALAR && out->refused == NULL) {
            return true;
        }
        if (out->refused != NULL) {
            weights_complain(parser->problems, mark_of(out), place->path, "%s", out->refused);
        } else {
            weights_complain(parser->problems, mark_of(out), place->path,
                             "found %s; each item of the list is a single value", describe(out));
        }
        skip_node(parser, out);
    }
}

void parser_complain_again(struct parser *parser, const struct place *place, unsigned first_line)
{
    weights_complain(parser->problems, place->at, place->path,
                     "the key stands here again; first on line %u", first_line);
}

bool parser_read_name(struct parser *parser, const struct yaml_event *event,
                      const struct place *place, char out[NAME_SIZE])
{
    if (!weights_is_name(event->text)) {
        char quote[QUOTE_SIZE];
        weights_quote(event->text, quote);
        weights_complain(parser->problems, mark_of(event), place->path,
                         "found \"%s\"; allowed: 1 to %d of A-Z a-z 0-9 . _ -", quote,
                         WEIGHTS_NAME_MAX);
        return false;
    }
    memcpy(out, event->text.data, event->text.size);
    out[event->text.size] = '\0';
    return true;
}
