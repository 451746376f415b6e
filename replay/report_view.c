#include "replay/report_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "replay/report_rows.h"

static int better_of(const json_t *measure, bool counterfactual)
{
    const char *better = report_text(measure, "better");
    if (counterfactual || strcmp(better, "higher") == 0) {
        return 1;
    }
    return strcmp(better, "lower") == 0 ? -1 : 0;
}

static size_t smaller(size_t x, size_t y)
{
    return x < y ? x : y;
}

static void read_contenders(struct report_view *view)
{
    const json_t *contenders = json_object_get(view->report, "contenders");
    view->contender_count = smaller(json_array_size(contenders), REPORT_CONTENDERS_MAX);
    for (size_t i = 0; i < view->contender_count; i++) {
        view->contenders[i] = report_text(json_array_get(contenders, i), "name");
    }
}

static void read_measures(struct report_view *view)
{
    const json_t *measures =
        json_object_get(view->report, view->counterfactual ? "estimators" : "metrics");
    view->measure_count = smaller(json_array_size(measures), REPORT_MEASURES_MAX);
    for (size_t i = 0; i < view->measure_count; i++) {
        const json_t *measure = json_array_get(measures, i);
        const char *title = report_text(measure, "title");
        const char *name = report_text(measure, "name");
        view->measures[i] = (struct report_measure){
            .name = name,
            .title = title[0] != '\0' ? title : name,
            .definition = report_text(measure, "definition"),
            .better = better_of(measure, view->counterfactual),
        };
    }
}

static const json_t *find_whole(const json_t *report)
{
    const json_t *segments = json_object_get(report, "segments");
    for (size_t i = 0; i < json_array_size(segments); i++) {
        if (report_in_dimension(json_array_get(segments, i), "all")) {
            return json_array_get(segments, i);
        }
    }
    return NULL;
}

/* Those of everything, which are corrected together. */
static size_t count_comparisons(const json_t *whole)
{
    size_t count = 0;
    const json_t *differences = json_object_get(whole, "differences");
    for (size_t i = 0; i < json_array_size(differences); i++) {
        double p = report_number(json_array_get(differences, i), "p_adjusted");
        count += isnan(p) ? 0 : 1;
    }
    return count;
}

/* Shares have four digits, and larger values one less for each power of ten. */
static int digits_of(double largest)
{
    int digits = 4;
    for (double limit = 1.5; largest >= limit && digits > 0; limit *= 10) {
        digits--;
    }
    return digits;
}

static void read_digits(struct report_view *view)
{
    for (size_t i = 0; i < view->measure_count; i++) {
        double largest = 0;
        for (size_t j = 0; j < view->contender_count; j++) {
            double mean = report_mean(view, report_find_value(view, view->whole, i, j));
            largest = fabs(mean) > largest ? fabs(mean) : largest;
        }
        view->measures[i].digits = digits_of(largest);
    }
}

size_t report_find_measure(const struct report_view *view, const char *name)
{
    for (size_t i = 0; i < view->measure_count; i++) {
        if (strcmp(view->measures[i].name, name) == 0) {
            return i;
        }
    }
    return view->measure_count;
}

static bool measures_anyone(const struct report_view *view, size_t measure)
{
    for (size_t i = 1; i < view->contender_count; i++) {
        const json_t *found = report_find_difference(view, view->whole, measure, i);
        if (!isnan(report_number(found, "difference"))) {
            return true;
        }
    }
    return false;
}

/*
 * Estimators in the order they are believed in: those that correct a model's bias first, then those
 * that weigh, of which normalised ones vary less, then the rest. Never DM: its interval knows
 * nothing of how wrong its model is.
 */
static size_t preferred_estimator(const struct report_view *view)
{
    static const char *const order[] = {
        "sndr",  "dr",          "item_position_snips", "sequence_snips",
        "snips", "clipped_ips", "item_position_ips",   "sequence_ips",
        "ips",   "replay"};
    size_t first = view->measure_count;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        size_t found = report_find_measure(view, order[i]);
        if (found < view->measure_count && measures_anyone(view, found)) {
            return found;
        }
        first = first == view->measure_count ? found : first;
    }
    return first < view->measure_count ? first : 0;
}

bool report_is_kind(const struct report_view *view, size_t contender, const char *kind)
{
    const json_t *contenders = json_object_get(view->report, "contenders");
    return strcmp(report_text(json_array_get(contenders, contender), "kind"), kind) == 0;
}

static size_t first_weights(const struct report_view *view)
{
    for (size_t i = 0; i < view->contender_count; i++) {
        if (report_is_kind(view, i, "weights")) {
            return i;
        }
    }
    return 0;
}

