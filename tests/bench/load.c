#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ranker/check.h"
#include "tests/bench/loop.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"
#include "tests/bench/rankings.h"

/*
 * A load generator for unary gRPC calls, and for streams both ways that answer message by message.
 * It goes round a pool of different bodies, so that the server's data is not all in cache, and it
 * takes no error for an answer.
 */

struct options {
    int64_t port;
    const char *path;
    const char *pool;
    int64_t requests;
    int64_t seconds;
    int64_t connections;
    int64_t streams;
    int64_t messages;
    bool tls;
    int64_t rate;
    bool relaxed;
    int64_t patience_ms;
    int64_t timeout_ms;
    bool survive;
    bool rankings;
    const char *save;
};

static const struct argument arguments[] = {
    {.name = "port",
     .value_name = "N",
     .help = "port of the server on 127.0.0.1",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, port),
     .minimum = 1,
     .maximum = 65535,
     .required = true},
    {.name = "path",
     .value_name = "PATH",
     .help = "the method",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, path),
     .initial = "/reelrank.v1.RankingService/Rank"},
    {.name = "pool",
     .value_name = "FILE",
     .help = "gRPC frames to send, one after another",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, pool),
     .required = true},
    {.name = "requests",
     .value_name = "N",
     .help = "how many in all, at most; 0: as many as there is time for",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, requests),
     .initial = "10000",
     .minimum = 0,
     .maximum = 1000000000},
    {.name = "seconds",
     .value_name = "N",
     .help = "time to send in; 0: as long as it takes",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, seconds),
     .initial = "0",
     .minimum = 0,
     .maximum = 1000000},
    {.name = "connections",
     .value_name = "N",
     .help = "connections",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, connections),
     .initial = "8",
     .minimum = 1,
     .maximum = LOOP_CONNECTIONS_MAX},
    {.name = "streams",
     .value_name = "N",
     .help = "calls under way on each connection",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, streams),
     .initial = "8",
     .minimum = 1,
     .maximum = CONNECTION_STREAMS_MAX},
    {.name = "messages",
     .value_name = "N",
     .help = "unanswered messages of each stream, of a method that streams; 0: it is unary",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, messages),
     .initial = "0",
     .minimum = 0,
     .maximum = CONNECTION_MESSAGES_MAX},
    {.name = "tls",
     .help = "TLS, whatever the server's certificate",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, tls)},
    {.name = "rate",
     .value_name = "N",
     .help = "open loop: requests a second; 0: closed loop",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, rate),
     .initial = "0",
     .minimum = 0,
     .maximum = 10000000},
    {.name = "relaxed",
     .help = "open loop: be late by up to a millisecond, rather than wait by looking at the clock",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, relaxed)},
    {.name = "patience-ms",
     .value_name = "N",
     .help = "open loop: give a call up that cannot be sent within that; 0: never",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, patience_ms),
     .initial = "0",
     .minimum = 0,
     .maximum = 1000000},
    {.name = "timeout-ms",
     .value_name = "N",
     .help = "deadline of each call; 0: none",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, timeout_ms),
     .initial = "0",
     .minimum = 0,
     .maximum = 99999999},
    {.name = "survive",
     .help = "open connections again that the server ends, instead of giving up",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, survive)},
    {.name = "rankings",
     .help = "read the answers, which are Rank's in packed form, and add them up",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, rankings)},
    {.name = "save",
     .value_name = "FILE",
     .help = "where to write the last answer's message",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, save)},
};

static const struct program program = {
    .summary = "Loads a gRPC method over HTTP/2 and prints one line of JSON.",
    .examples = "  load --port 7070 --pool ids.pool\n"
                "  load --port 7070 --pool ids.pool --rate 5000 --streams 64 --seconds 10\n"
                "  load --port 7070 --pool stream.pool --path "
                "/reelrank.v1.RankingService/RankStream --messages 8 --streams 1\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct load {
    const char *save;          /* may be NULL */
    struct rankings *rankings; /* likewise */
    struct pool pool;
    size_t turn; /* the next body */
    uint64_t answers;
    uint64_t bytes;
    size_t least_bytes;
    size_t most_bytes;
};

