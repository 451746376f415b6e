#include "server/roles.h"

#include <string.h>

#include "tests/test.h"

static unsigned parse(const char *names)
{
    unsigned roles = 0;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, roles_parse(text_of(names), &roles, &problem));
    return roles;
}

static void names_are_read_in_any_order(void)
{
    CHECK_EQ(ROLE_FEED, parse("feed"));
    CHECK_EQ(ROLE_FEED | ROLE_CATALOG, parse("catalog,feed"));
    CHECK_EQ(ROLES_ANY, parse("feed,catalog,data,admin"));
}

static void check_refused(const char *names, const char *message)
{
    unsigned roles = 77;
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, roles_parse(text_of(names), &roles, &problem));
    CHECK_STR(message, problem.text);
    CHECK_EQ(77, roles);
}

static void what_is_no_role_is_refused_by_name(void)
{
    static const char rest[] =
        ", expected some of feed, catalog, data and admin, with commas between";
    static const char *const cases[][2] = {
        {"", "role \"\""},
        {"root", "role \"root\""},
        {"feed,", "role \"\""},
        {",feed", "role \"\""},
        {"feed data", "role \"feed data\""},
        {"Feed", "role \"Feed\""},
        {"feed,feed", "role \"feed\" is there twice"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char message[200];
        snprintf(message, sizeof(message), "%s%s", cases[i][1], rest);
        check_refused(cases[i][0], message);
    }
}

static void roles_are_written_in_the_order_of_the_table(void)
{
    char text[ROLES_SIZE];
    roles_format(ROLE_ADMIN | ROLE_FEED, ",", text);
    CHECK_STR("feed,admin", text);
    roles_format(ROLES_ANY, " or ", text); /* the longest there is */
    CHECK_STR("feed or catalog or data or admin", text);
    roles_format(0, ",", text);
    CHECK_STR("", text);
}

static const struct test tests[] = {
    TEST(names_are_read_in_any_order),
    TEST(what_is_no_role_is_refused_by_name),
    TEST(roles_are_written_in_the_order_of_the_table),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
