#include "replay/ranking_report.h"

#include <math.h>
#include <stdlib.h>

#include "ranker/locale.h"
#include "replay/bootstrap.h"
#include "replay/report_family.h"

/* The report that is made. */
struct reporting {
    struct ranking_sums *sums;
    json_t *report;
    struct report_families families;
};

/* ---- what was met ---- */

static void add_counts(const struct reporting *reporting, uint64_t signals)
{
    struct ranking_sums *sums = reporting->sums;
    const struct ranking_counts *counts = &sums->counts;
    json_object_set_new(
        reporting->report, "rankings",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "found", (json_int_t)counts->found,
                  "measured", (json_int_t)counts->measured, "without_outcome",
                  (json_int_t)counts->without_outcome, "sampled", (json_int_t)counts->sampled,
                  "told_early", (json_int_t)counts->told_early, "users",
                  (json_int_t)tally_users(sums->metrics, 0), "units",
                  (json_int_t)tally_unit_count(sums->metrics, 0)));
    json_object_set_new(reporting->report, "join",
                        report_join(counts->by_ranking_id, counts->by_window, signals));
}

static json_t *metric_json(enum metric metric, size_t k)
{
    char name[METRIC_NAME_SIZE];
    char title[METRIC_TITLE_SIZE];
    metric_name(metric, k, name);
    metric_title(metric, k, title);
    return json_pack("{s:s, s:s, s:s, s:s}", "name", name, "title", title, "definition",
                     metric_definition(metric), "better",
                     metric_better_name(metric_better(metric)));
}

/* In the order of the report: the first one is what verdicts rest on. */
static const enum metric metrics[] = {METRIC_NDCG_AT,       METRIC_NDCG,         METRIC_MAP,
                                      METRIC_MRR,           METRIC_PRECISION_AT, METRIC_RECALL_AT,
                                      METRIC_HIT_AT,        METRIC_GAUC,         METRIC_AUC,
                                      METRIC_WATCH_NDCG_AT, METRIC_WATCH_NDCG,   METRIC_XAUC};

_Static_assert(sizeof(metrics) / sizeof(metrics[0]) == METRIC_AUC + 1, "all of them");

static void add_metrics(const struct reporting *reporting)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        json_array_append_new(list, metric_json(metrics[i], reporting->sums->k));
    }
    json_object_set_new(reporting->report, "metrics", list);
    list = json_array();
    for (size_t i = METRIC_AUC + 1; i < METRIC_COUNT; i++) {
        json_array_append_new(list, metric_json((enum metric)i, reporting->sums->k));
    }
    json_object_set_new(reporting->report, "exposure_metrics", list);
}

/* ---- draws ---- */

/* A segment of a tally, drawn again and again. */
struct draws {
    double *rows; /* owned; the bootstrap reads them */
    struct bootstrap *bootstrap;
};

static enum status draws_init(struct tally *tally, size_t segment, uint64_t seed, struct draws *out)
{
    size_t units = tally_unit_count(tally, (uint32_t)segment);
    size_t columns = tally_sum_count(tally);
    double *rows = malloc(units * columns * sizeof(*rows));
    if (rows == NULL) {
        return STATUS_NO_MEMORY;
    }
    tally_rows(tally, (uint32_t)segment, 0, columns, rows);
    out->rows = rows;
    enum status status = bootstrap_new(rows, units, columns, seed, &out->bootstrap);
    if (status != STATUS_OK) {
        free(rows);
    }
    return status;
}

static void draws_release(struct draws *draws)
{
    bootstrap_free(draws->bootstrap);
    free(draws->rows);
}

/* ---- segments ---- */

static json_t *entry_of(const struct reporting *reporting, enum metric metric, size_t contender)
{
    char name[METRIC_NAME_SIZE];
    metric_name(metric, reporting->sums->k, name);
    return json_pack("{s:s, s:I}", "metric", name, "contender", (json_int_t)contender);
}

static struct bootstrap_statistic mean_of(size_t contender, size_t metric)
{
    return (struct bootstrap_statistic){.of = bootstrap_ratio,
                                        .first_column = ranking_column(contender, metric),
                                        .column_count = 2};
}

static void add_value(const struct reporting *reporting, struct bootstrap *bootstrap,
                      size_t contender, size_t metric, json_t *values)
{
    struct bootstrap_interval interval;
    json_t *entry = entry_of(reporting, (enum metric)metric, contender);
    bootstrap_interval(bootstrap, mean_of(contender, metric), &interval);
    report_interval(entry, "mean", &interval);
    json_array_append_new(values, entry);
}

static struct report_family *family_of(struct reporting *reporting, size_t segment, size_t metric)
{
    return report_families_find(&reporting->families,
                                segments_dimension(reporting->sums->segments, segment), metric);
}

