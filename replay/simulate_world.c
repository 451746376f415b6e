#include "replay/simulate_world.h"

#include <stdlib.h>

#include "ranker/exact.h"

const struct world_locale world_locales[WORLD_LOCALES] = {
    {"hi-IN", HINDI, "IN", 28, 5},      {"ru-RU", RUSSIAN, "RU", 14, 3},
    {"id-ID", INDONESIAN, "ID", 14, 7}, {"ta-IN", TAMIL, "IN", 11, 5},
    {"te-IN", TELUGU, "IN", 11, 5},     {"bn-IN", BENGALI, "IN", 8, 5},
    {"mr-IN", MARATHI, "IN", 7, 5},     {"en-IN", ENGLISH, "IN", 7, 5},
};

/* Names of streams of random numbers. */
enum stream { STREAM_CREATOR = 1, STREAM_VIDEO, STREAM_USER, STREAM_FONDNESS, STREAM_LOCAL };

#define HOUR_MS ((int64_t)3600 * 1000)
#define DAY_MS  (24 * HOUR_MS)

/* Creators' output is skewed, but less than what people watch. */
static const double creator_exponent = 0.6;

double *zipf_new(uint32_t count, double exponent)
{
    double *sums = malloc(count * sizeof(*sums));
    double sum = 0;
    for (uint32_t i = 0; sums != NULL && i < count; i++) {
        sum += exact_exp2(-exponent * exact_log2((double)i + 1));
        sums[i] = sum;
    }
    return sums;
}

