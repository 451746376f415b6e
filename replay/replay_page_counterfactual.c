#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/page.h"
#include "replay/replay_page_parts.h"

enum { POSITIONS_MAX = 128, BINS_MAX = 256, KEY_WIDTH = 170, CURVE_HEIGHT = 230 };

static const json_t *logged_of(const struct report_view *view)
{
    return json_object_get(view->report, "logged");
}

static void put_logged_card(struct replay_page *page)
{
    const json_t *logged = logged_of(&page->view);
    const json_t *options = json_object_get(page->view.report, "options");
    char figure[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    double value = report_number(logged, "value");
    if (isnan(value)) {
        return;
    }
    report_format(value, 4, false, figure);
    report_format_interval(logged, 4, interval);
    part_card_begin(page, figure, "");
    page_text(page->file, report_text(options, "reward"));
    fputs(" per position as served", page->file);
    part_card_end(page, interval);
}

static bool is_good(const json_t *support)
{
    return strcmp(report_text(support, "verdict"), "good") == 0;
}

static void put_support_card(struct replay_page *page)
{
    const json_t *supports = json_object_get(page->view.whole, "support");
    size_t count = json_array_size(supports);
    size_t good = 0;
    char figure[REPORT_NUMBER_SIZE];
    for (size_t i = 0; i < count; i++) {
        good += is_good(json_array_get(supports, i)) ? 1 : 0;
    }
    snprintf(figure, sizeof(figure), "%zu of %zu", good, count);
    if (count > 0) {
        part_card(page, figure, good < count ? "down" : "", "contenders are well supported",
                  "by what was served; see the diagnostics");
    }
}

static void put_cards(struct replay_page *page)
{
    const json_t *decisions = json_object_get(page->view.report, "decisions");
    fputs("<div class=\"cards fit\">\n", page->file);
    part_best_card(page);
    put_logged_card(page);
    part_found_card(page, decisions, "used", "decisions used");
    part_segment_card(page);
    put_support_card(page);
    fputs("</div>\n", page->file);
}

static struct plot_row estimate_row(const struct report_view *view, size_t measure,
                                    size_t contender)
{
    const json_t *estimate = report_find_value(view, view->whole, measure, contender);
    return (struct plot_row){.name = view->measures[measure].title,
                             .value = report_mean(view, estimate),
                             .low = report_number(estimate, "low"),
                             .high = report_number(estimate, "high"),
                             .colour = PLOT_SERIES + contender,
                             .refused = report_refusal(estimate)[0] != '\0'};
}

/* Sums over a slate's positions, which are on another scale than what one position earns. */
static bool is_of_slates(const struct report_view *view, size_t measure)
{
    return strncmp(view->measures[measure].name, "item_position", 13) == 0 ||
           strncmp(view->measures[measure].name, "sequence", 8) == 0;
}

static bool has_row(const struct report_view *view, size_t measure, bool slates)
{
    return view->measures[measure].row == REPORT_ROW_SHOWN && is_of_slates(view, measure) == slates;
}

static size_t count_rows(const struct report_view *view, bool slates)
{
    size_t count = 0;
    for (size_t i = 0; i < view->measure_count; i++) {
        count += has_row(view, i, slates);
    }
    return count;
}

/* One axis for all contenders, so that plots beside each other compare. */
static void find_extent(const struct report_view *view, bool slates, double *low, double *high)
{
    for (size_t i = 0; i < view->contender_count; i++) {
        for (size_t j = 0; j < view->measure_count; j++) {
            struct plot_row row = estimate_row(view, j, i);
            plot_rows_extent(&row, has_row(view, j, slates), low, high);
        }
    }
}

static void put_estimate_plot(struct replay_page *page, size_t contender, bool slates, double low,
                              double high)
{
    const struct report_view *view = &page->view;
    struct plot_row rows[REPORT_MEASURES_MAX];
    char texts[REPORT_MEASURES_MAX][REPORT_NUMBER_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < view->measure_count; i++) {
        const json_t *estimate = report_find_value(view, view->whole, i, contender);
        if (!has_row(view, i, slates)) {
            continue;
        }
        rows[count] = estimate_row(view, i, contender);
        report_format(report_mean(view, estimate), view->measures[i].digits, false, texts[count]);
        rows[count].text = rows[count].refused ? "refused" : texts[count];
        count++;
    }
    const struct plot_rows plot = {.label = view->contenders[contender],
                                   .axis = "",
                                   .width = PAGE_HALF,
                                   .name_width = 160,
                                   .text_width = 76,
                                   .low = low,
                                   .high = high,
                                   .mark = slates ? NAN : report_number(logged_of(view), "value"),
                                   .rows = rows,
                                   .row_count = count};
    part_draw_rows(page, &plot);
}

/* A plot for each contender; slates: of whole slates, else of positions. */
static void put_estimate_plots(struct replay_page *page, bool slates)
{
    const struct report_view *view = &page->view;
    double low = NAN;
    double high = NAN;
    find_extent(view, slates, &low, &high);
    if (count_rows(view, slates) == 0) {
        return;
    }
    fputs(slates ? "<p>Per slate, the sum over its positions:</p>\n" : "", page->file);
    fputs("<div class=\"plots two\">\n", page->file);
    for (size_t i = 0; i < view->contender_count; i++) {
        fputs("<div><h3>", page->file);
        page_text(page->file, view->contenders[i]);
        fputs("</h3>", page->file);
        put_estimate_plot(page, i, slates, low, high);
        fputs("</div>\n", page->file);
    }
    fputs("</div>\n", page->file);
}

static void put_estimates(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    if (view->measure_count == 0 || view->contender_count == 0) {
        return;
    }
    page_section(
        page->file, "Estimates",
        "Reward per position had each contender ranked, with intervals of 95 %. The dashed "
        "line is what was served. A cross: what was served tells too little, so there is "
        "no figure.");
    put_estimate_plots(page, false);
    put_estimate_plots(page, true);
    part_value_table(page);
}

static void put_texts(struct replay_page *page, const char *lead, const json_t *texts)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        fprintf(page->file, "<small>%s", lead);
        page_text(page->file, text != NULL ? text : "");
        fputs("</small>", page->file);
    }
}

