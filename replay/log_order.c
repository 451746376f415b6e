#include "replay/log_order.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/limits.h"
#include "ranker/wire.h"
#include "replay/entry.h"
#include "replay/event_sort.h"
#include "replay/heap.h"
#include "replay/overlay.h"
#include "replay/unpack.h"

enum {
    PROGRESS_LINES = 1024,
    ARENA_BYTES = 8 << 20 /* for the largest entry that a reader tells */
};

/* Before the packed entry of a record that is sorted; the process that wrote it reads it. */
struct sorted_head {
    uint64_t line;
    uint32_t fields;
    uint32_t input;
};

/* What a line means, until it is told. Behind it lie its bytes. */
struct waiting_line {
    uint64_t line;
    size_t size;     /* of the event, or of the packed decision */
    uint32_t fields; /* of an EVENT_VIDEO */
    bool is_decision;
    bool has_texts; /* those of an impression follow the event, each with its zero */
};

struct ordering {
    const struct log_order_options *options;
    struct log_order_counts *counts;
    struct problem *problem;
    const struct log_input *input; /* that is being read */
    struct unpack *unpack;         /* of it */
    uint64_t bytes_before;         /* of inputs read before it */
    struct heap waiting;           /* lines by their times, which are not below 0 */
    struct event_sort *sort;       /* owned; NULL: not all is sorted */
    uint8_t *packed;               /* owned; of one entry */
    size_t packed_capacity;
    struct arena arena; /* of the entry that is told */
    void *memory;
    int64_t last_ms; /* of the line before */
    int64_t told_ms; /* the latest that was told */
};

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

static void note_signal(const Reelrank__V1__Signal *signal, struct log_event *out)
{
    out->time_ms = signal->time_ms;
    if (signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION) {
        out->user_id = signal->user_id;
        out->video_id = signal->video_id;
        out->ranking_id = signal->ranking_id;
        out->locale = signal->locale;
        out->position = signal->position;
    }
}

