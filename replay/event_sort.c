#include "replay/event_sort.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "replay/temporary.h"
#include "store/grow.h"

/* Before each record's bytes, in memory and in runs; files are read by the process that wrote. */
struct header {
    int64_t time_ms;
    uint64_t number; /* of adding: those of one time keep their order */
    size_t size;
};

/* A run on disk that is being read. */
struct run {
    FILE *file;
    struct header header; /* of the record at hand */
    uint8_t *bytes;       /* owned; of the record at hand */
    size_t capacity;
};

/* Where a record lies in memory, with what it is sorted by. */
struct place {
    int64_t time_ms;
    uint64_t number;
    size_t offset;
};

struct event_sort {
    size_t run_bytes;
    uint8_t *memory; /* owned; run_bytes: headers and bytes, from the front */
    size_t used;
    struct place *places; /* owned; of the records in memory */
    size_t place_count;
    size_t place_capacity;
    size_t next; /* of places, when all fits in memory */
    uint64_t number;
    struct run runs[EVENT_SORT_RUNS];
    size_t run_count;
    size_t heap[EVENT_SORT_RUNS]; /* runs that have a record, the first in order at the top */
    size_t heap_count;
    bool advance; /* the top was told and is to be read on */
};

enum { UNIT = _Alignof(struct header) };

struct event_sort *event_sort_new(size_t run_bytes)
{
    struct event_sort *sort = calloc(1, sizeof(*sort));
    if (sort == NULL) {
        return NULL;
    }
    sort->run_bytes = run_bytes;
    sort->memory = malloc(run_bytes);
    if (sort->memory == NULL) {
        free(sort);
        return NULL;
    }
    return sort;
}

static void drop_runs(struct event_sort *sort)
{
    for (size_t i = 0; i < sort->run_count; i++) {
        fclose(sort->runs[i].file); /* a temporary file of which nothing is wanted any more */
        free(sort->runs[i].bytes);
    }
    sort->run_count = 0;
}

void event_sort_free(struct event_sort *sort)
{
    if (sort != NULL) {
        drop_runs(sort);
        free(sort->memory);
        free(sort->places);
        free(sort);
    }
}

static enum status fail(struct problem *problem, const char *what)
{
    problem_set(problem, "a temporary file cannot be %s: %s; TMPDIR names another folder", what,
                strerror(errno));
    return STATUS_IO;
}

static const struct header *header_at(const struct event_sort *sort, size_t place)
{
    return (const struct header *)(const void *)(sort->memory + sort->places[place].offset);
}

