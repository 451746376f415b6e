#include "replay/replay_page_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/page.h"
#include "replay/report_rows.h"

void part_no_memory(struct replay_page *page)
{
    problem_set(page->problem, "no memory for the page");
    if (page->status == STATUS_OK) {
        page->status = STATUS_NO_MEMORY;
    }
}

static enum status make_page(const json_t *report,
                             void (*put)(struct replay_page *page, const json_t *report),
                             char **text, size_t *size, struct problem *problem)
{
    struct replay_page page = {.problem = problem, .file = open_memstream(text, size)};
    if (page.file == NULL) {
        part_no_memory(&page);
        return page.status;
    }
    put(&page, report);
    if (fclose(page.file) != 0 && page.status == STATUS_OK) {
        part_no_memory(&page);
    }
    return page.status;
}

enum status part_write_page(FILE *file, const json_t *report,
                            void (*put)(struct replay_page *page, const json_t *report),
                            struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    enum status status = make_page(report, put, &text, &size, problem);
    if (status == STATUS_OK && fwrite(text, 1, size, file) != size) {
        problem_set(problem, "cannot write the page");
        status = STATUS_IO;
    }
    free(text);
    return status;
}

void part_draw_rows(struct replay_page *page, const struct plot_rows *plot)
{
    if (page->status == STATUS_OK) {
        page->status = plot_draw_rows(page->file, ++page->plot_count, plot, page->problem);
    }
}

void part_draw_lines(struct replay_page *page, const struct plot_lines *plot)
{
    if (page->status == STATUS_OK) {
        page->status = plot_draw_lines(page->file, ++page->plot_count, plot, page->problem);
    }
}

void part_draw_scatter(struct replay_page *page, const struct plot_scatter *plot)
{
    if (page->status == STATUS_OK) {
        page->status = plot_draw_scatter(page->file, ++page->plot_count, plot, page->problem);
    }
}

void part_draw_groups(struct replay_page *page, const struct plot_groups *plot)
{
    if (page->status == STATUS_OK) {
        page->status = plot_draw_groups(page->file, ++page->plot_count, plot, page->problem);
    }
}

bool part_is_shown(const struct replay_page *page, const json_t *element)
{
    return report_contender_of(&page->view, element) < page->view.contender_count;
}

void part_card_begin(struct replay_page *page, const char *figure, const char *class)
{
    fprintf(page->file, "<div class=\"card\"><b class=\"%s\">", class);
    page_text(page->file, figure);
    fputs("</b><span>", page->file);
}

void part_card_end(struct replay_page *page, const char *below)
{
    fputs("</span><span class=\"soft\">", page->file);
    page_text(page->file, below);
    fputs("</span></div>\n", page->file);
}

void part_card(struct replay_page *page, const char *figure, const char *class, const char *label,
               const char *below)
{
    part_card_begin(page, figure, class);
    page_text(page->file, label);
    part_card_end(page, below);
}

void part_found_card(struct replay_page *page, const json_t *counts, const char *field,
                     const char *label)
{
    char figure[REPORT_NUMBER_SIZE];
    char found[REPORT_NUMBER_SIZE];
    char users[REPORT_NUMBER_SIZE];
    char below[3 * REPORT_NUMBER_SIZE];
    report_format_count(report_integer(counts, field), figure);
    report_format_count(report_integer(counts, "found"), found);
    report_format_count(report_integer(counts, "users"), users);
    snprintf(below, sizeof(below), "of %s found; %s users", found, users);
    part_card(page, figure, "", label, below);
}

const char *part_class(enum report_verdict verdict)
{
    return verdict == REPORT_BETTER ? "up" : verdict == REPORT_WORSE ? "down" : "";
}

void part_text_cell(struct replay_page *page, const char *text)
{
    fputs("<td class=\"w\">", page->file);
    page_text(page->file, text);
    fputs("</td>", page->file);
}

void part_number_cell(struct replay_page *page, double value, int digits)
{
    char text[REPORT_NUMBER_SIZE];
    report_format(value, digits, false, text);
    fprintf(page->file, "<td class=\"n\">%s</td>", text);
}

void part_share_cell(struct replay_page *page, double share)
{
    char text[REPORT_NUMBER_SIZE];
    report_format_share(share, text);
    fprintf(page->file, "<td class=\"n\">%s%s</td>", text, isnan(share) ? "" : " %");
}

