#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/hash.h"
#include "ranker/policy.h"
#include "ranker/rank.h"
#include "tests/test.h"

/*
 * Brand safety as a property: whatever the rules, the catalogue, the user and the request, no
 * video that the rules forbid is in a slate, and whatever is dropped is dropped by a rule that
 * forbids it. rank() as a whole is asked a million times and more; the judge of its answers is
 * written from docs/policy.md, slowly and plainly, on facts of its own.
 */

enum {
    WORLD_COUNT = 2100,
    REQUESTS_PER_WORLD = 500,
    VIDEO_COUNT = 40,
    USER_COUNT = 6,
    CREATOR_COUNT = 6,
    NAME_COUNT = 7,
    MEMORY = 1 << 20
};

static const int64_t BEGIN_MS = INT64_C(1700000000000);
static const int64_t HOUR_MS = 3600000;

/* ---- chance ---- */

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice->state >> 33) % sides;
}

static bool chance(struct dice *dice, unsigned one_in)
{
    return roll(dice, one_in) == 0;
}

/* ---- facts, as the judge knows them ---- */

enum { LANGUAGE_NONE, HINDI, RUSSIAN, INDONESIAN, TAMIL, LANGUAGE_COUNT };
enum { PLACE_UNKNOWN, INDIA, RUSSIA, INDONESIA, LATIN_AMERICA, NOWHERE, PLACE_COUNT };

static const uint16_t language_codes[LANGUAGE_COUNT] = {0, (8 * 32 + 9) * 32, (18 * 32 + 21) * 32,
                                                        (9 * 32 + 4) * 32, (20 * 32 + 1) * 32};
static const uint16_t place_codes[PLACE_COUNT] = {0,          9 * 32 + 14,  18 * 32 + 21,
                                                  9 * 32 + 4, 0x8000 | 419, 25 * 32 + 25};

struct list {
    unsigned count;
    int items[4];
};

struct clip {
    bool is_put;     /* into the catalogue */
    bool is_deleted; /* from it, later */
    int creator;     /* 0: unknown */
    int safety;
    int minimum_age;
    int tier;
    struct list languages;
    struct list captions;
    struct list categories;
    struct list tags;
    struct list allowed;
    struct list forbidden;
};

struct person {
    bool hides[CREATOR_COUNT + 1];
    int64_t seen_ms[VIDEO_COUNT]; /* -1: never */
};

struct rules {
    int safety;
    bool shows_unrated;
    int unknown_age;
    int age_max;
    int tier;
    bool readable_only;
    int64_t seen_within_ms;
    bool seen_always;
    bool bad_categories[NAME_COUNT];
    bool bad_tags[NAME_COUNT];
};

struct question {
    int person; /* -1: a visitor */
    int language;
    int place;
    struct list languages;
    int age;
    bool exclude_seen;
    bool explain;
    size_t limit;
    int64_t now_ms;
    size_t count;
    int clips[4]; /* VIDEO_COUNT and above: nobody has heard of it */
};

struct world {
    struct dice dice;
    struct state *state;
    uint64_t sequence;
    int64_t now_ms;
    struct clip clips[VIDEO_COUNT];
    struct person people[USER_COUNT];
};

static uint64_t key_of(const char *kind, int number)
{
    char text[32];
    snprintf(text, sizeof(text), "%s%d", kind, number);
    return hash_key(text_of(text));
}

/* ---- the judge ---- */

static bool contains(const struct list *list, int item)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->items[i] == item) {
            return true;
        }
    }
    return false;
}

static bool is_country(int place)
{
    return place == INDIA || place == RUSSIA || place == INDONESIA;
}

static int spoken_in(int place)
{
    return place == INDIA    ? HINDI
           : place == RUSSIA ? RUSSIAN
                             : (place == INDONESIA ? INDONESIAN : LANGUAGE_NONE);
}

