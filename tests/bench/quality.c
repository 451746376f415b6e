#include "replay/quality.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "ranker/check.h"
#include "replay/baseline.h"
#include "replay/simulate.h"
#include "store/weights_file.h"
#include "tests/bench/program.h"

/* The end of the made-up logs: any fixed time, so that each run has the same worlds. */
#define NOW_MS INT64_C(1795305600000)

enum { WORLDS_MAX = 64, PATH_SIZE = 4096 };

struct options {
    struct argument_texts weights;
    const char *kuairand;
    const char *simulated;
    int64_t seed;
    int64_t worlds;
    int64_t videos;
    int64_t users;
    int64_t days;
    int64_t signals;
    int64_t test_rankings;
    int64_t candidates;
    int64_t local_appeal_percent;
    const char *gain;
    bool means;
    bool json;
};

#define NUMBER(member, initial_text, least, most, text)                                            \
    {                                                                                              \
        .name = #member, .value_name = "N", .kind = ARGUMENT_NUMBER,                               \
        .offset = offsetof(struct options, member), .initial = (initial_text), .minimum = (least), \
        .maximum = (most), .help = (text)                                                          \
    }

/* In the order of enum truth_value; ends in NULL. */
static const char *const gains[] = {
#define X(name, text) #text,
    TRUTH_VALUE_MAP(X)
#undef X
        NULL};

static const struct argument arguments[] = {
    {.name = "weights",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXTS,
     .offset = offsetof(struct options, weights),
     .help = "weights to measure; again for more, the others are compared with the first (the "
             "built-in ones)"},
    {.name = "kuairand",
     .value_name = "FILE",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, kuairand),
     .help = "measure on KuaiRand's log of likes and hates instead of simulated worlds"},
    {.name = "simulated",
     .value_name = "DIR",
     .kind = ARGUMENT_TEXT,
     .offset = offsetof(struct options, simulated),
     .help =
         "measure on what \"reelrank simulate --out DIR\" wrote, instead of on worlds made here"},
    NUMBER(seed, "101", 0, INT64_MAX - WORLDS_MAX, "of the first world, and of all that is drawn"),
    NUMBER(worlds, "5", 1, WORLDS_MAX, "how many, with seeds in a row"),
    NUMBER(videos, "5000", 1, SIMULATE_LIMIT_VIDEOS, "of each world"),
    NUMBER(users, "2000", 1, SIMULATE_LIMIT_USERS, "of each world"),
    NUMBER(days, "14", 1, SIMULATE_LIMIT_DAYS, "of each log"),
    NUMBER(signals, "200000", 0, SIMULATE_LIMIT_SIGNALS, "of each log, about"),
    NUMBER(test_rankings, "1000", 1, SIMULATE_LIMIT_TESTS, "of each truth"),
    NUMBER(candidates, "100", 1, SIMULATE_LIMIT_CANDIDATES, "of each of them"),
    NUMBER(local_appeal_percent, "0", 0, SIMULATE_LIMIT_PERCENT,
           "how much a video's appeal differs from locale to locale"),
    {.name = "gain",
     .value_name = "EVENT",
     .kind = ARGUMENT_CHOICE,
     .offset = offsetof(struct options, gain),
     .choices = gains,
     .initial = "utility",
     .help = "of simulated worlds: whose true chance a ranking should put first"},
    {.name = "means",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, means),
     .help = "leave the intervals out, which take most of the time"},
    {.name = "json",
     .kind = ARGUMENT_FLAG,
     .offset = offsetof(struct options, json),
     .help = "print all of it as JSON"},
};

static const struct program program = {
    .summary =
        "Measures how good rankings are, beside popularity, recency and random order, with 95 %\n"
        "intervals over users. docs/evaluation.md has the protocols.",
    .examples =
        "  ./dev bench quality\n"
        "  ./dev bench quality --weights config/weights.yaml --weights mine.yaml --worlds 3\n"
        "  ./dev bench quality --kuairand standard_likes_hates.tsv --json\n",
    .arguments = arguments,
    .argument_count = sizeof(arguments) / sizeof(arguments[0]),
};

struct bench {
    const struct options *options;
    struct quality_contenders contenders;
    struct weights *weights[QUALITY_WEIGHTS_MAX];
    struct quality *quality;
    /* Means of each world, by row and contender. */
    double means[WORLDS_MAX][PANEL_ROWS_MAX][PANEL_CONTENDERS_MAX];
    size_t world_count;
    struct quality_kuairand_counts counts;
};

