#include "tests/bench/feed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "reelrank/v1/signal.pb-c.h"
#include "tests/bench/dataset.h"

enum {
    ID_BYTES = DATASET_ID_SIZE - 1,
    LOCALE_BYTES = 5, /* of every market of the dataset */
    WATCH_MAX_MS = 60000,
    POSITION_MAX = 10,
    STEPS_MAX = 6
};

/* Tags of reelrank.v1.Signal's fields, all below 16: one byte. */
enum {
    TAG_EVENT_ID = 1 << 3 | 2,
    TAG_USER_ID = 2 << 3 | 2,
    TAG_VIDEO_ID = 3 << 3 | 2,
    TAG_TYPE = 4 << 3,
    TAG_TIME = 5 << 3,
    TAG_WATCH = 6 << 3,
    TAG_LOCALE = 8 << 3 | 2,
    TAG_POSITION = 10 << 3
};

enum {
    SHOW = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION,
    PLAY = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY,
    WATCH = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_WATCH,
    COMPLETE = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_COMPLETE,
    SKIP = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SKIP,
    LIKE = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_LIKE,
    SHARE = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_SHARE,
    FOLLOW = REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_FOLLOW_CREATOR
};

/* How views go, all as likely; a zero ends one. */
static const uint8_t courses[][STEPS_MAX] = {
    {SHOW},
    {SHOW},
    {SHOW, PLAY, SKIP},
    {SHOW, PLAY, SKIP},
    {SHOW, PLAY, SKIP},
    {SHOW, PLAY, SKIP},
    {SHOW, PLAY, WATCH, SKIP},
    {SHOW, PLAY, WATCH, WATCH},
    {SHOW, PLAY, WATCH, WATCH},
    {SHOW, PLAY, WATCH, WATCH, WATCH},
    {SHOW, PLAY, WATCH, COMPLETE},
    {SHOW, PLAY, WATCH, COMPLETE},
    {SHOW, PLAY, WATCH, WATCH, COMPLETE},
    {SHOW, PLAY, WATCH, COMPLETE, LIKE},
    {SHOW, PLAY, WATCH, LIKE, SHARE},
    {SHOW, PLAY, WATCH, COMPLETE, FOLLOW},
};
enum { COURSE_COUNT = sizeof(courses) / sizeof(courses[0]) };

struct view {
    char user[DATASET_ID_SIZE];
    char video[DATASET_ID_SIZE];
    char locale[LOCALE_BYTES];
    uint8_t position;
    uint8_t course;
    uint8_t step;
    uint32_t watch_ms;
};

struct feed {
    struct feed_options options;
    struct dataset_draw draw;
    uint64_t event; /* number of the next event id */
    size_t turn;    /* the next view */
    uint64_t counts[FEED_TYPES];
    struct view views[FEED_VIEWS];
};

static void start_view(struct feed *feed, struct view *view)
{
    const struct feed_options *options = &feed->options;
    uint64_t user = options->first_user + dataset_draw(&feed->draw, options->users);
    uint64_t video =
        options->first_video + dataset_draw_skewed(&feed->draw, options->videos, options->skew);
    uint64_t rest = dataset_draw(&feed->draw, UINT64_MAX);
    dataset_user_id(user, view->user);
    dataset_video_id(video, view->video);
    memcpy(view->locale, dataset_locale(user), LOCALE_BYTES);
    view->position = (uint8_t)(1 + rest % POSITION_MAX);
    view->course = (uint8_t)((rest >> 8) % COURSE_COUNT);
    view->step = 0;
    view->watch_ms = (uint32_t)((rest >> 16) % WATCH_MAX_MS);
}

/* Not all begin at once: their steps would come in step. */
struct feed *feed_new(const struct feed_options *options)
{
    CHECK(options->users > 0);
    CHECK(options->videos > 0);
    struct feed *feed = calloc(1, sizeof(*feed));
    CHECK(feed != NULL);
    feed->options = *options;
    feed->draw.state = dataset_mix(options->seed);
    feed->event = dataset_mix(options->seed ^ feed->draw.state);
    for (size_t i = 0; i < FEED_VIEWS; i++) {
        struct view *view = &feed->views[i];
        start_view(feed, view);
        view->step = (uint8_t)dataset_draw(&feed->draw, STEPS_MAX - 1);
        if (courses[view->course][view->step] == 0) {
            view->step = 0;
        }
    }
    return feed;
}

void feed_free(struct feed *feed)
{
    free(feed);
}

static uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *out++ = (uint8_t)(value | 0x80);
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *put_number(uint8_t *out, uint8_t tag, uint64_t value)
{
    *out++ = tag;
    return put_varint(out, value);
}

/* Inlined, so that size is known and the copy is two instructions. */
static inline uint8_t *put_text(uint8_t *out, uint8_t tag, const char *text, size_t size)
{
    out[0] = tag;
    out[1] = (uint8_t)size;
    memcpy(out + 2, text, size);
    return out + 2 + size;
}

/* 16 hexadecimal digits: a number is never the same, as mixing is a bijection. */
static uint8_t *put_event_id(uint8_t *out, uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = dataset_mix(number);
    char text[16];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = digits[bits & 15];
        bits >>= 4;
    }
    return put_text(out, TAG_EVENT_ID, text, sizeof(text));
}

static uint8_t *put_details(uint8_t *out, const struct view *view, uint8_t type)
{
    if (type == WATCH || type == COMPLETE) {
        out = put_number(out, TAG_WATCH, (uint64_t)view->watch_ms * view->step);
    }
    out = put_text(out, TAG_LOCALE, view->locale, LOCALE_BYTES);
    if (type == SHOW || type == PLAY) {
        out = put_number(out, TAG_POSITION, view->position);
    }
    return out;
}

static void move_on(struct feed *feed, struct view *view)
{
    view->step++;
    if (view->step == STEPS_MAX || courses[view->course][view->step] == 0) {
        start_view(feed, view);
    }
}

size_t feed_signal(struct feed *feed, int64_t time_ms, uint8_t *out)
{
    struct view *view = &feed->views[feed->turn++ % FEED_VIEWS];
    uint8_t type = courses[view->course][view->step];
    uint8_t *end = put_event_id(out, feed->event++);
    end = put_text(end, TAG_USER_ID, view->user, ID_BYTES);
    end = put_text(end, TAG_VIDEO_ID, view->video, ID_BYTES);
    end = put_number(end, TAG_TYPE, type);
    end = put_number(end, TAG_TIME, (uint64_t)time_ms);
    end = put_details(end, view, type);
    feed->counts[type]++;
    move_on(feed, view);
    return (size_t)(end - out);
}

uint64_t feed_count(const struct feed *feed, unsigned type)
{
    CHECK(type < FEED_TYPES);
    return feed->counts[type];
}
