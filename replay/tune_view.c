#include "replay/tune_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

void tune_view_init(struct tune_view *view, const json_t *report)
{
    const json_t *best = json_object_get(report, "best");
    *view = (struct tune_view){.report = report,
                               .figures = json_object_get(report, "figures"),
                               .start = json_object_get(report, "start")};
    view->figure_count = smaller(json_array_size(view->figures), TUNE_FIGURES_SHOWN);
    view->objective =
        tune_view_find(view, report_text(json_object_get(report, "options"), "objective"));
    if (json_is_integer(best) && json_integer_value(best) >= 0) {
        view->best =
            json_array_get(json_object_get(report, "trials"), (size_t)json_integer_value(best));
    }
}

size_t tune_view_find(const struct tune_view *view, const char *name)
{
    size_t i = 0;
    while (i < view->figure_count &&
           strcmp(report_text(json_array_get(view->figures, i), "name"), name) != 0) {
        i++;
    }
    return i;
}

const char *tune_view_title(const struct tune_view *view, size_t figure)
{
    return report_text(json_array_get(view->figures, figure), "title");
}

int tune_view_better(const struct tune_view *view, size_t figure)
{
    const char *better = report_text(json_array_get(view->figures, figure), "better");
    return strcmp(better, "lower") == 0 ? -1 : 1;
}

static double element(const json_t *trial, const char *name, size_t at)
{
    const json_t *value = json_array_get(json_object_get(trial, name), at);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

double tune_view_figure(const json_t *trial, size_t figure)
{
    return element(trial, "figures", figure);
}

double tune_view_language_share(const json_t *trial, size_t language)
{
    return element(trial, "language_shares", language);
}

int tune_view_at_bound(const json_t *parameter)
{
    double share = report_number(parameter, "best_share");
    return share < 0.005 || share > 0.995;
}

void tune_view_guard_name(const struct tune_view *view, const json_t *guard,
                          char out[REPORT_NUMBER_SIZE])
{
    const char *language = report_text(guard, "language");
    const char *name = report_text(guard, "figure");
    size_t figure = tune_view_find(view, name);
    if (language[0] != '\0') {
        snprintf(out, REPORT_NUMBER_SIZE, "share of %s", language);
    } else {
        snprintf(out, REPORT_NUMBER_SIZE, "%s",
                 figure < view->figure_count ? tune_view_title(view, figure) : name);
    }
}

size_t tune_view_broken(const json_t *guards)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(guards); i++) {
        count += !json_is_true(json_object_get(json_array_get(guards, i), "holds"));
    }
    return count;
}

const char *tune_view_verdict(const struct tune_view *view)
{
    if (view->best == NULL) {
        return "No trial is better than the weights that the search began with and keeps the "
               "guards; no file was written.";
    }
    return report_text(json_object_get(view->report, "held_out"), "sentence");
}
