#include "replay/tune_table.h"

#include <math.h>
#include <string.h>

#include "replay/column.h"
#include "replay/replay_table_parts.h"
#include "replay/tune_view.h"

enum {
    PATH_WIDTH = 38,
    BOUND_WIDTH = 20,
    VALUE_WIDTH = 12,
    NAME_WIDTH = 26,
    FIGURE_WIDTH = 12,
    INTERVAL_WIDTH = 26,
    DIGITS = 4
};

static void put_count(FILE *file, json_int_t count, const char *one, const char *many)
{
    replay_table_count(file, count, 0);
    fprintf(file, " %s", count == 1 ? one : many);
}

static void put_head(FILE *file, const struct tune_view *view)
{
    const json_t *report = view->report;
    const json_t *options = json_object_get(report, "options");
    const json_t *weights = json_object_get(report, "weights");
    json_int_t trials = (json_int_t)json_array_size(json_object_get(report, "trials"));
    fputs("tuning ", file);
    column_print_all(file, report_text(weights, "name"));
    fputs(" (", file);
    column_print_all(file, report_text(weights, "version"));
    fputs(") for ", file);
    column_print_all(file, report_text(options, "objective"));
    fputs(": ", file);
    put_count(file, trials, "trial", "trials");
    fputs(", ", file);
    put_count(file, report_integer(report, "walks"), "walk along the log", "walks along the log");
    fputs(json_is_true(json_object_get(report, "stopped")) ? ", ended by Ctrl-C\n" : "\n", file);
}

static void put_split(FILE *file, const struct tune_view *view)
{
    const json_t *split = json_object_get(view->report, "split");
    const json_t *held = json_object_get(view->report, "held_out");
    char until[REPORT_TIME_SIZE];
    char from[REPORT_TIME_SIZE];
    report_format_time(report_integer(split, "train_until_ms"), until);
    report_format_time(report_integer(split, "validation_from_ms"), from);
    fputs("  searched with ", file);
    put_count(file, report_integer(json_object_get(view->report, "training"), "rankings"),
              "ranking", "rankings");
    fprintf(file, " until %s UTC; held out", until);
    if (json_is_object(held)) {
        fputs(" are ", file);
        put_count(file, report_integer(held, "rankings"), "ranking", "rankings");
    }
    fprintf(file, " from %s UTC\n\n", from);
}

/* ---- parameters ---- */

static void put_parameter(FILE *file, const json_t *parameter)
{
    char bounds[2 * REPORT_NUMBER_SIZE];
    snprintf(bounds, sizeof(bounds), "%.40s to %.40s", report_text(parameter, "low"),
             report_text(parameter, "high"));
    fputs("  ", file);
    column_print(file, report_text(parameter, "path"), PATH_WIDTH);
    column_print(file, bounds, BOUND_WIDTH);
    replay_table_right(file, report_text(parameter, "start"), VALUE_WIDTH);
    replay_table_right(file, report_text(parameter, "best"), VALUE_WIDTH);
    fputs(tune_view_at_bound(parameter) ? "  at its bound\n" : "\n", file);
}

static void put_parameters(FILE *file, const struct tune_view *view)
{
    const json_t *parameters = json_object_get(view->report, "parameters");
    fputs("  ", file);
    column_print(file, "number", PATH_WIDTH);
    column_print(file, "bounds", BOUND_WIDTH);
    replay_table_right(file, "start", VALUE_WIDTH);
    replay_table_right(file, "best", VALUE_WIDTH);
    fputc('\n', file);
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        put_parameter(file, json_array_get(parameters, i));
    }
}

/* ---- the training part ---- */

static void put_pair(FILE *file, const char *name, double start, double best, const char *behind)
{
    char change[REPORT_NUMBER_SIZE];
    report_format(best - start, DIGITS, true, change);
    fputs("  ", file);
    column_print(file, name, NAME_WIDTH);
    replay_table_put_number(file, start, DIGITS, FIGURE_WIDTH);
    replay_table_put_number(file, best, DIGITS, FIGURE_WIDTH);
    replay_table_right(file, isnan(best - start) ? "" : change, FIGURE_WIDTH);
    fprintf(file, "%s\n", behind);
}