static bool comes_before(const struct header *a, const struct header *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->number < b->number;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms < y->time_ms ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

static void sort_memory(struct event_sort *sort)
{
    if (sort->place_count > 0) {
        qsort(sort->places, sort->place_count, sizeof(*sort->places), compare_places);
    }
}

static enum status write_record(FILE *file, const struct header *header, const uint8_t *bytes,
                                struct problem *problem)
{
    bool written = fwrite(header, sizeof(*header), 1, file) == 1 &&
                   (header->size == 0 || fwrite(bytes, header->size, 1, file) == 1);
    return written ? STATUS_OK : fail(problem, "written");
}

static enum status add_run(struct event_sort *sort, FILE **out, struct problem *problem)
{
    FILE *file = temporary_open();
    if (file == NULL) {
        return fail(problem, "made");
    }
    sort->runs[sort->run_count++] = (struct run){.file = file};
    *out = file;
    return STATUS_OK;
}

/* What is in memory becomes a run. */
static enum status spill(struct event_sort *sort, struct problem *problem)
{
    FILE *file = NULL;
    enum status status = add_run(sort, &file, problem);
    sort_memory(sort);
    for (size_t i = 0; status == STATUS_OK && i < sort->place_count; i++) {
        const struct header *header = header_at(sort, i);
        status = write_record(file, header, (const uint8_t *)(header + 1), problem);
    }
    sort->used = 0;
    sort->place_count = 0;
    return status;
}

static enum status hold(struct run *run, size_t size)
{
    if (size <= run->capacity) {
        return STATUS_OK;
    }
    uint8_t *bytes = realloc(run->bytes, size);
    if (bytes == NULL) {
        return STATUS_NO_MEMORY;
    }
    run->bytes = bytes;
    run->capacity = size;
    return STATUS_OK;
}

/* STATUS_NOT_FOUND at the run's end. */
static enum status read_on(struct run *run, struct problem *problem)
{
    if (fread(&run->header, sizeof(run->header), 1, run->file) != 1) {
        return ferror(run->file) ? fail(problem, "read") : STATUS_NOT_FOUND;
    }
    enum status status = hold(run, run->header.size);
    if (status == STATUS_OK && run->header.size > 0 &&
        fread(run->bytes, run->header.size, 1, run->file) != 1) {
        return fail(problem, "read");
    }
    return status;
}

static bool run_before(const struct event_sort *sort, size_t a, size_t b)
{
    return comes_before(&sort->runs[a].header, &sort->runs[b].header);
}

static void sink_top(struct event_sort *sort)
{
    size_t *heap = sort->heap;
    size_t at = 0;
    for (size_t child = 1; child < sort->heap_count; child = 2 * at + 1) {
        child += child + 1 < sort->heap_count && run_before(sort, heap[child + 1], heap[child]);
        if (!run_before(sort, heap[child], heap[at])) {
            break;
        }
        size_t swapped = heap[at];
        heap[at] = heap[child];
        heap[child] = swapped;
        at = child;
    }
}

static void push_run(struct event_sort *sort, size_t run)
{
    size_t *heap = sort->heap;
    size_t at = sort->heap_count++;
    for (; at > 0 && run_before(sort, run, heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = run;
}

static enum status begin_merge(struct event_sort *sort, struct problem *problem)
{
    enum status status = STATUS_OK;
    sort->heap_count = 0;
    sort->advance = false;
    for (size_t i = 0; status == STATUS_OK && i < sort->run_count; i++) {
        if (fflush(sort->runs[i].file) != 0) {
            return fail(problem, "written");
        }
        rewind(sort->runs[i].file);
        status = read_on(&sort->runs[i], problem);
        if (status == STATUS_OK) {
            push_run(sort, i);
        }
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return status;
}

static enum status next_of_runs(struct event_sort *sort, struct sorted_record *out,
                                struct header *header, struct problem *problem)
{
    if (sort->advance) {
        enum status status = read_on(&sort->runs[sort->heap[0]], problem);
        if (status == STATUS_NOT_FOUND) {
            sort->heap[0] = sort->heap[--sort->heap_count];
        } else if (status != STATUS_OK) {
            return status;
        }
        sink_top(sort);
    }
    sort->advance = sort->heap_count > 0;
    if (!sort->advance) {
        return STATUS_NOT_FOUND;
    }
    const struct run *run = &sort->runs[sort->heap[0]];
    *header = run->header;
    *out = (struct sorted_record){
        .time_ms = run->header.time_ms, .bytes = run->bytes, .size = run->header.size};
    return STATUS_OK;
}

static enum status copy_all(struct event_sort *sort, FILE *file, struct problem *problem)
{
    struct sorted_record record;
    struct header header;
    enum status status = begin_merge(sort, problem);
    while (status == STATUS_OK) {
        status = next_of_runs(sort, &record, &header, problem);
        if (status == STATUS_OK) {
            status = write_record(file, &header, record.bytes, problem);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Many runs become one, so that the number of open files is bounded. */
static enum status merge_runs(struct event_sort *sort, struct problem *problem)
{
    FILE *file = temporary_open();
    if (file == NULL) {
        return fail(problem, "made");
    }
    enum status status = copy_all(sort, file, problem);
    if (status != STATUS_OK) {
        fclose(file);
        return status;
    }
    drop_runs(sort);
    sort->runs[0] = (struct run){.file = file};
    sort->run_count = 1;
    return STATUS_OK;
}

static enum status make_room(struct event_sort *sort, size_t size, struct problem *problem)
{
    enum status status = STATUS_OK;
    CHECK(size <= sort->run_bytes);
    if (sort->used + size > sort->run_bytes) {
        status = spill(sort, problem);
        if (status == STATUS_OK && sort->run_count == EVENT_SORT_RUNS) {
            status = merge_runs(sort, problem);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    struct place *places =
        grow(sort->places, sort->place_count, &sort->place_capacity, sizeof(*places));
    if (places == NULL) {
        return STATUS_NO_MEMORY;
    }
    sort->places = places;
    return STATUS_OK;
}

enum status event_sort_add(struct event_sort *sort, const struct sorted_record *record,
                           struct problem *problem)
{
    size_t size = (sizeof(struct header) + record->size + UNIT - 1) / UNIT * UNIT;
    CHECK(record->size <= EVENT_SORT_RECORD_BYTES);
    enum status status = make_room(sort, size, problem);
    if (status != STATUS_OK) {
        return status;
    }
    struct header header = {record->time_ms, sort->number++, record->size};
    memcpy(sort->memory + sort->used, &header, sizeof(header));
    if (record->size > 0) {
        memcpy(sort->memory + sort->used + sizeof(header), record->bytes, record->size);
    }
    sort->places[sort->place_count++] =
        (struct place){.time_ms = header.time_ms, .number = header.number, .offset = sort->used};
    sort->used += size;
    return STATUS_OK;
}

enum status event_sort_finish(struct event_sort *sort, struct problem *problem)
{
    if (sort->run_count == 0) {
        sort_memory(sort);
        return STATUS_OK;
    }
    enum status status = spill(sort, problem);
    return status == STATUS_OK ? begin_merge(sort, problem) : status;
}

enum status event_sort_next(struct event_sort *sort, struct sorted_record *out,
                            struct problem *problem)
{
    struct header header;
    if (sort->run_count > 0) {
        return next_of_runs(sort, out, &header, problem);
    }
    if (sort->next == sort->place_count) {
        return STATUS_NOT_FOUND;
    }
    const struct header *first = header_at(sort, sort->next++);
    *out = (struct sorted_record){
        .time_ms = first->time_ms, .bytes = (const uint8_t *)(first + 1), .size = first->size};
    return STATUS_OK;
}
