#include "ranker/changes.h"

#include "tests/test.h"

enum { ROWS = 1 << 20 };

static void nothing_waits_at_first(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS);
    changes_fill(&changes, 0);
    CHECK(!changes_take(&changes, &row));
    changes_release(&changes);
}

static void changed_rows_wait_from_the_mark_on_in_order(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 100000));
    CHECK(!changes_touch(&changes, 99999));
    CHECK(!changes_touch(&changes, 0));
    CHECK(!changes_touch(&changes, 63));
    CHECK(!changes_touch(&changes, 64));
    CHECK(!changes_touch(&changes, 64));
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS);
    static const size_t want[] = {0, 63, 64, 99999};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(changes_take(&changes, &row));
        CHECK_EQ(want[i], row);
    }
    CHECK(!changes_take(&changes, &row));
    changes_release(&changes);
}

static void touching_a_waiting_row_takes_it(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 10));
    CHECK(!changes_touch(&changes, 3));
    CHECK(!changes_touch(&changes, 4));
    changes_mark(&changes, ROWS);
    CHECK(changes_touch(&changes, 3));
    CHECK(!changes_touch(&changes, 3));
    CHECK(changes_take(&changes, &row));
    CHECK_EQ(4, row);
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS); /* 3 changed behind the first mark */
    CHECK(changes_take(&changes, &row));
    CHECK_EQ(3, row);
    changes_release(&changes);
}

static void room_grows_and_keeps_what_is_noted(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 1));
    CHECK(!changes_touch(&changes, 0));
    changes_mark(&changes, ROWS);
    CHECK(!changes_touch(&changes, 1));
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 1 << 20));
    CHECK(!changes_touch(&changes, (1 << 20) - 1));
    CHECK(changes_take(&changes, &row));
    CHECK_EQ(0, row);
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS);
    CHECK(changes_take(&changes, &row));
    CHECK_EQ(1, row);
    CHECK(changes_take(&changes, &row));
    CHECK_EQ((1 << 20) - 1, row);
    changes_release(&changes);
}

static void filling_makes_every_row_changed_and_none_wait(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 130));
    CHECK(!changes_touch(&changes, 5));
    changes_mark(&changes, ROWS);
    changes_fill(&changes, 130);
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS);
    for (size_t i = 0; i < 130; i++) {
        CHECK(changes_take(&changes, &row));
        CHECK_EQ(i, row);
    }
    CHECK(!changes_take(&changes, &row));
    changes_release(&changes);
}

static void rows_that_have_gone_do_not_wait(void)
{
    struct changes changes = {0};
    size_t row;
    CHECK_EQ(STATUS_OK, changes_reserve(&changes, 200));
    CHECK(!changes_touch(&changes, 64));
    CHECK(!changes_touch(&changes, 65));
    CHECK(!changes_touch(&changes, 199));
    changes_mark(&changes, 65);
    CHECK(changes_take(&changes, &row));
    CHECK_EQ(64, row);
    CHECK(!changes_take(&changes, &row));
    changes_mark(&changes, ROWS);
    CHECK(!changes_take(&changes, &row)); /* and are not changed later */
    changes_release(&changes);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_waits_at_first),          TEST(changed_rows_wait_from_the_mark_on_in_order),
        TEST(touching_a_waiting_row_takes_it), TEST(room_grows_and_keeps_what_is_noted),
        TEST(rows_that_have_gone_do_not_wait), TEST(filling_makes_every_row_changed_and_none_wait),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
