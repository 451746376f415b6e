#ifndef REPLAY_REPLAY_PAGE_PARTS_H
#define REPLAY_REPLAY_PAGE_PARTS_H

#include "replay/plot.h"
#include "replay/report_view.h"

/* What the pages of both kinds of report (replay_page.h), and of searches (tune_page.h), are made
 * of. */

enum { PAGE_WIDTH = 976, PAGE_THIRD = 318, PAGE_HALF = 480 };

struct replay_page {
    FILE *file;
    struct report_view view;
    unsigned plot_count;
    enum status status; /* what failed first: no plot is drawn after it */
    struct problem *problem;
};

/* Draws a plot, unless the page has failed before. */
void part_draw_rows(struct replay_page *page, const struct plot_rows *plot);
void part_draw_lines(struct replay_page *page, const struct plot_lines *plot);
void part_draw_scatter(struct replay_page *page, const struct plot_scatter *plot);
void part_draw_groups(struct replay_page *page, const struct plot_groups *plot);

/*
 * Makes the page of a report and writes it; nothing where it fails, since it is made in memory. The
 * statuses are those of replay_page_write().
 */
MUST_USE enum status part_write_page(FILE *file, const json_t *report,
                                     void (*put)(struct replay_page *page, const json_t *report),
                                     struct problem *problem);

/* The page fails, unless it has before, with STATUS_NO_MEMORY. */
void part_no_memory(struct replay_page *page);

/* Whether an element is of a contender that is shown. */
bool part_is_shown(const struct replay_page *page, const json_t *element);

/* The parts of a page, in pairs that begin and end where one is a frame. */
void part_card(struct replay_page *page, const char *figure, const char *class, const char *label,
               const char *below);
void part_card_begin(struct replay_page *page, const char *figure, const char *class);
void part_card_end(struct replay_page *page, const char *below);

/* How many rankings or decisions count, by a field of theirs, of how many that were found. */
void part_found_card(struct replay_page *page, const json_t *counts, const char *field,
                     const char *label);

/* The class that colours a verdict; "": none. */
const char *part_class(enum report_verdict verdict);

/* A cell with a number and its interval below it, or why there is none. */
void part_value_cell(struct replay_page *page, const json_t *value, size_t measure);
void part_number_cell(struct replay_page *page, double value, int digits);
void part_share_cell(struct replay_page *page, double share);
void part_count_cell(struct replay_page *page, json_int_t count);
void part_text_cell(struct replay_page *page, const char *text);

/* <table> to <tbody>, with a first column and one for each contender. */
void part_contender_table(struct replay_page *page, const char *first, bool counts);
void part_table_end(struct replay_page *page);

/* Sections that both kinds have. */
void part_head(struct replay_page *page);
void part_best_card(struct replay_page *page);
void part_segment_card(struct replay_page *page);
void part_value_table(struct replay_page *page);
void part_differences(struct replay_page *page);
void part_segments(struct replay_page *page);
void part_changes(struct replay_page *page);
void part_definitions(struct replay_page *page);
void part_notes(struct replay_page *page);

/* The sections of one kind: cards, then the rest in the order of the page. */
void replay_page_ranking(struct replay_page *page);
void replay_page_counterfactual(struct replay_page *page);

#endif
