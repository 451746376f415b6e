#include "store/store.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "tests/store/entries.h"
#include "tests/store/opened.h"
#include "tests/test.h"

enum { MAP_BYTES = 64 << 20, ARENA_BYTES = 64 << 20 };

static struct store *open_sized(const char *path, size_t map_bytes, size_t window_length)
{
    return opened_store(&(struct store_options){.log = {.path = path, .map_bytes = map_bytes},
                                                .window_length = window_length});
}

static struct store *open_store(const char *path)
{
    return open_sized(path, MAP_BYTES, 0);
}

static uint64_t sequence_of(struct store *store)
{
    uint64_t sequence = state_sequence(store_begin(store));
    store_end(store);
    return sequence;
}

/* A copy, since the row may move. known is false when there is no row. */
static struct video video_of(struct store *store, const char *id)
{
    uint64_t key = hash_key(text_of(id));
    const struct video *row = NULL;
    struct video video = {0};
    videos_find_many(state_videos(store_begin(store)), &key, 1, &row);
    if (row != NULL) {
        video = *row;
    }
    store_end(store);
    return video;
}

static bool is_shown(struct store *store, const char *id)
{
    struct video video = video_of(store, id);
    return video.known && !video.deleted;
}

static struct entry make_video(struct arena *arena, const char *id, int64_t duration_ms)
{
    Reelrank__V1__Video video = REELRANK__V1__VIDEO__INIT;
    video.video_id = (char *)id;
    video.duration_ms = duration_ms;
    return entry_video(arena, &video);
}

/* Writes one entry alone and gives its outcome. */
static enum outcome write_one(struct store *store, struct entry entry)
{
    struct batch batch = entries_write(store, &entry, 1);
    CHECK_EQ(STATUS_OK, batch.status);
    CHECK_EQ(sequence_of(store), batch.sequence);
    return entry.outcome;
}

static void empty_store_has_an_empty_state(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t length;
    uint64_t count;
    test_directory(path);
    struct store *store = open_store(path);
    CHECK_EQ(0, sequence_of(store));
    store_window(store, &length, &count);
    CHECK_EQ(1 << 20, length);
    CHECK_EQ(0, count);
    struct state_digests before = opened_digests(store);
    store_close(store);
    store = open_store(path);
    CHECK(before.all == opened_digests(store).all);
    store_close(store);
    store_close(NULL);
}

static void write_of_nothing_succeeds(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = open_store(path);
    store_write(store, NULL, 0);
    struct batch batch = entries_write(store, NULL, 0);
    CHECK_EQ(STATUS_OK, batch.status);
    CHECK_EQ(0, batch.sequence);
    store_close(store);
}

static void accepted_entries_are_visible_and_counted(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t length;
    uint64_t count;
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry entries[] = {make_video(&arena, "v", 9000), entry_watch(&arena, "a", 1),
                              entry_watch(&arena, "b", 2)};
    struct batch batch = entries_write(store, entries, 3);
    CHECK_EQ(STATUS_OK, batch.status);
    CHECK_EQ(3, batch.sequence);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(OUTCOME_ACCEPTED, entries[i].outcome);
    }
    CHECK_EQ(3, sequence_of(store));
    CHECK(is_shown(store, "v"));
    const struct user *user = NULL;
    CHECK_EQ(STATUS_OK, state_find_user(store_begin(store), entries[1].event.u.signal.user_key,
                                        &arena, &user));
    CHECK(user != NULL);
    store_end(store);
    store_window(store, &length, &count);
    CHECK_EQ(2, count);
    store_close(store);
    free(arena.base);
}

static void rejected_entries_are_passed_over(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry entries[] = {{.outcome = OUTCOME_REJECTED}, entry_watch(&arena, "a", 1)};
    struct batch batch = entries_write(store, entries, 2);
    CHECK_EQ(STATUS_OK, batch.status);
    CHECK_EQ(1, batch.sequence);
    CHECK_EQ(OUTCOME_REJECTED, entries[0].outcome);
    CHECK_EQ(OUTCOME_ACCEPTED, entries[1].outcome);
    store_close(store);
    free(arena.base);
}

