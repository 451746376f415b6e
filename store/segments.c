/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include "store/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/grow.h"

enum { NAME_SIZE = 32, SEARCH_BYTES = 1 << 16 };

static const char suffix[] = ".seg";
static const char copy_suffix[] = ".seg.tmp";

enum status segments_directory(const char *data, char out[FILES_PATH_SIZE], struct problem *problem)
{
    return files_join(data, "journal", out, problem);
}

static enum status path_of(const char *data, uint64_t number, const char *ending,
                           char out[FILES_PATH_SIZE], struct problem *problem)
{
    char name[sizeof("journal/") + NAME_SIZE];
    snprintf(name, sizeof(name), "journal/%" PRIu64 "%s", number, ending);
    return files_join(data, name, out, problem);
}

enum status segment_path(const char *data, uint64_t number, char out[FILES_PATH_SIZE],
                         struct problem *problem)
{
    return path_of(data, number, suffix, out, problem);
}

/* The number of a name that segment_path() writes; 0 for any other. */
static uint64_t number_of(const char *name, const char *ending)
{
    char again[NAME_SIZE];
    errno = 0;
    uint64_t number = strtoull(name, NULL, 10);
    snprintf(again, sizeof(again), "%" PRIu64 "%s", number, ending);
    return errno == 0 && strcmp(name, again) == 0 ? number : 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum status list_open(DIR *entries, const char *ending, struct segment_list *out)
{
    size_t capacity = 0;
    const struct dirent *entry;
    while (entry = readdir(entries), entry != NULL) {
        uint64_t number = number_of(entry->d_name, ending);
        if (number == 0) {
            continue;
        }
        uint64_t *numbers = grow(out->numbers, out->count, &capacity, sizeof(*numbers));
        if (numbers == NULL) {
            return STATUS_NO_MEMORY;
        }
        out->numbers = numbers;
        out->numbers[out->count++] = number;
    }
    if (out->count > 0) {
        qsort(out->numbers, out->count, sizeof(*out->numbers), compare_numbers);
    }
    return STATUS_OK;
}

static enum status list(const char *data, const char *ending, struct segment_list *out,
                        struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    struct segment_list found = {.count = 0};
    *out = found;
    enum status status = segments_directory(data, path, problem);
    if (status != STATUS_OK) {
        return status;
    }
    DIR *entries = opendir(path);
    if (entries == NULL) {
        return errno == ENOENT ? STATUS_OK : files_failure("open the directory", path, problem);
    }
    status = list_open(entries, ending, &found);
    closedir(entries);
    if (status != STATUS_OK) {
        free(found.numbers);
        problem_set(problem, "%s: %s", path, status_text(status));
        return status;
    }
    *out = found;
    return STATUS_OK;
}

enum status segments_list(const char *data, struct segment_list *out, struct problem *problem)
{
    return list(data, suffix, out, problem);
}

enum status segment_open_file(const char *path, struct segment_cursor *out, struct problem *problem)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        bool gone = fd < 0 && errno == ENOENT;
        enum status status = files_failure("open", path, problem);
        if (fd >= 0) {
            close(fd);
        }
        return gone ? STATUS_NOT_FOUND : status;
    }
    *out = (struct segment_cursor){
        .fd = fd, .end = (uint64_t)info.st_size, .changed_ms = (int64_t)info.st_mtime * 1000};
    return STATUS_OK;
}

enum status segment_open(const char *data, uint64_t number, struct segment_cursor *out,
                         struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    enum status status = segment_path(data, number, path, problem);
    return status == STATUS_OK ? segment_open_file(path, out, problem) : status;
}

void segment_close(struct segment_cursor *cursor)
{
    if (cursor->fd >= 0) {
        close(cursor->fd);
        cursor->fd = -1;
    }
}

/* Reads up to size bytes; a file that was cut meanwhile reads as shorter. */
static enum status read_at(const struct segment_cursor *cursor, uint64_t offset, uint8_t *out,
                           size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(cursor->fd, out + *got, size - *got, (off_t)(offset + *got));
        if (n < 0 && errno != EINTR) {
            return STATUS_IO;
        }
        if (n == 0) {
            return STATUS_OK;
        }
        *got += n > 0 ? (size_t)n : 0;
    }
    return STATUS_OK;
}

/* STATUS_CORRUPT: there is no good record at the offset. */
static enum status read_record(const struct segment_cursor *cursor, uint8_t *buffer,
                               struct decision_record *out)
{
    size_t got;
    uint64_t left = cursor->end - cursor->offset;
    if (left < DECISION_HEADER_SIZE) {
        return STATUS_CORRUPT;
    }
    enum status status = read_at(cursor, cursor->offset, buffer, DECISION_HEADER_SIZE, &got);
    if (status != STATUS_OK || got < DECISION_HEADER_SIZE) {
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    }
    status = decision_record_peek(buffer, out);
    if (status != STATUS_OK || decision_record_size(out) > left) {
        return STATUS_CORRUPT;
    }
    size_t size = decision_record_size(out);
    status = read_at(cursor, cursor->offset + DECISION_HEADER_SIZE, buffer + DECISION_HEADER_SIZE,
                     out->payload_size, &got);
    if (status != STATUS_OK || got < out->payload_size) {
        return status != STATUS_OK ? status : STATUS_CORRUPT;
    }
    return decision_record_decode(buffer, size, out);
}

