#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "replay/column.h"
#include "replay/replay_page.h"
#include "replay/replay_table.h"
#include "replay/train_page.h"

/* usage: render_report page|table|training REPORT.json: writes it on standard output. */
int main(int argc, char **argv)
{
    json_error_t error;
    struct problem problem = {""};
    json_t *report = argc == 3 ? json_load_file(argv[2], 0, &error) : NULL;
    if (report == NULL) {
        fprintf(stderr, "render_report: %s\n",
                argc == 3 ? error.text : "page|table|training REPORT.json");
        return 2;
    }
    bool written = false;
    column_init();
    if (strcmp(argv[1], "table") == 0) {
        written = replay_table_write(stdout, report, true);
    } else {
        bool training = strcmp(argv[1], "training") == 0;
        written = (training ? train_page_write : replay_page_write)(stdout, report, &problem) ==
                  STATUS_OK;
        fprintf(stderr, "%s%s", problem.text, written ? "" : "\n");
    }
    json_decref(report);
    return written ? 0 : 1;
}
