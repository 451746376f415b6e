#include <math.h>
#include <stdlib.h>

#include "replay/page.h"
#include "replay/replay_page_parts.h"

enum { LANGUAGES_SHOWN = 12, LORENZ_POINTS_MAX = 512, VALUE_TEXT_WIDTH = 70 };

static void put_cards(struct replay_page *page)
{
    const json_t *rankings = json_object_get(page->view.report, "rankings");
    fputs("<div class=\"cards\">\n", page->file);
    part_best_card(page);
    part_segment_card(page);
    part_found_card(page, rankings, "measured", "rankings measured");
    fputs("</div>\n", page->file);
}

static void put_counts(struct replay_page *page)
{
    struct report_count counts[REPORT_COUNTS_MAX];
    size_t count = report_find_counts(&page->view, counts);
    char text[REPORT_NUMBER_SIZE];
    fputs("<p class=\"soft\">", page->file);
    for (size_t i = 0; i < count; i++) {
        report_format_count(counts[i].count, text);
        fprintf(page->file, "%s %s. ", text, counts[i].text);
    }
    fputs("</p>\n", page->file);
}

/* One measure of all contenders. */
static void put_metric_plot(struct replay_page *page, size_t measure)
{
    const struct report_view *view = &page->view;
    struct plot_row rows[REPORT_CONTENDERS_MAX];
    char texts[REPORT_CONTENDERS_MAX][REPORT_NUMBER_SIZE];
    for (size_t i = 0; i < view->contender_count; i++) {
        const json_t *value = report_find_value(view, view->whole, measure, i);
        report_format(report_mean(view, value), view->measures[measure].digits, false, texts[i]);
        rows[i] = (struct plot_row){.name = view->contenders[i],
                                    .text = texts[i],
                                    .value = report_mean(view, value),
                                    .low = report_number(value, "low"),
                                    .high = report_number(value, "high"),
                                    .colour = PLOT_SERIES + i};
    }
    const struct plot_rows plot = {.label = view->measures[measure].title,
                                   .axis = "",
                                   .width = PAGE_THIRD,
                                   .name_width = 100,
                                   .text_width = VALUE_TEXT_WIDTH,
                                   .bars = true,
                                   .low = NAN,
                                   .high = NAN,
                                   .mark = NAN,
                                   .rows = rows,
                                   .row_count = view->contender_count};
    part_draw_rows(page, &plot);
}

static void put_metrics(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    if (view->measure_count == 0 || view->contender_count == 0) {
        return;
    }
    page_section(page->file, "Metrics", "Means over users, with intervals of 95 %.");
    fputs("<div class=\"plots\">\n", page->file);
    for (size_t i = 0; i < view->measure_count; i++) {
        if (view->measures[i].row != REPORT_ROW_SHOWN) {
            continue;
        }
        fputs("<div><h3>", page->file);
        page_text(page->file, view->measures[i].title);
        fputs("</h3>", page->file);
        put_metric_plot(page, i);
        fputs("</div>\n", page->file);
    }
    fputs("</div>\n", page->file);
    part_value_table(page);
}

static void put_exposure_row(struct replay_page *page, const json_t *exposure)
{
    const json_t *creators = json_object_get(exposure, "creators");
    fputs("<tr>", page->file);
    part_text_cell(page, page->view.contenders[report_contender_of(&page->view, exposure)]);
    part_count_cell(page, report_integer(exposure, "positions"));
    part_share_cell(page, report_number(exposure, "coverage"));
    part_number_cell(page, report_number(exposure, "gini"), 3);
    part_number_cell(page, report_number(exposure, "creator_gini"), 3);
    part_share_cell(page, report_number(creators, "top_1_percent"));
    part_share_cell(page, report_number(creators, "top_10_percent"));
    json_int_t violations = report_integer(exposure, "violations");
    char text[REPORT_NUMBER_SIZE];
    report_format_count(violations, text);
    fprintf(page->file, "<td class=\"n%s\">%s</td></tr>\n", violations > 0 ? " down" : "", text);
}

static void put_exposure_table(struct replay_page *page, const json_t *exposures)
{
    fputs(
        "<div class=\"block wide\"><table class=\"support\">\n<thead><tr><th></th><th "
        "class=\"n\">places</th>"
        "<th class=\"n\">videos shown</th><th class=\"n\">Gini, videos</th>"
        "<th class=\"n\">Gini, creators</th><th class=\"n\">of the top 1 % of creators</th>"
        "<th class=\"n\">of the top 10 %</th><th class=\"n\">policy violations</th></tr></thead>\n"
        "<tbody>\n",
        page->file);
    for (size_t i = 0; i < json_array_size(exposures); i++) {
        if (part_is_shown(page, json_array_get(exposures, i))) {
            put_exposure_row(page, json_array_get(exposures, i));
        }
    }
    part_table_end(page);
}

