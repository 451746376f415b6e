#include <inttypes.h>
#include <stdlib.h>

#include "ranker/hash.h"
#include "replay/csv.h"
#include "replay/field.h"
#include "replay/formats.h"
#include "replay/keyset.h"
#include "replay/patch.h"
#include "replay/rows.h"

/*
 * Open Bandit Dataset (https://research.zozo.com/data.html): logs of a fashion shop's policies, one
 * impression a row, and item_context.csv, which describes the items.
 */
enum column {
    TIMESTAMP,
    ITEM_ID,
    POSITION,
    CLICK,
    PROPENSITY_SCORE,
    FEATURE_1,
    FEATURE_2,
    FEATURE_3,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    [TIMESTAMP] = "timestamp",
    [ITEM_ID] = "item_id",
    [POSITION] = "position",
    [CLICK] = "click",
    [PROPENSITY_SCORE] = "propensity_score",
    [FEATURE_1] = "item_feature_1",
    [FEATURE_2] = "item_feature_2",
    [FEATURE_3] = "item_feature_3",
};

enum {
    VIDEO_ID_SIZE = 16,   /* "obd:" and a number below ITEM_LIMIT */
    RANKING_ID_SIZE = 48, /* "obd-", 16 hexadecimal digits, "-" and a line */
    EVENT_ID_SIZE = RANKING_ID_SIZE + 16,
    ITEM_LIMIT = 1000000,
    FEATURE_COUNT = FEATURE_3 - FEATURE_1 + 1
};

/* The request of a row: all items that the header has an affinity for, or else the one shown. */
struct request {
    size_t count;
    char ids[CSV_LIMIT_FIELDS][VIDEO_ID_SIZE];
    Reelrank__V1__Candidate candidates[CSV_LIMIT_FIELDS];
    Reelrank__V1__Candidate *list[CSV_LIMIT_FIELDS];
};

struct obd {
    const struct import_options *options;
    const struct import_sink *sink;
    struct csv *csv;
    size_t columns[COLUMN_COUNT];
    size_t affinities[CSV_LIMIT_FIELDS]; /* columns, by item */
    size_t affinity_count;
    struct keyset *told; /* videos */
    struct request request;
};

/* One impression, checked. */
struct shown {
    int64_t time_ms;
    int64_t item;
    int64_t position;
    int64_t click;
    double propensity;
    char video_id[VIDEO_ID_SIZE];
    char ranking_id[RANKING_ID_SIZE]; /* of the user, too */
};

static bool has(const struct obd *reader, enum column column)
{
    return reader->columns[column] != CSV_NO_COLUMN;
}

static struct text field(const struct obd *reader, enum column column)
{
    return csv_field(reader->csv, reader->columns[column]);
}

static enum status reject(const struct obd *reader, const struct problem *problem)
{
    return reader->sink->reject(reader->sink->context, csv_line(reader->csv), problem->text);
}

static bool whole(const struct obd *reader, enum column column, int64_t smallest, int64_t largest,
                  int64_t *out, struct problem *problem)
{
    struct text text = field(reader, column);
    if (field_whole(text, largest, out) && *out >= smallest) {
        return true;
    }
    problem_set(problem,
                "%s is \"%.40s\"; a whole number from %" PRId64 " to %" PRId64 " is allowed",
                column_names[column], text.data, smallest, largest);
    return false;
}

static bool read_time(const struct obd *reader, int64_t *out, struct problem *problem)
{
    struct text text = field(reader, TIMESTAMP);
    if (field_instant(text, out) && *out > 0) {
        return true;
    }
    problem_set(problem,
                "timestamp is \"%.40s\"; a time such as 2019-11-24 00:00:17.004101+00:00 is "
                "allowed",
                text.data);
    return false;
}

static bool read_propensity(const struct obd *reader, double *out, struct problem *problem)
{
    struct text text = field(reader, PROPENSITY_SCORE);
    if (field_real(text, out) && *out > 0 && *out <= 1) {
        return true;
    }
    problem_set(problem, "propensity_score is \"%.40s\"; above 0 and at most 1 is allowed",
                text.data);
    return false;
}

/*
 * The data names neither users nor rankings, so a row is one of its own: named by what makes it
 * differ from rows of other files, and by its line, which makes it differ from others of this one.
 */
static void name_ranking(const struct obd *reader, struct shown *shown)
{
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    static const enum column named[] = {TIMESTAMP, ITEM_ID, POSITION, PROPENSITY_SCORE};
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        struct text text = field(reader, named[i]);
        XXH3_64bits_update(&hash, text.data, text.size + 1); /* with its zero, as a separator */
    }
    snprintf(shown->ranking_id, sizeof(shown->ranking_id), "obd-%016" PRIx64 "-%" PRIu64,
             (uint64_t)XXH3_64bits_digest(&hash), csv_line(reader->csv));
}

