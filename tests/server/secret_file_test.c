#include "server/secret_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

enum { LIMIT = 10 };

static char directory[TEST_PATH_SIZE];
static char path[TEST_PATH_SIZE + 16];

static void put(const char *text, mode_t mode)
{
    test_directory(directory);
    snprintf(path, sizeof(path), "%s/secret", directory);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, mode) == 0);
}

static enum status read_it(enum secret_file_rule rule, struct problem *problem)
{
    char *data = NULL;
    size_t size = 0;
    enum status status = secret_file_read(path, rule, LIMIT, &data, &size, problem);
    if (status == STATUS_OK) {
        CHECK_EQ(size, strlen(data));
    } else {
        CHECK(data == NULL);
    }
    secret_file_free(data, size);
    return status;
}

static void check_refused(enum secret_file_rule rule, const char *message)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, read_it(rule, &problem));
    CHECK(strstr(problem.text, "/secret: ") != NULL);
    CHECK(strstr(problem.text, message) != NULL);
}

static void file_of_the_owner_and_the_group_is_read(void)
{
    struct problem problem = {""};
    put("0123456789", 0640);
    CHECK_EQ(STATUS_OK, read_it(SECRET_FILE_PRIVATE, &problem));
    CHECK_EQ(STATUS_OK, read_it(SECRET_FILE_UNCHANGED, &problem));
}

static void file_that_everybody_reads_is_no_secret(void)
{
    struct problem problem = {""};
    put("x", 0644);
    check_refused(SECRET_FILE_PRIVATE, "everybody may read it (mode 0644); \"chmod o-r\"");
    CHECK_EQ(STATUS_OK, read_it(SECRET_FILE_UNCHANGED, &problem));
}

static void file_that_everybody_writes_is_never_read(void)
{
    put("x", 0602);
    check_refused(SECRET_FILE_PRIVATE, "everybody may write it (mode 0602); \"chmod o-w\"");
    check_refused(SECRET_FILE_UNCHANGED, "everybody may write it");
}

/* The link itself allows everything, as links do. */
static void check_is_of_what_a_link_leads_to(void)
{
    struct problem problem = {""};
    char link[TEST_PATH_SIZE + 16];
    put("x", 0600);
    snprintf(link, sizeof(link), "%s/link", directory);
    CHECK(symlink(path, link) == 0);
    snprintf(path, sizeof(path), "%s/link", directory);
    CHECK_EQ(STATUS_OK, read_it(SECRET_FILE_PRIVATE, &problem));
}

static void file_of_the_wrong_size_or_kind_is_refused(void)
{
    static const char message[] = "expected a regular file of 1 to 10 bytes";
    put("", 0600);
    check_refused(SECRET_FILE_PRIVATE, message);
    put("0123456789x", 0600);
    check_refused(SECRET_FILE_PRIVATE, message);
    CHECK(unlink(path) == 0);
    CHECK(mkdir(path, 0700) == 0);
    check_refused(SECRET_FILE_PRIVATE, message);
    CHECK(rmdir(path) == 0);
    CHECK(mkfifo(path, 0600) == 0); /* nobody will ever write it */
    check_refused(SECRET_FILE_PRIVATE, message);
}

static void file_that_is_not_there_is_not_found(void)
{
    struct problem problem = {""};
    put("x", 0600);
    CHECK(unlink(path) == 0);
    CHECK_EQ(STATUS_NOT_FOUND, read_it(SECRET_FILE_PRIVATE, &problem));
    CHECK(strstr(problem.text, "cannot be read: No such file or directory") != NULL);
}

static const struct test tests[] = {
    TEST(file_of_the_owner_and_the_group_is_read),   TEST(file_that_everybody_reads_is_no_secret),
    TEST(file_that_everybody_writes_is_never_read),  TEST(check_is_of_what_a_link_leads_to),
    TEST(file_of_the_wrong_size_or_kind_is_refused), TEST(file_that_is_not_there_is_not_found),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
