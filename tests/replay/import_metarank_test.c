#include <string.h>

#include "tests/replay/told.h"
#include "tests/test.h"

static struct problem problem;

static const struct import_options plain = {.format = IMPORT_METARANK};
static const struct import_options with_decisions = {.format = IMPORT_METARANK, .decisions = true};

static void an_item_is_a_video_with_the_fields_that_are_known(void)
{
    told_check(
        "1 {\"video\":{\"video_id\":\"item1\",\"creator_id\":\"c\",\"languages\":[\"hi\",\"en\"],"
        "\"duration_ms\":12500,\"published_ms\":1655896899000,\"categories\":[\"Food\"],"
        "\"tags\":[\"a\",\"b\"],\"title\":\"You favourite cat\"}} title categories tags languages "
        "creator_id duration_ms published_ms\n",
        &plain,
        "{\"event\":\"item\",\"id\":\"e\",\"timestamp\":\"1599391467000\",\"item\":\"item1\","
        "\"fields\":[{\"name\":\"title\",\"value\":\"You favourite cat\"},"
        "{\"name\":\"color\",\"value\":[\"white\",\"black\"]},{\"name\":\"cute\",\"value\":true},"
        "{\"name\":\"genre\",\"value\":\"Food\"},{\"name\":\"tags\",\"value\":[\"a\",\"\",\"b\"]},"
        "{\"name\":\"language\",\"value\":[\"hi\",\"en\"]},{\"name\":\"author\",\"value\":\"c\"},"
        "{\"name\":\"duration\",\"value\":12.5},"
        "{\"name\":\"published_at\",\"value\":\"2022-06-22T11:21:39Z\"}]}\n");
}

static void the_preferred_name_of_a_meaning_wins(void)
{
    told_check("1 {\"video\":{\"video_id\":\"i\",\"duration_ms\":7,\"title\":\"t\"}} title "
               "duration_ms\n",
               &plain,
               "{\"event\":\"item\",\"timestamp\":1,\"item\":\"i\",\"fields\":["
               "{\"name\":\"name\",\"value\":\"n\"},{\"name\":\"title\",\"value\":\"t\"},"
               "{\"name\":\"duration\",\"value\":9},{\"name\":\"duration_ms\",\"value\":7}]}\n");
}

static void users_and_items_without_a_known_field_say_nothing(void)
{
    told_check("", &plain,
               "{\"event\":\"user\",\"id\":\"e\",\"timestamp\":\"1\",\"user\":\"u\",\"fields\":["
               "{\"name\":\"age\",\"value\":33}]}\n"
               "{\"event\":\"item\",\"id\":\"e\",\"timestamp\":\"1\",\"item\":\"i\"}\n");
}

#define IMPRESSION(position, item, user)                                                          \
    "1 {\"signal\":{\"event_id\":\"metarank:r1:impression:" position "\",\"user_id\":\"" user     \
    "\",\"video_id\":\"" item "\",\"type\":\"SIGNAL_TYPE_IMPRESSION\",\"time_ms\":1599391467000," \
    "\"ranking_id\":\"r1\",\"position\":" position "}}\n"

static void a_ranking_is_a_decision_and_its_impressions(void)
{
    static const char text[] =
        "{\"event\":\"ranking\",\"id\":\"r1\",\"timestamp\":\"1599391467000\",\"user\":\"u\","
        "\"session\":\"s\",\"fields\":[{\"name\":\"query\",\"value\":\"cat\"}],\"items\":["
        "{\"id\":\"a\",\"relevancy\":2.0},{\"id\":\"b\",\"fields\":[{\"name\":\"relevancy\","
        "\"value\":1}]},{\"id\":\"c\"}]}\n";
    told_check(IMPRESSION("1", "a", "u") IMPRESSION("2", "b", "u") IMPRESSION("3", "c", "u"),
               &plain, text);
    told_check("1 {\"decision\":{\"time_ms\":1599391467000,\"request\":{\"user_id\":\"u\","
               "\"locale\":\"und\",\"candidates\":[{\"video_id\":\"a\",\"retrieval_score\":2.0},"
               "{\"video_id\":\"b\",\"retrieval_score\":1.0},{\"video_id\":\"c\"}],"
               "\"now_ms\":1599391467000},\"ranking_id\":\"r1\",\"order\":[0,1,2]}}\n" IMPRESSION(
                   "1", "a", "u") IMPRESSION("2", "b", "u") IMPRESSION("3", "c", "u"),
               &with_decisions, text);
}