static bool place_forbids(const struct clip *clip, const struct question *question)
{
    if (clip->allowed.count == 0 && clip->forbidden.count == 0) {
        return false; /* no rule of regions */
    }
    if (!is_country(question->place)) {
        return true; /* a rule, and nobody knows where the user is */
    }
    bool allowed = clip->allowed.count == 0 || contains(&clip->allowed, question->place);
    return !allowed || contains(&clip->forbidden, question->place);
}

static bool can_read(const struct clip *clip, const struct question *question)
{
    int own = question->language != LANGUAGE_NONE ? question->language : spoken_in(question->place);
    for (int language = HINDI; language < LANGUAGE_COUNT; language++) {
        bool of_user = language == own || contains(&question->languages, language);
        bool of_clip = contains(&clip->languages, language) || contains(&clip->captions, language);
        if (of_user && of_clip) {
            return true;
        }
    }
    return false;
}

static bool has_bad(const struct list *names, const bool *bad)
{
    for (int name = 0; name < NAME_COUNT; name++) {
        if (bad[name] && contains(names, name)) {
            return true;
        }
    }
    return false;
}

static bool forbids_any(const bool *bad)
{
    for (int name = 0; name < NAME_COUNT; name++) {
        if (bad[name]) {
            return true;
        }
    }
    return false;
}

static bool is_seen_lately(const struct world *world, const struct rules *rules,
                           const struct question *question, int number)
{
    if (question->person < 0 || (!rules->seen_always && !question->exclude_seen)) {
        return false;
    }
    int64_t seen_ms = world->people[question->person].seen_ms[number];
    return seen_ms >= 0 && question->now_ms - seen_ms < rules->seen_within_ms;
}

/* A bit for each rule that forbids the clip. */
static unsigned forbidding(const struct world *world, const struct rules *rules,
                           const struct question *question, int number)
{
    const struct clip *clip = &world->clips[number < VIDEO_COUNT ? number : 0];
    if (number >= VIDEO_COUNT || !clip->is_put) {
        return 1U << DROP_UNKNOWN_VIDEO;
    }
    if (clip->is_deleted) {
        return 1U << DROP_DELETED;
    }
    bool is_rated = clip->safety >= SAFETY_LOW;
    int age = question->age != 0 ? question->age : rules->unknown_age;
    bool is_hidden = question->person >= 0 && clip->creator != 0 &&
                     world->people[question->person].hides[clip->creator];
    bool bad_category = has_bad(&clip->categories, rules->bad_categories);
    bool no_category = clip->categories.count == 0 && forbids_any(rules->bad_categories);
    unsigned mask = 0;
    mask |= !is_rated && !rules->shows_unrated ? 1U << DROP_UNRATED : 0;
    mask |= is_rated && clip->safety > rules->safety ? 1U << DROP_SAFETY : 0;
    mask |= clip->minimum_age > age || clip->minimum_age > rules->age_max ? 1U << DROP_AGE : 0;
    mask |= clip->tier < rules->tier ? 1U << DROP_CURATED : 0;
    mask |= bad_category || no_category ? 1U << DROP_CATEGORY : 0;
    mask |= has_bad(&clip->tags, rules->bad_tags) ? 1U << DROP_TAG : 0;
    mask |= place_forbids(clip, question) ? 1U << DROP_REGION : 0;
    mask |= rules->readable_only && !can_read(clip, question) ? 1U << DROP_LANGUAGE : 0;
    mask |= is_hidden ? 1U << DROP_HIDDEN_CREATOR : 0;
    mask |= is_seen_lately(world, rules, question, number) ? 1U << DROP_SEEN : 0;
    return mask;
}

static bool is_repeat(const struct question *question, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (question->clips[i] == question->clips[index]) {
            return true;
        }
    }
    return false;
}

static bool is_rightly_dropped(const struct world *world, const struct rules *rules,
                               const struct question *question, const struct rank_result *result,
                               size_t at)
{
    size_t index = result->dropped[at];
    int number = question->clips[index];
    unsigned mask = forbidding(world, rules, question, number);
    switch (result->dropped_rules[at]) {
    case DROP_REPEATED:
        return is_repeat(question, index);
    case DROP_BELOW_LIMIT:
        return mask == 0 && question->limit > 0 && result->count == question->limit;
    default:
        return (mask >> result->dropped_rules[at] & 1) != 0;
    }
}

