#include "replay/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/random.h"
#include "ranker/table.h"
#include "ranker/wire.h"
#include "replay/entry.h"
#include "replay/fifo.h"
#include "replay/overlay.h"

enum {
    ARENA_BYTES = 32 << 20,
    DRAWS_PER_NEGATIVE = 32, /* of a catalogue of which most is deleted */
    FIRST_SHOWN = 16,
    BATCH = 64, /* events that are applied together */
    PREFETCH_STEPS = STATE_PREFETCH_LISTS + 1,
    PREFETCH_APART = 4, /* events from one step to the next of the same one */
    PREFETCH_EVENTS = PREFETCH_STEPS * PREFETCH_APART
};

struct shown {
    uint64_t video_key;
    uint32_t position; /* 0: unknown */
};

/* What is shown together, as far as it is known. */
struct group {
    uint64_t key;
    uint64_t user_key;
    uint64_t ranking_key;
    int64_t time_ms;
    struct locale locale;
    struct shown *shown; /* owned */
    size_t count;
    size_t capacity;
    struct outcome outcome; /* RANKINGS_OUTCOMES: of the one video */
};

/* A row of the table of groups that still grow. */
struct open_group {
    uint64_t key; /* first: the table's hash */
    struct group *group;
};

/* A record of the queue: a group stands right before the event that began it. */
struct waiting {
    int64_t time_ms;
    struct group *group; /* owned; NULL: an event */
    uint32_t fields;     /* of an EVENT_VIDEO: what it speaks of; 0: all */
};
_Static_assert(sizeof(struct waiting) % _Alignof(struct event) == 0, "an event can follow");

struct timeline {
    struct timeline_options options;
    struct timeline_counts counts;
    struct state *state; /* owned */
    struct fifo waiting;
    struct table groups; /* struct open_group */
    int64_t newest_ms;
    bool ended;         /* all that waits is due */
    size_t fresh;       /* events that came since it was last seen to what is due */
    struct arena arena; /* of one ranking */
    void *memory;       /* owned */
};

uint64_t past_ranking_unit(const struct past_ranking *ranking)
{
    uint64_t key = ranking->user_key != 0 ? ranking->user_key : ranking->ranking_key;
    return key != 0 ? key : ranking->request->seed | 1; /* a nameless visitor stands alone */
}

struct timeline *timeline_new(struct state *state, const struct timeline_options *options)
{
    struct timeline *timeline = calloc(1, sizeof(*timeline));
    void *memory = malloc(ARENA_BYTES);
    if (timeline == NULL || memory == NULL) {
        free(timeline);
        free(memory);
        return NULL;
    }
    timeline->options = *options;
    timeline->state = state;
    timeline->groups = table_of(sizeof(struct open_group));
    timeline->memory = memory;
    arena_init(&timeline->arena, memory, ARENA_BYTES);
    return timeline;
}

static void free_group(struct group *group)
{
    if (group != NULL) {
        free(group->shown);
        free(group);
    }
}

void timeline_free(struct timeline *timeline)
{
    if (timeline == NULL) {
        return;
    }
    while (timeline->waiting.count > 0) {
        free_group(((struct waiting *)fifo_first(&timeline->waiting))->group);
        fifo_pop(&timeline->waiting);
    }
    fifo_release(&timeline->waiting);
    table_release(&timeline->groups);
    state_free(timeline->state);
    free(timeline->memory);
    free(timeline);
}

const struct state *timeline_state(const struct timeline *timeline)
{
    return timeline->state;
}

const struct timeline_counts *timeline_counts(const struct timeline *timeline)
{
    return &timeline->counts;
}

static void note_time(struct timeline *timeline, int64_t time_ms)
{
    struct timeline_counts *counts = &timeline->counts;
    if (counts->first_ms == 0 || time_ms < counts->first_ms) {
        counts->first_ms = time_ms;
    }
    if (time_ms > counts->last_ms) {
        counts->last_ms = time_ms;
    }
}

static enum status tell(struct timeline *timeline, const struct past_ranking *ranking)
{
    if (ranking->request->count < (timeline->options.singles ? 1 : 2)) {
        timeline->counts.single++;
        return STATUS_OK;
    }
    timeline->counts.rankings++;
    return timeline->options.ranking(timeline->options.context, ranking, timeline->state);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t hash = XXH3_64bits_withSeed(&a, sizeof(a), b);
    return hash != 0 ? hash : 1;
}

