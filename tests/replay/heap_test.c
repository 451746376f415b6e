#include "replay/heap.h"

#include <stdint.h>
#include <stdlib.h>

#include "ranker/random.h"
#include "tests/test.h"

static void push(struct heap *heap, uint64_t key, int told)
{
    int *value = malloc(sizeof(*value));
    CHECK(value != NULL);
    *value = told;
    CHECK_EQ(STATUS_OK, heap_push(heap, key, value));
}

static int pop(struct heap *heap)
{
    struct heap_item item = heap_pop(heap);
    int told = *(int *)item.value;
    free(item.value);
    return told;
}

static void an_empty_heap_is_released_twice(void)
{
    struct heap heap = {0};
    heap_release(&heap);
    heap_release(&heap);
    CHECK_EQ(0, heap.count);
}

static void the_least_key_comes_first(void)
{
    struct heap heap = {0};
    push(&heap, UINT64_MAX, 4);
    push(&heap, 7, 2);
    push(&heap, 0, 1);
    push(&heap, UINT64_C(1) << 63, 3);
    for (int i = 1; i <= 4; i++) {
        CHECK_EQ(i, pop(&heap));
    }
    CHECK_EQ(0, heap.count);
    heap_release(&heap);
}

static void equal_keys_keep_the_order_of_pushing(void)
{
    enum { COUNT = 1000 };
    struct heap heap = {0};
    for (int i = 0; i < COUNT; i++) {
        push(&heap, 5, i);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(i, pop(&heap));
    }
    heap_release(&heap);
}

/* AddressSanitizer tells of values that are not. */
static void what_was_not_taken_is_freed(void)
{
    struct heap heap = {0};
    for (int i = 0; i < 100; i++) {
        push(&heap, (uint64_t)i % 7, i);
    }
    CHECK_EQ(0, pop(&heap));
    heap_release(&heap);
}

/* A list that is searched for its least item, in the order of pushing. */
struct list {
    struct heap_item items[512];
    size_t count;
};

static struct heap_item take_least(struct list *list)
{
    size_t least = 0;
    for (size_t i = 1; i < list->count; i++) {
        least = list->items[i].key < list->items[least].key ? i : least;
    }
    struct heap_item item = list->items[least];
    list->count--;
    for (size_t i = least; i < list->count; i++) {
        list->items[i] = list->items[i + 1];
    }
    return item;
}

static void items_come_as_a_sorted_list_gives_them(void)
{
    enum { STEPS = 20000 };
    struct heap heap = {0};
    struct list list = {.count = 0};
    struct random random = random_stream(1, 2, 3);
    for (int i = 0; i < STEPS; i++) {
        /* Fills up, and runs empty, by turns. */
        bool fills = random_below(&random, 8) < (i / 1000 % 2 == 0 ? 5 : 3);
        if (fills && list.count < sizeof(list.items) / sizeof(list.items[0])) {
            uint64_t key = random_below(&random, 64);
            list.items[list.count] = (struct heap_item){.key = key, .number = heap.pushed};
            list.count++;
            CHECK_EQ(STATUS_OK, heap_push(&heap, key, NULL));
        } else if (list.count > 0) {
            struct heap_item want = take_least(&list);
            struct heap_item got = heap_pop(&heap);
            CHECK(want.key == got.key);
            CHECK(want.number == got.number);
        }
        CHECK_EQ(list.count, heap.count);
    }
    heap_release(&heap);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_heap_is_released_twice),        TEST(the_least_key_comes_first),
        TEST(equal_keys_keep_the_order_of_pushing),   TEST(what_was_not_taken_is_freed),
        TEST(items_come_as_a_sorted_list_gives_them),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
