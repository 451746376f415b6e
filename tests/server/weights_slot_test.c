#include "server/weights_slot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "ranker/locale.h"
#include "tests/test.h"

enum { READERS = 3, SWAPS = 2000 };

/* Weights that say in their model which version they are. */
static struct weights *new_weights(unsigned number)
{
    char yaml[96];
    static struct weights_problems problems; /* of the one thread that parses */
    struct weights *weights = NULL;
    snprintf(yaml, sizeof(yaml), "version: v%u\nvalue: {like: %u}\n", number, number % 100);
    CHECK_EQ(STATUS_OK, weights_parse(text_of(yaml), &weights, &problems));
    return weights;
}

static void swapped_weights_live_as_long_as_somebody_has_them(void)
{
    struct weights_slot slot;
    weights_slot_init(&slot, new_weights(1));
    struct weights *held = weights_slot_ref(&slot);
    weights_slot_swap(&slot, new_weights(2));
    struct weights *other = weights_slot_ref(&slot);
    CHECK(strncmp("v1@", weights_version(held), 3) == 0);
    CHECK(strncmp("v2@", weights_version(other), 3) == 0);
    weights_unref(held);
    weights_slot_release(&slot);
    CHECK(strncmp("v2@", weights_version(other), 3) == 0);
    weights_unref(other);
    weights_unref(NULL);
}

static void same_weights_may_be_swapped_in_again(void)
{
    struct weights_slot slot;
    weights_slot_init(&slot, new_weights(1));
    for (unsigned i = 0; i < 3; i++) {
        weights_slot_swap(&slot, weights_slot_ref(&slot));
    }
    struct weights *weights = weights_slot_ref(&slot);
    CHECK(strncmp("v1@", weights_version(weights), 3) == 0);
    weights_unref(weights);
    weights_slot_release(&slot);
}

struct race {
    struct weights_slot slot;
    atomic_bool over;
    atomic_size_t seen; /* requests answered */
};

/* What a request does: the name and the numbers must be of one version, and versions never go back.
 */
static void *answer(void *argument)
{
    struct race *race = argument;
    unsigned last = 0;
    while (!atomic_load(&race->over)) {
        unsigned number = 0;
        struct weights *weights = weights_slot_ref(&race->slot);
        CHECK(sscanf(weights_version(weights), "v%u@", &number) == 1);
        CHECK(number >= last);
        const struct model *model = weights_model(weights, (struct locale){0});
        CHECK_EQ(number % 100, model->value[HEAD_LIKE]);
        last = number;
        weights_unref(weights);
        atomic_fetch_add(&race->seen, 1);
    }
    return NULL;
}

static void requests_see_one_version_while_weights_are_swapped(void)
{
    static struct race race;
    pthread_t threads[READERS];
    weights_slot_init(&race.slot, new_weights(1));
    for (unsigned i = 0; i < READERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, answer, &race) == 0);
    }
    for (unsigned i = 2; i < SWAPS; i++) {
        weights_slot_swap(&race.slot, new_weights(i));
    }
    while (atomic_load(&race.seen) < READERS) {
    }
    atomic_store(&race.over, true);
    for (unsigned i = 0; i < READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    weights_slot_release(&race.slot); /* what is lost is told of by the address sanitizer */
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(swapped_weights_live_as_long_as_somebody_has_them),
        TEST(same_weights_may_be_swapped_in_again),
        TEST(requests_see_one_version_while_weights_are_swapped),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
