#include "replay/demo_world.h"

#include <stdlib.h>

const struct demo_locale demo_locales[DEMO_LOCALES] = {
    {"hi-IN", HINDI, "IN", 28, 5},      {"ru-RU", RUSSIAN, "RU", 14, 3},
    {"id-ID", INDONESIAN, "ID", 14, 7}, {"ta-IN", TAMIL, "IN", 11, 5},
    {"te-IN", TELUGU, "IN", 11, 5},     {"bn-IN", BENGALI, "IN", 8, 5},
    {"mr-IN", MARATHI, "IN", 7, 5},     {"en-IN", ENGLISH, "IN", 7, 5},
};

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/*
 * The first of creators and of users have each locale once, so that a small world has every
 * language; those that follow have the shares of the table in every hundred, well mixed.
 */
static const struct demo_locale *locale_of(uint32_t index)
{
    int left = (int)((uint64_t)index * 61 % 100);
    size_t i = 0;
    while (i < DEMO_LOCALES - 1 && left >= demo_locales[i].share) {
        left -= demo_locales[i].share;
        i++;
    }
    return &demo_locales[index < DEMO_LOCALES ? index : i];
}

static enum demo_category draw_category(struct random *random)
{
    return (enum demo_category)random_below(random, DEMO_CATEGORIES);
}

/* A few creators live abroad. */
static const char *draw_region(const struct demo_locale *locale, struct random *random)
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

/* Indians mix their own language with Hindi and English; elsewhere English is the rare second. */
static enum demo_language draw_second(const struct demo_locale *locale, struct random *random)
{
    bool indian = locale->region[0] == 'I' && locale->region[1] == 'N';
    if (!random_chance(random, indian ? 0.5 : 0.15)) {
        return locale->language;
    }
    return indian && random_chance(random, 0.5) ? HINDI : ENGLISH;
}

/* turn counts the creators of each language: their categories go round, so that each has them all.
 */
static void make_creator(struct demo_creator *creator, uint32_t index,
                         uint32_t turn[DEMO_LANGUAGES], struct random *random)
{
    const struct demo_locale *locale = locale_of(index);
    creator->languages[0] = locale->language;
    creator->languages[1] = draw_second(locale, random);
    creator->region = draw_region(locale, random);
    creator->categories[0] = (enum demo_category)(turn[locale->language] % DEMO_CATEGORIES);
    turn[locale->language]++;
    creator->categories[1] = draw_category(random);
    creator->appeal = random_unit(random);
    snprintf(creator->id, sizeof(creator->id), "creator-%s-%03u",
             demo_languages[locale->language].code, (unsigned)index + 1);
}

static void compose_title(struct demo_video *video, struct random *random)
{
    const struct demo_language_words *words = &demo_languages[video->language];
    const char *subject = words->subjects[video->category][random_below(random, DEMO_SUBJECTS)];
    const char *ending = words->endings[random_below(random, DEMO_ENDINGS)];
    bool plain = random_chance(random, 0.25);
    snprintf(video->title, sizeof(video->title), "%s%s%s", subject, plain ? "" : " – ",
             plain ? "" : ending);
}

static Reelrank__V1__SafetyRating draw_safety(struct random *random)
{
    double x = random_unit(random);
    return x < 0.78   ? REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK
           : x < 0.90 ? REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK
           : x < 0.94 ? REELRANK__V1__SAFETY_RATING__SAFETY_RATING_HIGH_RISK
           : x < 0.95 ? REELRANK__V1__SAFETY_RATING__SAFETY_RATING_FLOOR
                      : REELRANK__V1__SAFETY_RATING__SAFETY_RATING_UNRATED;
}

static uint32_t draw_age(Reelrank__V1__SafetyRating safety, struct random *random)
{
    double x = random_unit(random);
    if (safety >= REELRANK__V1__SAFETY_RATING__SAFETY_RATING_HIGH_RISK) {
        return 18;
    }
    return x < 0.85 ? 0 : x < 0.93 ? 13 : x < 0.98 ? 16 : 18;
}

static void draw_rules(struct demo_video *video, struct random *random)
{
    video->safety = draw_safety(random);
    video->minimum_age_years = draw_age(video->safety, random);
    video->region_allowed = random_chance(random, 0.03) ? video->creator->region : NULL;
    video->region_forbidden = random_chance(random, 0.03) ? "RU" : NULL;
}

static void draw_tier(struct demo_video *video, struct random *random)
{
    double x = random_unit(random);
    bool good = video->quality > 0.55;
    video->curated = good && x < 0.1   ? REELRANK__V1__CURATED_TIER__CURATED_TIER_FEATURED
                     : good && x < 0.3 ? REELRANK__V1__CURATED_TIER__CURATED_TIER_APPROVED
                                       : REELRANK__V1__CURATED_TIER__CURATED_TIER_UNSPECIFIED;
    video->premium = random_chance(random, 0.08) && good;
}

/* Most videos are short, and half of them are younger than the signals. */
static void draw_times(struct demo_video *video, int64_t now_ms, struct random *random)
{
    double x = random_unit(random);
    video->duration_ms = 5000 + (int64_t)(x * x * 175000.0);
    int64_t age_ms = random_chance(random, 0.5) ? 14 * DAY_MS : 60 * DAY_MS;
    video->published_ms = now_ms - (int64_t)(random_unit(random) * (double)age_ms);
}

