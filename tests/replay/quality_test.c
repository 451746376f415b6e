#include "replay/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "replay/simulate.h"
#include "replay/truth.h"
#include "tests/test.h"

static FILE *file_of(const char *text)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    CHECK(file != NULL);
    return file;
}

static struct weights *weights_of(const char *yaml, size_t size)
{
    struct weights *weights = NULL;
    struct weights_problems problems;
    CHECK_EQ(STATUS_OK, weights_parse((struct text){yaml, size}, &weights, &problems));
    return weights;
}

/* Contender 0 is the weights; then come the baselines in their order, and the ideal. */
enum { OURS, POPULARITY, LANGUAGE_POPULARITY, LIKES, RECENCY, RANDOM, IDEAL };

static double value_of(const struct quality *quality, const char *row, size_t contender)
{
    const struct panel *panel = quality_panel(quality);
    for (size_t i = 0; i < panel_row_count(panel); i++) {
        if (strcmp(panel_row_name(panel, i), row) == 0) {
            return panel_mean_since(panel, i, contender, 0);
        }
    }
    return NAN;
}

static void check_near(double want, double got)
{
    if (!(fabs(want - got) < 1e-9)) {
        fprintf(stderr, "want %.12f, got %.12f\n", want, got);
        abort();
    }
}

/*
 * Three videos that may be shown and one that is unrated. v1 is old, Russian and popular, v2 of the
 * day before, v3 of today; all but v1 are in Hindi, so that the weights put v1 last.
 */
static const char catalogue[] =
    "{\"video\":{\"video_id\":\"v1\",\"languages\":[\"ru\"],\"duration_ms\":9000,"
    "\"published_ms\":1600000000000,\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}}\n"
    "{\"video\":{\"video_id\":\"v2\",\"languages\":[\"hi\"],\"duration_ms\":9000,"
    "\"published_ms\":1699900000000,\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}}\n"
    "{\"video\":{\"video_id\":\"v3\",\"languages\":[\"hi\"],\"duration_ms\":9000,"
    "\"published_ms\":1699990000000,\"safety_rating\":\"SAFETY_RATING_LOW_RISK\"}}\n"
    "{\"video\":{\"video_id\":\"v4\",\"languages\":[\"hi\"],\"duration_ms\":9000}}\n";

static const char log_of_views[] =
    "{\"signal\":{\"user_id\":\"u9\",\"video_id\":\"v1\",\"type\":\"SIGNAL_TYPE_IMPRESSION\","
    "\"time_ms\":1699990000000}}\n"
    "{\"signal\":{\"user_id\":\"u8\",\"video_id\":\"v1\",\"type\":\"SIGNAL_TYPE_IMPRESSION\","
    "\"time_ms\":1699990000001}}\n"
    "{\"signal\":{\"user_id\":\"u9\",\"video_id\":\"v2\",\"type\":\"SIGNAL_TYPE_IMPRESSION\","
    "\"time_ms\":1699990000002}}\n";

static const char truth[] =
    "{\"shown\":{\"ranking_id\":\"r0\"}}\n"
    "{\"test\":{\"ranking_id\":\"r1\",\"user_id\":\"u1\",\"locale\":\"hi-IN\",\"age_years\":30,"
    "\"time_ms\":1700000000000,\"user_signals\":40,\"candidates\":["
    "{\"video_id\":\"v4\",\"utility\":1},{\"video_id\":\"v1\",\"utility\":0.1,\"impressions\":99},"
    "{\"video_id\":\"v2\",\"utility\":0.2},{\"video_id\":\"v3\",\"utility\":0.8}]}}\n";

