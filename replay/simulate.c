#include "replay/simulate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "ranker/check.h"
#include "ranker/limits.h"
#include "reelrank/v1/log.pb-c.h"
#include "replay/simulate_life.h"
#include "replay/truth.pb-c.h"

enum { TRIES_PER_CANDIDATE = 20, POPULAR_DRAWS = 6 };

/* Names of streams of random numbers; those below 200 are taken. */
enum stream { STREAM_CANDIDATES = 201, STREAM_RETRIEVAL };

#define DAY_MS ((int64_t)24 * 3600 * 1000)

struct simulation {
    const struct simulate_options *options;
    struct world world;
    struct life life;
};

struct simulate_options simulate_defaults(int64_t now_ms)
{
    return (struct simulate_options){
        .seed = 1,
        .video_count = 600,
        .user_count = 300,
        .day_count = 14,
        .signal_count = 30000,
        .test_count = 200,
        .candidates_count = 100,
        .now_ms = now_ms,
    };
}

static enum status write_message(const ProtobufCMessage *message, FILE *out)
{
    char *json = json_format(message, JSON_LINE);
    if (json == NULL) {
        return STATUS_NO_MEMORY;
    }
    bool failed = fputs(json, out) == EOF || putc('\n', out) == EOF;
    free(json);
    return failed ? STATUS_IO : STATUS_OK;
}

/* --- the catalogue -----------------------------------------------------------------------------
 */

static size_t list_languages(const struct world_video *video, const struct world_creator *creator,
                             char *out[2])
{
    const enum world_language *spoken = creator->languages;
    enum world_language other = spoken[0] == video->language ? spoken[1] : spoken[0];
    out[0] = (char *)world_languages[video->language].code;
    out[1] = (char *)world_languages[other].code;
    return video->bilingual && other != video->language ? 2 : 1;
}

static size_t list_tags(const struct world_video *video, char *out[WORLD_TAGS])
{
    size_t count = 0;
    for (size_t i = 0; i < WORLD_TAGS; i++) {
        if (video->tag_bits >> i & 1) {
            out[count] = (char *)world_categories[video->category].tags[i];
            count++;
        }
    }
    return count;
}

/* What is the same in every video's message, or a number. */
static Reelrank__V1__Video message_of(const struct world_video *video)
{
    Reelrank__V1__Video message = REELRANK__V1__VIDEO__INIT;
    message.duration_ms = video->duration_ms;
    message.published_ms = video->published_ms;
    message.minimum_age_years = video->minimum_age_years;
    message.safety_rating = (Reelrank__V1__SafetyRating)video->safety;
    message.curated_tier = (Reelrank__V1__CuratedTier)video->curated;
    message.premium = video->premium;
    message.quality = (double)(int)(100 * (double)video->quality + 0.5) / 100;
    return message;
}

static enum status write_video(const struct world *world, uint32_t index, FILE *out)
{
    const struct world_video *video = &world->videos[index];
    const struct world_creator *creator = &world->creators[video->creator];
    char id[WORLD_ID_SIZE];
    char creator_id[WORLD_ID_SIZE];
    char title[WORLD_TITLE_SIZE];
    world_video_id(index, id);
    world_creator_id(world, video->creator, creator_id);
    world_title(video, title);
    char *languages[2];
    char *tags[WORLD_TAGS];
    char *category = (char *)world_categories[video->category].name;
    char *captions = (char *)world_languages[ENGLISH].code;
    char *home = (char *)creator->region;
    char *russia = (char *)"RU";
    Reelrank__V1__Video message = message_of(video);
    message.video_id = id;
    message.creator_id = creator_id;
    message.languages = languages;
    message.n_languages = list_languages(video, creator, languages);
    message.caption_languages = &captions;
    message.n_caption_languages = video->captioned && video->language != ENGLISH;
    message.categories = &category;
    message.n_categories = 1;
    message.tags = tags;
    message.n_tags = list_tags(video, tags);
    message.regions_allowed = &home;
    message.n_regions_allowed = video->only_at_home;
    message.regions_forbidden = &russia;
    message.n_regions_forbidden = video->not_in_russia;
    message.creator_region = home;
    message.title = title;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_VIDEO;
    entry.video = &message;
    return write_message(&entry.base, out);
}

static enum status write_catalogue(const struct simulation *simulation, FILE *out)
{
    enum status status = STATUS_OK;
    uint32_t count = simulation->world.video_count;
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        life_tell(simulation->options, "writing videos", i, count);
        status = write_video(&simulation->world, i, out);
    }
    return status;
}

/* --- the log -----------------------------------------------------------------------------------
 */

