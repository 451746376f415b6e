#ifndef REPLAY_DEMO_WORLD_H
#define REPLAY_DEMO_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/limits.h"
#include "ranker/random.h"
#include "reelrank/v1/catalog.pb-c.h"
#include "replay/demo.h"
#include "replay/demo_words.h"

/* Who and what there is in the demonstration, before anyone does anything. */
enum { DEMO_ID_SIZE = 24, DEMO_FAVOURITES = 3 };

struct demo_locale {
    const char *tag;
    enum demo_language language;
    const char *region;
    int share;        /* of users and creators, in percent */
    int hours_of_utc; /* local time's lead, rounded down */
};

enum { DEMO_LOCALES = 8 };
extern const struct demo_locale demo_locales[DEMO_LOCALES];

struct demo_creator {
    char id[DEMO_ID_SIZE];
    const char *region;
    enum demo_language languages[2]; /* twice the same: one */
    enum demo_category categories[2];
    double appeal; /* 0 to 1 */
};

struct demo_video {
    char id[DEMO_ID_SIZE];
    char title[LIMIT_TITLE_BYTES + 1];
    const struct demo_creator *creator;
    enum demo_language language;
    enum demo_category category;
    uint32_t tag_bits; /* of the category's tags */
    int64_t duration_ms;
    int64_t published_ms;
    Reelrank__V1__SafetyRating safety;
    Reelrank__V1__CuratedTier curated;
    uint32_t minimum_age_years;
    const char *region_allowed;   /* NULL: everywhere */
    const char *region_forbidden; /* NULL: nowhere */
    bool bilingual;               /* also in its creator's second language */
    bool captioned;               /* in English */
    bool premium;
    double quality; /* 0 to 1 */
    double appeal;  /* 0 to 1; nobody but the users' behaviour knows it */
};

struct demo_user {
    char id[DEMO_ID_SIZE];
    const struct demo_locale *locale;
    enum demo_language second_language;
    double tastes[DEMO_CATEGORIES]; /* 0 to 1 */
    const struct demo_creator *favourites[DEMO_FAVOURITES];
};

struct demo_world {
    struct demo_creator *creators;
    struct demo_video *videos;
    struct demo_user *users;
    uint32_t creator_count;
    uint32_t video_count;
    uint32_t user_count;
};

/* Releases what it made on failure. */
MUST_USE enum status demo_world_init(struct demo_world *world, const struct demo_options *options,
                                     struct random *random);
void demo_world_release(struct demo_world *world);

#endif
