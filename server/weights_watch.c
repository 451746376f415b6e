#include "server/weights_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/logline.h"
#include "store/clock.h"
#include "store/weights_file.h"

enum { PATH_TOLD = 80 }; /* bytes of the end of a path */

struct weights_watch {
    struct weights_life *life; /* set once */
    const char *path;          /* set once */
    struct weights_file file;  /* while one is read */
    struct weights_problems problems;
    /* Of the last reading. */
    struct weights_file_names names;
    uint64_t seen_hash; /* of what was dealt with, well or ill; 0: nothing, look again */
    uint64_t stamp;     /* of the files as they were dealt with; 0: never */
    uint64_t candidate; /* that may be dealt with if it is the same at the next tick */
};

enum status weights_watch_new(struct weights_life *life, const char *path,
                              struct weights_watch **out)
{
    struct weights_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return STATUS_NO_MEMORY;
    }
    watch->life = life;
    watch->path = path;
    *out = watch;
    return STATUS_OK;
}

void weights_watch_free(struct weights_watch *watch)
{
    free(watch);
}

void weights_watch_log_swap(const struct weights_swap *swap)
{
    if (!swap->unchanged) {
        logline(LOG_INFO, "weights_applied",
                "version=\"%s\" previous=\"%s\" origin=%s change=%" PRIu64, swap->version,
                swap->previous, weights_origin_name(swap->origin), swap->number);
    }
}

static void print_problems(const struct weights_watch *watch)
{
    for (unsigned i = 0; i < watch->problems.count; i++) {
        const struct weights_problem *item = &watch->problems.items[i];
        const char *colon = *item->path != '\0' ? ": " : "";
        if (logline_is_json()) {
            logline(LOG_WARN, "weights_problem", "file=\"%s\" line=%u column=%u problem=\"%s%s%s\"",
                    watch->path, item->line, item->column, item->path, colon, item->message);
        } else { /* as compilers do, for editors */
            fprintf(stderr, "%s:%u:%u: %s%s%s\n", watch->path, item->line, item->column, item->path,
                    colon, item->message);
        }
    }
}

/*
 * Says what is wrong with the file until it is right again. A problem that stays is logged once,
 * however often it is met.
 */
static void tell_problem(struct weights_watch *watch, const struct problem *problem)
{
    size_t length = strlen(watch->path);
    const char *name = length > PATH_TOLD ? watch->path + length - PATH_TOLD : watch->path;
    struct problem text;
    struct weights_facts facts;
    problem_set(&text, "%s: %s", name, problem->text);
    weights_life_facts(watch->life, &facts);
    if (strcmp(facts.problem.text, text.text) != 0) {
        weights_life_set_problem(watch->life, text.text);
        logline(LOG_WARN, "weights_refused", "problem=\"%s\" kept=\"%s\"", text.text,
                facts.version);
    }
}

static void clear_problem(struct weights_watch *watch)
{
    struct weights_facts facts;
    weights_life_facts(watch->life, &facts);
    weights_life_set_problem(watch->life, "");
    if (facts.problem.text[0] != '\0') {
        logline(LOG_INFO, "weights_file", "status=ok version=\"%s\"", facts.version);
    }
}

/*
 * The file's weights come into force, unless they are what was last taken from it, or there is
 * nothing better to go on with.
 */
static enum status take(struct weights_watch *watch, struct weights *weights,
                        struct problem *problem)
{
    uint64_t mark = 0;
    struct weights_swap swap;
    struct weights_facts facts;
    const struct weights_source *source = &watch->file.source;
    struct weights_arrival arrival = {.source = source,
                                      .weights = weights,
                                      .origin = ORIGIN_FILE,
                                      .note = "",
                                      .now_ms = wall_clock_ms()};
    weights_life_facts(watch->life, &facts);
    enum status status = weights_history_get_mark(weights_life_log(watch->life), &mark);
    if (status == STATUS_OK && mark == weights_source_hash(source) && facts.number > 0) {
        return STATUS_OK;
    }
    status = weights_life_apply(watch->life, &arrival, &swap, problem);
    if (status == STATUS_OK) {
        weights_watch_log_swap(&swap);
    }
    return status;
}

