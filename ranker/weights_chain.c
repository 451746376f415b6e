#include "ranker/weights_chain.h"

#include <stdio.h>

#include "ranker/nearest.h"

void chain_keys(struct locale locale, uint64_t out[CHAIN_COUNT])
{
    struct locale region = {.region = locale.region};
    struct locale language = {.language = locale.language};
    struct locale language_region = {.language = locale.language, .region = locale.region};
    struct locale language_script = {.language = locale.language, .script = locale.script};
    out[0] = locale_key(region);
    out[1] = locale_key(language);
    out[2] = locale_key(language_region);
    out[3] = locale_key(language_script);
    out[4] = locale_key(locale);
}

/* The number of a locale's layer; 0, the top level's, where the file has none. */
static unsigned find_layer(const struct layers *layers, uint64_t key)
{
    for (unsigned i = 1; key != 0 && i < layers->count; i++) {
        if (layers->keys[i] == key) {
            return i;
        }
    }
    return 0;
}

static bool contains(const struct chain *chain, unsigned layer)
{
    for (unsigned i = 0; i < chain->count; i++) {
        if (chain->layers[i] == layer) {
            return true;
        }
    }
    return false;
}

static bool add_all(const struct layers *layers, uint64_t key, struct chain *chain);

/* As deep as there are locales that inherit from each other, at most: there is no cycle. */
static bool add_layer(const struct layers *layers, unsigned layer, struct chain *chain)
{
    if (layer == 0 || contains(chain, layer)) {
        return true;
    }
    uint64_t inherit = layers->items[layer]->inherit;
    if (inherit != 0 && !add_all(layers, inherit, chain)) {
        return false;
    }
    if (chain->count == WEIGHTS_RESTS_MAX) {
        return false;
    }
    chain->layers[chain->count++] = (uint16_t)layer;
    return true;
}

static bool add_all(const struct layers *layers, uint64_t key, struct chain *chain)
{
    uint64_t keys[CHAIN_COUNT];
    chain_keys(locale_of_key(key), keys);
    for (unsigned i = 0; i < CHAIN_COUNT; i++) {
        if (!add_layer(layers, find_layer(layers, keys[i]), chain)) {
            return false;
        }
    }
    return true;
}

bool chain_find(const struct layers *layers, uint64_t key, struct chain *out)
{
    out->count = 0;
    return add_all(layers, key, out);
}

static void complain(const struct layer *layer, struct weights_problems *problems,
                     const char *message)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%sinherit", layer->prefix);
    weights_complain(problems, layer->inherit_at, path, "%s", message);
}

static void complain_unknown(const struct layers *layers, const struct layer *layer,
                             struct weights_problems *problems)
{
    char tag[LOCALE_TEXT_SIZE];
    char message[128];
    locale_format(locale_of_key(layer->inherit), tag);
    struct nearest nearest = {.found = tag};
    for (unsigned i = 1; i < layers->count; i++) {
        if (layers->keys[i] != 0 && layers->items[i] != layer) {
            nearest_offer(&nearest, layers->items[i]->name);
        }
    }
    snprintf(message, sizeof(message), "found %s, which is not under locales%s%s%s", tag,
             nearest.best != NULL ? "; did you mean \"" : "",
             nearest.best != NULL ? nearest.best : "", nearest.best != NULL ? "\"?" : "");
    complain(layer, problems, message);
}

static void complain_cycle(const struct layer *layer, struct weights_problems *problems)
{
    char tag[LOCALE_TEXT_SIZE];
    char message[144];
    locale_format(locale_of_key(layer->inherit), tag);
    snprintf(message, sizeof(message),
             "found %s, which is a cycle: %s rests on %s itself, by its tag or by inherit", tag,
             tag, layer->name);
    complain(layer, problems, message);
}

/* Walks from locale to locale that it inherits from, in depth. */
struct walk {
    const struct layers *layers;
    struct weights_problems *problems;
    enum { NEW, OPEN, DONE } states[LAYERS_MAX];
};

static void visit(struct walk *walk, unsigned number)
{
    const struct layer *layer = walk->layers->items[number];
    uint64_t keys[CHAIN_COUNT];
    bool cycle = false;
    walk->states[number] = OPEN;
    chain_keys(locale_of_key(layer->inherit), keys);
    for (unsigned i = 0; layer->inherit != 0 && i < CHAIN_COUNT; i++) {
        unsigned below = find_layer(walk->layers, keys[i]);
        if (below != 0 && walk->states[below] == NEW) {
            visit(walk, below);
        }
        cycle = cycle || (below != 0 && walk->states[below] == OPEN);
    }
    walk->states[number] = DONE;
    if (cycle) {
        complain_cycle(layer, walk->problems);
    }
}

void chain_check(const struct layers *layers, struct weights_problems *problems)
{
    struct walk walk = {.layers = layers, .problems = problems};
    for (unsigned i = 1; i < layers->count; i++) {
        const struct layer *layer = layers->items[i];
        if (layer->inherit != 0 && find_layer(layers, layer->inherit) == 0) {
            complain_unknown(layers, layer, problems);
        }
        if (layers->keys[i] != 0 && walk.states[i] == NEW) {
            visit(&walk, i);
        }
    }
}