/* --- input -------------------------------------------------------------------------------------
 */

static void add_weights(struct bench *bench, const char *path, struct weights *weights)
{
    const char *slash = strrchr(path, '/');
    size_t at = bench->contenders.count++;
    bench->weights[at] = weights;
    bench->contenders.weights[at] = weights;
    bench->contenders.names[at] = slash != NULL ? slash + 1 : path;
}

_Noreturn static void refuse(const char *path, enum status status,
                             const struct weights_problems *problems, const struct problem *problem)
{
    if (status != STATUS_INVALID || problems->count == 0) {
        give_up("%s", problem->text[0] != '\0' ? problem->text : status_text(status));
    }
    const struct weights_problem *first = &problems->items[0];
    give_up("%s:%u:%u: %s%s%s", path, first->line, first->column, first->path,
            first->path[0] != '\0' ? ": " : "", first->message);
}

/* With the model files that it names, as the server reads it. */
static struct weights *read_file(const char *path)
{
    static struct weights_file file;
    struct weights_problems problems = {.count = 0};
    struct problem problem = {""};
    struct weights *weights = NULL;
    enum status status = weights_file_read(path, &file, &weights, &problems, &problem);
    if (status != STATUS_OK) {
        refuse(path, status, &problems, &problem);
    }
    weights_file_release(&file);
    return weights;
}

static void read_weights(struct bench *bench)
{
    const struct argument_texts *files = &bench->options->weights;
    if (files->count == 0) {
        struct text yaml = {default_weights, default_weights_size};
        struct weights_problems problems;
        struct weights *weights = NULL;
        CHECK(weights_parse(yaml, &weights, &problems) == STATUS_OK);
        add_weights(bench, "built-in", weights);
    }
    for (size_t i = 0; i < files->count; i++) {
        add_weights(bench, files->items[i], read_file(files->items[i]));
    }
}

static FILE *open_input(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        give_up("%s: %s", path, strerror(errno));
    }
    return file;
}

static FILE *open_part(const char *directory, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return open_input(path);
}

static void require(enum status status, const struct problem *problem)
{
    if (status != STATUS_OK) {
        give_up("%s", problem->text[0] != '\0' ? problem->text : status_text(status));
    }
}

/* --- measuring ---------------------------------------------------------------------------------
 */

static void note_means(struct bench *bench, size_t first_user)
{
    const struct panel *panel = quality_panel(bench->quality);
    for (size_t row = 0; row < panel_row_count(panel); row++) {
        for (size_t i = 0; i < panel_contender_count(panel); i++) {
            bench->means[bench->world_count][row][i] = panel_mean_since(panel, row, i, first_user);
        }
    }
    bench->world_count++;
}

static void measure_files(struct bench *bench, uint64_t world, const struct quality_files *files)
{
    struct problem problem = {""};
    size_t first_user = panel_user_count(quality_panel(bench->quality));
    require(quality_add_simulated(bench->quality, world, files, &problem), &problem);
    note_means(bench, first_user);
}

static void measure_directory(struct bench *bench, const char *directory)
{
    struct quality_files files = {.catalogue = open_part(directory, "catalogue.jsonl"),
                                  .log = open_part(directory, "log.jsonl"),
                                  .truth = open_part(directory, "truth.jsonl")};
    measure_files(bench, 0, &files);
    fclose(files.catalogue);
    fclose(files.log);
    fclose(files.truth);
}

static FILE *temporary(void)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        give_up("a temporary file: %s", strerror(errno));
    }
    return file;
}

static void measure_world(struct bench *bench, uint64_t seed)
{
    const struct options *options = bench->options;
    struct simulate_options world = simulate_defaults(NOW_MS);
    world.seed = seed;
    world.video_count = (uint32_t)options->videos;
    world.user_count = (uint32_t)options->users;
    world.day_count = (uint32_t)options->days;
    world.signal_count = (uint32_t)options->signals;
    world.test_count = (uint32_t)options->test_rankings;
    world.candidates_count = (uint32_t)options->candidates;
    world.local_appeal_percent = (uint32_t)options->local_appeal_percent;
    FILE *log = temporary();
    FILE *truth = temporary();
    struct simulate_output output = {.catalogue = log, .log = log, .truth = truth};
    struct problem problem = {""};
    require(simulate_write(&world, &output), &problem);
    rewind(log);
    rewind(truth);
    measure_files(bench, seed, &(struct quality_files){.catalogue = log, .truth = truth});
    fclose(log);
    fclose(truth);
}