static bool is_overridden(const json_t *support)
{
    return !is_good(support) && json_array_size(json_object_get(support, "overridden")) > 0;
}

static void put_verdict_cell(struct replay_page *page, const json_t *support)
{
    bool overridden = is_overridden(support);
    fprintf(page->file, "<td><span class=\"light %s\">",
            is_good(support) ? "up"
            : overridden     ? "warn"
                             : "down");
    page_text(page->file, report_text(support, "verdict"));
    fputs(overridden ? ", overridden</span></td>" : "</span></td>", page->file);
}

/* A row below the figures, where there is something to say. */
static void put_problem_row(struct replay_page *page, const json_t *support, bool groups)
{
    const json_t *problems = json_object_get(support, "problems");
    const json_t *overridden = json_object_get(support, "overridden");
    if (json_array_size(problems) + json_array_size(overridden) > 0) {
        fprintf(page->file, "<tr><td colspan=\"%d\">", groups ? 9 : 8);
        put_texts(page, "", problems);
        put_texts(page, "overridden: ", overridden);
        fputs("</td></tr>\n", page->file);
    }
}

static void put_support_row(struct replay_page *page, const json_t *segment, const json_t *support)
{
    size_t contender = report_contender_of(&page->view, support);
    fputs("<tr>", page->file);
    if (segment != NULL) {
        part_text_cell(page, report_text(segment, "name"));
    }
    part_text_cell(page, page->view.contenders[contender]);
    part_count_cell(page, (json_int_t)report_number(support, "effective_sample_size"));
    part_share_cell(page, report_number(support, "effective_share"));
    part_share_cell(page, report_number(support, "matched"));
    part_number_cell(page, report_number(support, "largest_weight"), 1);
    part_number_cell(page, report_number(support, "mean_weight"), 3);
    double smallest = report_number(support, "smallest_propensity");
    part_number_cell(page, smallest, smallest < 0.001 ? 6 : 4);
    put_verdict_cell(page, support);
    fputs("</tr>\n", page->file);
    put_problem_row(page, support, segment != NULL);
}

static void begin_support_table(struct replay_page *page, bool groups)
{
    fprintf(page->file,
            "<div class=\"wide\"><table class=\"support\">\n<thead><tr>%s<th></th>"
            "<th class=\"n\">effective sample</th><th class=\"n\">share</th>"
            "<th class=\"n\">matched</th><th class=\"n\">largest weight</th>"
            "<th class=\"n\">mean weight</th><th class=\"n\">least propensity</th>"
            "<th>verdict</th></tr></thead>\n<tbody>\n",
            groups ? "<th>group</th>" : "");
}

static void put_support_table(struct replay_page *page, const json_t *supports)
{
    begin_support_table(page, false);
    for (size_t i = 0; i < json_array_size(supports); i++) {
        if (part_is_shown(page, json_array_get(supports, i))) {
            put_support_row(page, NULL, json_array_get(supports, i));
        }
    }
    part_table_end(page);
}

/* Whether a group has poor support for a contender although it has good support on the whole. */
static bool is_exception(const struct replay_page *page, const json_t *support)
{
    const json_t *whole = json_object_get(page->view.whole, "support");
    size_t contender = report_contender_of(&page->view, support);
    return part_is_shown(page, support) && !is_good(support) &&
           is_good(report_find_contender(whole, contender));
}

