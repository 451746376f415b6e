#include "replay/log_order.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "replay/overlay.h"
#include "tests/test.h"

enum { TOLD_MAX = 64, TEXT_SIZE = 64, INPUTS_MAX = 3 };

/* Events in the order in which they were told, by their times and lines. */
struct told {
    int64_t times[TOLD_MAX];
    uint64_t lines[TOLD_MAX];
    char texts[TOLD_MAX][TEXT_SIZE]; /* of impressions "user video ranking locale position" */
    struct event events[TOLD_MAX];
    uint32_t fields[TOLD_MAX];
    bool decisions[TOLD_MAX];
    size_t count;
    size_t refused; /* the event that is answered with a failure, from 1; 0: none */
    char rejects[TOLD_MAX * TEXT_SIZE]; /* "name:line reason;" of each */
    uint64_t bytes;                     /* as progress had it last */
};

static struct problem problem;

static enum status take(void *context, const struct log_event *event)
{
    struct told *told = context;
    size_t at = told->count++;
    CHECK(at < TOLD_MAX);
    told->times[at] = event->time_ms;
    told->lines[at] = event->line;
    told->fields[at] = event->fields;
    told->decisions[at] = event->decision != NULL;
    if (event->decision == NULL) {
        told->events[at] = event->event;
    } else {
        CHECK_EQ(event->time_ms, event->decision->time_ms);
        CHECK_EQ(event->time_ms, event->decision->request->now_ms);
    }
    snprintf(told->texts[at], TEXT_SIZE, "%s %s %s %s %u", event->user_id, event->video_id,
             event->ranking_id, event->locale, event->position);
    return told->count == told->refused ? STATUS_NO_SPACE : STATUS_OK;
}

static void take_reject(void *context, const char *name, uint64_t line, const char *reason)
{
    struct told *told = context;
    size_t used = strlen(told->rejects);
    snprintf(told->rejects + used, sizeof(told->rejects) - used, "%s:%llu %s;",
             name != NULL ? name : "?", (unsigned long long)line, reason);
}

static void take_progress(void *context, uint64_t bytes)
{
    struct told *told = context;
    CHECK(bytes >= told->bytes);
    told->bytes = bytes;
}

static FILE *file_of(const void *bytes, size_t size)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK_EQ(size, fwrite(bytes, 1, size, file));
    rewind(file);
    return file;
}

/* Reads with the options, but for what the test listens with. */
static enum status read_with(struct log_order_options options, struct told *told,
                             struct log_order_counts *counts)
{
    size_t refused = told->refused;
    *told = (struct told){.refused = refused};
    options.event = take;
    options.reject = take_reject;
    options.progress = take_progress;
    options.context = told;
    problem = (struct problem){""};
    return log_order_read(&options, counts, &problem);
}

/* Inputs are called "first", "second" and "third". */
static struct log_order_counts read_texts(const char *const *texts, size_t count,
                                          struct log_order_options options, struct told *told)
{
    static const char *const names[INPUTS_MAX] = {"first", "second", "third"};
    struct log_input inputs[INPUTS_MAX] = {{0}};
    told->refused = 0;
    struct log_order_counts counts;
    for (size_t i = 0; i < count; i++) {
        inputs[i] = (struct log_input){file_of(texts[i], strlen(texts[i])), names[i], IMPORT_JSONL};
    }
    options.inputs = inputs;
    options.input_count = count;
    CHECK_EQ(STATUS_OK, read_with(options, told, &counts));
    for (size_t i = 0; i < count; i++) {
        fclose(inputs[i].file);
    }
    return counts;
}

static struct log_order_counts read_text(const char *text, size_t reorder, struct told *told)
{
    return read_texts(&text, 1, (struct log_order_options){.reorder = reorder}, told);
}

#define LIKE(time)                                                \
    "{\"signal\":{\"user_id\":\"u\",\"video_id\":\"v\",\"type\":" \
    "\"SIGNAL_TYPE_LIKE\",\"time_ms\":" #time "}}\n"
#define VIDEO "{\"video\":{\"video_id\":\"v\"}}\n"

