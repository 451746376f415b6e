#include "store/erase.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/state_rows.h"
#include "ranker/table.h"
#include "store/decoder.h"
#include "store/grow.h"
#include "store/payload.h"
#include "store/snapshots.h"

enum { TURN_RECORDS = 2048, REPLACE_MAX = 256 };

/* A user to be erased; a row of a table. */
struct target {
    uint64_t user_key; /* first: the table's hash */
    struct tombstone tombstone;
};

/* A row of the table of their videos. */
struct wanted_video {
    uint64_t video_key; /* first: the table's hash */
};

/* A signal to be erased. */
struct item {
    uint64_t user_key;
    uint64_t sequence;
    int64_t appended_ms;
    struct event_key event_key;
    struct effect effect;
};

struct erasure {
    const struct erase_options *options;
    struct problem *problem;
    struct table targets; /* struct target */
    struct table videos;  /* struct wanted_video */
    uint64_t last;        /* the last record that may have to be erased */
    uint64_t base;        /* the sequence of the base */
    struct state *state;  /* of the targets and their videos alone */
    struct item *items;   /* owned */
    size_t item_count;
    size_t item_capacity;
    uint64_t found; /* signals of targets, in the first pass */
    struct decoder decoder;
    /* Of the walk over the log now going on. */
    uint64_t next;
    unsigned left;
    enum status (*take)(struct erasure *erasure, uint64_t sequence, const struct record *record);
    enum status status;
};

static bool add_target(void *context, const struct tombstone *tombstone)
{
    struct erasure *erasure = context;
    if (!tombstone->pending || tombstone->sequence == 0) {
        return true;
    }
    void *row;
    erasure->status = table_add(&erasure->targets, tombstone->user_key, &row);
    if (erasure->status != STATUS_OK) {
        return false;
    }
    ((struct target *)row)->tombstone = *tombstone;
    if (tombstone->sequence > erasure->last) {
        erasure->last = tombstone->sequence;
    }
    return erasure->targets.count < ERASE_USERS_MAX;
}

/* The target whose signal this record is, from before the forgetting. NULL: of no target. */
static struct target *target_of(const struct erasure *erasure, uint64_t sequence,
                                const struct record *record)
{
    uint64_t user_key;
    if (record->kind != EVENT_SIGNAL || record_user_key(record, &user_key) != STATUS_OK) {
        return NULL;
    }
    struct target *target = table_find(&erasure->targets, user_key);
    return target != NULL && sequence < target->tombstone.sequence ? target : NULL;
}

static enum status decode(struct erasure *erasure, uint64_t sequence, const struct record *record,
                          struct event *event)
{
    enum status status = decoder_event(&erasure->decoder, record, event);
    if (status != STATUS_OK) {
        problem_set(erasure->problem, "the log's record %" PRIu64 " cannot be read: %s", sequence,
                    status_text(status));
    }
    return status;
}

/* First pass: which videos the users' signals are about. */
static enum status note_video(struct erasure *erasure, uint64_t sequence,
                              const struct record *record)
{
    struct event event;
    if (target_of(erasure, sequence, record) == NULL) {
        return STATUS_OK;
    }
    enum status status = decode(erasure, sequence, record, &event);
    if (status == STATUS_OK) {
        void *row;
        erasure->found++;
        status = table_need(&erasure->videos, event.u.signal.video_key, &row);
    }
    return status;
}

static enum status add_item(struct erasure *erasure, const struct item *item)
{
    struct item *items =
        grow(erasure->items, erasure->item_count, &erasure->item_capacity, sizeof(*items));
    if (items == NULL) {
        return STATUS_NO_MEMORY;
    }
    erasure->items = items;
    erasure->items[erasure->item_count++] = *item;
    return STATUS_OK;
}