static void repeated_signal_is_a_duplicate_wherever_it_was_seen(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry a = entry_watch(&arena, "a", 1);
    struct entry b = entry_watch(&arena, "b", 2);
    struct entry first[] = {a, a, b}; /* twice in one batch */
    struct entry second[] = {b, a};   /* again in another of the same write */
    struct batch batches[] = {{.entries = first, .count = 3}, {.entries = second, .count = 2}};
    store_write(store, (struct batch *[]){&batches[0], &batches[1]}, 2);
    CHECK_EQ(OUTCOME_ACCEPTED, first[0].outcome);
    CHECK_EQ(OUTCOME_DUPLICATE, first[1].outcome);
    CHECK_EQ(OUTCOME_ACCEPTED, first[2].outcome);
    CHECK_EQ(OUTCOME_DUPLICATE, second[0].outcome);
    CHECK_EQ(OUTCOME_DUPLICATE, second[1].outcome);
    CHECK_EQ(2, batches[0].sequence);
    CHECK_EQ(2, batches[1].sequence);

    struct state_digests before = opened_digests(store);
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, a)); /* an earlier write */
    store_close(store);
    store = open_store(path);
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, b)); /* before the restart */
    CHECK(before.all == opened_digests(store).all);
    CHECK_EQ(2, sequence_of(store));
    store_close(store);
    free(arena.base);
}

static void signal_beyond_the_window_counts_again(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_sized(path, MAP_BYTES, 2);
    struct entry a = entry_watch(&arena, "a", 1);
    struct entry b = entry_watch(&arena, "b", 2);
    struct entry c = entry_watch(&arena, "c", 3);
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, a));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, b));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, make_video(&arena, "v", 1))); /* takes no place */
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, a));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, c));
    store_close(store);

    store = open_sized(path, MAP_BYTES, 2); /* the window is the log's tail: b, c */
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, b));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, c));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, a));
    store_close(store);

    store = open_sized(path, MAP_BYTES, 3); /* b, c, a */
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, a));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, b));
    store_close(store);
    free(arena.base);
}

static void unchanged_video_is_a_duplicate(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry short_one = make_video(&arena, "v", 1000);
    struct entry long_one = make_video(&arena, "v", 2000);
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, short_one));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, short_one));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, long_one));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, short_one));
    store_close(store);
    store = open_store(path);
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, short_one));
    CHECK_EQ(1000, video_of(store, "v").duration_ms);
    store_close(store);
    free(arena.base);
}

static void deleting_what_is_not_there_is_a_duplicate(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry deletion = entry_deletion(&arena, "video-1");
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, deletion));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, entry_watch(&arena, "a", 1)));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, deletion)); /* a signal named it, no catalogue */
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, make_video(&arena, "video-1", 1000)));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, deletion));
    CHECK(!is_shown(store, "video-1"));
    store_close(store);
    store = open_store(path);
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, deletion));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, make_video(&arena, "video-1", 1000)));
    CHECK(is_shown(store, "video-1"));
    store_close(store);
    free(arena.base);
}

static void edits_of_one_write_see_each_other(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry put = make_video(&arena, "v", 1000);
    struct entry deletion = entry_deletion(&arena, "v");
    struct entry entries[] = {deletion, put, put, deletion, deletion, put, put};
    static const enum outcome want[] = {OUTCOME_DUPLICATE, OUTCOME_ACCEPTED,  OUTCOME_DUPLICATE,
                                        OUTCOME_ACCEPTED,  OUTCOME_DUPLICATE, OUTCOME_ACCEPTED,
                                        OUTCOME_DUPLICATE};
    struct batch batch = entries_write(store, entries, 7);
    CHECK_EQ(3, batch.sequence);
    for (int i = 0; i < 7; i++) {
        CHECK_EQ(want[i], entries[i].outcome);
    }
    CHECK(is_shown(store, "v"));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, put)); /* and the next write sees the result */
    store_close(store);
    free(arena.base);
}

static struct entry based(struct entry entry, uint64_t base_hash)
{
    entry.has_base = true;
    entry.base_hash = base_hash;
    return entry;
}

static void change_of_a_video_that_changed_meanwhile_is_rejected(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry one = make_video(&arena, "v", 1000);
    struct entry two = make_video(&arena, "v", 2000);
    struct entry three = make_video(&arena, "v", 3000);
    uint64_t hash_one = one.event.u.video.content_hash;
    uint64_t hash_two = two.event.u.video.content_hash;
    CHECK_EQ(OUTCOME_REJECTED, write_one(store, based(two, hash_one)));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, based(one, 0)));
    CHECK_EQ(OUTCOME_REJECTED, write_one(store, based(two, 0)));

    struct entry entries[] = {based(two, hash_one), based(three, hash_one)};
    entries_write(store, entries, 2);
    CHECK_EQ(OUTCOME_ACCEPTED, entries[0].outcome);
    CHECK_EQ(OUTCOME_REJECTED, entries[1].outcome);
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, based(three, hash_two)));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, entry_deletion(&arena, "v")));
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, based(one, 0))); /* deleted is as good as unknown */
    CHECK_EQ(1000, video_of(store, "v").duration_ms);
    store_close(store);
    free(arena.base);
}

