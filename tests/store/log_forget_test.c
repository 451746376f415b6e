#include <string.h>

#include "store/log.h"
#include "tests/store/numbered.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 4 << 20 };

static struct tombstone find(struct log *log, uint64_t user_key)
{
    struct tombstone out;
    CHECK_EQ(STATUS_OK, log_find_tombstone(log, user_key, &out));
    CHECK_EQ(user_key, out.user_key);
    return out;
}

static void forget(struct log *log, uint64_t user_key, int64_t appended_ms, uint64_t *sequence)
{
    struct record record = {
        .kind = EVENT_FORGET, .appended_ms = appended_ms, .event_key = {.low = user_key}};
    CHECK_EQ(STATUS_OK, log_append(log, &record, 1, sequence));
}

static void tombstones_are_kept_found_and_replaced(void)
{
    char path[TEST_PATH_SIZE];
    struct tombstone none;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_NOT_FOUND, log_find_tombstone(log, 1, &none));
    struct tombstone tombstones[] = {{.user_key = 1, .time_ms = 10, .pending = true},
                                     {.user_key = UINT64_MAX, .time_ms = 20}};
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, tombstones, 2));
    CHECK(find(log, 1).pending);
    log_close(log);

    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(20, find(log, UINT64_MAX).time_ms);
    tombstones[0].pending = false;
    tombstones[0].signals_erased = 3;
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, tombstones, 1));
    CHECK(!find(log, 1).pending);
    CHECK_EQ(3, find(log, 1).signals_erased);
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, NULL, 0));
    log_close(log);
}

static void forgetting_puts_a_tombstone_with_the_record(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t sequence = 0;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 3));
    forget(log, 77, 1000, &sequence);
    CHECK_EQ(4, sequence);
    struct tombstone tombstone = find(log, 77);
    CHECK(tombstone.pending);
    CHECK_EQ(1000, tombstone.time_ms);
    CHECK_EQ(4, tombstone.sequence);
    CHECK_EQ(0, tombstone.signals_erased);
    log_close(log);
}

static void second_forgetting_goes_on_counting(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t sequence = 0;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    struct tombstone done = {.user_key = 77, .time_ms = 10, .sequence = 1, .signals_erased = 5};
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, &done, 1));
    forget(log, 77, 1000, &sequence);
    struct tombstone tombstone = find(log, 77);
    CHECK(tombstone.pending);
    CHECK_EQ(1000, tombstone.time_ms);
    CHECK_EQ(sequence, tombstone.sequence);
    CHECK_EQ(5, tombstone.signals_erased);
    log_close(log);
}

struct list {
    uint64_t keys[8];
    size_t count;
    size_t stop_at;
};

static bool add_to_list(void *context, const struct tombstone *tombstone)
{
    struct list *list = context;
    CHECK(list->count < 8);
    list->keys[list->count++] = tombstone->user_key;
    return list->count != list->stop_at;
}

static size_t visit_all(struct log *log, struct list *list)
{
    CHECK_EQ(STATUS_OK, log_visit_tombstones(log, add_to_list, list, NULL));
    return list->count;
}

static void visitor_sees_all_in_order_and_can_stop(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(0, visit_all(log, &(struct list){.count = 0}));
    struct tombstone tombstones[] = {{.user_key = 3}, {.user_key = UINT64_MAX}, {.user_key = 2}};
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, tombstones, 3));
    struct list list = {.count = 0};
    CHECK_EQ(3, visit_all(log, &list));
    CHECK(list.keys[0] == 2 && list.keys[1] == 3 && list.keys[2] == UINT64_MAX);
    CHECK_EQ(2, visit_all(log, &(struct list){.stop_at = 2}));
    log_close(log);
}

static void old_tombstones_are_dropped_unless_pending(void)
{
    enum { COUNT = 1000 };
    static struct tombstone tombstones[COUNT];
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < COUNT; i++) {
        tombstones[i] = (struct tombstone){.user_key = i, .time_ms = i, .pending = i == 5};
    }
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, tombstones, COUNT));
    CHECK_EQ(STATUS_OK, log_drop_tombstones(log, 0));
    CHECK_EQ(0, find(log, 0).time_ms);
    CHECK_EQ(STATUS_OK, log_drop_tombstones(log, COUNT - 2));
    struct list list = {.count = 0};
    CHECK_EQ(3, visit_all(log, &list));
    CHECK(list.keys[0] == 5 && list.keys[1] == COUNT - 2 && list.keys[2] == COUNT - 1);
    log_close(log);
}

static void damaged_tombstone_is_told_and_a_forgetting_mends_it(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t key = 9;
    struct tombstone none;
    struct problem problem = {""};
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, &(struct tombstone){.user_key = key}, 1));
    log_close(log);
    tamper(path, "forgotten", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key}, &(MDB_val){4, "none"});
    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_CORRUPT, log_find_tombstone(log, key, &none));
    CHECK_EQ(STATUS_CORRUPT, log_visit_tombstones(log, add_to_list, NULL, &problem));
    CHECK(strstr(problem.text, "fails validation") != NULL);
    forget(log, key, 1000, &(uint64_t){0});
    CHECK_EQ(1000, find(log, key).time_ms);
    log_close(log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(tombstones_are_kept_found_and_replaced),
        TEST(forgetting_puts_a_tombstone_with_the_record),
        TEST(second_forgetting_goes_on_counting),
        TEST(visitor_sees_all_in_order_and_can_stop),
        TEST(old_tombstones_are_dropped_unless_pending),
        TEST(damaged_tombstone_is_told_and_a_forgetting_mends_it),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
