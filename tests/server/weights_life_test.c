#include "server/weights_life.h"

#include <stdlib.h>
#include <string.h>

#include "config/default_weights.h"
#include "tests/store/tamper.h"
#include "tests/test.h"

enum { MAP_BYTES = 16 << 20, NOW_MS = 1700000000 };

struct place {
    char path[TEST_PATH_SIZE];
    struct log *log;
    struct weights_life *life;
};

static void open_place(struct place *place)
{
    struct log_options options = {.path = place->path, .map_bytes = MAP_BYTES};
    struct problem problem = {""};
    CHECK_EQ(STATUS_OK, log_open(&options, &place->log, &problem));
    CHECK_EQ(STATUS_OK, weights_life_new(place->log, &place->life));
}

static void close_place(struct place *place)
{
    weights_life_free(place->life);
    log_close(place->log);
}

static struct place new_place(void)
{
    struct place place;
    test_directory(place.path);
    open_place(&place);
    return place;
}

static void restart(struct place *place)
{
    close_place(place);
    open_place(place);
}

static struct weights_facts facts_of(struct place *place)
{
    struct weights_facts facts;
    weights_life_facts(place->life, &facts);
    struct weights *weights = weights_life_ref(place->life);
    CHECK_STR(facts.version, weights_version(weights));
    weights_unref(weights);
    return facts;
}

static bool starts_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

static void check_in_force(struct place *place, const char *name, enum weights_origin origin,
                           uint64_t number)
{
    struct weights_facts facts = facts_of(place);
    if (!starts_with(facts.version, name)) {
        fprintf(stderr, "want %s, got %s\n", name, facts.version);
        abort();
    }
    CHECK_EQ(origin, facts.origin);
    CHECK_EQ(number, facts.number);
}

static struct weights_swap apply(struct place *place, const char *yaml, enum weights_origin origin)
{
    static struct weights_problems problems;
    struct weights_swap swap;
    struct problem problem = {""};
    struct weights_source source = {.yaml = text_of(yaml)};
    struct weights_arrival arrival = {
        .source = &source, .origin = origin, .note = "note", .now_ms = NOW_MS};
    CHECK_EQ(STATUS_OK, weights_source_parse(&source, &arrival.weights, &problems));
    CHECK_EQ(STATUS_OK, weights_life_apply(place->life, &arrival, &swap, &problem));
    weights_unref(arrival.weights);
    return swap;
}

static void check_rollback(struct place *place, const char *wanted, const char *name)
{
    struct weights_swap swap;
    struct weights_return back = {.wanted = wanted, .note = "back", .now_ms = NOW_MS};
    struct problem problem = {""};
    enum status status = weights_life_rollback(place->life, &back, &swap, &problem);
    CHECK_STR("", problem.text);
    CHECK_EQ(STATUS_OK, status);
    CHECK(starts_with(swap.version, name));
    check_in_force(place, name, swap.unchanged ? facts_of(place).origin : ORIGIN_ROLLBACK,
                   weights_history_last(place->log));
}

static void check_no_rollback(struct place *place, const char *wanted, enum status want,
                              const char *text)
{
    struct weights_swap swap;
    struct weights_return back = {.wanted = wanted, .note = "back", .now_ms = NOW_MS};
    struct problem problem = {""};
    uint64_t last = weights_history_last(place->log);
    CHECK_EQ(want, weights_life_rollback(place->life, &back, &swap, &problem));
    if (strstr(problem.text, text) == NULL) {
        fprintf(stderr, "want %s in %s\n", text, problem.text);
        abort();
    }
    CHECK_EQ(last, weights_history_last(place->log));
}