/* The first videos are old and may be shown to anyone, so that there is always one to show. */
static void unrestrict(struct demo_video *video, int64_t now_ms)
{
    video->published_ms = now_ms - 60 * DAY_MS;
    video->safety = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK;
    video->minimum_age_years = 0;
    video->region_allowed = NULL;
    video->region_forbidden = NULL;
}

static void make_video(struct demo_world *world, uint32_t index, int64_t now_ms,
                       struct random *random)
{
    struct demo_video *video = &world->videos[index];
    uint32_t drawn = random_below(random, world->creator_count);
    video->creator = &world->creators[index < DEMO_LOCALES ? index : drawn];
    video->language = video->creator->languages[random_chance(random, 0.25)];
    video->language = index < DEMO_LOCALES ? video->creator->languages[0] : video->language;
    video->category = video->creator->categories[random_chance(random, 0.35)];
    video->tag_bits = 1 + random_below(random, (1 << DEMO_TAGS) - 1);
    video->bilingual = random_chance(random, 0.15);
    video->captioned = random_chance(random, 0.2);
    video->appeal = 0.5 * video->creator->appeal + 0.5 * random_unit(random);
    video->quality = 0.3 + 0.4 * video->appeal + 0.3 * random_unit(random);
    video->quality = (double)(int)(100 * video->quality) / 100; /* as an editor would say it */
    draw_times(video, now_ms, random);
    draw_rules(video, random);
    draw_tier(video, random);
    if (index < DEMO_LOCALES) {
        unrestrict(video, now_ms);
    }
    compose_title(video, random);
    snprintf(video->id, sizeof(video->id), "video-%05u", (unsigned)index + 1);
}

/* Two categories that the user loves; the rest leave the user between cold and warm. */
static void draw_tastes(struct demo_user *user, enum demo_category first, enum demo_category second,
                        struct random *random)
{
    for (size_t i = 0; i < DEMO_CATEGORIES; i++) {
        user->tastes[i] = 0.5 * random_unit(random);
    }
    user->tastes[second] = 0.8 + 0.2 * random_unit(random);
    user->tastes[first] = 0.9 + 0.1 * random_unit(random);
}

static bool speaks(const struct demo_creator *creator, enum demo_language language)
{
    return creator->languages[0] == language || creator->languages[1] == language;
}

/* Creators in the user's language if some draws find them. */
static void draw_favourites(struct demo_user *user, const struct demo_world *world,
                            struct random *random)
{
    for (size_t i = 0; i < DEMO_FAVOURITES; i++) {
        const struct demo_creator *creator = NULL;
        for (int tries = 0; tries < 16; tries++) {
            creator = &world->creators[random_below(random, world->creator_count)];
            if (speaks(creator, user->locale->language)) {
                break;
            }
        }
        user->favourites[i] = creator;
    }
}

static void make_user(struct demo_world *world, uint32_t index, struct random *random)
{
    /* In the order of demo_locales, whose first three these users have. */
    static const enum demo_category plain[][2] = {{COMEDY, FOOD}, {SPORTS, MUSIC}, {TRAVEL, FOOD}};
    struct demo_user *user = &world->users[index];
    enum demo_category first = draw_category(random);
    enum demo_category second = draw_category(random);
    user->locale = locale_of(index);
    user->second_language = draw_second(user->locale, random);
    if (index < sizeof(plain) / sizeof(plain[0])) {
        first = plain[index][0];
        second = plain[index][1];
        user->second_language = user->locale->language;
        snprintf(user->id, sizeof(user->id), "user-%s",
                 demo_languages[user->locale->language].code);
    } else {
        snprintf(user->id, sizeof(user->id), "user-%04u", (unsigned)index + 1);
    }
    draw_tastes(user, first, second, random);
    draw_favourites(user, world, random);
}

static bool allocate(struct demo_world *world, const struct demo_options *options)
{
    uint32_t creator_count = options->video_count * 2 / 15; /* 80 for 600 videos */
    world->creator_count = creator_count < DEMO_LOCALES ? DEMO_LOCALES : creator_count;
    world->video_count = options->video_count;
    world->user_count = options->user_count;
    world->creators = calloc(world->creator_count, sizeof(*world->creators));
    world->videos = calloc(world->video_count, sizeof(*world->videos));
    world->users = calloc(world->user_count, sizeof(*world->users));
    return world->creators != NULL && world->videos != NULL && world->users != NULL;
}

enum status demo_world_init(struct demo_world *world, const struct demo_options *options,
                            struct random *random)
{
    if (!allocate(world, options)) {
        demo_world_release(world);
        return STATUS_NO_MEMORY;
    }
    uint32_t turn[DEMO_LANGUAGES] = {0};
    for (uint32_t i = 0; i < world->creator_count; i++) {
        make_creator(&world->creators[i], i, turn, random);
    }
    for (uint32_t i = 0; i < world->video_count; i++) {
        make_video(world, i, options->now_ms, random);
    }
    for (uint32_t i = 0; i < world->user_count; i++) {
        make_user(world, i, random);
    }
    return STATUS_OK;
}

void demo_world_release(struct demo_world *world)
{
    free(world->creators);
    free(world->videos);
    free(world->users);
    *world = (struct demo_world){0};
}