static void measure_kuairand(struct bench *bench, const char *path)
{
    struct problem problem = {""};
    FILE *file = open_input(path);
    require(quality_add_kuairand(bench->quality, file, &bench->counts, &problem), &problem);
    fclose(file);
    note_means(bench, 0);
}

static void measure(struct bench *bench)
{
    const struct options *options = bench->options;
    if (options->kuairand != NULL) {
        measure_kuairand(bench, options->kuairand);
    } else if (options->simulated != NULL) {
        measure_directory(bench, options->simulated);
    } else {
        for (int64_t i = 0; i < options->worlds; i++) {
            measure_world(bench, (uint64_t)(options->seed + i));
        }
    }
}

/* --- output ------------------------------------------------------------------------------------
 */

struct range {
    double least;
    double median;
    double most;
};

static int rising(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Of the worlds' own means, or with other below the count of their differences. */
static struct range range_of(const struct bench *bench, size_t row, size_t contender, size_t other)
{
    double values[WORLDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < bench->world_count; i++) {
        const double *means = bench->means[i][row];
        double value = means[contender] - (other < PANEL_CONTENDERS_MAX ? means[other] : 0);
        if (!isnan(value)) {
            values[count++] = value;
        }
    }
    if (count == 0) {
        return (struct range){NAN, NAN, NAN};
    }
    qsort(values, count, sizeof(values[0]), rising);
    double middle = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return (struct range){values[0], middle, values[count - 1]};
}

static struct metrics_interval interval_of(const struct bench *bench, size_t row, size_t contender,
                                           size_t other)
{
    const struct panel *panel = quality_panel(bench->quality);
    struct metrics_interval interval;
    uint64_t seed = bench->contenders.seed;
    if (bench->options->means) {
        double subtracted =
            other < PANEL_CONTENDERS_MAX ? panel_mean_since(panel, row, other, 0) : 0;
        double mean = panel_mean_since(panel, row, contender, 0) - subtracted;
        return (struct metrics_interval){mean, NAN, NAN};
    }
    enum status status = other < PANEL_CONTENDERS_MAX
                             ? panel_difference(panel, row, contender, other, seed, &interval)
                             : panel_mean(panel, row, contender, seed, &interval);
    if (status != STATUS_OK) {
        give_up("%s", status_text(status));
    }
    return interval;
}

/* The ideal is 1 by definition, but for shares. */
static bool tells_little(const struct bench *bench, size_t row, size_t contender)
{
    const struct panel *panel = quality_panel(bench->quality);
    bool ideal = contender + 1 == panel_contender_count(panel);
    return ideal && strcmp(panel_row_name(panel, row), "new among 10") != 0;
}

static void print_bounds(bool sign, struct metrics_interval interval)
{
    if (!isnan(interval.low)) {
        printf(sign ? " [%+.4f, %+.4f]" : " [%.4f, %.4f]", interval.low, interval.high);
    }
}

static void print_cell(const struct bench *bench, size_t row, size_t contender)
{
    const struct panel *panel = quality_panel(bench->quality);
    struct metrics_interval mean = interval_of(bench, row, contender, PANEL_CONTENDERS_MAX);
    if (isnan(mean.mean) || tells_little(bench, row, contender)) {
        return;
    }
    printf("  %-22.22s %.4f", panel_contender_name(panel, contender), mean.mean);
    print_bounds(false, mean);
    if (contender > 0) {
        struct metrics_interval more = interval_of(bench, row, 0, contender);
        struct range range = range_of(bench, row, 0, contender);
        printf("   first is better by %+.4f", more.mean);
        print_bounds(true, more);
        if (bench->world_count > 1) {
            printf("; worlds %+.4f, %+.4f to %+.4f", range.median, range.least, range.most);
        }
    }
    printf("\n");
}

static void print_text(const struct bench *bench)
{
    const struct panel *panel = quality_panel(bench->quality);
    if (bench->options->kuairand != NULL) {
        const struct quality_kuairand_counts *counts = &bench->counts;
        printf("KuaiRand: %zu reactions as history; %zu as test, of %zu users, %zu of them to "
               "videos of the history\n",
               counts->history, counts->tested, counts->users, counts->known);
    } else {
        printf("nDCG@%d of the true %s; %zu simulated worlds\n", QUALITY_K, bench->options->gain,
               bench->world_count);
    }
    for (size_t row = 0; row < panel_row_count(panel); row++) {
        printf("\n%s (%zu users)\n", panel_row_name(panel, row), panel_users(panel, row));
        for (size_t i = 0; i < panel_contender_count(panel); i++) {
            print_cell(bench, row, i);
        }
    }
}

/* JSON has no NaN. */
static json_t *json_of_number(double number)
{
    return isnan(number) ? json_null() : json_real(number);
}

static json_t *json_of_interval(struct metrics_interval interval)
{
    return json_pack("{s:o, s:o, s:o}", "mean", json_of_number(interval.mean), "low",
                     json_of_number(interval.low), "high", json_of_number(interval.high));
}

static json_t *json_of_range(struct range range)
{
    return json_pack("{s:o, s:o, s:o}", "least", json_of_number(range.least), "median",
                     json_of_number(range.median), "most", json_of_number(range.most));
}

static json_t *json_of_cell(const struct bench *bench, size_t row, size_t contender)
{
    const struct panel *panel = quality_panel(bench->quality);
    struct metrics_interval mean = interval_of(bench, row, contender, PANEL_CONTENDERS_MAX);
    if (isnan(mean.mean)) {
        return NULL;
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "contender",
                     panel_contender_name(panel, contender), "value", json_of_interval(mean),
                     "worlds", json_of_range(range_of(bench, row, contender, PANEL_CONTENDERS_MAX)),
                     "first_is_better_by", json_of_interval(interval_of(bench, row, 0, contender)),
                     "first_is_better_by_in_worlds",
                     json_of_range(range_of(bench, row, 0, contender)));
}

static json_t *json_of_row(const struct bench *bench, size_t row)
{
    const struct panel *panel = quality_panel(bench->quality);
    json_t *cells = json_array();
    for (size_t i = 0; i < panel_contender_count(panel); i++) {
        json_t *cell = json_of_cell(bench, row, i);
        if (cell != NULL) {
            json_array_append_new(cells, cell);
        }
    }
    return json_pack("{s:s, s:I, s:o}", "row", panel_row_name(panel, row), "users",
                     (json_int_t)panel_users(panel, row), "contenders", cells);
}

static json_t *json_of_counts(const struct quality_kuairand_counts *counts)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "history", (json_int_t)counts->history, "tested",
                     (json_int_t)counts->tested, "known", (json_int_t)counts->known, "users",
                     (json_int_t)counts->users);
}

