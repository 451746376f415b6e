#ifndef RANKER_WEIGHTS_YAML_H
#define RANKER_WEIGHTS_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/status.h"
#include "ranker/text.h"

/*
 * One YAML document as a stream of nodes: what readers and writers of weights files need of
 * libfyaml. Events rather than libfyaml's tree: they carry a mark for every node, are built without
 * recursion, and never follow an alias.
 */
enum yaml_kind {
    YAML_SCALAR,
    YAML_MAPPING, /* then key, value, key, value ..., YAML_CLOSE */
    YAML_SEQUENCE,
    YAML_CLOSE,
    YAML_END,  /* of the document; comes at once when there is none, and again if asked again */
    YAML_ERROR /* text says why; there is nothing more to read */
};

struct yaml_event {
    enum yaml_kind kind;
    struct text text; /* of a scalar or an error; lives as long as the reader */
    bool plain;       /* a scalar without quotes */
    bool flow;        /* a mapping or sequence in brackets */
    /* Bytes of the document from its first to behind its last; of a scalar without its quotes, of a
     * mapping or sequence its opening, or closing, bracket. Both 0: an empty value has no place. */
    size_t start;
    size_t end;
    const char
        *refused;    /* not NULL: the node uses what a weights file may not, such as an anchor */
    unsigned line;   /* from 1 */
    unsigned column; /* in characters, from 1 */
};

/* Deeper nesting is an error: a weights file needs 8 levels. */
enum { YAML_DEPTH_MAX = 16 };

struct yaml_reader {
    struct text text;
    struct fy_diag *diag;
    struct fy_parser *parser;
    struct fy_event *current;
    unsigned depth;
    unsigned document_count;
    unsigned line;
    unsigned column;
    bool ended;
};

/*
 * What is wrong with the bytes of a text, with its line from 1; NULL: nothing. Lines are at most
 * 65,536 bytes of UTF-8, without zero bytes. libfyaml takes some others, and never returns from
 * some: malformed UTF-8 in a directive, for one.
 */
const char *yaml_complaint(struct text text, unsigned *line);

/* Borrows text, of which there is no complaint, until yaml_release(), which must be called even
 * after a failure. */
MUST_USE enum status yaml_init(struct yaml_reader *reader, struct text text);
void yaml_next(struct yaml_reader *reader, struct yaml_event *out);
void yaml_release(struct yaml_reader *reader);

#endif
