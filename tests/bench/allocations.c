#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Counts what a program asks of malloc, by the place that asks: preloaded into it (LD_PRELOAD),
 * with ALLOCATIONS_FILE naming a file that it makes. That file is mapped, so it can be read at any
 * time: ENTRIES times a return address and a count, of 8 bytes each; address 0 is free.
 */

enum { ENTRIES = 1 << 14 };

struct entry {
    atomic_uintptr_t address;
    atomic_uint_fast64_t count;
};

static struct entry *_Atomic table;

/* glibc's own, which malloc() and the others are names of. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* What these replace; stdlib.h declares the others. */
void *memalign(size_t alignment, size_t size);

__attribute__((constructor)) static void open_table(void)
{
    const char *path = getenv("ALLOCATIONS_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, ENTRIES * (off_t)sizeof(struct entry)) != 0) {
        return;
    }
    void *memory =
        mmap(NULL, ENTRIES * sizeof(struct entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (memory != MAP_FAILED) {
        atomic_store(&table, memory);
    }
}

/* There are far more entries than places in a program that ask for memory. */
static void count(const void *place)
{
    struct entry *entries = atomic_load_explicit(&table, memory_order_acquire);
    uintptr_t address = (uintptr_t)place;
    if (entries == NULL) {
        return;
    }
    for (size_t i = 0; i < ENTRIES; i++) {
        struct entry *entry = &entries[(address / 4 + i) % ENTRIES];
        uintptr_t found = 0;
        if (atomic_compare_exchange_strong(&entry->address, &found, address) || found == address) {
            atomic_fetch_add_explicit(&entry->count, 1, memory_order_relaxed);
            return;
        }
    }
}

void *malloc(size_t size)
{
    count(__builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    count(__builtin_return_address(0));
    void *memory = __libc_memalign(alignment, size);
    if (memory == NULL) {
        return ENOMEM;
    }
    *out = memory;
    return 0;
}
