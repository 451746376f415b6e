#include "server/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grpc/support/alloc.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "server/logline.h"
#include "server/process.h"
#include "store/clock.h"

enum {
    BACKLOG = 1024,          /* of connections the system holds until they are accepted */
    EVENTS_MAX = 64,         /* at a time */
    ACCEPT_MAX = 64,         /* likewise */
    TICK_MS = 10,            /* between two looks at whether the core is busy */
    LOOK_MS = 100,           /* between two looks at what has come, without a flood */
    FLOOD_SHARE = 4,         /* one of so many parts of what all may send, and it is one */
    REST_MS = 100,           /* without descriptors */
    QUIET_MS = 10000,        /* without a whole message, until one may be closed to make room */
    SILENT_MS = 1000,        /* likewise, of one that never had any */
    CALL_BYTES = 4096,       /* allowed to each whole message for headers and frames */
    RESET_BYTES = 8192,      /* counted for each call that was taken back */
    DISCARD_BYTES = 1 << 30, /* more than a socket holds */
    BUSY_BYTES = 65536,      /* without which no connection keeps the core busy, or takes memory */
    SWELL_MS = 1000,         /* in which the process may grow by swell_bytes */
    SWELL_FACTOR = 4,        /* and by so much for each byte that came */
    FORGOTTEN_BYTES = 65536, /* a second */
    USER_TIMEOUT_MS = 20000, /* until a peer that acknowledges nothing is gone */
    OTHER_DESCRIPTORS = 256, /* that the process needs besides */
    DESCRIPTORS = 2,         /* of each connection: the core's, and a copy */
    PEER_SIZE = 96
};

/* What connections_message() looks for is "ipv4:127.0.0.1:4711", hashed. */
struct connection {
    int fd; /* a copy: the core may close its own at any moment, and the number be used again */
    uint64_t key;
    struct connection *next; /* in its bucket */
    int64_t message_ms;      /* of the last whole message, or of its acceptance; monotonic */
    bool exempt;             /* from what follows; set once */
    uint64_t taken;          /* bytes that the core had read at the last look */
    uint64_t whole;          /* bytes that whole messages account for, since then */
    uint64_t loose;          /* bytes that nothing accounts for so far */
    uint64_t trust;          /* bytes of whole messages so far */
};

/* The core's handler of connections that others accept, grpc_core::TcpServerFdHandler. */
struct handler {
    const struct handler_methods *methods;
};

/* As the C++ ABI lays it out: two destructors come first. The descriptor becomes the core's. */
struct handler_methods {
    void (*destroy)(struct handler *handler);
    void (*destroy_and_free)(struct handler *handler);
    void (*handle)(struct handler *handler, int listener_fd, int fd, grpc_byte_buffer *pending);
};

struct connections {
    struct connections_options options; /* set once, with those that follow */
    struct handler *handler;            /* set by grpc_server_add_http2_port(), the core's */
    int listener;
    int epoll;
    int wake; /* tells the thread to end */
    pthread_t thread;
    bool started;
    size_t bucket_mask;
    /* Owned by the thread. */
    int64_t looked_ms;
    int64_t warned_ms;
    int64_t least_since_ms; /* since when the process has had at least so much memory */
    uint64_t least_bytes;
    uint64_t least_came; /* of came, then */
    uint64_t grown;      /* bytes, since then */
    bool flooded;        /* at the last look, so that the next one comes soon */
    uint64_t came;       /* bytes on all connections, until the last look */
    pthread_mutex_t lock;
    /* Guarded by lock. */
    struct connection **buckets;
    struct connections_counts counts;
};

/* --- the table ----------------------------------------------------------------------------- */

static struct connection **place_of(struct connections *connections, uint64_t key)
{
    struct connection **place = &connections->buckets[key & connections->bucket_mask];
    while (*place != NULL && (*place)->key != key) {
        place = &(*place)->next;
    }
    return place;
}

/* As grpc_call_get_peer() spells it. */
static uint64_t peer_key(const struct sockaddr_storage *address)
{
    char host[INET6_ADDRSTRLEN];
    char peer[PEER_SIZE];
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(peer, sizeof(peer), "ipv4:%s:%u", host, ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) { /* the last four bytes */
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof(host));
            snprintf(peer, sizeof(peer), "ipv4:%s:%u", host, ntohs(v6->sin6_port));
            return hash_key(text_of(peer));
        }
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(peer, sizeof(peer), "ipv6:%%5B%s%%5D:%u", host, ntohs(v6->sin6_port));
    }
    return hash_key(text_of(peer));
}

