#include "server/options.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static void defaults_are_those_of_the_table(void)
{
    static struct options options;
    options_defaults(&options);
    CHECK_STR("127.0.0.1:7070", options.listen);
    CHECK_STR("", options.weights);
    CHECK_EQ(4194304, options.max_message_bytes);
    CHECK_EQ(16384, options.map_mib);
    CHECK_EQ(5000, options.drain_ms);
}

static void names_are_taken_with_dashes_or_underscores(void)
{
    static struct options options;
    struct problem problem = {0};
    options_defaults(&options);
    CHECK(options_set(&options, "max-message-bytes", "2048", &problem) == STATUS_OK);
    CHECK_EQ(2048, options.max_message_bytes);
    CHECK(options_set(&options, "max_message_bytes", "1024", &problem) == STATUS_OK);
    CHECK_EQ(1024, options.max_message_bytes);
    CHECK(options_set(&options, "listen", "[::1]:0", &problem) == STATUS_OK);
    CHECK_STR("[::1]:0", options.listen);
}

static void check_refused(const char *name, const char *value, const char *message)
{
    static struct options options;
    static struct options before;
    struct problem problem = {0};
    options_defaults(&options);
    before = options;
    CHECK(options_set(&options, name, value, &problem) == STATUS_INVALID);
    CHECK_STR(message, problem.text);
    CHECK(memcmp(&before, &options, sizeof(options)) == 0);
}

static void flag_is_false_until_it_is_set(void)
{
    static struct options options;
    struct problem problem = {0};
    options_defaults(&options);
    CHECK(!options.allow_plaintext);
    CHECK(options_set(&options, "allow-plaintext", "true", &problem) == STATUS_OK);
    CHECK(options.allow_plaintext);
    CHECK(options_set(&options, "allow-plaintext", "false", &problem) == STATUS_OK);
    CHECK(!options.allow_plaintext);
    check_refused("allow-plaintext", "1", "allow-plaintext: found \"1\", expected true or false");
}

static void numbers_out_of_range_are_refused(void)
{
    static struct options options;
    struct problem problem = {0};
    options_defaults(&options);
    CHECK(options_set(&options, "workers", "64", &problem) == STATUS_OK);
    CHECK(options_set(&options, "workers", "0", &problem) == STATUS_OK);
    check_refused("workers", "65", "workers: found \"65\", expected a whole number from 0 to 64");
    check_refused("map-mib", "0",
                  "map-mib: found \"0\", expected a whole number from 1 to 16777216");
    check_refused("drain_ms", "99999999999999999999999",
                  "drain-ms: found \"99999999999999999999999\", expected a whole number from 0 to "
                  "600000");
}

static void what_is_no_number_is_refused(void)
{
    const char *values[] = {"", "-1", " 1", "1x", "+1", "1.5"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        static struct options options;
        struct problem problem = {0};
        options_defaults(&options);
        CHECK(options_set(&options, "workers", values[i], &problem) == STATUS_INVALID);
    }
}

static void longest_text_is_taken_and_one_more_refused(void)
{
    static struct options options;
    struct problem problem = {0};
    char path[4002];
    memset(path, 'p', sizeof(path));
    path[4000] = '\0';
    options_defaults(&options);
    CHECK(options_set(&options, "data", path, &problem) == STATUS_OK);
    CHECK_STR(path, options.data);
    path[4000] = 'p';
    path[4001] = '\0';
    check_refused("data", path, "data: found 4001 bytes, allowed are 1 to 4000");
    check_refused("data", "", "data: found 0 bytes, allowed are 1 to 4000");
}

static void unknown_name_is_refused_with_the_nearest_known(void)
{
    check_refused("worker", "1", "worker: no such option; did you mean workers?");
    check_refused("max_mesage-bytes", "1",
                  "max_mesage-bytes: no such option; did you mean max-message-bytes?");
    check_refused("colour", "1", "colour: no such option");
    check_refused("", "1", ": no such option");
    check_refused("workersworkersworkersworkersworkersworkers", "1",
                  "workersworkersworkersworkersworkersworkers: no such option");
}

static void rows_are_found_by_either_spelling(void)
{
    CHECK_EQ(0, OPTION_listen);
    CHECK_EQ(OPTION_listen, options_find("listen"));
    CHECK_EQ(OPTION_drain_ms, options_find("drain-ms"));
    CHECK_EQ(OPTION_drain_ms, options_find("drain_ms"));
    CHECK_EQ(OPTION_COUNT, options_find("drain-m"));
    CHECK_EQ(OPTION_COUNT, options_find("drain-ms-"));
}

static void workers_are_as_asked_or_one_per_processor(void)
{
    static struct options options;
    options_defaults(&options);
    CHECK(options_worker_count(&options) >= 1);
    CHECK(options_worker_count(&options) <= 64);
    options.workers = 3;
    CHECK_EQ(3, options_worker_count(&options));
}

static const struct test tests[] = {
    TEST(defaults_are_those_of_the_table),
    TEST(names_are_taken_with_dashes_or_underscores),
    TEST(flag_is_false_until_it_is_set),
    TEST(numbers_out_of_range_are_refused),
    TEST(what_is_no_number_is_refused),
    TEST(longest_text_is_taken_and_one_more_refused),
    TEST(unknown_name_is_refused_with_the_nearest_known),
    TEST(rows_are_found_by_either_spelling),
    TEST(workers_are_as_asked_or_one_per_processor),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
