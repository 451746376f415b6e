#ifndef REPLAY_PAGE_H
#define REPLAY_PAGE_H

#include <stdio.h>

/*
 * Pages of reports: one HTML file each, which needs no network and nothing beside it, and prints on
 * paper as it looks. Writing errors show in ferror(), which callers look at once, at the end.
 */

/* From the doctype to an open <main>, with the style that all reports share. */
void page_begin(FILE *file, const char *title);
void page_end(FILE *file);

/* Text with what HTML takes for its own written as references. */
void page_text(FILE *file, const char *text);

/* <h2>, and a sentence below it unless that is NULL. */
void page_section(FILE *file, const char *title, const char *lead);

#endif
