#ifndef REPLAY_SIMULATE_WORDS_H
#define REPLAY_SIMULATE_WORDS_H

/* What the simulated videos are about, and their titles' words in each language. */
enum {
    WORLD_CATEGORIES = 8,
    WORLD_LANGUAGES = 8,
    WORLD_SUBJECTS = 3,
    WORLD_ENDINGS = 4,
    WORLD_TAGS = 3 /* of each category */
};

enum world_category { COMEDY, MUSIC, DANCE, FOOD, SPORTS, TRAVEL, BEAUTY, EDUCATION };
enum world_language { HINDI, TAMIL, TELUGU, BENGALI, MARATHI, RUSSIAN, INDONESIAN, ENGLISH };

struct world_category_words {
    const char *name;
    const char *tags[WORLD_TAGS];
};

struct world_language_words {
    const char *code; /* BCP 47 */
    const char *subjects[WORLD_CATEGORIES][WORLD_SUBJECTS];
    const char *endings[WORLD_ENDINGS];
};

extern const struct world_category_words world_categories[WORLD_CATEGORIES];
extern const struct world_language_words world_languages[WORLD_LANGUAGES];

#endif
