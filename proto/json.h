#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

/*
 * Any message of the contract to JSON and back, driven by protobuf-c's descriptors. Field names are
 * the proto's own, in snake_case; enums by name; bytes in base64; 64-bit integers as numbers
 * (strings are accepted too); a oneof shows as the one field that is set.
 */

enum { JSON_LIMIT_BYTES = 4 << 20 }; /* as long as the server's messages may be */

/*
 * Parses one JSON object, of at most JSON_LIMIT_BYTES; null means the field's default.
 * STATUS_INVALID: problem names the path ("signal.watch_ms"), what was found and what is allowed,
 * with the nearest known name for an unknown field or enum value; for what is no JSON, the column,
 * and the line where the text has several. Numbers must be finite; no string holds U+0000; no key
 * comes twice. Everything in *out lies in arena. STATUS_NO_MEMORY when the arena is too small.
 */
MUST_USE enum status json_parse(struct text json, const ProtobufCMessageDescriptor *descriptor,
                                struct arena *arena, ProtobufCMessage **out,
                                struct problem *problem);

enum json_style {
    JSON_LINE,      /* one line, fields at their default left out */
    JSON_LINE_FULL, /* one line, every field */
    JSON_PRETTY     /* indented, every field */
};

/*
 * The message as JSON, for the caller to free(); NULL when memory is short. Numbers round-trip. An
 * unknown enum value shows as its number, a number that is not finite as a word, bytes that are not
 * UTF-8 as U+FFFD; json_parse() refuses the first two.
 */
char *json_format(const ProtobufCMessage *message, enum json_style style);

#endif
