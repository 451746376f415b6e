#include "server/logline.h"

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
    CHECK_STR("Z level=info event=test text=\"a b c\"\n", strchr(logged(write_newlines), 'Z'));
}

static void write_long(void)
{
    static char text[8192];
    memset(text, 'x', sizeof(text) - 1);
    logline(LOG_ERROR, "test", "text=%s", text);
}

static void long_line_is_cut(void)
{
    const char *line = logged(write_long);
    CHECK_EQ(2048, strlen(line));
    CHECK(line[2047] == '\n');
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
    TEST(long_line_is_cut),
    TEST(options_are_logged_on_one_line),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