static uint64_t group_key(const struct timeline *timeline, const struct signal *signal)
{
    if (timeline->options.origin == RANKINGS_OUTCOMES) {
        return mix(signal->user_key, signal->video_key);
    }
    return signal->ranking_key != 0 ? mix(signal->user_key, signal->ranking_key) : signal->user_key;
}

static bool has_waited(const struct timeline *timeline, int64_t time_ms)
{
    return timeline->newest_ms - time_ms > TIMELINE_AHEAD_MS;
}

/* The group that a signal belongs to; NULL: it begins one. */
static struct group *find_group(const struct timeline *timeline, const struct signal *signal,
                                uint64_t key)
{
    const struct open_group *row = table_find(&timeline->groups, key);
    if (row == NULL || has_waited(timeline, row->group->time_ms)) {
        return NULL;
    }
    bool ends = timeline->options.origin == RANKINGS_IMPRESSIONS && signal->ranking_key == 0 &&
                signal->time_ms - row->group->time_ms > TIMELINE_SCREEN_MS;
    return ends ? NULL : row->group;
}

static enum status push_group(struct timeline *timeline, struct group *group)
{
    void *row;
    enum status status = table_need(&timeline->groups, group->key, &row);
    struct waiting *waiting =
        status == STATUS_OK ? fifo_push(&timeline->waiting, sizeof(*waiting)) : NULL;
    if (waiting == NULL) {
        return STATUS_NO_MEMORY;
    }
    ((struct open_group *)row)->group = group;
    *waiting = (struct waiting){.time_ms = group->time_ms, .group = group};
    return STATUS_OK;
}

static enum status begin_group(struct timeline *timeline, const struct signal *signal, uint64_t key,
                               struct group **out)
{
    struct group *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return STATUS_NO_MEMORY;
    }
    group->key = key;
    group->user_key = signal->user_key;
    group->ranking_key = signal->ranking_key;
    group->time_ms = signal->time_ms;
    group->locale = signal->locale;
    enum status status = push_group(timeline, group);
    if (status != STATUS_OK) {
        free(group);
        return status;
    }
    *out = group;
    return STATUS_OK;
}

/* A video that is shown twice stands where it stood first. */
static enum status add_shown(struct group *group, const struct signal *signal)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->shown[i].video_key == signal->video_key) {
            return STATUS_OK;
        }
    }
    if (group->count == LIMIT_CANDIDATES) {
        return STATUS_OK;
    }
    if (group->count == group->capacity) {
        size_t capacity = group->capacity > 0 ? 2 * group->capacity : FIRST_SHOWN;
        struct shown *shown = realloc(group->shown, capacity * sizeof(*shown));
        if (shown == NULL) {
            return STATUS_NO_MEMORY;
        }
        group->shown = shown;
        group->capacity = capacity;
    }
    group->shown[group->count++] =
        (struct shown){.video_key = signal->video_key, .position = signal->position};
    return STATUS_OK;
}

static int64_t duration_of(const struct timeline *timeline, uint64_t video_key)
{
    const struct video *video;
    videos_find_many(state_videos(timeline->state), &video_key, 1, &video);
    return video != NULL ? video->duration_ms : 0;
}

static enum status note_signal(struct timeline *timeline, const struct signal *signal)
{
    bool outcomes = timeline->options.origin == RANKINGS_OUTCOMES;
    bool impressions = timeline->options.origin == RANKINGS_IMPRESSIONS;
    if (!outcomes && !(impressions && signal->type == SIGNAL_IMPRESSION)) {
        return STATUS_OK;
    }
    uint64_t key = group_key(timeline, signal);
    struct group *group = find_group(timeline, signal, key);
    enum status status = STATUS_OK;
    if (group == NULL) {
        status = begin_group(timeline, signal, key, &group);
    }
    if (status == STATUS_OK && outcomes) {
        outcome_add(&group->outcome, signal, 0); /* the catalogue is not yet that of the moment */
    }
    return status == STATUS_OK ? add_shown(group, signal) : status;
}

