#ifndef SERVER_WEIGHTS_MESSAGE_H
#define SERVER_WEIGHTS_MESSAGE_H

#include <stddef.h>

#include "ranker/arena.h"
#include "ranker/problem.h"
#include "ranker/status.h"
#include "reelrank/v1/admin.pb-c.h"
#include "store/weights_source.h"

/* A source of weights as the fields of a message, for both sides of a call. */
struct weights_message {
    char *yaml;
    Reelrank__V1__ModelFile **models;
    size_t model_count;
};

/* In the arena; names and contents of models are borrowed from source. STATUS_NO_MEMORY. */
MUST_USE enum status weights_message_of(const struct weights_source *source, struct arena *arena,
                                        struct weights_message *out);

/*
 * The source that a message has; all but the names of models is borrowed from it. STATUS_INVALID: a
 * name is too long for any that may be; STATUS_NO_MEMORY, without a problem.
 */
MUST_USE enum status weights_message_source(const struct weights_message *message,
                                            struct arena *arena, struct weights_source *out,
                                            struct problem *problem);

#endif