static void check_times(const struct told *told, const int64_t *want, size_t count)
{
    CHECK_EQ(count, told->count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(want[i], told->times[i]);
    }
}

static void empty_log_tells_nothing(void)
{
    struct told told;
    struct log_order_counts counts = read_text("", 4, &told);
    CHECK_EQ(0, told.count);
    CHECK_EQ(0, counts.events);
}

static void lines_are_put_in_the_order_of_their_times(void)
{
    struct told told;
    struct log_order_counts counts =
        read_text(LIKE(50) LIKE(20) LIKE(40) LIKE(10) LIKE(30), 8, &told);
    const int64_t want[] = {10, 20, 30, 40, 50};
    check_times(&told, want, 5);
    CHECK_EQ(0, counts.late);
    CHECK_EQ(5, counts.events);
}

static void same_times_keep_the_order_of_the_lines(void)
{
    struct told told;
    (void)read_text(LIKE(10) LIKE(10) LIKE(10) LIKE(10), 8, &told);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(i + 1, told.lines[i]);
    }
}

/* Two lines wait: 30 is told when the third comes, and 10 was not there by then. */
static void what_comes_too_late_is_told_and_counted(void)
{
    struct told told;
    struct log_order_counts counts = read_text(LIKE(30) LIKE(40) LIKE(50) LIKE(10), 2, &told);
    const int64_t want[] = {30, 10, 40, 50};
    check_times(&told, want, 4);
    CHECK_EQ(1, counts.late);
}

/* A video has no time of its own: it stays behind the line before it. */
static void videos_stay_where_they_stand(void)
{
    struct told told;
    (void)read_text(VIDEO LIKE(20) VIDEO LIKE(10) VIDEO, 8, &told);
    const int64_t want[] = {0, 10, 10, 20, 20};
    check_times(&told, want, 5);
    CHECK_EQ(1, told.lines[0]);
    CHECK_EQ(4, told.lines[1]);
    CHECK_EQ(5, told.lines[2]);
    CHECK_EQ(3, told.lines[4]);
}

static void lines_that_mean_nothing_are_counted(void)
{
    struct told told;
    struct log_order_counts counts = read_text(
        "nonsense\n" LIKE(10) "{\"signal\":{\"user_id\":\"\",\"video_id\":\"v\"}}\n", 4, &told);
    CHECK_EQ(1, told.count);
    CHECK_EQ(2, counts.rejected);
}

#define SHOWN(user, ranking, locale, position, time)                                   \
    "{\"signal\":{\"user_id\":\"" user "\",\"video_id\":\"v\",\"type\":"               \
    "\"SIGNAL_TYPE_IMPRESSION\",\"time_ms\":" #time ",\"ranking_id\":\"" ranking "\"," \
    "\"position\":" #position ",\"locale\":\"" locale "\"}}\n"

static void impressions_say_whose_they_are(void)
{
    struct told told;
    (void)read_text(SHOWN("u", "r", "hi-IN", 3, 9) LIKE(8) SHOWN("w", "", "", 0, 7), 4, &told);
    CHECK_EQ(3, told.count);
    CHECK_STR("w v   0", told.texts[0]);
    CHECK_STR("    0", told.texts[1]);
    CHECK_STR("u v r hi-IN 3", told.texts[2]);
}

/* While it waits, and when it is sorted. */
static void an_event_is_told_as_it_was_read(void)
{
    for (int sort = 0; sort < 2; sort++) {
        struct told told;
        const char *text = SHOWN("u", "r", "hi-IN", 3, 9) VIDEO
            "{\"delete_video\":{\"video_id\":\"v\"}}\n" LIKE(10);
        (void)read_texts(&text, 1, (struct log_order_options){.reorder = 8, .sort = sort == 1},
                         &told);
        CHECK_EQ(4, told.count);
        CHECK_EQ(EVENT_SIGNAL, told.events[0].kind);
        CHECK_EQ(SIGNAL_IMPRESSION, told.events[0].u.signal.type);
        CHECK_EQ(3, told.events[0].u.signal.position);
        CHECK_EQ(EVENT_VIDEO, told.events[1].kind);
        CHECK(told.events[1].u.video.key == told.events[0].u.signal.video_key);
        CHECK_EQ(0, told.fields[1]);
        CHECK_EQ(EVENT_VIDEO_DELETED, told.events[2].kind);
        CHECK(told.events[2].u.deleted_video_key == told.events[0].u.signal.video_key);
        CHECK_EQ(SIGNAL_LIKE, told.events[3].u.signal.type);
        CHECK_STR("u v r hi-IN 3", told.texts[0]);
    }
}

