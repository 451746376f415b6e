#include "server/admin.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/test.h"

struct work {
    pthread_mutex_t gate; /* a job waits here while the test holds it */
    unsigned order[2 * ADMIN_JOBS_MAX];
    atomic_uint done;
    atomic_uint ticks;
};

static struct work work = {.gate = PTHREAD_MUTEX_INITIALIZER};

struct item {
    unsigned number;
};

static void run_item(void *context)
{
    const struct item *item = context;
    work.order[atomic_load(&work.done)] = item->number;
    atomic_fetch_add(&work.done, 1);
}

static void wait_at_gate(void *context)
{
    (void)context;
    pthread_mutex_lock(&work.gate);
    pthread_mutex_unlock(&work.gate);
}

static void count_tick(void *context)
{
    (void)context;
    atomic_fetch_add(&work.ticks, 1);
}

static struct admin *new_admin(unsigned interval_ms)
{
    struct admin *admin = NULL;
    struct admin_options options = {.ticks = {{interval_ms, count_tick, NULL}}};
    CHECK_EQ(STATUS_OK, admin_new(&options, &admin));
    return admin;
}

static void jobs_run_in_order_and_all_before_the_end(void)
{
    struct item items[ADMIN_JOBS_MAX];
    struct admin *admin = new_admin(0);
    pthread_mutex_lock(&work.gate);
    CHECK_EQ(STATUS_OK, admin_submit(admin, wait_at_gate, NULL));
    for (unsigned i = 0; i < ADMIN_JOBS_MAX - 1; i++) {
        items[i].number = i;
        CHECK_EQ(STATUS_OK, admin_submit(admin, run_item, &items[i]));
    }
    pthread_mutex_unlock(&work.gate);
    admin_free(admin);
    CHECK_EQ(ADMIN_JOBS_MAX - 1, atomic_load(&work.done));
    for (unsigned i = 0; i < ADMIN_JOBS_MAX - 1; i++) {
        CHECK_EQ(i, work.order[i]);
    }
    CHECK_EQ(0, atomic_load(&work.ticks));
}

static void full_queue_refuses(void)
{
    struct item item = {.number = 1};
    struct admin *admin = new_admin(0);
    pthread_mutex_lock(&work.gate);
    unsigned taken = 0;
    while (admin_submit(admin, wait_at_gate, NULL) == STATUS_OK) {
        taken++;
    }
    /* One more when the thread has taken the first already. */
    CHECK(taken == ADMIN_JOBS_MAX || taken == ADMIN_JOBS_MAX + 1);
    CHECK(admin_waiting(admin) >= ADMIN_JOBS_MAX - 1 && admin_waiting(admin) <= ADMIN_JOBS_MAX);
    pthread_mutex_unlock(&work.gate);
    while (admin_submit(admin, run_item, &item) != STATUS_OK) {
    }
    admin_free(admin);
    CHECK_EQ(1, atomic_load(&work.done));
}

static void ticks_come_by_themselves_and_between_jobs(void)
{
    struct item item = {.number = 1};
    struct admin *admin = new_admin(1);
    while (atomic_load(&work.ticks) < 3) {
    }
    CHECK_EQ(STATUS_OK, admin_submit(admin, run_item, &item));
    while (atomic_load(&work.done) < 1) {
    }
    admin_free(admin);
    admin_free(NULL);
}

static void count_other_tick(void *context)
{
    atomic_fetch_add((atomic_uint *)context, 1);
}

static void each_tick_has_its_own_interval(void)
{
    enum { NEVER_MS = 3600000 };
    atomic_uint often = 0;
    atomic_uint seldom = 0;
    struct admin *admin = NULL;
    struct admin_options options = {
        .ticks = {{NEVER_MS, count_other_tick, &seldom}, {0}, {1, count_other_tick, &often}}};
    CHECK_EQ(STATUS_OK, admin_new(&options, &admin));
    while (atomic_load(&often) < 3) {
    }
    admin_free(admin);
    CHECK_EQ(0, atomic_load(&seldom));
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(jobs_run_in_order_and_all_before_the_end),
        TEST(full_queue_refuses),
        TEST(ticks_come_by_themselves_and_between_jobs),
        TEST(each_tick_has_its_own_interval),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