/* Whether an answer keeps every rule, and tells the truth about what it left out. */
static bool is_right(const struct world *world, const struct rules *rules,
                     const struct question *question, const struct rank_result *result)
{
    unsigned met = 0;
    for (size_t i = 0; i < result->count; i++) {
        size_t index = result->order[i];
        unsigned mask = forbidding(world, rules, question, question->clips[index]);
        if (mask != 0 || is_repeat(question, index)) {
            return false;
        }
        met |= 1U << index;
    }
    for (size_t i = 0; i < result->dropped_count; i++) {
        bool told = !question->explain || result->details[i][0] != '\0';
        if (!told || !is_rightly_dropped(world, rules, question, result, i)) {
            return false;
        }
        met |= 1U << result->dropped[i];
    }
    return result->count + result->dropped_count == question->count &&
           met == (1U << question->count) - 1;
}

/* ---- worlds ---- */

static struct list roll_list(struct dice *dice, unsigned count_max, int first, int end)
{
    struct list list = {.count = 0};
    unsigned count = roll(dice, count_max + 1);
    for (unsigned i = 0; i < count; i++) {
        int item = first + (int)roll(dice, (unsigned)(end - first));
        if (!contains(&list, item)) {
            list.items[list.count++] = item;
        }
    }
    return list;
}

static struct clip roll_clip(struct dice *dice)
{
    struct clip clip = {
        .is_put = !chance(dice, 12),
        .is_deleted = chance(dice, 12),
        .creator = (int)roll(dice, CREATOR_COUNT + 1),
        .safety = (int)roll(dice, SAFETY_FLOOR + 1),
        .minimum_age = chance(dice, 2) ? 0 : (int)roll(dice, 22),
        .tier = (int)roll(dice, 3),
        .languages = roll_list(dice, 3, HINDI, LANGUAGE_COUNT),
        .captions =
            chance(dice, 2) ? roll_list(dice, 3, HINDI, LANGUAGE_COUNT) : (struct list){.count = 0},
        .categories = roll_list(dice, 3, 0, NAME_COUNT),
        .tags = roll_list(dice, 4, 0, NAME_COUNT),
    };
    if (chance(dice, 3)) {
        clip.allowed = roll_list(dice, 3, INDIA, INDONESIA + 1);
    }
    if (chance(dice, 3)) {
        clip.forbidden = roll_list(dice, 2, INDIA, INDONESIA + 1);
    }
    return clip;
}

static struct region_set regions_of(const struct list *places)
{
    struct region_set set = {.count = 0};
    for (int place = INDIA; place < PLACE_COUNT; place++) {
        if (contains(places, place)) {
            set.regions[set.count++] = place_codes[place];
        }
    }
    return set;
}

static void apply(struct world *world, const struct event *event)
{
    CHECK_EQ(STATUS_OK, state_apply(world->state, ++world->sequence, event));
}

static void put_clip(struct world *world, int number)
{
    const struct clip *clip = &world->clips[number];
    struct video_facts facts = {
        .key = key_of("v", number),
        .creator_key = clip->creator != 0 ? key_of("creator", clip->creator) : 0,
        .safety = (uint8_t)clip->safety,
        .minimum_age_years = (uint8_t)clip->minimum_age,
        .curated = (uint8_t)clip->tier,
        .regions_allowed = regions_of(&clip->allowed),
        .regions_forbidden = regions_of(&clip->forbidden),
        .duration_ms = 20000,
    };
    for (unsigned i = 0; i < 4; i++) {
        facts.languages[i] =
            i < clip->languages.count ? language_codes[clip->languages.items[i]] : 0;
        facts.caption_languages[i] =
            i < clip->captions.count ? language_codes[clip->captions.items[i]] : 0;
        facts.category_keys[i] =
            i < clip->categories.count ? key_of("category", clip->categories.items[i]) : 0;
        facts.tag_keys[i] = i < clip->tags.count ? key_of("tag", clip->tags.items[i]) : 0;
    }
    apply(world, &(struct event){.kind = EVENT_VIDEO, .u.video = facts});
    if (clip->is_deleted) {
        apply(world,
              &(struct event){.kind = EVENT_VIDEO_DELETED, .u.deleted_video_key = facts.key});
    }
}