void part_count_cell(struct replay_page *page, json_int_t count)
{
    char text[REPORT_NUMBER_SIZE];
    report_format_count(count, text);
    fprintf(page->file, "<td class=\"n\">%s</td>", text);
}

void part_value_cell(struct replay_page *page, const json_t *value, size_t measure)
{
    char text[REPORT_NUMBER_SIZE];
    int digits = page->view.measures[measure].digits;
    if (report_refusal(value)[0] != '\0') {
        fputs("<td class=\"n soft\" title=\"", page->file);
        page_text(page->file, report_refusal(value));
        fputs("\">refused</td>", page->file);
        return;
    }
    report_format(report_mean(&page->view, value), digits, false, text);
    fprintf(page->file, "<td class=\"n\">%s", text);
    report_format_interval(value, digits, text);
    fprintf(page->file, "%s%s%s</td>", text[0] != '\0' ? "<small>" : "", text,
            text[0] != '\0' ? "</small>" : "");
}

void part_contender_table(struct replay_page *page, const char *first, bool counts)
{
    enum { MANY = 4 };
    fprintf(page->file, "<div class=\"wide\"><table class=\"%s\">\n<thead><tr><th>%s</th>",
            page->view.contender_count > MANY ? "many" : "few", first);
    if (counts) {
        fprintf(page->file, "<th class=\"n c\">%s</th><th class=\"n c\">users</th>",
                page->view.counterfactual ? "decisions" : "rankings");
    }
    for (size_t i = 0; i < page->view.contender_count; i++) {
        fputs("<th class=\"n\">", page->file);
        page_text(page->file, page->view.contenders[i]);
        fputs("</th>", page->file);
    }
    fputs("</tr></thead>\n<tbody>\n", page->file);
}

void part_table_end(struct replay_page *page)
{
    fputs("</tbody>\n</table></div>\n", page->file);
}

static void put_sentence(struct replay_page *page, size_t contender)
{
    char *text = report_sentence(&page->view, contender);
    if (text == NULL) {
        part_no_memory(page);
        return;
    }
    page_text(page->file, text);
    free(text);
}

static void put_verdicts(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    if (view->measure_count == 0 || view->contender_count < 2) {
        return;
    }
    fputs("<ul class=\"verdicts\">\n", page->file);
    for (size_t i = 1; i < view->contender_count; i++) {
        enum report_verdict verdict = report_verdict_of(view, view->whole, view->headline, i);
        fprintf(page->file, "<li class=\"%s\">", part_class(verdict));
        put_sentence(page, i);
        fputs("</li>\n", page->file);
    }
    fputs("</ul>\n", page->file);
}

static void put_title(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    size_t best = view->measure_count > 0 ? report_best(view) : 0;
    if (best == 0) {
        fputs(view->counterfactual ? "<h1>What other rankings would have earned</h1>\n"
                                   : "<h1>How good the rankings are</h1>\n",
              page->file);
        return;
    }
    fputs(view->counterfactual ? "<h1>Would " : "<h1>Does ", page->file);
    page_text(page->file, view->contenders[best]);
    fputs(view->counterfactual ? " do better than " : " rank better than ", page->file);
    page_text(page->file, view->contenders[0]);
    fputs("?</h1>\n", page->file);
}

