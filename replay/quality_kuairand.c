#include <inttypes.h>
#include <stdlib.h>

#include "ranker/random.h"
#include "ranker/wire.h"
#include "replay/import.h"
#include "replay/quality_internal.h"

enum { OTHERS = 100, HISTORY_PERCENT = 80, TRIES = 20 };

/* A user's word on a video, like or hate. */
struct reaction {
    int64_t time_ms;
    uint64_t user_key;
    uint64_t video_key;
    uint32_t number; /* in the file */
    bool liked;
};

struct list {
    void *items;
    size_t count;
    size_t capacity;
};

struct kuairand {
    struct list signals;   /* struct signal */
    struct list videos;    /* struct video_facts; each as the file last told */
    struct list reactions; /* struct reaction */
    struct problem *problem;
};

/* Room for one more item; NULL when memory is short. */
static void *list_add(struct list *list, size_t size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 1024;
        void *items = realloc(list->items, capacity * size);
        if (items == NULL) {
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + size * list->count++;
}

/* --- reading -----------------------------------------------------------------------------------
 */

/*
 * The importer tells of a video at its first row and again at the first that knows its duration,
 * each time with all that matters here but the language and rating, which are the same for all.
 */
static enum status add_video(struct kuairand *log, const Reelrank__V1__Video *told)
{
    Reelrank__V1__Video video = *told;
    char *language = (char *)"zh";
    video.languages = &language;
    video.n_languages = 1;
    video.safety_rating = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK;
    struct video_facts *facts = list_add(&log->videos, sizeof(*facts));
    return facts != NULL ? wire_video(&video, facts, log->problem) : STATUS_NO_MEMORY;
}

static enum status add_reaction(struct kuairand *log, const struct signal *signal)
{
    struct reaction *reaction = list_add(&log->reactions, sizeof(*reaction));
    if (reaction == NULL) {
        return STATUS_NO_MEMORY;
    }
    *reaction = (struct reaction){
        .time_ms = signal->time_ms,
        .user_key = signal->user_key,
        .video_key = signal->video_key,
        .number = (uint32_t)log->reactions.count,
        .liked = signal->type == SIGNAL_LIKE,
    };
    return STATUS_OK;
}

static enum status add_signal(struct kuairand *log, const Reelrank__V1__Signal *told)
{
    struct signal *signal = list_add(&log->signals, sizeof(*signal));
    if (signal == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = wire_signal(told, 0, signal, log->problem);
    bool reacts = status == STATUS_OK &&
                  (signal->type == SIGNAL_LIKE || signal->type == SIGNAL_NOT_INTERESTED);
    return reacts ? add_reaction(log, signal) : status;
}

static enum status take_rejection(void *context, uint64_t line, const char *reason)
{
    struct kuairand *log = context;
    problem_set(log->problem, "line %" PRIu64 ": %.250s", line, reason);
    return STATUS_INVALID;
}

static enum status take_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                              const char *const *update_fields)
{
    (void)update_fields;
    struct kuairand *log = context;
    bool is_video = entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO;
    enum status status = is_video ? add_video(log, entry->video) : add_signal(log, entry->signal);
    if (status == STATUS_INVALID) {
        struct problem found = *log->problem;
        return take_rejection(log, line, found.text);
    }
    return status;
}

static int compare_times(int64_t left, int64_t right)
{
    return left < right ? -1 : left > right;
}

static int by_time(const void *a, const void *b)
{
    const struct reaction *left = a;
    const struct reaction *right = b;
    int order = compare_times(left->time_ms, right->time_ms);
    return order != 0 ? order : compare_times(left->number, right->number);
}

static enum status read_log(struct kuairand *log, FILE *file)
{
    const struct import_options options = {.format = IMPORT_KUAIRAND};
    const struct import_sink sink = {.context = log, .entry = take_entry, .reject = take_rejection};
    enum status status = import_read(file, &options, &sink, log->problem);
    if (status == STATUS_OK && log->reactions.count < 2) {
        problem_set(log->problem, "fewer than two likes or hates");
        return STATUS_INVALID;
    }
    if (status == STATUS_OK) {
        qsort(log->reactions.items, log->reactions.count, sizeof(struct reaction), by_time);
    }
    return status;
}

/* --- history -----------------------------------------------------------------------------------
 */

struct ordered {
    int64_t time_ms;
    size_t index;
};

static int by_time_and_index(const void *a, const void *b)
{
    const struct ordered *left = a;
    const struct ordered *right = b;
    int order = compare_times(left->time_ms, right->time_ms);
    return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

static enum status apply_videos(const struct kuairand *log, struct state *state, uint64_t *sequence)
{
    const struct video_facts *videos = log->videos.items;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < log->videos.count; i++) {
        struct event event = {.kind = EVENT_VIDEO, .u.video = videos[i]};
        status = state_apply(state, ++*sequence, &event);
    }
    return status;
}

/* Signals from before the split, by time. */
static enum status apply_history(const struct kuairand *log, int64_t split_ms, struct state *state)
{
    const struct signal *signals = log->signals.items;
    uint64_t sequence = 0;
    enum status status = apply_videos(log, state, &sequence);
    struct ordered *order = malloc(log->signals.count * sizeof(*order));
    if (order == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < log->signals.count; i++) {
        order[i] = (struct ordered){signals[i].time_ms, i};
    }
    qsort(order, log->signals.count, sizeof(*order), by_time_and_index);
    for (size_t i = 0; status == STATUS_OK && i < log->signals.count && order[i].time_ms < split_ms;
         i++) {
        struct event event = {.kind = EVENT_SIGNAL, .u.signal = signals[order[i].index]};
        status = state_apply(state, ++sequence, &event);
    }
    free(order);
    return status;
}

/* --- test --------------------------------------------------------------------------------------
 */

/* One user's candidates. */
struct asked {
    size_t later; /* the first so many have a reaction */
    size_t count;
    uint64_t keys[LIMIT_CANDIDATES];
    bool liked[LIMIT_CANDIDATES];
};

static bool has_key(const struct asked *asked, uint64_t key)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (asked->keys[i] == key) {
            return true;
        }
    }
    return false;
}