enum { RANKING_ID_SIZE = LIMIT_SHORT_BYTES };

static void ranking_id(const struct simulation *simulation, const char *kind, uint32_t number,
                       char out[RANKING_ID_SIZE])
{
    snprintf(out, RANKING_ID_SIZE, "sim-%" PRIx64 "-%" PRIx64 "-%s%" PRIu32,
             simulation->options->seed, (uint64_t)simulation->options->now_ms, kind, number);
}

static enum status write_event(const struct simulation *simulation, const struct life_event *event,
                               FILE *out)
{
    const struct world *world = &simulation->world;
    char event_id[RANKING_ID_SIZE];
    char ranking[RANKING_ID_SIZE];
    char user_id[WORLD_ID_SIZE];
    char video_id[WORLD_ID_SIZE];
    ranking_id(simulation, "e", event->number, event_id);
    ranking_id(simulation, "r", event->screen, ranking);
    world_user_id(world, event->user, user_id);
    world_video_id(event->video, video_id);
    Reelrank__V1__Signal message = REELRANK__V1__SIGNAL__INIT;
    message.event_id = event_id;
    message.user_id = user_id;
    message.video_id = video_id;
    message.type = (Reelrank__V1__SignalType)event->type;
    message.time_ms = event->time_ms;
    message.watch_ms = event->watch_ms;
    message.video_duration_ms = world->videos[event->video].duration_ms;
    message.locale = (char *)world->users[event->user].locale->tag;
    message.ranking_id = ranking;
    message.position = event->position;
    Reelrank__V1__LogEntry entry = REELRANK__V1__LOG_ENTRY__INIT;
    entry.entry_case = REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL;
    entry.signal = &message;
    return write_message(&entry.base, out);
}

static enum status write_log(const struct simulation *simulation, FILE *out)
{
    const struct life *life = &simulation->life;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < life->event_count; i++) {
        life_tell(simulation->options, "writing signals", i, life->event_count);
        status = write_event(simulation, &life->events[i], out);
    }
    return status;
}

/* --- the truth ---------------------------------------------------------------------------------
 */

/* Candidates of one ranking. */
struct retrieval {
    uint32_t count;
    uint32_t videos[SIMULATE_LIMIT_CANDIDATES];
    const char *sources[SIMULATE_LIMIT_CANDIDATES];
};

static bool has_candidate(const struct retrieval *retrieval, uint32_t video)
{
    for (uint32_t i = 0; i < retrieval->count; i++) {
        if (retrieval->videos[i] == video) {
            return true;
        }
    }
    return false;
}

/* The most popular of some, or one of the last day if a few draws find it. */
static bool draw_best(const struct life *life, enum world_language language, bool fresh,
                      struct random *random, uint32_t *out)
{
    int64_t now_ms = life->options->now_ms;
    double best = -1;
    for (int i = 0; i < POPULAR_DRAWS; i++) {
        uint32_t video;
        if (!life_draw_video(life, language, now_ms, random, &video)) {
            continue;
        }
        double value = fresh ? (double)life->world->videos[video].published_ms
                             : life_popularity(life, video, now_ms);
        if (value > best) {
            best = value;
            *out = video;
        }
    }
    return best >= 0 && (!fresh || life->world->videos[*out].published_ms > now_ms - DAY_MS);
}

/* Unlike the feed of then it also finds what was just published, and what policy must drop. */
static bool draw_candidate(const struct life *life, uint32_t user, struct random *random,
                           uint32_t *out, const char **source)
{
    const struct world_user *person = &life->world->users[user];
    enum world_language own = person->locale->language;
    int64_t now_ms = life->options->now_ms;
    double x = random_unit(random);
    if (x < 0.45) {
        *source = "language";
        return life_draw_video(life, own, now_ms, random, out);
    }
    if (x < 0.55) {
        *source = "second";
        return life_draw_video(life, person->second_language, now_ms, random, out);
    }
    if (x < 0.80) {
        *source = x < 0.70 ? "fresh" : "popular";
        return draw_best(life, own, x < 0.70, random, out);
    }
    *source = "explore";
    *out = random_below(random, life->world->video_count);
    return true;
}

static void retrieve(const struct simulation *simulation, uint32_t test, uint32_t user,
                     struct retrieval *retrieval)
{
    struct random random = random_stream(simulation->world.seed, STREAM_CANDIDATES, test);
    uint32_t wanted = simulation->options->candidates_count;
    retrieval->count = 0;
    for (uint32_t tries = 0; tries < TRIES_PER_CANDIDATE * wanted; tries++) {
        uint32_t video;
        const char *source;
        if (retrieval->count == wanted) {
            return;
        }
        if (draw_candidate(&simulation->life, user, &random, &video, &source) &&
            !has_candidate(retrieval, video)) {
            retrieval->videos[retrieval->count] = video;
            retrieval->sources[retrieval->count] = source;
            retrieval->count++;
        }
    }
}