/* Bytes that the core has read. */
static uint64_t taken(const struct connection *connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int unread = 0;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        (uint64_t)info.tcpi_bytes_received == connection->taken ||
        ioctl(connection->fd, SIOCINQ, &unread) != 0 ||
        (uint64_t)info.tcpi_bytes_received < connection->taken + (uint64_t)unread) {
        return connection->taken;
    }
    return (uint64_t)info.tcpi_bytes_received - (uint64_t)unread;
}

/* Removes what place points to; the core's own descriptor is not concerned. */
static void forget(struct connections *connections, struct connection **place)
{
    struct connection *connection = *place;
    *place = connection->next;
    connections->counts.open--;
    connections->came += taken(connection) - connection->taken;
    close(connection->fd); /* which leaves epoll, too */
    free(connection);
}

/* Calls visit for every connection, which may forget the one it is given. */
static void for_each(struct connections *connections,
                     void (*visit)(struct connections *connections, struct connection *connection,
                                   void *context),
                     void *context)
{
    for (size_t i = 0; i <= connections->bucket_mask; i++) {
        for (struct connection *connection = connections->buckets[i]; connection != NULL;
             connection = connection->next) {
            visit(connections, connection, context);
        }
    }
}

/* Ends it for both sides: the core sees that, and then the thread does. It may have ended already.
 */
