#include <stdio.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/nearest.h"
#include "ranker/weights_chain.h"
#include "ranker/weights_internal.h"
#include "ranker/weights_value.h"

static const struct cell *find_cell(const struct weights *weights, uint64_t key)
{
    size_t low = 0;
    size_t high = weights->cell_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weights->cells[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < weights->cell_count && weights->cells[low].key == key;
    return found ? &weights->cells[low] : NULL;
}

/* The most specific cell of a locale. */
static const struct cell *cell_of(const struct weights *weights, struct locale locale)
{
    uint64_t keys[CHAIN_COUNT];
    chain_keys(locale, keys);
    for (size_t i = CHAIN_COUNT; i-- > 0;) {
        const struct cell *cell = find_cell(weights, keys[i]);
        if (cell != NULL) {
            return cell;
        }
    }
    return &weights->cells[0];
}

const struct model *weights_model(const struct weights *weights, struct locale locale)
{
    return &cell_of(weights, locale)->models[0];
}

/* The arm of a user, from 1; 0 is none. */
static unsigned assign(const struct experiment *experiment, uint64_t user_key)
{
    uint64_t hash = XXH3_64bits_withSeed(&user_key, sizeof(user_key), experiment->seed);
    double place = (double)(hash >> 11) * 0x1p-53;
    unsigned passed = 0;
    for (unsigned i = 0; i < experiment->arm_count; i++) { /* no jumps, which chance would decide */
        passed += place >= experiment->bounds[i];
    }
    return passed < experiment->arm_count ? passed + 1 : 0;
}

/* An experiment's number and an arm's, from 1; arm 0 is none. */
struct forced {
    unsigned experiment;
    unsigned arm;
};

static struct forced find_label(const struct weights *weights, struct text label)
{
    for (unsigned i = 0; i < weights->experiment_count; i++) {
        const struct experiment *experiment = &weights->experiments[i];
        for (unsigned j = 0; j < experiment->arm_count; j++) {
            if (text_equal(label, text_of(experiment->labels[j]))) {
                return (struct forced){.experiment = i, .arm = j + 1};
            }
        }
    }
    return (struct forced){0};
}

static void complain_label(const struct weights *weights, struct text label,
                           struct problem *problem)
{
    char found[ARM_LABEL_SIZE];
    snprintf(found, sizeof(found), "%.*s", (int)label.size, label.data);
    struct nearest nearest = {.found = found};
    for (unsigned i = 0; i < weights->experiment_count; i++) {
        for (unsigned j = 0; j < weights->experiments[i].arm_count; j++) {
            nearest_offer(&nearest, weights->experiments[i].labels[j]);
        }
    }
    char quote[QUOTE_SIZE];
    weights_quote(label, quote);
    if (nearest.best != NULL) {
        problem_set(problem, "experiment \"%s\" is no arm of weights %s; did you mean \"%s\"?",
                    quote, weights->version, nearest.best);
    } else if (weights->experiment_count > 0) {
        problem_set(problem,
                    "experiment \"%s\" is no arm of weights %s; an arm is written as in \"%s\"",
                    quote, weights->version, weights->experiments[0].labels[0]);
    } else {
        problem_set(problem, "experiment \"%s\" is no arm; weights %s have no experiments", quote,
                    weights->version);
    }
}

static bool plan_has(const struct plan *plan, unsigned experiment)
{
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->experiments[i] == experiment) {
            return true;
        }
    }
    return false;
}

static enum status find_forced(const struct weights *weights, const struct plan *plan,
                               struct text label, struct forced *out, struct problem *problem)
{
    *out = find_label(weights, label);
    if (out->arm == 0) {
        complain_label(weights, label, problem);
        return STATUS_INVALID;
    }
    const struct experiment *experiment = &weights->experiments[out->experiment];
    if (!plan_has(plan, out->experiment)) {
        char target[LOCALE_TEXT_SIZE];
        locale_format(locale_of_key(experiment->targets[0]), target);
        problem_set(problem, "experiment \"%s\" does not run in the request's locale, only in %s%s",
                    experiment->name, target, experiment->target_count > 1 ? " and others" : "");
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static size_t combine(const struct weights *weights, const struct plan *plan, uint64_t user_key,
                      struct forced forced)
{
    size_t combination = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        unsigned number = plan->experiments[i];
        unsigned arm = 0;
        if (forced.arm > 0 && forced.experiment == number) {
            arm = forced.arm;
        } else if (user_key != 0) {
            arm = assign(&weights->experiments[number], user_key);
        }
        combination += (size_t)arm * plan->strides[i];
    }
    return combination;
}

static struct weights_chosen choice_of(const struct weights *weights, const struct cell *cell,
                                       size_t combination)
{
    return (struct weights_chosen){
        .model = &cell->models[combination],
        .version = weights->version,
        .arms = cell->plan->arms[combination],
        .locale_default = weights->has_locales && !cell->listed,
    };
}

enum status weights_choose(const struct weights *weights, struct locale locale, uint64_t user_key,
                           struct text forced_label, struct weights_chosen *out,
                           struct problem *problem)
{
    const struct cell *cell = cell_of(weights, locale);
    struct forced forced = {0};
    if (forced_label.size > 0) {
        enum status status = find_forced(weights, cell->plan, forced_label, &forced, problem);
        if (status != STATUS_OK) {
            return status;
        }
    }
    size_t combination = combine(weights, cell->plan, user_key, forced);
    *out = choice_of(weights, cell, combination);
    return STATUS_OK;
}

bool weights_locale_at(const struct weights *weights, size_t index, struct locale *out)
{
    if (index >= weights->cell_count) {
        return false;
    }
    *out = locale_of_key(weights->cells[index].key);
    return true;
}

bool weights_model_at(const struct weights *weights, struct locale locale, size_t index,
                      struct weights_chosen *out)
{
    const struct cell *cell = cell_of(weights, locale);
    if (index >= cell->plan->combination_count) {
        return false;
    }
    *out = choice_of(weights, cell, index);
    return true;
}
