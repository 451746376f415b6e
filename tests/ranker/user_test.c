#include "ranker/user.h"

#include <math.h>
#include <string.h>

#include "ranker/video.h"
#include "tests/test.h"

static const int64_t START_MS = INT64_C(1700000000000);
static const int64_t DAY_MS = 86400000;

/* A video of 20 s whose every taste key is set. */
static struct video make_video(uint64_t key)
{
    return (struct video){
        .key = key,
        .creator_key = 1000 + key,
        .duration_ms = 20000,
        .duration_bucket = 2,
        .category_keys = {11, 12},
        .tag_keys = {21},
        .languages = {31},
        .known = true,
    };
}

static struct signal make_signal(uint64_t video_key, enum signal_type type, int64_t time_ms)
{
    return (struct signal){
        .user_key = 1,
        .video_key = video_key,
        .type = type,
        .time_ms = time_ms,
        .locale = {.region = 303, .language = 404},
    };
}

static struct view_change apply(struct user *user, const struct video *video,
                                const struct signal *signal)
{
    static const struct video_more more;
    struct view_change change;
    CHECK_EQ(STATUS_OK, user_apply(user, signal, video, &more, &change));
    return change;
}

/* A signal about make_video(5), one second after the last. */
static struct view_change send(struct user *user, enum signal_type type, int64_t watch_ms)
{
    struct video video = make_video(5);
    struct signal signal = make_signal(5, type, START_MS + (int64_t)user->signal_count * 1000);
    signal.watch_ms = watch_ms;
    return apply(user, &video, &signal);
}

/* The value as it stands in the list; NAN when there is none. */
static double value_of(const struct user *user, enum affinity_kind kind, uint64_t key)
{
    for (unsigned i = 0; i < user->affinity_count[kind]; i++) {
        if (user->affinities[kind][i].key == key) {
            return (double)user->affinities[kind][i].value;
        }
    }
    return (double)NAN;
}

/* Decay over the seconds of a test is below this. */
static bool near(double a, double b)
{
    return fabs(a - b) < 1e-3;
}

static void a_play_begins_a_view(void)
{
    struct user user = {.key = 1};
    struct view_change change = send(&user, SIGNAL_PLAY, 0);
    CHECK(change.plays);
    CHECK_EQ(-1, change.watch_before_ms);
    CHECK_EQ(-1, change.watch_after_ms);
    CHECK_EQ(1, user.seen_count);
    CHECK_EQ(5, user.seen[0].video_key);
    CHECK_EQ(START_MS / 1000, user.seen[0].time_s);
    CHECK(send(&user, SIGNAL_PLAY, 0).plays);
    CHECK_EQ(1, user.seen_count);
    user_release(&user);
}

static void only_growth_of_a_watch_counts(void)
{
    struct user user = {.key = 1};
    (void)send(&user, SIGNAL_PLAY, 0);
    struct view_change change = send(&user, SIGNAL_WATCH, 4000);
    CHECK(!change.plays);
    CHECK_EQ(-1, change.watch_before_ms);
    CHECK_EQ(4000, change.watch_after_ms);
    change = send(&user, SIGNAL_WATCH, 9000);
    CHECK_EQ(4000, change.watch_before_ms);
    CHECK_EQ(9000, change.watch_after_ms);
    CHECK(change.valid_play && !change.long_view);
    change = send(&user, SIGNAL_WATCH, 6000);
    CHECK_EQ(9000, change.watch_before_ms);
    CHECK_EQ(9000, change.watch_after_ms);
    CHECK(!change.valid_play);
    user_release(&user);
}

static void a_watch_without_a_play_begins_the_view(void)
{
    struct user user = {.key = 1};
    struct view_change change = send(&user, SIGNAL_WATCH, 0);
    CHECK(change.plays);
    CHECK_EQ(-1, change.watch_before_ms);
    CHECK_EQ(0, change.watch_after_ms);
    CHECK(!send(&user, SIGNAL_WATCH, 100).plays);
    user_release(&user);
}

