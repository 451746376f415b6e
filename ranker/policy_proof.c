#include "ranker/policy_proof.h"

#include <string.h>

#include "ranker/check.h"
#include "ranker/policy.h"
#include "ranker/policy_values.h"

enum {
    INDIA = 9 * 32 + 14,
    RUSSIA = 18 * 32 + 21,
    NOWHERE = 26 * 32 + 26, /* ZZ, which CLDR keeps for no country */
    AMERICAS = 0x8000 | 19,
    HINDI = (8 * 32 + 9) * 32,
    ENGLISH = (5 * 32 + 14) * 32,
    TAMIL = (20 * 32 + 1) * 32,
    HIDDEN_CREATOR = 7,
    OTHER_CREATOR = 8,
    OLD_AGE = LIMIT_AGE_YEARS
};

static const uint8_t safeties[] = {0,           SAFETY_UNRATED, SAFETY_LOW,       SAFETY_MEDIUM,
                                   SAFETY_HIGH, SAFETY_FLOOR,   SAFETY_FLOOR + 1, 255};

int policy_value_safety(unsigned value)
{
    return safeties[value];
}

/* What a list of names is to the enumeration: one key and its place for each value. */
struct name_domain {
    unsigned count;
    struct {
        uint32_t key;
        unsigned place;
    } values[NAME_VALUE_COUNT];
    uint32_t harmless;
};

/* Everything that a case is made of. */
struct scene {
    const struct model *model;
    struct videos *videos;
    struct video_sets {
        uint32_t allowed;
        uint32_t forbidden;
    } sets[REGION_RULE_COUNT];
    struct name_domain categories;
    struct name_domain tags;
    uint64_t hidden;
    struct user user;
    struct rank_request request;
    struct policy_context context;
    struct video video;
    uint32_t tag_keys[LIMIT_VIDEO_TAGS]; /* of the video */
    const struct video *shown_video;     /* NULL: not known */
    int64_t seen_age_ms;
    struct policy_case now;
};

static bool is_forbidden(const struct forbidden_names *names, uint32_t key)
{
    for (unsigned i = 0; i < names->count; i++) {
        if (names->keys[i] == key) {
            return true;
        }
    }
    return false;
}

static struct name_domain name_domain(const struct forbidden_names *names, uint32_t key,
                                      unsigned place_count)
{
    struct name_domain domain = {.count = 2, .harmless = 1};
    while (is_forbidden(names, domain.harmless)) {
        domain.harmless++;
    }
    unsigned last = place_count - 1;
    if (key != 0) {
        domain.values[0].key = key;
        domain.values[1].key = key;
        domain.values[1].place = last;
        return domain;
    }
    domain.values[NAME_HARMLESS].key = domain.harmless;
    if (names->count > 0) {
        domain.count = NAME_VALUE_COUNT;
        domain.values[NAME_FORBIDDEN_FIRST].key = names->keys[0];
        domain.values[NAME_FORBIDDEN_LAST].key = names->keys[names->count - 1];
        domain.values[NAME_FORBIDDEN_LAST].place = last;
    }
    return domain;
}

/* Before the last place stand harmless names. */
static void put_name(const struct name_domain *domain, unsigned value, uint32_t *keys,
                     unsigned place_count)
{
    memset(keys, 0, place_count * sizeof(keys[0]));
    for (unsigned i = 0; i < domain->values[value].place; i++) {
        keys[i] = domain->harmless;
    }
    keys[domain->values[value].place] = domain->values[value].key;
}

static enum status put_sets(struct scene *scene)
{
    const struct region_set here = {.count = 1, .regions = {INDIA}};
    const struct region_set elsewhere = {.count = 1, .regions = {RUSSIA}};
    const struct region_set none = {.count = 0};
    const struct region_set *const sets[REGION_RULE_COUNT][2] = {
        [REGION_NO_RULE] = {&none, &none},
        [REGION_ALLOWED_HERE] = {&here, &none},
        [REGION_ALLOWED_ELSEWHERE] = {&elsewhere, &none},
        [REGION_FORBIDDEN_HERE] = {&none, &here},
        [REGION_FORBIDDEN_ELSEWHERE] = {&none, &elsewhere},
        [REGION_BOTH_HERE] = {&here, &here},
    };
    for (unsigned i = 0; i < REGION_RULE_COUNT; i++) {
        struct video_facts facts = {.key = i + UINT64_C(1),
                                    .regions_allowed = *sets[i][0],
                                    .regions_forbidden = *sets[i][1]};
        enum status status = videos_put(scene->videos, &facts);
        if (status != STATUS_OK) {
            return status;
        }
        const struct video *video = videos_find(scene->videos, facts.key);
        scene->sets[i] = (struct video_sets){video->regions_allowed, video->regions_forbidden};
    }
    return STATUS_OK;
}