static void send(struct world *world, int person, int number, enum signal_type type)
{
    struct signal signal = {
        .user_key = key_of("u", person),
        .video_key = key_of("v", number),
        .type = type,
        .time_ms = world->now_ms,
        .locale = {.language = language_codes[HINDI], .region = place_codes[INDIA]},
    };
    apply(world, &(struct event){.kind = EVENT_SIGNAL, .u.signal = signal});
}

static void live(struct world *world)
{
    for (int i = 0; i < USER_COUNT * 12; i++) {
        int person = (int)roll(&world->dice, USER_COUNT);
        int number = (int)roll(&world->dice, VIDEO_COUNT);
        struct person *who = &world->people[person];
        const struct clip *clip = &world->clips[number];
        world->now_ms += (int64_t)roll(&world->dice, 4 * 3600) * 1000;
        if (chance(&world->dice, 8) && clip->is_put && !clip->is_deleted && clip->creator != 0) {
            send(world, person, number, SIGNAL_HIDE_CREATOR);
            who->hides[clip->creator] = true;
        } else {
            send(world, person, number, SIGNAL_IMPRESSION);
            who->seen_ms[number] = world->now_ms;
        }
    }
}

static void world_init(struct world *world, uint64_t seed)
{
    *world = (struct world){.dice = {.state = seed}, .state = state_new(), .now_ms = BEGIN_MS};
    CHECK(world->state != NULL);
    for (int i = 0; i < USER_COUNT; i++) {
        memset(world->people[i].seen_ms, 0xff, sizeof(world->people[i].seen_ms));
    }
    for (int i = 0; i < VIDEO_COUNT; i++) {
        world->clips[i] = roll_clip(&world->dice);
        if (world->clips[i].is_put) {
            put_clip(world, i);
        }
    }
    live(world);
}

/* ---- rules ---- */

static struct rules roll_rules(struct dice *dice)
{
    struct rules rules = {
        .safety = SAFETY_LOW + (int)roll(dice, 4),
        .shows_unrated = chance(dice, 2),
        .unknown_age = (int)roll(dice, 22),
        .age_max = chance(dice, 2) ? 21 : (int)roll(dice, 22),
        .tier = chance(dice, 2) ? 0 : (int)roll(dice, 3),
        .readable_only = chance(dice, 2),
        .seen_within_ms = (int64_t)roll(dice, 4) * 24 * HOUR_MS,
        .seen_always = chance(dice, 2),
    };
    bool forbids_categories = chance(dice, 3);
    bool forbids_tags = chance(dice, 3);
    for (int i = 0; i < NAME_COUNT; i++) {
        rules.bad_categories[i] = forbids_categories && chance(dice, 3);
        rules.bad_tags[i] = forbids_tags && chance(dice, 3);
    }
    return rules;
}

static struct forbidden_names names_of(const char *kind, const bool *bad)
{
    struct forbidden_names names = {.count = 0};
    for (int i = 0; i < NAME_COUNT; i++) {
        uint32_t key = (uint32_t)key_of(kind, i);
        unsigned at = names.count;
        for (; bad[i] && at > 0 && names.keys[at - 1] > key; at--) {
            names.keys[at] = names.keys[at - 1];
        }
        if (bad[i]) {
            names.keys[at] = key;
            names.count++;
        }
    }
    return names;
}