static void put_figures(FILE *file, const struct tune_view *view)
{
    const json_t *languages = json_object_get(view->report, "languages");
    fputc('\n', file);
    column_print(file, "searched with", NAME_WIDTH + 2);
    replay_table_right(file, "start", FIGURE_WIDTH);
    replay_table_right(file, "best", FIGURE_WIDTH);
    replay_table_right(file, "change", FIGURE_WIDTH);
    fputc('\n', file);
    for (size_t i = 0; i < view->figure_count; i++) {
        put_pair(file, tune_view_title(view, i), tune_view_figure(view->start, i),
                 tune_view_figure(view->best, i),
                 i == view->objective ? "  the objective; chosen by it, it flatters" : "");
    }
    for (size_t i = 0; i < json_array_size(languages); i++) {
        char name[REPORT_NUMBER_SIZE];
        const char *language = json_string_value(json_array_get(languages, i));
        snprintf(name, sizeof(name), "share of %.20s", language != NULL ? language : "");
        put_pair(file, name, tune_view_language_share(view->start, i),
                 tune_view_language_share(view->best, i), "");
    }
}

/* ---- what is held out ---- */

static void put_interval(FILE *file, const json_t *element, bool sign)
{
    char text[2 * REPORT_NUMBER_SIZE + 1];
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    report_format(report_number(element, "value"), DIGITS, sign, number);
    report_format_interval(element, DIGITS, interval);
    snprintf(text, sizeof(text), "%s %s", number, interval);
    column_print(file, text, INTERVAL_WIDTH);
}

static void put_guard(FILE *file, const struct tune_view *view, const json_t *guard)
{
    char name[REPORT_NUMBER_SIZE];
    char most[REPORT_NUMBER_SIZE];
    char behind[2 * REPORT_NUMBER_SIZE];
    bool holds = json_is_true(json_object_get(guard, "holds"));
    tune_view_guard_name(view, guard, name);
    report_format(report_number(guard, "most"), DIGITS, false, most);
    snprintf(behind, sizeof(behind), "  at most %s worse: %s", most,
             holds ? "holds" : "DOES NOT HOLD");
    put_pair(file, name, report_number(guard, "start"), report_number(guard, "best"), behind);
}

static void put_held_guards(FILE *file, const struct tune_view *view, const json_t *held)
{
    const json_t *guards = json_object_get(held, "guards");
    size_t broken = tune_view_broken(guards);
    for (size_t i = 0; i < json_array_size(guards); i++) {
        put_guard(file, view, json_array_get(guards, i));
    }
    if (broken > 0) {
        fprintf(file,
                "  WARNING: %zu guard%s, kept on the training part, %s not hold on what was held "
                "out\n",
                broken, broken == 1 ? "" : "s", broken == 1 ? "does" : "do");
    }
}

static void put_held_out(FILE *file, const struct tune_view *view)
{
    const json_t *held = json_object_get(view->report, "held_out");
    if (json_is_object(held)) {
        fputc('\n', file);
        column_print(file, "held out", NAME_WIDTH + 2);
        column_print(file, "start", INTERVAL_WIDTH);
        column_print(file, "best", INTERVAL_WIDTH);
        fputs("difference, [95 %]\n  ", file);
        column_print(file, tune_view_title(view, view->objective), NAME_WIDTH);
        put_interval(file, json_object_get(held, "start"), false);
        put_interval(file, json_object_get(held, "best"), false);
        put_interval(file, json_object_get(held, "difference"), true);
        fputc('\n', file);
        put_held_guards(file, view, held);
    }
    fputc('\n', file);
    replay_table_paragraph(file, tune_view_verdict(view), 0);
}

static void put_end(FILE *file, const struct tune_view *view)
{
    const json_t *notes = json_object_get(view->report, "notes");
    const json_t *out = json_object_get(view->report, "out");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        replay_table_paragraph(file, note != NULL ? note : "", 0);
    }
    if (json_is_object(out)) {
        fputc('\n', file);
        column_print_all(file, report_text(out, "path"));
        fputs(": written, version ", file);
        column_print_all(file, report_text(out, "version"));
        fputc('\n', file);
    }
}

bool tune_table_write(FILE *file, const json_t *report)
{
    struct tune_view view;
    tune_view_init(&view, report);
    put_head(file, &view);
    put_split(file, &view);
    put_parameters(file, &view);
    put_figures(file, &view);
    put_held_out(file, &view);
    put_end(file, &view);
    return ferror(file) == 0;
}