static enum status add_difference(struct reporting *reporting, struct bootstrap *bootstrap,
                                  size_t segment, size_t contender, size_t metric,
                                  json_t *differences)
{
    struct bootstrap_interval interval;
    json_t *entry = entry_of(reporting, (enum metric)metric, contender);
    bootstrap_difference(bootstrap, mean_of(contender, metric), mean_of(0, metric), &interval);
    report_interval(entry, "difference", &interval);
    json_array_append_new(differences, entry);
    return report_family_add(family_of(reporting, segment, metric), entry, report_p_of(&interval));
}

static enum status add_means(struct reporting *reporting, struct bootstrap *bootstrap,
                             size_t segment, json_t *values, json_t *differences)
{
    enum status status = STATUS_OK;
    for (size_t metric = 0; metric < RANKING_METRICS; metric++) {
        for (size_t i = 0; status == STATUS_OK && i < reporting->sums->contenders; i++) {
            add_value(reporting, bootstrap, i, metric, values);
            if (i > 0) {
                status = add_difference(reporting, bootstrap, segment, i, metric, differences);
            }
        }
    }
    return status;
}

/* Of everything alone. */
static enum status add_auc(struct reporting *reporting, json_t *values, json_t *differences)
{
    struct auc_groups *const *auc = reporting->sums->auc;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < reporting->sums->contenders; i++) {
        if (auc[i] == NULL) {
            continue;
        }
        struct auc_estimate estimate;
        json_t *entry = entry_of(reporting, METRIC_AUC, i);
        auc_groups_estimate(auc[i], &estimate);
        report_interval(
            entry, "mean",
            &(struct bootstrap_interval){estimate.value, estimate.low, estimate.high, 0});
        json_array_append_new(values, entry);
        if (i > 0 && auc[0] != NULL) {
            struct auc_difference compared;
            json_t *difference = entry_of(reporting, METRIC_AUC, i);
            auc_groups_compare(auc[i], auc[0], &compared);
            report_interval(
                difference, "difference",
                &(struct bootstrap_interval){compared.value, compared.low, compared.high, 0});
            json_array_append_new(differences, difference);
            status = report_family_add(family_of(reporting, 0, METRIC_AUC), difference, compared.p);
        }
    }
    return status;
}

static enum status fill_segment(struct reporting *reporting, size_t segment, json_t *values,
                                json_t *differences)
{
    const struct ranking_sums *sums = reporting->sums;
    struct draws draws;
    enum status status = draws_init(sums->metrics, segment, sums->seed, &draws);
    if (status != STATUS_OK) {
        return status;
    }
    status = add_means(reporting, draws.bootstrap, segment, values, differences);
    draws_release(&draws);
    return status == STATUS_OK && segment == 0 ? add_auc(reporting, values, differences) : status;
}

static double rankings_of(const struct ranking_sums *sums, size_t segment)
{
    double rankings = 0;
    tally_totals(sums->metrics, (uint32_t)segment, ranking_columns(sums->contenders) - 1, 1,
                 &rankings);
    return rankings;
}

static enum status add_segment(struct reporting *reporting, size_t segment, json_t *list)
{
    struct ranking_sums *sums = reporting->sums;
    if (tally_unit_count(sums->metrics, (uint32_t)segment) == 0) {
        return STATUS_OK;
    }
    json_t *values = json_array();
    json_t *differences = json_array();
    json_t *object = json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "dimension",
                               segment_dimension_name(segments_dimension(sums->segments, segment)),
                               "name", segments_name(sums->segments, segment), "rankings",
                               report_count(rankings_of(sums, segment)), "users",
                               (json_int_t)tally_users(sums->metrics, (uint32_t)segment), "values",
                               values, "differences", differences);
    json_array_append_new(list, object);
    return fill_segment(reporting, segment, values, differences);
}

static enum status add_segments(struct reporting *reporting)
{
    json_t *list = json_array();
    json_object_set_new(reporting->report, "segments", list);
    const struct segments *segments = reporting->sums->segments;
    enum status status = STATUS_OK;
    double sizes[SEGMENTS_MAX];
    uint32_t order[SEGMENTS_MAX];
    for (size_t i = 0; i < segments_count(segments); i++) {
        sizes[i] = rankings_of(reporting->sums, i);
    }
    segments_order(segments, sizes, order);
    for (size_t i = 0; status == STATUS_OK && i < segments_count(segments); i++) {
        status = add_segment(reporting, order[i], list);
    }
    return status == STATUS_OK ? report_families_end(&reporting->families) : status;
}

/* ---- exposure ---- */

static double language_share(const double *sums, const void *context)
{
    size_t language = *(const size_t *)context;
    return sums[EXPOSED_ALL] > 0 ? sums[language] / sums[EXPOSED_ALL] : NAN;
}

