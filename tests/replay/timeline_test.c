#include "replay/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "replay/overlay.h"
#include "tests/test.h"

enum { MINUTE_MS = 60000, TOLD_MAX = 64, CANDIDATES_MAX = 64, START_MS = 1000000000 };

/* Users and videos by their numbers: a visitor is user 0. */
static uint64_t user_key(unsigned number)
{
    return number > 0 ? XXH3_64bits_withSeed(&number, sizeof(number), 1) : 0;
}

static uint64_t video_key(unsigned number)
{
    return XXH3_64bits_withSeed(&number, sizeof(number), 2);
}

static uint64_t ranking_key(unsigned number)
{
    return number > 0 ? XXH3_64bits_withSeed(&number, sizeof(number), 3) : 0;
}

struct told {
    struct past_ranking ranking; /* without what it points to */
    struct rank_request request;
    uint64_t keys[CANDIDATES_MAX];
    uint64_t served[CANDIDATES_MAX]; /* the videos, by position */
    double propensities[CANDIDATES_MAX];
    struct outcome outcomes[CANDIDATES_MAX];
    uint64_t sequence;             /* of the state */
    uint64_t impressions_of_first; /* of the served slate's first video, by then */
    uint64_t user_signals;         /* of the ranking's user, by then */
};

/* What one walk told. */
struct walk {
    struct timeline *timeline;
    struct told told[TOLD_MAX];
    size_t count;
    uint64_t signals;
    uint64_t sequence_before_signal; /* of the last one */
    int64_t duration_ms;             /* likewise */
    enum status answer;              /* to rankings */
    int64_t now_ms;
};

static struct walk walk;

static uint64_t impressions_of(const struct state *state, uint64_t key)
{
    const struct video *video;
    videos_find_many(state_videos(state), &key, 1, &video);
    return video != NULL
               ? (uint64_t)(video->decayed.counts[HALF_LIFE_14_DAYS][COUNTER_IMPRESSIONS] + 0.5F)
               : 0;
}

static uint64_t signals_of(const struct state *state, uint64_t key)
{
    static char memory[1 << 20];
    struct arena arena;
    const struct user *user = NULL;
    arena_init(&arena, memory, sizeof(memory));
    CHECK_EQ(STATUS_OK, state_find_user(state, key, &arena, &user));
    return user != NULL ? user->signal_count : 0;
}

static void copy_lists(const struct past_ranking *ranking, struct told *told)
{
    size_t count = ranking->request->count;
    CHECK(count <= CANDIDATES_MAX);
    memcpy(told->keys, ranking->request->keys, count * sizeof(told->keys[0]));
    for (size_t i = 0; i < ranking->served_count; i++) {
        CHECK(ranking->served[i] < count);
        told->served[i] = told->keys[ranking->served[i]];
        told->propensities[i] = ranking->propensities != NULL ? ranking->propensities[i] : 1;
    }
    if (ranking->outcomes != NULL) {
        memcpy(told->outcomes, ranking->outcomes, count * sizeof(told->outcomes[0]));
    }
}

static enum status take_ranking(void *context, const struct past_ranking *ranking,
                                const struct state *state)
{
    CHECK(context == &walk);
    CHECK(walk.count < TOLD_MAX);
    struct told *told = &walk.told[walk.count++];
    *told = (struct told){.ranking = *ranking, .request = *ranking->request};
    copy_lists(ranking, told);
    told->sequence = state_sequence(state);
    told->impressions_of_first =
        ranking->served_count > 0 ? impressions_of(state, told->served[0]) : 0;
    told->user_signals = ranking->user_key != 0 ? signals_of(state, ranking->user_key) : 0;
    return walk.answer;
}

static enum status take_signal(void *context, const struct signal *signal, int64_t duration_ms,
                               const struct state *state)
{
    CHECK(context == &walk);
    (void)signal;
    walk.signals++;
    walk.sequence_before_signal = state_sequence(state);
    walk.duration_ms = duration_ms;
    return STATUS_OK;
}

