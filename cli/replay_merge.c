#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/replay_counterfactual.h"
#include "cli/replay_report.h"
#include "ranker/check.h"
#include "replay/part_file.h"
#include "replay/ranking_report.h"
#include "replay/share.h"

struct merge_values {
    struct replay_report_values shown;
};

/* What the parts so far add up to. */
struct merge {
    json_t *about; /* owned; of the first part, without the part's number */
    /* The one or the other. */
    struct ranking_sums *ranking;
    struct counterfactual_sums *counterfactual;
    bool seen[SHARES_MAX + 1];
    uint32_t count; /* of parts that there are; 0: none was read */
    struct problem problem;
};

static const char *kind_of(const json_t *about)
{
    const char *kind = json_string_value(json_object_get(about, "kind"));
    return kind != NULL ? kind : "";
}

/* Takes the part's number out of what is said of it. */
static enum status take_share(json_t *about, struct share *out, struct problem *problem)
{
    json_t *options = json_object_get(about, "options");
    const char *part = json_string_value(json_object_get(options, "part"));
    if (part == NULL || !share_parse(part, out)) {
        problem_set(problem, "it is a whole replay, not a part; --part I/N makes parts");
        return STATUS_INVALID;
    }
    json_object_del(options, "part");
    return STATUS_OK;
}

static enum status check_share(struct merge *merge, struct share share)
{
    if (merge->count != 0 && merge->count != share.count) {
        problem_set(&merge->problem, "it is one of %" PRIu32 " parts, the one before of %" PRIu32,
                    share.count, merge->count);
        return STATUS_INVALID;
    }
    if (merge->seen[share.number]) {
        problem_set(&merge->problem, "part %" PRIu32 "/%" PRIu32 " is given twice", share.number,
                    share.count);
        return STATUS_INVALID;
    }
    merge->count = share.count;
    merge->seen[share.number] = true;
    return STATUS_OK;
}

