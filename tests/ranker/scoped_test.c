#include "ranker/scoped.h"

#include <float.h>
#include <stdlib.h>

#include "ranker/state_rows.h"
#include "tests/ranker/scoped_check.h"
#include "tests/test.h"

enum { INDIA = 9 << 5 | 14, HINDI = 8 << 5 | 9, VIDEO = 77, CANDIDATES_MAX = 2000 };

static const int64_t START_MS = INT64_C(1700000100000); /* a tick begins here */

static struct state *new_state(void)
{
    struct state *state = state_new();
    CHECK(state != NULL);
    return state;
}

static void apply(struct state *state, const struct event *event)
{
    CHECK_EQ(STATUS_OK, state_apply(state, state_sequence(state) + 1, event));
}

static void signal_at(struct state *state, enum signal_type type, uint64_t user_key,
                      uint64_t video_key, int64_t time_ms)
{
    apply(state, &(struct event){
                     .kind = EVENT_SIGNAL,
                     .u.signal = {.user_key = user_key,
                                  .video_key = video_key,
                                  .type = type,
                                  .time_ms = time_ms,
                                  .watch_ms = type == SIGNAL_WATCH ? 8000 : 0,
                                  .video_duration_ms = 9000,
                                  .locale = {.language = HINDI, .region = INDIA}},
                 });
}

static void impressions(struct state *state, uint64_t video_key, unsigned count, int64_t time_ms)
{
    for (unsigned i = 0; i < count; i++) {
        signal_at(state, SIGNAL_IMPRESSION, 1 + i, video_key, time_ms);
    }
}

/* The video must be in the state for its row to be asked for. */
static const struct scoped *find(const struct state *state, uint64_t video_key,
                                 enum scope_kind kind, uint16_t code)
{
    const struct video *video;
    const struct scoped *row;
    videos_find_many(state_videos(state), &video_key, 1, &video);
    CHECK(video != NULL);
    scoped_find_many(state_scoped(state), kind, code, &video, 1, &row);
    return row;
}

/* Impressions and watches of 300 videos over 40 days, some videos far more often than others. */
static void fill(struct state *state)
{
    for (int64_t i = 0; i < 12000; i++) {
        uint64_t number = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) >> 32;
        uint64_t video_key = 1 + (number % 300) * (number >> 9 & 255) / 255;
        signal_at(state, i % 3 == 0 ? SIGNAL_WATCH : SIGNAL_IMPRESSION, 1 + number % 71, video_key,
                  START_MS + i * INT64_C(288000));
    }
}

static void check_pack(float count, uint16_t want_packed, float want)
{
    float got = scoped_unpack(scoped_pack(count));
    CHECK_EQ(want_packed, scoped_pack(count));
    CHECK(!(got < want) && !(got > want));
}

static void counts_are_rounded_to_the_nearest_and_ties_to_even(void)
{
    check_pack(0, 0, 0);
    check_pack(1, 0x7f00, 1); /* exponent 127, no mantissa */
    check_pack(1.5F, 0x7f80, 1.5F);
    check_pack(3, 0x8080, 3);
    check_pack(511, 0x87ff, 511);
    check_pack(512, 0x8800, 512);
    check_pack(513, 0x8800, 512);       /* between 512 and 514, the mantissas 0 and 1 */
    check_pack(513.0001F, 0x8801, 514); /* nearer to this one */
    check_pack(515, 0x8802, 516);       /* between the mantissas 1 and 2 */
    check_pack(514.9999F, 0x8801, 514);
    check_pack(1023, 0x8900, 1024); /* the carry goes into the exponent */
    check_pack(1.0F + 1.0F / 512, 0x7f00, 1);
    check_pack(0x1p-134F, 1, 0x1p-134F); /* the smallest */
    check_pack(0x1p-149F, 0, 0);
}

