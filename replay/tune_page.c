#include "replay/tune_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/page.h"
#include "replay/replay_page_parts.h"
#include "replay/tune_view.h"

enum { SCHEMA = 1, POINTS_MAX = 2000, KEY_WIDTH = 190, DIGITS = 4 };

struct tune_page {
    struct replay_page parts; /* its view is that of what was held out */
    struct tune_view view;
    const json_t *trials;
    struct plot_point *points[3]; /* owned: room for all trials and the start */
};

/* ---- head ---- */

static const char *verdict_class(const char *verdict)
{
    return strcmp(verdict, "better") == 0 ? "up" : strcmp(verdict, "worse") == 0 ? "down" : "";
}

static void put_title(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *held = json_object_get(page->view.report, "held_out");
    const char *verdict = page->view.best == NULL ? "none" : report_text(held, "verdict");
    fputs("<h1>", file);
    fputs(strcmp(verdict, "better") == 0    ? "The tuned weights are better"
          : strcmp(verdict, "worse") == 0   ? "The tuned weights are worse"
          : strcmp(verdict, "none") == 0    ? "Nothing better was found"
          : strcmp(verdict, "unclear") == 0 ? "The tuned weights may be no better"
                                            : "How good the tuned weights are is not known",
          file);
    fputs("</h1>\n", file);
}

static void put_term(FILE *file, const char *name)
{
    fprintf(file, "<span class=\"soft\">%s</span><span>", name);
}

static void put_code(FILE *file, const json_t *weights, const char *name)
{
    page_text(file, report_text(weights, name));
    fputs(" <code>", file);
    page_text(file, report_text(weights, "version"));
    fputs("</code>", file);
}

