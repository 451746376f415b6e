#include "replay/segments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"

struct segment {
    enum segment_dimension dimension;
    char name[SEGMENT_NAME_SIZE];
};

struct segments {
    struct segment items[SEGMENTS_MAX];
    size_t count;
};

static const char *const dimension_names[] = {
    [SEGMENT_ALL] = "all", [SEGMENT_LOCALE] = "locale",     [SEGMENT_USER_AGE] = "user_age",
    [SEGMENT_ARM] = "arm", [SEGMENT_POSITION] = "position",
};

static const char other[] = "other";

static const char *const ages[] = {"visitor",     "no signal yet", "under a day",
                                   "1 to 7 days", "7 to 30 days",  "over 30 days"};

enum { AGES = sizeof(ages) / sizeof(ages[0]) };

const char *segment_dimension_name(enum segment_dimension dimension)
{
    return dimension_names[dimension];
}

struct segments *segments_new(void)
{
    struct segments *segments = calloc(1, sizeof(*segments));
    if (segments != NULL) {
        segments->items[0] = (struct segment){SEGMENT_ALL, "all"};
        segments->count = 1;
    }
    return segments;
}

void segments_free(struct segments *segments)
{
    free(segments);
}

size_t segments_count(const struct segments *segments)
{
    return segments->count;
}

enum segment_dimension segments_dimension(const struct segments *segments, size_t segment)
{
    CHECK(segment < segments->count);
    return segments->items[segment].dimension;
}

const char *segments_name(const struct segments *segments, size_t segment)
{
    CHECK(segment < segments->count);
    return segments->items[segment].name;
}

static void append(struct segments *segments, enum segment_dimension dimension, const char *name)
{
    struct segment *segment = &segments->items[segments->count++];
    segment->dimension = dimension;
    snprintf(segment->name, sizeof(segment->name), "%s", name);
}

/* SEGMENTS_MAX: it is not there. */
static size_t find(const struct segments *segments, enum segment_dimension dimension,
                   const char *name)
{
    for (size_t i = 0; i < segments->count; i++) {
        const struct segment *segment = &segments->items[i];
        if (segment->dimension == dimension && strcmp(segment->name, name) == 0) {
            return i;
        }
    }
    return SEGMENTS_MAX;
}

enum status segments_add(struct segments *segments, enum segment_dimension dimension,
                         const char *name)
{
    if (segments->count == SEGMENTS_MAX || find(segments, dimension, name) < SEGMENTS_MAX) {
        return STATUS_INVALID;
    }
    append(segments, dimension, name);
    return STATUS_OK;
}

/*
 * The last places are kept for what "other" takes in of the other dimensions, and for ages, which
 * are few and of which some are only met when the log has gone on for a month.
 */
static uint32_t number(struct segments *segments, enum segment_dimension dimension,
                       const char *name)
{
    enum { KEPT = AGES + SEGMENT_DIMENSIONS };
    char cut[SEGMENT_NAME_SIZE];
    snprintf(cut, sizeof(cut), "%s", name);
    size_t at = find(segments, dimension, cut);
    bool full = dimension != SEGMENT_USER_AGE && segments->count >= SEGMENTS_MAX - KEPT;
    if (at == SEGMENTS_MAX && full) {
        snprintf(cut, sizeof(cut), "%s", other);
        at = find(segments, dimension, cut);
    }
    if (at == SEGMENTS_MAX) {
        at = segments->count;
        append(segments, dimension, cut);
    }
    return (uint32_t)at;
}

/* How long the log has known the user, as a place in ages. */
static size_t age_of(const struct user *user, int64_t now_ms)
{
    enum { UNKNOWN = 1, YOUNGEST = 2 };
    static const int days[] = {1, 7, 30};
    const int64_t day_ms = 86400000;
    if (user == NULL || user->signal_count == 0) {
        return UNKNOWN;
    }
    size_t passed = 0;
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        passed += now_ms - user->first_signal_ms >= days[i] * day_ms;
    }
    return YOUNGEST + passed;
}

enum status segments_of(struct segments *segments, const struct past_ranking *ranking,
                        const char *arms, const struct state *state, struct arena *arena,
                        uint32_t out[SEGMENTS_OF_ONE], size_t *count)
{
    char locale[LOCALE_TEXT_SIZE];
    const struct user *user = NULL;
    size_t age = 0;
    if (ranking->user_key != 0) {
        enum status status = state_find_user(state, ranking->user_key, arena, &user);
        if (status != STATUS_OK) {
            return status;
        }
        age = age_of(user, ranking->time_ms);
    }
    locale_format(ranking->request->locale, locale);
    out[0] = number(segments, SEGMENT_LOCALE, locale);
    out[1] = number(segments, SEGMENT_USER_AGE, ages[age]);
    *count = 2;
    if (arms[0] != '\0') {
        out[(*count)++] = number(segments, SEGMENT_ARM, arms);
    }
    return STATUS_OK;
}

uint32_t segments_of_position(struct segments *segments, size_t position)
{
    enum { POSITION_SIZE = 24 };
    char name[POSITION_SIZE];
    snprintf(name, sizeof(name), "%zu", position);
    return number(segments, SEGMENT_POSITION, name);
}

bool segments_equal(const struct segments *a, const struct segments *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = a->items[i].dimension == b->items[i].dimension &&
               strcmp(a->items[i].name, b->items[i].name) == 0;
    }
    return same;
}

/* Ages that are not known, which a part's file might have, come last. */
static size_t place_of_age(const char *name)
{
    size_t i = 0;
    while (i < AGES && strcmp(name, ages[i]) != 0) {
        i++;
    }
    return i;
}

static bool comes_before(const struct segments *segments, const double *sizes, uint32_t a,
                         uint32_t b)
{
    const struct segment *x = &segments->items[a];
    const struct segment *y = &segments->items[b];
    if (x->dimension != y->dimension) {
        return x->dimension < y->dimension;
    }
    if (x->dimension == SEGMENT_USER_AGE) {
        return place_of_age(x->name) < place_of_age(y->name);
    }
    if (sizes[a] < sizes[b] || sizes[a] > sizes[b]) {
        return sizes[a] > sizes[b];
    }
    return strcmp(x->name, y->name) < 0;
}

void segments_order(const struct segments *segments, const double *sizes,
                    uint32_t out[SEGMENTS_MAX])
{
    for (uint32_t i = 0; i < segments->count; i++) {
        size_t at = i;
        for (; at > 0 && comes_before(segments, sizes, i, out[at - 1]); at--) {
            out[at] = out[at - 1];
        }
        out[at] = i;
    }
}