/* The nearest by comparing, rather than by bits. */
static double nearest(float count)
{
    uint16_t below = 0;
    for (uint32_t step = 1U << 15; step > 0; step /= 2) {
        if (below + step < 0xff00 && scoped_unpack((uint16_t)(below + step)) <= count) {
            below = (uint16_t)(below + step);
        }
    }
    double low = (double)scoped_unpack(below);
    double high = (double)scoped_unpack((uint16_t)(below + 1));
    double distance = (double)count - low - (high - (double)count);
    return distance < 0 || (!(distance > 0) && below % 2 == 0) ? low : high;
}

static void any_count_is_rounded_to_the_nearest(void)
{
    uint64_t random = 1;
    for (unsigned i = 0; i < 100000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        float count = (float)(random >> 40) * 0x1p-12F; /* below 4,096 */
        double got = (double)scoped_unpack(scoped_pack(count));
        CHECK(!(got < nearest(count)) && !(got > nearest(count)));
    }
}

static void largest_count_stays_finite(void)
{
    check_pack(FLT_MAX, 0xfeff, 0x1.ffp127F);
    check_pack(0x1.ffp127F, 0xfeff, 0x1.ffp127F);
}

static void packed_counts_come_back_as_they_are(void)
{
    for (uint32_t packed = 0; packed < 0xff00; packed++) {
        CHECK_EQ(packed, scoped_pack(scoped_unpack((uint16_t)packed)));
    }
}

static void eight_impressions_make_a_row(void)
{
    struct state *state = new_state();
    impressions(state, VIDEO, 7, START_MS);
    CHECK(find(state, VIDEO, SCOPE_REGION, INDIA) == NULL);
    CHECK(find(state, VIDEO, SCOPE_LANGUAGE, HINDI) == NULL);
    impressions(state, VIDEO, 1, START_MS);
    const struct scoped *row = find(state, VIDEO, SCOPE_REGION, INDIA);
    CHECK(row != NULL && find(state, VIDEO, SCOPE_LANGUAGE, HINDI) != NULL);
    CHECK_EQ(8, (int)scoped_count(row, HALF_LIFE_30_MIN, COUNTER_IMPRESSIONS));
    CHECK_EQ(0, (int)scoped_count(row, HALF_LIFE_30_MIN, COUNTER_PLAYS));
    CHECK_EQ(stats_tick(START_MS), scoped_newest_tick(row));
    state_free(state);
}

static void eight_plays_make_a_row_but_not_four_of_each(void)
{
    struct state *state = new_state();
    for (uint64_t i = 1; i <= 4; i++) {
        signal_at(state, SIGNAL_IMPRESSION, i, VIDEO, START_MS);
        signal_at(state, SIGNAL_PLAY, i, VIDEO, START_MS);
    }
    CHECK(find(state, VIDEO, SCOPE_REGION, INDIA) == NULL);
    for (uint64_t i = 5; i <= 8; i++) {
        signal_at(state, SIGNAL_PLAY, i, VIDEO, START_MS);
    }
    const struct scoped *row = find(state, VIDEO, SCOPE_REGION, INDIA);
    CHECK(row != NULL);
    CHECK_EQ(8, (int)scoped_count(row, HALF_LIFE_14_DAYS, COUNTER_PLAYS));
    CHECK_EQ(4, (int)scoped_count(row, HALF_LIFE_14_DAYS, COUNTER_IMPRESSIONS));
    state_free(state);
}

static void views_count_however_old_they_are(void)
{
    enum { YEAR_DAYS = 365 };
    struct state *state = new_state();
    impressions(state, VIDEO, 7, START_MS);
    impressions(state, VIDEO, 1, START_MS + YEAR_DAYS * INT64_C(86400000));
    const struct scoped *row = find(state, VIDEO, SCOPE_REGION, INDIA);
    CHECK(row != NULL);
    CHECK_EQ(1, (int)scoped_count(row, HALF_LIFE_14_DAYS, COUNTER_IMPRESSIONS));
    state_free(state);
}