/* The first word on a video counts. */
static void put_later(const struct reaction *tests, size_t count, struct asked *asked)
{
    for (size_t i = 0; i < count && asked->count < LIMIT_CANDIDATES - OTHERS; i++) {
        if (!has_key(asked, tests[i].video_key)) {
            asked->keys[asked->count] = tests[i].video_key;
            asked->liked[asked->count] = tests[i].liked;
            asked->count++;
        }
    }
    asked->later = asked->count;
}

static int by_user(const void *a, const void *b)
{
    const struct reaction *left = a;
    const struct reaction *right = b;
    if (left->user_key != right->user_key) {
        return left->user_key < right->user_key ? -1 : 1;
    }
    return by_time(a, b);
}

static bool has_seen(const struct user *user, uint64_t key)
{
    for (size_t i = 0; user != NULL && i < user->seen_count; i++) {
        if (user->seen[i].video_key == key) {
            return true;
        }
    }
    return false;
}

/* Videos of the test that this user has no word on, before or later; each as likely as any other.
 */
static void put_others(const uint64_t *pool, size_t pool_count, const struct user *user,
                       struct random *random, struct asked *asked)
{
    size_t wanted = asked->count + OTHERS;
    for (int tries = 0; tries < TRIES * OTHERS && asked->count < wanted; tries++) {
        uint64_t key = pool[random_below(random, pool_count)];
        if (!has_key(asked, key) && !has_seen(user, key)) {
            asked->keys[asked->count] = key;
            asked->liked[asked->count] = false;
            asked->count++;
        }
    }
}

