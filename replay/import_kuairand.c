#include <inttypes.h>

#include "ranker/hash.h"
#include "replay/csv.h"
#include "replay/field.h"
#include "replay/formats.h"
#include "replay/keyset.h"
#include "replay/patch.h"
#include "replay/rows.h"

/*
 * KuaiRand's raw tables (https://kuairand.com): logs of views (log_standard_*, log_random_*, and
 * extracts of them with one label for like and hate) and the videos' basic features.
 */
enum column {
    USER_ID,
    VIDEO_ID,
    TIME_MS,
    PLAY_TIME_MS,
    DURATION_MS,
    IS_LIKE,
    IS_FOLLOW,
    IS_COMMENT,
    IS_FORWARD,
    IS_HATE,
    LABEL,
    AUTHOR_ID,
    UPLOAD_DT,
    VIDEO_DURATION,
    TAG,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    [USER_ID] = "user_id",
    [VIDEO_ID] = "video_id",
    [TIME_MS] = "time_ms",
    [PLAY_TIME_MS] = "play_time_ms",
    [DURATION_MS] = "duration_ms",
    [IS_LIKE] = "is_like",
    [IS_FOLLOW] = "is_follow",
    [IS_COMMENT] = "is_comment",
    [IS_FORWARD] = "is_forward",
    [IS_HATE] = "is_hate",
    [LABEL] = "label",
    [AUTHOR_ID] = "author_id",
    [UPLOAD_DT] = "upload_dt",
    [VIDEO_DURATION] = "video_duration",
    [TAG] = "tag",
};

enum { ID_DIGITS = 20, EVENT_ID_SIZE = 128 };

#define CHINA_OFFSET_MS ((int64_t)8 * 3600 * 1000) /* UTC+8 all year */

struct kuairand {
    const struct import_options *options;
    const struct import_sink *sink;
    struct csv *csv;
    size_t columns[COLUMN_COUNT];
    struct keyset *told; /* videos, and with TIMED videos whose duration is known */
};

static const uint64_t TIMED =
    0x9e3779b97f4a7c15; /* any constant, to tell the two kinds of key apart */

/* One view, checked. */
struct view {
    const char *user_id;
    const char *video_id;
    int64_t time_ms;
    int64_t play_time_ms;
    int64_t duration_ms;
    int64_t like;
    int64_t follow;
    int64_t comment;
    int64_t forward;
    int64_t hate;
};

static bool has(const struct kuairand *reader, enum column column)
{
    return reader->columns[column] != CSV_NO_COLUMN;
}

static struct text field(const struct kuairand *reader, enum column column)
{
    return csv_field(reader->csv, reader->columns[column]);
}

/* For a column the table lacks *out is 0. */
static bool whole(const struct kuairand *reader, enum column column, int64_t largest, int64_t *out,
                  struct problem *problem)
{
    struct text text = field(reader, column);
    *out = 0;
    if (!has(reader, column) || field_whole(text, largest, out)) {
        return true;
    }
    problem_set(problem, "%s is \"%.40s\"; a whole number from 0 to %" PRId64 " is allowed",
                column_names[column], text.data, largest);
    return false;
}

/* KuaiRand's ids are numbers, so an event id made of them cannot grow past its limit. */
static bool id(const struct kuairand *reader, enum column column, const char **out,
               struct problem *problem)
{
    struct text text = field(reader, column);
    bool good = text.size > 0 && text.size <= ID_DIGITS;
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
    }
    *out = text.data;
    if (!good) {
        problem_set(problem, "%s is \"%.40s\"; a number of at most %d digits is allowed",
                    column_names[column], text.data, ID_DIGITS);
    }
    return good;
}

/* The opinion: is_like and is_hate, or a label that is 1 for the one and 0 for the other. */
static bool opinion(const struct kuairand *reader, struct view *view, struct problem *problem)
{
    if (!has(reader, LABEL)) {
        return whole(reader, IS_LIKE, 1, &view->like, problem) &&
               whole(reader, IS_HATE, 1, &view->hate, problem);
    }
    bool good = whole(reader, LABEL, 1, &view->like, problem);
    view->hate = 1 - view->like;
    return good;
}