static void each_label_is_reached_once_a_view(void)
{
    struct user user = {.key = 1};
    (void)send(&user, SIGNAL_PLAY, 0);
    struct view_change change = send(&user, SIGNAL_WATCH, 20000);
    CHECK(change.valid_play && change.long_view && change.complete);
    change = send(&user, SIGNAL_WATCH, 40000);
    CHECK(!change.valid_play && !change.long_view && !change.complete);
    CHECK_EQ(20000, change.watch_before_ms);
    CHECK_EQ(40000, change.watch_after_ms);
    (void)send(&user, SIGNAL_PLAY, 0);
    change = send(&user, SIGNAL_WATCH, 20000);
    CHECK(change.valid_play && change.long_view && change.complete);
    CHECK_EQ(-1, change.watch_before_ms);
    user_release(&user);
}

static void complete_watches_the_whole_known_duration(void)
{
    struct user user = {.key = 1};
    struct view_change change = send(&user, SIGNAL_COMPLETE, 0);
    CHECK(change.plays && change.complete && change.valid_play && change.long_view);
    CHECK_EQ(20000, change.watch_after_ms);
    change = send(&user, SIGNAL_COMPLETE, 25000);
    CHECK(!change.complete);
    CHECK_EQ(20000, change.watch_before_ms);
    CHECK_EQ(25000, change.watch_after_ms);
    user_release(&user);
}

static void complete_of_an_unknown_duration_tells_no_watch_time(void)
{
    struct user user = {.key = 1};
    struct signal signal = make_signal(5, SIGNAL_COMPLETE, START_MS);
    struct view_change change = apply(&user, NULL, &signal);
    CHECK(change.plays && change.complete && !change.valid_play);
    CHECK_EQ(change.watch_before_ms, change.watch_after_ms);
    signal.watch_ms = 8000;
    change = apply(&user, NULL, &signal);
    CHECK_EQ(-1, change.watch_before_ms);
    CHECK_EQ(8000, change.watch_after_ms);
    CHECK(!change.complete && change.valid_play);
    user_release(&user);
}

static void the_players_duration_goes_before_the_catalogues(void)
{
    struct user user = {.key = 1};
    struct video video = make_video(5);
    struct signal signal = make_signal(5, SIGNAL_WATCH, START_MS);
    signal.watch_ms = 5000;
    signal.video_duration_ms = 5000;
    struct view_change change = apply(&user, &video, &signal);
    CHECK(change.complete && change.valid_play && change.long_view);
    CHECK_EQ(0, change.watch_bucket);
    CHECK(near(2, value_of(&user, AFFINITY_DURATION, 1)));
    user_release(&user);
}

static void another_ranking_begins_another_view(void)
{
    struct user user = {.key = 1};
    struct video video = make_video(5);
    struct signal signal = make_signal(5, SIGNAL_WATCH, START_MS);
    signal.ranking_key = 71;
    signal.watch_ms = 8000;
    CHECK(apply(&user, &video, &signal).valid_play);
    CHECK(!apply(&user, &video, &signal).valid_play);
    signal.ranking_key = 0;
    CHECK(!apply(&user, &video, &signal).valid_play);
    signal.ranking_key = 72;
    struct view_change change = apply(&user, &video, &signal);
    CHECK(change.plays && change.valid_play);
    CHECK_EQ(-1, change.watch_before_ms);
    user_release(&user);
}

static void an_impression_does_not_play(void)
{
    struct user user = {.key = 1};
    CHECK(!send(&user, SIGNAL_IMPRESSION, 0).plays);
    CHECK(!send(&user, SIGNAL_SKIP, 0).plays);
    CHECK_EQ(1, user.seen_count);
    CHECK(send(&user, SIGNAL_WATCH, 1000).plays);
    user_release(&user);
}

/* What the first watch of a view counted in is where its growth must count too. */
static void growth_stays_where_the_first_watch_counted(void)
{
    struct user user = {.key = 1};
    struct video video = make_video(5);
    struct signal signal = make_signal(5, SIGNAL_WATCH, START_MS);
    signal.watch_ms = 1000;
    (void)apply(&user, &video, &signal);
    signal.watch_ms = 2000;
    signal.locale.region = 999;
    signal.video_duration_ms = 700000;
    struct view_change change = apply(&user, &video, &signal);
    CHECK_EQ(303, change.watch_region);
    CHECK_EQ(2, change.watch_bucket);
    user_release(&user);
}