static void put_times(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *split = json_object_get(page->view.report, "split");
    const json_t *source = json_object_get(page->view.report, "source");
    char from[REPORT_TIME_SIZE];
    char until[REPORT_TIME_SIZE];
    char held[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    report_format_time(report_integer(source, "from_ms"), from);
    report_format_time(report_integer(split, "train_until_ms"), until);
    report_format_time(report_integer(split, "validation_from_ms"), held);
    report_format_time(report_integer(source, "to_ms"), to);
    put_term(file, "log");
    page_text(file, report_text(source, "name"));
    fprintf(file, "</span>\n");
    put_term(file, "time");
    fprintf(file, "searched with %s to %s UTC; held out %s to %s UTC</span>\n", from, until, held,
            to);
}

static void put_head(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *report = page->view.report;
    const json_t *options = json_object_get(report, "options");
    const json_t *out = json_object_get(report, "out");
    put_title(page);
    fputs("<div class=\"pair\">\n", file);
    put_term(file, "began with");
    put_code(file, json_object_get(report, "weights"), "name");
    fputs("</span>\n", file);
    if (json_is_object(out)) {
        put_term(file, "written");
        put_code(file, out, "path");
        fputs("</span>\n", file);
    }
    put_times(page);
    put_term(file, "objective");
    page_text(file, tune_view_title(&page->view, page->view.objective));
    fputs(", of ", file);
    page_text(file, report_text(options, "label"));
    fprintf(file, "; seed %" JSON_INTEGER_FORMAT "%s</span>\n</div>\n",
            report_integer(options, "seed"),
            json_is_true(json_object_get(report, "stopped")) ? "; ended by Ctrl-C" : "");
}

static void put_verdicts(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *held = json_object_get(page->view.report, "held_out");
    size_t broken = tune_view_broken(json_object_get(held, "guards"));
    fprintf(file, "<ul class=\"verdicts\"><li class=\"%s\">",
            verdict_class(report_text(held, "verdict")));
    page_text(file, tune_view_verdict(&page->view));
    fputs("</li>\n", file);
    if (broken > 0) {
        fprintf(file,
                "<li class=\"down\">%zu guard%s, kept on the training part, %s not hold on what "
                "was held out.</li>\n",
                broken, broken == 1 ? "" : "s", broken == 1 ? "does" : "do");
    }
    fputs("</ul>\n", file);
}

static void put_difference_card(struct tune_page *page)
{
    const json_t *held = json_object_get(page->view.report, "held_out");
    const json_t *difference = json_object_get(held, "difference");
    char figure[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char label[2 * REPORT_NUMBER_SIZE];
    if (!json_is_object(held)) {
        return;
    }
    report_format(report_number(difference, "value"), DIGITS, true, figure);
    report_format_interval(difference, DIGITS, interval);
    snprintf(label, sizeof(label), "%.60s, held out",
             tune_view_title(&page->view, page->view.objective));
    part_card(&page->parts, figure, verdict_class(report_text(held, "verdict")), label, interval);
}

static void put_training_card(struct tune_page *page)
{
    const struct tune_view *view = &page->view;
    char figure[REPORT_NUMBER_SIZE];
    double change = tune_view_figure(view->best, view->objective) -
                    tune_view_figure(view->start, view->objective);
    report_format(change, DIGITS, true, figure);
    if (view->best != NULL) {
        part_card(&page->parts, figure, "", "on the training part",
                  "which chose it, and so flatters it");
    }
}

static void put_trials_card(struct tune_page *page)
{
    char figure[REPORT_NUMBER_SIZE];
    char walks[REPORT_NUMBER_SIZE];
    char below[2 * REPORT_NUMBER_SIZE];
    json_int_t count = report_integer(page->view.report, "walks");
    report_format_count((json_int_t)json_array_size(page->trials), figure);
    report_format_count(count, walks);
    snprintf(below, sizeof(below), "%s %s along the log", walks, count == 1 ? "walk" : "walks");
    part_card(&page->parts, figure, "", "trials", below);
}

static void put_cards(struct tune_page *page)
{
    fputs("<div class=\"cards\">\n", page->parts.file);
    put_difference_card(page);
    put_training_card(page);
    put_trials_card(page);
    fputs("</div>\n", page->parts.file);
}

/* ---- how the search went ---- */

static bool is_allowed(const json_t *trial)
{
    return !(report_number(trial, "violation") > 0) &&
           !json_is_string(json_object_get(trial, "refused"));
}

/* Of so many trials every n-th is drawn. */
static size_t stride_of(const struct tune_page *page)
{
    return 1 + json_array_size(page->trials) / POINTS_MAX;
}

static struct plot_point point_of(double x, double y)
{
    return (struct plot_point){x, y, NAN, NAN};
}

/* The best so far where it changes, and at the end. */
static size_t find_steps(const struct tune_page *page, struct plot_point *out)
{
    const struct tune_view *view = &page->view;
    size_t objective = view->objective;
    int better = tune_view_better(view, objective);
    double best = tune_view_figure(view->start, objective);
    size_t trials = json_array_size(page->trials);
    size_t count = 0;
    out[count++] = point_of(0, best);
    for (size_t i = 0; i < trials; i++) {
        const json_t *trial = json_array_get(page->trials, i);
        double value = tune_view_figure(trial, objective);
        if (is_allowed(trial) && (isnan(best) || better * (value - best) > 0)) {
            best = value;
            out[count++] = point_of((double)(i + 1), best);
        }
    }
    out[count++] = point_of((double)trials, best);
    return count;
}

static size_t find_trials(const struct tune_page *page, bool allowed, struct plot_point *out)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(page->trials); i += stride_of(page)) {
        const json_t *trial = json_array_get(page->trials, i);
        if (is_allowed(trial) == allowed) {
            out[count++] = point_of((double)(i + 1), tune_view_figure(trial, page->view.objective));
        }
    }
    return count;
}

