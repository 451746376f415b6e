#include "store/state_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/scoped.h"
#include "ranker/state_rows.h"
#include "store/grow.h"
#include "store/pages.h"
#include "store/statistics_keys_row.h"
#include "store/statistics_row.h"
#include "store/user_keys_row.h"
#include "store/user_row.h"
#include "store/video_row.h"
#include "store/watch_row.h"

enum { KEY_SIZE = 4, SCOPE_BYTES = 11 };

/* Numbers that must differ from each other. */
struct numbers {
    uint64_t *items; /* owned */
    size_t count;
    size_t capacity;
};

struct checking {
    const struct state_check_options *options;
    struct state_check *out;
    struct state *state; /* NULL: none, or not any more */
    struct pages *pages;
    const char *table;            /* being walked */
    uint64_t next_row;            /* of it */
    struct user_key_entry *users; /* owned; as "user_keys" has them; a key of 0 is unknown */
    struct statistics_key_entry *statistics; /* owned; as "statistics_keys" has them; likewise */
    struct numbers user_keys;
    struct numbers video_keys; /* sorted before statistics are looked at */
    struct numbers scopes;     /* hashes of video, kind and code */
    struct user_parts user_parts;
    struct statistics_parts statistics_parts;
    enum status status;
};

__attribute__((format(printf, 2, 3))) static void fail(struct checking *checking,
                                                       const char *format, ...)
{
    char text[sizeof(struct problem)];
    va_list arguments;
    int size = snprintf(text, sizeof(text), "%.64s: ", checking->options->name);
    va_start(arguments, format);
    vsnprintf(text + size, sizeof(text) - (size_t)size, format, arguments);
    va_end(arguments);
    checking->out->error_count++;
    checking->state = NULL;
    checking->options->error(checking->options->context, text);
}

static bool note_damage(void *context, const struct problem *problem)
{
    struct checking *checking = context;
    fail(checking, "%s", problem->text);
    return true;
}

static bool add(struct checking *checking, struct numbers *numbers, uint64_t number)
{
    uint64_t *items = grow(numbers->items, numbers->count, &numbers->capacity, sizeof(*items));
    if (items == NULL) {
        checking->status = STATUS_NO_MEMORY;
        return false;
    }
    numbers->items = items;
    numbers->items[numbers->count++] = number;
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort(struct numbers *numbers)
{
    if (numbers->count > 0) {
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), compare);
    }
}

static void check_different(struct checking *checking, struct numbers *numbers, const char *what)
{
    sort(numbers);
    for (size_t i = 1; i < numbers->count; i++) {
        if (numbers->items[i] == numbers->items[i - 1]) {
            fail(checking, "%s are there twice (%016" PRIx64 ")", what, numbers->items[i]);
        }
    }
}

/* What the state says to a row that was put back. */
static bool take_status(struct checking *checking, enum status status, uint64_t row)
{
    if (status == STATUS_CORRUPT) {
        fail(checking, "row %" PRIu64 " of %s does not fit those before it", row, checking->table);
    } else if (status != STATUS_OK) {
        checking->status = status;
        return false;
    }
    return true;
}

static void fail_row(struct checking *checking, uint64_t row)
{
    fail(checking, "row %" PRIu64 " of %s fails validation", row, checking->table);
}

/* Rows are numbered from 0 without gaps. */
static bool check_order(struct checking *checking, uint64_t row)
{
    uint64_t next = checking->next_row;
    checking->next_row = row + 1;
    if (row > next) {
        fail(checking, "rows %" PRIu64 " to %" PRIu64 " of %s are missing", next, row - 1,
             checking->table);
    } else if (row < next) {
        fail(checking, "row %" PRIu64 " of %s stands behind row %" PRIu64, row, checking->table,
             next - 1);
        return false;
    }
    return true;
}

static bool visit_user_keys(void *context, uint64_t row, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct user_key_entry entries[STATE_KEYS_PER_ROW];
    size_t count = 0;
    uint64_t first = row * STATE_KEYS_PER_ROW;
    if (!check_order(checking, row)) {
        return true;
    }
    if (user_keys_row_decode(bytes, size, entries, &count) != STATUS_OK ||
        count != state_keys_in_row(checking->out->mark.row_counts[STATE_USERS], row)) {
        fail_row(checking, row);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        checking->users[first + i] = entries[i];
        if (!add(checking, &checking->user_keys, entries[i].key)) {
            return false;
        }
        if (checking->options->user != NULL) {
            checking->options->user(checking->options->context, entries[i].key);
        }
    }
    return true;
}

static bool visit_user(void *context, uint64_t row, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct user user;
    if (!check_order(checking, row)) {
        return true;
    }
    if (row >= checking->out->mark.row_counts[STATE_USERS] ||
        user_row_decode(bytes, size, &checking->user_parts, &user) != STATUS_OK) {
        fail_row(checking, row);
        return true;
    }
    struct user_key_entry entry = checking->users[row];
    bool known = entry.key != 0; /* else the row of keys is damaged, which was told */
    if (known && (entry.key != user.key || entry.last_day != state_day_of(user.last_signal_ms))) {
        fail(checking, "row %" PRIu64 " of users is not the one its key says", row);
    }
    return checking->state == NULL ||
           take_status(checking, state_restore_user(checking->state, row, &user), row);
}

