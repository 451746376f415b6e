#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranker/check.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/bench/dataset.h"
#include "tests/bench/feed.h"
#include "tests/bench/loop.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"

/*
 * A load generator for RecordSignals and StreamSignals. Every signal is new to the server, and
 * every answer must say that all of its batch were accepted.
 */

/* A batch fits the window that a stream begins with. */
enum { BATCH_MAX = 750, ITEM_HEADER_SIZE = 2, BATCH_ID_MAX = 11 };
enum {
    FRAME_MAX = POOL_HEADER_SIZE + BATCH_ID_MAX + BATCH_MAX * (ITEM_HEADER_SIZE + FEED_SIGNAL_MAX)
};

_Static_assert((int)FRAME_MAX <= (int)CONNECTION_BODY_MAX, "connections take the largest batch");
_Static_assert(FEED_SIGNAL_MAX < 128, "a signal's length is one byte");

struct options {
    int64_t port;
    const char *method;
    int64_t batch;
    int64_t requests;
    int64_t seconds;
    int64_t connections;
    int64_t streams;
    int64_t messages;
    int64_t rate;
    bool relaxed;
    int64_t patience_ms;
    int64_t first_user;
    int64_t users;
    int64_t first_video;
    int64_t videos;
    int64_t skew;
    int64_t seed;
    int64_t time_scale;
    int64_t time_end_ms;
};

static const char *const methods[] = {"record", "stream", NULL};

static const struct argument arguments[] = {
    {.name = "port",
     .value_name = "N",
     .help = "port of the server on 127.0.0.1",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, port),
     .minimum = 1,
     .maximum = 65535,
     .required = true},
    {.name = "method",
     .value_name = "METHOD",
     .help = "record (RecordSignals) or stream (StreamSignals)",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, method),
     .initial = "record",
     .choices = methods},
    {.name = "batch",
     .value_name = "N",
     .help = "signals in each message",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, batch),
     .initial = "256",
     .minimum = 1,
     .maximum = BATCH_MAX},
    {.name = "requests",
     .value_name = "N",
     .help = "messages in all, at most; 0: as many as there is time for",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, requests),
     .initial = "0",
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
     .help = "calls, or streams, under way on each connection",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, streams),
     .initial = "4",
     .minimum = 1,
     .maximum = CONNECTION_STREAMS_MAX},
    {.name = "messages",
     .value_name = "N",
     .help = "unanswered messages of each stream, with --method stream",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, messages),
     .initial = "2",
     .minimum = 1,
     .maximum = CONNECTION_MESSAGES_MAX},
    {.name = "rate",
     .value_name = "N",
     .help = "open loop: messages a second; 0: closed loop",
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
    {.name = "time-scale",
     .value_name = "N",
     .help = "times of signals pass so many times as fast as the clock's, and meet it at "
             "--time-end-ms",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, time_scale),
     .initial = "1",
     .minimum = 1,
     .maximum = 1000000},
    {.name = "time-end-ms",
     .value_name = "MS",
     .help = "since 1970; with --time-scale",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, time_end_ms),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_C(253402300799999)},
    {.name = "first-user",
     .value_name = "N",
     .help = "the dataset's number of the first user",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, first_user),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_C(1000000000000)},
    {.name = "users",
     .value_name = "N",
     .help = "users to draw from, all as often",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, users),
     .initial = "100000",
     .minimum = 1,
     .maximum = INT64_C(1000000000)},
    {.name = "first-video",
     .value_name = "N",
     .help = "the dataset's number of the first video",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, first_video),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_C(1000000000000)},
    {.name = "videos",
     .value_name = "N",
     .help = "videos to draw from",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "1000000",
     .minimum = 1,
     .maximum = INT64_C(1000000000)},
    {.name = "skew",
     .value_name = "N",
     .help = "1: all videos as often; more: the first ones more often",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, skew),
     .initial = "3",
     .minimum = 1,
     .maximum = 16},
    {.name = "seed",
     .value_name = "N",
     .help = "of event ids and draws; 0: of the clock, so that ids are new in every run",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, seed),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_MAX},
};

