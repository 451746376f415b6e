#ifndef RANKER_WEIGHTS_PARSER_H
#define RANKER_WEIGHTS_PARSER_H

#include "ranker/weights_read.h"
#include "ranker/weights_yaml.h"

/* What the readers of a weights file's parts share: nodes, places and problems. */

struct parser {
    struct yaml_reader reader;
    const struct weights_loader *loader;
    struct weights_memory *memory;
    struct layers *layers;
    struct weights_problems *problems;
};

/* A key of the file: what it is called in problems, and where. */
struct place {
    char path[PATH_SIZE];
    struct mark at;
};

static inline struct mark mark_of(const struct yaml_event *event)
{
    return (struct mark){.line = event->line, .column = event->column};
}

/* Below the layer's prefix. */
struct place parser_place(const struct layer *layer, const char *path,
                          const struct yaml_event *event);

/* The same for a name, made fit for a message, right below the place. */
struct place parser_place_below(const struct place *place, const struct yaml_event *event);

/*
 * True where the node, or the document, is over, or there is no room for more problems; an error in
 * the YAML is a problem once.
 */
bool parser_at_close(struct parser *parser, const struct yaml_event *event);

/* Reads an event that must be of the kind; otherwise complains, skips its node and is false. */
bool parser_expect(struct parser *parser, enum yaml_kind kind, const char *what,
                   const struct place *place, struct yaml_event *out);

void parser_skip_value(struct parser *parser);

/*
 * Reads the next key of a mapping; false at its end. A key that is no word is skipped with its
 * value.
 */
bool parser_next_key(struct parser *parser, const struct place *place, struct yaml_event *out);

/* Reads the next item of a list of single values; false at its end. Others are skipped. */
bool parser_next_item(struct parser *parser, const struct place *place, struct yaml_event *out);

/* Complains of a key that has stood in its mapping before. */
void parser_complain_again(struct parser *parser, const struct place *place, unsigned first_line);

/* Reads the keys below a section ("" is the layer itself). */
void parser_read_section(struct parser *parser, struct layer *layer, const char *section);

/* Adds a layer; the limits on what the file may have leave room for it. NULL: no memory. */
struct layer *parser_add_layer(struct parser *parser, enum weights_scope scope,
                               const struct place *place);

/* A locale's tag anywhere in the file; complains if it cannot be one. */
bool parser_read_locale(struct parser *parser, const struct yaml_event *event,
                        const struct place *place, struct locale *out);

/* 1 to WEIGHTS_NAME_MAX of A-Z a-z 0-9 . _ -, copied to out; complains of others. */
bool parser_read_name(struct parser *parser, const struct yaml_event *event,
                      const struct place *place, char out[NAME_SIZE]);

/* The values of rows that are no single number or word. */
void parser_read_map(struct parser *parser, struct layer *layer, const struct weights_row *row,
                     const struct place *place);
void parser_read_names(struct parser *parser, struct layer *layer, const struct weights_row *row,
                       const struct place *place);
void parser_read_file(struct parser *parser, struct layer *layer, const struct weights_row *row,
                      const struct place *place);

/* `experiments`, and what stands in one. */
void parser_read_experiments(struct parser *parser, const struct place *place);
void parser_read_trial_row(struct parser *parser, struct layer *layer,
                           const struct weights_row *row, const struct place *place);

#endif