/* From here on it grows no more. */
static void close_group(struct timeline *timeline, const struct group *group)
{
    const struct open_group *row = table_find(&timeline->groups, group->key);
    if (row != NULL && row->group == group) {
        table_remove(&timeline->groups, table_number(&timeline->groups, row));
    }
}

static struct locale locale_of(const struct timeline *timeline, const struct group *group)
{
    bool named = group->locale.language != 0 || group->locale.region != 0;
    return named ? group->locale : timeline->options.locale;
}

static struct rank_request request_of(const struct timeline *timeline, const struct group *group,
                                      const uint64_t *keys, size_t count)
{
    return (struct rank_request){
        .user_key = group->user_key,
        .locale = locale_of(timeline, group),
        .age_years = timeline->options.age_years,
        .count = count,
        .keys = keys,
        .now_ms = group->time_ms,
        .seed = mix(group->key, (uint64_t)group->time_ms),
    };
}

static int compare_positions(const void *a, const void *b)
{
    uint32_t x = ((const struct shown *)a)->position;
    uint32_t y = ((const struct shown *)b)->position;
    return x < y ? -1 : x > y;
}

/* As they stood in the answer, if the log tells. */
static bool sort_by_position(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->shown[i].position == 0) {
            return false;
        }
    }
    if (group->count > 0) {
        qsort(group->shown, group->count, sizeof(group->shown[0]), compare_positions);
    }
    return true;
}

/*
 * Candidates are asked for in an order that says nothing of how they were shown, so that an order
 * with ties is not the served one by accident.
 */
