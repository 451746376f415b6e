#ifndef TESTS_FUZZ_MESSAGE_MUTATOR_H
#define TESTS_FUZZ_MESSAGE_MUTATOR_H

#include <stddef.h>
#include <stdint.h>

/*
 * Changes a packed protobuf message in one place such that it mostly stays one: lengths of what
 * encloses the change are written anew. A fuzzer that changes bytes alone rarely gets past the
 * lengths of nested messages. Bytes that are no message are changed as bytes.
 *
 * bytes[0..size) may grow up to most; returns the new size. seed chooses the place and the change.
 */
size_t mutate_message(uint8_t *bytes, size_t size, size_t most, unsigned seed);

/* libFuzzer's own change; where a corpus is replayed, none. */
size_t mutate_bytes(uint8_t *bytes, size_t size, size_t most);

#endif
