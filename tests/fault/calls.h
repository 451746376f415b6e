#ifndef TESTS_FAULT_CALLS_H
#define TESTS_FAULT_CALLS_H

#include <stdbool.h>

/*
 * Calls to the system that fail when a test wants it, of this process with all its libraries:
 * whoever calls the C library's function by its name gets the failure, and the kernel is not asked.
 * What the C library does inside of its own functions, such as those of streams, is out of reach
 * but for fopen().
 *
 * A program that has this in it does not wait for the disk: its syncs do nothing, which only a
 * machine that loses power could notice.
 *
 * Preloaded into a program (calls.so), REELRANK_FAULT_CALLS="KIND NUMBER ERROR once|lasting" in the
 * environment says what fails from its start on: KIND is a number of enum call, ERROR of errno.
 */
enum call {
    CALL_OPEN,   /* open, openat, opendir, fopen */
    CALL_READ,   /* read, pread */
    CALL_WRITE,  /* write, to a file alone, pwrite, writev */
    CALL_SYNC,   /* fsync, fdatasync, msync */
    CALL_SIZE,   /* ftruncate, fallocate */
    CALL_NAME,   /* rename, unlink, mkdir, rmdir */
    CALL_LOOK,   /* stat, lstat, fstat, fstatvfs, lseek */
    CALL_LOCK,   /* fcntl */
    CALL_MAP,    /* mmap */
    CALL_THREAD, /* pthread_create */
    CALL_MEMORY, /* malloc, calloc, realloc, aligned_alloc, posix_memalign; sanitizers have their
                    own */
    CALL_COUNT
};

struct call_failure {
    enum call call;
    unsigned number; /* from 1 on: the how manieth fails */
    int error; /* its errno; 0, for CALL_READ and CALL_WRITE: it does half of what it is asked */
    bool done; /* a CALL_WRITE does what it is asked, and fails all the same, as one that syncs */
    bool lasting; /* and so do all later ones, which do nothing */
};

/* From now on. One at a time; other threads may be within calls. */
void calls_fail(const struct call_failure *failure);

/* From now on nothing fails. Returns whether anything did. */
bool calls_end(void);

#endif