static struct timeline_options options_of(enum ranking_origin origin)
{
    return (struct timeline_options){.origin = origin,
                                     .label = LABEL_LONG_VIEW,
                                     .negatives = 3,
                                     .seed = 1,
                                     .ahead_events = TIMELINE_AHEAD_EVENTS,
                                     .ranking = take_ranking,
                                     .signal = take_signal,
                                     .context = &walk};
}

static void begin_with(const struct timeline_options *options)
{
    struct state *state = state_new();
    memset(&walk, 0, sizeof(walk));
    walk.timeline = timeline_new(state, options);
    CHECK(walk.timeline != NULL);
    walk.now_ms = START_MS;
}

static void begin(enum ranking_origin origin)
{
    struct timeline_options options = options_of(origin);
    begin_with(&options);
}

static void add_video(unsigned number, uint32_t duration_ms)
{
    struct event event = {.kind = EVENT_VIDEO,
                          .u.video = {.key = video_key(number),
                                      .creator_key = 5,
                                      .duration_ms = duration_ms,
                                      .safety = SAFETY_LOW}};
    CHECK_EQ(STATUS_OK, timeline_event(walk.timeline, walk.now_ms, &event));
}

static void add_videos(unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        add_video(i, 20000);
    }
}

/* Of all signals the next is one millisecond later. */
static struct signal signal_of(enum signal_type type, unsigned user, unsigned video)
{
    return (struct signal){.user_key = user_key(user),
                           .video_key = video_key(video),
                           .type = type,
                           .time_ms = walk.now_ms++};
}

static void add_signal(const struct signal *signal)
{
    struct event event = {.kind = EVENT_SIGNAL, .u.signal = *signal};
    CHECK_EQ(STATUS_OK, timeline_event(walk.timeline, signal->time_ms, &event));
}

static void show(unsigned user, unsigned ranking, unsigned video, uint32_t position)
{
    struct signal signal = signal_of(SIGNAL_IMPRESSION, user, video);
    signal.ranking_key = ranking_key(ranking);
    signal.position = position;
    add_signal(&signal);
}

static void like(unsigned user, unsigned video)
{
    struct signal signal = signal_of(SIGNAL_LIKE, user, video);
    add_signal(&signal);
}

static void watch(unsigned user, unsigned video, int64_t watch_ms)
{
    struct signal signal = signal_of(SIGNAL_WATCH, user, video);
    signal.watch_ms = watch_ms;
    add_signal(&signal);
}

static void end(void)
{
    CHECK_EQ(STATUS_OK, timeline_end(walk.timeline));
}

static void release(void)
{
    timeline_free(walk.timeline);
}

/* Whether the slate has those videos, in this order; 0 ends them. */
static bool served_is(const struct told *told, const unsigned *videos)
{
    size_t count = 0;
    for (; videos[count] != 0; count++) {
        if (count >= told->ranking.served_count ||
            told->served[count] != video_key(videos[count])) {
            return false;
        }
    }
    return count == told->ranking.served_count;
}

static bool has_candidate(const struct told *told, unsigned video)
{
    bool found = false;
    for (size_t i = 0; i < told->request.count; i++) {
        found = found || told->keys[i] == video_key(video);
    }
    return found;
}

static void an_empty_log_tells_nothing(void)
{
    static const enum ranking_origin origins[] = {RANKINGS_DECISIONS, RANKINGS_IMPRESSIONS,
                                                  RANKINGS_OUTCOMES};
    for (size_t i = 0; i < 3; i++) {
        begin(origins[i]);
        end();
        const struct timeline_counts *counts = timeline_counts(walk.timeline);
        CHECK_EQ(0, counts->events + counts->signals + counts->rankings + counts->single);
        CHECK_EQ(0, counts->first_ms);
        CHECK_EQ(0, counts->last_ms);
        release();
    }
    timeline_free(NULL);
}

