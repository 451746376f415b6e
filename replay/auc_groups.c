#include "replay/auc_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/check.h"
#include "ranker/random.h"
#include "replay/numbers.h"
#include "replay/student.h"

enum {
    STEP_BITS = 10,
    STEPS = 1 << STEP_BITS,
    FIRST_EXPONENT = -32,
    END_EXPONENT = 19,                           /* of AUC_SCORE_END */
    OCTAVES = END_EXPONENT - FIRST_EXPONENT + 1, /* the first is of 0 alone */
    BINS = OCTAVES * STEPS,
    CELLS = AUC_GROUPS * BINS,
    MANTISSA_BITS = 52,
    EXPONENT_BIAS = 1023,
    FORMAT_VERSION = 1
};

struct cell {
    uint64_t positives;
    uint64_t negatives;
};

struct auc_groups {
    uint64_t cases;
    uint64_t octaves[AUC_GROUPS];             /* a bit for each block that is there */
    struct cell *blocks[AUC_GROUPS][OCTAVES]; /* owned, STEPS cells each; NULL: all 0 */
};

struct auc_groups *auc_groups_new(void)
{
    return calloc(1, sizeof(struct auc_groups));
}

/* The lowest octave of some, which it is taken from; for loops over those that are there. */
static size_t take_octave(uint64_t *octaves)
{
    size_t octave = (size_t)__builtin_ctzll(*octaves);
    *octaves &= *octaves - 1;
    return octave;
}

void auc_groups_free(struct auc_groups *groups)
{
    for (size_t i = 0; groups != NULL && i < AUC_GROUPS; i++) {
        for (uint64_t octaves = groups->octaves[i]; octaves != 0;) {
            free(groups->blocks[i][take_octave(&octaves)]);
        }
    }
    free(groups);
}

/* The exponent and the first bits of the mantissa are next to each other in a double. */
static size_t bin_of(double score)
{
    CHECK(score >= 0 && score < AUC_SCORE_END);
    if (score < 0x1p-32) {
        return 0;
    }
    uint64_t bits;
    memcpy(&bits, &score, sizeof(bits));
    bits >>= MANTISSA_BITS - STEP_BITS;
    return (size_t)(bits - ((uint64_t)(EXPONENT_BIAS + FIRST_EXPONENT) << STEP_BITS)) + STEPS;
}

/* Keys of other kinds than hashes, and parts cut by the key, spread evenly all the same. */
static size_t group_of(uint64_t user_key)
{
    struct random mixed = {user_key};
    return random_next(&mixed) >> 58;
}

/* STATUS_NO_MEMORY. */
static enum status need_block(struct auc_groups *groups, size_t group, size_t octave)
{
    struct cell **block = &groups->blocks[group][octave];
    if (*block == NULL) {
        *block = calloc(STEPS, sizeof(**block));
    }
    if (*block == NULL) {
        return STATUS_NO_MEMORY;
    }
    groups->octaves[group] |= UINT64_C(1) << octave;
    return STATUS_OK;
}

static void add_cell(struct cell *to, struct cell cell)
{
    to->positives += cell.positives;
    to->negatives += cell.negatives;
}

/* Adds to a cell by its number, group * BINS + bin. */
static enum status add(struct auc_groups *groups, size_t number, struct cell cell)
{
    size_t group = number / BINS;
    size_t bin = number % BINS;
    if (cell.positives > AUC_CASES_MAX - groups->cases ||
        cell.negatives > AUC_CASES_MAX - groups->cases - cell.positives) {
        return STATUS_INVALID;
    }
    enum status status = need_block(groups, group, bin / STEPS);
    if (status == STATUS_OK) {
        add_cell(&groups->blocks[group][bin / STEPS][bin % STEPS], cell);
        groups->cases += cell.positives + cell.negatives;
    }
    return status;
}

enum status auc_groups_add(struct auc_groups *groups, uint64_t user_key, double score,
                           bool positive)
{
    return add(groups, group_of(user_key) * BINS + bin_of(score),
               (struct cell){.positives = positive, .negatives = !positive});
}

/* Makes room for all that from has. */
static enum status need_blocks(struct auc_groups *groups, const struct auc_groups *from)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        for (uint64_t octaves = from->octaves[i]; octaves != 0 && status == STATUS_OK;) {
            status = need_block(groups, i, take_octave(&octaves));
        }
    }
    return status;
}

static void add_block(struct cell *to, const struct cell *from)
{
    for (size_t i = 0; i < STEPS; i++) {
        add_cell(&to[i], from[i]);
    }
}

