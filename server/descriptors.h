#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/status.h"
#include "ranker/text.h"

/*
 * The contract as data: looks things up in serialised google.protobuf.FileDescriptorSets, as protoc
 * writes them, without decoding more than it needs. Read-only after descriptors_new().
 */
struct descriptors;

/* Texts lie in the bytes given to descriptors_new(). */
struct descriptors_file {
    struct text name;    /* "reelrank/v1/signal.proto" */
    struct text package; /* "reelrank.v1" */
    struct text bytes;   /* a serialised FileDescriptorProto */
};

struct descriptors_method {
    struct text package;
    struct text service; /* without the package */
    struct text name;
    bool client_streaming;
    bool server_streaming;
};

/*
 * Borrows the sets' bytes. A file that several sets hold counts once. STATUS_CORRUPT when a set is
 * not well formed down to names, imports and methods; STATUS_NO_MEMORY.
 */
MUST_USE enum status descriptors_new(const struct text *sets, size_t count,
                                     struct descriptors **out);
void descriptors_free(struct descriptors *descriptors);

size_t descriptors_file_count(const struct descriptors *descriptors);

/* index below the count. */
const struct descriptors_file *descriptors_file(const struct descriptors *descriptors,
                                                size_t index);

/* Index of a file by its name, or of the file that holds a symbol. False: there is none. */
bool descriptors_find_file(const struct descriptors *descriptors, struct text name, size_t *index);

/* symbol: full name of a service, method, message (also nested) or enum, without a leading dot. */
bool descriptors_find_symbol(const struct descriptors *descriptors, struct text symbol,
                             size_t *index);

/*
 * Marks a file and all it imports, directly or not, in marked[0..count), which is false elsewhere.
 * Imports that no set holds are passed over.
 */
void descriptors_mark_imports(const struct descriptors *descriptors, size_t index, bool *marked);

/* Visits every service, or every method, file by file. */
void descriptors_services(const struct descriptors *descriptors,
                          void (*visit)(void *context, struct text package, struct text service),
                          void *context);
void descriptors_methods(const struct descriptors *descriptors,
                         void (*visit)(void *context, const struct descriptors_method *method),
                         void *context);

#endif
