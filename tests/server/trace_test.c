#include "server/trace.h"

#include "tests/test.h"

#define TRACE_ID  "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"

static void header_of_the_standard_is_taken_apart(void)
{
    struct trace trace;
    CHECK(trace_parse(text_of("00-" TRACE_ID "-" PARENT_ID "-01"), &trace));
    CHECK_STR(TRACE_ID, trace.trace_id);
    CHECK_STR(PARENT_ID, trace.parent_id);
    CHECK(trace.sampled);
    CHECK(trace_parse(text_of("00-" TRACE_ID "-" PARENT_ID "-fe"), &trace));
    CHECK(!trace.sampled);
}

static void later_version_may_have_more_behind(void)
{
    struct trace trace;
    CHECK(trace_parse(text_of("cc-" TRACE_ID "-" PARENT_ID "-01"), &trace));
    CHECK(trace_parse(text_of("cc-" TRACE_ID "-" PARENT_ID "-01-what-will-be"), &trace));
    CHECK(!trace_parse(text_of("cc-" TRACE_ID "-" PARENT_ID "-01.what-will-be"), &trace));
}

static void what_breaks_a_rule_is_no_header(void)
{
    static const char *const broken[] = {
        "",
        "00",
        "00-" TRACE_ID "-" PARENT_ID,
        "00-" TRACE_ID "-" PARENT_ID "-",
        "00-" TRACE_ID "-" PARENT_ID "-0",
        "00-" TRACE_ID "-" PARENT_ID "-01-",
        "00-" TRACE_ID "-" PARENT_ID "-01-more",
        " 00-" TRACE_ID "-" PARENT_ID "-01",
        "ff-" TRACE_ID "-" PARENT_ID "-01",
        "0g-" TRACE_ID "-" PARENT_ID "-01",
        "00-" TRACE_ID "-" PARENT_ID "-0x",
        "00_" TRACE_ID "-" PARENT_ID "-01",
        "00-" TRACE_ID "_" PARENT_ID "-01",
        "00-" TRACE_ID "-" PARENT_ID "_01",
        "00-0AF7651916CD43DD8448EB211C80319C-" PARENT_ID "-01",
        "00-00000000000000000000000000000000-" PARENT_ID "-01",
        "00-" TRACE_ID "-0000000000000000-01",
        "00-" TRACE_ID "-b7ad6b716920333-01x",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct trace trace = {.sampled = true, .trace_id = "as it was"};
        CHECK(!trace_parse(text_of(broken[i]), &trace));
        CHECK_STR("as it was", trace.trace_id);
    }
}

static void request_id_is_of_plain_letters_and_not_too_long(void)
{
    char longest[TRACE_REQUEST_ID_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    CHECK(trace_is_request_id(text_of("a")));
    CHECK(trace_is_request_id(text_of("7f3A.b-c_d:e+f/g=")));
    CHECK(trace_is_request_id((struct text){longest, TRACE_REQUEST_ID_MAX}));
    CHECK(!trace_is_request_id((struct text){longest, TRACE_REQUEST_ID_MAX + 1}));
    CHECK(!trace_is_request_id(text_of("")));
    CHECK(!trace_is_request_id(text_of("a b")));
    CHECK(!trace_is_request_id(text_of("a\"b")));
    CHECK(!trace_is_request_id(text_of("\xc3\xa9")));
    CHECK(!trace_is_request_id((struct text){"a\0b", 3}));
}

static void made_ids_are_ids_and_differ(void)
{
    char a[TRACE_MADE_ID_SIZE];
    char b[TRACE_MADE_ID_SIZE];
    trace_make_request_id(a);
    trace_make_request_id(b);
    CHECK(trace_is_request_id(text_of(a)));
    CHECK_EQ(32, strlen(a));
    CHECK(strcmp(a, b) != 0);
}

static const struct test tests[] = {
    TEST(header_of_the_standard_is_taken_apart),
    TEST(later_version_may_have_more_behind),
    TEST(what_breaks_a_rule_is_no_header),
    TEST(request_id_is_of_plain_letters_and_not_too_long),
    TEST(made_ids_are_ids_and_differ),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
