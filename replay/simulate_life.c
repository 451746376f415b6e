#include "replay/simulate_life.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"

enum {
    PERCENT_NAMED = 6, /* of sessions: those of the three users with plain tastes */
    SIGNALS_PER_SESSION = 33,
    SESSION_SCREENS_MAX = 4,
    NEW_SESSION_SCREENS_MAX = 2,
    POPULAR_DRAWS = 8,
    PROGRESS_EVERY = 256
};

/* Names of streams of random numbers; simulate_world.c has those below 100. */
enum stream { STREAM_PLAN = 101, STREAM_SESSION };

#define SECOND_MS ((int64_t)1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Videos are checked and indexed first, so nobody sees one that is younger. */
#define INDEXING_MS (6 * HOUR_MS)

/* How much oftener some users come than others. */
static const double user_exponent = 0.7;

struct session {
    int64_t start_ms;
    uint32_t user;
    uint32_t number;
    uint32_t screens;
};

struct plan {
    struct session *sessions;
    uint32_t count;
};

static uint64_t pair_key(uint32_t user, uint32_t other)
{
    struct random pair = {(uint64_t)user << 32 | other};
    uint64_t key = random_next(&pair);
    return key != 0 ? key : 1;
}

void life_tell(const struct simulate_options *options, const char *stage, uint64_t done,
               uint64_t total)
{
    if (options->progress != NULL && done % PROGRESS_EVERY == 0) {
        options->progress(options->progress_context, stage, done, total);
    }
}

/* --- the index of videos -----------------------------------------------------------------------
 */

struct dated {
    int64_t published_ms;
    uint32_t video;
};

static int by_age(const void *a, const void *b)
{
    const struct dated *left = a;
    const struct dated *right = b;
    if (left->published_ms != right->published_ms) {
        return left->published_ms < right->published_ms ? -1 : 1;
    }
    return left->video < right->video ? -1 : left->video > right->video;
}

enum status life_index(struct life *life, const struct world *world,
                       const struct simulate_options *options)
{
    *life = (struct life){.options = options, .world = world};
    life->by_language = malloc(world->video_count * sizeof(*life->by_language));
    struct dated *dated = malloc(world->video_count * sizeof(*dated));
    if (life->by_language == NULL || dated == NULL) {
        free(dated);
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < world->video_count; i++) {
        dated[i] = (struct dated){world->videos[i].published_ms, i};
    }
    qsort(dated, world->video_count, sizeof(*dated), by_age);
    uint32_t used = 0;
    for (uint32_t language = 0; language < WORLD_LANGUAGES; language++) {
        life->first[language] = used;
        for (uint32_t i = 0; i < world->video_count; i++) {
            if (world->videos[dated[i].video].language == (enum world_language)language) {
                life->by_language[used++] = dated[i].video;
            }
        }
    }
    life->first[WORLD_LANGUAGES] = used;
    free(dated);
    return STATUS_OK;
}

/* How many of the language's videos were published by then. */
static uint32_t count_published(const struct life *life, enum world_language language,
                                int64_t by_ms)
{
    uint32_t low = life->first[language];
    uint32_t high = life->first[language + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (life->world->videos[life->by_language[middle]].published_ms <= by_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - life->first[language];
}

bool life_draw_video(const struct life *life, enum world_language language, int64_t published_by_ms,
                     struct random *random, uint32_t *out)
{
    uint32_t count = count_published(life, language, published_by_ms);
    if (count > 0) {
        *out = life->by_language[life->first[language] + random_below(random, count)];
        return true;
    }
    *out = random_below(random, life->world->video_count);
    return life->world->videos[*out].published_ms <= published_by_ms;
}

/* --- what is popular ---------------------------------------------------------------------------
 */

double life_popularity(const struct life *life, uint32_t video, int64_t time_ms)
{
    int64_t seconds = time_ms / 1000 - life->play_times_s[video];
    double days = (double)seconds / (24 * 3600.0);
    return (double)life->plays[video] * exact_exp2(-(days > 0 ? days : 0) / 3);
}

static void add_play(struct life *life, uint32_t video, int64_t time_ms)
{
    life->plays[video] = (float)(life_popularity(life, video, time_ms) + 1);
    life->play_times_s[video] = (uint32_t)(time_ms / 1000);
}

/* --- the feed of then --------------------------------------------------------------------------
 */

static bool may_be_shown(const struct world_video *video, const struct world_creator *creator,
                         const struct world_user *user)
{
    const char *region = user->locale->region;
    bool home = strcmp(creator->region, region) == 0;
    return (video->safety == SAFETY_LOW || video->safety == SAFETY_MEDIUM) &&
           video->minimum_age_years <= user->age_years && (home || !video->only_at_home) &&
           (strcmp(region, "RU") != 0 || !video->not_in_russia);
}

static enum world_language draw_language(const struct world_user *user, struct random *random)
{
    double x = random_unit(random);
    return x < 0.75   ? user->locale->language
           : x < 0.90 ? user->second_language
                      : (enum world_language)random_below(random, WORLD_LANGUAGES);
}

/* What the feed of then makes of a video: popularity to the power 0.7, less of other languages. */
static double appeal_to_feed(const struct life *life, const struct world_user *user, uint32_t video,
                             int64_t time_ms)
{
    const struct world_video *facts = &life->world->videos[video];
    double popular = exact_exp2(0.7 * exact_log2(1 + life_popularity(life, video, time_ms)));
    double language = facts->language == user->locale->language  ? 1
                      : facts->language == user->second_language ? 0.5
                                                                 : 0.15;
    return popular * language;
}

struct pool {
    uint32_t count;
    uint32_t videos[LIFE_POOL];
    double weights[LIFE_POOL];
};

static bool pool_has(const struct pool *pool, uint32_t video)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->videos[i] == video) {
            return true;
        }
    }
    return false;
}

