#include "replay/demo.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/check.h"
#include "reelrank/v1/log.pb-c.h"
#include "replay/demo_world.h"
#include "replay/keyset.h"

enum {
    PERCENT_NAMED = 3, /* of sessions: those of the three users with plain tastes */
    NAMED_USERS = 3,
    DRAWS = 5, /* videos a feed of then would choose from for each view */
    VIEWS_MIN = 6,
    VIEWS_SPREAD = 15
};

#define SECOND_MS  ((int64_t)1000)
#define HOUR_MS    (3600 * SECOND_MS)
#define TRAFFIC_MS (14 * 24 * HOUR_MS)

struct event {
    int64_t time_ms;
    int64_t watch_ms;
    uint32_t user;
    uint32_t video;
    uint32_t number; /* in the order of making */
    Reelrank__V1__SignalType type;
};

struct demo {
    const struct demo_options *options;
    struct random random;
    struct demo_world world;
    uint32_t *by_language; /* indices of videos, by language */
    uint32_t first[DEMO_LANGUAGES + 1];
    struct keyset *seen;  /* pairs of user and video */
    struct event *events; /* signal_count */
    uint32_t event_count;
};

/* One user before one video. */
struct view {
    uint32_t user;
    uint32_t video;
    int64_t time_ms;
};

static enum status index_languages(struct demo *demo)
{
    const struct demo_world *world = &demo->world;
    demo->by_language = malloc(world->video_count * sizeof(*demo->by_language));
    if (demo->by_language == NULL) {
        return STATUS_NO_MEMORY;
    }
    uint32_t used = 0;
    for (uint32_t language = 0; language < DEMO_LANGUAGES; language++) {
        demo->first[language] = used;
        for (uint32_t i = 0; i < world->video_count; i++) {
            if (world->videos[i].language == (enum demo_language)language) {
                demo->by_language[used] = i;
                used++;
            }
        }
    }
    demo->first[DEMO_LANGUAGES] = used;
    return STATUS_OK;
}

/* What does not fit any more is dropped: it is of the last session. */
static void add(struct demo *demo, const struct view *view, Reelrank__V1__SignalType type,
                int64_t delay_ms, int64_t watch_ms)
{
    if (demo->event_count == demo->options->signal_count) {
        return;
    }
    demo->events[demo->event_count] = (struct event){
        .time_ms = view->time_ms + delay_ms,
        .watch_ms = watch_ms,
        .user = view->user,
        .video = view->video,
        .number = demo->event_count,
        .type = type,
    };
    demo->event_count++;
}

static bool may_be_shown(const struct demo_video *video, const struct demo_user *user,
                         int64_t time_ms)
{
    const char *region = user->locale->region;
    return video->published_ms <= time_ms &&
           (video->safety == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK ||
            video->safety == REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK) &&
           (video->region_allowed == NULL || strcmp(video->region_allowed, region) == 0) &&
           (video->region_forbidden == NULL || strcmp(video->region_forbidden, region) != 0);
}

static bool understands(const struct demo_user *user, const struct demo_video *video)
{
    return video->language == user->locale->language || video->language == user->second_language;
}

static bool is_favourite(const struct demo_user *user, const struct demo_creator *creator)
{
    for (size_t i = 0; i < DEMO_FAVOURITES; i++) {
        if (user->favourites[i] == creator) {
            return true;
        }
    }
    return false;
}

/* How much the user will like the video: 0 to 1. */
static double interest_of(const struct demo_user *user, const struct demo_video *video)
{
    double interest = 0.05 + 0.5 * user->tastes[video->category] + 0.25 * video->appeal;
    interest += is_favourite(user, video->creator) ? 0.2 : 0;
    return understands(user, video) ? interest : 0.25 * interest;
}

static uint32_t draw_video(struct demo *demo, const struct demo_user *user)
{
    double x = random_unit(&demo->random);
    enum demo_language language = x < 0.75 ? user->locale->language : user->second_language;
    uint32_t first = demo->first[language];
    uint32_t count = demo->first[language + 1] - first;
    if (x > 0.94 || count == 0) {
        return random_below(&demo->random, demo->world.video_count);
    }
    return demo->by_language[first + random_below(&demo->random, count)];
}

