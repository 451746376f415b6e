#include "proto/json.h"

#include <stdint.h>
#include <stdlib.h>

#include "all_types.pb-c.h"
#include "proto/json_read.h"
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

static uint8_t *pack(const ProtobufCMessage *message, size_t *size)
{
    *size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(*size + 1);
    CHECK(bytes != NULL);
    CHECK(protobuf_c_message_pack(message, bytes) == *size);
    return bytes;
}

/* What one pass reads, the tree reads to the same bytes. */
static void compare_readers(struct text text, const ProtobufCMessageDescriptor *descriptor)
{
    static char plain_memory[ARENA_BYTES];
    static char tree_memory[ARENA_BYTES];
    struct arena plain_arena;
    struct arena tree_arena;
    struct problem problem;
    ProtobufCMessage *plain;
    ProtobufCMessage *tree;
    arena_init(&plain_arena, plain_memory, ARENA_BYTES);
    if (!json_read_plain(text, descriptor, &plain_arena, &plain)) {
        CHECK(plain_arena.used == 0);
        CHECK(!plain_arena.full);
        return;
    }
    arena_init(&tree_arena, tree_memory, ARENA_BYTES);
    CHECK(json_read_tree(text, descriptor, &tree_arena, &tree, &problem) == STATUS_OK);
    size_t plain_size;
    size_t tree_size;
    uint8_t *plain_bytes = pack(plain, &plain_size);
    uint8_t *tree_bytes = pack(tree, &tree_size);
    CHECK(plain_size == tree_size);
    CHECK(memcmp(plain_bytes, tree_bytes, plain_size) == 0);
    free(plain_bytes);
    free(tree_bytes);
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
        compare_readers(text, descriptors[i]);
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