static void a_session_stands_in_for_a_user(void)
{
    told_check(IMPRESSION("1", "a", "s"), &plain,
               "{\"event\":\"ranking\",\"id\":\"r1\",\"timestamp\":1599391467000,\"user\":null,"
               "\"session\":\"s\",\"items\":[{\"id\":\"a\"}]}\n");
}

static void interactions_are_signals_by_their_type(void)
{
    told_check(
        "1 {\"signal\":{\"event_id\":\"metarank:e1\",\"user_id\":\"u\",\"video_id\":\"a\","
        "\"type\":\"SIGNAL_TYPE_PLAY\",\"time_ms\":1655896899000,\"ranking_id\":\"r1\"}}\n"
        "2 {\"signal\":{\"event_id\":\"metarank:e2\",\"user_id\":\"u\",\"video_id\":\"a\","
        "\"type\":\"SIGNAL_TYPE_WATCH\",\"time_ms\":1655896899000,\"watch_ms\":1500}}\n"
        "3 {\"signal\":{\"event_id\":\"metarank:e3\",\"user_id\":\"u\",\"video_id\":\"a\","
        "\"type\":\"SIGNAL_TYPE_NOT_INTERESTED\",\"time_ms\":1655896899000}}\n",
        &plain,
        "{\"event\":\"interaction\",\"id\":\"e1\",\"timestamp\":\"2022-06-22T11:21:39Z\","
        "\"user\":\"u\",\"item\":\"a\",\"type\":\"click\",\"ranking\":\"r1\"}\n"
        "{\"event\":\"interaction\",\"id\":\"e2\",\"timestamp\":\"2022-06-22T11:21:39Z\","
        "\"user\":\"u\",\"item\":\"a\",\"type\":\"watch\",\"fields\":[{\"name\":\"watch_ms\","
        "\"value\":1500}]}\n"
        "{\"event\":\"interaction\",\"id\":\"e3\",\"timestamp\":\"2022-06-22T11:21:39Z\","
        "\"user\":\"u\",\"item\":\"a\",\"type\":\"dislike\"}\n");
}

static void an_unknown_type_is_rejected_with_the_known_ones(void)
{
    told_check("1 rejected: type is \"purchase\"; known: click, play, view, watch, complete, skip, "
               "like, favorite, unlike, dislike, not_interested, share, comment, follow, "
               "unfollow, hide_creator, report, impression\n",
               &plain,
               "{\"event\":\"interaction\",\"id\":\"e\",\"timestamp\":1,\"user\":\"u\","
               "\"item\":\"a\",\"type\":\"purchase\"}\n");
}

