#include "replay/part_file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replay/part_bytes.h"

enum { MAGIC_SIZE = 8, LIMIT_BYTES = 16 << 20, DIGITS = 17 };

static const char magic[MAGIC_SIZE] = "RRpart1";

enum status part_file_write(FILE *file, const json_t *about)
{
    char *text = json_dumps(about, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
    if (text == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = fwrite(magic, sizeof(magic), 1, file) == 1 ? STATUS_OK : STATUS_IO;
    if (status == STATUS_OK) {
        status = part_write_block(file, (const uint8_t *)text, strlen(text));
    }
    free(text);
    return status;
}

static enum status refuse(struct problem *problem)
{
    problem_set(problem, "this is no part of a replay, or of another version, or damaged");
    return STATUS_CORRUPT;
}

enum status part_file_read(FILE *file, json_t **out, struct problem *problem)
{
    char found[MAGIC_SIZE];
    uint8_t *text;
    size_t size;
    if (fread(found, sizeof(found), 1, file) != 1 || memcmp(found, magic, sizeof(found)) != 0) {
        return refuse(problem);
    }
    enum status status = part_read_block(file, LIMIT_BYTES, &text, &size, problem);
    if (status != STATUS_OK) {
        return status == STATUS_CORRUPT ? refuse(problem) : status;
    }
    *out = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    if (*out == NULL || !json_is_object(*out)) {
        json_decref(*out);
        return refuse(problem);
    }
    return STATUS_OK;
}
