#include "server/options_file.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static struct options options;

static enum status apply(struct text text, struct problem *problem)
{
    options_defaults(&options);
    return options_file_apply(&options, text, "r.conf", problem);
}

static void sets(const char *text)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, apply(text_of(text), &problem));
    CHECK_STR("", problem.text);
}

static void refuses_bytes(struct text text, const char *message)
{
    static struct options before;
    struct problem problem = {""};
    options_defaults(&before);
    CHECK_EQ(STATUS_INVALID, apply(text, &problem));
    CHECK_STR(message, problem.text);
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
}

static void refuses(const char *text, const char *message)
{
    refuses_bytes(text_of(text), message);
}

static void lines_set_options_by_name(void)
{
    sets("listen = [::1]:0\nmap-mib=32\n\tmax_message_bytes  =\t2048 \r\nweights=");
    CHECK_STR("[::1]:0", options.listen);
    CHECK_EQ(32, options.map_mib);
    CHECK_EQ(2048, options.max_message_bytes);
    CHECK_STR("", options.weights);
    CHECK_EQ(5000, options.drain_ms);
}

static void a_flag_is_true_or_false(void)
{
    sets("allow-plaintext = true");
    CHECK(options.allow_plaintext);
    sets("allow-plaintext = false");
    CHECK(!options.allow_plaintext);
    refuses("allow-plaintext = yes",
            "r.conf:1: allow-plaintext: found \"yes\", expected true or false");
}

static void an_empty_file_changes_nothing(void)
{
    static struct options before;
    options_defaults(&before);
    sets("");
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, apply((struct text){NULL, 0}, &problem));
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
}

static void comments_and_empty_lines_do_not_count(void)
{
    sets("# a comment = 1\n\n  \t\r\n   # another\nworkers = 3 # threads\n#workers = 4\ndata = "
         "/a#b=c d");
    CHECK_EQ(3, options.workers);
    CHECK_STR("/a#b=c d", options.data);
}

static void what_is_wrong_is_told_with_its_line(void)
{
    refuses("workers = 1\n\nmap-mib = 0\n",
            "r.conf:3: map-mib: found \"0\", expected a whole number from 1 to 16777216");
    refuses("workers = 1\ndrian-ms = 2",
            "r.conf:2: drian-ms: no such option; did you mean drain-ms?");
    refuses("data =", "r.conf:1: data: found 0 bytes, allowed are 1 to 4000");
    refuses("workers = 1 2",
            "r.conf:1: workers: found \"1 2\", expected a whole number from 0 to 64");
}

static void a_line_without_name_or_value_is_refused(void)
{
    refuses("[server]", "r.conf:1: expected NAME = VALUE, found \"[server]\"");
    refuses("\n= 1", "r.conf:2: expected NAME = VALUE, found \"= 1\"");
    refuses("workers # = 1", "r.conf:1: expected NAME = VALUE, found \"workers\"");
}

static void an_option_that_stands_twice_is_refused(void)
{
    refuses("weights-watch-ms = 1\nworkers = 2\nweights_watch_ms = 1",
            "r.conf:3: weights_watch_ms: line 1 has set it already");
}

static void zero_bytes_are_refused(void)
{
    refuses_bytes((struct text){"data = a\0b", 10},
                  "r.conf:1: data: a value has at most 4095 bytes, and no zero byte");
    refuses_bytes((struct text){"data\0 = a", 9}, "r.conf:1: data: no such option");
}

static void longest_value_is_taken_and_one_more_refused(void)
{
    enum { PREFIX = sizeof("data=") - 1 };
    static char text[PREFIX + OPTION_TEXT_SIZE + 1];
    memcpy(text, "data=", PREFIX);
    memset(text + PREFIX, 'p', OPTION_TEXT_SIZE);
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, apply((struct text){text, PREFIX + 4000}, &problem));
    CHECK_EQ(4000, strlen(options.data));
    refuses_bytes((struct text){text, PREFIX + 4001},
                  "r.conf:1: data: found 4001 bytes, allowed are 1 to 4000");
    refuses_bytes((struct text){text, PREFIX + OPTION_TEXT_SIZE},
                  "r.conf:1: data: a value has at most 4095 bytes, and no zero byte");
}

/* Puts the example's options into force: every line that begins with "#" and a letter. */
static void uncomment(char *text)
{
    for (char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (at[0] == '#' && at[1] != ' ') {
            at[0] = ' ';
        }
    }
}

static void the_example_has_every_option_with_its_default(void)
{
    static struct options before;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    options_print_example(out);
    fclose(out);
    options_defaults(&before);
    sets(text);
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
    uncomment(text);
    CHECK(strstr(text, "\n drain-ms = 5000\n") != NULL);
    CHECK(strstr(text, "\n weights =\n") != NULL);
    memset(&options, 0, sizeof(options));
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, options_file_apply(&options, text_of(text), "r.conf", &problem));
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
    free(text);
}

static const struct test tests[] = {
    TEST(lines_set_options_by_name),
    TEST(a_flag_is_true_or_false),
    TEST(an_empty_file_changes_nothing),
    TEST(comments_and_empty_lines_do_not_count),
    TEST(what_is_wrong_is_told_with_its_line),
    TEST(a_line_without_name_or_value_is_refused),
    TEST(an_option_that_stands_twice_is_refused),
    TEST(zero_bytes_are_refused),
    TEST(longest_value_is_taken_and_one_more_refused),
    TEST(the_example_has_every_option_with_its_default),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
