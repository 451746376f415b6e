#include "store/backup_journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/files.h"
#include "store/journal.h"
#include "store/journal_reader.h"
#include "store/segments.h"

enum { FLUSH_BYTES = 4 << 20 };

static bool is_forgotten(const struct forgotten *forgotten, const struct decision_record *record)
{
    const struct tombstone *tombstone =
        record->user_key != 0 ? forgotten_find(forgotten, record->user_key) : NULL;
    return tombstone != NULL && record->state_sequence < tombstone->sequence;
}

static enum status write_record(int fd, const struct decision_record *record, const char *path,
                                struct problem *problem)
{
    const uint8_t *bytes = record->payload - DECISION_HEADER_SIZE; /* as it was read */
    return files_write(fd, bytes, decision_record_size(record))
               ? STATUS_OK
               : files_failure("write", path, problem);
}

static enum status write_all(struct journal_reader *reader, const struct forgotten *forgotten,
                             const char *path, int fd, bool *any, struct problem *problem)
{
    struct decision_record record;
    enum status status = journal_reader_next(reader, &record, problem);
    while (status == STATUS_OK) {
        if (!is_forgotten(forgotten, &record)) {
            *any = true;
            status = write_record(fd, &record, path, problem);
        }
        if (status == STATUS_OK) {
            status = journal_reader_next(reader, &record, problem);
        }
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    return fsync(fd) == 0 ? STATUS_OK : files_failure("sync", path, problem);
}

enum status backup_journal_write(const char *data, const struct forgotten *forgotten,
                                 const char *path, bool *any, struct problem *problem)
{
    struct journal_reader *reader = NULL;
    *any = false;
    enum status status = journal_reader_new(data, JOURNAL_OLDEST_FIRST, &reader, problem);
    if (status != STATUS_OK) {
        return status;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        status = files_failure("make", path, problem);
    } else {
        status = write_all(reader, forgotten, path, fd, any, problem);
        close(fd);
    }
    if (fd >= 0 && !*any) {
        (void)unlink(path);
    }
    journal_reader_free(reader);
    return status;
}

static enum status add_all(struct segment_cursor *cursor, struct journal *journal, uint8_t *buffer)
{
    struct decision_record record;
    size_t waiting = 0;
    enum status status = segment_next(cursor, buffer, &record);
    while (status == STATUS_OK) {
        journal_add(journal, &record);
        waiting += decision_record_size(&record);
        if (waiting >= FLUSH_BYTES) {
            journal_flush(journal);
            waiting = 0;
        }
        status = segment_next(cursor, buffer, &record);
    }
    journal_flush(journal);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status fill(const char *path, struct journal *journal, struct problem *problem)
{
    struct segment_cursor cursor;
    struct journal_counts counts;
    enum status status = segment_open_file(path, &cursor, problem);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *buffer = malloc(DECISION_RECORD_MAX);
    status = buffer != NULL ? add_all(&cursor, journal, buffer) : STATUS_NO_MEMORY;
    free(buffer);
    segment_close(&cursor);
    journal_count(journal, &counts);
    if (status == STATUS_OK && counts.dropped > 0) {
        problem_set(problem, "%.200s: the journal cannot be written", path);
        return STATUS_IO;
    }
    if (status != STATUS_OK) {
        problem_set(problem, "%.200s cannot be read: %s", path, status_text(status));
    }
    return status;
}

enum status backup_journal_read(const char *path, const char *data, struct problem *problem)
{
    char directory[FILES_PATH_SIZE];
    struct journal *journal = NULL;
    struct journal_options options = {.data = data, .share_ppm = JOURNAL_SHARE_ALL};
    enum status status = journal_open(&options, &journal, problem);
    if (status == STATUS_OK) {
        status = fill(path, journal, problem);
    }
    journal_close(journal);
    if (status == STATUS_OK && unlink(path) != 0) {
        return files_failure("remove", path, problem);
    }
    if (status == STATUS_OK) {
        status = segments_directory(data, directory, problem);
    }
    return status == STATUS_OK ? files_sync(directory, problem) : status;
}
