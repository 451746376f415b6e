#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "ranker/locale.h"
#include "replay/simulate.h"
#include "store/clock.h"

enum { PATH_SIZE = 4096 };

struct simulate_values {
    int64_t seed;
    int64_t videos;
    int64_t users;
    int64_t days;
    int64_t signals;
    int64_t test_rankings;
    int64_t candidates;
    int64_t local_appeal_percent;
    int64_t now_ms;
    const char *out;
    const char *candidates_for;
};

/* A stage's display; another stage starts it anew. */
struct stages {
    struct progress progress;
    const char *stage;
};

static void show(void *context, const char *stage, uint64_t done, uint64_t total)
{
    struct stages *stages = context;
    if (stages->stage != stage) {
        progress_clear(&stages->progress);
        progress_start(&stages->progress, stage, "thousand", 1000, total);
        stages->stage = stage;
    }
    progress_show(&stages->progress, done);
}

static struct simulate_options options_of(const struct simulate_values *values,
                                          struct stages *stages)
{
    return (struct simulate_options){
        .seed = (uint64_t)values->seed,
        .video_count = (uint32_t)values->videos,
        .user_count = (uint32_t)values->users,
        .day_count = (uint32_t)values->days,
        .signal_count = (uint32_t)values->signals,
        .test_count = (uint32_t)values->test_rankings,
        .candidates_count = (uint32_t)values->candidates,
        .local_appeal_percent = (uint32_t)values->local_appeal_percent,
        .now_ms = values->now_ms != 0 ? values->now_ms : wall_clock_ms(),
        .progress = show,
        .progress_context = stages,
    };
}

static enum exit_code print_candidates(const char *tag, const struct simulate_options *options)
{
    struct locale locale;
    struct problem problem = {""};
    if (locale_parse(text_of(tag), &locale) != STATUS_OK) {
        problem_set(&problem, "--candidates-for: \"%.40s\" is not a locale such as hi-IN", tag);
        (void)command_fail("simulate", STATUS_INVALID, &problem);
        return CODE_USAGE;
    }
    char language[LOCALE_TEXT_SIZE];
    locale_format_language(locale_language(locale), language);
    enum status status = simulate_write_candidates(options, language, stdout);
    return status == STATUS_OK ? CODE_OK : command_fail("simulate", status, &problem);
}

static enum status fail_file(const char *path, struct problem *problem)
{
    problem_set(problem, "%s: %s", input_name(path), strerror(errno));
    return STATUS_IO;
}

static enum status open_part(const char *directory, const char *name, FILE **out,
                             struct problem *problem)
{
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        problem_set(problem, "--out: the path has more than %d bytes", PATH_SIZE - 20);
        return STATUS_INVALID;
    }
    *out = fopen(path, "w");
    return *out != NULL ? STATUS_OK : fail_file(path, problem);
}

static enum status close_part(FILE *file, enum status status)
{
    if (file == NULL) {
        return status;
    }
    bool failed = fclose(file) != 0;
    return status == STATUS_OK && failed ? STATUS_IO : status;
}

static enum status write_directory(const char *directory, const struct simulate_options *options,
                                   struct problem *problem)
{
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return fail_file(directory, problem);
    }
    struct simulate_output output = {0};
    enum status status = open_part(directory, "catalogue.jsonl", &output.catalogue, problem);
    if (status == STATUS_OK) {
        status = open_part(directory, "log.jsonl", &output.log, problem);
    }
    if (status == STATUS_OK) {
        status = open_part(directory, "truth.jsonl", &output.truth, problem);
    }
    if (status == STATUS_OK) {
        status = simulate_write(options, &output);
    }
    status = close_part(output.catalogue, status);
    status = close_part(output.log, status);
    status = close_part(output.truth, status);
    if (status == STATUS_IO && problem->text[0] == '\0') {
        problem_set(problem, "the files in %s cannot be written", input_name(directory));
    }
    return status;
}

