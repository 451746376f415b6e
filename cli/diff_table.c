#include "cli/diff_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/column.h"
#include "replay/report_format.h"

enum { NAME_WIDTH = 26, GROUPS_SHOWN = 8, MOVERS_SHOWN = 10, VALUE_WIDTH = 24, KEY_WIDTH = 44 };

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static int64_t integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* An arrow where the interval leaves no doubt, a dot where it does. */
static const char *arrow(const json_t *group)
{
    if (number(group, "low") > 0) {
        return "▲";
    }
    return number(group, "high") < 0 ? "▼" : "·";
}

/* Never "-0.00". */
static double rounded(double value)
{
    return value > -0.005 && value < 0.005 ? 0 : value;
}

static void print_name(const char *name)
{
    printf("  ");
    column_print(stdout, name, NAME_WIDTH);
}

static void print_weights(const char *side, const json_t *weights)
{
    printf("%s  ", side);
    column_print_all(stdout, report_text(weights, "version"));
    if (report_text(weights, "name")[0] != '\0') {
        printf("  (");
        column_print_all(stdout, report_text(weights, "name"));
        printf(")");
    }
    printf("\n");
}

static void print_source(const json_t *report)
{
    char from[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    report_format_time(integer(report, "from_ms"), from);
    report_format_time(integer(report, "to_ms"), to);
    printf("%" PRId64 " requests of the %s", integer(report, "requests"),
           report_text(report, "source"));
    if (integer(report, "requests") > 0) {
        printf(", %s to %s UTC", from, to);
    }
    printf("\n");
    int64_t known = integer(report, "served_known");
    if (known > 0) {
        printf("the old weights give %.1f %% of the served orders again\n",
               100 * (double)integer(report, "served_again") / (double)known);
    }
    if (integer(report, "passed_over") > 0) {
        printf("%" PRId64 " requests passed over: they cannot be read or ranked\n",
               integer(report, "passed_over"));
    }
}

static void print_share(const json_t *figures, const char *name, const char *label)
{
    const json_t *figure = json_object_get(figures, name);
    print_name(label);
    printf("%7.1f %%   %5.1f to %5.1f\n", 100 * number(figure, "value"),
           100 * number(figure, "low"), 100 * number(figure, "high"));
}

static void print_mean(const json_t *figures, const char *name, const char *label)
{
    const json_t *figure = json_object_get(figures, name);
    if (integer(figure, "count") == 0) {
        return;
    }
    print_name(label);
    printf("%7.3f     %5.3f to %5.3f\n", number(figure, "value"), number(figure, "low"),
           number(figure, "high"));
}

static void print_figures(const json_t *report)
{
    const json_t *figures = json_object_get(report, "figures");
    printf("\n%-*s requests   95 %% interval\n", NAME_WIDTH + 2, "changes");
    print_share(figures, "top_1_changed", "another first video");
    print_share(figures, "top_10_changed", "other videos in the top 10");
    print_share(figures, "top_10_reordered", "another top 10 or order");
    print_share(figures, "slate_changed", "anything");
    print_mean(figures, "kendall_tau", "Kendall's tau");
    print_mean(figures, "rank_biased_overlap", "rank-biased overlap");
}

static void print_group(const json_t *group)
{
    print_name(report_text(group, "name"));
    printf("%7.2f  %7.2f   %s %+6.2f   %+6.2f to %+6.2f\n", 100 * number(group, "before"),
           100 * number(group, "after"), arrow(group), rounded(100 * number(group, "change")),
           rounded(100 * number(group, "low")), rounded(100 * number(group, "high")));
}

static void print_dimension(const char *title, const json_t *groups)
{
    size_t count = json_array_size(groups);
    if (count == 0) {
        return;
    }
    printf("\n%-*s  before    after     change   95 %% interval\n", NAME_WIDTH + 2, title);
    for (size_t i = 0; i < count && i < GROUPS_SHOWN; i++) {
        print_group(json_array_get(groups, i));
    }
    if (count > GROUPS_SHOWN) {
        printf("  and %zu more with less\n", count - GROUPS_SHOWN);
    }
}

static void print_exposure(const json_t *report)
{
    static const struct {
        const char *name;
        const char *title;
    } dimensions[] = {
        {"language", "exposure by language, %"},
        {"region", "by creator's region"},
        {"creator_size", "by creator's videos"},
        {"curated", "by curated tier"},
        {"premium", "premium"},
        {"age", "by age of video"},
    };
    const json_t *exposure = json_object_get(report, "exposure");
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]); i++) {
        print_dimension(dimensions[i].title, json_object_get(exposure, dimensions[i].name));
    }
}