/* Half of what is found is the most popular of some draws. */
static bool draw_for_pool(const struct life *life, const struct world_user *person, int64_t time_ms,
                          struct random *random, uint32_t *out)
{
    enum world_language language = draw_language(person, random);
    int draws = random_chance(random, 0.5) ? POPULAR_DRAWS : 1;
    double best = -1;
    for (int i = 0; i < draws; i++) {
        uint32_t video = 0;
        if (life_draw_video(life, language, time_ms - INDEXING_MS, random, &video) &&
            life_popularity(life, video, time_ms) > best) {
            best = life_popularity(life, video, time_ms);
            *out = video;
        }
    }
    return best >= 0;
}

/* Retrieval: some videos that may be shown, most of them not seen yet. */
static void fill_pool(const struct life *life, uint32_t user, int64_t time_ms,
                      struct random *random, struct pool *pool)
{
    const struct world *world = life->world;
    const struct world_user *person = &world->users[user];
    pool->count = 0;
    for (int tries = 0; tries < 3 * LIFE_POOL && pool->count < LIFE_POOL; tries++) {
        uint32_t video = 0;
        bool again = random_chance(random, 0.05);
        if (!draw_for_pool(life, person, time_ms, random, &video)) {
            continue;
        }
        const struct world_video *facts = &world->videos[video];
        bool fits = may_be_shown(facts, &world->creators[facts->creator], person) &&
                    !pool_has(pool, video) &&
                    (again || !keyset_has(life->seen, pair_key(user, video)));
        if (fits) {
            pool->videos[pool->count] = video;
            pool->weights[pool->count] = appeal_to_feed(life, person, video, time_ms);
            pool->count++;
        }
    }
}

/* The next of a screen: by Plackett and Luce, in proportion to what is left. */
static void choose(struct pool *pool, struct random *random, uint32_t *video, double *chance)
{
    double total = 0;
    for (uint32_t i = 0; i < pool->count; i++) {
        total += pool->weights[i];
    }
    double left = random_unit(random) * total;
    uint32_t at = 0;
    while (at + 1 < pool->count && left >= pool->weights[at]) {
        left -= pool->weights[at];
        at++;
    }
    *video = pool->videos[at];
    *chance = pool->weights[at] / total;
    pool->count--;
    pool->videos[at] = pool->videos[pool->count];
    pool->weights[at] = pool->weights[pool->count];
}

/* --- what people do ----------------------------------------------------------------------------
 */

/* Room for as many as 16 more, which is more than one view makes. */
static enum status reserve_events(struct life *life)
{
    enum { MOST = 16 };
    if (life->event_count + MOST <= life->event_capacity) {
        return STATUS_OK;
    }
    size_t capacity = life->event_capacity * 2 + 1024;
    struct life_event *events = realloc(life->events, capacity * sizeof(*events));
    if (events == NULL) {
        return STATUS_NO_MEMORY;
    }
    life->events = events;
    life->event_capacity = capacity;
    return STATUS_OK;
}