static void a_like_counts_once_until_taken_back(void)
{
    struct user user = {.key = 1};
    CHECK_EQ(0, send(&user, SIGNAL_UNLIKE, 0).like);
    CHECK_EQ(1, send(&user, SIGNAL_LIKE, 0).like);
    CHECK_EQ(0, send(&user, SIGNAL_LIKE, 0).like);
    CHECK(near(2, value_of(&user, AFFINITY_CREATOR, 1005)));
    (void)send(&user, SIGNAL_PLAY, 0);
    CHECK_EQ(0, send(&user, SIGNAL_LIKE, 0).like);
    CHECK_EQ(-1, send(&user, SIGNAL_UNLIKE, 0).like);
    CHECK_EQ(0, send(&user, SIGNAL_UNLIKE, 0).like);
    CHECK(near(0, value_of(&user, AFFINITY_CREATOR, 1005)));
    user_release(&user);
}

static void a_like_is_not_a_watch(void)
{
    struct user user = {.key = 1};
    (void)send(&user, SIGNAL_WATCH, 5000);
    struct view_change change = send(&user, SIGNAL_LIKE, 0);
    CHECK_EQ(change.watch_before_ms, change.watch_after_ms);
    CHECK(!change.plays);
    user_release(&user);
}

static void taste_is_for_creator_category_tag_language_and_duration(void)
{
    struct user user = {.key = 1};
    (void)send(&user, SIGNAL_SHARE, 0);
    CHECK(near(3, value_of(&user, AFFINITY_CREATOR, 1005)));
    CHECK(near(3, value_of(&user, AFFINITY_CATEGORY, 11)));
    CHECK(near(3, value_of(&user, AFFINITY_CATEGORY, 12)));
    CHECK(near(3, value_of(&user, AFFINITY_TAG, 21)));
    CHECK(near(3, value_of(&user, AFFINITY_LANGUAGE, 31)));
    CHECK(near(3, value_of(&user, AFFINITY_DURATION, 3)));
    CHECK_EQ(1, user.affinity_count[AFFINITY_CREATOR]);
    CHECK_EQ(2, user.affinity_count[AFFINITY_CATEGORY]);
    CHECK_EQ(1, user.affinity_count[AFFINITY_TAG]);
    user_release(&user);
}

static void gains_are_the_documented_ones(void)
{
    static const struct {
        enum signal_type type;
        double creator;
        double tag;
    } want[] = {
        {SIGNAL_SKIP, -0.5, -0.5},     {SIGNAL_LIKE, 2, 2},
        {SIGNAL_SHARE, 3, 3},          {SIGNAL_COMMENT, 1, 1},
        {SIGNAL_FOLLOW_CREATOR, 4, 0}, {SIGNAL_NOT_INTERESTED, -4, -4},
        {SIGNAL_HIDE_CREATOR, -8, 0},  {SIGNAL_REPORT, -4, -4},
        {SIGNAL_COMPLETE, 2, 2},
    };
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        struct user user = {.key = 1};
        (void)send(&user, want[i].type, 0);
        CHECK(near(want[i].creator, value_of(&user, AFFINITY_CREATOR, 1005)));
        if (want[i].tag != 0) {
            CHECK(near(want[i].tag, value_of(&user, AFFINITY_TAG, 21)));
        } else {
            CHECK_EQ(0, user.affinity_count[AFFINITY_TAG]);
        }
        user_release(&user);
    }
}

static void an_impression_or_play_is_no_taste(void)
{
    struct user user = {.key = 1};
    (void)send(&user, SIGNAL_IMPRESSION, 0);
    (void)send(&user, SIGNAL_PLAY, 0);
    (void)send(&user, SIGNAL_WATCH, 1000);
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        CHECK_EQ(0, user.affinity_count[kind]);
    }
    user_release(&user);
}

