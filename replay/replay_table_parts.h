#ifndef REPLAY_REPLAY_TABLE_PARTS_H
#define REPLAY_REPLAY_TABLE_PARTS_H

#include "replay/report_view.h"

/* What the tables of both kinds of report (replay_table.h) are made of. */

enum {
    TABLE_WIDTH = 100,
    TABLE_NAME_WIDTH = 21, /* of the first column, behind its indentation of 2 */
    TABLE_SMALL_CELL = 12,
    TABLE_SMALL_CELLS = 6 /* of that width, beside each other */
};

/* "\nTITLE", in the first column's width where something follows. */
void replay_table_title(FILE *file, const char *title);

/* A text in a first column, indented. */
void replay_table_name(FILE *file, const char *name);

/* A text at the right end of so many columns; 0: as many as it takes. */
void replay_table_right(FILE *file, const char *text, int width);

/* A count, a number, a share in per cent, likewise. */
void replay_table_count(FILE *file, json_int_t count, int width);
void replay_table_put_number(FILE *file, double value, int digits, int width);
void replay_table_share(FILE *file, double share, int width);

/* Text in lines of at most TABLE_WIDTH columns, each indented by so many. */
void replay_table_paragraph(FILE *file, const char *text, int indent);

/* Sections that both kinds have. */
void replay_table_values(FILE *file, const struct report_view *view);
void replay_table_differences(FILE *file, const struct report_view *view);
void replay_table_segments(FILE *file, const struct report_view *view);

/* The sections of one kind, between what was measured and the notes. */
void replay_table_ranking(FILE *file, const struct report_view *view);
void replay_table_counterfactual(FILE *file, const struct report_view *view);

#endif
