#include "ranker/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/locale.h"
#include "ranker/table.h"

enum { GROUP_OTHER = COMPARE_GROUPS_MAX, DAY_MS = 86400000 };

static const double normal_quantile = 1.959963984540054; /* of 0.975 */
static const double persistence = 0.9;                   /* p of rank-biased overlap */

static const char *const dimension_names[EXPOSURE_DIMENSION_COUNT] = {
    "language", "region", "creator_size", "curated", "premium", "age"};

/* Buckets, in their order; the code of a group is its index. Languages and regions have none. */
static const char *const bucket_names[EXPOSURE_DIMENSION_COUNT][8] = {
    [EXPOSURE_CREATOR_SIZE] = {"1", "2-9", "10-99", "100-999", "1000 or more", "unknown"},
    [EXPOSURE_CURATED] = {"none", "approved", "featured", "unknown"},
    [EXPOSURE_PREMIUM] = {"no", "yes"},
    [EXPOSURE_AGE] = {"under 1 d", "1-7 d", "7-30 d", "30-90 d", "90-365 d", "over 365 d",
                      "unknown"},
};

/* A group's sums over requests. */
struct group {
    uint32_t code;
    double before;
    double after;
    double squares; /* of the change of each request */
};

/* Sums for the mean of a figure. */
struct sums {
    uint64_t count;
    double sum;
    double squares;
};

/* A video that is followed; a row of a table. */
struct mover {
    uint64_t key; /* first: the table's hash */
    uint64_t shown_before;
    uint64_t shown_after;
    uint64_t shown_both;
    double position_change; /* sum over requests with both */
    double exposure_change;
    char id[LIMIT_ID_BYTES + 1];
};

/* A row of the table of creators. */
struct creator {
    uint64_t key; /* first: the table's hash */
    uint64_t videos;
};

struct creator_sizes {
    struct table creators;
};

struct compare {
    uint64_t requests;
    uint64_t top_1_changed;
    uint64_t top_10_changed;
    uint64_t top_10_reordered;
    uint64_t slate_changed;
    struct sums tau;
    struct sums overlap;
    uint64_t shown_before;
    uint64_t shown_after;
    uint64_t newly_shown;
    uint64_t no_longer_shown;
    uint64_t drops_before[DROP_RULE_END];
    uint64_t drops_after[DROP_RULE_END];
    size_t group_counts[EXPOSURE_DIMENSION_COUNT]; /* without the other ones */
    struct group groups[EXPOSURE_DIMENSION_COUNT][COMPARE_GROUPS_MAX + 1];
    struct table movers;
    uint64_t untracked;
    double discounts[LIMIT_CANDIDATES + 1]; /* by position */
    double totals[LIMIT_CANDIDATES + 1];    /* sums of discounts up to a position */
};

const char *exposure_dimension_name(enum exposure_dimension dimension)
{
    return dimension_names[dimension];
}

struct creator_sizes *creator_sizes_new(void)
{
    struct creator_sizes *sizes = calloc(1, sizeof(*sizes));
    if (sizes != NULL) {
        sizes->creators = table_of(sizeof(struct creator));
    }
    return sizes;
}

void creator_sizes_free(struct creator_sizes *sizes)
{
    if (sizes != NULL) {
        table_release(&sizes->creators);
        free(sizes);
    }
}

enum status creator_sizes_add(struct creator_sizes *sizes, const struct videos *videos, size_t from,
                              size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct video *video = videos_at(videos, i);
        void *row = NULL;
        if (!video_is_live(video) || video->creator_key == 0) {
            continue;
        }
        enum status status = table_need(&sizes->creators, video->creator_key, &row);
        if (status != STATUS_OK) {
            return status;
        }
        ((struct creator *)row)->videos++;
    }
    return STATUS_OK;
}