static enum status tell_impressions(struct timeline *timeline, struct group *group)
{
    struct random random = {mix(group->key, (uint64_t)group->time_ms)};
    bool known = sort_by_position(group);
    uint64_t *keys = arena_new_raw(&timeline->arena, uint64_t, group->count);
    uint32_t *places = arena_new_raw(&timeline->arena, uint32_t, group->count);
    uint32_t *positions = arena_new_raw(&timeline->arena, uint32_t, group->count);
    if (arena_full(&timeline->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < group->count; i++) {
        places[i] = (uint32_t)i;
        positions[i] = group->shown[i].position;
    }
    random_shuffle(&random, places, group->count);
    for (size_t i = 0; i < group->count; i++) {
        keys[places[i]] = group->shown[i].video_key;
    }
    struct rank_request request = request_of(timeline, group, keys, group->count);
    struct past_ranking ranking = {.time_ms = group->time_ms,
                                   .user_key = group->user_key,
                                   .ranking_key = group->ranking_key,
                                   .request = &request,
                                   .served = places,
                                   .served_count = known ? group->count : 0,
                                   .first_position = 1,
                                   .positions = known ? positions : NULL};
    return tell(timeline, &ranking);
}

/* Rows of the catalogue that were drawn: open addressing, at most half full. */
struct drawn {
    uint32_t *slots; /* a row's number + 1; 0: free */
    size_t mask;
};

static bool add_drawn(struct drawn *drawn, uint32_t row)
{
    size_t at = row & drawn->mask;
    while (drawn->slots[at] != 0 && drawn->slots[at] != row + 1) {
        at = (at + 1) & drawn->mask;
    }
    bool is_new = drawn->slots[at] == 0;
    drawn->slots[at] = row + 1;
    return is_new;
}

static enum status begin_drawn(struct timeline *timeline, struct drawn *out)
{
    size_t slots = 4;
    while (slots < 2 * ((size_t)timeline->options.negatives + 1)) {
        slots *= 2;
    }
    *out = (struct drawn){arena_new(&timeline->arena, uint32_t, slots), slots - 1};
    return out->slots != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

/*
 * Different ones, as many as are found, to behind the first key, which is none of them. Returns how
 * many there are with it.
 */
static size_t draw_negatives(const struct timeline *timeline, struct random *random,
                             struct drawn *drawn, uint64_t *keys)
{
    const struct videos *videos = state_videos(timeline->state);
    size_t total = videos_count(videos);
    size_t wanted = 1 + (size_t)timeline->options.negatives;
    size_t count = 1;
    for (size_t i = 0; total > 0 && count < wanted && i < DRAWS_PER_NEGATIVE * wanted; i++) {
        uint32_t row = (uint32_t)random_below(random, total);
        const struct video *video = videos_at(videos, row);
        if (video_is_live(video) && video->key != keys[0] && add_drawn(drawn, row)) {
            keys[count++] = video->key;
        }
    }
    return count;
}

static enum status tell_outcome(struct timeline *timeline, struct group *group)
{
    size_t most = 1 + (size_t)timeline->options.negatives;
    struct random random =
        random_stream(timeline->options.seed, group->key, timeline->counts.rankings);
    outcome_know_duration(&group->outcome, duration_of(timeline, group->shown[0].video_key));
    if (outcome_value(&group->outcome, timeline->options.label) <= 0) {
        return STATUS_OK;
    }
    uint64_t *keys = arena_new_raw(&timeline->arena, uint64_t, most);
    struct outcome *outcomes = arena_new(&timeline->arena, struct outcome, most);
    struct drawn drawn;
    enum status status = begin_drawn(timeline, &drawn);
    if (status != STATUS_OK) {
        return status;
    }
    keys[0] = group->shown[0].video_key;
    size_t count = draw_negatives(timeline, &random, &drawn, keys);
    for (size_t i = 0; i < count; i++) {
        outcomes[i].flags = 1U << OUTCOME_SHOWN;
    }
    size_t place = random_below(&random, count); /* the first one is not to be known by its place */
    keys[0] = keys[place];
    keys[place] = group->shown[0].video_key;
    outcomes[place] = group->outcome;
    struct rank_request request = request_of(timeline, group, keys, count);
    struct past_ranking ranking = {.time_ms = group->time_ms,
                                   .user_key = group->user_key,
                                   .request = &request,
                                   .first_position = 1,
                                   .outcomes = outcomes};
    return tell(timeline, &ranking);
}

static enum status tell_group(struct timeline *timeline, struct group *group)
{
    arena_reset(&timeline->arena);
    return timeline->options.origin == RANKINGS_OUTCOMES ? tell_outcome(timeline, group)
                                                         : tell_impressions(timeline, group);
}

/* Whose request this program would refuse is passed over. */
static enum status tell_decision(struct timeline *timeline, const Reelrank__V1__Decision *decision)
{
    struct rank_request request;
    arena_reset(&timeline->arena);
    enum status status =
        wire_rank_request(decision->request, decision->time_ms, &timeline->arena, &request, NULL);
    if (status == STATUS_INVALID) {
        timeline->counts.refused++;
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        return status;
    }
    request.limit = 0;
    request.explain = false;
    bool whole = decision->n_propensities == decision->n_order;
    struct past_ranking ranking = {
        .time_ms = decision->time_ms,
        .user_key = request.user_key,
        .ranking_key =
            decision->ranking_id[0] != '\0' ? hash_key(text_of(decision->ranking_id)) : 0,
        .request = &request,
        .served = decision->order,
        .served_count = decision->n_order,
        .first_position = decision->first_position > 0 ? decision->first_position : 1,
        .is_part = decision->first_position > 0,
        .propensities = whole ? decision->propensities : NULL,
        .decision = decision};
    return tell(timeline, &ranking);
}

static enum status apply_signal(struct timeline *timeline, const struct signal *signal)
{
    timeline->counts.signals++;
    return timeline->options.signal(timeline->options.context, signal,
                                    duration_of(timeline, signal->video_key), timeline->state);
}

/* Changes the event where it speaks of some fields only. */
static enum status apply(struct timeline *timeline, struct event *event, uint32_t fields)
{
    enum status status = STATUS_OK;
    timeline->counts.events++;
    if (event->kind == EVENT_SIGNAL) {
        status = apply_signal(timeline, &event->u.signal);
    } else if (event->kind == EVENT_VIDEO) {
        overlay_facts(state_videos(timeline->state), fields, &event->u.video);
    }
    return status == STATUS_OK
               ? state_apply(timeline->state, state_sequence(timeline->state) + 1, event)
               : status;
}

static enum status take_first(struct timeline *timeline)
{
    struct waiting *waiting = fifo_first(&timeline->waiting);
    enum status status;
    if (waiting->group != NULL) {
        timeline->counts.cut_short += !timeline->ended && !has_waited(timeline, waiting->time_ms);
        close_group(timeline, waiting->group);
        status = tell_group(timeline, waiting->group);
        free_group(waiting->group);
    } else {
        status = apply(timeline, (struct event *)(void *)(waiting + 1), waiting->fields);
    }
    fifo_pop(&timeline->waiting);
    return status;
}

static void prefetch(const struct timeline *timeline, const struct waiting *waiting, unsigned step)
{
    if (waiting->group == NULL) {
        state_prefetch(timeline->state, (const struct event *)(const void *)(waiting + 1),
                       (enum state_prefetch_step)step);
    }
}

/* What an event touches is asked for some events ahead, step by step, as state_prefetch() has it.
 */
static enum status take_batch(struct timeline *timeline, void *const *records, size_t count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count + PREFETCH_EVENTS; i++) {
        for (unsigned step = 0; step < PREFETCH_STEPS; step++) {
            size_t behind = (size_t)step * PREFETCH_APART;
            if (i >= behind && i - behind < count) {
                prefetch(timeline, records[i - behind], step);
            }
        }
        if (i >= PREFETCH_EVENTS) {
            status = take_first(timeline);
        }
    }
    return status;
}

/* How many of the first records have waited for all that may belong to them. */
static size_t count_due(const struct timeline *timeline, void *const *records, size_t count)
{
    size_t most = timeline->options.ahead_events;
    size_t waiting = timeline->waiting.count;
    size_t due = waiting > most ? waiting - most : 0; /* or there is no room for more */
    if (timeline->ended || timeline->options.origin == RANKINGS_DECISIONS || due > count) {
        return count;
    }
    while (due < count && has_waited(timeline, ((const struct waiting *)records[due])->time_ms)) {
        due++;
    }
    return due;
}

static enum status take_due(struct timeline *timeline)
{
    void *records[BATCH];
    enum status status = STATUS_OK;
    size_t due = 1;
    timeline->fresh = 0;
    while (status == STATUS_OK && due > 0) {
        size_t count = fifo_peek(&timeline->waiting, records, BATCH);
        due = count_due(timeline, records, count);
        status = take_batch(timeline, records, due);
    }
    return status;
}

static enum status push_event(struct timeline *timeline, int64_t time_ms, const struct event *event,
                              uint32_t fields)
{
    size_t size = entry_event_size(event);
    struct waiting *waiting = fifo_push(&timeline->waiting, sizeof(*waiting) + size);
    if (waiting == NULL) {
        return STATUS_NO_MEMORY;
    }
    *waiting = (struct waiting){.time_ms = time_ms, .fields = fields};
    memcpy(waiting + 1, event, size);
    timeline->fresh++;
    return STATUS_OK;
}

static enum status take_event(struct timeline *timeline, int64_t time_ms, const struct event *event,
                              uint32_t fields)
{
    enum status status = STATUS_OK;
    if (event->kind == EVENT_SIGNAL) {
        note_time(timeline, time_ms);
    }
    timeline->newest_ms = time_ms > timeline->newest_ms ? time_ms : timeline->newest_ms;
    if (timeline->fresh >= BATCH || timeline->waiting.count > timeline->options.ahead_events) {
        status = take_due(timeline);
    }
    if (status == STATUS_OK && event->kind == EVENT_SIGNAL) {
        status = note_signal(timeline, &event->u.signal);
    }
    return status == STATUS_OK ? push_event(timeline, time_ms, event, fields) : status;
}

enum status timeline_event(struct timeline *timeline, int64_t time_ms, const struct event *event)
{
    return take_event(timeline, time_ms, event, 0);
}

enum status timeline_video(struct timeline *timeline, int64_t time_ms, const struct event *event,
                           uint32_t fields)
{
    CHECK(event->kind == EVENT_VIDEO);
    return take_event(timeline, time_ms, event, fields);
}

enum status timeline_decision(struct timeline *timeline, const Reelrank__V1__Decision *decision)
{
    if (timeline->options.origin != RANKINGS_DECISIONS) {
        return STATUS_OK;
    }
    note_time(timeline, decision->time_ms);
    enum status status = take_due(timeline); /* all that came before it */
    return status == STATUS_OK ? tell_decision(timeline, decision) : status;
}

enum status timeline_end(struct timeline *timeline)
{
    timeline->ended = true;
    return take_due(timeline);
}
