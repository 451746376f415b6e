#include "ranker/scoped.h"

#include "ranker/check.h"
#include "ranker/state_internal.h"

const struct scoped_table *state_scoped(const struct state *state)
{
    return &state->scoped;
}

static uint64_t hash_of(const struct video *video, enum scope_kind kind, uint16_t code)
{
    return state_scope_hash(video->key, kind, code);
}

/* The row that videos[i] most likely has, which comes near. */
static const struct scoped *guess(const struct table *rows, uint64_t hash)
{
    const struct scoped *row = table_guess(rows, hash);
    table_prefetch_row(rows, row);
    return row;
}

void scoped_find_many(const struct scoped_table *table, enum scope_kind kind, uint16_t code,
                      const struct video *const *videos, size_t count, const struct scoped **out)
{
    enum { SLOT_AHEAD = 32, ROW_AHEAD = 16 };
    const struct table *rows = &table->rows;
    CHECK(kind == SCOPE_REGION || kind == SCOPE_LANGUAGE);
    if (code == 0 || rows->count == 0) {
        memset(out, 0, count * sizeof(out[0]));
        return;
    }
    /* The later stages start below 0, that is far above count. */
    for (size_t i = 0; i < count + SLOT_AHEAD; i++) {
        if (i < count && videos[i] != NULL) {
            table_prefetch(rows, hash_of(videos[i], kind, code));
        }
        size_t guessed = i - (SLOT_AHEAD - ROW_AHEAD);
        if (guessed < count) {
            out[guessed] =
                videos[guessed] != NULL ? guess(rows, hash_of(videos[guessed], kind, code)) : NULL;
        }
        size_t checked = i - SLOT_AHEAD;
        if (checked < count && out[checked] != NULL) {
            uint64_t hash = hash_of(videos[checked], kind, code);
            if (out[checked]->hash != hash) {
                out[checked] = table_find(rows, hash);
            }
        }
    }
}

static void fill(const struct stats *stats, struct scoped *out)
{
    struct stats_decayed decayed;
    stats_decay(stats, &decayed);
    for (unsigned h = 0; h < HALF_LIFE_COUNT; h++) {
        for (unsigned i = 0; i < COUNTER_SCORED_COUNT; i++) {
            out->counts[h][i] = scoped_pack(decayed.counts[h][i]);
        }
    }
    out->newest_tick = decayed.newest_tick;
}

enum status scoped_put(struct scoped_table *table, uint64_t hash, const struct stats *stats)
{
    void *row;
    enum status status = table_need(&table->rows, hash, &row);
    if (status == STATUS_OK) {
        fill(stats, row);
    }
    return status;
}

enum status scoped_append(struct scoped_table *table, uint64_t hash, const struct stats *stats)
{
    void *row;
    enum status status = table_append(&table->rows, hash, &row);
    if (status == STATUS_OK) {
        fill(stats, row);
    }
    return status;
}

void scoped_remove(struct scoped_table *table, uint64_t hash)
{
    const void *row = table_find(&table->rows, hash);
    CHECK(row != NULL);
    table_remove(&table->rows, table_number(&table->rows, row));
}