/* On to the next marker behind the offset, or to the end. */
static enum status seek_marker(struct segment_cursor *cursor, uint8_t *buffer)
{
    cursor->offset++;
    while (cursor->offset + DECISION_HEADER_SIZE <= cursor->end) {
        size_t got;
        enum status status = read_at(cursor, cursor->offset, buffer, SEARCH_BYTES, &got);
        if (status != STATUS_OK) {
            return status;
        }
        const uint8_t *found = memmem(buffer, got, decision_marker, DECISION_MARKER_SIZE);
        if (found != NULL) {
            cursor->offset += (uint64_t)(found - buffer);
            return STATUS_OK;
        }
        if (got < DECISION_MARKER_SIZE) {
            break;
        }
        cursor->offset += got - (DECISION_MARKER_SIZE - 1);
    }
    cursor->offset = cursor->end;
    return STATUS_OK;
}

enum status segment_next(struct segment_cursor *cursor, uint8_t *buffer,
                         struct decision_record *out)
{
    bool bad = false;
    while (cursor->offset < cursor->end) {
        enum status status = read_record(cursor, buffer, out);
        if (status == STATUS_OK) {
            cursor->skipped += bad;
            cursor->offset += decision_record_size(out);
            cursor->good = cursor->offset;
            return STATUS_OK;
        }
        bad = true;
        if (status == STATUS_CORRUPT) {
            status = seek_marker(cursor, buffer);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    cursor->torn = cursor->torn || bad;
    return STATUS_NOT_FOUND;
}

enum status segment_hop(struct segment_cursor *cursor, uint8_t *buffer, struct decision_record *out)
{
    size_t got = 0;
    uint64_t left = cursor->end - cursor->offset;
    enum status status = STATUS_OK;
    if (left >= DECISION_HEADER_SIZE) {
        status = read_at(cursor, cursor->offset, buffer, DECISION_HEADER_SIZE, &got);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (got == DECISION_HEADER_SIZE && decision_record_peek(buffer, out) == STATUS_OK &&
        decision_record_size(out) <= left) {
        cursor->offset += decision_record_size(out);
        cursor->good = cursor->offset;
        return STATUS_OK;
    }
    status = segment_next(cursor, buffer, out);
    out->payload = NULL;
    return status;
}

/* A segment that is being copied. */
struct copying {
    struct segment_cursor cursor;
    uint8_t *buffer; /* owned */
    const struct segment_filter *filter;
    uint64_t bytes;
};

/* Whether all records stay, and there is nothing but records. */
static enum status look_for_change(struct copying *copying, bool *changed)
{
    struct decision_record record;
    enum status status = STATUS_OK;
    *changed = false;
    while (status == STATUS_OK && !*changed) {
        status = segment_next(&copying->cursor, copying->buffer, &record);
        *changed =
            status == STATUS_OK && !copying->filter->keeps(copying->filter->context, &record);
    }
    *changed |= copying->cursor.skipped > 0 || copying->cursor.torn;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status copy_records(struct copying *copying, int fd, const char *path,
                                struct problem *problem)
{
    struct decision_record record;
    const struct segment_filter *filter = copying->filter;
    enum status status = segment_next(&copying->cursor, copying->buffer, &record);
    while (status == STATUS_OK) {
        size_t size = decision_record_size(&record);
        if (!filter->keeps(filter->context, &record)) {
            filter->left_out(filter->context, &record);
        } else if (files_write(fd, copying->buffer, size)) {
            copying->bytes += size;
        } else {
            return files_failure("write", path, problem);
        }
        status = segment_next(&copying->cursor, copying->buffer, &record);
    }
    if (status != STATUS_NOT_FOUND) {
        problem_set(problem, "what %s is made from cannot be read: %s", path, status_text(status));
        return status;
    }
    return fsync(fd) == 0 ? STATUS_OK : files_failure("sync", path, problem);
}

static enum status copy_changed(struct copying *copying, const char *path, struct problem *problem)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return files_failure("make", path, problem);
    }
    copying->cursor.offset = 0;
    enum status status = copy_records(copying, fd, path, problem);
    close(fd);
    if (status != STATUS_OK) {
        (void)unlink(path);
    }
    return status;
}

enum status segment_copy(const char *data, uint64_t number, const struct segment_filter *filter,
                         bool *changed, uint64_t *bytes, struct problem *problem)
{
    char path[FILES_PATH_SIZE];
    struct copying copying = {.filter = filter};
    enum status status = path_of(data, number, copy_suffix, path, problem);
    if (status == STATUS_OK) {
        status = segment_open(data, number, &copying.cursor, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    copying.buffer = malloc(DECISION_RECORD_MAX);
    status = copying.buffer != NULL ? look_for_change(&copying, changed) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        problem_set(problem, "what %s is made from cannot be read: %s", path, status_text(status));
    } else if (*changed) {
        status = copy_changed(&copying, path, problem);
    }
    *bytes = copying.bytes;
    free(copying.buffer);
    segment_close(&copying.cursor);
    return status;
}

enum status segment_replace(const char *data, uint64_t number, bool empty, struct problem *problem)
{
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    char directory[FILES_PATH_SIZE];
    enum status status = path_of(data, number, copy_suffix, from, problem);
    if (status == STATUS_OK) {
        status = segment_path(data, number, to, problem);
    }
    if (status == STATUS_OK) {
        status = segments_directory(data, directory, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    int rc = empty ? unlink(to) : rename(from, to);
    if (rc != 0) {
        return files_failure("replace", to, problem);
    }
    if (empty) {
        (void)unlink(from);
    }
    return files_sync(directory, problem);
}

void segment_discard(const char *data, uint64_t number)
{
    char path[FILES_PATH_SIZE];
    if (path_of(data, number, copy_suffix, path, NULL) == STATUS_OK) {
        (void)unlink(path);
    }
}

void segments_clean(const char *data)
{
    struct segment_list copies;
    if (list(data, copy_suffix, &copies, NULL) == STATUS_OK) {
        for (size_t i = 0; i < copies.count; i++) {
            segment_discard(data, copies.numbers[i]);
        }
        free(copies.numbers);
    }
}