uint32_t zipf_draw(const double *sums, uint32_t count, struct random *random)
{
    double wanted = random_unit(random) * sums[count - 1];
    uint32_t low = 0;
    uint32_t high = count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sums[middle] > wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/*
 * The first of creators and of users have each locale once, so that a small world has every
 * language; those that follow have the shares of the table in every hundred, well mixed.
 */
static const struct world_locale *locale_of(uint32_t index)
{
    int left = (int)((uint64_t)index * 61 % 100);
    size_t i = 0;
    while (i < WORLD_LOCALES - 1 && left >= world_locales[i].share) {
        left -= world_locales[i].share;
        i++;
    }
    return &world_locales[index < WORLD_LOCALES ? index : i];
}

static enum world_category draw_category(struct random *random)
{
    return (enum world_category)random_below(random, WORLD_CATEGORIES);
}

/* A few creators live abroad. */
static const char *draw_region(const struct world_locale *locale, struct random *random)
{
    if (!random_chance(random, 0.1)) {
        return locale->region;
    }
    switch (locale->language) {
    case RUSSIAN:
        return "KZ";
    case INDONESIAN:
        return "MY";
    case TAMIL:
        return "SG";
    case BENGALI:
        return "BD";
    default:
        return random_chance(random, 0.5) ? "AE" : "GB";
    }
}

static bool is_indian(const struct world_locale *locale)
{
    return locale->region[0] == 'I' && locale->region[1] == 'N';
}

/* Indians mix their own language with Hindi and English; elsewhere English is the rare second. */
static enum world_language draw_second(const struct world_locale *locale, struct random *random)
{
    bool indian = is_indian(locale);
    if (!random_chance(random, indian ? 0.5 : 0.15)) {
        return locale->language;
    }
    return indian && random_chance(random, 0.5) ? HINDI : ENGLISH;
}

/* turn counts the creators of each language: their categories go round, so that each has them all.
 */
static void make_creator(struct world *world, uint32_t index, uint32_t turn[WORLD_LANGUAGES])
{
    struct random random = random_stream(world->seed, STREAM_CREATOR, index);
    struct world_creator *creator = &world->creators[index];
    creator->locale = locale_of(index);
    enum world_language language = creator->locale->language;
    creator->languages[0] = language;
    creator->languages[1] = draw_second(creator->locale, &random);
    creator->region = draw_region(creator->locale, &random);
    creator->categories[0] = (enum world_category)(turn[language] % WORLD_CATEGORIES);
    turn[language]++;
    creator->categories[1] = draw_category(&random);
    creator->skill = random_normal(&random);
}

static enum safety draw_safety(struct random *random)
{
    double x = random_unit(random);
    return x < 0.78   ? SAFETY_LOW
           : x < 0.90 ? SAFETY_MEDIUM
           : x < 0.94 ? SAFETY_HIGH
           : x < 0.95 ? SAFETY_FLOOR
                      : SAFETY_UNRATED;
}

static uint8_t draw_minimum_age(enum safety safety, struct random *random)
{
    double x = random_unit(random);
    if (safety >= SAFETY_HIGH) {
        return 18;
    }
    return x < 0.85 ? 0 : x < 0.93 ? 13 : x < 0.98 ? 16 : 18;
}

static void draw_rules(struct world_video *video, struct random *random)
{
    video->safety = draw_safety(random);
    video->minimum_age_years = draw_minimum_age(video->safety, random);
    video->only_at_home = random_chance(random, 0.03);
    video->not_in_russia = random_chance(random, 0.03);
}

/* Editors see part of the appeal, in hundredths, and feature what they think good. */
static void draw_tier(struct world_video *video, struct random *random)
{
    double seen = 0.5 + 0.12 * video->appeal + 0.12 * random_normal(random);
    double bounded = seen < 0.01 ? 0.01 : seen > 1 ? 1 : seen;
    video->quality = (float)((double)(int)(100 * bounded) / 100);
    double x = random_unit(random);
    bool good = bounded > 0.55;
    video->curated = good && x < 0.1   ? CURATED_FEATURED
                     : good && x < 0.3 ? CURATED_APPROVED
                                       : CURATED_NONE;
    video->premium = random_chance(random, 0.08) && good;
}

/* One in eight is of the last day, half of the last two weeks, the rest of two months. */
static int64_t draw_published(int64_t now_ms, struct random *random)
{
    double x = random_unit(random);
    double days = x < 0.125 ? 1 : x < 0.5 ? 14 : 60;
    return now_ms - (int64_t)(random_unit(random) * days * (double)DAY_MS);
}

/* Half of the videos are of the day and soon stale; the others last. */
static void draw_topic(struct world_video *video, struct random *random)
{
    bool of_the_day = random_chance(random, 0.5);
    video->topical = of_the_day ? 1.0f : 0.3f;
    video->topical_half_life_h = of_the_day ? 36 : 240;
}

/* The first videos are old and may be shown to anyone, so that there is always one to show. */
static void unrestrict(struct world_video *video, int64_t now_ms)
{
    video->published_ms = now_ms - 60 * DAY_MS;
    video->safety = SAFETY_LOW;
    video->minimum_age_years = 0;
    video->only_at_home = false;
    video->not_in_russia = false;
}

static void make_video(struct world *world, uint32_t index, const double *creator_sums)
{
    struct random random = random_stream(world->seed, STREAM_VIDEO, index);
    struct world_video *video = &world->videos[index];
    uint32_t drawn = zipf_draw(creator_sums, world->creator_count, &random);
    video->creator = index < WORLD_LOCALES ? index : drawn;
    const struct world_creator *creator = &world->creators[video->creator];
    bool in_second = random_chance(&random, 0.25) && index >= WORLD_LOCALES;
    video->language = creator->languages[in_second];
    video->category = creator->categories[random_chance(&random, 0.35)];
    video->tag_bits = 1 + random_below(&random, (1 << WORLD_TAGS) - 1);
    video->bilingual = random_chance(&random, 0.15);
    video->captioned = random_chance(&random, 0.2);
    video->appeal = (float)(0.6 * creator->skill + 0.8 * random_normal(&random));
    video->lure = (float)random_normal(&random);
    double x = random_unit(&random);
    video->duration_ms = 5000 + (int64_t)(x * x * 175000.0);
    video->published_ms = draw_published(world->now_ms, &random);
    draw_topic(video, &random);
    draw_rules(video, &random);
    draw_tier(video, &random);
    if (index < WORLD_LOCALES) {
        unrestrict(video, world->now_ms);
    }
    video->subject = (uint8_t)random_below(&random, WORLD_SUBJECTS);
    video->ending = (uint8_t)random_below(&random, WORLD_ENDINGS);
    video->ending = random_chance(&random, 0.25) ? WORLD_ENDINGS : video->ending;
}

static void draw_tastes(struct world_user *user, enum world_category first,
                        enum world_category second, struct random *random)
{
    for (size_t i = 0; i < WORLD_CATEGORIES; i++) {
        user->tastes[i] = (float)(0.8 * random_normal(random));
    }
    for (size_t i = 0; i < WORLD_CATEGORIES * WORLD_TAGS; i++) {
        user->tag_tastes[i] = (float)random_normal(random);
    }
    user->tastes[second] = (float)(1.5 + 0.3 * random_normal(random));
    user->tastes[first] = (float)(2.0 + 0.3 * random_normal(random));
}

/* In the order of world_locales, whose first three these users have. */
static void make_plain(struct world_user *user, uint32_t index)
{
    static const enum world_category loved[WORLD_NAMED_USERS][2] = {
        {COMEDY, FOOD}, {SPORTS, MUSIC}, {TRAVEL, FOOD}};
    for (size_t i = 0; i < WORLD_CATEGORIES; i++) {
        user->tastes[i] = -1.5f;
    }
    user->tastes[loved[index][0]] = 3;
    user->tastes[loved[index][1]] = 2.5f;
    user->second_language = user->locale->language;
    user->age_years = 25;
}

static void make_user(struct world *world, uint32_t index)
{
    struct random random = random_stream(world->seed, STREAM_USER, index);
    struct world_user *user = &world->users[index];
    enum world_category first = draw_category(&random);
    enum world_category second = draw_category(&random);
    user->locale = locale_of(index);
    user->second_language = draw_second(user->locale, &random);
    user->second_fluency = (float)(0.5 + 0.4 * random_unit(&random));
    user->declares = random_chance(&random, 0.5);
    double x = random_unit(&random);
    user->age_years = 14 + (unsigned)(46 * x * x);
    user->duration_log2 = (float)(4.6 + 0.8 * random_normal(&random)); /* about 24 s */
    user->patience = (float)random_normal(&random);
    user->warmth = (float)random_normal(&random);
    draw_tastes(user, first, second, &random);
    if (index < WORLD_NAMED_USERS) {
        make_plain(user, index);
    }
}

static enum status make_videos(struct world *world)
{
    double *creator_sums = zipf_new(world->creator_count, creator_exponent);
    if (creator_sums == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < world->video_count; i++) {
        make_video(world, i, creator_sums);
    }
    free(creator_sums);
    return STATUS_OK;
}

static bool allocate(struct world *world, const struct simulate_options *options)
{
    uint32_t creator_count = (uint32_t)((uint64_t)options->video_count * 2 / 15); /* 80 for 600 */
    world->creator_count = creator_count < WORLD_LOCALES ? WORLD_LOCALES : creator_count;
    world->video_count = options->video_count;
    world->user_count = options->user_count;
    world->creators = calloc(world->creator_count, sizeof(*world->creators));
    world->videos = calloc(world->video_count, sizeof(*world->videos));
    world->users = calloc(world->user_count, sizeof(*world->users));
    return world->creators != NULL && world->videos != NULL && world->users != NULL;
}

enum status world_init(struct world *world, const struct simulate_options *options)
{
    *world = (struct world){.seed = options->seed,
                            .now_ms = options->now_ms,
                            .local_appeal = (double)options->local_appeal_percent / 100};
    if (!allocate(world, options)) {
        world_release(world);
        return STATUS_NO_MEMORY;
    }
    uint32_t turn[WORLD_LANGUAGES] = {0};
    for (uint32_t i = 0; i < world->creator_count; i++) {
        make_creator(world, i, turn);
    }
    enum status status = make_videos(world);
    if (status != STATUS_OK) {
        world_release(world);
        return status;
    }
    for (uint32_t i = 0; i < world->user_count; i++) {
        make_user(world, i);
    }
    return STATUS_OK;
}

void world_release(struct world *world)
{
    free(world->creators);
    free(world->videos);
    free(world->users);
    *world = (struct world){0};
}

/* One in eight; the users with names are always old ones. */
uint32_t world_first_new_user(const struct world *world)
{
    uint32_t old = world->user_count - world->user_count / 8;
    return old > WORLD_NAMED_USERS ? old : world->user_count;
}

double world_fondness(const struct world *world, uint32_t user, uint32_t creator)
{
    struct random random =
        random_stream(world->seed, STREAM_FONDNESS, (uint64_t)user << 32 | creator);
    return random_normal(&random);
}

double world_local_appeal(const struct world *world, uint32_t video,
                          const struct world_locale *locale)
{
    uint64_t index = (uint64_t)video << 32 | (uint64_t)(locale - world_locales);
    struct random random = random_stream(world->seed, STREAM_LOCAL, index);
    return world->local_appeal * random_normal(&random);
}

void world_video_id(uint32_t index, char out[WORLD_ID_SIZE])
{
    snprintf(out, WORLD_ID_SIZE, "video-%05u", (unsigned)index + 1);
}

void world_user_id(const struct world *world, uint32_t index, char out[WORLD_ID_SIZE])
{
    if (index < WORLD_NAMED_USERS) {
        enum world_language language = world->users[index].locale->language;
        snprintf(out, WORLD_ID_SIZE, "user-%s", world_languages[language].code);
    } else {
        snprintf(out, WORLD_ID_SIZE, "user-%04u", (unsigned)index + 1);
    }
}

void world_creator_id(const struct world *world, uint32_t index, char out[WORLD_ID_SIZE])
{
    enum world_language language = world->creators[index].locale->language;
    snprintf(out, WORLD_ID_SIZE, "creator-%s-%03u", world_languages[language].code,
             (unsigned)index + 1);
}

void world_title(const struct world_video *video, char out[WORLD_TITLE_SIZE])
{
    const struct world_language_words *words = &world_languages[video->language];
    const char *subject = words->subjects[video->category][video->subject];
    bool plain = video->ending == WORLD_ENDINGS;
    snprintf(out, WORLD_TITLE_SIZE, "%s%s%s", subject, plain ? "" : " – ",
             plain ? "" : words->endings[video->ending]);
}
