#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "tests/fuzz/message_mutator.h"
#include "tests/server/whole_service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/*
 * The whole service, without a network: an input is a series of messages, each for the method that
 * it names.
 *
 *   bytes  what
 *   1      method: a row of all tables, modulo their count
 *   1      bit 0: the client's stream ends with it; the others: memory of the turn, 0 all there is,
 *          else so many times MEMORY_STEP bytes
 *   2      size of the message, little-endian; cut off at the input's end
 *          the message
 *
 * What must be true of each turn is said in whole_service.h. After INPUTS inputs, or DECISIONS in
 * the journal, which DiffWeights ranks again each time, the state is compared with that of the log,
 * and all begins anew.
 */
enum { FRAME_HEAD = 4, ARENA_SIZE = 1 << 20, MEMORY_STEP = 256, INPUTS = 400, DECISIONS = 20 };

static const int64_t now_ms = INT64_C(1700000000000);

struct open_stream {
    bool open;
    alignas(max_align_t) char state[METHOD_STATE_SIZE];
};

struct fixture {
    struct whole_service whole;
    struct open_stream streams[WHOLE_METHOD_COUNT];
    size_t inputs;
    char *memory;
    struct arena arena;
};

static struct fixture *only_fixture;

static void end(void)
{
    whole_service_close_checked(&only_fixture->whole);
    free(only_fixture->memory);
    free(only_fixture);
}

static struct fixture *begin(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    CHECK(fixture != NULL);
    whole_service_open(&fixture->whole);
    fixture->memory = malloc(ARENA_SIZE);
    CHECK(fixture->memory != NULL);
    only_fixture = fixture;
    CHECK(atexit(end) == 0);
    return fixture;
}

static void begin_anew(struct fixture *fixture)
{
    whole_service_close_checked(&fixture->whole);
    whole_service_open(&fixture->whole);
    memset(fixture->streams, 0, sizeof(fixture->streams));
    fixture->inputs = 0;
}

struct frame {
    size_t method;
    bool last;
    size_t memory;
    struct text message;
};

static struct frame frame_of(const uint8_t *data, size_t size)
{
    size_t length = (size_t)data[2] | (size_t)data[3] << 8;
    size_t steps = data[1] / 2;
    return (struct frame){
        .method = data[0] % WHOLE_METHOD_COUNT,
        .last = data[1] % 2 == 1,
        .memory = steps == 0 ? ARENA_SIZE : steps * MEMORY_STEP,
        .message = {.data = (const char *)data + FRAME_HEAD,
                    .size = length < size - FRAME_HEAD ? length : size - FRAME_HEAD}};
}

static void begin_turn(struct fixture *fixture, const struct frame *frame, struct turn *turn)
{
    arena_init(&fixture->arena, fixture->memory, frame->memory);
    *turn = (struct turn){.arena = &fixture->arena,
                          .request_bytes = frame->message,
                          .state = fixture->streams[frame->method].state,
                          .now_ms = now_ms};
}

static void end_client_stream(struct fixture *fixture, const struct frame *frame)
{
    struct turn turn;
    begin_turn(fixture, frame, &turn);
    turn.request_bytes = (struct text){0};
    (void)whole_service_run(&fixture->whole, &fixture->whole.methods[frame->method], &turn);
    arena_reset(&fixture->arena);
}

static void run_frame(struct fixture *fixture, const struct frame *frame)
{
    const struct method *method = &fixture->whole.methods[frame->method];
    struct open_stream *stream = &fixture->streams[frame->method];
    bool streams = method->kind == METHOD_CLIENT_STREAM || method->kind == METHOD_BIDI;
    if (!stream->open) {
        memset(stream->state, 0, sizeof(stream->state));
    }
    struct turn turn;
    begin_turn(fixture, frame, &turn);
    stream->open = whole_service_decode(method, &turn) &&
                   whole_service_run(&fixture->whole, method, &turn) && streams;
    arena_reset(&fixture->arena);
    if (stream->open && frame->last) {
        if (method->kind == METHOD_CLIENT_STREAM) {
            end_client_stream(fixture, frame);
        }
        stream->open = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *fixture = only_fixture != NULL ? only_fixture : begin();
    while (size >= FRAME_HEAD) {
        struct frame frame = frame_of(data, size);
        run_frame(fixture, &frame);
        data += FRAME_HEAD + frame.message.size;
        size -= FRAME_HEAD + frame.message.size;
    }
    struct journal_counts counts;
    journal_flush(fixture->whole.journal);
    journal_count(fixture->whole.journal, &counts);
    if (++fixture->inputs == INPUTS || counts.written >= DECISIONS) {
        begin_anew(fixture);
    }
    return 0;
}

/* Changes the message of one frame, such that it stays a message and the frames stay frames. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size_t at = 0;
    for (unsigned skip = seed % 8; skip > 0 && size - at >= FRAME_HEAD; skip--) {
        size_t next = at + FRAME_HEAD + frame_of(data + at, size - at).message.size;
        if (size - next < FRAME_HEAD) {
            break;
        }
        at = next;
    }
    unsigned how = seed / 8;
    if (size - at < FRAME_HEAD || how % 16 == 0) {
        return mutate_bytes(data, size, most);
    }
    if (how % 16 == 1) {
        data[at + how / 16 % 2] = (uint8_t)(how / 32);
        return size;
    }
    uint8_t *message = data + at + FRAME_HEAD;
    size_t length = frame_of(data + at, size - at).message.size;
    size_t rest = size - at - FRAME_HEAD - length;
    size_t room = most - size < UINT16_MAX - length ? most - size : UINT16_MAX - length;
    uint8_t *changed = malloc(length + room + 1);
    CHECK(changed != NULL);
    memcpy(changed, message, length);
    size_t new_length = mutate_message(changed, length, length + room, how / 16);
    memmove(message + new_length, message + length, rest);
    memcpy(message, changed, new_length);
    free(changed);
    data[at + 2] = (uint8_t)new_length;
    data[at + 3] = (uint8_t)(new_length >> 8);
    return size - length + new_length;
}