/* In steps of 1e-9, so that the text is short. */
static double rounded(double chance)
{
    return (double)(int64_t)(chance * 1e9 + 0.5) / 1e9;
}

static void put_truth(const struct simulation *simulation, uint32_t user, uint32_t video,
                      Reelrank__Replay__TestCandidate *out)
{
    const struct life *life = &simulation->life;
    struct view view = life_view(life, user, video, simulation->options->now_ms);
    struct view_truth truth = view_judge(&view, &life->memories[user]);
    out->impressions = life->impressions[video];
    out->utility = rounded(truth.utility);
#define X(name, text) out->text = rounded(truth.events[VIEW_##name]);
    VIEW_EVENT_MAP(X)
#undef X
}

/* Room for the messages of one ranking. */
struct answers {
    struct retrieval retrieval;
    Reelrank__Replay__TestCandidate candidates[SIMULATE_LIMIT_CANDIDATES];
    Reelrank__Replay__TestCandidate *pointers[SIMULATE_LIMIT_CANDIDATES];
    char ids[SIMULATE_LIMIT_CANDIDATES][WORLD_ID_SIZE];
};

static void put_candidates(const struct simulation *simulation, uint32_t user,
                           struct answers *answers)
{
    const struct retrieval *retrieval = &answers->retrieval;
    for (uint32_t i = 0; i < retrieval->count; i++) {
        Reelrank__Replay__TestCandidate *candidate = &answers->candidates[i];
        reelrank__replay__test_candidate__init(candidate);
        world_video_id(retrieval->videos[i], answers->ids[i]);
        candidate->video_id = answers->ids[i];
        candidate->source = (char *)retrieval->sources[i];
        put_truth(simulation, user, retrieval->videos[i], candidate);
        answers->pointers[i] = candidate;
    }
}

static enum status write_test(const struct simulation *simulation, uint32_t test,
                              struct answers *answers, FILE *out)
{
    const struct world *world = &simulation->world;
    uint32_t user = life_test_user(world, test);
    const struct world_user *person = &world->users[user];
    char id[RANKING_ID_SIZE];
    char user_id[WORLD_ID_SIZE];
    char *second = (char *)world_languages[person->second_language].code;
    bool has_second = person->second_language != person->locale->language;
    ranking_id(simulation, "t", test, id);
    world_user_id(world, user, user_id);
    retrieve(simulation, test, user, &answers->retrieval);
    put_candidates(simulation, user, answers);
    Reelrank__Replay__TestRanking message = REELRANK__REPLAY__TEST_RANKING__INIT;
    message.ranking_id = id;
    message.user_id = user_id;
    message.locale = (char *)person->locale->tag;
    message.languages = &second;
    message.n_languages = has_second && person->declares;
    message.age_years = person->age_years;
    message.time_ms = simulation->options->now_ms;
    message.user_signals = simulation->life.signal_counts[user];
    message.candidates = answers->pointers;
    message.n_candidates = answers->retrieval.count;
    Reelrank__Replay__Truth line = REELRANK__REPLAY__TRUTH__INIT;
    line.line_case = REELRANK__REPLAY__TRUTH__LINE_TEST;
    line.test = &message;
    return write_message(&line.base, out);
}

static enum status write_screen(const struct simulation *simulation, uint32_t index, FILE *out)
{
    const struct life_screen *screen = &simulation->life.screens[index];
    char id[RANKING_ID_SIZE];
    char user_id[WORLD_ID_SIZE];
    char ids[LIFE_SCREEN][WORLD_ID_SIZE];
    char *pointers[LIFE_SCREEN];
    for (uint32_t i = 0; i < screen->shown; i++) {
        world_video_id(screen->videos[i], ids[i]);
        pointers[i] = ids[i];
    }
    ranking_id(simulation, "r", index, id);
    world_user_id(&simulation->world, screen->user, user_id);
    Reelrank__Replay__ShownRanking message = REELRANK__REPLAY__SHOWN_RANKING__INIT;
    message.ranking_id = id;
    message.user_id = user_id;
    message.locale = (char *)simulation->world.users[screen->user].locale->tag;
    message.time_ms = screen->time_ms;
    message.video_ids = pointers;
    message.n_video_ids = screen->shown;
    message.propensities = (double *)(uintptr_t)screen->chances;
    message.n_propensities = screen->shown;
    Reelrank__Replay__Truth line = REELRANK__REPLAY__TRUTH__INIT;
    line.line_case = REELRANK__REPLAY__TRUTH__LINE_SHOWN;
    line.shown = &message;
    return write_message(&line.base, out);
}

