#include "ranker/state.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/limits.h"
#include "tests/test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 0
#else
#define OWN_ALLOCATOR 1
#endif

enum { INDIA = 9 << 5 | 14, RUSSIA = 18 << 5 | 21, HINDI = 8 << 5 | 9, RUSSIAN = 18 << 5 | 21 };

static const int64_t START_MS = INT64_C(1700000000000);

/* ---- an allocator that can be told to fail ---- */

static bool limited;
static long allowed; /* allocations until one fails */
static long live;    /* blocks not yet freed */

/* A sanitizer brings its own allocator, which cannot fail but does find leaks. */
#if OWN_ALLOCATOR

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *memory);

static bool refuse(void)
{
    return limited && allowed-- <= 0;
}

void *malloc(size_t size)
{
    void *memory = refuse() ? NULL : __libc_malloc(size);
    live += memory != NULL;
    return memory;
}

void *calloc(size_t count, size_t size)
{
    void *memory = refuse() ? NULL : __libc_calloc(count, size);
    live += memory != NULL;
    return memory;
}

void *realloc(void *old, size_t size)
{
    void *memory = refuse() ? NULL : __libc_realloc(old, size);
    live += memory != NULL && old == NULL;
    return memory;
}

void *aligned_alloc(size_t align, size_t size)
{
    void *memory = refuse() ? NULL : __libc_memalign(align, size);
    live += memory != NULL;
    return memory;
}

void free(void *memory)
{
    live -= memory != NULL;
    __libc_free(memory);
}

#endif

static const struct user *find_user(const struct state *state, uint64_t user_key)
{
    const struct user *user = NULL;
    CHECK_EQ(STATUS_OK, state_find_user(state, user_key, NULL, &user)); /* all are in memory */
    return user;
}

static const struct stats *find_stats(const struct state *state, uint64_t video_key,
                                      enum scope_kind kind, uint16_t code)
{
    const struct stats *stats = NULL;
    CHECK_EQ(STATUS_OK, state_find_stats(state, video_key, kind, code, NULL, &stats));
    CHECK((stats != NULL) == state_has_stats(state, video_key, kind, code));
    return stats;
}

/* ---- building logs ---- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint64_t key_of(const char *id)
{
    return hash_key(text_of(id));
}

static uint64_t numbered(char letter, uint64_t i)
{
    char id[24];
    int size = snprintf(id, sizeof(id), "%c%llu", letter, (unsigned long long)i);
    return hash_key((struct text){.data = id, .size = (size_t)size});
}

static void apply(struct state *state, const struct event *event)
{
    CHECK_EQ(STATUS_OK, state_apply(state, state_sequence(state) + 1, event));
}

static struct event signal_event(const char *user, const char *video, enum signal_type type)
{
    return (struct event){
        .kind = EVENT_SIGNAL,
        .u.signal =
            {
                .user_key = key_of(user),
                .video_key = key_of(video),
                .type = type,
                .time_ms = START_MS,
                .locale = {.region = INDIA, .language = HINDI},
            },
    };
}

static void send(struct state *state, const char *user, const char *video, enum signal_type type,
                 int64_t watch_ms)
{
    struct event event = signal_event(user, video, type);
    event.u.signal.watch_ms = watch_ms;
    apply(state, &event);
}

static struct event video_event(uint64_t key)
{
    return (struct event){
        .kind = EVENT_VIDEO,
        .u.video =
            {
                .key = key,
                .creator_key = key_of("creator"),
                .content_hash = 77,
                .category_keys = {key_of("music")},
                .tag_keys = {key >> 60 | 1, key >> 59 | 1},
                .languages = {HINDI},
                .duration_ms = 20000,
                .safety = SAFETY_LOW,
            },
    };
}

static void put_video(struct state *state, const char *video)
{
    struct event event = video_event(key_of(video));
    apply(state, &event);
}

static void delete_video(struct state *state, const char *video)
{
    struct event event = {.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = key_of(video)};
    apply(state, &event);
}

static const struct video *row_of(const struct state *state, const char *video)
{
    uint64_t key = key_of(video);
    const struct video *row;
    videos_find_many(state_videos(state), &key, 1, &row);
    return row;
}

static struct video_source source_of(const struct state *state, const char *video)
{
    return videos_source(state_videos(state), row_of(state, video));
}

static int64_t total(const struct state *state, const char *video, enum counter counter)
{
    return find_stats(state, key_of(video), SCOPE_GLOBAL, 0)->total[counter];
}

static uint64_t live_videos(const struct state *state)
{
    struct state_counts counts;
    state_count(state, &counts);
    return counts.videos;
}

/* ---- tests ---- */