#define DECISION(time, order)                                                                   \
    "{\"decision\":{\"time_ms\":" #time ",\"ranking_id\":\"r\",\"request\":{\"user_id\":\"u\"," \
    "\"locale\":\"hi-IN\",\"candidate_ids\":[\"v\",\"w\"]},\"order\":[" order "]}}\n"

static void decisions_stand_among_events_by_their_times(void)
{
    for (int sort = 0; sort < 2; sort++) {
        struct told told;
        const char *text = LIKE(30) DECISION(20, "1,0") LIKE(10) DECISION(30, "0") LIKE(30);
        const int64_t want[] = {10, 20, 30, 30, 30};
        struct log_order_counts counts = read_texts(
            &text, 1,
            (struct log_order_options){.reorder = 8, .decisions = true, .sort = sort == 1}, &told);
        check_times(&told, want, 5);
        CHECK(!told.decisions[0] && told.decisions[1] && !told.decisions[2]);
        CHECK(told.decisions[3] && !told.decisions[4]);
        CHECK_EQ(5, counts.events);
    }
}

static void decisions_are_passed_over_unless_wanted(void)
{
    struct told told;
    struct log_order_counts counts = read_text(DECISION(20, "1,0") DECISION(20, "9"), 8, &told);
    CHECK_EQ(0, told.count);
    CHECK_EQ(0, counts.rejected);
}

static void a_decision_that_is_wrong_is_rejected_by_line(void)
{
    struct told told;
    const char *text = LIKE(10) DECISION(20, "7");
    struct log_order_counts counts =
        read_texts(&text, 1, (struct log_order_options){.reorder = 8, .decisions = true}, &told);
    CHECK_EQ(1, told.count);
    CHECK_EQ(1, counts.rejected);
    CHECK_STR("first:2 decision.order[0] is 7; the request has 2 candidates, from 0;",
              told.rejects);
}

static void nothing_waits_where_nothing_is_put_in_order(void)
{
    struct told told;
    struct log_order_counts counts = read_text(LIKE(30) LIKE(10) LIKE(20), 0, &told);
    const int64_t want[] = {30, 10, 20};
    check_times(&told, want, 3);
    CHECK_EQ(2, counts.late);
}

/* The second file's lines are of the same times, and of earlier ones than the whole first. */
static void two_files_are_sorted_together(void)
{
    static const char *const texts[] = {LIKE(40) LIKE(20) "nonsense\n" LIKE(20),
                                        "\n{}\n" LIKE(20) LIKE(10) LIKE(40)};
    static const uint64_t lines[] = {4, 2, 4, 3, 1, 5};
    const int64_t want[] = {10, 20, 20, 20, 40, 40};
    struct told told;
    struct log_order_counts counts =
        read_texts(texts, 2, (struct log_order_options){.sort = true}, &told);
    check_times(&told, want, 6);
    for (size_t i = 0; i < 6; i++) {
        CHECK_EQ(lines[i], told.lines[i]);
    }
    CHECK_EQ(0, counts.late);
    CHECK_EQ(2, counts.rejected);
    CHECK(strstr(told.rejects, "first:3 ") != NULL);
    CHECK(strstr(told.rejects, "second:2 ") != NULL);
}

