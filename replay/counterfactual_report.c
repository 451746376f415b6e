#include "replay/counterfactual_report.h"

#include <math.h>
#include <stdlib.h>

#include "replay/bootstrap.h"
#include "replay/report_family.h"

/* The report that is made. */
struct reporting {
    struct counterfactual_sums *sums;
    const struct support_limits *limits;
    bool model;
    json_t *report;
    struct report_families families;
    struct wanted *wanted; /* an estimate by itself; NULL: a report is made */
};

struct wanted {
    enum estimator estimator;
    size_t contender;
    double value; /* NaN: refused */
    struct problem reason;
};

/* A segment that is looked at. */
struct part {
    size_t segment;
    double users;
    struct bootstrap *bootstrap;
    const double *totals; /* of all columns */
    const double *peaks;
    struct support supports[CONTENDERS_MAX]; /* of observations */
};

static const enum estimator estimators[ESTIMATOR_COUNT] = {
#define X(id, name, title, definition) ESTIMATOR_##id,
    ESTIMATOR_MAP(X)
#undef X
};

static bool needs_model(enum estimator estimator)
{
    return estimator == ESTIMATOR_DM || estimator == ESTIMATOR_DR || estimator == ESTIMATOR_SNDR;
}

/* ---- what was met ---- */

static void add_counts(const struct reporting *reporting, uint64_t signals)
{
    struct counterfactual_sums *sums = reporting->sums;
    const struct counterfactual_counts *counts = &sums->counts;
    json_object_set_new(reporting->report, "decisions",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "found",
                                  (json_int_t)counts->found, "used", (json_int_t)counts->used,
                                  "slates", (json_int_t)counts->slates, "without_marginal",
                                  (json_int_t)counts->without_marginal, "told_early",
                                  (json_int_t)counts->told_early, "users",
                                  (json_int_t)tally_users(sums->observations, 0), "units",
                                  (json_int_t)tally_unit_count(sums->observations, 0)));
    json_object_set_new(reporting->report, "join",
                        report_join(counts->by_ranking_id, counts->by_window, signals));
}

static void add_estimators(const struct reporting *reporting)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ESTIMATOR_COUNT; i++) {
        if (reporting->model || !needs_model(estimators[i])) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name",
                                                  estimator_name(estimators[i]), "title",
                                                  estimator_title(estimators[i]), "definition",
                                                  estimator_definition(estimators[i])));
        }
    }
    for (size_t i = 0; reporting->sums->counts.slates > 0 && i < SLATE_ESTIMATOR_COUNT; i++) {
        enum slate_estimator estimator = (enum slate_estimator)i;
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s}", "name", slate_estimator_name(estimator),
                                        "title", slate_estimator_title(estimator), "definition",
                                        slate_estimator_definition(estimator)));
    }
    json_object_set_new(reporting->report, "estimators", list);
}

/* ---- support ---- */

static json_t *reasons_json(const struct reporting *reporting, const struct support *support,
                            uint32_t checks)
{
    json_t *list = json_array();
    for (unsigned check = 0; check < SUPPORT_CHECK_COUNT; check++) {
        if ((checks & 1U << check) != 0) {
            struct problem reason;
            support_reason(support, (enum support_check)check, reporting->limits, &reason);
            json_array_append_new(list, json_string(reason.text));
        }
    }
    return list;
}

static json_t *names_json(uint32_t checks)
{
    json_t *list = json_array();
    for (unsigned check = 0; check < SUPPORT_CHECK_COUNT; check++) {
        if ((checks & 1U << check) != 0) {
            json_array_append_new(list, json_string(support_check_name((enum support_check)check)));
        }
    }
    return list;
}

static double mean_weight(const double *sums, const void *context)
{
    (void)context;
    return sums[WEIGHING_COUNT] > 0 ? sums[WEIGHING_WEIGHT] / sums[WEIGHING_COUNT] : NAN;
}

/* Weights of a user, and all the more of a slate, go together, so their mean's error is over users.
 */