/* Writes exceptions as rows, unless it only counts them. */
static size_t put_exceptions(struct replay_page *page, bool count_only)
{
    const json_t *segments = json_object_get(page->view.report, "segments");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        const json_t *supports = json_object_get(segment, "support");
        for (size_t j = 0; j < json_array_size(supports); j++) {
            if (is_exception(page, json_array_get(supports, j))) {
                count++;
                if (!count_only) {
                    put_support_row(page, segment, json_array_get(supports, j));
                }
            }
        }
    }
    return count;
}

static void put_group_support(struct replay_page *page)
{
    if (put_exceptions(page, true) == 0) {
        fputs("<p class=\"soft\">In no group is support poor where it is good on the whole.</p>\n",
              page->file);
        return;
    }
    fputs("<h3>Groups with poor support, though it is good on the whole</h3>\n", page->file);
    begin_support_table(page, true);
    (void)put_exceptions(page, false);
    part_table_end(page);
}

static void put_sample_plot(struct replay_page *page, const json_t *supports)
{
    struct plot_row rows[REPORT_CONTENDERS_MAX];
    char texts[REPORT_CONTENDERS_MAX][REPORT_NUMBER_SIZE];
    size_t count = 0;
    for (size_t i = 0; i < page->view.contender_count; i++) {
        double share = report_number(report_find_contender(supports, i), "effective_share");
        if (isnan(share)) {
            continue;
        }
        snprintf(texts[count], REPORT_NUMBER_SIZE, "%.1f %%", 100 * share);
        rows[count] = (struct plot_row){.name = page->view.contenders[i],
                                        .text = texts[count],
                                        .value = 100 * share,
                                        .low = NAN,
                                        .high = NAN,
                                        .colour = PLOT_SERIES + i};
        count++;
    }
    const struct plot_rows plot = {.label = "Effective sample size of each contender",
                                   .axis = "effective sample size, % of decisions",
                                   .width = 640,
                                   .name_width = 150,
                                   .text_width = 80,
                                   .bars = true,
                                   .low = 0,
                                   .high = 100,
                                   .mark = NAN,
                                   .rows = rows,
                                   .row_count = count};
    if (count > 0) {
        fputs("<div class=\"block wide\">", page->file);
        part_draw_rows(page, &plot);
        fputs("</div>\n", page->file);
    }
}

static double count_all(const json_t *bins)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(bins); i++) {
        total += (double)report_integer(json_array_get(bins, i), "count");
    }
    return total;
}

/* Down to 0 where bins without decisions follow, which a report leaves out. */
static size_t drop_outline(struct plot_point *points, size_t count, double end)
{
    if (count > 0) {
        points[count++] = (struct plot_point){end, 0, NAN, NAN};
    }
    return count;
}

/*
 * The outline of a histogram, in per cent of all decisions. Bins that begin at 0 have no place on a
 * logarithmic axis.
 */
static size_t read_outline(const json_t *bins, struct plot_point points[4 * BINS_MAX],
                           json_int_t *none)
{
    size_t count = 0;
    double end = 0;
    double total = count_all(bins);
    for (size_t i = 0; i < json_array_size(bins) && i < BINS_MAX; i++) {
        const json_t *bin = json_array_get(bins, i);
        double from = report_number(bin, "from");
        double height = total > 0 ? 100 * report_number(bin, "count") / total : NAN;
        if (!(from > 0)) {
            *none += report_integer(bin, "count");
            continue;
        }
        if (count == 0 || from > end) {
            count = drop_outline(points, count, end);
            points[count++] = (struct plot_point){from, 0, NAN, NAN};
        }
        end = report_number(bin, "to");
        points[count++] = (struct plot_point){from, height, NAN, NAN};
        points[count++] = (struct plot_point){end, height, NAN, NAN};
    }
    return drop_outline(points, count, end);
}

static void put_histogram(struct replay_page *page, const json_t *histogram)
{
    struct plot_point points[4 * BINS_MAX];
    char text[REPORT_NUMBER_SIZE];
    json_int_t none = 0;
    size_t contender = report_contender_of(&page->view, histogram);
    size_t count = read_outline(json_object_get(histogram, "bins"), points, &none);
    const struct plot_line line = {"", points, count, PLOT_SERIES + contender};
    const struct plot_lines plot = {.label = "Histogram of importance weights",
                                    .x_axis = "importance weight",
                                    .y_axis = "% of decisions",
                                    .width = PAGE_THIRD,
                                    .height = CURVE_HEIGHT,
                                    .log_x = true,
                                    .filled = true,
                                    .lines = &line,
                                    .line_count = 1};
    fputs("<div><h3>", page->file);
    page_text(page->file, page->view.contenders[contender]);
    fputs("</h3>", page->file);
    part_draw_lines(page, &plot);
    if (none > 0) {
        report_format_count(none, text);
        fprintf(page->file,
                "<p class=\"soft\"><small>%s more weigh 0 or next to nothing</small></p>", text);
    }
    fputs("</div>\n", page->file);
}

