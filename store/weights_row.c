#include "store/weights_row.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "store/coder.h"

enum { CHANGE_VERSION = 1, FILE_VERSION = 1, MARK_VERSION = 1 };

const char *weights_origin_name(enum weights_origin origin)
{
    static const char *const names[] = {
        [ORIGIN_BUILT_IN] = "built-in",
        [ORIGIN_FILE] = "file",
        [ORIGIN_APPLY] = "apply",
        [ORIGIN_ROLLBACK] = "rollback",
    };
    CHECK(origin >= ORIGIN_BUILT_IN);
    CHECK(origin <= ORIGIN_ROLLBACK);
    return names[origin];
}

/* The length in length_size bytes, then the text. */
static uint8_t *put_text(uint8_t *at, const char *text, unsigned length_size)
{
    size_t length = strlen(text);
    at = put_fixed(at, length, length_size);
    memcpy(at, text, length);
    return at + length;
}

/* Into out[0..size), with a zero. */
static void get_text(struct bytes *bytes, unsigned length_size, char *out, size_t size)
{
    size_t length = (size_t)get_fixed(bytes, length_size);
    expect(bytes, length < size && length <= (size_t)(bytes->end - bytes->at));
    out[0] = '\0';
    if (bytes->bad) {
        return;
    }
    expect(bytes, memchr(bytes->at, '\0', length) == NULL);
    memcpy(out, bytes->at, length);
    out[length] = '\0';
    bytes->at += length;
}

size_t weights_change_encode(const struct weights_change *change,
                             uint8_t out[WEIGHTS_CHANGE_SIZE_MAX])
{
    CHECK(change->model_count <= LIMIT_MODEL_FILES);
    uint8_t *at = out + CODER_HEADER_SIZE;
    at = put_fixed(at, (uint64_t)change->time_ms, 8);
    at = put_fixed(at, change->origin, 1);
    at = put_fixed(at, change->yaml_key, 8);
    at = put_text(at, change->version, 1);
    at = put_text(at, change->note, 2);
    at = put_fixed(at, change->model_count, 1);
    for (size_t i = 0; i < change->model_count; i++) {
        at = put_text(at, change->models[i].name, 1);
        at = put_fixed(at, change->models[i].key, 8);
    }
    return seal_row(out, CHANGE_VERSION, at);
}

static void get_models(struct bytes *row, struct weights_change *change)
{
    change->model_count = (size_t)get_fixed(row, 1);
    expect(row, change->model_count <= LIMIT_MODEL_FILES);
    for (size_t i = 0; i < change->model_count && !row->bad; i++) {
        struct weights_change_model *model = &change->models[i];
        get_text(row, 1, model->name, sizeof(model->name));
        expect(row, weights_model_name_valid(model->name));
        model->key = get_fixed(row, 8);
    }
}

enum status weights_change_decode(const uint8_t *bytes, size_t size, uint64_t number,
                                  struct weights_change *out)
{
    struct bytes row = open_row(bytes, size, CHANGE_VERSION);
    out->number = number;
    out->time_ms = (int64_t)get_fixed(&row, 8);
    uint64_t origin = get_fixed(&row, 1);
    expect(&row, origin >= ORIGIN_BUILT_IN && origin <= ORIGIN_ROLLBACK);
    out->origin = (enum weights_origin)origin;
    out->yaml_key = get_fixed(&row, 8);
    get_text(&row, 1, out->version, sizeof(out->version));
    expect(&row, out->version[0] != '\0');
    get_text(&row, 2, out->note, sizeof(out->note));
    expect(&row, text_is_utf8(text_of(out->note)));
    get_models(&row, out);
    return all_read(&row) ? STATUS_OK : STATUS_CORRUPT;
}

uint64_t weights_file_key(struct text content)
{
    return XXH3_64bits(content.data, content.size);
}

void weights_file_encode(struct text content, uint8_t *out)
{
    out[0] = FILE_VERSION;
    if (content.size > 0) {
        memcpy(out + WEIGHTS_FILE_HEADER_SIZE, content.data, content.size);
    }
}

enum status weights_file_decode(const uint8_t *bytes, size_t size, uint64_t key, struct text *out)
{
    if (size < WEIGHTS_FILE_HEADER_SIZE || bytes[0] != FILE_VERSION) {
        return STATUS_CORRUPT;
    }
    struct text content = {.data = (const char *)bytes + WEIGHTS_FILE_HEADER_SIZE,
                           .size = size - WEIGHTS_FILE_HEADER_SIZE};
    if (weights_file_key(content) != key) {
        return STATUS_CORRUPT;
    }
    *out = content;
    return STATUS_OK;
}

void weights_mark_encode(uint64_t source_hash, uint8_t out[WEIGHTS_MARK_SIZE])
{
    uint8_t *at = put_fixed(out + CODER_HEADER_SIZE, source_hash, 8);
    (void)seal_row(out, MARK_VERSION, at);
}

enum status weights_mark_decode(const uint8_t *bytes, size_t size, uint64_t *source_hash)
{
    struct bytes row = open_row(bytes, size, MARK_VERSION);
    uint64_t hash = get_fixed(&row, 8);
    if (!all_read(&row)) {
        return STATUS_CORRUPT;
    }
    *source_hash = hash;
    return STATUS_OK;
}
