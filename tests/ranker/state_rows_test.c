#include "ranker/state_rows.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

enum { INDIA = 9 << 5 | 14, HINDI = 8 << 5 | 9, VISITS_MAX = 100000 };

static const int64_t START_MS = INT64_C(1700000000000);

static struct event watch_event(uint64_t user_key, uint64_t video_key, int64_t number)
{
    return (struct event){
        .kind = EVENT_SIGNAL,
        .u.signal = {.user_key = user_key,
                     .video_key = video_key,
                     .type = SIGNAL_WATCH,
                     .time_ms = START_MS + number * 100000,
                     .watch_ms = number % 10000,
                     .video_duration_ms = 9000,
                     .locale = {.language = HINDI, .region = INDIA}},
    };
}

static struct event video_event(uint64_t key, uint64_t content)
{
    return (struct event){
        .kind = EVENT_VIDEO,
        .u.video = {.key = key,
                    .creator_key = 5,
                    .content_hash = content,
                    .category_keys = {6},
                    .tag_keys = {7, 8},
                    .languages = {HINDI},
                    .regions_allowed = {.count = 2, .regions = {INDIA + 1, INDIA}},
                    .duration_ms = 9000,
                    .safety = SAFETY_LOW},
    };
}

static void apply(struct state *state, struct event event)
{
    CHECK_EQ(STATUS_OK, state_apply(state, state_sequence(state) + 1, &event));
}

/* Signals of 50 users about 70 videos, half of them in the catalogue, some deleted, some with more
 * than their rows hold. */
static void fill(struct state *state)
{
    for (uint64_t i = 1; i <= 35; i++) {
        struct event event = video_event(i, i);
        if (i % 3 == 0) {
            event.u.video.embedding = (struct embedding){.size = 2, .values = {127, (int8_t)i}};
        }
        if (i % 4 == 0) {
            event.u.video.tag_keys[LIMIT_VIDEO_TAGS - 1] = 100 + i;
        }
        apply(state, event);
    }
    for (int64_t i = 0; i < 2000; i++) {
        struct event event = watch_event(1 + (uint64_t)i % 50, 1 + (uint64_t)i * 11 % 70, i);
        event.u.signal.type = i % 5 == 0 && i % 70 < 30 ? SIGNAL_SHARE : event.u.signal.type;
        apply(state, event);
    }
    for (uint64_t i = 5; i <= 15; i++) {
        apply(state, (struct event){.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = i});
    }
}

static uint64_t digest_of(const struct state *state)
{
    struct state_digests digests;
    CHECK_EQ(STATUS_OK, state_digest(state, &digests));
    return digests.all;
}

static void restore_videos(struct state *to, const struct state *from)
{
    for (size_t i = 0; i < state_row_count(from, STATE_VIDEOS); i++) {
        struct video_row video;
        state_video_at(from, i, &video);
        CHECK_EQ(STATUS_OK, state_restore_video(to, &video));
    }
}

static void restore_statistics(struct state *to, const struct state *from)
{
    size_t count = state_row_count(from, STATE_STATISTICS);
    for (size_t i = count; i > 0; i--) { /* in any order */
        struct statistics_row row;
        state_statistics_at(from, i - 1, &row);
        CHECK_EQ(STATUS_OK, state_restore_statistics(to, i - 1, &row));
    }
}

static void restore_watch(struct state *to, const struct state *from)
{
    for (size_t i = 0; i <= UINT16_MAX; i++) {
        const struct watch_histogram *histograms = state_watch_at(from, i);
        if (histograms != NULL) {
            CHECK_EQ(STATUS_OK, state_restore_watch(to, (uint16_t)i, histograms));
        }
    }
}

/* A new state with the users of another, and room for its statistics. */
static struct state *begin_copy(const struct state *from)
{
    struct state *to = state_new();
    size_t count = state_row_count(from, STATE_USERS);
    CHECK(to != NULL);
    CHECK_EQ(STATUS_OK, state_restore_begin(to, STATE_USERS, count));
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(STATUS_OK, state_restore_user(to, i, state_user_at(from, i)));
    }
    CHECK_EQ(STATUS_OK,
             state_restore_begin(to, STATE_STATISTICS, state_row_count(from, STATE_STATISTICS)));
    return to;
}

