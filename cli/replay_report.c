#include "cli/replay_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/input.h"
#include "replay/replay_page.h"
#include "replay/replay_table.h"

enum { SCHEMA = 1, DIGITS = 17 };

json_t *replay_report_begin(const char *kind)
{
    return json_pack("{s:i, s:s}", "schema", SCHEMA, "kind", kind);
}

static enum status write_page(const char *path, const json_t *report, struct problem *problem)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        problem_set(problem, "--html %.160s: cannot write: %s", path, strerror(errno));
        return STATUS_IO;
    }
    enum status status = replay_page_write(file, report, problem);
    if (fclose(file) != 0 && status == STATUS_OK) {
        problem_set(problem, "--html %.160s: cannot write: %s", path, strerror(errno));
        status = STATUS_IO;
    }
    if (status != STATUS_OK) {
        (void)unlink(path); /* half a page is worse than none */
    }
    return status;
}

static enum status print_json(const json_t *report)
{
    bool printed = json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS)) == 0;
    return printed && putchar('\n') != EOF ? STATUS_OK : STATUS_NO_MEMORY;
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

enum status replay_part_open(const char *path, FILE **out, struct problem *problem)
{
    *out = fopen(path, "we");
    if (*out == NULL) {
        problem_set(problem, "--out %.160s: cannot write: %s", path, strerror(errno));
        return STATUS_IO;
    }
    return STATUS_OK;
}

enum status replay_part_close(const char *path, FILE *file, enum status status,
                              struct problem *problem)
{
    int why = errno;
    if (fclose(file) != 0 && status == STATUS_OK) {
        why = errno;
        status = STATUS_IO;
    }
    if (status != STATUS_OK) {
        problem_set(problem, "--out %.160s: cannot write: %s", path,
                    status == STATUS_IO ? strerror(why) : status_text(status));
        (void)unlink(path); /* half a part is worse than none */
    }
    return status;
}
