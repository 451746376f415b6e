#ifndef RANKER_STATUS_H
#define RANKER_STATUS_H

/*
 * The one result type. A function returns a status when it can fail for a reason the program must
 * live with: input, memory, disk. A broken precondition is a bug and trips CHECK() instead.
 */
#define STATUS_MAP(X)                                \
    X(OK, "ok")                                      \
    X(INVALID, "request breaks a documented limit")  \
    X(NOT_FOUND, "no such key")                      \
    X(NO_MEMORY, "memory limit reached")             \
    X(NO_SPACE, "store is full")                     \
    X(CORRUPT, "stored bytes fail validation")       \
    X(IO, "the system refused an operation")         \
    X(UNAVAILABLE, "shutting down or overloaded")    \
    X(BUSY, "a queue is full")                       \
    X(DEADLINE, "the deadline has passed")           \
    X(UNIMPLEMENTED, "this server does not have it") \
    X(DENIED, "not allowed")                         \
    X(UNAUTHENTICATED, "no valid credentials")

enum status {
#define X(name, text) STATUS_##name,
    STATUS_MAP(X)
#undef X
};

#define MUST_USE __attribute__((warn_unused_result))

/* Returns a constant English phrase for logs and error details. */
const char *status_text(enum status status);

#endif
