#include "server/writer.h"

#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "ranker/hash.h"
#include "reelrank/v1/log.pb-c.h"
#include "tests/test.h"

enum { CALL_COUNT = 64 };

/* One call: a batch that deletes a video, and what its callback saw. */
struct call {
    struct batch batch;
    struct entry entry;
    uint8_t payload[32];
    enum status status;
    sem_t *done;
    sem_t *gate; /* NULL, or what the callback waits for */
};

static struct store *open_store(void)
{
    static char path[TEST_PATH_SIZE];
    struct store *store = NULL;
    struct problem problem = {0};
    test_directory(path);
    struct store_options options = {.log = {.path = path, .map_bytes = 64 << 20}};
    CHECK(store_open(&options, &store, &problem) == STATUS_OK);
    return store;
}

static void call_init(struct call *call, sem_t *done, sem_t *gate)
{
    Reelrank__V1__DeleteVideo message = REELRANK__V1__DELETE_VIDEO__INIT;
    message.video_id = (char[]){"v"};
    *call = (struct call){.status = STATUS_IO, .done = done, .gate = gate};
    size_t size = reelrank__v1__delete_video__pack(&message, call->payload);
    call->entry.record = (struct record){.kind = EVENT_VIDEO_DELETED,
                                         .appended_ms = 1,
                                         .payload = call->payload,
                                         .payload_size = size};
    call->entry.event.kind = EVENT_VIDEO_DELETED;
    call->entry.event.u.deleted_video_key = hash_key(text_of("v"));
    call->batch = (struct batch){.entries = &call->entry, .count = 1, .status = STATUS_IO};
}

static void finished(void *context)
{
    struct call *call = context;
    call->status = call->batch.status;
    sem_post(call->done);
    if (call->gate != NULL) {
        sem_wait(call->gate);
    }
}

static void written_batch_calls_back(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    sem_t done;
    struct call call;
    sem_init(&done, 0, 0);
    call_init(&call, &done, NULL);
    CHECK(writer_new(store, NULL, 1, &writer) == STATUS_OK);
    CHECK(writer_submit(writer, &call.batch, finished, &call) == STATUS_OK);
    sem_wait(&done);
    CHECK_EQ(STATUS_OK, call.status);
    CHECK_EQ(OUTCOME_DUPLICATE, call.entry.outcome); /* there was no such video */
    writer_free(writer);
    store_close(store);
}

static void what_a_batch_costs_is_learnt_from_those_before(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    sem_t done;
    struct call call;
    sem_init(&done, 0, 0);
    call_init(&call, &done, NULL);
    CHECK(writer_new(store, NULL, 1, &writer) == STATUS_OK);
    CHECK_EQ(0, writer_cost_ns(writer, &call.batch));
    CHECK(writer_submit(writer, &call.batch, finished, &call) == STATUS_OK);
    sem_wait(&done);
    int64_t cost_ns = writer_cost_ns(writer, &call.batch);
    CHECK(cost_ns > 0);
    call.batch.count = 7;
    CHECK_EQ(7 * cost_ns, writer_cost_ns(writer, &call.batch));
    writer_free(writer);
    store_close(store);
}

/*
 * The applier stands in the callback of the first of these calls, the second one waits for it, and
 * the thread that appends waits with the third: what is submitted then stays in the queue.
 */
enum { HELD = 3 };

static void hold(struct writer *writer, struct call *calls)
{
    for (unsigned i = 0; i < HELD; i++) {
        struct writer_counts counts = {.groups = 0};
        CHECK(writer_submit(writer, &calls[i].batch, finished, &calls[i]) == STATUS_OK);
        while (counts.groups <= i) {
            sched_yield();
            writer_count(writer, &counts);
        }
    }
    sem_wait(calls[0].done);
}

static void full_queue_is_busy_and_calls_nobody_back(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    sem_t done;
    sem_t gate;
    struct call calls[HELD + 3];
    sem_init(&done, 0, 0);
    sem_init(&gate, 0, 0);
    for (int i = 0; i < HELD + 3; i++) {
        call_init(&calls[i], &done, i == 0 ? &gate : NULL);
    }
    CHECK(writer_new(store, NULL, 2, &writer) == STATUS_OK);
    hold(writer, calls);
    struct call *more = calls + HELD;
    CHECK(writer_submit(writer, &more[0].batch, finished, &more[0]) == STATUS_OK);
    CHECK(writer_submit(writer, &more[1].batch, finished, &more[1]) == STATUS_OK);
    CHECK(writer_submit(writer, &more[2].batch, finished, &more[2]) == STATUS_BUSY);
    sem_post(&gate);
    writer_free(writer);
    CHECK_EQ(STATUS_OK, more[0].status);
    CHECK_EQ(STATUS_OK, more[1].status);
    CHECK_EQ(STATUS_IO, more[2].status);
    store_close(store);
}

