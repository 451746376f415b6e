/* For RTLD_NEXT; must precede every include. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/*
 * Preloaded into a program, moves its wall clock by the number of seconds that stands in the file
 * REELRANK_FAULT_CLOCK names: 8 bytes, which a test changes while the program runs. Clocks that
 * measure durations are left alone, as they are when an administrator sets the time.
 */

enum { SECOND_US = 1000000 };

static const _Atomic int64_t *offset; /* set once, before main() */
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static long (*real_syscall)(long, ...);

__attribute__((constructor)) static void begin(void)
{
    /* The way of POSIX to turn an object's address into a function's. */
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
    const char *path = getenv("REELRANK_FAULT_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void *map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        abort();
    }
    offset = map;
}

static int64_t offset_s(void)
{
    return offset != NULL ? atomic_load(offset) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (real_clock_gettime == NULL) { /* another library's constructor asks before ours ran */
        begin();
    }
    int rc = real_clock_gettime(clock, out);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += offset_s();
    }
    return rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    *out =
        (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / (1000000000 / SECOND_US)};
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

/* gRPC's locks wait until times of the wall clock, of which the kernel has its own opinion. */
long syscall(long number, ...)
{
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        words[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    struct timespec until;
    const struct timespec *given = (const struct timespec *)(uintptr_t)words[3];
    if (number == SYS_futex && (words[1] & FUTEX_CLOCK_REALTIME) != 0 && given != NULL) {
        until = *given;
        until.tv_sec -= offset_s();
        until.tv_sec = until.tv_sec < 0 ? 0 : until.tv_sec; /* as long past, and no error */
        words[3] = (long)(uintptr_t)&until;
    }
    return real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
