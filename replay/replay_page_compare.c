#include <math.h>
#include <string.h>

#include "replay/page.h"
#include "replay/replay_page_parts.h"
#include "replay/report_rows.h"

enum {
    ROWS_MAX = 36, /* of a plot: more would not fit on a sheet of paper */
    ROW_TEXT_SIZE = 4 * REPORT_NUMBER_SIZE,
    PLOTTED_MAX = 3,
    NAME_WIDTH = 190,
    TEXT_WIDTH = 316
};

_Static_assert((int)REPORT_MEASURES_MAX <= (int)ROWS_MAX, "measures are rows of one plot");

/* Rows of a plot in the making, with their texts. */
struct forest {
    struct plot_row rows[ROWS_MAX];
    char texts[ROWS_MAX][ROW_TEXT_SIZE];
    size_t count;
    double low; /* of the axis, which includes 0: that is what is in question */
    double high;
};

static void describe(const struct report_view *view, const json_t *difference, size_t measure,
                     char out[ROW_TEXT_SIZE])
{
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char p[REPORT_NUMBER_SIZE];
    int digits = view->measures[measure].digits;
    report_format(report_number(difference, "difference"), digits, true, number);
    report_format_interval(difference, digits, interval);
    report_format_p(report_p(difference), p);
    bool known = !isnan(report_number(difference, "difference"));
    snprintf(out, ROW_TEXT_SIZE, "%s %s%s%s", number, known ? interval : "",
             known && p[0] != '\0' ? ", " : "", known ? p : "");
}

static size_t colour_of(enum report_verdict verdict)
{
    static const size_t colours[] = {[REPORT_UNKNOWN] = PLOT_SOFT,
                                     [REPORT_UNCLEAR] = PLOT_SOFT,
                                     [REPORT_BETTER] = PLOT_UP,
                                     [REPORT_WORSE] = PLOT_DOWN,
                                     [REPORT_OTHER] = PLOT_NEW};
    return colours[verdict];
}

/* A difference as a row, each figure times a factor; NAN: unknown, so that nothing is drawn. */
static struct plot_row difference_row(const struct report_view *view, const json_t *segment,
                                      size_t measure, size_t contender, double factor)
{
    const json_t *difference = report_find_difference(view, segment, measure, contender);
    enum report_verdict verdict = report_verdict_of(view, segment, measure, contender);
    const json_t *value = report_find_value(view, segment, measure, contender);
    return (struct plot_row){
        .value = factor * report_number(difference, "difference"),
        .low = factor * report_number(difference, "low"),
        .high = factor * report_number(difference, "high"),
        .colour = colour_of(verdict),
        .hollow = verdict == REPORT_UNCLEAR || verdict == REPORT_UNKNOWN,
        .refused = report_refusal(value)[0] != '\0' && difference == NULL,
    };
}

static void add_difference(struct forest *forest, const struct report_view *view,
                           const json_t *segment, size_t measure, size_t contender, double factor)
{
    const json_t *difference = report_find_difference(view, segment, measure, contender);
    struct plot_row row = difference_row(view, segment, measure, contender, factor);
    char *text = forest->texts[forest->count];
    if (row.refused) {
        snprintf(text, ROW_TEXT_SIZE, "refused");
    } else {
        describe(view, difference, measure, text);
    }
    row.text = text;
    forest->rows[forest->count++] = row;
}

static void add_heading(struct forest *forest, const char *name)
{
    forest->rows[forest->count++] =
        (struct plot_row){.name = name, .heading = true, .value = NAN, .low = NAN, .high = NAN};
}

static void draw_forest(struct replay_page *page, struct forest *forest, const char *axis,
                        const char *label)
{
    const struct plot_rows plot = {
        .label = label,
        .axis = axis,
        .width = PAGE_WIDTH,
        .name_width = NAME_WIDTH,
        .text_width = TEXT_WIDTH,
        .low = forest->low,
        .high = forest->high,
        .mark = NAN,
        .rows = forest->rows,
        .row_count = forest->count,
    };
    if (forest->count > 0) {
        part_draw_rows(page, &plot);
    }
    forest->count = 0;
}

static void put_pair_title(struct replay_page *page, size_t contender)
{
    fputs("<h3>", page->file);
    page_text(page->file, page->view.contenders[contender]);
    fputs(" − ", page->file);
    page_text(page->file, page->view.contenders[0]);
    fputs("</h3>\n", page->file);
}

/* A percentage of the reference's mean; NAN where that is none to divide by. */
static double factor_of(const struct report_view *view, size_t measure)
{
    double mean = report_mean(view, report_find_value(view, view->whole, measure, 0));
    if (view->counterfactual) {
        return 1;
    }
    return mean > 0 ? 100 / mean : NAN;
}

/* Not of measures that only one side has: scores of baselines, of what was served. */
static bool has_difference_row(const struct report_view *view, size_t measure, size_t contender)
{
    const json_t *value = report_find_value(view, view->whole, measure, contender);
    bool told = report_find_difference(view, view->whole, measure, contender) != NULL ||
                report_refusal(value)[0] != '\0';
    return view->measures[measure].row == REPORT_ROW_SHOWN && told;
}

static void put_measures(struct replay_page *page, size_t contender)
{
    const struct report_view *view = &page->view;
    struct forest forest = {.low = 0, .high = 0};
    for (size_t i = 0; i < view->measure_count; i++) {
        if (has_difference_row(view, i, contender)) {
            add_difference(&forest, view, view->whole, i, contender, factor_of(view, i));
            forest.rows[forest.count - 1].name = view->measures[i].title;
        }
    }
    plot_rows_extent(forest.rows, forest.count, &forest.low, &forest.high);
    fputs("<div class=\"block wide\">", page->file);
    put_pair_title(page, contender);
    draw_forest(
        page, &forest,
        view->counterfactual ? "difference per position" : "difference in % of the reference",
        "Differences from the reference with their intervals; the figures stand on the right");
    fputs("</div>\n", page->file);
}

