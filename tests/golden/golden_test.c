#include <stdlib.h>
#include <string.h>

#include "cli/backend.h"
#include "proto/json.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "reelrank/v1/log.pb-c.h"
#include "reelrank/v1/ranking.pb-c.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/test.h"

/*
 * A small log, frozen weights and the exact answers they give: every bit of every score. Doubles
 * are written with the digits that read back to the same bits.
 *
 * A change that is meant to move a score renews the answers and says why in its commit:
 *   bazel build //tests/golden:golden_test
 *   bazel-bin/tests/golden/golden_test update > tests/golden/slates.jsonl
 * ("bazel run" would put lines of its own before them.)
 */
#define FOLDER "tests/golden/"

enum { ARENA_SIZE = 16 << 20, LINE_SIZE = 1 << 20 };

static struct arena arena;

static void check_ok(enum status status, const struct problem *problem)
{
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", status_text(status), problem->text);
        abort();
    }
}

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        abort();
    }
    return file;
}

/* Returns false at the end of file. The line loses its newline. */
static bool read_line(FILE *file, char *line)
{
    if (fgets(line, LINE_SIZE, file) == NULL) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static ProtobufCMessage *call(struct backend *backend, const ProtobufCServiceDescriptor *service,
                              const char *name, const ProtobufCMessage *request)
{
    struct problem problem = {""};
    ProtobufCMessage *response = NULL;
    check_ok(backend_call(backend, service, name, request, &arena, &response, &problem), &problem);
    return response;
}

static void write_entry(struct backend *backend, Reelrank__V1__LogEntry *entry)
{
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO) {
        Reelrank__V1__UpsertVideosRequest request = REELRANK__V1__UPSERT_VIDEOS_REQUEST__INIT;
        request.videos = &entry->video;
        request.n_videos = 1;
        const Reelrank__V1__UpsertVideosResponse *response = (const void *)call(
            backend, &reelrank__v1__catalog_service__descriptor, "UpsertVideos", &request.base);
        CHECK_EQ(1, response->accepted);
        return;
    }
    Reelrank__V1__RecordSignalsRequest request = REELRANK__V1__RECORD_SIGNALS_REQUEST__INIT;
    request.signals = &entry->signal;
    request.n_signals = 1;
    const Reelrank__V1__RecordSignalsResponse *response = (const void *)call(
        backend, &reelrank__v1__signal_service__descriptor, "RecordSignals", &request.base);
    CHECK_EQ(1, response->accepted);
}

static ProtobufCMessage *parse(const char *line, const ProtobufCMessageDescriptor *descriptor)
{
    struct problem problem = {""};
    ProtobufCMessage *message = NULL;
    check_ok(json_parse(text_of(line), descriptor, &arena, &message, &problem), &problem);
    return message;
}

static struct backend *replay_log(char *line)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    const struct backend_options options = {
        .data = path, .weights = FOLDER "weights.yaml", .create = true};
    struct backend *backend = NULL;
    struct problem problem = {""};
    check_ok(backend_open(&options, &backend, &problem), &problem);

    FILE *log = open_file(FOLDER "log.jsonl");
    while (read_line(log, line)) {
        write_entry(backend, (void *)parse(line, &reelrank__v1__log_entry__descriptor));
        arena_reset(&arena);
    }
    fclose(log);
    return backend;
}

/* Prints the answers, or compares them with the kept ones where kept is not NULL. */
static void answer_all(struct backend *backend, char *line, FILE *kept)
{
    static char want[LINE_SIZE];
    FILE *requests = open_file(FOLDER "requests.jsonl");
    unsigned number = 0;
    while (read_line(requests, line)) {
        number++;
        ProtobufCMessage *request = parse(line, &reelrank__v1__rank_request__descriptor);
        char *got = json_format(
            call(backend, &reelrank__v1__ranking_service__descriptor, "Rank", request), JSON_LINE);
        CHECK(got != NULL);
        arena_reset(&arena);
        if (kept == NULL) {
            puts(got);
        } else {
            CHECK(read_line(kept, want));
            if (strcmp(want, got) != 0) {
                fprintf(stderr, "request %u\nwant %s\ngot  %s\n", number, want, got);
                abort();
            }
        }
        free(got);
    }
    CHECK(kept == NULL || !read_line(kept, want));
    fclose(requests);
}

static void run(FILE *kept)
{
    char *memory = malloc(ARENA_SIZE);
    char *line = malloc(LINE_SIZE);
    CHECK(memory != NULL);
    CHECK(line != NULL);
    arena_init(&arena, memory, ARENA_SIZE);
    struct backend *backend = replay_log(line);
    answer_all(backend, line, kept);
    backend_close(backend);
    free(line);
    free(memory);
}

static void the_log_gives_the_same_answers_bit_for_bit(void)
{
    FILE *kept = open_file(FOLDER "slates.jsonl");
    run(kept);
    fclose(kept);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "update") == 0) {
        run(NULL);
        return 0;
    }
    static const struct test tests[] = {TEST(the_log_gives_the_same_answers_bit_for_bit)};
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
