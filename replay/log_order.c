#include "replay/log_order.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/wire.h"
#include "replay/entry.h"
#include "replay/event_sort.h"
#include "replay/overlay.h"
#include "replay/unpack.h"

enum {
    PROGRESS_LINES = 1024,
    ARENA_BYTES = 8 << 20, /* for the largest entry that a reader tells */
    SORTED_HEADER = 16     /* line, fields and input, before the packed entry */
};

/* An event that waits for later lines, which may be older. */
struct waiting_event {
    struct log_event event;
    uint64_t number;   /* of reading: a line may mean several, which keep their order */
    uint8_t *decision; /* owned; packed; NULL: an event */
    size_t decision_size;
};

struct ordering {
    const struct log_order_options *options;
    struct log_order_counts *counts;
    struct problem *problem;
    const struct log_input *input; /* that is being read */
    struct unpack *unpack;         /* of it */
    uint64_t bytes_before;         /* of inputs read before it */
    struct waiting_event **heap;   /* owned, each owned; the oldest first */
    size_t count;
    uint64_t read_count;
    struct event_sort *sort; /* owned; NULL: not all is sorted */
    uint8_t *packed;         /* owned; of one entry */
    size_t packed_capacity;
    struct arena arena; /* of the entry that is told */
    void *memory;
    int64_t last_ms; /* of the line before */
    int64_t told_ms; /* the latest that was told */
};

/* ---- telling ---- */

static enum status tell(struct ordering *ordering, const struct log_event *event)
{
    ordering->counts->events++;
    if (event->time_ms < ordering->told_ms) {
        ordering->counts->late++;
    } else {
        ordering->told_ms = event->time_ms;
    }
    return ordering->options->event(ordering->options->context, event);
}