static void put_histograms(struct replay_page *page)
{
    const json_t *histograms = json_object_get(page->view.report, "weight_histograms");
    if (json_array_size(histograms) == 0) {
        return;
    }
    fputs("<h3>Importance weights</h3>\n<div class=\"plots\">\n", page->file);
    for (size_t i = 0; i < json_array_size(histograms); i++) {
        if (part_is_shown(page, json_array_get(histograms, i))) {
            put_histogram(page, json_array_get(histograms, i));
        }
    }
    fputs("</div>\n", page->file);
}

static void put_support(struct replay_page *page)
{
    const json_t *supports = json_object_get(page->view.whole, "support");
    if (json_array_size(supports) == 0) {
        return;
    }
    page_section(page->file, "Support",
                 "Whether what was served tells about a contender: estimates by weighting rest on "
                 "decisions that both would have made. The mean weight should be 1.");
    put_support_table(page, supports);
    put_sample_plot(page, supports);
    put_histograms(page);
    put_group_support(page);
}

static size_t read_positions(struct replay_page *page, const char *estimator, size_t contender,
                             struct plot_point points[POSITIONS_MAX])
{
    const json_t *positions = json_object_get(page->view.report, "positions");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(positions) && count < POSITIONS_MAX; i++) {
        const json_t *position = json_array_get(positions, i);
        if (report_contender_of(&page->view, position) == contender &&
            strcmp(report_text(position, "estimator"), estimator) == 0 &&
            !isnan(report_number(position, "value"))) {
            points[count++] = (struct plot_point){
                report_number(position, "position"), report_number(position, "value"),
                report_number(position, "low"), report_number(position, "high")};
        }
    }
    return count;
}

static void draw_positions(struct replay_page *page, const char *estimator,
                           struct plot_point (*points)[POSITIONS_MAX])
{
    struct plot_line lines[REPORT_CONTENDERS_MAX];
    size_t line_count = 0;
    for (size_t i = 0; i < page->view.contender_count; i++) {
        size_t count = read_positions(page, estimator, i, points[i]);
        if (count > 0) {
            lines[line_count++] =
                (struct plot_line){page->view.contenders[i], points[i], count, PLOT_SERIES + i};
        }
    }
    const struct plot_lines plot = {.label = "Reward by position and contender, with intervals",
                                    .x_axis = "position",
                                    .y_axis = "reward at the position",
                                    .width = PAGE_WIDTH,
                                    .height = 320,
                                    .key_width = KEY_WIDTH,
                                    .marks = true,
                                    .lines = lines,
                                    .line_count = line_count};
    if (line_count > 0) {
        part_draw_lines(page, &plot);
    }
}

static void put_position_plot(struct replay_page *page, const char *estimator)
{
    const struct report_view *view = &page->view;
    size_t measure = report_find_measure(view, estimator);
    struct plot_point(*points)[POSITIONS_MAX] = calloc(REPORT_CONTENDERS_MAX, sizeof(*points));
    if (points == NULL) {
        part_no_memory(page);
        return;
    }
    fputs("<div class=\"block wide\"><h3>", page->file);
    page_text(page->file,
              measure < view->measure_count ? view->measures[measure].title : estimator);
    fputs("</h3>\n", page->file);
    draw_positions(page, estimator, points);
    fputs("</div>\n", page->file);
    free(points);
}

/* Whether an earlier element has the estimator of this one. */
static bool is_repeat(const json_t *positions, size_t index)
{
    const char *estimator = report_text(json_array_get(positions, index), "estimator");
    for (size_t i = 0; i < index; i++) {
        if (strcmp(report_text(json_array_get(positions, i), "estimator"), estimator) == 0) {
            return true;
        }
    }
    return false;
}

static void put_positions(struct replay_page *page)
{
    const json_t *positions = json_object_get(page->view.report, "positions");
    if (json_array_size(positions) == 0) {
        return;
    }
    page_section(
        page->file, "By position",
        "What each position of the slate earns. Where support is too poor there is no mark.");
    for (size_t i = 0; i < json_array_size(positions); i++) {
        if (!is_repeat(positions, i)) {
            put_position_plot(page, report_text(json_array_get(positions, i), "estimator"));
        }
    }
}

void replay_page_counterfactual(struct replay_page *page)
{
    put_cards(page);
    put_estimates(page);
    part_differences(page);
    put_support(page);
    part_segments(page);
    put_positions(page);
}
