#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/weights_parser.h"
#include "ranker/weights_value.h"

/* The section `experiments`. */

static struct trial *trial_of(struct parser *parser, const struct layer *layer)
{
    struct trial *trial = &parser->layers->trials[parser->layers->trial_count - 1];
    CHECK(trial->layer == layer);
    return trial;
}

static void read_salt(struct parser *parser, struct trial *trial, const struct place *place)
{
    struct yaml_event event;
    char message[VALUE_MESSAGE_SIZE];
    if (!parser_expect(parser, YAML_SCALAR, "a text", place, &event)) {
        return;
    }
    if (!weights_text_check(event.text, event.plain, WEIGHTS_SALT_MAX, message)) {
        weights_complain(parser->problems, mark_of(&event), place->path, "%s", message);
        return;
    }
    memcpy(trial->salt, event.text.data, event.text.size);
    trial->salt_size = event.text.size;
}

static void add_target(struct parser *parser, struct trial *trial, const struct place *place,
                       const struct yaml_event *item)
{
    struct locale locale;
    if (!parser_read_locale(parser, item, place, &locale)) {
        return;
    }
    for (unsigned i = 0; i < trial->target_count; i++) {
        if (trial->targets[i] == locale_key(locale)) {
            char canonical[LOCALE_TEXT_SIZE];
            locale_format(locale, canonical);
            weights_complain(parser->problems, mark_of(item), place->path,
                             "the locale %s stands here again", canonical);
            return;
        }
    }
    if (trial->target_count == WEIGHTS_TARGETS_MAX) {
        weights_complain(parser->problems, mark_of(item), place->path, "more than %d locales",
                         WEIGHTS_TARGETS_MAX);
        return;
    }
    trial->targets[trial->target_count++] = locale_key(locale);
}

static void read_targets(struct parser *parser, struct trial *trial, const struct place *place)
{
    struct yaml_event item;
    unsigned before = parser->problems->count;
    if (!parser_expect(parser, YAML_SEQUENCE, "a list of locales, as in [hi, ru-RU]", place,
                       &item)) {
        return;
    }
    while (parser_next_item(parser, place, &item)) {
        add_target(parser, trial, place, &item);
    }
    if (trial->target_count == 0 && parser->problems->count == before) {
        weights_complain(parser->problems, place->at, place->path,
                         "found an empty list; name a locale, or leave the key out for all");
    }
}

/* Reads the name of an experiment or arm into a new layer; NULL after a complaint, or no memory. */
static struct layer *add_named(struct parser *parser, enum weights_scope scope,
                               const struct place *place, const struct yaml_event *key,
                               unsigned first)
{
    char name[NAME_SIZE];
    const struct layers *layers = parser->layers;
    if (!parser_read_name(parser, key, place, name)) {
        return NULL;
    }
    for (unsigned i = first; i < layers->count; i++) {
        const struct layer *other = layers->items[i];
        if (other->scope == scope && strcmp(other->name, name) == 0) {
            parser_complain_again(parser, place, other->at.line);
            return NULL;
        }
    }
    struct layer *layer = parser_add_layer(parser, scope, place);
    if (layer != NULL) {
        memcpy(layer->name, name, sizeof(name));
    }
    return layer;
}

static void complain_missing(struct parser *parser, const struct layer *layer, const char *key,
                             const char *why)
{
    char path[PATH_SIZE];
    size_t row = weights_row_index(weights_row_find(key, layer->scope));
    if (layer->said[row].line == 0 && !parser->reader.ended) {
        snprintf(path, sizeof(path), "%s%s", layer->prefix, key);
        weights_complain(parser->problems, layer->at, path, "the key is missing; %s", why);
    }
}

static void read_arm(struct parser *parser, struct trial *trial, const struct place *above,
                     const struct yaml_event *key)
{
    struct yaml_event event;
    const struct place place = parser_place_below(above, key);
    struct layer *layer = NULL;
    if (trial->arm_count == WEIGHTS_ARMS_MAX) {
        weights_complain(parser->problems, place.at, place.path, "more than %d arms",
                         WEIGHTS_ARMS_MAX);
    } else {
        layer = add_named(parser, WEIGHTS_ARM, &place, key, trial->first_arm);
    }
    if (layer == NULL) {
        parser_skip_value(parser);
        return;
    }
    trial->arm_count++;
    if (parser_expect(parser, YAML_MAPPING, "a share and sections, indented below", &place,
                      &event)) {
        parser_read_section(parser, layer, "");
        complain_missing(parser, layer, "share", "say which part of the users gets this arm");
    }
}

static void check_shares(struct parser *parser, const struct trial *trial)
{
    double sum = 0;
    for (unsigned i = 0; i < trial->arm_count; i++) {
        const struct layer *layer = parser->layers->items[trial->first_arm + i];
        sum += layer->share;
        if (sum > 1 + SHARES_TOLERANCE && layer->share_at.line != 0) {
            char path[PATH_SIZE];
            snprintf(path, sizeof(path), "%sshare", layer->prefix);
            weights_complain(parser->problems, layer->share_at, path,
                             "with this share the experiment's add up to %.6g; allowed: 1 at most",
                             sum);
            return;
        }
    }
}

static void read_arms(struct parser *parser, struct trial *trial, const struct place *place)
{
    struct yaml_event key;
    unsigned before = parser->problems->count;
    if (!parser_expect(parser, YAML_MAPPING, "arms with their shares, indented below", place,
                       &key)) {
        return;
    }
    trial->first_arm = parser->layers->count;
    while (parser_next_key(parser, place, &key)) {
        read_arm(parser, trial, place, &key);
    }
    if (trial->arm_count == 0 && parser->problems->count == before) {
        weights_complain(parser->problems, place->at, place->path,
                         "found no arm; an experiment has one at least");
    }
    check_shares(parser, trial);
}

void parser_read_trial_row(struct parser *parser, struct layer *layer,
                           const struct weights_row *row, const struct place *place)
{
    struct trial *trial = trial_of(parser, layer);
    if (row->kind == WEIGHTS_SALT) {
        read_salt(parser, trial, place);
    } else if (row->kind == WEIGHTS_TARGETS) {
        read_targets(parser, trial, place);
    } else {
        read_arms(parser, trial, place);
    }
}

static void read_experiment(struct parser *parser, const struct place *above,
                            const struct yaml_event *key)
{
    struct yaml_event event;
    const struct place place = parser_place_below(above, key);
    struct layer *layer = NULL;
    if (parser->layers->trial_count == WEIGHTS_EXPERIMENTS_MAX) {
        weights_complain(parser->problems, place.at, place.path, "more than %d experiments",
                         WEIGHTS_EXPERIMENTS_MAX);
    } else {
        layer = add_named(parser, WEIGHTS_EXPERIMENT, &place, key, 1);
    }
    if (layer == NULL) {
        parser_skip_value(parser);
        return;
    }
    parser->layers->trials[parser->layers->trial_count++].layer = layer;
    if (parser_expect(parser, YAML_MAPPING, "arms, indented below", &place, &event)) {
        parser_read_section(parser, layer, "");
        complain_missing(parser, layer, "arms", "an experiment has one arm at least");
    }
}

void parser_read_experiments(struct parser *parser, const struct place *place)
{
    struct yaml_event key;
    if (!parser_expect(parser, YAML_MAPPING, "experiments by name, indented below", place, &key)) {
        return;
    }
    while (parser_next_key(parser, place, &key)) {
        read_experiment(parser, place, &key);
    }
}
