#include "ranker/weights_memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

struct memory_block {
    struct memory_block *next;
    _Alignas(max_align_t) char bytes[];
};

void *weights_memory_add(struct weights_memory *memory, size_t count, size_t size)
{
    CHECK(count <= (SIZE_MAX - sizeof(struct memory_block)) / size);
    struct memory_block *block = calloc(1, sizeof(*block) + count * size);
    if (block == NULL) {
        memory->failed = true;
        return NULL;
    }
    block->next = memory->blocks;
    memory->blocks = block;
    return block->bytes;
}

/* A model file's own words may be anything. */
static void make_printable(char *text)
{
    for (bool utf8 = text_is_utf8(text_of(text)); *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !utf8)) {
            *text = '?';
        }
    }
}

static void load(struct weights_memory *memory, const struct weights_loader *loader,
                 struct model_file *file)
{
    if (loader == NULL) {
        problem_set(&file->problem, "there are no model files here");
        return;
    }
    enum status status = loader->load(loader->context, file->name, &file->bytes, &file->problem);
    if (status == STATUS_OK) {
        status = trees_parse(file->bytes, &file->trees, &file->problem);
    }
    if (status == STATUS_NO_MEMORY) {
        memory->failed = true;
    } else if (status != STATUS_OK && file->problem.text[0] == '\0') {
        problem_set(&file->problem, "%s", status_text(status));
    }
    make_printable(file->problem.text);
}

const struct model_file *weights_memory_file(struct weights_memory *memory,
                                             const struct weights_loader *loader, struct text name)
{
    char text[WEIGHTS_FILE_NAME_MAX + 1];
    CHECK(name.size < sizeof(text));
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    struct model_file **at = &memory->files;
    while (*at != NULL && strcmp((*at)->name, text) < 0) {
        at = &(*at)->next;
    }
    if (*at != NULL && strcmp((*at)->name, text) == 0) {
        return *at;
    }
    if (memory->file_count == WEIGHTS_FILES_MAX) {
        return NULL;
    }
    struct model_file *file = weights_memory_new(memory, struct model_file, 1);
    if (file != NULL) {
        memcpy(file->name, text, sizeof(text));
        file->next = *at;
        *at = file;
        memory->file_count++;
        load(memory, loader, file);
    }
    return file;
}

void weights_memory_release(struct weights_memory *memory)
{
    for (const struct model_file *file = memory->files; file != NULL; file = file->next) {
        trees_free(file->trees);
    }
    while (memory->blocks != NULL) {
        struct memory_block *block = memory->blocks;
        memory->blocks = block->next;
        free(block);
    }
    *memory = (struct weights_memory){0};
}
