#ifndef REPLAY_SIMULATE_WORLD_H
#define REPLAY_SIMULATE_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "ranker/random.h"
#include "ranker/signal.h"
#include "ranker/video.h"
#include "replay/simulate.h"
#include "replay/simulate_words.h"

/*
 * Who and what there is before anyone does anything. Each creator, video and user is drawn from a
 * stream of its own, so a larger world begins with the same ones. Numbers called "normal" are drawn
 * by random_normal(): mean 0, deviation 1.
 */
struct world_locale {
    const char *tag;
    enum world_language language;
    const char *region;
    int share;        /* of users and creators, in percent */
    int hours_of_utc; /* local time's lead, rounded down */
};

enum { WORLD_LOCALES = 8, WORLD_NAMED_USERS = 3, WORLD_ID_SIZE = 24, WORLD_TITLE_SIZE = 160 };
extern const struct world_locale world_locales[WORLD_LOCALES];

struct world_creator {
    const struct world_locale *locale;
    const char *region;
    enum world_language languages[2]; /* twice the same: one */
    enum world_category categories[2];
    double skill; /* normal; what its videos' appeal shares */
};

struct world_video {
    int64_t published_ms;
    int64_t duration_ms;
    uint32_t creator; /* its index */
    enum world_language language;
    enum world_category category;
    unsigned tag_bits; /* of the category's tags */
    enum safety safety;
    enum curated curated;
    uint8_t minimum_age_years;
    uint8_t subject; /* of the title */
    uint8_t ending;  /* WORLD_ENDINGS: none */
    bool bilingual;  /* also in its creator's second language */
    bool captioned;  /* in English */
    bool premium;
    bool only_at_home;  /* allowed in its creator's region alone */
    bool not_in_russia; /* forbidden in RU */
    float quality;      /* 0 to 1: what editors see of its appeal */
    float appeal;       /* normal; nobody but the users' behaviour knows it */
    float lure;         /* normal; makes people watch what they do not find worth it */
    float topical;      /* interest it gains by being new; halves with each half-life of age */
    float topical_half_life_h;
};

struct world_user {
    const struct world_locale *locale;
    enum world_language second_language; /* the same as the locale's: none */
    bool declares;                       /* tells the service of the second one */
    unsigned age_years;
    float second_fluency;                            /* 0 to 1 */
    float tastes[WORLD_CATEGORIES];                  /* normal; two are high */
    float tag_tastes[WORLD_CATEGORIES * WORLD_TAGS]; /* normal */
    float duration_log2;                             /* seconds liked best */
    float patience;                                  /* normal; skips less */
    float warmth;                                    /* normal; likes and shares more */
};

struct world {
    uint64_t seed;
    int64_t now_ms;
    double local_appeal; /* deviation of world_local_appeal() */
    struct world_creator *creators;
    struct world_video *videos;
    struct world_user *users;
    uint32_t creator_count;
    uint32_t video_count;
    uint32_t user_count;
};

/* Releases what it made on failure. */
MUST_USE enum status world_init(struct world *world, const struct simulate_options *options);
void world_release(struct world *world);

/* The users from this index on are new: they come in the log's last day. */
uint32_t world_first_new_user(const struct world *world);

/* How much the user likes the creator, beyond what the videos are about: normal. */
double world_fondness(const struct world *world, uint32_t user, uint32_t creator);

/* How much more the video appeals to users of the locale than to all: normal. */
double world_local_appeal(const struct world *world, uint32_t video,
                          const struct world_locale *locale);

/* Names as files have them. */
void world_video_id(uint32_t index, char out[WORLD_ID_SIZE]);
void world_user_id(const struct world *world, uint32_t index, char out[WORLD_ID_SIZE]);
void world_creator_id(const struct world *world, uint32_t index, char out[WORLD_ID_SIZE]);
void world_title(const struct world_video *video, char out[WORLD_TITLE_SIZE]);

/*
 * Sums of the shares of ranks 1 to count, by Zipf's law: the share of rank r is r^-exponent. For
 * zipf_draw(); the caller frees it. NULL when memory is short.
 */
double *zipf_new(uint32_t count, double exponent);

/* An index below count, more often a low one. */
uint32_t zipf_draw(const double *sums, uint32_t count, struct random *random);

#endif
