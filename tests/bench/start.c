#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "ranker/state.h"
#include "store/store.h"
#include "tests/bench/program.h"

/* Opens a data directory as a server does at its start, and says how long that takes. */

#define MAP_BYTES ((size_t)1 << 34)

struct options {
    const char *data;
};

static const struct argument arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .help = "data directory",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, data),
     .required = true},
};

static const struct program program = {
    .summary = "Opens a data directory and closes it again.",
    .examples = "  start --data /tmp/reels\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

static void warn(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "start: %s\n", text);
}

static void print(struct store *store, int64_t opened_ns)
{
    struct state_counts counts;
    struct state_digests digests;
    uint64_t checkpoint = store_checkpoint_sequence(store);
    const struct state *state = store_begin(store);
    state_count(state, &counts);
    if (state_digest(state, &digests) != STATUS_OK) {
        give_up("the state cannot be read");
    }
    printf("{\"open_seconds\": %.3f, \"sequence\": %" PRIu64 ", \"checkpoint\": %" PRIu64
           ", \"videos\": %" PRIu64 ", \"users\": %" PRIu64 ", \"statistics\": %" PRIu64
           ", \"digest\": \"%016" PRIx64 "\"",
           (double)opened_ns / 1e9, state_sequence(state), checkpoint, counts.videos, counts.users,
           counts.statistics, digests.all);
    store_end(store);
}

int main(int argc, char **argv)
{
    struct options options;
    struct store *store;
    struct problem problem;
    program_options(&program, argc, argv, &options);
    struct store_options store_options = {
        .log = {.path = options.data, .map_bytes = MAP_BYTES},
        .warn = warn,
    };
    int64_t start = program_now_ns();
    if (store_open(&store_options, &store, &problem) != STATUS_OK) {
        give_up("%s", problem.text);
    }
    print(store, program_now_ns() - start);
    start = program_now_ns();
    store_close(store);
    printf(", \"close_seconds\": %.3f}\n", (double)(program_now_ns() - start) / 1e9);
    return 0;
}
