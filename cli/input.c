#include "cli/input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"

enum { NAME_BYTES_MAX = 120 };

const char *input_name(const char *path)
{
    size_t length = strlen(path);
    return length > NAME_BYTES_MAX ? path + (length - NAME_BYTES_MAX) : path;
}

static enum status read_stream(FILE *file, const char *path, size_t limit, char **out, size_t *size,
                               struct problem *problem)
{
    char *data = NULL;
    size_t used = 0;
    size_t room = 0;
    do {
        room = room == 0 ? 1 << 16 : room * 2;
        char *larger = realloc(data, room + 1);
        if (larger == NULL) {
            free(data);
            problem_set(problem, "%s: out of memory", input_name(path));
            return STATUS_NO_MEMORY;
        }
        data = larger;
        used += fread(data + used, 1, room - used, file);
    } while (used == room && used <= limit);
    if (ferror(file) != 0 || used > limit) {
        free(data);
        if (used > limit) {
            problem_set(problem, "%s is longer than the %zu bytes allowed", input_name(path),
                        limit);
            return STATUS_INVALID;
        }
        problem_set(problem, "cannot read %s: %s", input_name(path), strerror(errno));
        return STATUS_IO;
    }
    data[used] = '\0';
    *out = data;
    *size = used;
    return STATUS_OK;
}

enum status input_read(const char *path, size_t limit, char **out, size_t *size,
                       struct problem *problem)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, "standard input", limit, out, size, problem);
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        problem_set(problem, "cannot open %s: %s", input_name(path), strerror(errno));
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    enum status status = read_stream(file, path, limit, out, size, problem);
    fclose(file);
    return status;
}

static size_t count_lines(struct text text)
{
    size_t count = 0;
    while (text.size > 0) {
        (void)text_take(&text, '\n');
        count++;
    }
    return count;
}

static enum status candidate_of_id(struct text id, struct arena *arena,
                                   Reelrank__V1__Candidate **out)
{
    Reelrank__V1__Candidate *candidate = arena_new(arena, Reelrank__V1__Candidate, 1);
    char *copy = arena_new(arena, char, id.size + 1);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    reelrank__v1__candidate__init(candidate);
    memcpy(copy, id.data, id.size);
    candidate->video_id = copy;
    *out = candidate;
    return STATUS_OK;
}

static enum status candidate_of_json(struct text json, struct arena *arena,
                                     Reelrank__V1__Candidate **out, struct problem *problem)
{
    ProtobufCMessage *message = NULL;
    enum status status =
        json_parse(json, &reelrank__v1__candidate__descriptor, arena, &message, problem);
    if (status == STATUS_OK) {
        *out = (Reelrank__V1__Candidate *)(void *)message;
    }
    return status;
}

static enum status read_lines(struct text text, bool json, struct arena *arena,
                              Reelrank__V1__RankRequest *out, struct problem *problem)
{
    Reelrank__V1__Candidate **items =
        arena_new(arena, Reelrank__V1__Candidate *, count_lines(text));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t number = 1; text.size > 0; number++) {
        struct text line = text_trim(text_take(&text, '\n'));
        if (line.size == 0) {
            continue;
        }
        struct problem inner = {""};
        enum status status = json ? candidate_of_json(line, arena, &items[count], &inner)
                                  : candidate_of_id(line, arena, &items[count]);
        if (status != STATUS_OK) {
            problem_set(problem, "line %zu: %.250s", number, inner.text);
            return status;
        }
        count++;
    }
    out->candidates = items;
    out->n_candidates = count;
    return STATUS_OK;
}

/* An array is the value of a field of RankRequest; ids and objects have one each. */
static enum status read_array(struct text array, struct arena *arena,
                              Reelrank__V1__RankRequest *out, struct problem *problem)
{
    struct text inside = text_trim((struct text){.data = array.data + 1, .size = array.size - 1});
    const char *field = inside.size > 0 && inside.data[0] == '{' ? "candidates" : "candidate_ids";
    size_t size = array.size + 32;
    char *json = arena_new(arena, char, size);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    int length = snprintf(json, size, "{\"%s\":%.*s}", field, (int)array.size, array.data);
    ProtobufCMessage *message = NULL;
    enum status status =
        json_parse((struct text){.data = json, .size = (size_t)length},
                   &reelrank__v1__rank_request__descriptor, arena, &message, problem);
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__V1__RankRequest *parsed = (const Reelrank__V1__RankRequest *)(void *)message;
    out->candidates = parsed->candidates;
    out->n_candidates = parsed->n_candidates;
    out->candidate_ids = parsed->candidate_ids;
    out->n_candidate_ids = parsed->n_candidate_ids;
    return STATUS_OK;
}

enum status input_candidates(struct text text, struct arena *arena, Reelrank__V1__RankRequest *out,
                             struct problem *problem)
{
    struct text content = text_trim(text);
    if (memchr(content.data, '\0', content.size) != NULL) {
        problem_set(problem, "a zero byte where text is expected");
        return STATUS_INVALID;
    }
    if (content.size > 0 && content.data[0] == '[') {
        return read_array(content, arena, out, problem);
    }
    return read_lines(text, content.size > 0 && content.data[0] == '{', arena, out, problem);
}
