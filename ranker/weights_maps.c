#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "ranker/weights_parser.h"
#include "ranker/weights_value.h"

/* Values that are mappings of the data team's names to numbers, lists of names, or a file's name.
 */

enum { ENTRIES_MAX = FEATURE_COUNT }; /* the longest of all mappings */

_Static_assert((int)ENTRIES_MAX >= (int)WEIGHTS_SOURCES_MAX, "sources fit");
_Static_assert((int)ENTRIES_MAX >= (int)WEIGHTS_LANGUAGES_MAX, "languages fit");

/* A mapping as it is read, by rising id: a feature, a source's key or a language. */
struct entries {
    unsigned count;
    struct entry {
        uint64_t id;
        unsigned line;
        double value;
    } items[ENTRIES_MAX];
};

static void *field_of(struct layer *layer, const struct weights_row *row)
{
    return (char *)&layer->model + row->offset;
}

static void complain_feature(struct parser *parser, const struct place *place,
                             const struct yaml_event *key)
{
    char quote[QUOTE_SIZE];
    weights_quote(key->text, quote);
    const char *nearest = feature_nearest(quote);
    if (nearest != NULL) {
        weights_complain(parser->problems, place->at, place->path,
                         "unknown feature; did you mean \"%s\"?", nearest);
    } else {
        weights_complain(parser->problems, place->at, place->path,
                         "unknown feature; \"reelrank features\" lists all %d", FEATURE_COUNT);
    }
}

static bool read_feature_id(struct parser *parser, const struct place *place,
                            const struct yaml_event *key, uint64_t *out)
{
    *out = feature_find(key->text);
    if (*out < FEATURE_COUNT) {
        return true;
    }
    complain_feature(parser, place, key);
    return false;
}

static bool read_source_id(struct parser *parser, const struct place *place,
                           const struct yaml_event *key, uint64_t *out)
{
    char message[VALUE_MESSAGE_SIZE];
    if (!weights_text_check(key->text, false, LIMIT_SHORT_BYTES, message)) {
        weights_complain(parser->problems, place->at, place->path, "%s", message);
        return false;
    }
    *out = hash_key(key->text);
    return true;
}

static bool read_language_id(struct parser *parser, const struct place *place,
                             const struct yaml_event *key, uint64_t *out)
{
    struct locale locale = {0};
    bool valid = locale_parse(key->text, &locale) == STATUS_OK;
    if (!valid || locale.language == 0 || key->text.size > 3) {
        char quote[QUOTE_SIZE];
        weights_quote(key->text, quote);
        weights_complain(parser->problems, place->at, place->path,
                         "found \"%s\"; allowed: a language alone, of 2 or 3 letters, such as hi",
                         quote);
        return false;
    }
    *out = locale.language;
    return true;
}

static unsigned most_entries(const struct weights_row *row)
{
    return row->kind == WEIGHTS_SOURCES     ? WEIGHTS_SOURCES_MAX
           : row->kind == WEIGHTS_LANGUAGES ? WEIGHTS_LANGUAGES_MAX
                                            : FEATURE_COUNT;
}

static bool read_id(struct parser *parser, const struct weights_row *row, const struct place *place,
                    const struct yaml_event *key, uint64_t *out)
{
    return row->kind == WEIGHTS_SOURCES     ? read_source_id(parser, place, key, out)
           : row->kind == WEIGHTS_LANGUAGES ? read_language_id(parser, place, key, out)
                                            : read_feature_id(parser, place, key, out);
}

/* The entry of that id, made if there is none; NULL after a complaint. */
static struct entry *add_entry(struct parser *parser, const struct weights_row *row,
                               const struct place *place, uint64_t id, struct entries *entries)
{
    unsigned at = entries->count;
    while (at > 0 && entries->items[at - 1].id >= id) {
        at--;
    }
    if (at < entries->count && entries->items[at].id == id) {
        parser_complain_again(parser, place, entries->items[at].line);
        return NULL;
    }
    if (entries->count == most_entries(row)) {
        weights_complain(parser->problems, place->at, place->path, "more than %u entries",
                         most_entries(row));
        return NULL;
    }
    memmove(&entries->items[at + 1], &entries->items[at],
            (entries->count - at) * sizeof(entries->items[0]));
    entries->count++;
    entries->items[at] = (struct entry){.id = id, .line = place->at.line};
    return &entries->items[at];
}

static void read_entry(struct parser *parser, const struct weights_row *row,
                       const struct place *place, const struct yaml_event *key,
                       struct entries *entries)
{
    uint64_t id;
    char message[VALUE_MESSAGE_SIZE];
    char range[RANGE_SIZE];
    struct yaml_event event;
    struct entry *entry = NULL;
    if (read_id(parser, row, place, key, &id)) {
        entry = add_entry(parser, row, place, id, entries);
    }
    if (entry == NULL) {
        parser_skip_value(parser);
        return;
    }
    weights_value_range(row, range);
    if (parser_expect(parser, YAML_SCALAR, range, place, &event) &&
        !weights_value_parse(row, event.text, event.plain, &entry->value, message)) {
        weights_complain(parser->problems, mark_of(&event), place->path, "%s", message);
    }
}

