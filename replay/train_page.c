#include "replay/train_page.h"

#include <stdlib.h>
#include <string.h>

#include "replay/page.h"
#include "replay/train_page_plots.h"

enum { SCHEMA = 1, TEXT_SIZE = 160 };

/* ---- the head of the page ---- */

static void put_time_range(FILE *file, const char *name, json_int_t from_ms, json_int_t to_ms)
{
    char from[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    report_format_time(from_ms, from);
    report_format_time(to_ms, to);
    fprintf(file, "<span class=\"soft\">%s</span><span>%s to %s UTC</span>\n", name, from, to);
}

static void put_weights(FILE *file, const char *side, const char *version, const char *path)
{
    fprintf(file, "<span class=\"soft\">%s</span><span>", side);
    if (path[0] != '\0') {
        page_text(file, path);
        fputs(" &nbsp; ", file);
    }
    fputs("<code>", file);
    page_text(file, version);
    fputs("</code></span>\n", file);
}

static void put_source(FILE *file, const json_t *report)
{
    char examples[REPORT_NUMBER_SIZE];
    char rankings[REPORT_NUMBER_SIZE];
    report_format_count(report_integer(report, "examples"), examples);
    report_format_count(report_integer(report, "rankings"), rankings);
    fprintf(file,
            "<span class=\"soft\">examples</span><span>%s, videos shown by %s rankings</span>\n",
            examples, rankings);
    put_time_range(file, "training", report_integer(report, "first_ms"),
                   report_integer(report, "train_until_ms"));
    put_time_range(file, "validation", report_integer(report, "validation_from_ms"),
                   report_integer(report, "last_ms"));
}

static void format_range(const json_t *element, int digits, bool sign, char out[TEXT_SIZE])
{
    char value[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    report_format(report_number(element, "value"), digits, sign, value);
    report_format_interval(element, digits, interval);
    snprintf(out, TEXT_SIZE, "%s%s%s", value, interval[0] != '\0' ? " " : "", interval);
}

/* 1 where validation shows that the head predicts better than the base rate, -1 for worse. */
static int verdict_of(const json_t *head)
{
    const json_t *gain = json_object_get(json_object_get(head, "validation"), "gain");
    return (report_number(gain, "low") > 0) - (report_number(gain, "high") < 0);
}

static void put_verdict(FILE *file, const json_t *head)
{
    static const char *const classes[] = {"down", "", "up"};
    static const char *const words[] = {"predicts worse than the base rate",
                                        "is not told apart from the base rate",
                                        "predicts better than the base rate"};
    const json_t *validation = json_object_get(head, "validation");
    char gain[TEXT_SIZE];
    char auc[TEXT_SIZE];
    int verdict = verdict_of(head);
    format_range(json_object_get(validation, "gain"), 4, true, gain);
    format_range(json_object_get(validation, "auc"), 3, false, auc);
    fprintf(file, "<li class=\"%s\">", classes[1 + verdict]);
    page_text(file, report_text(head, "head"));
    fprintf(file, " %s: gain %s, AUC %s</li>\n", words[1 + verdict], gain, auc);
}

static void put_verdicts(FILE *file, const json_t *report)
{
    const json_t *heads = json_object_get(report, "heads");
    fputs("<ul class=\"verdicts\">\n", file);
    for (size_t i = 0; i < json_array_size(heads); i++) {
        put_verdict(file, json_array_get(heads, i));
    }
    if (json_is_true(json_object_get(report, "stopped"))) {
        fputs("<li>Training was stopped: the last head is the best so far, and heads that were not "
              "begun are as they were.</li>\n",
              file);
    }
    fputs("</ul>\n", file);
}

static void put_head(FILE *file, const json_t *report)
{
    fputs("<h1>How well the learnt heads predict</h1>\n<div class=\"pair\">\n", file);
    put_weights(file, "weights", report_text(report, "version"), report_text(report, "out"));
    put_weights(file, "learnt for", report_text(report, "weights"), "");
    put_source(file, report);
    fputs("</div>\n", file);
    put_verdicts(file, report);
}

/* ---- figures ---- */

static void put_gain_card(struct replay_page *page, const json_t *head)
{
    static const char *const classes[] = {"down", "", "up"};
    const json_t *validation = json_object_get(head, "validation");
    const json_t *gain = json_object_get(validation, "gain");
    char figure[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char base[REPORT_NUMBER_SIZE];
    char below[3 * REPORT_NUMBER_SIZE];
    report_format(report_number(gain, "value"), 4, true, figure);
    report_format_interval(gain, 4, interval);
    report_format(report_number(validation, "base_rate_log_loss"), 4, false, base);
    snprintf(below, sizeof(below), "%s; the base rate loses %s", interval, base);
    part_card(page, figure, classes[1 + verdict_of(head)], "gain in log loss", below);
}

static void put_auc_card(struct replay_page *page, const json_t *validation)
{
    const json_t *auc = json_object_get(validation, "auc");
    char figure[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    report_format(report_number(auc, "value"), 3, false, figure);
    report_format_interval(auc, 3, interval);
    part_card(page, figure, "", "AUC", interval);
}

static void put_calibration_card(struct replay_page *page, const json_t *validation)
{
    char figure[REPORT_NUMBER_SIZE];
    char predicted[REPORT_NUMBER_SIZE];
    char observed[REPORT_NUMBER_SIZE];
    char below[3 * REPORT_NUMBER_SIZE];
    report_format(report_number(validation, "calibration_error"), 4, false, figure);
    report_format_share(report_number(validation, "predicted"), predicted);
    report_format_share(report_number(validation, "observed"), observed);
    snprintf(below, sizeof(below), "%s %% predicted, %s %% observed", predicted, observed);
    part_card(page, figure, "", "calibration error", below);
}

static void put_count_card(struct replay_page *page, const json_t *head)
{
    const json_t *training = json_object_get(head, "training");
    const json_t *validation = json_object_get(head, "validation");
    char figure[REPORT_NUMBER_SIZE];
    char of[REPORT_NUMBER_SIZE];
    char learnt[REPORT_NUMBER_SIZE];
    char below[3 * REPORT_NUMBER_SIZE];
    report_format_count(report_integer(validation, "positives"), figure);
    report_format_count(report_integer(validation, "examples"), of);
    report_format_count(report_integer(training, "positives"), learnt);
    snprintf(below, sizeof(below), "of %s examples; learnt from %s", of, learnt);
    part_card(page, figure, "", "positives validate", below);
}

static void put_cards(struct replay_page *page, const json_t *head)
{
    const json_t *validation = json_object_get(head, "validation");
    fputs("<div class=\"cards four\">\n", page->file);
    put_gain_card(page, head);
    put_auc_card(page, validation);
    put_calibration_card(page, validation);
    put_count_card(page, head);
    fputs("</div>\n", page->file);
}

static void put_counts_row(struct replay_page *page, const char *name, const json_t *head,
                           const char *field)
{
    fputs("<tr>", page->file);
    part_text_cell(page, name);
    part_count_cell(page, report_integer(json_object_get(head, "training"), field));
    part_count_cell(page, report_integer(json_object_get(head, "validation"), field));
    fputs("</tr>\n", page->file);
}

static void put_numbers_row(struct replay_page *page, const char *name, const json_t *head,
                            const char *field)
{
    fputs("<tr>", page->file);
    part_text_cell(page, name);
    part_number_cell(page, report_number(json_object_get(head, "training"), field), 5);
    part_number_cell(page, report_number(json_object_get(head, "validation"), field), 5);
    fputs("</tr>\n", page->file);
}

static void put_range_cell(struct replay_page *page, const json_t *part, const char *field,
                           int digits)
{
    char text[TEXT_SIZE];
    format_range(json_object_get(part, field), digits, false, text);
    fprintf(page->file, "<td class=\"n\">%s</td>", text);
}

static void put_ranges_row(struct replay_page *page, const char *name, const json_t *head,
                           const char *field, int digits)
{
    fputs("<tr>", page->file);
    part_text_cell(page, name);
    put_range_cell(page, json_object_get(head, "training"), field, digits);
    put_range_cell(page, json_object_get(head, "validation"), field, digits);
    fputs("</tr>\n", page->file);
}

static void put_figures(struct replay_page *page, const json_t *head)
{
    fputs(
        "<div class=\"block wide\"><h3>Both parts</h3>\n<table class=\"few\">\n<thead><tr><th></th>"
        "<th class=\"n\">training</th><th class=\"n\">validation</th></tr></thead>\n<tbody>\n",
        page->file);
    put_counts_row(page, "examples", head, "examples");
    put_counts_row(page, "positives", head, "positives");
    put_numbers_row(page, "share of positives", head, "observed");
    put_numbers_row(page, "mean prediction", head, "predicted");
    put_numbers_row(page, "log loss", head, "log_loss");
    put_numbers_row(page, "log loss of the base rate", head, "base_rate_log_loss");
    put_ranges_row(page, "gain over the base rate", head, "gain", 5);
    put_ranges_row(page, "AUC", head, "auc", 4);
    put_numbers_row(page, "calibration error", head, "calibration_error");
    part_table_end(page);
    char counts[3][REPORT_NUMBER_SIZE];
    report_format_count(report_integer(head, "gap"), counts[0]);
    report_format_count(report_integer(head, "unknown"), counts[1]);
    report_format_count(report_integer(head, "censored"), counts[2]);
    fprintf(
        page->file,
        "<p class=\"soft\">%s examples lie in the gap between the parts; of %s the label is not "
        "known; %s views reached the end.</p>\n",
        counts[0], counts[1], counts[2]);
}

/* ---- ranges of predictions ---- */

static void put_bin_row(struct replay_page *page, const json_t *bin, size_t number)
{
    double predicted = report_number(bin, "predicted");
    double observed = report_number(bin, "observed");
    char difference[REPORT_NUMBER_SIZE];
    report_format(observed - predicted, 5, true, difference);
    fprintf(page->file, "<tr><td>%zu</td>", number);
    part_count_cell(page, report_integer(bin, "count"));
    part_number_cell(page, predicted, 5);
    part_number_cell(page, observed, 5);
    fprintf(page->file, "<td class=\"n\">%s</td></tr>\n", difference);
}

static void put_bins(struct replay_page *page, const json_t *head)
{
    const json_t *bins = json_object_get(json_object_get(head, "validation"), "reliability");
    fputs("<div class=\"wide\"><h3>Validation in the order of the predictions</h3>\n"
          "<table class=\"many narrow\">\n<thead><tr><th>range</th><th class=\"n\">examples</th>"
          "<th class=\"n\">predicted</th><th class=\"n\">observed</th>"
          "<th class=\"n\">observed &minus; predicted</th></tr></thead>\n<tbody>\n",
          page->file);
    for (size_t i = 0; i < json_array_size(bins); i++) {
        put_bin_row(page, json_array_get(bins, i), i + 1);
    }
    part_table_end(page);
}

/* ---- signs ---- */

enum { SCOPES = 9 }; /* of a counted feature: scopes by half-lives */

/* Where a name ends in this, its size without it; else 0. */
static size_t stem_of(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t end = strlen(ending);
    return size > end && strcmp(name + size - end, ending) == 0 ? size - end : 0;
}

/* Whether all nine features of a count begin here with this sign: the size of what they share. */
static size_t find_counted(const json_t *signs, size_t at, json_int_t sign)
{
    const char *first = report_text(json_array_get(signs, at), "feature");
    const json_t *last = json_array_get(signs, at + SCOPES - 1);
    size_t stem = stem_of(first, "_global_30m");
    size_t last_stem = stem_of(report_text(last, "feature"), "_language_14d");
    bool same =
        stem > 0 && stem == last_stem && strncmp(first, report_text(last, "feature"), stem) == 0;
    for (size_t i = at; same && i < at + SCOPES; i++) {
        same = report_integer(json_array_get(signs, i), "sign") == sign;
    }
    return same ? stem : 0;
}

static void put_name(FILE *file, const char *name, size_t stem)
{
    char text[TEXT_SIZE];
    if (stem > 0) {
        snprintf(text, sizeof(text), "%.*s_*", (int)stem, name);
        page_text(file, text);
    } else {
        page_text(file, name);
    }
}

/* The features of one sign, as a sentence. */
static void put_sign(FILE *file, const json_t *signs, json_int_t sign, const char *words)
{
    size_t count = 0;
    size_t i = 0;
    while (i < json_array_size(signs)) {
        const json_t *one = json_array_get(signs, i);
        size_t stem = find_counted(signs, i, sign);
        if (report_integer(one, "sign") == sign) {
            fputs(count++ == 0 ? words : ", ", file);
            put_name(file, report_text(one, "feature"), stem);
        }
        i += stem > 0 ? SCOPES : 1;
    }
    fputs(count > 0 ? ".</p>\n" : "", file);
}

static void put_signs(FILE *file, const json_t *head)
{
    const json_t *signs = json_object_get(head, "monotone");
    put_sign(file, signs, 1, "<p class=\"soft\">May only raise the prediction: ");
    put_sign(file, signs, -1, "<p class=\"soft\">May only lower it: ");
}

/* ---- a head ---- */

static void put_trees_lead(FILE *file, const json_t *head)
{
    bool order = strcmp(report_text(head, "objective"), "order") == 0;
    fprintf(file,
            "<p class=\"soft\">%" JSON_INTEGER_FORMAT
            " gradient-boosted trees, the best of %" JSON_INTEGER_FORMAT ", learnt for the %s. "
            "The model is <code>",
            report_integer(head, "trees"), report_integer(head, "tried"),
            order ? "order within rankings" : "probability");
    page_text(file, report_text(head, "model"));
    fputs("</code>.</p>\n", file);
}

static void put_logistic_lead(FILE *file, const json_t *head)
{
    fprintf(file,
            "<p class=\"soft\">Logistic, with a weight for each of %zu features and a penalty of "
            "%g; %" JSON_INTEGER_FORMAT " iterations%s.</p>\n",
            json_array_size(json_object_get(head, "weights")), report_number(head, "l2"),
            report_integer(head, "iterations"),
            json_is_true(json_object_get(head, "converged")) ? ""
                                                             : ", and the fit has not converged");
}

static void put_learnt(struct replay_page *page, const json_t *head, bool trees)
{
    fputs("<div class=\"plots two\">\n", page->file);
    train_page_reliability(page, head);
    if (trees) {
        train_page_rounds(page, head);
    } else {
        train_page_penalties(page, head);
    }
    fputs("</div>\n", page->file);
}

static void put_one(struct replay_page *page, const json_t *head)
{
    bool trees = strcmp(report_text(head, "kind"), "trees") == 0;
    page_section(page->file, report_text(head, "head"), NULL);
    if (trees) {
        put_trees_lead(page->file, head);
    } else {
        put_logistic_lead(page->file, head);
    }
    put_cards(page, head);
    put_learnt(page, head, trees);
    if (trees) {
        train_page_gains(page, head);
        put_signs(page->file, head);
    } else {
        train_page_effects(page, head);
    }
    train_page_places(page, head);
    put_figures(page, head);
    put_bins(page, head);
}

static void put_notes(FILE *file)
{
    page_section(file, "How to read this", NULL);
    fputs(
        "<ul class=\"notes\">\n"
        "<li>Validation is the time after training, with a gap between, and chose nothing. What "
        "was "
        "learnt from flatters a head; the difference of the two parts says by how much.</li>\n"
        "<li>The gain is the mean log loss of the base rate of training, less that of the head, in "
        "nats. Its interval of 95 % is over users; the head is called better where it leaves out "
        "0.</li>\n"
        "<li>AUC is the chance that a positive example is predicted higher than another one.</li>\n"
        "<li>Predicted and observed: examples in the order of their predictions, in ranges of "
        "equal "
        "count. On the dashed line they are equal. Bars are Wilson&rsquo;s intervals of 95 % of "
        "examples that do not depend on each other; those of one user do, so they are somewhat too "
        "short. The calibration error is the mean distance from the line, and above 0 by chance "
        "alone.</li>\n"
        "<li>A better prediction is not yet a better order: <code>reelrank diff</code> tells what "
        "changes, and <code>reelrank replay ranking</code> whether it is better.</li>\n</ul>\n",
        file);
}

static void put_page(struct replay_page *page, const json_t *report)
{
    const json_t *heads = json_object_get(report, "heads");
    page_begin(page->file, "reelrank: how well the learnt heads predict");
    put_head(page->file, report);
    for (size_t i = 0; i < json_array_size(heads); i++) {
        put_one(page, json_array_get(heads, i));
    }
    put_notes(page->file);
    page_end(page->file);
}

/* ---- all of it ---- */

static enum status judge_kind(const json_t *report, struct problem *problem)
{
    if (report_integer(report, "schema") == SCHEMA &&
        strcmp(report_text(report, "kind"), "training") == 0) {
        return STATUS_OK;
    }
    problem_set(problem,
                "found a report \"%.64s\" of schema %" JSON_INTEGER_FORMAT
                "; this program shows \"training\" of %d",
                report_text(report, "kind"), report_integer(report, "schema"), SCHEMA);
    return STATUS_INVALID;
}

enum status train_page_write(FILE *file, const json_t *report, struct problem *problem)
{
    enum status status = judge_kind(report, problem);
    return status == STATUS_OK ? part_write_page(file, report, put_page, problem) : status;
}
