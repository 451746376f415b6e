#include "replay/csv.h"

#include "ranker/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(const struct csv *csv, size_t column_count)
{
    size_t total = 0;
    for (size_t i = 0; i < column_count; i++) {
        struct text field = csv_field(csv, i);
        CHECK(strlen(field.data) == field.size);
        total += field.size;
    }
    CHECK(total <= CSV_LIMIT_BYTES);
}

/* Any bytes are read to their end, and every field is a string that lies in them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem;
    struct csv *csv;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "rb");
    CHECK(file != NULL);
    if (csv_open(file, &csv, &problem) == STATUS_OK) {
        size_t a = csv_column(csv, "a");
        uint64_t line = 0;
        enum status status;
        do {
            status = csv_next(csv, &problem);
            if (status == STATUS_OK) {
                check_record(csv, a == CSV_NO_COLUMN ? 1 : a + 1);
                CHECK(csv_line(csv) > line);
                line = csv_line(csv);
            }
        } while (status != STATUS_NOT_FOUND);
        csv_close(csv);
    }
    fclose(file);
    return 0;
}