/* *weights stays NULL unless the file could be read and has no problems. */
static enum status read_file(struct weights_watch *watch, struct weights **weights,
                             struct problem *problem)
{
    enum status status =
        weights_file_read(watch->path, &watch->file, weights, &watch->problems, problem);
    if (status == STATUS_INVALID) {
        weights_problems_sum_up(&watch->problems, problem);
    } else if (status == STATUS_NO_MEMORY) {
        problem_set(problem, "%s", status_text(status));
    }
    watch->names = watch->file.names;
    return status;
}

/* Nothing of the history can go on: the start fails, or serves what cannot be kept. */
static enum status start_without(struct weights_watch *watch, enum status status,
                                 struct weights *weights, struct problem *problem)
{
    if (weights != NULL) {
        weights_life_use(watch->life, weights_ref(weights));
        return STATUS_OK;
    }
    if (status == STATUS_INVALID) {
        problem_set(problem, "weights: %s has %u problem%s", watch->path, watch->problems.count,
                    watch->problems.count == 1 ? "" : "s");
    } else {
        struct problem why = *problem;
        problem_set(problem, "weights: %s", why.text);
    }
    return status == STATUS_NO_MEMORY ? status : STATUS_INVALID;
}

enum status weights_watch_start(struct weights_watch *watch, struct problem *problem)
{
    struct weights *weights = NULL;
    struct weights_facts facts;
    enum status status = read_file(watch, &weights, problem);
    print_problems(watch);
    if (status == STATUS_OK || status == STATUS_INVALID) {
        watch->seen_hash = weights_source_hash(&watch->file.source);
    }
    if (status == STATUS_OK) {
        status = take(watch, weights, problem);
        watch->seen_hash = status == STATUS_OK ? watch->seen_hash : 0; /* the next tick tries */
    }
    if (status != STATUS_OK) {
        weights_life_facts(watch->life, &facts);
        struct problem why = *problem;
        status = facts.number > 0 ? STATUS_OK : start_without(watch, status, weights, problem);
        if (status == STATUS_OK) {
            tell_problem(watch, &why);
        }
    }
    weights_unref(weights);
    weights_file_release(&watch->file);
    return status;
}

/* True when the file is dealt with until it changes. */
static bool deal(struct weights_watch *watch, enum status status, struct weights *weights,
                 struct problem *problem)
{
    if (status != STATUS_OK && status != STATUS_INVALID) {
        watch->seen_hash = 0;
        tell_problem(watch, problem);
        return status == STATUS_NOT_FOUND;
    }
    uint64_t hash = weights_source_hash(&watch->file.source);
    if (hash == watch->seen_hash) {
        return true;
    }
    if (status == STATUS_INVALID) {
        print_problems(watch);
    } else {
        status = take(watch, weights, problem);
    }
    if (status != STATUS_OK) {
        tell_problem(watch, problem);
    } else {
        clear_problem(watch);
    }
    bool dealt = status == STATUS_OK || status == STATUS_INVALID;
    watch->seen_hash = dealt ? hash : 0;
    return dealt;
}

/* The same when it was looked at last, and still the same behind the reading. */
static void read_candidate(struct weights_watch *watch)
{
    struct weights *weights = NULL;
    struct problem problem = {""};
    enum status status = read_file(watch, &weights, &problem);
    uint64_t stamp = weights_file_stamp(watch->path, &watch->names);
    if (stamp != watch->candidate) {
        watch->candidate = stamp; /* it goes on changing, or names other models */
    } else if (deal(watch, status, weights, &problem)) {
        watch->stamp = stamp;
    }
    weights_unref(weights);
    weights_file_release(&watch->file);
}

void weights_watch_tick(struct weights_watch *watch)
{
    uint64_t stamp = weights_file_stamp(watch->path, &watch->names);
    if (stamp == watch->stamp) {
        return;
    }
    if (stamp != watch->candidate) {
        watch->candidate = stamp;
        return;
    }
    read_candidate(watch);
}