static void put_features(struct weights_memory *memory, const struct entries *entries,
                         struct head_model *head)
{
    /* One more, so that no weights at all are still said. */
    struct feature_weight *weights =
        weights_memory_new(memory, struct feature_weight, entries->count + 1);
    if (weights == NULL) {
        return;
    }
    for (unsigned i = 0; i < entries->count; i++) {
        weights[i].feature = (enum feature)entries->items[i].id;
        weights[i].weight = entries->items[i].value;
    }
    head->weights = weights;
    head->weight_count = entries->count;
}

static void put_sources(const struct entries *entries, struct model *model)
{
    model->source_count = entries->count;
    for (unsigned i = 0; i < entries->count; i++) {
        model->sources[i].key = entries->items[i].id;
        model->sources[i].value = entries->items[i].value;
    }
}

static void put_languages(const struct entries *entries, struct model *model)
{
    model->language_count = entries->count;
    for (unsigned i = 0; i < entries->count; i++) {
        model->languages[i].language = (uint16_t)entries->items[i].id;
        model->languages[i].confidence = entries->items[i].value;
    }
}

void parser_read_map(struct parser *parser, struct layer *layer, const struct weights_row *row,
                     const struct place *place)
{
    struct yaml_event key;
    struct entries entries = {0};
    if (!parser_expect(parser, YAML_MAPPING, "names with numbers, indented below", place, &key)) {
        return;
    }
    while (parser_next_key(parser, place, &key)) {
        const struct place below = parser_place_below(place, &key);
        read_entry(parser, row, &below, &key, &entries);
    }
    if (row->kind == WEIGHTS_FEATURES) {
        put_features(parser->memory, &entries, field_of(layer, row));
    } else if (row->kind == WEIGHTS_SOURCES) {
        put_sources(&entries, &layer->model);
    } else {
        put_languages(&entries, &layer->model);
    }
}

static int compare_keys(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* Names of a list, to tell repeats by. */
struct listed {
    unsigned count;
    struct text names[WEIGHTS_FORBIDDEN_MAX];
    unsigned lines[WEIGHTS_FORBIDDEN_MAX];
};

static bool name_is_allowed(struct parser *parser, const struct listed *listed,
                            const struct place *place, const struct yaml_event *item)
{
    char message[VALUE_MESSAGE_SIZE];
    if (!weights_text_check(item->text, item->plain, LIMIT_SHORT_BYTES, message)) {
        weights_complain(parser->problems, mark_of(item), place->path, "%s", message);
        return false;
    }
    for (unsigned i = 0; i < listed->count; i++) {
        if (text_equal(listed->names[i], item->text)) {
            char quote[QUOTE_SIZE];
            weights_quote(item->text, quote);
            weights_complain(parser->problems, mark_of(item), place->path,
                             "\"%s\" stands here again; first on line %u", quote, listed->lines[i]);
            return false;
        }
    }
    if (listed->count == WEIGHTS_FORBIDDEN_MAX) {
        weights_complain(parser->problems, mark_of(item), place->path, "more than %d names",
                         WEIGHTS_FORBIDDEN_MAX);
        return false;
    }
    return true;
}

void parser_read_names(struct parser *parser, struct layer *layer, const struct weights_row *row,
                       const struct place *place)
{
    struct yaml_event item;
    struct listed listed = {0};
    struct forbidden_names *out = field_of(layer, row);
    if (!parser_expect(parser, YAML_SEQUENCE, "a list of names, as in [a, b]", place, &item)) {
        return;
    }
    while (parser_next_item(parser, place, &item)) {
        if (name_is_allowed(parser, &listed, place, &item)) {
            listed.names[listed.count] = item.text;
            listed.lines[listed.count] = item.line;
            out->keys[listed.count++] = (uint32_t)hash_key(item.text);
        }
    }
    out->count = listed.count;
    qsort(out->keys, out->count, sizeof(out->keys[0]), compare_keys);
}

/* Whether the name stays in the directory where model files are. */
static bool path_stays_inside(struct text name)
{
    size_t start = 0;
    for (size_t i = 0; i <= name.size; i++) {
        if (i == name.size || name.data[i] == '/') {
            struct text part = {.data = name.data + start, .size = i - start};
            if (text_equal(part, text_of("..")) || (i == 0 && name.size > 0)) {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

void parser_read_file(struct parser *parser, struct layer *layer, const struct weights_row *row,
                      const struct place *place)
{
    struct yaml_event event;
    char quote[QUOTE_SIZE];
    char message[VALUE_MESSAGE_SIZE];
    if (!parser_expect(parser, YAML_SCALAR, "the name of a model file", place, &event)) {
        return;
    }
    weights_quote(event.text, quote);
    if (!weights_text_check(event.text, event.plain, WEIGHTS_FILE_NAME_MAX, message)) {
        weights_complain(parser->problems, mark_of(&event), place->path, "%s", message);
        return;
    }
    if (!path_stays_inside(event.text)) {
        weights_complain(
            parser->problems, mark_of(&event), place->path,
            "found \"%s\"; allowed: a path below this file's directory, without \"..\"", quote);
        return;
    }
    const struct model_file *file = weights_memory_file(parser->memory, parser->loader, event.text);
    if (file == NULL) {
        weights_complain(parser->problems, mark_of(&event), place->path, "more than %d model files",
                         WEIGHTS_FILES_MAX);
    } else if (file->trees == NULL) {
        weights_complain(parser->problems, mark_of(&event), place->path, "found \"%s\": %s", quote,
                         file->problem.text);
    } else {
        ((struct head_model *)field_of(layer, row))->trees = file->trees;
    }
}