static uint32_t size_bucket(const struct creator_sizes *sizes, uint64_t creator_key)
{
    enum { UNKNOWN = 5, LARGEST = 4 };
    const struct creator *creator =
        creator_key != 0 ? table_find(&sizes->creators, creator_key) : NULL;
    if (creator == NULL) {
        return UNKNOWN;
    }
    uint32_t bucket = 0;
    for (uint64_t most = 1; creator->videos > most && bucket < LARGEST; bucket++) {
        most = most == 1 ? 9 : most * 10 + 9;
    }
    return bucket;
}

static uint32_t age_bucket(int64_t published_ms, int64_t now_ms)
{
    static const int64_t days[] = {1, 7, 30, 90, 365};
    enum { COUNT = sizeof(days) / sizeof(days[0]), UNKNOWN = COUNT + 1 };
    if (published_ms == 0) {
        return UNKNOWN;
    }
    uint32_t bucket = 0;
    while (bucket < COUNT && now_ms - published_ms >= days[bucket] * DAY_MS) {
        bucket++;
    }
    return bucket;
}

static uint32_t curated_bucket(uint8_t curated)
{
    return curated <= CURATED_FEATURED ? curated : CURATED_FEATURED + 1;
}

struct compare *compare_new(void)
{
    struct compare *compare = calloc(1, sizeof(*compare));
    if (compare == NULL) {
        return NULL;
    }
    compare->movers = table_of(sizeof(struct mover));
    for (unsigned i = 1; i <= LIMIT_CANDIDATES; i++) {
        compare->discounts[i] = 1 / exact_log2(1.0 + i);
        compare->totals[i] = compare->totals[i - 1] + compare->discounts[i];
    }
    return compare;
}

void compare_free(struct compare *compare)
{
    if (compare != NULL) {
        table_release(&compare->movers);
        free(compare);
    }
}

/* One request, while it is taken in. Positions are from 1; 0: not shown. */
struct taking {
    struct compare *compare;
    const struct compare_request *request;
    const struct rank_result *before;
    const struct rank_result *after;
    uint32_t *positions_before; /* by candidate */
    uint32_t *positions_after;
    uint32_t *common; /* positions after, in the order before, of what stands in both */
    uint32_t *scratch;
    const struct video **videos; /* by candidate */
    struct group *groups;        /* of this request: COMPARE_GROUPS_MAX + 1 for each dimension */
};

/* The share of the slate's exposure at a position of a slate of count. */
static double exposure(const struct compare *compare, uint32_t position, size_t count)
{
    return position > 0 ? compare->discounts[position] / compare->totals[count] : 0;
}

static uint64_t merge(uint32_t *positions, uint32_t *scratch, size_t middle, size_t count)
{
    uint64_t inversions = 0;
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        if (right == count || (left < middle && positions[left] <= positions[right])) {
            scratch[i] = positions[left++];
        } else {
            scratch[i] = positions[right++];
            inversions += middle - left;
        }
    }
    memcpy(positions, scratch, count * sizeof(positions[0]));
    return inversions;
}

/* Pairs in the wrong order; sorts. Depth: log2 of LIMIT_CANDIDATES. */
static uint64_t count_inversions(uint32_t *positions, uint32_t *scratch, size_t count)
{
    if (count < 2) {
        return 0;
    }
    size_t middle = count / 2;
    return count_inversions(positions, scratch, middle) +
           count_inversions(positions + middle, scratch, count - middle) +
           merge(positions, scratch, middle, count);
}

double compare_tau(uint32_t *positions, uint32_t *scratch, size_t count)
{
    CHECK(count >= 2);
    double pairs = (double)count * (double)(count - 1) / 2;
    return 1 - 2 * (double)count_inversions(positions, scratch, count) / pairs;
}

static void add_to(struct sums *sums, double value)
{
    sums->count++;
    sums->sum += value;
    sums->squares += value * value;
}

