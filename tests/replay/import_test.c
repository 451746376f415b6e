#include "replay/import.h"

#include <stdlib.h>
#include <string.h>

#include "tests/replay/told.h"
#include "tests/test.h"

static struct problem problem;

static enum status import_bytes(enum import_format format, const char *name, const char *bytes,
                                size_t size)
{
    struct import_options options = {.format = format, .name = name};
    return told_import(&options, bytes, size, &problem);
}

static void check_import(const char *want, enum import_format format, const char *name,
                         const char *text)
{
    struct import_options options = {.format = format, .name = name};
    told_check(want, &options, text);
}

static void formats_go_by_name(void)
{
    enum import_format format;
    CHECK_EQ(STATUS_OK, import_format_find("youtube", &format, &problem));
    CHECK_EQ(IMPORT_YOUTUBE, format);
    CHECK_EQ(STATUS_NOT_FOUND, import_format_find("yaml", &format, &problem));
    CHECK_STR(
        "unknown format \"yaml\"; jsonl, kuairand, youtube, obd, movielens and metarank are known",
        problem.text);
}

static void json_lines_are_entries(void)
{
    check_import("1 {\"video\":{\"video_id\":\"v\"}}\n"
                 "3 {\"signal\":{\"user_id\":\"u\",\"type\":\"SIGNAL_TYPE_LIKE\"}}\n"
                 "4 {\"delete_video\":{\"video_id\":\"v\"}}\n",
                 IMPORT_JSONL, NULL,
                 "\xef\xbb\xbf{\"video\":{\"video_id\":\"v\"}}\r\n"
                 " \r\n"
                 "{\"signal\": {\"user_id\": \"u\", \"type\": \"SIGNAL_TYPE_LIKE\"}}\n"
                 "{\"delete_video\":{\"video_id\":\"v\"}}");
    check_import("", IMPORT_JSONL, NULL, "");
    check_import("2 {\"signal\":{\"user_id\":\"u\"}}\n", IMPORT_JSONL, NULL,
                 "{\"user\":{\"user_id\":\"u\",\"signal_count\":1}}\n"
                 "{\"signal\":{\"user_id\":\"u\"}}\n");
}

static void bad_json_lines_are_rejected_and_passed(void)
{
    check_import(
        "1 rejected: the line has no \"video\", \"signal\" or \"delete_video\"\n"
        "2 rejected: video.title is a number; a string is allowed\n"
        "3 rejected: column 4: invalid token near 'user'\n"
        "4 {\"video\":{\"video_id\":\"v\"}}\n",
        IMPORT_JSONL, NULL,
        "{}\n{\"video\":{\"title\":1}}\nuser_id,video_id\n{\"video\":{\"video_id\":\"v\"}}\n");
}

#define DECISION(members)                                                               \
    "{\"decision\":{\"time_ms\":5,\"request\":{\"user_id\":\"u\",\"locale\":\"hi-IN\"," \
    "\"candidate_ids\":"                                                                \
    "[\"a\",\"b\",\"c\"]}" members "}}\n"

static void decisions_are_told_when_asked_for(void)
{
    static const char text[] =
        DECISION(",\"order\":[2,0],\"scores\":[2,1],\"propensities\":[0.5,1],"
                 "\"dropped_index\":[1],\"dropped_rule\":[\"DROP_RULE_SEEN\"],"
                 "\"first_position\":3");
    check_import("", IMPORT_JSONL, NULL, text);
    struct import_options options = {.format = IMPORT_JSONL, .decisions = true};
    told_check("1 {\"decision\":{\"time_ms\":5,\"request\":{\"user_id\":\"u\",\"locale\":\"hi-IN\","
               "\"candidate_ids\":[\"a\",\"b\",\"c\"],\"now_ms\":5},\"order\":[2,0],"
               "\"scores\":[2.0,1.0],\"propensities\":[0.5,1.0],\"dropped_index\":[1],"
               "\"dropped_rule\":[\"DROP_RULE_SEEN\"],\"first_position\":3}}\n",
               &options, text);
}

