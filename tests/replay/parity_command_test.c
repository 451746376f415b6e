#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/replay/place.h"
#include "tests/test.h"

enum { OUTPUT_SIZE = 1 << 16 };

/* A decision served with other weights than its version has in the history. */
static struct place *open_changed(const char *served, const char *kept)
{
    struct place *place = place_open(served);
    place_keep_weights(place, kept);
    place_write(place, place_decide(place), place_sequence(place));
    place_close(place);
    return place;
}

/* Runs the command, which must find a difference. */
static void run(const struct place *place, const char *option, char output[OUTPUT_SIZE])
{
    char command[TEST_PATH_SIZE + 64];
    snprintf(command, sizeof(command), "cli/reelrank replay parity --data '%s' %s 2>&1",
             place->path, option);
    FILE *pipe = popen(command, "r");
    CHECK(pipe != NULL);
    size_t size = fread(output, 1, OUTPUT_SIZE - 1, pipe);
    output[size] = '\0';
    int result = pclose(pipe);
    CHECK(WIFEXITED(result));
    CHECK_EQ(1, WEXITSTATUS(result));
}

static void check_says(const char *output, const char *want)
{
    if (strstr(output, want) == NULL) {
        fprintf(stderr, "no \"%s\" in:\n%s", want, output);
        abort();
    }
}

static void a_term_that_differs_alone_is_said_to(void)
{
    static char output[OUTPUT_SIZE];
    struct place *place =
        open_changed(PLACE_SCORE_OF("12.5", "1", "0"), PLACE_SCORE_OF("13", "1", "0"));
    run(place, "", output);
    check_says(output, "different            1");
    check_says(output, "candidates           7");
    check_says(output, "its score was ");
    check_says(output, "only the term like: its total over the slate was ");
    check_says(output, "its largest terms now: ");
    run(place, "--json", output);
    check_says(output, "\"terms\": [");
    check_says(output, "\"name\": \"like\"");
    check_says(output, "\"served\": ");
    check_says(output, "\"largest\": [");
    place_free(place);
}

static void several_terms_that_differ_are_listed(void)
{
    static char output[OUTPUT_SIZE];
    struct place *place =
        open_changed(PLACE_SCORE_OF("12.5", "1", "0.5"), PLACE_SCORE_OF("13", "1", "0.5"));
    run(place, "", output);
    check_says(output, "    term like: its total");
    check_says(output, "    term quality: its total");
    CHECK(strstr(output, "only the term") == NULL);
    place_free(place);
}

static void where_no_term_differs_that_is_said(void)
{
    static char output[OUTPUT_SIZE];
    struct place *place = open_changed(PLACE_SCORE_OF("12.5", "1", "0.5"),
                                       PLACE_SCORE_OF("12.500000000000002", "1", "0.5"));
    run(place, "", output);
    check_says(output, "what the history has of these weights is w@");
    check_says(output, "no term's total over the slate differs");
    run(place, "--json", output);
    check_says(output, "\"terms\": []");
    place_free(place);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_term_that_differs_alone_is_said_to),
        TEST(several_terms_that_differ_are_listed),
        TEST(where_no_term_differs_that_is_said),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