static bool visit_video(void *context, uint64_t row, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct video_row video;
    if (!check_order(checking, row)) {
        return true;
    }
    if (video_row_decode(bytes, size, &video) != STATUS_OK) {
        fail_row(checking, row);
        return true;
    }
    return add(checking, &checking->video_keys, video.facts.key) &&
           (checking->state == NULL ||
            take_status(checking, state_restore_video(checking->state, &video), row));
}

static bool has_video(const struct checking *checking, uint64_t video_key)
{
    const struct numbers *keys = &checking->video_keys;
    return keys->count > 0 &&
           bsearch(&video_key, keys->items, keys->count, sizeof(video_key), compare) != NULL;
}

static uint64_t hash_scope(const struct statistics_row *statistics)
{
    uint8_t bytes[SCOPE_BYTES];
    memcpy(bytes, &statistics->video_key, sizeof(statistics->video_key));
    bytes[8] = (uint8_t)statistics->kind;
    memcpy(bytes + 9, &statistics->code, sizeof(statistics->code));
    return XXH3_64bits(bytes, sizeof(bytes));
}

static bool visit_statistics_keys(void *context, uint64_t row, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct statistics_key_entry entries[STATE_KEYS_PER_ROW];
    size_t count = 0;
    if (!check_order(checking, row)) {
        return true;
    }
    if (statistics_keys_row_decode(bytes, size, entries, &count) != STATUS_OK ||
        count != state_keys_in_row(checking->out->mark.row_counts[STATE_STATISTICS], row)) {
        fail_row(checking, row);
        return true;
    }
    memcpy(&checking->statistics[row * STATE_KEYS_PER_ROW], entries, count * sizeof(entries[0]));
    return true;
}

/*
 * A row whose key is damaged, which was told, agrees with everything. A key may say that statistics
 * are scoped which are not, as old ones do: a start reads them in vain.
 */
static bool agrees(const struct statistics_key_entry *entry, const struct statistics_row *row)
{
    return entry->video_key == 0 ||
           (entry->video_key == row->video_key && entry->kind == row->kind &&
            entry->code == row->code &&
            entry->last_day == state_day_of(stats_tick_ms(row->stats->newest_tick)) &&
            (entry->scoped || !scoped_has_row(row->kind, row->stats)));
}

static bool visit_statistics(void *context, uint64_t row, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct statistics_row statistics;
    if (!check_order(checking, row)) {
        return true;
    }
    if (row >= checking->out->mark.row_counts[STATE_STATISTICS] ||
        statistics_row_decode(bytes, size, &checking->statistics_parts, &statistics) != STATUS_OK) {
        fail_row(checking, row);
        return true;
    }
    if (!agrees(&checking->statistics[row], &statistics)) {
        fail(checking, "row %" PRIu64 " of statistics is not the one its key says", row);
    }
    /* Those of a region or language may outlive the video until retirement comes by them. */
    if (statistics.kind == SCOPE_GLOBAL && !has_video(checking, statistics.video_key)) {
        fail(checking, "row %" PRIu64 " of statistics is of a video that is not there", row);
    }
    return add(checking, &checking->scopes, hash_scope(&statistics)) &&
           (checking->state == NULL ||
            take_status(checking, state_restore_statistics(checking->state, row, &statistics),
                        row));
}

/* Regions are in order, with gaps. */
static bool visit_watch(void *context, uint64_t region, const uint8_t *bytes, size_t size)
{
    struct checking *checking = context;
    struct watch_histogram histograms[DURATION_BUCKET_COUNT];
    if (region < checking->next_row || region > UINT16_MAX ||
        watch_row_decode(bytes, size, histograms) != STATUS_OK) {
        fail_row(checking, region);
        return true;
    }
    checking->next_row = region + 1;
    return checking->state == NULL ||
           take_status(checking, state_restore_watch(checking->state, (uint16_t)region, histograms),
                       region);
}

/* Walks a table that has to have so many rows. */
static void check_table(struct checking *checking, const char *table, uint64_t rows,
                        pages_visit *visit)
{
    uint64_t entries;
    uint64_t before = checking->out->error_count;
    if (checking->status != STATUS_OK) {
        return;
    }
    checking->table = table;
    checking->next_row = 0;
    if (!pages_find(checking->pages, table, &entries)) {
        fail(checking, "there is no table of %s", table);
        return;
    }
    (void)pages_walk(checking->pages, table, KEY_SIZE, visit, checking);
    if (checking->status == STATUS_OK) {
        checking->status = pages_status(checking->pages);
    }
    if (checking->status == STATUS_OK && visit != visit_watch && checking->next_row != rows &&
        checking->out->error_count == before) {
        fail(checking, "%s has %" PRIu64 " rows, and its mark says %" PRIu64, table,
             checking->next_row, rows);
    }
}

