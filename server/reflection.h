#ifndef SERVER_REFLECTION_H
#define SERVER_REFLECTION_H

#include "ranker/status.h"
#include "server/descriptors.h"
#include "server/method.h"

/*
 * gRPC server reflection, v1 and v1alpha, so that stock tools can call the server without its proto
 * files. The messages of both versions are alike on the wire.
 */

/* The descriptors of everything the server speaks, embedded in the program. STATUS_NO_MEMORY. */
MUST_USE enum status reflection_descriptors(struct descriptors **out);

/* The rows ServerReflectionInfo of v1 and v1alpha, which borrow descriptors. */
enum { REFLECTION_METHOD_COUNT = 2 };
void reflection_methods(struct descriptors *descriptors,
                        struct method out[REFLECTION_METHOD_COUNT]);

#endif
