#ifndef PROTO_JSON_READ_H
#define PROTO_JSON_READ_H

#include <stdbool.h>

#include "proto/json.h"

/*
 * The two halves of json_parse(), which first tries the one and then the other. Apart only so that
 * they can be compared.
 */

/*
 * Reads what programs usually write in one pass: no escape but of one letter, no whole number of
 * more than 18 digits or with a fraction, no bytes. What it reads, json_read_tree() reads to the
 * same message. False for anything else, right or wrong; arena is then as it was.
 */
bool json_read_plain(struct text json, const ProtobufCMessageDescriptor *descriptor,
                     struct arena *arena, ProtobufCMessage **out);

/* Reads anything, or says what is wrong with it, through a tree of values. As json_parse(). */
MUST_USE enum status json_read_tree(struct text json, const ProtobufCMessageDescriptor *descriptor,
                                    struct arena *arena, ProtobufCMessage **out,
                                    struct problem *problem);

#endif
