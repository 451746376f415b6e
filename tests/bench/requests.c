#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/limits.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "tests/bench/dataset.h"
#include "tests/bench/pool.h"
#include "tests/bench/program.h"

/* Writes a pool of RankRequests, as gRPC frames, for load and rank_bench. */

enum { AGE_YEARS = 25 };

struct options {
    const char *output;
    int64_t first_video;
    int64_t videos;
    int64_t first_user;
    int64_t users;
    int64_t now_ms;
    int64_t candidates;
    int64_t bodies;
    const char *form;
    const char *draw;
    const char *answer;
    bool stream;
};

static const char *const forms[] = {"ids", "keys", NULL};
static const char *const draws[] = {"hot", "uniform", NULL};
static const char *const answers[] = {"packed", "slate", NULL};

static const struct argument arguments[] = {
    {.name = "output",
     .value_name = "FILE",
     .help = "the pool to write",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, output),
     .required = true},
    {.name = "first-video",
     .value_name = "N",
     .help = "the dataset's number of the first video",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, first_video),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_C(1000000000000)},
    {.name = "first-user",
     .value_name = "N",
     .help = "the dataset's number of the first user",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, first_user),
     .initial = "0",
     .minimum = 0,
     .maximum = INT64_C(1000000000000)},
    {.name = "now-ms",
     .value_name = "MS",
     .help = "time to rank at; 0: 2026-01-01, when the dataset ends",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, now_ms),
     .initial = "0",
     .minimum = 0,
     .maximum = LIMIT_TIME_MS},
    {.name = "videos",
     .value_name = "N",
     .help = "videos in the catalogue",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, videos),
     .initial = "1000000",
     .minimum = 1,
     .maximum = 100000000},
    {.name = "users",
     .value_name = "N",
     .help = "users to draw from; 0: visitors only",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, users),
     .initial = "100000",
     .minimum = 0,
     .maximum = 100000000},
    {.name = "candidates",
     .value_name = "N",
     .help = "candidates of each request, at most as many as there are videos",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, candidates),
     .initial = "500",
     .minimum = 1,
     .maximum = LIMIT_CANDIDATES},
    {.name = "bodies",
     .value_name = "N",
     .help = "different requests in the pool",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct options, bodies),
     .initial = "1000",
     .minimum = 1,
     .maximum = 1000000},
    {.name = "form",
     .value_name = "FORM",
     .help = "ids (candidate_ids) or keys (candidate_keys)",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, form),
     .initial = "ids",
     .choices = forms},
    {.name = "draw",
     .value_name = "DRAW",
     .help = "hot (the most popular ones, shuffled) or uniform (over all videos)",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, draw),
     .initial = "uniform",
     .choices = draws},
    {.name = "answer",
     .value_name = "FORM",
     .help = "packed (arrays) or slate (a message for each position)",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, answer),
     .initial = "packed",
     .choices = answers},
    {.name = "stream",
     .help = "messages for RankStream instead of Rank",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, stream)},
};

static const struct program program = {
    .summary = "Writes a pool of requests about the data that fill makes.",
    .examples = "  requests --output ids.pool\n"
                "  requests --output hot.pool --videos 10000 --users 1000 --draw hot --form keys\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct candidates {
    size_t count;
    uint64_t numbers[LIMIT_CANDIDATES];
    uint64_t keys[LIMIT_CANDIDATES];
    char ids[LIMIT_CANDIDATES][DATASET_ID_SIZE];
    char *id_list[LIMIT_CANDIDATES];
};

static bool contains(const struct candidates *candidates, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (candidates->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* A candidate that comes twice would be dropped. */
static void draw_uniform(struct candidates *candidates, uint64_t videos, struct dataset_draw *draw)
{
    for (size_t i = 0; i < candidates->count; i++) {
        uint64_t number = dataset_draw(draw, videos);
        while (contains(candidates, i, number)) {
            number = dataset_draw(draw, videos);
        }
        candidates->numbers[i] = number;
    }
}

static void draw_hot(struct candidates *candidates, struct dataset_draw *draw)
{
    for (size_t i = 0; i < candidates->count; i++) {
        size_t other = dataset_draw(draw, i + 1);
        candidates->numbers[i] = candidates->numbers[other];
        candidates->numbers[other] = i;
    }
}

static void name(struct candidates *candidates, uint64_t first_video)
{
    for (size_t i = 0; i < candidates->count; i++) {
        dataset_video_id(first_video + candidates->numbers[i], candidates->ids[i]);
        candidates->keys[i] = hash_key(text_of(candidates->ids[i]));
        candidates->id_list[i] = candidates->ids[i];
    }
}

static void put_candidates(struct candidates *candidates, const char *form,
                           Reelrank__V1__RankRequest *request)
{
    if (strcmp(form, "ids") == 0) {
        request->candidate_ids = candidates->id_list;
        request->n_candidate_ids = candidates->count;
    } else {
        request->candidate_keys = candidates->keys;
        request->n_candidate_keys = candidates->count;
    }
}

static void write_frame(FILE *file, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    size_t frame_size = POOL_HEADER_SIZE + size;
    uint8_t *frame = malloc(frame_size);
    CHECK(frame != NULL);
    pool_put_header(frame, size);
    protobuf_c_message_pack(message, frame + POOL_HEADER_SIZE);
    if (fwrite(frame, 1, frame_size, file) != frame_size) {
        give_up("writing: %s", strerror(errno));
    }
    free(frame);
}

/* All messages of a stream have one correlation id, so that all answers have one size. */
static void write_message(FILE *file, Reelrank__V1__RankRequest *request, bool stream)
{
    Reelrank__V1__RankStreamRequest message = REELRANK__V1__RANK_STREAM_REQUEST__INIT;
    message.correlation_id = 1;
    message.request = request;
    write_frame(file, stream ? &message.base : &request->base);
}

static void write_request(FILE *file, const struct options *options, struct candidates *candidates,
                          struct dataset_draw *draw)
{
    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    char user[DATASET_ID_SIZE] = "";
    uint64_t number = 0;
    if (options->users > 0) {
        number = (uint64_t)options->first_user + dataset_draw(draw, (uint64_t)options->users);
        dataset_user_id(number, user);
    }
    if (strcmp(options->draw, "hot") == 0) {
        draw_hot(candidates, draw);
    } else {
        draw_uniform(candidates, (uint64_t)options->videos, draw);
    }
    name(candidates, (uint64_t)options->first_video);
    put_candidates(candidates, options->form, &request);
    request.user_id = user;
    request.locale = (char *)(uintptr_t)dataset_locale(number);
    request.age_years = AGE_YEARS;
    request.now_ms = options->now_ms > 0 ? options->now_ms : DATASET_NOW_MS;
    request.response_form = strcmp(options->answer, "packed") == 0
                                ? REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_PACKED
                                : REELRANK__V1__RESPONSE_FORM__RESPONSE_FORM_SLATE;
    write_message(file, &request, options->stream);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    if (options.candidates > options.videos) {
        give_up("--candidates %" PRId64 " is more than the videos there are", options.candidates);
    }
    FILE *file = fopen(options.output, "wb");
    struct candidates *candidates = calloc(1, sizeof(*candidates));
    if (file == NULL || candidates == NULL) {
        give_up("%s: %s", options.output, strerror(errno));
    }
    candidates->count = (size_t)options.candidates;
    struct dataset_draw draw = {0};
    for (int64_t i = 0; i < options.bodies; i++) {
        write_request(file, &options, candidates, &draw);
    }
    if (fclose(file) != 0) {
        give_up("%s: %s", options.output, strerror(errno));
    }
    free(candidates);
    return 0;
}
