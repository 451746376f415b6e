/* memfd_create() and pipe2() are Linux's. */
#define _GNU_SOURCE

#include "replay/gnuplot.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_SIZE = 64 << 10, COMPLAINT_SIZE = 200, FIRST_FREE_DESCRIPTOR = 3 };

struct child {
    pid_t pid;
    int script;    /* its standard input */
    int drawing;   /* where this end reads its standard output */
    int pen;       /* the other end, until it has started */
    int complaint; /* its standard error */
};

struct bytes {
    char *data;
    size_t size;
    size_t capacity;
};

/* Off 0 to 2, which the child's own are put over, should this process have been started without
 * them. */
static int lifted(int descriptor)
{
    if (descriptor < 0 || descriptor >= FIRST_FREE_DESCRIPTOR) {
        return descriptor;
    }
    int higher = fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR);
    close(descriptor);
    return higher;
}

static bool write_all(int descriptor, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, data, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return lseek(descriptor, 0, SEEK_SET) == 0;
}

static bool open_ends(struct child *child, const char *script, size_t script_size)
{
    int ends[2];
    child->script = lifted(memfd_create("script", MFD_CLOEXEC));
    child->complaint = lifted(memfd_create("complaint", MFD_CLOEXEC));
    if (child->script < 0 || child->complaint < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    child->drawing = lifted(ends[0]);
    child->pen = lifted(ends[1]);
    return child->drawing >= 0 && child->pen >= 0 && write_all(child->script, script, script_size);
}

static void close_end(int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

static void close_ends(struct child *child)
{
    close_end(&child->script);
    close_end(&child->drawing);
    close_end(&child->pen);
    close_end(&child->complaint);
}

/* Returns what posix_spawnp() does: 0 or an errno. */
static int spawn_with(struct child *child, posix_spawn_file_actions_t *actions)
{
    char *words[] = {(char *)"gnuplot", (char *)"-d", (char *)"-", NULL};
    char *environment[] = {(char *)"LC_ALL=C.UTF-8", NULL};
    int rc = posix_spawn_file_actions_adddup2(actions, child->script, STDIN_FILENO);
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(actions, child->pen, STDOUT_FILENO);
    }
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(actions, child->complaint, STDERR_FILENO);
    }
    return rc != 0 ? rc : posix_spawnp(&child->pid, "gnuplot", actions, NULL, words, environment);
}

static enum status spawn(struct child *child, struct problem *problem)
{
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = spawn_with(child, &actions);
        posix_spawn_file_actions_destroy(&actions);
    }
    close_end(&child->pen);
    if (rc == ENOENT || rc == EACCES) {
        problem_set(problem,
                    "gnuplot, which draws the plots, cannot be run: %s; install the "
                    "package gnuplot-nox",
                    strerror(rc));
        return STATUS_UNAVAILABLE;
    }
    if (rc != 0) {
        problem_set(problem, "cannot start gnuplot: %s", strerror(rc));
        return STATUS_IO;
    }
    return STATUS_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool reserve(struct bytes *bytes)
{
    if (bytes->capacity - bytes->size > CHUNK_SIZE) {
        return true;
    }
    size_t capacity = 2 * bytes->capacity + 2 * CHUNK_SIZE;
    char *larger = realloc(bytes->data, capacity);
    if (larger == NULL) {
        return false;
    }
    bytes->data = larger;
    bytes->capacity = capacity;
    return true;
}

/* Reads to the end of the drawing. A failed call leaves the child to be ended. */
static enum status read_drawing(int descriptor, struct bytes *bytes, struct problem *problem)
{
    int64_t deadline_ms = now_ms() + GNUPLOT_TIMEOUT_MS;
    for (;;) {
        struct pollfd wait = {.fd = descriptor, .events = POLLIN};
        int64_t left_ms = deadline_ms - now_ms();
        int ready = left_ms > 0 ? poll(&wait, 1, (int)left_ms) : 0;
        if (ready == 0 || bytes->size > GNUPLOT_OUTPUT_MAX) {
            problem_set(problem, "gnuplot %s and was ended",
                        ready == 0 ? "took longer than a minute" : "drew more than 16 MiB");
            return STATUS_UNAVAILABLE;
        }
        if (!reserve(bytes)) {
            problem_set(problem, "no memory for a plot");
            return STATUS_NO_MEMORY;
        }
        ssize_t got = ready < 0 ? -1 : read(descriptor, bytes->data + bytes->size, CHUNK_SIZE);
        if (got < 0 && errno != EINTR) {
            problem_set(problem, "cannot read from gnuplot: %s", strerror(errno));
            return STATUS_IO;
        }
        if (got == 0) {
            bytes->data[bytes->size] = '\0';
            return STATUS_OK;
        }
        bytes->size += got > 0 ? (size_t)got : 0;
    }
}

/* The child's own words on one line, without what cannot be printed. */
static void read_complaint(int descriptor, char out[COMPLAINT_SIZE])
{
    ssize_t got = pread(descriptor, out, COMPLAINT_SIZE - 1, 0);
    size_t size = 0;
    for (ssize_t i = 0; i < got; i++) {
        bool gap = !isgraph((unsigned char)out[i]);
        if (!gap || (size > 0 && out[size - 1] != ' ')) {
            out[size++] = (char)(gap ? ' ' : out[i]);
        }
    }
    out[size] = '\0';
}

static int wait_for(pid_t pid)
{
    int state = 0;
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR) {
    }
    return state;
}

/* Ends the child where it was not read to its end, and judges how it went. */
static enum status finish(struct child *child, enum status status, struct problem *problem)
{
    char words[COMPLAINT_SIZE];
    if (status != STATUS_OK) {
        kill(child->pid, SIGKILL);
    }
    int state = wait_for(child->pid);
    if (status != STATUS_OK || (WIFEXITED(state) && WEXITSTATUS(state) == 0)) {
        return status;
    }
    read_complaint(child->complaint, words);
    problem_set(problem, "gnuplot failed (is the package gnuplot-nox of version 5.4 or later?): %s",
                words[0] != '\0' ? words : "it said nothing");
    return STATUS_UNAVAILABLE;
}

static enum status run(struct child *child, struct bytes *bytes, struct problem *problem)
{
    enum status status = spawn(child, problem);
    if (status == STATUS_OK) {
        status = finish(child, read_drawing(child->drawing, bytes, problem), problem);
    }
    return status;
}

enum status gnuplot_run(const char *script, size_t script_size, char **output, size_t *size,
                        struct problem *problem)
{
    struct child child = {.script = -1, .drawing = -1, .pen = -1, .complaint = -1};
    struct bytes bytes = {0};
    enum status status = STATUS_IO;
    if (open_ends(&child, script, script_size)) {
        status = run(&child, &bytes, problem);
    } else {
        problem_set(problem, "no pipe to gnuplot: %s", strerror(errno));
    }
    close_ends(&child);
    if (status != STATUS_OK) {
        free(bytes.data);
        return status;
    }
    *output = bytes.data;
    *size = bytes.size;
    return STATUS_OK;
}
