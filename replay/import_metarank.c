#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/hash.h"
#include "replay/field.h"
#include "replay/formats.h"
#include "replay/keyset.h"
#include "replay/lines.h"
#include "replay/metarank_item.h"
#include "replay/metarank_value.h"
#include "replay/patch.h"
#include "replay/rows.h"

/*
 * Metarank's events (https://docs.metarank.ai, "Supported events"), one JSON object a line: item,
 * user, ranking and interaction.
 */
enum {
    EVENT_ID_SIZE = LIMIT_SHORT_BYTES + 48, /* "metarank:", the event's id, what became of it */
    SHOWN = 40                              /* bytes of a wrong value that are shown */
};

struct metarank {
    const struct import_options *options;
    const struct import_sink *sink;
    struct lines lines;
    struct keyset *told;                                  /* videos */
    Reelrank__V1__Candidate candidates[LIMIT_CANDIDATES]; /* of the present ranking */
    Reelrank__V1__Candidate *list[LIMIT_CANDIDATES];
    uint32_t order[LIMIT_CANDIDATES];
};

/* What all events share. Texts are the document's. */
struct event {
    const char *id;
    const char *user;
    int64_t time_ms;
};

static enum status reject(const struct metarank *reader, const struct problem *problem)
{
    return reader->sink->reject(reader->sink->context, reader->lines.number, problem->text);
}

static enum status tell(const struct metarank *reader, const Reelrank__V1__LogEntry *entry)
{
    return reader->sink->entry(reader->sink->context, reader->lines.number, entry, NULL);
}

/* Whose event it is: the session stands in for a user that is not known. */
static bool read_user(const json_t *json, struct event *event, struct problem *problem)
{
    const char *session = "";
    if (!metarank_text(json_object_get(json, "id"), "id", LIMIT_SHORT_BYTES, &event->id, problem) ||
        !metarank_optional_text(json_object_get(json, "user"), "user", LIMIT_ID_BYTES, &event->user,
                                problem) ||
        !metarank_optional_text(json_object_get(json, "session"), "session", LIMIT_ID_BYTES,
                                &session, problem)) {
        return false;
    }
    if (event->user[0] == '\0') {
        event->user = session;
    }
    if (event->user[0] == '\0') {
        problem_set(problem, "the event has neither a user nor a session");
        return false;
    }
    return true;
}

static enum status tell_item(struct metarank *reader, const json_t *json)
{
    struct patch patch;
    struct metarank_texts texts;
    struct problem problem;
    bool is_new;
    if (!metarank_item(json, &patch, &texts, &problem)) {
        return reject(reader, &problem);
    }
    patch_assume_safety(&patch, reader->options);
    enum status status = keyset_add(reader->told, hash_key(text_of(patch.video.video_id)), &is_new);
    return status == STATUS_OK ? patch_tell(&patch, reader->lines.number, reader->sink) : status;
}

/* Of a video without an item event only a safety rating can be assumed. */
static enum status tell_seen(struct metarank *reader, const char *item)
{
    struct patch patch;
    bool is_new;
    enum status status = keyset_add(reader->told, hash_key(text_of(item)), &is_new);
    if (status != STATUS_OK || !is_new) {
        return status;
    }
    patch_init(&patch, item);
    patch_assume_safety(&patch, reader->options);
    return patch_tell(&patch, reader->lines.number, reader->sink);
}

/* Says nothing that the state has room for: checked, and passed over. */
static enum status tell_user(struct metarank *reader, const json_t *json)
{
    struct event event;
    struct problem problem;
    const char *user;
    if (!metarank_event_time(json, &event.time_ms, &problem) ||
        !metarank_text(json_object_get(json, "user"), "user", LIMIT_ID_BYTES, &user, &problem) ||
        !metarank_check_fields(json_object_get(json, "fields"), &problem)) {
        return reject(reader, &problem);
    }
    return STATUS_OK;
}

/* The relevancy stands beside the id in older events, in fields in newer ones. */
static bool read_candidate(const json_t *item, Reelrank__V1__Candidate *candidate,
                           struct problem *problem)
{
    const char *id;
    const json_t *fields = json_object_get(item, "fields");
    if (!metarank_text(json_object_get(item, "id"), "items.id", LIMIT_ID_BYTES, &id, problem) ||
        !metarank_check_fields(fields, problem)) {
        return false;
    }
    const json_t *relevancy = json_object_get(item, "relevancy");
    relevancy = relevancy != NULL ? relevancy : metarank_field(fields, "relevancy");
    if (relevancy != NULL && !json_is_null(relevancy) && !json_is_number(relevancy)) {
        problem_set(problem, "the relevancy of item \"%.40s\" is no number", id);
        return false;
    }
    reelrank__v1__candidate__init(candidate);
    candidate->video_id = (char *)(uintptr_t)id;
    candidate->retrieval_score = json_number_value(relevancy); /* 0 for what is no number */
    return true;
}