static void taste_halves_in_fourteen_days(void)
{
    struct user user = {.key = 1};
    struct video video = make_video(5);
    struct signal signal = make_signal(5, SIGNAL_SHARE, START_MS);
    (void)apply(&user, &video, &signal);
    const struct affinity *affinity = &user.affinities[AFFINITY_TAG][0];
    CHECK(affinity_strength(affinity, START_MS) == 0.75);
    CHECK(affinity_strength(affinity, START_MS - DAY_MS) == 0.75);
    CHECK(affinity_strength(affinity, START_MS + 14 * DAY_MS) == 1.5 / 2.5);
    signal.time_ms += 14 * DAY_MS;
    (void)apply(&user, &video, &signal);
    CHECK(affinity->value == 4.5F);
    user_release(&user);
}

static void dislike_is_a_negative_strength(void)
{
    struct affinity affinity = {.key = 1, .value = -4, .time_s = 1700000000};
    CHECK(affinity_strength(&affinity, START_MS) == -0.8);
    affinity.value = 0;
    CHECK(affinity_strength(&affinity, START_MS) == 0);
}

static void a_late_signal_does_not_turn_time_back(void)
{
    struct user user = {.key = 1};
    struct video video = make_video(5);
    struct signal signal = make_signal(5, SIGNAL_SHARE, START_MS);
    (void)apply(&user, &video, &signal);
    signal.time_ms = START_MS - 30 * DAY_MS;
    (void)apply(&user, &video, &signal);
    CHECK_EQ(START_MS, user.last_signal_ms);
    CHECK_EQ(START_MS - 30 * DAY_MS, user.first_signal_ms);
    CHECK_EQ(2, user.signal_count);
    CHECK_EQ(START_MS / 1000, user.affinities[AFFINITY_TAG][0].time_s);
    CHECK(user.affinities[AFFINITY_TAG][0].value == 6);
    user_release(&user);
}

static void follows_and_hides_are_kept_apart(void)
{
    struct user user = {.key = 1};
    CHECK(!user_follows(&user, 1005));
    (void)send(&user, SIGNAL_FOLLOW_CREATOR, 0);
    (void)send(&user, SIGNAL_FOLLOW_CREATOR, 0);
    CHECK(user_follows(&user, 1005) && !user_hides(&user, 1005));
    CHECK(near(4, value_of(&user, AFFINITY_CREATOR, 1005)));
    (void)send(&user, SIGNAL_UNFOLLOW_CREATOR, 0);
    (void)send(&user, SIGNAL_UNFOLLOW_CREATOR, 0);
    CHECK(!user_follows(&user, 1005));
    CHECK(near(0, value_of(&user, AFFINITY_CREATOR, 1005)));
    (void)send(&user, SIGNAL_HIDE_CREATOR, 0);
    CHECK(user_hides(&user, 1005) && !user_follows(&user, 1005));
    CHECK(near(-8, value_of(&user, AFFINITY_CREATOR, 1005)));
    user_release(&user);
}

static void an_unknown_creator_cannot_be_followed(void)
{
    struct user user = {.key = 1};
    struct video video = {.key = 5};
    struct signal signal = make_signal(5, SIGNAL_FOLLOW_CREATOR, START_MS);
    (void)apply(&user, NULL, &signal);
    (void)apply(&user, &video, &signal);
    CHECK_EQ(0, user.follow_count);
    CHECK(!user_follows(&user, 0));
    user_release(&user);
}

static void the_oldest_follow_makes_room(void)
{
    struct user user = {.key = 1};
    for (unsigned i = 0; i <= USER_FOLLOWS_MAX; i++) {
        /* Creators come in an order that is not that of their keys. */
        struct video video = make_video(1 + i * 7 % 601);
        struct signal signal =
            make_signal(video.key, SIGNAL_FOLLOW_CREATOR, START_MS + (int64_t)i * 1000);
        (void)apply(&user, &video, &signal);
        CHECK_EQ(i < USER_FOLLOWS_MAX ? i + 1 : USER_FOLLOWS_MAX, user.follow_count);
    }
    CHECK(!user_follows(&user, 1001));
    for (unsigned i = 1; i <= USER_FOLLOWS_MAX; i++) {
        CHECK(user_follows(&user, 1001 + i * 7 % 601));
    }
    for (unsigned i = 1; i < user.follow_count; i++) {
        CHECK(user.follows[i - 1] < user.follows[i]);
    }
    user_release(&user);
}