enum status auc_groups_merge(struct auc_groups *groups, const struct auc_groups *from)
{
    if (from->cases > AUC_CASES_MAX - groups->cases) {
        return STATUS_INVALID;
    }
    enum status status = need_blocks(groups, from);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        for (uint64_t octaves = from->octaves[i]; octaves != 0;) {
            size_t octave = take_octave(&octaves);
            add_block(groups->blocks[i][octave], from->blocks[i][octave]);
        }
    }
    groups->cases += from->cases;
    return STATUS_OK;
}

/* Where a walk over the bins, from low scores to high ones, has come to. */
struct walk {
    double positives;
    double negatives;
    double won_twice; /* pairs, ties counting 1 and those won 2 */
    double tied;
};

/* Of all cases, and of all but those of a group. */
struct walks {
    struct walk all;
    struct walk without[AUC_GROUPS];
    double cases[AUC_GROUPS];
};

static void step(struct walk *walk, double positives, double negatives)
{
    walk->won_twice += positives * (2 * walk->negatives + negatives);
    walk->tied += positives * negatives;
    walk->positives += positives;
    walk->negatives += negatives;
}

static struct cell cell_at(const struct auc_groups *groups, size_t group, size_t bin)
{
    const struct cell *block = groups->blocks[group][bin / STEPS];
    return block != NULL ? block[bin % STEPS] : (struct cell){0, 0};
}

static void walk_bin(const struct auc_groups *groups, size_t bin, struct walks *walks)
{
    struct cell all = {0, 0};
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        add_cell(&all, cell_at(groups, i, bin));
    }
    if (all.positives + all.negatives == 0) {
        return;
    }
    step(&walks->all, (double)all.positives, (double)all.negatives);
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        struct cell cell = cell_at(groups, i, bin);
        step(&walks->without[i], (double)(all.positives - cell.positives),
             (double)(all.negatives - cell.negatives));
        walks->cases[i] += (double)cell.positives + (double)cell.negatives;
    }
}

/* Of any group; scores are of a few powers of two mostly. */
static uint64_t all_octaves(const struct auc_groups *groups)
{
    uint64_t all = 0;
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        all |= groups->octaves[i];
    }
    return all;
}

static void walk(const struct auc_groups *groups, struct walks *walks)
{
    memset(walks, 0, sizeof(*walks));
    for (uint64_t octaves = all_octaves(groups); octaves != 0;) {
        size_t octave = take_octave(&octaves);
        for (size_t i = 0; i < STEPS; i++) {
            walk_bin(groups, octave * STEPS + i, walks);
        }
    }
}

static double auc_of(const struct walk *walk)
{
    double pairs = walk->positives * walk->negatives;
    return pairs > 0 ? walk->won_twice / 2 / pairs : NAN;
}

/* An estimate, and what it is without each group. */
struct replicates {
    double value;
    double without[AUC_GROUPS];
    bool used[AUC_GROUPS]; /* groups with cases */
};

struct jackknife {
    double error;     /* standard error; NaN: none */
    unsigned degrees; /* of freedom, at least 1 where there is an error */
};

static struct jackknife jackknife_of(const struct replicates *replicates)
{
    double squares = 0;
    double count = 0;
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        if (replicates->used[i]) {
            double away = replicates->without[i] - replicates->value;
            squares += away * away;
            count++;
        }
    }
    if (count < 2) {
        return (struct jackknife){NAN, 1};
    }
    return (struct jackknife){sqrt(squares * (count - 1) / count), (unsigned)count - 1};
}

static double margin_of(struct jackknife jackknife)
{
    return jackknife.error * student_quantile(0.05, jackknife.degrees);
}

void auc_groups_estimate(const struct auc_groups *groups, struct auc_estimate *out)
{
    struct walks walks;
    walk(groups, &walks);
    struct replicates replicates = {.value = auc_of(&walks.all)};
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        replicates.without[i] = auc_of(&walks.without[i]);
        replicates.used[i] = walks.cases[i] > 0;
    }
    double margin = margin_of(jackknife_of(&replicates));
    *out = (struct auc_estimate){
        .value = replicates.value,
        .low = isnan(margin) ? NAN : fmax(0, replicates.value - margin),
        .high = isnan(margin) ? NAN : fmin(1, replicates.value + margin),
        .within_bin = walks.all.tied / 2 / (walks.all.positives * walks.all.negatives),
        .positives = (uint64_t)walks.all.positives,
        .negatives = (uint64_t)walks.all.negatives,
    };
}

static double p_of(double value, struct jackknife jackknife)
{
    if (isnan(value) || isnan(jackknife.error)) {
        return NAN;
    }
    if (jackknife.error > 0) {
        return student_tail(value / jackknife.error, jackknife.degrees);
    }
    return fabs(value) > 0 ? 0 : 1;
}

