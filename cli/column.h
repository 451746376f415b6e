#ifndef CLI_COLUMN_H
#define CLI_COLUMN_H

#include "replay/column.h"

/* What commands print columns with: those of all reports, and how many the terminal has. */

/* Columns of stdout's terminal; 100 when it is none. */
int column_terminal_width(void);

#endif