static bool read_view(const struct kuairand *reader, struct view *view, struct problem *problem)
{
    if (!id(reader, USER_ID, &view->user_id, problem) ||
        !id(reader, VIDEO_ID, &view->video_id, problem) ||
        !whole(reader, TIME_MS, INT64_MAX, &view->time_ms, problem) ||
        !whole(reader, PLAY_TIME_MS, INT64_MAX, &view->play_time_ms, problem) ||
        !whole(reader, DURATION_MS, LIMIT_DURATION_MS, &view->duration_ms, problem) ||
        !opinion(reader, view, problem) || !whole(reader, IS_FOLLOW, 1, &view->follow, problem) ||
        !whole(reader, IS_COMMENT, 1, &view->comment, problem) ||
        !whole(reader, IS_FORWARD, 1, &view->forward, problem)) {
        return false;
    }
    if (view->time_ms < 1) {
        problem_set(problem, "time_ms is 0; at least 1 is allowed");
        return false;
    }
    return true;
}

/*
 * Tells of a video before its first signal, and again when a later view is the first to know its
 * duration: one whose player did not know it has 0.
 */
static enum status tell_viewed(struct kuairand *reader, const struct view *view)
{
    uint64_t key = hash_key(text_of(view->video_id));
    uint64_t timed = (key ^ TIMED) != 0 ? key ^ TIMED : 1;
    bool is_new;
    bool is_timed = false;
    enum status status = keyset_add(reader->told, key, &is_new);
    if (status == STATUS_OK && view->duration_ms > 0) {
        status = keyset_add(reader->told, timed, &is_timed);
    }
    if (status != STATUS_OK || (!is_new && !is_timed)) {
        return status;
    }
    struct patch patch;
    patch_init(&patch, view->video_id);
    if (is_timed) {
        patch.video.duration_ms = view->duration_ms;
        patch_read(&patch, "duration_ms");
    }
    if (is_new) {
        patch_infer_language(&patch, "zh");
        patch_assume_safety(&patch, reader->options);
    }
    return patch_tell(&patch, csv_line(reader->csv), reader->sink);
}

static enum status tell_signal(struct kuairand *reader, const struct view *view,
                               Reelrank__V1__SignalType type, const char *type_name)
{
    char event_id[EVENT_ID_SIZE];
    snprintf(event_id, sizeof(event_id), "kuairand:%s:%s:%" PRId64 ":%s", view->user_id,
             view->video_id, view->time_ms, type_name);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event_id;
    signal.user_id = (char *)view->user_id;
    signal.video_id = (char *)view->video_id;
    signal.type = type;
    signal.time_ms = view->time_ms;
    signal.video_duration_ms = view->duration_ms;
    signal.locale = (char *)"zh-CN";
    if (type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH) {
        signal.watch_ms =
            view->play_time_ms < LIMIT_DURATION_MS ? view->play_time_ms : LIMIT_DURATION_MS;
    }
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = &signal;
    return reader->sink->entry(reader->sink->context, csv_line(reader->csv), &entry, NULL);
}

static enum status tell_view(struct kuairand *reader, const struct view *view)
{
    const struct {
        bool happened;
        Reelrank__V1__SignalType type;
        const char *name;
    } signals[] = {
        {true, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION, "impression"},
        {view->play_time_ms > 0, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY, "play"},
        {view->play_time_ms > 0, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, "watch"},
        {view->like, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE, "like"},
        {view->hate, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_NOT_INTERESTED, "not-interested"},
        {view->follow, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_FOLLOW_CREATOR, "follow-creator"},
        {view->comment, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMMENT, "comment"},
        {view->forward, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SHARE, "share"},
    };
    enum status status = tell_viewed(reader, view);
    for (size_t i = 0; status == STATUS_OK && i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i].happened) {
            status = tell_signal(reader, view, signals[i].type, signals[i].name);
        }
    }
    return status;
}

static enum status reject(struct kuairand *reader, const struct problem *problem)
{
    return reader->sink->reject(reader->sink->context, csv_line(reader->csv), problem->text);
}

static enum status tell_log_row(void *context)
{
    struct kuairand *reader = context;
    struct view view;
    struct problem problem;
    return read_view(reader, &view, &problem) ? tell_view(reader, &view) : reject(reader, &problem);
}

