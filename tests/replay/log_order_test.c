#include "replay/log_order.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

/* Events in the order in which they were told, by their times and lines. */
struct told {
    int64_t times[64];
    uint64_t lines[64];
    size_t count;
    struct log_event last;
};

static enum status take(void *context, const struct log_event *event)
{
    struct told *told = context;
    CHECK(told->count < 64);
    told->times[told->count] = event->time_ms;
    told->lines[told->count++] = event->line;
    told->last = *event;
    return STATUS_OK;
}

static struct log_order_counts read_text(const char *text, size_t reorder, struct told *told)
{
    struct log_order_counts counts;
    struct problem problem = {""};
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK_EQ(strlen(text), fwrite(text, 1, strlen(text), file));
    rewind(file);
    *told = (struct told){.count = 0};
    const struct log_input input = {.file = file, .format = IMPORT_JSONL};
    const struct log_order_options options = {
        .inputs = &input, .input_count = 1, .reorder = reorder, .event = take, .context = told};
    CHECK_EQ(STATUS_OK, log_order_read(&options, &counts, &problem));
    fclose(file);
    return counts;
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

static void impressions_say_whose_they_are(void)
{
    struct told told;
    (void)read_text("{\"signal\":{\"user_id\":\"u\",\"video_id\":\"v\",\"type\":"
                    "\"SIGNAL_TYPE_IMPRESSION\",\"time_ms\":9,\"ranking_id\":\"r\",\"position\":3,"
                    "\"locale\":\"hi-IN\"}}\n",
                    4, &told);
    CHECK_STR("u", told.last.user_id);
    CHECK_STR("v", told.last.video_id);
    CHECK_STR("r", told.last.ranking_id);
    CHECK_STR("hi-IN", told.last.locale);
    CHECK_EQ(3, told.last.position);
    (void)read_text(LIKE(9), 4, &told);
    CHECK_STR("", told.last.video_id);
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
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
