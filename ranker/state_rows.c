#include "ranker/state_rows.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/state_internal.h"

enum { REGION_CODES = 1 << 16 };

size_t state_row_count(const struct state *state, enum state_table table)
{
    switch (table) {
    case STATE_USERS:
        return state->users.count;
    case STATE_VIDEOS:
        return videos_count(state->videos);
    case STATE_STATISTICS:
        return state->stats.count;
    case STATE_USER_KEYS:
        return state_key_rows(state->users.count);
    case STATE_STATISTICS_KEYS:
        return state_key_rows(state->stats.count);
    case STATE_WATCH:
    case STATE_TABLE_COUNT:
        break;
    }
    return REGION_CODES;
}

enum status state_track(struct state *state, state_visit *visit, void *context)
{
    CHECK(visit != NULL);
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        size_t row_count = state_row_count(state, (enum state_table)i);
        enum status status = changes_reserve(&state->changes[i], row_count);
        if (status != STATUS_OK) {
            return status;
        }
    }
    state->visit = visit;
    state->visit_context = context;
    return STATUS_OK;
}

enum status state_touch(struct state *state, enum state_table table, size_t row)
{
    if (state->visit == NULL) {
        return STATUS_OK;
    }
    enum status status = changes_reserve(&state->changes[table], row + 1);
    if (status == STATUS_OK && changes_touch(&state->changes[table], row)) {
        state->visit(state->visit_context, table, row);
    }
    return status;
}

void state_mark(struct state *state)
{
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        changes_mark(&state->changes[i], state_row_count(state, (enum state_table)i));
    }
}

bool state_save(struct state *state, size_t count)
{
    size_t row;
    for (unsigned i = 0; i < STATE_TABLE_COUNT; i++) {
        for (; count > 0 && changes_take(&state->changes[i], &row); count--) {
            state->visit(state->visit_context, (enum state_table)i, row);
        }
    }
    return count == 0;
}

static bool is_in_memory(const struct state *state, enum state_table table, size_t row)
{
    if (table == STATE_USERS) {
        return ((const struct user_slot *)table_at(&state->users, row))->user != NULL;
    }
    return ((const struct scope_slot *)table_at(&state->stats, row))->stats != NULL;
}

bool state_is_missed(const struct state *state, enum state_table table, size_t row)
{
    enum { RECENT_DAYS = 2 };
    CHECK(table == STATE_USERS || table == STATE_STATISTICS);
    if (row >= state_row_count(state, table) || is_in_memory(state, table, row)) {
        return false;
    }
    uint32_t last_day = table == STATE_USERS ? state_user_key_at(state, row).last_day
                                             : state_statistics_key_at(state, row).last_day;
    return last_day + RECENT_DAYS >= state_day_of(state->newest_signal_ms);
}

/* Every row that is in memory has changed. */
static void fill_warm(struct state *state, enum state_table table)
{
    changes_fill(&state->changes[table], 0);
    for (size_t i = 0; i < state_row_count(state, table); i++) {
        if (is_in_memory(state, table, i)) {
            (void)changes_touch(&state->changes[table], i);
        }
    }
}

static void fill_all(struct state *state, enum state_table table)
{
    changes_fill(&state->changes[table], state_row_count(state, table));
}

void state_unmark(struct state *state)
{
    fill_warm(state, STATE_USERS);
    fill_warm(state, STATE_STATISTICS);
    fill_all(state, STATE_VIDEOS);
    fill_all(state, STATE_USER_KEYS);
    fill_all(state, STATE_STATISTICS_KEYS);
    changes_fill(&state->changes[STATE_WATCH], 1);
    for (uint32_t i = 0; i < state->watch.region_count; i++) {
        (void)changes_touch(&state->changes[STATE_WATCH], state->watch.regions[i].region);
    }
}

enum status state_set_loader(struct state *state, const struct state_loader *loader)
{
    CHECK(loader->load_user != NULL);
    CHECK(loader->load_statistics != NULL);
    CHECK(state->loader.load_user == NULL);
    void *memory = malloc(STATE_LOAD_BYTES);
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&state->load_arena, memory, STATE_LOAD_BYTES);
    state->loader = *loader;
    return STATUS_OK;
}

/* Drops the user, unless it was used since the last time round. The bytes that are free now. */
static size_t evict_user(struct user_slot *slot)
{
    bool used = slot->used;
    slot->used = false;
    if (used || slot->user == NULL) {
        return 0;
    }
    size_t bytes = user_bytes(slot->user);
    user_free(slot->user);
    slot->user = NULL;
    return bytes;
}

