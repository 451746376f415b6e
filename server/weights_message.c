#include "server/weights_message.h"

#include <stdio.h>
#include <string.h>

enum status weights_message_of(const struct weights_source *source, struct arena *arena,
                               struct weights_message *out)
{
    size_t count = source->model_count;
    char *yaml = arena_new(arena, char, source->yaml.size + 1);
    Reelrank__V1__ModelFile *files = arena_new(arena, Reelrank__V1__ModelFile, count);
    Reelrank__V1__ModelFile **list = arena_new(arena, Reelrank__V1__ModelFile *, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    memcpy(yaml, source->yaml.data, source->yaml.size);
    for (size_t i = 0; i < count; i++) {
        reelrank__v1__model_file__init(&files[i]);
        files[i].name = (char *)source->models[i].name;
        files[i].content.data = (uint8_t *)source->models[i].content.data;
        files[i].content.len = source->models[i].content.size;
        list[i] = &files[i];
    }
    *out = (struct weights_message){.yaml = yaml, .models = list, .model_count = count};
    return STATUS_OK;
}

enum status weights_message_source(const struct weights_message *message, struct arena *arena,
                                   struct weights_source *out, struct problem *problem)
{
    size_t count = message->model_count;
    struct weights_model_file *models = arena_new(arena, struct weights_model_file, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const Reelrank__V1__ModelFile *file = message->models[i];
        size_t size = strlen(file->name);
        if (size >= sizeof(models[i].name)) {
            problem_set(problem, "models: a name has %zu bytes, allowed are 1 to %d", size,
                        WEIGHTS_MODEL_NAME_SIZE - 1);
            return STATUS_INVALID;
        }
        memcpy(models[i].name, file->name, size + 1);
        models[i].content = (struct text){(const char *)file->content.data, file->content.len};
    }
    *out = (struct weights_source){
        .yaml = text_of(message->yaml), .models = models, .model_count = count};
    return STATUS_OK;
}
