#include "tests/bench/dataset.h"

#include <inttypes.h>
#include <stdio.h>

/* Keep the streams of videos, users and views apart. */
enum { SALT_VIDEO = 1, SALT_USER = 2, SALT_VIEW = 3, SALT_USER_ID = 4 };

enum {
    VIDEOS_PER_CREATOR = 50,
    CATEGORY_COUNT = 40,
    TAG_COUNT = 5000,
    DAY_MS = 86400000,
    HISTORY_DAYS = 10,
    DURATION_MIN_MS = 5000,
    DURATION_MAX_MS = 60000
};

struct market {
    const char *locale;
    const char *language;
    const char *region;
};

static const struct market markets[] = {
    {"hi-IN", "hi", "IN"}, {"ta-IN", "ta", "IN"}, {"te-IN", "te", "IN"}, {"bn-IN", "bn", "IN"},
    {"mr-IN", "mr", "IN"}, {"kn-IN", "kn", "IN"}, {"ru-RU", "ru", "RU"}, {"id-ID", "id", "ID"},
};
enum { MARKET_COUNT = sizeof(markets) / sizeof(markets[0]) };

uint64_t dataset_mix(uint64_t number)
{
    uint64_t mixed = number + UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

uint64_t dataset_draw(struct dataset_draw *draw, uint64_t below)
{
    draw->state += UINT64_C(0x9e3779b97f4a7c15);
    return dataset_mix(draw->state) % below;
}

static struct dataset_draw draw_of(uint64_t salt, uint64_t number)
{
    return (struct dataset_draw){.state = dataset_mix(dataset_mix(salt) ^ number)};
}

static void write_id(uint64_t bits, char out[DATASET_ID_SIZE])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int i = 0; i < DATASET_ID_SIZE - 1; i++) {
        out[i] = letters[bits % 64];
        bits /= 64;
    }
    out[DATASET_ID_SIZE - 1] = '\0';
}

void dataset_video_id(uint64_t number, char out[DATASET_ID_SIZE])
{
    write_id(dataset_mix(number), out);
}

void dataset_user_id(uint64_t number, char out[DATASET_ID_SIZE])
{
    write_id(dataset_mix(number ^ dataset_mix(SALT_USER_ID)), out);
}

static const struct market *market_of_user(uint64_t user)
{
    struct dataset_draw draw = draw_of(SALT_USER, user);
    return &markets[dataset_draw(&draw, MARKET_COUNT)];
}

const char *dataset_locale(uint64_t user)
{
    return market_of_user(user)->locale;
}

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant; /* generated structs know no const */
}

static void put_names(struct dataset_video *out, struct dataset_draw *draw)
{
    Reelrank__V1__Video *video = &out->message;
    video->n_categories = 1 + dataset_draw(draw, 2);
    for (size_t i = 0; i < video->n_categories; i++) {
        snprintf(out->category_names[i], sizeof(out->category_names[i]), "category-%" PRIu64,
                 dataset_draw(draw, CATEGORY_COUNT));
        out->categories[i] = out->category_names[i];
    }
    video->categories = out->categories;
    video->n_tags = 2 + dataset_draw(draw, 3);
    for (size_t i = 0; i < video->n_tags; i++) {
        snprintf(out->tag_names[i], sizeof(out->tag_names[i]), "tag-%" PRIu64,
                 dataset_draw(draw, TAG_COUNT));
        out->tags[i] = out->tag_names[i];
    }
    video->tags = out->tags;
}

static void put_languages(struct dataset_video *out, struct dataset_draw *draw)
{
    Reelrank__V1__Video *video = &out->message;
    const struct market *spoken = &markets[dataset_draw(draw, MARKET_COUNT)];
    out->languages[0] = text(spoken->language);
    video->languages = out->languages;
    video->n_languages = 1;
    video->creator_region = text(spoken->region);
    if (dataset_draw(draw, 4) == 0) {
        out->captions[0] = text("en");
        video->caption_languages = out->captions;
        video->n_caption_languages = 1;
    }
}

static int64_t draw_duration_ms(struct dataset_draw *draw)
{
    return DURATION_MIN_MS + (int64_t)dataset_draw(draw, DURATION_MAX_MS - DURATION_MIN_MS);
}

void dataset_video(uint64_t number, uint64_t videos, struct dataset_video *out)
{
    struct dataset_draw draw = draw_of(SALT_VIDEO, number);
    Reelrank__V1__Video *video = &out->message;
    reelrank__v1__video__init(video);
    dataset_video_id(number, out->id);
    video->video_id = out->id;
    video->duration_ms = draw_duration_ms(&draw);
    snprintf(out->creator, sizeof(out->creator), "creator-%" PRIu64,
             dataset_draw(&draw, videos / VIDEOS_PER_CREATOR + 1));
    video->creator_id = out->creator;
    video->published_ms =
        DATASET_NOW_MS - (int64_t)dataset_draw(&draw, 90) * DAY_MS - (int64_t)number % DAY_MS;
    video->safety_rating = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK;
    video->curated_tier = dataset_draw(&draw, 20) == 0
                              ? REELRANK__V1__CURATED_TIER__CURATED_TIER_APPROVED
                              : REELRANK__V1__CURATED_TIER__CURATED_TIER_UNSPECIFIED;
    video->premium = dataset_draw(&draw, 10) == 0;
    video->quality = 0.2 + (double)dataset_draw(&draw, 800) / 1000;
    put_names(out, &draw);
    put_languages(out, &draw);
}

uint64_t dataset_draw_skewed(struct dataset_draw *draw, uint64_t below, unsigned skew)
{
    double uniform = (double)dataset_draw(draw, UINT64_C(1) << 53) / 0x1p53;
    double power = uniform;
    for (unsigned i = 1; i < skew; i++) {
        power *= uniform;
    }
    return (uint64_t)(power * (double)below);
}

/* How a view went on after its start: watched (5 of 8), skipped (2 of 8), liked (1 of 8). */
static void put_reaction(Reelrank__V1__Signal *signal, struct dataset_draw *draw)
{
    uint64_t roll = dataset_draw(draw, 8);
    if (roll < 5) {
        signal->type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH;
        signal->watch_ms = (int64_t)dataset_draw(draw, DURATION_MAX_MS);
    } else if (roll < 7) {
        signal->type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SKIP;
    } else {
        signal->type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE;
    }
}

void dataset_signal(uint64_t user, unsigned index, unsigned count, uint64_t videos,
                    struct dataset_signal *out)
{
    unsigned view = index / 2;
    unsigned views = (count + 1) / 2;
    int64_t step_ms = HISTORY_DAYS * (int64_t)DAY_MS / views;
    struct dataset_draw draw = draw_of(SALT_VIEW, user * count + view);
    Reelrank__V1__Signal *signal = &out->message;
    reelrank__v1__signal__init(signal);
    dataset_user_id(user, out->user);
    dataset_video_id(dataset_draw_skewed(&draw, videos, DATASET_SKEW), out->video);
    signal->user_id = out->user;
    signal->video_id = out->video;
    signal->locale = text(dataset_locale(user));
    /* Views of the last ten days, oldest first; the reaction follows the start by five seconds. */
    signal->time_ms = DATASET_NOW_MS - (int64_t)(views - view) * step_ms +
                      (int64_t)dataset_draw(&draw, (uint64_t)step_ms / 2) +
                      (int64_t)(index % 2) * 5000;
    signal->type = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY;
    if (index % 2 == 1) {
        put_reaction(signal, &draw);
    }
}