static void put_source(struct replay_page *page)
{
    const json_t *source = json_object_get(page->view.report, "source");
    char from[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    char events[REPORT_NUMBER_SIZE];
    report_format_time(report_integer(source, "from_ms"), from);
    report_format_time(report_integer(source, "to_ms"), to);
    report_format_count(report_integer(source, "events"), events);
    if (source == NULL) {
        return;
    }
    fputs("<span class=\"soft\">log</span><span>", page->file);
    page_text(page->file, report_text(source, "name"));
    fprintf(page->file, ", %s events", events);
    if (report_integer(source, "to_ms") > 0) {
        fprintf(page->file, ", %s to %s UTC", from, to);
    }
    fputs("</span>\n", page->file);
}

static void put_option(struct replay_page *page, const char *name, const char *title, bool *begun)
{
    const json_t *value = json_object_get(json_object_get(page->view.report, "options"), name);
    if (value == NULL || json_is_null(value)) {
        return;
    }
    fprintf(page->file, "%s%s ", *begun ? ", " : "", title);
    *begun = true;
    if (json_is_string(value)) {
        page_text(page->file, json_string_value(value));
    } else {
        fprintf(page->file, "%g", json_number_value(value));
    }
}

static void put_options(struct replay_page *page)
{
    static const char *const options[][2] = {{"label", "label"},
                                             {"reward", "reward"},
                                             {"k", "k ="},
                                             {"part", "part"},
                                             {"negatives", "negatives"},
                                             {"clip", "weights clipped at"},
                                             {"rounds", "rounds"},
                                             {"seed", "seed"}};
    bool begun = false;
    fputs("<span class=\"soft\">options</span><span>", page->file);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        put_option(page, options[i][0], options[i][1], &begun);
    }
    double minutes = report_number(json_object_get(page->view.report, "options"), "window_ms");
    if (!isnan(minutes)) {
        fprintf(page->file, "%soutcomes within %g min", begun ? ", " : "", minutes / 60000);
    }
    fputs("</span>\n", page->file);
}

static void put_contenders(struct replay_page *page)
{
    const json_t *contenders = json_object_get(page->view.report, "contenders");
    fputs("<span class=\"soft\">contenders</span><span>", page->file);
    for (size_t i = 0; i < page->view.contender_count; i++) {
        const json_t *contender = json_array_get(contenders, i);
        const char *version = report_text(contender, "version");
        fputs(i > 0 ? "; " : "", page->file);
        page_text(page->file, page->view.contenders[i]);
        fputs(" (", page->file);
        page_text(page->file, report_text(contender, "kind"));
        fputs(version[0] != '\0' ? ", <code>" : "", page->file);
        page_text(page->file, version);
        fputs(version[0] != '\0' ? "</code>)" : ")", page->file);
        fputs(i == 0 ? ", the reference" : "", page->file);
    }
    fputs("</span>\n", page->file);
}

void part_head(struct replay_page *page)
{
    put_title(page);
    fputs("<div class=\"pair\">\n", page->file);
    put_source(page);
    put_options(page);
    put_contenders(page);
    fputs("</div>\n", page->file);
    put_verdicts(page);
}

