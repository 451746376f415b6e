/* For memfd_create(2); must precede every include. */
#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ranker/check.h"
#include "store/files.h"
#include "store/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes as a segment: reading ends, and what is read lies in the file, in its order. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[DECISION_RECORD_MAX];
    struct decision_record record;
    struct segment_cursor cursor = {.fd = memfd_create("segment", MFD_CLOEXEC), .end = size};
    CHECK(cursor.fd >= 0);
    CHECK(files_write(cursor.fd, data, size));
    uint64_t end = 0;
    enum status status = segment_next(&cursor, buffer, &record);
    while (status == STATUS_OK) {
        CHECK(cursor.good >= end + decision_record_size(&record));
        CHECK(cursor.good <= size);
        end = cursor.good;
        status = segment_next(&cursor, buffer, &record);
    }
    CHECK(status == STATUS_NOT_FOUND);
    CHECK(cursor.offset == size);
    segment_close(&cursor);
    return 0;
}