static void a_small_case_is_measured_as_by_hand(void)
{
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {
        .weights = {weights}, .names = {"ours"}, .count = 1, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    struct quality_files files = {file_of(catalogue), file_of(log_of_views), file_of(truth)};
    struct problem problem = {""};
    CHECK(quality != NULL);
    CHECK_EQ(STATUS_OK, quality_add_simulated(quality, 1, &files, &problem));
    /* v4 is dropped for all, so the best order is v3, v2, v1 with gains 0.8, 0.2, 0.1. */
    double best = 0.8 + 0.2 / log2(3) + 0.1 / 2;
    check_near((0.1 + 0.2 / log2(3) + 0.8 / 2) / best, value_of(quality, "all", POPULARITY));
    check_near((0.2 + 0.8 / log2(3) + 0.1 / 2) / best,
               value_of(quality, "all", LANGUAGE_POPULARITY));
    check_near(1, value_of(quality, "all", RECENCY));
    check_near(1, value_of(quality, "all", IDEAL));
    check_near(1, value_of(quality, "all", OURS));
    check_near(1, value_of(quality, "known users", OURS));
    CHECK(isnan(value_of(quality, "new users", OURS)));
    /* Of the new ones, v2 and v3, popularity has v2 first. */
    double best_new = 0.8 + 0.2 / log2(3);
    check_near((0.2 + 0.8 / log2(3)) / best_new, value_of(quality, "new videos", POPULARITY));
    check_near((0.2 + 0.8 / log2(3)) / best_new, value_of(quality, "own language", POPULARITY));
    check_near(2.0 / 3, value_of(quality, "new among 10", OURS));
    check_near(1, value_of(quality, "hi-IN", OURS));
    quality_free(quality);
    weights_unref(weights);
    fclose(files.catalogue);
    fclose(files.log);
    fclose(files.truth);
}

/* What comes of the small case with another locale, by weights of this text. */
static double value_for_locale(const char *yaml, const char *locale, const char *row,
                               size_t contender)
{
    struct weights *weights = weights_of(yaml, strlen(yaml));
    struct quality_contenders contenders = {
        .weights = {weights}, .names = {"ours"}, .count = 1, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    char *line = NULL;
    size_t size = 0;
    FILE *lines = open_memstream(&line, &size);
    CHECK(lines != NULL);
    const char *old = strstr(truth, "hi-IN");
    fprintf(lines, "%.*s%s%s", (int)(old - truth), truth, locale, old + strlen("hi-IN"));
    CHECK_EQ(0, fclose(lines));
    struct quality_files files = {file_of(catalogue), file_of(log_of_views), file_of(line)};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, quality_add_simulated(quality, 1, &files, &problem));
    double value = value_of(quality, row, contender);
    quality_free(quality);
    weights_unref(weights);
    fclose(files.catalogue);
    fclose(files.log);
    fclose(files.truth);
    free(line);
    return value;
}

static void a_region_alone_is_measured_in_its_language(void)
{
    double best = 0.8 + 0.2 / log2(3) + 0.1 / 2;
    check_near((0.2 + 0.8 / log2(3) + 0.1 / 2) / best,
               value_for_locale("version: v\n", "und-IN", "all", LANGUAGE_POPULARITY));
    double best_own = 0.8 + 0.2 / log2(3);
    check_near((0.2 + 0.8 / log2(3)) / best_own,
               value_for_locale("version: v\n", "und-IN", "own language", POPULARITY));
}

/* Everyone is in the arm, for which a language counts against a video: v1 comes first. */
static void users_are_ranked_in_their_arms(void)
{
    const char *yaml = "version: v\n"
                       "experiments:\n"
                       "  foreign:\n"
                       "    arms:\n"
                       "      all: {share: 1, multipliers: {language_match: -0.9}}\n";
    double best = 0.8 + 0.2 / log2(3) + 0.1 / 2;
    double value = value_for_locale(yaml, "hi-IN", "all", OURS);
    check_near(1, value_for_locale("version: v\n", "hi-IN", "all", OURS));
    check_near((0.1 + 0.8 / log2(3) + 0.2 / 2) / best, value);
}

static void check_refused(const char *videos, const char *lines, const char *want)
{
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {.weights = {weights}, .names = {"ours"}, .count = 1};
    struct quality *quality = quality_new(&contenders);
    struct quality_files files = {file_of(videos), NULL, file_of(lines)};
    struct problem problem = {""};
    CHECK_EQ(STATUS_INVALID, quality_add_simulated(quality, 1, &files, &problem));
    CHECK_STR(want, problem.text);
    quality_free(quality);
    weights_unref(weights);
    fclose(files.catalogue);
    fclose(files.truth);
}

static void wrong_lines_are_named(void)
{
    check_refused("{\"video\":{}}\n", truth,
                  "catalogue: line 1: video.video_id is required: 1 to 128 bytes of UTF-8");
    check_refused(catalogue, "\n{\"test\":{\"user_id\":\"u\",\"time_ms\":0}}\n",
                  "truth: line 2: test.time_ms must be above 0 and before the year 10000");
    check_refused(catalogue, "{}\n", "truth: line 1: the line has no \"test\" or \"shown\"");
    check_refused(catalogue,
                  "{\"test\":{\"user_id\":\"u\",\"time_ms\":1,\"candidates\":[{\"video_id\":\"v\","
                  "\"utility\":2}]}}\n",
                  "truth: line 1: test.candidates: a probability is not from 0 to 1");
    check_refused(catalogue,
                  "{\"test\":{\"user_id\":\"u\",\"time_ms\":1,\"locale\":\"?\","
                  "\"candidates\":[{\"video_id\":\"v\"}]}}\n",
                  "truth: locale \"?\" is not a BCP 47 language tag such as \"hi-IN\"");
}

static void add_world(struct quality *quality, const struct simulate_options *options)
{
    FILE *log = tmpfile();
    FILE *truths = tmpfile();
    CHECK(log != NULL && truths != NULL);
    struct simulate_output output = {.catalogue = log, .log = log, .truth = truths};
    CHECK_EQ(STATUS_OK, simulate_write(options, &output));
    rewind(log);
    rewind(truths);
    struct quality_files files = {.catalogue = log, .truth = truths};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, quality_add_simulated(quality, 1, &files, &problem));
    fclose(log);
    fclose(truths);
}

