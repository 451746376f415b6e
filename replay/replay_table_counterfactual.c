#include <math.h>
#include <string.h>

#include "replay/column.h"
#include "replay/replay_table_parts.h"

enum { FIGURE_WIDTH = 11, POSITIONS_SHOWN = 20 };

static void put_logged(FILE *file, const struct report_view *view)
{
    const json_t *logged = json_object_get(view->report, "logged");
    char interval[REPORT_NUMBER_SIZE];
    if (isnan(report_number(logged, "value"))) {
        return;
    }
    report_format_interval(logged, 4, interval);
    fputs("\nas served: ", file);
    replay_table_put_number(file, report_number(logged, "value"), 4, 0);
    fprintf(file, " %s\n", interval);
}

static void put_problems(FILE *file, const json_t *problems)
{
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const char *text = json_string_value(json_array_get(problems, i));
        replay_table_paragraph(file, text != NULL ? text : "", 4);
    }
}

static void put_overridden(FILE *file, const json_t *checks)
{
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const char *text = json_string_value(json_array_get(checks, i));
        fputs("    overridden: ", file);
        column_print_all(file, text != NULL ? text : "");
        fputc('\n', file);
    }
}

static void put_support_row(FILE *file, const char *name, const json_t *support)
{
    replay_table_name(file, name);
    replay_table_count(file, (json_int_t)report_number(support, "effective_sample_size"),
                       FIGURE_WIDTH);
    replay_table_share(file, report_number(support, "effective_share"), FIGURE_WIDTH);
    replay_table_share(file, report_number(support, "matched"), FIGURE_WIDTH);
    replay_table_put_number(file, report_number(support, "largest_weight"), 1, FIGURE_WIDTH);
    replay_table_put_number(file, report_number(support, "mean_weight"), 3, FIGURE_WIDTH);
    double smallest = report_number(support, "smallest_propensity");
    replay_table_put_number(file, smallest, smallest < 0.001 ? 6 : 4, FIGURE_WIDTH);
    fputs("  ", file);
    column_print_all(file, report_text(support, "verdict"));
    fputc('\n', file);
    put_problems(file, json_object_get(support, "problems"));
    put_overridden(file, json_object_get(support, "overridden"));
}

static void put_support(FILE *file, const struct report_view *view)
{
    static const char *const titles[] = {"effective", "share",  "matched",
                                         "largest w", "mean w", "least p"};
    const json_t *supports = json_object_get(view->whole, "support");
    if (json_array_size(supports) == 0) {
        return;
    }
    replay_table_title(file, "support");
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        replay_table_right(file, titles[i], FIGURE_WIDTH);
    }
    fputs("  verdict\n", file);
    for (size_t i = 0; i < view->contender_count; i++) {
        if (report_find_contender(supports, i) != NULL) {
            put_support_row(file, view->contenders[i], report_find_contender(supports, i));
        }
    }
    fputs("  w: importance weights, which should be 1 in the mean; p: propensities of what was "
          "served\n",
          file);
}

static bool is_poor(const json_t *supports, size_t contender)
{
    const json_t *support = report_find_contender(supports, contender);
    return strcmp(report_text(support, "verdict"), "poor") == 0;
}

/* A line for each group where support is poor, though it is not on the whole. */
static void put_poor_groups(FILE *file, const struct report_view *view)
{
    const json_t *whole = json_object_get(view->whole, "support");
    const json_t *segments = json_object_get(view->report, "segments");
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        const json_t *supports = json_object_get(segment, "support");
        bool any = false;
        for (size_t j = 0; j < view->contender_count; j++) {
            if (is_poor(supports, j) && !is_poor(whole, j)) {
                fputs(any ? ", " : "  poor support in ", file);
                column_print_all(file, any ? "" : report_text(segment, "name"));
                fputs(any ? "" : ": ", file);
                column_print_all(file, view->contenders[j]);
                any = true;
            }
        }
        fputs(any ? "\n" : "", file);
    }
}

static const json_t *find_position(const struct report_view *view, const char *estimator,
                                   json_int_t position, size_t contender)
{
    const json_t *positions = json_object_get(view->report, "positions");
    for (size_t i = 0; i < json_array_size(positions); i++) {
        const json_t *found = json_array_get(positions, i);
        if (report_contender_of(view, found) == contender &&
            report_integer(found, "position") == position &&
            strcmp(report_text(found, "estimator"), estimator) == 0) {
            return found;
        }
    }
    return NULL;
}

static void put_position(FILE *file, const struct report_view *view, const char *estimator,
                         json_int_t position)
{
    char name[REPORT_NUMBER_SIZE];
    report_format_count(position, name);
    replay_table_name(file, name);
    for (size_t i = 0; i < view->contender_count && i < TABLE_SMALL_CELLS; i++) {
        const json_t *found = find_position(view, estimator, position, i);
        if (report_refusal(found)[0] != '\0') {
            replay_table_right(file, "refused", TABLE_SMALL_CELL);
        } else {
            replay_table_put_number(file, report_number(found, "value"), 4, TABLE_SMALL_CELL);
        }
    }
    fputc('\n', file);
}

/* Of the first estimator alone; positions come in order. */
static void put_positions(FILE *file, const struct report_view *view)
{
    const json_t *positions = json_object_get(view->report, "positions");
    const char *estimator = report_text(json_array_get(positions, 0), "estimator");
    json_int_t last = 0;
    if (json_array_size(positions) == 0) {
        return;
    }
    replay_table_title(file, "by position");
    for (size_t i = 0; i < view->contender_count && i < TABLE_SMALL_CELLS; i++) {
        fputc(' ', file);
        replay_table_right(file, view->contenders[i], TABLE_SMALL_CELL - 1);
    }
    fputs("\n", file);
    for (size_t i = 0; i < json_array_size(positions) && last < POSITIONS_SHOWN; i++) {
        json_int_t position = report_integer(json_array_get(positions, i), "position");
        if (position > last) {
            put_position(file, view, estimator, position);
            last = position;
        }
    }
}

void replay_table_counterfactual(FILE *file, const struct report_view *view)
{
    put_logged(file, view);
    replay_table_values(file, view);
    replay_table_differences(file, view);
    put_support(file, view);
    put_poor_groups(file, view);
    replay_table_segments(file, view);
    put_positions(file, view);
}