static json_t *language_json(const struct ranking_sums *sums, struct bootstrap *bootstrap,
                             size_t contender, size_t language)
{
    char name[LOCALE_TEXT_SIZE] = "other";
    struct bootstrap_interval share;
    if (language < sums->language_count) {
        locale_format_language(sums->languages[language], name);
    }
    bootstrap_interval(
        bootstrap,
        (struct bootstrap_statistic){.of = language_share,
                                     .context = &language,
                                     .first_column = ranking_exposure_column(contender, 0),
                                     .column_count = EXPOSED_COLUMNS},
        &share);
    json_t *object = json_pack("{s:s}", "name", name);
    report_interval(object, "share", &share);
    return object;
}

/* The same for all contenders: by what the first one gives to each, the most first. */
static void order_languages(const struct ranking_sums *sums, const double *totals, size_t *out)
{
    for (size_t i = 0; i < sums->language_count; i++) {
        size_t at = i;
        for (; at > 0 && totals[out[at - 1]] < totals[i]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = i;
    }
}

static json_t *languages_json(const struct ranking_sums *sums, struct bootstrap *bootstrap,
                              size_t contender, const double *totals)
{
    size_t order[RANKING_LANGUAGES];
    json_t *list = json_array();
    order_languages(sums, totals, order);
    for (size_t i = 0; i < sums->language_count; i++) {
        json_array_append_new(list, language_json(sums, bootstrap, contender, order[i]));
    }
    if (totals[ranking_exposure_column(contender, RANKING_LANGUAGES)] > 0) {
        json_array_append_new(list, language_json(sums, bootstrap, contender, RANKING_LANGUAGES));
    }
    return list;
}

static json_t *lorenz_json(const struct exposure_spread *spread)
{
    json_t *list = json_array();
    for (size_t i = 0; i <= EXPOSURE_LORENZ_STEPS && !isnan(spread->gini); i++) {
        json_array_append_new(
            list, json_pack("[f, f]", (double)i / EXPOSURE_LORENZ_STEPS, spread->lorenz[i]));
    }
    return list;
}

static json_t *contender_json(const struct ranking_sums *sums, struct bootstrap *bootstrap,
                              size_t contender, const double *totals,
                              const struct exposure_figures *figures)
{
    const double *columns = &totals[ranking_exposure_column(contender, 0)];
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:o, s:o}, s:o}", "contender",
        (json_int_t)contender, "positions", report_count(columns[EXPOSED_POSITIONS]), "violations",
        report_count(columns[EXPOSED_FORBIDDEN]), "coverage", report_real(figures->videos.coverage),
        "gini", report_real(figures->videos.gini), "creator_gini",
        report_real(figures->creators.gini), "languages",
        languages_json(sums, bootstrap, contender, totals), "creators", "count",
        (json_int_t)figures->creators.count, "top_1_percent",
        report_real(figures->creators.top_1_percent), "top_10_percent",
        report_real(figures->creators.top_10_percent), "lorenz", lorenz_json(&figures->videos));
}

static enum status fill_exposure(const struct reporting *reporting, struct bootstrap *bootstrap,
                                 json_t *list)
{
    struct ranking_sums *sums = reporting->sums;
    double totals[CONTENDERS_MAX * EXPOSED_COLUMNS];
    enum status status = STATUS_OK;
    tally_totals(sums->exposures, 0, 0, sums->contenders * EXPOSED_COLUMNS, totals);
    for (size_t i = 0; status == STATUS_OK && i < sums->contenders; i++) {
        struct exposure_figures figures;
        status = exposure_sum_up(sums->spread, i, &figures);
        if (status == STATUS_OK) {
            json_array_append_new(list, contender_json(sums, bootstrap, i, totals, &figures));
        }
    }
    return status;
}

static enum status add_exposure(const struct reporting *reporting)
{
    struct ranking_sums *sums = reporting->sums;
    json_t *list = json_array();
    struct draws draws;
    json_object_set_new(reporting->report, "exposure", list);
    if (tally_unit_count(sums->exposures, 0) == 0) {
        return STATUS_OK;
    }
    enum status status = draws_init(sums->exposures, 0, sums->seed, &draws);
    if (status != STATUS_OK) {
        return status;
    }
    status = fill_exposure(reporting, draws.bootstrap, list);
    draws_release(&draws);
    return status;
}

enum status ranking_report_add(struct ranking_sums *sums, uint64_t signals, json_t *report)
{
    struct reporting reporting = {.sums = sums, .report = report};
    add_counts(&reporting, signals);
    add_metrics(&reporting);
    enum status status = add_segments(&reporting);
    if (status == STATUS_OK) {
        status = add_exposure(&reporting);
    }
    report_families_release(&reporting.families);
    return status;
}
