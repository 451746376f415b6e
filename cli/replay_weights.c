#include "cli/replay_weights.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/fields.h"
#include "cli/problems.h"
#include "cli/weights_changes.h"
#include "config/default_weights.h"
#include "ranker/check.h"

static const char current[] = "current";
static const char built_in[] = "default";

static const struct {
    const char *name; /* as typed */
    enum baseline baseline;
} baselines[] = {
    {"popularity", BASELINE_POPULARITY}, {"language-popularity", BASELINE_LANGUAGE_POPULARITY},
    {"likes", BASELINE_LIKES},           {"recency", BASELINE_RECENCY},
    {"random", BASELINE_RANDOM},
};

enum { BASELINES = sizeof(baselines) / sizeof(baselines[0]) };

static enum status read_file(const char *name, struct replay_weights *out,
                             struct weights_problems *problems, struct problem *problem)
{
    out->file = calloc(1, sizeof(*out->file));
    if (out->file == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = weights_file_read(name, out->file, &out->weights, problems, problem);
    out->yaml = out->file->source.yaml;
    return status == STATUS_INVALID ? problems_refuse(name, problems, problem) : status;
}

static enum status parse_default(struct replay_weights *out, struct weights_problems *problems)
{
    out->yaml = (struct text){default_weights, default_weights_size};
    return weights_parse(out->yaml, &out->weights, problems);
}

/* The change that brought the version, the last one for "current"; STATUS_NOT_FOUND. */
static enum status find_change(struct log *log, const char *name, struct weights_change *out)
{
    for (uint64_t number = weights_history_last(log); number > 0; number--) {
        enum status status = weights_history_get(log, number, out);
        if (status != STATUS_OK) {
            return status;
        }
        if (strcmp(name, current) == 0 || strcmp(name, out->version) == 0) {
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

static enum status read_history(const char *name, struct log *log, struct replay_weights *out,
                                struct weights_problems *problems, struct problem *problem)
{
    struct weights_change change;
    enum status status = log != NULL ? find_change(log, name, &change) : STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND && log != NULL && strcmp(name, current) == 0) {
        return parse_default(out, problems); /* nothing else was ever in force */
    }
    if (status == STATUS_NOT_FOUND) {
        problem_set(problem, "%.200s is no file%s; \"%s\" names the weights that are built in",
                    name, log != NULL ? ", nor a version of \"reelrank history\"" : "", built_in);
    }
    if (status == STATUS_OK) {
        status = weights_history_load(log, &change, &out->kept, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    out->yaml = out->kept.source.yaml;
    status = weights_source_parse(&out->kept.source, &out->weights, problems);
    return status == STATUS_INVALID ? problems_refuse(name, problems, problem) : status;
}

enum status replay_weights_read(const char *name, struct log *log, struct replay_weights *out,
                                struct problem *problem)
{
    *out = (struct replay_weights){.weights = NULL};
    struct weights_problems *problems = calloc(1, sizeof(*problems));
    enum status status;
    if (problems == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (access(name, F_OK) == 0) {
        status = read_file(name, out, problems, problem);
    } else if (strcmp(name, built_in) == 0) {
        status = parse_default(out, problems);
    } else {
        status = read_history(name, log, out, problems, problem);
    }
    free(problems);
    return status;
}

struct weights_source replay_weights_source(const struct replay_weights *weights)
{
    struct weights_source source =
        weights->file != NULL ? weights->file->source : weights->kept.source;
    source.yaml = weights->yaml;
    return source;
}

void replay_weights_release(struct replay_weights *weights)
{
    weights_unref(weights->weights);
    weights_kept_release(&weights->kept);
    if (weights->file != NULL) {
        weights_file_release(weights->file);
        free(weights->file);
    }
}

/* What follows the last slash. */
static const char *file_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : name;
}

/* Files in reports go without their folders, unless that leaves two files with one name. */
static bool need_folders(const struct operands *operands)
{
    for (size_t i = 0; i < operands->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const char *one = operands->items[i];
            const char *other = operands->items[j];
            if (strcmp(one, other) != 0 && strcmp(file_part(one), file_part(other)) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void add(struct contenders *contenders, struct contender contender)
{
    contenders->items[contenders->count++] = contender;
}

static size_t find_baseline(const char *name)
{
    size_t index = 0;
    while (index < BASELINES && strcmp(name, baselines[index].name) != 0) {
        index++;
    }
    return index;
}

enum status replay_baselines_check(const struct argument_texts *names, size_t weights_count,
                                   struct problem *problem)
{
    size_t count = weights_count + 1 + names->count;
    for (size_t i = 0; i < names->count; i++) {
        if (find_baseline(names->items[i]) == BASELINES) {
            problem_set(
                problem,
                "--baseline is \"%.40s\"; it can be popularity, language-popularity, likes, "
                "recency or random",
                names->items[i]);
            return STATUS_INVALID;
        }
    }
    if (count > CONTENDERS_MAX) {
        problem_set(problem,
                    "%zu contenders are given, with what was served; at most %d can be compared at "
                    "once: leave out some WEIGHTS or --baseline",
                    count, CONTENDERS_MAX);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static void add_baselines(struct contenders *contenders, const struct argument_texts *names)
{
    for (size_t i = 0; i < names->count; i++) {
        size_t index = find_baseline(names->items[i]);
        CHECK(index < BASELINES);
        add(contenders, (struct contender){.kind = CONTENDER_BASELINE,
                                           .name = baselines[index].name,
                                           .baseline = baselines[index].baseline});
    }
}

enum status replay_contenders_read(const struct operands *operands,
                                   const struct argument_texts *names, enum served_place served,
                                   uint64_t seed, struct log *log, struct replay_contenders *out,
                                   struct problem *problem)
{
    static const struct contender as_served = {.kind = CONTENDER_SERVED, .name = "served"};
    enum status status = STATUS_OK;
    *out = (struct replay_contenders){.contenders = {.seed = seed}};
    if (served == SERVED_FIRST) {
        add(&out->contenders, as_served);
    }
    out->first_weights = out->contenders.count;
    bool folders = need_folders(operands);
    for (size_t i = 0; status == STATUS_OK && i < operands->count; i++) {
        struct replay_weights *weights = &out->weights[out->weights_count++];
        status = replay_weights_read(operands->items[i], log, weights, problem);
        add(&out->contenders,
            (struct contender){.kind = CONTENDER_WEIGHTS,
                               .name = folders ? operands->items[i] : file_part(operands->items[i]),
                               .weights = weights->weights});
    }
    if (status == STATUS_OK && served == SERVED_LAST) {
        add(&out->contenders, as_served);
    }
    add_baselines(&out->contenders, names);
    return status;
}

void replay_contenders_release(struct replay_contenders *contenders)
{
    for (size_t i = 0; i < contenders->weights_count; i++) {
        replay_weights_release(&contenders->weights[i]);
    }
}

json_t *replay_contenders_json(const struct replay_contenders *contenders)
{
    json_t *list = json_array();
    for (size_t i = 0; i < contenders->contenders.count; i++) {
        const struct contender *contender = &contenders->contenders.items[i];
        json_array_append_new(
            list, json_pack("{s:o, s:s, s:s}", "name", fields_json(contender->name), "kind",
                            contender_kind_name(contender->kind), "version",
                            contender->weights != NULL ? weights_version(contender->weights) : ""));
    }
    return list;
}

json_t *replay_changes_json(const struct replay_contenders *contenders)
{
    json_t *list = json_array();
    for (size_t i = 1; i < contenders->weights_count; i++) {
        json_t *keys = weights_changes(contenders->weights[0].yaml, contenders->weights[i].yaml);
        if (keys != NULL) {
            const size_t contender = contenders->first_weights + i;
            json_array_append_new(
                list, json_pack("{s:I, s:o}", "contender", (json_int_t)contender, "keys", keys));
        }
    }
    return list;
}