static void name_video(int64_t item, char out[VIDEO_ID_SIZE])
{
    snprintf(out, VIDEO_ID_SIZE, "obd:%" PRId64, item);
}

static bool read_shown(const struct obd *reader, struct shown *shown, struct problem *problem)
{
    int64_t items = reader->affinity_count > 0 ? (int64_t)reader->affinity_count : ITEM_LIMIT;
    if (!read_time(reader, &shown->time_ms, problem) ||
        !whole(reader, ITEM_ID, 0, items - 1, &shown->item, problem) ||
        !whole(reader, POSITION, 1, LIMIT_CANDIDATES, &shown->position, problem) ||
        !whole(reader, CLICK, 0, 1, &shown->click, problem) ||
        !read_propensity(reader, &shown->propensity, problem)) {
        return false;
    }
    name_video(shown->item, shown->video_id);
    name_ranking(reader, shown);
    return true;
}

static void put_candidate(struct request *request, int64_t item, double score)
{
    size_t at = request->count;
    name_video(item, request->ids[at]);
    reelrank__v1__candidate__init(&request->candidates[at]);
    request->candidates[at].video_id = request->ids[at];
    request->candidates[at].retrieval_score = score;
    request->list[at] = &request->candidates[at];
    request->count++;
}

static bool read_request(struct obd *reader, const struct shown *shown, struct problem *problem)
{
    reader->request.count = 0;
    if (reader->affinity_count == 0) {
        put_candidate(&reader->request, shown->item, 0);
    }
    for (size_t i = 0; i < reader->affinity_count; i++) {
        struct text text = csv_field(reader->csv, reader->affinities[i]);
        double score;
        if (!field_real(text, &score)) {
            problem_set(problem, "user-item_affinity_%zu is \"%.40s\"; a number is allowed", i,
                        text.data);
            return false;
        }
        put_candidate(&reader->request, (int64_t)i, score);
    }
    return true;
}

