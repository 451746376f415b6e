#include "server/weights_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

enum { MAP_BYTES = 16 << 20, NOW_MS = 1700000000 };

struct place {
    char path[TEST_PATH_SIZE]; /* of the store */
    char file[TEST_PATH_SIZE + 16];
    struct log *log;
    struct weights_life *life;
    struct weights_watch *watch;
};

static void open_place(struct place *place)
{
    struct log_options options = {.path = place->path, .map_bytes = MAP_BYTES};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, log_open(&options, &place->log, &problem));
    CHECK_EQ(STATUS_OK, weights_life_new(place->log, &place->life));
    CHECK_EQ(STATUS_OK, weights_watch_new(place->life, place->file, &place->watch));
}

static void close_place(struct place *place)
{
    weights_watch_free(place->watch);
    weights_life_free(place->life);
    log_close(place->log);
}

static void write_file(const struct place *place, const char *yaml)
{
    FILE *file = fopen(place->file, "wbe");
    CHECK(file != NULL);
    CHECK(fputs(yaml, file) >= 0);
    CHECK(fclose(file) == 0);
}

/* As editors do. */
static void replace_file(const struct place *place, const char *yaml)
{
    struct place beside = *place;
    CHECK(strlen(place->file) + 5 < sizeof(beside.file));
    memcpy(beside.file + strlen(place->file), ".new", 5);
    write_file(&beside, yaml);
    CHECK(rename(beside.file, place->file) == 0);
}

/* Stays where it is: the watch borrows the file's name. */
static struct place *new_place(const char *yaml)
{
    struct place *place = calloc(1, sizeof(*place));
    CHECK(place != NULL);
    test_directory(place->path);
    snprintf(place->file, sizeof(place->file), "%s/w.yaml", place->path);
    write_file(place, yaml);
    open_place(place);
    return place;
}

static void free_place(struct place *place)
{
    close_place(place);
    free(place);
}

static void start(struct place *place)
{
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, weights_watch_start(place->watch, &problem));
}

static struct place *started_place(const char *yaml)
{
    struct place *place = new_place(yaml);
    start(place);
    return place;
}

static void restart(struct place *place)
{
    close_place(place);
    open_place(place);
    start(place);
}

static void ticks(struct place *place, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        weights_watch_tick(place->watch);
    }
}

static void check_in_force(struct place *place, const char *name, uint64_t last)
{
    struct weights_facts facts;
    weights_life_facts(place->life, &facts);
    if (strncmp(facts.version, name, strlen(name)) != 0) {
        fprintf(stderr, "want %s, got %s\n", name, facts.version);
        abort();
    }
    CHECK_EQ(last, weights_history_last(place->log));
}

static void check_problem(struct place *place, const char *text)
{
    struct weights_facts facts;
    weights_life_facts(place->life, &facts);
    bool right =
        text[0] == '\0' ? facts.problem.text[0] == '\0' : strstr(facts.problem.text, text) != NULL;
    if (!right) {
        fprintf(stderr, "want %s in %s\n", text, facts.problem.text);
        abort();
    }
}

static void apply(struct place *place, const char *yaml)
{
    static struct weights_problems problems;
    struct weights_swap swap;
    struct problem problem = {""};
    struct weights_source source = {.yaml = text_of(yaml)};
    struct weights_arrival arrival = {
        .source = &source, .origin = ORIGIN_APPLY, .note = "", .now_ms = NOW_MS};
    CHECK_EQ(STATUS_OK, weights_source_parse(&source, &arrival.weights, &problems));
    CHECK_EQ(STATUS_OK, weights_life_apply(place->life, &arrival, &swap, &problem));
    weights_unref(arrival.weights);
}

static void file_is_applied_at_the_start_and_once(void)
{
    struct place *place = started_place("version: a\n");
    check_in_force(place, "a@", 1);
    restart(place);
    check_in_force(place, "a@", 1);
    ticks(place, 3);
    check_in_force(place, "a@", 1);
    free_place(place);
}

static void applied_weights_outlive_a_file_that_stays_as_it_is(void)
{
    struct place *place = started_place("version: a\n");
    apply(place, "version: b\n");
    restart(place);
    check_in_force(place, "b@", 2);
    ticks(place, 3);
    check_in_force(place, "b@", 2);
    write_file(place, "version: c\n"); /* while no server runs */
    restart(place);
    check_in_force(place, "c@", 3);
    free_place(place);
}

/* Somebody applied what the file says later: then nothing has to change, now or after a restart. */
static void file_that_says_what_is_in_force_is_noted(void)
{
    struct place *place = started_place("version: a\n");
    apply(place, "version: b\n");
    write_file(place, "version: b\n");
    ticks(place, 3);
    check_in_force(place, "b@", 2);
    apply(place, "version: c\n");
    restart(place);
    check_in_force(place, "c@", 3);
    free_place(place);
}