static size_t read_lorenz(const json_t *lorenz, struct plot_point points[LORENZ_POINTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(lorenz) && count < LORENZ_POINTS_MAX; i++) {
        const json_t *pair = json_array_get(lorenz, i);
        const json_t *x = json_array_get(pair, 0);
        const json_t *y = json_array_get(pair, 1);
        if (json_is_number(x) && json_is_number(y)) {
            points[count++] =
                (struct plot_point){json_number_value(x), json_number_value(y), NAN, NAN};
        }
    }
    return count;
}

static void draw_lorenz(struct replay_page *page, const json_t *exposures,
                        struct plot_point (*points)[LORENZ_POINTS_MAX])
{
    struct plot_line lines[REPORT_CONTENDERS_MAX];
    size_t line_count = 0;
    for (size_t i = 0; i < page->view.contender_count; i++) {
        const json_t *exposure = report_find_contender(exposures, i);
        size_t count = read_lorenz(json_object_get(exposure, "lorenz"), points[i]);
        if (count > 0) {
            lines[line_count++] =
                (struct plot_line){page->view.contenders[i], points[i], count, PLOT_SERIES + i};
        }
    }
    const struct plot_lines plot = {.label = "Lorenz curves of exposure over videos",
                                    .x_axis = "share of videos, the least shown first",
                                    .y_axis = "share of exposure",
                                    .width = 640,
                                    .height = 340,
                                    .key_width = 170,
                                    .diagonal = true,
                                    .lines = lines,
                                    .line_count = line_count};
    if (line_count > 0) {
        fputs("<div class=\"block wide\"><h3>How evenly videos are shown</h3>\n", page->file);
        part_draw_lines(page, &plot);
        fputs("<p class=\"soft\">On the diagonal all videos have the same exposure; the further "
              "below "
              "it, the fewer have it. Gini is twice the area between.</p></div>\n",
              page->file);
    }
}

static void put_lorenz(struct replay_page *page, const json_t *exposures)
{
    struct plot_point(*points)[LORENZ_POINTS_MAX] = calloc(REPORT_CONTENDERS_MAX, sizeof(*points));
    if (points == NULL) {
        part_no_memory(page);
        return;
    }
    draw_lorenz(page, exposures, points);
    free(points);
}

static void put_languages(struct replay_page *page)
{
    const char *names[LANGUAGES_SHOWN];
    struct plot_bar bars[LANGUAGES_SHOWN * REPORT_CONTENDERS_MAX];
    const json_t *languages = report_find_languages(&page->view);
    size_t series_count = page->view.contender_count;
    size_t count = json_array_size(languages);
    count = count < LANGUAGES_SHOWN ? count : LANGUAGES_SHOWN;
    for (size_t i = 0; i < count; i++) {
        names[i] = report_text(json_array_get(languages, i), "name");
        for (size_t j = 0; j < series_count; j++) {
            const json_t *language = report_find_language(&page->view, j, names[i]);
            bars[i * series_count + j] =
                (struct plot_bar){report_number(language, "share"), report_number(language, "low"),
                                  report_number(language, "high")};
        }
    }
    const struct plot_groups plot = {.label = "Exposure by language and contender",
                                     .y_axis = "share of exposure",
                                     .width = PAGE_WIDTH,
                                     .height = 280,
                                     .key_width = 170,
                                     .group_names = names,
                                     .group_count = count,
                                     .series_names = page->view.contenders,
                                     .series_count = series_count,
                                     .bars = bars};
    if (count > 0) {
        fputs("<div class=\"block wide\"><h3>By language</h3>\n", page->file);
        part_draw_groups(page, &plot);
        fputs("</div>\n", page->file);
    }
}

static void put_exposure(struct replay_page *page)
{
    const json_t *exposures = json_object_get(page->view.report, "exposure");
    if (json_array_size(exposures) == 0 || page->view.contender_count == 0) {
        return;
    }
    page_section(page->file, "Exposure",
                 "What would be shown, whatever came of it. A position p weighs 1 / log2(1 + p). "
                 "Policy violations are places of videos that the reference's policy forbids; what "
                 "was served and baselines ask no policy.");
    put_exposure_table(page, exposures);
    put_lorenz(page, exposures);
    put_languages(page);
}

void replay_page_ranking(struct replay_page *page)
{
    put_cards(page);
    put_counts(page);
    put_metrics(page);
    part_differences(page);
    part_segments(page);
    put_exposure(page);
}
