#ifndef REPLAY_DEMO_WORDS_H
#define REPLAY_DEMO_WORDS_H

/* What the demonstration's videos are about, and their titles' words in each language. */
enum {
    DEMO_CATEGORIES = 8,
    DEMO_LANGUAGES = 8,
    DEMO_SUBJECTS = 3,
    DEMO_ENDINGS = 4,
    DEMO_TAGS = 3
};

enum demo_category { COMEDY, MUSIC, DANCE, FOOD, SPORTS, TRAVEL, BEAUTY, EDUCATION };
enum demo_language { HINDI, TAMIL, TELUGU, BENGALI, MARATHI, RUSSIAN, INDONESIAN, ENGLISH };

struct demo_category_words {
    const char *name;
    const char *tags[DEMO_TAGS];
};

struct demo_language_words {
    const char *code; /* BCP 47 */
    const char *subjects[DEMO_CATEGORIES][DEMO_SUBJECTS];
    const char *endings[DEMO_ENDINGS];
};

extern const struct demo_category_words demo_categories[DEMO_CATEGORIES];
extern const struct demo_language_words demo_languages[DEMO_LANGUAGES];

#endif
