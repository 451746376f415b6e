#include <string.h>

#include "replay/column.h"
#include "replay/replay_table_parts.h"

enum { LANGUAGES_SHOWN = 12, FIGURE_WIDTH = 11 };

static void put_counts(FILE *file, const struct report_view *view)
{
    struct report_count counts[REPORT_COUNTS_MAX];
    size_t count = report_find_counts(view, counts);
    for (size_t i = 0; i < count; i++) {
        bool same = i > 0 && strcmp(counts[i - 1].kind, counts[i].kind) == 0;
        fputs(same ? ", " : "\n", file);
        replay_table_count(file, counts[i].count, 0);
        fprintf(file, " %s", counts[i].text);
    }
    fputs(count > 0 ? "\n" : "", file);
}

static void put_exposure_row(FILE *file, const json_t *exposure)
{
    const json_t *creators = json_object_get(exposure, "creators");
    replay_table_share(file, report_number(exposure, "coverage"), FIGURE_WIDTH);
    replay_table_put_number(file, report_number(exposure, "gini"), 3, FIGURE_WIDTH);
    replay_table_put_number(file, report_number(exposure, "creator_gini"), 3, FIGURE_WIDTH);
    replay_table_share(file, report_number(creators, "top_1_percent"), FIGURE_WIDTH);
    replay_table_share(file, report_number(creators, "top_10_percent"), FIGURE_WIDTH);
    replay_table_count(file, report_integer(exposure, "violations"), FIGURE_WIDTH);
    fputc('\n', file);
}

static void put_exposure_legend(FILE *file, const struct report_view *view)
{
    fputs(
        "  videos: candidates that are shown; violations: places of videos that the policy of\n  ",
        file);
    column_print_all(file, view->contenders[0]);
    fputs(" forbids, which other contenders than weights do not ask\n", file);
}

static void put_exposure(FILE *file, const struct report_view *view)
{
    static const char *const titles[] = {"videos",  "Gini",     "by creator",
                                         "top 1 %", "top 10 %", "violations"};
    const json_t *exposures = json_object_get(view->report, "exposure");
    if (json_array_size(exposures) == 0 || view->contender_count == 0) {
        return;
    }
    replay_table_title(file, "exposure");
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        replay_table_right(file, titles[i], FIGURE_WIDTH);
    }
    fputc('\n', file);
    for (size_t i = 0; i < view->contender_count; i++) {
        if (report_find_contender(exposures, i) != NULL) {
            replay_table_name(file, view->contenders[i]);
            put_exposure_row(file, report_find_contender(exposures, i));
        }
    }
    put_exposure_legend(file, view);
}

static void put_languages(FILE *file, const struct report_view *view, size_t from, size_t to)
{
    const json_t *languages = report_find_languages(view);
    replay_table_title(file, "exposure by language");
    for (size_t i = from; i < to; i++) {
        fputc(' ', file);
        replay_table_right(file, view->contenders[i], TABLE_SMALL_CELL - 1);
    }
    fputc('\n', file);
    for (size_t i = 0; i < json_array_size(languages) && i < LANGUAGES_SHOWN; i++) {
        const char *name = report_text(json_array_get(languages, i), "name");
        replay_table_name(file, name);
        for (size_t j = from; j < to; j++) {
            const json_t *language = report_find_language(view, j, name);
            replay_table_share(file, report_number(language, "share"), TABLE_SMALL_CELL);
        }
        fputc('\n', file);
    }
}

void replay_table_ranking(FILE *file, const struct report_view *view)
{
    put_counts(file, view);
    replay_table_values(file, view);
    replay_table_differences(file, view);
    replay_table_segments(file, view);
    put_exposure(file, view);
    bool languages = json_array_size(report_find_languages(view)) > 0;
    for (size_t from = 0; languages && from < view->contender_count; from += TABLE_SMALL_CELLS) {
        size_t to = from + TABLE_SMALL_CELLS;
        put_languages(file, view, from, to < view->contender_count ? to : view->contender_count);
    }
}