static const struct program program = {
    .summary = "Sends signals to a server over plain HTTP/2 and prints one line of JSON.",
    .examples = "  signals --port 7070 --seconds 10\n"
                "  signals --port 7070 --method stream --streams 1 --messages 8 --seconds 10\n"
                "  signals --port 7070 --rate 600 --seconds 10     600 batches a second\n"
                "  signals --port 7070 --batch 1 --connections 1 --streams 1 --requests 1000\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct traffic {
    const struct options *options;
    bool streams;
    struct feed *feed;
    uint64_t batch_id;
    /* What the answers said. */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t sequence; /* the highest */
    uint8_t frame[FRAME_MAX];
};

static size_t put_batch_id(struct traffic *traffic, size_t at)
{
    traffic->frame[at++] = 1 << 3;
    uint64_t rest = ++traffic->batch_id;
    for (; rest >= 0x80; rest >>= 7) {
        traffic->frame[at++] = (uint8_t)(rest | 0x80);
    }
    traffic->frame[at++] = (uint8_t)rest;
    return at;
}

/* Days in minutes, for a server that forgets what is days old. Never ahead of the clock. */
static int64_t signal_time_ms(const struct options *options)
{
    int64_t now_ms = program_wall_ms();
    int64_t left_ms = options->time_end_ms - now_ms;
    return left_ms > 0 ? options->time_end_ms - left_ms * options->time_scale : now_ms;
}

/* The next batch: `signals` is field 1 of RecordSignalsRequest and field 2 of the stream's. */
static struct text next_body(void *context)
{
    struct traffic *traffic = context;
    int64_t now_ms = signal_time_ms(traffic->options);
    uint8_t *frame = traffic->frame;
    size_t size = POOL_HEADER_SIZE;
    if (traffic->streams) {
        size = put_batch_id(traffic, size);
    }
    for (int64_t i = 0; i < traffic->options->batch; i++) {
        size_t signal_size = feed_signal(traffic->feed, now_ms, frame + size + ITEM_HEADER_SIZE);
        frame[size] = traffic->streams ? 2 << 3 | 2 : 1 << 3 | 2;
        frame[size + 1] = (uint8_t)signal_size;
        size += ITEM_HEADER_SIZE + signal_size;
    }
    pool_put_header(frame, size - POOL_HEADER_SIZE);
    return (struct text){.data = (const char *)frame, .size = size};
}

/* The numbers of a response, by field; of the unary one, moved up by one. */
enum {
    FIELD_BATCH_ID = 1,
    FIELD_RESULTS,
    FIELD_ACCEPTED,
    FIELD_DUPLICATE,
    FIELD_REJECTED,
    FIELD_SEQUENCE,
    FIELD_COUNT
};

