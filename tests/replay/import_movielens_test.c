#include <string.h>

#include "tests/replay/told.h"
#include "tests/test.h"

static struct problem problem;

static const struct import_options options = {.format = IMPORT_MOVIELENS};

#define SIGNAL(line, type, name, user, movie, seconds)                             \
    line " {\"signal\":{\"event_id\":\"ml:" user ":" movie ":" seconds "000:" name \
         "\",\"user_id\":\"ml:" user "\",\"video_id\":\"ml:" movie                 \
         "\",\"type\":\"SIGNAL_TYPE_" type "\",\"time_ms\":" seconds "000}}\n"

static void high_ratings_are_likes_and_low_ones_are_not(void)
{
    told_check(SIGNAL("2", "PLAY", "play", "1", "31", "1260759144") SIGNAL("3", "PLAY", "play", "1",
                                                                           "32", "1260759145")
                   SIGNAL("3", "LIKE", "like", "1", "32", "1260759145")
                       SIGNAL("4", "PLAY", "play", "2", "31", "1260759146")
                           SIGNAL("4", "NOT_INTERESTED", "not-interested", "2", "31", "1260759146"),
               &options,
               "userId,movieId,rating,timestamp\n"
               "1,31,2.5,1260759144\n"
               "1,32,4.0,1260759145\n"
               "2,31,2,1260759146\n");
}

static void lines_with_colons_and_tabs_are_ratings_too(void)
{
    static const char want[] = SIGNAL("1", "PLAY", "play", "1", "1193", "978300760")
        SIGNAL("1", "LIKE", "like", "1", "1193", "978300760")
            SIGNAL("2", "PLAY", "play", "1", "661", "978302109");
    told_check(want, &options, "1::1193::5::978300760\n1::661::3::978302109\n");
    told_check(want, &options, "1\t1193\t5\t978300760\r\n1\t661\t3\t978302109\r\n");
}

static void movies_have_titles_genres_and_a_year(void)
{
    told_check(
        "2 {\"video\":{\"video_id\":\"ml:1\",\"published_ms\":788918400000,\"categories\":"
        "[\"adventure\",\"animation\",\"children's\",\"sci-fi\"],\"title\":\"Toy Story (1995)\","
        "\"inferred\":[\"published_ms\"]}} title published_ms categories\n"
        "3 {\"video\":{\"video_id\":\"ml:11\",\"published_ms\":788918400000,\"categories\":"
        "[\"comedy\"],\"title\":\"American President, The (1995)\","
        "\"inferred\":[\"published_ms\"]}} title published_ms categories\n"
        "4 {\"video\":{\"video_id\":\"ml:912\",\"title\":\"Casablanca (1942)\"}} title\n"
        "5 rejected: title is \"\"; a title is allowed\n",
        &options,
        "movieId,title,genres\n"
        "1,Toy Story (1995),Adventure|Animation|Children's|Sci-Fi|Fantasy\n"
        "11,\"American President, The (1995)\",Comedy\n"
        "912,Casablanca (1942),(no genres listed)\n"
        "913,,Comedy\n");
}

/* 0xe9 is an e with an acute accent in Latin-1. */
static void titles_in_latin_1_become_utf_8(void)
{
    told_check("1 {\"video\":{\"video_id\":\"ml:57\",\"published_ms\":757382400000,\"categories\":"
               "[\"drama\"],\"title\":\"Caf\xc3\xa9 (1994)\",\"inferred\":[\"published_ms\"]}} "
               "title published_ms categories\n"
               "2 {\"video\":{\"video_id\":\"ml:58\",\"title\":\"Caf\xc3\xa9\"}} title\n",
               &options, "57::Caf\xe9 (1994)::Drama\n58::Caf\xc3\xa9::\n");
}

static void long_titles_are_cut_in_either_encoding(void)
{
    char text[600] = "1::";
    memset(text + 3, 0xe9, 300);
    memcpy(text + 303, "::Drama\n", 9);
    CHECK_EQ(STATUS_OK, told_import(&options, text, strlen(text), &problem));
    CHECK_EQ(128, told_times("\xc3\xa9"));
}

static void bad_ratings_are_rejected_by_field(void)
{
    told_check("2 rejected: userId is \"\"; a number of at most 20 digits is allowed\n"
               "3 rejected: movieId is \"tt7\"; a number of at most 20 digits is allowed\n"
               "4 rejected: rating is \"0\"; a number from 0.5 to 5 is allowed\n"
               "5 rejected: rating is \"6\"; a number from 0.5 to 5 is allowed\n"
               "6 rejected: timestamp is \"0\"; a number of seconds since 1970, at least 1, is "
               "allowed\n"
               "7 rejected: timestamp is \"99999999999999\"; a number of seconds since 1970, at "
               "least 1, is allowed\n"
               "8 rejected: the record has 2 fields; the header has 4\n",
               &options,
               "userId,movieId,rating,timestamp\n"
               ",1,3,5\n"
               "1,tt7,3,5\n"
               "1,7,0,5\n"
               "1,7,6,5\n"
               "1,7,3,0\n"
               "1,7,3,99999999999999\n"
               "1,7\n");
}

static void lines_with_other_fields_than_the_first_are_rejected(void)
{
    told_check(SIGNAL("1", "PLAY", "play", "1", "2",
                      "5") "2 rejected: the line has 3 fields; the first one has 4\n"
                           "3 rejected: the line has 6 fields; the first one has 4\n",
               &options, "1::2::3::5\n1::2::3\n1::2::3::4::5::6\n\n");
}

static void files_of_another_kind_are_refused(void)
{
    static const char *const texts[] = {"", "userId,movieId,tag,timestamp\n", "1::2\n", "1\t2\t3\n",
                                        "12345\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK_EQ(STATUS_INVALID, told_import(&options, texts[i], strlen(texts[i]), &problem));
        CHECK_EQ(0, told.entries);
    }
    CHECK_STR("not a table of MovieLens: ratings.csv, movies.csv, ratings.dat, movies.dat and "
              "u.data are read",
              problem.text);
}

static void an_assumed_rating_comes_before_the_first_signal(void)
{
    static const char text[] = "1::2::3::5\n3::2::3::5\n";
    const struct import_options assuming = {
        .format = IMPORT_MOVIELENS,
        .assume_safety = REELRANK__V1__SAFETY_RATING__SAFETY_RATING_LOW_RISK};
    CHECK_EQ(STATUS_OK, told_import(&assuming, text, strlen(text), &problem));
    CHECK_EQ(3, told.entries);
    CHECK(strncmp(told.text,
                  "1 {\"video\":{\"video_id\":\"ml:2\",\"safety_rating\":"
                  "\"SAFETY_RATING_LOW_RISK\",\"inferred\":[\"safety_rating\"]}} safety_rating\n",
                  110) == 0);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(high_ratings_are_likes_and_low_ones_are_not),
        TEST(lines_with_colons_and_tabs_are_ratings_too),
        TEST(movies_have_titles_genres_and_a_year),
        TEST(titles_in_latin_1_become_utf_8),
        TEST(long_titles_are_cut_in_either_encoding),
        TEST(bad_ratings_are_rejected_by_field),
        TEST(lines_with_other_fields_than_the_first_are_rejected),
        TEST(files_of_another_kind_are_refused),
        TEST(an_assumed_rating_comes_before_the_first_signal),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