static void correct_error(const struct part *part, size_t first_column, struct support *support)
{
    struct bootstrap_interval interval;
    bootstrap_interval(part->bootstrap,
                       (struct bootstrap_statistic){.of = mean_weight,
                                                    .first_column = first_column,
                                                    .column_count = WEIGHING_SUMS},
                       &interval);
    if (!isnan(interval.error)) {
        support->mean_weight_error = interval.error;
    }
}

/* Of one position there is an observation a decision; else a column tells decisions. */
static double decisions_of(const struct counterfactual_sums *sums, const struct part *part)
{
    bool position = segments_dimension(sums->segments, part->segment) == SEGMENT_POSITION;
    return part->totals[position ? (size_t)WEIGHING_COUNT : sums->contenders * OBSERVATION_SUMS];
}

static void measure_supports(const struct counterfactual_sums *sums, struct part *part)
{
    for (size_t i = 0; i < sums->contenders; i++) {
        struct support *support = &part->supports[i];
        support_measure(part->totals + observation_column(i),
                        part->peaks + i * COUNTERFACTUAL_PEAKS, part->users, support);
        support->decisions = decisions_of(sums, part);
        correct_error(part, observation_column(i), support);
    }
}

static json_t *support_json(const struct reporting *reporting, const struct part *part,
                            size_t contender)
{
    const struct support *support = &part->supports[contender];
    struct support_verdict verdict;
    support_judge(support, SUPPORT_FOR_WEIGHTS, reporting->limits, &verdict);
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}",
                     "contender", (json_int_t)contender, "effective_sample_size",
                     report_real(support->effective_sample_size), "effective_share",
                     report_real(support->effective_share), "largest_weight",
                     report_real(support->largest_weight), "largest_weight_share",
                     report_real(support->largest_weight_share), "mean_weight",
                     report_real(support->mean_weight), "mean_weight_error",
                     report_real(support->mean_weight_error), "zero_weight_share",
                     report_real(support->zero_weight_share), "matched",
                     report_real(support->matches / part->totals[WEIGHING_COUNT]),
                     "smallest_propensity", report_real(support->smallest_propensity), "verdict",
                     verdict.refused == 0 ? "good" : "poor", "problems",
                     reasons_json(reporting, support, verdict.refused), "overridden",
                     names_json(verdict.overridden));
}

static struct support_verdict judge(const struct reporting *reporting, const struct part *part,
                                    size_t contender, enum estimator estimator)
{
    struct support_verdict verdict;
    support_judge(&part->supports[contender], support_use_of(estimator), reporting->limits,
                  &verdict);
    return verdict;
}

/* With the first of the checks that fail. */
static void refuse(const struct reporting *reporting, const struct support *support,
                   uint32_t checks, json_t *entry)
{
    json_t *reasons = reasons_json(reporting, support, checks);
    report_interval(entry, "value", &(struct bootstrap_interval){NAN, NAN, NAN, NAN});
    json_object_set(entry, "refused", json_array_get(reasons, 0));
    json_decref(reasons);
}

static void put_estimate(const struct bootstrap_interval *interval, uint32_t overridden,
                         json_t *entry)
{
    report_interval(entry, "value", interval);
    if (overridden != 0) {
        json_object_set_new(entry, "overridden", names_json(overridden));
    }
}

static json_t *entry_of(const char *estimator, size_t contender)
{
    return json_pack("{s:s, s:I}", "estimator", estimator, "contender", (json_int_t)contender);
}

/* From the first contender; measure tells the family of a group's comparison. */
static enum status put_difference(struct reporting *reporting, const struct part *part,
                                  struct bootstrap_statistic statistic,
                                  struct bootstrap_statistic reference, size_t measure,
                                  json_t *entry, json_t *list)
{
    enum segment_dimension dimension = segments_dimension(reporting->sums->segments, part->segment);
    struct bootstrap_interval interval;
    bootstrap_difference(part->bootstrap, statistic, reference, &interval);
    report_interval(entry, "difference", &interval);
    json_array_append_new(list, entry);
    return report_family_add(report_families_find(&reporting->families, dimension, measure), entry,
                             report_p_of(&interval));
}

/* ---- estimates of observations ---- */

static struct bootstrap_statistic statistic_of(size_t contender, size_t index)
{
    return (struct bootstrap_statistic){.of = estimator_statistic,
                                        .context = &estimators[index],
                                        .first_column = observation_column(contender),
                                        .column_count = OBSERVATION_SUMS};
}

