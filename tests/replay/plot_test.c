#include "replay/plot.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay/gnuplot.h"
#include "replay/svg.h"
#include "tests/test.h"

static bool have_gnuplot(void)
{
    return access("/usr/bin/gnuplot", X_OK) == 0;
}

static void need_gnuplot(void)
{
    if (!have_gnuplot()) {
        test_skip("gnuplot is not installed");
    }
    CHECK(setenv("PATH", "/usr/bin:/bin", 1) == 0);
}

/* Puts a program of that name first, and alone, in PATH. */
static void put_in_path(const char *script)
{
    char path[TEST_PATH_SIZE];
    char program[TEST_PATH_SIZE + 16];
    test_directory(path);
    snprintf(program, sizeof(program), "%s/gnuplot", path);
    if (script != NULL) {
        FILE *file = fopen(program, "w");
        CHECK(file != NULL);
        fputs(script, file);
        CHECK(fclose(file) == 0);
        CHECK(chmod(program, 0755) == 0);
    }
    CHECK(setenv("PATH", path, 1) == 0);
}

static const struct plot_row some_rows[] = {
    {.name = "nDCG@10", .heading = true, .value = NAN, .low = NAN, .high = NAN},
    {.name = "candidate",
     .text = "+0.0121",
     .value = 0.0121,
     .low = 0.0084,
     .high = 0.0158,
     .colour = PLOT_UP},
    {.name = "other", .text = "refused", .value = NAN, .low = NAN, .high = NAN, .refused = true},
};

static struct plot_rows plot_of(const struct plot_row *rows, size_t count)
{
    return (struct plot_rows){.label = "differences",
                              .axis = "difference",
                              .width = 600,
                              .name_width = 150,
                              .text_width = 100,
                              .low = NAN,
                              .high = NAN,
                              .mark = NAN,
                              .rows = rows,
                              .row_count = count};
}

