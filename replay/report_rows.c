#include "replay/report_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_SIZE = 2 * REPORT_NUMBER_SIZE };

/* What a table would print of a measure and contender. */
static void print_cell(const struct report_view *view, size_t measure, size_t contender,
                       char out[CELL_SIZE])
{
    const json_t *value = report_find_value(view, view->whole, measure, contender);
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    report_format(report_mean(view, value), view->measures[measure].digits, false, number);
    report_format_interval(value, view->measures[measure].digits, interval);
    snprintf(out, CELL_SIZE, "%s %s", number, interval);
}

static bool is_known(const struct report_view *view, size_t measure, size_t contender)
{
    return !isnan(report_mean(view, report_find_value(view, view->whole, measure, contender)));
}

static bool is_refused(const struct report_view *view, size_t measure, size_t contender)
{
    return report_refusal(report_find_value(view, view->whole, measure, contender))[0] != '\0';
}

/* How many contenders a measure says something of. */
static size_t count_of(const struct report_view *view, size_t measure,
                       bool (*has)(const struct report_view *view, size_t measure,
                                   size_t contender))
{
    size_t count = 0;
    for (size_t i = 0; i < view->contender_count; i++) {
        count += has(view, measure, i);
    }
    return count;
}

static size_t first_known(const struct report_view *view, size_t measure)
{
    size_t contender = 0;
    while (contender < view->contender_count && !is_known(view, measure, contender)) {
        contender++;
    }
    return contender;
}

/* All contenders that have a value have the same one, and none differs for certain. */
static bool is_equal(const struct report_view *view, size_t measure)
{
    char first[CELL_SIZE];
    char other[CELL_SIZE];
    size_t begin = first_known(view, measure);
    print_cell(view, measure, begin, first);
    for (size_t i = begin + 1; i < view->contender_count; i++) {
        enum report_verdict verdict = report_verdict_of(view, view->whole, measure, i);
        print_cell(view, measure, i, other);
        bool same = strcmp(first, other) == 0 || !is_known(view, measure, i);
        if (!same || verdict > REPORT_UNCLEAR) {
            return false;
        }
    }
    return count_of(view, measure, is_known) > 1;
}

static bool are_twins(const struct report_view *view, size_t measure, size_t other)
{
    char left[CELL_SIZE];
    char right[CELL_SIZE];
    for (size_t i = 0; i < view->contender_count; i++) {
        print_cell(view, measure, i, left);
        print_cell(view, other, i, right);
        if (strcmp(left, right) != 0) {
            return false;
        }
    }
    return true;
}

/* The shown measure above that has the same row; measure itself: there is none. */
static size_t find_twin(const struct report_view *view, size_t measure)
{
    for (size_t i = 0; i < measure; i++) {
        if (view->measures[i].row == REPORT_ROW_SHOWN && are_twins(view, measure, i)) {
            return i;
        }
    }
    return measure;
}

/* Estimators agree where a policy is the logged one, which is worth seeing. */
static enum report_row judge_known(struct report_view *view, size_t measure)
{
    if (view->counterfactual) {
        return REPORT_ROW_SHOWN;
    }
    if (is_equal(view, measure)) {
        return REPORT_ROW_EQUAL;
    }
    view->measures[measure].twin = find_twin(view, measure);
    return view->measures[measure].twin < measure ? REPORT_ROW_TWIN : REPORT_ROW_SHOWN;
}

static enum report_row judge(struct report_view *view, size_t measure)
{
    size_t refused = count_of(view, measure, is_refused);
    if (measure == view->headline || view->contender_count == 0) {
        return REPORT_ROW_SHOWN;
    }
    if (refused == view->contender_count) {
        return REPORT_ROW_REFUSED;
    }
    if (refused == 0 && count_of(view, measure, is_known) == 0) {
        return REPORT_ROW_EMPTY;
    }
    return judge_known(view, measure);
}

void report_rows_find(struct report_view *view)
{
    for (size_t i = 0; i < view->measure_count; i++) {
        view->measures[i].row = judge(view, i);
    }
}