static void print_counts(const char *name, int64_t before, int64_t after)
{
    print_name(name);
    printf("%9" PRId64 " %9" PRId64 " %+9" PRId64 "\n", before, after, after - before);
}

static void print_drops(const json_t *report)
{
    const json_t *drops = json_object_get(report, "drops");
    const json_t *places = json_object_get(report, "places");
    printf("\n%-*s   before     after    change\n", NAME_WIDTH + 2, "candidates");
    print_counts("shown", integer(places, "before"), integer(places, "after"));
    for (size_t i = 0; i < json_array_size(drops); i++) {
        const json_t *drop = json_array_get(drops, i);
        print_counts(report_text(drop, "rule"), integer(drop, "before"), integer(drop, "after"));
    }
    printf("  newly shown %" PRId64 ", no longer %" PRId64 "\n", integer(places, "newly_shown"),
           integer(places, "no_longer_shown"));
}

static void print_mover(const json_t *mover)
{
    const char *id = report_text(mover, "video_id");
    double change = 100 * number(mover, "exposure_change");
    print_name(id[0] != '\0' ? id : report_text(mover, "key"));
    printf("%s %+8.3f ", change > 0 ? "▲" : "▼", change);
    if (integer(mover, "shown_both") > 0) {
        printf("%+10.1f", number(mover, "mean_position_change"));
    } else {
        printf("%10s", "");
    }
    printf(" %8" PRId64 " %8" PRId64 "\n", integer(mover, "shown_before"),
           integer(mover, "shown_after"));
}

static void print_movers(const json_t *report)
{
    const json_t *movers = json_object_get(report, "movers");
    if (json_array_size(movers) == 0) {
        return;
    }
    printf("\n%-*s exposure   positions  shown before, after\n", NAME_WIDTH + 2, "biggest movers");
    for (size_t i = 0; i < json_array_size(movers) && i < MOVERS_SHOWN; i++) {
        print_mover(json_array_get(movers, i));
    }
}

static void print_changes(const json_t *report)
{
    const json_t *changes = json_object_get(report, "changes");
    if (json_array_size(changes) == 0) {
        return;
    }
    printf("\nkeys that differ\n");
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        const char *before = report_text(change, "old");
        const char *after = report_text(change, "new");
        printf("  ");
        column_print(stdout, report_text(change, "key"), KEY_WIDTH);
        printf("  ");
        column_print_cut(stdout, before[0] != '\0' ? before : "(not named)", VALUE_WIDTH);
        printf(" → ");
        column_print_cut(stdout, after[0] != '\0' ? after : "(not named)", VALUE_WIDTH);
        printf("\n");
    }
}

static void print_notes(const json_t *report)
{
    const json_t *notes = json_object_get(report, "notes");
    printf(json_array_size(notes) > 0 ? "\n" : "");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        column_print_all(stdout, note != NULL ? note : "");
        printf("\n");
    }
}

void diff_table_print(const json_t *report)
{
    print_weights("old", json_object_get(report, "old"));
    print_weights("new", json_object_get(report, "new"));
    print_source(report);
    if (integer(report, "requests") > 0) {
        print_figures(report);
        print_exposure(report);
        print_drops(report);
        print_movers(report);
    }
    print_changes(report);
    print_notes(report);
}