static void built_in_weights_serve_where_nothing_else_was(void)
{
    struct weights_swap swap;
    struct problem problem = {""};
    struct place place = new_place();
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 0);
    restart(&place); /* looking changes nothing */
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 0);
    CHECK_EQ(STATUS_OK, weights_life_keep(place.life, NOW_MS, &swap, &problem));
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 1);
    restart(&place);
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 1);
    CHECK_EQ(STATUS_OK, weights_life_keep(place.life, NOW_MS, &swap, &problem));
    CHECK(swap.unchanged);
    CHECK_EQ(1, weights_history_last(place.log));
    close_place(&place);
}

static void built_in_weights_follow_the_program(void)
{
    struct weights_swap swap;
    struct problem problem = {""};
    struct place place = new_place();
    (void)apply(&place, "version: of_an_older_program\n", ORIGIN_BUILT_IN);
    restart(&place);
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 0);
    CHECK_EQ(STATUS_OK, weights_life_keep(place.life, NOW_MS, &swap, &problem));
    check_in_force(&place, "default@", ORIGIN_BUILT_IN, 2);
    check_rollback(&place, "", "of_an_older_program@"); /* which is a choice that stays */
    restart(&place);
    check_in_force(&place, "of_an_older_program@", ORIGIN_ROLLBACK, 3);
    close_place(&place);
}

static void applied_weights_stay_over_a_restart(void)
{
    struct place place = new_place();
    struct weights_swap swap = apply(&place, "version: a\n", ORIGIN_APPLY);
    CHECK(!swap.unchanged);
    CHECK(starts_with(swap.previous, "default@"));
    CHECK(starts_with(swap.version, "a@"));
    CHECK_EQ(1, swap.number);
    check_in_force(&place, "a@", ORIGIN_APPLY, 1);
    CHECK_EQ(NOW_MS, facts_of(&place).time_ms);
    restart(&place);
    check_in_force(&place, "a@", ORIGIN_APPLY, 1);
    CHECK_EQ(NOW_MS, facts_of(&place).time_ms);
    CHECK_STR("", facts_of(&place).problem.text);
    close_place(&place);
}

static void applying_what_is_in_force_changes_nothing(void)
{
    struct place place = new_place();
    (void)apply(&place, "version: a\n", ORIGIN_APPLY);
    struct weights_swap swap = apply(&place, "version: a\n", ORIGIN_APPLY);
    CHECK(swap.unchanged);
    CHECK_STR(swap.version, swap.previous);
    CHECK_EQ(1, weights_history_last(place.log));
    swap = apply(&place, "version: a # with a word more\n", ORIGIN_APPLY);
    CHECK(!swap.unchanged);
    CHECK_EQ(2, weights_history_last(place.log));
    close_place(&place);
}

static void rollback_goes_to_the_last_that_was_another(void)
{
    struct place place = new_place();
    check_no_rollback(&place, "", STATUS_NOT_FOUND, "no weights before default@");
    (void)apply(&place, "version: a\n", ORIGIN_APPLY);
    check_no_rollback(&place, "", STATUS_NOT_FOUND, "no weights before a@");
    (void)apply(&place, "version: b\n", ORIGIN_FILE);
    (void)apply(&place, "version: c\n", ORIGIN_APPLY);
    check_rollback(&place, "", "b@");
    check_rollback(&place, "", "c@"); /* undone */
    restart(&place);
    check_rollback(&place, "", "b@");
    CHECK_EQ(6, weights_history_last(place.log));
    close_place(&place);
}

static void versions_are_found_by_name_and_hash(void)
{
    char hash[WEIGHTS_VERSION_SIZE];
    char full[WEIGHTS_VERSION_SIZE];
    struct place place = new_place();
    struct weights_swap swap = apply(&place, "version: first\n", ORIGIN_APPLY);
    snprintf(full, sizeof(full), "%s", swap.version);
    snprintf(hash, sizeof(hash), "%.4s", strchr(full, '@') + 1);
    (void)apply(&place, "version: second\n", ORIGIN_APPLY);
    check_rollback(&place, "first", "first@");
    check_rollback(&place, "second", "second@");
    check_rollback(&place, full, "first@");
    check_rollback(&place, "second@", "second@");
    check_rollback(&place, hash, "first@");
    check_rollback(&place, "first", "first@"); /* in force already */
    hash[3] = '\0';
    check_no_rollback(&place, hash, STATUS_NOT_FOUND, "no weights");
    check_no_rollback(&place, "secnd", STATUS_NOT_FOUND, "did you mean \"second\"?");
    check_no_rollback(&place, "xyz", STATUS_NOT_FOUND, "\"reelrank history\" lists them");
    close_place(&place);
}