static void an_empty_state_knows_nothing(void)
{
    struct state *state = state_new();
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(0, state_sequence(state));
    CHECK_EQ(0, counts.videos);
    CHECK_EQ(0, counts.users);
    CHECK_EQ(0, counts.statistics);
    CHECK(find_user(state, 1) == NULL);
    CHECK(find_stats(state, 1, SCOPE_GLOBAL, 0) == NULL);
    CHECK_EQ(0, videos_count(state_videos(state)));
    CHECK_EQ(0, state_watch(state)->region_count);
    state_free(state);
    state_free(NULL);
}

static void two_empty_states_have_one_digest(void)
{
    struct state *a = state_new();
    struct state *b = state_new();
    struct state_digests of_a;
    struct state_digests of_b;
    CHECK_EQ(STATUS_OK, state_digest(a, &of_a));
    CHECK_EQ(STATUS_OK, state_digest(b, &of_b));
    CHECK(of_a.all == of_b.all);
    CHECK(of_a.aggregates == of_b.aggregates);
    CHECK(of_a.all != of_a.aggregates);
    state_free(a);
    state_free(b);
}

static void a_signal_counts_in_its_three_scopes(void)
{
    struct state *state = state_new();
    send(state, "u", "v", SIGNAL_IMPRESSION, 0);
    send(state, "u", "v", SIGNAL_PLAY, 0);
    CHECK_EQ(2, state_sequence(state));
    uint64_t video = key_of("v");
    const struct stats *scopes[] = {
        find_stats(state, video, SCOPE_GLOBAL, 0),
        find_stats(state, video, SCOPE_REGION, INDIA),
        find_stats(state, video, SCOPE_LANGUAGE, HINDI),
    };
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(1, scopes[i]->total[COUNTER_IMPRESSIONS]);
        CHECK_EQ(1, scopes[i]->total[COUNTER_PLAYS]);
    }
    CHECK(find_stats(state, video, SCOPE_REGION, RUSSIA) == NULL);
    CHECK(find_stats(state, video, SCOPE_LANGUAGE, INDIA) == NULL);
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(3, counts.statistics);
    CHECK_EQ(1, counts.users);
    state_free(state);
}

static void an_unknown_locale_counts_for_all_alone(void)
{
    struct state *state = state_new();
    struct event event = signal_event("u", "v", SIGNAL_WATCH);
    event.u.signal.locale = (struct locale){0};
    event.u.signal.watch_ms = 1000;
    apply(state, &event);
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(1, counts.statistics);
    CHECK_EQ(0, state_watch(state)->region_count);
    CHECK_EQ(1, state_watch(state)->global[DURATION_BUCKET_COUNT - 1].count);
    state_free(state);
}

static void each_counter_counts_its_signal(void)
{
    static const struct {
        enum signal_type type;
        enum counter counter;
    } pairs[] = {
        {SIGNAL_IMPRESSION, COUNTER_IMPRESSIONS},
        {SIGNAL_SKIP, COUNTER_SKIPS},
        {SIGNAL_LIKE, COUNTER_LIKES},
        {SIGNAL_SHARE, COUNTER_SHARES},
        {SIGNAL_COMMENT, COUNTER_COMMENTS},
        {SIGNAL_FOLLOW_CREATOR, COUNTER_FOLLOWS},
        {SIGNAL_REPORT, COUNTER_REPORTS},
        {SIGNAL_NOT_INTERESTED, COUNTER_NOT_INTERESTED},
        {SIGNAL_PLAY, COUNTER_PLAYS},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct state *state = state_new();
        put_video(state, "v");
        send(state, "u", "v", pairs[i].type, 0);
        for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
            CHECK_EQ(counter == pairs[i].counter, total(state, "v", (enum counter)counter));
        }
        state_free(state);
    }
}