static size_t evict_statistics(struct scope_slot *slot)
{
    bool used = slot->used;
    slot->used = false;
    if (used || slot->stats == NULL) {
        return 0;
    }
    size_t bytes = state_stats_bytes(slot->stats);
    state_free_stats(slot->stats);
    slot->stats = NULL;
    return bytes;
}

static void evict_row(struct state *state, enum state_table table, size_t row)
{
    if (changes_has(&state->changes[table], row)) {
        return;
    }
    size_t bytes = table == STATE_USERS ? evict_user(table_at(&state->users, row))
                                        : evict_statistics(table_at(&state->stats, row));
    state->warmth[table].bytes -= bytes;
    state->warmth[table].cold_count += bytes > 0;
}

bool state_evict(struct state *state, enum state_table table, size_t count, size_t target_bytes)
{
    CHECK(table == STATE_USERS || table == STATE_STATISTICS);
    CHECK(state->loader.load_user != NULL);
    CHECK(state->visit != NULL);
    struct warmth *warmth = &state->warmth[table];
    for (; count > 0 && warmth->bytes > target_bytes; count--) {
        if (warmth->next_eviction >= state_row_count(state, table)) {
            warmth->next_eviction = 0;
        }
        evict_row(state, table, warmth->next_eviction++);
    }
    return warmth->bytes > target_bytes;
}

const struct user *state_user_at(const struct state *state, size_t row)
{
    CHECK(row < state->users.count);
    const struct user_slot *slot = table_at(&state->users, row);
    CHECK(slot->user != NULL);
    return slot->user;
}

enum status state_read_user(const struct state *state, size_t row, struct arena *arena,
                            const struct user **out)
{
    CHECK(row < state->users.count);
    return state_read_slot(state, table_at(&state->users, row), arena, out);
}

struct user_key_entry state_user_key_at(const struct state *state, size_t row)
{
    CHECK(row < state->users.count);
    const struct user_slot *slot = table_at(&state->users, row);
    return (struct user_key_entry){.key = slot->key, .last_day = slot->last_day};
}

static void facts_of(const struct videos *videos, const struct video *video,
                     struct video_facts *out)
{
    out->creator_key = video->creator_key;
    out->regions_allowed = *videos_region_set(videos, video->regions_allowed);
    out->regions_forbidden = *videos_region_set(videos, video->regions_forbidden);
    out->published_ms = video->published_ms;
    out->duration_ms = video->duration_ms;
    out->creator_region = video->creator_region;
    out->minimum_age_years = video->minimum_age_years;
    out->safety = video->safety;
    out->curated = video->curated;
    out->premium = video->premium;
    out->quality = video->quality;
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        out->category_keys[i] = video->category_keys[i];
    }
    uint32_t tags[LIMIT_VIDEO_TAGS];
    videos_get_tags(videos, video, tags);
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        out->tag_keys[i] = tags[i];
    }
    memcpy(out->languages, video->languages, sizeof(out->languages));
    memcpy(out->caption_languages, video->caption_languages, sizeof(out->caption_languages));
    const struct embedding *embedding = videos_embedding(videos, video);
    if (embedding != NULL) {
        out->embedding = *embedding;
    }
}

void state_video_at(const struct state *state, size_t row, struct video_row *out)
{
    const struct video *video = videos_at(state->videos, row);
    struct video_source source = videos_source(state->videos, video);
    *out = (struct video_row){
        .facts = {.key = video->key, .content_hash = source.content_hash},
        .log_sequence = source.log_sequence,
        .known = video->known,
        .deleted = video->deleted,
    };
    if (video->known) {
        facts_of(state->videos, video, &out->facts);
    }
}

static void put_scope(const struct scope_slot *slot, const struct stats *stats,
                      struct statistics_row *out)
{
    *out = (struct statistics_row){
        .video_key = state_scope_video(slot),
        .kind = (enum scope_kind)slot->kind,
        .code = slot->code,
        .stats = stats,
    };
}

void state_statistics_at(const struct state *state, size_t row, struct statistics_row *out)
{
    CHECK(row < state->stats.count);
    const struct scope_slot *slot = table_at(&state->stats, row);
    CHECK(slot->stats != NULL);
    put_scope(slot, slot->stats, out);
}

