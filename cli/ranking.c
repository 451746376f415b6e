#include "cli/ranking.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/column.h"
#include "cli/input.h"
#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/policy.h"

/* Room for LIMIT_CANDIDATES objects with the longest ids and sources, and then some. */
enum { CANDIDATES_BYTES_MAX = 4 << 20 };

static const char *const rule_meanings[DROP_RULE_END] = {
    [DROP_UNKNOWN_VIDEO] = "the catalogue does not know the video",
    [DROP_DELETED] = "the video was deleted",
    [DROP_UNRATED] = "nobody has rated its safety",
    [DROP_SAFETY] = "its safety rating is riskier than the locale allows",
    [DROP_AGE] = "it is for people older than the user is known to be, or than the locale allows",
    [DROP_REGION] = "it may not be shown in the user's region",
    [DROP_LANGUAGE] = "it is in no language the user reads",
    [DROP_HIDDEN_CREATOR] = "the user hid its creator",
    [DROP_SEEN] = "the user has seen it lately",
    [DROP_REPEATED] = "an earlier candidate is the same video",
    [DROP_BELOW_LIMIT] = "it ranks below the limit",
    [DROP_CURATED] = "its curated tier is lower than the locale demands",
    [DROP_CATEGORY] = "the locale forbids its category, or it has none where some are forbidden",
    [DROP_TAG] = "the locale forbids a tag of it",
};

static enum drop_rule find_rule(const char *name)
{
    for (enum drop_rule rule = DROP_UNKNOWN_VIDEO; rule < DROP_RULE_END; rule++) {
        if (strcmp(drop_rule_name(rule), name) == 0) {
            return rule;
        }
    }
    return DROP_NONE;
}

const char *ranking_rule_meaning(const char *rule)
{
    enum drop_rule found = find_rule(rule);
    return found != DROP_NONE ? rule_meanings[found] : "a rule this program does not know";
}

/* Cuts "hi,ta" into languages; empty parts are left for the service to refuse. */
static enum status split_languages(const char *list, struct arena *arena,
                                   Reelrank__V1__RankRequest *out)
{
    size_t size = strlen(list) + 1;
    char *copy = arena_new(arena, char, size);
    char **items = arena_new(arena, char *, size);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    memcpy(copy, list, size);
    size_t count = 0;
    for (char *rest = copy; size > 1 && rest != NULL;) {
        items[count++] = strsep(&rest, ",");
    }
    out->languages = items;
    out->n_languages = count;
    return STATUS_OK;
}

