#include "replay/exposure.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ranker/check.h"
#include "ranker/exact.h"
#include "ranker/random.h"
#include "ranker/table.h"
#include "replay/numbers.h"

enum { FORMAT_VERSION = 1, DEPTH_MAX = 64, AHEAD = 8 };

/* Of a video or a creator; sums has a place for each contender, in 2^-32. */
struct row {
    uint64_t key;
    uint64_t sums[];
};

/* Those whose mixed key begins with so many zero bits as depth says. */
struct kept {
    struct table table;
    unsigned depth;
};

struct exposure {
    size_t contenders;
    size_t k;
    size_t limit;
    uint64_t slates[EXPOSURE_CONTENDERS_MAX];
    struct kept videos;
    struct kept creators;
    double discounts[LIMIT_CANDIDATES]; /* of position i + 1; of the first k */
    double totals[LIMIT_CANDIDATES];    /* of the first i + 1 positions; of the first k */
};

struct exposure *exposure_new(size_t contenders, size_t k, size_t limit)
{
    CHECK(contenders >= 1 && contenders <= EXPOSURE_CONTENDERS_MAX);
    CHECK(k >= 1 && k <= LIMIT_CANDIDATES);
    CHECK(limit >= 1 && limit <= EXPOSURE_KEPT_MAX);
    struct exposure *exposure = calloc(1, sizeof(*exposure));
    if (exposure == NULL) {
        return NULL;
    }
    size_t row_size = sizeof(struct row) + contenders * sizeof(uint64_t);
    exposure->contenders = contenders;
    exposure->k = k;
    exposure->limit = limit;
    exposure->videos.table = table_of(row_size);
    exposure->creators.table = table_of(row_size);
    double total = 0;
    for (size_t i = 0; i < k; i++) {
        exposure->discounts[i] = 1 / exact_log2((double)i + 2);
        total += exposure->discounts[i];
        exposure->totals[i] = total;
    }
    return exposure;
}

void exposure_free(struct exposure *exposure)
{
    if (exposure != NULL) {
        table_release(&exposure->videos.table);
        table_release(&exposure->creators.table);
    }
    free(exposure);
}

/* The index of the table goes by the key's own upper bits, so the sample goes by others. */
static bool belongs(uint64_t key, unsigned depth)
{
    struct random mixed = {key};
    return depth == 0 || random_next(&mixed) >> (64 - depth) == 0;
}

static void deepen(struct kept *kept, unsigned depth)
{
    kept->depth = depth;
    for (size_t i = kept->table.count; i > 0; i--) {
        const struct row *row = table_at(&kept->table, i - 1);
        if (!belongs(row->key, depth)) {
            table_remove(&kept->table, i - 1);
        }
    }
}

/* Finds or adds; *out is NULL for a key that is not kept. STATUS_NO_MEMORY. */
static enum status need(struct kept *kept, size_t limit, uint64_t key, struct row **out)
{
    *out = belongs(key, kept->depth) ? table_find(&kept->table, key) : NULL;
    if (*out != NULL || !belongs(key, kept->depth)) {
        return STATUS_OK;
    }
    while (kept->table.count >= limit && belongs(key, kept->depth) && kept->depth < DEPTH_MAX) {
        deepen(kept, kept->depth + 1);
    }
    if (!belongs(key, kept->depth)) {
        return STATUS_OK;
    }
    void *added;
    enum status status = table_add(&kept->table, key, &added);
    if (status == STATUS_OK) {
        *out = added;
    }
    return status;
}

/* amount 0: makes known alone. Creators whose key is 0 are nobody. */
static enum status add(struct exposure *exposure, const struct exposure_video *video,
                       size_t contender, uint64_t amount)
{
    CHECK(video->video_key != 0);
    struct row *row;
    enum status status = need(&exposure->videos, exposure->limit, video->video_key, &row);
    if (status == STATUS_OK && row != NULL) {
        row->sums[contender] += amount;
    }
    if (status != STATUS_OK || video->creator_key == 0) {
        return status;
    }
    status = need(&exposure->creators, exposure->limit, video->creator_key, &row);
    if (status == STATUS_OK && row != NULL) {
        row->sums[contender] += amount;
    }
    return status;
}