enum status state_read_statistics(const struct state *state, size_t row, struct arena *arena,
                                  struct statistics_row *out)
{
    CHECK(row < state->stats.count);
    const struct scope_slot *slot = table_at(&state->stats, row);
    const struct stats *stats;
    enum status status = state_read_scope(state, slot, arena, &stats);
    if (status == STATUS_OK) {
        put_scope(slot, stats, out);
    }
    return status;
}

struct statistics_key_entry state_statistics_key_at(const struct state *state, size_t row)
{
    CHECK(row < state->stats.count);
    const struct scope_slot *slot = table_at(&state->stats, row);
    return (struct statistics_key_entry){.video_key = state_scope_video(slot),
                                         .last_day = slot->last_day,
                                         .code = slot->code,
                                         .kind = slot->kind,
                                         .scoped = slot->scoped};
}

const struct watch_histogram *state_watch_at(const struct state *state, size_t row)
{
    CHECK(row < REGION_CODES);
    return watch_at(&state->watch, (uint16_t)row);
}

enum status state_restore_begin(struct state *state, enum state_table table, size_t row_count)
{
    CHECK(table == STATE_USERS || table == STATE_STATISTICS);
    state->warmth[table].cold_count = row_count;
    return table_fill(table == STATE_USERS ? &state->users : &state->stats, row_count);
}

/* A row is in memory after all. Several threads may restore rows. */
static void count_warm(struct state *state, enum state_table table, size_t bytes)
{
    struct warmth *warmth = &state->warmth[table];
    __atomic_fetch_add(&warmth->bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&warmth->cold_count, 1, __ATOMIC_RELAXED);
}

enum status state_restore_user(struct state *state, size_t row, const struct user *user)
{
    state_restore_user_key(
        state, row,
        (struct user_key_entry){.key = user->key, .last_day = state_day_of(user->last_signal_ms)});
    struct user_slot *slot = table_at(&state->users, row);
    slot->user = user_copy(user);
    if (slot->user == NULL) {
        return STATUS_NO_MEMORY;
    }
    count_warm(state, STATE_USERS, user_bytes(slot->user));
    return STATUS_OK;
}

void state_restore_user_key(struct state *state, size_t row, struct user_key_entry entry)
{
    CHECK(row < state->users.count);
    struct user_slot *slot = table_at(&state->users, row);
    slot->key = entry.key;
    slot->number = (uint32_t)row;
    slot->last_day = entry.last_day;
}

enum status state_restore_video(struct state *state, const struct video_row *row)
{
    struct video *video;
    size_t number = videos_count(state->videos);
    enum status status = videos_add(state->videos, row->facts.key, &video);
    if (status != STATUS_OK) {
        return status;
    }
    if (videos_number(state->videos, video) != number) {
        return STATUS_CORRUPT;
    }
    if (row->known) {
        status = videos_put(state->videos, &row->facts);
    }
    video->deleted = row->deleted;
    videos_set_source(state->videos, video,
                      (struct video_source){row->facts.content_hash, row->log_sequence});
    state->live_videos += row->known && !row->deleted;
    return status;
}

/* Asks for the videos whose counts are to decay. */
static void prefetch(const struct state *state, const struct statistics_row *rows, size_t count)
{
    uint64_t keys[STATE_RESTORE_MAX];
    const struct video *videos[STATE_RESTORE_MAX];
    size_t key_count = 0;
    CHECK(count <= STATE_RESTORE_MAX);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == SCOPE_GLOBAL) {
            keys[key_count++] = rows[i].video_key;
        }
    }
    videos_find_many(state->videos, keys, key_count, videos);
}

/* The global statistics of a video are what its decayed counts are made of. */
static enum status decay_video(struct state *state, const struct statistics_row *row)
{
    struct video *video = videos_find(state->videos, row->video_key);
    if (video == NULL) {
        return STATUS_CORRUPT;
    }
    state_decay_video(state, video, row->stats);
    return STATUS_OK;
}

void state_restore_statistics_key(struct state *state, size_t row,
                                  struct statistics_key_entry entry)
{
    CHECK(row < state->stats.count);
    struct scope_slot *slot = table_at(&state->stats, row);
    slot->hash = state_scope_hash(entry.video_key, (enum scope_kind)entry.kind, entry.code);
    slot->number = (uint32_t)row;
    slot->last_day = entry.last_day;
    slot->code = entry.code;
    slot->kind = entry.kind;
    slot->scoped = entry.scoped;
}

