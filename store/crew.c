/* For sched_getaffinity(); must precede every include. */
#define _GNU_SOURCE

#include "store/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "ranker/check.h"

enum { CREW_MAX = 64 };

struct hand {
    void (*work)(void *member);
    void *member;
    pthread_t thread;
    bool started;
};

size_t crew_size(size_t most)
{
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof(processors), &processors) != 0) {
        return 1;
    }
    size_t count = (size_t)CPU_COUNT(&processors);
    return count < most ? count : most;
}

static void *run(void *argument)
{
    const struct hand *hand = argument;
    hand->work(hand->member);
    return NULL;
}

/* Waits for it, or does its work where it could not start. */
static void finish(const struct hand *hand)
{
    if (!hand->started) {
        hand->work(hand->member);
        return;
    }
    int rc = pthread_join(hand->thread, NULL);
    CHECK(rc == 0);
}

void crew_run(void (*work)(void *member), void *members, size_t member_size, size_t count)
{
    struct hand hands[CREW_MAX];
    CHECK(count >= 1 && count <= CREW_MAX);
    for (size_t i = 1; i < count; i++) {
        hands[i] = (struct hand){.work = work, .member = (char *)members + i * member_size};
        hands[i].started = pthread_create(&hands[i].thread, NULL, run, &hands[i]) == 0;
    }
    work(members);
    for (size_t i = 1; i < count; i++) {
        finish(&hands[i]);
    }
}
