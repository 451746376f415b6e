/* For SOCK_CLOEXEC; must precede every include. */
#define _GNU_SOURCE

#include "server/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 512, USEC_PER_MS = 1000 };

/* False for what names no socket of the kinds that a manager uses: a path, or "@" and a name. */
static bool set_address(struct notify *notify, const char *name)
{
    size_t size = strlen(name);
    struct sockaddr_un *address = &notify->address;
    if ((name[0] != '/' && name[0] != '@') || size < 2 || size >= sizeof(address->sun_path)) {
        return false;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, size);
    if (name[0] == '@') { /* an abstract name begins with a zero byte and has none at its end */
        address->sun_path[0] = '\0';
    } else {
        size++;
    }
    notify->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return true;
}

/* A positive number; 0 for what is none. */
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    errno = 0;
    uintmax_t number = text != NULL && *text >= '0' && *text <= '9' ? strtoumax(text, &end, 10) : 0;
    return end != NULL && *end == '\0' && errno == 0 ? number : 0;
}

static unsigned watchdog_ms(void)
{
    bool of_another =
        getenv("WATCHDOG_PID") != NULL && number_of("WATCHDOG_PID") != (uint64_t)getpid();
    uint64_t ms = number_of("WATCHDOG_USEC") / USEC_PER_MS;
    return of_another || ms > INT32_MAX ? 0 : (unsigned)ms;
}

void notify_init(struct notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *notify = (struct notify){.fd = -1};
    if (name == NULL || !set_address(notify, name)) {
        return;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    notify->watchdog_ms = notify->fd >= 0 ? watchdog_ms() : 0;
}

void notify_release(struct notify *notify)
{
    if (notify->fd >= 0) {
        close(notify->fd);
        notify->fd = -1;
    }
}

void notify_tell(const struct notify *notify, const char *format, ...)
{
    char text[TEXT_SIZE];
    if (notify->fd < 0) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof(text)) {
        (void)sendto(notify->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&notify->address, notify->address_size);
    }
}
