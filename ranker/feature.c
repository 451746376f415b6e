#include "ranker/feature.h"

#include "ranker/check.h"
#include "ranker/nearest.h"

/* clang-format off */
static const char *const names[FEATURE_COUNT] = {
#define X(name, text) text,
    FEATURE_PLAIN_MAP(X)
#define COUNTED(name, text) FEATURE_SCOPED_MAP(X, name, text)
    FEATURE_COUNTED_MAP(COUNTED)
#undef COUNTED
#undef X
};

/* The end of the year 9999 in hours, the latest that now_ms can be. */
#define AGE_HOURS_MAX 70389527.999722226

#define COUNTED_ROW(feature, about_, formula_, cost) \
    [feature] = {.about = about_, .formula = formula_, .unit = "1", .max = 1, \
                 .origin = FEATURE_FROM_STATISTICS, .cost_ns = cost},

/* In a formula, views are impressions or plays, whichever are more, and hits are at most views. */
#define RATE_ROWS(name, H, h, words, head, hits, what)                                              \
    COUNTED_ROW(FEATURE_##name##_GLOBAL_##H, what ", by everyone, half-life " words,                \
                "(" hits " + k * heads." head ".prior) / (views + k), k = heads." head ".strength", \
                RATE_GLOBAL_NS)                                                                     \
    COUNTED_ROW(FEATURE_##name##_REGION_##H, what ", in the user's region, half-life " words,       \
                "(" hits " + k * " head "_rate_global_" h ") / (views + k), "                       \
                "k = features.region_strength", RATE_REGION_NS)                                     \
    COUNTED_ROW(FEATURE_##name##_LANGUAGE_##H, what ", in the locale's language, half-life " words, \
                "(" hits " + k * " head "_rate_region_" h ") / (views + k), "                       \
                "k = features.language_strength", RATE_LANGUAGE_NS)

#define RATE_FACTS(name, head, hits, what)                         \
    RATE_ROWS(name, 30M, "30m", "30 min", head, hits, what)        \
    RATE_ROWS(name, 1D, "1d", "1 day", head, hits, what)           \
    RATE_ROWS(name, 14D, "14d", "14 days", head, hits, what)

#define POPULARITY_FORMULA "views / (views + features.popularity_scale)"
#define POPULARITY_ROWS(H, words)                                                            \
    COUNTED_ROW(FEATURE_POPULARITY_GLOBAL_##H,                                               \
                "How much it is seen, by everyone, half-life " words,                        \
                POPULARITY_FORMULA, POPULARITY_GLOBAL_NS)                                    \
    COUNTED_ROW(FEATURE_POPULARITY_REGION_##H,                                               \
                "How much it is seen, in the user's region, half-life " words,               \
                POPULARITY_FORMULA, POPULARITY_SCOPED_NS)                                    \
    COUNTED_ROW(FEATURE_POPULARITY_LANGUAGE_##H,                                             \
                "How much it is seen, in the locale's language, half-life " words,           \
                POPULARITY_FORMULA, POPULARITY_SCOPED_NS)

/* Of a scope's first feature, which pays for finding the counts there. */
enum {
    POPULARITY_GLOBAL_NS = 1, POPULARITY_SCOPED_NS = 5,
    RATE_GLOBAL_NS = 2, RATE_REGION_NS = 8, RATE_LANGUAGE_NS = 14
};

