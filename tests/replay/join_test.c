#include "replay/join.h"

#include <stdint.h>
#include <string.h>

#include "tests/test.h"

enum { WINDOW_MS = 1000, TOLD_MAX = 512, CANDIDATES_MAX = 8 };

/* Rankings as they were told, by the names that their payloads have. */
struct told {
    struct {
        char name;
        size_t count;
        uint64_t keys[CANDIDATES_MAX];
        struct outcome outcomes[CANDIDATES_MAX];
    } items[TOLD_MAX];
    size_t count;
    size_t refused; /* the call that fails, from 1; 0: none */
};

static struct told told;
static struct join *join;

static enum status take(void *context, const struct joined *joined, const struct state *state)
{
    CHECK(context == &told);
    CHECK(state == NULL);
    CHECK(told.count < TOLD_MAX);
    CHECK(joined->count <= CANDIDATES_MAX);
    CHECK((uintptr_t)joined->payload % _Alignof(max_align_t) == 0);
    told.items[told.count].name = *(const char *)joined->payload;
    told.items[told.count].count = joined->count;
    memcpy(told.items[told.count].keys, joined->keys, joined->count * sizeof(uint64_t));
    memcpy(told.items[told.count].outcomes, joined->outcomes,
           joined->count * sizeof(struct outcome));
    told.count++;
    return told.count == told.refused ? STATUS_NO_SPACE : STATUS_OK;
}

static void begin(size_t bytes)
{
    const struct join_options options = {
        .window_ms = WINDOW_MS, .bytes = bytes, .joined = take, .context = &told};
    memset(&told, 0, sizeof(told));
    join = join_new(&options);
    CHECK(join != NULL);
}

/* Of the videos 1, 2 and 3. */
static struct rank_request request_of_three(void)
{
    static const uint64_t keys[] = {1, 2, 3};
    return (struct rank_request){.count = 3, .keys = keys};
}

static void add_request(char name, int64_t time_ms, uint64_t user_key, uint64_t ranking_key,
                        const struct rank_request *request)
{
    struct past_ranking ranking = {
        .time_ms = time_ms, .user_key = user_key, .ranking_key = ranking_key, .request = request};
    void *payload;
    CHECK_EQ(STATUS_OK, join_add(join, &ranking, sizeof(name), &payload));
    memcpy(payload, &name, sizeof(name));
}

static void add(char name, int64_t time_ms, uint64_t user_key, uint64_t ranking_key)
{
    struct rank_request request = request_of_three();
    add_request(name, time_ms, user_key, ranking_key, &request);
}

/* A like, after the log has come to its time. */
static void like(int64_t time_ms, uint64_t user_key, uint64_t ranking_key, uint64_t video_key)
{
    struct signal signal = {.user_key = user_key,
                            .ranking_key = ranking_key,
                            .video_key = video_key,
                            .type = SIGNAL_LIKE,
                            .time_ms = time_ms};
    CHECK_EQ(STATUS_OK, join_follow(join, &signal, 0, NULL));
}

/* The videos liked of the told rankings, as "a:12 b:": checks the order too. */
static const char *end(void)
{
    static char text[TOLD_MAX];
    size_t used = 0;
    CHECK_EQ(STATUS_OK, join_end(join, NULL));
    for (size_t i = 0; i < told.count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%c:", i > 0 ? " " : "",
                                 told.items[i].name);
        for (size_t j = 0; j < told.items[i].count; j++) {
            if (outcome_has(&told.items[i].outcomes[j], OUTCOME_LIKE)) {
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%u",
                                         (unsigned)told.items[i].keys[j]);
            }
        }
    }
    text[used] = '\0';
    return text;
}

static void check_counts(uint64_t by_ranking_id, uint64_t by_window, uint64_t told_early)
{
    CHECK_EQ(by_ranking_id, join_counts(join)->by_ranking_id);
    CHECK_EQ(by_window, join_counts(join)->by_window);
    CHECK_EQ(told_early, join_counts(join)->told_early);
    join_free(join);
}

static void nothing_joins_to_nothing(void)
{
    begin(JOIN_BYTES);
    like(5, 7, 0, 1);
    CHECK_STR("", end());
    check_counts(0, 0, 0);
    join_free(NULL);
}

static void a_signal_belongs_to_the_ranking_that_it_names(void)
{
    begin(JOIN_BYTES);
    add('a', 10, 7, 70);
    add('b', 20, 7, 71);
    like(30, 7, 70, 2);
    like(30, 7, 72, 3); /* of a ranking that is not there, so of none */
    like(30, 7, 71, 9); /* of a video that was not asked for */
    like(30, 8, 70, 1); /* another user's ranking of the same name */
    CHECK_STR("a:2 b:", end());
    check_counts(1, 0, 0);
}

