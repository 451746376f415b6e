#include <stdlib.h>
#include <string.h>

#include "tests/replay/told.h"
#include "tests/test.h"

#define HEADER    ",timestamp,item_id,position,click,propensity_score"
#define TWO_ITEMS HEADER ",user_feature_0,user-item_affinity_0,user-item_affinity_1\n"

static struct problem problem;

static const struct import_options plain = {.format = IMPORT_OBD};
static const struct import_options with_decisions = {.format = IMPORT_OBD, .decisions = true};

/* 2019-11-24 00:01:03.979 UTC is 18,224 days and 63.979 s after 1970. */
#define TIME "1574553663979"

static void a_row_is_an_impression_of_a_ranking_of_its_own(void)
{
    static const char text[] =
        TWO_ITEMS "0,2019-11-24 00:01:03.979311+00:00,1,2,0,0.045525,f,0.0,0.5\n";
    CHECK_EQ(STATUS_OK, told_import(&plain, text, strlen(text), &problem));
    CHECK_EQ(3, told.entries);
    CHECK_EQ(1, told_times("2 {\"video\":{\"video_id\":\"obd:0\",\"languages\":[\"ja\"],"
                           "\"inferred\":[\"languages\"]}} languages\n"));
    CHECK_EQ(1, told_times("{\"video_id\":\"obd:1\""));
    CHECK_EQ(1, told_times("2 {\"signal\":{\"event_id\":\"obd-"));
    CHECK_EQ(1, told_times("-2:impression\",\"user_id\":\"obd-"));
    CHECK_EQ(1, told_times("-2\",\"video_id\":\"obd:1\",\"type\":\"SIGNAL_TYPE_IMPRESSION\","
                           "\"time_ms\":" TIME ",\"locale\":\"ja-JP\",\"ranking_id\":\"obd-"));
    CHECK_EQ(1, told_times("-2\",\"position\":2}}\n"));
}

static void a_click_is_a_play_too(void)
{
    static const char text[] = HEADER "\n0,2019-11-24 00:01:03+00:00,1,1,1,1\n";
    CHECK_EQ(STATUS_OK, told_import(&plain, text, strlen(text), &problem));
    CHECK_EQ(3, told.entries);
    CHECK_EQ(1, told_times("SIGNAL_TYPE_IMPRESSION\",\"time_ms\":1574553663000,"));
    CHECK_EQ(1, told_times("SIGNAL_TYPE_PLAY\",\"time_ms\":1574553663000,"));
}

/* All items are candidates, with their affinities as scores; the position is the second. */
static void a_decision_has_the_items_of_the_header(void)
{
    static const char text[] =
        TWO_ITEMS "0,2019-11-24 00:01:03.979311+00:00,1,2,0,0.045525,f,-0.25,0.5\n";
    CHECK_EQ(STATUS_OK, told_import(&with_decisions, text, strlen(text), &problem));
    CHECK_EQ(4, told.entries);
    CHECK_EQ(1,
             told_times("2 {\"decision\":{\"time_ms\":" TIME ",\"request\":{\"user_id\":\"obd-"));
    CHECK_EQ(1, told_times("\"locale\":\"ja-JP\",\"candidates\":[{\"video_id\":\"obd:0\","
                           "\"retrieval_score\":-0.25},{\"video_id\":\"obd:1\","
                           "\"retrieval_score\":0.5}],\"now_ms\":" TIME "},\"ranking_id\":\"obd-"));
    CHECK_EQ(1, told_times("\"order\":[1],\"propensities\":[0.045525],\"first_position\":2}}\n"));
}

static void without_affinities_a_decision_has_what_was_shown(void)
{
    static const char text[] = HEADER "\n0,2019-11-24 00:01:03+00:00,77,1,0,1.0\n";
    CHECK_EQ(STATUS_OK, told_import(&with_decisions, text, strlen(text), &problem));
    CHECK_EQ(1, told_times("\"candidates\":[{\"video_id\":\"obd:77\"}],"));
    CHECK_EQ(1, told_times("\"order\":[0],\"propensities\":[1.0],\"first_position\":1}}\n"));
}

static void equal_rows_are_different_rankings(void)
{
    static const char text[] = HEADER "\n0,2019-11-24 00:01:03+00:00,1,1,0,1\n"
                                      "1,2019-11-24 00:01:03+00:00,1,1,0,1\n";
    CHECK_EQ(STATUS_OK, told_import(&plain, text, strlen(text), &problem));
    CHECK_EQ(1, told_times("-2:impression"));
    CHECK_EQ(1, told_times("-3:impression"));
}

static void items_are_videos_with_their_features_as_categories(void)
{
    told_check("2 {\"video\":{\"video_id\":\"obd:0\",\"languages\":[\"ja\"],"
               "\"categories\":[\"1-c82d\",\"2-088a\",\"3-8ea6\"],\"inferred\":[\"languages\"]}} "
               "categories languages\n"
               "3 {\"video\":{\"video_id\":\"obd:33\",\"languages\":[\"ja\"],"
               "\"categories\":[\"2-088a\"],\"inferred\":[\"languages\"]}} categories languages\n"
               "4 rejected: item_id is \"x\"; a whole number from 0 to 999999 is allowed\n"
               "5 rejected: item_feature_2 is longer than 62 bytes or not UTF-8\n",
               &plain,
               ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
               "0,0,-0.67,c82d,088a,8ea6\n"
               "33,33,-0.67,,088a,\n"
               "34,x,-0.67,c82d,088a,8ea6\n"
               "35,35,0,,012345678901234567890123456789012345678901234567890123456789012,\n");
}