static struct state *copy(const struct state *from)
{
    struct state *to = begin_copy(from);
    restore_videos(to, from);
    restore_statistics(to, from);
    restore_watch(to, from);
    CHECK_EQ(STATUS_OK, state_restore_end(to, state_sequence(from), state_newest_signal_ms(from)));
    return to;
}

static void restored_state_is_the_same_and_goes_on_the_same(void)
{
    struct state_counts counts;
    struct state *state = state_new();
    CHECK(state != NULL);
    fill(state);
    struct state *restored = copy(state);
    CHECK(digest_of(state) == digest_of(restored));
    state_count(restored, &counts);
    CHECK_EQ(35 - 11, counts.videos);
    CHECK_EQ(50, counts.users);
    for (int64_t i = 0; i < 500; i++) {
        struct event event = watch_event(40 + (uint64_t)i % 20, 60 + (uint64_t)i % 20, 3000 + i);
        apply(state, event);
        apply(restored, event);
    }
    apply(state, video_event(7, 70));
    apply(restored, video_event(7, 70));
    CHECK(digest_of(state) == digest_of(restored));
    state_free(state);
    state_free(restored);
}

static void empty_state_can_be_restored(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    struct state *restored = copy(state);
    CHECK(digest_of(state) == digest_of(restored));
    fill(restored);
    fill(state);
    CHECK(digest_of(state) == digest_of(restored));
    state_free(state);
    state_free(restored);
}

static void a_row_twice_or_left_out_is_corrupt(void)
{
    struct state *state = state_new();
    struct video_row video;
    CHECK(state != NULL);
    fill(state);
    struct state *twice = copy(state);
    state_video_at(state, 3, &video);
    CHECK_EQ(STATUS_CORRUPT, state_restore_video(twice, &video));
    state_free(twice);

    struct state *user_twice = state_new();
    CHECK(user_twice != NULL);
    CHECK_EQ(STATUS_OK, state_restore_begin(user_twice, STATE_USERS, 2));
    CHECK_EQ(STATUS_OK, state_restore_user(user_twice, 0, state_user_at(state, 4)));
    CHECK_EQ(STATUS_OK, state_restore_user(user_twice, 1, state_user_at(state, 4)));
    CHECK_EQ(STATUS_CORRUPT, state_restore_end(user_twice, 1, 1));
    state_free(user_twice);

    struct state *left_out = begin_copy(state);
    restore_videos(left_out, state);
    CHECK_EQ(STATUS_CORRUPT, state_restore_end(left_out, 1, 1));
    state_free(left_out);
    state_free(state);
}

static void statistics_without_their_video_are_corrupt(void)
{
    struct stats stats = {.newest_tick = 1};
    struct statistics_row row = {.video_key = 9, .kind = SCOPE_GLOBAL, .stats = &stats};
    struct state *state = state_new();
    CHECK(state != NULL);
    CHECK_EQ(STATUS_OK, state_restore_begin(state, STATE_STATISTICS, 1));
    CHECK_EQ(STATUS_CORRUPT, state_restore_statistics(state, 0, &row));
    state_free(state);
}

struct visits {
    const struct state *state;
    unsigned counts[STATE_TABLE_COUNT];
    uint64_t signal_counts; /* of the users visited, as they were when visited */
};

static void visit(void *context, enum state_table table, size_t row)
{
    struct visits *visits = context;
    visits->counts[table]++;
    if (table == STATE_USERS) {
        visits->signal_counts += state_user_at(visits->state, row)->signal_count;
    }
}

static void only_what_changed_is_saved(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    struct visits visits = {.state = state};
    fill(state);
    CHECK_EQ(STATUS_OK, state_track(state, visit, &visits));
    state_mark(state);
    CHECK(!state_save(state, VISITS_MAX)); /* rows from before are taken for saved */
    apply(state, watch_event(1, 2, 9000));
    apply(state, watch_event(1, 2, 9001));
    apply(state, watch_event(2, 1000, 9002)); /* a new video */
    apply(state, video_event(3, 33));
    CHECK_EQ(0, visits.counts[STATE_USERS]);
    state_mark(state);
    CHECK(!state_save(state, VISITS_MAX));
    CHECK_EQ(2, visits.counts[STATE_USERS]);
    CHECK_EQ(2, visits.counts[STATE_VIDEOS]);     /* the new one and the one put */
    CHECK_EQ(6, visits.counts[STATE_STATISTICS]); /* global, region, language, twice */
    CHECK_EQ(2, visits.counts[STATE_WATCH]);      /* global and India's */
    state_mark(state);
    CHECK(!state_save(state, VISITS_MAX));
    CHECK_EQ(2, visits.counts[STATE_USERS]);
    state_free(state);
}