/* The user was not known yet when the ranking was asked for. */
static void a_user_may_name_a_visitor_s_ranking(void)
{
    begin(JOIN_BYTES);
    add('a', 10, 0, 70);
    add('b', 10, 0, 71);
    like(30, 7, 71, 3);
    like(30, 7, 0, 1); /* a visitor is nobody's */
    CHECK_STR("a: b:3", end());
    check_counts(1, 0, 0);
}

static void without_a_name_the_latest_ranking_with_the_video_has_it(void)
{
    static const uint64_t keys[] = {4, 5};
    struct rank_request other = {.count = 2, .keys = keys};
    begin(JOIN_BYTES);
    add('a', 10, 7, 0);
    add('b', 20, 7, 0);
    add_request('c', 30, 7, 0, &other);
    add('d', 40, 8, 0);
    like(50, 7, 0, 3);
    like(50, 7, 0, 5);
    like(50, 7, 0, 9);
    CHECK_STR("a: b:3 c:5 d:", end());
    check_counts(0, 2, 0);
}

/* A later ranking of the same name, as a client that asks again makes it. */
static void of_one_name_the_latest_counts(void)
{
    begin(JOIN_BYTES);
    add('a', 10, 7, 70);
    add('b', 20, 7, 70);
    like(30, 7, 70, 1);
    like(10 + WINDOW_MS + 1, 7, 70, 2); /* a is told, and b is found still */
    CHECK_STR("a: b:12", end());
    check_counts(2, 0, 0);
}

static void a_ranking_is_told_when_its_window_is_over(void)
{
    begin(JOIN_BYTES);
    add('a', 10, 7, 70);
    like(10 + WINDOW_MS, 7, 70, 1);
    CHECK_EQ(0, told.count);
    like(10 + WINDOW_MS + 1, 7, 70, 2);
    CHECK_EQ(1, told.count);
    CHECK_STR("a:1", end());
    check_counts(1, 0, 0);
}

/* The second has an earlier time: it is over while it waits for the first. */
static void what_is_over_joins_nothing_while_it_waits(void)
{
    begin(JOIN_BYTES);
    add('a', 500, 7, 70);
    add('b', 10, 7, 71);
    like(10 + WINDOW_MS + 1, 7, 71, 1);
    like(10 + WINDOW_MS + 1, 7, 0, 2);
    CHECK_EQ(0, told.count);
    CHECK_STR("a:2 b:", end());
    check_counts(0, 1, 0);
}

/* The oldest of a user goes first, and those that stay are still found. */
static void a_user_s_rankings_go_one_by_one(void)
{
    begin(JOIN_BYTES);
    for (int name = 'a'; name <= 'e'; name++) {
        add((char)name, (name - 'a') * 100, 7, 0);
    }
    like(WINDOW_MS + 150, 7, 0, 1); /* a and b are over */
    CHECK_EQ(2, told.count);
    like(WINDOW_MS + 150, 7, 0, 9); /* which none of them has */
    like(WINDOW_MS + 399, 7, 0, 2);
    CHECK_EQ(4, told.count);
    like(WINDOW_MS + 401, 7, 0, 3); /* there is none left */
    CHECK_EQ(5, told.count);
    add('f', WINDOW_MS + 500, 7, 0);
    like(WINDOW_MS + 501, 7, 0, 3);
    CHECK_STR("a: b: c: d: e:12 f:3", end());
    check_counts(0, 3, 0);
}

static void only_so_many_rankings_are_looked_back_at(void)
{
    static const uint64_t old[] = {8, 9};
    struct rank_request request = {.count = 2, .keys = old};
    begin(JOIN_BYTES);
    add_request('a', 10, 7, 0, &request);
    add_request('b', 10, 7, 0, &request);
    for (unsigned i = 0; i < JOIN_LOOK_BACK - 1; i++) {
        add('c', 10, 7, 0);
    }
    like(20, 7, 0, 8); /* b is the last that is looked at */
    CHECK_EQ(1, join_counts(join)->by_window);
    add('d', 10, 7, 0);
    like(20, 7, 0, 9);
    CHECK_EQ(1, join_counts(join)->by_window);
    join_free(join);
}

