#include "replay/replay_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/column.h"
#include "replay/replay_table_parts.h"
#include "replay/report_rows.h"

enum { KEY_WIDTH = 44, VALUE_WIDTH = 24 };

static void put_source(FILE *file, const json_t *report)
{
    const json_t *source = json_object_get(report, "source");
    char from[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    if (source == NULL) {
        return;
    }
    report_format_time(report_integer(source, "from_ms"), from);
    report_format_time(report_integer(source, "to_ms"), to);
    column_print_all(file, report_text(source, "name"));
    fputs(": ", file);
    replay_table_count(file, report_integer(source, "events"), 0);
    fputs(" events", file);
    if (report_integer(source, "to_ms") > 0) {
        fprintf(file, ", %s to %s UTC", from, to);
    }
    fputc('\n', file);
}

static const char *option_text(const struct report_view *view, const char *name)
{
    return report_text(json_object_get(view->report, "options"), name);
}

/* "7,495 of 7,500 rankings, 254 users" */
static void put_found(FILE *file, const json_t *counts, const char *field, const char *what)
{
    replay_table_count(file, report_integer(counts, field), 0);
    fputs(" of ", file);
    replay_table_count(file, report_integer(counts, "found"), 0);
    fprintf(file, " %s, ", what);
    replay_table_count(file, report_integer(counts, "users"), 0);
    fputs(" users\n", file);
}

static void put_ranking_title(FILE *file, const struct report_view *view)
{
    fputs("ranking quality by \"", file);
    column_print_all(file, option_text(view, "label"));
    fprintf(file, "\", k = %" JSON_INTEGER_FORMAT ": ",
            report_integer(json_object_get(view->report, "options"), "k"));
    put_found(file, json_object_get(view->report, "rankings"), "measured", "rankings");
}

static void put_counterfactual_title(FILE *file, const struct report_view *view)
{
    fputs("\"", file);
    column_print_all(file, option_text(view, "reward"));
    fputs("\" per position, had others ranked: ", file);
    put_found(file, json_object_get(view->report, "decisions"), "used", "decisions");
}

static void put_contenders(FILE *file, const struct report_view *view)
{
    const json_t *contenders = json_object_get(view->report, "contenders");
    for (size_t i = 0; i < view->contender_count; i++) {
        const json_t *contender = json_array_get(contenders, i);
        replay_table_name(file, view->contenders[i]);
        fputc(' ', file);
        const char *version = report_text(contender, "version");
        column_print_all(file, report_text(contender, "kind"));
        fputs(version[0] != '\0' ? " " : "", file);
        column_print_all(file, version);
        fputs(i == 0 ? "  (the reference of all differences)\n" : "\n", file);
    }
}

/* Returns false without memory. */
static bool put_sentences(FILE *file, const struct report_view *view)
{
    for (size_t i = 1; i < view->contender_count && view->measure_count > 0; i++) {
        char *text = report_sentence(view, i);
        if (text == NULL) {
            return false;
        }
        fputs(i == 1 ? "\n" : "", file);
        replay_table_paragraph(file, text, 0);
        free(text);
    }
    return true;
}

static void put_value(FILE *file, const char *text, int width)
{
    column_print_cut(file, text[0] != '\0' ? text : "(not named)", width);
}

static void put_change(FILE *file, const json_t *change)
{
    fputs("  ", file);
    column_print(file, report_text(change, "key"), KEY_WIDTH);
    fputs("  ", file);
    put_value(file, report_text(change, "old"), VALUE_WIDTH);
    fputs(" → ", file);
    put_value(file, report_text(change, "new"), VALUE_WIDTH);
    fputc('\n', file);
}

static void put_changes(FILE *file, const struct report_view *view)
{
    const json_t *changes = json_object_get(view->report, "changes");
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *keys = json_object_get(json_array_get(changes, i), "keys");
        size_t contender = report_contender_of(view, json_array_get(changes, i));
        if (contender == view->contender_count || json_array_size(keys) == 0) {
            continue;
        }
        fputs("\nkeys that differ, ", file);
        column_print_all(file, view->contenders[view->weights]);
        fputs(" → ", file);
        column_print_all(file, view->contenders[contender]);
        fputc('\n', file);
        for (size_t j = 0; j < json_array_size(keys); j++) {
            put_change(file, json_array_get(keys, j));
        }
    }
}

static void put_definition(FILE *file, const char *title, const char *definition)
{
    column_print_all(file, title);
    fputc('\n', file);
    replay_table_paragraph(file, definition, 4);
}

static void put_definitions(FILE *file, const struct report_view *view)
{
    const json_t *others = json_object_get(view->report, "exposure_metrics");
    fputs(view->measure_count > 0 ? "\n" : "", file);
    for (size_t i = 0; i < view->measure_count; i++) {
        put_definition(file, view->measures[i].title, view->measures[i].definition);
    }
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *metric = json_array_get(others, i);
        put_definition(file, report_text(metric, "title"), report_text(metric, "definition"));
    }
}

/* Returns false without memory. */
static bool put_left_out(FILE *file, const struct report_view *view)
{
    char *text = report_rows_left_out(view);
    if (text != NULL && text[0] != '\0') {
        fputs("\nrows left out\n", file);
        replay_table_paragraph(file, text, 2);
    }
    free(text);
    return text != NULL;
}

static void put_notes(FILE *file, const struct report_view *view)
{
    const json_t *notes = json_object_get(view->report, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        fputs(i == 0 ? "\n" : "", file);
        replay_table_paragraph(file, note != NULL ? note : "", 0);
    }
}

bool replay_table_write(FILE *file, const json_t *report, bool definitions)
{
    struct report_view view;
    report_view_init(&view, report);
    if (view.counterfactual) {
        put_counterfactual_title(file, &view);
    } else {
        put_ranking_title(file, &view);
    }
    put_source(file, report);
    put_contenders(file, &view);
    bool complete = put_sentences(file, &view);
    if (view.counterfactual) {
        replay_table_counterfactual(file, &view);
    } else {
        replay_table_ranking(file, &view);
    }
    put_changes(file, &view);
    if (definitions) {
        put_definitions(file, &view);
    }
    complete = put_left_out(file, &view) && complete;
    put_notes(file, &view);
    return complete && ferror(file) == 0;
}