/* What is drawn; the caller frees it. */
static char *draw(unsigned number, const struct plot_row *rows, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    struct problem problem = {""};
    FILE *file = open_memstream(&text, &size);
    CHECK(file != NULL);
    const struct plot_rows plot = plot_of(rows, count);
    enum status status = plot_draw_rows(file, number, &plot, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK(fclose(file) == 0);
    return text;
}

static void a_plot_is_an_element_of_a_page_that_names_nothing_outside(void)
{
    need_gnuplot();
    char *text = draw(7, some_rows, 3);
    CHECK(strncmp(text, "<svg class=\"plot\" width=\"600\"", 29) == 0);
    CHECK(strcmp(text + strlen(text) - 7, "</svg>\n") == 0);
    CHECK(strstr(text, "role=\"img\" aria-label=\"differences\"") != NULL);
    CHECK(strstr(text, "<?xml") == NULL && strstr(text, "http") == NULL);
    CHECK(strstr(text, "<title>") == NULL && strstr(text, "<script") == NULL);
    CHECK(strstr(text, ">candidate<") != NULL && strstr(text, ">+0.0121<") != NULL);
    CHECK(strstr(text, "font-family=\"system-ui\"") != NULL);
    free(text);
}

static void ids_carry_the_plots_number_and_every_use_finds_its_own(void)
{
    need_gnuplot();
    char *text = draw(7, some_rows, 3);
    size_t uses = 0;
    for (char *at = strstr(text, " id="); at != NULL; at = strstr(at + 1, " id=")) {
        CHECK(strncmp(at + 5, "plot7-", 6) == 0);
    }
    for (char *at = strstr(text, "href="); at != NULL; at = strstr(at + 1, "href=")) {
        CHECK(strncmp(at + 6, "#plot7-", 7) == 0);
        uses++;
    }
    CHECK(uses > 0);
    free(text);
}

static void the_same_data_gives_the_same_bytes(void)
{
    need_gnuplot();
    char *first = draw(1, some_rows, 3);
    CHECK(setenv("LC_ALL", "de_DE.UTF-8", 1) == 0);
    CHECK(setenv("GNUPLOT_FONTPATH", "/nowhere", 1) == 0);
    char *second = draw(1, some_rows, 3);
    CHECK_STR(first, second);
    free(first);
    free(second);
}

static void texts_are_shown_as_they_are_and_never_run(void)
{
    need_gnuplot();
    char path[TEST_PATH_SIZE];
    test_directory(path);
    CHECK(chdir(path) == 0);
    const struct plot_row rows[] = {
        {.name = "`touch a`", .text = "'`touch a`", .value = 1, .low = NAN, .high = NAN},
        {.name = "<b>&\"it's\" 9% @a_b^c", .value = 2, .low = NAN, .high = NAN},
        {.name = "'; set output 'b", .value = 2, .low = NAN, .high = NAN},
        {.name = "a\nset output\n", .value = 2, .low = NAN, .high = NAN},
        {.name = "हिन्दी", .value = 2, .low = NAN, .high = NAN},
    };
    char *text = draw(1, rows, 5);
    CHECK(access("a", F_OK) != 0);
    CHECK(strstr(text, ">‘touch a‘<") != NULL && strstr(text, ">’‘touch a‘<") != NULL);
    CHECK(strstr(text, "&lt;b>&amp;\"it’s\" 9%") != NULL);
    CHECK(access("b", F_OK) != 0);
    CHECK(strstr(text, "a set output ") != NULL);
    CHECK(strstr(text, "हिन्दी") != NULL);
    free(text);
}

static void a_text_that_is_too_long_ends_in_an_ellipsis_between_characters(void)
{
    need_gnuplot();
    const struct plot_row rows[] = {
        {.name = "яяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяя", .value = 1, .low = NAN, .high = NAN}};
    char *text = draw(1, rows, 1);
    /* 150 pixels hold 18 characters of 8. */
    CHECK(strstr(text, ">яяяяяяяяяяяяяяяяя…<") != NULL);
    free(text);
}

static void nothing_to_draw_is_still_a_plot(void)
{
    need_gnuplot();
    const struct plot_row rows[] = {{.name = "none", .value = NAN, .low = NAN, .high = NAN}};
    struct problem problem = {""};
    FILE *file = fopen("/dev/null", "w");
    CHECK(file != NULL);
    const struct plot_point nowhere[] = {{NAN, NAN, NAN, NAN}, {-1, 2, NAN, NAN}};
    const struct plot_line lines[] = {{"none", NULL, 0, PLOT_SERIES},
                                      {"out", nowhere, 2, PLOT_INK}};
    struct plot_lines plot = {.label = "l",
                              .x_axis = "x",
                              .y_axis = "y",
                              .width = 400,
                              .height = 200,
                              .key_width = 100,
                              .log_x = true,
                              .marks = true,
                              .filled = true,
                              .lines = lines,
                              .line_count = 2};
    const char *const names[] = {"a"};
    const struct plot_bar bars[] = {{NAN, NAN, NAN}};
    const struct plot_groups groups = {"l", "y", 400, 200, 100, names, 1, names, 1, bars};
    free(draw(1, rows, 1));
    free(draw(1, rows, 0));
    CHECK_EQ(STATUS_OK, plot_draw_lines(file, 1, &plot, &problem));
    plot.diagonal = true;
    plot.log_x = false;
    CHECK_EQ(STATUS_OK, plot_draw_lines(file, 1, &plot, &problem));
    plot.line_count = 0;
    CHECK_EQ(STATUS_OK, plot_draw_lines(file, 1, &plot, &problem));
    CHECK_EQ(STATUS_OK, plot_draw_groups(file, 1, &groups, &problem));
    CHECK(fclose(file) == 0);
}

static void values_of_any_size_have_an_axis(void)
{
    need_gnuplot();
    static const double sizes[] = {0, 1e-12, 3e-4, 1, -7, 12345.6, 9e14, -4e17};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct plot_row rows[] = {
            {.name = "a", .value = sizes[i], .low = 0.9 * sizes[i], .high = 1.1 * sizes[i]},
            {.name = "b", .value = 0.5 * sizes[i], .low = NAN, .high = NAN}};
        free(draw(1, rows, 2));
    }
}