static enum exit_code simulate_run(const void *raw, const struct operands *operands)
{
    (void)operands;
    const struct simulate_values *values = raw;
    struct stages stages = {.stage = NULL};
    struct simulate_options options = options_of(values, &stages);
    if (values->candidates_for != NULL) {
        return print_candidates(values->candidates_for, &options);
    }
    struct problem problem = {""};
    enum status status;
    if (values->out != NULL) {
        status = write_directory(values->out, &options, &problem);
    } else {
        struct simulate_output output = {.catalogue = stdout, .log = stdout};
        status = simulate_write(&options, &output);
    }
    progress_clear(&stages.progress);
    return status == STATUS_OK ? CODE_OK : command_fail("simulate", status, &problem);
}

static const struct argument simulate_arguments[] = {
    {.name = "out",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct simulate_values, out),
     .help = "write catalogue.jsonl, log.jsonl and truth.jsonl there"},
    {.name = "seed",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, seed),
     .initial = "1",
     .maximum = INT64_MAX,
     .help = "another world for each"},
    {.name = "videos",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, videos),
     .initial = "600",
     .minimum = 1,
     .maximum = SIMULATE_LIMIT_VIDEOS,
     .help = "in the catalogue"},
    {.name = "users",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, users),
     .initial = "300",
     .minimum = 1,
     .maximum = SIMULATE_LIMIT_USERS,
     .help = "an eighth of them new; the first are user-hi, user-ru and user-id"},
    {.name = "days",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, days),
     .initial = "14",
     .minimum = 1,
     .maximum = SIMULATE_LIMIT_DAYS,
     .help = "how long the log is"},
    {.name = "signals",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, signals),
     .initial = "30000",
     .maximum = SIMULATE_LIMIT_SIGNALS,
     .help = "about how many the log has"},
    {.name = "test_rankings",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, test_rankings),
     .initial = "200",
     .maximum = SIMULATE_LIMIT_TESTS,
     .help = "rankings in the truth"},
    {.name = "candidates",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, candidates),
     .initial = "100",
     .minimum = 1,
     .maximum = SIMULATE_LIMIT_CANDIDATES,
     .help = "of each of them, or of --candidates-for"},
    {.name = "local_appeal_percent",
     .value_name = "N",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, local_appeal_percent),
     .initial = "0",
     .maximum = SIMULATE_LIMIT_PERCENT,
     .help = "how much a video's appeal differs from locale to locale"},
    {.name = "now_ms",
     .value_name = "T",
     .kind = ARGUMENT_NUMBER,
     .offset = offsetof(struct simulate_values, now_ms),
     .minimum = SIMULATE_NOW_MIN_MS,
     .maximum = SIMULATE_NOW_MAX_MS,
     .help = "when the log ends, ms since 1970, instead of now"},
    {.name = "candidates_for",
     .value_name = "LOCALE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct simulate_values, candidates_for),
     .help = "only print ids to rank for a user there, a line each"},
};

const struct command command_simulate = {
    .name = "simulate",
    .operands = "",
    .summary = "make up a catalogue, a log and the truth behind it",
    .description =
        "Makes up videos in the languages of India, in Russian, Indonesian and English, and\n"
        "users with known tastes who are shown screens of ten and react. The same options give\n"
        "the same bytes on every machine, as long as --now-ms is given. Without --out the\n"
        "catalogue and the log go to standard output, ready for \"reelrank import\". The truth\n"
        "says what each user would think of videos still to be ranked, and how likely the feed\n"
        "was to show what it showed. docs/simulate.md tells of the model and the files.\n",
    .examples =
        "  reelrank simulate --seed 7 | reelrank import --data /tmp/reels --format jsonl -\n"
        "  reelrank simulate --out /tmp/world --videos 5000 --users 2000 --signals 200000\n"
        "  reelrank simulate --candidates-for hi-IN --candidates 100 > ids.txt\n",
    COMMAND_ARGUMENTS(simulate_arguments),
    .values_size = sizeof(struct simulate_values),
    .run = simulate_run,
};
