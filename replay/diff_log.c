#include "replay/diff_log.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/table.h"
#include "replay/log_order.h"

enum { ARENA_BYTES = 16 << 20, KEYS_PER_REQUEST = 4 };

struct shown {
    char video_id[LIMIT_ID_BYTES + 1];
    uint32_t position; /* 0: unknown */
};

/* A past request, as its impressions tell of it. */
struct request {
    uint64_t key; /* of user and ranking_id, or of the user */
    uint64_t at;  /* events before its first impression */
    int64_t time_ms;
    char user_id[LIMIT_ID_BYTES + 1];
    char locale[LIMIT_LOCALE_BYTES + 1];
    struct shown *shown; /* owned */
    size_t count;
    size_t capacity;
};

/* A row of the table that finds the last request of a key. */
struct request_of_key {
    uint64_t key; /* first: the table's hash */
    uint64_t number;
};

struct log_diff {
    const struct diff_log_options *options;
    struct diff *diff;
    struct problem *problem;
    struct state *state;      /* owned; of the reading that goes on */
    struct request *requests; /* owned; a ring of the newest `limit`; request N is at N % limit */
    uint64_t found;           /* requests so far */
    struct table keys;        /* struct request_of_key */
    uint64_t events;          /* told so far, in this reading */
    uint64_t next;            /* the request to be ranked next */
    uint64_t single;
    struct arena arena;    /* of one request */
    uint64_t bytes_before; /* of earlier readings */
    uint64_t bytes;
};

static struct request *request_at(const struct log_diff *log, uint64_t number)
{
    return &log->requests[number % log->options->limit];
}

static uint64_t oldest_kept(const struct log_diff *log)
{
    return log->found > log->options->limit ? log->found - log->options->limit : 0;
}

static uint64_t key_of(const struct log_event *event)
{
    uint64_t user_key = event->event.u.signal.user_key;
    uint64_t key =
        event->ranking_id[0] != '\0'
            ? XXH3_64bits_withSeed(event->ranking_id, strlen(event->ranking_id), user_key)
            : user_key;
    return key != 0 ? key : 1;
}

/* The request an impression belongs to; NULL: a new one. */
static struct request *find_request(const struct log_diff *log, const struct log_event *event)
{
    const struct request_of_key *row = table_find(&log->keys, key_of(event));
    if (row == NULL || row->number < oldest_kept(log)) {
        return NULL;
    }
    struct request *request = request_at(log, row->number);
    bool named = event->ranking_id[0] != '\0';
    return named || event->time_ms - request->time_ms <= DIFF_LOG_WINDOW_MS ? request : NULL;
}

static enum status note_key(struct log_diff *log, uint64_t key, uint64_t number)
{
    void *row;
    enum status status = table_need(&log->keys, key, &row);
    if (status == STATUS_OK) {
        ((struct request_of_key *)row)->number = number;
    }
    return status;
}

/* Keys of requests that are not kept any more go now and then, so that memory stays bounded. */
static enum status renew_keys(struct log_diff *log)
{
    enum status status = STATUS_OK;
    if (log->keys.count < KEYS_PER_REQUEST * log->options->limit) {
        return STATUS_OK;
    }
    table_release(&log->keys);
    log->keys = table_of(sizeof(struct request_of_key));
    for (uint64_t i = oldest_kept(log); i < log->found && status == STATUS_OK; i++) {
        status = note_key(log, request_at(log, i)->key, i);
    }
    return status;
}

static enum status add_request(struct log_diff *log, const struct log_event *event,
                               struct request **out)
{
    struct request *request = request_at(log, log->found);
    struct shown *shown = request->shown;
    size_t capacity = request->capacity;
    *request = (struct request){.key = key_of(event),
                                .at = log->events,
                                .time_ms = event->time_ms,
                                .shown = shown,
                                .capacity = capacity};
    snprintf(request->user_id, sizeof(request->user_id), "%s", event->user_id);
    snprintf(request->locale, sizeof(request->locale), "%s",
             event->locale[0] != '\0' ? event->locale : log->options->locale);
    enum status status = note_key(log, request->key, log->found);
    log->found++;
    *out = request;
    return status == STATUS_OK ? renew_keys(log) : status;
}

/* A video that is shown twice stands where it stood first. */
static enum status add_shown(struct request *request, const struct log_event *event)
{
    for (size_t i = 0; i < request->count; i++) {
        if (strcmp(request->shown[i].video_id, event->video_id) == 0) {
            return STATUS_OK;
        }
    }
    if (request->count == LIMIT_CANDIDATES) {
        return STATUS_OK;
    }
    if (request->count == request->capacity) {
        size_t capacity = request->capacity > 0 ? 2 * request->capacity : 16;
        struct shown *shown = realloc(request->shown, capacity * sizeof(*shown));
        if (shown == NULL) {
            return STATUS_NO_MEMORY;
        }
        request->shown = shown;
        request->capacity = capacity;
    }
    struct shown *shown = &request->shown[request->count++];
    snprintf(shown->video_id, sizeof(shown->video_id), "%s", event->video_id);
    shown->position = event->position;
    return STATUS_OK;
}

static bool is_impression(const struct log_event *event)
{
    return event->event.kind == EVENT_SIGNAL && event->video_id[0] != '\0';
}

static enum status note_impression(struct log_diff *log, const struct log_event *event)
{
    struct request *request = find_request(log, event);
    enum status status = STATUS_OK;
    if (request == NULL) {
        status = add_request(log, event, &request);
    }
    return status == STATUS_OK ? add_shown(request, event) : status;
}