static void counts_tell_what_waits_and_what_was_done(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    struct writer_counts counts;
    sem_t done;
    sem_t gate;
    struct call calls[HELD + 2];
    sem_init(&done, 0, 0);
    sem_init(&gate, 0, 0);
    for (int i = 0; i < HELD + 2; i++) {
        call_init(&calls[i], &done, i == 0 ? &gate : NULL);
    }
    CHECK(writer_new(store, NULL, 5, &writer) == STATUS_OK);
    hold(writer, calls);
    for (int i = HELD; i < HELD + 2; i++) {
        CHECK(writer_submit(writer, &calls[i].batch, finished, &calls[i]) == STATUS_OK);
    }
    writer_count(writer, &counts);
    CHECK_EQ(2, counts.waiting);
    CHECK_EQ(5, counts.length);
    CHECK_EQ(HELD, counts.batches);
    CHECK_EQ(HELD, counts.groups);
    CHECK_EQ(STATUS_OK, counts.status);
    sem_post(&gate);
    for (int i = 1; i < HELD + 2; i++) {
        sem_wait(&done);
    }
    writer_count(writer, &counts);
    CHECK_EQ(0, counts.waiting);
    CHECK_EQ(HELD + 2, counts.batches);
    CHECK_EQ(HELD + 1, counts.groups); /* the two that waited are one */
    writer_free(writer);
    store_close(store);
}

static void queue_that_stands_still_is_busy(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    sem_t done;
    sem_t gate;
    static struct call calls[1000];
    sem_init(&done, 0, 0);
    sem_init(&gate, 0, 0);
    call_init(&calls[0], &done, &gate);
    CHECK(writer_new(store, NULL, 10000, &writer) == STATUS_OK);
    CHECK(writer_submit(writer, &calls[0].batch, finished, &calls[0]) == STATUS_OK);
    sem_wait(&done); /* the thread now stands in the first callback */
    size_t count = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && count < 1000) { /* far from full, but the first waits */
        call_init(&calls[count], &done, NULL);
        status = writer_submit(writer, &calls[count].batch, finished, &calls[count]);
        count++;
        usleep(10000);
    }
    CHECK(status == STATUS_BUSY);
    sem_post(&gate);
    writer_free(writer);
    CHECK_EQ(STATUS_OK, calls[count - 2].status);
    CHECK_EQ(STATUS_IO, calls[count - 1].status);
    store_close(store);
}

static void stopping_writes_all_that_waits(void)
{
    struct store *store = open_store();
    struct writer *writer = NULL;
    sem_t done;
    static struct call calls[CALL_COUNT];
    sem_init(&done, 0, 0);
    CHECK(writer_new(store, NULL, CALL_COUNT, &writer) == STATUS_OK);
    for (int i = 0; i < CALL_COUNT; i++) {
        call_init(&calls[i], &done, NULL);
        CHECK(writer_submit(writer, &calls[i].batch, finished, &calls[i]) == STATUS_OK);
    }
    writer_free(writer);
    for (int i = 0; i < CALL_COUNT; i++) {
        CHECK_EQ(STATUS_OK, calls[i].status);
    }
    store_close(store);
}

static void writer_without_work_ends(void)
{
    struct writer *writer = NULL;
    CHECK(writer_new(NULL, NULL, 1, &writer) == STATUS_OK);
    writer_free(writer);
    writer_free(NULL);
}

static const struct test tests[] = {
    TEST(written_batch_calls_back),
    TEST(what_a_batch_costs_is_learnt_from_those_before),
    TEST(full_queue_is_busy_and_calls_nobody_back),
    TEST(counts_tell_what_waits_and_what_was_done),
    TEST(queue_that_stands_still_is_busy),
    TEST(stopping_writes_all_that_waits),
    TEST(writer_without_work_ends),
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