static void put_progress(struct tune_page *page)
{
    struct plot_point **points = page->points;
    const char *title = tune_view_title(&page->view, page->view.objective);
    const struct plot_cloud clouds[] = {{.name = "breaks a guard",
                                         .points = points[0],
                                         .point_count = find_trials(page, false, points[0]),
                                         .colour = PLOT_OLD},
                                        {.name = "trial",
                                         .points = points[1],
                                         .point_count = find_trials(page, true, points[1]),
                                         .colour = PLOT_NEW},
                                        {.name = "best so far",
                                         .points = points[2],
                                         .point_count = find_steps(page, points[2]),
                                         .colour = PLOT_UP,
                                         .steps = true}};
    const struct plot_scatter plot = {.label = "The objective of each trial, and the best so far",
                                      .x_axis = "trial",
                                      .y_axis = title,
                                      .width = PAGE_WIDTH,
                                      .height = 280,
                                      .key_width = KEY_WIDTH,
                                      .clouds = clouds,
                                      .cloud_count = 3};
    page_section(page->parts.file, "How the search went",
                 "On the training part. Each trial is a set of values; the search looks all over "
                 "the bounds first, then near the best.");
    fputs("<div class=\"block wide\">", page->parts.file);
    part_draw_scatter(&page->parts, &plot);
    fputs("</div>\n", page->parts.file);
    if (stride_of(page) > 1) {
        fprintf(page->parts.file, "<p class=\"soft\">Of the trials, one in %zu is drawn.</p>\n",
                stride_of(page));
    }
}

/* ---- the front ---- */

struct axes {
    size_t x; /* figures */
    size_t y;
};

static struct plot_point place_of(const json_t *trial, struct axes axes)
{
    return point_of(tune_view_figure(trial, axes.x), tune_view_figure(trial, axes.y));
}

static size_t find_places(const struct tune_page *page, struct axes axes, bool allowed,
                          struct plot_point *out)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(page->trials); i += stride_of(page)) {
        const json_t *trial = json_array_get(page->trials, i);
        if (is_allowed(trial) == allowed) {
            out[count++] = place_of(trial, axes);
        }
    }
    return count;
}

static size_t find_front(const struct tune_page *page, struct axes axes, struct plot_point *out)
{
    const json_t *front = json_object_get(json_object_get(page->view.report, "front"), "trials");
    size_t trials = json_array_size(page->trials);
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(front) && count < trials; i++) {
        json_int_t at = json_integer_value(json_array_get(front, i));
        if (at >= 0 && (size_t)at < trials) {
            out[count++] = place_of(json_array_get(page->trials, (size_t)at), axes);
        }
    }
    return count;
}

static void draw_front(struct tune_page *page, struct axes axes)
{
    struct plot_point **points = page->points;
    struct plot_point start = place_of(page->view.start, axes);
    struct plot_point best = place_of(page->view.best, axes);
    const struct plot_cloud clouds[] = {
        {.name = "breaks a guard",
         .points = points[0],
         .point_count = find_places(page, axes, false, points[0]),
         .colour = PLOT_OLD},
        {.name = "trial",
         .points = points[1],
         .point_count = find_places(page, axes, true, points[1]),
         .colour = PLOT_NEW},
        {.name = "front",
         .points = points[2],
         .point_count = find_front(page, axes, points[2]),
         .colour = PLOT_UP,
         .joined = true},
        {.name = "start", .points = &start, .point_count = 1, .colour = PLOT_INK, .large = true},
        {.name = "best, written",
         .points = &best,
         .point_count = 1,
         .colour = PLOT_DOWN,
         .large = true}};
    const struct plot_scatter plot = {.label = "Trials by two figures, and the front of those "
                                               "that no other beats in both",
                                      .x_axis = tune_view_title(&page->view, axes.x),
                                      .y_axis = tune_view_title(&page->view, axes.y),
                                      .width = PAGE_WIDTH,
                                      .height = 380,
                                      .key_width = KEY_WIDTH,
                                      .clouds = clouds,
                                      .cloud_count = page->view.best != NULL ? 5 : 4};
    part_draw_scatter(&page->parts, &plot);
}

static void put_front(struct tune_page *page)
{
    const struct tune_view *view = &page->view;
    const json_t *front = json_object_get(view->report, "front");
    const struct axes axes = {tune_view_find(view, report_text(front, "x")),
                              tune_view_find(view, report_text(front, "y"))};
    if (axes.x == view->figure_count || axes.y == view->figure_count) {
        return;
    }
    FILE *file = page->parts.file;
    page_section(file, "Trade-off",
                 "On the training part. On the front are the trials that keep the guards and that "
                 "no other beats in one figure without losing in the other.");
    fputs("<p class=\"soft\">", file);
    page_text(file, tune_view_title(view, axes.x));
    fputs(tune_view_better(view, axes.x) > 0 ? ": more is better. " : ": less is better. ", file);
    page_text(file, tune_view_title(view, axes.y));
    fputs(tune_view_better(view, axes.y) > 0 ? ": more is better.</p>\n"
                                             : ": less is better.</p>\n",
          file);
    fputs("<div class=\"block wide\">", file);
    draw_front(page, axes);
    fputs("</div>\n", file);
}