static void the_least_recently_seen_makes_room(void)
{
    struct user user = {.key = 1};
    for (uint64_t i = 1; i <= USER_SEEN_MAX; i++) {
        struct signal signal = make_signal(i, SIGNAL_IMPRESSION, START_MS);
        (void)apply(&user, NULL, &signal);
    }
    struct signal again = make_signal(1, SIGNAL_PLAY, START_MS);
    (void)apply(&user, NULL, &again);
    struct signal next = make_signal(1000, SIGNAL_IMPRESSION, START_MS);
    (void)apply(&user, NULL, &next);
    CHECK_EQ(USER_SEEN_MAX, user.seen_count);
    CHECK_EQ(3, user.seen[0].video_key);
    CHECK_EQ(1, user.seen[USER_SEEN_MAX - 2].video_key);
    CHECK_EQ(1000, user.seen[USER_SEEN_MAX - 1].video_key);
    CHECK_EQ(0, user.seen[USER_SEEN_MAX - 1].flags);
    user_release(&user);
}

/* 48 creators shared at the start, the first of them again later; the second has least. */
static void the_least_taste_makes_room(void)
{
    struct user user = {.key = 1};
    for (uint64_t i = 1; i <= USER_AFFINITIES_MAX; i++) {
        struct video video = make_video(i);
        struct signal signal = make_signal(i, SIGNAL_SHARE, START_MS + (int64_t)i * 1000);
        (void)apply(&user, &video, &signal);
    }
    struct video first = make_video(1);
    struct signal again = make_signal(1, SIGNAL_COMMENT, START_MS + 60000);
    (void)apply(&user, &first, &again);
    struct video next = make_video(100);
    struct signal signal = make_signal(100, SIGNAL_SKIP, START_MS + 61000);
    (void)apply(&user, &next, &signal);
    CHECK_EQ(USER_AFFINITIES_MAX, user.affinity_count[AFFINITY_CREATOR]);
    CHECK(isnan(value_of(&user, AFFINITY_CREATOR, 1002)));
    CHECK(near(4, value_of(&user, AFFINITY_CREATOR, 1001)));
    CHECK(near(-0.5, value_of(&user, AFFINITY_CREATOR, 1100)));
    next = make_video(101);
    signal.video_key = 101;
    (void)apply(&user, &next, &signal);
    CHECK(isnan(value_of(&user, AFFINITY_CREATOR, 1100)));
    CHECK(near(3, value_of(&user, AFFINITY_CREATOR, 1003)));
    user_release(&user);
}

static void equal_taste_gives_way_by_age(void)
{
    struct user user = {.key = 1};
    for (uint64_t i = 1; i <= USER_AFFINITIES_MAX; i++) {
        struct video video = make_video(i);
        struct signal signal = make_signal(i, SIGNAL_LIKE, START_MS + (i == 7 ? 0 : 1000));
        (void)apply(&user, &video, &signal);
        signal.type = SIGNAL_UNLIKE;
        (void)apply(&user, &video, &signal);
    }
    struct video next = make_video(100);
    struct signal signal = make_signal(100, SIGNAL_SHARE, START_MS + 2000);
    (void)apply(&user, &next, &signal);
    CHECK(isnan(value_of(&user, AFFINITY_CREATOR, 1007)));
    CHECK(near(0, value_of(&user, AFFINITY_CREATOR, 1001)));
    user_release(&user);
}

/* One signal of each sort that a list grows by. */
static void live_on(struct user *user, uint64_t begin, uint64_t end)
{
    for (uint64_t i = begin; i < end; i++) {
        static const enum signal_type types[] = {SIGNAL_LIKE, SIGNAL_FOLLOW_CREATOR,
                                                 SIGNAL_HIDE_CREATOR};
        struct video video = make_video(i);
        for (unsigned at = 0; at < sizeof(types) / sizeof(types[0]); at++) {
            struct signal signal = make_signal(i, types[at], START_MS + (int64_t)i * 1000);
            (void)apply(user, &video, &signal);
        }
    }
}

static bool equal_lists(const void *a, const void *b, size_t size)
{
    return size == 0 || memcmp(a, b, size) == 0;
}

