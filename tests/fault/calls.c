/* For RTLD_NEXT and fallocate(2); must precede every include. */
#define _GNU_SOURCE

#include "tests/fault/calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static atomic_int failing = CALL_COUNT; /* the kind, or none */
static atomic_uint made;                /* of that kind */
static atomic_bool failed;
static atomic_bool first_failed;   /* of those that are done all the same */
static struct call_failure wanted; /* set before failing is */

void calls_fail(const struct call_failure *failure)
{
    atomic_store(&failing, CALL_COUNT);
    wanted = *failure;
    atomic_store(&made, 0);
    atomic_store(&failed, false);
    atomic_store(&first_failed, false);
    atomic_store(&failing, (int)failure->call);
}

bool calls_end(void)
{
    atomic_store(&failing, CALL_COUNT);
    return atomic_load(&failed);
}

static bool fails(enum call call)
{
    if (atomic_load_explicit(&failing, memory_order_acquire) != (int)call) {
        return false;
    }
    unsigned number = atomic_fetch_add(&made, 1) + 1;
    if (number != wanted.number && !(wanted.lasting && number > wanted.number)) {
        return false;
    }
    atomic_store(&failed, true);
    errno = wanted.error;
    return true;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("REELRANK_FAULT_CALLS");
    int call;
    unsigned number;
    int error;
    char how[8];
    if (text != NULL && sscanf(text, "%d %u %d %7s", &call, &number, &error, how) == 4) {
        calls_fail(&(struct call_failure){
            .call = (enum call)call, .number = number, .error = error, .lasting = how[0] == 'l'});
    }
}

/* The way of POSIX to turn an object's address into a function's. */
#define NEXT(function) (*(void **)&(function) = dlsym(RTLD_NEXT, #function + sizeof("next_") - 1))

static int open_at(int directory_fd, const char *path, int flags, mode_t mode)
{
    return fails(CALL_OPEN) ? -1 : (int)syscall(SYS_openat, directory_fd, path, flags, mode);
}

/* The mode, which is only there where a file may be made. */
#define MODE_OF(flags, mode)                                      \
    do {                                                          \
        va_list arguments;                                        \
        va_start(arguments, flags);                               \
        (mode) = (flags)&O_CREAT ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments);                                        \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory_fd, const char *path, int flags, ...)
{
    mode_t mode;
    MODE_OF(flags, mode);
    return open_at(directory_fd, path, flags, mode);
}

DIR *opendir(const char *path)
{
    static DIR *(*next_opendir)(const char *);
    NEXT(next_opendir);
    return fails(CALL_OPEN) ? NULL : next_opendir(path);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    static FILE *(*next_fopen)(const char *, const char *);
    NEXT(next_fopen);
    return fails(CALL_OPEN) ? NULL : next_fopen(path, mode);
}

/* A transfer of bytes, which may be one that fails. */
struct transfer {
    size_t size; /* to ask the kernel for */
    bool refused;
    bool told_failed; /* though it is done */
};

static struct transfer transfer(enum call call, size_t size)
{
    struct transfer transfer = {.size = size};
    if (!fails(call)) {
        return transfer;
    }
    transfer.told_failed = wanted.done && !atomic_exchange(&first_failed, true);
    transfer.refused = wanted.error != 0 && !transfer.told_failed;
    transfer.size = wanted.error != 0 ? size : (size + 1) / 2;
    return transfer;
}

static ssize_t tell(const struct transfer *transfer, ssize_t done)
{
    if (transfer->told_failed) {
        errno = wanted.error;
        return -1;
    }
    return done;
}

ssize_t read(int fd, void *bytes, size_t size)
{
    struct transfer asked = transfer(CALL_READ, size);
    return asked.refused ? -1 : syscall(SYS_read, fd, bytes, asked.size);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    struct transfer asked = transfer(CALL_READ, size);
    return asked.refused ? -1 : syscall(SYS_pread64, fd, bytes, asked.size, offset);
}

/* What threads and programs tell each other, no disk can refuse. */
static bool is_file(int fd)
{
    struct stat info;
    return syscall(SYS_fstat, fd, &info) == 0 && S_ISREG(info.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    struct transfer asked = {.size = size};
    if (is_file(fd)) {
        asked = transfer(CALL_WRITE, size);
    }
    return asked.refused ? -1 : tell(&asked, syscall(SYS_write, fd, bytes, asked.size));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    struct transfer asked = transfer(CALL_WRITE, size);
    return asked.refused ? -1 : tell(&asked, syscall(SYS_pwrite64, fd, bytes, asked.size, offset));
}

/* Half of several pieces is half of the first. */
ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    size_t first_size = pieces[0].iov_len;
    struct transfer asked = transfer(CALL_WRITE, first_size);
    if (asked.refused) {
        return -1;
    }
    return tell(&asked, asked.size < first_size
                            ? syscall(SYS_write, fd, pieces[0].iov_base, asked.size)
                            : syscall(SYS_writev, fd, pieces, count));
}

static int failure_or_nothing(enum call call)
{
    return fails(call) ? -1 : 0;
}

int fsync(int fd)
{
    (void)fd;
    return failure_or_nothing(CALL_SYNC);
}

int fdatasync(int fd)
{
    (void)fd;
    return failure_or_nothing(CALL_SYNC);
}

int msync(void *address, size_t size, int flags)
{
    (void)address;
    (void)size;
    (void)flags;
    return failure_or_nothing(CALL_SYNC);
}

int ftruncate(int fd, off_t size)
{
    return fails(CALL_SIZE) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return fails(CALL_SIZE) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int rename(const char *from, const char *to)
{
    return fails(CALL_NAME) ? -1 : (int)syscall(SYS_rename, from, to);
}

int unlink(const char *path)
{
    return fails(CALL_NAME) ? -1 : (int)syscall(SYS_unlink, path);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(CALL_NAME) ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int rmdir(const char *path)
{
    return fails(CALL_NAME) ? -1 : (int)syscall(SYS_rmdir, path);
}

int stat(const char *restrict path, struct stat *restrict out)
{
    return fails(CALL_LOOK) ? -1 : (int)syscall(SYS_stat, path, out);
}

int lstat(const char *restrict path, struct stat *restrict out)
{
    return fails(CALL_LOOK) ? -1 : (int)syscall(SYS_lstat, path, out);
}

int fstat(int fd, struct stat *out)
{
    return fails(CALL_LOOK) ? -1 : (int)syscall(SYS_fstat, fd, out);
}

int fstatvfs(int fd, struct statvfs *out)
{
    static int (*next_fstatvfs)(int, struct statvfs *);
    NEXT(next_fstatvfs);
    return fails(CALL_LOOK) ? -1 : next_fstatvfs(fd, out);
}

off_t lseek(int fd, off_t offset, int whence)
{
    return fails(CALL_LOOK) ? -1 : syscall(SYS_lseek, fd, offset, whence);
}

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fails(CALL_LOCK) ? -1 : (int)syscall(SYS_fcntl, fd, command, argument);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return fails(CALL_MAP)
               ? MAP_FAILED
               : (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict argument)
{
    static int (*next_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                                      void *);
    NEXT(next_pthread_create);
    return fails(CALL_THREAD) ? wanted.error
                              : next_pthread_create(thread, attributes, run, argument);
}

#if !SANITIZED

/* What the C library's own are called too. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *bytes, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *bytes, size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_realloc(bytes, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails(CALL_MEMORY) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *bytes = fails(CALL_MEMORY) ? NULL : __libc_memalign(alignment, size);
    if (bytes == NULL) {
        return ENOMEM;
    }
    *out = bytes;
    return 0;
}

#endif
