#include "server/weights_life.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "ranker/check.h"
#include "ranker/nearest.h"
#include "server/weights_slot.h"
#include "store/clock.h"

enum { HASH_DIGITS_MIN = 4 };

struct weights_life {
    struct log *log; /* set once */
    struct weights_slot slot;
    pthread_mutex_t change_lock; /* one change at a time; held while it is written */
    pthread_mutex_t facts_lock;  /* held for a copy */
    struct weights_facts facts;  /* guarded by facts_lock; its problem is the file's */
    struct problem history;      /* guarded by facts_lock: why an older change serves; or empty */
};

static struct text built_in(void)
{
    return (struct text){.data = default_weights, .size = default_weights_size};
}

void weights_problems_sum_up(const struct weights_problems *problems, struct problem *out)
{
    const struct weights_problem *first = &problems->items[0];
    problem_set(out, "%u%s problem%s, the first at %u:%u: %s%s%s", problems->count,
                problems->count == WEIGHTS_PROBLEMS_MAX ? " or more" : "",
                problems->count == 1 ? "" : "s", first->line, first->column, first->path,
                first->path[0] != '\0' ? ": " : "", first->message);
}

/* Status as weights_parse(), and one sentence about all problems. */
static enum status parse(const struct weights_source *source, struct weights **out,
                         struct problem *problem)
{
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        problem_set(problem, "no memory to parse weights");
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_source_parse(source, out, problems);
    if (status == STATUS_INVALID) {
        weights_problems_sum_up(problems, problem);
    } else if (status != STATUS_OK) {
        problem_set(problem, "%s", status_text(status));
    }
    free(problems);
    return status;
}

