#include "replay/diff_page.h"

#include <string.h>

#include "replay/page.h"
#include "replay/report_format.h"

enum { BAR_WIDTH = 250, BAR_HEIGHT = 9, ROW_HEIGHT = 26, CHANGE_WIDTH = 190, GROUPS_SHOWN = 12 };

/* Of one that is missing 0, not NAN: bars and whiskers are drawn from it. */
static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static void put_count(FILE *file, json_int_t count)
{
    char text[REPORT_NUMBER_SIZE];
    report_format_count(count, text);
    fputs(text, file);
}

/* "+1.2" with a minus sign that is as wide as the plus. */
static void put_signed(FILE *file, double value, int digits)
{
    char text[32];
    snprintf(text, sizeof(text), "%+.*f", digits, value);
    bool zero = strspn(text, "+-0.") == strlen(text);
    if (zero) {
        fputs(text + 1, file);
    } else if (text[0] == '-') {
        fprintf(file, "&minus;%s", text + 1);
    } else {
        fputs(text, file);
    }
}

/* 1 where the interval is above 0, -1 where it is below. */
static int direction(const json_t *group)
{
    return (number(group, "low") > 0) - (number(group, "high") < 0);
}

static void put_weights(FILE *file, const char *side, const json_t *weights)
{
    const char *name = report_text(weights, "name");
    fprintf(file, "<span class=\"soft\">%s</span><span>", side);
    if (name[0] != '\0') {
        page_text(file, name);
        fputs(" &nbsp; ", file);
    }
    fputs("<code>", file);
    page_text(file, report_text(weights, "version"));
    fputs("</code></span>\n", file);
}

static void put_source(FILE *file, const json_t *report)
{
    char from[REPORT_TIME_SIZE];
    char to[REPORT_TIME_SIZE];
    bool journal = strcmp(report_text(report, "source"), "journal") == 0;
    report_format_time(report_integer(report, "from_ms"), from);
    report_format_time(report_integer(report, "to_ms"), to);
    fputs("<span class=\"soft\">requests</span><span>", file);
    put_count(file, report_integer(report, "requests"));
    fprintf(file, " of the %s, ", journal ? "decision journal" : "log");
    fprintf(file, "%s to %s UTC; ", from, to);
    fputs(journal ? "each ranked with the state of now, record "
                  : "each ranked with the state of its own time; the log ends at record ",
          file);
    put_count(file, report_integer(report, "state_sequence"));
    fputs("</span>\n", file);
}

static void put_served(FILE *file, const json_t *report)
{
    json_int_t known = report_integer(report, "served_known");
    if (known > 0) {
        fprintf(file,
                "<span class=\"soft\">as served</span><span>the old weights give %.1f %% of the "
                "served orders again</span>\n",
                100 * (double)report_integer(report, "served_again") / (double)known);
    }
}

static void put_head(FILE *file, const json_t *report)
{
    fputs("<h1>What the new weights change</h1>\n<div class=\"pair\">\n", file);
    put_weights(file, "old", json_object_get(report, "old"));
    put_weights(file, "new", json_object_get(report, "new"));
    put_source(file, report);
    put_served(file, report);
    fputs("</div>\n", file);
}

static void put_share_card(FILE *file, const json_t *report, const char *name, const char *label)
{
    const json_t *figure = json_object_get(json_object_get(report, "figures"), name);
    fprintf(file,
            "<div class=\"card\"><b>%.1f %%</b><span>%s</span>"
            "<span class=\"soft\">95 %%: %.1f to %.1f %%</span></div>\n",
            100 * number(figure, "value"), label, 100 * number(figure, "low"),
            100 * number(figure, "high"));
}

static void put_mean_card(FILE *file, const json_t *report, const char *name, const char *label)
{
    const json_t *figure = json_object_get(json_object_get(report, "figures"), name);
    if (report_integer(figure, "count") == 0) {
        return;
    }
    fprintf(file,
            "<div class=\"card\"><b>%.3f</b><span>%s</span>"
            "<span class=\"soft\">95 %%: %.3f to %.3f</span></div>\n",
            number(figure, "value"), label, number(figure, "low"), number(figure, "high"));
}