/* The feed of then knew the users a little: the best of some draws, with much noise. */
static bool choose_video(struct demo *demo, const struct demo_user *user, int64_t time_ms,
                         uint32_t *out)
{
    bool found = false;
    double best = -1;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t index = draw_video(demo, user);
        const struct demo_video *video = &demo->world.videos[index];
        double value = interest_of(user, video) + random_unit(&demo->random);
        if (may_be_shown(video, user, time_ms) && value > best) {
            best = value;
            *out = index;
            found = true;
        }
    }
    return found;
}

/* Time watched: about as much of the video as it interests, now and then more than once around. */
static int64_t draw_watch(struct demo *demo, const struct demo_video *video, double interest)
{
    double share = interest * (0.3 + 1.4 * random_unit(&demo->random));
    if (random_chance(&demo->random, 0.15)) {
        share = 0.1 * random_unit(&demo->random);
    }
    return (int64_t)(share * (double)video->duration_ms);
}

static void react(struct demo *demo, const struct view *view, double interest, int64_t watch_ms)
{
    struct random *random = &demo->random;
    const struct demo_user *user = &demo->world.users[view->user];
    const struct demo_video *video = &demo->world.videos[view->video];
    bool follows = is_favourite(user, video->creator);
    double warmth = interest * interest;
    if (random_chance(random, 0.22 * warmth)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE, watch_ms / 2, 0);
    }
    if (random_chance(random, 0.05 * warmth)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SHARE, watch_ms, 0);
    }
    if (random_chance(random, 0.04 * warmth)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMMENT, watch_ms, 0);
    }
    if (random_chance(random, follows ? 0.15 : 0.01 * warmth)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_FOLLOW_CREATOR, watch_ms, 0);
    }
}

static void complain(struct demo *demo, const struct view *view, double interest)
{
    struct random *random = &demo->random;
    double coldness = 1 - interest;
    if (random_chance(random, 0.06 * coldness)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_NOT_INTERESTED, SECOND_MS, 0);
    }
    if (random_chance(random, 0.008 * coldness)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_HIDE_CREATOR, SECOND_MS, 0);
    }
    if (random_chance(random, 0.002)) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_REPORT, SECOND_MS, 0);
    }
}

/* Returns how long the video was on screen. */
static int64_t look_at(struct demo *demo, const struct view *view)
{
    const struct demo_video *video = &demo->world.videos[view->video];
    double interest = interest_of(&demo->world.users[view->user], video);
    add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION, 0, 0);
    if (random_chance(&demo->random, 0.55 * (1 - interest))) {
        add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SKIP, SECOND_MS / 2, 0);
        complain(demo, view, interest);
        return SECOND_MS;
    }
    int64_t watch_ms = draw_watch(demo, video, interest);
    add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY, SECOND_MS / 10, 0);
    add(demo, view, REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH, SECOND_MS / 10 + watch_ms,
        watch_ms);
    react(demo, view, interest, watch_ms);
    return watch_ms + SECOND_MS;
}

/* People sleep at night, most of them. */
static int64_t draw_start(struct demo *demo, const struct demo_user *user)
{
    int64_t start_ms;
    int64_t hour;
    do {
        int64_t ago_ms = (int64_t)(random_unit(&demo->random) * (double)TRAFFIC_MS);
        start_ms = demo->options->now_ms - ago_ms;
        hour = (start_ms / HOUR_MS + user->locale->hours_of_utc) % 24;
    } while (hour < 7 && !random_chance(&demo->random, 0.15));
    return start_ms;
}

static uint32_t draw_user(struct demo *demo)
{
    uint32_t named = demo->world.user_count < NAMED_USERS ? demo->world.user_count : NAMED_USERS;
    bool is_named = random_below(&demo->random, 100) < PERCENT_NAMED;
    return random_below(&demo->random, is_named ? named : demo->world.user_count);
}