static struct entry like_at(struct arena *arena, const char *event_id, int64_t time_ms,
                            int64_t appended_ms)
{
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)event_id;
    signal.user_id = (char *)"u";
    signal.video_id = (char *)"v";
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    signal.time_ms = time_ms;
    struct entry entry = entry_signal(arena, &signal);
    entry.record.appended_ms = appended_ms;
    return entry;
}

/* Only the signals' own times decide: the server's clock runs backwards here. */
static void signal_far_behind_the_newest_is_rejected(void)
{
    /* The newest time is known to a tick of 450 s; this one is at the start of its own. */
    static const int64_t newest_ms = INT64_C(450000) * 3777777;
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry entries[] = {
        like_at(&arena, "old", newest_ms - LIMIT_LATE_MS - 1, 9), /* the first: nothing is newer */
        like_at(&arena, "new", newest_ms, 8),
        like_at(&arena, "late", newest_ms - LIMIT_LATE_MS, 7),
        like_at(&arena, "too late", newest_ms - LIMIT_LATE_MS - 1, 6),
    };
    CHECK_EQ(3, entries_write(store, entries, 4).sequence);
    CHECK_EQ(OUTCOME_ACCEPTED, entries[0].outcome);
    CHECK_EQ(OUTCOME_ACCEPTED, entries[2].outcome);
    CHECK_EQ(OUTCOME_REJECTED, entries[3].outcome);
    struct state_digests before = opened_digests(store);

    CHECK_EQ(OUTCOME_REJECTED, write_one(store, entries[3]));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, entries[0])); /* a repeat is no news */
    store_close(store);
    store = open_store(path);
    CHECK(before.all == opened_digests(store).all);
    entries[3].outcome = 0;
    CHECK_EQ(OUTCOME_REJECTED, write_one(store, entries[3]));
    CHECK_EQ(OUTCOME_ACCEPTED,
             write_one(store, like_at(&arena, "x", newest_ms + STATS_TICK_MS, 5)));
    CHECK_EQ(OUTCOME_REJECTED,
             write_one(store, like_at(&arena, "y", newest_ms - LIMIT_LATE_MS, 4)));
    store_close(store);
    free(arena.base);
}

/* Batches of one write end at different sequences. */
static void each_batch_has_its_own_last_sequence(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry entries[] = {entry_watch(&arena, "a", 1), entry_watch(&arena, "b", 2),
                              entry_watch(&arena, "c", 3)};
    struct batch batches[] = {{.entries = entries, .count = 2},
                              {.entries = NULL, .count = 0},
                              {.entries = entries + 2, .count = 1}};
    store_write(store, (struct batch *[]){&batches[0], &batches[1], &batches[2]}, 3);
    CHECK_EQ(2, batches[0].sequence);
    CHECK_EQ(2, batches[1].sequence);
    CHECK_EQ(3, batches[2].sequence);
    store_close(store);
    free(arena.base);
}

/* Fills batch with new watches numbered from number on. */
static void fill(struct arena *arena, struct entry *entries, size_t count, unsigned number)
{
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof(id), "event-%u", number + (unsigned)i);
        entries[i] = entry_watch(arena, id, number + (unsigned)i);
    }
}