/* ---- the numbers ---- */

static void put_dot(FILE *file, const char *class, double share)
{
    if (!isnan(share)) {
        fprintf(file, "<i class=\"%s\" style=\"left:%.1f%%\"></i>", class, 100 * share);
    }
}

/* Where start and best lie between the bounds. */
static void put_place(FILE *file, const json_t *parameter)
{
    fputs("<span class=\"place\">", file);
    put_dot(file, "old", report_number(parameter, "start_share"));
    put_dot(file, "new", report_number(parameter, "best_share"));
    fputs("</span>", file);
}

static void put_number_cell(FILE *file, const char *text)
{
    fputs("<td class=\"n\">", file);
    page_text(file, text[0] != '\0' ? text : "–");
    fputs("</td>", file);
}

static void put_parameter(FILE *file, const json_t *parameter)
{
    fputs("<tr><td><code>", file);
    page_text(file, report_text(parameter, "path"));
    fputs("</code></td>", file);
    put_number_cell(file, report_text(parameter, "start"));
    put_number_cell(file, report_text(parameter, "best"));
    put_number_cell(file, report_text(parameter, "low"));
    fputs("<td>", file);
    put_place(file, parameter);
    fputs("</td>", file);
    put_number_cell(file, report_text(parameter, "high"));
    fprintf(file, "<td class=\"soft\">%s%s</td></tr>\n",
            json_is_true(json_object_get(parameter, "walked")) ? "by walks" : "in memory",
            tune_view_at_bound(parameter) ? "; at its bound" : "");
}

static void put_parameters(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *parameters = json_object_get(page->view.report, "parameters");
    page_section(file, "The numbers",
                 "Grey is where each was at first, blue where it is in the best trial. One at its "
                 "bound might do better with a wider one.");
    fputs("<div class=\"wide\"><table class=\"few\">\n<thead><tr><th>key</th><th "
          "class=\"n\">start</th><th class=\"n\">best</th><th class=\"n\">from</th><th></th>"
          "<th class=\"n\">to</th><th>searched</th></tr></thead>\n<tbody>\n",
          file);
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        put_parameter(file, json_array_get(parameters, i));
    }
    part_table_end(&page->parts);
}

/* ---- guards ---- */

static void put_sides(struct tune_page *page, const json_t *guard)
{
    char change[REPORT_NUMBER_SIZE];
    double start = report_number(guard, "start");
    double best = report_number(guard, "best");
    report_format(best - start, DIGITS, true, change);
    part_number_cell(&page->parts, start, DIGITS);
    part_number_cell(&page->parts, best, DIGITS);
    fprintf(page->parts.file, "<td class=\"n\">%s</td>", change);
}

static void put_guard(struct tune_page *page, const char *part, const json_t *guard)
{
    char name[REPORT_NUMBER_SIZE];
    bool holds = json_is_true(json_object_get(guard, "holds"));
    FILE *file = page->parts.file;
    tune_view_guard_name(&page->view, guard, name);
    fputs("<tr>", file);
    part_text_cell(&page->parts, name);
    fprintf(file, "<td>%s</td>", part);
    put_sides(page, guard);
    part_number_cell(&page->parts, report_number(guard, "most"), DIGITS);
    fprintf(file, "<td><span class=\"light %s\">%s</span></td></tr>\n", holds ? "up" : "down",
            holds ? "holds" : "does not hold");
}