static void put_cards(FILE *file, const json_t *report)
{
    fputs("<div class=\"cards\">\n", file);
    put_share_card(file, report, "top_1_changed", "another video comes first");
    put_share_card(file, report, "top_10_changed", "other videos in the top 10");
    put_share_card(file, report, "top_10_reordered", "another top 10, or its order");
    put_share_card(file, report, "slate_changed", "anything changes");
    put_mean_card(file, report, "kendall_tau", "Kendall&rsquo;s &tau;: 1 is the same order");
    put_mean_card(file, report, "rank_biased_overlap", "rank-biased overlap: 1 is the same top");
    fputs("</div>\n", file);
}

static void put_change_row(FILE *file, const json_t *change)
{
    fputs("<tr><td class=\"w\"><code>", file);
    page_text(file, report_text(change, "key"));
    fputs("</code></td><td class=\"w\"><code>", file);
    page_text(file, report_text(change, "old"));
    fputs("</code></td><td class=\"w\"><code>", file);
    page_text(file, report_text(change, "new"));
    fputs("</code></td></tr>\n", file);
}

static void put_changes(FILE *file, const json_t *report)
{
    const json_t *changes = json_object_get(report, "changes");
    if (changes == NULL) {
        return;
    }
    page_section(file, "Keys that differ",
                 json_array_size(changes) == 0 ? "None: both files say the same." : NULL);
    if (json_array_size(changes) == 0) {
        return;
    }
    fputs("<table>\n<thead><tr><th>key</th><th>old</th><th>new</th></tr></thead>\n<tbody>\n", file);
    for (size_t i = 0; i < json_array_size(changes); i++) {
        put_change_row(file, json_array_get(changes, i));
    }
    fputs("</tbody>\n</table>\n", file);
}

/* What bars and whiskers of a dimension are measured by. */
struct scale {
    double share;
    double change;
};

static double larger(double x, double y)
{
    return x > y ? x : y;
}

static struct scale scale_of(const json_t *groups)
{
    struct scale scale = {0.0001, 0.0001};
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i);
        scale.share = larger(scale.share, number(group, "before"));
        scale.share = larger(scale.share, number(group, "after"));
        scale.change = larger(scale.change, larger(-number(group, "low"), number(group, "high")));
    }
    return scale;
}

/* Before above after. */
static void put_bars(FILE *file, const json_t *group, const struct scale *scale)
{
    double before = number(group, "before") / scale->share * BAR_WIDTH;
    double after = number(group, "after") / scale->share * BAR_WIDTH;
    fprintf(file,
            "<svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"%.1f %% before, %.1f %% after\">"
            "<rect x=\"0\" y=\"3\" width=\"%.1f\" height=\"%d\" rx=\"1.5\" fill=\"#a9b4c4\"/>"
            "<rect x=\"0\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"1.5\" fill=\"#2563c9\"/>"
            "</svg>",
            BAR_WIDTH, ROW_HEIGHT, BAR_WIDTH, ROW_HEIGHT, 100 * number(group, "before"),
            100 * number(group, "after"), larger(before, 0.5), BAR_HEIGHT, 4 + BAR_HEIGHT,
            larger(after, 0.5), BAR_HEIGHT);
}

/* The change and its interval, around a line that stands for none. */
static void put_whisker(FILE *file, const json_t *group, const struct scale *scale)
{
    static const char *const colours[] = {"#b3261e", "#5d6878", "#14804a"};
    const char *colour = colours[1 + direction(group)];
    double unit = (CHANGE_WIDTH / 2.0 - 6) / scale->change;
    double middle = CHANGE_WIDTH / 2.0;
    double y = ROW_HEIGHT / 2.0;
    fprintf(file,
            "<svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">"
            "<line x1=\"%.1f\" y1=\"0\" x2=\"%.1f\" y2=\"%d\" stroke=\"#a9b4c4\"/>"
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
            "stroke-width=\"2\"/><circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/></svg>",
            CHANGE_WIDTH, ROW_HEIGHT, CHANGE_WIDTH, ROW_HEIGHT, middle, middle, ROW_HEIGHT,
            middle + unit * number(group, "low"), y, middle + unit * number(group, "high"), y,
            colour, middle + unit * number(group, "change"), y, colour);
}