static void beginning_of_two_versions_picks_neither(void)
{
    char wanted[WEIGHTS_VERSION_SIZE];
    struct place place = new_place();
    struct weights_swap swap = apply(&place, "version: twin\n", ORIGIN_APPLY);
    (void)apply(&place, "version: twin # the other\n", ORIGIN_APPLY);
    (void)apply(&place, "version: now\n", ORIGIN_APPLY);
    check_no_rollback(&place, "twin", STATUS_INVALID, "\"twin\" may be twin@");
    snprintf(wanted, sizeof(wanted), "%.8s", swap.version); /* "twin@" and three digits */
    check_rollback(&place, wanted, "twin@");
    CHECK_STR(swap.version, facts_of(&place).version);
    close_place(&place);
}

/* Refused by this program, as a newer or older one's might be. */
static void add_unusable(struct place *place)
{
    struct weights_source source = {.yaml = text_of("version: odd\nunheard_of: 1\n")};
    struct weights_change *change = calloc(1, sizeof(*change));
    CHECK(change != NULL);
    change->origin = ORIGIN_APPLY;
    snprintf(change->version, sizeof(change->version), "odd@0123456789abcdef");
    CHECK_EQ(STATUS_OK, weights_history_add(place->log, &source, false, change));
    free(change);
}

static void last_good_version_serves_where_the_last_is_of_no_use(void)
{
    struct place place = new_place();
    (void)apply(&place, "version: a\n", ORIGIN_APPLY);
    add_unusable(&place);
    restart(&place);
    check_in_force(&place, "a@", ORIGIN_APPLY, 1);
    const char *text = "change 2 of the weights' history, odd@0123456789abcdef: 1 problem";
    CHECK(strstr(facts_of(&place).problem.text, text) != NULL);
    check_no_rollback(&place, "odd", STATUS_INVALID, "2:1: unheard_of: unknown key");
    check_no_rollback(&place, "", STATUS_NOT_FOUND, "no weights before a@");
    (void)apply(&place, "version: b\n", ORIGIN_APPLY);
    CHECK_STR("", facts_of(&place).problem.text);
    restart(&place);
    check_in_force(&place, "b@", ORIGIN_APPLY, 3);
    CHECK_STR("", facts_of(&place).problem.text);
    close_place(&place);
}

static void damaged_rows_are_passed_over(void)
{
    uint64_t key = 2;
    struct place place = new_place();
    (void)apply(&place, "version: a\n", ORIGIN_APPLY);
    (void)apply(&place, "version: b\n", ORIGIN_APPLY);
    close_place(&place);
    tamper(place.path, "weights", MDB_INTEGERKEY, (MDB_val){sizeof(key), &key},
           &(MDB_val){4, "none"});
    open_place(&place);
    check_in_force(&place, "a@", ORIGIN_APPLY, 1);
    CHECK(strstr(facts_of(&place).problem.text, "change 2 of the weights' history") != NULL);
    (void)apply(&place, "version: c\n", ORIGIN_APPLY);
    check_rollback(&place, "", "a@");
    close_place(&place);
}