/* 20 s video: 10 s watched, then all, then twice over. */
static void a_view_counts_once_however_often_it_is_told(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "u", "v", SIGNAL_WATCH, 10000);
    send(state, "u", "v", SIGNAL_WATCH, 10000);
    send(state, "u", "v", SIGNAL_COMPLETE, 0);
    send(state, "u", "v", SIGNAL_WATCH, 40000);
    CHECK_EQ(1, total(state, "v", COUNTER_PLAYS));
    CHECK_EQ(1, total(state, "v", COUNTER_VALID_PLAYS));
    CHECK_EQ(1, total(state, "v", COUNTER_LONG_VIEWS));
    CHECK_EQ(1, total(state, "v", COUNTER_COMPLETES));
    CHECK_EQ(0, total(state, "v", COUNTER_SKIPS));
    CHECK_EQ(40000, find_stats(state, key_of("v"), SCOPE_GLOBAL, 0)->watch_ms);
    const struct watch_histogram *india = watch_find(state_watch(state), INDIA, 2, 1);
    CHECK_EQ(1, india->count);
    CHECK_EQ(1, india->bins[watch_bin(40000)]);
    state_free(state);
}

static void a_short_play_is_no_skip(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "u", "v", SIGNAL_WATCH, 100);
    CHECK_EQ(0, total(state, "v", COUNTER_SKIPS));
    CHECK_EQ(100, find_stats(state, key_of("v"), SCOPE_GLOBAL, 0)->watch_ms);
    state_free(state);
}

static void likes_and_follows_of_one_user_count_once(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "u", "v", SIGNAL_UNLIKE, 0);
    CHECK_EQ(0, total(state, "v", COUNTER_LIKES));
    send(state, "u", "v", SIGNAL_LIKE, 0);
    send(state, "u", "v", SIGNAL_LIKE, 0);
    send(state, "w", "v", SIGNAL_LIKE, 0);
    CHECK_EQ(2, total(state, "v", COUNTER_LIKES));
    send(state, "u", "v", SIGNAL_UNLIKE, 0);
    CHECK_EQ(1, total(state, "v", COUNTER_LIKES));
    send(state, "u", "v", SIGNAL_FOLLOW_CREATOR, 0);
    send(state, "u", "v", SIGNAL_FOLLOW_CREATOR, 0);
    CHECK_EQ(1, total(state, "v", COUNTER_FOLLOWS));
    send(state, "u", "v", SIGNAL_UNFOLLOW_CREATOR, 0);
    send(state, "u", "v", SIGNAL_FOLLOW_CREATOR, 0);
    CHECK_EQ(2, total(state, "v", COUNTER_FOLLOWS));
    state_free(state);
}

static void the_row_holds_the_global_decayed_counts(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "u", "v", SIGNAL_WATCH, 9000);
    struct event later = signal_event("w", "v", SIGNAL_PLAY);
    later.u.signal.time_ms += 3600000;
    later.u.signal.locale.region = RUSSIA;
    apply(state, &later);
    struct stats_decayed want;
    stats_decay(find_stats(state, key_of("v"), SCOPE_GLOBAL, 0), &want);
    struct stats_decayed have;
    videos_get_decayed(state_videos(state), row_of(state, "v"), &have);
    CHECK(memcmp(&want, &have, sizeof(want)) == 0);
    CHECK(want.counts[HALF_LIFE_30_MIN][COUNTER_PLAYS] == 1.25F);
    CHECK_EQ(4500, want.mean_watch_ms);
    state_free(state);
}

static void a_video_named_by_a_signal_alone_is_not_known(void)
{
    struct state *state = state_new();
    send(state, "u", "v", SIGNAL_LIKE, 0);
    CHECK(!row_of(state, "v")->known);
    CHECK_EQ(0, live_videos(state));
    put_video(state, "v");
    CHECK(row_of(state, "v")->known);
    CHECK_EQ(2, source_of(state, "v").log_sequence);
    CHECK_EQ(1, live_videos(state));
    CHECK(row_of(state, "v")->decayed.counts[HALF_LIFE_1_DAY][COUNTER_LIKES] == 1);
    state_free(state);
}

