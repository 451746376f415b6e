#include "tests/ranker/scoped_check.h"

#include <stdlib.h>

#include "ranker/scoped.h"
#include "ranker/state_rows.h"
#include "tests/test.h"

static const struct scoped *find(const struct state *state, const struct statistics_row *row)
{
    const struct scoped *scoped;
    const struct video video = {.key = row->video_key}; /* it may be gone; only the key counts */
    scoped_find_many(state_scoped(state), row->kind, row->code, &(const struct video *){&video}, 1,
                     &scoped);
    return scoped;
}

static void check_row(const struct scoped *scoped, const struct stats *stats)
{
    struct stats_decayed decayed;
    stats_decay(stats, &decayed);
    CHECK_EQ(decayed.newest_tick, scoped_newest_tick(scoped));
    for (unsigned i = 0; i < HALF_LIFE_COUNT * COUNTER_SCORED_COUNT; i++) {
        enum half_life half_life = (enum half_life)(i / COUNTER_SCORED_COUNT);
        enum counter counter = (enum counter)(i % COUNTER_SCORED_COUNT);
        double want = (double)scoped_unpack(scoped_pack(decayed.counts[half_life][counter]));
        double got = scoped_count(scoped, half_life, counter);
        CHECK(!(want < got) && !(want > got));
    }
}

/* Whether it has a row. */
static bool check_statistics(const struct state *state, size_t number, struct arena *arena)
{
    struct statistics_row row;
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, state_read_statistics(state, number, arena, &row));
    const int64_t *total = row.stats->total;
    bool viewed =
        row.kind != SCOPE_GLOBAL && (total[COUNTER_IMPRESSIONS] >= 8 || total[COUNTER_PLAYS] >= 8);
    const struct scoped *scoped = row.kind != SCOPE_GLOBAL ? find(state, &row) : NULL;
    CHECK(viewed == (scoped != NULL));
    CHECK(viewed == state_statistics_key_at(state, number).scoped);
    if (viewed) {
        check_row(scoped, row.stats);
    }
    return viewed;
}

size_t scoped_check(const struct state *state)
{
    struct arena arena;
    struct state_counts counts;
    size_t rows = 0;
    void *memory = malloc(STATE_LOAD_BYTES);
    CHECK(memory != NULL);
    arena_init(&arena, memory, STATE_LOAD_BYTES);
    for (size_t i = 0; i < state_row_count(state, STATE_STATISTICS); i++) {
        rows += check_statistics(state, i, &arena);
    }
    state_count(state, &counts);
    CHECK_EQ(rows, counts.scoped);
    free(memory);
    return rows;
}