enum status exposure_candidates(struct exposure *exposure, const struct exposure_video *videos,
                                size_t count)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (i + AHEAD < count) {
            table_prefetch(&exposure->videos.table, videos[i + AHEAD].video_key);
            table_prefetch(&exposure->creators.table, videos[i + AHEAD].creator_key);
        }
        status = add(exposure, &videos[i], 0, 0);
    }
    return status;
}

enum status exposure_slate(struct exposure *exposure, size_t contender,
                           const struct exposure_video *videos, size_t count)
{
    CHECK(contender < exposure->contenders);
    if (exposure->slates[contender] == EXPOSURE_SLATES_MAX) {
        return STATUS_INVALID;
    }
    exposure->slates[contender]++;
    size_t shown = count < exposure->k ? count : exposure->k;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < shown && status == STATUS_OK; i++) {
        double share = exposure->discounts[i] / exposure->totals[shown - 1];
        status = add(exposure, &videos[i], contender, (uint64_t)(share * 0x1p32));
    }
    return status;
}

static enum status merge_rows(struct kept *to, const struct kept *from, size_t limit,
                              size_t contenders)
{
    enum status status = STATUS_OK;
    if (from->depth > to->depth) {
        deepen(to, from->depth);
    }
    for (size_t i = 0; i < from->table.count && status == STATUS_OK; i++) {
        const struct row *row = table_at(&from->table, i);
        struct row *own;
        status = need(to, limit, row->key, &own);
        for (size_t c = 0; status == STATUS_OK && own != NULL && c < contenders; c++) {
            own->sums[c] += row->sums[c];
        }
    }
    return status;
}

static bool alike(const struct exposure *exposure, const struct exposure *other)
{
    bool fits = true;
    for (size_t i = 0; i < EXPOSURE_CONTENDERS_MAX; i++) {
        fits &= other->slates[i] <= EXPOSURE_SLATES_MAX - exposure->slates[i];
    }
    return fits && exposure->contenders == other->contenders && exposure->k == other->k &&
           exposure->limit == other->limit;
}

enum status exposure_merge(struct exposure *exposure, const struct exposure *from)
{
    if (!alike(exposure, from)) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < exposure->contenders; i++) {
        exposure->slates[i] += from->slates[i];
    }
    enum status status =
        merge_rows(&exposure->videos, &from->videos, exposure->limit, exposure->contenders);
    if (status != STATUS_OK) {
        return status;
    }
    return merge_rows(&exposure->creators, &from->creators, exposure->limit, exposure->contenders);
}

