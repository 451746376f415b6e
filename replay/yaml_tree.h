#ifndef REPLAY_YAML_TREE_H
#define REPLAY_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"
#include "ranker/weights_yaml.h"

/*
 * A YAML document as nodes, each with its place in the text, for those who change the text. What
 * weights files may not use, such as anchors, is refused.
 */
struct yaml_node {
    enum yaml_kind kind; /* YAML_SCALAR, YAML_MAPPING or YAML_SEQUENCE */
    bool flow;           /* in brackets */
    bool plain;          /* a scalar without quotes */
    bool absent;         /* a value that is not there, as in "key:" */
    struct text text;    /* of a scalar */
    struct text key;     /* of a mapping's entry */
    /* Bytes, quotes and brackets among them. An absent value is where its key ends; the end of what
     * has no brackets is that of the last thing in it. */
    size_t key_end;
    size_t start;
    size_t end;
    unsigned line;   /* from 1 */
    unsigned column; /* in characters, from 1 */
    unsigned parent; /* numbers of nodes; 0, the root, is nobody's child and stands for none */
    unsigned next;   /* of the same parent */
    unsigned first;  /* child */
    unsigned last;   /* child */
};

struct yaml_tree {
    struct text yaml;
    unsigned count;
    unsigned room;
    struct yaml_node *nodes; /* the root first, in the order of the text */
};

/*
 * Borrows yaml until yaml_tree_release(). STATUS_INVALID: not one YAML document of one root, one
 * that weights files may not be, or beyond LIMIT_WEIGHTS_BYTES; STATUS_NO_MEMORY; both with a
 * problem and nothing to release. Memory: some 60 times that of the text at most.
 */
MUST_USE enum status yaml_tree_read(struct text yaml, struct yaml_tree *out,
                                    struct problem *problem);
void yaml_tree_release(struct yaml_tree *tree);

/* The first child of a mapping with this key; 0: none, or no mapping. */
unsigned yaml_tree_find(const struct yaml_tree *tree, unsigned parent, struct text key);

/* Whether two nodes say the same, in whatever style and place; not whether their keys do. */
bool yaml_tree_same(const struct yaml_tree *a, unsigned node_a, const struct yaml_tree *b,
                    unsigned node_b);

#endif