void report_view_init(struct report_view *view, const json_t *report)
{
    *view = (struct report_view){
        .report = report,
        .counterfactual = strcmp(report_text(report, "kind"), "counterfactual") == 0,
    };
    read_contenders(view);
    read_measures(view);
    view->whole = find_whole(report);
    view->comparisons = count_comparisons(view->whole);
    view->weights = first_weights(view);
    view->headline = view->counterfactual ? preferred_estimator(view) : 0;
    read_digits(view);
    report_rows_find(view);
}

const json_t *report_find_contender(const json_t *array, size_t contender)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *element = json_array_get(array, i);
        const json_t *index = json_object_get(element, "contender");
        if (json_is_integer(index) && json_integer_value(index) == (json_int_t)contender) {
            return element;
        }
    }
    return NULL;
}

size_t report_contender_of(const struct report_view *view, const json_t *element)
{
    const json_t *index = json_object_get(element, "contender");
    json_int_t value = json_is_integer(index) ? json_integer_value(index) : -1;
    bool shown = value >= 0 && value < (json_int_t)view->contender_count;
    return shown ? (size_t)value : view->contender_count;
}

static const json_t *find(const struct report_view *view, const json_t *array, size_t measure,
                          size_t contender)
{
    const char *key = view->counterfactual ? "estimator" : "metric";
    for (size_t i = 0; measure < view->measure_count && i < json_array_size(array); i++) {
        const json_t *element = json_array_get(array, i);
        if (report_contender_of(view, element) == contender &&
            strcmp(report_text(element, key), view->measures[measure].name) == 0) {
            return element;
        }
    }
    return NULL;
}

const json_t *report_find_value(const struct report_view *view, const json_t *segment,
                                size_t measure, size_t contender)
{
    const char *array = view->counterfactual ? "estimates" : "values";
    return find(view, json_object_get(segment, array), measure, contender);
}

double report_mean(const struct report_view *view, const json_t *value)
{
    return report_number(value, view->counterfactual ? "value" : "mean");
}

const json_t *report_find_difference(const struct report_view *view, const json_t *segment,
                                     size_t measure, size_t contender)
{
    return find(view, json_object_get(segment, "differences"), measure, contender);
}

bool report_in_dimension(const json_t *segment, const char *dimension)
{
    return strcmp(report_text(segment, "dimension"), dimension) == 0;
}

const char *report_segment_name(const json_t *segment)
{
    return report_in_dimension(segment, "all") ? "everything" : report_text(segment, "name");
}

const char *report_dimension_title(const char *dimension)
{
    static const char *const titles[][2] = {
        {"locale", "locale"}, {"user_age", "age of user"}, {"arm", "experiment arm"}};
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (strcmp(dimension, titles[i][0]) == 0) {
            return titles[i][1];
        }
    }
    return dimension;
}

size_t report_find_counts(const struct report_view *view,
                          struct report_count out[REPORT_COUNTS_MAX])
{
    static const char *const counts[REPORT_COUNTS_MAX][3] = {
        {"rankings", "without_outcome", "rankings had no outcome"},
        {"rankings", "sampled", "had sampled negatives"},
        {"join", "by_ranking_id", "signals joined by ranking id"},
        {"join", "by_window", "joined by time"},
        {"join", "unjoined", "joined none"},
    };
    size_t count = 0;
    for (size_t i = 0; i < REPORT_COUNTS_MAX; i++) {
        const json_t *object = json_object_get(view->report, counts[i][0]);
        json_int_t value = report_integer(object, counts[i][1]);
        if (value > 0) {
            out[count++] = (struct report_count){counts[i][0], value, counts[i][2]};
        }
    }
    return count;
}

static const json_t *languages_of(const struct report_view *view, size_t contender)
{
    const json_t *exposures = json_object_get(view->report, "exposure");
    return json_object_get(report_find_contender(exposures, contender), "languages");
}

const json_t *report_find_languages(const struct report_view *view)
{
    const json_t *languages = NULL;
    for (size_t i = 0; i < view->contender_count && json_array_size(languages) == 0; i++) {
        languages = languages_of(view, i);
    }
    return languages;
}

const json_t *report_find_language(const struct report_view *view, size_t contender,
                                   const char *name)
{
    const json_t *languages = languages_of(view, contender);
    for (size_t i = 0; i < json_array_size(languages); i++) {
        const json_t *language = json_array_get(languages, i);
        if (strcmp(report_text(language, "name"), name) == 0) {
            return language;
        }
    }
    return NULL;
}

double report_p(const json_t *difference)
{
    double adjusted = report_number(difference, "p_adjusted");
    return isnan(adjusted) ? report_number(difference, "p") : adjusted;
}

/* Whether the interval leaves out 0, and on which side: 1, -1 or 0. */
static int side_of(const json_t *difference)
{
    return (report_number(difference, "low") > 0) - (report_number(difference, "high") < 0);
}