/* All but the event, which is large and overwritten whole. */
static void begin_event(struct log_event *out, int64_t time_ms, uint64_t line, uint32_t fields)
{
    out->time_ms = time_ms;
    out->line = line;
    out->fields = fields;
    out->decision = NULL;
    out->user_id = "";
    out->video_id = "";
    out->ranking_id = "";
    out->locale = "";
    out->position = 0;
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

static const char *take_text(const char **at)
{
    const char *text = *at;
    *at += strlen(text) + 1;
    return text;
}

static void take_kept_event(const struct waiting_line *kept, struct log_event *out)
{
    memcpy(&out->event, kept + 1, kept->size);
    if (kept->has_texts) {
        const char *at = (const char *)(kept + 1) + kept->size;
        out->user_id = take_text(&at);
        out->video_id = take_text(&at);
        out->ranking_id = take_text(&at);
        out->locale = take_text(&at);
        out->position = out->event.u.signal.position;
    }
}

static enum status take_kept_decision(struct ordering *ordering, const struct waiting_line *kept,
                                      struct log_event *out)
{
    ProtobufCAllocator allocator = wire_allocator(&ordering->arena);
    arena_reset(&ordering->arena);
    out->decision =
        reelrank__v1__decision__unpack(&allocator, kept->size, (const uint8_t *)(kept + 1));
    return out->decision != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status tell_oldest(struct ordering *ordering)
{
    struct heap_item item = heap_pop(&ordering->waiting);
    const struct waiting_line *kept = item.value;
    struct log_event event;
    enum status status = STATUS_OK;
    begin_event(&event, (int64_t)item.key, kept->line, kept->fields);
    if (kept->is_decision) {
        status = take_kept_decision(ordering, kept, &event);
    } else {
        take_kept_event(kept, &event);
    }
    if (status == STATUS_OK) {
        status = tell(ordering, &event);
    }
    free(item.value);
    return status;
}

static char *put_text(char *at, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    return at + size;
}

static struct waiting_line *keep_event(const struct log_event *event)
{
    size_t size = entry_event_size(&event->event);
    bool has_texts = event->video_id[0] != '\0';
    size_t texts = has_texts ? strlen(event->user_id) + strlen(event->video_id) +
                                   strlen(event->ranking_id) + strlen(event->locale) + 4
                             : 0;
    struct waiting_line *kept = malloc(sizeof(*kept) + size + texts);
    if (kept == NULL) {
        return NULL;
    }
    *kept = (struct waiting_line){
        .line = event->line, .size = size, .fields = event->fields, .has_texts = has_texts};
    memcpy(kept + 1, &event->event, size);
    if (has_texts) {
        char *at = (char *)(kept + 1) + size;
        at = put_text(at, event->user_id);
        at = put_text(at, event->video_id);
        at = put_text(at, event->ranking_id);
        (void)put_text(at, event->locale);
    }
    return kept;
}

static struct waiting_line *keep_decision(const Reelrank__V1__Decision *decision, uint64_t line)
{
    size_t size = reelrank__v1__decision__get_packed_size(decision);
    struct waiting_line *kept = malloc(sizeof(*kept) + size);
    if (kept != NULL) {
        *kept = (struct waiting_line){.line = line, .size = size, .is_decision = true};
        (void)reelrank__v1__decision__pack(decision, (uint8_t *)(kept + 1));
    }
    return kept;
}

/* Of one more line than may wait, the oldest is told. */
static enum status wait(struct ordering *ordering, int64_t time_ms, struct waiting_line *kept)
{
    if (kept == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = heap_push(&ordering->waiting, (uint64_t)time_ms, kept);
    if (status != STATUS_OK) {
        free(kept);
        return status;
    }
    ordering->last_ms = time_ms;
    return ordering->waiting.count > ordering->options->reorder ? tell_oldest(ordering) : STATUS_OK;
}

static enum status add_to_heap(struct ordering *ordering, uint64_t line,
                               const Reelrank__V1__LogEntry *entry, uint32_t fields)
{
    struct log_event event;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        return wait(ordering, entry->decision->time_ms, keep_decision(entry->decision, line));
    }
    begin_event(&event, ordering->last_ms, line, fields);
    if (!read_event(ordering, entry, &event)) {
        return STATUS_OK;
    }
    return wait(ordering, event.time_ms, keep_event(&event));
}

static bool can_be(int64_t time_ms)
{
    return time_ms >= 1 && time_ms <= LIMIT_TIME_MS;
}

/* Signals are checked when all is sorted; until then, a time that will be refused is none. */
static int64_t time_of(const struct ordering *ordering, const Reelrank__V1__LogEntry *entry)
{
    switch (entry->entry_case) {
    case REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL:
        return can_be(entry->signal->time_ms) ? entry->signal->time_ms : ordering->last_ms;
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
    const struct sorted_head head = {
        .line = line,
        .fields = fields,
        .input = (uint32_t)(ordering->input - ordering->options->inputs),
    };
    size_t size = sizeof(head) + reelrank__v1__log_entry__get_packed_size(entry);
    if (size > EVENT_SORT_RECORD_BYTES) {
        reject(ordering, line, "the entry is larger than can be sorted");
        return STATUS_OK;
    }
    enum status status = hold(ordering, size);
    if (status != STATUS_OK) {
        return status;
    }
    memcpy(ordering->packed, &head, sizeof(head));
    (void)reelrank__v1__log_entry__pack(entry, ordering->packed + sizeof(head));
    ordering->last_ms = time_of(ordering, entry);
    struct sorted_record record = {
        .time_ms = ordering->last_ms, .bytes = ordering->packed, .size = size};
    return event_sort_add(ordering->sort, &record, ordering->problem);
}

static enum status tell_sorted(struct ordering *ordering, const struct sorted_record *record)
{
    struct log_event event;
    struct sorted_head head;
    ProtobufCAllocator allocator = wire_allocator(&ordering->arena);
    memcpy(&head, record->bytes, sizeof(head));
    begin_event(&event, record->time_ms, head.line, head.fields);
    ordering->input = &ordering->options->inputs[head.input];
    arena_reset(&ordering->arena);
    const Reelrank__V1__LogEntry *entry = reelrank__v1__log_entry__unpack(
        &allocator, record->size - sizeof(head), record->bytes + sizeof(head));
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
                                  : add_to_heap(ordering, line, entry, fields);
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
        enum status failure = unpack_failure(ordering->unpack, ordering->problem);
        status = failure != STATUS_OK ? failure : status;
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
    while (status == STATUS_OK && ordering->waiting.count > 0) {
        status = tell_oldest(ordering);
    }
    return status;
}

static enum status prepare(struct ordering *ordering)
{
    const struct log_order_options *options = ordering->options;
    ordering->memory = malloc(ARENA_BYTES);
    ordering->sort = options->sort ? event_sort_new(EVENT_SORT_BYTES) : NULL;
    if (ordering->memory == NULL || (options->sort && ordering->sort == NULL)) {
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
    heap_release(&ordering.waiting);
    event_sort_free(ordering.sort);
    free(ordering.packed);
    free(ordering.memory);
    return status;
}