static void rows_are_saved_as_they_were_at_the_mark(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    struct visits visits = {.state = state};
    CHECK_EQ(STATUS_OK, state_track(state, visit, &visits));
    fill(state); /* 2000 signals of 50 users */
    state_mark(state);
    CHECK(state_save(state, 10));
    CHECK_EQ(10, visits.counts[STATE_USERS]);
    for (int64_t i = 0; i < 3000; i++) {
        apply(state, watch_event(1 + (uint64_t)i % 60, 2, 9000 + i));
    }
    CHECK_EQ(50, visits.counts[STATE_USERS]); /* 40 by being changed */
    CHECK(!state_save(state, VISITS_MAX));
    CHECK_EQ(50, visits.counts[STATE_USERS]); /* the 10 new ones are of after the mark */
    CHECK_EQ(2000, visits.signal_counts);
    CHECK_EQ(70, visits.counts[STATE_VIDEOS]);
    CHECK_EQ(210, visits.counts[STATE_STATISTICS]);
    state_mark(state);
    CHECK(!state_save(state, VISITS_MAX));
    CHECK_EQ(110, visits.counts[STATE_USERS]);
    CHECK_EQ(7000, visits.signal_counts);
    state_free(state);
}

static void everything_is_saved_again_after_unmark(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    struct visits visits = {.state = state};
    CHECK_EQ(STATUS_OK, state_track(state, visit, &visits));
    fill(state);
    state_mark(state);
    CHECK(state_save(state, 10));
    state_unmark(state);
    apply(state, watch_event(50, 2, 9000)); /* none waits, so none is visited */
    CHECK_EQ(10, visits.counts[STATE_USERS]);
    state_mark(state);
    CHECK(!state_save(state, VISITS_MAX));
    CHECK_EQ(10 + 50, visits.counts[STATE_USERS]);
    CHECK_EQ(70, visits.counts[STATE_VIDEOS]);
    CHECK_EQ(210, visits.counts[STATE_STATISTICS]);
    CHECK_EQ(2, visits.counts[STATE_WATCH]);
    state_free(state);
}

/* Rows as they were handed out, by number: what a file would hold. */
struct image {
    const struct state *state;
    uint64_t keys[100];
    uint64_t signal_counts[100];
};

static void put_into_image(void *context, enum state_table table, size_t row)
{
    struct image *image = context;
    if (table == STATE_USERS) {
        CHECK(row < 100);
        image->keys[row] = state_user_at(image->state, row)->key;
        image->signal_counts[row] = state_user_at(image->state, row)->signal_count;
    }
}

/* Users come, go and change at random while rows are saved a few at a time. */
static void rows_that_go_while_others_are_saved_are_saved_as_they_were(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    struct image image = {.state = state};
    uint64_t want_keys[100];
    uint64_t want_counts[100];
    uint64_t random = 1;
    CHECK_EQ(STATUS_OK, state_track(state, put_into_image, &image));
    for (int64_t i = 0; i < 20000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t user = 1 + (random >> 33) % 90;
        if ((random >> 20) % 3 == 0) {
            apply(state, (struct event){.kind = EVENT_FORGET, .u.forget.user_key = user});
        } else {
            apply(state, watch_event(user, 1, i));
        }
        if (i % 50 == 0) {
            while (state_save(state, VISITS_MAX)) {
            }
            if (i > 0) {
                CHECK(memcmp(image.keys, want_keys, sizeof(want_keys)) == 0);
                CHECK(memcmp(image.signal_counts, want_counts, sizeof(want_counts)) == 0);
            }
            state_mark(state);
            size_t count = state_row_count(state, STATE_USERS);
            memset(want_keys, 0, sizeof(want_keys));
            memset(want_counts, 0, sizeof(want_counts));
            for (size_t row = 0; row < count; row++) {
                want_keys[row] = state_user_at(state, row)->key;
                want_counts[row] = state_user_at(state, row)->signal_count;
            }
            memset(image.keys + count, 0, (100 - count) * sizeof(image.keys[0]));
            memset(image.signal_counts + count, 0, (100 - count) * sizeof(image.keys[0]));
        } else {
            state_save(state, random % 4);
        }
    }
    state_free(state);
}

