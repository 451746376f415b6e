#include "store/retire.h"

#include <stdlib.h>

#include "ranker/state_rows.h"
#include "store/payload.h"

enum {
    LOOK_ROWS = 4096,  /* under one read lock */
    CALL_ROWS = 65536, /* of each table in one call */
    RECORDS_MAX = 64   /* in one write */
};

/* What is found and not yet written; a full record begins the next one. */
struct found {
    struct retirement retirements[RECORDS_MAX];
    size_t count; /* of records begun */
};

struct retire {
    struct store *store;
    size_t next_user;
    size_t next_statistics;
    size_t next_video;
    struct found found;
    struct entry entries[RECORDS_MAX];
    uint8_t payloads[RECORDS_MAX][PAYLOAD_SIZE_MAX];
};

struct retire *retire_new(struct store *store)
{
    struct retire *retire = calloc(1, sizeof(*retire));
    if (retire != NULL) {
        retire->store = store;
    }
    return retire;
}

void retire_free(struct retire *retire)
{
    free(retire);
}

/* The record with room for one more of each kind; NULL when all are full. */
static struct retirement *open_record(struct found *found)
{
    if (found->count > 0) {
        struct retirement *last = &found->retirements[found->count - 1];
        if (last->user_count < LIMIT_RETIRED && last->statistics_count < LIMIT_RETIRED &&
            last->video_count < LIMIT_RETIRED) {
            return last;
        }
    }
    if (found->count == RECORDS_MAX) {
        return NULL;
    }
    struct retirement *next = &found->retirements[found->count++];
    *next = (struct retirement){.user_count = 0};
    return next;
}

/* Looks at row; false when there is no room for what it finds. */
typedef bool look_at(struct found *found, const struct state *state, size_t row, int64_t before_ms);

static bool look_at_user(struct found *found, const struct state *state, size_t row,
                         int64_t before_ms)
{
    struct user_key_entry user = state_user_key_at(state, row);
    if (user.last_day >= state_day_of(before_ms)) {
        return true;
    }
    struct retirement *record = open_record(found);
    if (record != NULL) {
        record->user_keys[record->user_count++] = user.key;
    }
    return record != NULL;
}

static bool look_at_statistics(struct found *found, const struct state *state, size_t row,
                               int64_t before_ms)
{
    struct statistics_key_entry key = state_statistics_key_at(state, row);
    if (key.last_day >= state_day_of(before_ms)) {
        return true;
    }
    struct retirement *record = open_record(found);
    if (record != NULL) {
        record->statistics[record->statistics_count++] = (struct retired_statistics){
            .video_key = key.video_key, .kind = key.kind, .code = key.code};
    }
    return record != NULL;
}

/* Videos go when they are not in the catalogue and their statistics have gone. */
static bool look_at_video(struct found *found, const struct state *state, size_t row,
                          int64_t before_ms)
{
    (void)before_ms;
    const struct video *video = videos_at(state_videos(state), row);
    if (video_is_live(video) || state_has_stats(state, video->key, SCOPE_GLOBAL, 0)) {
        return true;
    }
    struct retirement *record = open_record(found);
    if (record != NULL) {
        record->video_keys[record->video_count++] = video->key;
    }
    return record != NULL;
}

static enum status write_found(struct retire *retire, int64_t now_ms)
{
    struct found *found = &retire->found;
    if (found->count == 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < found->count; i++) {
        size_t size = payload_put_retire(&found->retirements[i], retire->payloads[i]);
        retire->entries[i] = (struct entry){
            .record = {.kind = EVENT_RETIRE,
                       .appended_ms = now_ms,
                       .payload = retire->payloads[i],
                       .payload_size = size},
            .event = {.kind = EVENT_RETIRE, .u.retire = found->retirements[i]},
        };
    }
    struct batch batch = {.entries = retire->entries, .count = found->count};
    struct batch *batches[] = {&batch};
    store_write(retire->store, batches, 1);
    found->count = 0;
    return batch.status;
}

/* Looks at rows from *next on; the number of those looked at. */
static size_t look(struct retire *retire, enum state_table table, size_t *next, look_at *at,
                   int64_t idle_ms)
{
    const struct state *state = store_begin(retire->store);
    size_t end = state_row_count(state, table);
    int64_t before_ms = state_newest_signal_ms(state) - idle_ms;
    size_t looked = 0;
    while (looked < LOOK_ROWS && *next < end && before_ms > 0 &&
           at(&retire->found, state, *next, before_ms)) {
        ++*next;
        looked++;
    }
    if (*next >= end) {
        *next = 0; /* the next call begins anew */
    }
    store_end(retire->store);
    return looked;
}

static enum status retire_table(struct retire *retire, enum state_table table, size_t *next,
                                look_at *at, int64_t idle_ms, int64_t now_ms)
{
    if (idle_ms == 0) {
        return STATUS_OK;
    }
    for (size_t looked = 0; looked < CALL_ROWS;) {
        size_t some = look(retire, table, next, at, idle_ms);
        bool full = retire->found.count == RECORDS_MAX;
        enum status status = write_found(retire, now_ms);
        if (status != STATUS_OK) {
            return status;
        }
        looked += some;
        if (some < LOOK_ROWS && !full) {
            break; /* the end of the table */
        }
    }
    return STATUS_OK;
}

enum status retire_idle(struct retire *retire, const struct retire_bounds *bounds, int64_t now_ms)
{
    enum status status = retire_table(retire, STATE_USERS, &retire->next_user, look_at_user,
                                      bounds->user_ms, now_ms);
    if (status == STATUS_OK) {
        status = retire_table(retire, STATE_STATISTICS, &retire->next_statistics,
                              look_at_statistics, bounds->statistics_ms, now_ms);
    }
    if (status == STATUS_OK) {
        status = retire_table(retire, STATE_VIDEOS, &retire->next_video, look_at_video,
                              bounds->statistics_ms, now_ms);
    }
    return status;
}