/* What the contract refuses is only seen when all is sorted, and is of its own file and line. */
static void rejects_after_sorting_are_named_by_their_file(void)
{
    static const char *const texts[] = {
        LIKE(50), "{\"signal\":{\"user_id\":\"\",\"video_id\":\"v\",\"time_ms\":5}}\n",
        LIKE(1) "{\"signal\":{\"user_id\":\"u\",\"video_id\":\"\",\"time_ms\":9}}\n"};
    struct told told;
    struct log_order_counts counts =
        read_texts(texts, 3, (struct log_order_options){.sort = true}, &told);
    CHECK_EQ(2, told.count);
    CHECK_EQ(2, counts.rejected);
    const char *second = strstr(told.rejects, "second:1 signal.user_id");
    CHECK(second != NULL);
    CHECK(strstr(second, "third:2 signal.video_id") != NULL);
}

/* A line that the contract will refuse for its time does not lend it to those behind it. */
static void a_time_that_cannot_be_moves_no_other_line(void)
{
    const char *text = LIKE(50) LIKE(9000000000000000000) VIDEO LIKE(-1) VIDEO LIKE(60);
    static const uint64_t lines[] = {1, 3, 5, 6};
    const int64_t want[] = {50, 50, 50, 60};
    for (int sort = 0; sort < 2; sort++) {
        struct told told;
        struct log_order_counts counts = read_texts(
            &text, 1, (struct log_order_options){.reorder = 8, .sort = sort == 1}, &told);
        check_times(&told, want, 4);
        for (size_t i = 0; i < 4; i++) {
            CHECK_EQ(lines[i], told.lines[i]);
        }
        CHECK_EQ(2, counts.rejected);
        CHECK_EQ(0, counts.late);
    }
}

/* A catalogue comes first, whatever the times of the log behind it. */
static void files_are_read_one_after_the_other(void)
{
    static const char *const texts[] = {VIDEO VIDEO, LIKE(20) LIKE(10)};
    for (int sort = 0; sort < 2; sort++) {
        struct told told;
        const int64_t want[] = {0, 0, 10, 20};
        (void)read_texts(texts, 2, (struct log_order_options){.reorder = 8, .sort = sort == 1},
                         &told);
        check_times(&told, want, 4);
    }
}

static void nothing_at_all_is_read(void)
{
    for (int sort = 0; sort < 2; sort++) {
        struct told told;
        struct log_order_counts counts =
            read_texts(NULL, 0, (struct log_order_options){.sort = sort == 1}, &told);
        CHECK_EQ(0, counts.events + counts.rejected + counts.late);
        CHECK_EQ(0, told.count);
    }
}

static size_t pack_gzip(const char *text, unsigned char *out, size_t size)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text,
                       .avail_in = (uInt)strlen(text),
                       .next_out = out,
                       .avail_out = (uInt)size};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    return size - stream.avail_out;
}

static size_t pack_zstd(const char *text, unsigned char *out, size_t size)
{
    size_t packed = ZSTD_compress(out, size, text, strlen(text), 3);
    CHECK(!ZSTD_isError(packed));
    return packed;
}

static void packed_files_are_read_as_what_is_in_them(void)
{
    static const char text[] = LIKE(20) LIKE(10) LIKE(30);
    const int64_t want[] = {10, 20, 30};
    for (int i = 0; i < 2; i++) {
        unsigned char packed[1024];
        struct told told = {.refused = 0};
        struct log_order_counts counts;
        size_t size = (i == 0 ? pack_gzip : pack_zstd)(text, packed, sizeof(packed));
        struct log_input input = {file_of(packed, size), "log.jsonl", IMPORT_JSONL};
        CHECK_EQ(
            STATUS_OK,
            read_with((struct log_order_options){.inputs = &input, .input_count = 1, .reorder = 4},
                      &told, &counts));
        check_times(&told, want, 3);
        fclose(input.file);
    }
}

