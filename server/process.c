#include "server/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Fields of /proc/self/stat as proc(5) numbers them. */
enum {
    STATE_FIELD = 3,
    UTIME_FIELD = 14,
    STIME_FIELD = 15,
    THREADS_FIELD = 20,
    START_FIELD = 22,
    VSIZE_FIELD = 23,
    RSS_FIELD = 24,
    FIELD_END = 25
};

static void read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

uint64_t process_own_bytes(void)
{
    enum { SIZE_FIELD, RESIDENT_FIELD, SHARED_FIELD, STATM_END };
    char text[128];
    uint64_t fields[STATM_END] = {0};
    read_file("/proc/self/statm", text, sizeof(text));
    char *at = text;
    for (unsigned i = 0; i < STATM_END; i++) {
        fields[i] = strtoull(at, &at, 10);
    }
    return (fields[RESIDENT_FIELD] - fields[SHARED_FIELD]) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Numbers behind the name, which may have spaces and brackets in it. */
static void read_stat(uint64_t fields[FIELD_END])
{
    char text[1024];
    read_file("/proc/self/stat", text, sizeof(text));
    const char *at = strrchr(text, ')');
    memset(fields, 0, FIELD_END * sizeof(*fields));
    for (unsigned i = STATE_FIELD; at != NULL && i < FIELD_END; i++) {
        at = strchr(at, ' ');
        if (at != NULL) {
            at++;
            fields[i] = strtoull(at, NULL, 10);
        }
    }
}

/* When the machine started, since the epoch. */
static double boot_seconds(void)
{
    char text[16384]; /* a line for each processor stands before it */
    read_file("/proc/stat", text, sizeof(text));
    const char *line = strstr(text, "\nbtime ");
    return line != NULL ? (double)strtoull(line + 7, NULL, 10) : 0;
}

static uint64_t count_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    uint64_t count = 0;
    if (directory == NULL) {
        return 0;
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count - 3; /* ".", ".." and the directory's own */
}

void process_facts(struct process_facts *out)
{
    uint64_t fields[FIELD_END];
    struct rlimit limit = {0};
    double ticks = (double)sysconf(_SC_CLK_TCK);
    read_stat(fields);
    (void)getrlimit(RLIMIT_NOFILE, &limit); /* it leaves 0 where it fails */
    *out = (struct process_facts){
        .resident_bytes = fields[RSS_FIELD] * (uint64_t)sysconf(_SC_PAGESIZE),
        .virtual_bytes = fields[VSIZE_FIELD],
        .cpu_seconds = (double)(fields[UTIME_FIELD] + fields[STIME_FIELD]) / ticks,
        .start_seconds = boot_seconds() + (double)fields[START_FIELD] / ticks,
        .open_fds = count_fds(),
        .max_fds = limit.rlim_cur,
        .threads = fields[THREADS_FIELD]};
}