/* Also at the lower end of the interval. */
static void check_better(const struct quality *quality, const char *row_name, size_t better,
                         size_t other)
{
    const struct panel *panel = quality_panel(quality);
    struct metrics_interval more;
    size_t row = panel_row((struct panel *)(uintptr_t)panel, row_name);
    CHECK_EQ(STATUS_OK, panel_difference(panel, row, better, other, 1, &more));
    if (!(more.low > 0)) {
        fprintf(stderr, "%s: %s against %s: %.4f\n", row_name, panel_contender_name(panel, better),
                panel_contender_name(panel, other), more.low);
        abort();
    }
}

/* Large enough to tell, small enough for every build: the shipped weights against all the rest. */
static void the_shipped_weights_win_in_a_made_up_world(void)
{
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {
        .weights = {weights}, .names = {"ours"}, .count = 1, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    struct simulate_options options = simulate_defaults(1700000000000);
    options.video_count = 1500;
    options.user_count = 600;
    options.test_count = 400;
    options.signal_count = 60000;
    add_world(quality, &options);
    static const char *const rows[] = {"all", "new users", "new videos", "own language"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t contender = POPULARITY; contender <= RANDOM; contender++) {
            check_better(quality, rows[i], OURS, contender);
        }
    }
    quality_free(quality);
    weights_unref(weights);
}

