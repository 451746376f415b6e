#include "ranker/weights_table.h"

#include <stdint.h>
#include <string.h>

#include "ranker/check.h"

#define MINUTE_MS 60e3
#define HOUR_MS   3600e3
#define DAY_MS    86400e3

static const struct weights_choice half_lives[] = {
    {"30m", HALF_LIFE_30_MIN}, {"1d", HALF_LIFE_1_DAY}, {"14d", HALF_LIFE_14_DAYS}, {NULL, 0}};
static const struct weights_choice head_kinds[] = {{"rate", HEAD_KIND_RATE},
                                                   {"linear", HEAD_KIND_LINEAR},
                                                   {"logistic", HEAD_KIND_LOGISTIC},
                                                   {"trees", HEAD_KIND_TREES},
                                                   {NULL, 0}};
static const struct weights_choice safety_levels[] = {{"low", SAFETY_LOW},
                                                      {"medium", SAFETY_MEDIUM},
                                                      {"high", SAFETY_HIGH},
                                                      {"floor", SAFETY_FLOOR},
                                                      {NULL, 0}};
static const struct weights_choice rate_scopes[] = {{"global", RATE_SCOPE_GLOBAL},
                                                    {"region", RATE_SCOPE_REGION},
                                                    {"language", RATE_SCOPE_LANGUAGE},
                                                    {NULL, 0}};
static const struct weights_choice seen_rules[] = {
    {"on_request", false}, {"always", true}, {NULL, 0}};
static const struct weights_choice curated_levels[] = {{"any", CURATED_NONE},
                                                       {"approved", CURATED_APPROVED},
                                                       {"featured", CURATED_FEATURED},
                                                       {NULL, 0}};
static const struct weights_choice diversities[] = {
    {"tags", DIVERSITY_BY_TAGS}, {"embedding", DIVERSITY_BY_EMBEDDING}, {NULL, 0}};
static const struct weights_choice explorations[] = {{"none", EXPLORE_NONE},
                                                     {"epsilon_greedy", EXPLORE_EPSILON_GREEDY},
                                                     {"plackett_luce", EXPLORE_PLACKETT_LUCE},
                                                     {NULL, 0}};
static const struct weights_choice unrated_rules[] = {{"drop", false}, {"show", true}, {NULL, 0}};
static const struct weights_choice language_rules[] = {
    {"any", LANGUAGE_ANY}, {"readable", LANGUAGE_READABLE}, {NULL, 0}};

/* clang-format off */
#define SECTION(path_, about_) \
    {.path = (path_), .kind = WEIGHTS_SECTION, .about = (about_)},
#define NUMBER(path_, field, min_, max_, initial_, about_) \
    {.path = (path_), .kind = WEIGHTS_NUMBER, .type = WEIGHTS_TYPE_DOUBLE, \
     .offset = offsetof(struct model, field), .min = (min_), .max = (max_), \
     .initial = (initial_), .about = (about_)},
#define INTEGER(path_, field, min_, max_, initial_, about_) \
    {.path = (path_), .kind = WEIGHTS_INTEGER, .type = WEIGHTS_TYPE_INT, \
     .offset = offsetof(struct model, field), .min = (min_), .max = (max_), \
     .initial = (initial_), .about = (about_)},
#define DURATION(path_, type_, field, min_, max_, initial_, about_) \
    {.path = (path_), .kind = WEIGHTS_DURATION, .type = (type_), \
     .offset = offsetof(struct model, field), .min = (min_), .max = (max_), \
     .initial = (initial_), .about = (about_)},
#define CHOICE(path_, type_, field, choices_, initial_, about_) \
    {.path = (path_), .kind = WEIGHTS_CHOICE, .type = (type_), \
     .offset = offsetof(struct model, field), .initial = (initial_), \
     .choices = (choices_), .about = (about_)},
#define LIST(path_, kind_, max_, about_) \
    {.path = (path_), .kind = (kind_), .min = 0, .max = (max_), .about = (about_)},