static void take_tau(struct taking *taking)
{
    size_t count = 0;
    for (size_t i = 0; i < taking->before->count; i++) {
        uint32_t position = taking->positions_after[taking->before->order[i]];
        if (position > 0) {
            taking->common[count++] = position;
        }
    }
    if (count >= 2) {
        add_to(&taking->compare->tau, compare_tau(taking->common, taking->scratch, count));
    }
}

static bool same_order(const struct rank_result *before, const struct rank_result *after,
                       size_t depth)
{
    size_t x = before->count < depth ? before->count : depth;
    size_t y = after->count < depth ? after->count : depth;
    return x == y && (x == 0 || memcmp(before->order, after->order, x * sizeof(uint32_t)) == 0);
}

static bool same_set(const struct taking *taking, size_t depth)
{
    const struct rank_result *before = taking->before;
    size_t x = before->count < depth ? before->count : depth;
    size_t y = taking->after->count < depth ? taking->after->count : depth;
    for (size_t i = 0; i < x; i++) {
        uint32_t position = taking->positions_after[before->order[i]];
        if (position == 0 || position > depth) {
            return false;
        }
    }
    return x == y;
}

/*
 * What stands within depth d of both lists grows by what d adds to either: what the one adds is
 * common if the other has it already.
 */
static size_t add_common(const struct taking *taking, size_t depth)
{
    size_t common = 0;
    if (depth <= taking->before->count) {
        uint32_t position = taking->positions_after[taking->before->order[depth - 1]];
        common += position > 0 && position <= depth;
    }
    if (depth <= taking->after->count) {
        uint32_t position = taking->positions_before[taking->after->order[depth - 1]];
        common += position > 0 && position < depth;
    }
    return common;
}

/* Equation 32, with s the shorter and l the longer list. */
static double overlap_of(const struct taking *taking)
{
    size_t x = taking->before->count;
    size_t y = taking->after->count;
    size_t s = x < y ? x : y;
    size_t l = x < y ? y : x;
    double power = 1;
    double sum = 0;
    double common = 0;
    double common_s = 0;
    for (size_t d = 1; d <= l; d++) {
        common += (double)add_common(taking, d);
        power *= persistence;
        sum += common / (double)d * power;
        common_s = d <= s ? common : common_s;
        if (d > s) {
            sum += common_s * (double)(d - s) / ((double)s * (double)d) * power;
        }
    }
    double last = (common - common_s) / (double)l + common_s / (double)s;
    return (1 - persistence) / persistence * sum + last * power;
}

/* Exactly 1 for the same lists, which rounding might miss; 0 if just one is empty. */
static void take_overlap(struct taking *taking)
{
    size_t x = taking->before->count;
    size_t y = taking->after->count;
    if (x == 0 && y == 0) {
        return;
    }
    double overlap = 0;
    if (same_order(taking->before, taking->after, LIMIT_CANDIDATES)) {
        overlap = 1;
    } else if (x > 0 && y > 0) {
        overlap = overlap_of(taking);
    }
    add_to(&taking->compare->overlap, overlap);
}

/* The index of a group by its code, among those of all requests; a new one while there is room. */
static size_t find_group(struct compare *compare, enum exposure_dimension dimension, uint32_t code)
{
    struct group *groups = compare->groups[dimension];
    size_t count = compare->group_counts[dimension];
    for (size_t i = 0; i < count; i++) {
        if (groups[i].code == code) {
            return i;
        }
    }
    if (count == COMPARE_GROUPS_MAX) {
        return GROUP_OTHER;
    }
    groups[count].code = code;
    compare->group_counts[dimension]++;
    return count;
}

static void code_video(const struct taking *taking, const struct video *video,
                       uint32_t codes[EXPOSURE_DIMENSION_COUNT])
{
    codes[EXPOSURE_LANGUAGE] = video->languages[0];
    codes[EXPOSURE_REGION] = video->creator_region;
    codes[EXPOSURE_CREATOR_SIZE] = size_bucket(taking->request->sizes, video->creator_key);
    codes[EXPOSURE_CURATED] = curated_bucket(video->curated);
    codes[EXPOSURE_PREMIUM] = video->premium;
    codes[EXPOSURE_AGE] = age_bucket(video->published_ms, taking->request->now_ms);
}