static void many_largest_batches_fit_one_write(void)
{
    enum { BATCHES = 16 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(ARENA_BYTES);
    struct store *store = open_store(path);
    struct entry *entries = calloc(BATCHES * LIMIT_BATCH, sizeof(*entries));
    struct batch batches[BATCHES];
    struct batch *pointers[BATCHES];
    CHECK(entries != NULL);
    fill(&arena, entries, BATCHES * LIMIT_BATCH, 0);
    for (size_t i = 0; i < BATCHES; i++) {
        batches[i] = (struct batch){.entries = entries + i * LIMIT_BATCH, .count = LIMIT_BATCH};
        pointers[i] = &batches[i];
    }
    store_write(store, pointers, BATCHES);
    CHECK_EQ(BATCHES * LIMIT_BATCH, batches[BATCHES - 1].sequence);
    store_write(store, pointers, BATCHES);
    for (size_t i = 0; i < BATCHES * LIMIT_BATCH; i++) {
        CHECK_EQ(OUTCOME_DUPLICATE, entries[i].outcome);
    }
    struct state_digests before = opened_digests(store);
    store_close(store);
    store = open_store(path);
    CHECK(before.all == opened_digests(store).all);
    store_close(store);
    free(entries);
    free(arena.base);
}

static enum status write_watches(struct store *store, struct arena *arena, unsigned number,
                                 size_t count)
{
    struct entry *entries = calloc(count, sizeof(*entries));
    CHECK(entries != NULL);
    arena_reset(arena);
    fill(arena, entries, count, number);
    enum status status = entries_write(store, entries, count).status;
    free(entries);
    return status;
}

static void full_store_refuses_and_survives(void)
{
    enum { BATCH = 100 };
    char path[TEST_PATH_SIZE];
    uint64_t length;
    uint64_t count;
    unsigned number = 0;
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_sized(path, 1 << 19, 150);
    enum status status = write_watches(store, &arena, number, BATCH);
    while (status == STATUS_OK) {
        number += BATCH;
        status = write_watches(store, &arena, number, BATCH);
    }
    CHECK_EQ(STATUS_NO_SPACE, status);
    CHECK_EQ(number, sequence_of(store));
    struct state_digests before = opened_digests(store);

    /* Nothing of the refused batch is remembered, and nothing older was pushed out for it. */
    struct entry *entries = calloc(BATCH, sizeof(*entries));
    CHECK(entries != NULL);
    fill(&arena, entries, BATCH, number);
    CHECK_EQ(STATUS_NO_SPACE, entries_write(store, entries, BATCH).status);
    CHECK(before.all == opened_digests(store).all);
    store_window(store, &length, &count);
    CHECK_EQ(150, count);
    arena_reset(&arena);
    fill(&arena, entries, BATCH, number - BATCH);
    CHECK_EQ(STATUS_OK, entries_write(store, entries, BATCH).status);
    for (int i = 0; i < BATCH; i++) {
        CHECK_EQ(OUTCOME_DUPLICATE, entries[i].outcome);
    }
    free(entries);
    store_close(store);

    store = open_sized(path, 1 << 20, 150); /* a larger budget, and it goes on */
    CHECK(before.all == opened_digests(store).all);
    CHECK_EQ(STATUS_OK, write_watches(store, &arena, number, BATCH));
    CHECK_EQ(number + BATCH, sequence_of(store));
    store_close(store);
    free(arena.base);
}

static void write_the_disk_refuses_changes_nothing_and_can_be_repeated(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    struct entry put = make_video(&arena, "v", 1000);
    CHECK_EQ(OUTCOME_ACCEPTED, write_one(store, put));
    struct state_digests before = opened_digests(store);

    struct rlimit old;
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max}) ==
          0);
    struct entry entries[] = {entry_watch(&arena, "a", 1), entry_deletion(&arena, "v"),
                              make_video(&arena, "w", 1000)};
    struct batch batch = entries_write(store, entries, 3);
    CHECK_EQ(STATUS_NO_SPACE, batch.status);
    CHECK_EQ(1, batch.sequence);
    CHECK(before.all == opened_digests(store).all);
    CHECK(is_shown(store, "v"));
    CHECK_EQ(OUTCOME_DUPLICATE, write_one(store, put));

    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    batch = entries_write(store, entries, 3);
    CHECK_EQ(STATUS_OK, batch.status);
    CHECK_EQ(4, batch.sequence);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(OUTCOME_ACCEPTED, entries[i].outcome);
    }
    CHECK(!is_shown(store, "v"));
    before = opened_digests(store);
    store_close(store);
    store = open_store(path);
    CHECK(before.all == opened_digests(store).all);
    store_close(store);
    free(arena.base);
}

static bool apply_to_clean_state(void *context, uint64_t sequence, const struct record *record)
{
    static char memory[1 << 16];
    struct arena arena;
    struct event event;
    arena_init(&arena, memory, sizeof(memory));
    CHECK_EQ(STATUS_OK, record_event(record, &arena, &event));
    CHECK_EQ(STATUS_OK, state_apply(context, sequence, &event));
    return true;
}

