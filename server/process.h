#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <stdint.h>

/* What the system says of this process, by /proc; what it does not say is 0. Any thread. */
struct process_facts {
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    double cpu_seconds;
    double start_seconds; /* since the epoch */
    uint64_t open_fds;
    uint64_t max_fds;
    uint64_t threads;
};

void process_facts(struct process_facts *out);

/* Of its resident_bytes those that are no file's, in some 10 us. */
uint64_t process_own_bytes(void);

#endif