static struct weights *parse(const char *yaml)
{
    static struct weights_problems problems;
    struct weights *weights = NULL;
    enum status status = weights_parse(text_of(yaml), &weights, &problems);
    if (status != STATUS_OK) {
        fprintf(stderr, "%s\n%s\n", yaml, problems.count > 0 ? problems.items[0].message : "");
    }
    CHECK_EQ(STATUS_OK, status);
    return weights;
}

/* The built-in model with these rules. */
static void fill_model(const struct model *base, const struct rules *rules, struct model *out)
{
    *out = *base;
    out->safety_max = rules->safety;
    out->unrated_shown = rules->shows_unrated;
    out->unknown_age = rules->unknown_age;
    out->age_max = rules->age_max;
    out->curated_min = rules->tier;
    out->language_rule = rules->readable_only ? LANGUAGE_READABLE : LANGUAGE_ANY;
    out->seen_within_ms = rules->seen_within_ms;
    out->seen_always = rules->seen_always;
    out->forbidden_categories = names_of("category", rules->bad_categories);
    out->forbidden_tags = names_of("tag", rules->bad_tags);
}

/* Adds "category1, category4" to the text. */
static void add_names(const char *kind, const bool *bad, char *out, size_t size)
{
    bool is_first = true;
    for (int i = 0; i < NAME_COUNT; i++) {
        size_t used = strlen(out);
        if (bad[i]) {
            snprintf(out + used, size - used, "%s%s%d", is_first ? "" : ", ", kind, i);
            is_first = false;
        }
    }
}

/* The same by way of a file. */
static void write_yaml(const struct rules *rules, char *out, size_t size)
{
    static const char *const levels[] = {"low", "medium", "high", "floor"};
    static const char *const tiers[] = {"any", "approved", "featured"};
    snprintf(out, size,
             "version: t\npolicy: {safety: %s, unrated: %s, unknown_age: %d, age_max: %d, "
             "curated: %s, language: %s, seen_within: %dd, seen: %s, forbidden_categories: [",
             levels[rules->safety - SAFETY_LOW], rules->shows_unrated ? "show" : "drop",
             rules->unknown_age, rules->age_max, tiers[rules->tier],
             rules->readable_only ? "readable" : "any",
             (int)(rules->seen_within_ms / (24 * HOUR_MS)),
             rules->seen_always ? "always" : "on_request");
    add_names("category", rules->bad_categories, out, size);
    strncat(out, "], forbidden_tags: [", size - strlen(out) - 1);
    add_names("tag", rules->bad_tags, out, size);
    strncat(out, "]}\n", size - strlen(out) - 1);
}

/* ---- requests ---- */

static struct question roll_question(struct world *world)
{
    struct dice *dice = &world->dice;
    struct question question = {
        .person = (int)roll(dice, USER_COUNT + 1) - 1,
        .language = (int)roll(dice, LANGUAGE_COUNT),
        .place = (int)roll(dice, PLACE_COUNT),
        .languages = roll_list(dice, 2, HINDI, LANGUAGE_COUNT),
        .age = chance(dice, 3) ? 0 : 1 + (int)roll(dice, 30),
        .exclude_seen = chance(dice, 2),
        .explain = chance(dice, 16),
        .limit = chance(dice, 3) ? 1 + roll(dice, 3) : 0,
        .now_ms = world->now_ms + (int64_t)roll(dice, 48) * HOUR_MS,
        .count = 1 + roll(dice, 4),
    };
    for (size_t i = 0; i < question.count; i++) {
        question.clips[i] = (int)roll(dice, VIDEO_COUNT + 2);
    }
    return question;
}