static enum status add_screen(struct life *life, uint32_t user, int64_t time_ms)
{
    if (life->screen_count == life->screen_capacity) {
        size_t capacity = life->screen_capacity * 2 + 256;
        struct life_screen *screens = realloc(life->screens, capacity * sizeof(*screens));
        if (screens == NULL) {
            return STATUS_NO_MEMORY;
        }
        life->screens = screens;
        life->screen_capacity = capacity;
    }
    life->screens[life->screen_count] = (struct life_screen){.time_ms = time_ms, .user = user};
    life->screen_count++;
    return STATUS_OK;
}

/* Nothing is of later than the log's end. */
static void add_event(struct life *life, const struct view *view, enum signal_type type,
                      int64_t delay_ms, int64_t watch_ms)
{
    int64_t time_ms = view->time_ms + delay_ms;
    if (time_ms > life->options->now_ms) {
        return;
    }
    const struct life_screen *screen = &life->screens[life->screen_count - 1];
    life->events[life->event_count] = (struct life_event){
        .time_ms = time_ms,
        .watch_ms = (int32_t)watch_ms,
        .user = view->user,
        .video = view->video,
        .number = (uint32_t)life->event_count,
        .screen = (uint32_t)(life->screen_count - 1),
        .position = (uint8_t)screen->shown,
        .type = (uint8_t)type,
    };
    life->event_count++;
    life->signal_counts[view->user]++;
}

static void add_reactions(struct life *life, const struct view *view,
                          const struct view_outcome *outcome)
{
    static const struct {
        enum view_event event;
        enum signal_type type;
        int part; /* of the watch time after which it comes, in tenths */
    } reactions[] = {
        {VIEW_LIKE, SIGNAL_LIKE, 6},
        {VIEW_COMMENT, SIGNAL_COMMENT, 8},
        {VIEW_SHARE, SIGNAL_SHARE, 9},
        {VIEW_FOLLOW, SIGNAL_FOLLOW_CREATOR, 9},
    };
    for (size_t i = 0; i < sizeof(reactions) / sizeof(reactions[0]); i++) {
        if (outcome->happened[reactions[i].event]) {
            int64_t delay_ms = outcome->watch_ms * reactions[i].part / 10;
            add_event(life, view, reactions[i].type, SECOND_MS / 10 + delay_ms, 0);
        }
    }
}

static void add_complaints(struct life *life, const struct view *view,
                           const struct view_outcome *outcome)
{
    add_event(life, view, SIGNAL_SKIP, SECOND_MS / 2, 0);
    if (outcome->happened[VIEW_NOT_INTERESTED]) {
        add_event(life, view, SIGNAL_NOT_INTERESTED, SECOND_MS, 0);
    }
    if (outcome->happened[VIEW_HIDE_CREATOR]) {
        add_event(life, view, SIGNAL_HIDE_CREATOR, SECOND_MS, 0);
    }
    if (outcome->happened[VIEW_REPORT]) {
        add_event(life, view, SIGNAL_REPORT, SECOND_MS, 0);
    }
}

static enum status remember(struct life *life, const struct view *view,
                            const struct view_outcome *outcome)
{
    bool added;
    memory_add(&life->memories[view->user], view->video, view->time_ms);
    enum status status = keyset_add(life->seen, pair_key(view->user, view->video), &added);
    if (status == STATUS_OK && outcome->happened[VIEW_FOLLOW]) {
        uint32_t creator = life->world->videos[view->video].creator;
        status = keyset_add(life->follows, pair_key(view->user, creator), &added);
    }
    if (outcome->happened[VIEW_VALID_PLAY]) {
        add_play(life, view->video, view->time_ms);
    }
    return status;
}

struct view life_view(const struct life *life, uint32_t user, uint32_t video, int64_t time_ms)
{
    return (struct view){
        .world = life->world,
        .user = user,
        .video = video,
        .time_ms = time_ms,
        .seen = keyset_has(life->seen, pair_key(user, video)),
        .follows = keyset_has(life->follows, pair_key(user, life->world->videos[video].creator)),
    };
}

