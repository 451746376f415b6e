#include "server/file_watch.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

static char directory[TEST_PATH_SIZE];
static char one[TEST_PATH_SIZE + 8];
static char two[TEST_PATH_SIZE + 8];

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void start(struct file_watch *watch)
{
    test_directory(directory);
    snprintf(one, sizeof(one), "%s/one", directory);
    snprintf(two, sizeof(two), "%s/two", directory);
    put(one, "1");
    put(two, "2");
    const char *paths[] = {one, two};
    file_watch_init(watch, paths, 2);
}

static void nothing_changes_while_nothing_is_done(void)
{
    struct file_watch watch;
    start(&watch);
    CHECK(!file_watch_look(&watch));
    CHECK(!file_watch_look(&watch));
}

static void change_is_told_once_when_it_has_rested_for_a_look(void)
{
    struct file_watch watch;
    start(&watch);
    put(two, "22");
    CHECK(!file_watch_look(&watch));
    CHECK(file_watch_look(&watch));
    CHECK(!file_watch_look(&watch));
}

static void files_that_go_on_changing_are_waited_for(void)
{
    struct file_watch watch;
    start(&watch);
    put(one, "11");
    CHECK(!file_watch_look(&watch));
    put(two, "22"); /* the other half of a pair */
    CHECK(!file_watch_look(&watch));
    CHECK(file_watch_look(&watch));
}

static void replacing_and_removing_are_changes(void)
{
    struct file_watch watch;
    start(&watch);
    CHECK(rename(two, one) == 0);
    CHECK(!file_watch_look(&watch));
    CHECK(file_watch_look(&watch));
    CHECK(unlink(one) == 0);
    CHECK(!file_watch_look(&watch));
    CHECK(file_watch_look(&watch));
}

static const struct test tests[] = {
    TEST(nothing_changes_while_nothing_is_done),
    TEST(change_is_told_once_when_it_has_rested_for_a_look),
    TEST(files_that_go_on_changing_are_waited_for),
    TEST(replacing_and_removing_are_changes),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