/* Three videos are the records 1 to 3, another user's impression is the 4th. */
static void a_ranking_is_told_with_the_state_before_its_first_impression(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(3);
    show(2, 0, 1, 0);
    show(1, 9, 1, 1);
    like(1, 1);
    show(2, 0, 2, 0);
    show(1, 9, 2, 2);
    like(1, 2);
    show(1, 9, 3, 3);
    end();
    CHECK_EQ(2, walk.count);
    const struct told *first = &walk.told[0]; /* the other user's, of two videos */
    CHECK(first->ranking.user_key == user_key(2));
    CHECK_EQ(3, first->sequence);
    CHECK_EQ(0, first->user_signals);
    const struct told *second = &walk.told[1];
    CHECK(second->ranking.user_key == user_key(1));
    CHECK(second->ranking.ranking_key == ranking_key(9));
    CHECK_EQ(4, second->sequence);
    CHECK_EQ(1, second->impressions_of_first); /* the other user's */
    CHECK_EQ(0, second->user_signals);
    CHECK(served_is(second, (const unsigned[]){1, 2, 3, 0}));
    CHECK_EQ(10, timeline_counts(walk.timeline)->events);
    CHECK_EQ(7, timeline_counts(walk.timeline)->signals);
    CHECK_EQ(7, walk.signals);
    CHECK_EQ(10, state_sequence(timeline_state(walk.timeline)));
    release();
}

static void a_signal_is_told_right_before_it_is_applied(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_video(1, 12345);
    like(1, 1);
    like(1, 1);
    end();
    CHECK_EQ(2, walk.sequence_before_signal);
    CHECK_EQ(12345, walk.duration_ms);
    CHECK_EQ(START_MS, timeline_counts(walk.timeline)->first_ms);
    CHECK_EQ(START_MS + 1, timeline_counts(walk.timeline)->last_ms);
    release();
}

/* Rankings 8 and 9 of one user come at once, and one of another has the name 8 too. */
static void impressions_go_by_user_and_ranking(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(6);
    show(1, 8, 1, 1);
    show(1, 9, 3, 1);
    show(2, 8, 5, 1);
    show(1, 8, 2, 2);
    show(1, 9, 4, 2);
    show(2, 8, 6, 2);
    walk.now_ms += 14 * MINUTE_MS; /* a name has no five minutes */
    show(1, 8, 6, 3);
    end();
    CHECK_EQ(3, walk.count);
    CHECK(served_is(&walk.told[0], (const unsigned[]){1, 2, 6, 0}));
    CHECK(served_is(&walk.told[1], (const unsigned[]){3, 4, 0}));
    CHECK(served_is(&walk.told[2], (const unsigned[]){5, 6, 0}));
    CHECK(walk.told[2].ranking.user_key == user_key(2));
    release();
}

/* What is 5 minutes after the first belongs to it, and not a millisecond more. */
static void without_a_name_five_minutes_are_one_ranking(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(4);
    show(1, 0, 1, 1);
    show(1, 0, 2, 2);
    walk.now_ms = START_MS + TIMELINE_SCREEN_MS;
    show(1, 0, 3, 3); /* the last that belongs to it */
    show(1, 0, 4, 1);
    show(1, 0, 1, 2);
    end();
    CHECK_EQ(2, walk.count);
    CHECK(served_is(&walk.told[0], (const unsigned[]){1, 2, 3, 0}));
    CHECK(served_is(&walk.told[1], (const unsigned[]){4, 1, 0}));
    CHECK_EQ(START_MS, walk.told[0].ranking.time_ms);
    CHECK_EQ(START_MS + TIMELINE_SCREEN_MS + 1, walk.told[1].ranking.time_ms);
    CHECK_EQ(0, walk.told[1].ranking.ranking_key);
    release();
}