static void counts_decay_with_each_half_life(void)
{
    struct state *state = new_state();
    impressions(state, VIDEO, 8, START_MS);
    impressions(state, VIDEO, 1, START_MS + STATS_TICK_MS);
    const struct scoped *row = find(state, VIDEO, SCOPE_REGION, INDIA);
    /* 8 * 2^(-1/4) + 1 is 7.7272, 494.54 of 64ths. */
    CHECK_EQ(495, (int)(64 * scoped_count(row, HALF_LIFE_30_MIN, COUNTER_IMPRESSIONS)));
    CHECK_EQ(576, (int)(64 * scoped_count(row, HALF_LIFE_1_DAY, COUNTER_IMPRESSIONS)));
    CHECK_EQ(stats_tick(START_MS) + 1, scoped_newest_tick(row));
    state_free(state);
}

static void scopes_are_apart(void)
{
    struct state *state = new_state();
    impressions(state, VIDEO, 8, START_MS);
    CHECK(find(state, VIDEO, SCOPE_REGION, INDIA + 1) == NULL);
    CHECK(find(state, VIDEO, SCOPE_REGION, HINDI) == NULL);
    CHECK(find(state, VIDEO, SCOPE_LANGUAGE, INDIA) == NULL);
    CHECK(find(state, VIDEO, SCOPE_REGION, INDIA) != find(state, VIDEO, SCOPE_LANGUAGE, HINDI));
    state_free(state);
}

static void no_code_and_no_video_find_nothing(void)
{
    struct state *state = new_state();
    struct state *empty = new_state();
    const struct video *videos[3] = {NULL, NULL, NULL};
    const struct scoped *rows[3];
    impressions(state, VIDEO, 8, START_MS);
    videos_find_many(state_videos(state), &(uint64_t){VIDEO}, 1, &videos[1]);
    memset(rows, 0xff, sizeof(rows));
    scoped_find_many(state_scoped(state), SCOPE_REGION, 0, videos, 3, rows);
    CHECK(rows[0] == NULL && rows[1] == NULL && rows[2] == NULL);
    scoped_find_many(state_scoped(state), SCOPE_REGION, INDIA, videos, 3, rows);
    CHECK(rows[0] == NULL && rows[1] != NULL && rows[2] == NULL);
    scoped_find_many(state_scoped(empty), SCOPE_REGION, INDIA, videos, 3, rows);
    CHECK(rows[0] == NULL && rows[1] == NULL && rows[2] == NULL);
    scoped_find_many(state_scoped(state), SCOPE_REGION, INDIA, videos, 0, rows);
    state_free(state);
    state_free(empty);
}

static void many_are_found_as_one_by_one(void)
{
    static const struct video *videos[CANDIDATES_MAX];
    static const struct scoped *rows[CANDIDATES_MAX];
    struct state *state = new_state();
    size_t found = 0;
    fill(state);
    for (size_t i = 0; i < CANDIDATES_MAX; i++) {
        uint64_t key = 1 + i * 7919 % 400; /* those above 301 are unknown */
        videos_find_many(state_videos(state), &key, 1, &videos[i]);
    }
    scoped_find_many(state_scoped(state), SCOPE_LANGUAGE, HINDI, videos, CANDIDATES_MAX, rows);
    for (size_t i = 0; i < CANDIDATES_MAX; i++) {
        CHECK(rows[i] ==
              (videos[i] != NULL ? find(state, videos[i]->key, SCOPE_LANGUAGE, HINDI) : NULL));
        found += rows[i] != NULL;
    }
    CHECK(found > CANDIDATES_MAX / 4 && found < CANDIDATES_MAX * 3 / 4);
    state_free(state);
}

static void rows_say_what_statistics_say_after_every_signal(void)
{
    struct state *state = new_state();
    fill(state);
    CHECK(scoped_check(state) > 100);
    state_free(state);
}