#define NAMES(path_, field, about_) \
    {.path = (path_), .kind = WEIGHTS_NAMES, .offset = offsetof(struct model, field), .about = (about_)},
#define PLACED(path_, kind_, scopes_, about_) \
    {.path = (path_), .kind = (kind_), .scopes = (scopes_), .about = (about_)},

/* Of each head: prior, strength, affinity, value weight, and the event whose probability it is. */
#define INITIAL_VALID_PLAY     0.3,    20, 1.5,   1,    "a view of over 7 s, or of a shorter video to its end"
#define INITIAL_LONG_VIEW      0.2,    20, 1.5,   1.5,  "a view of 18 s or more, or of a shorter video to its end"
#define INITIAL_COMPLETE       0.15,   20, 1.5,   0.5,  "watching to the end"
#define INITIAL_WATCH_QUANTILE 0.45,    20, 1.5,   2,    "being watched longer than other videos of that length in the region"
#define INITIAL_LIKE           0.015,   50, 1.5,  12,    "a like"
#define INITIAL_SHARE          0.003, 100, 1.5,  20,    "a share"
#define INITIAL_FOLLOW         0.003, 100, 1.5,  20,    "following the creator"
#define INITIAL_SKIP           0.4,    20, -1.5, -1,    "a skip"
#define INITIAL_NOT_INTERESTED 0.01,  100, -1.5, -15,   "being marked as not interesting"
#define INITIAL_REPORT         0.001, 100, -1.5, -60,   "a report"

