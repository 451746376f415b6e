#include "ranker/video.h"

#include <stdlib.h>
#include <string.h>

#include "ranker/block.h"
#include "ranker/check.h"
#include "ranker/hash.h"
#include "ranker/signal.h"
#include "ranker/table.h"

/* A region set in use; freed ones hang in a list through next. */
struct shared_set {
    struct region_set set; /* regions sorted, without repeats */
    uint32_t reference_count;
    uint32_t next; /* in its bucket or in the list of free ones; 0 ends */
};

/* Sets by content; entry 0 is the empty one and in no bucket. */
struct shared_sets {
    struct shared_set *entries; /* owned */
    uint32_t count;
    uint32_t capacity;
    uint32_t first_free;
    uint32_t *buckets; /* owned; bucket_mask + 1 heads */
    uint32_t bucket_mask;
};

/*
 * By struct video's more. There is always room for one of each row, so that setting one cannot
 * fail: a block's memory is the system's until it is written. Free ones hang in a list through
 * their first bytes.
 */
struct mores {
    struct video_more *values; /* owned; the first stays zero */
    size_t capacity;
    uint32_t end;        /* the first that was never used */
    uint32_t first_free; /* 0: none */
};

struct videos {
    struct table rows;
    struct mores more;
    struct video_source **sources; /* owned, each owned: of TABLE_CHUNK_ROWS rows by number */
    size_t source_chunk_count;
    struct embedding **embeddings; /* likewise */
    size_t embedding_chunk_count;  /* 0 until a video has one; then enough for all rows */
    struct shared_sets sets;
};

enum { FIRST_SETS = 16, FIRST_MORE = 16 };

static uint32_t *bucket_of(const struct shared_sets *sets, const struct region_set *set)
{
    uint64_t hash = XXH3_64bits(set->regions, set->count * sizeof(set->regions[0]));
    return &sets->buckets[hash & sets->bucket_mask];
}

static bool sets_equal(const struct region_set *a, const struct region_set *b)
{
    return a->count == b->count &&
           memcmp(a->regions, b->regions, a->count * sizeof(a->regions[0])) == 0;
}

static void chain(struct shared_sets *sets, uint32_t index)
{
    uint32_t *head = bucket_of(sets, &sets->entries[index].set);
    sets->entries[index].next = *head;
    *head = index;
}

static void unchain(struct shared_sets *sets, uint32_t index)
{
    uint32_t *link = bucket_of(sets, &sets->entries[index].set);
    while (*link != index) {
        link = &sets->entries[*link].next;
    }
    *link = sets->entries[index].next;
}

static enum status grow_sets(struct shared_sets *sets)
{
    uint32_t capacity = sets->capacity > 0 ? sets->capacity * 2 : FIRST_SETS;
    struct shared_set *entries = realloc(sets->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return STATUS_NO_MEMORY;
    }
    sets->entries = entries;
    uint32_t *buckets = calloc(capacity, sizeof(*buckets));
    if (buckets == NULL) {
        return STATUS_NO_MEMORY;
    }
    free(sets->buckets);
    sets->buckets = buckets;
    sets->bucket_mask = capacity - 1;
    sets->capacity = capacity;
    for (uint32_t i = 1; i < sets->count; i++) {
        chain(sets, i);
    }
    return STATUS_OK;
}