/* What comes after TIMELINE_AHEAD_MS of the log is a ranking by itself. */
static void what_comes_too_late_begins_anew(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(5);
    show(1, 9, 1, 1);
    show(1, 9, 2, 2);
    walk.now_ms = START_MS + TIMELINE_AHEAD_MS;
    show(1, 9, 3, 3);
    show(1, 9, 4, 4); /* too late */
    show(1, 9, 5, 5);
    end();
    CHECK_EQ(2, walk.count);
    CHECK(served_is(&walk.told[0], (const unsigned[]){1, 2, 3, 0}));
    CHECK(served_is(&walk.told[1], (const unsigned[]){4, 5, 0}));
    CHECK_EQ(8, walk.told[1].sequence);
    CHECK_EQ(0, timeline_counts(walk.timeline)->cut_short);
    release();
}

static void slates_are_in_the_order_of_positions(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(4);
    show(1, 9, 2, 30);
    show(1, 9, 4, 7);
    show(1, 9, 1, 12);
    show(1, 9, 4, 1); /* again: it stands where it stood first */
    end();
    CHECK_EQ(1, walk.count);
    CHECK(served_is(&walk.told[0], (const unsigned[]){4, 1, 2, 0}));
    CHECK_EQ(3, walk.told[0].request.count);
    CHECK_EQ(1, walk.told[0].ranking.first_position);
    CHECK(!walk.told[0].ranking.is_part);
    release();
}

/* Of one video it is not known where it stood, so how all were served is not. */
static void without_all_positions_nothing_is_known_of_the_slate(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(3);
    show(1, 9, 1, 1);
    show(1, 9, 2, 0);
    show(1, 9, 3, 3);
    end();
    CHECK_EQ(1, walk.count);
    CHECK_EQ(0, walk.told[0].ranking.served_count);
    CHECK_EQ(3, walk.told[0].request.count);
    CHECK(has_candidate(&walk.told[0], 2));
    release();
}

/* Else equal scores, which keep the request's order, would be the served order by accident. */
static void candidates_are_asked_for_in_another_order(void)
{
    bool differs = false;
    begin(RANKINGS_IMPRESSIONS);
    for (unsigned i = 1; i <= 40; i++) {
        show(1, 9, i, i);
    }
    end();
    CHECK_EQ(40, walk.told[0].request.count);
    for (unsigned i = 0; i < 40; i++) {
        CHECK(walk.told[0].served[i] == video_key(i + 1));
        differs = differs || walk.told[0].keys[i] != video_key(i + 1);
    }
    CHECK(differs);
    release();
}

static void one_candidate_is_no_ranking(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_videos(1);
    show(1, 9, 1, 1);
    show(1, 9, 1, 1);
    show(2, 0, 1, 0);
    end();
    CHECK_EQ(0, walk.count);
    CHECK_EQ(2, timeline_counts(walk.timeline)->single);
    CHECK_EQ(0, timeline_counts(walk.timeline)->rankings);
    release();
}

static enum status count_candidates(void *context, const struct past_ranking *ranking,
                                    const struct state *state)
{
    (void)state;
    CHECK_EQ(LIMIT_CANDIDATES, ranking->request->count);
    CHECK_EQ(LIMIT_CANDIDATES, ranking->served_count);
    ((struct walk *)context)->count++;
    return STATUS_OK;
}

/* One more than that is shown. */
static void a_ranking_has_as_many_candidates_as_a_request_may(void)
{
    struct timeline_options options = options_of(RANKINGS_IMPRESSIONS);
    options.ranking = count_candidates;
    begin_with(&options);
    for (unsigned i = 1; i <= LIMIT_CANDIDATES + 1; i++) {
        show(1, 0, i, i);
    }
    end();
    CHECK_EQ(1, walk.count);
    release();
}