enum status state_restore_statistics(struct state *state, size_t row,
                                     const struct statistics_row *from)
{
    state_restore_statistics_key(
        state, row,
        (struct statistics_key_entry){.video_key = from->video_key,
                                      .last_day =
                                          state_day_of(stats_tick_ms(from->stats->newest_tick)),
                                      .code = from->code,
                                      .kind = (uint8_t)from->kind,
                                      .scoped = scoped_has_row(from->kind, from->stats)});
    struct scope_slot *slot = table_at(&state->stats, row);
    slot->stats = state_copy_stats(from->stats);
    if (slot->stats == NULL) {
        return STATUS_NO_MEMORY;
    }
    count_warm(state, STATE_STATISTICS, state_stats_bytes(slot->stats));
    return from->kind == SCOPE_GLOBAL ? decay_video(state, from) : STATUS_OK;
}

static enum status restore_decayed(struct state *state, unsigned part,
                                   const struct statistics_row *row)
{
    if (row->kind == SCOPE_GLOBAL) {
        return decay_video(state, row);
    }
    if (!scoped_has_row(row->kind, row->stats)) {
        return STATUS_OK;
    }
    uint64_t hash = state_scope_hash(row->video_key, row->kind, row->code);
    return scoped_append(&state->restored[part], hash, row->stats);
}

enum status state_restore_decayed(struct state *state, unsigned part,
                                  const struct statistics_row *rows, size_t count)
{
    CHECK(part < STATE_RESTORE_PARTS);
    prefetch(state, rows, count);
    for (size_t i = 0; i < count; i++) {
        enum status status = restore_decayed(state, part, &rows[i]);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status state_restore_watch(struct state *state, uint16_t region,
                                const struct watch_histogram *histograms)
{
    return watch_put(&state->watch, region, histograms);
}

/* The rows of scoped.h that are in memory: of statistics with the loader they wait already. */
static enum status append_scoped(struct state *state)
{
    enum status status = STATUS_OK;
    if (state->warmth[STATE_STATISTICS].cold_count == state->stats.count) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < state->stats.count && status == STATUS_OK; i++) {
        const struct scope_slot *slot = table_at(&state->stats, i);
        if (slot->stats != NULL && slot->scoped) {
            status = scoped_append(&state->scoped, slot->hash, slot->stats);
        }
    }
    return status;
}

static enum status join_scoped(struct state *state)
{
    enum status status = append_scoped(state);
    for (unsigned i = 0; i < STATE_RESTORE_PARTS && status == STATUS_OK; i++) {
        status = table_join(&state->scoped.rows, &state->restored[i].rows);
    }
    return status;
}

enum { INDEXED_TABLES = 3 };

static void list_indexed(struct state *state, struct table *out[INDEXED_TABLES])
{
    out[0] = &state->users;
    out[1] = &state->stats;
    out[2] = &state->scoped.rows;
}

enum status state_restore_index_begin(struct state *state, size_t *row_count)
{
    struct table *tables[INDEXED_TABLES];
    size_t sum = 0;
    enum status status = join_scoped(state);
    list_indexed(state, tables);
    for (unsigned i = 0; i < INDEXED_TABLES && status == STATUS_OK; i++) {
        status = table_index_begin(tables[i]);
        sum += tables[i]->count;
    }
    *row_count = sum;
    return status;
}

/* Rows of all tables are numbered through. */
enum status state_restore_index_rows(struct state *state, size_t first, size_t end)
{
    struct table *tables[INDEXED_TABLES];
    size_t before = 0;
    enum status status = STATUS_OK;
    list_indexed(state, tables);
    for (unsigned i = 0; i < INDEXED_TABLES && status == STATUS_OK; i++) {
        size_t after = before + tables[i]->count;
        size_t from = first > before ? first : before;
        size_t to = end < after ? end : after;
        if (from < to) {
            status = table_index_rows(tables[i], from - before, to - before);
        }
        before = after;
    }
    return status;
}

void state_restore_indexed(struct state *state, uint64_t sequence, int64_t newest_signal_ms)
{
    state->sequence = sequence;
    state->newest_signal_ms = newest_signal_ms;
}

enum status state_restore_end(struct state *state, uint64_t sequence, int64_t newest_signal_ms)
{
    size_t row_count = 0;
    enum status status = state_restore_index_begin(state, &row_count);
    if (status == STATUS_OK) {
        status = state_restore_index_rows(state, 0, row_count);
    }
    if (status == STATUS_OK) {
        state_restore_indexed(state, sequence, newest_signal_ms);
    }
    return status;
}