static void put_guards(struct tune_page *page)
{
    const json_t *report = page->view.report;
    const json_t *trained = json_object_get(json_object_get(report, "training"), "guards");
    const json_t *held = json_object_get(json_object_get(report, "held_out"), "guards");
    FILE *file = page->parts.file;
    if (json_array_size(trained) == 0 && json_array_size(held) == 0) {
        return;
    }
    page_section(file, "Guard rails",
                 "How much worse than at the start a figure may get. The search kept them on the "
                 "training part; whether they hold on what was held out is measured, too.");
    fputs("<div class=\"wide\"><table class=\"few\">\n<thead><tr><th>figure</th><th>part</th><th "
          "class=\"n\">start</th><th class=\"n\">best</th><th class=\"n\">change</th><th "
          "class=\"n\">at most worse by</th><th></th></tr></thead>\n<tbody>\n",
          file);
    for (size_t i = 0; i < json_array_size(trained); i++) {
        put_guard(page, "training", json_array_get(trained, i));
    }
    for (size_t i = 0; i < json_array_size(held); i++) {
        put_guard(page, "held out", json_array_get(held, i));
    }
    part_table_end(&page->parts);
}

/* ---- what was held out ---- */

static void put_held_out(struct tune_page *page)
{
    const struct report_view *view = &page->parts.view;
    if (view->report == NULL || view->measure_count == 0 || view->contender_count == 0) {
        return;
    }
    page_section(page->parts.file, "Held out",
                 "A replay of the time that nothing was searched with, all rules of the slate "
                 "applied. Intervals are of 95 % over users.");
    part_value_table(&page->parts);
    part_differences(&page->parts);
    part_changes(&page->parts);
}

static void put_notes(struct tune_page *page)
{
    FILE *file = page->parts.file;
    const json_t *notes = json_object_get(page->view.report, "notes");
    page_section(file, "How to read this", NULL);
    fputs("<ul class=\"notes\">\n", file);
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        fputs("<li>", file);
        page_text(file, note != NULL ? note : "");
        fputs("</li>\n", file);
    }
    fputs("</ul>\n", file);
}

static void put_page(struct tune_page *page)
{
    page_begin(page->parts.file, "reelrank: tuned weights");
    put_head(page);
    put_verdicts(page);
    put_cards(page);
    put_progress(page);
    put_front(page);
    put_parameters(page);
    put_guards(page);
    put_held_out(page);
    put_notes(page);
    page_end(page->parts.file);
}

/* ---- the whole ---- */

static enum status judge_kind(const json_t *report, struct problem *problem)
{
    if (report_integer(report, "schema") != SCHEMA ||
        strcmp(report_text(report, "kind"), "tune") != 0) {
        problem_set(problem,
                    "kind: found \"%.64s\" of schema %" JSON_INTEGER_FORMAT
                    "; this page shows tune of schema %d",
                    report_text(report, "kind"), report_integer(report, "schema"), SCHEMA);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static bool make_room(struct tune_page *page)
{
    enum { BESIDES = 2 }; /* the start, and an end */
    bool whole = true;
    for (size_t i = 0; i < sizeof(page->points) / sizeof(page->points[0]); i++) {
        page->points[i] = calloc(json_array_size(page->trials) + BESIDES, sizeof(*page->points[i]));
        whole = whole && page->points[i] != NULL;
    }
    return whole;
}

static void release(struct tune_page *page)
{
    for (size_t i = 0; i < sizeof(page->points) / sizeof(page->points[0]); i++) {
        free(page->points[i]);
    }
}

static enum status make_page(const json_t *report, char **text, size_t *size,
                             struct problem *problem)
{
    struct tune_page page = {.parts = {.problem = problem, .file = open_memstream(text, size)},
                             .trials = json_object_get(report, "trials")};
    const json_t *held = json_object_get(json_object_get(report, "held_out"), "report");
    if (page.parts.file == NULL || !make_room(&page)) {
        part_no_memory(&page.parts);
    } else {
        tune_view_init(&page.view, report);
        report_view_init(&page.parts.view, held);
        put_page(&page);
    }
    if (page.parts.file != NULL && fclose(page.parts.file) != 0 && page.parts.status == STATUS_OK) {
        part_no_memory(&page.parts);
    }
    release(&page);
    return page.parts.status;
}

enum status tune_page_write(FILE *file, const json_t *report, struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    enum status status = judge_kind(report, problem);
    if (status == STATUS_OK) {
        status = make_page(report, &text, &size, problem);
    }
    if (status == STATUS_OK && fwrite(text, 1, size, file) != size) {
        problem_set(problem, "cannot write the page");
        status = STATUS_IO;
    }
    free(text);
    return status;
}