static void a_packed_file_that_is_cut_off_is_named(void)
{
    static const char text[] = LIKE(20) LIKE(10) LIKE(30);
    unsigned char packed[1024];
    struct told told = {.refused = 0};
    struct log_order_counts counts;
    size_t size = pack_gzip(text, packed, sizeof(packed));
    struct log_input input = {file_of(packed, size - 9), "june.jsonl.gz", IMPORT_JSONL};
    CHECK(read_with((struct log_order_options){.inputs = &input, .input_count = 1, .reorder = 4},
                    &told, &counts) != STATUS_OK);
    CHECK(strncmp(problem.text, "june.jsonl.gz: ", 15) == 0);
    fclose(input.file);
}

static void a_file_of_another_format_is_named(void)
{
    static const char text[] = "no,such,header\n1,2,3\n";
    struct told told = {.refused = 0};
    struct log_order_counts counts;
    struct log_input input = {file_of(text, strlen(text)), "ratings.csv", IMPORT_MOVIELENS};
    CHECK_EQ(STATUS_INVALID,
             read_with((struct log_order_options){.inputs = &input, .input_count = 1, .reorder = 4},
                       &told, &counts));
    CHECK(strncmp(problem.text, "ratings.csv: ", 13) == 0);
    fclose(input.file);
}

static void what_the_listener_gives_ends_the_reading(void)
{
    static const char text[] = LIKE(10) LIKE(20) LIKE(30) DECISION(40, "0") LIKE(50);
    for (int sort = 0; sort < 2; sort++) {
        struct told told = {.refused = 2};
        struct log_order_counts counts;
        struct log_input input = {file_of(text, strlen(text)), "log", IMPORT_JSONL};
        CHECK_EQ(STATUS_NO_SPACE, read_with((struct log_order_options){.inputs = &input,
                                                                       .input_count = 1,
                                                                       .decisions = true,
                                                                       .sort = sort == 1,
                                                                       .reorder = 3},
                                            &told, &counts));
        CHECK_EQ(2, told.count);
        fclose(input.file);
    }
}

/* Metarank's items may speak of some of a video's fields. */
static void an_entry_of_some_fields_says_which(void)
{
    static const char text[] =
        "{\"event\":\"item\",\"id\":\"1\",\"timestamp\":1599391467000,\"item\":\"v\","
        "\"fields\":[{\"name\":\"duration_ms\",\"value\":1000}]}\n";
    static const char *const names[] = {"duration_ms", NULL};
    for (int sort = 0; sort < 2; sort++) {
        struct told told = {.refused = 0};
        struct log_order_counts counts;
        struct log_input input = {file_of(text, strlen(text)), "log", IMPORT_METARANK};
        CHECK_EQ(STATUS_OK, read_with((struct log_order_options){.inputs = &input,
                                                                 .input_count = 1,
                                                                 .sort = sort == 1,
                                                                 .reorder = 3},
                                      &told, &counts));
        CHECK_EQ(1, told.count);
        CHECK_EQ(EVENT_VIDEO, told.events[0].kind);
        CHECK((told.fields[0] & overlay_fields(names)) != 0);
        fclose(input.file);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_log_tells_nothing),
        TEST(lines_are_put_in_the_order_of_their_times),
        TEST(same_times_keep_the_order_of_the_lines),
        TEST(what_comes_too_late_is_told_and_counted),
        TEST(videos_stay_where_they_stand),
        TEST(lines_that_mean_nothing_are_counted),
        TEST(impressions_say_whose_they_are),
        TEST(an_event_is_told_as_it_was_read),
        TEST(decisions_stand_among_events_by_their_times),
        TEST(decisions_are_passed_over_unless_wanted),
        TEST(a_decision_that_is_wrong_is_rejected_by_line),
        TEST(nothing_waits_where_nothing_is_put_in_order),
        TEST(two_files_are_sorted_together),
        TEST(rejects_after_sorting_are_named_by_their_file),
        TEST(a_time_that_cannot_be_moves_no_other_line),
        TEST(files_are_read_one_after_the_other),
        TEST(nothing_at_all_is_read),
        TEST(packed_files_are_read_as_what_is_in_them),
        TEST(a_packed_file_that_is_cut_off_is_named),
        TEST(a_file_of_another_format_is_named),
        TEST(what_the_listener_gives_ends_the_reading),
        TEST(an_entry_of_some_fields_says_which),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