static struct entry make_signal(struct arena *arena, const char *id, unsigned number)
{
    char user[32];
    char video[32];
    snprintf(user, sizeof(user), "user-%u", number % 30);
    snprintf(video, sizeof(video), "video-%u", number % 50);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = (char *)id;
    signal.user_id = user;
    signal.video_id = video;
    signal.type = (Reelrank__V1__SignalType)(1 + number % (SIGNAL_TYPE_END - 1));
    signal.time_ms = 1 + number * INT64_C(1000);
    if (signal.type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH) {
        signal.watch_ms = number % 20000;
    }
    signal.locale = number % 2 == 0 ? "hi-IN" : "ru-RU";
    return entry_signal(arena, &signal);
}

/* Signals of every type, upserts and deletions, in writes of changing size. */
static void write_a_mixture(struct store *store, struct arena *arena)
{
    struct entry entries[64];
    uint64_t random = 7;
    for (unsigned number = 0; number < 3000;) {
        size_t count = 1 + number % 64;
        arena_reset(arena);
        for (size_t i = 0; i < count; i++, number++) {
            char id[32];
            random = random * 6364136223846793005U + 1442695040888963407U;
            snprintf(id, sizeof(id), "event-%u", (unsigned)(random >> 48));
            entries[i] = make_signal(arena, id, (unsigned)(random >> 40));
            snprintf(id, sizeof(id), "video-%u", (unsigned)(random >> 33) % 50);
            if (random >> 61 == 0) {
                entries[i] = entry_deletion(arena, id);
            } else if (random >> 61 == 1) {
                entries[i] = make_video(arena, id, 1000 + number % 3);
            }
        }
        CHECK_EQ(STATUS_OK, entries_write(store, entries, count).status);
    }
}

static void reopened_store_equals_a_clean_rebuild(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    write_a_mixture(store, &arena);
    struct state_digests written = opened_digests(store);

    struct state *clean = state_new();
    struct state_digests rebuilt;
    CHECK(clean != NULL);
    CHECK_EQ(STATUS_OK, log_poll(store_log(store), 1, apply_to_clean_state, clean, NULL));
    CHECK_EQ(STATUS_OK, state_digest(clean, &rebuilt));
    CHECK(written.all == rebuilt.all);
    CHECK(written.aggregates == rebuilt.aggregates);
    state_free(clean);
    store_close(store);

    store = open_store(path);
    CHECK(written.all == opened_digests(store).all);
    store_close(store);
    free(arena.base);
}

static void record_that_breaks_the_contract_is_named(void)
{
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct log *log = NULL;
    struct log_options options = {.path = path, .map_bytes = MAP_BYTES};
    struct record records[] = {{.kind = EVENT_SIGNAL, .payload = (const uint8_t *)"?"}};
    CHECK_EQ(STATUS_OK, log_open(&options, &log, NULL));
    CHECK_EQ(STATUS_OK, log_append(log, records, 1, &first));
    log_close(log);

    struct store *store = NULL;
    struct problem problem = {""};
    CHECK_EQ(STATUS_CORRUPT, store_open(&(struct store_options){.log = options}, &store, &problem));
    CHECK(strstr(problem.text, "record 1 ") != NULL);
    CHECK(store == NULL);
}

/* A later contract's message may take far more memory than its bytes. */
static void record_with_many_unknown_fields_is_replayed(void)
{
    enum { FIELDS = 20000 };
    static uint8_t payload[64 + 3 * FIELDS];
    char path[TEST_PATH_SIZE];
    uint64_t first;
    test_directory(path);
    struct arena arena = entries_arena(1 << 16);
    struct entry entry = make_video(&arena, "v", 1000);
    size_t size = entry.record.payload_size;
    memcpy(payload, entry.record.payload, size);
    for (int i = 0; i < FIELDS; i++) {
        static const uint8_t field[] = {0xa0, 0x06, 1}; /* field 100, a varint: 1 */
        memcpy(payload + size, field, sizeof(field));
        size += sizeof(field);
    }
    entry.record.payload = payload;
    entry.record.payload_size = size;
    struct log *log = NULL;
    struct log_options options = {.path = path, .map_bytes = MAP_BYTES};
    CHECK_EQ(STATUS_OK, log_open(&options, &log, NULL));
    CHECK_EQ(STATUS_OK, log_append(log, &entry.record, 1, &first));
    log_close(log);

    struct store *store = open_store(path);
    CHECK(is_shown(store, "v"));
    store_close(store);
    free(arena.base);
}