static void check_equal(const struct user *a, const struct user *b)
{
    for (unsigned kind = 0; kind < AFFINITY_KIND_COUNT; kind++) {
        CHECK_EQ(a->affinity_count[kind], b->affinity_count[kind]);
        CHECK(equal_lists(a->affinities[kind], b->affinities[kind],
                          a->affinity_count[kind] * sizeof(struct affinity)));
    }
    CHECK_EQ(a->signal_count, b->signal_count);
    CHECK_EQ(a->seen_count, b->seen_count);
    CHECK_EQ(a->follow_count, b->follow_count);
    CHECK_EQ(a->hide_count, b->hide_count);
    CHECK(equal_lists(a->seen, b->seen, a->seen_count * sizeof(struct seen)));
    CHECK(equal_lists(a->follows, b->follows, a->follow_count * sizeof(uint64_t)));
    CHECK(equal_lists(a->hides, b->hides, a->hide_count * sizeof(uint64_t)));
    CHECK(equal_lists(a->follow_times_s, b->follow_times_s, a->follow_count * sizeof(uint32_t)));
    CHECK(equal_lists(a->hide_times_s, b->hide_times_s, a->hide_count * sizeof(uint32_t)));
}

static void a_copy_is_the_same_and_goes_on_the_same(void)
{
    for (uint64_t count = 0; count < 20; count += 3) {
        struct user user = {.key = 1};
        live_on(&user, 1, 1 + count);
        struct user *copy = user_copy(&user);
        CHECK(copy != NULL);
        check_equal(&user, copy);
        live_on(&user, 10, 700);
        live_on(copy, 10, 700);
        check_equal(&user, copy);
        user_free(copy);
        user_release(&user);
    }
}

/* Three creators, and the two categories, the tag, language and duration of all their videos. */
static void a_copy_takes_what_its_lists_hold_until_they_grow(void)
{
    struct user user = {.key = 1};
    live_on(&user, 1, 4);
    struct user *copy = user_copy(&user);
    CHECK(copy != NULL);
    size_t tastes = 3 + 2 + 1 + 1 + 1;
    size_t bytes = sizeof(user) + tastes * sizeof(struct affinity) + 3 * sizeof(struct seen) +
                   (3 + 3) * (sizeof(uint64_t) + sizeof(uint32_t));
    CHECK_EQ(bytes, user_bytes(copy));
    live_on(copy, 4, 5); /* six creators' room in blocks of their own, for the three before */
    bytes += 6 * (sizeof(struct affinity) + sizeof(struct seen)) +
             (6 + 6) * (sizeof(uint64_t) + sizeof(uint32_t));
    CHECK_EQ(bytes, user_bytes(copy));
    user_free(copy);
    user_release(&user);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_play_begins_a_view),
        TEST(only_growth_of_a_watch_counts),
        TEST(a_watch_without_a_play_begins_the_view),
        TEST(each_label_is_reached_once_a_view),
        TEST(complete_watches_the_whole_known_duration),
        TEST(complete_of_an_unknown_duration_tells_no_watch_time),
        TEST(the_players_duration_goes_before_the_catalogues),
        TEST(another_ranking_begins_another_view),
        TEST(an_impression_does_not_play),
        TEST(growth_stays_where_the_first_watch_counted),
        TEST(a_like_counts_once_until_taken_back),
        TEST(a_like_is_not_a_watch),
        TEST(taste_is_for_creator_category_tag_language_and_duration),
        TEST(gains_are_the_documented_ones),
        TEST(an_impression_or_play_is_no_taste),
        TEST(taste_halves_in_fourteen_days),
        TEST(dislike_is_a_negative_strength),
        TEST(a_late_signal_does_not_turn_time_back),
        TEST(follows_and_hides_are_kept_apart),
        TEST(an_unknown_creator_cannot_be_followed),
        TEST(the_oldest_follow_makes_room),
        TEST(the_least_recently_seen_makes_room),
        TEST(the_least_taste_makes_room),
        TEST(equal_taste_gives_way_by_age),
        TEST(a_copy_is_the_same_and_goes_on_the_same),
        TEST(a_copy_takes_what_its_lists_hold_until_they_grow),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