static void broken_file_without_a_history_fails_the_start(void)
{
    struct problem problem = {""};
    struct place *place = new_place("version: a\nheadz: 1\nvalue: 2\n");
    CHECK_EQ(STATUS_INVALID, weights_watch_start(place->watch, &problem));
    CHECK(strstr(problem.text, "w.yaml has 2 problems") != NULL);
    CHECK(unlink(place->file) == 0);
    CHECK_EQ(STATUS_INVALID, weights_watch_start(place->watch, &problem));
    CHECK(strstr(problem.text, "weights: cannot read") != NULL);
    CHECK_EQ(0, weights_history_last(place->log));
    free_place(place);
}

static void broken_file_leaves_the_last_good_version(void)
{
    struct place *place = started_place("version: a\n");
    write_file(place, "version: b\nheadz: 1\n");
    restart(place);
    check_in_force(place, "a@", 1);
    check_problem(place, "w.yaml: 1 problem, the first at 2:1: headz");
    ticks(place, 3);
    check_problem(place, "headz");
    write_file(place, "version: b\n");
    ticks(place, 2);
    check_in_force(place, "b@", 2);
    check_problem(place, "");
    CHECK(unlink(place->file) == 0);
    restart(place);
    check_in_force(place, "b@", 2);
    check_problem(place, "No such file");
    free_place(place);
}

static void changed_file_is_taken_once_it_is_still(void)
{
    struct place *place = started_place("version: a\n");
    ticks(place, 2);
    write_file(place, "version: b");
    ticks(place, 1);
    check_in_force(place, "a@", 1); /* it may not be whole yet */
    write_file(place, "version: b2\n");
    ticks(place, 1);
    check_in_force(place, "a@", 1);
    ticks(place, 1);
    check_in_force(place, "b2@", 2);
    ticks(place, 5);
    check_in_force(place, "b2@", 2);
    free_place(place);
}

static void replaced_file_is_taken_too(void)
{
    struct place *place = started_place("version: a\n");
    ticks(place, 2);
    replace_file(place, "version: b\n");
    ticks(place, 2);
    check_in_force(place, "b@", 2);
    replace_file(place, "version: b\n"); /* the same again */
    ticks(place, 2);
    check_in_force(place, "b@", 2);
    replace_file(place, "version: a\n");
    ticks(place, 2);
    check_in_force(place, "a@", 3);
    free_place(place);
}

static void broken_change_is_refused_until_it_is_mended(void)
{
    struct place *place = started_place("version: a\n");
    ticks(place, 2);
    write_file(place, "version: [\n");
    ticks(place, 2);
    check_in_force(place, "a@", 1);
    check_problem(place, "w.yaml: ");
    write_file(place, "version: a\n"); /* back again: nothing to apply, nothing wrong */
    ticks(place, 2);
    check_in_force(place, "a@", 1);
    check_problem(place, "");
    free_place(place);
}

static void file_that_goes_is_told_of_until_it_comes_back(void)
{
    struct place *place = started_place("version: a\n");
    ticks(place, 2);
    CHECK(unlink(place->file) == 0);
    ticks(place, 2);
    check_in_force(place, "a@", 1);
    check_problem(place, "No such file");
    write_file(place, "version: a\n");
    ticks(place, 2);
    check_in_force(place, "a@", 1);
    check_problem(place, "");
    free_place(place);
}

/* A store too small for any weights but those of the start. */
static void weights_that_cannot_be_kept_serve_only_where_nothing_else_can(void)
{
    enum { SIZE = 600 << 10 };
    char *yaml = malloc(SIZE + 1);
    CHECK(yaml != NULL);
    memset(yaml, '\n', SIZE);
    yaml[SIZE] = '\0';
    memcpy(yaml, "version: large", 14);
    struct place *place = new_place(yaml);
    close_place(place);
    struct log_options options = {.path = place->path, .map_bytes = 4 << 20};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, log_open(&options, &place->log, &problem));
    CHECK_EQ(STATUS_OK, weights_life_new(place->log, &place->life));
    CHECK_EQ(STATUS_OK, weights_watch_new(place->life, place->file, &place->watch));
    start(place);
    check_in_force(place, "large@", 0);
    check_problem(place, "the weights cannot be kept");
    apply(place, "version: small\n");
    ticks(place, 3);
    check_in_force(place, "small@", 1);
    check_problem(place, "the weights cannot be kept");
    weights_watch_free(place->watch);
    CHECK_EQ(STATUS_OK, weights_watch_new(place->life, place->file, &place->watch));
    start(place); /* now there is something to go on with */
    check_in_force(place, "small@", 1);
    free(yaml);
    free_place(place);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(file_is_applied_at_the_start_and_once),
        TEST(applied_weights_outlive_a_file_that_stays_as_it_is),
        TEST(file_that_says_what_is_in_force_is_noted),
        TEST(broken_file_without_a_history_fails_the_start),
        TEST(broken_file_leaves_the_last_good_version),
        TEST(changed_file_is_taken_once_it_is_still),
        TEST(replaced_file_is_taken_too),
        TEST(broken_change_is_refused_until_it_is_mended),
        TEST(file_that_goes_is_told_of_until_it_comes_back),
        TEST(weights_that_cannot_be_kept_serve_only_where_nothing_else_can),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