static enum status begin_state(const struct checking *checking)
{
    struct state *state = checking->state;
    if (state == NULL) {
        return STATUS_OK;
    }
    const uint64_t *rows = checking->out->mark.row_counts;
    enum status status = state_restore_begin(state, STATE_USERS, rows[STATE_USERS]);
    return status == STATUS_OK
               ? state_restore_begin(state, STATE_STATISTICS, rows[STATE_STATISTICS])
               : status;
}

static void check_tables(struct checking *checking)
{
    const uint64_t *rows = checking->out->mark.row_counts;
    check_table(checking, "user_keys", state_key_rows(rows[STATE_USERS]), visit_user_keys);
    check_different(checking, &checking->user_keys, "users");
    check_table(checking, "users", rows[STATE_USERS], visit_user);
    check_table(checking, "videos", rows[STATE_VIDEOS], visit_video);
    check_different(checking, &checking->video_keys, "videos");
    check_table(checking, "watch", 0, visit_watch);
    check_table(checking, "statistics_keys", state_key_rows(rows[STATE_STATISTICS]),
                visit_statistics_keys);
    check_table(checking, "statistics", rows[STATE_STATISTICS], visit_statistics);
    check_different(checking, &checking->scopes, "statistics");
}

static enum status end_state(struct checking *checking)
{
    const struct state_mark *mark = &checking->out->mark;
    if (checking->state == NULL) {
        return STATUS_OK;
    }
    enum status status = state_restore_end(checking->state, mark->sequence, mark->newest_signal_ms);
    if (status == STATUS_CORRUPT) {
        fail(checking, "its rows do not make a state");
        status = STATUS_OK;
    }
    return status;
}

static enum status check_rows(struct checking *checking)
{
    checking->users =
        calloc(checking->out->mark.row_counts[STATE_USERS] + 1, sizeof(*checking->users));
    checking->statistics =
        calloc(checking->out->mark.row_counts[STATE_STATISTICS] + 1, sizeof(*checking->statistics));
    enum status status = checking->users != NULL && checking->statistics != NULL
                             ? begin_state(checking)
                             : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        check_tables(checking);
        status = checking->status;
    }
    return status == STATUS_OK ? end_state(checking) : status;
}

/* A row takes a byte at least: whatever the mark says, memory is bounded by the file. */
static bool fits_file(const struct checking *checking, const struct state_mark *mark)
{
    bool fits = true;
    for (unsigned i = 0; i < STATE_FILE_ROW_COUNTS; i++) {
        fits &= mark->row_counts[i] <= checking->out->bytes;
    }
    return fits;
}

static bool has_rows(const struct checking *checking)
{
    static const char *const tables[] = {"users", "user_keys",       "videos",
                                         "watch", "statistics_keys", "statistics"};
    uint64_t entries = 0;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (pages_find(checking->pages, tables[i], &entries) && entries > 0) {
            return true;
        }
    }
    return false;
}

/* A file without a mark is new, and has no rows either. */
static void check_empty(struct checking *checking)
{
    if (has_rows(checking)) {
        fail(checking, "there are rows, but no mark");
    }
}

/* Returns whether there is something behind the mark to look at. */
static bool read_mark(struct checking *checking)
{
    struct state_mark mark;
    struct problem problem = {""};
    uint8_t bytes[STATE_MARK_MAX];
    size_t size = pages_get(checking->pages, "meta", "mark", bytes, sizeof(bytes));
    if (size == 0) {
        check_empty(checking);
        return false;
    }
    enum status status = state_mark_decode(bytes, size, &mark, &problem);
    bool before = status == STATUS_OK && mark.before && !checking->options->before;
    if (status == STATUS_INVALID || before) {
        checking->out->other_version = true;
        return false;
    }
    if (status != STATUS_OK || !fits_file(checking, &mark)) {
        fail(checking, "its mark fails validation");
        return false;
    }
    checking->out->mark = mark;
    return true;
}

static enum status check_file(struct checking *checking, struct problem *problem)
{
    const struct state_check_options *options = checking->options;
    struct problem why = {""};
    enum status status = pages_open(options->directory, options->name, note_damage, checking,
                                    &checking->pages, &why);
    if (status == STATUS_CORRUPT) {
        checking->out->error_count++;
        options->error(options->context, why.text);
        return STATUS_OK;
    }
    if (status != STATUS_OK) {
        *problem = why;
        return status;
    }
    checking->out->bytes = pages_file_bytes(checking->pages);
    status = read_mark(checking) ? check_rows(checking) : STATUS_OK;
    if (status != STATUS_OK) {
        problem_set(problem, "%s: %s", options->name, status_text(status));
    }
    return status;
}

enum status state_check_file(const struct state_check_options *options, struct state *state,
                             struct state_check *out, struct problem *problem)
{
    struct checking *checking = calloc(1, sizeof(*checking));
    *out = (struct state_check){.bytes = 0};
    if (checking == NULL) {
        problem_set(problem, "%s: %s", options->name, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    checking->options = options;
    checking->out = out;
    checking->state = state;
    enum status status = check_file(checking, problem);
    pages_close(checking->pages);
    free(checking->users);
    free(checking->statistics);
    free(checking->user_keys.items);
    free(checking->video_keys.items);
    free(checking->scopes.items);
    free(checking);
    return status;
}