static void text_of_any_version_is_read_back(void)
{
    struct problem problem = {""};
    struct weights_kept kept = {.bytes = NULL};
    struct weights_change *change = calloc(1, sizeof(*change));
    struct place place = new_place();
    CHECK_EQ(STATUS_OK, weights_life_find(place.life, "", change, &problem));
    CHECK_EQ(STATUS_OK, weights_life_load(place.life, change, &kept, &problem));
    CHECK(text_equal((struct text){default_weights, default_weights_size}, kept.source.yaml));
    weights_kept_release(&kept);
    (void)apply(&place, "version: a\n", ORIGIN_APPLY);
    (void)apply(&place, "version: b\n", ORIGIN_APPLY);
    CHECK_EQ(STATUS_OK, weights_life_find(place.life, "a", change, &problem));
    CHECK_EQ(1, change->number);
    CHECK_STR("note", change->note);
    CHECK_EQ(STATUS_OK, weights_life_load(place.life, change, &kept, &problem));
    CHECK(text_equal(text_of("version: a\n"), kept.source.yaml));
    weights_kept_release(&kept);
    CHECK_EQ(STATUS_OK, weights_life_find(place.life, "", change, &problem));
    CHECK_EQ(2, change->number);
    free(change);
    close_place(&place);
}

static void weights_for_this_process_alone_are_not_kept(void)
{
    static struct weights_problems problems;
    struct problem problem = {""};
    struct weights *weights = NULL;
    struct weights_change *change = calloc(1, sizeof(*change));
    struct place place = new_place();
    CHECK_EQ(STATUS_OK, weights_parse(text_of("version: mine\n"), &weights, &problems));
    weights_life_use(place.life, weights);
    check_in_force(&place, "mine@", ORIGIN_FILE, 0);
    CHECK_EQ(STATUS_NOT_FOUND, weights_life_find(place.life, "", change, &problem));
    CHECK_EQ(0, weights_history_last(place.log));
    CHECK(!apply(&place, "version: mine\n", ORIGIN_APPLY).unchanged); /* now they are */
    check_in_force(&place, "mine@", ORIGIN_APPLY, 1);
    free(change);
    close_place(&place);
}

static void full_store_refuses_and_the_old_weights_go_on(void)
{
    enum { SIZE = 512 << 10 };
    char *yaml = malloc(SIZE + 1);
    static struct weights_problems problems;
    struct weights_swap swap;
    struct problem problem = {""};
    struct place place = new_place();
    CHECK(yaml != NULL);
    enum status status = STATUS_OK;
    unsigned count = 0;
    for (; status == STATUS_OK; count++) {
        memset(yaml, '\n', SIZE);
        yaml[SIZE] = '\0';
        int size = snprintf(yaml, 32, "version: v%u", count);
        yaml[size] = '\n';
        struct weights_source source = {.yaml = text_of(yaml)};
        struct weights_arrival arrival = {
            .source = &source, .origin = ORIGIN_APPLY, .note = "", .now_ms = NOW_MS};
        CHECK_EQ(STATUS_OK, weights_source_parse(&source, &arrival.weights, &problems));
        status = weights_life_apply(place.life, &arrival, &swap, &problem);
        weights_unref(arrival.weights);
    }
    CHECK_EQ(STATUS_NO_SPACE, status);
    CHECK(strstr(problem.text, "the store is full") != NULL);
    CHECK(count > 2);
    CHECK_EQ(count - 1, weights_history_last(place.log));
    CHECK_EQ(count - 1, facts_of(&place).number);
    free(yaml);
    close_place(&place);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(built_in_weights_serve_where_nothing_else_was),
        TEST(built_in_weights_follow_the_program),
        TEST(applied_weights_stay_over_a_restart),
        TEST(applying_what_is_in_force_changes_nothing),
        TEST(rollback_goes_to_the_last_that_was_another),
        TEST(versions_are_found_by_name_and_hash),
        TEST(beginning_of_two_versions_picks_neither),
        TEST(last_good_version_serves_where_the_last_is_of_no_use),
        TEST(damaged_rows_are_passed_over),
        TEST(text_of_any_version_is_read_back),
        TEST(weights_for_this_process_alone_are_not_kept),
        TEST(full_store_refuses_and_the_old_weights_go_on),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