/* By enum feature; the other columns are 0, false or none where nothing is said. */
static const struct feature_facts facts[FEATURE_COUNT] = {
    [FEATURE_FRESHNESS] = {
        .about = "How new the video is; 0 when its publication time is unknown",
        .formula = "2^(-age / features.freshness_half_life)", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 1},
    [FEATURE_AGE_HOURS] = {
        .about = "Time since publication; 0 for one still to come",
        .formula = "(now_ms - published_ms) / 3600000", .unit = "hours", .max = AGE_HOURS_MAX,
        .missing = "the publication time is unknown", .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 0},
    [FEATURE_DURATION_S] = {
        .about = "Length of the video", .formula = "duration_ms / 1000", .unit = "s", .max = 86400,
        .missing = "the duration is unknown", .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 1},
    [FEATURE_DURATION_BUCKET] = {
        .about = "Class of length that watch times are compared in; 8: unknown",
        .formula = "0 to 7 for at most 7, 15, 30, 60, 120, 300, 600 s, longer", .unit = "class",
        .max = 8, .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 0},
    [FEATURE_QUALITY] = {
        .about = "Technical quality as the catalogue has it", .formula = "quality", .unit = "1",
        .max = 1, .missing = "quality is 0, which means unknown", .origin = FEATURE_FROM_CATALOGUE,
        .cost_ns = 0},
    [FEATURE_CURATED] = {
        .about = "What editors said of it", .formula = "0.5 approved, 1 featured, else 0",
        .unit = "1", .max = 1, .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 0},
    [FEATURE_PREMIUM] = {
        .about = "Whether it is premium", .formula = "0 or 1", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_CATALOGUE, .cost_ns = 0},
    [FEATURE_POPULARITY] = {
        .about = "How much it is seen of late, by everyone, in features.popularity_half_life",
        .formula = POPULARITY_FORMULA, .unit = "1", .max = 1, .origin = FEATURE_FROM_STATISTICS,
        .cost_ns = 1},
    [FEATURE_NEW_VIDEO] = {
        .about = "How little is known of it, in features.rate_half_life",
        .formula = "n / (n + views), n = features.new_video_views", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_STATISTICS, .cost_ns = 0},
    [FEATURE_WATCH_QUANTILE] = {
        .about = "How long it is watched against videos as long in the user's region",
        .formula = "share of views there, in its duration bucket, shorter than its mean watch time",
        .unit = "1", .max = 1, .missing = "nobody is known to have watched it",
        .origin = FEATURE_FROM_STATISTICS, .cost_ns = 1},
    [FEATURE_TASTE] = {
        .about = "The user's taste for it, all kinds together",
        .formula = "x / (1 + |x|), x = sum of features.affinity.KIND * affinity_KIND", .unit = "1",
        .min = -1, .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 13},
    [FEATURE_AFFINITY_CREATOR] = {
        .about = "The user's taste for the creator; skips, not interested and hiding lower it",
        .formula = "v / (1 + |v|), v: gains of the user's signals, halved every 14 days",
        .unit = "1", .min = -1, .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 2},
    [FEATURE_AFFINITY_CATEGORY] = {
        .about = "The user's taste for its categories", .formula = "mean over them, each as affinity_creator",
        .unit = "1", .min = -1, .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 5},
    [FEATURE_AFFINITY_TAG] = {
        .about = "The user's taste for its tags", .formula = "mean over them, each as affinity_creator",
        .unit = "1", .min = -1, .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 4},
    [FEATURE_AFFINITY_LANGUAGE] = {
        .about = "The user's taste for the languages spoken",
        .formula = "mean over them, each as affinity_creator", .unit = "1", .min = -1, .max = 1,
        .origin = FEATURE_FROM_USER, .cost_ns = 1},
    [FEATURE_AFFINITY_DURATION] = {
        .about = "The user's taste for videos of its duration bucket",
        .formula = "as affinity_creator", .unit = "1", .min = -1, .max = 1,
        .origin = FEATURE_FROM_USER, .cost_ns = 0},
    [FEATURE_LANGUAGE_MATCH] = {
        .about = "How well its languages suit the user",
        .formula = "the largest of 1, or 0.5 for captions, in the locale's language; 0.8 or 0.4 in a declared one;"
                   " affinity_language of one spoken; c * new_user or half of it in one with confidence c"
                   " under the key languages; 0",
        .unit = "1", .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 1},
    [FEATURE_LOCAL_CREATOR] = {
        .about = "Whether the creator is of the user's region", .formula = "0 or 1", .unit = "1",
        .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 0},
    [FEATURE_FOLLOWS_CREATOR] = {
        .about = "Whether the user follows the creator", .formula = "0 or 1", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_USER, .cost_ns = 4},
    [FEATURE_SEEN_BEFORE] = {
        .about = "Whether it is among the 512 videos the user saw last", .formula = "0 or 1",
        .unit = "1", .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 0},
    [FEATURE_FATIGUE_CREATOR] = {
        .about = "How much of the creator the user has seen of late",
        .formula = "x / (x + features.fatigue_scale), x: sum of 2^(-age / features.fatigue_half_life)"
                   " over those by the creator of the 64 videos seen last",
        .unit = "1", .max = 1, .origin = FEATURE_FROM_USER, .cost_ns = 2},
    [FEATURE_FATIGUE_CATEGORY] = {
        .about = "How much of its category, of several the one seen most, the user has seen of late",
        .formula = "as fatigue_creator, over those of the category", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_USER, .cost_ns = 5},
    [FEATURE_RETRIEVAL] = {
        .about = "The candidate's retrieval_score, squashed; 0 for one of 0 or less",
        .formula = "r / (1 + r)", .unit = "1", .max = 1, .origin = FEATURE_FROM_REQUEST, .cost_ns = 1},
    [FEATURE_SOURCE] = {
        .about = "What the candidate's source is worth; 0 for one the weights do not name",
        .formula = "features.sources.NAME", .unit = "1", .max = 1,
        .missing = "the candidate names no source", .origin = FEATURE_FROM_REQUEST, .cost_ns = 2},
    [FEATURE_NEW_USER] = {
        .about = "How little is known of the user; 1 for a visitor",
        .formula = "n / (n + signals), n = features.new_user_signals", .unit = "1", .max = 1,
        .origin = FEATURE_FROM_REQUEST, .cost_ns = 0},
    [FEATURE_SESSION_DEPTH] = {
        .about = "Videos seen in the session now going on",
        .formula = "how many of those seen last lie less than 30 min apart, the newest from now",
        .unit = "videos", .max = 512, .origin = FEATURE_FROM_REQUEST, .cost_ns = 0},
    [FEATURE_HOUR_SIN] = {
        .about = "Local time of day as a point on a circle: its height",
        .formula = "sin(2 pi t / 24 h), t = now_ms + features.utc_offset_minutes", .unit = "1",
        .min = -1, .max = 1, .origin = FEATURE_FROM_REQUEST, .cost_ns = 0},
    [FEATURE_HOUR_COS] = {
        .about = "Local time of day as a point on a circle: its breadth",
        .formula = "cos(2 pi t / 24 h), t = now_ms + features.utc_offset_minutes", .unit = "1",
        .min = -1, .max = 1, .origin = FEATURE_FROM_REQUEST, .cost_ns = 0},
    POPULARITY_ROWS(30M, "30 min") POPULARITY_ROWS(1D, "1 day") POPULARITY_ROWS(14D, "14 days")
    RATE_FACTS(VALID_PLAY_RATE, "valid_play", "valid plays", "Share of views over 7 s, or to the end")
    RATE_FACTS(LONG_VIEW_RATE, "long_view", "long views", "Share of views of 18 s, or to the end")
    RATE_FACTS(COMPLETE_RATE, "complete", "completions", "Share of views to the end")
    RATE_FACTS(SKIP_RATE, "skip", "skips", "Share of views skipped")
    RATE_FACTS(LIKE_RATE, "like", "likes", "Likes a view")
    RATE_FACTS(SHARE_RATE, "share", "shares", "Shares a view")
    RATE_FACTS(FOLLOW_RATE, "follow", "follows", "Follows of the creator a view")
    RATE_FACTS(NOT_INTERESTED_RATE, "not_interested", "marks", "Marks of \"not interested\" a view")
    RATE_FACTS(REPORT_RATE, "report", "reports", "Reports a view")
};
/* clang-format on */

const char *feature_name(enum feature feature)
{
    CHECK((size_t)feature < FEATURE_COUNT);
    return names[feature];
}

enum feature feature_find(struct text name)
{
    size_t at = 0;
    while (at < FEATURE_COUNT && !text_equal(name, text_of(names[at]))) {
        at++;
    }
    return (enum feature)at;
}

const char *feature_nearest(const char *found)
{
    const struct names all = {.first = names, .stride = sizeof(names[0]), .count = FEATURE_COUNT};
    return nearest_name(found, &all);
}

const struct feature_facts *feature_facts(enum feature feature)
{
    CHECK((size_t)feature < FEATURE_COUNT);
    return &facts[feature];
}

const char *feature_origin_name(enum feature_origin origin)
{
    static const char *const origins[] = {
        [FEATURE_FROM_CATALOGUE] = "catalogue",
        [FEATURE_FROM_STATISTICS] = "statistics",
        [FEATURE_FROM_USER] = "user x video",
        [FEATURE_FROM_REQUEST] = "request",
    };
    CHECK((size_t)origin < sizeof(origins) / sizeof(origins[0]));
    return origins[origin];
}