void auc_groups_compare(const struct auc_groups *contender, const struct auc_groups *reference,
                        struct auc_difference *out)
{
    struct walks ours;
    struct walks theirs;
    walk(contender, &ours);
    walk(reference, &theirs);
    struct replicates replicates = {.value = auc_of(&ours.all) - auc_of(&theirs.all)};
    for (size_t i = 0; i < AUC_GROUPS; i++) {
        replicates.without[i] = auc_of(&ours.without[i]) - auc_of(&theirs.without[i]);
        replicates.used[i] = ours.cases[i] > 0 || theirs.cases[i] > 0;
    }
    struct jackknife jackknife = jackknife_of(&replicates);
    double margin = margin_of(jackknife);
    *out = (struct auc_difference){
        .value = replicates.value,
        .low = replicates.value - margin,
        .high = replicates.value + margin,
        .p = p_of(replicates.value, jackknife),
    };
}

static struct cell cell_numbered(const struct auc_groups *groups, size_t number)
{
    return cell_at(groups, number / BINS, number % BINS);
}

/* number, if its block is there, else that of the first cell of a later one. */
static size_t next_in_block(const struct auc_groups *groups, size_t number)
{
    for (size_t group = number / BINS; group < AUC_GROUPS; group++) {
        size_t octave = number / BINS == group ? number % BINS / STEPS : 0;
        uint64_t left = groups->octaves[group] >> octave << octave;
        if (left != 0) {
            size_t first = group * BINS + take_octave(&left) * STEPS;
            return first < number ? number : first;
        }
    }
    return CELLS;
}

/* The first cell from number on that has a case; CELLS when there is none. */
static size_t next_cell(const struct auc_groups *groups, size_t number)
{
    for (size_t at = next_in_block(groups, number); at < CELLS;
         at = next_in_block(groups, at + 1)) {
        struct cell cell = cell_numbered(groups, at);
        if (cell.positives + cell.negatives > 0) {
            return at;
        }
    }
    return CELLS;
}

static uint64_t count_cells(const struct auc_groups *groups)
{
    uint64_t count = 0;
    for (size_t i = next_cell(groups, 0); i < CELLS; i = next_cell(groups, i + 1)) {
        count++;
    }
    return count;
}

enum status auc_groups_encode(const struct auc_groups *groups, uint8_t **out, size_t *size)
{
    struct numbers_writer writer = {.bytes = NULL};
    numbers_put_byte(&writer, FORMAT_VERSION);
    numbers_put(&writer, count_cells(groups));
    size_t next = 0; /* one behind the last cell written */
    for (size_t i = next_cell(groups, 0); i < CELLS; i = next_cell(groups, i + 1)) {
        struct cell cell = cell_numbered(groups, i);
        numbers_put(&writer, i - next + 1);
        numbers_put(&writer, cell.positives);
        numbers_put(&writer, cell.negatives);
        next = i + 1;
    }
    if (writer.full) {
        free(writer.bytes);
        return STATUS_NO_MEMORY;
    }
    *out = writer.bytes;
    *size = writer.size;
    return STATUS_OK;
}

/* *next is one behind the last cell read. */
static enum status read_cell(struct numbers_reader *reader, size_t *next, struct auc_groups *groups)
{
    uint64_t distance = numbers_get(reader);
    struct cell cell = {.positives = numbers_get(reader)};
    cell.negatives = numbers_get(reader);
    if (reader->damaged || distance == 0 || distance > CELLS - *next ||
        (cell.positives == 0 && cell.negatives == 0)) {
        return STATUS_CORRUPT;
    }
    size_t number = *next + (size_t)distance - 1;
    *next = number + 1;
    enum status status = add(groups, number, cell);
    return status == STATUS_INVALID ? STATUS_CORRUPT : status;
}

static enum status read_all(struct numbers_reader *reader, struct auc_groups *groups)
{
    uint8_t version = numbers_get_byte(reader);
    uint64_t count = numbers_get(reader);
    enum status status = version == FORMAT_VERSION ? STATUS_OK : STATUS_CORRUPT;
    size_t next = 0;
    for (uint64_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_cell(reader, &next, groups);
    }
    if (status != STATUS_OK) {
        return status;
    }
    return reader->damaged || numbers_left(reader) > 0 ? STATUS_CORRUPT : STATUS_OK;
}

enum status auc_groups_decode(const uint8_t *bytes, size_t size, struct auc_groups **out)
{
    struct numbers_reader reader = {.at = bytes, .end = bytes + size};
    struct auc_groups *groups = auc_groups_new();
    if (groups == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = read_all(&reader, groups);
    if (status == STATUS_OK) {
        *out = groups;
    } else {
        auc_groups_free(groups);
    }
    return status;
}