static void narrow_rates_win_where_appeal_differs_from_place_to_place(void)
{
    static const char narrow[] = "version: narrow\nfeatures: {rate_scope: language}\n";
    struct weights *weights[] = {weights_of(default_weights, default_weights_size),
                                 weights_of(narrow, strlen(narrow))};
    struct quality_contenders contenders = {
        .weights = {weights[0], weights[1]}, .names = {"global", "narrow"}, .count = 2, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    struct simulate_options options = simulate_defaults(1700000000000);
    options.video_count = 400;
    options.user_count = 400;
    options.test_count = 300;
    options.signal_count = 60000;
    options.local_appeal_percent = 200;
    add_world(quality, &options);
    check_better(quality, "all", 1, 0);
    quality_free(quality);
    weights_unref(weights[0]);
    weights_unref(weights[1]);
}

/*
 * Ten reactions: eight are history, the last two test. u1 likes v5 and hates v6 then; v5 was liked
 * before by others and v6 hated.
 */
static const char kuairand[] = "user_id,video_id,time_ms,play_time_ms,duration_ms,label\n"
                               "2,5,1650000000000,9000,9000,1\n"
                               "3,5,1650000001000,9000,9000,1\n"
                               "4,5,1650000002000,9000,9000,1\n"
                               "2,6,1650000003000,100,9000,0\n"
                               "3,6,1650000004000,100,9000,0\n"
                               "4,6,1650000005000,100,9000,0\n"
                               "5,6,1650000006000,100,9000,0\n"
                               "1,7,1650000007000,9000,9000,1\n"
                               "1,6,1650000009000,100,9000,0\n"
                               "1,5,1650000008000,9000,9000,1\n";

static void a_small_log_of_likes_and_hates_is_split_by_time(void)
{
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {
        .weights = {weights}, .names = {"ours"}, .count = 1, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    struct quality_kuairand_counts counts;
    struct problem problem = {""};
    FILE *file = file_of(kuairand);
    CHECK_EQ(STATUS_OK, quality_add_kuairand(quality, file, &counts, &problem));
    CHECK_EQ(8, counts.history);
    CHECK_EQ(2, counts.tested);
    CHECK_EQ(1, counts.users);
    CHECK_EQ(2, counts.known);
    CHECK_EQ(1650000008000, counts.split_ms);
    check_near(1, value_of(quality, "like against hate AUC", OURS));
    check_near(1, value_of(quality, "like against hate AUC", LIKES));
    /* v6 was seen four times, v5 three times. */
    check_near(0, value_of(quality, "like against hate AUC", POPULARITY));
    check_near(0.5, value_of(quality, "like against hate AUC", RECENCY));
    check_near(1, value_of(quality, "nDCG@10 of likes", OURS));
    check_near(1 / log2(3), value_of(quality, "nDCG@10 of likes", POPULARITY));
    quality_free(quality);
    weights_unref(weights);
    fclose(file);
}

static void a_wrong_line_of_kuairand_is_named(void)
{
    char text[512];
    snprintf(text, sizeof(text),
             "user_id,video_id,time_ms,play_time_ms,duration_ms,label\n"
             "2,5,1650000000000,9000,9000,1\n"
             "%0129d,5,1650000001000,9000,9000,1\n",
             3);
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {.weights = {weights}, .names = {"ours"}, .count = 1};
    struct quality *quality = quality_new(&contenders);
    struct quality_kuairand_counts counts;
    struct problem problem = {""};
    FILE *file = file_of(text);
    CHECK_EQ(STATUS_INVALID, quality_add_kuairand(quality, file, &counts, &problem));
    CHECK(strncmp(problem.text, "line 3: user_id", strlen("line 3: user_id")) == 0);
    quality_free(quality);
    weights_unref(weights);
    fclose(file);
}

/* The protocol's own file, where it is: docs/evaluation.md. */
static void the_real_log_of_likes_and_hates_is_told_apart(void)
{
    const char *path = getenv("KUAIRAND_LIKES_HATES");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    if (file == NULL) {
        test_skip("KUAIRAND_LIKES_HATES names no file (--test_env=KUAIRAND_LIKES_HATES=FILE)");
    }
    struct weights *weights = weights_of(default_weights, default_weights_size);
    struct quality_contenders contenders = {
        .weights = {weights}, .names = {"ours"}, .count = 1, .seed = 1};
    struct quality *quality = quality_new(&contenders);
    struct quality_kuairand_counts counts;
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, quality_add_kuairand(quality, file, &counts, &problem));
    CHECK_EQ(41828, counts.history + counts.tested);
    double ours = value_of(quality, "like against hate AUC", OURS);
    CHECK(ours > value_of(quality, "like against hate AUC", POPULARITY));
    CHECK(ours > 0.75);
    quality_free(quality);
    weights_unref(weights);
    fclose(file);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_small_case_is_measured_as_by_hand),
        TEST(a_region_alone_is_measured_in_its_language),
        TEST(users_are_ranked_in_their_arms),
        TEST(wrong_lines_are_named),
        TEST(the_shipped_weights_win_in_a_made_up_world),
        TEST(narrow_rates_win_where_appeal_differs_from_place_to_place),
        TEST(a_small_log_of_likes_and_hates_is_split_by_time),
        TEST(a_wrong_line_of_kuairand_is_named),
        TEST(the_real_log_of_likes_and_hates_is_told_apart),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