static struct text message_of(struct text frame)
{
    CHECK(frame.size >= POOL_HEADER_SIZE);
    return (struct text){.data = frame.data + POOL_HEADER_SIZE,
                         .size = frame.size - POOL_HEADER_SIZE};
}

static void save(const char *path, struct text message)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(message.data, 1, message.size, file) != message.size ||
        fclose(file) != 0) {
        give_up("%s: %s", path, strerror(errno));
    }
}

static bool check(void *context, const struct answer *answer)
{
    struct load *load = context;
    if (answer->size < POOL_HEADER_SIZE) {
        return false;
    }
    if (load->rankings != NULL && !rankings_add(load->rankings, message_of(answer->kept))) {
        return false;
    }
    load->answers++;
    load->bytes += answer->size;
    load->least_bytes = answer->size < load->least_bytes ? answer->size : load->least_bytes;
    load->most_bytes = answer->size > load->most_bytes ? answer->size : load->most_bytes;
    if (load->save != NULL) {
        save(load->save, message_of(answer->kept));
    }
    return true;
}

static struct text next_body(void *context)
{
    struct load *load = context;
    return load->pool.frames[load->turn++ % load->pool.count];
}

static size_t longest_body(const struct pool *pool)
{
    size_t longest = 0;
    for (size_t i = 0; i < pool->count; i++) {
        longest = pool->frames[i].size > longest ? pool->frames[i].size : longest;
    }
    if (longest > CONNECTION_BODY_MAX) {
        give_up("a body has %zu bytes; at most %d are possible", longest, CONNECTION_BODY_MAX);
    }
    return longest;
}

static void run(struct load *load, const struct options *options, struct loop_result *result)
{
    struct loop_options loop_options = {
        .connection = {.port = (uint16_t)options->port,
                       .path = options->path,
                       .streams = (size_t)options->streams,
                       .messages = (size_t)options->messages,
                       .tls = options->tls,
                       .keep = options->save != NULL || options->rankings,
                       .survive = options->survive,
                       .timeout_ms = (unsigned)options->timeout_ms},
        .connections = (size_t)options->connections,
        .rate = (uint64_t)options->rate,
        .relaxed = options->relaxed,
        .patience_seconds = (double)options->patience_ms / 1000,
        .messages = (uint64_t)options->requests,
        .seconds = (double)options->seconds,
        .body_max = longest_body(&load->pool),
        .next = next_body,
        .check = check,
        .context = load,
    };
    loop_run(&loop_options, result);
}

static void print(const struct load *load, struct loop_result *result)
{
    double answers = (double)result->answers;
    printf("{\"requests\": %" PRIu64 ", \"rps\": %.1f, \"client_cpu_us\": %.2f, "
           "\"lost\": %" PRIu64 ", \"seconds\": %.3f, ",
           result->answers, answers / result->seconds, result->cpu_seconds * 1e6 / answers,
           result->lost, result->seconds);
    printf("\"least_bytes\": %zu, \"most_bytes\": %zu, \"bytes\": %.1f, ",
           load->answers > 0 ? load->least_bytes : 0, load->most_bytes,
           load->answers > 0 ? (double)load->bytes / (double)load->answers : 0);
    if (load->rankings != NULL) {
        rankings_print(load->rankings);
    }
    loop_print(result);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    if (options.save != NULL && options.connections * options.streams != 1) {
        give_up("--save needs --connections 1 --streams 1");
    }
    if (options.requests == 0 && options.seconds == 0) {
        give_up("--requests or --seconds must be given");
    }
    struct rankings rankings = {0};
    struct load load = {.save = options.save,
                        .rankings = options.rankings ? &rankings : NULL,
                        .least_bytes = SIZE_MAX};
    struct loop_result result;
    pool_read(&load.pool, options.pool);
    run(&load, &options, &result);
    print(&load, &result);
    pool_release(&load.pool);
    loop_release(&result);
    return result.failures > 0 ? 1 : 0;
}