/* Ranks in memory of its own, which the answer lies in. */
static struct rank_result ask(const struct world *world, const struct model *model,
                              const struct question *question, struct arena *arena)
{
    uint64_t keys[4];
    for (size_t i = 0; i < question->count; i++) {
        keys[i] = key_of("v", question->clips[i]);
    }
    struct rank_request request = {
        .user_key = question->person >= 0 ? key_of("u", question->person) : 0,
        .locale = {.language = language_codes[question->language],
                   .region = place_codes[question->place]},
        .language_count = question->languages.count,
        .age_years = (unsigned)question->age,
        .count = question->count,
        .keys = keys,
        .limit = question->limit,
        .exclude_seen = question->exclude_seen,
        .explain = question->explain,
        .now_ms = question->now_ms,
    };
    for (unsigned i = 0; i < question->languages.count; i++) {
        request.languages[i] = language_codes[question->languages.items[i]];
    }
    struct rank_result result;
    arena_reset(arena);
    CHECK_EQ(STATUS_OK, rank(world->state, model, &request, arena, &result));
    return result;
}

struct counts {
    size_t requests;
    size_t shown;
    size_t dropped[DROP_RULE_END];
};

static void count_answer(const struct rank_result *result, struct counts *counts)
{
    counts->requests++;
    counts->shown += result->count;
    for (size_t i = 0; i < result->dropped_count; i++) {
        counts->dropped[result->dropped_rules[i]]++;
    }
}

static void check_world(uint64_t seed, const struct model *base, struct arena *arena,
                        struct counts *counts)
{
    struct world world;
    world_init(&world, seed);
    for (int i = 0; i < REQUESTS_PER_WORLD; i++) {
        struct rules rules = roll_rules(&world.dice);
        struct question question = roll_question(&world);
        struct model model;
        struct weights *weights = NULL;
        fill_model(base, &rules, &model);
        if (i % 50 == 0) {
            char yaml[512];
            write_yaml(&rules, yaml, sizeof(yaml));
            weights = parse(yaml);
            model = *weights_model(weights, (struct locale){0});
        }
        struct rank_result result = ask(&world, &model, &question, arena);
        if (!is_right(&world, &rules, &question, &result)) {
            fprintf(stderr, "world %llu, request %d: a rule is broken\n", (unsigned long long)seed,
                    i);
            abort();
        }
        count_answer(&result, counts);
        weights_unref(weights);
    }
    state_free(world.state);
}

static struct arena new_arena(void)
{
    struct arena arena;
    void *memory = malloc(MEMORY);
    CHECK(memory != NULL);
    arena_init(&arena, memory, MEMORY);
    return arena;
}

static void no_forbidden_video_is_ever_shown(void)
{
    struct arena arena = new_arena();
    struct weights *weights = parse("version: t\n");
    const struct model *base = weights_model(weights, (struct locale){0});
    struct counts counts = {0};
    for (uint64_t seed = 1; seed <= WORLD_COUNT; seed++) {
        check_world(seed, base, &arena, &counts);
    }
    printf("%zu requests with rules of their own, %zu videos shown; dropped:", counts.requests,
           counts.shown);
    for (int rule = DROP_UNKNOWN_VIDEO; rule < DROP_RULE_END; rule++) {
        printf(" %s %zu", drop_rule_name((enum drop_rule)rule), counts.dropped[rule]);
        CHECK(counts.dropped[rule] > 1000); /* every rule has had its say */
    }
    printf("\n");
    CHECK(counts.requests >= 1000000);
    CHECK(counts.shown > 100000);
    weights_unref(weights);
    free(arena.base);
}

/* ---- whether the judge notices ---- */

/* Takes one rule out of the policy that rank() gets, or makes the request pass it. */
static void break_rule(enum drop_rule rule, struct model *model, struct question *question)
{
    switch (rule) {
    case DROP_UNRATED:
        model->unrated_shown = true;
        break;
    case DROP_SAFETY:
        model->safety_max = SAFETY_FLOOR;
        break;
    case DROP_AGE:
        model->age_max = 21;
        question->age = LIMIT_AGE_YEARS;
        break;
    case DROP_CURATED:
        model->curated_min = CURATED_NONE;
        break;
    case DROP_CATEGORY:
        model->forbidden_categories.count = 0;
        break;
    case DROP_TAG:
        model->forbidden_tags.count = 0;
        break;
    case DROP_REGION:
        question->place = INDIA;
        break;
    case DROP_LANGUAGE:
        model->language_rule = LANGUAGE_ANY;
        break;
    case DROP_HIDDEN_CREATOR:
    case DROP_SEEN:
        question->person = -1;
        break;
    default:
        break;
    }
}

