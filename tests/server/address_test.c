#include "server/address.h"

#include "tests/test.h"

static struct address parse(const char *text)
{
    struct address address;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, address_parse(text, &address, &problem));
    return address;
}

static void host_and_port_are_told_apart(void)
{
    struct address address = parse("rank.example:7070");
    CHECK_STR("rank.example", address.host);
    CHECK_EQ(7070, address.port);
    address = parse("[::1]:0");
    CHECK_STR("[::1]", address.host);
    CHECK_EQ(0, address.port);
}

static void what_is_no_address_is_refused(void)
{
    static const char *const cases[] = {"",     ":7070",   "host", "host:", "h:-1",
                                        "h:+1", "h:65536", "h:1x", "h: 1",  "7070"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address;
        struct problem problem = {""};
        CHECK_EQ(STATUS_INVALID, address_parse(cases[i], &address, &problem));
    }
}

static void loopback_is_told_from_the_rest(void)
{
    static const struct {
        const char *text;
        bool loopback;
    } cases[] = {
        {"127.0.0.1:1", true},    {"127.255.0.9:1", true}, {"[::1]:1", true},
        {"localhost:1", true},    {"0.0.0.0:1", false},    {"[::]:1", false},
        {"10.0.0.1:1", false},    {"128.0.0.1:1", false},  {"rank.example:1", false},
        {"127.0.0.1.x:1", false}, {"127:1", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address = parse(cases[i].text);
        CHECK_EQ(cases[i].loopback, address_is_loopback(&address));
    }
}

static void server_on_all_addresses_is_called_on_loopback(void)
{
    struct address address = parse("0.0.0.0:1");
    CHECK_STR("127.0.0.1", address_to_call(&address));
    address = parse("[::]:1");
    CHECK_STR("[::1]", address_to_call(&address));
    address = parse("10.0.0.1:1");
    CHECK_STR("10.0.0.1", address_to_call(&address));
}

static const struct test tests[] = {
    TEST(host_and_port_are_told_apart),
    TEST(what_is_no_address_is_refused),
    TEST(loopback_is_told_from_the_rest),
    TEST(server_on_all_addresses_is_called_on_loopback),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
