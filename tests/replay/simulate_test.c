#include "replay/demo.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/wire.h"
#include "tests/test.h"

static const struct demo_options usual = {
    .seed = 1,
    .video_count = 600,
    .user_count = 300,
    .signal_count = 30000,
    .now_ms = 1700000000000,
};

static char *write_demo(const struct demo_options *options)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    CHECK_EQ(STATUS_OK, demo_write(options, out));
    CHECK_EQ(0, fclose(out));
    return text;
}

/* A demonstration read back line by line. */
struct reader {
    char *text;
    char *next;
    struct arena arena;
};

static char memory[1 << 16];

static struct reader reader_open(const struct demo_options *options)
{
    struct reader reader = {.text = write_demo(options)};
    reader.next = reader.text;
    arena_init(&reader.arena, memory, sizeof(memory));
    return reader;
}

/* The next entry, until the one after it; NULL at the end. */
static const Reelrank__V1__LogEntry *reader_next(struct reader *reader)
{
    struct problem problem;
    ProtobufCMessage *message;
    size_t size = strcspn(reader->next, "\n");
    if (size == 0) {
        return NULL;
    }
    arena_reset(&reader->arena);
    struct text line = {reader->next, size};
    if (json_parse(line, &reelrank__v1__log_entry__descriptor, &reader->arena, &message,
                   &problem) != STATUS_OK) {
        fprintf(stderr, "%.*s\n%s\n", (int)size, reader->next, problem.text);
        abort();
    }
    reader->next += size + 1;
    return (const Reelrank__V1__LogEntry *)message;
}

static void the_same_seed_gives_the_same_bytes(void)
{
    char *first = write_demo(&usual);
    char *second = write_demo(&usual);
    CHECK(strcmp(first, second) == 0);
    free(second);

    struct demo_options other = usual;
    other.seed = 2;
    second = write_demo(&other);
    CHECK(strcmp(first, second) != 0);
    free(first);
    free(second);
}

static void check_entry(const Reelrank__V1__LogEntry *entry, int64_t now_ms)
{
    struct problem problem = {"neither a video nor a signal"};
    struct video_facts video;
    struct signal signal;
    enum status status = STATUS_INVALID;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO) {
        status = wire_video(entry->video, &video, &problem);
    } else if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
        status = wire_signal(entry->signal, now_ms, &signal, &problem);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n", problem.text);
        abort();
    }
}

static void the_service_takes_every_line(void)
{
    struct reader reader = reader_open(&usual);
    const Reelrank__V1__LogEntry *entry;
    uint32_t counts[3] = {0};
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        check_entry(entry, usual.now_ms);
        counts[entry->entry_case]++;
    }
    CHECK_EQ(usual.video_count, counts[REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO]);
    CHECK_EQ(usual.signal_count, counts[REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL]);
    free(reader.text);
}

static void videos_come_first_and_signals_by_time(void)
{
    struct reader reader = reader_open(&usual);
    for (uint32_t i = 0; i < usual.video_count; i++) {
        const Reelrank__V1__LogEntry *entry = reader_next(&reader);
        CHECK_EQ(REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO, entry->entry_case);
        CHECK(entry->video->published_ms <= usual.now_ms);
    }
    int64_t before_ms = usual.now_ms - (int64_t)14 * 24 * 3600 * 1000;
    for (uint32_t i = 0; i < usual.signal_count; i++) {
        const Reelrank__V1__LogEntry *entry = reader_next(&reader);
        CHECK_EQ(REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL, entry->entry_case);
        CHECK(entry->signal->time_ms >= before_ms);
        CHECK(entry->signal->time_ms <= usual.now_ms);
        before_ms = entry->signal->time_ms;
    }
    CHECK(reader_next(&reader) == NULL);
    free(reader.text);
}

/* Time that a user watched of each category that is among names. */
static void sum_watches(const char *user_id, const char *const names[], int64_t sums[],
                        size_t count)
{
    static char categories[600][16];
    struct reader reader = reader_open(&usual);
    const Reelrank__V1__LogEntry *entry;
    for (uint32_t i = 0; i < usual.video_count; i++) {
        entry = reader_next(&reader);
        snprintf(categories[i], sizeof(categories[i]), "%s", entry->video->categories[0]);
    }
    for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
        const Reelrank__V1__Signal *signal = entry->signal;
        long video = strtol(signal->video_id + strlen("video-"), NULL, 10);
        for (size_t i = 0; i < count; i++) {
            bool same = strcmp(categories[video - 1], names[i]) == 0;
            sums[i] += same && strcmp(signal->user_id, user_id) == 0 ? signal->watch_ms : 0;
        }
    }
    free(reader.text);
}

static void named_users_watch_what_they_like(void)
{
    static const char *const names[] = {"comedy", "music",  "dance",  "food",
                                        "sports", "travel", "beauty", "education"};
    static const struct {
        const char *user_id;
        size_t tastes[2];
    } users[] = {{"user-hi", {0, 3}}, {"user-ru", {4, 1}}, {"user-id", {5, 3}}};
    for (size_t u = 0; u < 3; u++) {
        int64_t sums[8] = {0};
        int64_t total = 0;
        sum_watches(users[u].user_id, names, sums, 8);
        for (size_t i = 0; i < 8; i++) {
            total += sums[i];
        }
        CHECK(2 * (sums[users[u].tastes[0]] + sums[users[u].tastes[1]]) > total);
    }
}

static void the_smallest_worlds_are_made(void)
{
    struct demo_options tiny = {
        .seed = 3, .video_count = 1, .user_count = 1, .signal_count = 0, .now_ms = DEMO_SPAN_MS};
    for (uint32_t signals = 0; signals < 50; signals += 7) {
        tiny.signal_count = signals;
        struct reader reader = reader_open(&tiny);
        uint32_t lines = 0;
        const Reelrank__V1__LogEntry *entry;
        for (entry = reader_next(&reader); entry != NULL; entry = reader_next(&reader)) {
            check_entry(entry, tiny.now_ms);
            lines++;
        }
        CHECK_EQ(1 + signals, lines);
        free(reader.text);
    }
}

static void candidates_are_mostly_of_the_language_and_differ(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    CHECK_EQ(STATUS_OK, demo_write_candidates(&usual, "hi", 60, out));
    fclose(out);
    bool asked[601] = {false};
    int count = 0;
    for (char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        long video = strtol(at + strlen("video-"), NULL, 10);
        CHECK(video >= 1 && video <= 600 && !asked[video]);
        asked[video] = true;
        count++;
    }
    CHECK_EQ(60, count);

    int hindi = 0;
    struct reader reader = reader_open(&usual);
    for (uint32_t i = 1; i <= usual.video_count; i++) {
        const Reelrank__V1__Video *video = reader_next(&reader)->video;
        hindi += asked[i] && strcmp(video->languages[0], "hi") == 0;
    }
    CHECK_EQ(40, hindi);
    free(reader.text);
    free(text);
}

static void a_full_disk_is_told(void)
{
    FILE *out = fopen("/dev/full", "w");
    if (out == NULL) {
        test_skip("/dev/full is missing");
    }
    CHECK_EQ(STATUS_IO, demo_write(&usual, out));
    fclose(out);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_same_seed_gives_the_same_bytes),
        TEST(the_service_takes_every_line),
        TEST(videos_come_first_and_signals_by_time),
        TEST(named_users_watch_what_they_like),
        TEST(the_smallest_worlds_are_made),
        TEST(candidates_are_mostly_of_the_language_and_differ),
        TEST(a_full_disk_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