static void put_group(FILE *file, const json_t *group, const struct scale *scale)
{
    static const char *const classes[] = {" down", "", " up"};
    fputs("<tr><td>", file);
    page_text(file, report_text(group, "name"));
    fputs("</td><td>", file);
    put_bars(file, group, scale);
    fprintf(file, "</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td><td class=\"n%s\">",
            100 * number(group, "before"), 100 * number(group, "after"),
            classes[1 + direction(group)]);
    put_signed(file, 100 * number(group, "change"), 2);
    fputs("</td><td>", file);
    put_whisker(file, group, scale);
    fputs("</td><td class=\"n soft\">", file);
    put_signed(file, 100 * number(group, "low"), 2);
    fputs(" to ", file);
    put_signed(file, 100 * number(group, "high"), 2);
    fputs("</td></tr>\n", file);
}

static void put_dimension(FILE *file, const char *title, const json_t *groups)
{
    size_t count = json_array_size(groups);
    struct scale scale = scale_of(groups);
    if (count == 0) {
        return;
    }
    fprintf(file,
            "<div class=\"block wide\"><h3>%s</h3>\n<table class=\"fixed\">\n"
            "<colgroup><col style=\"width:12%%\"><col style=\"width:28%%\">"
            "<col style=\"width:9%%\"><col style=\"width:9%%\"><col style=\"width:8%%\">"
            "<col style=\"width:20%%\"><col></colgroup>\n<thead><tr><th></th>"
            "<th>share of exposure</th><th class=\"n\">before, %%</th><th class=\"n\">after, "
            "%%</th><th class=\"n\">change</th><th></th><th class=\"n\">95 %% "
            "interval</th></tr></thead>\n<tbody>\n",
            title);
    for (size_t i = 0; i < count && i < GROUPS_SHOWN; i++) {
        put_group(file, json_array_get(groups, i), &scale);
    }
    fputs("</tbody>\n</table>\n", file);
    if (count > GROUPS_SHOWN) {
        fprintf(file, "<p class=\"soft\">and %zu more with less; the JSON report has all</p>\n",
                count - GROUPS_SHOWN);
    }
    fputs("</div>\n", file);
}

static void put_exposure(FILE *file, const json_t *report)
{
    static const struct {
        const char *name;
        const char *title;
    } dimensions[] = {
        {"language", "by language"},
        {"region", "by the creator's region"},
        {"creator_size", "by the creator's videos in the catalogue"},
        {"curated", "by curated tier"},
        {"premium", "premium"},
        {"age", "by the video's age"},
    };
    const json_t *exposure = json_object_get(report, "exposure");
    page_section(file, "Exposure",
                 "A position p weighs 1 / log2(1 + p), as a share of its slate. Changes are in "
                 "percentage points; coloured where the interval leaves out 0.");
    fputs("<p><span class=\"key\" style=\"background:var(--old);margin-left:0\"></span>before"
          "<span class=\"key\" style=\"background:var(--new)\"></span>after</p>\n",
          file);
    for (size_t i = 0; i < sizeof(dimensions) / sizeof(dimensions[0]); i++) {
        put_dimension(file, dimensions[i].title, json_object_get(exposure, dimensions[i].name));
    }
}

static void put_counts(FILE *file, const char *name, json_int_t before, json_int_t after)
{
    fputs("<tr><td>", file);
    page_text(file, name);
    fputs("</td><td class=\"n\">", file);
    put_count(file, before);
    fputs("</td><td class=\"n\">", file);
    put_count(file, after);
    fputs("</td><td class=\"n\">", file);
    fputs(after < before ? "&minus;" : (after > before ? "+" : ""), file);
    put_count(file, after < before ? before - after : after - before);
    fputs("</td></tr>\n", file);
}