static void decisions_that_cannot_be_used_are_rejected_by_field(void)
{
    static const char ranking_id[] =
        "12345678901234567890123456789012345678901234567890123456789012345";
    char long_id[256];
    snprintf(long_id, sizeof(long_id), DECISION(",\"ranking_id\":\"%s\""), ranking_id);
    const struct {
        const char *line;
        const char *reason;
    } cases[] = {
        {"{\"decision\":{}}\n", "decision.time_ms is 0; 1 to 253402300799999 is allowed"},
        {"{\"decision\":{\"time_ms\":1}}\n", "decision.request is missing"},
        {"{\"decision\":{\"time_ms\":1,\"request\":{}}}\n",
         "decision.request: locale is required: 1 to 35 bytes of UTF-8"},
        {DECISION(",\"order\":[3]"),
         "decision.order[0] is 3; the request has 3 candidates, from 0"},
        {DECISION(",\"order\":[1,1]"), "decision.order[1] is 1, which has come before"},
        {DECISION(",\"order\":[1],\"dropped_index\":[1]"),
         "decision.dropped_index[0] is 1, which has come before"},
        {DECISION(",\"order\":[1],\"scores\":[1,2]"),
         "decision.scores has 2 items; none or as many as order, 1, are allowed"},
        {DECISION(",\"order\":[1],\"propensities\":[1,1]"),
         "decision.propensities has 2 items; none or as many as order, 1, are allowed"},
        {DECISION(",\"dropped_rule\":[\"DROP_RULE_SEEN\"]"),
         "decision.dropped_rule has 1 items; none or as many as dropped_index, 0, are allowed"},
        {DECISION(",\"order\":[1],\"propensities\":[0]"),
         "decision.propensities[0] is 0; above 0 and at most 1 is allowed"},
        {DECISION(",\"order\":[1],\"propensities\":[1.5]"),
         "decision.propensities[0] is 1.5; above 0 and at most 1 is allowed"},
        {DECISION(",\"first_position\":2001"),
         "decision.first_position is 2001; 0 to 2000 is allowed"},
        {long_id, "decision.ranking_id has 65 bytes; at most 64 are allowed"},
    };
    struct import_options options = {.format = IMPORT_JSONL, .decisions = true};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[256];
        snprintf(want, sizeof(want), "1 rejected: %s\n", cases[i].reason);
        told_check(want, &options, cases[i].line);
        check_import("", IMPORT_JSONL, NULL, cases[i].line);
    }
}

/* {"video":{"title":"xxx"}} of size bytes, then a short line. */
static char *long_line(size_t size)
{
    static const char head[] = "{\"video\":{\"title\":\"";
    static const char tail[] = "\"}}\n{\"video\":{}}\n";
    char *bytes = malloc(size + sizeof(tail));
    CHECK(bytes != NULL);
    memset(bytes, 'x', size);
    memcpy(bytes, head, sizeof(head) - 1);
    memcpy(bytes + size - 3, tail, sizeof(tail));
    return bytes;
}

static enum status count_line(void *context, uint64_t line, const Reelrank__V1__LogEntry *entry,
                              const char *const *update_fields)
{
    (void)line;
    (void)entry;
    (void)update_fields;
    ((struct told *)context)->entries++;
    return STATUS_OK;
}

static void lines_up_to_a_mebibyte_are_read(void)
{
    for (size_t over = 0; over < 2; over++) {
        char *bytes = long_line(IMPORT_LIMIT_LINE_BYTES + over);
        FILE *file = fmemopen(bytes, strlen(bytes), "rb");
        CHECK(file != NULL);
        told = (struct told){.used = 0};
        struct import_options options = {.format = IMPORT_JSONL};
        struct import_sink sink = {&told, count_line, told_reject};
        CHECK_EQ(STATUS_OK, import_read(file, &options, &sink, &problem));
        CHECK_EQ(2 - over, told.entries);
        CHECK_STR(over ? "1 rejected: the line is longer than 1 MiB\n" : "", told.text);
        fclose(file);
        free(bytes);
    }
}

