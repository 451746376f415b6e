#include "replay/part_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC_SIZE = 8, LIMIT_BYTES = 16 << 20, DIGITS = 17 };

static const char magic[MAGIC_SIZE] = "RRpart1";

enum status part_file_write(FILE *file, const json_t *about)
{
    char *text = json_dumps(about, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (text == NULL) {
        return STATUS_NO_MEMORY;
    }
    uint64_t size = strlen(text);
    bool written = fwrite(magic, sizeof(magic), 1, file) == 1 &&
                   fwrite(&size, sizeof(size), 1, file) == 1 && fwrite(text, size, 1, file) == 1;
    free(text);
    return written ? STATUS_OK : STATUS_IO;
}

static enum status refuse(struct problem *problem)
{
    problem_set(problem, "this is no part of a replay, or of another version, or damaged");
    return STATUS_CORRUPT;
}

static enum status read_json(FILE *file, uint64_t size, json_t **out, struct problem *problem)
{
    char *text = malloc(size + 1);
    if (text == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool whole = fread(text, size, 1, file) == 1;
    *out = whole ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (*out == NULL || !json_is_object(*out)) {
        json_decref(*out);
        return refuse(problem);
    }
    return STATUS_OK;
}

enum status part_file_read(FILE *file, json_t **out, struct problem *problem)
{
    char found[MAGIC_SIZE];
    uint64_t size;
    bool begins = fread(found, sizeof(found), 1, file) == 1 &&
                  memcmp(found, magic, sizeof(found)) == 0 &&
                  fread(&size, sizeof(size), 1, file) == 1;
    if (!begins || size == 0 || size > LIMIT_BYTES) {
        return refuse(problem);
    }
    return read_json(file, size, out, problem);
}
