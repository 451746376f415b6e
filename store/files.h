#ifndef STORE_FILES_H
#define STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ranker/problem.h"
#include "ranker/status.h"

/*
 * Files and directories as backups need them: named, copied, made durable. Every problem names the
 * path and the system's reason.
 */
enum { FILES_PATH_SIZE = 4096 };

/* STATUS_NO_SPACE where errno tells of a full disk or quota, else STATUS_IO. */
MUST_USE enum status files_failure(const char *what, const char *path, struct problem *problem);

/* Writes DIRECTORY/NAME. STATUS_INVALID when that is too long. */
MUST_USE enum status files_join(const char *directory, const char *name, char out[FILES_PATH_SIZE],
                                struct problem *problem);

/* Writes path followed by suffix, without slashes at path's end. STATUS_INVALID: too long. */
MUST_USE enum status files_beside(const char *path, const char *suffix, char out[FILES_PATH_SIZE],
                                  struct problem *problem);

/*
 * Writes where path leads through links, for a file or directory that is to be replaced: a rename
 * onto the path itself would put an end to the link. While nothing is there, path itself.
 */
MUST_USE enum status files_resolve(const char *path, char out[FILES_PATH_SIZE],
                                   struct problem *problem);

/* Called after each piece of a file. */
typedef void files_progress(void *context, uint64_t done_bytes);

struct files_sum {
    uint64_t bytes;
    uint64_t checksum; /* XXH3-64 */
};

/* Reads the file path to its end and, unless to_fd is -1, copies it there. progress may be NULL. */
MUST_USE enum status files_read(const char *path, int to_fd, files_progress *progress,
                                void *context, struct files_sum *out, struct problem *problem);

/* The same from a descriptor, from its beginning; path is for the problem. */
MUST_USE enum status files_read_open(int from_fd, const char *path, int to_fd,
                                     files_progress *progress, void *context, struct files_sum *out,
                                     struct problem *problem);

/* Writes all of it where the descriptor stands; false with errno set, and perhaps a part written.
 */
MUST_USE bool files_write(int fd, const void *data, size_t size);

/*
 * A number that changes when the file is written, replaced, or comes or goes: made of what stat(2)
 * says of it.
 */
uint64_t files_stamp(const char *path);

/* Makes what path names durable: a file's bytes, a directory's entries. */
MUST_USE enum status files_sync(const char *path, struct problem *problem);

/* Makes durable which names stand beside path. */
MUST_USE enum status files_sync_parent(const char *path, struct problem *problem);

/* Removes a directory and the files in it, as far as that is possible. */
void files_remove(const char *directory);

#endif