enum report_verdict report_judge(const json_t *difference, int better)
{
    int side = side_of(difference);
    if (isnan(report_number(difference, "difference")) || isnan(report_number(difference, "low")) ||
        isnan(report_number(difference, "high"))) {
        return REPORT_UNKNOWN;
    }
    if (side == 0 || report_number(difference, "p_adjusted") >= 0.05) {
        return REPORT_UNCLEAR;
    }
    if (better == 0) {
        return REPORT_OTHER;
    }
    return side == better ? REPORT_BETTER : REPORT_WORSE;
}

enum report_verdict report_verdict_of(const struct report_view *view, const json_t *segment,
                                      size_t measure, size_t contender)
{
    const json_t *difference = report_find_difference(view, segment, measure, contender);
    return report_judge(difference, view->measures[measure].better);
}

static size_t find_best(const struct report_view *view, bool weights)
{
    size_t best = 0;
    double most = 0;
    for (size_t i = 1; i < view->contender_count; i++) {
        const json_t *found = report_find_difference(view, view->whole, view->headline, i);
        if (weights && !report_is_kind(view, i, "weights")) {
            continue;
        }
        double difference = report_number(found, "difference");
        bool lower = view->measures[view->headline].better < 0;
        double gain = lower ? -difference : difference;
        if (!isnan(gain) && (best == 0 || gain > most)) {
            best = i;
            most = gain;
        }
    }
    return best;
}

size_t report_best(const struct report_view *view)
{
    size_t best = find_best(view, true);
    return best > 0 ? best : find_best(view, false);
}

const char *report_refusal(const json_t *value)
{
    return report_text(value, "refused");
}

/* "B ranks better than A" */
static void put_claim(FILE *file, const struct report_view *view, size_t contender,
                      enum report_verdict verdict)
{
    const char *name = view->contenders[contender];
    const char *reference = view->contenders[0];
    const char *does = view->counterfactual ? "does" : "ranks";
    switch (verdict) {
    case REPORT_BETTER:
        fprintf(file, "%s %s better than %s", name, does, reference);
        break;
    case REPORT_WORSE:
        fprintf(file, "%s %s worse than %s", name, does, reference);
        break;
    case REPORT_OTHER:
        fprintf(file, "%s differs from %s", name, reference);
        break;
    case REPORT_UNCLEAR:
        fprintf(file, "no difference between %s and %s can be told", name, reference);
        break;
    case REPORT_UNKNOWN:
        fprintf(file, "%s cannot be compared with %s", name, reference);
    }
}

static void put_evidence(FILE *file, const struct report_view *view, const json_t *difference)
{
    char number[REPORT_NUMBER_SIZE];
    char interval[REPORT_NUMBER_SIZE];
    char p[REPORT_NUMBER_SIZE];
    const struct report_measure *measure = &view->measures[view->headline];
    report_format(report_number(difference, "difference"), measure->digits, true, number);
    report_format_interval(difference, measure->digits, interval);
    report_format_p(report_p(difference), p);
    bool corrected = !isnan(report_number(difference, "p_adjusted"));
    fprintf(file, ": %s%s%s %s %s%s%s%s",
            view->counterfactual ? report_text(json_object_get(view->report, "options"), "reward")
                                 : "",
            view->counterfactual ? " per position by " : "", measure->title, number, interval,
            p[0] != '\0' ? ", " : "", p[0] != '\0' && corrected ? "corrected " : "", p);
}

/* The contender's refusal, or else that of the reference. */
static void put_refusal(FILE *file, const struct report_view *view, size_t contender)
{
    const char *title = view->measures[view->headline].title;
    const json_t *own = report_find_value(view, view->whole, view->headline, contender);
    const json_t *other = report_find_value(view, view->whole, view->headline, 0);
    if (report_refusal(own)[0] != '\0') {
        fprintf(file, ": %s is refused (%s)", title, report_refusal(own));
    } else if (!view->counterfactual && report_is_kind(view, contender, "served")) {
        fputs(": the log does not tell in which order it was served", file);
    } else if (report_refusal(other)[0] != '\0') {
        fprintf(file, ": %s of %s is refused (%s)", title, view->contenders[0],
                report_refusal(other));
    }
}

static void put_sentence(FILE *file, const struct report_view *view, size_t contender)
{
    const json_t *difference = report_find_difference(view, view->whole, view->headline, contender);
    int better = view->measure_count > 0 ? view->measures[view->headline].better : 0;
    enum report_verdict verdict = report_judge(difference, better);
    put_claim(file, view, contender, verdict);
    if (verdict != REPORT_UNKNOWN) {
        put_evidence(file, view, difference);
    } else if (view->measure_count > 0) {
        put_refusal(file, view, contender);
    }
}

char *report_sentence(const struct report_view *view, size_t contender)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (file == NULL) {
        return NULL;
    }
    put_sentence(file, view, contender);
    if (fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