static enum status add_auc(struct quality *quality, uint64_t user_key, const struct asked *asked,
                           const uint32_t *order)
{
    size_t row = panel_row(quality->panel, "like against hate AUC");
    for (size_t contender = 0; contender < quality_ideal(quality); contender++) {
        struct metrics_case cases[LIMIT_CANDIDATES];
        size_t count = 0;
        for (size_t i = 0; i < asked->count; i++) {
            if (order[i] < asked->later && quality->kept[i]) {
                cases[count].score = quality->scores[contender][i];
                cases[count].positive = asked->liked[order[i]];
                count++;
            }
        }
        double auc = metrics_auc(cases, count);
        enum status status =
            panel_add(quality->panel, user_key, row, contender, auc, (double)count);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status add_ndcg(struct quality *quality, uint64_t user_key)
{
    size_t row = panel_row(quality->panel, "nDCG@10 of likes");
    for (size_t contender = 0; contender < quality_ideal(quality); contender++) {
        double value = quality_ndcg(quality, contender, NULL);
        enum status status = panel_add(quality->panel, user_key, row, contender, value, 1);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status measure_user(struct quality *quality, const struct state *state,
                                uint64_t user_key, int64_t now_ms, struct asked *asked,
                                struct random *random)
{
    uint32_t order[LIMIT_CANDIDATES];
    uint64_t keys[LIMIT_CANDIDATES];
    for (uint32_t i = 0; i < asked->count; i++) {
        order[i] = i;
    }
    random_shuffle(random, order, asked->count); /* ties keep the order that is asked for */
    for (size_t i = 0; i < asked->count; i++) {
        keys[i] = asked->keys[order[i]];
        quality->gains[i] = asked->liked[order[i]];
    }
    struct rank_request request = {
        .user_key = user_key, .count = asked->count, .keys = keys, .now_ms = now_ms};
    enum status status = locale_parse(text_of("zh-CN"), &request.locale);
    if (status == STATUS_OK) {
        status = quality_order(quality, state, &request);
    }
    if (status == STATUS_OK) {
        status = add_auc(quality, user_key, asked, order);
    }
    return status == STATUS_OK ? add_ndcg(quality, user_key) : status;
}

static int by_key(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The test's videos, each once; the caller frees them. */
static uint64_t *list_pool(const struct reaction *tests, size_t count, size_t *pool_count)
{
    uint64_t *pool = malloc(count * sizeof(*pool));
    for (size_t i = 0; pool != NULL && i < count; i++) {
        pool[i] = tests[i].video_key;
    }
    size_t kept = 0;
    if (pool != NULL) {
        qsort(pool, count, sizeof(*pool), by_key);
        for (size_t i = 0; i < count; i++) {
            if (i == 0 || pool[i] != pool[kept - 1]) {
                pool[kept++] = pool[i];
            }
        }
    }
    *pool_count = kept;
    return pool;
}

/* tests are by user; the users' order is that of their keys. */
static enum status measure_users(struct quality *quality, const struct state *state,
                                 const struct reaction *tests, size_t count,
                                 struct quality_kuairand_counts *counts)
{
    size_t pool_count = 0;
    uint64_t *pool = list_pool(tests, count, &pool_count);
    struct asked *asked = malloc(sizeof(*asked));
    enum status status = pool != NULL && asked != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t begin = 0; status == STATUS_OK && begin < count;) {
        uint64_t user_key = tests[begin].user_key;
        struct random random = random_stream(quality->contenders->seed, user_key, 0);
        const struct user *user = NULL;
        size_t end = begin;
        while (end < count && tests[end].user_key == user_key) {
            end++;
        }
        arena_reset(&quality->arena);
        status = state_find_user(state, user_key, &quality->arena, &user);
        if (status == STATUS_OK) {
            asked->count = 0;
            put_later(&tests[begin], end - begin, asked);
            put_others(pool, pool_count, user, &random, asked);
            status = measure_user(quality, state, user_key, counts->split_ms, asked, &random);
        }
        counts->users++;
        begin = end;
    }
    free(asked);
    free(pool);
    return status;
}

/* Reactions at the very moment of the split belong to the test, so that nothing known is asked. */
static void split(const struct kuairand *log, struct quality_kuairand_counts *counts)
{
    const struct reaction *reactions = log->reactions.items;
    size_t at = log->reactions.count * HISTORY_PERCENT / 100;
    *counts = (struct quality_kuairand_counts){.split_ms = reactions[at].time_ms};
    while (reactions[counts->history].time_ms < counts->split_ms) {
        counts->history++;
    }
    counts->tested = log->reactions.count - counts->history;
}

static size_t count_known(const struct state *state, const struct reaction *tests, size_t count)
{
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        const struct video *video;
        videos_find_many(state_videos(state), &tests[i].video_key, 1, &video);
        known += video != NULL && video->decayed.counts[HALF_LIFE_14_DAYS][COUNTER_IMPRESSIONS] > 0;
    }
    return known;
}

static enum status measure_log(struct quality *quality, const struct kuairand *log,
                               struct quality_kuairand_counts *counts)
{
    struct state *state = state_new();
    if (state == NULL) {
        return STATUS_NO_MEMORY;
    }
    split(log, counts);
    struct reaction *tests = (struct reaction *)log->reactions.items + counts->history;
    qsort(tests, counts->tested, sizeof(*tests), by_user);
    enum status status = apply_history(log, counts->split_ms, state);
    if (status == STATUS_OK) {
        counts->known = count_known(state, tests, counts->tested);
        status = measure_users(quality, state, tests, counts->tested, counts);
    }
    state_free(state);
    return status;
}

enum status quality_add_kuairand(struct quality *quality, FILE *file,
                                 struct quality_kuairand_counts *counts, struct problem *problem)
{
    struct kuairand log = {.problem = problem};
    enum status status = read_log(&log, file);
    if (status == STATUS_OK) {
        status = measure_log(quality, &log, counts);
    }
    free(log.signals.items);
    free(log.videos.items);
    free(log.reactions.items);
    return status;
}
