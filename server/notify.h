#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/*
 * What the process tells the service manager that started it, by the protocol of sd_notify(3): a
 * datagram with lines NAME=VALUE to the socket that $NOTIFY_SOCKET names. Without one nothing is
 * told. A datagram that cannot be sent is dropped: the manager has time limits of its own.
 *
 * Threads: one that makes it; then any may tell.
 */
struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_size;
    unsigned
        watchdog_ms; /* the manager kills a process that is silent for longer; 0: it does not */
};

/* Reads $NOTIFY_SOCKET, and $WATCHDOG_USEC where $WATCHDOG_PID is this process or not there. */
void notify_init(struct notify *notify);
void notify_release(struct notify *notify);

/* Tells lines such as "READY=1"; printf's format. */
__attribute__((format(printf, 2, 3))) void notify_tell(const struct notify *notify,
                                                       const char *format, ...);

#endif