static void beyond_its_memory_the_oldest_are_told_early(void)
{
    begin(1000); /* four of them, of some 220 bytes */
    for (int name = 'a'; name <= 'h'; name++) {
        add((char)name, 10, 7, (uint64_t)name);
    }
    like(20, 7, 'a', 1);
    uint64_t early = join_counts(join)->told_early;
    CHECK(early >= 2 && early <= 6);
    CHECK_EQ(early, told.count);
    like(20, 7, 'h', 1);
    CHECK_EQ(early, told.count); /* no more than need be */
    (void)end();
    CHECK_EQ(8, told.count);
    CHECK_EQ('a', told.items[0].name);
    CHECK_EQ('h', told.items[7].name);
    CHECK(!outcome_has(&told.items[0].outcomes[0], OUTCOME_SHOWN)); /* it came too late */
    CHECK(outcome_has(&told.items[7].outcomes[0], OUTCOME_LIKE));
    check_counts(1, 0, early);
}

static void payloads_of_any_size_are_aligned_and_lasting(void)
{
    unsigned char *payloads[64];
    begin(JOIN_BYTES);
    for (size_t i = 0; i < 64; i++) {
        static const uint64_t keys[] = {1, 2, 3, 4, 5, 6, 7};
        struct rank_request request = {.count = i % 8, .keys = keys};
        struct past_ranking ranking = {.time_ms = 1, .user_key = 7, .request = &request};
        void *payload;
        CHECK_EQ(STATUS_OK, join_add(join, &ranking, i + 1, &payload));
        CHECK((uintptr_t)payload % _Alignof(max_align_t) == 0);
        payloads[i] = payload;
        memset(payload, (int)('0' + i), i + 1);
    }
    for (size_t i = 0; i < 64; i++) {
        CHECK_EQ('0' + i, payloads[i][0]);
        CHECK_EQ('0' + i, payloads[i][i]);
    }
    CHECK_EQ(STATUS_OK, join_end(join, NULL));
    for (size_t i = 0; i < 64; i++) {
        CHECK_EQ('0' + i, told.items[i].name);
        CHECK_EQ(i % 8, told.items[i].count);
    }
    join_free(join);
}

static void known_outcomes_wait_for_nothing(void)
{
    struct rank_request request = request_of_three();
    const struct outcome outcomes[3] = {[1] = {.flags = 1U << OUTCOME_LIKE}};
    struct past_ranking ranking = {
        .time_ms = 10, .user_key = 7, .request = &request, .outcomes = outcomes};
    void *payload;
    begin(JOIN_BYTES);
    CHECK_EQ(STATUS_OK, join_add(join, &ranking, 1, &payload));
    memset(payload, 'a', 1);
    struct signal signal = {.user_key = 7, .video_key = 1, .type = SIGNAL_LIKE, .time_ms = 11};
    join_signal(join, &signal, 0); /* which changes nothing of what is known */
    CHECK_EQ(STATUS_OK, join_time(join, 11, NULL));
    CHECK_EQ(1, told.count);
    CHECK_STR("a:2", end());
    check_counts(0, 0, 0);
}

static void the_catalogue_s_duration_makes_labels(void)
{
    begin(JOIN_BYTES);
    add('a', 10, 7, 70);
    struct signal signal = {.user_key = 7,
                            .ranking_key = 70,
                            .video_key = 2,
                            .type = SIGNAL_WATCH,
                            .watch_ms = 9000,
                            .time_ms = 20};
    join_signal(join, &signal, 9000);
    (void)end();
    CHECK(outcome_has(&told.items[0].outcomes[1], OUTCOME_COMPLETE));
    CHECK_EQ(0, told.items[0].outcomes[0].flags);
    join_free(join);
}

static void what_the_listener_gives_ends_it(void)
{
    begin(JOIN_BYTES);
    told.refused = 2;
    add('a', 10, 7, 0);
    add('b', 10, 7, 0);
    add('c', 10, 7, 0);
    CHECK_EQ(STATUS_NO_SPACE, join_time(join, 10 + WINDOW_MS + 1, NULL));
    CHECK_EQ(2, told.count);
    CHECK_EQ(STATUS_OK, join_end(join, NULL));
    CHECK_EQ(3, told.count);
    join_free(join);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(nothing_joins_to_nothing),
        TEST(a_signal_belongs_to_the_ranking_that_it_names),
        TEST(a_user_may_name_a_visitor_s_ranking),
        TEST(without_a_name_the_latest_ranking_with_the_video_has_it),
        TEST(of_one_name_the_latest_counts),
        TEST(a_ranking_is_told_when_its_window_is_over),
        TEST(what_is_over_joins_nothing_while_it_waits),
        TEST(a_user_s_rankings_go_one_by_one),
        TEST(only_so_many_rankings_are_looked_back_at),
        TEST(beyond_its_memory_the_oldest_are_told_early),
        TEST(payloads_of_any_size_are_aligned_and_lasting),
        TEST(known_outcomes_wait_for_nothing),
        TEST(the_catalogue_s_duration_makes_labels),
        TEST(what_the_listener_gives_ends_it),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
