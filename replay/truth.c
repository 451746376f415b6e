#include "replay/truth.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/wire.h"
#include "replay/lines.h"

const char *truth_value_name(enum truth_value value)
{
    static const char *const names[] = {
#define X(name, text) #text,
        TRUTH_VALUE_MAP(X)
#undef X
    };
    CHECK(value < TRUTH_VALUE_COUNT);
    return names[value];
}

double truth_value_of(const Reelrank__Replay__TestCandidate *candidate, enum truth_value value)
{
    switch (value) {
#define X(name, text)  \
    case TRUTH_##name: \
        return candidate->text;
        TRUTH_VALUE_MAP(X)
#undef X
    default:
        CHECK(false);
    }
}

struct reader {
    struct lines lines;
    struct arena arena;
    enum status (*sink)(void *context, const Reelrank__Replay__TestRanking *test);
    void *context;
    struct problem *problem;
};

static enum status refuse(const struct reader *reader, const char *why)
{
    problem_set(reader->problem, "line %" PRIu64 ": %.180s", reader->lines.number, why);
    return STATUS_INVALID;
}

static bool is_id(const char *id)
{
    size_t size = strlen(id);
    return size >= 1 && size <= LIMIT_ID_BYTES;
}

static bool is_chance(double value)
{
    return value >= 0 && value <= 1;
}

static bool are_chances(const Reelrank__Replay__TestCandidate *candidate)
{
    bool good = true;
    for (enum truth_value value = 0; value < TRUTH_VALUE_COUNT; value++) {
        good = good && is_chance(truth_value_of(candidate, value));
    }
    return good;
}

static enum status check_test(const struct reader *reader,
                              const Reelrank__Replay__TestRanking *test)
{
    if (!is_id(test->user_id)) {
        return refuse(reader, "test.user_id must have 1 to 128 bytes");
    }
    if (test->time_ms < 1 || test->time_ms > LIMIT_TIME_MS) {
        return refuse(reader, "test.time_ms must be above 0 and before the year 10000");
    }
    if (test->n_candidates > LIMIT_CANDIDATES) {
        return refuse(reader, "test.candidates has more than 2,000");
    }
    for (size_t i = 0; i < test->n_candidates; i++) {
        if (!is_id(test->candidates[i]->video_id)) {
            return refuse(reader, "test.candidates.video_id must have 1 to 128 bytes");
        }
        if (!are_chances(test->candidates[i])) {
            return refuse(reader, "test.candidates: a probability is not from 0 to 1");
        }
    }
    return STATUS_OK;
}

static enum status read_line(struct reader *reader, struct text text)
{
    struct problem problem = {""};
    ProtobufCMessage *message;
    arena_reset(&reader->arena);
    enum status status =
        json_parse(text, &reelrank__replay__truth__descriptor, &reader->arena, &message, &problem);
    if (status == STATUS_INVALID) {
        return refuse(reader, problem.text);
    }
    if (status == STATUS_NO_MEMORY) {
        return refuse(reader, "it holds too many values");
    }
    if (status != STATUS_OK) {
        return status;
    }
    const Reelrank__Replay__Truth *truth = (const Reelrank__Replay__Truth *)message;
    if (truth->line_case == REELRANK__REPLAY__TRUTH__LINE__NOT_SET) {
        return refuse(reader, "the line has no \"test\" or \"shown\"");
    }
    if (truth->line_case != REELRANK__REPLAY__TRUTH__LINE_TEST) {
        return STATUS_OK;
    }
    status = check_test(reader, truth->test);
    return status == STATUS_OK ? reader->sink(reader->context, truth->test) : status;
}

static enum status read_lines(struct reader *reader)
{
    struct line line;
    do {
        line = lines_next(&reader->lines);
        if (line.too_long) {
            return refuse(reader, "it is longer than 2 MiB");
        }
        enum status status = STATUS_OK;
        if (!line_is_blank(line.text)) {
            status = read_line(reader, line.text);
        }
        if (status != STATUS_OK) {
            return status;
        }
    } while (!line.last);
    return STATUS_OK;
}

enum status truth_read(FILE *file,
                       enum status (*sink)(void *context,
                                           const Reelrank__Replay__TestRanking *test),
                       void *context, struct problem *problem)
{
    struct reader reader = {.sink = sink, .context = context, .problem = problem};
    enum status status = lines_init(&reader.lines, file, TRUTH_LIMIT_LINE_BYTES);
    char *memory = malloc(LINES_ARENA_BYTES);
    status = memory != NULL ? status : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        arena_init(&reader.arena, memory, LINES_ARENA_BYTES);
        status = read_lines(&reader);
    }
    if (status == STATUS_OK && ferror(file)) {
        problem_set(problem, "reading failed after line %" PRIu64, reader.lines.number);
        status = STATUS_IO;
    }
    lines_release(&reader.lines);
    free(memory);
    return status;
}

enum status truth_request(const Reelrank__Replay__TestRanking *test, struct arena *arena,
                          struct rank_request *out, struct problem *problem)
{
    size_t count = test->n_candidates;
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    Reelrank__V1__Candidate *candidates = arena_new(arena, Reelrank__V1__Candidate, count);
    Reelrank__V1__Candidate **pointers = arena_new(arena, Reelrank__V1__Candidate *, count);
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        reelrank__v1__candidate__init(&candidates[i]);
        candidates[i].video_id = test->candidates[i]->video_id;
        candidates[i].source = test->candidates[i]->source;
        pointers[i] = &candidates[i];
    }
    message.request_id = test->ranking_id;
    message.user_id = test->user_id;
    message.locale = test->locale;
    message.languages = test->languages;
    message.n_languages = test->n_languages;
    message.age_years = test->age_years;
    message.now_ms = test->time_ms;
    message.candidates = pointers;
    message.n_candidates = count;
    return wire_rank_request(&message, test->time_ms, arena, out, problem);
}
