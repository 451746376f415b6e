#ifndef RANKER_LIMITS_H
#define RANKER_LIMITS_H

#include <stdint.h>

/* Everything a client can size, each limit named once and checked behind wire.h. */

/* Latest time anywhere: the end of the year 9999 UTC. Keeps sums of times far from overflow. */
#define LIMIT_TIME_MS INT64_C(253402300799999)

/* How long before the newest signal taken a signal may have happened: 30 days. */
#define LIMIT_LATE_MS INT64_C(2592000000)

enum {
    LIMIT_ID_BYTES = 128,         /* user, video, creator and event ids */
    LIMIT_SHORT_BYTES = 64,       /* request ids, ranking ids, sources, categories, tags */
    LIMIT_TITLE_BYTES = 256,      /* titles and notes */
    LIMIT_ARM_BYTES = 65,         /* RankRequest.experiment: two names of 32 and a slash */
    LIMIT_LOCALE_BYTES = 35,      /* BCP 47 tags; RFC 5646 asks for at least 35 */
    LIMIT_CANDIDATES = 2000,      /* per RankRequest */
    LIMIT_LANGUAGES = 8,          /* RankRequest.languages */
    LIMIT_BATCH = 1000,           /* signals or videos per message */
    LIMIT_VIDEO_LANGUAGES = 4,    /* spoken, and again of captions */
    LIMIT_VIDEO_CATEGORIES = 4,   /* Video.categories */
    LIMIT_VIDEO_TAGS = 8,         /* Video.tags */
    LIMIT_VIDEO_REGIONS = 64,     /* Video.regions_allowed, and again forbidden */
    LIMIT_VIDEO_EMBEDDING = 32,   /* Video.embedding */
    LIMIT_INFERRED = 32,          /* Video.inferred */
    LIMIT_DURATION_MS = 86400000, /* one day; also of watch_ms */
    LIMIT_MINIMUM_AGE_YEARS = 21, /* Video.minimum_age_years */
    LIMIT_AGE_YEARS = 150,        /* RankRequest.age_years */
    LIMIT_FUTURE_MS = 86400000,   /* how far ahead of the server's clock a signal may be */
    LIMIT_RETIRED = 16,           /* of each kind in one Retirement */
    LIMIT_WEIGHTS_BYTES = 1 << 20 /* a weights file */
};

/* Model files that one weights file names, and the bytes of all of them. */
enum { LIMIT_MODEL_FILES = 64, LIMIT_MODEL_BYTES = 16 << 20 };

#endif
