#include "server/logline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/options.h"
#include "tests/test.h"

/* What write_log() puts on stderr, which is lost to this test's process. */
static const char *logged(void (*write_log)(void))
{
    static char text[16384];
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    close(ends[1]);
    write_log();
    close(STDERR_FILENO);
    ssize_t size = read(ends[0], text, sizeof(text) - 1);
    CHECK(size >= 0);
    text[size] = '\0';
    return text;
}

static void write_plain(void)
{
    logline(LOG_WARN, "test", "key=%d", 7);
}

static void line_has_time_level_event_and_pairs(void)
{
    const char *line = logged(write_plain);
    CHECK(strncmp(line, "time=20", 7) == 0);
    CHECK_STR("Z level=warn event=test key=7\n", strchr(line, 'Z'));
}

static void write_newlines(void)
{
    logline(LOG_INFO, "test", "text=\"a\nb\tc\"");
}

static void line_stays_one_line(void)
{
    CHECK_STR("Z level=info event=test text=\"a\\u000ab\\u0009c\"\n",
              strchr(logged(write_newlines), 'Z'));
}

static void write_kinds(void)
{
    logline(LOG_ERROR, "test",
            "quoted=\"<%s> %d\" word=%s/%s.%d share=%d big=%" PRIu64 " less=%" PRId64
            " hex=%" PRIx64 " size=%zu long=%llu half=%.1f part=\"%.*s\" zeros=%s",
            "say \"\\\"", -1, "a", "b", 3, 0, UINT64_MAX, INT64_MIN, UINT64_C(255), (size_t)9, 5ULL,
            0.5, 2, "xyz", "007");
}

static void values_in_quotes_are_escaped(void)
{
    CHECK_STR("Z level=error event=test quoted=\"<say \\\"\\\\\\\"> -1\" word=a/b.3 share=0 "
              "big=18446744073709551615 less=-9223372036854775808 hex=ff size=9 long=5 half=0.5 "
              "part=\"xy\" "
              "zeros=007\n",
              strchr(logged(write_kinds), 'Z'));
}

static void write_json(void)
{
    CHECK(logline_set("json", "info", NULL) == STATUS_OK);
    write_kinds();
}

static void json_line_is_an_object_whose_numbers_are_numbers(void)
{
    const char *line = logged(write_json);
    CHECK(strncmp(line, "{\"time\":\"20", 11) == 0);
    CHECK_STR("Z\",\"level\":\"error\",\"event\":\"test\",\"quoted\":\"<say \\\"\\\\\\\"> -1\","
              "\"word\":\"a/b.3\",\"share\":0,\"big\":18446744073709551615,"
              "\"less\":-9223372036854775808,\"hex\":\"ff\",\"size\":9,\"long\":5,\"half\":\"0.5\","
              "\"part\":\"xy\","
              "\"zeros\":\"007\"}\n",
              strchr(line, 'Z'));
}

static void write_broken_text(void)
{
    logline(LOG_INFO, "test", "text=\"%s\"", "\xc3\xa9 \xff\xc3");
}

static void what_is_no_utf8_becomes_question_marks(void)
{
    CHECK_STR("Z level=info event=test text=\"\xc3\xa9 ??\"\n",
              strchr(logged(write_broken_text), 'Z'));
}

static void write_levels(void)
{
    CHECK(logline_set("text", "warn", NULL) == STATUS_OK);
    CHECK(!logline_wants(LOG_INFO) && logline_wants(LOG_WARN));
    logline(LOG_DEBUG, "a", "x=1");
    logline(LOG_INFO, "b", "x=1");
    logline(LOG_WARN, "c", "x=1");
}

static void lines_below_the_level_are_not_written(void)
{
    CHECK_STR("Z level=warn event=c x=1\n", strchr(logged(write_levels), 'Z'));
}

static void options_that_are_none_are_refused(void)
{
    struct problem problem;
    CHECK(logline_set("xml", "info", &problem) == STATUS_INVALID);
    CHECK_STR("--log-format: found \"xml\", expected text or json", problem.text);
    CHECK(logline_set("json", "loud", &problem) == STATUS_INVALID);
    CHECK_STR("--log-level: found \"loud\", expected debug, info, warn or error", problem.text);
}

static void write_too_many(void)
{
    for (int i = 0; i < LOGLINE_BURST + 7; i++) {
        logline(LOG_INFO, "often", "x=1");
    }
    logline(LOG_WARN, "often", "x=2");
    logline(LOG_INFO, "rare", "x=3");
    logline_end();
    logline_end();
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* More than a second between two of these lines would let one more through: then the sum is told
 * all the same. */
static void lines_beyond_a_burst_are_counted_and_told(void)
{
    const char *text = logged(write_too_many);
    struct logline_counts counts;
    unsigned long long told = 0;
    logline_count(&counts);
    CHECK_EQ(LOGLINE_BURST + 7, count_of(text, "event=often x=1") + counts.suppressed);
    const char *end = strstr(text, "level=info event=often suppressed=");
    CHECK(end != NULL);
    told = strtoull(strstr(end, "suppressed=") + 11, NULL, 10);
    CHECK_EQ(counts.suppressed, told);
    CHECK_EQ(1, count_of(text, "suppressed="));
    CHECK_EQ(1, count_of(text, "event=often x=2"));
    CHECK_EQ(1, count_of(text, "event=rare x=3"));
    CHECK_EQ(count_of(text, "\n"), counts.written[LOG_INFO] + counts.written[LOG_WARN]);
}

static void write_long(void)
{
    static char text[8192];
    memset(text, 'x', sizeof(text) - 1);
    logline(LOG_ERROR, "test", "text=\"%s\" next=1", text);
}

static void long_line_is_cut_within_its_quotes(void)
{
    const char *line = logged(write_long);
    CHECK(strlen(line) <= 4096 && strlen(line) > 4090);
    CHECK_STR("xx\"\n", line + strlen(line) - 4);
}

static void write_long_json(void)
{
    CHECK(logline_set("json", "info", NULL) == STATUS_OK);
    write_long();
}

static void long_json_line_is_an_object_still(void)
{
    const char *line = logged(write_long_json);
    CHECK(strlen(line) <= 4096 && strlen(line) > 4090);
    CHECK_STR("xx\"}\n", line + strlen(line) - 5);
}

static void write_options(void)
{
    static struct options options;
    options_defaults(&options);
    options_log(&options);
}

static void options_are_logged_on_one_line(void)
{
    const char *line = logged(write_options);
    CHECK(strstr(line, "event=options listen=\"127.0.0.1:7070\" ") != NULL);
    CHECK(strstr(line, " data=\"reelrank-data\" ") != NULL);
    CHECK(strstr(line, " max_message_bytes=4194304 ") != NULL);
    CHECK(strchr(line, '\n') == line + strlen(line) - 1);
}

static const struct test tests[] = {
    TEST(line_has_time_level_event_and_pairs),
    TEST(line_stays_one_line),
    TEST(values_in_quotes_are_escaped),
    TEST(json_line_is_an_object_whose_numbers_are_numbers),
    TEST(what_is_no_utf8_becomes_question_marks),
    TEST(lines_below_the_level_are_not_written),
    TEST(options_that_are_none_are_refused),
    TEST(lines_beyond_a_burst_are_counted_and_told),
    TEST(long_line_is_cut_within_its_quotes),
    TEST(long_json_line_is_an_object_still),
    TEST(options_are_logged_on_one_line),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