static void the_request_is_made_of_what_the_log_and_the_options_say(void)
{
    struct timeline_options options = options_of(RANKINGS_IMPRESSIONS);
    CHECK_EQ(STATUS_OK, locale_parse(text_of("hi-IN"), &options.locale));
    options.age_years = 30;
    begin_with(&options);
    struct locale russian;
    CHECK_EQ(STATUS_OK, locale_parse(text_of("ru-RU"), &russian));
    add_videos(2);
    struct signal signal = signal_of(SIGNAL_IMPRESSION, 1, 1);
    signal.locale = russian;
    add_signal(&signal);
    show(1, 0, 2, 0);
    show(2, 0, 1, 0);
    show(2, 0, 2, 0);
    end();
    CHECK_EQ(2, walk.count);
    const struct rank_request *first = &walk.told[0].request;
    const struct rank_request *second = &walk.told[1].request;
    CHECK(memcmp(&first->locale, &russian, sizeof(russian)) == 0);
    CHECK(memcmp(&second->locale, &options.locale, sizeof(russian)) == 0);
    CHECK_EQ(30, first->age_years);
    CHECK_EQ(START_MS, first->now_ms);
    CHECK(first->user_key == user_key(1));
    CHECK_EQ(0, first->limit);
    CHECK(first->seed != second->seed);
    release();
}

/* Three records may wait: the ranking of user 1 has two of its three videos by then. */
static void beyond_its_memory_rankings_are_cut_short(void)
{
    struct timeline_options options = options_of(RANKINGS_IMPRESSIONS);
    options.ahead_events = 3;
    begin_with(&options);
    show(1, 9, 1, 1); /* with the group two records */
    show(1, 9, 2, 2);
    like(2, 1);
    like(2, 1);
    show(1, 9, 3, 3);
    end();
    CHECK_EQ(1, walk.count);
    CHECK(served_is(&walk.told[0], (const unsigned[]){1, 2, 0}));
    CHECK_EQ(0, walk.told[0].sequence);
    CHECK_EQ(1, timeline_counts(walk.timeline)->cut_short);
    CHECK_EQ(1, timeline_counts(walk.timeline)->single);
    CHECK_EQ(5, timeline_counts(walk.timeline)->events);
    release();
}

/* However events come together to be applied, each ranking has the same state and candidates. */
static void what_waits_changes_nothing_else(void)
{
    uint64_t sequences[TOLD_MAX];
    size_t count = 0;
    for (unsigned round = 0; round < 2; round++) {
        struct timeline_options options = options_of(RANKINGS_IMPRESSIONS);
        options.ahead_events = round == 0 ? 300 : TIMELINE_AHEAD_EVENTS;
        begin_with(&options);
        add_videos(10);
        for (unsigned i = 0; i < 60; i++) {
            show(1 + i % 3, 1 + i, 1 + i % 10, 1);
            show(1 + i % 3, 1 + i, 1 + (i + 3) % 10, 2);
            for (unsigned j = 0; j < 50; j++) {
                like(4, 1 + j % 10);
            }
            walk.now_ms += MINUTE_MS;
        }
        end();
        CHECK_EQ(60, walk.count);
        for (size_t i = 0; i < walk.count; i++) {
            CHECK_EQ(10 + 52 * i, walk.told[i].sequence);
            CHECK(round == 0 || sequences[i] == walk.told[i].sequence);
            sequences[i] = walk.told[i].sequence;
        }
        CHECK(round == 0 || count == walk.count);
        count = walk.count;
        release();
    }
}

static void an_entry_of_some_fields_leaves_the_others(void)
{
    begin(RANKINGS_IMPRESSIONS);
    add_video(1, 20000);
    struct event event = {.kind = EVENT_VIDEO, .u.video = {.key = video_key(1), .quality = 0.5F}};
    static const char *const names[] = {"quality", NULL};
    CHECK_EQ(STATUS_OK, timeline_video(walk.timeline, walk.now_ms, &event, overlay_fields(names)));
    like(1, 1);
    end();
    CHECK_EQ(20000, walk.duration_ms);
    release();
}