static void a_deleted_video_keeps_statistics_and_may_come_back(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    put_video(state, "v");
    CHECK_EQ(1, live_videos(state));
    send(state, "u", "v", SIGNAL_LIKE, 0);
    delete_video(state, "v");
    delete_video(state, "v");
    delete_video(state, "nobody knows");
    CHECK_EQ(0, live_videos(state));
    CHECK_EQ(1, videos_count(state_videos(state)));
    CHECK(row_of(state, "v")->deleted);
    CHECK_EQ(0, source_of(state, "v").content_hash);
    CHECK_EQ(1, total(state, "v", COUNTER_LIKES));
    put_video(state, "v");
    CHECK(!row_of(state, "v")->deleted);
    CHECK_EQ(77, source_of(state, "v").content_hash);
    CHECK_EQ(1, live_videos(state));
    CHECK_EQ(1, total(state, "v", COUNTER_LIKES));
    state_free(state);
}

/* The locale and the duration of later signals must not take a view out where it never was. */
static void a_view_may_cross_regions_and_durations(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "u", "v", SIGNAL_WATCH, 1000);
    struct event event = signal_event("u", "v", SIGNAL_WATCH);
    event.u.signal.watch_ms = 9000;
    event.u.signal.video_duration_ms = 500000;
    event.u.signal.locale = (struct locale){.region = RUSSIA, .language = RUSSIAN};
    apply(state, &event);
    CHECK_EQ(1, watch_find(state_watch(state), INDIA, 2, 1)->bins[watch_bin(9000)]);
    CHECK_EQ(1, state_watch(state)->region_count);
    CHECK_EQ(9000, find_stats(state, key_of("v"), SCOPE_GLOBAL, 0)->watch_ms);
    CHECK_EQ(8000, find_stats(state, key_of("v"), SCOPE_REGION, RUSSIA)->watch_ms);
    state_free(state);
}

static void every_change_changes_the_digest(void)
{
    struct state *state = state_new();
    struct state_digests before;
    struct state_digests after;
    put_video(state, "v");
    CHECK_EQ(STATUS_OK, state_digest(state, &before));
    for (int type = SIGNAL_IMPRESSION; type < SIGNAL_TYPE_END; type++) {
        send(state, "u", "v", (enum signal_type)type, 5000);
        CHECK_EQ(STATUS_OK, state_digest(state, &after));
        CHECK(after.all != before.all);
        before = after;
    }
    delete_video(state, "v");
    CHECK_EQ(STATUS_OK, state_digest(state, &after));
    CHECK(after.all != before.all);
    CHECK(after.aggregates == before.aggregates);
    state_free(state);
}

static void newest_signal_is_the_latest_in_its_own_time_to_a_tick(void)
{
    struct state *state = state_new();
    struct event event = signal_event("u", "v", SIGNAL_LIKE);
    CHECK_EQ(0, state_newest_signal_ms(state));
    put_video(state, "v");
    CHECK_EQ(0, state_newest_signal_ms(state));
    apply(state, &event);
    int64_t tick_ms = stats_tick_ms(stats_tick(START_MS));
    CHECK(tick_ms <= START_MS && START_MS < tick_ms + STATS_TICK_MS);
    CHECK_EQ(tick_ms, state_newest_signal_ms(state));
    event.u.signal.time_ms = tick_ms - 1;
    apply(state, &event);
    CHECK_EQ(tick_ms, state_newest_signal_ms(state));
    event.u.signal.time_ms = tick_ms + STATS_TICK_MS;
    apply(state, &event);
    CHECK_EQ(tick_ms + STATS_TICK_MS, state_newest_signal_ms(state));
    state_free(state);
}

/* Likes of a video that lie in one bucket of its global statistics. */
static int32_t likes_at(const struct state *state, const char *video, uint8_t level,
                        uint32_t start_tick)
{
    const struct stats *stats = find_stats(state, key_of(video), SCOPE_GLOBAL, 0);
    for (uint32_t i = 0; i < stats->bucket_count; i++) {
        if (stats->buckets[i].level == level && stats->buckets[i].start_tick == start_tick) {
            return stats->buckets[i].counts[COUNTER_LIKES];
        }
    }
    return 0;
}