/* Tags are numbers, several of them separated by commas. names holds the texts. */
static void add_tags(struct patch *patch, struct text tags,
                     char names[LIMIT_VIDEO_CATEGORIES][LIMIT_SHORT_BYTES])
{
    size_t at = 0;
    size_t count = 0;
    while (at < tags.size && count < LIMIT_VIDEO_CATEGORIES) {
        const char *comma = memchr(tags.data + at, ',', tags.size - at);
        size_t size = comma != NULL ? (size_t)(comma - tags.data) - at : tags.size - at;
        int64_t tag;
        if (field_whole((struct text){tags.data + at, size}, INT64_MAX, &tag)) {
            snprintf(names[count], LIMIT_SHORT_BYTES, "tag-%" PRId64, tag);
            patch->categories[count] = names[count];
            count++;
        }
        at += size + 1;
    }
    if (count > 0) {
        patch->video.n_categories = count;
        patch_read(patch, "categories");
    }
}

/* The day of upload is China's; that it was at midnight is concluded. */
static bool add_upload(struct patch *patch, struct text day, struct problem *problem)
{
    if (day.size == 0 || text_equal(day, text_of("UNKNOWN"))) {
        return true;
    }
    if (!field_date(day, &patch->video.published_ms)) {
        problem_set(problem, "upload_dt is \"%.40s\"; a date such as 2022-04-10 is allowed",
                    day.data);
        return false;
    }
    patch->video.published_ms -= CHINA_OFFSET_MS;
    patch_infer(patch, "published_ms");
    return true;
}

static enum status tell_video_row(void *context)
{
    struct kuairand *reader = context;
    struct patch patch;
    struct problem problem;
    char names[LIMIT_VIDEO_CATEGORIES][LIMIT_SHORT_BYTES];
    const char *video_id;
    const char *author_id;
    int64_t duration_ms = 0;
    if (!id(reader, VIDEO_ID, &video_id, &problem) ||
        !id(reader, AUTHOR_ID, &author_id, &problem)) {
        return reject(reader, &problem);
    }
    patch_init(&patch, video_id);
    patch.video.creator_id = (char *)author_id;
    patch_read(&patch, "creator_id");
    if (field(reader, VIDEO_DURATION).size > 0 &&
        !whole(reader, VIDEO_DURATION, LIMIT_DURATION_MS, &duration_ms, &problem)) {
        return reject(reader, &problem);
    }
    if (duration_ms > 0) {
        patch.video.duration_ms = duration_ms;
        patch_read(&patch, "duration_ms");
    }
    if (!add_upload(&patch, field(reader, UPLOAD_DT), &problem)) {
        return reject(reader, &problem);
    }
    add_tags(&patch, field(reader, TAG), names);
    patch_infer_language(&patch, "zh");
    patch_assume_safety(&patch, reader->options);
    return patch_tell(&patch, csv_line(reader->csv), reader->sink);
}

static enum status tell_rows(struct kuairand *reader, struct problem *problem)
{
    bool is_log = has(reader, USER_ID) && has(reader, TIME_MS) && has(reader, PLAY_TIME_MS);
    if (!has(reader, VIDEO_ID) || (!is_log && !has(reader, AUTHOR_ID))) {
        problem_set(problem,
                    "not a table of KuaiRand: the header needs video_id, and user_id, time_ms and "
                    "play_time_ms (a log) or author_id (videos)");
        return STATUS_INVALID;
    }
    return rows_each(reader->csv, reader->sink, is_log ? tell_log_row : tell_video_row, reader,
                     problem);
}

enum status import_kuairand(FILE *file, const struct import_options *options,
                            const struct import_sink *sink, struct problem *problem)
{
    struct kuairand reader = {.options = options, .sink = sink};
    enum status status = csv_open(file, &reader.csv, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        reader.columns[i] = csv_column(reader.csv, column_names[i]);
    }
    reader.told = keyset_new((size_t)2 * IMPORT_LIMIT_VIDEOS);
    status = reader.told != NULL ? tell_rows(&reader, problem) : STATUS_NO_MEMORY;
    keyset_free(reader.told);
    csv_close(reader.csv);
    return status;
}