static bool read_items(struct metarank *reader, const json_t *items, struct problem *problem)
{
    size_t count = json_array_size(items);
    if (count == 0 || count > LIMIT_CANDIDATES) {
        problem_set(problem, "items is no list of 1 to %d items", LIMIT_CANDIDATES);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_candidate(json_array_get(items, i), &reader->candidates[i], problem)) {
            return false;
        }
        reader->list[i] = &reader->candidates[i];
        reader->order[i] = (uint32_t)i;
    }
    return true;
}

static enum status tell_decision(struct metarank *reader, const struct event *event, size_t count)
{
    Reelrank__V1__RankRequest request = REELRANK__V1__RANK_REQUEST__INIT;
    request.user_id = (char *)(uintptr_t)event->user;
    request.locale = (char *)"und";
    request.candidates = reader->list;
    request.n_candidates = count;
    request.now_ms = event->time_ms;
    Reelrank__V1__Decision decision = REELRANK__V1__DECISION__INIT;
    decision.time_ms = event->time_ms;
    decision.request = &request;
    decision.ranking_id = (char *)(uintptr_t)event->id;
    decision.order = reader->order;
    decision.n_order = count;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_DECISION;
    entry.decision = &decision;
    return tell(reader, &entry);
}

static enum status tell_signal(const struct metarank *reader, Reelrank__V1__Signal *signal)
{
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = signal;
    return tell(reader, &entry);
}

static enum status tell_impression(struct metarank *reader, const struct event *event, size_t at)
{
    char event_id[EVENT_ID_SIZE];
    snprintf(event_id, sizeof(event_id), "metarank:%s:impression:%zu", event->id, at + 1);
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    signal.event_id = event_id;
    signal.user_id = (char *)(uintptr_t)event->user;
    signal.video_id = reader->candidates[at].video_id;
    signal.type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION;
    signal.time_ms = event->time_ms;
    signal.ranking_id = (char *)(uintptr_t)event->id;
    signal.position = (uint32_t)at + 1;
    return tell_signal(reader, &signal);
}

static enum status tell_shown(struct metarank *reader, const struct event *event, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = tell_seen(reader, reader->candidates[i].video_id);
        if (status != STATUS_OK) {
            return status;
        }
    }
    enum status status =
        reader->options->decisions ? tell_decision(reader, event, count) : STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = tell_impression(reader, event, i);
    }
    return status;
}

static enum status tell_ranking(struct metarank *reader, const json_t *json)
{
    struct event event;
    struct problem problem;
    const json_t *items = json_object_get(json, "items");
    if (!metarank_event_time(json, &event.time_ms, &problem) ||
        !read_user(json, &event, &problem) || !read_items(reader, items, &problem) ||
        !metarank_check_fields(json_object_get(json, "fields"), &problem)) {
        return reject(reader, &problem);
    }
    return tell_shown(reader, &event, json_array_size(items));
}

/* Types of interactions are names that each user of Metarank chooses; these are the usual ones. */
static const struct interaction {
    const char *name;
    Reelrank__V1__SignalType type;
} interactions[] = {
    {"click", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY},
    {"play", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY},
    {"view", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY},
    {"watch", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH},
    {"complete", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMPLETE},
    {"skip", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SKIP},
    {"like", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE},
    {"favorite", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE},
    {"unlike", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_UNLIKE},
    {"dislike", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_NOT_INTERESTED},
    {"not_interested", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_NOT_INTERESTED},
    {"share", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SHARE},
    {"comment", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMMENT},
    {"follow", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_FOLLOW_CREATOR},
    {"unfollow", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_UNFOLLOW_CREATOR},
    {"hide_creator", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_HIDE_CREATOR},
    {"report", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_REPORT},
    {"impression", REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION},
};

enum { INTERACTION_COUNT = sizeof(interactions) / sizeof(interactions[0]), KNOWN_SIZE = 240 };

/* Writes "click, play, ...". */
static void list_types(char out[KNOWN_SIZE])
{
    size_t used = 0;
    for (size_t i = 0; i < INTERACTION_COUNT; i++) {
        int wrote = snprintf(out + used, KNOWN_SIZE - used, "%s%s", i > 0 ? ", " : "",
                             interactions[i].name);
        CHECK(wrote > 0 && (size_t)wrote < KNOWN_SIZE - used);
        used += (size_t)wrote;
    }
}

static bool read_type(const json_t *json, Reelrank__V1__SignalType *out, struct problem *problem)
{
    const char *name;
    if (!metarank_text(json_object_get(json, "type"), "type", LIMIT_SHORT_BYTES, &name, problem)) {
        return false;
    }
    for (size_t i = 0; i < INTERACTION_COUNT; i++) {
        if (strcmp(name, interactions[i].name) == 0) {
            *out = interactions[i].type;
            return true;
        }
    }
    char known[KNOWN_SIZE];
    list_types(known);
    struct text shown = field_cut(text_of(name), SHOWN);
    problem_set(problem, "type is \"%.*s\"; known: %s", (int)shown.size, shown.data, known);
    return false;
}

