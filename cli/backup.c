#include "store/backup.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/column.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "server/options.h"
#include "store/clock.h"

struct backup_values {
    const char *data;
    bool json;
};

struct restore_values {
    const char *data;
    struct argument_texts forgotten_in;
    bool json;
    bool force;
    bool ignore_forgotten;
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

static void end_steps(struct steps *steps)
{
    if (steps->started) {
        progress_clear(&steps->progress);
    }
}

/* A line of text; a path shows as what it is. */
static void print_line(const char *verb, const char *path, uint64_t sequence, uint64_t bytes,
                       uint64_t digest)
{
    printf("%s ", verb);
    column_print_all(stdout, path);
    printf(": state sequence %" PRIu64 ", %" PRIu64 " bytes, state digest %016" PRIx64 "\n",
           sequence, bytes, digest);
}

static void print_made(const struct backup_values *values, const char *out,
                       const struct backup_info *info)
{
    if (!values->json) {
        print_line("made", out, info->sequence, info->bytes, info->state_digest);
        return;
    }
    printf("{\"first\": %" PRIu64 ", \"base\": %" PRIu64 ", \"sequence\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"state_digest\": \"%016" PRIx64
           "\", \"aggregates_digest\": \"%016" PRIx64 "\"}\n",
           info->first, info->base, info->sequence, info->bytes, info->state_digest,
           info->aggregates_digest);
}

static void print_restored(const struct restore_values *values, const struct restored *restored)
{
    if (!values->json) {
        print_line("restored", values->data, restored->sequence, restored->info.bytes,
                   restored->state_digest);
        printf("users forgotten since: %" PRIu64 "\n", restored->forgotten);
        return;
    }
    printf("{\"sequence\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"forgotten\": %" PRIu64
           ", \"state_digest\": \"%016" PRIx64 "\", \"aggregates_digest\": \"%016" PRIx64 "\"}\n",
           restored->sequence, restored->info.bytes, restored->forgotten, restored->state_digest,
           restored->aggregates_digest);
}

static enum exit_code backup_run(const void *raw, const struct operands *operands)
{
    const struct backup_values *values = raw;
    const char *out = operands->items[0];
    struct steps steps = {.started = false};
    struct backup_options options = {
        .now_ms = wall_clock_ms(), .progress = show, .progress_context = &steps};
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
    print_made(values, out, &info);
    return CODE_OK;
}

static void tell_aside(const char *aside)
{
    if (aside[0] != '\0') {
        fputs("reelrank: restore: what the directory held is now ", stderr);
        column_print_all(stderr, aside);
        fputc('\n', stderr);
    }
}

static enum exit_code restore_run(const void *raw, const struct operands *operands)
{
    const struct restore_values *values = raw;
    struct steps steps = {.started = false};
    struct options defaults;
    struct restored restored;
    struct problem problem = {""};
    options_defaults(&defaults);
    struct restore_options options = {.now_ms = wall_clock_ms(),
                                      .force = values->force,
                                      .ignore_forgotten = values->ignore_forgotten,
                                      .map_bytes = (size_t)defaults.map_mib << 20,
                                      .forgotten_in = values->forgotten_in.items,
                                      .forgotten_in_count = values->forgotten_in.count,
                                      .progress = show,
                                      .progress_context = &steps};
    enum status status =
        backup_restore(operands->items[0], values->data, &options, &restored, &problem);
    end_steps(&steps);
    tell_aside(restored.aside);
    if (status != STATUS_OK) {
        return command_fail("restore", status, &problem);
    }
    print_restored(values, &restored);
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
        "of one moment, the snapshot it begins at, and backup.json, which describes them. The\n"
        "copy is replayed and summed up before it gets its name, so what stands at OUT can be\n"
        "restored. Runs on the machine of the server, which goes on meanwhile.\n",
    .examples = "  reelrank backup --data /var/lib/reelrank /backup/reelrank-monday\n",
    COMMAND_ARGUMENTS(backup_arguments),
    .values_size = sizeof(struct backup_values),
    .run = backup_run,
};

static const struct argument restore_arguments[] = {
    {.name = "data",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct restore_values, data),
     .required = true,
     .help = "directory to restore into; no server may hold it"},
    {.name = "force",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct restore_values, force),
     .help = "move aside what the directory holds, to DIR.before-restore-TIME"},
    {.name = "forgotten_in",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct restore_values, forgotten_in),
     .help = "users forgotten in this backup or data directory stay so; again for more"},
    {.name = "ignore_forgotten",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct restore_values, ignore_forgotten),
     .help = "let users come back who are forgotten in the directory that is replaced"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct restore_values, json),
     .help = "print JSON"},
};

const struct command command_restore = {
    .name = "restore",
    .operands = "BACKUP",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "put a backup into a data directory",
    .description =
        "Copies the backup beside the data directory, checks its format and checksums, and only\n"
        "then puts it in place. A directory that is not empty is left alone without --force.\n"
        "Users who were forgotten since, as the directory that is replaced and --forgotten-in\n"
        "tell, are forgotten in the copy too, so name the latest backup that can be read where\n"
        "the directory is lost. Start the server afterwards; \"reelrank verify\" prints the same\n"
        "digest.\n",
    .examples = "  reelrank restore /backup/reelrank-monday --data /var/lib/reelrank\n"
                "  reelrank restore /backup/reelrank-monday --data /var/lib/reelrank --force\n"
                "  reelrank restore /backup/reelrank-monday --data /var/lib/reelrank \\\n"
                "      --forgotten-in /backup/reelrank-tuesday\n",
    COMMAND_ARGUMENTS(restore_arguments),
    .values_size = sizeof(struct restore_values),
    .run = restore_run,
};