static void put_correction(struct replay_page *page)
{
    char count[REPORT_NUMBER_SIZE];
    if (page->view.comparisons > 1) {
        report_format_count((json_int_t)page->view.comparisons, count);
        fprintf(page->file,
                "<p class=\"soft\">p is corrected for the %s comparisons that are made at once "
                "(Holm).</p>\n",
                count);
    }
}

void part_differences(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    bool any = false;
    for (size_t i = 1; i < view->contender_count; i++) {
        any = any || report_rows_has_differences(view, i);
    }
    if (!any) {
        return;
    }
    page_section(
        page->file, "Differences",
        "From the reference, with intervals of 95 %. A disk with a colour: the interval "
        "leaves out 0, and p after correction is below 0.05; green is better, red worse. A "
        "ring: nothing can be told. Each plot has an axis of its own, which includes 0.");
    put_correction(page);
    for (size_t i = 1; i < view->contender_count; i++) {
        if (report_rows_has_differences(view, i)) {
            put_measures(page, i);
        }
    }
}

static const json_t *segments_of(const struct report_view *view)
{
    return json_object_get(view->report, "segments");
}

/* One axis for all parts of a plot that is cut. */
static void find_extent(const struct report_view *view, size_t contender, struct forest *forest)
{
    for (size_t i = 0; i < json_array_size(segments_of(view)); i++) {
        struct plot_row row = difference_row(view, json_array_get(segments_of(view), i),
                                             view->headline, contender, 1);
        plot_rows_extent(&row, 1, &forest->low, &forest->high);
    }
}

static void put_segment_plot(struct replay_page *page, size_t contender)
{
    static const char label[] = "Differences from the reference by group, with their intervals";
    const struct report_view *view = &page->view;
    const char *dimension = "all";
    struct forest forest = {.low = 0, .high = 0};
    find_extent(view, contender, &forest);
    fputs("<div class=\"wide\">", page->file);
    put_pair_title(page, contender);
    for (size_t i = 0; i < json_array_size(segments_of(view)); i++) {
        const json_t *segment = json_array_get(segments_of(view), i);
        if (!report_rows_has_group(view, segment)) {
            continue;
        }
        bool other = !report_in_dimension(segment, dimension);
        if (forest.count + (other ? 3 : 1) > ROWS_MAX) {
            draw_forest(page, &forest, "", label);
        }
        if (other) {
            dimension = report_text(segment, "dimension");
            add_heading(&forest, report_dimension_title(dimension));
        }
        add_difference(&forest, view, segment, view->headline, contender, 1);
        forest.rows[forest.count - 1].name = report_segment_name(segment);
    }
    draw_forest(page, &forest, "difference", label);
    fputs("</div>\n", page->file);
}

/* Of the first that are told; of the others the tables tell. */
static void put_segment_plots(struct replay_page *page)
{
    size_t told[REPORT_CONTENDERS_MAX];
    size_t count = report_rows_find_told(&page->view, told);
    for (size_t i = 0; i < count && i < PLOTTED_MAX; i++) {
        put_segment_plot(page, told[i]);
    }
}

static void put_dimension_row(struct replay_page *page, const char *dimension)
{
    fprintf(page->file, "<tr><th colspan=\"%zu\">", 3 + page->view.contender_count);
    page_text(page->file, report_dimension_title(dimension));
    fputs("</th></tr>\n", page->file);
}

static void put_segment_row(struct replay_page *page, const json_t *segment, size_t measure)
{
    const struct report_view *view = &page->view;
    fputs("<tr>", page->file);
    part_text_cell(page, report_segment_name(segment));
    part_count_cell(page, report_integer(segment, view->counterfactual ? "decisions" : "rankings"));
    part_count_cell(page, report_integer(segment, "users"));
    for (size_t i = 0; i < view->contender_count; i++) {
        part_value_cell(page, report_find_value(view, segment, measure, i), measure);
    }
    fputs("</tr>\n", page->file);
}

static void put_segment_table(struct replay_page *page, size_t measure)
{
    const struct report_view *view = &page->view;
    const char *dimension = "all";
    part_contender_table(page, "", true);
    for (size_t i = 0; i < json_array_size(segments_of(view)); i++) {
        const json_t *segment = json_array_get(segments_of(view), i);
        if (!report_rows_has_group(view, segment)) {
            continue;
        }
        if (!report_in_dimension(segment, dimension)) {
            dimension = report_text(segment, "dimension");
            put_dimension_row(page, dimension);
        }
        put_segment_row(page, segment, measure);
    }
    part_table_end(page);
}

static void put_other_tables(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    for (size_t i = 0; i < view->measure_count; i++) {
        if (i == view->headline || view->measures[i].row != REPORT_ROW_SHOWN) {
            continue;
        }
        fputs("<details><summary>", page->file);
        page_text(page->file, view->measures[i].title);
        fputs(" by group</summary>\n", page->file);
        put_segment_table(page, i);
        fputs("</details>\n", page->file);
    }
}

void part_segments(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    if (view->measure_count == 0 || report_rows_group_count(view) == 0) {
        return;
    }
    fputs("<h2>By group: ", page->file);
    page_text(page->file, view->measures[view->headline].title);
    fputs("</h2>\n", page->file);
    put_segment_plots(page);
    put_segment_table(page, view->headline);
    put_other_tables(page);
}