static void reject(struct ordering *ordering, uint64_t line, const char *reason)
{
    const struct log_order_options *options = ordering->options;
    ordering->counts->rejected++;
    if (options->reject != NULL) {
        options->reject(options->context, ordering->input->name, line, reason);
    }
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

/* What an entry that is no decision means; rejects what breaks the contract. */
static bool read_event(struct ordering *ordering, const Reelrank__V1__LogEntry *entry,
                       struct log_event *out)
{
    struct problem problem = {""};
    if (entry_event(entry, &out->event, &problem) != STATUS_OK) {
        reject(ordering, out->line, problem.text);
        return false;
    }
    if (out->event.kind == EVENT_SIGNAL) {
        note_signal(entry->signal, out);
    }
    return true;
}

/* ---- within a number of lines ---- */

/* Earlier times first, then what was read earlier. */
static bool is_before(const struct waiting_event *x, const struct waiting_event *y)
{
    const struct log_event *a = &x->event;
    const struct log_event *b = &y->event;
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : x->number < y->number;
}

static void push(struct ordering *ordering, struct waiting_event *event)
{
    size_t at = ordering->count++;
    struct waiting_event **heap = ordering->heap;
    while (at > 0 && is_before(event, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = event;
}

static struct waiting_event *pop(struct ordering *ordering)
{
    struct waiting_event **heap = ordering->heap;
    struct waiting_event *first = heap[0];
    const size_t count = --ordering->count;
    struct waiting_event *moved = heap[count];
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

static void free_waiting(struct waiting_event *event)
{
    free(event->decision);
    free(event);
}

static enum status tell_oldest(struct ordering *ordering)
{
    struct waiting_event *event = pop(ordering);
    enum status status = STATUS_OK;
    if (event->decision != NULL) {
        ProtobufCAllocator allocator = wire_allocator(&ordering->arena);
        arena_reset(&ordering->arena);
        event->event.decision =
            reelrank__v1__decision__unpack(&allocator, event->decision_size, event->decision);
        status = event->event.decision != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK) {
        status = tell(ordering, &event->event);
    }
    free_waiting(event);
    return status;
}

static enum status keep_decision(const Reelrank__V1__Decision *decision,
                                 struct waiting_event *event)
{
    event->event.time_ms = decision->time_ms;
    event->decision_size = reelrank__v1__decision__get_packed_size(decision);
    event->decision = malloc(event->decision_size + 1); /* never of size 0 */
    if (event->decision == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)reelrank__v1__decision__pack(decision, event->decision);
    return STATUS_OK;
}

static enum status wait(struct ordering *ordering, uint64_t line,
                        const Reelrank__V1__LogEntry *entry, uint32_t fields)
{
    struct waiting_event *event = calloc(1, sizeof(*event));
    if (event == NULL) {
        return STATUS_NO_MEMORY;
    }
    event->number = ordering->read_count++;
    event->event.line = line;
    event->event.fields = fields;
    event->event.time_ms = ordering->last_ms;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        enum status status = keep_decision(entry->decision, event);
        if (status != STATUS_OK) {
            free_waiting(event);
            return status;
        }
    } else if (!read_event(ordering, entry, &event->event)) {
        free_waiting(event);
        return STATUS_OK;
    }
    ordering->last_ms = event->event.time_ms;
    push(ordering, event);
    return ordering->count > ordering->options->reorder ? tell_oldest(ordering) : STATUS_OK;
}

/* ---- all of it ---- */

static int64_t time_of(const struct ordering *ordering, const Reelrank__V1__LogEntry *entry)
{
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        return entry->signal->time_ms;
    case REELRANK__V1__LOG_ENTRY__ENTRY_DECISION:
        return entry->decision->time_ms;
    default:
        return ordering->last_ms;
    }
}

static enum status hold(struct ordering *ordering, size_t size)
{
    if (size <= ordering->packed_capacity) {
        return STATUS_OK;
    }
    uint8_t *packed = realloc(ordering->packed, size);
    if (packed == NULL) {
        return STATUS_NO_MEMORY;
    }
    ordering->packed = packed;
    ordering->packed_capacity = size;
    return STATUS_OK;
}

static enum status add_to_sort(struct ordering *ordering, uint64_t line,
                               const Reelrank__V1__LogEntry *entry, uint32_t fields)
{
    size_t size = SORTED_HEADER + reelrank__v1__log_entry__get_packed_size(entry);
    if (size > EVENT_SORT_RECORD_BYTES) {
        reject(ordering, line, "the entry is larger than can be sorted");
        return STATUS_OK;
    }
    enum status status = hold(ordering, size);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(ordering->packed, &line, sizeof(line));
    uint32_t input = (uint32_t)(ordering->input - ordering->options->inputs);
    memcpy(ordering->packed + sizeof(line), &fields, sizeof(fields));
    memcpy(ordering->packed + sizeof(line) + sizeof(fields), &input, sizeof(input));
    (void)reelrank__v1__log_entry__pack(entry, ordering->packed + SORTED_HEADER);
    ordering->last_ms = time_of(ordering, entry);
    struct sorted_record record = {
        .time_ms = ordering->last_ms, .bytes = ordering->packed, .size = size};
    return event_sort_add(ordering->sort, &record, ordering->problem);
}

static enum status tell_sorted(struct ordering *ordering, const struct sorted_record *record)
{
    struct log_event event = {.time_ms = record->time_ms};
    uint32_t input;
    ProtobufCAllocator allocator = wire_allocator(&ordering->arena);
    memcpy(&event.line, record->bytes, sizeof(event.line));
    memcpy(&event.fields, record->bytes + sizeof(event.line), sizeof(event.fields));
    memcpy(&input, record->bytes + sizeof(event.line) + sizeof(event.fields), sizeof(input));
    ordering->input = &ordering->options->inputs[input];
    arena_reset(&ordering->arena);
    const Reelrank__V1__LogEntry *entry = reelrank__v1__log_entry__unpack(
        &allocator, record->size - SORTED_HEADER, record->bytes + SORTED_HEADER);
    if (entry == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        event.decision = entry->decision;
    } else if (!read_event(ordering, entry, &event)) {
        return STATUS_OK;
    }
    return tell(ordering, &event);
}

static enum status tell_all_sorted(struct ordering *ordering)
{
    struct sorted_record record;
    enum status status = event_sort_finish(ordering->sort, ordering->problem);
    while (status == STATUS_OK) {
        status = event_sort_next(ordering->sort, &record, ordering->problem);
        if (status == STATUS_OK) {
            status = tell_sorted(ordering, &record);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- reading ---- */

static void report(struct ordering *ordering, uint64_t line)
{
    const struct log_order_options *options = ordering->options;
    if (options->progress != NULL && line % PROGRESS_LINES == 0) {
        options->progress(options->context,
                          ordering->bytes_before + unpack_consumed(ordering->unpack));
    }
}

static enum status take_entry(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                              const char *const *update_fields)
{
    struct ordering *ordering = context;
    uint32_t fields = overlay_fields(update_fields);
    report(ordering, line);
    return ordering->sort != NULL ? add_to_sort(ordering, line, entry, fields)
                                  : wait(ordering, line, entry, fields);
}

static enum status take_reject(void *context, uint64_t line, const char *reason)
{
    reject(context, line, reason);
    return STATUS_OK;
}

static void name_input(const struct ordering *ordering)
{
    if (ordering->input->name != NULL && ordering->problem->text[0] != '\0') {
        struct problem inner = *ordering->problem;
        problem_set(ordering->problem, "%.120s: %.190s", ordering->input->name, inner.text);
    }
}

static enum status read_unpacked(struct ordering *ordering)
{
    const struct import_sink sink = {
        .context = ordering, .entry = take_entry, .reject = take_reject};
    const struct import_options options = {.format = ordering->input->format,
                                           .name = ordering->input->name,
                                           .assume_safety = ordering->options->assume_safety,
                                           .decisions = ordering->options->decisions};
    enum status status =
        import_read(unpack_stream(ordering->unpack), &options, &sink, ordering->problem);
    if (status == STATUS_IO) {
        status = unpack_failure(ordering->unpack, ordering->problem) != STATUS_OK
                     ? unpack_failure(ordering->unpack, NULL)
                     : status;
    }
    return status;
}

static enum status read_input(struct ordering *ordering, const struct log_input *input)
{
    ordering->input = input;
    enum status status = unpack_open(input->file, &ordering->unpack, ordering->problem);
    if (status == STATUS_OK) {
        status = read_unpacked(ordering);
        ordering->bytes_before += unpack_consumed(ordering->unpack);
        unpack_close(ordering->unpack);
    }
    if (status != STATUS_OK) {
        name_input(ordering);
    }
    return status;
}

static enum status read_all(struct ordering *ordering)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < ordering->options->input_count; i++) {
        status = read_input(ordering, &ordering->options->inputs[i]);
    }
    if (status == STATUS_OK && ordering->sort != NULL) {
        status = tell_all_sorted(ordering);
    }
    while (status == STATUS_OK && ordering->count > 0) {
        status = tell_oldest(ordering);
    }
    return status;
}

static enum status prepare(struct ordering *ordering)
{
    const struct log_order_options *options = ordering->options;
    size_t waiting = options->sort ? 0 : options->reorder + 1;
    ordering->heap = calloc(waiting + 1, sizeof(struct waiting_event *));
    ordering->memory = malloc(ARENA_BYTES);
    ordering->sort = options->sort ? event_sort_new(EVENT_SORT_BYTES) : NULL;
    if (ordering->heap == NULL || ordering->memory == NULL ||
        (options->sort && ordering->sort == NULL)) {
        problem_set(ordering->problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    arena_init(&ordering->arena, ordering->memory, ARENA_BYTES);
    return STATUS_OK;
}

enum status log_order_read(const struct log_order_options *options, struct log_order_counts *counts,
                           struct problem *problem)
{
    struct ordering ordering = {.options = options, .counts = counts, .problem = problem};
    *counts = (struct log_order_counts){.events = 0};
    enum status status = prepare(&ordering);
    if (status == STATUS_OK) {
        status = read_all(&ordering);
    }
    while (ordering.count > 0) {
        free_waiting(pop(&ordering));
    }
    event_sort_free(ordering.sort);
    free(ordering.packed);
    free(ordering.heap);
    if (ordering.memory != NULL) {
        arena_reset(&ordering.arena); /* lifts ASan's marks before the memory goes */
    }
    free(ordering.memory);
    return status;
}