/* A tick is 7.5 minutes; buckets are of 1, 48 and 672 ticks. */
static void late_signals_land_in_the_buckets_of_their_time(void)
{
    static const int64_t ages_ms[] = {0, 3600000, 3 * INT64_C(86400000), LIMIT_LATE_MS};
    static const char *const users[] = {"a", "b", "c", "d"};
    struct state *state = state_new();
    struct state *in_order = state_new();
    struct state_digests late;
    struct state_digests early;
    for (int i = 0; i < 4; i++) {
        struct event event = signal_event(users[i], "v", SIGNAL_LIKE);
        event.u.signal.time_ms = START_MS - ages_ms[i];
        apply(state, &event);
        event = signal_event(users[3 - i], "v", SIGNAL_LIKE);
        event.u.signal.time_ms = START_MS - ages_ms[3 - i];
        apply(in_order, &event);
    }
    uint32_t ticks[4];
    for (int i = 0; i < 4; i++) {
        ticks[i] = (uint32_t)((START_MS - ages_ms[i]) / 450000);
    }
    CHECK_EQ(4, total(state, "v", COUNTER_LIKES));
    CHECK_EQ(1, likes_at(state, "v", 0, ticks[0]));
    CHECK_EQ(1, likes_at(state, "v", 0, ticks[1]));
    CHECK_EQ(1, likes_at(state, "v", 1, ticks[2] - ticks[2] % 48));
    CHECK_EQ(1, likes_at(state, "v", 2, ticks[3] - ticks[3] % 672));
    CHECK_EQ(STATUS_OK, state_digest(state, &late));
    CHECK_EQ(STATUS_OK, state_digest(in_order, &early));
    CHECK(late.all == early.all);
    CHECK(late.aggregates == early.aggregates);
    state_free(state);
    state_free(in_order);
}

/* ---- order ---- */

enum { USERS = 24, VIDEOS = 15, SIGNALS = 120, EVENTS = USERS * SIGNALS };

/* Times leap back and forth over ten weeks, so that every level of the statistics is met. */
static struct event random_signal(uint64_t user, uint64_t *random)
{
    static const uint16_t regions[] = {0, INDIA, RUSSIA};
    static const uint16_t languages[] = {0, HINDI, RUSSIAN};
    uint64_t age_s = (next_random(random) & 0x5fffff) >> next_random(random) % 22;
    struct event event = {.kind = EVENT_SIGNAL};
    event.u.signal = (struct signal){
        .user_key = numbered('u', user),
        .video_key = numbered('v', next_random(random) % VIDEOS),
        .ranking_key = next_random(random) % 3,
        .type = (enum signal_type)(1 + next_random(random) % (SIGNAL_TYPE_END - 1)),
        .time_ms = START_MS - (int64_t)age_s * 1000,
        .watch_ms = (int64_t)(next_random(random) % 40000),
        .video_duration_ms = next_random(random) % 4 == 0 ? 12345 : 0,
        .locale = {.region = regions[next_random(random) % 3],
                   .language = languages[next_random(random) % 3]},
    };
    return event;
}

/* Draws users at random, but each one's signals in order: log[user][0], log[user][1], ... */
static struct state *apply_interleaved(struct event log[USERS][SIGNALS], uint64_t seed)
{
    struct state *state = state_new();
    unsigned sent[USERS] = {0};
    for (uint64_t i = 0; i < VIDEOS - 3; i++) {
        struct event event = video_event(numbered('v', i));
        apply(state, &event);
    }
    for (unsigned left = EVENTS; left > 0;) {
        uint64_t user = next_random(&seed) % USERS;
        if (sent[user] < SIGNALS) {
            apply(state, &log[user][sent[user]++]);
            left--;
        }
    }
    return state;
}

static void check_stats_equal(const struct stats *a, const struct stats *b)
{
    CHECK_EQ(a == NULL, b == NULL);
    if (a == NULL) {
        return;
    }
    CHECK(memcmp(a->total, b->total, sizeof(a->total)) == 0);
    CHECK_EQ(a->watch_ms, b->watch_ms);
    CHECK_EQ(a->newest_tick, b->newest_tick);
    CHECK_EQ(a->bucket_count, b->bucket_count);
    for (uint32_t i = 0; i < a->bucket_count; i++) {
        CHECK_EQ(a->buckets[i].start_tick, b->buckets[i].start_tick);
        CHECK_EQ(a->buckets[i].level, b->buckets[i].level);
        CHECK(memcmp(a->buckets[i].counts, b->buckets[i].counts, sizeof(a->buckets[i].counts)) ==
              0);
    }
}