static void the_first_failure_ends_the_walk(void)
{
    begin(RANKINGS_IMPRESSIONS);
    walk.answer = STATUS_NO_SPACE;
    show(1, 8, 1, 1);
    show(1, 8, 2, 2);
    show(1, 9, 1, 1);
    show(1, 9, 2, 2);
    CHECK_EQ(STATUS_NO_SPACE, timeline_end(walk.timeline));
    CHECK_EQ(1, walk.count);
    release(); /* with what still waits */
}

/* Ten videos live, one deleted; user 1 sees 1 for long, 2 shortly and likes 3. */
static void log_of_outcomes(void)
{
    add_videos(11);
    struct event event = {.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = video_key(11)};
    CHECK_EQ(STATUS_OK, timeline_event(walk.timeline, walk.now_ms, &event));
    watch(1, 1, 5000);
    watch(1, 2, 5000);
    watch(1, 1, 19000);
    like(1, 3);
    end();
}

static size_t place_of_positive(const struct told *told)
{
    size_t place = SIZE_MAX;
    for (size_t i = 0; i < told->request.count; i++) {
        bool positive = outcome_has(&told->outcomes[i], OUTCOME_LONG_VIEW);
        CHECK(!positive || place == SIZE_MAX);
        place = positive ? i : place;
        CHECK(outcome_has(&told->outcomes[i], OUTCOME_SHOWN));
    }
    return place;
}

static void an_outcome_stands_among_others_of_the_catalogue(void)
{
    begin(RANKINGS_OUTCOMES);
    log_of_outcomes();
    CHECK_EQ(1, walk.count);
    const struct told *told = &walk.told[0];
    CHECK_EQ(4, told->request.count);
    CHECK_EQ(12, told->sequence); /* before the user's first signal of the view */
    CHECK_EQ(0, told->user_signals);
    CHECK_EQ(START_MS, told->ranking.time_ms);
    CHECK_EQ(0, told->ranking.served_count);
    CHECK(told->keys[place_of_positive(told)] == video_key(1));
    CHECK_EQ(19000, told->outcomes[place_of_positive(told)].watch_ms);
    CHECK(!has_candidate(told, 11));
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            CHECK(told->keys[i] != told->keys[j]);
        }
    }
    release();
}

static void the_same_seed_draws_the_same(void)
{
    uint64_t drawn[3][4];
    for (unsigned i = 0; i < 3; i++) {
        struct timeline_options options = options_of(RANKINGS_OUTCOMES);
        options.seed = i < 2 ? 1 : 2;
        begin_with(&options);
        log_of_outcomes();
        memcpy(drawn[i], walk.told[0].keys, sizeof(drawn[i]));
        release();
    }
    CHECK(memcmp(drawn[0], drawn[1], sizeof(drawn[0])) == 0);
    CHECK(memcmp(drawn[0], drawn[2], sizeof(drawn[0])) != 0);
}

/* 1 is like any other by its place: in 60 rankings of 4 it is in each place some of the times. */
static void the_outcome_may_stand_anywhere(void)
{
    unsigned places[4] = {0};
    begin(RANKINGS_OUTCOMES);
    add_videos(30);
    for (unsigned i = 1; i <= 60; i++) {
        watch(i, 1, 19000);
    }
    end();
    CHECK_EQ(60, walk.count);
    for (size_t i = 0; i < walk.count; i++) {
        places[place_of_positive(&walk.told[i])]++;
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK(places[i] >= 5);
    }
    release();
}

/* What is published between the first signal and the outcome was not there to be shown. */
static void negatives_are_of_the_moment(void)
{
    begin(RANKINGS_OUTCOMES);
    add_videos(2);
    watch(1, 1, 100);
    for (unsigned i = 3; i < 30; i++) {
        add_video(i, 20000);
    }
    watch(1, 1, 19000);
    end();
    CHECK_EQ(1, walk.count);
    CHECK_EQ(2, walk.told[0].request.count);
    CHECK(has_candidate(&walk.told[0], 2));
    release();
}

