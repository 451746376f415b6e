#include "replay/tune_figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *title;
    bool falls;
} others[] = {
    {"skip_share", "skip share", true},
    {"new_share", "share of new videos", false},
    {"policy_drops", "policy drops", true},
    {"estimate", "estimate", false},
    {"language_share", "share of each language", false},
};

_Static_assert(sizeof(others) / sizeof(others[0]) == TUNE_LANGUAGE_SHARE - TUNE_SKIP_SHARE + 1,
               "one for each figure that is no metric");

void tune_figure_name(enum tune_figure figure, size_t k, char out[METRIC_NAME_SIZE])
{
    if (figure < TUNE_SKIP_SHARE) {
        metric_name((enum metric)figure, k, out);
    } else {
        snprintf(out, METRIC_NAME_SIZE, "%s", others[figure - TUNE_SKIP_SHARE].name);
    }
}

void tune_figure_title(enum tune_figure figure, size_t k, char out[METRIC_TITLE_SIZE])
{
    if (figure < TUNE_SKIP_SHARE) {
        metric_title((enum metric)figure, k, out);
    } else {
        snprintf(out, METRIC_TITLE_SIZE, "%s", others[figure - TUNE_SKIP_SHARE].title);
    }
}

bool tune_figure_falls(enum tune_figure figure)
{
    return figure >= TUNE_SKIP_SHARE && others[figure - TUNE_SKIP_SHARE].falls;
}

enum status tune_figure_find(const char *name, size_t k, enum tune_figure *out,
                             struct problem *problem)
{
    char known[256] = "";
    for (unsigned i = 0; i <= TUNE_LANGUAGE_SHARE; i++) {
        char item[METRIC_NAME_SIZE];
        size_t used = strlen(known);
        if (i == TUNE_ESTIMATE) {
            continue;
        }
        tune_figure_name((enum tune_figure)i, k, item);
        if (strcmp(name, item) == 0) {
            *out = (enum tune_figure)i;
            return STATUS_OK;
        }
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", item);
    }
    problem_set(problem, "there is no figure \"%.40s\"; with --k %zu there are %s", name, k, known);
    return STATUS_NOT_FOUND;
}

static double excess(double worse_by, double most)
{
    return worse_by > most ? worse_by - most : 0;
}

double tune_guard_violation(const struct tune_guard *guard, const struct tune_figures *start,
                            const struct tune_figures *figures, size_t language_count)
{
    double sum = 0;
    if (guard->figure != TUNE_LANGUAGE_SHARE) {
        double rise = figures->values[guard->figure] - start->values[guard->figure];
        return excess(tune_figure_falls(guard->figure) ? rise : -rise, guard->most);
    }
    for (size_t i = 0; i < language_count; i++) {
        sum += excess(start->language_shares[i] - figures->language_shares[i], guard->most);
    }
    return sum;
}

enum status tune_guard_parse(const char *text, size_t k, struct tune_guard *out,
                             struct problem *problem)
{
    const char *gap = strchr(text, '=');
    char name[METRIC_NAME_SIZE];
    char *end = NULL;
    if (gap == NULL || (size_t)(gap - text) >= sizeof(name)) {
        problem_set(problem, "\"%.60s\" is no FIGURE=MOST, such as skip_share=0.01", text);
        return STATUS_INVALID;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(gap - text), text);
    double most = strtod(gap + 1, &end);
    if (tune_figure_find(name, k, &out->figure, problem) != STATUS_OK) {
        return STATUS_INVALID;
    }
    if (end == gap + 1 || *end != '\0' || !(most >= 0) || isinf(most)) {
        problem_set(problem,
                    "%s is \"%.40s\"; how much worse it may get is a number from 0 on, such as "
                    "0.01",
                    name, gap + 1);
        return STATUS_INVALID;
    }
    out->most = most;
    return STATUS_OK;
}
