#include "proto/json.h"

#include <stdint.h>
#include <stdlib.h>

#include "all_types.pb-c.h"
#include "ranker/check.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 4 << 20 };

static ProtobufCMessage *parse(struct text text, const ProtobufCMessageDescriptor *descriptor,
                               char *memory, struct arena *arena)
{
    struct problem problem;
    ProtobufCMessage *message = NULL;
    arena_init(arena, memory, ARENA_BYTES);
    enum status status = json_parse(text, descriptor, arena, &message, &problem);
    CHECK(status == STATUS_OK || status == STATUS_INVALID || status == STATUS_NO_MEMORY);
    return status == STATUS_OK ? message : NULL;
}

/* What is accepted means one thing: written and read again it is written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &reelrank__test__all_types__descriptor,
        &reelrank__v1__log_entry__descriptor,
        &reelrank__v1__rank_request__descriptor,
    };
    static char memory[ARENA_BYTES];
    struct arena arena;
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
        struct text text = {(const char *)data, size};
        ProtobufCMessage *message = parse(text, descriptors[i], memory, &arena);
        if (message == NULL) {
            continue;
        }
        char *first = json_format(message, (enum json_style)(size % (JSON_PRETTY + 1)));
        CHECK(first != NULL);
        message = parse(text_of(first), descriptors[i], memory, &arena);
        CHECK(message != NULL);
        char *second = json_format(message, (enum json_style)(size % (JSON_PRETTY + 1)));
        CHECK(second != NULL);
        CHECK(strcmp(first, second) == 0);
        free(first);
        free(second);
    }
    return 0;
}
