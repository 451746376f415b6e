#include "cli/replay_report.h"

#include <stdio.h>

#include "cli/output.h"
#include "replay/part_file.h"
#include "replay/replay_page.h"
#include "replay/replay_table.h"

enum { SCHEMA = 1, DIGITS = 17 };

static const char page_option[] = "--html";
static const char part_option[] = "--out";

json_t *replay_report_begin(const char *kind, const struct replay_source *source,
                            const struct timeline_counts *counts,
                            const struct replay_contenders *contenders)
{
    json_t *report = json_pack("{s:i, s:s}", "schema", SCHEMA, "kind", kind);
    if (report != NULL) {
        json_object_set_new(report, "source", replay_source_json(source, counts));
        json_object_set_new(report, "contenders", replay_contenders_json(contenders));
        json_object_set_new(report, "changes", replay_changes_json(contenders));
    }
    return report;
}

void replay_report_note(json_t *notes, const char *text)
{
    json_array_append_new(notes, json_string(text));
}

static enum status write_page(const char *path, const json_t *report, struct problem *problem)
{
    FILE *file;
    enum status status = output_open(page_option, path, &file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = replay_page_write(file, report, problem);
    return output_close(page_option, path, file, status, problem);
}

static enum status print_json(const json_t *report)
{
    bool printed = json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) == 0 &&
                   putchar('\n') != EOF;
    enum status why = ferror(stdout) != 0 ? STATUS_IO : STATUS_NO_MEMORY;
    return printed ? STATUS_OK : why;
}

enum exit_code replay_report_show(const struct replay_report_values *values, const char *command,
                                  const json_t *report)
{
    struct problem problem = {""};
    enum status status = STATUS_OK;
    if (values->json) {
        status = print_json(report);
    } else {
        status =
            replay_table_write(stdout, report, values->explain_metrics) ? STATUS_OK : STATUS_IO;
    }
    if (status == STATUS_OK && values->html != NULL) {
        status = write_page(values->html, report, &problem);
    }
    return status == STATUS_OK ? CODE_OK : command_fail(command, status, &problem);
}

enum status replay_part_begin(const char *path, const json_t *report, FILE **out,
                              struct problem *problem)
{
    FILE *file;
    enum status status = output_open(part_option, path, &file, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = part_file_write(file, report);
    if (status != STATUS_OK) {
        return replay_part_end(path, file, status, problem);
    }
    *out = file;
    return STATUS_OK;
}

enum status replay_part_end(const char *path, FILE *file, enum status status,
                            struct problem *problem)
{
    return output_close(part_option, path, file, status, problem);
}
