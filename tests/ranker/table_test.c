#include "ranker/table.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/test.h"

struct row {
    uint64_t hash;
    uint64_t value;
};

/* Odd numbers spread over all bits: no two are the same. */
static uint64_t hash_of(uint64_t number)
{
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A table without an index, with rows from first to end - 1. */
static struct table appended(uint64_t first, uint64_t end)
{
    struct table table = table_of(sizeof(struct row));
    for (uint64_t i = first; i < end; i++) {
        void *row;
        CHECK_EQ(STATUS_OK, table_append(&table, hash_of(i), &row));
        CHECK_EQ(0, ((struct row *)row)->value);
        ((struct row *)row)->value = i;
    }
    return table;
}

/* Joins tables of a and b rows and finds each of them, and no other. */
static void check_joined(uint64_t a, uint64_t b)
{
    struct table table = appended(0, a);
    struct table other = appended(a, a + b);
    CHECK_EQ(STATUS_OK, table_join(&table, &other));
    CHECK_EQ(0, other.count);
    table_release(&other);
    CHECK_EQ(STATUS_OK, table_index(&table));
    CHECK_EQ(a + b, table.count);
    for (uint64_t i = 0; i < a + b; i++) {
        const struct row *row = table_find(&table, hash_of(i));
        CHECK(row != NULL && row->value == i);
    }
    CHECK(table_find(&table, hash_of(a + b)) == NULL);
    void *added;
    CHECK_EQ(STATUS_OK, table_add(&table, hash_of(a + b), &added));
    CHECK_EQ(a + b, table_number(&table, added));
    table_release(&table);
}

static void joined_tables_have_the_rows_of_both(void)
{
    enum { CHUNK = TABLE_CHUNK_ROWS };
    check_joined(0, 0);
    check_joined(3, 0);
    check_joined(0, 3);
    check_joined(3, 4);
    check_joined(CHUNK, 1);
    check_joined(1, CHUNK);
    check_joined(1, CHUNK + 1);
    check_joined(CHUNK - 1, CHUNK + 1);
    check_joined(2 * CHUNK + 5, 3 * CHUNK + 7);
    check_joined(CHUNK, 5 * CHUNK); /* more chunks than a list has room for at first */
}

static void hash_in_two_joined_tables_is_corrupt(void)
{
    struct table table = appended(0, 10);
    struct table other = appended(9, 12);
    CHECK_EQ(STATUS_OK, table_join(&table, &other));
    CHECK_EQ(STATUS_CORRUPT, table_index(&table));
    table_release(&table);
    table_release(&other);
}

enum { THREADS = 4, ROWS_OF_EACH = 30000 };

/* Rows of one thread. */
struct part {
    struct table *table;
    size_t first;
    size_t end;
    pthread_t thread;
    enum status status;
};

static void *index_part(void *argument)
{
    struct part *part = argument;
    part->status = table_index_rows(part->table, part->first, part->end);
    return NULL;
}

/* Indexes all rows by several threads; false if one of them found a hash twice. */
static bool index_by_threads(struct table *table)
{
    struct part parts[THREADS];
    bool right = true;
    CHECK_EQ(STATUS_OK, table_index_begin(table));
    for (size_t i = 0; i < THREADS; i++) {
        size_t first = i * ROWS_OF_EACH;
        parts[i] = (struct part){.table = table, .first = first, .end = first + ROWS_OF_EACH};
        CHECK(pthread_create(&parts[i].thread, NULL, index_part, &parts[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(parts[i].thread, NULL) == 0);
        CHECK(parts[i].status == STATUS_OK || parts[i].status == STATUS_CORRUPT);
        right = right && parts[i].status == STATUS_OK;
    }
    return right;
}

static void rows_indexed_by_several_threads_are_all_found(void)
{
    struct table table = appended(0, (uint64_t)THREADS * ROWS_OF_EACH);
    CHECK(index_by_threads(&table));
    for (uint64_t i = 0; i < table.count; i++) {
        const struct row *row = table_find(&table, hash_of(i));
        CHECK(row != NULL && row->value == i);
    }
    CHECK(table_find(&table, hash_of(table.count)) == NULL);
    table_release(&table);
}

static void hash_that_two_threads_have_is_corrupt(void)
{
    struct table table = appended(0, (uint64_t)THREADS * ROWS_OF_EACH);
    struct row *row = table_at(&table, 3 * ROWS_OF_EACH + 7);
    row->hash = hash_of(11);
    CHECK(!index_by_threads(&table));
    table_release(&table);
}

static void row_without_a_hash_is_corrupt(void)
{
    struct table table = table_of(sizeof(struct row));
    CHECK_EQ(STATUS_OK, table_fill(&table, 3));
    CHECK_EQ(STATUS_CORRUPT, table_index(&table));
    table_release(&table);
}

static void removed_row_is_replaced_by_the_last(void)
{
    struct table table = table_of(sizeof(struct row));
    void *rows[3];
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQ(STATUS_OK, table_add(&table, hash_of(i), &rows[i]));
        CHECK_EQ(i, table_number(&table, rows[i]));
    }
    table_remove(&table, table_number(&table, rows[0]));
    CHECK(table_find(&table, hash_of(0)) == NULL);
    CHECK(table_find(&table, hash_of(2)) == rows[0]);
    CHECK_EQ(0, table_number(&table, rows[0]));
    table_release(&table);
}

static void bytes_are_those_of_rows_and_index(void)
{
    struct table table = table_of(sizeof(struct row));
    CHECK_EQ(0, table_bytes(&table));
    for (uint64_t i = 0; i < 13; i++) { /* one more than three quarters of 16 slots */
        void *row;
        CHECK_EQ(STATUS_OK, table_add(&table, hash_of(i), &row));
    }
    CHECK_EQ(13 * 16 + 32 * 8, table_bytes(&table));
    table_release(&table);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(joined_tables_have_the_rows_of_both),
        TEST(hash_in_two_joined_tables_is_corrupt),
        TEST(rows_indexed_by_several_threads_are_all_found),
        TEST(hash_that_two_threads_have_is_corrupt),
        TEST(row_without_a_hash_is_corrupt),
        TEST(removed_row_is_replaced_by_the_last),
        TEST(bytes_are_those_of_rows_and_index),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