static enum status take_signal(struct erasure *erasure, uint64_t sequence,
                               const struct record *record)
{
    struct event event;
    enum status status = decode(erasure, sequence, record, &event);
    struct item item = {
        .sequence = sequence, .appended_ms = record->appended_ms, .event_key = record->event_key};
    if (status == STATUS_OK) {
        item.user_key = event.u.signal.user_key;
    }
    /* What the base contains adds nothing to it. */
    if (status == STATUS_OK && sequence > erasure->base) {
        status = state_apply(erasure->state, sequence, &event);
        item.effect = *state_last_effect(erasure->state);
    }
    return status == STATUS_OK ? add_item(erasure, &item) : status;
}

/* What decides what the users' signals add. */
static bool is_relevant(const struct erasure *erasure, const struct event *event)
{
    switch (event->kind) {
    case EVENT_VIDEO:
        return table_find(&erasure->videos, event->u.video.key) != NULL;
    case EVENT_VIDEO_DELETED:
        return table_find(&erasure->videos, event->u.deleted_video_key) != NULL;
    case EVENT_FORGET:
    case EVENT_RETIRE:
        return true;
    case EVENT_SIGNAL:
    case EVENT_ERASED:
    case EVENT_KIND_END:
        break;
    }
    return false;
}

static enum status take_other(struct erasure *erasure, uint64_t sequence,
                              const struct record *record)
{
    struct event event;
    if (record->kind == EVENT_SIGNAL || record->kind == EVENT_ERASED || sequence <= erasure->base) {
        return STATUS_OK;
    }
    enum status status = decode(erasure, sequence, record, &event);
    return status == STATUS_OK && is_relevant(erasure, &event)
               ? state_apply(erasure->state, sequence, &event)
               : status;
}

/* Second pass: what each of the users' signals added. */
static enum status take_record(struct erasure *erasure, uint64_t sequence,
                               const struct record *record)
{
    return target_of(erasure, sequence, record) != NULL ? take_signal(erasure, sequence, record)
                                                        : take_other(erasure, sequence, record);
}

static bool visit(void *context, uint64_t sequence, const struct record *record)
{
    struct erasure *erasure = context;
    if (sequence > erasure->last || erasure->left == 0) {
        return false;
    }
    erasure->left--;
    erasure->next = sequence + 1;
    erasure->status = erasure->take(erasure, sequence, record);
    return erasure->status == STATUS_OK;
}

static enum status go_on(const struct erasure *erasure)
{
    const struct erase_options *options = erasure->options;
    if (options->go_on == NULL || options->go_on(options->context, erasure->next, erasure->last)) {
        return STATUS_OK;
    }
    problem_set(erasure->problem, "told to stop; the next start goes on");
    return STATUS_UNAVAILABLE;
}

/* A turn's records, or what is left of them where the log's beginning is removed meanwhile. */
static enum status walk_turn(struct erasure *erasure)
{
    uint64_t first;
    uint64_t last;
    struct log *log = erasure->options->log;
    erasure->left = TURN_RECORDS;
    enum status status = log_poll(log, erasure->next, visit, erasure, erasure->problem);
    if (status == STATUS_NOT_FOUND) {
        log_bounds(log, &first, &last);
        erasure->next = first;
        return STATUS_OK;
    }
    return status == STATUS_OK ? erasure->status : status;
}