static void cut(struct connection *connection)
{
    (void)shutdown(connection->fd, SHUT_RDWR);
    /* What the core has not read yet it need not read. */
    (void)recv(connection->fd, NULL, DISCARD_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    connection->loose = 0;
}

/* --- what they bring ----------------------------------------------------------------------- */

struct look {
    int64_t now_ms;
    int64_t past_ms; /* since the last one */
    uint64_t loose;  /* of all */
    uint64_t flooded;
    const char *reason; /* of the last one that was closed */
    struct connection *worst;
};

static uint64_t allowed(const struct connections_options *options,
                        const struct connection *connection)
{
    uint64_t bytes = options->stranger_bytes + connection->trust;
    return bytes < options->flood_bytes ? bytes : options->flood_bytes;
}

/* Of link-local addresses the core's spelling is not known here, so no message would be found. */
static bool is_exempt(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 &&
           ((const struct sockaddr_in6 *)address)->sin6_scope_id != 0;
}

static void close_flooding(struct look *look, struct connection *connection, const char *reason)
{
    cut(connection);
    look->flooded++;
    look->reason = reason;
}

static void look_at(struct connections *connections, struct connection *connection, void *context)
{
    struct look *look = context;
    uint64_t bytes = taken(connection);
    uint64_t forgotten = (uint64_t)FORGOTTEN_BYTES * (uint64_t)look->past_ms / 1000;
    uint64_t came = bytes - connection->taken;
    uint64_t loose = connection->loose + came;
    uint64_t accounted = connection->whole + forgotten;
    connection->taken = bytes;
    connections->came += came;
    /* What is read late accounts for what came before; no more than that is saved up. */
    connection->loose = loose > accounted ? loose - accounted : 0;
    connection->whole = 0;
    if (connection->exempt) {
        return;
    }
    if (connection->loose > allowed(&connections->options, connection)) {
        close_flooding(look, connection, "its bytes");
    }
    look->loose += connection->loose;
    if (look->worst == NULL || connection->loose > look->worst->loose) {
        look->worst = connection;
    }
}

/* Closes the worst connection where all together have sent too much, the core reads on and on, or
 * memory grows. */
static void cut_worst(const struct connections *connections, struct look *look, const char *urgent)
{
    if (look->worst == NULL) {
        return;
    }
    if (look->loose > connections->options.flood_bytes_total) {
        close_flooding(look, look->worst, "bytes of all");
    } else if (urgent != NULL && look->worst->loose > BUSY_BYTES) {
        close_flooding(look, look->worst, urgent);
    }
}

/* Whether the process has grown by more than what came explains: messages, and what is made of
 * them, are several times as large, but not hundreds of times. */
static bool swells(const struct connections *connections)
{
    uint64_t came = connections->came - connections->least_came;
    return connections->grown > connections->options.swell_bytes + SWELL_FACTOR * came;
}

static void look_at_all(struct connections *connections, int64_t now_ms, bool busy)
{
    struct look look = {.now_ms = now_ms, .past_ms = now_ms - connections->looked_ms};
    connections->looked_ms = now_ms;
    pthread_mutex_lock(&connections->lock);
    for_each(connections, look_at, &look);
    cut_worst(connections, &look, swells(connections) ? "memory" : busy ? "a busy core" : NULL);
    connections->counts.flooded += look.flooded;
    pthread_mutex_unlock(&connections->lock);
    connections->flooded =
        look.flooded > 0 || look.loose > connections->options.flood_bytes_total / FLOOD_SHARE;
    if (look.flooded > 0) {
        logline(LOG_WARN, "connections",
                "problem=\"closed for sending too much that is no call\" count=%" PRIu64
                " reason=\"%s\"",
                look.flooded, look.reason);
    }
}

/* Whether the process has grown by much of late. */
static bool grows(struct connections *connections, int64_t now_ms)
{
    uint64_t bytes = process_own_bytes();
    if (bytes < connections->least_bytes || now_ms - connections->least_since_ms > SWELL_MS) {
        connections->least_came = connections->came;
        connections->least_bytes = bytes;
        connections->least_since_ms = now_ms;
    }
    connections->grown = bytes - connections->least_bytes;
    return connections->grown > connections->options.swell_bytes;
}

/* Memory that a flood takes, and calls that wait meanwhile, are those of the time between looks. */
static void tick(struct connections *connections)
{
    int64_t now_ms = monotonic_ms();
    int64_t past_ms = now_ms - connections->looked_ms;
    bool busy = connections->options.tick(connections->options.context);
    bool urgent = grows(connections, now_ms) || busy || connections->flooded;
    if (past_ms >= LOOK_MS || (past_ms >= TICK_MS && urgent)) {
        look_at_all(connections, now_ms, busy);
    }
}

static uint64_t key_of(grpc_call *call)
{
    char *peer = grpc_call_get_peer(call);
    uint64_t key = hash_key(text_of(peer));
    gpr_free(peer);
    return key;
}

void connections_message(struct connections *connections, grpc_call *call, size_t size)
{
    uint64_t key = key_of(call);
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = *place_of(connections, key);
    if (connection != NULL) {
        connection->whole += size + CALL_BYTES;
        connection->trust += size + 1; /* an empty one is a message too */
        connection->message_ms = monotonic_ms();
    }
    pthread_mutex_unlock(&connections->lock);
}

bool connections_reset(struct connections *connections, grpc_call *call)
{
    uint64_t key = key_of(call);
    pthread_mutex_lock(&connections->lock);
    struct connection *connection = *place_of(connections, key);
    if (connection != NULL) {
        connection->loose += RESET_BYTES;
    }
    pthread_mutex_unlock(&connections->lock);
    return connection != NULL;
}

/* --- accepting ----------------------------------------------------------------------------- */

/* Once in ten seconds. */
static void warn(struct connections *connections, const char *problem)
{
    int64_t now_ms = monotonic_ms();
    if (now_ms - connections->warned_ms >= QUIET_MS) {
        connections->warned_ms = now_ms;
        logline(LOG_WARN, "connections", "problem=\"%s\"", problem);
    }
}

/* Since when one may be closed to make room. */
static int64_t free_since_ms(const struct connection *connection)
{
    return connection->message_ms + (connection->trust > 0 ? QUIET_MS : SILENT_MS);
}

static void find_quietest(struct connections *connections, struct connection *connection,
                          void *context)
{
    (void)connections;
    struct connection **quietest = context;
    if (*quietest == NULL || free_since_ms(connection) < free_since_ms(*quietest)) {
        *quietest = connection;
    }
}

/* Closes the quietest connection; false: all are in use. */
static bool make_room(struct connections *connections, int64_t now_ms)
{
    struct connection *quietest = NULL;
    for_each(connections, find_quietest, &quietest);
    if (quietest == NULL || now_ms < free_since_ms(quietest)) {
        return false;
    }
    cut(quietest);
    forget(connections, place_of(connections, quietest->key));
    connections->counts.evicted++;
    return true;
}

/* Puts the connection into the table; false: it is refused. */
static bool take(struct connections *connections, struct connection *connection)
{
    bool room = true;
    pthread_mutex_lock(&connections->lock);
    if (connections->counts.open == connections->options.count_max) {
        room = make_room(connections, connection->message_ms);
    }
    if (room) {
        struct connection **place = place_of(connections, connection->key);
        if (*place != NULL) { /* the one before from the same port is over */
            forget(connections, place);
            place = place_of(connections, connection->key);
        }
        connection->next = *place;
        *place = connection;
        connections->counts.open++;
        connections->counts.accepted++;
    } else {
        connections->counts.refused++;
    }
    pthread_mutex_unlock(&connections->lock);
    return room;
}

/* NULL when memory or descriptors are short. */
static struct connection *connection_new(int fd, const struct sockaddr_storage *address)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return NULL;
    }
    connection->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    connection->key = peer_key(address);
    connection->exempt = is_exempt(address);
    connection->message_ms = monotonic_ms();
    if (connection->fd < 0) {
        free(connection);
        return NULL;
    }
    return connection;
}