static void print_json(const struct bench *bench)
{
    const struct panel *panel = quality_panel(bench->quality);
    json_t *rows = json_array();
    for (size_t row = 0; row < panel_row_count(panel); row++) {
        json_array_append_new(rows, json_of_row(bench, row));
    }
    json_t *root = json_pack("{s:I, s:I, s:o}", "seed", (json_int_t)bench->options->seed, "worlds",
                             (json_int_t)bench->world_count, "rows", rows);
    CHECK(root != NULL);
    if (bench->options->kuairand != NULL) {
        json_object_set_new(root, "kuairand", json_of_counts(&bench->counts));
    }
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(root);
}

int main(int argc, char **argv)
{
    struct options options = {0};
    program_options(&program, argc, argv, &options);
    struct bench *bench = calloc(1, sizeof(*bench));
    CHECK(bench != NULL);
    bench->options = &options;
    bench->contenders.seed = (uint64_t)options.seed;
    bench->contenders.gain = (enum truth_value)argument_choice(gains, options.gain);
    read_weights(bench);
    bench->quality = quality_new(&bench->contenders);
    CHECK(bench->quality != NULL);
    measure(bench);
    if (options.json) {
        print_json(bench);
    } else {
        print_text(bench);
    }
    quality_free(bench->quality);
    for (size_t i = 0; i < bench->contenders.count; i++) {
        weights_unref(bench->weights[i]);
    }
    free(bench);
    return 0;
}
