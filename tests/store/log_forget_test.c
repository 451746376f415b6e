#include <pthread.h>
#include <stdatomic.h>
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

/* While the erasure of the first is under way. */
static void second_forgetting_is_not_settled_with_the_first(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t sequence = 0;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    forget(log, 77, 1000, &sequence);
    struct tombstone first = find(log, 77);
    forget(log, 77, 2000, &sequence);
    first.signals_erased = 3;
    CHECK_EQ(STATUS_OK, log_replace(log, NULL, 0, &first));
    first.signals_erased = 5;
    first.pending = false;
    CHECK_EQ(STATUS_OK, log_put_tombstones(log, &first, 1));
    struct tombstone tombstone = find(log, 77);
    CHECK(tombstone.pending);
    CHECK_EQ(2000, tombstone.time_ms);
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

/* What a poll finds under one sequence. */
struct found {
    enum event_kind kind;
    size_t payload_size;
    char payload[64];
};

static bool take(void *context, uint64_t sequence, const struct record *record)
{
    struct found *found = context;
    (void)sequence;
    found->kind = record->kind;
    found->payload_size = record->payload_size;
    size_t size = record->payload_size < sizeof(found->payload) ? record->payload_size : 0;
    memcpy(found->payload, record->payload, size);
    return false;
}

static struct found read_one(struct log *log, uint64_t sequence)
{
    struct found found = {.kind = EVENT_SIGNAL};
    CHECK_EQ(STATUS_OK, log_poll(log, sequence, take, &found, NULL));
    return found;
}

static struct log_replacement erased(uint64_t sequence, const char *payload, size_t size)
{
    return (struct log_replacement){.sequence = sequence,
                                    .record = {.kind = EVENT_ERASED,
                                               .payload = (const uint8_t *)payload,
                                               .payload_size = size}};
}

static void replaced_records_keep_their_place(void)
{
    char path[TEST_PATH_SIZE];
    static char large[5000];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1000));
    struct log_replacement replacements[] = {erased(1, "", 0), erased(500, large, sizeof(large)),
                                             erased(501, large, 50), erased(1000, "12345", 5)};
    struct tombstone tombstone = {.user_key = 4, .signals_erased = 4};
    CHECK_EQ(STATUS_OK, log_replace(log, replacements, 4, &tombstone));
    CHECK_EQ(4, find(log, 4).signals_erased);
    log_close(log);

    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(1000, numbered_last(log));
    CHECK_EQ(EVENT_ERASED, read_one(log, 1).kind);
    CHECK_EQ(0, read_one(log, 1).payload_size);
    CHECK_EQ(sizeof(large), read_one(log, 500).payload_size);
    CHECK_EQ(50, read_one(log, 501).payload_size);
    CHECK(memcmp(read_one(log, 1000).payload, "12345", 5) == 0);
    CHECK_EQ(EVENT_SIGNAL, read_one(log, 2).kind);
    CHECK(memcmp(read_one(log, 499).payload, "499", 3) == 0);
    CHECK_EQ(STATUS_OK, numbered_append(log, 1));
    replacements[1] = erased(500, "small", 5);
    CHECK_EQ(STATUS_OK, log_replace(log, replacements, 2, NULL));
    CHECK(memcmp(read_one(log, 500).payload, "small", 5) == 0);
    log_close(log);
}

static void record_that_is_gone_is_not_replaced(void)
{
    char path[TEST_PATH_SIZE];
    bool more;
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, numbered_append(log, 10));
    log_trim(log, 5);
    CHECK_EQ(STATUS_OK, log_trim_some(log, &more));
    struct log_replacement replacements[] = {erased(4, "a", 1), erased(7, "b", 1),
                                             erased(11, "c", 1)};
    CHECK_EQ(STATUS_OK, log_replace(log, replacements, 3, NULL));
    CHECK_EQ(5, numbered_first(log));
    CHECK_EQ(10, numbered_last(log));
    CHECK_EQ(EVENT_ERASED, read_one(log, 7).kind);
    log_close(log);
}