/* 10 s are a long view of a video of 10 s; the entry that says so waits as the signals do. */
static void a_duration_counts_though_its_entry_has_just_come(void)
{
    begin(RANKINGS_OUTCOMES);
    add_video(1, 10000);
    add_video(2, 10000);
    watch(1, 1, 10000);
    end();
    CHECK_EQ(1, walk.count);
    CHECK_EQ(10000, walk.told[0].outcomes[place_of_positive(&walk.told[0])].duration_ms);
    release();
}

static void a_catalogue_of_one_leaves_a_single_candidate(void)
{
    begin(RANKINGS_OUTCOMES);
    add_videos(1);
    watch(1, 1, 19000);
    watch(1, 77, 19000); /* which the catalogue does not have: only 1 can be drawn */
    end();
    CHECK_EQ(1, walk.count);
    CHECK_EQ(2, walk.told[0].request.count);
    CHECK_EQ(1, timeline_counts(walk.timeline)->single);
    release();
}

static void as_many_negatives_as_may_be_are_different(void)
{
    struct timeline_options options = options_of(RANKINGS_OUTCOMES);
    options.negatives = CANDIDATES_MAX - 1;
    begin_with(&options);
    add_videos(CANDIDATES_MAX + 5);
    watch(1, 1, 19000);
    end();
    CHECK_EQ(CANDIDATES_MAX, walk.told[0].request.count);
    for (size_t i = 0; i < CANDIDATES_MAX; i++) {
        for (size_t j = 0; j < i; j++) {
            CHECK(walk.told[0].keys[i] != walk.told[0].keys[j]);
        }
    }
    release();
}

/* A decision of the videos 1 to 3, of which 3 and 1 were served. */
struct decided {
    Reelrank__V1__Decision decision;
    Reelrank__V1__RankRequest request;
    uint64_t keys[3];
    uint32_t order[2];
    double propensities[2];
};

static struct decided *decided_of(struct decided *decided)
{
    *decided = (struct decided){.decision = REELRANK__V1__DECISION__INIT,
                                .request = REELRANK__V1__RANK_REQUEST__INIT,
                                .keys = {video_key(1), video_key(2), video_key(3)},
                                .order = {2, 0},
                                .propensities = {0.5, 0.25}};
    decided->request.user_id = (char *)"u";
    decided->request.locale = (char *)"hi-IN";
    decided->request.candidate_keys = decided->keys;
    decided->request.n_candidate_keys = 3;
    decided->request.limit = 2;
    decided->decision.request = &decided->request;
    decided->decision.time_ms = walk.now_ms;
    decided->decision.ranking_id = (char *)"r";
    decided->decision.order = decided->order;
    decided->decision.n_order = 2;
    return decided;
}

static void decide(struct decided *decided)
{
    CHECK_EQ(STATUS_OK, timeline_decision(walk.timeline, &decided->decision));
}

static void a_decision_is_told_at_its_place(void)
{
    struct decided decided;
    begin(RANKINGS_DECISIONS);
    add_videos(3);
    like(1, 1);
    decide(decided_of(&decided));
    CHECK_EQ(1, walk.count); /* at once: all is known */
    like(1, 2);
    show(1, 5, 1, 1); /* tells nothing here */
    show(1, 5, 2, 2);
    decide(decided_of(&decided));
    end();
    CHECK_EQ(2, walk.count);
    const struct told *told = &walk.told[0];
    CHECK_EQ(4, told->sequence);
    CHECK_EQ(7, walk.told[1].sequence);
    CHECK_EQ(3, told->request.count);
    CHECK_EQ(0, told->request.limit); /* all are wanted */
    CHECK(served_is(told, (const unsigned[]){3, 1, 0}));
    CHECK_EQ(1, told->ranking.first_position);
    CHECK(!told->ranking.is_part);
    CHECK(told->ranking.ranking_key == hash_key(text_of("r")));
    CHECK(told->ranking.user_key == hash_key(text_of("u")));
    CHECK_EQ(START_MS + 1, told->ranking.time_ms);
    CHECK(told->ranking.propensities == NULL);
    CHECK_EQ(2, timeline_counts(walk.timeline)->rankings);
    release();
}