/* Also none, one, many in one place, of any size, and those that are not known. */
static void scattered_points_of_any_size_are_drawn(void)
{
    need_gnuplot();
    static const double sizes[] = {0, 1e-12, 0.4196703, -7, 9e14};
    struct problem problem = {""};
    FILE *file = fopen("/dev/null", "w");
    CHECK(file != NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct plot_point points[] = {{1, sizes[i], NAN, NAN},
                                            {2, sizes[i], NAN, NAN},
                                            {NAN, sizes[i], NAN, NAN},
                                            {3, NAN, NAN, NAN}};
        const struct plot_cloud clouds[] = {
            {.name = "none", .points = points, .colour = PLOT_OLD},
            {.name = "not known", .points = points + 2, .point_count = 2, .colour = PLOT_OLD},
            {.name = "front",
             .points = points,
             .point_count = 4,
             .colour = PLOT_UP,
             .joined = true},
            {.name = "best", .points = points, .point_count = 2, .colour = PLOT_UP, .steps = true}};
        const struct plot_scatter plot = {.label = "l",
                                          .x_axis = "x",
                                          .y_axis = "y",
                                          .width = 400,
                                          .height = 200,
                                          .key_width = 100,
                                          .clouds = clouds,
                                          .cloud_count = 4};
        enum status status = plot_draw_scatter(file, 1, &plot, &problem);
        CHECK_STR("", problem.text);
        CHECK_EQ(STATUS_OK, status);
    }
    CHECK(fclose(file) == 0);
}

static void an_interval_is_as_long_as_its_ends_are_apart(void)
{
    need_gnuplot();
    /* The axis from 0 to 100 has room of 4 on both sides: 350 pixels for 108, from 150 on. */
    const struct plot_row rows[] = {
        {.name = "a", .value = 50, .low = 20, .high = 80, .colour = PLOT_UP}};
    struct plot_rows plot = plot_of(rows, 1);
    plot.low = 0;
    plot.high = 100;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, plot_draw_rows(file, 1, &plot, NULL));
    CHECK(fclose(file) == 0);
    /* 150 + 24 * 350 / 108 and 150 + 84 * 350 / 108. gnuplot rounds to parts of a pixel. */
    CHECK(strstr(text, "M227.7") != NULL && strstr(text, "L422.2") != NULL);
    free(text);
}

static void without_gnuplot_the_error_names_its_package(void)
{
    char *output = NULL;
    size_t size = 0;
    struct problem problem = {""};
    put_in_path(NULL);
    CHECK_EQ(STATUS_UNAVAILABLE, gnuplot_run("plot x", 6, &output, &size, &problem));
    CHECK(strstr(problem.text, "gnuplot-nox") != NULL);
    CHECK(output == NULL);
}

static void a_gnuplot_that_fails_is_told_in_its_own_words(void)
{
    char *output = NULL;
    size_t size = 0;
    struct problem problem = {""};
    put_in_path("#!/bin/sh\necho 'no such\tterminal' >&2\nexit 3\n");
    CHECK_EQ(STATUS_UNAVAILABLE, gnuplot_run("plot x", 6, &output, &size, &problem));
    CHECK(strstr(problem.text, "no such terminal") != NULL);
    CHECK(output == NULL);
}

/* Longer than a pipe holds, to one that reads nothing: no signal may end the process. */
static void a_gnuplot_that_reads_nothing_does_no_harm(void)
{
    enum { SCRIPT_SIZE = 1 << 20 };
    char *script = calloc(1, SCRIPT_SIZE);
    char *output = NULL;
    size_t size = 0;
    CHECK(script != NULL);
    put_in_path("#!/bin/sh\nexit 0\n");
    CHECK_EQ(STATUS_OK, gnuplot_run(script, SCRIPT_SIZE, &output, &size, NULL));
    CHECK_EQ(0, size);
    free(output);
    free(script);
}