/* Adds what comes of it, and to *time_ms how long it takes. */
static enum status look_at(struct life *life, uint32_t user, uint32_t video, struct random *random,
                           int64_t *time_ms)
{
    enum status status = reserve_events(life);
    if (status != STATUS_OK) {
        return status;
    }
    struct view view = life_view(life, user, video, *time_ms);
    unsigned position = life->screens[life->screen_count - 1].shown;
    add_event(life, &view, SIGNAL_IMPRESSION, 0, 0);
    life->impressions[video]++;
    *time_ms += SECOND_MS;
    if (!random_chance(random, view_examination(position))) {
        return STATUS_OK;
    }
    struct view_truth truth = view_judge(&view, &life->memories[user]);
    struct view_outcome outcome = view_draw(&view, &truth, random);
    if (outcome.happened[VIEW_SKIP]) {
        add_complaints(life, &view, &outcome);
    } else {
        enum signal_type end = outcome.happened[VIEW_COMPLETE] ? SIGNAL_COMPLETE : SIGNAL_WATCH;
        add_event(life, &view, SIGNAL_PLAY, SECOND_MS / 10, 0);
        add_event(life, &view, end, SECOND_MS / 10 + outcome.watch_ms, outcome.watch_ms);
        add_reactions(life, &view, &outcome);
        *time_ms += outcome.watch_ms;
    }
    return remember(life, &view, &outcome);
}

/* Positions are reached one after the other, until the user leaves, which *left tells. */
static enum status show_screen(struct life *life, uint32_t user, struct random *random,
                               int64_t *time_ms, bool *left)
{
    struct pool pool;
    fill_pool(life, user, *time_ms, random, &pool);
    enum status status = add_screen(life, user, *time_ms);
    while (status == STATUS_OK && pool.count > 0 && *time_ms < life->options->now_ms && !*left) {
        struct life_screen *screen = &life->screens[life->screen_count - 1];
        if (screen->shown == LIFE_SCREEN) {
            break;
        }
        uint32_t at = screen->shown;
        choose(&pool, random, &screen->videos[at], &screen->chances[at]);
        screen->shown++;
        status = look_at(life, user, screen->videos[at], random, time_ms);
        *left = random_chance(random, 0.03);
    }
    return status;
}

static enum status live_session(struct life *life, const struct session *session)
{
    struct random random = random_stream(life->world->seed, STREAM_SESSION, session->number);
    int64_t time_ms = session->start_ms;
    bool left = false;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < session->screens && !left && status == STATUS_OK; i++) {
        status = show_screen(life, session->user, &random, &time_ms, &left);
    }
    return status;
}

/* --- who comes when ----------------------------------------------------------------------------
 */

/* People sleep at night, most of them. */
static int64_t draw_start(const struct life *life, const struct world_user *user, int64_t span_ms,
                          struct random *random)
{
    int64_t start_ms;
    int64_t hour;
    do {
        int64_t ago_ms = (int64_t)(random_unit(random) * (double)span_ms);
        start_ms = life->options->now_ms - ago_ms;
        hour = (start_ms / HOUR_MS + user->locale->hours_of_utc) % 24;
    } while (hour < 7 && !random_chance(random, 0.15));
    return start_ms;
}

static void plan_session(const struct life *life, struct plan *plan, uint32_t user, int64_t span_ms,
                         uint32_t screens_max, struct random *random)
{
    struct session *session = &plan->sessions[plan->count];
    *session = (struct session){
        .start_ms = draw_start(life, &life->world->users[user], span_ms, random),
        .user = user,
        .number = plan->count,
        .screens = 1 + random_below(random, screens_max),
    };
    plan->count++;
}

/* The users with names have sessions of their own, so they come last in the order of zeal. */
static void plan_old_users(const struct life *life, struct plan *plan, uint32_t sessions,
                           const double *user_sums, struct random *random)
{
    uint32_t old = world_first_new_user(life->world);
    uint32_t named = old < WORLD_NAMED_USERS ? old : WORLD_NAMED_USERS;
    int64_t span_ms = (int64_t)life->options->day_count * DAY_MS;
    for (uint32_t i = 0; i < sessions; i++) {
        bool is_named = random_below(random, 100) < PERCENT_NAMED;
        uint32_t drawn = (zipf_draw(user_sums, old, random) + WORLD_NAMED_USERS) % old;
        uint32_t user = is_named ? random_below(random, named) : drawn;
        plan_session(life, plan, user, span_ms, SESSION_SCREENS_MAX, random);
    }
}

/* New users came in the last day; a third has only registered so far. */
static void plan_new_users(const struct life *life, struct plan *plan, uint32_t most,
                           struct random *random)
{
    uint32_t user = world_first_new_user(life->world);
    for (uint32_t i = 0; i < most && user < life->world->user_count; i++, user++) {
        if (random_chance(random, 0.67)) {
            plan_session(life, plan, user, DAY_MS, NEW_SESSION_SCREENS_MAX, random);
        }
    }
}