static void expose(struct taking *taking, size_t candidate)
{
    uint32_t codes[EXPOSURE_DIMENSION_COUNT];
    const struct video *video = taking->videos[candidate];
    struct compare *compare = taking->compare;
    double before = exposure(compare, taking->positions_before[candidate], taking->before->count);
    double after = exposure(compare, taking->positions_after[candidate], taking->after->count);
    CHECK(video != NULL); /* nothing unknown is shown */
    code_video(taking, video, codes);
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        size_t index = find_group(compare, i, codes[i]);
        struct group *group = &taking->groups[i * (COMPARE_GROUPS_MAX + 1) + index];
        group->before += before;
        group->after += after;
    }
}

/* What changed in this request is one observation of each group. */
static void fold_groups(struct taking *taking)
{
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        for (size_t j = 0; j <= COMPARE_GROUPS_MAX; j++) {
            const struct group *one = &taking->groups[i * (COMPARE_GROUPS_MAX + 1) + j];
            struct group *group = &taking->compare->groups[i][j];
            double change = one->after - one->before;
            group->before += one->before;
            group->after += one->after;
            group->squares += change * change;
        }
    }
}

static void take_exposure(struct taking *taking)
{
    struct compare *compare = taking->compare;
    for (size_t i = 0; i < taking->request->count; i++) {
        bool was = taking->positions_before[i] > 0;
        bool is = taking->positions_after[i] > 0;
        if (was || is) {
            expose(taking, i);
        }
        compare->newly_shown += is && !was;
        compare->no_longer_shown += was && !is;
    }
    fold_groups(taking);
}

/* The row of a video; *out is NULL when there are too many. */
static enum status find_mover(struct compare *compare, uint64_t key, const char *id,
                              struct mover **out)
{
    *out = table_find(&compare->movers, key);
    if (*out != NULL || compare->movers.count >= COMPARE_MOVERS_TRACKED) {
        return STATUS_OK;
    }
    void *row;
    enum status status = table_add(&compare->movers, key, &row);
    if (status == STATUS_OK) {
        *out = row;
        snprintf((*out)->id, sizeof((*out)->id), "%s", id != NULL ? id : "");
    }
    return status;
}

static bool is_high(uint32_t position)
{
    return position > 0 && position <= COMPARE_MOVER_POSITIONS;
}

static enum status take_mover(struct taking *taking, size_t candidate)
{
    struct compare *compare = taking->compare;
    const struct compare_request *request = taking->request;
    uint32_t before = taking->positions_before[candidate];
    uint32_t after = taking->positions_after[candidate];
    struct mover *mover = NULL;
    if (!is_high(before) && !is_high(after)) {
        return STATUS_OK;
    }
    enum status status = find_mover(compare, request->keys[candidate],
                                    request->ids != NULL ? request->ids[candidate] : NULL, &mover);
    if (status != STATUS_OK) {
        return status;
    }
    if (mover == NULL) {
        compare->untracked++;
        return STATUS_OK;
    }
    mover->shown_before += before > 0;
    mover->shown_after += after > 0;
    if (before > 0 && after > 0) {
        mover->shown_both++;
        mover->position_change += (double)after - (double)before;
    }
    mover->exposure_change += exposure(compare, after, taking->after->count) -
                              exposure(compare, before, taking->before->count);
    return STATUS_OK;
}

static enum status take_movers(struct taking *taking)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < taking->request->count && status == STATUS_OK; i++) {
        status = take_mover(taking, i);
    }
    return status;
}

static void place(const struct rank_result *result, uint32_t *positions)
{
    for (size_t i = 0; i < result->count; i++) {
        positions[result->order[i]] = (uint32_t)i + 1;
    }
}