/* The field watch_ms, which a watch must have and a completion may. */
static bool read_watch(const json_t *json, Reelrank__V1__Signal *signal, struct problem *problem)
{
    bool is_watch = signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
    bool is_complete = signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMPLETE;
    const json_t *value = metarank_field(json_object_get(json, "fields"), "watch_ms");
    if (!is_watch && (!is_complete || value == NULL)) {
        return true;
    }
    if (!metarank_whole(value, LIMIT_DURATION_MS, &signal->watch_ms)) {
        problem_set(problem, "the field \"watch_ms\" is needed: a whole number from 0 to %d",
                    LIMIT_DURATION_MS);
        return false;
    }
    return true;
}

static bool read_interaction(const json_t *json, struct event *event, Reelrank__V1__Signal *signal,
                             struct problem *problem)
{
    const char *item;
    const char *ranking;
    if (!metarank_event_time(json, &event->time_ms, problem) || !read_user(json, event, problem) ||
        !metarank_text(json_object_get(json, "item"), "item", LIMIT_ID_BYTES, &item, problem) ||
        !metarank_optional_text(json_object_get(json, "ranking"), "ranking", LIMIT_SHORT_BYTES,
                                &ranking, problem) ||
        !metarank_check_fields(json_object_get(json, "fields"), problem) ||
        !read_type(json, &signal->type, problem) || !read_watch(json, signal, problem)) {
        return false;
    }
    signal->user_id = (char *)(uintptr_t)event->user;
    signal->video_id = (char *)(uintptr_t)item;
    signal->ranking_id = (char *)(uintptr_t)ranking;
    signal->time_ms = event->time_ms;
    return true;
}

static enum status tell_interaction(struct metarank *reader, const json_t *json)
{
    struct event event;
    struct problem problem;
    char event_id[EVENT_ID_SIZE];
    Reelrank__V1__Signal signal = REELRANK__V1__SIGNAL__INIT;
    if (!read_interaction(json, &event, &signal, &problem)) {
        return reject(reader, &problem);
    }
    snprintf(event_id, sizeof(event_id), "metarank:%s", event.id);
    signal.event_id = event_id;
    enum status status = tell_seen(reader, signal.video_id);
    return status == STATUS_OK ? tell_signal(reader, &signal) : status;
}

static enum status tell_event(struct metarank *reader, const json_t *json)
{
    static const struct {
        const char *name;
        enum status (*tell)(struct metarank *reader, const json_t *json);
    } events[] = {
        {"item", tell_item},
        {"user", tell_user},
        {"ranking", tell_ranking},
        {"interaction", tell_interaction},
    };
    const char *name = json_string_value(json_object_get(json, "event"));
    for (size_t i = 0; name != NULL && i < sizeof(events) / sizeof(events[0]); i++) {
        if (strcmp(name, events[i].name) == 0) {
            return events[i].tell(reader, json);
        }
    }
    struct problem problem;
    struct text shown = field_cut(text_of(name != NULL ? name : ""), SHOWN);
    problem_set(&problem, "event is \"%.*s\"; item, user, ranking and interaction are known",
                (int)shown.size, shown.data);
    return reject(reader, &problem);
}

static enum status tell_line(void *context, struct text text)
{
    struct metarank *reader = context;
    json_error_t error;
    json_t *json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        struct problem problem;
        if (json_error_code(&error) == json_error_out_of_memory) {
            return STATUS_NO_MEMORY;
        }
        problem_set(&problem, "column %d: %s", error.column, error.text);
        return reject(reader, &problem);
    }
    enum status status = tell_event(reader, json);
    json_decref(json);
    return status;
}

static enum status read_events(struct metarank *reader, FILE *file, struct problem *problem)
{
    enum status status = lines_init(&reader->lines, file, IMPORT_LIMIT_LINE_BYTES);
    if (status == STATUS_OK) {
        status = rows_each_line(&reader->lines, reader->sink, tell_line, reader, problem);
    }
    lines_release(&reader->lines);
    return status;
}

enum status import_metarank(FILE *file, const struct import_options *options,
                            const struct import_sink *sink, struct problem *problem)
{
    struct metarank *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return STATUS_NO_MEMORY;
    }
    reader->options = options;
    reader->sink = sink;
    reader->told = keyset_new(IMPORT_LIMIT_VIDEOS);
    enum status status =
        reader->told != NULL ? read_events(reader, file, problem) : STATUS_NO_MEMORY;
    keyset_free(reader->told);
    free(reader);
    return status;
}