void part_best_card(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    size_t best = view->measure_count > 0 ? report_best(view) : 0;
    char figure[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char below[2 * REPORT_NUMBER_SIZE] = "";
    if (best == 0) {
        return;
    }
    const struct report_measure *measure = &view->measures[view->headline];
    const json_t *difference = report_find_difference(view, view->whole, view->headline, best);
    report_format(report_number(difference, "difference"), measure->digits, true, figure);
    report_format_interval(difference, measure->digits, interval);
    if (interval[0] != '\0') {
        snprintf(below, sizeof(below), "95 %%: %s", interval);
    }
    part_card_begin(page, figure,
                    part_class(report_verdict_of(view, view->whole, view->headline, best)));
    page_text(page->file, measure->title);
    fputs(", ", page->file);
    page_text(page->file, view->contenders[best]);
    fputs(" − ", page->file);
    page_text(page->file, view->contenders[0]);
    part_card_end(page, below);
}

/* In how many locales the best contender is better, or worse. */
void part_segment_card(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    const json_t *segments = json_object_get(view->report, "segments");
    size_t best = view->measure_count > 0 ? report_best(view) : 0;
    int better = 0;
    int worse = 0;
    int count = 0;
    for (size_t i = 0; best > 0 && i < json_array_size(segments); i++) {
        const json_t *segment = json_array_get(segments, i);
        if (report_in_dimension(segment, "locale")) {
            enum report_verdict verdict = report_verdict_of(view, segment, view->headline, best);
            better += verdict == REPORT_BETTER;
            worse += verdict == REPORT_WORSE;
            count++;
        }
    }
    if (count > 1) {
        char figure[64];
        char below[128];
        snprintf(figure, sizeof(figure), "%d of %d", better, count);
        snprintf(below, sizeof(below), "worse in %d; in %d nothing can be told", worse,
                 count - better - worse);
        part_card(page, figure, worse > 0 ? "down" : "", "locales are better after correction",
                  below);
    }
}

static void put_left_out(struct replay_page *page)
{
    char *text = report_rows_left_out(&page->view);
    if (text == NULL) {
        part_no_memory(page);
        return;
    }
    if (text[0] != '\0') {
        fputs("<p class=\"soft\">", page->file);
        page_text(page->file, text);
        fputs("</p>\n", page->file);
    }
    free(text);
}

void part_value_table(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    part_contender_table(page, view->counterfactual ? "estimator" : "metric", false);
    for (size_t i = 0; i < view->measure_count; i++) {
        if (view->measures[i].row != REPORT_ROW_SHOWN) {
            continue;
        }
        fputs("<tr>", page->file);
        part_text_cell(page, view->measures[i].title);
        for (size_t j = 0; j < view->contender_count; j++) {
            part_value_cell(page, report_find_value(view, view->whole, i, j), i);
        }
        fputs("</tr>\n", page->file);
    }
    part_table_end(page);
    put_left_out(page);
}

static void put_changed(struct replay_page *page, const char *text)
{
    fputs("<td class=\"w\">", page->file);
    fputs(text[0] != '\0' ? "<code>" : "<span class=\"soft\">", page->file);
    page_text(page->file, text[0] != '\0' ? text : "not named");
    fputs(text[0] != '\0' ? "</code></td>" : "</span></td>", page->file);
}

static void put_change_table(struct replay_page *page, size_t contender, const json_t *keys)
{
    enum { KEYS_TOGETHER = 20 }; /* of which a sheet of paper holds all */
    fprintf(page->file, "<div class=\"%s\"><table>\n<thead><tr><th>key</th><th>",
            json_array_size(keys) <= KEYS_TOGETHER ? "block" : "wide");
    page_text(page->file, page->view.contenders[page->view.weights]);
    fputs("</th><th>", page->file);
    page_text(page->file, page->view.contenders[contender]);
    fputs("</th></tr></thead>\n<tbody>\n", page->file);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        fputs("<tr>", page->file);
        put_changed(page, report_text(key, "key"));
        put_changed(page, report_text(key, "old"));
        put_changed(page, report_text(key, "new"));
        fputs("</tr>\n", page->file);
    }
    part_table_end(page);
}

void part_changes(struct replay_page *page)
{
    const json_t *changes = json_object_get(page->view.report, "changes");
    bool begun = false;
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        size_t contender = report_contender_of(&page->view, change);
        if (contender == page->view.contender_count) {
            continue;
        }
        if (!begun) {
            page_section(page->file, "What the weights differ in", NULL);
            begun = true;
        }
        put_change_table(page, contender, json_object_get(change, "keys"));
    }
}

static void put_definition(struct replay_page *page, const char *title, const char *definition,
                           bool lower)
{
    fputs("<div class=\"block\"><dt>", page->file);
    page_text(page->file, title);
    fputs("</dt><dd>", page->file);
    page_text(page->file, definition);
    fputs(lower ? " Lower is better.</dd></div>\n" : "</dd></div>\n", page->file);
}

void part_definitions(struct replay_page *page)
{
    const struct report_view *view = &page->view;
    const json_t *others = json_object_get(view->report, "exposure_metrics");
    if (view->measure_count == 0) {
        return;
    }
    page_section(page->file, view->counterfactual ? "The estimators" : "The metrics", NULL);
    fputs("<dl>\n", page->file);
    for (size_t i = 0; i < view->measure_count; i++) {
        const struct report_measure *measure = &view->measures[i];
        put_definition(page, measure->title, measure->definition, measure->better < 0);
    }
    for (size_t i = 0; i < json_array_size(others); i++) {
        const json_t *metric = json_array_get(others, i);
        put_definition(page, report_text(metric, "title"), report_text(metric, "definition"),
                       strcmp(report_text(metric, "better"), "lower") == 0);
    }
    fputs("</dl>\n", page->file);
}

void part_notes(struct replay_page *page)
{
    const json_t *notes = json_object_get(page->view.report, "notes");
    if (json_array_size(notes) == 0) {
        return;
    }
    page_section(page->file, "How to read this", NULL);
    fputs("<ul class=\"notes\">\n", page->file);
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        fputs("<li>", page->file);
        page_text(page->file, note != NULL ? note : "");
        fputs("</li>\n", page->file);
    }
    fputs("</ul>\n", page->file);
}