static json_t *estimate_json(const struct reporting *reporting, const struct part *part,
                             size_t contender, size_t index)
{
    struct bootstrap_interval interval;
    struct support_verdict verdict = judge(reporting, part, contender, estimators[index]);
    json_t *entry = entry_of(estimator_name(estimators[index]), contender);
    if (verdict.refused != 0) {
        refuse(reporting, &part->supports[contender], verdict.refused, entry);
        return entry;
    }
    bootstrap_interval(part->bootstrap, statistic_of(contender, index), &interval);
    put_estimate(&interval, verdict.overridden, entry);
    return entry;
}

/*
 * Where both have an estimate. Of DM there is none: its interval knows the users that were drawn,
 * not how wrong its model is, so a difference would look certain that is not.
 */
static enum status add_difference(struct reporting *reporting, const struct part *part,
                                  size_t contender, size_t index, json_t *list)
{
    bool refused = judge(reporting, part, contender, estimators[index]).refused != 0 ||
                   judge(reporting, part, 0, estimators[index]).refused != 0;
    if (contender == 0 || refused || estimators[index] == ESTIMATOR_DM) {
        return STATUS_OK;
    }
    return put_difference(reporting, part, statistic_of(contender, index), statistic_of(0, index),
                          index, entry_of(estimator_name(estimators[index]), contender), list);
}

static enum status add_estimates(struct reporting *reporting, const struct part *part,
                                 json_t *estimates, json_t *differences)
{
    enum status status = STATUS_OK;
    for (size_t index = 0; index < ESTIMATOR_COUNT; index++) {
        if (needs_model(estimators[index]) && !reporting->model) {
            continue;
        }
        for (size_t i = 0; status == STATUS_OK && i < reporting->sums->contenders; i++) {
            json_array_append_new(estimates, estimate_json(reporting, part, i, index));
            status = add_difference(reporting, part, i, index, differences);
        }
    }
    return status;
}

static void add_logged(const struct reporting *reporting, const struct part *part)
{
    struct bootstrap_interval interval;
    json_t *entry = json_object();
    bootstrap_interval(
        part->bootstrap,
        (struct bootstrap_statistic){.of = estimator_logged, .column_count = OBSERVATION_SUMS},
        &interval);
    report_interval(entry, "value", &interval);
    json_object_set_new(reporting->report, "logged", entry);
}

/* ---- estimates of slates ---- */

/* What is said of a contender's figures by one kind of weights. */
struct slate_verdict {
    struct support_verdict checks; /* of the first position that is refused, or of all */
    struct support support;        /* of the position that is refused */
    bool unknown;                  /* marginals that it needs */
};

/* Of whole slates. */
static struct slate_figure figure_of(const struct counterfactual_sums *sums,
                                     enum slate_estimator estimator)
{
    return (struct slate_figure){.estimator = estimator,
                                 .position_limit = sums->positions,
                                 .first = 1,
                                 .last = sums->positions};
}

static struct bootstrap_statistic slate_statistic_of(const struct counterfactual_sums *sums,
                                                     const struct slate_figure *figure,
                                                     size_t contender)
{
    return (struct bootstrap_statistic){.of = slate_statistic,
                                        .context = figure,
                                        .first_column = slate_column(sums, contender),
                                        .column_count = slate_sum_count(sums->positions)};
}

/* False where no slate has the position. */
static bool measure_position(const struct counterfactual_sums *sums, const struct part *part,
                             const struct slate_figure *figure, size_t contender, size_t position,
                             struct support *out)
{
    const double *first = part->totals + slate_column(sums, contender);
    const double *columns = slate_position_sums(figure, position, first);
    const double *peaks = part->peaks + contender * slate_peak_count(sums->positions);
    if (!(columns[WEIGHING_COUNT] > 0)) {
        return false;
    }
    support_measure_position(columns, slate_position_peaks(figure, position, peaks), part->users,
                             out);
    correct_error(part, (size_t)(columns - part->totals), out);
    return true;
}