/* Tells whether the user will look: a video seen before is mostly not shown again. */
static enum status is_welcome(struct demo *demo, const struct view *view, bool *out)
{
    struct random pair = {(uint64_t)view->user << 32 | view->video};
    uint64_t key = random_next(&pair);
    bool again = random_chance(&demo->random, 0.05);
    enum status status = keyset_add(demo->seen, key != 0 ? key : 1, out);
    *out = status == STATUS_OK && (*out || again);
    return status;
}

static enum status live_session(struct demo *demo)
{
    struct view view = {.user = draw_user(demo)};
    const struct demo_user *user = &demo->world.users[view.user];
    uint32_t views = VIEWS_MIN + random_below(&demo->random, VIEWS_SPREAD);
    view.time_ms = draw_start(demo, user);
    int64_t latest_ms = demo->options->now_ms - HOUR_MS / 6; /* no signal is of the future */
    for (uint32_t i = 0; i < views && view.time_ms < latest_ms; i++) {
        bool welcome = false;
        if (choose_video(demo, user, view.time_ms, &view.video)) {
            enum status status = is_welcome(demo, &view, &welcome);
            if (status != STATUS_OK) {
                return status;
            }
        }
        view.time_ms += welcome ? look_at(demo, &view) : 0;
    }
    return STATUS_OK;
}

static int by_time(const void *a, const void *b)
{
    const struct event *left = a;
    const struct event *right = b;
    if (left->time_ms != right->time_ms) {
        return left->time_ms < right->time_ms ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

static enum status write_entry(const Reelrank__V1__LogEntry *entry, FILE *out)
{
    char *json = json_format(&entry->base, JSON_LINE);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool failed = fputs(json, out) == EOF || putc('\n', out) == EOF;
    free(json);
    return failed ? STATUS_IO : STATUS_OK;
}

static size_t list_languages(const struct demo_video *video, char *out[2])
{
    const enum demo_language *spoken = video->creator->languages;
    enum demo_language other = spoken[0] == video->language ? spoken[1] : spoken[0];
    out[0] = (char *)demo_languages[video->language].code;
    out[1] = (char *)demo_languages[other].code;
    return video->bilingual && other != video->language ? 2 : 1;
}

static size_t list_tags(const struct demo_video *video, char *out[DEMO_TAGS])
{
    size_t count = 0;
    for (size_t i = 0; i < DEMO_TAGS; i++) {
        if (video->tag_bits >> i & 1) {
            out[count] = (char *)demo_categories[video->category].tags[i];
            count++;
        }
    }
    return count;
}

static enum status write_video(const struct demo_video *video, FILE *out)
{
    char *languages[2];
    char *tags[DEMO_TAGS];
    char *category = (char *)demo_categories[video->category].name;
    char *captions = (char *)demo_languages[ENGLISH].code;
    char *allowed = (char *)video->region_allowed;
    char *forbidden = (char *)video->region_forbidden;
    Reelrank__V1__Video message = REELRANK__V1__VIDEO__INIT;
    message.video_id = (char *)video->id;
    message.creator_id = (char *)video->creator->id;
    message.languages = languages;
    message.n_languages = list_languages(video, languages);
    message.caption_languages = &captions;
    message.n_caption_languages = video->captioned && video->language != ENGLISH;
    message.duration_ms = video->duration_ms;
    message.published_ms = video->published_ms;
    message.categories = &category;
    message.n_categories = 1;
    message.tags = tags;
    message.n_tags = list_tags(video, tags);
    message.regions_allowed = &allowed;
    message.n_regions_allowed = allowed != NULL;
    message.regions_forbidden = &forbidden;
    message.n_regions_forbidden = forbidden != NULL;
    message.minimum_age_years = video->minimum_age_years;
    message.safety_rating = video->safety;
    message.curated_tier = video->curated;
    message.premium = video->premium;
    message.quality = video->quality;
    message.creator_region = (char *)video->creator->region;
    message.title = (char *)video->title;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO;
    entry.video = &message;
    return write_entry(&entry, out);
}

static enum status write_event(const struct demo *demo, const struct event *event, FILE *out)
{
    const struct demo_user *user = &demo->world.users[event->user];
    const struct demo_video *video = &demo->world.videos[event->video];
    char event_id[LIMIT_ID_BYTES];
    snprintf(event_id, sizeof(event_id), "demo-%" PRIx64 "-%" PRIx64 "-%" PRIu32,
             demo->options->seed, (uint64_t)demo->options->now_ms, event->number);
    Reelrank__V1__Signal message = REELRANK__V1__SIGNAL__INIT;
    message.event_id = event_id;
    message.user_id = (char *)user->id;
    message.video_id = (char *)video->id;
    message.type = event->type;
    message.time_ms = event->time_ms;
    message.watch_ms = event->watch_ms;
    message.video_duration_ms = video->duration_ms;
    message.locale = (char *)user->locale->tag;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = &message;
    return write_entry(&entry, out);
}

static enum status write_all(const struct demo *demo, FILE *out)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < demo->world.video_count; i++) {
        status = write_video(&demo->world.videos[i], out);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < demo->event_count; i++) {
        status = write_event(demo, &demo->events[i], out);
    }
    return status;
}