static enum status make_taking(struct taking *taking, struct arena *arena)
{
    size_t count = taking->request->count;
    taking->positions_before = arena_new(arena, uint32_t, count);
    taking->positions_after = arena_new(arena, uint32_t, count);
    taking->common = arena_new_raw(arena, uint32_t, count);
    taking->scratch = arena_new_raw(arena, uint32_t, count);
    taking->videos = arena_new(arena, const struct video *, count);
    taking->groups =
        arena_new(arena, struct group, (size_t)EXPOSURE_DIMENSION_COUNT * (COMPARE_GROUPS_MAX + 1));
    if (arena_full(arena)) {
        return STATUS_NO_MEMORY;
    }
    place(taking->before, taking->positions_before);
    place(taking->after, taking->positions_after);
    videos_find_many(taking->request->videos, taking->request->keys, count, taking->videos);
    return STATUS_OK;
}

static void take_counts(struct taking *taking)
{
    struct compare *compare = taking->compare;
    const struct rank_result *before = taking->before;
    const struct rank_result *after = taking->after;
    compare->requests++;
    compare->top_1_changed += !same_order(before, after, 1);
    compare->top_10_changed += !same_set(taking, COMPARE_TOP);
    compare->top_10_reordered += !same_order(before, after, COMPARE_TOP);
    compare->slate_changed += !same_order(before, after, LIMIT_CANDIDATES);
    compare->shown_before += before->count;
    compare->shown_after += after->count;
    for (size_t i = 0; i < before->dropped_count; i++) {
        compare->drops_before[before->dropped_rules[i]]++;
    }
    for (size_t i = 0; i < after->dropped_count; i++) {
        compare->drops_after[after->dropped_rules[i]]++;
    }
}

enum status compare_add(struct compare *compare, const struct compare_request *request,
                        const struct rank_result *before, const struct rank_result *after,
                        struct arena *arena)
{
    struct taking taking = {
        .compare = compare, .request = request, .before = before, .after = after};
    enum status status = make_taking(&taking, arena);
    if (status == STATUS_OK) {
        status = take_movers(&taking);
    }
    if (status != STATUS_OK) {
        return status;
    }
    take_counts(&taking);
    take_tau(&taking);
    take_overlap(&taking);
    take_exposure(&taking);
    return STATUS_OK;
}

uint64_t compare_requests(const struct compare *compare)
{
    return compare->requests;
}

static void merge_sums(struct sums *into, const struct sums *from)
{
    into->count += from->count;
    into->sum += from->sum;
    into->squares += from->squares;
}

static void merge_group(struct group *into, const struct group *from)
{
    into->before += from->before;
    into->after += from->after;
    into->squares += from->squares;
}

static void merge_groups(struct compare *compare, const struct compare *from)
{
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        for (size_t j = 0; j < from->group_counts[i]; j++) {
            size_t index = find_group(compare, i, from->groups[i][j].code);
            merge_group(&compare->groups[i][index], &from->groups[i][j]);
        }
        merge_group(&compare->groups[i][GROUP_OTHER], &from->groups[i][GROUP_OTHER]);
    }
}

static enum status merge_movers(struct compare *compare, const struct compare *from)
{
    compare->untracked += from->untracked;
    for (size_t i = 0; i < from->movers.count; i++) {
        const struct mover *other = table_at(&from->movers, i);
        struct mover *mover = NULL;
        enum status status = find_mover(compare, other->key, other->id, &mover);
        if (status != STATUS_OK) {
            return status;
        }
        if (mover == NULL) {
            compare->untracked +=
                other->shown_before > other->shown_after ? other->shown_before : other->shown_after;
            continue;
        }
        mover->shown_before += other->shown_before;
        mover->shown_after += other->shown_after;
        mover->shown_both += other->shown_both;
        mover->position_change += other->position_change;
        mover->exposure_change += other->exposure_change;
    }
    return STATUS_OK;
}

