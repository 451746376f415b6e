#ifndef RANKER_WIRE_CODEC_H
#define RANKER_WIRE_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/text.h"

/*
 * Messages of the contract to bytes and back, as protobuf-c does it, value for value and byte for
 * byte. The messages of a ranking, which are long and many, are read and written by hand, without
 * looking each field up and without an allocation for each string: a third of the time, or less.
 * What is unusual in them goes to protobuf-c as all other messages do.
 */

/* What reading learns of a message beside the message, so that checking need not find it out
 * again. All zero: nothing. */
struct wire_notes {
    const ProtobufCMessage *message; /* the reelrank.v1.RankRequest that this is said of */
    /* hash_key() of each of its candidate_ids, which are of 1 to LIMIT_ID_BYTES bytes of ASCII each
     * and LIMIT_CANDIDATES at most. In the message's arena. */
    const uint64_t *id_keys;
};

/*
 * Reads bytes as a message of descriptor into arena; the bytes are not needed any longer then.
 * NULL: they are none, or the arena is full. notes is written in any case; it may be NULL.
 */
ProtobufCMessage *wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                              struct arena *arena, struct wire_notes *notes);

/* How many bytes wire_pack() writes. */
size_t wire_packed_size(const ProtobufCMessage *message);

/* Writes the message to out. */
void wire_pack(const ProtobufCMessage *message, uint8_t *out);

#endif