/* The loader's context is a state that has all in memory, in the same rows. */
static enum status load_user(void *context, size_t row, struct arena *arena, struct user *out)
{
    (void)arena;
    *out = *state_user_at(context, row);
    return STATUS_OK;
}

static enum status load_statistics(void *context, size_t row, struct arena *arena,
                                   struct stats *out)
{
    struct statistics_row statistics;
    (void)arena;
    state_statistics_at(context, row, &statistics);
    *out = *statistics.stats;
    return STATUS_OK;
}

static struct state_loader loader_of(struct state *state)
{
    return (struct state_loader){
        .load_user = load_user, .load_statistics = load_statistics, .context = state};
}

static void visit(void *context, enum state_table table, size_t row)
{
    (void)context;
    (void)table;
    (void)row;
}

static void rows_stay_when_statistics_leave_memory(void)
{
    struct state *state = new_state();
    struct state *same = new_state();
    struct state_loader loader = loader_of(same);
    fill(state);
    fill(same);
    CHECK_EQ(STATUS_OK, state_track(state, visit, NULL));
    CHECK_EQ(STATUS_OK, state_set_loader(state, &loader));
    for (unsigned i = 0; i < 2; i++) { /* the first time round it finds that all were used */
        (void)state_evict(state, STATE_STATISTICS, 10000, 0);
    }
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(0, counts.statistics_bytes);
    CHECK(scoped_check(state) == scoped_check(same));
    impressions(state, 3, 5, START_MS + INT64_C(4000000000));
    impressions(state, 299, 8, START_MS + INT64_C(4000000000));
    scoped_check(state);
    state_free(state);
    state_free(same);
}

/* A new state with the videos of another and room for its users and statistics. */
static struct state *begin_copy(const struct state *from)
{
    struct state *to = new_state();
    for (size_t i = 0; i < state_row_count(from, STATE_VIDEOS); i++) {
        struct video_row video;
        state_video_at(from, i, &video);
        CHECK_EQ(STATUS_OK, state_restore_video(to, &video));
    }
    for (unsigned i = 0; i < 2; i++) {
        enum state_table table = i == 0 ? STATE_USERS : STATE_STATISTICS;
        CHECK_EQ(STATUS_OK, state_restore_begin(to, table, state_row_count(from, table)));
    }
    for (size_t i = 0; i < state_row_count(from, STATE_USERS); i++) {
        state_restore_user_key(to, i, state_user_key_at(from, i));
    }
    return to;
}

static void end_copy(struct state *to, const struct state *from)
{
    CHECK_EQ(STATUS_OK, state_restore_end(to, state_sequence(from), state_newest_signal_ms(from)));
}

static void restored_statistics_have_their_rows(void)
{
    struct state *state = new_state();
    fill(state);
    struct state *copy = begin_copy(state);
    for (size_t i = 0; i < state_row_count(state, STATE_STATISTICS); i++) {
        struct statistics_row row;
        state_statistics_at(state, i, &row);
        CHECK_EQ(STATUS_OK, state_restore_statistics(copy, i, &row));
    }
    end_copy(copy, state);
    CHECK(scoped_check(copy) == scoped_check(state));
    state_free(copy);
    state_free(state);
}

static void statistics_left_with_the_loader_have_their_rows(void)
{
    struct state *state = new_state();
    fill(state);
    struct state *copy = begin_copy(state);
    struct state_loader loader = loader_of(state);
    CHECK_EQ(STATUS_OK, state_set_loader(copy, &loader));
    for (size_t i = 0; i < state_row_count(state, STATE_STATISTICS); i++) {
        struct statistics_row row;
        state_statistics_at(state, i, &row);
        state_restore_statistics_key(copy, i, state_statistics_key_at(state, i));
        CHECK_EQ(STATUS_OK, state_restore_decayed(copy, i % STATE_RESTORE_PARTS, &row, 1));
    }
    end_copy(copy, state);
    CHECK(scoped_check(copy) == scoped_check(state));
    struct event retire = {
        .kind = EVENT_RETIRE,
        .u.retire = {.statistics_count = 1, .statistics = {{1, INDIA, SCOPE_REGION}}}};
    apply(copy, &retire);
    CHECK(find(copy, 1, SCOPE_REGION, INDIA) == NULL);
    CHECK(find(copy, 1, SCOPE_LANGUAGE, HINDI) != NULL);
    state_free(copy);
    state_free(state);
}

