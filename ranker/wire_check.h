#ifndef RANKER_WIRE_CHECK_H
#define RANKER_WIRE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"
#include "ranker/text.h"

struct ProtobufCMessage;

/* Checks of single fields, shared by the files behind wire.h. Each names the field in problem. */

/*
 * That the message has no field with the number 0, which protobuf does not allow. protobuf-c reads
 * one whose number is written in more bytes than it needs, writes it back in one byte, and does not
 * read that: what was stored could not be read again. name: "signal". Fields that this version does
 * not know are well otherwise, and are stored.
 */
MUST_USE enum status wire_check_unknown(const char *name, const struct ProtobufCMessage *message,
                                        struct problem *problem);

/* Length from minimum to maximum bytes, and UTF-8. */
MUST_USE enum status wire_check_text(const char *field, const char *value, size_t minimum,
                                     size_t maximum, struct problem *problem);

MUST_USE enum status wire_check_count(const char *field, size_t count, size_t maximum,
                                      struct problem *problem);

MUST_USE enum status wire_check_range(const char *field, int64_t value, int64_t minimum,
                                      int64_t maximum, struct problem *problem);

/* Parses a BCP 47 tag and gives its language. */
MUST_USE enum status wire_check_language(const char *field, const char *tag, uint16_t *out,
                                         struct problem *problem);

/* Parses an ISO 3166-1 alpha-2 country; empty gives 0. */
MUST_USE enum status wire_check_region(const char *field, const char *tag, uint16_t *out,
                                       struct problem *problem);

#endif