static void a_decision_may_be_part_of_a_slate_and_drawn(void)
{
    struct decided decided;
    begin(RANKINGS_DECISIONS);
    decided_of(&decided)->decision.first_position = 4;
    decided.decision.propensities = decided.propensities;
    decided.decision.n_propensities = 2;
    decide(&decided);
    CHECK_EQ(4, walk.told[0].ranking.first_position);
    CHECK(walk.told[0].ranking.is_part);
    CHECK(walk.told[0].propensities[0] > 0.49 && walk.told[0].propensities[0] < 0.51);
    CHECK(walk.told[0].propensities[1] > 0.24 && walk.told[0].propensities[1] < 0.26);
    end();
    release();
}

static void a_request_that_the_contract_refuses_is_counted(void)
{
    struct decided decided;
    begin(RANKINGS_DECISIONS);
    decided_of(&decided)->request.locale = (char *)"not a locale";
    decide(&decided);
    decided_of(&decided)->request.n_candidate_keys = 1;
    decided.decision.n_order = 0;
    decide(&decided);
    end();
    CHECK_EQ(0, walk.count);
    CHECK_EQ(1, timeline_counts(walk.timeline)->refused);
    CHECK_EQ(1, timeline_counts(walk.timeline)->single);
    release();
}

static void other_origins_pass_decisions_over(void)
{
    struct decided decided;
    begin(RANKINGS_IMPRESSIONS);
    decide(decided_of(&decided));
    end();
    CHECK_EQ(0, walk.count);
    CHECK_EQ(0, timeline_counts(walk.timeline)->last_ms);
    release();
}

static void those_whom_rankings_are_of_are_told_apart(void)
{
    struct rank_request request = {.seed = 6};
    struct past_ranking ranking = {.user_key = 3, .ranking_key = 4, .request = &request};
    CHECK_EQ(3, past_ranking_unit(&ranking));
    ranking.user_key = 0;
    CHECK_EQ(4, past_ranking_unit(&ranking));
    ranking.ranking_key = 0;
    CHECK_EQ(7, past_ranking_unit(&ranking)); /* never 0 */
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_empty_log_tells_nothing),
        TEST(a_ranking_is_told_with_the_state_before_its_first_impression),
        TEST(a_signal_is_told_right_before_it_is_applied),
        TEST(impressions_go_by_user_and_ranking),
        TEST(without_a_name_five_minutes_are_one_ranking),
        TEST(what_comes_too_late_begins_anew),
        TEST(slates_are_in_the_order_of_positions),
        TEST(without_all_positions_nothing_is_known_of_the_slate),
        TEST(candidates_are_asked_for_in_another_order),
        TEST(one_candidate_is_no_ranking),
        TEST(a_ranking_has_as_many_candidates_as_a_request_may),
        TEST(the_request_is_made_of_what_the_log_and_the_options_say),
        TEST(beyond_its_memory_rankings_are_cut_short),
        TEST(what_waits_changes_nothing_else),
        TEST(an_entry_of_some_fields_leaves_the_others),
        TEST(the_first_failure_ends_the_walk),
        TEST(an_outcome_stands_among_others_of_the_catalogue),
        TEST(the_same_seed_draws_the_same),
        TEST(the_outcome_may_stand_anywhere),
        TEST(negatives_are_of_the_moment),
        TEST(a_duration_counts_though_its_entry_has_just_come),
        TEST(a_catalogue_of_one_leaves_a_single_candidate),
        TEST(as_many_negatives_as_may_be_are_different),
        TEST(a_decision_is_told_at_its_place),
        TEST(a_decision_may_be_part_of_a_slate_and_drawn),
        TEST(a_request_that_the_contract_refuses_is_counted),
        TEST(other_origins_pass_decisions_over),
        TEST(those_whom_rankings_are_of_are_told_apart),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