static void bad_events_are_rejected_with_reasons(void)
{
    told_check(
        "1 rejected: event is \"feedback\"; item, user, ranking and interaction are known\n"
        "2 rejected: event is \"\"; item, user, ranking and interaction are known\n"
        "3 rejected: column 5: string or '}' expected near 'user'\n"
        "4 rejected: timestamp is needed: milliseconds since 1970 as a string or number, or a "
        "time such as 2022-06-22T11:21:39Z\n"
        "5 rejected: item is missing; a string of 1 to 128 bytes is needed\n"
        "6 rejected: fields is no list of {\"name\": ..., \"value\": ...}\n"
        "7 rejected: the field \"title\" is of a wrong kind; a string is allowed\n"
        "8 rejected: the event has neither a user nor a session\n"
        "9 rejected: items is no list of 1 to 2000 items\n"
        "10 rejected: items.id is no string; a string of 1 to 128 bytes is needed\n"
        "11 rejected: the relevancy of item \"a\" is no number\n"
        "12 rejected: the field \"watch_ms\" is needed: a whole number from 0 to 86400000\n"
        "13 rejected: the field \"language\" is of a wrong kind; a BCP 47 language tag such as "
        "\"hi\" is allowed\n"
        "14 rejected: user is empty; a string of 1 to 128 bytes is needed\n",
        &plain,
        "{\"event\":\"feedback\"}\n"
        "[]\n"
        "{user\n"
        "{\"event\":\"item\",\"timestamp\":\"yesterday\",\"item\":\"i\"}\n"
        "{\"event\":\"item\",\"timestamp\":1}\n"
        "{\"event\":\"item\",\"timestamp\":1,\"item\":\"i\",\"fields\":[1]}\n"
        "{\"event\":\"item\",\"timestamp\":1,\"item\":\"i\",\"fields\":[{\"name\":\"title\","
        "\"value\":1}]}\n"
        "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,\"items\":[{\"id\":\"a\"}]}\n"
        "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,\"user\":\"u\",\"items\":[]}\n"
        "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,\"user\":\"u\",\"items\":"
        "[{\"id\":1}]}\n"
        "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,\"user\":\"u\",\"items\":"
        "[{\"id\":\"a\",\"relevancy\":\"1\"}]}\n"
        "{\"event\":\"interaction\",\"id\":\"e\",\"timestamp\":1,\"user\":\"u\",\"item\":\"a\","
        "\"type\":\"watch\"}\n"
        "{\"event\":\"item\",\"timestamp\":1,\"item\":\"i\",\"fields\":[{\"name\":\"language\","
        "\"value\":\"Hindi language\"}]}\n"
        "{\"event\":\"user\",\"timestamp\":1,\"user\":\"\"}\n");
}

/* A ranking of LIMIT_CANDIDATES items is taken, one of one more is not. */
static void rankings_have_as_many_items_as_a_request(void)
{
    static char text[1 << 16];
    for (size_t count = 2000; count <= 2001; count++) {
        size_t used = (size_t)snprintf(text, sizeof(text),
                                       "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,"
                                       "\"user\":\"u\",\"items\":[");
        for (size_t i = 0; i < count; i++) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{\"id\":\"%zu\"}",
                                     i > 0 ? "," : "", i);
        }
        snprintf(text + used, sizeof(text) - used, "]}");
        struct told *into = &told;
        into->stop_after = 1;
        enum status status = told_import(&with_decisions, text, strlen(text), &problem);
        CHECK_EQ(count == 2000 ? STATUS_UNAVAILABLE : STATUS_OK, status);
        CHECK_EQ(count == 2000, told_times("\"decision\""));
        CHECK_EQ(count == 2001, told_times("rejected"));
    }
}

static void an_assumed_rating_comes_once_before_the_first_signal(void)
{
    const struct import_options options = {.format = IMPORT_METARANK,
                                           .assume_safety =
                                               REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK};
    static const char text[] =
        "{\"event\":\"ranking\",\"id\":\"r\",\"timestamp\":1,\"user\":\"u\",\"items\":"
        "[{\"id\":\"a\"},{\"id\":\"a\"}]}\n"
        "{\"event\":\"interaction\",\"id\":\"e\",\"timestamp\":1,\"user\":\"u\",\"item\":\"a\","
        "\"type\":\"like\"}\n";
    CHECK_EQ(STATUS_OK, told_import(&options, text, strlen(text), &problem));
    CHECK_EQ(1, told_times("\"video\":{\"video_id\":\"a\",\"safety_rating\":"));
    CHECK_EQ(4, told.entries);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(an_item_is_a_video_with_the_fields_that_are_known),
        TEST(the_preferred_name_of_a_meaning_wins),
        TEST(users_and_items_without_a_known_field_say_nothing),
        TEST(a_ranking_is_a_decision_and_its_impressions),
        TEST(a_session_stands_in_for_a_user),
        TEST(interactions_are_signals_by_their_type),
        TEST(an_unknown_type_is_rejected_with_the_known_ones),
        TEST(bad_events_are_rejected_with_reasons),
        TEST(rankings_have_as_many_items_as_a_request),
        TEST(an_assumed_rating_comes_once_before_the_first_signal),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