static const char *refusal_of(const struct report_view *view, size_t measure)
{
    return report_refusal(report_find_value(view, view->whole, measure, 0));
}

/* Whether the next measure that is refused for all is so for the same reason, and will say it. */
static bool shares_reason(const struct report_view *view, size_t measure)
{
    for (size_t i = measure + 1; i < view->measure_count; i++) {
        if (view->measures[i].row == REPORT_ROW_REFUSED) {
            return strcmp(refusal_of(view, measure), refusal_of(view, i)) == 0;
        }
    }
    return false;
}

static void put_item(FILE *file, const struct report_view *view, size_t measure)
{
    const struct report_measure *it = &view->measures[measure];
    char number[REPORT_NUMBER_SIZE];
    fputs(it->title, file);
    if (it->row == REPORT_ROW_EQUAL) {
        const json_t *value =
            report_find_value(view, view->whole, measure, first_known(view, measure));
        report_format(report_mean(view, value), it->digits, false, number);
        fprintf(file, " %s", number);
    } else if (it->row == REPORT_ROW_TWIN) {
        fprintf(file, " is %s", view->measures[it->twin].title);
    } else if (it->row == REPORT_ROW_REFUSED && !shares_reason(view, measure)) {
        fprintf(file, " (%s)", refusal_of(view, measure));
    }
}

/* All left-out measures of a kind as one sentence. */
static void put_kind(FILE *file, const struct report_view *view, enum report_row row,
                     const char *lead, const char *end)
{
    bool any = false;
    for (size_t i = 0; i < view->measure_count; i++) {
        if (view->measures[i].row == row) {
            fputs(any ? ", " : ftell(file) > 0 ? " " : "", file);
            fputs(any ? "" : lead, file);
            put_item(file, view, i);
            any = true;
        }
    }
    fputs(any ? end : "", file);
}

char *report_rows_left_out(const struct report_view *view)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return NULL;
    }
    put_kind(file, view, REPORT_ROW_TWIN, "", ": no list is longer.");
    put_kind(file, view, REPORT_ROW_EQUAL, "The same for all: ", ".");
    put_kind(file, view, REPORT_ROW_REFUSED, "Refused for all: ", ".");
    put_kind(file, view, REPORT_ROW_EMPTY, "Not known of any: ", ".");
    if (fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

bool report_rows_has_differences(const struct report_view *view, size_t contender)
{
    for (size_t i = 0; i < view->measure_count; i++) {
        const json_t *found = report_find_difference(view, view->whole, i, contender);
        if (!isnan(report_number(found, "difference"))) {
            return true;
        }
    }
    return false;
}

size_t report_rows_count(const struct report_view *view, const char *dimension)
{
    const json_t *segments = json_object_get(view->report, "segments");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(segments); i++) {
        count += report_in_dimension(json_array_get(segments, i), dimension);
    }
    return count;
}

bool report_rows_has_group(const struct report_view *view, const json_t *segment)
{
    return report_in_dimension(segment, "all") ||
           report_rows_count(view, report_text(segment, "dimension")) > 1;
}

size_t report_rows_group_count(const struct report_view *view)
{
    const json_t *segments = json_object_get(view->report, "segments");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        count += !report_in_dimension(segment, "all") && report_rows_has_group(view, segment);
    }
    return count;
}

static bool is_told(const struct report_view *view, size_t contender, bool baselines)
{
    return report_is_kind(view, contender, "baseline") == baselines &&
           report_rows_has_differences(view, contender);
}

size_t report_rows_find_told(const struct report_view *view, size_t told[REPORT_CONTENDERS_MAX])
{
    size_t count = 0;
    for (int baselines = 0; baselines < 2 && count == 0; baselines++) {
        for (size_t i = 1; i < view->contender_count; i++) {
            if (is_told(view, i, baselines == 1)) {
                told[count++] = i;
            }
        }
    }
    return count;
}