static void put_drops(FILE *file, const json_t *report)
{
    const json_t *drops = json_object_get(report, "drops");
    const json_t *places = json_object_get(report, "places");
    page_section(file, "Shown and dropped", "Candidates of all requests, by what became of them.");
    fputs("<div class=\"block\"><table class=\"narrow\">\n<thead><tr><th></th><th "
          "class=\"n\">before</th>"
          "<th class=\"n\">after</th><th class=\"n\">change</th></tr></thead>\n<tbody>\n",
          file);
    put_counts(file, "shown", report_integer(places, "before"), report_integer(places, "after"));
    for (size_t i = 0; i < json_array_size(drops); i++) {
        const json_t *drop = json_array_get(drops, i);
        put_counts(file, report_text(drop, "rule"), report_integer(drop, "before"),
                   report_integer(drop, "after"));
    }
    fputs("</tbody>\n</table></div>\n<p class=\"soft\">", file);
    put_count(file, report_integer(places, "newly_shown"));
    fputs(" places are newly shown, ", file);
    put_count(file, report_integer(places, "no_longer_shown"));
    fputs(" no longer.</p>\n", file);
}

static void put_mover(FILE *file, const json_t *mover)
{
    const char *id = report_text(mover, "video_id");
    double change = number(mover, "exposure_change");
    fputs("<tr><td class=\"w\">", file);
    page_text(file, id[0] != '\0' ? id : report_text(mover, "key"));
    fprintf(file, "</td><td class=\"n %s\">", change > 0 ? "up" : "down");
    put_signed(file, 100 * change, 3);
    fputs("</td><td class=\"n\">", file);
    if (report_integer(mover, "shown_both") > 0) {
        put_signed(file, number(mover, "mean_position_change"), 1);
    }
    fputs("</td><td class=\"n\">", file);
    put_count(file, report_integer(mover, "shown_before"));
    fputs("</td><td class=\"n\">", file);
    put_count(file, report_integer(mover, "shown_after"));
    fputs("</td></tr>\n", file);
}

static void put_movers(FILE *file, const json_t *report)
{
    const json_t *movers = json_object_get(report, "movers");
    if (json_array_size(movers) == 0) {
        return;
    }
    page_section(
        file, "Biggest movers",
        "Videos that were among the first 20 on either side, by how much exposure they win "
        "or lose. A position that falls is one further up.");
    fputs("<table>\n<thead><tr><th>video</th><th class=\"n\">exposure, points</th>"
          "<th class=\"n\">mean change of position</th><th class=\"n\">shown before</th>"
          "<th class=\"n\">shown after</th></tr></thead>\n<tbody>\n",
          file);
    for (size_t i = 0; i < json_array_size(movers); i++) {
        put_mover(file, json_array_get(movers, i));
    }
    fputs("</tbody>\n</table>\n", file);
}

static void put_notes(FILE *file, const json_t *report)
{
    const json_t *notes = json_object_get(report, "notes");
    page_section(file, "How to read this", NULL);
    fputs("<ul class=\"notes\">\n", file);
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const char *note = json_string_value(json_array_get(notes, i));
        fputs("<li>", file);
        page_text(file, note != NULL ? note : "");
        fputs("</li>\n", file);
    }
    fputs("<li>Kendall&rsquo;s &tau;-b over the videos that stand in both slates; rank-biased "
          "overlap with p = 0.9, which gives the first ten positions 86 % of the weight.</li>\n"
          "<li>Intervals are of 95 %: Wilson&rsquo;s for shares of requests, the normal "
          "approximation over requests for means and changes. Requests count as independent; many "
          "of few users make the intervals too narrow.</li>\n</ul>\n",
          file);
}

bool diff_page_write(FILE *file, const json_t *report)
{
    page_begin(file, "reelrank: what the new weights change");
    put_head(file, report);
    put_cards(file, report);
    put_changes(file, report);
    put_exposure(file, report);
    put_drops(file, report);
    put_movers(file, report);
    put_notes(file, report);
    page_end(file);
    return ferror(file) == 0;
}