static void put_seen(struct scene *scene, unsigned value)
{
    int64_t within_ms = scene->model->seen_within_ms;
    const int64_t ages_ms[SEEN_VALUE_COUNT] = {
        [SEEN_NEVER] = INT64_MAX,
        [SEEN_UNASKED] = 0,
        [SEEN_EXCLUDED] = 0,
        [SEEN_EXCLUDED_LAST] = within_ms > 0 ? within_ms - 1 : 0,
        [SEEN_LONG_AGO] = within_ms > 0 ? within_ms : 1,
    };
    scene->seen_age_ms = ages_ms[value];
    scene->request.exclude_seen = value != SEEN_UNASKED;
}

static void put_language(struct scene *scene, unsigned value)
{
    bool user_unknown = value == LANGUAGE_USER_UNKNOWN || value == LANGUAGE_BOTH_UNKNOWN;
    scene->request.locale.language = user_unknown ? 0 : HINDI;
    scene->request.languages[0] = ENGLISH;
    scene->request.language_count = user_unknown ? 0 : 1;
    static const uint16_t spoken[LANGUAGE_VALUE_COUNT] = {
        [LANGUAGE_SPOKEN] = HINDI,  [LANGUAGE_CAPTIONS] = TAMIL, [LANGUAGE_DECLARED] = ENGLISH,
        [LANGUAGE_OTHER] = TAMIL,   [LANGUAGE_UNKNOWN] = 0,      [LANGUAGE_USER_UNKNOWN] = TAMIL,
        [LANGUAGE_BOTH_UNKNOWN] = 0};
    scene->video.languages[0] = spoken[value];
    scene->video.caption_languages[0] = value == LANGUAGE_CAPTIONS ? HINDI : 0;
}

static void put_region(struct scene *scene, unsigned value)
{
    static const uint16_t regions[USER_REGION_COUNT] = {INDIA, 0, AMERICAS, NOWHERE};
    struct video_sets sets = scene->sets[policy_value_region_rule(value)];
    scene->request.locale.region = regions[policy_value_user_region(value)];
    scene->video.regions_allowed = sets.allowed;
    scene->video.regions_forbidden = sets.forbidden;
}

static void put_age(struct scene *scene, unsigned value)
{
    unsigned minimum = policy_value_minimum_age(value);
    const unsigned ages[AGE_RELATION_COUNT] = {
        [AGE_OLD] = OLD_AGE,
        [AGE_AS_OLD] = minimum > 0 ? minimum : 1,
        [AGE_YOUNGER] = minimum > 1 ? minimum - 1 : 1,
        [AGE_UNKNOWN] = 0,
    };
    scene->video.minimum_age_years = (uint8_t)minimum;
    scene->request.age_years = ages[policy_value_age_relation(value)];
}

static void put_video(struct scene *scene, unsigned value)
{
    scene->video.known = value != VIDEO_OF_SIGNALS;
    scene->video.deleted = value == VIDEO_DELETED;
    scene->shown_video = value == VIDEO_UNKNOWN ? NULL : &scene->video;
}

static void put(struct scene *scene, unsigned fact)
{
    static const uint64_t creators[] = {OTHER_CREATOR, HIDDEN_CREATOR, 0};
    unsigned value = scene->now.values[fact];
    switch ((enum policy_fact)fact) {
    case POLICY_FACT_SEEN:
        put_seen(scene, value);
        break;
    case POLICY_FACT_LANGUAGE:
        put_language(scene, value);
        break;
    case POLICY_FACT_REGION:
        put_region(scene, value);
        break;
    case POLICY_FACT_AGE:
        put_age(scene, value);
        break;
    case POLICY_FACT_VIDEO:
        put_video(scene, value);
        break;
    case POLICY_FACT_SAFETY:
        scene->video.safety = safeties[value];
        break;
    case POLICY_FACT_CURATED:
        scene->video.curated = (uint8_t)value;
        break;
    case POLICY_FACT_CATEGORY:
        put_name(&scene->categories, value, scene->video.category_keys, LIMIT_VIDEO_CATEGORIES);
        break;
    case POLICY_FACT_TAG:
        put_name(&scene->tags, value, scene->tag_keys, LIMIT_VIDEO_TAGS);
        videos_set_tags(scene->videos, &scene->video, scene->tag_keys);
        break;
    case POLICY_FACT_CREATOR:
        scene->video.creator_key = creators[value];
        break;
    case POLICY_FACT_COUNT:
        break;
    }
}

/* Puts every fact from first on; the context depends on those up to age. */
static void put_from(struct scene *scene, unsigned first)
{
    for (unsigned fact = first; fact < POLICY_FACT_COUNT; fact++) {
        put(scene, fact);
    }
    if (first <= POLICY_FACT_AGE) {
        scene->context = policy_context(scene->model, scene->videos, &scene->user, &scene->request);
    }
}

/* The next case, last fact first; returns the first fact that changed, COUNT after the last case.
 */