static void bad_rows_are_rejected_by_column(void)
{
    told_check("2 rejected: timestamp is \"24.11.2019\"; a time such as "
               "2019-11-24 00:00:17.004101+00:00 is allowed\n"
               "3 rejected: item_id is \"2\"; a whole number from 0 to 1 is allowed\n"
               "4 rejected: position is \"0\"; a whole number from 1 to 2000 is allowed\n"
               "5 rejected: click is \"2\"; a whole number from 0 to 1 is allowed\n"
               "6 rejected: propensity_score is \"0\"; above 0 and at most 1 is allowed\n"
               "7 rejected: propensity_score is \"1.5\"; above 0 and at most 1 is allowed\n"
               "8 rejected: propensity_score is \"nan\"; above 0 and at most 1 is allowed\n"
               "9 rejected: user-item_affinity_1 is \"\"; a number is allowed\n"
               "10 rejected: the record has 4 fields; the header has 9\n",
               &plain,
               TWO_ITEMS "0,24.11.2019,1,2,0,0.5,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,2,2,0,0.5,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,0,0,0.5,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,2,2,0.5,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,2,0,0,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,2,0,1.5,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,2,0,nan,f,0,0\n"
                         "0,2019-11-24 00:01:03+00:00,1,2,0,0.5,f,0,\n"
                         "0,1,2,3\n");
}

static void a_rating_is_assumed_when_told_to(void)
{
    static const char text[] = HEADER "\n0,2019-11-24 00:01:03+00:00,1,1,0,1\n";
    const struct import_options options = {
        .format = IMPORT_OBD, .assume_safety = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK};
    CHECK_EQ(STATUS_OK, told_import(&options, text, strlen(text), &problem));
    CHECK_EQ(1, told_times("\"safety_rating\":\"SAFETY_RATING_LOW_RISK\","
                           "\"inferred\":[\"languages\",\"safety_rating\"]}} languages "
                           "safety_rating\n"));
}

static void files_of_another_kind_are_refused(void)
{
    CHECK_EQ(STATUS_INVALID, told_import(&plain, "", 0, &problem));
    CHECK_EQ(STATUS_INVALID, told_import(&plain, "item_id,click\n", 14, &problem));
    CHECK_STR("not a table of Open Bandit Dataset: the header needs item_id, and timestamp, "
              "position, click and propensity_score (a log) or item_feature_1 (item_context.csv)",
              problem.text);
}

struct sums {
    size_t videos;
    size_t decisions;
    size_t impressions;
    size_t plays;
    size_t candidates;
    double inverse; /* sum of 1 / propensity */
};

static enum status add(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                       const char *const *update_fields)
{
    struct sums *sums = context;
    (void)line;
    (void)update_fields;
    if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_DECISION) {
        sums->decisions++;
        sums->candidates += entry->decision->request->n_candidates;
        sums->inverse += 1 / entry->decision->propensities[0];
    } else if (entry->entry_case == REELRANK__V1__LOG_ENTRY__ENTRY_SIGNAL) {
        sums->impressions +=
            entry->signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_IMPRESSION;
        sums->plays += entry->signal->type == REELRANK__V1__SIGNAL_TYPE__SIGNAL_TYPE_PLAY;
    } else {
        sums->videos++;
    }
    return STATUS_OK;
}

/* 10,000 impressions of 34 items, 69 of them clicked; the mean weight of the uniform policy. */
static void the_real_log_of_the_mens_campaign_is_read_whole(void)
{
    const char *path = getenv("OBD_BTS_MEN");
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        test_skip("OBD_BTS_MEN names no file (--test_env=OBD_BTS_MEN=FILE)");
    }
    struct sums sums = {0};
    struct import_sink sink = {&sums, add, told_reject};
    told.used = 0;
    CHECK_EQ(STATUS_OK, import_read(file, &with_decisions, &sink, &problem));
    fclose(file);
    CHECK_EQ(0, told.used);
    CHECK_EQ(34, sums.videos);
    CHECK_EQ(10000, sums.decisions);
    CHECK_EQ(10000, sums.impressions);
    CHECK_EQ(69, sums.plays);
    CHECK_EQ(340000, sums.candidates);
    double mean_weight = sums.inverse / 34 / 10000;
    CHECK(mean_weight > 0.94331362574 && mean_weight < 0.94331362576);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_row_is_an_impression_of_a_ranking_of_its_own),
        TEST(a_click_is_a_play_too),
        TEST(a_decision_has_the_items_of_the_header),
        TEST(without_affinities_a_decision_has_what_was_shown),
        TEST(equal_rows_are_different_rankings),
        TEST(items_are_videos_with_their_features_as_categories),
        TEST(bad_rows_are_rejected_by_column),
        TEST(a_rating_is_assumed_when_told_to),
        TEST(files_of_another_kind_are_refused),
        TEST(the_real_log_of_the_mens_campaign_is_read_whole),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