/* Every position must be supported. */
static struct slate_verdict judge_slate(const struct reporting *reporting, const struct part *part,
                                        const struct slate_figure *figure, size_t contender)
{
    const struct counterfactual_sums *sums = reporting->sums;
    struct slate_verdict out = {.unknown = slate_estimator_by_item(figure->estimator) &&
                                           sums->counts.without_marginal > 0};
    for (size_t i = 1; i <= figure->last && !out.unknown && out.checks.refused == 0; i++) {
        struct support_verdict verdict;
        if (measure_position(sums, part, figure, contender, i, &out.support)) {
            support_judge(&out.support, SUPPORT_FOR_WEIGHTS, reporting->limits, &verdict);
            out.checks.refused = verdict.refused;
            out.checks.overridden |= verdict.overridden;
        }
    }
    return out;
}

/* The same for all estimators of the kind of weights of this one. */
static void judge_slates(const struct reporting *reporting, const struct part *part,
                         enum slate_estimator estimator, struct slate_verdict *out)
{
    const struct slate_figure figure = figure_of(reporting->sums, estimator);
    for (size_t i = 0; i < reporting->sums->contenders; i++) {
        out[i] = judge_slate(reporting, part, &figure, i);
    }
}

static bool is_refused(const struct slate_verdict *verdict)
{
    return verdict->unknown || verdict->checks.refused != 0;
}

static const char unknown_marginals[] =
    "how likely a video was at its position, whoever stood above it, is not known: the weights "
    "that made the log are needed, as a data directory has them in its history";

static json_t *slate_json(const struct reporting *reporting, const struct part *part,
                          const struct slate_figure *figure, size_t contender,
                          const struct slate_verdict *verdict)
{
    json_t *entry = entry_of(slate_estimator_name(figure->estimator), contender);
    if (is_refused(verdict)) {
        refuse(reporting, &verdict->support, verdict->checks.refused, entry);
    } else {
        struct bootstrap_interval interval;
        bootstrap_interval(part->bootstrap, slate_statistic_of(reporting->sums, figure, contender),
                           &interval);
        put_estimate(&interval, verdict->checks.overridden, entry);
    }
    if (verdict->unknown) {
        json_object_set_new(entry, "refused", json_string(unknown_marginals));
    }
    return entry;
}

static enum status add_slate_estimator(struct reporting *reporting, const struct part *part,
                                       const struct slate_figure *figure,
                                       const struct slate_verdict *verdicts, json_t *object)
{
    const struct counterfactual_sums *sums = reporting->sums;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < sums->contenders; i++) {
        json_array_append_new(json_object_get(object, "estimates"),
                              slate_json(reporting, part, figure, i, &verdicts[i]));
        if (i > 0 && !is_refused(&verdicts[0]) && !is_refused(&verdicts[i])) {
            status = put_difference(reporting, part, slate_statistic_of(sums, figure, i),
                                    slate_statistic_of(sums, figure, 0),
                                    ESTIMATOR_COUNT + (size_t)figure->estimator,
                                    entry_of(slate_estimator_name(figure->estimator), i),
                                    json_object_get(object, "differences"));
        }
    }
    return status;
}

/* ---- segments ---- */