static void the_sink_can_stop_an_import(void)
{
    static const char lines[] = "{\"video\":{}}\n{\"video\":{}}\n{\"video\":{}}\n";
    told.stop_after = 2;
    CHECK_EQ(STATUS_UNAVAILABLE, import_bytes(IMPORT_JSONL, NULL, lines, strlen(lines)));
    CHECK_EQ(2, told.entries);
}

static void a_failing_file_is_told(void)
{
    FILE *file = fopen("/", "rb"); /* a directory opens, and every read of it fails */
    CHECK(file != NULL);
    struct import_options options = {.format = IMPORT_JSONL};
    struct import_sink sink = {&told, told_entry, told_reject};
    for (int format = IMPORT_JSONL; format < IMPORT_FORMAT_COUNT; format++) {
        options.format = (enum import_format)format;
        CHECK_EQ(STATUS_IO, import_read(file, &options, &sink, &problem));
        clearerr(file);
    }
    fclose(file);
}

static void files_of_another_kind_are_refused(void)
{
    CHECK_EQ(STATUS_INVALID, import_bytes(IMPORT_KUAIRAND, NULL, "", 0));
    CHECK_EQ(STATUS_INVALID, import_bytes(IMPORT_YOUTUBE, NULL, "", 0));
    CHECK_EQ(STATUS_INVALID, import_bytes(IMPORT_KUAIRAND, NULL, "video_id,x\n", 11));
    CHECK_STR("not a table of KuaiRand: the header needs video_id, and user_id, time_ms and "
              "play_time_ms (a log) or author_id (videos)",
              problem.text);
    CHECK_EQ(STATUS_INVALID, import_bytes(IMPORT_YOUTUBE, NULL, "video_id,x\n", 11));
    CHECK_STR("not a table of trending videos: the header needs video_id, trending_date and "
              "category_id",
              problem.text);
}

#define KUAIRAND_LOG                                                                          \
    "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward," \
    "is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,"         \
    "is_profile_enter,is_rand,tab\n"

#define SIGNAL(line, type, name, watch)                                                            \
#line " {\"signal\":{\"event_id\":\"kuairand:7:42:1649581149287:" name "\",\"user_id\":\"7\"," \
          "\"video_id\":\"42\",\"type\":\"SIGNAL_TYPE_" type "\",\"time_ms\":1649581149287," watch \
          "\"video_duration_ms\":45916,\"locale\":\"zh-CN\"}}\n"

static void a_kuairand_view_is_its_signals_in_order(void)
{
    check_import(
        "2 {\"video\":{\"video_id\":\"42\",\"languages\":[\"zh\"],\"duration_ms\":45916,"
        "\"inferred\":[\"languages\"]}} duration_ms languages\n" SIGNAL(2, "IMPRESSION",
                                                                        "impression", "")
            SIGNAL(2, "PLAY", "play", "") SIGNAL(2, "WATCH", "watch", "\"watch_ms\":46186,")
                SIGNAL(2, "LIKE", "like", "") SIGNAL(2, "NOT_INTERESTED", "not-interested", "")
                    SIGNAL(2, "FOLLOW_CREATOR", "follow-creator", "")
                        SIGNAL(2, "COMMENT", "comment", "") SIGNAL(2, "SHARE", "share", ""),
        IMPORT_KUAIRAND, NULL,
        KUAIRAND_LOG "7,42,20220410,1700,1649581149287,1,1,1,1,1,1,1,46186,45916,0,0,0,0,1\n");
}

static void a_kuairand_view_without_play_is_an_impression(void)
{
    check_import("2 {\"video\":{\"video_id\":\"42\",\"languages\":[\"zh\"],"
                 "\"inferred\":[\"languages\"]}} languages\n"
                 "2 {\"signal\":{\"event_id\":\"kuairand:7:42:1:impression\",\"user_id\":\"7\","
                 "\"video_id\":\"42\",\"type\":\"SIGNAL_TYPE_IMPRESSION\",\"time_ms\":1,"
                 "\"locale\":\"zh-CN\"}}\n",
                 IMPORT_KUAIRAND, NULL,
                 KUAIRAND_LOG "7,42,20220410,1700,1,0,0,0,0,0,0,0,0,0,0,0,0,0,1\n");
}

