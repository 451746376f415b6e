#ifndef REPLAY_SVG_H
#define REPLAY_SVG_H

#include <stddef.h>
#include <stdio.h>

#include "ranker/status.h"

/* What a drawing becomes as part of a page. */
struct svg_frame {
    unsigned number;   /* another one for each drawing of a page */
    int width, height; /* in pixels */
    const char *label; /* what it shows, for readers who do not see it */
};

/*
 * Writes a drawing of gnuplot's svg terminal as an element of an HTML page: without prolog, titles,
 * descriptions and namespaces, with ids that no other drawing of the page has. STATUS_CORRUPT when
 * the drawing does not begin and end as one; then nothing is written. Writing errors show in
 * ferror().
 */
MUST_USE enum status svg_write(FILE *file, const char *drawing, size_t size,
                               const struct svg_frame *frame);

#endif
