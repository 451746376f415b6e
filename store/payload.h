#ifndef STORE_PAYLOAD_H
#define STORE_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "ranker/arena.h"
#include "ranker/state.h"
#include "ranker/status.h"

/*
 * Payloads of the records that no client sends: packed reelrank.v1 messages of log.proto. Each
 * encoder writes at most PAYLOAD_SIZE_MAX bytes and returns how many.
 */
enum { PAYLOAD_SIZE_MAX = 1024 };

size_t payload_put_forget(const struct forgetting *forget, uint8_t out[PAYLOAD_SIZE_MAX]);
size_t payload_put_retire(const struct retirement *retire, uint8_t out[PAYLOAD_SIZE_MAX]);
size_t payload_put_erased(const struct effect *erased, uint8_t out[PAYLOAD_SIZE_MAX]);

/*
 * The reverse, using arena for the time of the call. STATUS_CORRUPT for what no encoder writes,
 * STATUS_NO_MEMORY when the arena is too small.
 */
MUST_USE enum status payload_get_forget(const uint8_t *bytes, size_t size, struct arena *arena,
                                        struct forgetting *out);
MUST_USE enum status payload_get_retire(const uint8_t *bytes, size_t size, struct arena *arena,
                                        struct retirement *out);
MUST_USE enum status payload_get_erased(const uint8_t *bytes, size_t size, struct arena *arena,
                                        struct effect *out);

#endif