static void a_label_is_a_like_or_a_hate(void)
{
    static const char text[] = "user_id\tvideo_id\ttime_ms\tplay_time_ms\tlabel\n"
                               "7\t1\t5\t0\t1\n"
                               "7\t1\t6\t0\t0\n"
                               "7\t1\t7\t0\t2\n";
    CHECK_EQ(STATUS_OK, import_bytes(IMPORT_KUAIRAND, NULL, text, strlen(text)));
    CHECK(strstr(told.text, "kuairand:7:1:5:like") != NULL);
    CHECK(strstr(told.text, "kuairand:7:1:5:not-interested") == NULL);
    CHECK(strstr(told.text, "kuairand:7:1:6:not-interested") != NULL);
    CHECK(strstr(told.text, "kuairand:7:1:6:like") == NULL);
    CHECK(strstr(told.text, "4 rejected: label is \"2\"; a whole number from 0 to 1 is allowed\n"));
}

static void a_kuairand_duration_is_told_once_it_is_known(void)
{
    static const char text[] = "user_id,video_id,time_ms,play_time_ms,duration_ms\n"
                               "7,1,5,0,0\n"
                               "7,1,6,0,900\n"
                               "7,1,7,0,901\n"
                               "7,1,8,0,0\n";
    CHECK_EQ(STATUS_OK, import_bytes(IMPORT_KUAIRAND, NULL, text, strlen(text)));
    CHECK_EQ(2, told_times("{\"video\""));
    CHECK_EQ(1, told_times("2 {\"video\":{\"video_id\":\"1\",\"languages\":[\"zh\"],"
                           "\"inferred\":[\"languages\"]}} languages\n"));
    CHECK_EQ(1, told_times("3 {\"video\":{\"video_id\":\"1\",\"duration_ms\":900}} duration_ms\n"));
    CHECK_EQ(4, told_times(":impression"));
}

static void bad_kuairand_rows_are_rejected_by_column(void)
{
    check_import(
        "2 rejected: user_id is \"\"; a number of at most 20 digits is allowed\n"
        "3 rejected: video_id is \"123456789012345678901\"; a number of at most 20 digits is "
        "allowed\n"
        "4 rejected: time_ms is \"-5\"; a whole number from 0 to 9223372036854775807 is allowed\n"
        "5 rejected: time_ms is 0; at least 1 is allowed\n"
        "6 rejected: play_time_ms is \"1.5\"; a whole number from 0 to 9223372036854775807 is "
        "allowed\n"
        "7 rejected: duration_ms is \"86400001\"; a whole number from 0 to 86400000 is allowed\n"
        "8 rejected: the record has 4 fields; the header has 5\n",
        IMPORT_KUAIRAND, NULL,
        "user_id,video_id,time_ms,play_time_ms,duration_ms\n"
        ",1,5,0,0\n"
        "7,123456789012345678901,5,0,0\n"
        "7,1,-5,0,0\n"
        "7,1,0,0,0\n"
        "7,1,5,1.5,0\n"
        "7,1,5,0,86400001\n"
        "7,1,5,0\n");
}

static void a_play_longer_than_a_day_is_capped(void)
{
    static const char text[] = "user_id,video_id,time_ms,play_time_ms,duration_ms\n"
                               "7,1,5,86400001,86400000\n";
    CHECK_EQ(STATUS_OK, import_bytes(IMPORT_KUAIRAND, NULL, text, strlen(text)));
    CHECK_EQ(1, told_times("\"watch_ms\":86400000,"));
}

#define KUAIRAND_VIDEOS                                                                  \
    "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration," \
    "server_width,server_height,music_id,music_type,tag\n"