enum status compare_merge(struct compare *compare, const struct compare *from)
{
    compare->requests += from->requests;
    compare->top_1_changed += from->top_1_changed;
    compare->top_10_changed += from->top_10_changed;
    compare->top_10_reordered += from->top_10_reordered;
    compare->slate_changed += from->slate_changed;
    compare->shown_before += from->shown_before;
    compare->shown_after += from->shown_after;
    compare->newly_shown += from->newly_shown;
    compare->no_longer_shown += from->no_longer_shown;
    for (unsigned i = 0; i < DROP_RULE_END; i++) {
        compare->drops_before[i] += from->drops_before[i];
        compare->drops_after[i] += from->drops_after[i];
    }
    merge_sums(&compare->tau, &from->tau);
    merge_sums(&compare->overlap, &from->overlap);
    merge_groups(compare, from);
    return merge_movers(compare, from);
}

struct compare_figure compare_share(uint64_t count, uint64_t total)
{
    CHECK(total > 0);
    double n = (double)total;
    double p = (double)count / n;
    double z2 = normal_quantile * normal_quantile;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = normal_quantile / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    /* At the ends the bound is the end, which rounding might miss. */
    return (struct compare_figure){.count = count,
                                   .value = p,
                                   .low = count == 0 ? 0 : middle - half,
                                   .high = count == total ? 1 : middle + half};
}

/* Half the width of the interval of a mean. */
static double half_width(double mean, double squares, uint64_t count)
{
    double n = (double)count;
    if (count < 2) {
        return 0;
    }
    double variance = (squares - n * mean * mean) / (n - 1);
    return variance > 0 ? normal_quantile * sqrt(variance / n) : 0;
}

static struct compare_figure mean_of(const struct sums *sums)
{
    if (sums->count == 0) {
        return (struct compare_figure){.count = 0};
    }
    double mean = sums->sum / (double)sums->count;
    double half = half_width(mean, sums->squares, sums->count);
    return (struct compare_figure){
        .count = sums->count, .value = mean, .low = mean - half, .high = mean + half};
}

static void name_group(enum exposure_dimension dimension, uint32_t code,
                       char out[COMPARE_NAME_SIZE])
{
    char text[LOCALE_TEXT_SIZE];
    if (dimension == EXPOSURE_LANGUAGE) {
        locale_format_language((uint16_t)code, text);
        snprintf(out, COMPARE_NAME_SIZE, "%s", code != 0 ? text : "unknown");
    } else if (dimension == EXPOSURE_REGION) {
        locale_format_region((uint16_t)code, text);
        snprintf(out, COMPARE_NAME_SIZE, "%s", code != 0 ? text : "unknown");
    } else {
        snprintf(out, COMPARE_NAME_SIZE, "%s", bucket_names[dimension][code]);
    }
}

static struct compare_group sum_up_group(const struct group *group, uint64_t requests)
{
    double n = (double)requests;
    double change = (group->after - group->before) / n;
    double half = half_width(change, group->squares, requests);
    return (struct compare_group){.before = group->before / n,
                                  .after = group->after / n,
                                  .change = change,
                                  .low = change - half,
                                  .high = change + half};
}

/* Buckets by their order, the others by exposure; the same exposure by code. */
static int compare_groups(const struct group *x, const struct group *y, bool buckets)
{
    double left = x->before + x->after;
    double right = y->before + y->after;
    if (!buckets && (left > right || left < right)) {
        return left > right ? -1 : 1;
    }
    return x->code < y->code ? -1 : x->code > y->code;
}

/* By insertion: there are few. */
static void sort_groups(struct group *groups, size_t count, bool buckets)
{
    for (size_t i = 1; i < count; i++) {
        struct group group = groups[i];
        size_t at = i;
        for (; at > 0 && compare_groups(&group, &groups[at - 1], buckets) < 0; at--) {
            groups[at] = groups[at - 1];
        }
        groups[at] = group;
    }
}