/* Loads from another state, which stays as it was. */
static enum status load_user(void *context, size_t row, struct arena *arena, struct user *out)
{
    const struct user *user;
    enum status status = state_read_user(context, row, arena, &user);
    if (status == STATUS_OK) {
        *out = *user;
    }
    return status;
}

static enum status load_statistics(void *context, size_t row, struct arena *arena,
                                   struct stats *out)
{
    struct statistics_row statistics;
    enum status status = state_read_statistics(context, row, arena, &statistics);
    if (status == STATUS_OK) {
        *out = *statistics.stats;
    }
    return status;
}

static void ignore(void *context, enum state_table table, size_t row)
{
    (void)context;
    (void)table;
    (void)row;
}

/* A copy that has let go of all users and statistics. */
static struct state *cold_copy(struct state *saved)
{
    struct state *state = copy(saved);
    CHECK_EQ(STATUS_OK, state_track(state, ignore, NULL));
    CHECK_EQ(STATUS_OK,
             state_set_loader(state, &(struct state_loader){.load_user = load_user,
                                                            .load_statistics = load_statistics,
                                                            .context = saved}));
    CHECK(!state_evict(state, STATE_USERS, VISITS_MAX, 0));
    CHECK(!state_evict(state, STATE_STATISTICS, VISITS_MAX, 0));
    return state;
}

/* Fetches every row that is missed; their number. */
static size_t fetch_all(const struct state *state, enum state_table table,
                        struct state_fetched *out)
{
    static char memory[STATE_LOAD_BYTES];
    struct arena arena;
    size_t count = 0;
    for (size_t row = 0; row < state_row_count(state, table); row++) {
        arena_init(&arena, memory, sizeof(memory));
        if (state_is_missed(state, table, row)) {
            CHECK_EQ(STATUS_OK, state_fetch(state, table, row, &arena, &out[count]));
            count++;
        }
    }
    return count;
}

/* Some come into memory by themselves in between, changed since, and some go for good. */
static void what_was_fetched_takes_its_place_unless_it_is_taken(void)
{
    static struct state_fetched fetched[1000];
    struct state *saved = state_new();
    struct state *warm = state_new();
    CHECK(saved != NULL && warm != NULL);
    fill(saved);
    fill(warm);
    struct state *state = cold_copy(saved);
    size_t users = fetch_all(state, STATE_USERS, fetched);
    size_t count = users + fetch_all(state, STATE_STATISTICS, fetched + users);
    CHECK_EQ(50, users);
    CHECK(count > users);
    for (int64_t i = 0; i < 10; i++) {
        struct event event = watch_event(3 + (uint64_t)i, 5 + (uint64_t)i, 3000 + i);
        apply(state, event);
        apply(warm, event);
    }
    struct event forget = {.kind = EVENT_FORGET, .u.forget.user_key = 20};
    apply(state, forget);
    apply(warm, forget);
    for (size_t i = 0; i < count; i++) {
        state_bring_back(state, &fetched[i]);
    }
    for (size_t row = 0; row < state_row_count(state, STATE_USERS); row++) {
        CHECK(!state_is_missed(state, STATE_USERS, row));
    }
    CHECK(digest_of(warm) == digest_of(state));
    state_free(state);
    state_free(warm);
    state_free(saved);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(restored_state_is_the_same_and_goes_on_the_same),
        TEST(empty_state_can_be_restored),
        TEST(a_row_twice_or_left_out_is_corrupt),
        TEST(statistics_without_their_video_are_corrupt),
        TEST(only_what_changed_is_saved),
        TEST(rows_are_saved_as_they_were_at_the_mark),
        TEST(rows_that_go_while_others_are_saved_are_saved_as_they_were),
        TEST(everything_is_saved_again_after_unmark),
        TEST(what_was_fetched_takes_its_place_unless_it_is_taken),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