static enum status merge_ranking(struct merge *merge, FILE *file)
{
    struct ranking_sums *sums;
    enum status status = ranking_sums_read(file, &sums, &merge->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (merge->ranking == NULL) {
        merge->ranking = sums;
        return STATUS_OK;
    }
    status = ranking_sums_merge(merge->ranking, sums, &merge->problem);
    ranking_sums_free(sums);
    return status;
}

static enum status merge_counterfactual(struct merge *merge, FILE *file)
{
    struct counterfactual_sums *sums;
    enum status status = counterfactual_sums_read(file, &sums, &merge->problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (merge->counterfactual == NULL) {
        merge->counterfactual = sums;
        return STATUS_OK;
    }
    status = counterfactual_sums_merge(merge->counterfactual, sums, &merge->problem);
    counterfactual_sums_free(sums);
    return status;
}

static enum status merge_sums(struct merge *merge, FILE *file)
{
    const char *kind = kind_of(merge->about);
    if (strcmp(kind, "ranking") == 0) {
        return merge_ranking(merge, file);
    }
    if (strcmp(kind, "counterfactual") == 0) {
        return merge_counterfactual(merge, file);
    }
    problem_set(&merge->problem, "a replay of kind \"%.40s\" is unknown", kind);
    return STATUS_INVALID;
}

/* Values of one member of two parts' descriptions, as far as a line has room. */
static void set_difference(struct problem *problem, const char *name, const json_t *first,
                           const json_t *other)
{
    enum { SHOWN = 100 };
    char *before = json_dumps(first, JSON_COMPACT | JSON_ENCODE_ANY);
    char *here = json_dumps(other, JSON_COMPACT | JSON_ENCODE_ANY);
    problem_set(problem, "its %.60s is %.*s; in the part before it is %.*s", name, SHOWN,
                here != NULL ? here : "not there", SHOWN, before != NULL ? before : "not there");
    free(before);
    free(here);
}

/* Names the first member that is not the same: the log, an option, the contenders. */
static void name_difference(struct problem *problem, const json_t *first, const json_t *other)
{
    const char *key;
    json_t *value;
    problem_set(problem, "its log, options or contenders are not those of the part before");
    json_object_foreach((json_t *)(uintptr_t)(const void *)first, key, value)
    {
        const json_t *counterpart = json_object_get(other, key);
        if (json_equal(value, counterpart)) {
            continue;
        }
        if (json_is_object(value) && json_is_object(counterpart)) {
            name_difference(problem, value, counterpart);
        } else {
            set_difference(problem, key, value, counterpart);
        }
        return;
    }
}

/* Parts of one replay say the same of everything but their number. */
static enum status check_about(struct merge *merge, const json_t *about)
{
    if (!json_equal(merge->about, about)) {
        name_difference(&merge->problem, merge->about, about);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Whether what a part says before its sums and the sums are of one replay, and nothing follows. */
static enum status check_end(struct merge *merge, FILE *file)
{
    size_t contenders =
        merge->ranking != NULL ? merge->ranking->contenders : merge->counterfactual->contenders;
    if (json_array_size(json_object_get(merge->about, "contenders")) != contenders) {
        problem_set(&merge->problem, "it does not name the %zu contenders that it has sums of",
                    contenders);
        return STATUS_CORRUPT;
    }
    if (fgetc(file) != EOF) {
        problem_set(&merge->problem, "it goes on behind its sums");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status take_part(struct merge *merge, FILE *file, json_t *about)
{
    struct share share;
    enum status status = take_share(about, &share, &merge->problem);
    if (status == STATUS_OK) {
        status = check_share(merge, share);
    }
    if (status == STATUS_OK && merge->about != NULL) {
        status = check_about(merge, about);
    } else if (status == STATUS_OK) {
        merge->about = json_incref(about);
    }
    if (status == STATUS_OK) {
        status = merge_sums(merge, file);
    }
    return status == STATUS_OK ? check_end(merge, file) : status;
}

static enum status read_part(struct merge *merge, const char *path)
{
    json_t *about = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        problem_set(&merge->problem, "cannot open: %s", strerror(errno));
        return STATUS_IO;
    }
    enum status status = part_file_read(file, &about, &merge->problem);
    if (status == STATUS_OK) {
        status = take_part(merge, file, about);
        json_decref(about);
    }
    fclose(file);
    return status;
}

static enum status check_whole(struct merge *merge)
{
    for (uint32_t i = 1; i <= merge->count; i++) {
        if (!merge->seen[i]) {
            problem_set(&merge->problem,
                        "part %" PRIu32 "/%" PRIu32 " is missing; a report needs all parts", i,
                        merge->count);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static bool is_empty(const struct merge *merge)
{
    if (merge->ranking != NULL) {
        return merge->ranking->counts.measured == 0;
    }
    CHECK(merge->counterfactual != NULL); /* there is a part, and it is of one kind */
    return merge->counterfactual->counts.used == 0;
}

static enum status report(struct merge *merge)
{
    json_int_t signals =
        json_integer_value(json_object_get(json_object_get(merge->about, "source"), "signals"));
    if (is_empty(merge)) {
        problem_set(&merge->problem, "no part has a ranking that can be measured");
        return STATUS_NOT_FOUND;
    }
    return merge->ranking != NULL
               ? ranking_report_add(merge->ranking, (uint64_t)signals, merge->about)
               : replay_counterfactual_report(merge->counterfactual, merge->about, &merge->problem);
}

static enum status merge_all(struct merge *merge, const struct operands *operands)
{
    for (size_t i = 0; i < operands->count; i++) {
        enum status status = read_part(merge, operands->items[i]);
        if (status != STATUS_OK) {
            struct problem inner = merge->problem;
            problem_set(&merge->problem, "%.120s: %.190s", input_name(operands->items[i]),
                        inner.text[0] != '\0' ? inner.text : status_text(status));
            return status;
        }
    }
    enum status status = check_whole(merge);
    return status == STATUS_OK ? report(merge) : status;
}

static enum exit_code merge_run(const void *raw, const struct operands *operands)
{
    const struct merge_values *values = raw;
    struct merge merge = {.count = 0};
    enum status status = merge_all(&merge, operands);
    enum exit_code code =
        status == STATUS_OK
            ? replay_report_show(&values->shown, command_replay_merge.name, merge.about)
            : command_fail(command_replay_merge.name, status, &merge.problem);
    ranking_sums_free(merge.ranking);
    counterfactual_sums_free(merge.counterfactual);
    json_decref(merge.about);
    return code;
}

static const struct argument merge_arguments[] = {
    REPLAY_REPORT_ARGUMENTS(struct merge_values),
};

const struct command command_replay_merge = {
    .name = "replay merge",
    .operands = "PART...",
    .least_operands = 1,
    .most_operands = SHARES_MAX,
    .summary = "make one report of the parts of a replay",
    .description =
        "Joins what \"reelrank replay ranking\" and \"reelrank replay counterfactual\" wrote with\n"
        "--part I/N --out FILE, on one machine or several. All N parts of one log, with the same\n"
        "options and weights, are needed; the report is exactly that of the whole log.\n",
    .examples = "  reelrank replay merge 1.part 2.part 3.part 4.part --html report.html\n",
    COMMAND_ARGUMENTS(merge_arguments),
    .values_size = sizeof(struct merge_values),
    .run = merge_run,
};
