#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/decision_order.h"
#include "replay/derive.h"
#include "replay/past_weights.h"
#include "store/journal.h"
#include "store/store.h"
#include "tests/replay/place.h"
#include "tests/store/opened.h"
#include "tests/test.h"

static const char yaml[] = "version: w\nvalue: {like: 12.5}\n";

/* What derive tells of. */
struct witness {
    const struct derive *derive;
    uint64_t first;
    uint64_t last;
    uint64_t signals;
    uint64_t refused; /* sequence that applied() fails at; 0: none */
};

static enum status see(void *context, uint64_t sequence, const struct record *record,
                       const struct event *event)
{
    struct witness *witness = context;
    CHECK(witness->last == 0 || sequence == witness->last + 1);
    CHECK(record->kind == event->kind);
    CHECK(witness->derive == NULL || derive_sequence(witness->derive) == sequence);
    witness->first = witness->first > 0 ? witness->first : sequence;
    witness->last = sequence;
    witness->signals += event->kind == EVENT_SIGNAL;
    return sequence == witness->refused ? STATUS_NO_SPACE : STATUS_OK;
}

static struct derive *open_derive(const struct place *place, struct witness *witness)
{
    struct problem problem = {""};
    struct derive *derive = NULL;
    struct derive_options options = {
        .data = place->path, .map_bytes = PLACE_MAP_BYTES, .applied = see, .context = witness};
    CHECK_EQ(STATUS_OK, derive_open(&options, &derive, &problem));
    witness->derive = derive;
    return derive;
}

static uint64_t digest_of(const struct derive *derive)
{
    struct state_digests digests;
    CHECK_EQ(STATUS_OK, state_digest(derive_state(derive), &digests));
    return digests.all;
}

/* Six videos and a like, then another like. */
static void the_state_stops_wherever_one_asks(void)
{
    struct problem problem;
    struct witness witness = {0};
    struct place *place = place_open(yaml);
    uint64_t early = opened_digests(place->store).all;
    place_like(place, "second", "v2");
    uint64_t late = opened_digests(place->store).all;
    place_close(place);
    struct derive *derive = open_derive(place, &witness);
    CHECK_EQ(0, derive_sequence(derive));
    CHECK_EQ(0, derive_base(derive));
    CHECK_EQ(8, derive_last(derive));
    CHECK_EQ(STATUS_OK, derive_advance(derive, 7, &problem));
    CHECK_EQ(7, derive_sequence(derive));
    CHECK_EQ(7, witness.last);
    CHECK_EQ(1, witness.signals);
    CHECK(digest_of(derive) == early);
    CHECK_EQ(STATUS_OK, derive_advance(derive, 7, &problem)); /* nothing to do */
    CHECK_EQ(STATUS_OK, derive_advance(derive, 8, &problem));
    CHECK(digest_of(derive) == late);
    CHECK_EQ(1, witness.first);
    CHECK_EQ(8, witness.last);
    CHECK_EQ(2, witness.signals);
    derive_close(derive);
    place_free(place);
}

static void what_applied_gives_ends_the_step(void)
{
    struct problem problem;
    struct witness witness = {.refused = 3};
    struct place *place = place_open(yaml);
    place_close(place);
    struct derive *derive = open_derive(place, &witness);
    CHECK_EQ(STATUS_NO_SPACE, derive_advance(derive, 7, &problem));
    CHECK_EQ(3, witness.last);
    derive_close(derive);
    place_free(place);
}

static void a_log_whose_beginning_is_gone_begins_at_its_base(void)
{
    struct problem problem;
    struct witness witness = {0};
    struct place *place = place_open(yaml);
    place_close(place); /* with a checkpoint of record 7 */
    place_trim(place, 7);
    struct derive *derive = open_derive(place, &witness);
    CHECK_EQ(7, derive_base(derive));
    CHECK_EQ(7, derive_sequence(derive));
    CHECK_EQ(7, derive_last(derive));
    CHECK_EQ(STATUS_OK, derive_advance(derive, 7, &problem));
    CHECK_EQ(0, witness.last);
    derive_close(derive);
    place_free(place);
}

static void a_directory_in_use_is_refused(void)
{
    struct problem problem = {""};
    struct derive *derive = NULL;
    struct place *place = place_open(yaml);
    struct derive_options options = {.data = place->path, .map_bytes = PLACE_MAP_BYTES};
    CHECK(derive_open(&options, &derive, &problem) != STATUS_OK);
    CHECK(derive == NULL);
    place_close(place);
    place_free(place);
}

/* From then on records are told of, not applied. */
static void a_state_given_away_is_the_caller_s(void)
{
    struct problem problem;
    struct witness witness = {0};
    struct place *place = place_open(yaml);
    uint64_t want = opened_digests(place->store).all;
    place_close(place);
    struct derive *derive = open_derive(place, &witness);
    CHECK_EQ(STATUS_OK, derive_advance(derive, 7, &problem));
    struct state *state = derive_take_state(derive);
    CHECK(derive_state(derive) == NULL);
    derive_close(derive);
    struct state_digests digests;
    CHECK_EQ(STATUS_OK, state_digest(state, &digests));
    CHECK(digests.all == want);
    state_free(state);

    witness = (struct witness){0};
    derive = open_derive(place, &witness);
    state = derive_take_state(derive);
    CHECK_EQ(STATUS_OK, derive_advance(derive, 7, &problem));
    CHECK_EQ(7, witness.last);
    CHECK_EQ(1, witness.signals);
    CHECK_EQ(7, derive_sequence(derive));
    CHECK_EQ(0, state_sequence(state));
    derive_close(derive);
    state_free(state);
    place_free(place);
}