/* Shows what was dropped by a rule that asks nothing of model or user. */
static void show_dropped(enum drop_rule rule, struct rank_result *result)
{
    for (size_t i = 0; i < result->dropped_count; i++) {
        if (result->dropped_rules[i] == rule) {
            uint32_t index = result->dropped[i];
            size_t after = result->dropped_count - i - 1;
            memmove(&result->dropped[i], &result->dropped[i + 1], after * sizeof(uint32_t));
            memmove(&result->dropped_rules[i], &result->dropped_rules[i + 1], after);
            result->dropped_count--;
            result->order[result->count++] = index; /* in the copy that the caller made */
            return;
        }
    }
}

static bool is_noticed(enum drop_rule rule, const struct model *base, struct arena *arena)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world;
        bool noticed = false;
        world_init(&world, seed);
        for (int i = 0; i < REQUESTS_PER_WORLD && !noticed; i++) {
            struct rules rules = roll_rules(&world.dice);
            struct question question = roll_question(&world);
            struct question broken = question;
            struct model model;
            uint32_t order[8];
            fill_model(base, &rules, &model);
            question.explain = broken.explain = false;
            break_rule(rule, &model, &broken);
            struct rank_result result = ask(&world, &model, &broken, arena);
            memcpy(order, result.order, result.count * sizeof(order[0]));
            result.order = order;
            if (rule == DROP_UNKNOWN_VIDEO || rule == DROP_DELETED || rule == DROP_REPEATED) {
                show_dropped(rule, &result);
            }
            noticed = !is_right(&world, &rules, &question, &result);
        }
        state_free(world.state);
        if (noticed) {
            return true;
        }
    }
    return false;
}

static void a_policy_without_one_of_its_rules_is_noticed(void)
{
    struct arena arena = new_arena();
    struct weights *weights = parse("version: t\n");
    const struct model *base = weights_model(weights, (struct locale){0});
    for (int rule = DROP_UNKNOWN_VIDEO; rule < DROP_RULE_END; rule++) {
        if (rule != DROP_BELOW_LIMIT) { /* which is no rule of policy */
            CHECK(is_noticed((enum drop_rule)rule, base, &arena));
        }
    }
    CHECK(!is_noticed(DROP_NONE, base, &arena));
    weights_unref(weights);
    free(arena.base);
}

/* Dropping for a rule that does not forbid is a lie, too. */
static void a_wrong_reason_is_noticed(void)
{
    struct arena arena = new_arena();
    struct weights *weights = parse("version: t\n");
    struct world world;
    size_t lies = 0;
    size_t noticed = 0;
    world_init(&world, 1);
    for (int i = 0; i < REQUESTS_PER_WORLD; i++) {
        struct rules rules = roll_rules(&world.dice);
        struct question question = roll_question(&world);
        struct model model;
        fill_model(weights_model(weights, (struct locale){0}), &rules, &model);
        struct rank_result result = ask(&world, &model, &question, &arena);
        if (result.dropped_count > 0 && result.dropped_rules[0] != DROP_UNRATED &&
            (forbidding(&world, &rules, &question, question.clips[result.dropped[0]]) >>
                 DROP_UNRATED &
             1) == 0) {
            result.dropped_rules[0] = DROP_UNRATED;
            lies++;
            noticed += !is_right(&world, &rules, &question, &result);
        }
    }
    CHECK(lies > 100);
    CHECK_EQ(lies, noticed);
    state_free(world.state);
    weights_unref(weights);
    free(arena.base);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(no_forbidden_video_is_ever_shown),
        TEST(a_policy_without_one_of_its_rules_is_noticed),
        TEST(a_wrong_reason_is_noticed),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