#define HEAD_ROWS(name, text, prior_, strength_, affinity_, weight, event) \
    SECTION("heads." text, "Probability of " event ".") \
    {.path = "heads." text ".kind", .kind = WEIGHTS_CHOICE, .used_by = USED_BY_ALL, \
     .type = WEIGHTS_TYPE_INT, .offset = offsetof(struct model, heads[HEAD_##name].kind), \
     .initial = HEAD_KIND_RATE, .choices = head_kinds, \
     .about = "How the head predicts: a smoothed rate moved by the user's taste, a sum of features, or trees."}, \
    HEAD_NUMBER(text, "prior", heads[HEAD_##name].prior, USED_BY_RATE, 0.0001, 0.9999, prior_, \
                "Of rate: probability assumed of a video without views.") \
    HEAD_NUMBER(text, "strength", heads[HEAD_##name].strength, USED_BY_RATE, 0.1, 1e6, strength_, \
                "Of rate: how many views the prior is worth.") \
    HEAD_NUMBER(text, "affinity", heads[HEAD_##name].affinity, USED_BY_RATE, -8, 8, affinity_, \
                "Of rate: doublings of the odds at full taste; below 0 taste lowers them.") \
    HEAD_NUMBER(text, "bias", heads[HEAD_##name].bias, USED_BY_SUMS, -1000, 1000, 0, \
                "Of linear and logistic: what the sum begins with.") \
    {.path = "heads." text ".weights", .kind = WEIGHTS_FEATURES, .used_by = USED_BY_SUMS, \
     .offset = offsetof(struct model, heads[HEAD_##name]), .min = -1000, .max = 1000, \
     .about = "Of linear and logistic: what each feature is multiplied with in the sum."}, \
    {.path = "heads." text ".model", .kind = WEIGHTS_FILE, .used_by = USED_BY_TREES, \
     .offset = offsetof(struct model, heads[HEAD_##name]), \
     .about = "Of trees: the model, an XGBoost JSON file beside this one."},
#define HEAD_NUMBER(text, name_, field, used_by_, min_, max_, initial_, about_) \
    {.path = "heads." text "." name_, .kind = WEIGHTS_NUMBER, .used_by = (used_by_), \
     .type = WEIGHTS_TYPE_DOUBLE, .offset = offsetof(struct model, field), .min = (min_), \
     .max = (max_), .initial = (initial_), .about = (about_)},
#define USED_BY_ALL   (USED_BY_RATE | USED_BY_SUMS | USED_BY_TREES)
#define USED_BY_RATE  (1u << HEAD_KIND_RATE)
#define USED_BY_SUMS  (1u << HEAD_KIND_LINEAR | 1u << HEAD_KIND_LOGISTIC)
#define USED_BY_TREES (1u << HEAD_KIND_TREES)
#define VALUE_ROW(name, text, prior_, strength_, affinity_, weight, event) \
    NUMBER("value." text, value[HEAD_##name], -100, 100, weight, "Worth of " event ".")

/* Of each multiplier: its weight, and what it is. */
#define INITIAL_FRESHNESS       0.3,  "a video just published"
#define INITIAL_POPULARITY      0.2,  "a video with very many recent views"
#define INITIAL_QUALITY         0.5,  "a video of quality 1"
#define INITIAL_CURATED         0.15,  "a featured video; half for an approved one"
#define INITIAL_PREMIUM         0.1,  "a premium video"
#define INITIAL_LANGUAGE_MATCH  3,    "a video spoken in the user's language; half for captions in it"
#define INITIAL_LOCAL_CREATOR   0.15, "a creator of the user's region"
#define INITIAL_FOLLOWS_CREATOR 0.5,  "a creator whom the user follows"
#define INITIAL_NEW_VIDEO       0.1,  "a video without views"
#define INITIAL_SEEN_BEFORE     -0.6, "a video the user has seen"
#define INITIAL_RETRIEVAL       0.2,  "a candidate with a very high retrieval_score"
#define INITIAL_SOURCE          0,    "a candidate of a source worth 1 in features.sources"
#define INITIAL_FATIGUE_CREATOR -0.5,    "a creator of whom the user has just seen very much"
#define INITIAL_FATIGUE_CATEGORY -0.3,   "a category of which the user has just seen very much"

#define MULTIPLIER_ROW(name, text, weight, what) \
    NUMBER("multipliers." text, multipliers[MULTIPLIER_##name], -1, 10, weight, \
           "Added to a factor of 1 for " what ".")

#define EXPAND(macro, ...) macro(__VA_ARGS__)
#define HEAD_X(name, text)       EXPAND(HEAD_ROWS, name, text, INITIAL_##name)
#define VALUE_X(name, text)      EXPAND(VALUE_ROW, name, text, INITIAL_##name)
#define MULTIPLIER_X(name, text) EXPAND(MULTIPLIER_ROW, name, text, INITIAL_##name)

static const struct weights_row rows[] = {
    {.path = "version", .kind = WEIGHTS_VERSION, .scopes = WEIGHTS_TOP,
     .about = "Name of these weights in answers and reports: 1 to 32 of A-Z a-z 0-9 . _ -"},
    PLACED("inherit", WEIGHTS_INHERIT, WEIGHTS_LOCALE,
           "A locale of this file: what stands for it comes first here, and is then overridden.")
    {.path = "share", .kind = WEIGHTS_SHARE, .scopes = WEIGHTS_ARM, .min = 0, .max = 1,
     .about = "Part of the users who get this arm."},
    SECTION("features", "How facts of videos and users become numbers.")
    CHOICE("features.rate_half_life", WEIGHTS_TYPE_INT, rate_half_life, half_lives, HALF_LIFE_14_DAYS,
           "Age at which a view counts half in the heads' rates.")
    CHOICE("features.popularity_half_life", WEIGHTS_TYPE_INT, popularity_half_life, half_lives, HALF_LIFE_1_DAY,
           "Age at which a view counts half in popularity.")
    NUMBER("features.popularity_scale", popularity_scale, 1, 1e9, 1000,
           "Recent views at which popularity is 0.5.")
    DURATION("features.freshness_half_life", WEIGHTS_TYPE_DOUBLE, freshness_half_life_ms,
             HOUR_MS, 365 * DAY_MS, 3 * DAY_MS, "Age at which freshness is 0.5.")
    NUMBER("features.new_video_views", new_video_views, 1, 1e6, 50,
           "Views at which new_video is 0.5.")
    CHOICE("features.rate_scope", WEIGHTS_TYPE_INT, rate_scope, rate_scopes, RATE_SCOPE_GLOBAL,
           "The narrowest views that rates count: everyone's, those of the user's region, or of its language too.")
    NUMBER("features.region_strength", region_strength, 0.1, 1e6, 20,
           "How many views in the region everyone's rate is worth.")
    NUMBER("features.language_strength", language_strength, 0.1, 1e6, 20,
           "How many views in the language the region's rate is worth.")
    DURATION("features.fatigue_half_life", WEIGHTS_TYPE_DOUBLE, fatigue_half_life_ms,
             10 * MINUTE_MS, 30 * DAY_MS, 6 * HOUR_MS, "Time in which fatigue halves.")
    NUMBER("features.fatigue_scale", fatigue_scale, 0.1, 1e3, 5,
           "Videos seen at once at which fatigue is 0.5.")
    NUMBER("features.new_user_signals", new_user_signals, 1, 1e6, 20,
           "Signals at which new_user is 0.5.")
    INTEGER("features.utc_offset_minutes", utc_offset_minutes, -720, 840, 0,
            "Minutes by which local time is ahead of UTC, for hour_sin and hour_cos.")
    LIST("features.sources", WEIGHTS_SOURCES, 1, "What each retrieval source is worth, by its name.")
    SECTION("features.affinity", "How much each part of the user's taste counts.")
    NUMBER("features.affinity.creator", affinity_weights[AFFINITY_CREATOR], 0, 10, 0.5,
           "Weight of the taste for the creator.")
    NUMBER("features.affinity.category", affinity_weights[AFFINITY_CATEGORY], 0, 10, 0.6,
           "Weight of the taste for the categories.")
    NUMBER("features.affinity.tag", affinity_weights[AFFINITY_TAG], 0, 10, 0.4,
           "Weight of the taste for the tags.")
    NUMBER("features.affinity.language", affinity_weights[AFFINITY_LANGUAGE], 0, 10, 0.2,
           "Weight of the taste for the spoken language.")
    NUMBER("features.affinity.duration", affinity_weights[AFFINITY_DURATION], 0, 10, 0.2,
           "Weight of the taste for videos of that length.")
    LIST("languages", WEIGHTS_LANGUAGES, 1,
         "Which languages people here read, and how surely, however little is known of them.")
    SECTION("heads", "What is predicted of each video for the user, each a probability.")
    HEAD_MAP(HEAD_X)
    SECTION("value", "What each predicted event is worth: value = sum of weight * probability.")
    HEAD_MAP(VALUE_X)
    NUMBER("value.negative_offset", negative_offset, 0.0001, 1, 0.1,
           "Room below a value of 0 into which negative values are squeezed before they are multiplied.")
    SECTION("multipliers", "Factors of 1 + weight * feature on the value; features are 0 to 1.")
    MULTIPLIER_MAP(MULTIPLIER_X)
    SECTION("policy", "What may not be shown at all.")
    CHOICE("policy.safety", WEIGHTS_TYPE_INT, safety_max, safety_levels, SAFETY_MEDIUM,
           "The highest risk that is shown; floor shows all that is rated.")
    CHOICE("policy.unrated", WEIGHTS_TYPE_BOOL, unrated_shown, unrated_rules, false,
           "What happens to a video that nobody rated.")
    INTEGER("policy.unknown_age", unknown_age, 0, 21, 0,
            "Age in years assumed of a user whose age is unknown.")
    DURATION("policy.seen_within", WEIGHTS_TYPE_INT64, seen_within_ms, 0, 365 * DAY_MS, 7 * DAY_MS,
             "How long a seen video stays out when the request excludes seen ones.")
    CHOICE("policy.language", WEIGHTS_TYPE_INT, language_rule, language_rules, LANGUAGE_ANY,
           "readable drops videos without a language of the user, spoken or in captions.")
    CHOICE("policy.seen", WEIGHTS_TYPE_BOOL, seen_always, seen_rules, false,
           "When videos seen within seen_within stay out: for requests that say exclude_seen, or always.")
    INTEGER("policy.age_max", age_max, 0, 21, 21,
            "Videos for people older than this are shown to nobody.")
    CHOICE("policy.curated", WEIGHTS_TYPE_INT, curated_min, curated_levels, CURATED_NONE,
           "The least that editors must have said of a video.")
    NAMES("policy.forbidden_categories", forbidden_categories, "Categories that are shown to nobody.")
    NAMES("policy.forbidden_tags", forbidden_tags, "Tags that are shown to nobody.")
    SECTION("slate", "How scores become a list.")
    NUMBER("slate.creator_decay", creator_decay, 0, 1, 0.7,
           "Factor on a video's score for each earlier video of its creator in the list.")
    NUMBER("slate.creator_floor", creator_floor, 0, 1, 0.3, "The least such factor.")
    INTEGER("slate.window", window, 1, 200, 10, "Positions in a row that caps and shares look at.")
    INTEGER("slate.creator_cap", creator_cap, 0, 200, 0,
            "Most videos of one creator in a window; 0: no cap.")
    INTEGER("slate.category_cap", category_cap, 0, 200, 0,
            "Most videos of one category in a window; 0: no cap.")
    NUMBER("slate.local_share", local_share, 0, 1, 0,
           "Least share of creators of the user's region in a window, as far as there are any.")
    NUMBER("slate.diversity", diversity, 0, 1, 0,
           "How much likeness to the videos above counts against a score; 0: not at all.")
    CHOICE("slate.diversity_by", WEIGHTS_TYPE_INT, diversity_by, diversities, DIVERSITY_BY_TAGS,
           "What tells how alike two videos are.")
    INTEGER("slate.diversity_positions", diversity_positions, 1, 200, 20,
            "Positions, from the first, that diversity looks after.")
    INTEGER("slate.new_video_every", new_video_every, 0, 200, 0,
            "The last of each so many positions is for a new video; 0: none is.")
    DURATION("slate.new_video_age", WEIGHTS_TYPE_DOUBLE, new_video_age_ms, HOUR_MS, 365 * DAY_MS, 3 * DAY_MS,
             "How long after its publication a video counts as new for that.")
    CHOICE("slate.explore", WEIGHTS_TYPE_INT, exploration, explorations, EXPLORE_NONE,
           "Whether and how the first positions are drawn by chance.")
    NUMBER("slate.explore_epsilon", explore_epsilon, 0, 1, 0.05,
           "epsilon_greedy: probability that a position is drawn from all candidates alike.")
    NUMBER("slate.explore_temperature", explore_temperature, 0.001, 1e5, 0.5,
           "plackett_luce: points of score that make a candidate e times as likely.")
    INTEGER("slate.explore_positions", explore_positions, 1, 200, 10,
            "Positions, from the first, that are drawn.")
    PLACED("locales", WEIGHTS_LOCALES, WEIGHTS_TOP,
           "Overrides by BCP 47 tag; each names only what differs there.")
    PLACED("experiments", WEIGHTS_EXPERIMENTS, WEIGHTS_TOP,
           "Experiments by name; each gives parts of the users other weights.")
    PLACED("salt", WEIGHTS_SALT, WEIGHTS_EXPERIMENT,
           "Decides who is in which arm, with the user; the experiment's name unless said.")
    PLACED("locales", WEIGHTS_TARGETS, WEIGHTS_EXPERIMENT,
           "Where the experiment runs, with all that is below; everywhere unless said.")
    PLACED("arms", WEIGHTS_ARMS, WEIGHTS_EXPERIMENT,
           "The arms by name, each with its share of the users and what differs for them.")
};
/* clang-format on */

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)ROW_COUNT <= (int)WEIGHTS_ROWS_MAX, "raise WEIGHTS_ROWS_MAX");
_Static_assert(sizeof(enum half_life) == sizeof(int) && sizeof(enum language_rule) == sizeof(int),
               "enums are held as WEIGHTS_TYPE_INT");

const struct weights_row *weights_row_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

size_t weights_row_index(const struct weights_row *row)
{
    return (size_t)(row - rows);
}

bool weights_row_stands_in(const struct weights_row *row, enum weights_scope scope)
{
    unsigned scopes = row->scopes != 0 ? row->scopes : WEIGHTS_EVERYWHERE;
    return (scopes & scope) != 0;
}

bool weights_row_is_scalar(const struct weights_row *row)
{
    return row->kind == WEIGHTS_NUMBER || row->kind == WEIGHTS_INTEGER ||
           row->kind == WEIGHTS_DURATION || row->kind == WEIGHTS_CHOICE;
}

const struct weights_row *weights_row_find(const char *path, enum weights_scope scope)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].path, path) == 0 && weights_row_stands_in(&rows[i], scope)) {
            return &rows[i];
        }
    }
    return NULL;
}

const char *weights_row_name_in(const struct weights_row *row, const char *section)
{
    const char *name = row->path;
    size_t size = strlen(section);
    if (size > 0) {
        if (strncmp(row->path, section, size) != 0 || row->path[size] != '.') {
            return NULL;
        }
        name += size + 1;
    }
    return strchr(name, '.') == NULL ? name : NULL;
}

void weights_model_init(struct model *out)
{
    memset(out, 0, sizeof(*out)); /* the padding too, so that models compare as bytes */
    for (size_t i = 0; i < ROW_COUNT; i++) {
        weights_model_set(out, &rows[i], rows[i].initial);
    }
}

void weights_model_set(struct model *model, const struct weights_row *row, double value)
{
    char *field = (char *)model + row->offset;
    switch (row->type) {
    case WEIGHTS_TYPE_NONE:
        break;
    case WEIGHTS_TYPE_DOUBLE:
        *(double *)(void *)field = value;
        break;
    case WEIGHTS_TYPE_INT64:
        *(int64_t *)(void *)field = (int64_t)value;
        break;
    case WEIGHTS_TYPE_INT:
        memcpy(field, &(int){(int)value}, sizeof(int));
        break;
    case WEIGHTS_TYPE_BOOL:
        *(bool *)field = value > 0;
        break;
    }
}

double weights_model_get(const struct model *model, const struct weights_row *row)
{
    const char *field = (const char *)model + row->offset;
    int number = 0;
    switch (row->type) {
    case WEIGHTS_TYPE_DOUBLE:
        return *(const double *)(const void *)field;
    case WEIGHTS_TYPE_INT64:
        return (double)*(const int64_t *)(const void *)field;
    case WEIGHTS_TYPE_INT:
        memcpy(&number, field, sizeof(number));
        return number;
    case WEIGHTS_TYPE_BOOL:
        return *(const bool *)field ? 1 : 0;
    case WEIGHTS_TYPE_NONE:
        break;
    }
    return row->initial;
}

double weights_score_bound(const struct model *model)
{
    double bound = model->negative_offset;
    for (size_t i = 0; i < HEAD_COUNT; i++) {
        bound += model->value[i] > 0 ? model->value[i] : 0;
    }
    for (size_t i = 0; i < MULTIPLIER_COUNT; i++) {
        bound *= model->multipliers[i] > 0 ? 1 + model->multipliers[i] : 1;
    }
    return bound;
}

const char *head_name(enum head head)
{
    static const char *const names[] = {
#define X(name, text) text,
        HEAD_MAP(X)
#undef X
    };
    CHECK((size_t)head < HEAD_COUNT);
    return names[head];
}

const char *multiplier_name(enum multiplier multiplier)
{
    static const char *const names[] = {
#define X(name, text) text,
        MULTIPLIER_MAP(X)
#undef X
    };
    CHECK((size_t)multiplier < MULTIPLIER_COUNT);
    return names[multiplier];
}
