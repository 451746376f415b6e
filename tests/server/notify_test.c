#include "server/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

enum { TEXT_SIZE = 600 };

/* A manager's socket, listening. The name is short, whatever the temporary folder is called. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(name);
    memcpy(address.sun_path, name, size);
    address.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(fd >= 0);
    CHECK(bind(fd, (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) == 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void check_told(int fd, const char *expected)
{
    char text[TEXT_SIZE] = "";
    ssize_t size = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    CHECK_EQ((long)strlen(expected), size);
    CHECK_STR(expected, text);
}

static void what_is_told_arrives_at_an_abstract_socket(void)
{
    char name[64];
    snprintf(name, sizeof(name), "@reelrank-notify-test-%d", (int)getpid());
    int fd = listen_at(name);
    struct notify notify;
    notify_init(&notify);
    notify_tell(&notify, "READY=1");
    notify_tell(&notify, "STATUS=%d%%\nEXTEND_TIMEOUT_USEC=%d", 7, 1000);
    check_told(fd, "READY=1");
    check_told(fd, "STATUS=7%\nEXTEND_TIMEOUT_USEC=1000");
    notify_release(&notify);
    close(fd);
}

static void what_is_told_arrives_at_a_socket_with_a_path(void)
{
    char name[64];
    snprintf(name, sizeof(name), "/tmp/reelrank-notify-test-%d", (int)getpid());
    int fd = listen_at(name);
    struct notify notify;
    notify_init(&notify);
    notify_tell(&notify, "STOPPING=1");
    check_told(fd, "STOPPING=1");
    notify_release(&notify);
    close(fd);
    unlink(name);
}

static void without_a_manager_nothing_is_told(void)
{
    static const char *const names[] = {"", "/", "@", "relative", NULL};
    struct notify notify;
    setenv("WATCHDOG_USEC", "1000000", 1);
    unsetenv("NOTIFY_SOCKET");
    for (size_t i = 0; i == 0 || names[i - 1] != NULL; i++) {
        notify_init(&notify);
        CHECK_EQ(-1, notify.fd);
        CHECK_EQ(0, notify.watchdog_ms);
        notify_tell(&notify, "READY=1");
        notify_release(&notify);
        if (names[i] != NULL) {
            setenv("NOTIFY_SOCKET", names[i], 1);
        }
    }
}

static void a_name_that_is_too_long_is_nobody(void)
{
    char name[200];
    memset(name, 'n', sizeof(name));
    name[0] = '/';
    name[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    struct notify notify;
    notify_init(&notify);
    CHECK_EQ(-1, notify.fd);
}

static void a_manager_that_is_gone_costs_nothing(void)
{
    setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    struct notify notify;
    notify_init(&notify);
    notify_tell(&notify, "READY=1");
    notify_release(&notify);
}

static unsigned watchdog(const char *usec, const char *pid)
{
    struct notify notify;
    setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
    setenv("WATCHDOG_USEC", usec, 1);
    if (pid != NULL) {
        setenv("WATCHDOG_PID", pid, 1);
    } else {
        unsetenv("WATCHDOG_PID");
    }
    notify_init(&notify);
    notify_release(&notify);
    return notify.watchdog_ms;
}

static void the_watchdog_is_that_of_this_process(void)
{
    char own[32];
    snprintf(own, sizeof(own), "%d", (int)getpid());
    CHECK_EQ(30000, watchdog("30000000", NULL));
    CHECK_EQ(30000, watchdog("30000000", own));
    CHECK_EQ(0, watchdog("30000000", "1"));
    CHECK_EQ(0, watchdog("30000000", "x"));
    CHECK_EQ(0, watchdog("30s", NULL));
    CHECK_EQ(0, watchdog("-1", NULL));
    CHECK_EQ(0, watchdog("", NULL));
    CHECK_EQ(0, watchdog("99999999999999999999999999", NULL));
}

static const struct test tests[] = {
    TEST(what_is_told_arrives_at_an_abstract_socket),
    TEST(what_is_told_arrives_at_a_socket_with_a_path),
    TEST(without_a_manager_nothing_is_told),
    TEST(a_name_that_is_too_long_is_nobody),
    TEST(a_manager_that_is_gone_costs_nothing),
    TEST(the_watchdog_is_that_of_this_process),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
