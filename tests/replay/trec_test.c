#include "replay/trec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ranker/random.h"
#include "replay/list_metrics.h"
#include "tests/test.h"

enum { LINES_MAX = 8192, WORD_SIZE = 400, QUERY_SIZE = 64 };

struct line {
    char query[WORD_SIZE];
    char document[WORD_SIZE];
    float score; /* of a run, as trec_eval keeps it */
    long level;  /* of qrels */
};

struct lines {
    struct line at[LINES_MAX];
    size_t count;
};

static struct lines run;
static struct lines qrels;
static struct list_metrics metrics;

static void read_run(FILE *file)
{
    run.count = 0;
    struct line *line = run.at;
    while (fscanf(file, "%399s %*s %399s %*s %f %*s", line->query, line->document, &line->score) ==
           3) {
        line++;
        run.count++;
        CHECK(run.count < LINES_MAX);
    }
    CHECK(feof(file));
    fclose(file);
}

static void read_qrels(FILE *file)
{
    qrels.count = 0;
    struct line *line = qrels.at;
    while (fscanf(file, "%399s %*s %399s %ld", line->query, line->document, &line->level) == 3) {
        line++;
        qrels.count++;
        CHECK(qrels.count < LINES_MAX);
    }
    CHECK(feof(file));
    fclose(file);
}

/* trec_eval's rule: score falling, ties by document falling; the rank is not looked at. */
static int by_trec_eval(const void *a, const void *b)
{
    const struct line *left = *(const struct line *const *)a;
    const struct line *right = *(const struct line *const *)b;
    if (left->score < right->score || left->score > right->score) {
        return left->score > right->score ? -1 : 1;
    }
    return strcmp(right->document, left->document);
}

static size_t judged_of(const char *query, double *gains)
{
    size_t count = 0;
    for (size_t i = 0; i < qrels.count; i++) {
        if (strcmp(qrels.at[i].query, query) == 0) {
            gains[count++] = (double)qrels.at[i].level;
        }
    }
    return count;
}

static double gain_of(const char *query, const char *document)
{
    for (size_t i = 0; i < qrels.count; i++) {
        if (strcmp(qrels.at[i].document, document) == 0 && strcmp(qrels.at[i].query, query) == 0) {
            return (double)qrels.at[i].level;
        }
    }
    return 0;
}

static size_t ranked_of(const char *query, double *gains)
{
    static const struct line *ranked[LIMIT_CANDIDATES];
    size_t count = 0;
    for (size_t i = 0; i < run.count; i++) {
        if (strcmp(run.at[i].query, query) == 0) {
            ranked[count++] = &run.at[i];
        }
    }
    qsort(ranked, count, sizeof(ranked[0]), by_trec_eval);
    for (size_t i = 0; i < count; i++) {
        gains[i] = gain_of(query, ranked[i]->document);
    }
    return count;
}

/* What the files that were read say of a query. */
static void measure(const char *query, size_t k, double out[METRIC_LIST_COUNT])
{
    static double judged[LIMIT_CANDIDATES];
    static double ranked[LIMIT_CANDIDATES];
    list_metrics_init(&metrics, k);
    size_t judged_count = judged_of(query, judged);
    size_t ranked_count = ranked_of(query, ranked);
    struct list_ideal ideal = list_ideal(&metrics, judged, judged_count);
    list_measure(&metrics, &ideal, ranked, ranked_count, out);
}

/* What trec_eval printed for "MEASURE QUERY VALUE". */
static void expected_of(FILE *expected, const char *measure_name, const char *query,
                        char value[QUERY_SIZE])
{
    char text[512];
    char words[2][QUERY_SIZE];
    rewind(expected);
    while (fgets(text, sizeof(text), expected) != NULL) {
        if (sscanf(text, "%63s %63s %63s", words[0], words[1], value) == 3 &&
            strcmp(words[0], measure_name) == 0 && strcmp(words[1], query) == 0) {
            return;
        }
    }
    fprintf(stderr, "no %s of %s\n", measure_name, query);
    abort();
}

static void check_value(FILE *expected, const char *measure_name, const char *query, double value)
{
    char want[QUERY_SIZE];
    char got[QUERY_SIZE];
    expected_of(expected, measure_name, query, want);
    snprintf(got, sizeof(got), "%.4f", value);
    if (strcmp(want, got) != 0) {
        fprintf(stderr, "%s of %s: want %s, got %s\n", measure_name, query, want, got);
        abort();
    }
}