/* Half of the old users who are asked later are in the middle of a session then. */
static void plan_last_sessions(const struct life *life, struct plan *plan, uint32_t most,
                               struct random *random)
{
    uint32_t old = world_first_new_user(life->world);
    uint32_t planned = 0;
    for (uint32_t test = 0; test < life->options->test_count && planned < most; test += 2) {
        uint32_t user = life_test_user(life->world, test);
        if (user < old) {
            plan_session(life, plan, user, HOUR_MS / 4, SESSION_SCREENS_MAX, random);
            plan->sessions[plan->count - 1].start_ms =
                life->options->now_ms - HOUR_MS / 12 - random_below(random, HOUR_MS / 6);
            planned++;
        }
    }
}

static int by_start(const void *a, const void *b)
{
    const struct session *left = a;
    const struct session *right = b;
    if (left->start_ms != right->start_ms) {
        return left->start_ms < right->start_ms ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

/* Of all sessions a tenth may be new users', and a tenth those that end with the log. */
static enum status make_plan(const struct life *life, struct plan *plan)
{
    uint32_t count = life->options->signal_count / SIGNALS_PER_SESSION;
    count += life->options->signal_count > 0 && count == 0;
    double *user_sums = zipf_new(world_first_new_user(life->world), user_exponent);
    plan->count = 0;
    plan->sessions = malloc(((size_t)count + 1) * sizeof(*plan->sessions));
    if (user_sums == NULL || plan->sessions == NULL) {
        free(user_sums);
        return STATUS_NO_MEMORY;
    }
    struct random random = random_stream(life->world->seed, STREAM_PLAN, 0);
    plan_new_users(life, plan, count / 10, &random);
    plan_last_sessions(life, plan, count / 10, &random);
    plan_old_users(life, plan, count - plan->count, user_sums, &random);
    qsort(plan->sessions, plan->count, sizeof(*plan->sessions), by_start);
    free(user_sums);
    return STATUS_OK;
}

uint32_t life_test_user(const struct world *world, uint32_t test)
{
    uint32_t old = world_first_new_user(world);
    uint32_t young = world->user_count - old;
    uint32_t round = test / 10;
    uint32_t turn = test % 10;
    if (turn >= 7 && young > 0) {
        return old + (round * 3 + turn - 7) % young;
    }
    /* A step that shares no factor with the count meets each user before any comes again. */
    uint64_t number = young > 0 ? (uint64_t)round * 7 + turn : test;
    uint64_t step = old % 7919 != 0 ? 7919 : 7907;
    return (uint32_t)(number * step % old);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static int by_time(const void *a, const void *b)
{
    const struct life_event *left = a;
    const struct life_event *right = b;
    if (left->time_ms != right->time_ms) {
        return left->time_ms < right->time_ms ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

static enum status allocate(struct life *life)
{
    const struct world *world = life->world;
    life->memories = calloc(world->user_count, sizeof(*life->memories));
    life->signal_counts = calloc(world->user_count, sizeof(*life->signal_counts));
    life->impressions = calloc(world->video_count, sizeof(*life->impressions));
    life->plays = calloc(world->video_count, sizeof(*life->plays));
    life->play_times_s = calloc(world->video_count, sizeof(*life->play_times_s));
    life->seen = keyset_new((size_t)2 * SIMULATE_LIMIT_SIGNALS);
    life->follows = keyset_new((size_t)2 * SIMULATE_LIMIT_SIGNALS);
    bool all = life->memories != NULL && life->signal_counts != NULL && life->impressions != NULL &&
               life->plays != NULL && life->play_times_s != NULL && life->seen != NULL &&
               life->follows != NULL;
    return all ? STATUS_OK : STATUS_NO_MEMORY;
}

/* Sessions in the order of their starts: what one does is known to those that begin later. */
enum status life_live(struct life *life, const struct world *world,
                      const struct simulate_options *options)
{
    struct plan plan = {0};
    enum status status = life_index(life, world, options);
    if (status == STATUS_OK) {
        status = allocate(life);
    }
    if (status == STATUS_OK) {
        status = make_plan(life, &plan);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < plan.count; i++) {
        life_tell(options, "living sessions", i, plan.count);
        status = live_session(life, &plan.sessions[i]);
    }
    if (status == STATUS_OK && life->event_count > 0) {
        qsort(life->events, life->event_count, sizeof(*life->events), by_time);
    }
    free(plan.sessions);
    return status;
}

void life_release(struct life *life)
{
    free(life->by_language);
    free(life->memories);
    free(life->signal_counts);
    free(life->impressions);
    free(life->plays);
    free(life->play_times_s);
    keyset_free(life->seen);
    keyset_free(life->follows);
    free(life->events);
    free(life->screens);
    *life = (struct life){0};
}
