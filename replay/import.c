#include "replay/import.h"

#include <string.h>

#include "replay/formats.h"

static const struct {
    const char *name;
    enum status (*read)(FILE *file, const struct import_options *options,
                        const struct import_sink *sink, struct problem *problem);
} formats[IMPORT_FORMAT_COUNT] = {
    [IMPORT_JSONL] = {"jsonl", import_jsonl},
    [IMPORT_KUAIRAND] = {"kuairand", import_kuairand},
    [IMPORT_YOUTUBE] = {"youtube", import_youtube},
    [IMPORT_OBD] = {"obd", import_obd},
    [IMPORT_MOVIELENS] = {"movielens", import_movielens},
    [IMPORT_METARANK] = {"metarank", import_metarank},
};

const char *import_format_name(enum import_format format)
{
    return formats[format].name;
}

enum status import_format_find(const char *name, enum import_format *out, struct problem *problem)
{
    for (size_t i = 0; i < IMPORT_FORMAT_COUNT; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            *out = (enum import_format)i;
            return STATUS_OK;
        }
    }
    problem_set(
        problem,
        "unknown format \"%.40s\"; jsonl, kuairand, youtube, obd, movielens and metarank are known",
        name);
    return STATUS_NOT_FOUND;
}

enum status import_read(FILE *file, const struct import_options *options,
                        const struct import_sink *sink, struct problem *problem)
{
    return formats[options->format].read(file, options, sink, problem);
}