static enum status write_truth(const struct simulation *simulation, FILE *out)
{
    struct answers *answers = malloc(sizeof(*answers));
    enum status status = answers != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    uint32_t tests = simulation->options->test_count;
    for (uint32_t i = 0; status == STATUS_OK && i < tests; i++) {
        life_tell(simulation->options, "writing the truth", i, tests);
        status = write_test(simulation, i, answers, out);
    }
    size_t screens = simulation->life.screen_count;
    for (size_t i = 0; status == STATUS_OK && i < screens; i++) {
        life_tell(simulation->options, "writing what was shown", i, screens);
        status = write_screen(simulation, (uint32_t)i, out);
    }
    free(answers);
    return status;
}

/* --- both together -----------------------------------------------------------------------------
 */

static void check_options(const struct simulate_options *options)
{
    CHECK(options->video_count >= 1 && options->video_count <= SIMULATE_LIMIT_VIDEOS);
    CHECK(options->user_count >= 1 && options->user_count <= SIMULATE_LIMIT_USERS);
    CHECK(options->day_count >= 1 && options->day_count <= SIMULATE_LIMIT_DAYS);
    CHECK(options->signal_count <= SIMULATE_LIMIT_SIGNALS);
    CHECK(options->test_count <= SIMULATE_LIMIT_TESTS);
    CHECK(options->candidates_count >= 1);
    CHECK(options->candidates_count <= SIMULATE_LIMIT_CANDIDATES);
    CHECK(options->local_appeal_percent <= SIMULATE_LIMIT_PERCENT);
    CHECK(options->now_ms >= SIMULATE_NOW_MIN_MS && options->now_ms <= SIMULATE_NOW_MAX_MS);
}

static enum status write_parts(const struct simulation *simulation,
                               const struct simulate_output *output)
{
    enum status status = STATUS_OK;
    if (output->catalogue != NULL) {
        status = write_catalogue(simulation, output->catalogue);
    }
    if (status == STATUS_OK && output->log != NULL) {
        status = write_log(simulation, output->log);
    }
    if (status == STATUS_OK && output->truth != NULL) {
        status = write_truth(simulation, output->truth);
    }
    return status;
}

enum status simulate_write(const struct simulate_options *options,
                           const struct simulate_output *output)
{
    check_options(options);
    struct simulation simulation = {.options = options};
    enum status status = world_init(&simulation.world, options);
    if (status == STATUS_OK) {
        status = life_live(&simulation.life, &simulation.world, options);
    }
    if (status == STATUS_OK) {
        status = write_parts(&simulation, output);
    }
    life_release(&simulation.life);
    world_release(&simulation.world);
    return status;
}

/* Two of three from the language while it has some, the others from the rest. */
static enum status write_candidates(const struct world *world, const uint32_t *order,
                                    const char *language, uint32_t count, FILE *out)
{
    uint32_t next[2] = {0, 0}; /* the place in order of those in other languages, and in this one */
    uint32_t total = world->video_count;
    for (uint32_t wrote = 0; wrote < count && wrote < total;) {
        bool local = wrote % 3 != 2;
        local = next[local] < total ? local : !local;
        uint32_t video = order[next[local]];
        const char *code = world_languages[world->videos[video].language].code;
        next[local]++;
        if ((strcmp(code, language) == 0) == local) {
            char id[WORLD_ID_SIZE];
            world_video_id(video, id);
            if (fprintf(out, "%s\n", id) < 0) {
                return STATUS_IO;
            }
            wrote++;
        }
    }
    return STATUS_OK;
}

enum status simulate_write_candidates(const struct simulate_options *options, const char *language,
                                      FILE *out)
{
    check_options(options);
    struct simulation simulation = {.options = options};
    struct random random = random_stream(options->seed, STREAM_RETRIEVAL, 0);
    enum status status = world_init(&simulation.world, options);
    if (status == STATUS_OK) {
        status = life_index(&simulation.life, &simulation.world, options);
    }
    if (status == STATUS_OK) {
        random_shuffle(&random, simulation.life.by_language, simulation.world.video_count);
        status = write_candidates(&simulation.world, simulation.life.by_language, language,
                                  options->candidates_count, out);
    }
    life_release(&simulation.life);
    world_release(&simulation.world);
    return status;
}