static void window_longer_than_possible_is_refused(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct store *store = NULL;
    struct problem problem = {""};
    struct store_options options = {.log = {.path = path, .map_bytes = MAP_BYTES},
                                    .window_length = ((size_t)1 << 30) + 1};
    CHECK_EQ(STATUS_INVALID, store_open(&options, &store, &problem));
    CHECK_STR("window_length is 1073741825; at most 1073741824 is possible", problem.text);
}

struct progress {
    uint64_t calls;
    uint64_t done;
    uint64_t total;
};

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct progress *progress = context;
    CHECK(done >= progress->done);
    *progress = (struct progress){.calls = progress->calls + 1, .done = done, .total = total};
}

static void replay_reports_its_end(void)
{
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct store *store = open_store(path);
    CHECK_EQ(STATUS_OK, write_watches(store, &arena, 0, 10));
    store_close(store);
    struct progress progress = {0};
    struct store_options options = {.log = {.path = path, .map_bytes = MAP_BYTES},
                                    .progress = note_progress,
                                    .progress_context = &progress};
    CHECK_EQ(STATUS_OK, store_open(&options, &store, NULL));
    CHECK(progress.calls >= 1);
    CHECK_EQ(10, progress.done);
    CHECK_EQ(10, progress.total);
    store_close(store);
    free(arena.base);
}

struct readers {
    struct store *store;
    atomic_bool end;
    atomic_uint reads;
};

/*
 * Between begin and end the sequence stands still, and the state is that of the sequence: each
 * entry is a new video, so there are as many videos as entries.
 */
static void *read_until_end(void *context)
{
    struct readers *readers = context;
    uint64_t before = 0;
    while (!atomic_load(&readers->end)) {
        const struct state *state = store_begin(readers->store);
        struct state_counts counts;
        uint64_t sequence = state_sequence(state);
        state_count(state, &counts);
        CHECK_EQ(sequence, counts.videos);
        CHECK_EQ(sequence, state_sequence(state));
        store_end(readers->store);
        CHECK(sequence >= before);
        before = sequence;
        atomic_fetch_add(&readers->reads, 1);
    }
    return NULL;
}

static void readers_see_one_sequence_while_the_writer_writes(void)
{
    enum { THREADS = 3, WRITES = 40, BATCH = 100 };
    char path[TEST_PATH_SIZE];
    test_directory(path);
    struct arena arena = entries_arena(1 << 20);
    struct readers readers = {.store = open_store(path)};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, read_until_end, &readers) == 0);
    }
    static struct entry entries[BATCH];
    for (unsigned i = 0; i < WRITES; i++) {
        arena_reset(&arena);
        for (unsigned j = 0; j < BATCH; j++) {
            char id[32];
            snprintf(id, sizeof(id), "video-%u", i * BATCH + j);
            entries[j] = make_video(&arena, id, 1000);
        }
        struct batch batch = entries_write(readers.store, entries, BATCH);
        CHECK_EQ((i + 1) * BATCH, batch.sequence);
        CHECK_EQ(batch.sequence, sequence_of(readers.store));
    }
    atomic_store(&readers.end, true);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(atomic_load(&readers.reads) > 0);
    store_close(readers.store);
    free(arena.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(empty_store_has_an_empty_state),
        TEST(write_of_nothing_succeeds),
        TEST(accepted_entries_are_visible_and_counted),
        TEST(rejected_entries_are_passed_over),
        TEST(repeated_signal_is_a_duplicate_wherever_it_was_seen),
        TEST(signal_beyond_the_window_counts_again),
        TEST(unchanged_video_is_a_duplicate),
        TEST(deleting_what_is_not_there_is_a_duplicate),
        TEST(edits_of_one_write_see_each_other),
        TEST(change_of_a_video_that_changed_meanwhile_is_rejected),
        TEST(signal_far_behind_the_newest_is_rejected),
        TEST(each_batch_has_its_own_last_sequence),
        TEST(many_largest_batches_fit_one_write),
        TEST(full_store_refuses_and_survives),
        TEST(write_the_disk_refuses_changes_nothing_and_can_be_repeated),
        TEST(reopened_store_equals_a_clean_rebuild),
        TEST(record_that_breaks_the_contract_is_named),
        TEST(record_with_many_unknown_fields_is_replayed),
        TEST(window_longer_than_possible_is_refused),
        TEST(replay_reports_its_end),
        TEST(readers_see_one_sequence_while_the_writer_writes),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