static void check_states_equal(const struct state *a, const struct state *b)
{
    static const struct {
        enum scope_kind kind;
        uint16_t code;
    } scopes[] = {{SCOPE_GLOBAL, 0},
                  {SCOPE_REGION, INDIA},
                  {SCOPE_REGION, RUSSIA},
                  {SCOPE_LANGUAGE, HINDI},
                  {SCOPE_LANGUAGE, RUSSIAN}};
    for (uint64_t i = 0; i < VIDEOS; i++) {
        for (size_t k = 0; k < sizeof(scopes) / sizeof(scopes[0]); k++) {
            uint64_t key = numbered('v', i);
            check_stats_equal(find_stats(a, key, scopes[k].kind, scopes[k].code),
                              find_stats(b, key, scopes[k].kind, scopes[k].code));
        }
    }
    CHECK(memcmp(state_watch(a)->global, state_watch(b)->global, sizeof(state_watch(a)->global)) ==
          0);
    CHECK_EQ(state_watch(a)->region_count, state_watch(b)->region_count);
    CHECK(memcmp(state_watch(a)->regions, state_watch(b)->regions,
                 state_watch(a)->region_count * sizeof(struct watch_region)) == 0);
}

static void any_order_across_users_gives_the_same_bytes(void)
{
    static struct event log[USERS][SIGNALS];
    for (uint64_t round = 0; round < 5; round++) {
        uint64_t random = round;
        for (uint64_t user = 0; user < USERS; user++) {
            for (unsigned i = 0; i < SIGNALS; i++) {
                log[user][i] = random_signal(user, &random);
            }
        }
        struct state *first = apply_interleaved(log, 1);
        struct state_digests want;
        CHECK_EQ(STATUS_OK, state_digest(first, &want));
        for (uint64_t seed = 2; seed < 10; seed++) {
            struct state *again = apply_interleaved(log, seed);
            struct state_digests got;
            CHECK_EQ(STATUS_OK, state_digest(again, &got));
            CHECK(want.aggregates == got.aggregates);
            CHECK(want.users == got.users);
            CHECK(want.all == got.all);
            check_states_equal(first, again);
            state_free(again);
        }
        state_free(first);
    }
}

static void order_within_a_user_matters(void)
{
    struct state *a = state_new();
    struct state *b = state_new();
    struct state_digests of_a;
    struct state_digests of_b;
    send(a, "u", "v", SIGNAL_LIKE, 0);
    send(a, "u", "v", SIGNAL_UNLIKE, 0);
    send(b, "u", "v", SIGNAL_UNLIKE, 0);
    send(b, "u", "v", SIGNAL_LIKE, 0);
    CHECK_EQ(STATUS_OK, state_digest(a, &of_a));
    CHECK_EQ(STATUS_OK, state_digest(b, &of_b));
    CHECK(of_a.all != of_b.all);
    CHECK(of_a.aggregates != of_b.aggregates);
    CHECK(of_a.users != of_b.users);
    state_free(a);
    state_free(b);
}

/* ---- memory ---- */

/* Meets growth of every list: chunks, slots, buckets, users' arrays, region sets and regions. */
static struct event growing_event(uint64_t i)
{
    uint64_t random = i;
    if (i % 5 == 0) {
        struct event event = video_event(numbered('v', i));
        event.u.video.regions_allowed =
            (struct region_set){.count = 1, .regions = {(uint16_t)(i + 1)}};
        event.u.video.regions_forbidden =
            (struct region_set){.count = 1, .regions = {(uint16_t)(i + 2)}};
        return event;
    }
    struct event event = random_signal(i % 3, &random);
    event.u.signal.video_key = numbered('v', i);
    event.u.signal.locale.region = (uint16_t)(1 + i % 40);
    return event;
}