static void kuairand_videos_are_catalogue_entries(void)
{
    check_import("2 {\"video\":{\"video_id\":\"1\",\"creator_id\":\"9\",\"languages\":[\"zh\"],"
                 "\"duration_ms\":31133,\"published_ms\":1648224000000,"
                 "\"categories\":[\"tag-27\",\"tag-3\"],"
                 "\"inferred\":[\"published_ms\",\"languages\"]}} creator_id duration_ms "
                 "published_ms categories languages\n"
                 "3 {\"video\":{\"video_id\":\"2\",\"creator_id\":\"9\",\"languages\":[\"zh\"],"
                 "\"inferred\":[\"languages\"]}} creator_id languages\n"
                 "4 rejected: upload_dt is \"26.3.2022\"; a date such as 2022-04-10 is allowed\n",
                 IMPORT_KUAIRAND, NULL,
                 KUAIRAND_VIDEOS
                 "1,9,NORMAL,2022-03-26,ShortImport,1,31133.0,720,1280,5,9,\"27,3\"\n"
                 "2,9,NORMAL,UNKNOWN,ShortImport,1,,720,1280,5,9,\n"
                 "3,9,NORMAL,26.3.2022,ShortImport,1,,720,1280,5,9,\n");
}

static void a_rating_is_assumed_when_told_to(void)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    fputs("video_id,author_id\n1,9\n", file);
    rewind(file);
    struct import_options options = {.format = IMPORT_KUAIRAND,
                                     .assume_safety =
                                         REELRANK__V1__SAFETY_RATING__SAFETY_RATING_MEDIUM_RISK};
    struct import_sink sink = {&told, told_entry, told_reject};
    CHECK_EQ(STATUS_OK, import_read(file, &options, &sink, &problem));
    CHECK_EQ(1, told_times("\"safety_rating\":\"SAFETY_RATING_MEDIUM_RISK\","
                           "\"inferred\":[\"languages\",\"safety_rating\"]}} creator_id languages "
                           "safety_rating\n"));
    fclose(file);
}

static void trending_titles_suggest_language_and_region(void)
{
    check_import(
        "2 {\"video\":{\"video_id\":\"kzwfHumJyYc\",\"languages\":[\"hi\"],"
        "\"published_ms\":1510617600000,\"categories\":[\"music\"],\"quality\":0.75,"
        "\"creator_region\":\"IN\",\"title\":\"गाना, \\\"नया\\\"\\nगाना\",\"inferred\":"
        "[\"languages\",\"published_ms\",\"quality\",\"creator_region\"]}} title languages "
        "categories published_ms quality creator_region\n"
        "5 {\"video\":{\"video_id\":\"-_234567890\",\"published_ms\":1510704000000,"
        "\"creator_region\":\"IN\",\"title\":\"Plain\",\"inferred\":[\"published_ms\","
        "\"creator_region\"]}} title published_ms creator_region\n"
        "6 rejected: video_id is \"#NAME?\"; 11 letters, digits, - or _ are allowed\n",
        IMPORT_YOUTUBE, "/data/IN_titles.csv",
        "video_id,trending_date,title,category_id,views,likes,dislikes,comment_count\r\n"
        "kzwfHumJyYc,17.14.11,\"गाना, \"\"नया\"\"\nगाना\",10,9,9,3,0\r\n"
        "kzwfHumJyYc,17.15.11,another,10,99,10,3,0\r\n"
        "-_234567890,17.15.11,Plain,99,9,6,3,0\r\n"
        "#NAME?,17.15.11,Plain,99,9,6,3,0\r\n");
}