static enum status live(struct demo *demo)
{
    enum status status = index_languages(demo);
    if (status != STATUS_OK) {
        return status;
    }
    demo->seen = keyset_new(DEMO_LIMIT_SIGNALS);
    demo->events = calloc((size_t)demo->options->signal_count + 1, sizeof(*demo->events));
    if (demo->seen == NULL || demo->events == NULL) {
        return STATUS_NO_MEMORY;
    }
    while (status == STATUS_OK && demo->event_count < demo->options->signal_count) {
        status = live_session(demo);
    }
    qsort(demo->events, demo->event_count, sizeof(*demo->events), by_time);
    return status;
}

static enum status begin(struct demo *demo, const struct demo_options *options)
{
    CHECK(options->video_count >= 1 && options->video_count <= DEMO_LIMIT_VIDEOS);
    CHECK(options->user_count >= 1 && options->user_count <= DEMO_LIMIT_USERS);
    CHECK(options->signal_count <= DEMO_LIMIT_SIGNALS);
    CHECK(options->now_ms >= DEMO_SPAN_MS);
    *demo = (struct demo){.options = options, .random = {options->seed}};
    return demo_world_init(&demo->world, options, &demo->random);
}

static void end(struct demo *demo)
{
    demo_world_release(&demo->world);
    keyset_free(demo->seen);
    free(demo->by_language);
    free(demo->events);
}

enum status demo_write(const struct demo_options *options, FILE *out)
{
    struct demo demo;
    enum status status = begin(&demo, options);
    if (status == STATUS_OK) {
        status = live(&demo);
    }
    if (status == STATUS_OK) {
        status = write_all(&demo, out);
    }
    end(&demo);
    return status;
}

static void shuffle(uint32_t *indices, uint32_t count, struct random *random)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = random_below(random, i);
        uint32_t swapped = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = swapped;
    }
}

/* Two of three from the language while it has some, the others from the rest. */
static enum status write_candidates(const struct demo *demo, const char *language, uint32_t count,
                                    FILE *out)
{
    const uint32_t *order = demo->by_language;
    uint32_t next[2] = {0, 0}; /* the place in order of those in other languages, and in this one */
    uint32_t total = demo->world.video_count;
    for (uint32_t wrote = 0; wrote < count && wrote < total;) {
        bool local = wrote % 3 != 2;
        local = next[local] < total ? local : !local;
        const struct demo_video *video = &demo->world.videos[order[next[local]]];
        next[local]++;
        if ((strcmp(demo_languages[video->language].code, language) == 0) == local) {
            if (fprintf(out, "%s\n", video->id) < 0) {
                return STATUS_IO;
            }
            wrote++;
        }
    }
    return STATUS_OK;
}

enum status demo_write_candidates(const struct demo_options *options, const char *language,
                                  uint32_t count, FILE *out)
{
    struct demo demo;
    enum status status = begin(&demo, options);
    if (status == STATUS_OK) {
        status = index_languages(&demo);
    }
    if (status == STATUS_OK) {
        shuffle(demo.by_language, demo.world.video_count, &demo.random);
        status = write_candidates(&demo, language, count, out);
    }
    end(&demo);
    return status;
}