static void retired_statistics_have_no_row(void)
{
    struct state *state = new_state();
    fill(state);
    for (uint64_t key = 1; key < 250; key += 2) {
        struct event event = {
            .kind = EVENT_RETIRE,
            .u.retire = {.statistics_count = 2,
                         .statistics = {{key, INDIA, SCOPE_REGION}, {key, 0, SCOPE_GLOBAL}}}};
        apply(state, &event);
        CHECK(find(state, key, SCOPE_REGION, INDIA) == NULL);
    }
    scoped_check(state);
    state_free(state);
}

static void row_begins_again_after_retirement(void)
{
    struct state *state = new_state();
    impressions(state, VIDEO, 20, START_MS);
    apply(state, &(struct event){.kind = EVENT_RETIRE,
                                 .u.retire = {.statistics_count = 1,
                                              .statistics = {{VIDEO, INDIA, SCOPE_REGION}}}});
    impressions(state, VIDEO, 7, START_MS);
    CHECK(find(state, VIDEO, SCOPE_REGION, INDIA) == NULL);
    CHECK(find(state, VIDEO, SCOPE_LANGUAGE, HINDI) != NULL);
    state_free(state);
}

static void erased_signals_count_and_forgetting_changes_nothing(void)
{
    struct state *state = new_state();
    struct state *erased = new_state();
    for (unsigned i = 0; i < 9; i++) {
        impressions(state, VIDEO, 1, START_MS + i * INT64_C(450000));
        struct event event = {.kind = EVENT_ERASED, .u.erased = *state_last_effect(state)};
        apply(erased, &event);
    }
    apply(state, &(struct event){.kind = EVENT_FORGET, .u.forget = {.user_key = 1}});
    const struct scoped *row = find(state, VIDEO, SCOPE_REGION, INDIA);
    CHECK(row != NULL);
    CHECK(memcmp(row, find(erased, VIDEO, SCOPE_REGION, INDIA), sizeof(*row)) == 0);
    scoped_check(erased);
    state_free(state);
    state_free(erased);
}

static void memory_of_rows_is_counted(void)
{
    struct state *state = new_state();
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(0, counts.scoped);
    CHECK_EQ(0, counts.scoped_bytes);
    impressions(state, VIDEO, 8, START_MS);
    state_count(state, &counts);
    CHECK_EQ(2, counts.scoped);
    CHECK_EQ(2 * 80 + 16 * 8, counts.scoped_bytes); /* and an index of 16 slots */
    state_free(state);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(counts_are_rounded_to_the_nearest_and_ties_to_even),
        TEST(any_count_is_rounded_to_the_nearest),
        TEST(largest_count_stays_finite),
        TEST(packed_counts_come_back_as_they_are),
        TEST(eight_impressions_make_a_row),
        TEST(eight_plays_make_a_row_but_not_four_of_each),
        TEST(views_count_however_old_they_are),
        TEST(counts_decay_with_each_half_life),
        TEST(scopes_are_apart),
        TEST(no_code_and_no_video_find_nothing),
        TEST(many_are_found_as_one_by_one),
        TEST(rows_say_what_statistics_say_after_every_signal),
        TEST(rows_stay_when_statistics_leave_memory),
        TEST(restored_statistics_have_their_rows),
        TEST(statistics_left_with_the_loader_have_their_rows),
        TEST(retired_statistics_have_no_row),
        TEST(row_begins_again_after_retirement),
        TEST(erased_signals_count_and_forgetting_changes_nothing),
        TEST(memory_of_rows_is_counted),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