/* Japan's language is concluded: the shop is Japanese, the data does not say it. */
static enum status tell_videos(struct obd *reader)
{
    for (size_t i = 0; i < reader->request.count; i++) {
        const char *id = reader->request.ids[i];
        bool is_new;
        enum status status = keyset_add(reader->told, hash_key(text_of(id)), &is_new);
        if (status == STATUS_OK && is_new) {
            struct patch patch;
            patch_init(&patch, id);
            patch_infer_language(&patch, "ja");
            patch_assume_safety(&patch, reader->options);
            status = patch_tell(&patch, csv_line(reader->csv), reader->sink);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status tell(const struct obd *reader, const Reelrank__V1__LogEntry *entry)
{
    return reader->sink->entry(reader->sink->context, csv_line(reader->csv), entry, NULL);
}

static enum status tell_decision(struct obd *reader, struct shown *shown)
{
    uint32_t order[1] = {reader->affinity_count > 0 ? (uint32_t)shown->item : 0};
    double propensities[1] = {shown->propensity};
    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    request.user_id = shown->ranking_id;
    request.locale = (char *)"ja-JP";
    request.candidates = reader->request.list;
    request.n_candidates = reader->request.count;
    request.now_ms = shown->time_ms;
    Reelrank__V1__Decision decision = REELRANK__V1__DECISION__INIT;
    decision.time_ms = shown->time_ms;
    decision.request = &request;
    decision.ranking_id = shown->ranking_id;
    decision.order = order;
    decision.n_order = 1;
    decision.propensities = propensities;
    decision.n_propensities = 1;
    decision.first_position = (uint32_t)shown->position;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_DECISION;
    entry.decision = &decision;
    return tell(reader, &entry);
}

static enum status tell_signal(const struct obd *reader, struct shown *shown,
                               Reelrank__V1__SignalType type, const char *type_name)
{
    char event_id[EVENT_ID_SIZE];
    snprintf(event_id, sizeof(event_id), "%s:%s", shown->ranking_id, type_name);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event_id;
    signal.user_id = shown->ranking_id;
    signal.video_id = shown->video_id;
    signal.type = type;
    signal.time_ms = shown->time_ms;
    signal.locale = (char *)"ja-JP";
    signal.ranking_id = shown->ranking_id;
    signal.position = (uint32_t)shown->position;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = &signal;
    return tell(reader, &entry);
}

static enum status tell_shown(struct obd *reader, struct shown *shown)
{
    enum status status = tell_videos(reader);
    if (status == STATUS_OK && reader->options->decisions) {
        status = tell_decision(reader, shown);
    }
    if (status == STATUS_OK) {
        status = tell_signal(reader, shown, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION,
                             "impression");
    }
    if (status == STATUS_OK && shown->click == 1) {
        status = tell_signal(reader, shown, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY, "play");
    }
    return status;
}

static enum status tell_log_row(void *context)
{
    struct obd *reader = context;
    struct shown shown;
    struct problem problem;
    if (!read_shown(reader, &shown, &problem) || !read_request(reader, &shown, &problem)) {
        return reject(reader, &problem);
    }
    return tell_shown(reader, &shown);
}

/* The features' values are hashes, so the feature's number tells them apart: "1-c82d13...". */
static bool add_features(const struct obd *reader, struct patch *patch,
                         char names[FEATURE_COUNT][LIMIT_SHORT_BYTES + 1], struct problem *problem)
{
    for (unsigned i = 0; i < FEATURE_COUNT; i++) {
        struct text text = field(reader, FEATURE_1 + i);
        int size = snprintf(names[i], LIMIT_SHORT_BYTES + 1, "%u-%s", i + 1, text.data);
        if (text.size == 0) {
            continue;
        }
        if (size > LIMIT_SHORT_BYTES || !text_is_utf8(text)) {
            problem_set(problem, "%s is longer than %d bytes or not UTF-8",
                        column_names[FEATURE_1 + i], LIMIT_SHORT_BYTES - 2);
            return false;
        }
        patch->categories[patch->video.n_categories] = names[i];
        patch->video.n_categories++;
    }
    if (patch->video.n_categories > 0) {
        patch_read(patch, "categories");
    }
    return true;
}

static enum status tell_item_row(void *context)
{
    struct obd *reader = context;
    struct patch patch;
    struct problem problem;
    char video_id[VIDEO_ID_SIZE];
    char names[FEATURE_COUNT][LIMIT_SHORT_BYTES + 1];
    int64_t item;
    if (!whole(reader, ITEM_ID, 0, ITEM_LIMIT - 1, &item, &problem)) {
        return reject(reader, &problem);
    }
    name_video(item, video_id);
    patch_init(&patch, video_id);
    if (!add_features(reader, &patch, names, &problem)) {
        return reject(reader, &problem);
    }
    patch_infer_language(&patch, "ja");
    patch_assume_safety(&patch, reader->options);
    return patch_tell(&patch, csv_line(reader->csv), reader->sink);
}

static void find_columns(struct obd *reader)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        reader->columns[i] = csv_column(reader->csv, column_names[i]);
    }
    while (reader->affinity_count < CSV_LIMIT_FIELDS) {
        char name[32];
        snprintf(name, sizeof(name), "user-item_affinity_%zu", reader->affinity_count);
        size_t column = csv_column(reader->csv, name);
        if (column == CSV_NO_COLUMN) {
            return;
        }
        reader->affinities[reader->affinity_count] = column;
        reader->affinity_count++;
    }
}

static enum status tell_rows(struct obd *reader, struct problem *problem)
{
    find_columns(reader);
    bool is_log = has(reader, TIMESTAMP) && has(reader, POSITION) && has(reader, CLICK) &&
                  has(reader, PROPENSITY_SCORE);
    if (!has(reader, ITEM_ID) || (!is_log && !has(reader, FEATURE_1))) {
        problem_set(problem, "not a table of Open Bandit Dataset: the header needs item_id, and "
                             "timestamp, position, click and propensity_score (a log) or "
                             "item_feature_1 (item_context.csv)");
        return STATUS_INVALID;
    }
    return rows_each(reader->csv, reader->sink, is_log ? tell_log_row : tell_item_row, reader,
                     problem);
}

static enum status read_table(FILE *file, struct obd *reader, struct problem *problem)
{
    enum status status = csv_open(file, &reader->csv, problem);
    if (status != STATUS_OK) {
        return status;
    }
    reader->told = keyset_new(IMPORT_LIMIT_VIDEOS);
    status = reader->told != NULL ? tell_rows(reader, problem) : STATUS_NO_MEMORY;
    keyset_free(reader->told);
    csv_close(reader->csv);
    return status;
}

enum status import_obd(FILE *file, const struct import_options *options,
                       const struct import_sink *sink, struct problem *problem)
{
    struct obd *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->options = options;
    reader->sink = sink;
    enum status status = read_table(file, reader, problem);
    free(reader);
    return status;
}
