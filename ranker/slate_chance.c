#include "ranker/slate_chance.h"

#include "ranker/check.h"
#include "ranker/limits.h"
#include "ranker/random.h"
#include "ranker/slate_draw.h"
#include "ranker/slate_fill.h"

/* A slate that is filled a step at a time; of a plain one the order is there at once. */
struct walk {
    struct slate_input input;
    struct slate slate;
    struct slate_fill fill; /* unless plain */
    bool plain;
    size_t shown; /* positions that show somebody */
    size_t ruled; /* of these, those that rules fill */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum status walk_init(struct walk *walk, const struct slate_input *input,
                             struct arena *arena)
{
    *walk = (struct walk){
        .input = *input,
        .plain = slate_is_plain(input->model),
        .shown = least(input->positions, input->count),
    };
    walk->input.explain = false;
    enum status status = walk->plain
                             ? slate_plain_build(&walk->input, arena, NULL, &walk->slate)
                             : slate_fill_init(&walk->fill, &walk->input, &walk->slate, arena);
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(walk->slate.order != NULL);
    walk->ruled = walk->fill.position_count; /* of a plain one: 0 */
    return STATUS_OK;
}

/* Completes the order behind the positions that rules fill, which are filled. */
static void walk_on(struct walk *walk)
{
    if (!walk->plain) {
        slate_fill_rest(&walk->fill);
    }
}

/* Of those who were weighed, which one the candidate is; chance_count: none. */
static size_t find_weighed(const struct slate_fill *fill, uint32_t candidate)
{
    size_t i = 0;
    while (i < fill->chance_count && slate_fill_candidate(fill, i) != candidate) {
        i++;
    }
    return i;
}

static double chance_of(const struct slate_fill *fill, size_t i)
{
    return i < fill->chance_count ? fill->chances[i] / fill->whole : 0;
}

/* ---- one slate ---- */

/* Returns how many from the first on are possible. */
static size_t probe_ruled(struct slate_fill *fill, const uint32_t *slate, size_t count, double *out)
{
    for (size_t k = 0; k < count; k++) {
        slate_fill_weigh(fill);
        size_t at = find_weighed(fill, slate[k]);
        double chance = chance_of(fill, at);
        if (!(chance > 0)) {
            return k;
        }
        out[k] = chance;
        slate_fill_place(fill, at);
    }
    return count;
}

enum status slate_probe(const struct slate_input *input, const uint32_t *slate, size_t count,
                        struct arena *arena, double *out)
{
    CHECK(input->count <= LIMIT_CANDIDATES);
    struct walk walk;
    enum status status = walk_init(&walk, input, arena);
    if (status != STATUS_OK) {
        return status;
    }
    size_t ruled = least(count, walk.ruled);
    size_t k = probe_ruled(&walk.fill, slate, ruled, out);
    if (k == ruled && ruled < count) {
        walk_on(&walk);
        for (; k < least(count, walk.shown) && walk.slate.order[k] == slate[k]; k++) {
            out[k] = 1;
        }
    }
    for (; k < count; k++) {
        out[k] = 0;
    }
    return STATUS_OK;
}

/* ---- averages over slates ---- */

/*
 * Means over draws and, in variances, sums of squared differences from them, as Welford keeps both
 * (Technometrics 4, 1962): what never changes stays exact.
 */
struct means {
    const struct slate_marginals_query *query;
    const struct slate_marginals *out;
    double draws; /* so far, with the one under way */
};

static void add_position(struct means *means, size_t k, double chance, double value)
{
    const struct slate_marginals *out = means->out;
    double off = chance - out->probabilities[k];
    out->probabilities[k] += off / means->draws;
    out->variances[k] += off * (chance - out->probabilities[k]);
    if (means->query->values != NULL) {
        out->expected[k] += (value - out->expected[k]) / means->draws;
    }
}

static double value_of(const struct means *means, uint32_t candidate)
{
    return means->query->values != NULL ? means->query->values[candidate] : 0;
}

/* The mean value of those who were weighed. */
static double weighed_value(const struct means *means, const struct slate_fill *fill)
{
    double sum = 0;
    for (size_t i = 0; means->query->values != NULL && i < fill->chance_count; i++) {
        sum += fill->chances[i] * means->query->values[slate_fill_candidate(fill, i)];
    }
    return sum / fill->whole;
}

static void add_ruled(struct means *means, struct slate_fill *fill, size_t count,
                      struct random *random)
{
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        slate_fill_weigh(fill);
        add_position(means, k, chance_of(fill, find_weighed(fill, means->query->slate[k])),
                     weighed_value(means, fill));
        if (slate_fill_is_drawn(fill)) {
            at = slate_draw_pick(fill->chances, fill->chance_count, random_unit(random),
                                 fill->whole, fill->best);
        }
        slate_fill_place(fill, at);
    }
}

/* One draw of the slate, as far as it is asked about. */
static void add_draw(struct means *means, struct walk *walk, struct random *random)
{
    const struct slate_marginals_query *query = means->query;
    size_t ruled = least(query->count, walk->ruled);
    size_t shown = least(query->count, walk->shown);
    add_ruled(means, &walk->fill, ruled, random);
    if (ruled == shown) {
        return;
    }
    walk_on(walk);
    for (size_t k = ruled; k < shown; k++) {
        uint32_t candidate = walk->slate.order[k];
        add_position(means, k, candidate == query->slate[k] ? 1 : 0, value_of(means, candidate));
    }
}

/* From sums of squared differences to variances of means. */
static void end_means(const struct means *means)
{
    for (size_t k = 0; k < means->query->count && means->draws > 1; k++) {
        means->out->variances[k] /= means->draws * (means->draws - 1);
    }
}

static void begin_means(const struct means *means)
{
    for (size_t k = 0; k < means->query->count; k++) {
        means->out->probabilities[k] = 0;
        means->out->variances[k] = 0;
        if (means->query->values != NULL) {
            means->out->expected[k] = 0;
        }
    }
}

enum status slate_marginals(const struct slate_input *input,
                            const struct slate_marginals_query *query, struct arena *arena,
                            const struct slate_marginals *out)
{
    CHECK(input->count <= LIMIT_CANDIDATES);
    CHECK(query->draws >= 2);
    CHECK(query->draws <= SLATE_DRAWS_MAX);
    struct walk walk;
    struct means means = {.query = query, .out = out, .draws = 1};
    struct random random = {.state = query->seed};
    enum status status = walk_init(&walk, input, arena);
    if (status != STATUS_OK) {
        return status;
    }
    begin_means(&means);
    /* Where the first position is not drawn, none is, and there is one slate only. */
    bool drawn = least(query->count, walk.ruled) > 0 && slate_fill_is_drawn(&walk.fill);
    add_draw(&means, &walk, &random);
    for (size_t i = 1; drawn && i < query->draws; i++) {
        means.draws += 1;
        slate_fill_restart(&walk.fill);
        add_draw(&means, &walk, &random);
    }
    end_means(&means);
    return STATUS_OK;
}