static void what_is_no_drawing_is_refused_and_writes_nothing(void)
{
    struct problem problem = {""};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    CHECK(file != NULL);
    put_in_path("#!/bin/sh\necho hello\n");
    const struct plot_rows plot = plot_of(some_rows, 3);
    CHECK_EQ(STATUS_UNAVAILABLE, plot_draw_rows(file, 1, &plot, &problem));
    CHECK(strstr(problem.text, "gnuplot-nox") != NULL);
    CHECK(fclose(file) == 0);
    CHECK_EQ(0, size);
    free(text);
}

static void a_gnuplot_that_does_not_stop_drawing_is_ended(void)
{
    char *output = NULL;
    size_t size = 0;
    struct problem problem = {""};
    put_in_path("#!/bin/sh\nwhile :; do echo 'drawing drawing drawing drawing drawing drawing'; "
                "done\n");
    CHECK_EQ(STATUS_UNAVAILABLE, gnuplot_run("", 0, &output, &size, &problem));
    CHECK(strstr(problem.text, "more than 16 MiB") != NULL);
    /* It was waited for: nothing is left of it. */
    CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

static void standard_streams_that_are_closed_do_not_mix_up(void)
{
    need_gnuplot();
    static const char script[] = "print 'on stderr'\nset print '-'\nprint 'on stdout'\n";
    char *output = NULL;
    size_t size = 0;
    int kept = dup(STDERR_FILENO);
    CHECK(kept > STDERR_FILENO);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
    enum status status = gnuplot_run(script, sizeof(script) - 1, &output, &size, NULL);
    CHECK(dup2(kept, STDERR_FILENO) == STDERR_FILENO);
    CHECK_EQ(STATUS_OK, status);
    CHECK_STR("on stdout\n", output);
    free(output);
}

static void a_tag_is_changed_and_text_that_looks_like_one_is_not(void)
{
    static const char drawing[] = "<?xml?><svg x='1'><title>t</title><g id='a'>"
                                  "<use xlink:href='#a'/><text> id='b' &lt;</text></g></svg>";
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    const struct svg_frame frame = {3, 10, 20, "<q>"};
    CHECK(file != NULL);
    CHECK_EQ(STATUS_OK, svg_write(file, drawing, sizeof(drawing) - 1, &frame));
    CHECK_EQ(STATUS_CORRUPT, svg_write(file, "<svg", 4, &frame));
    CHECK_EQ(STATUS_CORRUPT, svg_write(file, "<svg>", 5, &frame));
    CHECK_EQ(STATUS_CORRUPT, svg_write(file, "", 0, &frame));
    CHECK(fclose(file) == 0);
    CHECK_STR("<svg class=\"plot\" width=\"10\" height=\"20\" viewBox=\"0 0 10 20\" role=\"img\" "
              "aria-label=\"&lt;q&gt;\"><g id='plot3-a'><use href='#plot3-a'/>"
              "<text> id='b' &lt;</text></g></svg>\n",
              text);
    free(text);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(a_plot_is_an_element_of_a_page_that_names_nothing_outside),
        TEST(ids_carry_the_plots_number_and_every_use_finds_its_own),
        TEST(the_same_data_gives_the_same_bytes),
        TEST(texts_are_shown_as_they_are_and_never_run),
        TEST(a_text_that_is_too_long_ends_in_an_ellipsis_between_characters),
        TEST(nothing_to_draw_is_still_a_plot),
        TEST(values_of_any_size_have_an_axis),
        TEST(scattered_points_of_any_size_are_drawn),
        TEST(an_interval_is_as_long_as_its_ends_are_apart),
        TEST(without_gnuplot_the_error_names_its_package),
        TEST(a_gnuplot_that_fails_is_told_in_its_own_words),
        TEST(a_gnuplot_that_reads_nothing_does_no_harm),
        TEST(what_is_no_drawing_is_refused_and_writes_nothing),
        TEST(a_gnuplot_that_does_not_stop_drawing_is_ended),
        TEST(standard_streams_that_are_closed_do_not_mix_up),
        TEST(a_tag_is_changed_and_text_that_looks_like_one_is_not),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