static enum status build_request(const struct ranking_options *options, bool explain,
                                 struct ranking *ranking, struct problem *problem)
{
    size_t size = 0;
    enum status status =
        input_read(options->candidates, CANDIDATES_BYTES_MAX, &ranking->file, &size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    Reelrank__V1__RankRequest *request = &ranking->request;
    reelrank__v1__rank_request__init(request);
    struct problem inner = {""};
    status = input_candidates((struct text){.data = ranking->file, .size = size}, &ranking->arena,
                              request, &inner);
    if (status != STATUS_OK) {
        problem_set(problem, "%s: %.190s", input_name(options->candidates),
                    inner.text[0] != '\0' ? inner.text : status_text(status));
        return status;
    }
    request->user_id = (char *)options->user;
    request->locale = (char *)options->locale;
    request->region = (char *)options->region;
    request->request_id = (char *)options->request_id;
    request->experiment = (char *)options->experiment;
    request->age_years = (uint32_t)options->age;
    request->limit = (uint32_t)options->limit;
    request->now_ms = options->now_ms;
    request->exclude_seen = options->exclude_seen;
    request->explain = explain;
    return split_languages(options->languages, &ranking->arena, request);
}

enum exit_code ranking_run(const char *what, const struct ranking_options *options, bool explain,
                           struct ranking *ranking)
{
    *ranking = (struct ranking){0};
    enum exit_code code = command_arena(what, &ranking->arena);
    if (code != CODE_OK) {
        return code;
    }
    struct problem problem = {""};
    enum status status = build_request(options, explain, ranking, &problem);
    if (status != STATUS_OK) {
        return command_fail(what, status, &problem);
    }
    code = command_connect(what, &options->connection, false, &ranking->backend);
    if (code != CODE_OK) {
        return code;
    }
    ProtobufCMessage *response = NULL;
    status = backend_call(ranking->backend, &reelrank__v1__ranking_service__descriptor, "Rank",
                          &ranking->request.base, &ranking->arena, &response, &problem);
    if (status != STATUS_OK) {
        return command_fail(what, status, &problem);
    }
    ranking->response = (const Reelrank__V1__RankResponse *)(void *)response;
    return CODE_OK;
}

void ranking_release(struct ranking *ranking)
{
    backend_close(ranking->backend);
    free(ranking->file);
    command_arena_release(&ranking->arena);
}

void ranking_print_dropped(const Reelrank__V1__RankResponse *response)
{
    size_t counts[DROP_RULE_END] = {0};
    for (size_t i = 0; i < response->n_dropped; i++) {
        counts[find_rule(response->dropped[i]->rule)]++;
    }
    if (response->n_dropped > 0) {
        printf("\ndropped %zu:\n", response->n_dropped);
    }
    for (enum drop_rule rule = DROP_NONE; rule < DROP_RULE_END; rule++) {
        const char *name = rule == DROP_NONE ? "other" : drop_rule_name(rule);
        if (counts[rule] > 0) {
            printf("%6zu  %-14s  %s\n", counts[rule], name, ranking_rule_meaning(name));
        }
    }
}

static int compare_terms(const void *a, const void *b)
{
    double first = fabs((*(Reelrank__V1__Contribution *const *)a)->value);
    double second = fabs((*(Reelrank__V1__Contribution *const *)b)->value);
    return (first < second) - (first > second);
}

double ranking_sum(const Reelrank__V1__RankedVideo *video)
{
    double sum = 0;
    for (size_t i = 0; i < video->n_contributions; i++) {
        sum += video->contributions[i]->value;
    }
    return sum;
}

void ranking_print_terms(const Reelrank__V1__RankedVideo *video)
{
    enum { SHOWN_MAX = 64 };
    Reelrank__V1__Contribution *terms[SHOWN_MAX];
    size_t count = 0;
    for (size_t i = 0; i < video->n_contributions && count < SHOWN_MAX; i++) {
        if (fabs(video->contributions[i]->value) > 0) {
            terms[count++] = video->contributions[i];
        }
    }
    qsort(terms, count, sizeof(terms[0]), compare_terms);
    printf("   %15s  %-16s  %s\n", "adds", "term", "input");
    for (size_t i = 0; i < count; i++) {
        printf("   %+15.10f  %-16s  %.6g\n", terms[i]->value, terms[i]->name, terms[i]->input);
    }
    printf("   %+15.10f  sum of all, equal to the score", ranking_sum(video));
    if (count < video->n_contributions) {
        printf("; %zu terms add 0", video->n_contributions - count);
    }
    printf("\n");
}

void ranking_print_features(const Reelrank__V1__RankedVideo *video)
{
    if (video->n_features > 0) {
        printf("   %15s  %s\n", "value", "feature");
    }
    for (size_t i = 0; i < video->n_features; i++) {
        printf("   %15.6g  %s\n", video->features[i]->value, video->features[i]->name);
    }
}

void ranking_print_moves(const Reelrank__V1__RankedVideo *video)
{
    for (size_t i = 0; i < video->n_moves; i++) {
        const Reelrank__V1__SlateMove *move = video->moves[i];
        if (i == 0) {
            printf("   moved from %u to %u by ", move->from_position, video->position);
        }
        printf("%s%s", i > 0 ? ", " : "", move->rule);
    }
    printf("%s", video->n_moves > 0 ? "\n" : "");
}