/* Counts a needle in data.mdb. */
static size_t count_in_file(const char *path, const char *needle)
{
    char name[TEST_PATH_SIZE + 16];
    static char bytes[2 * MAP_BYTES];
    snprintf(name, sizeof(name), "%s/data.mdb", path);
    FILE *file = fopen(name, "r");
    CHECK(file != NULL);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    CHECK(fclose(file) == 0);
    size_t count = 0;
    for (size_t i = 0; i + strlen(needle) <= size; i++) {
        count += memcmp(bytes + i, needle, strlen(needle)) == 0;
    }
    return count;
}

/* All on one page: what is left of the old bytes is the page as it was before. */
static void replaced_bytes_are_left_in_the_freed_page_alone(void)
{
    static const char needle[] = "a-user-to-be-forgotten";
    char path[TEST_PATH_SIZE];
    uint64_t first;
    struct record records[20];
    struct log_replacement replacements[20];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    for (unsigned i = 0; i < 20; i++) {
        records[i] = (struct record){.kind = EVENT_SIGNAL,
                                     .payload = (const uint8_t *)needle,
                                     .payload_size = sizeof(needle)};
        replacements[i] = erased(i + 1, "", 0);
    }
    CHECK_EQ(STATUS_OK, log_append(log, records, 20, &first));
    log_close(log);
    CHECK_EQ(20, count_in_file(path, needle));

    log = numbered_open(path, MAP_BYTES);
    CHECK_EQ(STATUS_OK, log_replace(log, replacements, 20, NULL));
    CHECK_EQ(20, count_in_file(path, needle));
    log_close(log);
}

struct replacer {
    struct log *log;
    _Atomic bool stop;
};

static void *run_replacer(void *argument)
{
    struct replacer *replacer = argument;
    uint64_t next = 1;
    while (!atomic_load(&replacer->stop) || next <= numbered_last(replacer->log)) {
        struct log_replacement replacements[16];
        size_t count = 0;
        for (; count < 16 && next <= numbered_last(replacer->log); count++) {
            replacements[count] = erased(next++, "x", 1);
        }
        CHECK_EQ(STATUS_OK, log_replace(replacer->log, replacements, count, NULL));
    }
    return NULL;
}

static bool check_erased(void *context, uint64_t sequence, const struct record *record)
{
    CHECK_EQ(++*(uint64_t *)context, sequence);
    CHECK_EQ(EVENT_ERASED, record->kind);
    return true;
}

static void replacing_beside_appends_loses_nothing(void)
{
    char path[TEST_PATH_SIZE];
    pthread_t thread;
    uint64_t count = 0;
    test_directory(path);
    struct replacer replacer = {.log = numbered_open(path, MAP_BYTES)};
    CHECK(pthread_create(&thread, NULL, run_replacer, &replacer) == 0);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(STATUS_OK, numbered_append(replacer.log, 10));
    }
    atomic_store(&replacer.stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK_EQ(STATUS_OK, log_poll(replacer.log, 1, check_erased, &count, NULL));
    CHECK_EQ(1000, count);
    log_close(replacer.log);
}

/* A full log has room for a forgetting still. */
static void full_log_can_be_replaced_in(void)
{
    char path[TEST_PATH_SIZE];
    struct log_replacement replacements[16];
    test_directory(path);
    struct log *log = numbered_open(path, MAP_BYTES);
    while (numbered_append(log, 100) == STATUS_OK) {
    }
    uint64_t last = numbered_last(log);
    for (uint64_t round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 16; i++) {
            replacements[i] = erased(round + 1 + i * (last / 16), "x", 1);
        }
        struct tombstone tombstone = {.user_key = round};
        CHECK_EQ(STATUS_OK, log_replace(log, replacements, 16, &tombstone));
    }
    CHECK_EQ(STATUS_NO_SPACE, numbered_append(log, 1000));
    log_close(log);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(tombstones_are_kept_found_and_replaced),
        TEST(forgetting_puts_a_tombstone_with_the_record),
        TEST(second_forgetting_goes_on_counting),
        TEST(second_forgetting_is_not_settled_with_the_first),
        TEST(visitor_sees_all_in_order_and_can_stop),
        TEST(old_tombstones_are_dropped_unless_pending),
        TEST(damaged_tombstone_is_told_and_a_forgetting_mends_it),
        TEST(replaced_records_keep_their_place),
        TEST(record_that_is_gone_is_not_replaced),
        TEST(replaced_bytes_are_left_in_the_freed_page_alone),
        TEST(replacing_beside_appends_loses_nothing),
        TEST(full_log_can_be_replaced_in),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