static void sum_up_groups(const struct compare *compare, enum exposure_dimension dimension,
                          struct comparison *out)
{
    struct group groups[COMPARE_GROUPS_MAX];
    size_t count = compare->group_counts[dimension];
    struct compare_group *list = out->groups[dimension];
    memcpy(groups, compare->groups[dimension], count * sizeof(groups[0]));
    sort_groups(groups, count, bucket_names[dimension][0] != NULL);
    for (size_t i = 0; i < count; i++) {
        list[i] = sum_up_group(&groups[i], compare->requests);
        name_group(dimension, groups[i].code, list[i].name);
    }
    const struct group *other = &compare->groups[dimension][GROUP_OTHER];
    if (other->before + other->after > 0) {
        list[count] = sum_up_group(other, compare->requests);
        snprintf(list[count].name, COMPARE_NAME_SIZE, "other");
        count++;
    }
    out->group_counts[dimension] = count;
}

static double size_of_change(const struct mover *mover)
{
    return mover->exposure_change < 0 ? -mover->exposure_change : mover->exposure_change;
}

static int compare_movers(const void *a, const void *b)
{
    const struct mover *x = *(const struct mover *const *)a;
    const struct mover *y = *(const struct mover *const *)b;
    double left = size_of_change(x);
    double right = size_of_change(y);
    if (left > right || left < right) {
        return left > right ? -1 : 1;
    }
    return x->key < y->key ? -1 : x->key > y->key;
}

static struct compare_mover sum_up_mover(const struct mover *mover, uint64_t requests)
{
    struct compare_mover out = {
        .key = mover->key,
        .shown_before = mover->shown_before,
        .shown_after = mover->shown_after,
        .shown_both = mover->shown_both,
        .mean_change =
            mover->shown_both > 0 ? mover->position_change / (double)mover->shown_both : 0,
        .exposure_change = mover->exposure_change / (double)requests,
    };
    memcpy(out.id, mover->id, sizeof(out.id));
    return out;
}

static enum status sum_up_movers(const struct compare *compare, struct comparison *out)
{
    size_t count = compare->movers.count;
    const struct mover **list = calloc(count + 1, sizeof(struct mover *));
    if (list == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = table_at(&compare->movers, i);
    }
    qsort(list, count, sizeof(list[0]), compare_movers);
    for (size_t i = 0; i < count && i < COMPARE_MOVERS_SHOWN; i++) {
        if (size_of_change(list[i]) > 0) {
            out->movers[out->mover_count++] = sum_up_mover(list[i], compare->requests);
        }
    }
    free(list);
    return STATUS_OK;
}

enum status compare_sum_up(const struct compare *compare, struct comparison *out)
{
    *out = (struct comparison){.requests = compare->requests};
    if (compare->requests == 0) {
        return STATUS_OK;
    }
    out->top_1_changed = compare_share(compare->top_1_changed, compare->requests);
    out->top_10_changed = compare_share(compare->top_10_changed, compare->requests);
    out->top_10_reordered = compare_share(compare->top_10_reordered, compare->requests);
    out->slate_changed = compare_share(compare->slate_changed, compare->requests);
    out->tau = mean_of(&compare->tau);
    out->overlap = mean_of(&compare->overlap);
    out->shown_before = compare->shown_before;
    out->shown_after = compare->shown_after;
    out->newly_shown = compare->newly_shown;
    out->no_longer_shown = compare->no_longer_shown;
    memcpy(out->drops_before, compare->drops_before, sizeof(out->drops_before));
    memcpy(out->drops_after, compare->drops_after, sizeof(out->drops_after));
    out->untracked = compare->untracked;
    for (unsigned i = 0; i < EXPOSURE_DIMENSION_COUNT; i++) {
        sum_up_groups(compare, i, out);
    }
    return sum_up_movers(compare, out);
}
