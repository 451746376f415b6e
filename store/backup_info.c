#include "store/backup_info.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX_SIZE = 17 };

const char backup_journal_name[] = "journal.seg";

static const char data_name[] = "data.mdb";

static json_t *hex_text(uint64_t number)
{
    char text[HEX_SIZE];
    snprintf(text, sizeof(text), "%016" PRIx64, number);
    return json_string(text);
}

static json_t *format_files(const struct backup_info *info)
{
    json_t *files = json_array();
    int failed = 0;
    for (size_t i = 0; i < info->file_count; i++) {
        const struct backup_file *file = &info->files[i];
        json_t *object = json_object();
        /* json_object_set_new() refuses a NULL value or object, and says so. */
        failed |= json_object_set_new(object, "name", json_string(file->name));
        failed |= json_object_set_new(object, "bytes", json_integer((json_int_t)file->bytes));
        failed |= json_object_set_new(object, "xxh3", hex_text(file->checksum));
        failed |= json_array_append_new(files, object);
    }
    if (failed != 0) {
        json_decref(files);
        return NULL;
    }
    return files;
}

char *backup_info_format(const struct backup_info *info)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "format", json_integer(BACKUP_FORMAT_VERSION));
    failed |= json_object_set_new(object, "first", json_integer((json_int_t)info->first));
    failed |= json_object_set_new(object, "base", json_integer((json_int_t)info->base));
    failed |= json_object_set_new(object, "sequence", json_integer((json_int_t)info->sequence));
    failed |= json_object_set_new(object, "made_ms", json_integer(info->made_ms));
    failed |= json_object_set_new(object, "state_digest", hex_text(info->state_digest));
    failed |= json_object_set_new(object, "aggregates_digest", hex_text(info->aggregates_digest));
    failed |= json_object_set_new(object, "files", format_files(info));
    char *text = failed == 0 ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    return text;
}

static bool get_number(const json_t *object, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_hash(const json_t *object, const char *name, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) != HEX_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != HEX_SIZE - 1) {
        return false;
    }
    *out = strtoull(text, NULL, 16);
    return true;
}

/* The bytes and checksum of a file whose name is known. */
static bool get_file(const json_t *object, const char *name, struct backup_info *info)
{
    struct backup_file *file = &info->files[info->file_count];
    if (!get_number(object, "bytes", &file->bytes) || !get_hash(object, "xxh3", &file->checksum)) {
        return false;
    }
    snprintf(file->name, sizeof(file->name), "%s", name);
    info->file_count++;
    info->bytes += file->bytes;
    return info->bytes >= file->bytes;
}

/* A name from outside is compared with the one it must be, and never used. */
static bool get_named_file(const json_t *object, const char *name, struct backup_info *info)
{
    const char *found = json_string_value(json_object_get(object, "name"));
    return found != NULL && strcmp(found, name) == 0 && get_file(object, name, info);
}

static bool get_files(const json_t *object, uint64_t format, struct backup_info *info)
{
    char base[SNAPSHOT_NAME_SIZE];
    const json_t *files = json_object_get(object, "files");
    size_t count = info->base > 0 ? 2 : 1;
    size_t most = format >= 3 ? count + 1 : count;
    size_t found = json_array_size(files);
    snapshot_name(info->base, base);
    return found >= count && found <= most &&
           get_named_file(json_array_get(files, 0), data_name, info) &&
           (count == 1 || get_named_file(json_array_get(files, 1), base, info)) &&
           (found == count ||
            get_named_file(json_array_get(files, count), backup_journal_name, info));
}

/* What formats from 2 on say of which records are where. */
static bool get_places(const json_t *object, uint64_t format, struct backup_info *info)
{
    return get_number(object, "first", &info->first) && get_number(object, "base", &info->base) &&
           info->first <= info->sequence && info->base <= info->sequence &&
           (info->first <= 1 || info->base + 1 >= info->first) && get_files(object, format, info);
}

static bool get_info(const json_t *object, uint64_t format, struct backup_info *info)
{
    uint64_t made_ms;
    if (!get_number(object, "sequence", &info->sequence) ||
        !get_number(object, "made_ms", &made_ms) ||
        !get_hash(object, "state_digest", &info->state_digest) ||
        !get_hash(object, "aggregates_digest", &info->aggregates_digest)) {
        return false;
    }
    info->made_ms = (int64_t)made_ms;
    return format == 1 ? get_file(object, data_name, info) : get_places(object, format, info);
}

static enum status take_info(const json_t *object, const char *path, struct backup_info *out,
                             struct problem *problem)
{
    uint64_t format = 0;
    struct backup_info info = {.file_count = 0};
    bool known = get_number(object, "format", &format) && format > 0;
    if (known && format > BACKUP_FORMAT_VERSION) {
        problem_set(problem,
                    "%s: the backup has format %" PRIu64 "; this program reads up to %d: use a "
                    "newer reelrank",
                    path, format, BACKUP_FORMAT_VERSION);
        return STATUS_CORRUPT;
    }
    if (!known || !get_info(object, format, &info)) {
        problem_set(problem, "%s is not as a backup writes it", path);
        return STATUS_CORRUPT;
    }
    *out = info;
    return STATUS_OK;
}

enum status backup_info_parse(const char *text, size_t size, const char *path,
                              struct backup_info *out, struct problem *problem)
{
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL && error.text[0] == '\0') { /* it has nothing to say of the text */
        problem_set(problem, "%s: %s", path, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    enum status status = take_info(object, path, out, problem);
    json_decref(object);
    return status;
}