/* First reading: the requests, and the catalogue, for the sizes of creators. */
static enum status find_requests(void *context, const struct log_event *event)
{
    struct log_diff *log = context;
    enum status status = STATUS_OK;
    if (is_impression(event)) {
        status = note_impression(log, event);
    } else if (event->event.kind != EVENT_SIGNAL) {
        status = state_apply(log->state, state_sequence(log->state) + 1, &event->event);
    }
    log->events++;
    return status;
}

static int compare_positions(const void *a, const void *b)
{
    uint32_t x = ((const struct shown *)a)->position;
    uint32_t y = ((const struct shown *)b)->position;
    return x < y ? -1 : x > y;
}

/* As they stood in the answer, if the log tells. */
static bool sort_by_position(struct request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        if (request->shown[i].position == 0) {
            return false;
        }
    }
    qsort(request->shown, request->count, sizeof(request->shown[0]), compare_positions);
    return true;
}

static enum status rank_as(struct log_diff *log, const struct request *request, bool served)
{
    Reelrank__V1__RankRequest message = REELRANK__V1__RANK_REQUEST__INIT;
    char **ids = arena_new(&log->arena, char *, request->count);
    uint32_t *order = arena_new(&log->arena, uint32_t, request->count);
    if (arena_full(&log->arena)) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < request->count; i++) {
        ids[i] = request->shown[i].video_id;
        order[i] = (uint32_t)i;
    }
    struct diff_served as_served = {.order = order, .count = request->count};
    message.user_id = (char *)request->user_id;
    message.locale = (char *)request->locale;
    message.age_years = log->options->age_years;
    message.now_ms = request->time_ms;
    message.candidate_ids = ids;
    message.n_candidate_ids = request->count;
    return diff_add(log->diff, log->state, &message, served ? &as_served : NULL, &log->arena);
}

static enum status rank_request(struct log_diff *log, struct request *request)
{
    if (request->count < 2) {
        log->single++;
        return STATUS_OK;
    }
    bool served = sort_by_position(request);
    arena_reset(&log->arena);
    return rank_as(log, request, served);
}

/* Second reading: what happened before a request is applied, and then it is ranked. */
static enum status replay(void *context, const struct log_event *event)
{
    struct log_diff *log = context;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && log->next < log->found &&
           request_at(log, log->next)->at == log->events) {
        status = rank_request(log, request_at(log, log->next++));
    }
    log->events++;
    return status == STATUS_OK
               ? state_apply(log->state, state_sequence(log->state) + 1, &event->event)
               : status;
}

static void tell_progress(void *context, uint64_t bytes)
{
    struct log_diff *log = context;
    log->bytes = bytes;
    if (log->options->progress != NULL) {
        log->options->progress(log->options->progress_context, log->bytes_before + bytes);
    }
}

static enum status read_log(struct log_diff *log,
                            enum status (*event)(void *context, const struct log_event *event),
                            struct log_order_counts *counts)
{
    const struct log_input input = {.file = log->options->file, .format = IMPORT_JSONL};
    const struct log_order_options options = {.inputs = &input,
                                              .input_count = 1,
                                              .reorder = DIFF_LOG_REORDER,
                                              .event = event,
                                              .progress = tell_progress,
                                              .context = log};
    state_free(log->state);
    log->state = state_new();
    log->events = 0;
    if (log->state == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = log_order_read(&options, counts, log->problem);
    log->bytes_before += log->bytes;
    return status;
}

static enum status count_creators(struct log_diff *log)
{
    bool done = false;
    return diff_count_creators(log->diff, log->state, SIZE_MAX, &done);
}

static enum status read_twice(struct log_diff *log, struct diff_log_counts *counts)
{
    struct log_order_counts ordered;
    enum status status = read_log(log, find_requests, &ordered);
    if (status == STATUS_OK) {
        status = count_creators(log);
    }
    if (status == STATUS_OK && fseek(log->options->file, 0, SEEK_SET) != 0) {
        problem_set(log->problem, "the log has to be read twice, so it must be a file");
        status = STATUS_INVALID;
    }
    log->next = oldest_kept(log);
    if (status == STATUS_OK) {
        status = read_log(log, replay, &ordered);
    }
    if (status == STATUS_OK) {
        *counts = (struct diff_log_counts){
            .lines = ordered.events,
            .rejected = ordered.rejected,
            .late = ordered.late,
            .single = log->single,
            .sequence = state_sequence(log->state),
            .found = log->found,
        };
    }
    return status;
}

static void release(struct log_diff *log)
{
    for (uint64_t i = 0; log->requests != NULL && i < log->options->limit; i++) {
        free(log->requests[i].shown);
    }
    free(log->requests);
    if (log->arena.base != NULL) {
        arena_reset(&log->arena);
        free(log->arena.base);
    }
    table_release(&log->keys);
    state_free(log->state);
}

enum status diff_log(struct diff *diff, const struct diff_log_options *options,
                     struct diff_log_counts *counts, struct problem *problem)
{
    CHECK(options->limit > 0);
    struct log_diff log = {.options = options,
                           .diff = diff,
                           .problem = problem,
                           .keys = table_of(sizeof(struct request_of_key))};
    void *memory = malloc(ARENA_BYTES);
    log.requests = calloc(options->limit, sizeof(*log.requests));
    problem_set(problem, "%s", status_text(STATUS_NO_MEMORY));
    enum status status = STATUS_NO_MEMORY;
    if (memory != NULL) {
        arena_init(&log.arena, memory, ARENA_BYTES);
    }
    if (memory != NULL && log.requests != NULL) {
        status = read_twice(&log, counts);
    }
    release(&log);
    return status;
}