static void trending_channels_are_creators(void)
{
    check_import("2 rejected: video_error_or_removed is TRUE: the video is gone\n"
                 "3 {\"video\":{\"video_id\":\"kzwfHumJyYc\",\"creator_id\":\"Lokdhun\","
                 "\"published_ms\":1510489239000,\"categories\":[\"film-animation\"]}} creator_id "
                 "categories published_ms\n"
                 "4 rejected: publish_time is \"yesterday\"; a time such as "
                 "2017-11-12T12:20:39.000Z is allowed\n"
                 "5 rejected: category_id is \"x\"; a whole number is allowed\n",
                 IMPORT_YOUTUBE, "channels.csv",
                 "video_id,trending_date,channel_title,category_id,publish_time,likes,dislikes,"
                 "ratings_disabled,video_error_or_removed\n"
                 "kzwfHumJyYc,17.14.11,Lokdhun,1,2017-11-12T12:20:39.000Z,9,3,TRUE,TRUE\n"
                 "kzwfHumJyYc,17.14.11,Lokdhun,1,2017-11-12T12:20:39.000Z,9,3,TRUE,FALSE\n"
                 "zUZ1z7FwLc8,17.14.11,Lokdhun,1,yesterday,9,3,FALSE,FALSE\n"
                 "zUZ1z7FwLc8,17.14.11,Lokdhun,x,2017-11-12T12:20:39.000Z,9,3,FALSE,FALSE\n");
}

static void trending_tags_are_split(void)
{
    check_import("2 {\"video\":{\"video_id\":\"kzwfHumJyYc\",\"published_ms\":1510617600000,"
                 "\"tags\":[\"first\",\"second one\"],\"creator_region\":\"RU\",\"inferred\":"
                 "[\"published_ms\",\"creator_region\"]}} published_ms tags creator_region\n"
                 "3 {\"video\":{\"video_id\":\"zUZ1z7FwLc8\",\"published_ms\":1510617600000,"
                 "\"creator_region\":\"RU\",\"inferred\":[\"published_ms\",\"creator_region\"]}} "
                 "published_ms creator_region\n",
                 IMPORT_YOUTUBE, "RUvideos.csv",
                 "video_id,trending_date,category_id,tags\n"
                 "kzwfHumJyYc,17.14.11,0,\"first|\"\"second one\"\"|\"\n"
                 "zUZ1z7FwLc8,17.14.11,0,[none]\n");
}

static void long_titles_are_cut_between_characters(void)
{
    char text[2048] = "video_id,trending_date,category_id,title\nkzwfHumJyYc,17.14.11,10,";
    for (int i = 0; i < 100; i++) {
        strncat(text, "ग", sizeof(text) - strlen(text) - 1);
    }
    CHECK_EQ(STATUS_OK, import_bytes(IMPORT_YOUTUBE, NULL, text, strlen(text)));
    CHECK_EQ(85, told_times("ग")); /* 255 of 256 bytes */
}

static void titles_that_are_not_utf8_are_rejected(void)
{
    check_import("2 rejected: title is not UTF-8\n", IMPORT_YOUTUBE, NULL,
                 "video_id,trending_date,category_id,title\nkzwfHumJyYc,17.14.11,10,\xff\n");
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(formats_go_by_name),
        TEST(json_lines_are_entries),
        TEST(bad_json_lines_are_rejected_and_passed),
        TEST(decisions_are_told_when_asked_for),
        TEST(decisions_that_cannot_be_used_are_rejected_by_field),
        TEST(lines_up_to_a_mebibyte_are_read),
        TEST(the_sink_can_stop_an_import),
        TEST(a_failing_file_is_told),
        TEST(files_of_another_kind_are_refused),
        TEST(a_kuairand_view_is_its_signals_in_order),
        TEST(a_kuairand_view_without_play_is_an_impression),
        TEST(a_label_is_a_like_or_a_hate),
        TEST(a_kuairand_duration_is_told_once_it_is_known),
        TEST(bad_kuairand_rows_are_rejected_by_column),
        TEST(a_play_longer_than_a_day_is_capped),
        TEST(kuairand_videos_are_catalogue_entries),
        TEST(a_rating_is_assumed_when_told_to),
        TEST(trending_titles_suggest_language_and_region),
        TEST(trending_channels_are_creators),
        TEST(trending_tags_are_split),
        TEST(long_titles_are_cut_between_characters),
        TEST(titles_that_are_not_utf8_are_rejected),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
