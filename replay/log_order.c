#include "replay/log_order.h"

#include <stdlib.h>
#include <string.h>

#include "replay/entry.h"
#include "replay/import.h"

enum { PROGRESS_LINES = 1024 };

struct ordering {
    const struct log_order_options *options;
    struct log_order_counts *counts;
    struct problem *problem;
    struct log_event **heap; /* owned, each owned; the oldest first */
    size_t count;
    int64_t last_ms; /* of the line before */
    int64_t told_ms; /* the latest that was told */
};

/* Earlier times first, then earlier lines. */
static bool is_before(const struct log_event *x, const struct log_event *y)
{
    return x->time_ms != y->time_ms ? x->time_ms < y->time_ms : x->line < y->line;
}

static void push(struct ordering *ordering, struct log_event *event)
{
    size_t at = ordering->count++;
    struct log_event **heap = ordering->heap;
    while (at > 0 && is_before(event, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = event;
}

static struct log_event *pop(struct ordering *ordering)
{
    struct log_event **heap = ordering->heap;
    struct log_event *first = heap[0];
    const size_t count = --ordering->count;
    struct log_event *moved = heap[count];
    size_t at = 0;
    for (size_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && is_before(heap[child + 1], heap[child]);
        if (!is_before(heap[child], moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
    return first;
}

static enum status tell_oldest(struct ordering *ordering)
{
    struct log_event *event = pop(ordering);
    ordering->counts->events++;
    if (event->time_ms < ordering->told_ms) {
        ordering->counts->late++;
    } else {
        ordering->told_ms = event->time_ms;
    }
    enum status status = ordering->options->event(ordering->options->context, event);
    free(event);
    return status;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void note_signal(const Reelrank__V1__Signal *signal, struct log_event *out)
{
    out->time_ms = signal->time_ms;
    if (signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION) {
        copy(out->user_id, sizeof(out->user_id), signal->user_id);
        copy(out->video_id, sizeof(out->video_id), signal->video_id);
        copy(out->ranking_id, sizeof(out->ranking_id), signal->ranking_id);
        copy(out->locale, sizeof(out->locale), signal->locale);
        out->position = signal->position;
    }
}

static void report(struct ordering *ordering, uint64_t line)
{
    const struct log_order_options *options = ordering->options;
    if (options->progress != NULL && line % PROGRESS_LINES == 0) {
        long at = ftell(options->file);
        options->progress(options->context, at > 0 ? (uint64_t)at : 0);
    }
}

static enum status take_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                              const char *const *update_fields)
{
    struct ordering *ordering = context;
    (void)update_fields; /* JSON Lines say all of a video */
    struct log_event *event = calloc(1, sizeof(*event));
    if (event == NULL) {
        return STATUS_NO_MEMORY;
    }
    event->line = line;
    event->time_ms = ordering->last_ms;
    if (entry_event(entry, &event->event, NULL) != STATUS_OK) {
        free(event);
        ordering->counts->rejected++;
        return STATUS_OK;
    }
    if (event->event.kind == EVENT_SIGNAL) {
        note_signal(entry->signal, event);
    }
    ordering->last_ms = event->time_ms;
    push(ordering, event);
    report(ordering, line);
    return ordering->count > ordering->options->reorder ? tell_oldest(ordering) : STATUS_OK;
}

static enum status take_reject(void *context, uint64_t line, const char *reason)
{
    struct ordering *ordering = context;
    (void)line;
    (void)reason;
    ordering->counts->rejected++;
    return STATUS_OK;
}

static enum status read_all(struct ordering *ordering)
{
    const struct import_sink sink = {
        .context = ordering, .entry = take_entry, .reject = take_reject};
    const struct import_options options = {.format = IMPORT_JSONL};
    enum status status = import_read(ordering->options->file, &options, &sink, ordering->problem);
    while (status == STATUS_OK && ordering->count > 0) {
        status = tell_oldest(ordering);
    }
    return status;
}

enum status log_order_read(const struct log_order_options *options, struct log_order_counts *counts,
                           struct problem *problem)
{
    struct ordering ordering = {.options = options, .counts = counts, .problem = problem};
    *counts = (struct log_order_counts){.events = 0};
    ordering.heap = calloc(options->reorder + 1, sizeof(struct log_event *));
    if (ordering.heap == NULL) {
        problem_set(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    enum status status = read_all(&ordering);
    while (ordering.count > 0) {
        free(pop(&ordering));
    }
    free(ordering.heap);
    return status;
}