/* Walks the log up to the last record in turns, so that no read transaction is old. */
static enum status walk(struct erasure *erasure,
                        enum status (*take)(struct erasure *erasure, uint64_t sequence,
                                            const struct record *record))
{
    uint64_t last;
    erasure->take = take;
    erasure->status = STATUS_OK;
    log_bounds(erasure->options->log, &erasure->next, &last);
    while (erasure->next <= erasure->last) {
        enum status status = go_on(erasure);
        if (status == STATUS_OK) {
            status = walk_turn(erasure);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool wants_user(void *context, uint64_t user_key)
{
    const struct erasure *erasure = context;
    return table_find(&erasure->targets, user_key) != NULL;
}

static bool wants_video(void *context, uint64_t video_key)
{
    const struct erasure *erasure = context;
    return table_find(&erasure->videos, video_key) != NULL;
}

static enum status put_user(void *context, const struct user *user)
{
    const struct erasure *erasure = context;
    return state_add_user(erasure->state, user);
}

static enum status put_video(void *context, const struct video_row *video)
{
    const struct erasure *erasure = context;
    return state_restore_video(erasure->state, video);
}

static enum status open_base(const struct erasure *erasure, char name[SNAPSHOT_NAME_SIZE],
                             struct state_file **out)
{
    struct state_file_options options = {
        .directory = erasure->options->directory,
        .name = name,
        .map_bytes = erasure->options->map_bytes,
        .read_only = true,
        .alone = true,
        .before = true,
    };
    snapshot_name(erasure->base, name);
    return state_file_open(&options, out, erasure->problem);
}

/* The users and videos as the base has them. */
static enum status load_base(struct erasure *erasure)
{
    char name[SNAPSHOT_NAME_SIZE];
    struct state_file *file = NULL;
    struct state_file_search search = {.wants_user = wants_user,
                                       .wants_video = wants_video,
                                       .user = put_user,
                                       .video = put_video,
                                       .context = erasure};
    if (erasure->base == 0) {
        return STATUS_OK;
    }
    enum status status = open_base(erasure, name, &file);
    if (status != STATUS_OK) {
        return status;
    }
    status = state_file_search(file, &search);
    state_file_close(file);
    if (status != STATUS_OK) {
        problem_set(erasure->problem, "%s cannot be read: %s", name, status_text(status));
    }
    return status;
}

/* By user, the latest first. */
static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    if (x->user_key != y->user_key) {
        return x->user_key < y->user_key ? -1 : 1;
    }
    return x->sequence > y->sequence ? -1 : x->sequence < y->sequence;
}

struct replacing {
    struct log_replacement replacements[REPLACE_MAX];
    uint8_t payloads[REPLACE_MAX][PAYLOAD_SIZE_MAX];
};

/* Replaces up to REPLACE_MAX items of one user. */
static enum status replace_some(struct erasure *erasure, struct replacing *replacing,
                                const struct item *items, size_t count)
{
    struct target *target = table_find(&erasure->targets, items[0].user_key);
    CHECK(target != NULL);
    for (size_t i = 0; i < count; i++) {
        size_t size = payload_put_erased(&items[i].effect, replacing->payloads[i]);
        replacing->replacements[i] = (struct log_replacement){
            .sequence = items[i].sequence,
            .record = {.kind = EVENT_ERASED,
                       .appended_ms = items[i].appended_ms,
                       .payload = replacing->payloads[i],
                       .payload_size = size},
        };
    }
    struct tombstone tombstone = target->tombstone;
    tombstone.signals_erased += count;
    enum status status =
        log_replace(erasure->options->log, replacing->replacements, count, &tombstone);
    if (status != STATUS_OK) {
        problem_set(erasure->problem, "the log's records cannot be erased: %s",
                    status_text(status));
        return status;
    }
    target->tombstone = tombstone;
    for (size_t i = 0; erasure->options->erased != NULL && i < count; i++) {
        erasure->options->erased(erasure->options->context, items[i].event_key);
    }
    return STATUS_OK;
}

static size_t count_same_user(const struct item *items, size_t count)
{
    size_t same = 1;
    while (same < count && same < REPLACE_MAX && items[same].user_key == items[0].user_key) {
        same++;
    }
    return same;
}

static enum status replace_all(struct erasure *erasure)
{
    struct replacing *replacing = malloc(sizeof(*replacing));
    if (replacing == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (erasure->item_count > 0) {
        qsort(erasure->items, erasure->item_count, sizeof(*erasure->items), compare_items);
    }
    enum status status = STATUS_OK;
    for (size_t i = 0; i < erasure->item_count && status == STATUS_OK;) {
        size_t count = count_same_user(&erasure->items[i], erasure->item_count - i);
        status = replace_some(erasure, replacing, &erasure->items[i], count);
        i += count;
        if (status == STATUS_OK) {
            status = go_on(erasure);
        }
    }
    free(replacing);
    return status;
}

/* Whom a snapshot must lose: after the forgetting it has somebody new under the same key. */
struct cleaning {
    const struct erasure *erasure;
    uint64_t sequence; /* of the snapshot */
};

static bool is_to_leave(void *context, uint64_t user_key)
{
    const struct cleaning *cleaning = context;
    const struct target *target = table_find(&cleaning->erasure->targets, user_key);
    return target != NULL && target->tombstone.sequence > cleaning->sequence;
}

static enum status clean_snapshot(struct erasure *erasure, uint64_t sequence)
{
    const struct erase_options *options = erasure->options;
    struct cleaning cleaning = {erasure, sequence};
    struct snapshot_removal removal = {
        .wants_user = is_to_leave, .context = &cleaning, .map_bytes = options->map_bytes};
    return snapshots_remove_users(options->directory, sequence, &removal, erasure->problem);
}

static enum status clean_snapshots(struct erasure *erasure, const struct snapshots *snapshots)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < snapshots->count && status == STATUS_OK; i++) {
        status = clean_snapshot(erasure, snapshots->sequences[i]);
    }
    return status;
}

static enum status find_base(struct erasure *erasure, struct snapshots *snapshots)
{
    uint64_t first;
    uint64_t last;
    const struct erase_options *options = erasure->options;
    enum status status = snapshots_list(options->directory, snapshots, erasure->problem);
    log_bounds(options->log, &first, &last);
    if (status == STATUS_OK && !snapshots_find_base(snapshots, first, &erasure->base)) {
        problem_set(erasure->problem,
                    "there is no snapshot for a log that begins at record %" PRIu64, first);
        status = STATUS_CORRUPT;
    }
    return status;
}

/* Once the first walk found signals: reads the base whole, which the others need not. */
static enum status erase_found(struct erasure *erasure)
{
    enum status status = load_base(erasure);
    if (status == STATUS_OK) {
        status = walk(erasure, take_record);
    }
    return status == STATUS_OK ? replace_all(erasure) : status;
}

static enum status erase_targets(struct erasure *erasure)
{
    struct snapshots snapshots;
    enum status status = find_base(erasure, &snapshots);
    if (status == STATUS_OK) {
        status = walk(erasure, note_video);
    }
    if (status == STATUS_OK && erasure->found > 0) {
        status = erase_found(erasure);
    }
    return status == STATUS_OK ? clean_snapshots(erasure, &snapshots) : status;
}

static enum status give_tombstones(const struct erasure *erasure, struct erased_users *out)
{
    size_t count = erasure->targets.count;
    struct tombstone *tombstones = calloc(count, sizeof(*tombstones));
    if (tombstones == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        tombstones[i] = ((struct target *)table_at(&erasure->targets, i))->tombstone;
    }
    *out = (struct erased_users){.tombstones = tombstones, .count = count};
    return STATUS_OK;
}

static enum status find_and_erase(struct erasure *erasure, struct erased_users *out)
{
    enum status status =
        log_visit_tombstones(erasure->options->log, add_target, erasure, erasure->problem);
    if (status == STATUS_OK) {
        status = erasure->status;
    }
    if (status != STATUS_OK || erasure->targets.count == 0) {
        return status;
    }
    erasure->state = state_new();
    status = erasure->state != NULL ? erase_targets(erasure) : STATUS_NO_MEMORY;
    return status == STATUS_OK ? give_tombstones(erasure, out) : status;
}

enum status erase_pending(const struct erase_options *options, struct erased_users *out,
                          struct problem *problem)
{
    struct problem unwanted;
    struct erasure erasure = {
        .options = options,
        .problem = problem != NULL ? problem : &unwanted,
        .targets = table_of(sizeof(struct target)),
        .videos = table_of(sizeof(struct wanted_video)),
    };
    *out = (struct erased_users){.count = 0};
    problem_set(erasure.problem, "%s", status_text(STATUS_NO_MEMORY));
    enum status status = find_and_erase(&erasure, out);
    decoder_release(&erasure.decoder);
    state_free(erasure.state);
    free(erasure.items);
    table_release(&erasure.targets);
    table_release(&erasure.videos);
    return status;
}