static enum status grow(struct state **out)
{
    struct state *state = state_new();
    *out = state;
    if (state == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint64_t i = 0; i < 160; i++) {
        struct event event = growing_event(i);
        enum status status = state_apply(state, state_sequence(state) + 1, &event);
        if (status != STATUS_OK) {
            CHECK_EQ(i, state_sequence(state));
            return status;
        }
    }
    return STATUS_OK;
}

static void every_allocation_may_fail(void)
{
    long before = live;
    enum status status = STATUS_NO_MEMORY;
    long budget = 0;
    for (; status != STATUS_OK; budget++) {
        struct state *state;
        limited = true;
        allowed = budget;
        status = grow(&state);
        limited = false;
        CHECK(status == STATUS_OK || status == STATUS_NO_MEMORY);
        if (state != NULL) {
            struct state_digests digests;
            CHECK_EQ(STATUS_OK, state_digest(state, &digests));
        }
        state_free(state);
        CHECK_EQ(before, live);
    }
    CHECK(budget > (OWN_ALLOCATOR ? 300 : 0));
}

static struct event forget_event(const char *user)
{
    return (struct event){.kind = EVENT_FORGET,
                          .u.forget = {.user_key = key_of(user), .time_ms = START_MS}};
}

/* Signals of two users, of every type, about a few videos. */
static void send_mixed(struct state *state, uint64_t *random)
{
    static const char *const users[] = {"a", "b"};
    static const char *const videos[] = {"v", "w", "x"};
    uint64_t r = next_random(random);
    struct event event = signal_event(users[r & 1], videos[(r >> 1) % 3],
                                      (enum signal_type)(1 + (r >> 8) % (SIGNAL_TYPE_END - 1)));
    event.u.signal.watch_ms = (int64_t)((r >> 16) % 40000);
    event.u.signal.time_ms += (int64_t)((r >> 32) % 100000000);
    event.u.signal.ranking_key = 1 + (r >> 60);
    apply(state, &event);
}

static void forgetting_a_user_leaves_the_others_and_all_aggregates(void)
{
    struct state *state = state_new();
    struct state_digests before;
    struct state_digests after;
    put_video(state, "v");
    for (int i = 0; i < 3; i++) {
        send(state, i == 1 ? "b" : "a", "v", SIGNAL_WATCH, 9000);
    }
    CHECK_EQ(STATUS_OK, state_digest(state, &before));
    struct event event = forget_event("a");
    apply(state, &event);
    CHECK_EQ(STATUS_OK, state_digest(state, &after));
    CHECK(after.aggregates == before.aggregates);
    CHECK(find_user(state, key_of("a")) == NULL);
    CHECK(find_user(state, key_of("b"))->signal_count == 1);
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(1, counts.users);
    send(state, "a", "v", SIGNAL_LIKE, 0);
    CHECK(find_user(state, key_of("a"))->signal_count == 1);
    state_free(state);
}

/* What the log becomes when a user's signals are erased in it gives the same as it gave before. */
static void effects_in_the_place_of_signals_give_the_same_state(void)
{
    struct state *first = state_new();
    struct state *second = state_new();
    uint64_t random = 7;
    put_video(first, "v");
    put_video(second, "v");
    for (int i = 0; i < 3000; i++) {
        uint64_t again = random;
        uint64_t peek = random;
        bool of_a = (next_random(&peek) & 1) == 0;
        send_mixed(first, &random);
        if (of_a) {
            struct event erased = {.kind = EVENT_ERASED, .u.erased = *state_last_effect(first)};
            apply(second, &erased);
        } else {
            send_mixed(second, &again);
        }
    }
    struct event forget = forget_event("a");
    apply(first, &forget);
    apply(second, &forget);
    struct state_digests want;
    struct state_digests got;
    CHECK_EQ(STATUS_OK, state_digest(first, &want));
    CHECK_EQ(STATUS_OK, state_digest(second, &got));
    CHECK(want.aggregates == got.aggregates);
    CHECK(want.all == got.all);
    state_free(first);
    state_free(second);
}

