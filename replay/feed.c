#include "replay/feed.h"

#include <stdlib.h>

#include "ranker/wire.h"
#include "replay/decision_check.h"
#include "replay/decision_order.h"
#include "replay/derive.h"
#include "replay/overlay.h"

enum { ARENA_BYTES = 8 << 20 };

struct feed {
    struct feed_options options;
    struct feed_counts counts;
    struct derive *derive;            /* owned; NULL: files */
    struct decision_order *decisions; /* owned; NULL: none are told of */
    struct timeline *timeline;        /* during feed_run() */
    int64_t time_ms;                  /* of the signal before */
    struct arena arena;               /* of one decision */
    void *memory;
};

static enum status take_record(void *context, uint64_t sequence, const struct record *record,
                               const struct event *event)
{
    struct feed *feed = context;
    (void)sequence;
    (void)record;
    if (event->kind == EVENT_SIGNAL) {
        feed->time_ms = event->u.signal.time_ms;
    }
    return timeline_event(feed->timeline, feed->time_ms, event);
}

static void show_progress(void *context, uint64_t sequence, uint64_t last)
{
    const struct feed *feed = context;
    (void)last;
    if (feed->options.progress != NULL) {
        feed->options.progress(feed->options.context, sequence);
    }
}

static enum status open_data(struct feed *feed, struct problem *problem)
{
    const struct derive_options options = {.data = feed->options.data,
                                           .map_bytes = feed->options.map_bytes,
                                           .applied = take_record,
                                           .progress = show_progress,
                                           .context = feed};
    enum status status = derive_open(&options, &feed->derive, problem);
    if (status == STATUS_OK) {
        feed->counts.base = derive_base(feed->derive);
    }
    return status == STATUS_OK && feed->options.decisions
               ? decision_order_new(feed->options.data, &feed->decisions, problem)
               : status;
}

static void reject(struct feed *feed, const char *reason)
{
    feed->counts.rejected++;
    if (feed->options.reject != NULL) {
        feed->options.reject(feed->options.context, feed->options.data, 0, reason);
    }
}

static enum status tell_decision(struct feed *feed, const struct decision_record *record)
{
    struct problem why = {""};
    ProtobufCAllocator allocator = wire_allocator(&feed->arena);
    arena_reset(&feed->arena);
    const Reelrank__V1__Decision *decision =
        reelrank__v1__decision__unpack(&allocator, record->payload_size, record->payload);
    enum status status =
        decision != NULL ? decision_check(decision, &feed->arena, &why) : STATUS_INVALID;
    if (status == STATUS_INVALID) {
        reject(feed, why.text[0] != '\0' ? why.text : "a decision of the journal is damaged");
        return STATUS_OK;
    }
    return status == STATUS_OK ? timeline_decision(feed->timeline, decision) : status;
}

static enum status take_decision(struct feed *feed, const struct decision_record *record,
                                 struct problem *problem)
{
    if (record->state_sequence < feed->counts.base) {
        feed->counts.before_base++;
        return STATUS_OK;
    }
    if (record->state_sequence < derive_sequence(feed->derive)) {
        feed->counts.late++;
        return STATUS_OK;
    }
    if (record->state_sequence > derive_last(feed->derive)) {
        feed->counts.behind_log++;
        return STATUS_OK;
    }
    enum status status = derive_advance(feed->derive, record->state_sequence, problem);
    return status == STATUS_OK ? tell_decision(feed, record) : status;
}

static enum status run_data(struct feed *feed, struct problem *problem)
{
    enum status status = STATUS_OK;
    while (feed->decisions != NULL && status == STATUS_OK) {
        struct decision_record record;
        status = decision_order_next(feed->decisions, &record, problem);
        if (status == STATUS_OK) {
            status = take_decision(feed, &record, problem);
        }
    }
    if (status == STATUS_NOT_FOUND) {
        feed->counts.rejected += decision_order_skipped(feed->decisions);
        status = STATUS_OK;
    }
    return status == STATUS_OK ? derive_advance(feed->derive, derive_last(feed->derive), problem)
                               : status;
}

static enum status take_event(void *context, const struct log_event *told)
{
    struct feed *feed = context;
    if (told->decision != NULL) {
        return timeline_decision(feed->timeline, told->decision);
    }
    if (told->event.kind != EVENT_VIDEO || told->fields == 0) {
        return timeline_event(feed->timeline, told->time_ms, &told->event);
    }
    return timeline_video(feed->timeline, told->time_ms, &told->event, told->fields);
}

static void take_reject(void *context, const char *name, uint64_t line, const char *reason)
{
    const struct feed *feed = context;
    if (feed->options.reject != NULL) {
        feed->options.reject(feed->options.context, name, line, reason);
    }
}

static void show_bytes(void *context, uint64_t bytes)
{
    const struct feed *feed = context;
    if (feed->options.progress != NULL) {
        feed->options.progress(feed->options.context, bytes);
    }
}

static enum status run_files(struct feed *feed, struct problem *problem)
{
    struct log_order_counts counts;
    const struct log_order_options options = {.inputs = feed->options.inputs,
                                              .input_count = feed->options.input_count,
                                              .assume_safety = feed->options.assume_safety,
                                              .decisions = feed->options.decisions,
                                              .sort = feed->options.sort,
                                              .reorder = FEED_REORDER,
                                              .event = take_event,
                                              .reject = take_reject,
                                              .progress = show_bytes,
                                              .context = feed};
    enum status status = log_order_read(&options, &counts, problem);
    feed->counts.rejected = counts.rejected;
    feed->counts.late = counts.late;
    return status;
}

enum status feed_open(const struct feed_options *options, struct feed **out,
                      struct problem *problem)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        return STATUS_NO_MEMORY;
    }
    feed->options = *options;
    feed->memory = malloc(ARENA_BYTES);
    enum status status = feed->memory != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        arena_init(&feed->arena, feed->memory, ARENA_BYTES);
        status = options->data != NULL ? open_data(feed, problem) : STATUS_OK;
    }
    if (status != STATUS_OK) {
        feed_close(feed);
        return status;
    }
    *out = feed;
    return STATUS_OK;
}

void feed_close(struct feed *feed)
{
    if (feed == NULL) {
        return;
    }
    decision_order_free(feed->decisions);
    derive_close(feed->derive);
    free(feed->memory);
    free(feed);
}

struct state *feed_take_state(struct feed *feed)
{
    return feed->derive != NULL ? derive_take_state(feed->derive) : state_new();
}

uint64_t feed_total(const struct feed *feed)
{
    return feed->derive != NULL ? derive_last(feed->derive) : 0;
}

struct log *feed_log(struct feed *feed)
{
    return feed->derive != NULL ? derive_log(feed->derive) : NULL;
}

enum status feed_run(struct feed *feed, struct timeline *timeline, struct problem *problem)
{
    feed->timeline = timeline;
    enum status status = feed->derive != NULL ? run_data(feed, problem) : run_files(feed, problem);
    return status == STATUS_OK ? timeline_end(timeline) : status;
}

const struct feed_counts *feed_counts(const struct feed *feed)
{
    return &feed->counts;
}
