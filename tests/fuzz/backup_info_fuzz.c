#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "store/backup_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_files(const struct backup_info *info)
{
    CHECK(info->file_count >= 1 && info->file_count <= BACKUP_FILES_MAX);
    CHECK(strcmp(info->files[0].name, "data.mdb") == 0);
    for (size_t i = 0; i < info->file_count; i++) {
        CHECK(strchr(info->files[i].name, '/') == NULL);
    }
}

/* What can be read is written and read again as the same, but for format 1. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct backup_info info = {.file_count = 0};
    struct backup_info again = {.file_count = 0};
    struct problem problem = {""};
    enum status status =
        backup_info_parse((const char *)data, size, "backup.json", &info, &problem);
    CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    CHECK((status == STATUS_OK) == (problem.text[0] == '\0'));
    if (status != STATUS_OK) {
        return 0;
    }
    check_files(&info);
    char *text = backup_info_format(&info);
    CHECK(text != NULL);
    CHECK(strlen(text) < BACKUP_INFO_BYTES_MAX);
    CHECK(backup_info_parse(text, strlen(text), "again", &again, &problem) == STATUS_OK);
    CHECK(memcmp(&info, &again, sizeof(info)) == 0);
    free(text);
    return 0;
}