static void set_options(int fd)
{
    int one = 1;
    int timeout_ms = USER_TIMEOUT_MS;
    /* What fails costs speed, or time until a dead peer is noticed. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void hand_over(struct connections *connections, int fd,
                      const struct sockaddr_storage *address)
{
    struct connection *connection = connection_new(fd, address);
    if (connection == NULL) {
        warn(connections, "no memory or descriptors for another");
        close(fd);
        return;
    }
    if (!take(connections, connection)) {
        warn(connections, "there are as many as there may be; another is refused");
        close(connection->fd);
        free(connection);
        close(fd);
        return;
    }
    struct epoll_event event = {.events = 0, .data.u64 = connection->key}; /* its end is told */
    int rc = epoll_ctl(connections->epoll, EPOLL_CTL_ADD, connection->fd, &event);
    CHECK(rc == 0);
    set_options(fd);
    connections->handler->methods->handle(connections->handler, -1, fd, NULL);
}

static void accept_some(struct connections *connections)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int fd = accept4(connections->listener, (struct sockaddr *)&address, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(connections, fd, &address);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            warn(connections, strerror(errno));
            pthread_mutex_lock(&connections->lock);
            connections->counts.failed++;
            pthread_mutex_unlock(&connections->lock);
            usleep(REST_MS * 1000); /* nothing else tells when there are descriptors again */
            return;
        }
    }
}

static void ended(struct connections *connections, uint64_t key)
{
    pthread_mutex_lock(&connections->lock);
    struct connection **place = place_of(connections, key);
    if (*place != NULL) {
        forget(connections, place);
    }
    pthread_mutex_unlock(&connections->lock);
}

/* Keys of events that are not a connection's; no hash is likely to be one of them. */
enum { KEY_LISTENER = 0, KEY_WAKE = 1 };

static void *run(void *argument)
{
    struct connections *connections = argument;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(connections->epoll, events, EVENTS_MAX, TICK_MS);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == KEY_WAKE) {
                return NULL;
            }
            if (events[i].data.u64 == KEY_LISTENER) {
                accept_some(connections);
            } else {
                ended(connections, events[i].data.u64);
            }
        }
        tick(connections);
    }
}

/* --- start and end ------------------------------------------------------------------------- */

static int listen_at(const struct addrinfo *address)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_on(const char *host, unsigned port)
{
    char name[NI_MAXHOST];
    char service[8];
    size_t size = strlen(host);
    bool bracketed = size > 2 && host[0] == '[' && host[size - 1] == ']';
    snprintf(name, sizeof(name), "%.*s", (int)(bracketed ? size - 2 : size), host + bracketed);
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    if (getaddrinfo(name, service, &hints, &addresses) != 0) {
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *address = addresses; address != NULL && fd < 0;
         address = address->ai_next) {
        fd = listen_at(address);
    }
    freeaddrinfo(addresses);
    return fd;
}

static unsigned bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    int rc = getsockname(fd, (struct sockaddr *)&address, &size);
    CHECK(rc == 0);
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

/* As many descriptors as the connections need, where the system allows it. */
static void raise_descriptors(size_t count_max)
{
    struct rlimit limit;
    rlim_t wanted = DESCRIPTORS * count_max + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    rlim_t allowed = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    limit.rlim_cur = allowed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || allowed < wanted) {
        logline(LOG_WARN, "connections",
                "problem=\"the limit of open files is too low for --max-connections\" wanted=%llu",
                (unsigned long long)wanted);
    }
}