static void retired_rows_are_gone_and_come_back_empty(void)
{
    struct state *state = state_new();
    put_video(state, "v");
    send(state, "a", "v", SIGNAL_LIKE, 0);
    send(state, "b", "w", SIGNAL_LIKE, 0);
    struct event retire = {
        .kind = EVENT_RETIRE,
        .u.retire = {
            .user_count = 2,
            .user_keys = {key_of("a"), key_of("nobody")},
            .statistics_count = 2,
            .statistics = {{.video_key = key_of("v")},
                           {.video_key = key_of("w"), .kind = SCOPE_REGION, .code = INDIA}},
            .video_count = 2,
            .video_keys = {key_of("v"), key_of("w")}}};
    apply(state, &retire);
    CHECK(find_user(state, key_of("a")) == NULL);
    CHECK(find_user(state, key_of("b")) != NULL);
    CHECK(find_stats(state, key_of("v"), SCOPE_GLOBAL, 0) == NULL);
    CHECK(find_stats(state, key_of("v"), SCOPE_REGION, INDIA) != NULL);
    CHECK(find_stats(state, key_of("w"), SCOPE_REGION, INDIA) == NULL);
    CHECK_EQ(2, videos_count(state_videos(state))); /* one is live, the other has statistics */
    retire.u.retire = (struct retirement){.statistics_count = 1,
                                          .statistics = {{.video_key = key_of("w")}},
                                          .video_count = 1,
                                          .video_keys = {key_of("w")}};
    apply(state, &retire);
    CHECK_EQ(1, videos_count(state_videos(state)));
    const struct video *video = videos_at(state_videos(state), 0);
    CHECK_EQ(key_of("v"), video->key);
    CHECK_EQ(0, video->decayed.newest_tick);
    send(state, "c", "v", SIGNAL_LIKE, 0);
    CHECK_EQ(1, find_stats(state, key_of("v"), SCOPE_GLOBAL, 0)->total[COUNTER_LIKES]);
    state_free(state);
}

/* Any order of coming and going leaves what is left to be found, under numbers without gaps. */
static void rows_that_go_leave_the_others_findable(void)
{
    enum { ANY = 3000 };
    struct state *state = state_new();
    uint64_t random = 3;
    bool there[ANY] = {false};
    size_t count = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t user = next_random(&random) % ANY;
        struct event event = signal_event("", "v", SIGNAL_LIKE);
        event.u.signal.user_key = numbered('u', user);
        if (next_random(&random) % 2 == 0) {
            event =
                (struct event){.kind = EVENT_FORGET, .u.forget = {.user_key = numbered('u', user)}};
            count -= there[user];
            there[user] = false;
        } else {
            count += !there[user];
            there[user] = true;
        }
        apply(state, &event);
    }
    struct state_counts counts;
    state_count(state, &counts);
    CHECK_EQ(count, counts.users);
    for (uint64_t i = 0; i < ANY; i++) {
        const struct user *user = find_user(state, numbered('u', i));
        CHECK(there[i] == (user != NULL));
        CHECK(user == NULL || user->key == numbered('u', i));
    }
    state_free(state);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_state_knows_nothing),
        TEST(two_empty_states_have_one_digest),
        TEST(a_signal_counts_in_its_three_scopes),
        TEST(an_unknown_locale_counts_for_all_alone),
        TEST(each_counter_counts_its_signal),
        TEST(a_view_counts_once_however_often_it_is_told),
        TEST(a_short_play_is_no_skip),
        TEST(likes_and_follows_of_one_user_count_once),
        TEST(the_row_holds_the_global_decayed_counts),
        TEST(a_video_named_by_a_signal_alone_is_not_known),
        TEST(a_deleted_video_keeps_statistics_and_may_come_back),
        TEST(a_view_may_cross_regions_and_durations),
        TEST(every_change_changes_the_digest),
        TEST(forgetting_a_user_leaves_the_others_and_all_aggregates),
        TEST(effects_in_the_place_of_signals_give_the_same_state),
        TEST(retired_rows_are_gone_and_come_back_empty),
        TEST(rows_that_go_leave_the_others_findable),
        TEST(newest_signal_is_the_latest_in_its_own_time_to_a_tick),
        TEST(late_signals_land_in_the_buckets_of_their_time),
        TEST(any_order_across_users_gives_the_same_bytes),
        TEST(order_within_a_user_matters),
        TEST(every_allocation_may_fail),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
