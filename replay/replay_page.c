#include "replay/replay_page.h"

#include <string.h>

#include "replay/page.h"
#include "replay/replay_page_parts.h"

enum { SCHEMA = 1 };

static enum status judge_kind(const json_t *report, struct problem *problem)
{
    const char *kind = report_text(report, "kind");
    if (report_integer(report, "schema") != SCHEMA) {
        problem_set(problem, "schema: found %" JSON_INTEGER_FORMAT "; this program shows %d",
                    report_integer(report, "schema"), SCHEMA);
        return STATUS_INVALID;
    }
    if (strcmp(kind, "ranking") != 0 && strcmp(kind, "counterfactual") != 0) {
        problem_set(problem, "kind: found \"%.64s\"; allowed: ranking, counterfactual", kind);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

static void put_page(struct replay_page *page, const json_t *report)
{
    report_view_init(&page->view, report);
    bool counterfactual = page->view.counterfactual;
    page_begin(page->file, counterfactual ? "reelrank: what other rankings would have earned"
                                          : "reelrank: how good the rankings are");
    part_head(page);
    if (counterfactual) {
        replay_page_counterfactual(page);
    } else {
        replay_page_ranking(page);
    }
    part_changes(page);
    part_definitions(page);
    part_notes(page);
    page_end(page->file);
}

enum status replay_page_write(FILE *file, const json_t *report, struct problem *problem)
{
    enum status status = judge_kind(report, problem);
    return status == STATUS_OK ? part_write_page(file, report, put_page, problem) : status;
}