static void watch(struct connections *connections, int fd, uint64_t key)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = key};
    int rc = epoll_ctl(connections->epoll, EPOLL_CTL_ADD, fd, &event);
    CHECK(rc == 0);
}

static struct connections *make(const struct connections_options *options)
{
    struct connections *connections = calloc(1, sizeof(*connections));
    if (connections == NULL) {
        return NULL;
    }
    size_t buckets = 64;
    while (buckets < options->count_max) {
        buckets *= 2;
    }
    connections->options = *options;
    connections->bucket_mask = buckets - 1;
    connections->buckets = calloc(buckets, sizeof(connections->buckets[0]));
    connections->epoll = epoll_create1(EPOLL_CLOEXEC);
    connections->wake = eventfd(0, EFD_CLOEXEC);
    connections->listener = -1;
    connections->warned_ms = monotonic_ms() - QUIET_MS;
    pthread_mutex_init(&connections->lock, NULL);
    if (connections->buckets == NULL || connections->epoll < 0 || connections->wake < 0) {
        connections_free(connections);
        return NULL;
    }
    return connections;
}

enum status connections_new(const struct connections_options *options, const char *host,
                            unsigned port, struct connections **out, unsigned *bound,
                            struct problem *problem)
{
    CHECK(options->count_max > 0);
    raise_descriptors(options->count_max);
    struct connections *connections = make(options);
    if (connections == NULL) {
        problem_set(problem, "no memory or descriptors for connections");
        return STATUS_NO_MEMORY;
    }
    connections->listener = listen_on(host, port);
    if (connections->listener < 0) {
        problem_set(problem, "listen: cannot listen on %s:%u: the port is taken or not allowed",
                    host, port);
        connections_free(connections);
        return STATUS_UNAVAILABLE;
    }
    *bound = bound_port(connections->listener);
    *out = connections;
    return STATUS_OK;
}

static void *copy_pointer(void *pointer)
{
    return pointer;
}

static void destroy_pointer(void *pointer)
{
    (void)pointer;
}

static int compare_pointers(void *a, void *b)
{
    return a < b ? -1 : a > b;
}

/* The core writes its handler to where the argument points, as for C++'s
 * ExternalConnectionAcceptor. */
grpc_arg connections_arg(struct connections *connections)
{
    static const grpc_arg_pointer_vtable vtable = {copy_pointer, destroy_pointer, compare_pointers};
    return (grpc_arg){.type = GRPC_ARG_POINTER,
                      .key = (char *)(uintptr_t)CONNECTIONS_ADDRESS,
                      .value.pointer = {.p = &connections->handler, .vtable = &vtable}};
}

bool connections_are_expected(const struct connections *connections)
{
    return connections->handler != NULL;
}

enum status connections_start(struct connections *connections)
{
    CHECK(connections->handler != NULL);
    connections->looked_ms = monotonic_ms();
    watch(connections, connections->listener, KEY_LISTENER);
    watch(connections, connections->wake, KEY_WAKE);
    connections->started = pthread_create(&connections->thread, NULL, run, connections) == 0;
    return connections->started ? STATUS_OK : STATUS_NO_MEMORY;
}

void connections_counts(struct connections *connections, struct connections_counts *out)
{
    pthread_mutex_lock(&connections->lock);
    *out = connections->counts;
    pthread_mutex_unlock(&connections->lock);
}

void connections_stop(struct connections *connections)
{
    if (connections->started) {
        connections->started = false;
        uint64_t one = 1;
        ssize_t size = write(connections->wake, &one, sizeof(one));
        CHECK(size == sizeof(one));
        int rc = pthread_join(connections->thread, NULL);
        CHECK(rc == 0);
    }
    if (connections->listener >= 0) {
        close(connections->listener);
        connections->listener = -1;
    }
}

static void forget_all(struct connections *connections)
{
    for (size_t i = 0; i <= connections->bucket_mask; i++) {
        while (connections->buckets[i] != NULL) {
            forget(connections, &connections->buckets[i]);
        }
    }
}

void connections_free(struct connections *connections)
{
    if (connections == NULL) {
        return;
    }
    connections_stop(connections);
    if (connections->buckets != NULL) {
        forget_all(connections);
    }
    close(connections->epoll);
    close(connections->wake);
    free(connections->buckets);
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}