/* Reads a change's weights back from the history. */
static enum status revive(struct log *log, const struct weights_change *change,
                          struct weights_kept *kept, struct weights **out, struct problem *problem)
{
    enum status status = weights_history_load(log, change, kept, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = parse(&kept->source, out, problem);
    if (status != STATUS_OK) {
        weights_kept_release(kept);
    }
    return status;
}

static void set_facts(struct weights_life *life, const struct weights *weights,
                      const struct weights_change *change)
{
    CHECK(pthread_mutex_lock(&life->facts_lock) == 0);
    struct weights_facts *facts = &life->facts;
    snprintf(facts->version, sizeof(facts->version), "%s", weights_version(weights));
    facts->origin = change->origin;
    facts->time_ms = change->time_ms;
    facts->number = change->number;
    life->history.text[0] = '\0'; /* a newer change serves now */
    CHECK(pthread_mutex_unlock(&life->facts_lock) == 0);
}

void weights_life_facts(struct weights_life *life, struct weights_facts *out)
{
    CHECK(pthread_mutex_lock(&life->facts_lock) == 0);
    *out = life->facts;
    if (out->problem.text[0] == '\0') {
        out->problem = life->history;
    }
    CHECK(pthread_mutex_unlock(&life->facts_lock) == 0);
}

void weights_life_set_problem(struct weights_life *life, const char *text)
{
    CHECK(pthread_mutex_lock(&life->facts_lock) == 0);
    problem_set(&life->facts.problem, "%s", text);
    CHECK(pthread_mutex_unlock(&life->facts_lock) == 0);
}

/* What the start found, on its way into the life. */
struct choice {
    struct weights *weights;
    struct weights_change change;
    struct problem problem;
};

/* The first thing that is wrong with the history is the one that matters. */
static void note(struct choice *choice, uint64_t number, const char *version, const char *why)
{
    if (choice->problem.text[0] == '\0') {
        problem_set(&choice->problem, "change %" PRIu64 " of the weights' history%s%s: %.200s",
                    number, version[0] != '\0' ? ", " : "", version, why);
    }
}

static enum status choose_kept(struct log *log, struct choice *choice)
{
    for (uint64_t number = weights_history_last(log); number > 0; number--) {
        struct weights_kept kept = {.bytes = NULL};
        struct problem problem = {""};
        struct weights_change *change = &choice->change;
        enum status status = weights_history_get(log, number, change);
        if (status != STATUS_OK) {
            note(choice, number, "", status_text(status));
            continue;
        }
        status = revive(log, change, &kept, &choice->weights, &problem);
        weights_kept_release(&kept);
        if (status == STATUS_OK || status == STATUS_NO_MEMORY) {
            return status;
        }
        note(choice, number, change->version, problem.text);
    }
    return STATUS_NOT_FOUND;
}

static enum status parse_built_in(struct weights **out)
{
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_parse(built_in(), out, problems);
    free(problems);
    CHECK(status != STATUS_INVALID);
    return status;
}

/*
 * Built-in weights are those of this program, unless somebody went back to another's. They have a
 * change of their own only once weights_life_keep() has written it.
 */
static enum status choose(struct log *log, struct choice *choice)
{
    struct weights *own = NULL;
    enum status status = parse_built_in(&own);
    if (status != STATUS_OK) {
        return status;
    }
    status = choose_kept(log, choice);
    bool kept = status == STATUS_OK && (choice->change.origin != ORIGIN_BUILT_IN ||
                                        strcmp(choice->change.version, weights_version(own)) == 0);
    if (kept || status == STATUS_NO_MEMORY) {
        weights_unref(own);
        return status;
    }
    weights_unref(choice->weights);
    choice->weights = own;
    choice->change = (struct weights_change){.origin = ORIGIN_BUILT_IN, .time_ms = wall_clock_ms()};
    return STATUS_OK;
}

static enum status make(struct log *log, struct choice *choice, struct weights_life **out)
{
    enum status status = choose(log, choice);
    if (status != STATUS_OK) {
        return status;
    }
    struct weights_life *life = calloc(1, sizeof(*life));
    if (life == NULL) {
        weights_unref(choice->weights);
        return STATUS_NO_MEMORY;
    }
    life->log = log;
    CHECK(pthread_mutex_init(&life->change_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&life->facts_lock, NULL) == 0);
    weights_slot_init(&life->slot, choice->weights);
    set_facts(life, choice->weights, &choice->change);
    life->history = choice->problem; /* of no other thread yet */
    *out = life;
    return STATUS_OK;
}

enum status weights_life_new(struct log *log, struct weights_life **out)
{
    struct choice *choice = calloc(1, sizeof(*choice));
    if (choice == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = make(log, choice, out);
    free(choice);
    return status;
}

void weights_life_free(struct weights_life *life)
{
    if (life != NULL) {
        weights_slot_release(&life->slot);
        CHECK(pthread_mutex_destroy(&life->change_lock) == 0);
        CHECK(pthread_mutex_destroy(&life->facts_lock) == 0);
        free(life);
    }
}

struct weights *weights_life_ref(struct weights_life *life)
{
    return weights_slot_ref(&life->slot);
}

struct log *weights_life_log(struct weights_life *life)
{
    return life->log;
}

void weights_life_use(struct weights_life *life, struct weights *weights)
{
    struct weights_change change = {.origin = ORIGIN_FILE, .time_ms = wall_clock_ms()};
    set_facts(life, weights, &change);
    weights_slot_swap(&life->slot, weights);
}

static enum status add_failure(enum status status, struct problem *problem)
{
    if (status == STATUS_NO_SPACE) {
        problem_set(problem, "the weights cannot be kept: the store is full, its disk, its budget "
                             "(--map-mib), or the eighth of it that is for weights");
    } else {
        problem_set(problem, "the weights cannot be kept: %s", status_text(status));
    }
    return status;
}

/* The weights are in force already, and kept. */
static enum status stay_locked(struct weights_life *life, const struct weights_arrival *arrival,
                               struct weights_swap *out, struct problem *problem)
{
    out->unchanged = true;
    if (arrival->origin != ORIGIN_FILE) {
        return STATUS_OK;
    }
    enum status status = weights_history_set_mark(life->log, weights_source_hash(arrival->source));
    return status == STATUS_OK ? STATUS_OK : add_failure(status, problem);
}

static enum status change_locked(struct weights_life *life, const struct weights_arrival *arrival,
                                 struct weights_swap *out, struct problem *problem)
{
    struct weights_change change = {.time_ms = arrival->now_ms, .origin = arrival->origin};
    snprintf(change.version, sizeof(change.version), "%s", weights_version(arrival->weights));
    snprintf(change.note, sizeof(change.note), "%s", arrival->note);
    enum status status =
        weights_history_add(life->log, arrival->source, arrival->origin == ORIGIN_FILE, &change);
    if (status != STATUS_OK) {
        return add_failure(status, problem);
    }
    out->number = change.number;
    weights_slot_swap(&life->slot, weights_ref(arrival->weights));
    set_facts(life, arrival->weights, &change);
    return STATUS_OK;
}

static enum status apply_locked(struct weights_life *life, const struct weights_arrival *arrival,
                                struct weights_swap *out, struct problem *problem)
{
    struct weights_facts facts;
    weights_life_facts(life, &facts);
    *out = (struct weights_swap){.number = facts.number, .origin = arrival->origin};
    snprintf(out->version, sizeof(out->version), "%s", weights_version(arrival->weights));
    snprintf(out->previous, sizeof(out->previous), "%s", facts.version);
    bool same = facts.number > 0 && strcmp(out->version, out->previous) == 0;
    return same ? stay_locked(life, arrival, out, problem)
                : change_locked(life, arrival, out, problem);
}

enum status weights_life_apply(struct weights_life *life, const struct weights_arrival *arrival,
                               struct weights_swap *out, struct problem *problem)
{
    CHECK(pthread_mutex_lock(&life->change_lock) == 0);
    enum status status = apply_locked(life, arrival, out, problem);
    CHECK(pthread_mutex_unlock(&life->change_lock) == 0);
    return status;
}

enum status weights_life_keep(struct weights_life *life, int64_t now_ms, struct weights_swap *out,
                              struct problem *problem)
{
    struct weights_facts facts;
    struct weights_source source = {.yaml = built_in()};
    *out = (struct weights_swap){.unchanged = true};
    weights_life_facts(life, &facts);
    if (facts.number > 0 || facts.origin != ORIGIN_BUILT_IN) {
        return STATUS_OK;
    }
    struct weights *weights = weights_life_ref(life);
    struct weights_arrival arrival = {.source = &source,
                                      .weights = weights,
                                      .origin = ORIGIN_BUILT_IN,
                                      .note = "",
                                      .now_ms = now_ms};
    enum status status = weights_life_apply(life, &arrival, out, problem);
    weights_unref(weights);
    return status;
}

/* Whether `wanted` may mean a version. */
static bool means(const char *wanted, const char *version)
{
    size_t length = strlen(wanted);
    const char *at = strrchr(version, '@');
    size_t name_length = at != NULL ? (size_t)(at - version) : strlen(version);
    bool is_name = length == name_length && strncmp(version, wanted, length) == 0;
    bool begins = length > name_length && strncmp(version, wanted, length) == 0;
    bool is_hash = at != NULL && length >= HASH_DIGITS_MIN && strncmp(at + 1, wanted, length) == 0;
    return is_name || begins || is_hash;
}

/* A name that is near to one that means nothing; its own copy, as changes come and go. */
struct near {
    struct nearest nearest;
    char text[WEIGHTS_VERSION_SIZE];
};

static void offer(struct near *near, const char *name)
{
    nearest_offer(&near->nearest, name);
    if (near->nearest.best == name) {
        snprintf(near->text, sizeof(near->text), "%s", name);
        near->nearest.best = near->text;
    }
}

static void offer_version(struct near *near, const char *version)
{
    char name[WEIGHTS_VERSION_SIZE];
    snprintf(name, sizeof(name), "%s", version);
    offer(near, version);
    char *at = strrchr(name, '@');
    if (at != NULL) {
        *at = '\0';
        offer(near, name);
        offer(near, at + 1);
    }
}

static enum status not_found(const char *wanted, const struct near *near, uint64_t last,
                             struct problem *problem)
{
    if (near->nearest.best != NULL) {
        problem_set(problem, "no weights \"%.80s\" in the history; did you mean \"%s\"?", wanted,
                    near->nearest.best);
    } else {
        problem_set(problem,
                    "no weights \"%.80s\" in the history of %" PRIu64
                    " changes; \"reelrank history\" lists them",
                    wanted, last);
    }
    return STATUS_NOT_FOUND;
}

/* Every change is looked at: a beginning that fits two versions must not pick one of them. */
static enum status find_named(struct log *log, const char *wanted, struct weights_change *out,
                              struct problem *problem)
{
    struct near near = {.nearest = {.found = wanted}};
    struct weights_change change;
    uint64_t last = weights_history_last(log);
    bool found = false;
    for (uint64_t number = last; number > 0; number--) {
        if (weights_history_get(log, number, &change) != STATUS_OK) {
            continue; /* "reelrank verify" tells of it; the others are still there */
        }
        bool fits = means(wanted, change.version);
        if (fits && found && strcmp(change.version, out->version) != 0) {
            problem_set(problem, "\"%.80s\" may be %s or %s: give more of it", wanted, out->version,
                        change.version);
            return STATUS_INVALID;
        }
        if (fits && !found) {
            *out = change;
            found = true;
        }
        offer_version(&near, change.version);
    }
    return found ? STATUS_OK : not_found(wanted, &near, last, problem);
}

static enum status find_previous(struct log *log, const struct weights_facts *facts,
                                 struct weights_change *out, struct problem *problem)
{
    uint64_t from = facts->number > 0 ? facts->number - 1 : weights_history_last(log);
    for (uint64_t number = from; number > 0; number--) {
        if (weights_history_get(log, number, out) == STATUS_OK &&
            strcmp(out->version, facts->version) != 0) {
            return STATUS_OK;
        }
    }
    problem_set(problem, "there were no weights before %s to go back to", facts->version);
    return STATUS_NOT_FOUND;
}

static enum status find_current(struct weights_life *life, struct weights_change *out,
                                struct problem *problem)
{
    struct weights_facts facts;
    weights_life_facts(life, &facts);
    if (facts.number > 0) {
        enum status status = weights_history_get(life->log, facts.number, out);
        if (status != STATUS_OK) {
            problem_set(problem, "the weights in force, %s, cannot be read back: %s", facts.version,
                        status_text(status));
        }
        return status;
    }
    if (facts.origin != ORIGIN_BUILT_IN) {
        problem_set(problem, "the weights in force, %s, are not kept in the history",
                    facts.version);
        return STATUS_NOT_FOUND;
    }
    *out = (struct weights_change){.origin = ORIGIN_BUILT_IN, .time_ms = facts.time_ms};
    snprintf(out->version, sizeof(out->version), "%s", facts.version);
    return STATUS_OK;
}

enum status weights_life_find(struct weights_life *life, const char *wanted,
                              struct weights_change *out, struct problem *problem)
{
    return wanted[0] == '\0' ? find_current(life, out, problem)
                             : find_named(life->log, wanted, out, problem);
}

enum status weights_life_load(struct weights_life *life, const struct weights_change *change,
                              struct weights_kept *out, struct problem *problem)
{
    if (change->number == 0) {
        *out = (struct weights_kept){.source = {.yaml = built_in()}};
        return STATUS_OK;
    }
    return weights_history_load(life->log, change, out, problem);
}

static enum status find_target(struct weights_life *life, const char *wanted,
                               struct weights_change *out, struct problem *problem)
{
    struct weights_facts facts;
    weights_life_facts(life, &facts);
    return wanted[0] == '\0' ? find_previous(life->log, &facts, out, problem)
                             : find_named(life->log, wanted, out, problem);
}

static enum status rollback_locked(struct weights_life *life, const struct weights_return *back,
                                   struct weights_swap *out, struct problem *problem)
{
    struct weights_change change;
    struct weights_kept kept = {.bytes = NULL};
    struct weights *weights = NULL;
    struct problem why = {""};
    enum status status = find_target(life, back->wanted, &change, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = revive(life->log, &change, &kept, &weights, &why);
    if (status != STATUS_OK) {
        problem_set(problem, "weights %s of change %" PRIu64 ": %.240s", change.version,
                    change.number, why.text);
        return status;
    }
    struct weights_arrival arrival = {.source = &kept.source,
                                      .weights = weights,
                                      .origin = ORIGIN_ROLLBACK,
                                      .note = back->note,
                                      .now_ms = back->now_ms};
    status = apply_locked(life, &arrival, out, problem);
    weights_unref(weights);
    weights_kept_release(&kept);
    return status;
}

enum status weights_life_rollback(struct weights_life *life, const struct weights_return *back,
                                  struct weights_swap *out, struct problem *problem)
{
    CHECK(pthread_mutex_lock(&life->change_lock) == 0);
    enum status status = rollback_locked(life, back, out, problem);
    CHECK(pthread_mutex_unlock(&life->change_lock) == 0);
    return status;
}