/* Reads a tally's segment, and calls fill with it. */
static enum status with_part(struct reporting *reporting, struct tally *tally, size_t segment,
                             enum status (*fill)(struct reporting *reporting, struct part *part,
                                                 json_t *object),
                             json_t *object)
{
    size_t units = tally_unit_count(tally, (uint32_t)segment);
    size_t columns = tally_sum_count(tally);
    size_t peak_count = tally_peak_count(tally);
    double *memory = malloc((units * columns + columns + peak_count) * sizeof(double));
    if (memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    double *totals = memory + units * columns;
    struct part part = {.segment = segment,
                        .users = (double)tally_users(tally, (uint32_t)segment),
                        .totals = totals,
                        .peaks = totals + columns};
    tally_rows(tally, (uint32_t)segment, 0, columns, memory);
    tally_totals(tally, (uint32_t)segment, 0, columns, totals);
    tally_peaks(tally, (uint32_t)segment, 0, peak_count, totals + columns);
    enum status status =
        bootstrap_new(memory, units, columns, reporting->sums->seed, &part.bootstrap);
    if (status == STATUS_OK) {
        status = fill(reporting, &part, object);
        bootstrap_free(part.bootstrap);
    }
    free(memory);
    return status;
}

static enum status fill_slates(struct reporting *reporting, struct part *part, json_t *object)
{
    struct slate_verdict by_item[CONTENDERS_MAX];
    struct slate_verdict by_sequence[CONTENDERS_MAX];
    enum status status = STATUS_OK;
    judge_slates(reporting, part, SLATE_ESTIMATOR_ITEM_POSITION_IPS, by_item);
    judge_slates(reporting, part, SLATE_ESTIMATOR_SEQUENCE_IPS, by_sequence);
    for (size_t i = 0; status == STATUS_OK && i < SLATE_ESTIMATOR_COUNT; i++) {
        const struct slate_figure figure = figure_of(reporting->sums, (enum slate_estimator)i);
        status = add_slate_estimator(
            reporting, part, &figure,
            slate_estimator_by_item(figure.estimator) ? by_item : by_sequence, object);
    }
    return status;
}

static enum status fill_segment(struct reporting *reporting, struct part *part, json_t *object)
{
    const struct counterfactual_sums *sums = reporting->sums;
    json_t *estimates = json_array();
    json_t *differences = json_array();
    json_t *support = json_array();
    measure_supports(sums, part);
    json_object_set_new(object, "decisions", report_count(decisions_of(sums, part)));
    json_object_set_new(object, "observations", report_count(part->totals[WEIGHING_COUNT]));
    json_object_set_new(object, "users", report_count(part->users));
    json_object_set_new(object, "estimates", estimates);
    json_object_set_new(object, "differences", differences);
    json_object_set_new(object, "support", support);
    for (size_t i = 0; i < sums->contenders; i++) {
        json_array_append_new(support, support_json(reporting, part, i));
    }
    if (part->segment == 0) {
        add_logged(reporting, part);
    }
    enum status status = add_estimates(reporting, part, estimates, differences);
    if (status == STATUS_OK && part->segment == 0 && sums->counts.slates > 0) {
        status = with_part(reporting, reporting->sums->slates, 0, fill_slates, object);
    }
    return status;
}

/* 0: those beyond what segments tell apart. */
static json_int_t position_of(const struct counterfactual_sums *sums, size_t segment)
{
    return strtol(segments_name(sums->segments, segment), NULL, 10);
}

/* A position's figures, by SNIPS. */
static enum status fill_position(struct reporting *reporting, struct part *part, json_t *list)
{
    json_int_t position = position_of(reporting->sums, part->segment);
    measure_supports(reporting->sums, part);
    for (size_t i = 0; i < reporting->sums->contenders; i++) {
        json_t *entry = estimate_json(reporting, part, i, ESTIMATOR_SNIPS);
        json_object_set_new(entry, "position", json_integer(position));
        json_object_set_new(entry, "decisions", report_count(decisions_of(reporting->sums, part)));
        json_array_append_new(list, entry);
    }
    return STATUS_OK;
}

static enum status add_segment(struct reporting *reporting, size_t segment, json_t *segments,
                               json_t *positions)
{
    struct counterfactual_sums *sums = reporting->sums;
    enum segment_dimension dimension = segments_dimension(sums->segments, segment);
    if (tally_unit_count(sums->observations, (uint32_t)segment) == 0) {
        return STATUS_OK;
    }
    if (dimension == SEGMENT_POSITION && position_of(sums, segment) == 0) {
        return STATUS_OK;
    }
    if (dimension == SEGMENT_POSITION) {
        return with_part(reporting, sums->observations, segment, fill_position, positions);
    }
    json_t *object = json_pack("{s:s, s:s}", "dimension", segment_dimension_name(dimension), "name",
                               segments_name(sums->segments, segment));
    json_array_append_new(segments, object);
    return with_part(reporting, sums->observations, segment, fill_segment, object);
}

static double observations_of(const struct counterfactual_sums *sums, size_t segment)
{
    double observations = 0;
    tally_totals(sums->observations, (uint32_t)segment, WEIGHING_COUNT, 1, &observations);
    return observations;
}

/* Positions as they stand, the others as segments_order() has them. */
static void order_segments(const struct counterfactual_sums *sums, uint32_t out[SEGMENTS_MAX])
{
    double sizes[SEGMENTS_MAX];
    for (size_t i = 0; i < segments_count(sums->segments); i++) {
        bool position = segments_dimension(sums->segments, i) == SEGMENT_POSITION;
        sizes[i] = position ? -(double)position_of(sums, i) : observations_of(sums, i);
    }
    segments_order(sums->segments, sizes, out);
}

static enum status add_segments(struct reporting *reporting)
{
    struct counterfactual_sums *sums = reporting->sums;
    uint32_t order[SEGMENTS_MAX];
    json_t *segments = json_array();
    json_t *positions = json_array();
    json_object_set_new(reporting->report, "segments", segments);
    json_object_set_new(reporting->report, "positions", positions);
    order_segments(sums, order);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < segments_count(sums->segments); i++) {
        status = add_segment(reporting, order[i], segments, positions);
    }
    return status == STATUS_OK ? report_families_end(&reporting->families) : status;
}

