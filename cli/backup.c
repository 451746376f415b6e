#include "store/backup.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "server/clock.h"

struct backup_values {
    const char *data;
    bool json;
    bool force; /* restore */
};

/* The progress line of a backup: a new one for each step. */
struct steps {
    struct progress progress;
    enum backup_step step;
    bool started;
};

static void show(void *context, enum backup_step step, uint64_t done, uint64_t total)
{
    static const struct {
        const char *what;
        const char *unit;
        uint64_t scale;
    } lines[] = {
        [BACKUP_COPYING] = {"copying", "MB", 1000000},
        [BACKUP_REPLAYING] = {"replaying the copy", "records", 1},
        [BACKUP_CHECKING] = {"adding up", "MB", 1000000},
    };
    struct steps *steps = context;
    if (!steps->started || steps->step != step) {
        if (steps->started) {
            progress_clear(&steps->progress);
        }
        progress_start(&steps->progress, lines[step].what, lines[step].unit, lines[step].scale,
                       total);
        steps->started = true;
        steps->step = step;
    }
    progress_show(&steps->progress, done);
}

static struct backup_options options_of(const struct backup_values *values, struct steps *steps)
{
    return (struct backup_options){.now_ms = wall_clock_ms(),
                                   .force = values->force,
                                   .progress = show,
                                   .progress_context = steps};
}

static void end_steps(struct steps *steps)
{
    if (steps->started) {
        progress_clear(&steps->progress);
    }
}

/* Either as one JSON object or as a line of text; a path shows as what it is. */
static void print_info(const struct backup_values *values, const char *verb, const char *path,
                       const struct backup_info *info)
{
    if (values->json) {
        printf("{\"sequence\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"state_digest\": \"%016" PRIx64
               "\"}\n",
               info->sequence, info->bytes, info->state_digest);
        return;
    }
    printf("%s ", verb);
    column_print_all(stdout, path);
    printf(": state sequence %" PRIu64 ", %" PRIu64 " bytes, state digest %016" PRIx64 "\n",
           info->sequence, info->bytes, info->state_digest);
}

static enum exit_code backup_run(const void *raw, const struct operands *operands)
{
    const struct backup_values *values = raw;
    const char *out = operands->items[0];
    struct steps steps = {.started = false};
    struct backup_options options = options_of(values, &steps);
    struct backup_info info = {0};
    struct problem problem = {""};
    enum status status = backend_check_data(values->data, &problem);
    if (status == STATUS_OK) {
        status = backup_make(values->data, out, &options, &info, &problem);
    }
    end_steps(&steps);
    if (status != STATUS_OK) {
        return command_fail("backup", status, &problem);
    }
    print_info(values, "made", out, &info);
    return CODE_OK;
}

static enum exit_code restore_run(const void *raw, const struct operands *operands)
{
    const struct backup_values *values = raw;
    char aside[FILES_PATH_SIZE];
    struct steps steps = {.started = false};
    struct backup_options options = options_of(values, &steps);
    struct backup_info info = {0};
    struct problem problem = {""};
    enum status status =
        backup_restore(operands->items[0], values->data, &options, &info, aside, &problem);
    end_steps(&steps);
    if (aside[0] != '\0') {
        fputs("reelrank: restore: what the directory held is now ", stderr);
        column_print_all(stderr, aside);
        fputc('\n', stderr);
    }
    if (status != STATUS_OK) {
        return command_fail("restore", status, &problem);
    }
    print_info(values, "restored", values->data, &info);
    return CODE_OK;
}

static const struct argument backup_arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct backup_values, data),
     .required = true,
     .help = "data directory; a server may be running on it"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct backup_values, json),
     .help = "print JSON"},
};

const struct command command_backup = {
    .name = "backup",
    .operands = "OUT",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "copy a data directory, also while a server writes it",
    .description =
        "Makes the directory OUT, which must not exist, with a consistent copy of the log as\n"
        "of one moment and backup.json, which describes it. The copy is replayed and summed\n"
        "up before it gets its name, so what stands at OUT can be restored. Runs on the\n"
        "machine of the server, which goes on meanwhile.\n",
    .examples = "  reelrank backup --data /var/lib/reelrank /backup/reelrank-monday\n",
    COMMAND_ARGUMENTS(backup_arguments),
    .values_size = sizeof(struct backup_values),
    .run = backup_run,
};

static const struct argument restore_arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct backup_values, data),
     .required = true,
     .help = "directory to restore into; no server may hold it"},
    {.name = "force",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct backup_values, force),
     .help = "move aside what the directory holds, to DIR.before-restore-TIME"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct backup_values, json),
     .help = "print JSON"},
};

const struct command command_restore = {
    .name = "restore",
    .operands = "BACKUP",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "put a backup into a data directory",
    .description =
        "Copies the backup beside the data directory, checks its format and checksum, and only\n"
        "then puts it in place. A directory that is not empty is left alone without --force.\n"
        "Start the server afterwards; \"reelrank verify\" prints the same digest as the backup.\n",
    .examples = "  reelrank restore /backup/reelrank-monday --data /var/lib/reelrank\n"
                "  reelrank restore /backup/reelrank-monday --data /var/lib/reelrank --force\n",
    COMMAND_ARGUMENTS(restore_arguments),
    .values_size = sizeof(struct backup_values),
    .run = restore_run,
};
