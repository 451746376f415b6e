#ifndef RANKER_WIRE_CODEC_H
#define RANKER_WIRE_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/text.h"

/*
 * Messages of the contract to bytes and back, as protobuf-c does it, value for value and byte for
 * byte. The messages of a ranking and of batches of signals, which are long and many, are read and
 * written by hand, without looking each field up and without an allocation for each string: a third
 * of the time, or less. What is unusual in them goes to protobuf-c as all other messages do.
 */

/* Of a reelrank.v1.Signal. All zero: nothing is known. */
struct wire_signal_note {
    /* What protobuf-c would write of it: a part of the bytes that were read. Its texts are within
     * their limits then, and ASCII. */
    struct text packed;
    /* hash_key() of its ids. */
    uint64_t user_key;
    uint64_t video_key;
    uint64_t ranking_key; /* 0: it names no ranking */
};

/* What reading learns of a message beside the message, so that nobody need find it out again. All
 * zero: nothing. Lies in the message's arena. */
struct wire_notes {
    /* What this is said of: a reelrank.v1.RankRequest, or a request with signals. */
    const ProtobufCMessage *message;
    /* hash_key() of each of its candidate_ids, which are of 1 to LIMIT_ID_BYTES bytes of ASCII each
     * and LIMIT_CANDIDATES at most. */
    const uint64_t *id_keys;
    const struct wire_signal_note *signals; /* one for each; NULL: nothing is known of any */
};

/*
 * Reads bytes as a message of descriptor into arena; but for what is noted of signals, the bytes
 * are not needed any longer then. NULL: they are none, or the arena is full. notes is written in
 * any case; it may be NULL.
 */
ProtobufCMessage *wire_unpack(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                              struct arena *arena, struct wire_notes *notes);

/* How many bytes wire_pack() writes. */
size_t wire_packed_size(const ProtobufCMessage *message);

/* Writes the message to out. */
void wire_pack(const ProtobufCMessage *message, uint8_t *out);

#endif