static int rising(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Gini's coefficient of rising values x of which the sum is total, with i from 1: twice the sum of
 * i x over n total, less (n + 1) / n. */
static double gini_of(const uint64_t *values, size_t count, double total)
{
    double n = (double)count;
    double ranked = 0;
    for (size_t i = 0; i < count; i++) {
        ranked += (double)(i + 1) * (double)values[i];
    }
    return 2 * ranked / (n * total) - (n + 1) / n;
}

/* The share of the largest ones, by percent of them, rounded up. */
static double top_share(const uint64_t *values, size_t count, size_t percent, double total)
{
    uint64_t sum = 0;
    for (size_t i = count - (count * percent + 99) / 100; i < count; i++) {
        sum += values[i];
    }
    return (double)sum / total;
}

/* Between two values the curve is straight. */
static void fill_lorenz(const uint64_t *values, size_t count, double total, double *out)
{
    uint64_t below = 0; /* sum of the values before at */
    size_t at = 0;
    for (size_t i = 0; i <= EXPOSURE_LORENZ_STEPS; i++) {
        size_t whole = i * count / EXPOSURE_LORENZ_STEPS;
        size_t rest = i * count % EXPOSURE_LORENZ_STEPS;
        for (; at < whole; at++) {
            below += values[at];
        }
        double part = rest > 0 ? (double)values[whole] * (double)rest / EXPOSURE_LORENZ_STEPS : 0;
        out[i] = ((double)below + part) / total;
    }
}

static void fill_undefined(struct exposure_spread *out)
{
    out->gini = out->top_1_percent = out->top_10_percent = NAN;
    for (size_t i = 0; i <= EXPOSURE_LORENZ_STEPS; i++) {
        out->lorenz[i] = NAN;
    }
}

static void spread_of(uint64_t *values, size_t count, struct exposure_spread *out)
{
    uint64_t total = 0;
    qsort(values, count, sizeof(*values), rising);
    for (size_t i = 0; i < count; i++) {
        total += values[i];
        out->shown += values[i] > 0;
    }
    out->coverage = count > 0 ? (double)out->shown / (double)count : NAN;
    if (total == 0) {
        fill_undefined(out);
        return;
    }
    out->gini = gini_of(values, count, (double)total);
    out->top_1_percent = top_share(values, count, 1, (double)total);
    out->top_10_percent = top_share(values, count, 10, (double)total);
    fill_lorenz(values, count, (double)total, out->lorenz);
}

static enum status spread(const struct kept *kept, size_t contender, struct exposure_spread *out)
{
    size_t count = kept->table.count;
    uint64_t *values = calloc(count + 1, sizeof(*values));
    if (values == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = ((const struct row *)table_at(&kept->table, i))->sums[contender];
    }
    *out = (struct exposure_spread){.count = count, .kept = ldexp(1, -(int)kept->depth)};
    spread_of(values, count, out);
    free(values);
    return STATUS_OK;
}

enum status exposure_sum_up(const struct exposure *exposure, size_t contender,
                            struct exposure_figures *out)
{
    CHECK(contender < exposure->contenders);
    struct exposure_figures figures = {.slates = exposure->slates[contender]};
    enum status status = spread(&exposure->videos, contender, &figures.videos);
    if (status == STATUS_OK) {
        status = spread(&exposure->creators, contender, &figures.creators);
    }
    if (status == STATUS_OK) {
        *out = figures;
    }
    return status;
}

static int by_key(const void *a, const void *b)
{
    return rising(*(const struct row *const *)a, *(const struct row *const *)b);
}

static enum status write_rows(struct numbers_writer *writer, const struct kept *kept,
                              size_t contenders)
{
    size_t count = kept->table.count;
    const struct row **rows = calloc(count + 1, sizeof(const struct row *));
    if (rows == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = table_at(&kept->table, i);
    }
    qsort(rows, count, sizeof(const struct row *), by_key);
    numbers_put(writer, kept->depth);
    numbers_put(writer, count);
    for (size_t i = 0; i < count; i++) {
        numbers_put_word(writer, rows[i]->key);
        for (size_t c = 0; c < contenders; c++) {
            numbers_put(writer, rows[i]->sums[c]);
        }
    }
    free(rows);
    return writer->full ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status exposure_encode(const struct exposure *exposure, uint8_t **out, size_t *size)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put_byte(&writer, FORMAT_VERSION);
    numbers_put(&writer, exposure->contenders);
    numbers_put(&writer, exposure->k);
    numbers_put(&writer, exposure->limit);
    for (size_t i = 0; i < exposure->contenders; i++) {
        numbers_put(&writer, exposure->slates[i]);
    }
    enum status status = write_rows(&writer, &exposure->videos, exposure->contenders);
    if (status == STATUS_OK) {
        status = write_rows(&writer, &exposure->creators, exposure->contenders);
    }
    if (status != STATUS_OK) {
        free(writer.bytes);
        return status;
    }
    *out = writer.bytes;
    *size = writer.size;
    return STATUS_OK;
}

/* Checks the header's limits. NULL: damaged, or memory is short, which the reader tells apart. */
static struct exposure *read_header(struct numbers_reader *reader)
{
    bool known = numbers_get_byte(reader) == FORMAT_VERSION;
    uint64_t contenders = numbers_get(reader);
    uint64_t k = numbers_get(reader);
    uint64_t limit = numbers_get(reader);
    if (!known || contenders < 1 || contenders > EXPOSURE_CONTENDERS_MAX || k < 1 ||
        k > LIMIT_CANDIDATES || limit < 1 || limit > EXPOSURE_KEPT_MAX) {
        reader->damaged = true;
        return NULL;
    }
    return exposure_new((size_t)contenders, (size_t)k, (size_t)limit);
}

static void read_slates(struct numbers_reader *reader, struct exposure *exposure)
{
    for (size_t i = 0; i < exposure->contenders; i++) {
        exposure->slates[i] = numbers_get(reader);
        reader->damaged |= exposure->slates[i] > EXPOSURE_SLATES_MAX;
    }
}

/* left: what the rows may still have of each contender, as no slate has more than 1. */
static enum status read_row(struct numbers_reader *reader, size_t contenders, uint64_t before,
                            uint64_t *left, struct kept *kept)
{
    uint64_t key = numbers_get_word(reader);
    if (key <= before || !belongs(key, kept->depth)) {
        return STATUS_CORRUPT;
    }
    void *added;
    enum status status = table_add(&kept->table, key, &added);
    if (status != STATUS_OK) {
        return status;
    }
    struct row *row = added;
    for (size_t i = 0; i < contenders; i++) {
        row->sums[i] = numbers_get(reader);
        if (reader->damaged || row->sums[i] > left[i]) {
            return STATUS_CORRUPT;
        }
        left[i] -= row->sums[i];
    }
    return STATUS_OK;
}

static enum status read_rows(struct numbers_reader *reader, const struct exposure *exposure,
                             struct kept *kept)
{
    uint64_t left[EXPOSURE_CONTENDERS_MAX];
    for (size_t i = 0; i < EXPOSURE_CONTENDERS_MAX; i++) {
        left[i] = exposure->slates[i] << 32;
    }
    uint64_t depth = numbers_get(reader);
    uint64_t count = numbers_get(reader);
    if (reader->damaged || depth > DEPTH_MAX || count > exposure->limit) {
        return STATUS_CORRUPT;
    }
    kept->depth = (unsigned)depth;
    uint64_t before = 0;
    for (uint64_t i = 0; i < count; i++) {
        enum status status = read_row(reader, exposure->contenders, before, left, kept);
        if (status != STATUS_OK) {
            return status;
        }
        before = ((const struct row *)table_at(&kept->table, (size_t)i))->key;
    }
    return STATUS_OK;
}

static enum status read_all(struct numbers_reader *reader, struct exposure *exposure)
{
    read_slates(reader, exposure);
    if (reader->damaged) {
        return STATUS_CORRUPT;
    }
    enum status status = read_rows(reader, exposure, &exposure->videos);
    if (status == STATUS_OK) {
        status = read_rows(reader, exposure, &exposure->creators);
    }
    return status == STATUS_OK && numbers_left(reader) > 0 ? STATUS_CORRUPT : status;
}

enum status exposure_decode(const uint8_t *bytes, size_t size, struct exposure **out)
{
    struct numbers_reader reader = {.at = bytes, .end = bytes + size};
    struct exposure *exposure = read_header(&reader);
    if (exposure == NULL) {
        return reader.damaged ? STATUS_CORRUPT : STATUS_NO_MEMORY;
    }
    enum status status = read_all(&reader, exposure);
    if (status == STATUS_OK) {
        *out = exposure;
    } else {
        exposure_free(exposure);
    }
    return status;
}