static unsigned advance(const unsigned *counts, struct policy_case *now)
{
    for (unsigned fact = POLICY_FACT_COUNT; fact-- > 0;) {
        if (++now->values[fact] < counts[fact]) {
            return fact;
        }
        now->values[fact] = 0;
    }
    return POLICY_FACT_COUNT;
}

static void judge(const struct scene *scene, struct policy_proof *proof)
{
    proof->case_count++;
    if (policy_judge(&scene->context, scene->shown_video, scene->seen_age_ms) != DROP_NONE) {
        return;
    }
    proof->shown_count++;
    for (unsigned fact = 0; fact < POLICY_FACT_COUNT; fact++) {
        unsigned value = scene->now.values[fact];
        if (proof->shown[fact][value]++ == 0) {
            proof->first[fact][value] = scene->now;
        }
    }
}

/* Every forbidden name in every place, on a video that is shown with a harmless one. */
static void judge_names(struct scene *scene, const struct forbidden_names *names,
                        enum policy_fact fact, struct policy_proof *proof)
{
    bool is_category = fact == POLICY_FACT_CATEGORY;
    uint32_t *keys = is_category ? scene->video.category_keys : scene->tag_keys;
    unsigned place_count = is_category ? LIMIT_VIDEO_CATEGORIES : LIMIT_VIDEO_TAGS;
    if (names->count == 0 || proof->shown[fact][NAME_HARMLESS] == 0) {
        return;
    }
    scene->now = proof->first[fact][NAME_HARMLESS];
    put_from(scene, 0);
    scene->now.values[fact] = NAME_FORBIDDEN_FIRST;
    for (unsigned i = 0; i < names->count; i++) {
        for (unsigned place = 0; place < place_count; place++) {
            memset(keys, 0, place_count * sizeof(keys[0]));
            keys[place] = names->keys[i];
            videos_set_tags(scene->videos, &scene->video, scene->tag_keys);
            judge(scene, proof);
        }
    }
}

static void judge_all(struct scene *scene, struct policy_proof *proof)
{
    unsigned changed = 0;
    while (changed < POLICY_FACT_COUNT) {
        put_from(scene, changed);
        judge(scene, proof);
        changed = advance(proof->value_counts, &scene->now);
    }
}

static void count_values(const struct scene *scene, struct policy_proof *proof)
{
    unsigned *counts = proof->value_counts;
    counts[POLICY_FACT_SEEN] = SEEN_VALUE_COUNT;
    counts[POLICY_FACT_LANGUAGE] = LANGUAGE_VALUE_COUNT;
    counts[POLICY_FACT_REGION] = REGION_VALUE_COUNT;
    counts[POLICY_FACT_AGE] = AGE_VALUE_COUNT;
    counts[POLICY_FACT_VIDEO] = VIDEO_VALUE_COUNT;
    counts[POLICY_FACT_SAFETY] = sizeof(safeties);
    counts[POLICY_FACT_CURATED] = CURATED_FEATURED + 2;
    counts[POLICY_FACT_CATEGORY] = scene->categories.count;
    counts[POLICY_FACT_TAG] = scene->tags.count;
    counts[POLICY_FACT_CREATOR] = 3;
}

enum status policy_prove(const struct model *model, uint32_t category_key, uint32_t tag_key,
                         struct policy_proof *out)
{
    struct scene scene = {
        .model = model,
        .videos = videos_new(),
        .hidden = HIDDEN_CREATOR,
        .user = {.hide_count = 1},
        .categories =
            name_domain(&model->forbidden_categories, category_key, LIMIT_VIDEO_CATEGORIES),
        .tags = name_domain(&model->forbidden_tags, tag_key, LIMIT_VIDEO_TAGS),
    };
    scene.user.hides = &scene.hidden;
    if (scene.videos == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = put_sets(&scene);
    if (status == STATUS_OK) {
        memset(out, 0, sizeof(*out));
        out->unknown_age = model->unknown_age;
        count_values(&scene, out);
        judge_all(&scene, out);
        if (category_key == 0 && tag_key == 0) {
            judge_names(&scene, &model->forbidden_categories, POLICY_FACT_CATEGORY, out);
            judge_names(&scene, &model->forbidden_tags, POLICY_FACT_TAG, out);
        }
    }
    videos_free(scene.videos);
    return status;
}

static bool names_equal(const struct forbidden_names *a, const struct forbidden_names *b)
{
    return a->count == b->count && memcmp(a->keys, b->keys, a->count * sizeof(a->keys[0])) == 0;
}

bool policy_equal(const struct model *a, const struct model *b)
{
    return a->safety_max == b->safety_max && a->unrated_shown == b->unrated_shown &&
           a->unknown_age == b->unknown_age && a->seen_within_ms == b->seen_within_ms &&
           a->language_rule == b->language_rule && a->seen_always == b->seen_always &&
           a->age_max == b->age_max && a->curated_min == b->curated_min &&
           names_equal(&a->forbidden_categories, &b->forbidden_categories) &&
           names_equal(&a->forbidden_tags, &b->forbidden_tags);
}