/* ---- weights ---- */

static json_t *histogram_json(const struct counterfactual_sums *sums, size_t contender)
{
    json_t *bins = json_array();
    for (size_t bin = 0; bin < WEIGHT_BINS; bin++) {
        if (sums->weights[contender][bin] > 0) {
            json_t *to = bin == 0 ? json_real(0)
                                  : (bin + 1 < WEIGHT_BINS ? json_real(weight_bin_begin(bin + 1))
                                                           : json_null());
            json_array_append_new(bins, json_pack("{s:f, s:o, s:I}", "from", weight_bin_begin(bin),
                                                  "to", to, "count",
                                                  (json_int_t)sums->weights[contender][bin]));
        }
    }
    return json_pack("{s:I, s:o}", "contender", (json_int_t)contender, "bins", bins);
}

static void add_histograms(const struct reporting *reporting)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reporting->sums->contenders; i++) {
        json_array_append_new(list, histogram_json(reporting->sums, i));
    }
    json_object_set_new(reporting->report, "weight_histograms", list);
}

enum status counterfactual_report_add(struct counterfactual_sums *sums,
                                      const struct support_limits *limits, bool model,
                                      uint64_t signals, json_t *report)
{
    struct reporting reporting = {.sums = sums, .limits = limits, .model = model, .report = report};
    add_counts(&reporting, signals);
    add_estimators(&reporting);
    enum status status = add_segments(&reporting);
    add_histograms(&reporting);
    report_families_release(&reporting.families);
    return status;
}

/* ---- an estimate by itself ---- */

static void note_reason(const struct reporting *reporting, const struct support *support,
                        uint32_t checks, struct problem *out)
{
    unsigned check = 0;
    while ((checks & 1U << check) == 0) {
        check++;
    }
    support_reason(support, (enum support_check)check, reporting->limits, out);
}

static enum status fill_wanted(struct reporting *reporting, struct part *part, json_t *object)
{
    struct wanted *wanted = reporting->wanted;
    (void)object;
    measure_supports(reporting->sums, part);
    struct support_verdict verdict = judge(reporting, part, wanted->contender, wanted->estimator);
    if (verdict.refused != 0) {
        note_reason(reporting, &part->supports[wanted->contender], verdict.refused,
                    &wanted->reason);
    } else {
        wanted->value = estimator_value(wanted->estimator,
                                        part->totals + observation_column(wanted->contender));
    }
    return STATUS_OK;
}

enum status counterfactual_estimate(struct counterfactual_sums *sums,
                                    const struct support_limits *limits, enum estimator estimator,
                                    size_t contender, double *out, struct problem *refused)
{
    struct wanted wanted = {
        .estimator = estimator, .contender = contender, .value = NAN, .reason = {""}};
    struct reporting reporting = {.sums = sums, .limits = limits, .wanted = &wanted};
    enum status status = STATUS_OK;
    if (tally_unit_count(sums->observations, 0) > 0) {
        status = with_part(&reporting, sums->observations, 0, fill_wanted, NULL);
    } else {
        problem_set(&wanted.reason, "there is no decision to estimate from");
    }
    if (status == STATUS_OK) {
        *out = wanted.value;
        *refused = wanted.reason;
    }
    return status;
}