/* Payloads say how they should come. */
static void decisions_come_by_state_then_as_written(void)
{
    static const struct {
        uint64_t sequence;
        const char *payload;
    } written[] = {{9, "5"}, {3, "1"}, {3, "2"}, {7, "3"}, {9, "6"}, {7, "4"}, {3, ""}};
    enum { COUNT = sizeof(written) / sizeof(written[0]) };
    static const char *want[COUNT] = {"1", "2", "", "3", "4", "5", "6"};
    struct problem problem;
    struct decision_order *order = NULL;
    struct decision_record record;
    struct place *place = place_open(yaml);
    for (size_t i = 0; i < COUNT; i++) {
        place_write(place, text_of(written[i].payload), written[i].sequence);
    }
    place_close(place);
    CHECK_EQ(STATUS_OK, decision_order_new(place->path, &order, &problem));
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_EQ(STATUS_OK, decision_order_next(order, &record, &problem));
        CHECK_EQ(strlen(want[i]), record.payload_size);
        CHECK(memcmp(want[i], record.payload, record.payload_size) == 0);
        CHECK_EQ(1, record.user_key);
        CHECK_EQ(PLACE_NOW_MS, record.time_ms);
    }
    CHECK_EQ(STATUS_NOT_FOUND, decision_order_next(order, &record, &problem));
    CHECK_EQ(STATUS_NOT_FOUND, decision_order_next(order, &record, &problem));
    CHECK_EQ(0, decision_order_skipped(order));
    decision_order_free(order);
    place_free(place);
}

/* 80 decisions of the largest size are more than are held back: the last one written comes first
 * only among those that are. */
static void what_waits_is_bounded(void)
{
    enum { COUNT = 80, AHEAD = 64 };
    struct problem problem;
    struct decision_order *order = NULL;
    struct decision_record record;
    struct place *place = place_open(yaml);
    char *payload = calloc(1, DECISION_PAYLOAD_MAX);
    CHECK(payload != NULL);
    for (uint64_t i = 0; i < COUNT; i++) {
        place_write(place, (struct text){payload, DECISION_PAYLOAD_MAX}, COUNT - i);
        journal_flush(place->journal);
    }
    place_close(place);
    CHECK_EQ(STATUS_OK, decision_order_new(place->path, &order, &problem));
    CHECK_EQ(STATUS_OK, decision_order_next(order, &record, &problem));
    CHECK_EQ(COUNT - AHEAD, record.state_sequence);
    for (unsigned i = 1; i < COUNT; i++) {
        CHECK_EQ(STATUS_OK, decision_order_next(order, &record, &problem));
    }
    CHECK_EQ(STATUS_NOT_FOUND, decision_order_next(order, &record, &problem));
    decision_order_free(order);
    free(payload);
    place_free(place);
}

static void without_a_journal_there_are_no_decisions(void)
{
    struct problem problem;
    struct decision_order *order = NULL;
    struct decision_record record;
    char path[TEST_PATH_SIZE];
    test_directory(path);
    CHECK_EQ(STATUS_OK, decision_order_new(path, &order, &problem));
    CHECK_EQ(STATUS_NOT_FOUND, decision_order_next(order, &record, &problem));
    decision_order_free(order);
}

/* place_keep_weights() names every change alike, so the last one counts. */
static void the_last_weights_of_a_name_are_found(void)
{
    struct past_weights *past = NULL;
    struct weights *weights = NULL;
    struct weights *again = NULL;
    struct place *place = place_open(yaml);
    place_keep_weights(place, "version: first\nvalue: {like: 1}\n");
    place_keep_weights(place, "version: last\nvalue: {like: 2}\n");
    const char *name = weights_version(place->weights);
    CHECK_EQ(STATUS_OK, past_weights_new(store_log(place->store), &past));
    CHECK_EQ(STATUS_OK, past_weights_find(past, name, &weights));
    CHECK(weights != NULL);
    CHECK(strncmp("last@", weights_version(weights), 5) == 0);
    for (unsigned i = 0; i < 200; i++) { /* of which 64 are kept in mind, as missing */
        char missing[32];
        snprintf(missing, sizeof(missing), "none@%u", i);
        CHECK_EQ(STATUS_OK, past_weights_find(past, missing, &again));
        CHECK(again == NULL);
    }
    CHECK_EQ(STATUS_OK, past_weights_find(past, name, &again));
    CHECK(again != NULL);
    past_weights_free(past);
    place_close(place);
    place_free(place);
}

static void weights_that_do_not_parse_are_none(void)
{
    struct past_weights *past = NULL;
    struct weights *weights = NULL;
    struct place *place = place_open(yaml);
    place_keep_weights(place, "version: w\nvalue: {no_such_head: 1}\n");
    CHECK_EQ(STATUS_OK, past_weights_new(store_log(place->store), &past));
    CHECK_EQ(STATUS_OK, past_weights_find(past, weights_version(place->weights), &weights));
    CHECK(weights == NULL);
    past_weights_free(past);
    place_close(place);
    place_free(place);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        TEST(the_state_stops_wherever_one_asks),
        TEST(what_applied_gives_ends_the_step),
        TEST(a_state_given_away_is_the_caller_s),
        TEST(a_log_whose_beginning_is_gone_begins_at_its_base),
        TEST(a_directory_in_use_is_refused),
        TEST(decisions_come_by_state_then_as_written),
        TEST(what_waits_is_bounded),
        TEST(without_a_journal_there_are_no_decisions),
        TEST(the_last_weights_of_a_name_are_found),
        TEST(weights_that_do_not_parse_are_none),
    };
    return test_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