static bool read_varint(struct text *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && rest->size > 0; shift += 7) {
        uint8_t byte = (uint8_t)*rest->data;
        rest->data++;
        rest->size--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Skips the results, and puts numbers where they belong. False: not a response. */
static bool read_numbers(struct text rest, unsigned shift, uint64_t numbers[FIELD_COUNT])
{
    while (rest.size > 0) {
        uint64_t tag;
        uint64_t value;
        if (!read_varint(&rest, &tag) || !read_varint(&rest, &value)) {
            return false;
        }
        uint64_t field = (tag >> 3) + shift;
        if ((tag & 7) == 2 && value <= rest.size) {
            rest.data += value;
            rest.size -= value;
        } else if ((tag & 7) == 0 && field < FIELD_COUNT) {
            numbers[field] = value;
        } else {
            return false;
        }
    }
    return true;
}

static bool check(void *context, const struct answer *answer)
{
    struct traffic *traffic = context;
    uint64_t numbers[FIELD_COUNT] = {0};
    if (answer->kept.size < POOL_HEADER_SIZE) {
        return false;
    }
    struct text message = {.data = answer->kept.data + POOL_HEADER_SIZE,
                           .size = answer->kept.size - POOL_HEADER_SIZE};
    if (!read_numbers(message, traffic->streams ? 0 : 1, numbers)) {
        return false;
    }
    traffic->accepted += numbers[FIELD_ACCEPTED];
    traffic->duplicate += numbers[FIELD_DUPLICATE];
    traffic->rejected += numbers[FIELD_REJECTED];
    if (numbers[FIELD_SEQUENCE] > traffic->sequence) {
        traffic->sequence = numbers[FIELD_SEQUENCE];
    }
    return numbers[FIELD_ACCEPTED] == (uint64_t)traffic->options->batch;
}

static void run(struct traffic *traffic, struct loop_result *result)
{
    const struct options *options = traffic->options;
    struct loop_options loop_options = {
        .connection = {.port = (uint16_t)options->port,
                       .path = traffic->streams ? "/reelrank.v1.SignalService/StreamSignals"
                                                : "/reelrank.v1.SignalService/RecordSignals",
                       .streams = (size_t)options->streams,
                       .messages = traffic->streams ? (size_t)options->messages : 0,
                       .keep = true},
        .connections = (size_t)options->connections,
        .rate = (uint64_t)options->rate,
        .relaxed = options->relaxed,
        .patience_seconds = (double)options->patience_ms / 1000,
        .messages = (uint64_t)options->requests,
        .seconds = (double)options->seconds,
        .body_max = POOL_HEADER_SIZE + BATCH_ID_MAX +
                    (size_t)options->batch * (ITEM_HEADER_SIZE + FEED_SIGNAL_MAX),
        .next = next_body,
        .check = check,
        .context = traffic,
    };
    loop_run(&loop_options, result);
}

/* What was sent, as {"IMPRESSION": N, ...}. */
static void print_types(const struct feed *feed)
{
    const ProtobufCEnumDescriptor *types = &reelrank__v1__signal_type__descriptor;
    const char *before = "";
    printf("\"types\": {");
    for (unsigned i = 0; i < types->n_values; i++) {
        uint64_t count = feed_count(feed, (unsigned)types->values[i].value);
        if (count > 0) {
            printf("%s\"%s\": %" PRIu64, before, types->values[i].name + strlen("SIGNAL_TYPE_"),
                   count);
            before = ", ";
        }
    }
    printf("}, ");
}

static void print(const struct traffic *traffic, struct loop_result *result)
{
    const struct options *options = traffic->options;
    double signals = (double)result->answers * (double)options->batch;
    printf("{\"method\": \"%s\", \"batch\": %" PRId64 ", \"answers\": %" PRIu64
           ", \"seconds\": %.3f, \"signals_per_second\": %.0f, \"client_cpu_ns\": %.1f, "
           "\"accepted\": %" PRIu64 ", \"duplicates\": %" PRIu64 ", \"rejected\": %" PRIu64
           ", \"state_sequence\": %" PRIu64 ", \"broken_streams\": %" PRIu64 ", ",
           options->method, options->batch, result->answers, result->seconds,
           (double)traffic->accepted / result->seconds, result->cpu_seconds * 1e9 / signals,
           traffic->accepted, traffic->duplicate, traffic->rejected, traffic->sequence,
           result->broken);
    print_types(traffic->feed);
    loop_print(result);
    printf("}\n");
}

static struct feed *make_feed(const struct options *options)
{
    uint64_t clock = (uint64_t)program_now_ns() ^ (uint64_t)getpid() << 48;
    struct feed_options feed_options = {
        .first_user = (uint64_t)options->first_user,
        .users = (uint64_t)options->users,
        .first_video = (uint64_t)options->first_video,
        .videos = (uint64_t)options->videos,
        .skew = (unsigned)options->skew,
        .seed = options->seed != 0 ? (uint64_t)options->seed : clock,
    };
    return feed_new(&feed_options);
}

int main(int argc, char **argv)
{
    static struct traffic traffic;
    struct options options = {0};
    struct loop_result result;
    program_options(&program, argc, argv, &options);
    if (options.requests == 0 && options.seconds == 0) {
        give_up("--requests or --seconds must be given");
    }
    traffic.options = &options;
    traffic.streams = strcmp(options.method, "stream") == 0;
    traffic.feed = make_feed(&options);
    run(&traffic, &result);
    print(&traffic, &result);
    feed_free(traffic.feed);
    loop_release(&result);
    return result.failures + result.broken > 0 ? 1 : 0;
}