/* Growing happens only with no free entry, so that every entry from 1 is in a bucket then. */
static enum status take_entry(struct shared_sets *sets, uint32_t *out)
{
    if (sets->first_free != 0) {
        *out = sets->first_free;
        sets->first_free = sets->entries[*out].next;
        return STATUS_OK;
    }
    if (sets->count == sets->capacity) {
        enum status status = grow_sets(sets);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *out = sets->count++;
    return STATUS_OK;
}

static void sort_unique(struct region_set *set)
{
    uint16_t count = 0;
    for (uint16_t i = 0; i < set->count; i++) {
        uint16_t region = set->regions[i];
        uint16_t at = count;
        while (at > 0 && set->regions[at - 1] > region) {
            at--;
        }
        if (at > 0 && set->regions[at - 1] == region) {
            continue;
        }
        memmove(&set->regions[at + 1], &set->regions[at], (count - at) * sizeof(region));
        set->regions[at] = region;
        count++;
    }
    set->count = count;
}

/* Counts one more reference to the set's content. */
static enum status sets_ref(struct shared_sets *sets, const struct region_set *wanted,
                            uint32_t *out)
{
    CHECK(wanted->count <= LIMIT_VIDEO_REGIONS);
    if (wanted->count == 0) {
        *out = 0;
        return STATUS_OK;
    }
    struct region_set set = *wanted;
    sort_unique(&set);
    uint32_t index = *bucket_of(sets, &set);
    while (index != 0 && !sets_equal(&sets->entries[index].set, &set)) {
        index = sets->entries[index].next;
    }
    if (index == 0) {
        enum status status = take_entry(sets, &index);
        if (status != STATUS_OK) {
            return status;
        }
        sets->entries[index] = (struct shared_set){.set = set};
        chain(sets, index);
    }
    sets->entries[index].reference_count++;
    *out = index;
    return STATUS_OK;
}

static void sets_unref(struct shared_sets *sets, uint32_t index)
{
    if (index == 0 || --sets->entries[index].reference_count > 0) {
        return;
    }
    unchain(sets, index);
    sets->entries[index].next = sets->first_free;
    sets->first_free = index;
}

static void release_more(struct mores *more)
{
    block_free(more->values, more->capacity * sizeof(*more->values));
}

static enum status grow_more(struct mores *more)
{
    size_t capacity = more->capacity > 0 ? more->capacity * 2 : FIRST_MORE;
    struct video_more *values = block_new(capacity * sizeof(*values));
    if (values == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (more->end > 1) { /* while no row has more, no page of it is the process's */
        memcpy(values + 1, more->values + 1, (more->end - 1) * sizeof(*values));
    }
    release_more(more);
    more->values = values;
    more->capacity = capacity;
    return STATUS_OK;
}

struct videos *videos_new(void)
{
    struct videos *videos = calloc(1, sizeof(*videos));
    if (videos == NULL) {
        return NULL;
    }
    videos->rows = table_of(sizeof(struct video));
    videos->more.end = 1;
    if (grow_sets(&videos->sets) != STATUS_OK || grow_more(&videos->more) != STATUS_OK) {
        videos_free(videos);
        return NULL;
    }
    videos->sets.entries[0] = (struct shared_set){.reference_count = 1};
    videos->sets.count = 1;
    return videos;
}

void videos_free(struct videos *videos)
{
    if (videos == NULL) {
        return;
    }
    table_release(&videos->rows);
    release_more(&videos->more);
    for (size_t i = 0; i < videos->source_chunk_count; i++) {
        free(videos->sources[i]);
    }
    free(videos->sources);
    for (size_t i = 0; i < videos->embedding_chunk_count; i++) {
        free(videos->embeddings[i]);
    }
    free(videos->embeddings);
    free(videos->sets.entries);
    free(videos->sets.buckets);
    free(videos);
}

size_t videos_count(const struct videos *videos)
{
    return videos->rows.count;
}

const struct video *videos_at(const struct videos *videos, size_t index)
{
    CHECK(index < videos->rows.count);
    return table_at(&videos->rows, index);
}

size_t videos_number(const struct videos *videos, const struct video *row)
{
    return table_number(&videos->rows, row);
}

struct video *videos_find(struct videos *videos, uint64_t key)
{
    return table_find(&videos->rows, key);
}

/* row may be NULL: what is asked for is a number then, as nothing may be added to NULL. */
static inline void prefetch_row(const struct video *row)
{
    for (size_t at = 0; at < sizeof(*row); at += 64) {
        __builtin_prefetch((const void *)((uintptr_t)row + at));
    }
}

void videos_find_many(const struct videos *videos, const uint64_t *keys, size_t count,
                      const struct video **out)
{
    enum { AHEAD = 16 };
    /* Ours, and with a size that is known, so that nothing of it is read again for each key. */
    struct table rows = videos->rows;
    rows.row_size = sizeof(struct video);
    for (size_t i = 0; i < AHEAD && i < count; i++) {
        table_prefetch(&rows, keys[i]);
    }
    for (size_t i = 0; i < count; i++) {
        table_prefetch(&rows, keys[i + AHEAD < count ? i + AHEAD : i]);
        out[i] = table_guess(&rows, keys[i]);
        prefetch_row(out[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (out[i] != NULL && out[i]->key != keys[i]) {
            out[i] = table_find(&rows, keys[i]);
        }
    }
}

void videos_prefetch(const struct videos *videos, uint64_t key)
{
    table_prefetch(&videos->rows, key);
}

void videos_prefetch_row(const struct videos *videos, uint64_t key)
{
    table_prefetch_row(&videos->rows, table_guess(&videos->rows, key));
}

/* Makes room for what one row more may have, beside the first. */
static enum status reserve_more(struct videos *videos)
{
    return videos->rows.count + 1 < videos->more.capacity ? STATUS_OK : grow_more(&videos->more);
}

/* Makes room for the source of one row more. */
static enum status reserve_source(struct videos *videos)
{
    size_t chunk_count = videos->source_chunk_count;
    if (videos->rows.count < chunk_count * TABLE_CHUNK_ROWS) {
        return STATUS_OK;
    }
    struct video_source **sources =
        realloc(videos->sources, (chunk_count + 1) * sizeof(struct video_source *));
    if (sources == NULL) {
        return STATUS_NO_MEMORY;
    }
    videos->sources = sources;
    sources[chunk_count] = calloc(TABLE_CHUNK_ROWS, sizeof(struct video_source));
    if (sources[chunk_count] == NULL) {
        return STATUS_NO_MEMORY;
    }
    videos->source_chunk_count++;
    return STATUS_OK;
}

/* Makes room for the embeddings of so many rows. */
static enum status reserve_embeddings(struct videos *videos, size_t row_count)
{
    while (videos->embedding_chunk_count * TABLE_CHUNK_ROWS < row_count) {
        size_t count = videos->embedding_chunk_count;
        struct embedding **embeddings =
            realloc(videos->embeddings, (count + 1) * sizeof(struct embedding *));
        if (embeddings == NULL) {
            return STATUS_NO_MEMORY;
        }
        videos->embeddings = embeddings;
        embeddings[count] = calloc(TABLE_CHUNK_ROWS, sizeof(struct embedding));
        if (embeddings[count] == NULL) {
            return STATUS_NO_MEMORY;
        }
        videos->embedding_chunk_count++;
    }
    return STATUS_OK;
}

/* NULL while no video has one. */
static struct embedding *embedding_of_row(const struct videos *videos, const struct video *row)
{
    if (videos->embedding_chunk_count == 0) {
        return NULL;
    }
    size_t number = videos_number(videos, row);
    return &videos->embeddings[number / TABLE_CHUNK_ROWS][number % TABLE_CHUNK_ROWS];
}

const struct embedding *videos_embedding(const struct videos *videos, const struct video *row)
{
    const struct embedding *embedding = embedding_of_row(videos, row);
    return embedding != NULL && embedding->size > 0 ? embedding : NULL;
}

void videos_prefetch_embedding(const struct videos *videos, const struct video *row)
{
    const struct embedding *embedding = embedding_of_row(videos, row);
    if (embedding != NULL) {
        __builtin_prefetch(embedding);
        __builtin_prefetch((const char *)(embedding + 1) - 1);
    }
}

/* Where there is no room, only none can be put. */
static void put_embedding(struct videos *videos, const struct video *row,
                          const struct embedding *embedding)
{
    struct embedding *place = embedding_of_row(videos, row);
    CHECK(place != NULL || embedding->size == 0);
    if (place != NULL) {
        *place = *embedding;
    }
}

void videos_drop_embedding(struct videos *videos, const struct video *row)
{
    put_embedding(videos, row, &(struct embedding){.size = 0});
}

/* Threads that take some at once find none free, so what they take is told by the sum alone. */
static uint32_t take_more(struct mores *more)
{
    uint32_t index = more->first_free;
    if (index == 0) {
        index = __atomic_fetch_add(&more->end, 1, __ATOMIC_RELAXED);
        CHECK(index < more->capacity);
        return index;
    }
    memcpy(&more->first_free, &more->values[index], sizeof(more->first_free));
    return index;
}

static void free_more(struct mores *more, struct video *row)
{
    if (row->more != 0) {
        memcpy(&more->values[row->more], &more->first_free, sizeof(more->first_free));
        more->first_free = row->more;
        row->more = 0;
    }
}

static bool has_any(const struct video_more *more)
{
    static const struct video_more none;
    return memcmp(more, &none, sizeof(none)) != 0;
}

static void set_more(struct mores *more, struct video *row, const struct video_more *value)
{
    if (!has_any(value)) {
        free_more(more, row);
        return;
    }
    if (row->more == 0) {
        row->more = take_more(more);
    }
    more->values[row->more] = *value;
}

void videos_set_decayed(struct videos *videos, struct video *row,
                        const struct stats_decayed *decayed)
{
    struct video_more more = *video_more_of(videos->more.values, row);
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        memcpy(row->decayed.counts[h], decayed->counts[h], sizeof(row->decayed.counts[h]));
        memcpy(more.counts[h], &decayed->counts[h][VIDEO_RARE], sizeof(more.counts[h]));
    }
    row->decayed.newest_tick = decayed->newest_tick;
    row->decayed.mean_watch_ms = decayed->mean_watch_ms;
    set_more(&videos->more, row, &more);
}

void videos_get_tags(const struct videos *videos, const struct video *row,
                     uint32_t out[LIMIT_VIDEO_TAGS])
{
    video_tags(row, video_more_of(videos->more.values, row), out);
}

void videos_set_tags(struct videos *videos, struct video *row,
                     const uint32_t keys[LIMIT_VIDEO_TAGS])
{
    struct video_more more = *video_more_of(videos->more.values, row);
    memcpy(row->tag_keys, keys, sizeof(row->tag_keys));
    memcpy(more.tag_keys, keys + VIDEO_TAGS, sizeof(more.tag_keys));
    set_more(&videos->more, row, &more);
}

void videos_get_decayed(const struct videos *videos, const struct video *row,
                        struct stats_decayed *out)
{
    const struct video_more *more = video_more_of(videos->more.values, row);
    out->newest_tick = row->decayed.newest_tick;
    out->mean_watch_ms = row->decayed.mean_watch_ms;
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        memcpy(out->counts[h], row->decayed.counts[h], sizeof(row->decayed.counts[h]));
        memcpy(&out->counts[h][VIDEO_RARE], more->counts[h], sizeof(more->counts[h]));
    }
}

const struct video_more *videos_more(const struct videos *videos)
{
    return videos->more.values;
}

static enum status add_row(struct videos *videos, uint64_t key, struct video **out)
{
    void *added;
    enum status status = reserve_more(videos);
    if (status == STATUS_OK) {
        status = reserve_source(videos);
    }
    if (status == STATUS_OK && videos->embedding_chunk_count > 0) {
        status = reserve_embeddings(videos, videos->rows.count + 1);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = table_add(&videos->rows, key, &added);
    if (status != STATUS_OK) {
        return status;
    }
    struct video *row = added;
    row->duration_bucket = DURATION_BUCKET_COUNT - 1;
    *out = row;
    return STATUS_OK;
}

enum status videos_add(struct videos *videos, uint64_t key, struct video **out)
{
    CHECK(key != 0);
    struct video *row = videos_find(videos, key);
    if (row == NULL) {
        return add_row(videos, key, out);
    }
    *out = row;
    return STATUS_OK;
}

static void copy_tags(struct videos *videos, struct video *row, const struct video_facts *facts)
{
    uint32_t keys[LIMIT_VIDEO_TAGS];
    for (unsigned i = 0; i < LIMIT_VIDEO_TAGS; i++) {
        keys[i] = (uint32_t)facts->tag_keys[i];
    }
    videos_set_tags(videos, row, keys);
}

static void copy_facts(struct video *row, const struct video_facts *facts)
{
    row->creator_key = facts->creator_key;
    row->published_ms = facts->published_ms;
    row->duration_ms = facts->duration_ms;
    row->quality = facts->quality;
    for (unsigned i = 0; i < LIMIT_VIDEO_CATEGORIES; i++) {
        row->category_keys[i] = (uint32_t)facts->category_keys[i];
    }
    memcpy(row->languages, facts->languages, sizeof(row->languages));
    memcpy(row->caption_languages, facts->caption_languages, sizeof(row->caption_languages));
    row->creator_region = facts->creator_region;
    row->minimum_age_years = facts->minimum_age_years;
    row->safety = facts->safety;
    row->curated = facts->curated;
    row->premium = facts->premium;
    row->known = true;
    row->deleted = false;
    row->duration_bucket = (uint8_t)signal_duration_bucket(facts->duration_ms);
}

/* With the first embedding there is room for those of all rows, and of the one that may be new. */
static enum status reserve_for(struct videos *videos, const struct video_facts *facts)
{
    return facts->embedding.size > 0 ? reserve_embeddings(videos, videos->rows.count + 1)
                                     : STATUS_OK;
}

enum status videos_put(struct videos *videos, const struct video_facts *facts)
{
    uint32_t allowed;
    uint32_t forbidden;
    struct video *row;
    enum status status = reserve_for(videos, facts);
    if (status == STATUS_OK) {
        status = sets_ref(&videos->sets, &facts->regions_allowed, &allowed);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = sets_ref(&videos->sets, &facts->regions_forbidden, &forbidden);
    if (status != STATUS_OK) {
        sets_unref(&videos->sets, allowed);
        return status;
    }
    status = videos_add(videos, facts->key, &row);
    if (status != STATUS_OK) {
        sets_unref(&videos->sets, allowed);
        sets_unref(&videos->sets, forbidden);
        return status;
    }
    sets_unref(&videos->sets, row->regions_allowed);
    sets_unref(&videos->sets, row->regions_forbidden);
    row->regions_allowed = allowed;
    row->regions_forbidden = forbidden;
    copy_facts(row, facts);
    copy_tags(videos, row, facts);
    put_embedding(videos, row, &facts->embedding);
    return STATUS_OK;
}

static struct video_source *source_of(const struct videos *videos, const struct video *row)
{
    size_t number = videos_number(videos, row);
    return &videos->sources[number / TABLE_CHUNK_ROWS][number % TABLE_CHUNK_ROWS];
}

struct video_source videos_source(const struct videos *videos, const struct video *row)
{
    return *source_of(videos, row);
}

void videos_set_source(struct videos *videos, const struct video *row, struct video_source source)
{
    *source_of(videos, row) = source;
}

void videos_remove(struct videos *videos, struct video *row)
{
    size_t number = videos_number(videos, row);
    free_more(&videos->more, row);
    sets_unref(&videos->sets, row->regions_allowed);
    sets_unref(&videos->sets, row->regions_forbidden);
    const struct video *last = table_at(&videos->rows, videos->rows.count - 1);
    videos_set_source(videos, row, videos_source(videos, last));
    videos_set_source(videos, last, (struct video_source){0});
    if (videos->embedding_chunk_count > 0) {
        put_embedding(videos, row, embedding_of_row(videos, last));
        videos_drop_embedding(videos, last);
    }
    table_remove(&videos->rows, number);
}

const struct region_set *videos_region_set(const struct videos *videos, uint32_t index)
{
    CHECK(index < videos->sets.count);
    return &videos->sets.entries[index].set;
}

bool region_set_contains(const struct region_set *set, uint16_t region)
{
    for (uint16_t i = 0; i < set->count; i++) {
        if (set->regions[i] == region) {
            return true;
        }
    }
    return false;
}
