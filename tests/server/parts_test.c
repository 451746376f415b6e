#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server/access.h"
#include "server/admin.h"
#include "server/health.h"
#include "server/metrics.h"
#include "server/reflection.h"
#include "server/weights_watch.h"
#include "server/writer.h"
#include "tests/fault/calls.h"
#include "tests/server/whole_service.h"
#include "tests/test.h"

/*
 * The parts of a server, made while calls to the system fail, each in its turn: they are made, or
 * they are not and say so, and the next try makes them. Weights are not among them: libfyaml does
 * not outlive want of memory.
 */
static struct whole_service whole;

static enum status make_writer(void)
{
    struct writer *writer = NULL;
    enum status status = writer_new(whole.store, whole.keeper, 8, &writer);
    writer_free(writer);
    return status;
}

static enum status make_admin(void)
{
    struct admin *admin = NULL;
    const struct admin_options options = {.ticks = {{.interval_ms = 0}}};
    enum status status = admin_new(&options, &admin);
    admin_free(admin);
    return status;
}

static enum status make_metrics(void)
{
    struct metrics *metrics = NULL;
    enum status status = metrics_new(2, &metrics);
    metrics_free(metrics);
    return status;
}

static enum status make_health(void)
{
    struct health *health = NULL;
    enum status status = health_new(whole.methods, SERVICE_METHOD_COUNT, &health);
    health_free(health);
    return status;
}

static enum status make_descriptors(void)
{
    struct descriptors *descriptors = NULL;
    enum status status = reflection_descriptors(&descriptors);
    descriptors_free(descriptors);
    return status;
}

static enum status make_watch(void)
{
    struct weights_watch *watch = NULL;
    enum status status = weights_watch_new(whole.life, "weights.yaml", &watch);
    weights_watch_free(watch);
    return status;
}

static enum status make_service(void)
{
    struct service *service = NULL;
    const struct service_options options = {
        .store = whole.store, .life = whole.life, .directory = whole.directory};
    enum status status = service_new(&options, &service);
    service_free(service);
    return status;
}

static enum status make_keeper(void)
{
    struct keeper *keeper = NULL;
    const struct keeper_options options = {.store = whole.store, .directory = whole.directory};
    enum status status = keeper_new(&options, &keeper);
    if (status == STATUS_OK) {
        status = keeper_start(keeper);
    }
    keeper_free(keeper);
    return status;
}

static enum status make_access(void)
{
    struct access *access = NULL;
    struct problem problem = {""};
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/tokens", whole.directory);
    enum status status = access_new(path, &access, &problem);
    access_free(access);
    CHECK(status == STATUS_OK || problem.text[0] != '\0');
    return status;
}

static enum status (*const parts[])(void) = {
    make_writer, make_admin,   make_metrics, make_health, make_descriptors,
    make_watch,  make_service, make_keeper,  make_access,
};

/* Every failure of a kind, until there are not so many calls. A thread takes memory too. */
static void sweep(enum status (*make)(void), enum call call, int error)
{
    struct call_failure failure = {.call = call, .number = 1, .error = error};
    bool failed = true;
    for (; failed; failure.number++) {
        calls_fail(&failure);
        enum status status = make();
        failed = calls_end();
        CHECK(status == STATUS_OK ||
              (failed && (status == STATUS_NO_MEMORY || status == STATUS_IO)));
    }
    CHECK_EQ(STATUS_OK, make());
}

static void open_whole(void)
{
    char path[PATH_MAX + 16];
    whole_service_open(&whole);
    snprintf(path, sizeof(path), "%s/tokens", whole.directory);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs("reelrank-tokens 1\n", file) >= 0);
    CHECK(fclose(file) == 0);
    CHECK(chmod(path, 0600) == 0);
}

static void parts_without_memory_are_not_made(void)
{
    open_whole();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        sweep(parts[i], CALL_MEMORY, ENOMEM);
    }
    whole_service_close(&whole);
}

static void parts_without_a_thread_are_not_made(void)
{
    open_whole();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        sweep(parts[i], CALL_THREAD, EAGAIN);
    }
    whole_service_close(&whole);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(parts_without_memory_are_not_made),
        TEST(parts_without_a_thread_are_not_made),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
