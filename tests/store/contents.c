/* For memmem(3); must precede every include. */
#define _GNU_SOURCE

#include "tests/store/contents.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "store/files.h"

enum { FILE_BYTES_MAX = 64 << 20 };

static bool file_has(const char *path, const char *text)
{
    static char contents[FILE_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(contents, 1, sizeof(contents), file);
    fclose(file);
    return memmem(contents, length, text, strlen(text)) != NULL;
}

bool contents_have_text(const char *directory, const char *text)
{
    bool found = false;
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    CHECK(entries != NULL);
    while (entry = readdir(entries), entry != NULL) {
        char path[FILES_PATH_SIZE];
        CHECK(files_join(directory, entry->d_name, path, NULL) == STATUS_OK);
        found |= entry->d_name[0] != '.' && file_has(path, text);
    }
    closedir(entries);
    return found;
}