/* Each query and their mean. */
static void check_metric(FILE *expected, const char *measure_name, enum metric metric, size_t k)
{
    static const char *const queries[] = {"301", "302", "303"};
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        double got[METRIC_LIST_COUNT];
        measure(queries[i], k, got);
        check_value(expected, measure_name, queries[i], got[metric]);
        sum += got[metric];
    }
    check_value(expected, measure_name, "all", sum / 3);
}

static void check_cutoffs(FILE *expected, const char *measure_name, enum metric metric,
                          size_t largest)
{
    static const size_t cutoffs[] = {1, 5, 10, 15, 20, 30, 100, 200, 500, 1000};
    bool success = metric == METRIC_HIT_AT; /* alone has a cut at 1, and none at 15 */
    for (size_t i = success ? 0 : 1; i < 10 && cutoffs[i] <= largest; i++) {
        char name[QUERY_SIZE];
        snprintf(name, sizeof(name), "%s_%zu", measure_name, cutoffs[i]);
        check_metric(expected, name, metric, cutoffs[i]);
    }
}

static FILE *open_in(const char *directory, const char *name)
{
    char path[TEST_PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    return file;
}

static void every_metric_is_what_trec_eval_says_of_its_own_test_files(void)
{
    const char *directory = getenv("TREC_EVAL_DIR");
    if (directory == NULL) {
        test_skip("TREC_EVAL_DIR names no directory (--test_env=TREC_EVAL_DIR=DIR)");
    }
    read_run(open_in(directory, "results.test"));
    read_qrels(open_in(directory, "qrels.test"));
    CHECK_EQ(1500, run.count);
    CHECK_EQ(3681, qrels.count);
    FILE *expected = open_in(directory, "out.test.aq");
    check_metric(expected, "ndcg", METRIC_NDCG, 10);
    check_metric(expected, "map", METRIC_MAP, 10);
    check_metric(expected, "recip_rank", METRIC_MRR, 10);
    check_cutoffs(expected, "ndcg_cut", METRIC_NDCG_AT, 1000);
    check_cutoffs(expected, "P", METRIC_PRECISION_AT, 1000);
    check_cutoffs(expected, "recall", METRIC_RECALL_AT, 1000);
    check_cutoffs(expected, "success", METRIC_HIT_AT, 10);
    fclose(expected);
}

/* Borrowed by the files that are read from it. */
struct memory {
    char *bytes;
    size_t size;
};

static FILE *memory_writer(struct memory *memory)
{
    FILE *file = open_memstream(&memory->bytes, &memory->size);
    CHECK(file != NULL);
    return file;
}

static FILE *memory_reader(const struct memory *memory)
{
    FILE *file = fmemopen(memory->bytes, memory->size, "r");
    CHECK(file != NULL);
    return file;
}

/* A ranking with ids of odd bytes, some of which only differ in what is escaped. */
enum { RANKED = 60, JUDGED = 80 };
static char ids[JUDGED][16];
static struct text documents[JUDGED];

static void make_ids(struct random *random)
{
    static const char *const heads[] = {"", " ", "%", "#", "\xe0\xa4\xb9"};
    uint32_t order[JUDGED];
    for (uint32_t i = 0; i < JUDGED; i++) {
        order[i] = i;
    }
    random_shuffle(random, order, JUDGED);
    for (size_t i = 0; i < JUDGED; i++) {
        uint32_t number = order[i];
        snprintf(ids[i], sizeof(ids[i]), "%s%s%u", heads[number % 5], number % 2 ? "\n" : "\t",
                 number / 10);
        documents[i] = text_of(number == 0 ? "" : ids[i]);
    }
}

/* Writes both files, reads them back, and compares what they say with what the arrays say. */
static void check_written(const double *gains, unsigned scale, double tolerance)
{
    struct memory written[2] = {{NULL, 0}, {NULL, 0}};
    FILE *file = memory_writer(&written[0]);
    CHECK_EQ(STATUS_OK, trec_write_run(file, text_of("q 1"), documents, RANKED, text_of("a b")));
    fclose(file);
    file = memory_writer(&written[1]);
    CHECK_EQ(STATUS_OK, trec_write_qrels(file, text_of("q 1"), documents, gains, JUDGED, scale));
    fclose(file);
    read_run(memory_reader(&written[0]));
    read_qrels(memory_reader(&written[1]));
    CHECK_EQ(RANKED, run.count);
    CHECK_EQ(JUDGED, qrels.count);
    double want[METRIC_LIST_COUNT];
    double got[METRIC_LIST_COUNT];
    list_metrics_init(&metrics, 10);
    struct list_ideal ideal = list_ideal(&metrics, gains, JUDGED);
    list_measure(&metrics, &ideal, gains, RANKED, want);
    measure("q%201", 10, got);
    for (size_t i = 0; i < METRIC_LIST_COUNT; i++) {
        CHECK(fabs(want[i] - got[i]) <= tolerance);
    }
    free(written[0].bytes);
    free(written[1].bytes);
}

static void what_is_written_says_the_same_under_trec_evals_rule(void)
{
    struct random random = {11};
    for (size_t round = 0; round < 50; round++) {
        double labels[JUDGED];
        double grades[JUDGED];
        double quantiles[JUDGED];
        make_ids(&random);
        for (size_t i = 0; i < JUDGED; i++) {
            labels[i] = random_chance(&random, 0.1) || i == 70;
            grades[i] = random_below(&random, 4);
            quantiles[i] = random_chance(&random, 0.5) ? random_unit(&random) : 0;
        }
        check_written(labels, 1, 1e-12);
        check_written(grades, 1, 1e-12);
        check_written(quantiles, 1000000, 1e-5);
    }
}

static void check_id(const char *want, struct text id)
{
    struct memory written = {NULL, 0};
    FILE *file = memory_writer(&written);
    CHECK_EQ(STATUS_OK, trec_write_id(file, id));
    fclose(file);
    CHECK_STR(want, written.bytes);
    free(written.bytes);
}

static void ids_are_escaped_so_that_they_stay_one_word_and_differ(void)
{
    check_id("video-1_a.b~", text_of("video-1_a.b~"));
    check_id("a%20b%09%0A", text_of("a b\t\n"));
    check_id("100%25%23", text_of("100%#"));
    check_id("%E0%A4%B9", text_of("\xe0\xa4\xb9"));
    check_id("%00%7F", (struct text){"\0\x7f", 2});
    check_id("%", text_of(""));
}

static void lines_are_as_trec_eval_wants_them(void)
{
    struct memory written = {NULL, 0};
    const struct text two[] = {text_of("v9"), text_of("v1")};
    const double gains[] = {0, 0.0000001};
    FILE *file = memory_writer(&written);
    CHECK_EQ(STATUS_OK, trec_write_run(file, text_of("r"), two, 2, text_of("ours")));
    CHECK_EQ(STATUS_OK, trec_write_qrels(file, text_of("r"), two, gains, 2, 1000));
    fclose(file);
    CHECK_STR("r Q0 v9 1 2 ours\nr Q0 v1 2 1 ours\nr 0 v9 0\nr 0 v1 1\n", written.bytes);
    free(written.bytes);
}

static void nothing_relevant_has_no_qrels(void)
{
    struct memory written = {NULL, 0};
    const struct text one[] = {text_of("v")};
    const double gains[] = {0};
    FILE *file = memory_writer(&written);
    CHECK_EQ(STATUS_OK, trec_write_qrels(file, text_of("r"), one, gains, 1, 1));
    CHECK_EQ(STATUS_OK, trec_write_run(file, text_of("r"), one, 0, text_of("t")));
    fclose(file);
    CHECK_EQ(0, written.size);
    free(written.bytes);
}

static void a_full_disk_is_told(void)
{
    FILE *file = fopen("/dev/full", "w");
    if (file == NULL) {
        test_skip("there is no /dev/full");
    }
    setvbuf(file, NULL, _IONBF, 0);
    const struct text one[] = {text_of("v")};
    const double gains[] = {1};
    CHECK_EQ(STATUS_IO, trec_write_run(file, text_of("r"), one, 1, text_of("t")));
    CHECK_EQ(STATUS_IO, trec_write_qrels(file, text_of("r"), one, gains, 1, 1));
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(every_metric_is_what_trec_eval_says_of_its_own_test_files),
        TEST(what_is_written_says_the_same_under_trec_evals_rule),
        TEST(ids_are_escaped_so_that_they_stay_one_word_and_differ),
        TEST(lines_are_as_trec_eval_wants_them),
        TEST(nothing_relevant_has_no_qrels),
        TEST(a_full_disk_is_told),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
